//! What makes a request count for an objective, and count as good.

use std::time::Duration;

use tieline_types::{CallRecord, Class, Outcome};

/// How long a client waits before its leaving says something of the service.
const PATIENCE: Duration = Duration::from_secs(2);

/// A request of a client, as an indicator sees it.
#[derive(Clone, Copy, Debug)]
pub struct Event<'a> {
    /// Its record.
    pub call: &'a CallRecord,
    /// Position of the tier that answered, from 0 for the best; none where none did.
    pub tier: Option<usize>,
}

/// What is measured of each request.
#[derive(Clone, Debug, PartialEq)]
pub enum Indicator {
    /// Whether it was answered, whole and without an error, by an acceptable tier.
    Availability {
        /// The last tier that will do, from 0; every acceptable one where there is none.
        max_tier: Option<usize>,
    },
    /// Whether the best tier answered, of those that were answered.
    BestTier,
    /// Whether a stream began in time, of those that were answered.
    FirstToken {
        /// The time it may take.
        within: Duration,
    },
    /// Whether the answer was complete in time, of those that were answered.
    Latency {
        /// The time it may take.
        within: Duration,
    },
    /// Whether a stream that had begun ended as it should.
    StreamCompletion,
}

impl Indicator {
    /// Whether a request was good; none where it does not count.
    #[must_use]
    pub fn judge(&self, event: &Event<'_>) -> Option<bool> {
        let call = event.call;
        let began = call.first_content_us.map(Duration::from_micros);
        match self {
            Self::Availability { max_tier } => counts(call).then(|| {
                call.outcome == Outcome::Served
                    && max_tier.is_none_or(|max| event.tier.is_some_and(|tier| tier <= max))
            }),
            Self::BestTier => answered(call).then_some(event.tier == Some(0)),
            Self::FirstToken { within } => {
                (call.stream && answered(call)).then(|| began.is_some_and(|began| began <= *within))
            }
            Self::Latency { within } => {
                answered(call).then(|| Duration::from_micros(call.duration_us) <= *within)
            }
            Self::StreamCompletion => (call.stream && began.is_some() && !left(call))
                .then_some(call.outcome != Outcome::Broken),
        }
    }
}

/// Whether the service had anything to do with how it ended.
fn counts(call: &CallRecord) -> bool {
    let waited = Duration::from_micros(call.duration_us);
    let by_choice = left(call) && (call.first_content_us.is_some() || waited < PATIENCE);
    call.outcome != Outcome::Refused && call.fault != Some(Class::PolicyBlock) && !by_choice
}

fn answered(call: &CallRecord) -> bool {
    matches!(call.outcome, Outcome::Served | Outcome::Degraded)
}

fn left(call: &CallRecord) -> bool {
    call.outcome == Outcome::Cancelled
}
