//! What a gate says: plain data, to be printed, kept, signed and read by the router.

use serde::{Deserialize, Serialize};

use crate::{bound::Method, gate::Question, number::Interval};

/// The outcome of a gate or of one of its parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Shown to be good enough.
    Pass,
    /// The evidence does not tell.
    Inconclusive,
    /// Nothing could be judged: no rows, or the provider was ill.
    Error,
    /// Shown not to be good enough.
    Fail,
}

impl Verdict {
    /// Of two required parts: the first of fail, error, inconclusive, pass.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        self.max(other)
    }

    /// The exit code of a command that ends with it.
    #[must_use]
    pub const fn exit_code(self) -> u8 {
        match self {
            Self::Pass => 0,
            Self::Fail => 1,
            Self::Inconclusive => 3,
            Self::Error => 4,
        }
    }
}

/// A gate's verdict with everything it rests on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ruling {
    /// The verdict.
    pub verdict: Verdict,
    /// Why, in plain words: one sentence for each part that decided it.
    pub reasons: Vec<String>,
    /// How many items there were.
    pub items: usize,
    /// The probability of error of each single bound.
    pub alpha: f64,
    /// Each metric and question.
    pub metrics: Vec<MetricRuling>,
    /// Each slice's value, metric and question, worst first.
    pub slices: Vec<SliceRuling>,
    /// Each invariant.
    pub invariants: Vec<InvariantRuling>,
    /// Each guard that is set.
    pub guards: Vec<GuardRuling>,
}

/// What a gate says of one metric.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MetricRuling {
    /// The metric.
    pub metric: String,
    /// Whether the verdict depends on it.
    pub required: bool,
    /// What was found.
    #[serde(flatten)]
    pub finding: Finding,
}

/// What a gate says of one metric on one slice.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SliceRuling {
    /// The slice's key: `lang`.
    pub slice: String,
    /// Its value: `de`.
    pub value: String,
    /// The metric.
    pub metric: String,
    /// Whether it has enough items to be judged; if not it is only shown.
    pub judged: bool,
    /// What was found.
    #[serde(flatten)]
    pub finding: Finding,
}

/// The answer to one question.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// The verdict on this question.
    pub verdict: Verdict,
    /// Why, in plain words.
    pub reason: String,
    /// What was asked.
    pub question: Question,
    /// Items with a score in every arm that the question is about.
    pub items: usize,
    /// The clusters they come in, where they do.
    pub clusters: Option<usize>,
    /// The candidate's mean score on these items.
    pub candidate: Option<f64>,
    /// The incumbent's, where the question is about it.
    pub incumbent: Option<f64>,
    /// The difference of the arms, or the candidate's mean; over items without missing scores.
    pub estimate: f64,
    /// One-sided bounds of it, each at the gate's level.
    pub interval: Interval,
    /// How they were found.
    pub method: Method,
    /// Whether evidence is so little that they are wider than the method's own.
    pub widened: bool,
    /// Scores that are missing, and what they could have changed; none where there are none.
    pub missing: Option<Missing>,
    /// The p-value against the candidate's being good enough: small where it is shown not to be.
    pub p_worse: f64,
    /// The share of items that single binary outcomes differ on.
    pub discordance: Option<f64>,
    /// Items on which the candidate's own repeats differ.
    pub flaky: usize,
    /// How likely so many items would have passed an equal candidate; for an `at_least`, one that
    /// is as good as this one seems.
    pub power: f64,
    /// Where it is inconclusive: how many more items would pass such a candidate as this one seems
    /// to be, with the planned power. None where no number would.
    pub items_missing: Option<usize>,
    /// Shown to be better than the incumbent.
    pub superior: bool,
    /// Shown to be worse than the incumbent, and shown to be within the margin.
    pub tolerable: bool,
}

/// Scores that are missing.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Missing {
    /// Of the candidate.
    pub candidate: usize,
    /// Of the incumbent.
    pub incumbent: usize,
    /// The bounds if all of them had spoken against the candidate.
    pub against_candidate: Interval,
    /// The bounds if all of them had spoken for it.
    pub for_candidate: Interval,
}

/// What a gate says of one invariant.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct InvariantRuling {
    /// The metric that has to be 1.
    pub metric: String,
    /// The verdict.
    pub verdict: Verdict,
    /// Why, in plain words.
    pub reason: String,
    /// Items that were looked at.
    pub items: usize,
    /// Items that were not, because every call failed.
    pub unchecked: Vec<String>,
    /// Items that broke it at least twice.
    pub broken: Vec<String>,
    /// Items that broke it once, and have not been asked three times.
    pub unconfirmed: Vec<String>,
    /// Items that broke it once of at least three times.
    pub flaky: Vec<String>,
    /// The highest share of items that may break it for all that is known.
    pub upper_bound: f64,
}

/// Which guard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Guard {
    /// Mean cost over mean cost.
    CostRatio,
    /// p95 of latency over p95 of latency.
    P95LatencyRatio,
    /// p95 of the time to the first token, in ms.
    TtftP95Ms,
    /// Rate of refusals less rate of refusals.
    RefusalDelta,
    /// Share of calls that failed at the provider.
    ErrorRate,
    /// Mean output tokens over mean output tokens.
    OutputTokenRatio,
}

/// What a gate says of one guard.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GuardRuling {
    /// Which.
    pub guard: Guard,
    /// The verdict.
    pub verdict: Verdict,
    /// Why, in plain words.
    pub reason: String,
    /// The limit.
    pub limit: f64,
    /// What was measured.
    pub estimate: Option<f64>,
    /// Its one-sided lower bound, where there is one.
    pub lower: Option<f64>,
    /// Its one-sided upper bound, where there is one.
    pub upper: Option<f64>,
    /// Items, or for the error rate calls, that it rests on.
    pub n: usize,
}
