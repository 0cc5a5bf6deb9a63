//! Resampling, seeded, so that the same rows give the same bounds for ever.

use std::collections::BTreeMap;

use crate::{
    mean::{Correction, Total, mean_of_totals, standard_error_of, totals},
    number::Interval,
    quantile::{quantile, sort},
    rng::Rng,
};

/// How often data is drawn anew. One less than a round number, so that quantiles are draws.
const RESAMPLES: usize = 1_999;

/// The bootstrap-t interval of a mean of values in clusters: whole clusters are drawn, and the
/// quantiles of t are those of the draws instead of Student's. A bound is infinite where too many
/// draws have no spread; none where there are fewer than two clusters or the values have none.
///
/// Source: Efron, Tibshirani 1993, "An introduction to the bootstrap", section 12.5; by clusters:
/// Cameron, Gelbach, Miller 2008, Review of Economics and Statistics 90:414.
#[must_use]
pub fn bootstrap_t(values: &[f64], labels: &[usize], tail: f64, seed: u64) -> Option<Interval> {
    bootstrap_t_of(&totals(values, labels), tail, seed)
}

pub(crate) fn bootstrap_t_of(totals: &[Total], tail: f64, seed: u64) -> Option<Interval> {
    let mean = mean_of_totals(totals);
    let spread = standard_error_of(totals, Correction::Finite).filter(|spread| *spread > 0.0)?;
    let mut rng = Rng::new(seed);
    let mut drawn = Vec::with_capacity(totals.len());
    let mut ts: Vec<f64> = (0..RESAMPLES)
        .map(|_| {
            redraw(&mut rng, totals, &mut drawn);
            studentised(&drawn, mean)
        })
        .collect();
    sort(&mut ts);
    Some(Interval {
        lower: mean - draw_at(&ts, 1.0 - tail) * spread,
        upper: mean - draw_at(&ts, tail) * spread,
    })
}

/// How far a draw's mean is from the true one, in its own standard errors.
fn studentised(drawn: &[Total], mean: f64) -> f64 {
    let away = mean_of_totals(drawn) - mean;
    match standard_error_of(drawn, Correction::Finite) {
        Some(spread) if spread > 0.0 => away / spread,
        _ if away == 0.0 => 0.0,
        _ => away.signum() * f64::INFINITY,
    }
}

/// The bootstrap interval of a ratio of quantiles over the same items, such as that of the p95 of
/// latencies: whole clusters of pairs are drawn. None where there are no pairs or the incumbent's
/// quantile is zero.
///
/// Source: Efron, Tibshirani 1993, section 13.3 (percentile interval).
#[must_use]
pub fn quantile_ratio(pairs: &[Pair], level: f64, tail: f64, seed: u64) -> Option<(f64, Interval)> {
    let estimate = ratio_at(pairs, level)?;
    let mut clusters: BTreeMap<usize, Vec<Pair>> = BTreeMap::new();
    for pair in pairs {
        clusters.entry(pair.label).or_default().push(*pair);
    }
    let clusters: Vec<Vec<Pair>> = clusters.into_values().collect();
    let mut rng = Rng::new(seed);
    let mut drawn = Vec::with_capacity(clusters.len());
    let mut ratios: Vec<f64> = (0..RESAMPLES)
        .filter_map(|_| {
            redraw(&mut rng, &clusters, &mut drawn);
            ratio_at(&drawn.concat(), level)
        })
        .collect();
    sort(&mut ratios);
    let (lower, upper) = (draw_at(&ratios, tail), draw_at(&ratios, 1.0 - tail));
    Some((estimate, Interval { lower, upper }))
}

/// What was measured of one item in both arms.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pair {
    /// The candidate's measure.
    pub candidate: f64,
    /// The incumbent's measure.
    pub incumbent: f64,
    /// The item's cluster; one of its own where items are independent.
    pub label: usize,
}

fn ratio_at(pairs: &[Pair], level: f64) -> Option<f64> {
    let of = |measure: fn(&Pair) -> f64| {
        let mut measures: Vec<f64> = pairs.iter().map(measure).collect();
        sort(&mut measures);
        quantile(&measures, level)
    };
    let incumbent = of(|pair| pair.incumbent).filter(|incumbent| *incumbent > 0.0)?;
    Some(of(|pair| pair.candidate)? / incumbent)
}

/// As many as there are, drawn with replacement.
fn redraw<T: Clone>(rng: &mut Rng, from: &[T], drawn: &mut Vec<T>) {
    drawn.clear();
    drawn.extend((0..from.len()).filter_map(|_| rng.pick(from).cloned()));
}

/// The draw below which a share of `p` lies.
fn draw_at(sorted: &[f64], p: f64) -> f64 {
    let rank = (p * (sorted.len() + 1) as f64).round();
    let at = crate::number::whole(rank).clamp(1, sorted.len().max(1)) - 1;
    sorted.get(at).copied().unwrap_or(f64::NAN)
}
