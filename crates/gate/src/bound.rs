//! Which bounds a test uses, and the second ones that little evidence must also pass.

use serde::{Deserialize, Serialize};

use crate::{
    binary::PairedCounts,
    bootstrap::bootstrap_t_of,
    mean::{Mean, Total, mean_of_totals, skewness, totals},
    number::Interval,
    quantile::sort,
    rate::{clopper_pearson, rate_below, wilson},
    sample::Sample,
};

/// Fewer items than these are few.
const ITEMS_FEW: usize = 30;
/// Fewer clusters than these are few.
const CLUSTERS_FEW: usize = 20;
/// So is everything where fewer items than these tell the arms apart.
const DIFFERING_FEW: usize = 20;
/// One-sided bounds of Student's t err by about one in a hundred more than they should where there
/// are this many clusters for each unit of squared skewness; with fewer they err by more. Source:
/// the first term of Edgeworth's expansion; Hall 1992, "The bootstrap and Edgeworth expansion",
/// section 2.6.
const CLUSTERS_FOR_SKEW: f64 = 100.0;

/// How bounds were found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// Tango's score interval, for single binary outcomes of two arms.
    Tango,
    /// Wilson's score interval, for single binary outcomes of one arm.
    Wilson,
    /// Student's t over items, for repeats and for graded scores.
    T,
    /// Student's t over clusters.
    ClusteredT,
    /// Nothing: there are too few items for any.
    None,
}

/// An estimate with one-sided bounds.
#[derive(Clone, Debug)]
pub(crate) struct Bound {
    pub(crate) estimate: f64,
    pub(crate) interval: Interval,
    pub(crate) method: Method,
    /// Whether evidence is so little that the interval is wider than the method's own.
    pub(crate) widened: bool,
    /// The variance of one item's value, such that over n it is that of the mean: where items come
    /// in clusters, it holds what they have in common.
    pub(crate) variance: f64,
    law: Law,
}

/// What a p-value comes from.
#[derive(Clone, Debug)]
enum Law {
    Pairs(PairedCounts),
    Rate { good: usize, n: usize },
    Mean(Mean),
    Unknown,
}

impl Bound {
    pub(crate) fn of(sample: &Sample, alpha: f64, seed: u64) -> Self {
        match sample.counts {
            Some(counts) if sample.paired => Self::of_pairs(counts, alpha),
            Some(counts) => Self::of_rate(counts.gained, counts.items(), alpha),
            None => Self::of_values(sample, alpha, seed),
        }
    }

    fn of_pairs(counts: PairedCounts, alpha: f64) -> Self {
        let score = counts.tango(alpha);
        let few = (counts.items() < ITEMS_FEW).then(|| counts.exact(alpha));
        let interval = [few, counts.exact_to_one_side(alpha)]
            .into_iter()
            .flatten()
            .fold(score, Interval::hull);
        let estimate = counts.difference();
        Self {
            estimate,
            interval,
            method: Method::Tango,
            widened: interval != score,
            variance: counts.discordance() - estimate * estimate,
            law: Law::Pairs(counts),
        }
    }

    fn of_rate(good: usize, n: usize, alpha: f64) -> Self {
        let score = wilson(good, n, alpha);
        let few = n < ITEMS_FEW || good.min(n - good) < DIFFERING_FEW;
        let interval = if few { score.hull(clopper_pearson(good, n, alpha)) } else { score };
        let estimate = good as f64 / n.max(1) as f64;
        Self {
            estimate,
            interval,
            method: Method::Wilson,
            widened: interval != score,
            variance: estimate * (1.0 - estimate),
            law: Law::Rate { good, n },
        }
    }

    fn of_values(sample: &Sample, alpha: f64, seed: u64) -> Self {
        let totals = totals(&sample.values, &sample.labels);
        let (least, most) = sample.range();
        let Some(mean) = Mean::of_totals(&totals) else {
            let interval = Interval { lower: least, upper: most };
            let estimate = mean_of_totals(&totals);
            let (method, law) = (Method::None, Law::Unknown);
            return Self { estimate, interval, method, widened: true, variance: 0.0, law };
        };
        let student = mean.interval(alpha);
        let interval = if is_little(sample, &totals) {
            student.hull(one_more(&totals, alpha, (least, most))).hull(
                // Without any spread there is nothing to draw from; one more cluster then decides.
                bootstrap_t_of(&totals, alpha, seed).unwrap_or(student),
            )
        } else {
            student
        };
        let clustered = totals.len() < sample.values.len();
        Self {
            estimate: mean.mean,
            interval: Interval::within(interval.lower, interval.upper, least, most),
            method: if clustered { Method::ClusteredT } else { Method::T },
            widened: interval != student,
            variance: mean.standard_error.powi(2) * sample.values.len() as f64,
            law: Law::Mean(mean),
        }
    }

    /// The p-value against a truth of at least `threshold`.
    pub(crate) fn below(&self, threshold: f64) -> f64 {
        match &self.law {
            Law::Pairs(counts) => counts.below(threshold),
            Law::Rate { good, n } => rate_below(*good, *n, threshold),
            Law::Mean(mean) => mean.below(threshold),
            Law::Unknown => 1.0,
        }
    }
}

/// Whether Student's t cannot be relied on. Many items do not help it where nearly all are equal,
/// as the few that are not are its whole evidence, or where those few all speak for one side.
fn is_little(sample: &Sample, totals: &[Total]) -> bool {
    sample.values.len() < ITEMS_FEW
        || totals.len() < CLUSTERS_FEW
        || sample.values.len() - most_alike(&sample.values) < DIFFERING_FEW
        || (totals.len() as f64) < CLUSTERS_FOR_SKEW * skewness(totals).powi(2)
}

/// How often the most common value is there.
fn most_alike(values: &[f64]) -> usize {
    let mut sorted = values.to_vec();
    sort(&mut sorted);
    sorted.chunk_by(|a, b| a == b).map(<[f64]>::len).max().unwrap_or(0)
}

/// The bounds of Student's t as if one more cluster had been seen, and it had turned out as badly,
/// or for the upper bound as well, as can be: what rare but large losses would look like next.
fn one_more(seen: &[Total], alpha: f64, (least, most): (f64, f64)) -> Interval {
    let size = seen.iter().map(|total| total.count).sum::<f64>() / seen.len() as f64;
    let with = |value: f64| {
        let mut totals = seen.to_vec();
        totals.push(Total { sum: value * size, count: size });
        Mean::of_totals(&totals).map(|mean| mean.interval(alpha))
    };
    let lower = with(least).map_or(least, |interval| interval.lower);
    let upper = with(most).map_or(most, |interval| interval.upper);
    Interval { lower, upper }
}
