//! By what a tier chooses among its candidates, and what they may cost and take.

use std::time::Duration;

use tieline_types::UsdPico;

/// How a tier chooses among its candidates.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Prefer {
    /// The first that is allowed and healthy.
    #[default]
    Ordered,
    /// At random, by weight.
    Weighted,
    /// The quicker of two drawn at random, by recent time to the first content and load.
    Fastest,
    /// The one that the request is expected to cost least at.
    Cheapest,
    /// The best by cost, latency and quality.
    Balanced(Weights),
}

/// How much each of them counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Weights {
    /// What the request is expected to cost.
    pub cost: u32,
    /// The time to the first content.
    pub latency: u32,
    /// The quality of answers.
    pub quality: u32,
}

impl Default for Weights {
    fn default() -> Self {
        Self { cost: 1, latency: 1, quality: 1 }
    }
}

/// What a tier's answers may cost and take; nothing limits what is none.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Ceilings {
    /// What a request may be expected to cost. It is never sent where that is more.
    pub max_usd_per_request: Option<UsdPico>,
    /// The time to the first content that 95 of 100 streams keep within, where that is to be had.
    pub ttft_p95: Option<Duration>,
    /// The least quality, from 0 to 1, where that is to be had.
    pub min_quality: Option<f64>,
}
