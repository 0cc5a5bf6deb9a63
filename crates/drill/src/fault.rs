//! Faults brought about: rules for simulated providers, broken lines, cut quotas, accidents.

use std::{collections::BTreeSet, sync::Arc};

use serde_json::json;
use tieline_config::Deployment;
use tieline_gateway::contingency::Node;
use tieline_sim::{Fault, Quota, Rule, Sim};
use tieline_upstream::LineFault;
use tokio::time::sleep_until;

use crate::{
    DrillError,
    book::Book,
    run::House,
    scenario::{Allowance, Injected, Scenario, Select, Trouble},
    stage::{Actor, Stage},
};

/// What a drill's faults strike.
pub(crate) struct Struck<'a> {
    pub(crate) stage: &'a Stage,
    pub(crate) scenario: &'a Scenario,
    pub(crate) nodes: &'a [Node],
}

/// What happens at a time of its own, beside what providers are told beforehand.
#[derive(Clone, Debug)]
pub(crate) struct Action {
    fault: Injected,
    deed: Deed,
}

#[derive(Clone, Debug)]
enum Deed {
    /// The fault is only told: providers know it already.
    None,
    Lines(Vec<(String, LineFault)>),
    Restart,
    BadConfiguration,
}

impl Struck<'_> {
    /// The deployments that are selected.
    ///
    /// # Errors
    /// None is.
    pub(crate) fn of(&self, select: &Select) -> Result<BTreeSet<usize>, DrillError> {
        select.of(self.nodes).map_err(|names| DrillError::Nothing {
            drill: self.scenario.name.clone(),
            what: select.to_string(),
            known: names.into_iter().collect::<Vec<_>>().join(", "),
        })
    }

    /// Tells simulated providers what is to come; gives what is left to be done on time.
    ///
    /// # Errors
    /// A fault strikes nobody.
    pub(crate) fn prepare(&self, sim: &Sim) -> Result<Vec<Action>, DrillError> {
        self.give(sim)?;
        let mut actions = Vec::new();
        for fault in &self.scenario.faults {
            let deed = match &fault.trouble {
                Trouble::Restart => Deed::Restart,
                Trouble::BadConfiguration => Deed::BadConfiguration,
                _ => self.strike(fault, sim)?,
            };
            actions.push(Action { fault: fault.clone(), deed });
        }
        Ok(actions)
    }

    /// Gives accounts the quotas that the configuration says they have, cut where a fault does.
    fn give(&self, sim: &Sim) -> Result<(), DrillError> {
        let mut cuts = Vec::new();
        for fault in &self.scenario.faults {
            if let Trouble::QuotaCut(factor) = fault.trouble {
                cuts.push((fault, factor, self.of(&fault.select)?));
            }
        }
        for (at, one) in self.stage.config.deployments().enumerate() {
            let cut = cuts.iter().find(|(.., selected)| selected.contains(&at));
            let times = match cut {
                None => vec![(None, None, 1.0)],
                Some((fault, factor, _)) => vec![
                    (None, Some(fault.begin), 1.0),
                    (Some(fault.begin), Some(fault.end), *factor),
                    (Some(fault.end), None, 1.0),
                ],
            };
            for (from, until, factor) in times {
                if let Some(quota) = given(one, factor) {
                    sim.quotas().add(Quota { from, until, ..quota });
                }
            }
        }
        Ok(())
    }

    fn strike(&self, fault: &Injected, sim: &Sim) -> Result<Deed, DrillError> {
        let selected = self.of(&fault.select)?;
        let mut lines = Vec::new();
        for (actor, model) in self.stage.struck(self.nodes, &selected) {
            let rule = |what: Fault| Rule {
                model: model.clone(),
                from: Some(fault.begin),
                until: Some(fault.end),
                share: (fault.share < 1.0).then_some(fault.share),
                sticky: fault.sticky,
                prompt_above: fault.prompt_above,
                load_above: fault.load_above,
                ..Rule::new(actor.name.clone(), what)
            };
            match &fault.trouble {
                Trouble::Answer(what) => sim.script().add(rule(what.clone())),
                Trouble::Line(line) if model.is_none() && fault.share >= 1.0 => {
                    lines.push((actor.authority.clone(), *line));
                }
                // Others go by the same line, so these alone are left without an answer.
                Trouble::Line(LineFault::BlackHole) => sim.script().add(rule(Fault::Hang)),
                Trouble::Line(_) => sim.script().add(rule(Fault::Refuse)),
                Trouble::Quota(allowance) => {
                    sim.quotas().add(quota(actor, model, fault, *allowance))
                }
                // It is given with the quotas of the configuration.
                Trouble::QuotaCut(_) => {}
                Trouble::Restart | Trouble::BadConfiguration => {}
            }
        }
        Ok(if lines.is_empty() { Deed::None } else { Deed::Lines(lines) })
    }
}

fn quota(actor: &Actor, model: Option<String>, fault: &Injected, allowance: Allowance) -> Quota {
    Quota {
        model,
        from: Some(fault.begin),
        until: Some(fault.end),
        requests_per_minute: allowance.requests,
        tokens_per_minute: allowance.tokens,
        input_tokens_per_minute: allowance.input,
        output_tokens_per_minute: allowance.output,
        ramp: allowance.ramp,
        ..Quota::new(actor.name.clone())
    }
}

/// What a deployment's provider gives by the configuration, or a part of it.
fn given(one: &Deployment, factor: f64) -> Option<Quota> {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "quotas are small, and no part of one is negative"
    )]
    let part = |limit: u64| (limit as f64 * factor).min(f64::from(u32::MAX)) as u32;
    let limits = &one.limits;
    let quota = Quota {
        model: Some(one.name.clone()),
        requests_per_minute: limits.requests_per_minute.map(part),
        tokens_per_minute: limits.tokens_per_minute.map(part),
        input_tokens_per_minute: limits.input_tokens_per_minute.map(part),
        output_tokens_per_minute: limits.output_tokens_per_minute.map(part),
        ..Quota::new(one.provider.clone())
    };
    let without = Quota { model: quota.model.clone(), ..Quota::new(one.provider.clone()) };
    (quota != without).then_some(quota)
}

impl Action {
    /// Does it on its time, and takes it back when it is over.
    pub(crate) async fn run(self, house: Arc<House>, book: Arc<Book>) {
        let Self { fault, deed } = self;
        let said = json!({
            "fault": fault.told, "select": fault.select.to_string(), "share": fault.share,
        });
        sleep_until(book.at(fault.begin)).await;
        book.tell("fault_begins", &said);
        match &deed {
            Deed::None => {}
            Deed::Lines(lines) => {
                lines.iter().for_each(|(host, line)| house.network.strike(host, Some(*line)));
            }
            Deed::Restart => house.restart(&book),
            Deed::BadConfiguration => house.push_bad_configuration(&book),
        }
        sleep_until(book.at(fault.end)).await;
        if let Deed::Lines(lines) = &deed {
            lines.iter().for_each(|(host, _)| house.network.strike(host, None));
        }
        book.tell("fault_ends", &said);
    }
}
