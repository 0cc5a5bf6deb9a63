//! Single rates: intervals, what no failure among n means, and k attempts at one item.

use crate::{
    dist::{beta_quantile, ln_choose, normal_cdf, normal_quantile},
    number::Interval,
};

/// Wilson's score interval of a rate; all of \[0, 1\] of nothing.
///
/// Source: Wilson 1927, Journal of the American Statistical Association 22:209.
#[must_use]
pub fn wilson(successes: usize, n: usize, tail: f64) -> Interval {
    if n == 0 {
        return Interval { lower: 0.0, upper: 1.0 };
    }
    let (rate, count) = (successes.min(n) as f64 / n as f64, n as f64);
    let z2 = normal_quantile(tail).powi(2);
    let centre = (rate + z2 / (2.0 * count)) / (1.0 + z2 / count);
    let inner = z2 * (rate * (1.0 - rate) / count + z2 / (4.0 * count * count));
    let reach = inner.sqrt() / (1.0 + z2 / count);
    let lower = if successes == 0 { 0.0 } else { centre - reach };
    let upper = if successes >= n { 1.0 } else { centre + reach };
    Interval::within(lower, upper, 0.0, 1.0)
}

/// The p-value of Wilson's test against a true rate of at least `threshold`.
#[must_use]
pub fn rate_below(successes: usize, n: usize, threshold: f64) -> f64 {
    let spread = (threshold * (1.0 - threshold) / n.max(1) as f64).sqrt();
    let away = successes as f64 / n.max(1) as f64 - threshold;
    if spread > 0.0 {
        return normal_cdf(away / spread);
    }
    if away < 0.0 { 0.0 } else { 1.0 }
}

/// The p-value of Fisher's exact test against a rate that is at least as high as that of another
/// sample, each as successes among so many; 1 where one of them is empty.
///
/// Source: Fisher 1935, The Design of Experiments; P(X ≤ k) of the hypergeometric distribution.
#[must_use]
pub fn fisher_below((k, n): (usize, usize), (other_k, other_n): (usize, usize)) -> f64 {
    let (successes, all) = (k + other_k, n + other_n);
    if n == 0 || other_n == 0 || k > n || other_k > other_n {
        return 1.0;
    }
    let ways = |x: usize| ln_choose(successes, x) + ln_choose(all - successes, n - x);
    let least = successes.saturating_sub(other_n);
    let sum: f64 = (least..=k).map(|x| (ways(x) - ln_choose(all, n)).exp()).sum();
    sum.min(1.0)
}

/// The exact interval of a rate; all of \[0, 1\] of nothing.
///
/// Source: Clopper, Pearson 1934, Biometrika 26:404.
#[must_use]
pub fn clopper_pearson(successes: usize, n: usize, tail: f64) -> Interval {
    let (good, bad) = (successes as f64, n.saturating_sub(successes) as f64);
    let lower = if successes == 0 { 0.0 } else { beta_quantile(tail, good, bad + 1.0) };
    let upper = if successes >= n { 1.0 } else { beta_quantile(1.0 - tail, good + 1.0, bad) };
    Interval { lower, upper }
}

/// The highest rate of failure that n items without one leave possible: 1 − tail^(1/n), near 3/n
/// for a tail of 5 % (the "rule of three"). All of it where there are no items.
#[must_use]
pub fn zero_failure_bound(n: usize, tail: f64) -> f64 {
    if n == 0 { 1.0 } else { 1.0 - tail.powf(1.0 / n as f64) }
}

/// How likely at least one of k attempts succeeds, from c successes among n: 1 − C(n−c,k)/C(n,k).
/// None where k is more than n.
///
/// Source: Chen et al. 2021, arXiv 2107.03374 (pass@k).
#[must_use]
pub fn pass_at_k(n: usize, c: usize, k: usize) -> Option<f64> {
    (k <= n && c <= n).then(|| 1.0 - choose_ratio(n - c, n, k))
}

/// How likely all of k attempts succeed, from c successes among n: C(c,k)/C(n,k). None where k is
/// more than n.
///
/// Source: Yao et al. 2024, arXiv 2406.12045 (pass^k).
#[must_use]
pub fn pass_hat_k(n: usize, c: usize, k: usize) -> Option<f64> {
    (k <= n && c <= n).then(|| choose_ratio(c, n, k))
}

/// C(some, k) / C(all, k).
fn choose_ratio(some: usize, all: usize, k: usize) -> f64 {
    if some < k {
        return 0.0;
    }
    (0..k).map(|taken| (some - taken) as f64 / (all - taken) as f64).product()
}
