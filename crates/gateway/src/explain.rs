//! Where the requests of a feature would go, and why, without a gateway that runs.

use serde::Serialize;
use tieline_config::Config;
use tieline_policy::{Cell, Matrix, Reason, Ruling, Verdict};
use tieline_route::{Mode, Role};
use tieline_types::{Eligible, Facts, PlannedStep, Rates, UsdPico, WeighedCandidate};

use crate::{
    GatewayError,
    decider::{Decider, Question},
    decision,
    slos::{BurnStatus, burn_status},
    standing::{CandidateStanding, Evidence},
};

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
    /// What evals and releases say of its candidates, where they say anything.
    pub standings: Vec<CandidateStanding>,
    /// The candidates of its tiers that policy leaves in, as a request of that size finds them.
    pub candidates: Vec<WeighedCandidate>,
    /// What it does while objectives burn, and whether that is supposed here.
    pub on_burn: Vec<BurnStatus>,
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

/// Explains where a request of a feature goes under a configuration and what is known of suites and
/// releases, with the providers `without` taken for lost; none where it has no such feature.
///
/// # Errors
/// Every mistake in the policies, in the user's own prices and in keys of attestations.
pub fn explain(
    config: &Config,
    evidence: Evidence,
    question: Question<'_>,
    without: &[String],
) -> Result<Option<Explanation>, GatewayError> {
    let Some(written) = config.feature(question.feature) else {
        return Ok(None);
    };
    let on_burn = burn_status(written, &evidence.burning).collect();
    let decider = Decider::new(config, evidence, question.at_ms)?;
    let asked = Some(question.asked());
    let mut cells = decider.matrix.cells(question.feature, asked, question.at_ms);
    for cell in &mut cells {
        lose(&decider.matrix, cell, without);
    }
    let deployments =
        cells.iter().filter_map(|cell| explained(&decider, question.feature, cell, question.at_ms));
    let (candidates, plan) = decided(&decider, question, &cells);
    let standings = decider.standings.iter().filter(|one| one.feature == question.feature);
    Ok(Some(Explanation {
        feature: question.feature.to_owned(),
        data_class: written.rules.class.map(|class| class.as_str()),
        residency: written.rules.residency.iter().cloned().collect(),
        deployments: deployments.collect(),
        standings: standings.cloned().collect(),
        candidates,
        on_burn,
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

fn explained(decider: &Decider, feature: &str, cell: &Cell, at_ms: u64) -> Option<Explained> {
    let known = decider.matrix.deployment(cell.deployment, at_ms)?;
    let rates = decider.plan.deployments.get(cell.deployment)?.rates.as_deref();
    let barred = (cell.verdict != Verdict::Out).then(|| barred(decider, feature, &known.id));
    let (verdict, reasons) = match barred.flatten() {
        Some(reason) => (Verdict::Out, vec![reason]),
        None => (cell.verdict, cell.reasons.clone()),
    };
    Some(Explained {
        deployment: known.id.to_string(),
        verdict: verdict.as_str(),
        reasons,
        price: rates.map(Price::of),
        facts: known.facts.clone(),
    })
}

/// Why a deployment answers in none of a feature's tiers for its evals or its release; none where
/// it answers in one of them.
fn barred(decider: &Decider, feature: &str, deployment: &str) -> Option<Reason> {
    let written = decider.plan.features.get(feature)?;
    let at = decider.plan.deployments.iter().position(|one| *one.id == *deployment)?;
    let candidates = written.tiers.iter().flat_map(|tier| match &tier.mode {
        Mode::Models { candidates, .. } => candidates.as_slice(),
        _ => &[],
    });
    let mut roles = candidates.filter(|one| one.deployment == at).map(|one| one.role);
    if !roles.all(|role| matches!(role, Role::Barred(_))) {
        return None;
    }
    let mut standings = decider.standings.iter();
    let standing = standings.find(|one| one.feature == feature && one.deployment == deployment)?;
    let (rule, words) = standing.bar()?;
    Some(Reason { rule: rule.into(), words })
}

/// What is weighed and tried of the deployments that are left.
fn decided(
    decider: &Decider,
    question: Question<'_>,
    cells: &[Cell],
) -> (Vec<WeighedCandidate>, Vec<PlannedStep>) {
    let Some(feature) = decider.plan.features.get(question.feature) else {
        return (Vec::new(), Vec::new());
    };
    let open = cells.iter().filter(|cell| cell.verdict == Verdict::In);
    let eligible: Eligible = open.map(|cell| cell.deployment).collect();
    let mut decision = decider.among(feature, &eligible, question);
    // Why policy leaves the others out is told of the deployments.
    decision.considered.retain(|one| one.verdict != tieline_route::Verdict::Denied);
    let deployments = &decider.plan.deployments;
    let candidates = decision::candidates(deployments, feature, &Ruling::default(), &decision);
    (candidates, decision::planned(deployments, feature, &decision))
}
