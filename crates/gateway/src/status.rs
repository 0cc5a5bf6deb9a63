//! What the gateway shows of itself: features, tiers, deployments and their health.

use serde::Serialize;
use tieline_route::{Mode, State};
use tieline_types::Class;

use crate::gateway::Gateway;

/// The state of a gateway at one moment.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Status {
    /// Every feature, implicit ones included.
    pub features: Vec<FeatureStatus>,
    /// Every deployment.
    pub deployments: Vec<DeploymentStatus>,
    /// Records waiting for the database.
    pub records_queued: u64,
    /// Records appended to spill files since the start.
    pub records_spilled: u64,
    /// Whether the gateway is about to stop.
    pub draining: bool,
}

/// A feature and its ladder.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FeatureStatus {
    /// Its name.
    pub name: String,
    /// Whether a plain model name stands for it.
    pub implicit: bool,
    /// Its tiers, best first.
    pub tiers: Vec<TierStatus>,
}

/// A tier of a feature.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TierStatus {
    /// Its name.
    pub name: String,
    /// `models`, `cache`, `reply` or `off`.
    pub mode: &'static str,
    /// Its deployments, in configured order.
    pub deployments: Vec<String>,
}

/// A deployment and its health.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DeploymentStatus {
    /// `model@provider`.
    pub id: String,
    /// `closed`, `open` or `half-open`.
    pub state: &'static str,
    /// Seconds until it may be tried again, when open.
    pub opens_in_s: Option<f64>,
    /// Upstream calls that answered well.
    pub good: u64,
    /// Upstream calls that failed, whoever's fault it was.
    pub failed: u64,
}

impl Gateway {
    /// The state now.
    pub fn status(&self) -> Status {
        let plan = self.plan();
        let now = self.now();
        let ids = |candidates: &[tieline_route::Candidate]| {
            candidates
                .iter()
                .filter_map(|one| plan.plan.deployments.get(one.deployment))
                .map(|one| one.id.to_string())
                .collect()
        };
        let tier = |tier: &tieline_route::Tier| {
            let (mode, deployments) = match &tier.mode {
                Mode::Models { candidates, .. } => ("models", ids(candidates)),
                Mode::Cache { .. } => ("cache", Vec::new()),
                Mode::Reply { .. } => ("reply", Vec::new()),
                Mode::Off => ("off", Vec::new()),
            };
            TierStatus { name: tier.name.to_string(), mode, deployments }
        };
        let features = plan.plan.features.values().map(|feature| FeatureStatus {
            name: feature.name.to_string(),
            implicit: feature.implicit,
            tiers: feature.tiers.iter().map(tier).collect(),
        });
        // A client that leaves is nobody's failure.
        let failures: Vec<&str> = Class::ALL
            .into_iter()
            .filter(|class| *class != Class::ClientGone)
            .map(Class::as_str)
            .collect();
        let deployments = plan.plan.deployments.iter().enumerate().map(|(at, one)| {
            let (state, opens_in_s) = match plan.live.state(at, now) {
                State::Closed => ("closed", None),
                State::HalfOpen => ("half-open", None),
                State::Open(until) => ("open", Some(until.saturating_sub(now).as_secs_f64())),
            };
            DeploymentStatus {
                id: one.id.to_string(),
                state,
                opens_in_s,
                good: self.metrics.attempts_of(&one.id, &[""]),
                failed: self.metrics.attempts_of(&one.id, &failures),
            }
        });
        let ledger = self.ledger.as_ref().map(tieline_ledger::Ledger::status);
        Status {
            features: features.collect(),
            deployments: deployments.collect(),
            records_queued: ledger.as_ref().map_or(0, |status| status.queued as u64),
            records_spilled: ledger.as_ref().map_or(0, |status| status.spilled),
            draining: self.is_draining(),
        }
    }
}
