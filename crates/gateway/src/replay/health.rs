//! Who was well when, as far as the record tells.

use std::{collections::HashMap, sync::Arc};

use tieline_types::CallRecord;

use super::recorded::{Recorded, Sign, shut, sign};

/// A deployment that failed counts as ill until it answers again, but no longer than this after the
/// last that was heard of it.
const ILL_MAX_MS: u64 = 60_000;

/// What is known of every deployment, up to the request that is replayed.
///
/// A request tells itself of what it called or passed over. Of another deployment the last request
/// or probe before it tells that came there: one that failed by its fault, or found it shut since
/// it had failed, makes it ill for [`ILL_MAX_MS`], unless a later one is answered. Of what nothing
/// came to, nothing is known, and it counts as well.
#[derive(Debug, Default)]
pub(super) struct Health {
    known: HashMap<Arc<str>, Known>,
}

/// What is known of one deployment.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Known {
    /// When it was last found ill, milliseconds since the Unix epoch; none since it answered.
    ill_ms: Option<u64>,
    /// Calls of it.
    pub(super) calls: u64,
    /// Those that failed by its fault.
    pub(super) failed: u64,
}

impl Health {
    /// Takes in what a request or probe tells. Those that come later must be told later. What was
    /// part of a drill met faults that others did not.
    pub(super) fn note(&mut self, record: &CallRecord) {
        if record.drill().is_some() {
            return;
        }
        for passed in &record.passed_over {
            if shut(passed) == Some(Sign::Ill) {
                self.of(&passed.deployment).ill_ms = Some(record.started_ms);
            }
        }
        for attempt in &record.attempts {
            let at_ms = record.started_ms.saturating_add(attempt.start_us / 1_000);
            let known = self.of(&attempt.deployment);
            known.calls += 1;
            match sign(attempt) {
                Sign::Well => known.ill_ms = None,
                Sign::Ill => {
                    known.failed += 1;
                    known.ill_ms = Some(at_ms);
                }
                Sign::Unfit | Sign::TooLate => {}
            }
        }
    }

    /// Whether a deployment would answer a request; `late` where another one was called before.
    pub(super) fn answers(&self, deployment: &str, recorded: &Recorded<'_>, late: bool) -> bool {
        match recorded.tells_of(deployment) {
            Some(Sign::Well) => return true,
            Some(Sign::Ill | Sign::Unfit) => return false,
            Some(Sign::TooLate) if late => return false,
            Some(Sign::TooLate) | None => {}
        }
        let ill_ms = self.known.get(deployment).and_then(|known| known.ill_ms);
        let since = |ill_ms| recorded.record.started_ms.saturating_sub(ill_ms);
        ill_ms.is_none_or(|ill_ms| since(ill_ms) > ILL_MAX_MS)
    }

    /// What is known of a deployment.
    pub(super) fn known(&self, deployment: &str) -> Known {
        self.known.get(deployment).copied().unwrap_or_default()
    }

    fn of(&mut self, deployment: &Arc<str>) -> &mut Known {
        self.known.entry(Arc::clone(deployment)).or_default()
    }
}
