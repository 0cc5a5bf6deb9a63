//! An objective and the counts that it is measured by.

use std::{ops::Add, sync::Arc, time::Duration};

use crate::{Alerting, Indicator, digest};

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
    /// When somebody is told that its budget is being spent.
    pub alerting: Alerting,
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
    /// Those of one request.
    #[must_use]
    pub const fn of(good: bool) -> Self {
        if good { Self { good: 1, bad: 0 } } else { Self { good: 0, bad: 1 } }
    }

    /// Good and bad ones together.
    #[must_use]
    pub const fn total(self) -> u64 {
        self.good.saturating_add(self.bad)
    }

    /// The share of bad ones, from 0 to 1; none where nothing was counted.
    #[must_use]
    pub fn error_ratio(&self) -> Option<f64> {
        let total = self.total();
        (total > 0).then(|| self.bad as f64 / total as f64)
    }
}

impl Add for Counts {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self { good: self.good.saturating_add(other.good), bad: self.bad.saturating_add(other.bad) }
    }
}

impl std::iter::Sum for Counts {
    fn sum<I: Iterator<Item = Self>>(counts: I) -> Self {
        counts.fold(Self::default(), Self::add)
    }
}

impl Slo {
    /// The share of requests that may be bad, from 0 to 1, without the dust that the subtraction of
    /// binary fractions leaves.
    #[must_use]
    pub fn error_budget(&self) -> f64 {
        const DIGITS: f64 = 1e12;
        ((1.0 - self.target) * DIGITS).round() / DIGITS
    }

    /// How long an outage of everything may last within the window, at even traffic.
    #[must_use]
    pub fn budget_time(&self) -> Duration {
        self.window.mul_f64(self.error_budget())
    }

    /// How fast these counts spend the budget: at 1 it lasts the window exactly. None where nothing
    /// was counted.
    #[must_use]
    pub fn burn_rate(&self, counts: Counts) -> Option<f64> {
        counts.error_ratio().map(|ratio| ratio / self.error_budget())
    }

    /// The share of the window's error budget that these counts of it spent: 1 is all of it, more
    /// is more than there was.
    #[must_use]
    pub fn budget_spent(&self, counts: Counts) -> f64 {
        self.burn_rate(counts).unwrap_or_default()
    }

    /// What tells counts by this definition from those by any other: the SHA-256, in hexadecimal,
    /// of the feature and of what is measured. Target, window and alerts are no part of it, because
    /// counts stay true when those change.
    #[must_use]
    pub fn digest(&self) -> String {
        digest::of(&self.feature, &self.indicator)
    }
}
