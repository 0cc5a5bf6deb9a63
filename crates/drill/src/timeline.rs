//! Requests over time, by who answered them, and faults beside them.

use std::{collections::BTreeMap, time::Duration};

use serde::{Deserialize, Serialize};
use tieline_types::Outcome;

use crate::{
    book::Closed,
    measure::Measured,
    scenario::{Scenario, Window},
};

/// How many slices a timeline has at most.
const SLICES_MAX: u32 = 240;
/// The shortest slice.
const SLICE_MIN: Duration = Duration::from_secs(10);

/// Requests over time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Timeline {
    /// How long each slice is, seconds.
    pub slice_s: u64,
    /// The phases: name, begin and end in seconds after the start.
    pub phases: Vec<(String, u64, u64)>,
    /// The faults: what, whom, begin and end in seconds after the start.
    pub faults: Vec<(String, String, u64, u64)>,
    /// For each feature of the workload, its slices.
    pub features: Vec<(String, Vec<Slice>)>,
}

/// What a feature got in a slice of time.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Slice {
    /// Answers by tier and deployment, `tier / deployment`; a tier without a model is alone.
    pub answered: BTreeMap<String, u64>,
    /// Those that failed.
    pub failed: u64,
}

impl Timeline {
    pub(crate) fn of(measured: &Measured<'_>) -> Self {
        let scenario = measured.scenario;
        let slice = slice_of(scenario.length());
        let slices = scenario.length().as_secs().div_ceil(slice.as_secs().max(1));
        let mut features: Vec<(String, Vec<Slice>)> = Vec::new();
        for one in &scenario.workload {
            if features.iter().all(|(name, _)| *name != one.feature) {
                let blank = vec![Slice::default(); usize::try_from(slices).unwrap_or(0)];
                features.push((one.feature.clone(), blank));
            }
        }
        let all = Window { name: String::new(), begin: Duration::ZERO, end: scenario.length() };
        for one in measured.requests(&all) {
            let at = usize::try_from(one.came.as_secs() / slice.as_secs().max(1)).unwrap_or(0);
            let own = features.iter_mut().find(|(name, _)| **name == *one.call.feature);
            if let Some(slice) = own.and_then(|(_, slices)| slices.get_mut(at)) {
                slice.add(one);
            }
        }
        Self {
            slice_s: slice.as_secs(),
            phases: phases(scenario),
            faults: faults(scenario),
            features,
        }
    }
}

impl Slice {
    fn add(&mut self, one: &Closed) {
        if !matches!(one.call.outcome, Outcome::Served | Outcome::Degraded) {
            self.failed += 1;
            return;
        }
        let tier = one.call.tier.as_deref().unwrap_or_default();
        let by = match &one.call.deployment {
            Some(deployment) => format!("{tier} / {deployment}"),
            None => tier.to_owned(),
        };
        *self.answered.entry(by).or_default() += 1;
    }
}

/// A whole number of tens of seconds, so that there are not too many.
fn slice_of(length: Duration) -> Duration {
    let tens = (length / SLICES_MAX).as_secs().div_ceil(10).max(1);
    Duration::from_secs(tens * 10).max(SLICE_MIN)
}

fn phases(scenario: &Scenario) -> Vec<(String, u64, u64)> {
    let phases = scenario.phases.iter();
    phases.map(|one| (one.name.clone(), one.begin.as_secs(), one.end.as_secs())).collect()
}

fn faults(scenario: &Scenario) -> Vec<(String, String, u64, u64)> {
    let faults = scenario.faults.iter();
    let told = |one: &crate::scenario::Injected| {
        let share = if one.share < 1.0 {
            format!("{} ({} %)", one.told, 100.0 * one.share)
        } else {
            one.told.clone()
        };
        (share, one.select.to_string(), one.begin.as_secs(), one.end.as_secs())
    };
    faults.map(told).collect()
}
