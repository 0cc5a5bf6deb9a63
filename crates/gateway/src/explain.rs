//! Where the requests of a feature would go, and why, without a gateway that runs.

use std::time::Duration;

use rand::{SeedableRng as _, rngs::SmallRng};
use serde::Serialize;
use tieline_config::Config;
use tieline_policy::{Asked, Cell, Matrix, Reason, Ruling, Verdict};
use tieline_route::{Ask, Demand, Live, decide};
use tieline_types::{Eligible, Facts, PlannedStep, Rates, UsdPico, WeighedCandidate};

use crate::{GatewayError, decision, eligibility, plan, prices::Prices};

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
    /// The tokens of its prompt.
    pub input_tokens: u64,
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
    /// The candidates of its tiers that policy leaves in, as a request of that size finds them.
    pub candidates: Vec<WeighedCandidate>,
    /// What would be tried, in order, with everything well.
    pub plan: Vec<PlannedStep>,
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
    /// What its tokens cost; none where nobody knows.
    pub price: Option<Price>,
    /// What is known of it.
    pub facts: Facts,
}

/// What tokens of text cost in short calls, US dollars a million.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Price {
    /// Those of prompts.
    pub input: Option<UsdPico>,
    /// Those of answers.
    pub output: Option<UsdPico>,
}

impl Price {
    fn of(rates: &Rates) -> Self {
        Self { input: rates.usual.input, output: rates.usual.output }
    }
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
    let explained =
        cells.iter().filter_map(|cell| explained(&matrix, &prices, cell, question.at_ms));
    let (candidates, plan) = decided(config, question, &eligible, &prices);
    Ok(Some(Explanation {
        feature: question.feature.to_owned(),
        data_class: written.rules.class.map(|class| class.as_str()),
        residency: written.rules.residency.iter().cloned().collect(),
        deployments: explained.collect(),
        candidates,
        plan,
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

fn explained(matrix: &Matrix, prices: &Prices, cell: &Cell, at_ms: u64) -> Option<Explained> {
    let known = matrix.deployment(cell.deployment, at_ms)?;
    Some(Explained {
        deployment: known.id.to_string(),
        verdict: cell.verdict.as_str(),
        reasons: cell.reasons.clone(),
        price: prices.of(cell.deployment).map(|rates| Price::of(&rates)),
        facts: known.facts.clone(),
    })
}

/// The decision of a gateway that has just started.
fn decided(
    config: &Config,
    question: Question<'_>,
    eligible: &Eligible,
    prices: &Prices,
) -> (Vec<WeighedCandidate>, Vec<PlannedStep>) {
    let plan = plan::compile(config, prices);
    let Some(feature) = plan.features.get(question.feature) else {
        return (Vec::new(), Vec::new());
    };
    let (live, mut rng) = (Live::new(&plan), SmallRng::seed_from_u64(0));
    let ask = Ask {
        demand: Demand { input: question.input_tokens, output: 0 },
        budgeted: !plan.paying(feature, question.caller).is_empty(),
        ..Ask::default()
    };
    let mut decision = decide(feature, eligible, &live, Duration::ZERO, ask, &mut rng);
    // Why policy leaves the others out is told of the deployments.
    decision.considered.retain(|one| one.verdict != tieline_route::Verdict::Denied);
    let candidates =
        decision::candidates(&plan.deployments, feature, &Ruling::default(), &decision);
    (candidates, decision::planned(&plan.deployments, feature, &decision))
}
