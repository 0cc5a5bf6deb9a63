//! Eval gates that should be run: because a deployment ends, or no longer answers as it did.

use serde::Serialize;
use tieline_config::{Config, Feature, Tier, TierMode};

use crate::{
    gateway::Gateway,
    shutdown::{Shutdown, stated},
};

/// What stands in a command for what nobody can tell yet.
const SUITE: &str = "SUITE";
const CANDIDATE: &str = "CANDIDATE";
const INCUMBENT: &str = "INCUMBENT";

/// A gate of one feature.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DueGate {
    /// The feature.
    pub feature: String,
    /// The first of its tiers that lists the deployment.
    pub tier: String,
    /// The deployment.
    pub deployment: String,
    /// `shutdown` or `drift`.
    pub reason: &'static str,
    /// When it ends, where that is the reason.
    pub shutdown: Option<Shutdown>,
    /// What has drifted, where that is the reason.
    pub drift: Option<String>,
    /// Whether it should be run by now: within 60 days of the end, or at once.
    pub due: bool,
    /// How to run it.
    pub command: String,
}

/// What is known of a deployment that gates hang on.
#[derive(Clone, Debug, Default)]
struct Fate {
    shutdown: Option<Shutdown>,
    drift: Option<String>,
}

impl Fate {
    /// How good a stand-in it is: the less the better.
    fn doubts(&self) -> (bool, i64) {
        let days_left = self.shutdown.as_ref().map_or(i64::MAX, |one| one.days_left);
        (self.drift.is_some(), -days_left)
    }
}

impl Gateway {
    /// The gates to run, the most urgent first.
    pub fn gates(&self) -> Vec<DueGate> {
        let plan = self.plan();
        let fate =
            |id: &str| Fate { shutdown: self.shutdown(&plan, id), drift: self.sentinels.drift(id) };
        gates(&plan.config, fate)
    }
}

/// The gates to run by what a configuration states alone, at a time in milliseconds since the Unix
/// epoch; the most urgent first.
#[must_use]
pub fn stated_gates(config: &Config, now_ms: u64) -> Vec<DueGate> {
    gates(config, |id| {
        let one = config.deployment(id);
        Fate { shutdown: one.and_then(|one| stated(config, one, now_ms)), drift: None }
    })
}

fn gates(config: &Config, fate: impl Fn(&str) -> Fate) -> Vec<DueGate> {
    let written = |id: &str| {
        let mut features = config.features.iter().filter(|feature| !feature.implicit);
        features.any(|feature| listed(feature).any(|(_, listed)| listed == id))
    };
    let mut gates = Vec::new();
    for feature in &config.features {
        let mut seen = Vec::new();
        for (tier, id) in listed(feature) {
            // A model that some feature has needs no gate of its own.
            if seen.contains(&id) || feature.implicit && written(id) {
                continue;
            }
            seen.push(id);
            let other = || {
                let others = listed(feature).map(|(_, other)| other).filter(|other| *other != id);
                others.map(|other| (fate(other).doubts(), other)).min_by_key(|(doubts, _)| *doubts)
            };
            gates.extend(of(feature, tier, id, fate(id), other));
        }
    }
    gates.sort_by_key(|gate| {
        let days_left = gate.shutdown.as_ref().map_or(i64::MIN, |one| one.days_left);
        (days_left, gate.feature.clone(), gate.deployment.clone())
    });
    gates
}

/// The gates of one deployment of a feature; `other` is the best of the feature's others.
fn of<'c>(
    feature: &Feature,
    tier: &Tier,
    id: &str,
    fate: Fate,
    other: impl Fn() -> Option<((bool, i64), &'c str)>,
) -> Vec<DueGate> {
    let gate = |reason, command| DueGate {
        feature: feature.name.clone(),
        tier: tier.name.clone(),
        deployment: id.to_owned(),
        reason,
        shutdown: None,
        drift: None,
        due: true,
        command,
    };
    let command = |candidate: &str, incumbent: &str| {
        let suite = tier.evals.as_ref().map(|evals| evals.suite.display().to_string());
        let suite = suite.as_deref().unwrap_or(SUITE);
        format!("tieline eval run {suite} --candidate {candidate} --incumbent {incumbent}")
    };
    let mut gates = Vec::new();
    if let Some(shutdown) = &fate.shutdown {
        // What drifts or ends no later is no replacement.
        let lasts =
            |((drifts, ends), _): &((bool, i64), &str)| !drifts && -ends > shutdown.days_left;
        let candidate = other().filter(lasts).map_or(CANDIDATE, |(_, id)| id);
        let due = shutdown.is_due();
        let shutdown = Some(shutdown.clone());
        gates.push(DueGate { shutdown, due, ..gate("shutdown", command(candidate, id)) });
    }
    if fate.drift.is_some() {
        let incumbent = other().filter(|((drifts, _), _)| !drifts).map_or(INCUMBENT, |(_, id)| id);
        gates.push(DueGate { drift: fate.drift, ..gate("drift", command(id, incumbent)) });
    }
    gates
}

/// The deployments of a feature's tiers, best first.
fn listed(feature: &Feature) -> impl Iterator<Item = (&Tier, &str)> {
    feature.tiers.iter().flat_map(|tier| {
        let candidates = match &tier.mode {
            TierMode::Models { candidates, .. } => candidates.as_slice(),
            _ => &[],
        };
        candidates.iter().map(move |one| (tier, one.deployment.as_str()))
    })
}
