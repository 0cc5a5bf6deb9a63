//! What the gateway shows of itself: features, tiers, deployments and their health.

use std::{sync::Arc, time::Duration};

use serde::Serialize;
use tieline_ledger::{Depth, JobState};
use tieline_route::{Cause, Decision, Feature, Level, Mode, Shown, State, TierChange, TierState};
use tieline_types::Class;

use crate::{
    BurnStatus, CandidateStanding, ExceptionStatus, ListingStatus, RefusedAttestation,
    SentinelStatus, Shutdown, SloStatus, budgets::BudgetStatus, gateway::Gateway, slos::Drill,
};

/// The state of a gateway at one moment.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Status {
    /// Every feature, implicit ones included.
    pub features: Vec<FeatureStatus>,
    /// Every deployment.
    pub deployments: Vec<DeploymentStatus>,
    /// Every budget.
    pub budgets: Vec<BudgetStatus>,
    /// Providers' lists of models, as far as they were read for the days on which models end.
    pub listings: Vec<ListingStatus>,
    /// Exceptions from policy that are in force.
    pub exceptions: Vec<ExceptionStatus>,
    /// What evals and releases say of candidates, where they say anything.
    pub standings: Vec<CandidateStanding>,
    /// Attestations that are worth nothing.
    pub refused_attestations: Vec<RefusedAttestation>,
    /// Records waiting for the database.
    pub records_queued: u64,
    /// Records appended to spill files since the start.
    pub records_spilled: u64,
    /// Objectives and how they stand.
    pub slos: Vec<SloStatus>,
    /// What features do while objectives burn, and whether they do it now.
    pub on_burn: Vec<BurnStatus>,
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
    /// Further attempts that its retry budget still pays for.
    pub retries_left: u64,
    /// Its requests that wait to be answered later, as of the last look, seconds ago at most.
    pub jobs_queued: u64,
}

/// A tier of a feature.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TierStatus {
    /// Its name.
    pub name: String,
    /// `models`, `cache`, `queue`, `reply` or `off`.
    pub mode: &'static str,
    /// `up`, `dropped` (its deployments are out, and a later tier answers) or `settling` (it comes
    /// back).
    pub state: &'static str,
    /// The share of its requests that has returned, 0 to 1, while settling.
    pub share: Option<f64>,
    /// Seconds until that share grows, while settling.
    pub grows_in_s: Option<f64>,
    /// Its deployments, in configured order.
    pub deployments: Vec<String>,
}

/// A deployment and its health.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DeploymentStatus {
    /// `model@provider`.
    pub id: String,
    /// `closed`, `open`, `half-open`, `ramping` (traffic returns in steps), `drained` or
    /// `suspended` (called for want of anything better only).
    pub state: &'static str,
    /// Why it is not closed: `failures`, `slowness`, `credential` or `account`.
    pub cause: Option<&'static str>,
    /// Seconds until it may be tried again, when open.
    pub opens_in_s: Option<f64>,
    /// The share of its traffic that has returned, 0 to 1, while ramping.
    pub share: Option<f64>,
    /// Seconds until its quota has room again, when it is used up.
    pub quota_opens_in_s: Option<f64>,
    /// The share of its quota that is used, 0 to 1, as far as it is known.
    pub utilisation: f64,
    /// The class of fault that many callers meet there all of a sudden.
    pub storm: Option<&'static str>,
    /// The domains it belongs to that are suspected, such as `account openai`.
    pub suspected: Vec<String>,
    /// When it ends, as far as anybody says.
    pub shutdown: Option<Shutdown>,
    /// How it answers the prompts of sentinels; none where it is not asked any.
    pub sentinels: Option<SentinelStatus>,
    /// Upstream calls that answered well.
    pub good: u64,
    /// Upstream calls that failed, whoever's fault it was.
    pub failed: u64,
}

impl Gateway {
    /// All metrics, in the OpenMetrics 1.0 text format.
    pub fn metrics_text(&self) -> String {
        self.metrics.budgets(&self.budgets());
        let status = self.status();
        self.metrics.deployments(&status.deployments);
        self.metrics.slos.show(&status.slos, &status.on_burn);
        self.metrics.text()
    }

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
        let tier = |feature: &Feature, at: usize, tier: &tieline_route::Tier| {
            let (mode, deployments) = match &tier.mode {
                Mode::Models { candidates, .. } => ("models", ids(candidates)),
                Mode::Cache { .. } => ("cache", Vec::new()),
                Mode::Queue { .. } => ("queue", Vec::new()),
                Mode::Reply { .. } => ("reply", Vec::new()),
                Mode::Off => ("off", Vec::new()),
            };
            let state = plan.live.tier(feature, at, now);
            let (share, grows_in_s) = match state {
                TierState::Settling { share, step_in } => {
                    (Some(share), Some(step_in.as_secs_f64()))
                }
                TierState::Up | TierState::Dropped => (None, None),
            };
            let (name, state) = (tier.name.to_string(), state.as_str());
            TierStatus { name, mode, state, share, grows_in_s, deployments }
        };
        let tiers = |feature: &Feature| {
            feature.tiers.iter().enumerate().map(|(at, one)| tier(feature, at, one)).collect()
        };
        let depths = self.queue.depths();
        let queued = |feature: &str| {
            let of = |depth: &&Depth| depth.feature == feature && depth.state == JobState::Queued;
            depths.iter().find(of).map_or(0, |depth| depth.jobs)
        };
        let features = plan.plan.features.values().map(|feature| FeatureStatus {
            name: feature.name.to_string(),
            implicit: feature.implicit,
            tiers: tiers(feature),
            retries_left: plan.live.retries_left(feature, now),
            jobs_queued: queued(&feature.name),
        });
        let failures = failures();
        let deployments = plan.plan.deployments.iter().enumerate().filter_map(|(at, one)| {
            let shown = plan.live.show(at, now)?;
            Some(DeploymentStatus {
                good: self.metrics.attempts_of(&one.id, &[""]),
                failed: self.metrics.attempts_of(&one.id, &failures),
                shutdown: self.shutdown(&plan, &one.id),
                sentinels: self.sentinels.show(&one.id),
                ..DeploymentStatus::of(&one.id, &shown, now)
            })
        });
        let ledger = self.ledger.as_ref().map(tieline_ledger::Ledger::status);
        Status {
            features: features.collect(),
            deployments: deployments.collect(),
            budgets: self.budgets(),
            listings: self.listings.show(),
            exceptions: self.exceptions(),
            standings: plan.standings.iter().cloned().collect(),
            refused_attestations: plan.standings.refused.clone(),
            records_queued: ledger.as_ref().map_or(0, |status| status.queued as u64),
            records_spilled: ledger.as_ref().map_or(0, |status| status.spilled),
            slos: self.slo_status(),
            on_burn: self.burn_status(),
            draining: self.is_draining(),
        }
    }
}

impl Gateway {
    /// Logs and counts the tiers that a decision found dropped or returned.
    pub(crate) fn note_tiers(&self, feature: &Feature, decision: &Decision, drill: &Drill) {
        for (tier, change) in &decision.changes {
            self.note_tier(feature, *tier, *change, drill);
        }
    }

    fn note_tier(&self, feature: &Feature, tier: usize, change: TierChange, drill: &Drill) {
        let Some(tier) = feature.tiers.get(tier) else {
            return;
        };
        self.metrics.tier_change(&feature.name, &tier.name, change, drill);
        let (feature, tier) = (&feature.name, &tier.name);
        if let Some(observer) = &self.observer {
            observer.tier_changed(feature, tier, change.as_str());
        }
        match change {
            _ if drill.is_some() => {
                tracing::info!(%feature, %tier, ?drill, ?change, "a tier changed in a drill");
            }
            TierChange::Dropped => {
                tracing::warn!(%feature, %tier, "a tier dropped: later tiers take its requests");
            }
            TierChange::Returned => tracing::info!(%feature, %tier, "a tier returned"),
        }
    }
}

/// The classes of what counts as failed. A client that leaves is nobody's failure, nor is losing a
/// race.
fn failures() -> Vec<&'static str> {
    let counted = |class: &Class| !matches!(class, Class::ClientGone | Class::Superseded);
    Class::ALL.into_iter().filter(counted).map(Class::as_str).collect()
}

impl DeploymentStatus {
    fn of(id: &str, shown: &Shown, now: Duration) -> Self {
        let in_s = |until: Duration| until.saturating_sub(now).as_secs_f64();
        let (state, cause, opens_in_s, share) = match shown.state {
            State::Closed => ("closed", None, None, None),
            State::Ramping(share) => ("ramping", None, None, Some(share)),
            State::HalfOpen(cause) => ("half-open", Some(cause), None, None),
            State::Open(_, cause @ (Cause::Drained | Cause::Suspended)) => {
                (cause.as_str(), None, None, None)
            }
            State::Open(until, cause) => ("open", Some(cause), Some(in_s(until)), None),
        };
        let suspected = |(level, name): &(Level, Arc<str>)| format!("{} {name}", level.as_str());
        Self {
            id: id.to_owned(),
            state,
            cause: cause.map(Cause::as_str),
            opens_in_s,
            share,
            quota_opens_in_s: shown.quota_shut_until.map(in_s),
            utilisation: shown.utilisation,
            storm: shown.storm.map(Class::as_str),
            suspected: shown.suspected.iter().map(suspected).collect(),
            shutdown: None,
            sentinels: None,
            good: 0,
            failed: 0,
        }
    }
}
