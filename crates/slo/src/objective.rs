//! An objective and the counts that it is measured by.

use std::{sync::Arc, time::Duration};

use crate::Indicator;

/// One objective of one feature.
#[derive(Clone, Debug, PartialEq)]
pub struct Slo {
    /// Its name, unique among those of its feature.
    pub name: Arc<str>,
    /// The feature whose requests it counts.
    pub feature: Arc<str>,
    /// What makes a request count, and count as good.
    pub indicator: Indicator,
    /// The share of counted requests that must be good, above 0 and below 1.
    pub target: f64,
    /// How far the rolling window reaches back.
    pub window: Duration,
}

/// How many requests counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Those that were good.
    pub good: u64,
    /// Those that were not.
    pub bad: u64,
}

impl Counts {
    /// The share of bad ones, from 0 to 1; none where nothing was counted.
    #[must_use]
    pub fn error_ratio(&self) -> Option<f64> {
        let total = self.good.saturating_add(self.bad);
        #[expect(clippy::cast_precision_loss, reason = "a share of requests")]
        let ratio = self.bad as f64 / total as f64;
        (total > 0).then_some(ratio)
    }
}

impl Slo {
    /// The share of requests that may be bad, from 0 to 1.
    #[must_use]
    pub fn error_budget(&self) -> f64 {
        1.0 - self.target
    }

    /// The share of the window's error budget that these counts of it spent: 1 is all of it, more
    /// is more than there was.
    #[must_use]
    pub fn budget_spent(&self, counts: Counts) -> f64 {
        counts.error_ratio().unwrap_or_default() / self.error_budget()
    }
}
