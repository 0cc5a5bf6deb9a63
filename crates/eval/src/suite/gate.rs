//! When a candidate may serve, as it is written.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// When a candidate may serve: how much worse than the incumbent it may be, declared before
/// anything is asked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct GateFile {
    /// The share of candidates just as much worse as the margin that pass by chance, at most.
    #[schemars(range(min = 0.001, max = 0.2))]
    pub alpha: f64,
    /// How likely an equally good candidate should be to pass; less is told before a run begins.
    #[schemars(range(min = 0.01, max = 0.999))]
    pub min_power: f64,
    /// The metrics that must hold, by name: those of graders, or `pass`, the share of cases that
    /// pass. Only `pass`, with a margin of 0.05, where none is named.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub metrics: BTreeMap<String, MetricGate>,
    /// Dimensions whose every value must hold by itself: `lang`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub slices: BTreeMap<String, SliceGate>,
    /// Cases that may break an invariant, because they are known to do so by chance. They count in
    /// every metric.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub quarantine: Vec<String>,
    /// What else must not get worse.
    #[serde(skip_serializing_if = "Guards::is_empty")]
    pub guards: Guards,
}

/// What a metric must show: one of the two, or both.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct MetricGate {
    /// How far the candidate's mean may be below the incumbent's: 0.03 is three points.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub margin: Option<f64>,
    /// What the candidate's mean must be above, whatever an incumbent does.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub at_least: Option<f64>,
}

/// How much worse the cases of one slice may be.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SliceGate {
    /// The difference of means that is still as good.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub margin: f64,
    /// Slices of fewer cases are only shown.
    #[serde(default = "usual_least")]
    pub min_n: usize,
}

/// What else must not get worse. What is not set is only shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Guards {
    /// The most that the candidate's calls may cost, as a multiple of the incumbent's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cost_ratio: Option<f64>,
    /// The most that 95 of 100 answers may take, as a multiple of the incumbent's time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub p95_latency_ratio: Option<f64>,
    /// The most milliseconds that 95 of 100 answers of the candidate may take to their first
    /// content. A run of a suite with this guard asks for streams.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.0))]
    pub ttft_p95_ms: Option<f64>,
    /// The most tokens of the candidate's answers, as a multiple of the incumbent's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output_token_ratio: Option<f64>,
    /// By how much more often the candidate may refuse.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refusal_delta: Option<f64>,
    /// The most asks of the candidate that may come to nothing for a provider's trouble.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_rate: Option<f64>,
}

/// The name of the metric that every suite has: the share of cases that pass.
pub const PASS: &str = "pass";
/// The margin of [`PASS`] where a suite names no metric.
pub(crate) const PASS_MARGIN: f64 = 0.05;
/// The power that a suite should have where nothing is said.
const USUAL_POWER: f64 = 0.8;
/// The cases that a slice should have where nothing is said.
const USUAL_LEAST: usize = 40;

const fn usual_least() -> usize {
    USUAL_LEAST
}

impl Default for GateFile {
    fn default() -> Self {
        Self {
            alpha: 0.05,
            min_power: USUAL_POWER,
            metrics: BTreeMap::new(),
            slices: BTreeMap::new(),
            quarantine: Vec::new(),
            guards: Guards::default(),
        }
    }
}

impl GateFile {
    pub(super) fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// The metrics that must hold, with the usual one where none is named.
    #[must_use]
    pub fn metrics(&self) -> BTreeMap<String, MetricGate> {
        if !self.metrics.is_empty() {
            return self.metrics.clone();
        }
        let usual = MetricGate { margin: Some(PASS_MARGIN), at_least: None };
        BTreeMap::from([(PASS.to_owned(), usual)])
    }
}

impl Guards {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}
