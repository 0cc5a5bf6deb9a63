//! Watching a canary pair by pair, and being free to stop at any time.
//!
//! Source: Waudby-Smith, Ramdas 2024, "Estimating means of bounded random variables by betting",
//! Journal of the Royal Statistical Society B 86:1. Two gamblers bet on every difference: one
//! against "the candidate is worse by the margin", one against "it is not". Nobody wins much
//! against the truth, whenever they stop (Ville's inequality), so that a fortune of 1/α is proof.

use serde::{Deserialize, Serialize};

use crate::{Invalid, gate::ALPHA_MAX, number::Interval};

/// A bet risks at most this share of what could be lost on it.
const RISK_MAX: f64 = 0.5;
/// The number of pairs for which the confidence sequence is tightest.
const TIGHTEST_AT: f64 = 100.0;
/// What is supposed of the differences before any is known, with the weight of one pair.
const VARIANCE_AT_FIRST: f64 = 1.0;

/// What the pairs so far prove.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Proof {
    /// Worse by more than the margin: roll back.
    Worse,
    /// Not worse by the margin: go on to the next share of the traffic.
    NonInferior,
    /// Neither yet.
    Open,
}

/// A gambler's fortune, as a logarithm.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Wealth {
    now: f64,
    /// The most it ever was: what was proved stays proved.
    peak: f64,
}

impl Wealth {
    fn multiply(&mut self, factor: f64) {
        self.now += factor.ln();
        self.peak = self.peak.max(self.now);
    }
}

/// The state of a canary: small, and serialisable, so that it outlives the process.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct EProcess {
    margin: f64,
    alpha: f64,
    pairs: u64,
    /// The sum of the differences.
    sum: f64,
    /// The sum of the squares of their distances to the mean of their time.
    squares: f64,
    for_candidate: Wealth,
    against_candidate: Wealth,
}

impl EProcess {
    /// A canary that may be at most `margin` worse, with a probability of error of `alpha` for
    /// each of both proofs, however often one looks.
    ///
    /// # Errors
    ///
    /// Where the margin is not between 0 and 1, or `alpha` not between 0 and a half.
    pub fn new(margin: f64, alpha: f64) -> Result<Self, Invalid> {
        Invalid::unless_share("margin", margin)?;
        Invalid::unless_between("alpha", alpha, ALPHA_MAX)?;
        let (for_candidate, against_candidate) = (Wealth::default(), Wealth::default());
        let (pairs, sum, squares) = (0, 0.0, 0.0);
        Ok(Self { margin, alpha, pairs, sum, squares, for_candidate, against_candidate })
    }

    /// Takes the next pair's difference, candidate less incumbent, of scores in \[0, 1\]. What lies
    /// outside of \[−1, 1\] counts as its end; what is no number is passed over.
    ///
    /// Pairs are answers of both arms to the same request, or the next answer of each arm to
    /// different ones: then the pairs take longer to prove the same.
    pub fn step(&mut self, difference: f64) {
        if difference.is_nan() {
            return;
        }
        let difference = difference.clamp(-1.0, 1.0);
        let above = difference + self.margin;
        let bet = self.bet();
        let for_most = RISK_MAX / (1.0 - self.margin);
        let against_most = RISK_MAX / (1.0 + self.margin);
        self.for_candidate.multiply(1.0 + bet.max(0.0).min(for_most) * above);
        self.against_candidate.multiply(1.0 - (-bet).max(0.0).min(against_most) * above);
        self.learn(difference);
    }

    /// The stake that would have grown fortunes fastest so far: μ/(σ² + μ²) of the difference and
    /// the margin, without the pair that it is put on
    /// ("aGRAPA" in the source).
    fn bet(&self) -> f64 {
        let above = self.sum / (self.pairs + 1) as f64 + self.margin;
        above / (self.variance() + above * above)
    }

    fn variance(&self) -> f64 {
        (VARIANCE_AT_FIRST + self.squares) / (self.pairs + 1) as f64
    }

    fn learn(&mut self, difference: f64) {
        self.pairs += 1;
        self.sum += difference;
        let mean = self.sum / (self.pairs + 1) as f64;
        self.squares += (difference - mean).powi(2);
    }

    /// What is proved. Where both are, which is rare, the cautious one counts.
    #[must_use]
    pub fn state(&self) -> Proof {
        let enough = -self.alpha.ln();
        if self.against_candidate.peak >= enough {
            Proof::Worse
        } else if self.for_candidate.peak >= enough {
            Proof::NonInferior
        } else {
            Proof::Open
        }
    }

    /// How much worse a candidate may be.
    #[must_use]
    pub const fn margin(&self) -> f64 {
        self.margin
    }

    /// The mean difference so far; none before the first pair.
    #[must_use]
    pub fn mean(&self) -> Option<f64> {
        (self.pairs > 0).then(|| self.sum / self.pairs as f64)
    }

    /// How many pairs there were.
    #[must_use]
    pub const fn pairs(&self) -> u64 {
        self.pairs
    }

    /// The logarithms of both fortunes now: for the candidate, and against it. Proof is at −ln α.
    #[must_use]
    pub const fn log_wealth(&self) -> (f64, f64) {
        (self.for_candidate.now, self.against_candidate.now)
    }

    /// The mean difference so far, with bounds that hold at all times at once, two-sided at the
    /// process' alpha. They are asymptotic: for plots, not for decisions. None before the first
    /// pair.
    ///
    /// Source: Waudby-Smith, Arbour, Sinha, Kennedy, Ramdas 2024, "Time-uniform central limit
    /// theory and asymptotic confidence sequences", Annals of Statistics 52:2613, proposition 2.5.
    #[must_use]
    pub fn confidence(&self) -> Option<(f64, Interval)> {
        let mean = self.mean()?;
        let n = self.pairs as f64;
        let alpha_term = -2.0 * self.alpha.ln();
        let rho2 = (alpha_term + alpha_term.ln() + 1.0) / TIGHTEST_AT;
        let scaled = n * self.variance() * rho2 + 1.0;
        let reach = (scaled / (n * n * rho2) * (scaled / (self.alpha * self.alpha)).ln()).sqrt();
        Some((mean, Interval::within(mean - reach, mean + reach, -1.0, 1.0)))
    }
}
