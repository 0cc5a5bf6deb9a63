//! How many items a question needs, and what so many items can tell. For `tieline eval plan`, and
//! for how many more an inconclusive gate needs.

use crate::{
    dist::{normal_cdf, normal_quantile},
    number::whole,
    rate::zero_failure_bound,
};

/// The variance of an evaluation with repeats: of items (ω²), and of an item's answers (σ²/K) in
/// both arms.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spread {
    /// The variance of the items' true differences, ω².
    pub items: f64,
    /// The variance of one answer of the candidate, σ_A².
    pub candidate: f64,
    /// The variance of one answer of the incumbent, σ_B².
    pub incumbent: f64,
    /// Repeats of the candidate, K_A.
    pub candidate_repeats: f64,
    /// Repeats of the incumbent, K_B.
    pub incumbent_repeats: f64,
}

impl Spread {
    /// The variance of one item's difference of means.
    #[must_use]
    pub fn variance(&self) -> f64 {
        self.items
            + self.candidate / self.candidate_repeats
            + self.incumbent / self.incumbent_repeats
    }
}

/// Items that show a difference of `delta` with this power, two-sided at `alpha`.
///
/// Source: Miller 2024, arXiv 2411.00640, section 5.
#[must_use]
pub fn items_to_detect(spread: &Spread, delta: f64, alpha: f64, power: f64) -> usize {
    let z = normal_quantile(1.0 - alpha / 2.0) + normal_quantile(power);
    whole(z * z * spread.variance() / (delta * delta))
}

/// The smallest difference that n items show with this power, two-sided at `alpha`.
///
/// Source: Miller 2024, arXiv 2411.00640, section 5, solved for δ.
#[must_use]
pub fn detectable_difference(spread: &Spread, n: usize, alpha: f64, power: f64) -> f64 {
    let z = normal_quantile(1.0 - alpha / 2.0) + normal_quantile(power);
    z * (spread.variance() / n.max(1) as f64).sqrt()
}

/// A test of non-inferiority to be planned: is the candidate at most `margin` worse?
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NonInferiority {
    /// The variance of one item's difference. Of single binary outcomes it is ψ − δ², where ψ is
    /// the share of items that the arms differ on; see [`NonInferiority::binary`].
    pub variance: f64,
    /// The true difference that is planned for; zero for an equal candidate.
    pub delta: f64,
    /// The one-sided level.
    pub alpha: f64,
}

impl NonInferiority {
    /// For single binary outcomes that differ on a share of `discordance` of the items.
    #[must_use]
    pub fn binary(discordance: f64, delta: f64, alpha: f64) -> Self {
        Self { variance: (discordance - delta * delta).max(0.0), delta, alpha }
    }

    /// Items that pass this margin with this power; none where no number of them would, because
    /// the candidate is that much worse.
    ///
    /// n = (z₁₋α + z_power)²·Var/(δ+m)², but never fewer than pass without any difference at all,
    /// ln α / ln(1−m).
    ///
    /// Source: the matched-pairs non-inferiority test by the normal approximation; Liu et al. 2002,
    /// Statistics in Medicine 21:231.
    #[must_use]
    pub fn items(&self, margin: f64, power: f64) -> Option<usize> {
        let room = self.delta + margin;
        let z = normal_quantile(1.0 - self.alpha) + normal_quantile(power);
        let least = self.alpha.ln() / (-margin).ln_1p();
        (room > 0.0 && margin > 0.0)
            .then(|| whole((z * z * self.variance / (room * room)).max(least)))
    }

    /// How likely n items pass this margin.
    #[must_use]
    pub fn power(&self, margin: f64, n: usize) -> f64 {
        let room = self.delta + margin;
        let z = normal_quantile(1.0 - self.alpha);
        let spread = (self.variance / n.max(1) as f64).sqrt();
        if spread > 0.0 {
            return normal_cdf(room / spread - z);
        }
        if room > zero_failure_bound(n, self.alpha) { 1.0 } else { 0.0 }
    }

    /// The smallest margin that n items pass with this power.
    #[must_use]
    pub fn margin(&self, n: usize, power: f64) -> f64 {
        let z = normal_quantile(1.0 - self.alpha) + normal_quantile(power);
        let reach = z * (self.variance / n.max(1) as f64).sqrt();
        (reach - self.delta).max(zero_failure_bound(n, self.alpha))
    }
}
