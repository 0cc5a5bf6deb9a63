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
    /// The metrics that must hold, by name: those of graders, or `pass`, the share of cases that
    /// pass. Only `pass`, with a margin of 0.05, where none is named.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub metrics: BTreeMap<String, MetricGate>,
    /// Dimensions whose every value must hold by itself: `lang`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub slices: BTreeMap<String, SliceGate>,
    /// What else must not get worse.
    #[serde(skip_serializing_if = "Guards::is_empty")]
    pub guards: Guards,
}

/// How much worse a metric may be.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MetricGate {
    /// The difference of means that is still as good: 0.03 is three points of a hundred.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub margin: f64,
    /// How likely an equally good candidate should be to pass; less is told before a run begins.
    #[serde(default = "usual_power", skip_serializing_if = "is_usual_power")]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub min_power: f64,
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
const PASS_MARGIN: f64 = 0.05;
/// The power that a metric should have where nothing is said.
const USUAL_POWER: f64 = 0.8;
/// The cases that a slice should have where nothing is said.
const USUAL_LEAST: usize = 40;

const fn usual_power() -> f64 {
    USUAL_POWER
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature is serde's")]
fn is_usual_power(power: &f64) -> bool {
    (power - USUAL_POWER).abs() < f64::EPSILON
}

const fn usual_least() -> usize {
    USUAL_LEAST
}

impl Default for GateFile {
    fn default() -> Self {
        Self {
            alpha: 0.05,
            metrics: BTreeMap::new(),
            slices: BTreeMap::new(),
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
        let usual = MetricGate { margin: PASS_MARGIN, min_power: USUAL_POWER };
        BTreeMap::from([(PASS.to_owned(), usual)])
    }
}

impl Guards {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}
