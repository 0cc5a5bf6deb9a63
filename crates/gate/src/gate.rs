//! What is declared before a run: margins, levels, guards.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::Invalid;

/// Beyond it a lower bound would be above its upper one.
pub(crate) const ALPHA_MAX: f64 = 0.5;

/// What a candidate has to show. Declared before the run, or its levels mean nothing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Gate {
    /// The probability of error of each single bound, one-sided.
    pub alpha: f64,
    /// The power that the number of items is planned for.
    pub min_power: f64,
    /// Each metric with what is asked of it.
    pub metrics: BTreeMap<String, MetricRule>,
    /// Each key of the items' slices with what is asked of all its values, on every required
    /// metric.
    pub slices: BTreeMap<String, SliceRule>,
    /// Metrics on which no item of the candidate may ever score below 1.
    pub invariants: BTreeSet<String>,
    /// Items that the invariants pass over because they are known to be flaky. They stay in
    /// every metric.
    pub quarantine: BTreeSet<String>,
    /// What else the candidate must keep within.
    pub guards: Guards,
    /// The seed of every bootstrap.
    pub seed: u64,
}

impl Default for Gate {
    fn default() -> Self {
        Self {
            alpha: 0.05,
            min_power: 0.8,
            metrics: BTreeMap::new(),
            slices: BTreeMap::new(),
            invariants: BTreeSet::new(),
            quarantine: BTreeSet::new(),
            guards: Guards::default(),
            seed: 0,
        }
    }
}

/// What is asked of a metric: one of the two, or both.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MetricRule {
    /// The candidate's mean is at most this much below the incumbent's.
    pub margin: Option<f64>,
    /// The candidate's mean is above this, whatever an incumbent does.
    pub at_least: Option<f64>,
    /// Whether the verdict depends on it; if not it is only shown.
    pub required: bool,
}

impl Default for MetricRule {
    fn default() -> Self {
        Self { margin: None, at_least: None, required: true }
    }
}

/// What is asked of each value of a slice.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SliceRule {
    /// As for a metric.
    pub margin: Option<f64>,
    /// As for a metric.
    pub at_least: Option<f64>,
    /// Values with fewer items are shown and not judged.
    pub min_n: usize,
}

impl Default for SliceRule {
    fn default() -> Self {
        Self { margin: None, at_least: None, min_n: 30 }
    }
}

/// Limits beside quality; what is not set is not looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Guards {
    /// The candidate's mean cost over the incumbent's.
    pub cost_ratio: Option<f64>,
    /// The p95 of the candidate's latency over the incumbent's.
    pub p95_latency_ratio: Option<f64>,
    /// The p95 of the candidate's time to the first token, in ms.
    pub ttft_p95_ms: Option<f64>,
    /// How much higher the candidate's rate of refusals may be.
    pub refusal_delta: Option<f64>,
    /// The share of the candidate's calls that may fail at the provider. Beyond it nothing is
    /// judged: the provider was ill, the candidate may be well.
    pub error_rate: Option<f64>,
    /// The candidate's mean output tokens over the incumbent's.
    pub output_token_ratio: Option<f64>,
}

/// What one test asks.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Question {
    /// Is the candidate at most this much worse than the incumbent?
    NonInferior(f64),
    /// Is the candidate better than this?
    AtLeast(f64),
}

impl Question {
    /// What the lower bound must be above, and the upper one below for a failure.
    #[must_use]
    pub fn threshold(self) -> f64 {
        match self {
            Self::NonInferior(margin) => -margin,
            Self::AtLeast(rate) => rate,
        }
    }
}

impl Gate {
    /// Whether it makes sense.
    ///
    /// # Errors
    ///
    /// Says the first thing that does not.
    pub fn check(&self) -> Result<(), Invalid> {
        Invalid::unless_between("alpha", self.alpha, ALPHA_MAX)?;
        Invalid::unless_share("min_power", self.min_power)?;
        for (name, rule) in &self.metrics {
            check_rule(name, rule.margin, rule.at_least)?;
        }
        for (name, rule) in &self.slices {
            check_rule(name, rule.margin, rule.at_least)?;
        }
        let judged = self.metrics.values().any(|rule| rule.required);
        if !judged && self.invariants.is_empty() {
            return Err(Invalid::Empty);
        }
        self.guards.check()
    }
}

impl Guards {
    fn check(&self) -> Result<(), Invalid> {
        let limits = [
            ("cost_ratio", self.cost_ratio),
            ("p95_latency_ratio", self.p95_latency_ratio),
            ("ttft_p95_ms", self.ttft_p95_ms),
            ("output_token_ratio", self.output_token_ratio),
        ];
        for (name, limit) in limits {
            limit.map_or(Ok(()), |limit| Invalid::unless_limit(name, limit))?;
        }
        let shares = [("refusal_delta", self.refusal_delta), ("error_rate", self.error_rate)];
        for (name, share) in shares {
            share.map_or(Ok(()), |share| Invalid::unless_share(name, share))?;
        }
        Ok(())
    }
}

fn check_rule(name: &str, margin: Option<f64>, at_least: Option<f64>) -> Result<(), Invalid> {
    if margin.is_none() && at_least.is_none() {
        return Err(Invalid::NothingAsked { name: name.to_owned() });
    }
    let share = |what: &str, value: Option<f64>| {
        value.map_or(Ok(()), |value| Invalid::unless_share(&format!("{name}.{what}"), value))
    };
    share("margin", margin)?;
    share("at_least", at_least)
}

/// The questions that a rule asks, in the order in which they are answered.
pub(crate) fn questions(margin: Option<f64>, at_least: Option<f64>) -> Vec<Question> {
    let margin = margin.map(Question::NonInferior);
    margin.into_iter().chain(at_least.map(Question::AtLeast)).collect()
}
