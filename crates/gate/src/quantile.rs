//! Quantiles, and bounds for them that suppose nothing of the distribution.

use crate::{dist::binomial_cdf, number::whole};

/// The quantile of sorted values, interpolated between neighbours; none of nothing.
///
/// Source: Hyndman, Fan 1996, The American Statistician 50:361, type 7.
#[must_use]
pub fn quantile(sorted: &[f64], level: f64) -> Option<f64> {
    let place = level * sorted.len().checked_sub(1)? as f64;
    let below = whole(place.floor());
    let low = *sorted.get(below)?;
    let high = sorted.get(below + 1).copied().unwrap_or(low);
    Some(low + (high - low) * (place - place.floor()))
}

/// Bounds of the true quantile, from the order of the values alone. There is no upper bound where
/// values are too few: 59 are the least for a p95 at 95 %.
///
/// Source: Hahn, Meeker 1991, "Statistical intervals", section 5.2.
#[must_use]
pub fn quantile_bounds(sorted: &[f64], level: f64, tail: f64) -> (Option<f64>, Option<f64>) {
    let n = sorted.len();
    let below = |count: usize| binomial_cdf(count, n, level);
    // The value of rank r + 1 is above the quantile where at most r values are below it.
    let upper = (0..n).find(|rank| below(*rank) >= 1.0 - tail);
    let lower = (0..n).rev().find(|rank| below(*rank) <= tail);
    let at = |rank: usize| sorted.get(rank).copied();
    (lower.and_then(at), upper.and_then(at))
}

/// Sorts numbers, those that are none last.
pub(crate) fn sort(values: &mut [f64]) {
    values.sort_unstable_by(f64::total_cmp);
}
