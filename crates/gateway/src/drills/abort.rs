//! What ends a drill before its time.

use std::{sync::Arc, time::Duration};

use super::{
    AbortConditions, BurnAbove,
    drill::{Began, Drill, DrillEnd},
};
use crate::{
    gateway::Gateway,
    plan::ActivePlan,
    slos::{MINUTE_MS, Tracked},
};

/// Why a drill must not go on, or begin.
pub(super) type Reason = (DrillEnd, String);

/// The objectives that a condition is about.
fn objectives<'p>(plan: &'p ActivePlan, one: &BurnAbove) -> Vec<&'p Arc<Tracked>> {
    let is_meant = |slo: &&Arc<Tracked>| {
        *slo.key.name == *one.slo && one.feature.as_ref().is_none_or(|of| **of == *slo.key.feature)
    };
    plan.slos.all().into_iter().filter(is_meant).collect()
}

/// What is wrong with the objectives that conditions name; none where nothing is.
pub(super) fn wrong(plan: &ActivePlan, abort: &AbortConditions) -> Option<String> {
    abort.burn.iter().find_map(|one| {
        let (all, window) = (objectives(plan, one), Duration::from_secs(one.window_s));
        if all.is_empty() {
            return Some(format!("`abort.burn` names `{}`, which is no objective", one.slo));
        }
        let short = all.iter().find(|slo| window > slo.remembers())?;
        let days = short.remembers().as_secs() / 86_400;
        Some(format!("`abort.burn` of `{}` looks back further than {days} days", one.slo))
    })
}

/// What of the conditions is so; none where nothing is.
pub(super) fn met(
    gateway: &Gateway,
    plan: &ActivePlan,
    abort: &AbortConditions,
    concerns: impl Fn(&str) -> bool,
) -> Option<Reason> {
    let minute = gateway.unix_ms() / MINUTE_MS;
    for one in &abort.burn {
        for slo in objectives(plan, one) {
            let rate = slo.burn_rate(minute, Duration::from_secs(one.window_s));
            if let Some(rate) = rate.filter(|rate| *rate > one.above) {
                let (name, feature, above) = (&slo.key.name, &slo.key.feature, one.above);
                let told = format!("`{name}` of `{feature}` burns at {rate:.1}, above {above}");
                return Some((DrillEnd::Burn, told));
            }
        }
    }
    let share = abort.budget_remaining?;
    plan.slos.all().into_iter().filter(|slo| concerns(&slo.key.feature)).find_map(|slo| {
        let left = slo.budget_left(minute).filter(|left| *left < share)?;
        let (name, feature) = (&slo.key.name, &slo.key.feature);
        let percent = |share: f64| share * 100.0;
        let told = format!(
            "{:.1} % of the error budget of `{name}` of `{feature}` is left, below {:.1} %",
            percent(left),
            percent(share)
        );
        Some((DrillEnd::BudgetRemaining, told))
    })
}

impl Drill {
    /// Why it must not go on; none where it may.
    pub(super) fn must_end(&self, gateway: &Gateway) -> Option<Reason> {
        let Some(Began { asked, allowed, .. }) = &self.asked else {
            return None;
        };
        let plan = gateway.plan();
        if plan.config.drills.as_ref() != Some(allowed) {
            let told = "the configuration that allowed it is no longer in force".to_owned();
            return Some((DrillEnd::Configuration, told));
        }
        if gateway.now() >= self.until() {
            return Some((DrillEnd::Ttl, "its time was over".to_owned()));
        }
        let concerned = |feature: &str| self.concerns_named(feature, &plan);
        met(gateway, &plan, &asked.abort, concerned)
    }

    /// Whether any of its faults could strike a request of the feature of this name.
    pub(super) fn concerns_named(&self, feature: &str, plan: &ActivePlan) -> bool {
        plan.plan.features.get(feature).is_some_and(|feature| self.concerns(feature, plan))
    }
}
