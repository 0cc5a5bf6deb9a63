//! Ratios: what a success costs, how much dearer, longer or slower a candidate is.

use crate::{
    bootstrap::Pair,
    dist::t_quantile,
    mean::{Correction, Mean, standard_error_of, totals},
    number::Interval,
};

/// A ratio of two means over the same items.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ratio {
    /// Mean over mean.
    pub ratio: f64,
    /// Its standard error.
    pub standard_error: f64,
    /// The degrees of freedom, clusters − 1.
    pub df: f64,
}

impl Ratio {
    /// Of the mean of `over` to that of `under`: R = x̄/ȳ with Var(R) ≈ (S_x² − 2R·S_xy + R²·S_y²)
    /// / (n·ȳ²), in clusters by their sums. With costs over successes it is what a success costs;
    /// with the costs of two arms, how much dearer one is. None where the lower mean is not
    /// positive or there are fewer than two clusters.
    ///
    /// Source: the delta method; Cochran 1977, "Sampling techniques", section 6.4.
    #[must_use]
    pub fn of(over: &[f64], under: &[f64], labels: &[usize]) -> Option<Self> {
        let mean_under = crate::number::mean_of(under).filter(|mean| *mean > 0.0)?;
        let ratio = crate::number::mean_of(over)? / mean_under;
        let rests: Vec<f64> = over.iter().zip(under).map(|(x, y)| x - ratio * y).collect();
        let rests = totals(&rests, labels);
        let standard_error = standard_error_of(&rests, Correction::Finite)? / mean_under;
        Some(Self { ratio, standard_error, df: (rests.len() - 1) as f64 })
    }

    /// The bounds of Student's t with so much left out on each side; not below zero.
    #[must_use]
    pub fn interval(&self, tail: f64) -> Interval {
        let reach = t_quantile(1.0 - tail, self.df) * self.standard_error;
        Interval { lower: (self.ratio - reach).max(0.0), upper: self.ratio + reach }
    }
}

/// How much slower the candidate is on the same item: the geometric mean of the ratios, with the
/// bounds of Student's t of their logarithms. None where fewer than two clusters have positive
/// times in both arms.
#[must_use]
pub fn latency_ratio(pairs: &[Pair], tail: f64) -> Option<(f64, Interval)> {
    let positive = |pair: &&Pair| pair.candidate > 0.0 && pair.incumbent > 0.0;
    let pairs: Vec<&Pair> = pairs.iter().filter(positive).collect();
    let logs: Vec<f64> = pairs.iter().map(|pair| (pair.candidate / pair.incumbent).ln()).collect();
    let labels: Vec<usize> = pairs.iter().map(|pair| pair.label).collect();
    let mean = Mean::of(&logs, &labels)?;
    let bounds = mean.interval(tail);
    Some((mean.mean.exp(), Interval { lower: bounds.lower.exp(), upper: bounds.upper.exp() }))
}
