//! Small numbers that every formula shares.

use serde::{Deserialize, Serialize};

/// A lower and an upper bound. Each leaves out the probability that was asked for as `tail`: 0.025
/// for the usual two-sided 95 % interval, 0.05 for one-sided bounds at 95 %.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// The lower bound.
    pub lower: f64,
    /// The upper bound.
    pub upper: f64,
}

impl Interval {
    /// Both bounds, kept within what the quantity can be.
    pub(crate) fn within(lower: f64, upper: f64, least: f64, most: f64) -> Self {
        Self { lower: lower.clamp(least, most), upper: upper.clamp(least, most) }
    }

    /// The interval that holds both.
    pub(crate) fn hull(self, other: Self) -> Self {
        Self { lower: self.lower.min(other.lower), upper: self.upper.max(other.upper) }
    }
}

/// The least whole number that is not below `x`, at most `usize::MAX`; zero for what is no number.
#[expect(clippy::cast_possible_truncation, reason = "a cast of a float stays within the type")]
#[expect(clippy::cast_sign_loss, reason = "a cast of a float stays within the type")]
pub(crate) fn whole(x: f64) -> usize {
    x.ceil() as usize
}

/// The arithmetic mean; none of nothing.
pub(crate) fn mean_of(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

/// The sample variance, with n - 1; none of fewer than two.
pub(crate) fn variance_of(values: &[f64]) -> Option<f64> {
    let mean = mean_of(values).filter(|_| values.len() > 1)?;
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    Some(squares / (values.len() - 1) as f64)
}
