//! Paired binary outcomes: intervals of the difference, and McNemar's tests.

use serde::{Deserialize, Serialize};

use crate::{
    dist::{binomial_cdf, normal_cdf, normal_quantile},
    number::Interval,
    rate::{clopper_pearson, wilson},
};

/// Halvings that take a bound to the last digit of a double.
const HALVINGS: usize = 60;

/// What two arms made of the same items, each right or wrong once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PairedCounts {
    /// Items that both got right.
    pub both: usize,
    /// Items that only the candidate got right.
    pub gained: usize,
    /// Items that only the incumbent got right.
    pub lost: usize,
    /// Items that both got wrong.
    pub neither: usize,
}

impl PairedCounts {
    /// How many items there are.
    #[must_use]
    pub const fn items(&self) -> usize {
        self.both + self.gained + self.lost + self.neither
    }

    /// The candidate's rate less the incumbent's; zero of no items.
    #[must_use]
    pub fn difference(&self) -> f64 {
        (self.gained as f64 - self.lost as f64) / self.items().max(1) as f64
    }

    /// The share of items that the arms differ on, ψ; zero of no items.
    #[must_use]
    pub fn discordance(&self) -> f64 {
        (self.gained + self.lost) as f64 / self.items().max(1) as f64
    }

    /// The score statistic of a true difference of `delta`: standard normal where that is true,
    /// and falling in `delta`.
    ///
    /// Source: Tango 1998, "Equivalence test and confidence interval for the difference in
    /// proportions for the paired-sample design", Statistics in Medicine 17:891.
    #[must_use]
    pub fn tango_z(&self, delta: f64) -> f64 {
        let (n, gained, lost) = (self.items() as f64, self.gained as f64, self.lost as f64);
        let away = gained - lost - n * delta;
        let spread = n * (2.0 * self.lost_at(delta) + delta * (1.0 - delta));
        if spread > 0.0 {
            return away / spread.sqrt();
        }
        if away == 0.0 { 0.0 } else { away.signum() * f64::INFINITY }
    }

    /// The likeliest share of lost items where the true difference is `delta`: the positive root
    /// of 2n·q² + B·q + C.
    fn lost_at(&self, delta: f64) -> f64 {
        let (n, gained, lost) = (self.items() as f64, self.gained as f64, self.lost as f64);
        let b = -gained - lost + (2.0 * n - gained + lost) * delta;
        let c = -lost * delta * (1.0 - delta);
        let root = (b * b - 8.0 * n * c).max(0.0).sqrt();
        // Both forms are the same root; each is used where it takes no difference of near equals.
        let share = if b > 0.0 { -2.0 * c / (b + root) } else { (root - b) / (4.0 * n) };
        share.max(0.0).max(-delta)
    }

    /// Tango's score interval of the difference: close to nominal also where few items differ,
    /// where Wald's is far too short. All of \[−1, 1\] where there are no items.
    ///
    /// Source: Tango 1998, Statistics in Medicine 17:891; the bounds solve `tango_z` = ±z.
    #[must_use]
    pub fn tango(&self, tail: f64) -> Interval {
        if self.items() == 0 {
            return Interval { lower: -1.0, upper: 1.0 };
        }
        let z = -normal_quantile(tail);
        let lower = halved(-1.0, self.difference(), |delta| self.tango_z(delta) > z);
        let upper = halved(self.difference(), 1.0, |delta| self.tango_z(delta) > -z);
        Interval { lower, upper }
    }

    /// The p-value of Tango's test against a true difference of at least `delta`.
    #[must_use]
    pub fn below(&self, delta: f64) -> f64 {
        normal_cdf(self.tango_z(delta))
    }

    /// Bounds that hold for every number of items, however few, and are wide for it: those of
    /// Clopper and Pearson of both discordant shares, each with half of `tail` (Bonferroni).
    #[must_use]
    pub fn exact(&self, tail: f64) -> Interval {
        let gained = clopper_pearson(self.gained, self.items(), tail / 2.0);
        let lost = clopper_pearson(self.lost, self.items(), tail / 2.0);
        Interval { lower: gained.lower - lost.upper, upper: gained.upper - lost.lower }
    }

    /// Clopper's and Pearson's bounds of the only share that was seen, where all items that differ
    /// differ to one side; none where they do not. Tango's are too short there.
    #[must_use]
    pub fn exact_to_one_side(&self, tail: f64) -> Option<Interval> {
        let of = |count: usize| clopper_pearson(count, self.items(), tail);
        let (gained, lost) = (of(self.gained), of(self.lost));
        let losses =
            (self.gained == 0).then(|| Interval { lower: -lost.upper, upper: -lost.lower });
        let gains = (self.lost == 0).then_some(gained);
        losses.map(|losses| gains.map_or(losses, |gains| losses.hull(gains))).or(gains)
    }

    /// Newcombe's interval of the difference, from Wilson's of both rates and their correlation.
    ///
    /// Source: Newcombe 1998, Statistics in Medicine 17:2635, method 10.
    #[must_use]
    pub fn newcombe(&self, tail: f64) -> Interval {
        let n = self.items();
        let candidate = wilson(self.both + self.gained, n, tail);
        let incumbent = wilson(self.both + self.lost, n, tail);
        let rate = |count: usize| count as f64 / n.max(1) as f64;
        let (p, q) = (rate(self.both + self.gained), rate(self.both + self.lost));
        let phi = self.correlation();
        let reach = |a: f64, b: f64| (a * a - 2.0 * phi * a * b + b * b).max(0.0).sqrt();
        let below = reach(p - candidate.lower, incumbent.upper - q);
        let above = reach(candidate.upper - p, q - incumbent.lower);
        Interval::within(self.difference() - below, self.difference() + above, -1.0, 1.0)
    }

    /// The correlation of both arms, with Newcombe's correction for continuity where positive.
    fn correlation(&self) -> f64 {
        let [both, gained, lost, neither] =
            [self.both, self.gained, self.lost, self.neither].map(|count| count as f64);
        let cross = both * neither - gained * lost;
        let corrected =
            if cross > 0.0 { (cross - self.items() as f64 / 2.0).max(0.0) } else { cross };
        let margins = (both + gained) * (lost + neither) * (both + lost) * (gained + neither);
        if margins > 0.0 { corrected / margins.sqrt() } else { 0.0 }
    }

    /// Bonett's and Price's interval of the difference: Wald's after two more items, one gained
    /// and one lost.
    ///
    /// Source: Bonett, Price 2012, "Adjusted Wald confidence interval for a difference of binomial
    /// proportions based on paired data", Journal of Educational and Behavioral Statistics 37:479.
    #[must_use]
    pub fn bonett_price(&self, tail: f64) -> Interval {
        let n = self.items() as f64 + 2.0;
        let (gained, lost) = ((self.gained as f64 + 1.0) / n, (self.lost as f64 + 1.0) / n);
        let difference = gained - lost;
        let spread = ((gained + lost - difference * difference) / n).sqrt();
        let reach = -normal_quantile(tail) * spread;
        Interval::within(difference - reach, difference + reach, -1.0, 1.0)
    }

    /// McNemar's tests of no difference.
    #[must_use]
    pub fn mcnemar(&self) -> McNemar {
        let discordant = self.gained + self.lost;
        let fewer = self.gained.min(self.lost);
        let at_most = binomial_cdf(fewer, discordant, 0.5);
        let fewer_still = fewer.checked_sub(1).map_or(0.0, |k| binomial_cdf(k, discordant, 0.5));
        let apart = self.gained.abs_diff(self.lost) as f64;
        let chi = |apart: f64| 2.0 * normal_cdf(-apart / (discordant as f64).sqrt());
        if discordant == 0 {
            return McNemar { exact: 1.0, mid_p: 1.0, asymptotic: 1.0, corrected: 1.0 };
        }
        McNemar {
            exact: (2.0 * at_most).min(1.0),
            mid_p: if apart > 0.0 {
                at_most + fewer_still
            } else {
                1.0 - (at_most - fewer_still) / 2.0
            },
            asymptotic: chi(apart),
            corrected: chi((apart - 1.0).max(0.0)),
        }
    }
}

/// Two-sided p-values of McNemar's test. The mid-p and the asymptotic one are recommended; the
/// other two are too cautious.
///
/// Source: Fagerland, Lydersen, Laake 2013, BMC Medical Research Methodology 13:91.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct McNemar {
    /// 2·P(Bin(b+c, ½) ≤ min(b, c)).
    pub exact: f64,
    /// The exact one less P(Bin = min(b, c)), or half of that where b = c.
    pub mid_p: f64,
    /// By (b−c)²/(b+c).
    pub asymptotic: f64,
    /// By (|b−c|−1)²/(b+c).
    pub corrected: f64,
}

/// Where `before` turns from true to false between `low` and `high`.
fn halved(low: f64, high: f64, before: impl Fn(f64) -> bool) -> f64 {
    let (mut low, mut high) = (low, high);
    for _ in 0..HALVINGS {
        let middle = f64::midpoint(low, high);
        if before(middle) {
            low = middle;
        } else {
            high = middle;
        }
    }
    f64::midpoint(low, high)
}
