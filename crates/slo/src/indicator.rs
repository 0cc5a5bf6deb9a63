//! What makes a request count for an objective, and count as good.

use std::time::Duration;

use tieline_types::{CallRecord, Class, CostState, Outcome, UsdPico};

/// How long a client waits before its leaving says something of the service.
const PATIENCE: Duration = Duration::from_secs(2);
/// The fewest output tokens of a stream whose smoothness is looked at: shorter ones have no pace.
const PACED_TOKENS_MIN: u64 = 50;

/// A request of a client, as an indicator sees it.
#[derive(Clone, Copy, Debug)]
pub struct Event<'a> {
    /// Its record.
    pub call: &'a CallRecord,
    /// Position of the tier that answered, from 0 for the best; none where none did.
    pub tier: Option<usize>,
    /// The longest time between two contents of its stream, where that was measured.
    pub longest_gap: Option<Duration>,
    /// How good its answer is, from 0 to 1, where it was graded.
    pub score: Option<f64>,
    /// What became of it in the queue, where it was queued and has ended.
    pub job: Option<JobEnd>,
}

/// How a queued request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JobEnd {
    /// From the client's request to the end.
    pub took: Duration,
    /// Whether it was answered.
    pub done: bool,
}

/// When a request is known well enough to be judged. Each indicator is asked at one of them only,
/// so that nothing is counted twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// When the request has ended.
    Closed,
    /// When its answer has been graded, which happens to a sample.
    Graded,
    /// When its job has ended.
    JobEnded,
}

/// Which answers are looked at; all of them where nothing is said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    /// Those whose prompt has more tokens than this.
    pub prompt_above: Option<u64>,
    /// Those whose prompt has no more tokens than this.
    pub prompt_up_to: Option<u64>,
    /// Those that reasoned first, or those that did not.
    pub reasoning: Option<bool>,
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
        /// Which streams are looked at.
        of: Selection,
    },
    /// Whether a stream came evenly and fast enough, of those that were answered with at least
    /// 50 output tokens.
    Smoothness {
        /// The longest time that may lie between two contents.
        gap: Option<Duration>,
        /// The fewest output tokens a second, from the first content to the last.
        tokens_per_second: Option<f64>,
    },
    /// Whether a stream that had begun ended as it should.
    StreamCompletion,
    /// Whether the answer was complete in time, of those that were answered.
    Latency {
        /// The time it may take.
        within: Duration,
        /// Which answers are looked at.
        of: Selection,
    },
    /// Whether an answer is good enough, of those that were graded.
    Quality {
        /// The least score that will do, from 0 to 1.
        at_least: f64,
    },
    /// Whether a request cost little enough with all its attempts, of those that were answered and
    /// whose cost is known.
    Cost {
        /// The most it may cost.
        at_most: UsdPico,
    },
    /// Whether a queued request was answered in time.
    Freshness {
        /// The time it may take from the request on.
        within: Duration,
    },
}

impl<'a> Event<'a> {
    /// A request that has ended.
    #[must_use]
    pub const fn new(call: &'a CallRecord, tier: Option<usize>) -> Self {
        Self { call, tier, longest_gap: None, score: None, job: None }
    }
}

impl Selection {
    /// Whether it is one of them. What is not known of an answer makes it none of them.
    fn has(&self, call: &CallRecord) -> bool {
        if *self == Self::default() {
            return true;
        }
        let Some(usage) = &call.usage else { return false };
        let prompt = usage.input_total();
        self.prompt_above.is_none_or(|above| prompt > above)
            && self.prompt_up_to.is_none_or(|most| prompt <= most)
            && self.reasoning.is_none_or(|reasoned| (usage.reasoning > 0) == reasoned)
    }
}

impl Indicator {
    /// The stable name, which is that of the `sli` in a definition.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Availability { .. } => "availability",
            Self::BestTier => "tier0_share",
            Self::FirstToken { .. } => "ttft",
            Self::Smoothness { .. } => "itl",
            Self::StreamCompletion => "stream_completion",
            Self::Latency { .. } => "e2e",
            Self::Quality { .. } => "quality",
            Self::Cost { .. } => "cost",
            Self::Freshness { .. } => "freshness",
        }
    }

    /// When a request is judged.
    #[must_use]
    pub const fn moment(&self) -> Moment {
        match self {
            Self::Quality { .. } => Moment::Graded,
            Self::Freshness { .. } => Moment::JobEnded,
            _ => Moment::Closed,
        }
    }

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
            Self::FirstToken { within, of } => (call.stream && answered(call) && of.has(call))
                .then(|| began.is_some_and(|began| began <= *within)),
            Self::Smoothness { gap, tokens_per_second } => smooth(event, *gap, *tokens_per_second),
            Self::StreamCompletion => (call.stream && began.is_some() && !left(call))
                .then_some(call.outcome != Outcome::Broken),
            Self::Latency { within, of } => (answered(call) && of.has(call))
                .then(|| Duration::from_micros(call.duration_us) <= *within),
            Self::Quality { at_least } => event.score.map(|score| score >= *at_least),
            Self::Cost { at_most } => {
                if answered(call) {
                    cheap(call, *at_most)
                } else {
                    None
                }
            }
            Self::Freshness { within } => event.job.map(|job| job.done && job.took <= *within),
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

/// Whether a stream came as it should; none where that is not known, unless what is known is bad
/// enough.
fn smooth(event: &Event<'_>, gap: Option<Duration>, pace: Option<f64>) -> Option<bool> {
    let call = event.call;
    let tokens = call.usage.as_ref()?.output_total();
    if !call.stream || !answered(call) || tokens < PACED_TOKENS_MIN {
        return None;
    }
    let streamed = Duration::from_micros(call.duration_us.checked_sub(call.first_content_us?)?);
    let even = gap.map(|most| event.longest_gap.map(|longest| longest <= most));
    // A stream that came all at once is as fast as can be.
    let fast = pace.map(|least| Some(tokens as f64 >= least * streamed.as_secs_f64()));
    let said = || [even, fast].into_iter().flatten();
    if said().any(|one| one == Some(false)) {
        return Some(false);
    }
    said().all(|one| one.is_some()).then_some(true)
}

/// Whether a request cost little enough. What is known of a cost is its least.
fn cheap(call: &CallRecord, at_most: UsdPico) -> Option<bool> {
    // An answer from a cache or a fixed reply costs nothing.
    let Some(cost) = call.cost() else { return call.attempts.is_empty().then_some(true) };
    let cheap = cost.usd <= at_most;
    match cost.state {
        CostState::Priced | CostState::Estimated => Some(cheap),
        CostState::Partial | CostState::Unpriced => (!cheap).then_some(false),
    }
}
