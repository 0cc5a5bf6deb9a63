//! Objectives for people: how they stand, which alerts fire, which rules hold.

use serde::Serialize;
use tieline_config::{BurnResponse, Feature};
use tieline_slo::Counts;

use super::{Burning, MINUTE_MS, Tracked, reach};
use crate::gateway::Gateway;

/// An objective and how it stands.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SloStatus {
    /// The feature.
    pub feature: String,
    /// Its name.
    pub name: String,
    /// What it measures, such as `availability`.
    pub sli: &'static str,
    /// The share of counted requests that must be good.
    pub target: f64,
    /// How far its window reaches back, seconds.
    pub window_s: u64,
    /// Requests of the window that were good.
    pub good: u64,
    /// Requests of the window that were not.
    pub bad: u64,
    /// The share of the error budget that is left, below 0 where there was not enough; none where
    /// nothing was counted, or the window reaches further back than is kept in memory.
    pub budget_left: Option<f64>,
    /// How fast the budget is spent, over the long window of its most urgent alert.
    pub burn_rate: Option<f64>,
    /// The alerts that fire.
    pub alerts: Vec<AlertStatus>,
}

/// An alert that fires.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AlertStatus {
    /// `page`, `ticket` or `no_data`.
    pub severity: &'static str,
    /// Since when, milliseconds since the Unix epoch.
    pub since_ms: u64,
}

/// A rule of `on_burn` and whether it holds.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct BurnStatus {
    /// The feature.
    pub feature: String,
    /// The objective.
    pub slo: String,
    /// The burn rate above which it holds.
    pub above: f64,
    /// What is done then: `prefer cheapest`, `prefer fastest` or `begin at TIER`.
    pub then: String,
    /// Whether that is so now.
    pub holds: bool,
}

/// What a rule does, for people and records.
pub(crate) fn told(then: &BurnResponse) -> String {
    match then {
        BurnResponse::Cheapest => "prefer cheapest".to_owned(),
        BurnResponse::Fastest => "prefer fastest".to_owned(),
        BurnResponse::BeginAt(tier) => format!("begin at {tier}"),
    }
}

impl Tracked {
    pub(super) fn counts(&self, minute: u64) -> Counts {
        self.minutes().counts(minute, reach(&self.slo).min(self.slo.window))
    }

    /// The share of the budget that is left at the end of a minute.
    pub(crate) fn budget_left(&self, minute: u64) -> Option<f64> {
        let counts = self.counts(minute);
        let known = counts.total() > 0 && self.slo.window <= reach(&self.slo);
        known.then(|| 1.0 - self.slo.budget_spent(counts))
    }

    fn status(&self, minute: u64) -> SloStatus {
        let Counts { good, bad } = self.counts(minute);
        SloStatus {
            feature: self.key.feature.to_string(),
            name: self.key.name.to_string(),
            sli: self.slo.indicator.as_str(),
            target: self.slo.target,
            window_s: self.slo.window.as_secs(),
            good,
            bad,
            budget_left: self.budget_left(minute),
            burn_rate: self.burn_rates(minute).0,
            alerts: self.watched().firing(),
        }
    }
}

impl Gateway {
    /// Every objective and how it stands.
    pub(crate) fn slo_status(&self) -> Vec<SloStatus> {
        let minute = self.unix_ms() / MINUTE_MS;
        self.plan().slos.all().into_iter().map(|one| one.status(minute)).collect()
    }

    /// Every rule of `on_burn`, and whether it holds.
    pub(crate) fn burn_status(&self) -> Vec<BurnStatus> {
        let plan = self.plan();
        let all = plan.config.features.iter();
        all.flat_map(|feature| burn_status(feature, plan.burning())).collect()
    }
}

/// The rules of a feature, and whether they hold.
pub(crate) fn burn_status<'f>(
    feature: &'f Feature,
    burning: &'f Burning,
) -> impl Iterator<Item = BurnStatus> + 'f {
    feature.on_burn.iter().map(|rule| BurnStatus {
        feature: feature.name.clone(),
        slo: rule.slo.clone(),
        above: rule.above,
        then: told(&rule.then),
        holds: burning.has(&feature.name, rule),
    })
}
