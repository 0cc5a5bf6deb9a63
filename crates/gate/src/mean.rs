//! Means and how far to trust them: independent items, items in clusters, repeats.

use std::collections::BTreeMap;

use crate::{
    dist::{t_cdf, t_quantile},
    number::{Interval, mean_of, variance_of},
};

/// Whether a clustered standard error is enlarged for a finite number of clusters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Correction {
    /// As in Miller 2024, appendix A.
    None,
    /// Times √(C/(C−1)), as regression software does; what the gate uses.
    Finite,
}

/// The standard error of the mean, √(Σ(x−x̄)²/(n(n−1))); none of fewer than two values.
///
/// Source: Miller 2024, "Adding error bars to evals", arXiv 2411.00640, section 2.
#[must_use]
pub fn standard_error(values: &[f64]) -> Option<f64> {
    Some((variance_of(values)? / values.len() as f64).sqrt())
}

/// The standard error of the mean of items that come in clusters, √(Σ_c(Σ_{i∈c}(x_i−x̄))²)/n;
/// none of fewer than two clusters. `labels` gives each value's cluster.
///
/// Source: Miller 2024, arXiv 2411.00640, appendix A.
#[must_use]
pub fn clustered_standard_error(
    values: &[f64],
    labels: &[usize],
    correction: Correction,
) -> Option<f64> {
    standard_error_of(&totals(values, labels), correction)
}

/// The differences of two lists of scores of the same items.
#[must_use]
pub fn differences(candidate: &[f64], incumbent: &[f64]) -> Vec<f64> {
    candidate.iter().zip(incumbent).map(|(candidate, incumbent)| candidate - incumbent).collect()
}

/// Where the variance of repeated scores comes from, by the law of total variance:
/// Var(s̄) = ω² + E\[σ²\]/K.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Variance {
    /// The variance of the items' means.
    pub between: f64,
    /// The mean variance of an item's repeats, σ².
    pub within: f64,
    /// The variance of the items' true means, ω²: what no number of repeats takes away.
    pub items: f64,
}

impl Variance {
    /// Of each item's repeats; none where fewer than two items have two repeats.
    ///
    /// Source: Miller 2024, arXiv 2411.00640, section 3.
    #[must_use]
    pub fn of(repeats: &[Vec<f64>]) -> Option<Self> {
        let spread: Vec<(f64, f64, f64)> = repeats
            .iter()
            .filter_map(|item| {
                Some((mean_of(item)?, variance_of(item)?, variance_of(item)? / item.len() as f64))
            })
            .collect();
        let between = variance_of(&spread.iter().map(|item| item.0).collect::<Vec<_>>())?;
        let within = mean_of(&spread.iter().map(|item| item.1).collect::<Vec<_>>())?;
        let noise = mean_of(&spread.iter().map(|item| item.2).collect::<Vec<_>>())?;
        Some(Self { between, within, items: (between - noise).max(0.0) })
    }
}

/// A cluster's part of a mean: an item that is in no cluster is one of its own.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Total {
    pub(crate) sum: f64,
    pub(crate) count: f64,
}

/// The clusters of values, in the order of their labels.
pub(crate) fn totals(values: &[f64], labels: &[usize]) -> Vec<Total> {
    let mut totals: BTreeMap<usize, Total> = BTreeMap::new();
    for (value, label) in values.iter().zip(labels) {
        let total = totals.entry(*label).or_default();
        total.sum += value;
        total.count += 1.0;
    }
    totals.into_values().collect()
}

/// The mean over all items; zero of none.
pub(crate) fn mean_of_totals(totals: &[Total]) -> f64 {
    let (sum, count) = totals
        .iter()
        .fold((0.0, 0.0), |(sum, count), total| (sum + total.sum, count + total.count));
    if count > 0.0 { sum / count } else { 0.0 }
}

pub(crate) fn standard_error_of(totals: &[Total], correction: Correction) -> Option<f64> {
    let clusters = totals.len() as f64;
    if totals.len() < 2 {
        return None;
    }
    let mean = mean_of_totals(totals);
    let count: f64 = totals.iter().map(|total| total.count).sum();
    let squares: f64 = totals.iter().map(|total| (total.sum - mean * total.count).powi(2)).sum();
    let finite = match correction {
        Correction::None => 1.0,
        Correction::Finite => clusters / (clusters - 1.0),
    };
    Some((squares * finite).sqrt() / count)
}

/// How lopsided clusters lie around the mean: zero where they do not, or do not differ.
pub(crate) fn skewness(totals: &[Total]) -> f64 {
    let mean = mean_of_totals(totals);
    let moment = |power: i32| {
        let rests = totals.iter().map(|total| (total.sum - mean * total.count).powi(power));
        rests.sum::<f64>() / totals.len().max(1) as f64
    };
    let spread = moment(2).powf(1.5);
    if spread > 0.0 { moment(3) / spread } else { 0.0 }
}

/// A mean with what Student's t says of it; its degrees of freedom are clusters − 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Mean {
    /// The mean.
    pub mean: f64,
    /// Its standard error, clustered.
    pub standard_error: f64,
    /// The degrees of freedom.
    pub df: f64,
}

impl Mean {
    /// Of values in clusters; none of fewer than two clusters. Where items are independent, each
    /// has a label of its own.
    #[must_use]
    pub fn of(values: &[f64], labels: &[usize]) -> Option<Self> {
        Self::of_totals(&totals(values, labels))
    }

    pub(crate) fn of_totals(totals: &[Total]) -> Option<Self> {
        let standard_error = standard_error_of(totals, Correction::Finite)?;
        let df = (totals.len() - 1) as f64;
        Some(Self { mean: mean_of_totals(totals), standard_error, df })
    }

    /// The bounds of Student's t with so much left out on each side.
    #[must_use]
    pub fn interval(&self, tail: f64) -> Interval {
        let reach = t_quantile(1.0 - tail, self.df) * self.standard_error;
        Interval { lower: self.mean - reach, upper: self.mean + reach }
    }

    /// The p-value against a true mean of at least `threshold`: small where it is lower.
    #[must_use]
    pub fn below(&self, threshold: f64) -> f64 {
        if self.standard_error > 0.0 {
            return t_cdf((self.mean - threshold) / self.standard_error, self.df);
        }
        if self.mean < threshold { 0.0 } else { 1.0 }
    }
}
