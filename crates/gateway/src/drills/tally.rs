//! What came of a drill.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use serde::Serialize;
use tieline_types::{CallRecord, Outcome};

/// What came of the requests of a drill that have ended.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct DrillTally {
    /// Requests that were part of it, those under way included.
    pub affected: u64,
    /// What came of them, by feature.
    pub features: BTreeMap<String, FeatureTally>,
    /// Faults that struck, by kind.
    pub injected: BTreeMap<&'static str, u64>,
}

/// What came of one feature's requests in a drill.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct FeatureTally {
    /// Served whole by an acceptable tier.
    pub served: u64,
    /// Served whole by a tier that is not acceptable.
    pub degraded: u64,
    /// Failed, or broken after content had come.
    pub failed: u64,
    /// Refused for the caller's own fault.
    pub refused: u64,
    /// Left by their client.
    pub cancelled: u64,
    /// Answered ones by the tier that answered.
    pub tiers: BTreeMap<String, u64>,
    /// Attempts made for all of them, those that were struck included.
    pub attempts: u64,
}

/// The same while it is counted.
#[derive(Debug, Default)]
pub(super) struct Tally(Mutex<DrillTally>);

impl Tally {
    /// A request has ended.
    pub(super) fn closed(&self, call: &CallRecord) {
        let mut tally = self.lock();
        let feature = tally.features.entry(call.feature.to_string()).or_default();
        let count = match call.outcome {
            Outcome::Served => &mut feature.served,
            Outcome::Degraded => &mut feature.degraded,
            Outcome::Failed | Outcome::Broken => &mut feature.failed,
            Outcome::Refused => &mut feature.refused,
            Outcome::Cancelled => &mut feature.cancelled,
        };
        *count += 1;
        feature.attempts += u64::try_from(call.attempts.len()).unwrap_or(u64::MAX);
        if let Some(tier) = &call.tier {
            *feature.tiers.entry(tier.to_string()).or_default() += 1;
        }
    }

    /// A fault has struck.
    pub(super) fn injected(&self, kind: &'static str) {
        *self.lock().injected.entry(kind).or_default() += 1;
    }

    /// All of it, with so many requests in it.
    pub(super) fn shown(&self, affected: u64) -> DrillTally {
        DrillTally { affected, ..self.lock().clone() }
    }

    fn lock(&self) -> MutexGuard<'_, DrillTally> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
