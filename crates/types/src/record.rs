//! What the ledger keeps of one client request.

use std::{borrow::Cow, fmt, sync::Arc};

use serde::{Deserialize, Serialize};

use crate::{Class, Cost, DecisionRecord, DialectId, Phase, ServiceTier, Usage};

/// The feature that Tieline's own probes are recorded under. No configuration may use the name.
pub const PROBE_FEATURE: &str = "tieline-probe";

/// The feature that the prompts of sentinels are recorded under. No configuration may use the name.
pub const SENTINEL_FEATURE: &str = "tieline-sentinel";

/// The caller of requests that are Tieline's own. No API key has such an id.
pub const OWN_CALLER: &str = "tieline";

/// The caller of requests while there are no API keys.
pub const LOCAL_CALLER: &str = "local";

/// The caller of requests that the eval harness sends. No API key has such an id.
pub const EVAL_CALLER: &str = "tieline-eval";

/// The caller of requests that are mirrored to a release candidate.
pub const SHADOW_CALLER: &str = "tieline-shadow";

/// How a request ended, from the client's side.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Served whole, by an acceptable tier.
    Served,
    /// Served whole, by a tier marked `acceptable: false`.
    Degraded,
    /// Refused for the caller's own fault: bad request, credential, unknown feature.
    Refused,
    /// Failed before any content reached the client.
    Failed,
    /// Broke after content had reached the client; the client was told.
    Broken,
    /// The client left first.
    Cancelled,
}

impl Outcome {
    /// The stable name used in metrics, logs and the ledger.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Served => "served",
            Self::Degraded => "degraded",
            Self::Refused => "refused",
            Self::Failed => "failed",
            Self::Broken => "broken",
            Self::Cancelled => "cancelled",
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One client request from its arrival to its last byte.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CallRecord {
    /// Tieline's request id (`req_` and a UUIDv7), unique for ever.
    pub id: String,
    /// Arrival, milliseconds since the Unix epoch.
    pub started_ms: u64,
    /// Arrival to last byte, microseconds.
    pub duration_us: u64,
    /// Arrival to first content byte sent to the client, microseconds.
    pub first_content_us: Option<u64>,
    /// The longest time between two contents of a stream, microseconds; none where there were not
    /// two.
    #[serde(default)]
    pub longest_gap_us: Option<u64>,
    /// The dialect the client spoke.
    pub dialect: DialectId,
    /// The feature that was called; empty when it was never resolved.
    pub feature: Arc<str>,
    /// What the client wrote in `model`.
    pub model_asked: String,
    /// Whether the client asked for a stream.
    pub stream: bool,
    /// The caller: an API key's id, `local` without keys, [`OWN_CALLER`], [`EVAL_CALLER`] or
    /// [`SHADOW_CALLER`].
    pub caller: Arc<str>,
    /// The tier that answered.
    pub tier: Option<Arc<str>>,
    /// The deployment that answered (none for cache and static replies).
    pub deployment: Option<Arc<str>>,
    /// How it ended.
    pub outcome: Outcome,
    /// The HTTP status sent to the client.
    pub status: u16,
    /// The class of the fault the client saw, if any.
    pub fault: Option<Class>,
    /// One sentence about that fault.
    pub fault_message: Option<String>,
    /// What translation could not carry, in `action:field` form.
    pub losses: Vec<String>,
    /// Usage of the attempt that answered.
    pub usage: Option<Usage>,
    /// The W3C trace id the request travelled under.
    pub trace_id: Option<String>,
    /// Every upstream call made for it, in order.
    pub attempts: Vec<AttemptRecord>,
    /// The candidates that were not called in their turn, in the order in which they were passed
    /// over. Those that merely had no turn, because others before them answered, are not among
    /// them.
    #[serde(default)]
    pub passed_over: Vec<PassedOver>,
    /// What was decided before anything was sent; none where it did not come to that.
    #[serde(default)]
    pub decision: Option<Arc<DecisionRecord>>,
}

/// A candidate that was not called in its turn.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PassedOver {
    /// The tier that proposed it.
    pub tier: Arc<str>,
    /// The deployment.
    pub deployment: Arc<str>,
    /// Why, by its stable name: that of its health or quota, such as `failures` or `quota`, or
    /// `budget`, `time` or `attempts` where there was nothing left of those, or `policy: ` and the
    /// rules that forbid it.
    pub why: Cow<'static, str>,
    /// Milliseconds until it would have been open again, where that is known.
    pub opens_in_ms: Option<u64>,
}

/// Why an upstream call was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// The first of the plan.
    #[default]
    Chosen,
    /// What was called before it failed.
    Fallback,
    /// Nothing goes there now, but there was nothing better left.
    LastResort,
    /// The only deployment there is, a second time.
    Again,
    /// The one before was slow to begin.
    Hedge,
    /// A `cache` tier compares questions.
    Embeddings,
}

impl Reason {
    /// The stable name used in the ledger.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Chosen => "chosen",
            Self::Fallback => "fallback",
            Self::LastResort => "last_resort",
            Self::Again => "again",
            Self::Hedge => "hedge",
            Self::Embeddings => "embeddings",
        }
    }
}

/// One upstream call for one candidate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AttemptRecord {
    /// The tier that proposed the candidate.
    pub tier: Arc<str>,
    /// The deployment called.
    pub deployment: Arc<str>,
    /// The provider called.
    pub provider: Arc<str>,
    /// The dialect spoken to the provider.
    pub dialect: DialectId,
    /// Why it was called.
    #[serde(default)]
    pub reason: Reason,
    /// Start of the attempt, microseconds after the request's arrival.
    pub start_us: u64,
    /// Length of the attempt, microseconds.
    pub duration_us: u64,
    /// Attempt start to the provider's first content, microseconds.
    pub first_content_us: Option<u64>,
    /// The provider's HTTP status.
    pub status: Option<u16>,
    /// The class of its failure; none when it served.
    pub fault: Option<Class>,
    /// Where it failed.
    pub phase: Option<Phase>,
    /// One sentence about the failure.
    pub fault_message: Option<String>,
    /// The provider's request id.
    pub upstream_request_id: Option<String>,
    /// The model the provider says it served.
    pub model_served: Option<String>,
    /// The service tier that the provider says it served; none where that is the standard one, or
    /// it does not say.
    #[serde(default)]
    pub service_tier: Option<ServiceTier>,
    /// What it consumed, as far as known.
    pub usage: Option<Usage>,
    /// What that cost by the prices of the time; none where nothing is known to have been used.
    #[serde(default)]
    pub cost: Option<Cost>,
}

impl CallRecord {
    /// What all its attempts cost together, known as far as that of the least known; none where
    /// none of them cost anything.
    #[must_use]
    pub fn cost(&self) -> Option<Cost> {
        self.attempts.iter().filter_map(|attempt| attempt.cost).reduce(Cost::plus)
    }

    /// The drill that the request was part of.
    #[must_use]
    pub fn drill(&self) -> Option<&str> {
        self.decision.as_ref()?.drill.as_deref()
    }
}
