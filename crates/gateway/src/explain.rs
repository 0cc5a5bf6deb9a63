//! Where the requests of a feature would go, and why, without a gateway that runs.

use std::time::Duration;

use rand::{SeedableRng as _, rngs::SmallRng};
use serde::Serialize;
use tieline_config::Config;
use tieline_policy::{Asked, Cell, Matrix, Reason, Verdict};
use tieline_route::{Ask, Feature, Live, Step, decide};
use tieline_types::{Eligible, Facts};

use crate::{GatewayError, eligibility, plan, prices::Prices};

/// What to explain.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    /// The feature.
    pub feature: &'a str,
    /// Who calls.
    pub caller: &'a str,
    /// What the client says of the request, `key=value` each.
    pub tags: &'a [String],
    /// Providers that are taken for lost.
    pub without: &'a [String],
    /// When, milliseconds since the Unix epoch.
    pub at_ms: u64,
}

/// Every deployment of a feature, in or out, and what would be tried in which order.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Explanation {
    /// The feature.
    pub feature: String,
    /// How sensitive its data is.
    pub data_class: Option<&'static str>,
    /// Where it may be processed; empty for anywhere.
    pub residency: Vec<String>,
    /// Its deployments, best first.
    pub deployments: Vec<Explained>,
    /// What would be tried, in order, with everything well.
    pub plan: Vec<Planned>,
}

/// A deployment of a feature.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Explained {
    /// `model@provider`.
    pub deployment: String,
    /// `in` or `out`.
    pub verdict: &'static str,
    /// Why.
    pub reasons: Vec<Reason>,
    /// What is known of it.
    pub facts: Facts,
}

/// A step of the plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Planned {
    /// The tier.
    pub tier: String,
    /// `call`, `cache`, `queue`, `reply` or `off`.
    pub does: &'static str,
    /// The deployment that is called.
    pub deployment: Option<String>,
}

/// Explains where requests of a feature go under a configuration; none where it has no such
/// feature.
///
/// # Errors
/// Every mistake in the policies, and in the user's own prices.
pub fn explain(
    config: &Config,
    question: Question<'_>,
) -> Result<Option<Explanation>, GatewayError> {
    let Some(written) = config.feature(question.feature) else {
        return Ok(None);
    };
    let matrix = eligibility::matrix(config, question.at_ms)?;
    let prices = Prices::at(config, question.at_ms)?;
    let asked = Asked { caller: question.caller, tags: question.tags };
    let mut cells = matrix.cells(question.feature, Some(asked), question.at_ms);
    for cell in &mut cells {
        lose(&matrix, cell, question.without);
    }
    let open = cells.iter().filter(|cell| cell.verdict == Verdict::In);
    let eligible: Eligible = open.map(|cell| cell.deployment).collect();
    let deployments = cells.iter().filter_map(|cell| explained(&matrix, cell, question.at_ms));
    Ok(Some(Explanation {
        feature: question.feature.to_owned(),
        data_class: written.rules.class.map(|class| class.as_str()),
        residency: written.rules.residency.iter().cloned().collect(),
        deployments: deployments.collect(),
        plan: planned(config, question.feature, &eligible, &prices),
    }))
}

/// Closes a cell whose provider is taken for lost.
fn lose(matrix: &Matrix, cell: &mut Cell, without: &[String]) {
    let known = matrix.world().deployments.get(cell.deployment);
    let lost = known.filter(|one| without.iter().any(|name| *name == *one.provider));
    if let Some(lost) = lost {
        cell.verdict = Verdict::Out;
        let rule = format!("without provider={}", lost.provider).into();
        cell.reasons = vec![Reason { rule, words: "taken for lost, as asked".to_owned() }];
    }
}

fn explained(matrix: &Matrix, cell: &Cell, at_ms: u64) -> Option<Explained> {
    let known = matrix.deployment(cell.deployment, at_ms)?;
    Some(Explained {
        deployment: known.id.to_string(),
        verdict: cell.verdict.as_str(),
        reasons: cell.reasons.clone(),
        facts: known.facts.clone(),
    })
}

/// The decision of a gateway that has just started.
fn planned(config: &Config, feature: &str, eligible: &Eligible, prices: &Prices) -> Vec<Planned> {
    let plan = plan::compile(config, prices);
    let Some(feature) = plan.features.get(feature) else {
        return Vec::new();
    };
    let (live, mut rng) = (Live::new(&plan), SmallRng::seed_from_u64(0));
    let decision = decide(feature, eligible, &live, Duration::ZERO, Ask::default(), &mut rng);
    let id = |at: &usize| plan.deployments.get(*at).map(|one| one.id.to_string());
    let step = |step: &Step| match step {
        Step::Call { tier, deployment } => planned_step(feature, *tier, "call", id(deployment)),
        Step::Cache { tier } => planned_step(feature, *tier, "cache", None),
        Step::Queue { tier } => planned_step(feature, *tier, "queue", None),
        Step::Reply { tier } => planned_step(feature, *tier, "reply", None),
        Step::Off { tier } => planned_step(feature, *tier, "off", None),
    };
    decision.steps.iter().map(step).collect()
}

fn planned_step(
    feature: &Feature,
    tier: usize,
    does: &'static str,
    deployment: Option<String>,
) -> Planned {
    let tier = feature.tiers.get(tier).map(|tier| tier.name.to_string()).unwrap_or_default();
    Planned { tier, does, deployment }
}
