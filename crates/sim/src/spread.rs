//! Paces that differ from request to request.

use std::{f64::consts::TAU, time::Duration};

use rand::{Rng, SeedableRng, rngs::StdRng};

use crate::Pace;

/// The standard normal quantile of 0.95.
const Z_95: f64 = 1.644_853_626_951_472_2;

/// How much a provider's pace differs from request to request: both times are drawn from
/// log-normal distributions, whose medians are the [`Pace`]. One draw of either holds for a whole
/// answer. Prepared answers have the median's pace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spread {
    /// The 95th percentile of the time to the first token; below the median it is the median.
    pub first_token_p95: Duration,
    /// The 95th percentile of the time from one token to the next.
    pub per_token_p95: Duration,
}

impl Spread {
    /// The pace of one answer.
    pub(crate) fn draw(self, median: Pace, seed: u64) -> Pace {
        let mut rng = StdRng::seed_from_u64(seed);
        let [first, per] = normal_pair(&mut rng);
        Pace {
            first_token: log_normal(median.first_token, self.first_token_p95, first),
            per_token: log_normal(median.per_token, self.per_token_p95, per),
        }
    }
}

/// So many times a length of time.
pub(crate) fn scaled(time: Duration, times: f64) -> Duration {
    Duration::try_from_secs_f64(time.as_secs_f64() * times).unwrap_or(Duration::MAX)
}

/// The value at `z` standard deviations of a log-normal distribution with this median and 95th
/// percentile.
fn log_normal(median: Duration, p95: Duration, z: f64) -> Duration {
    if median.is_zero() || p95 <= median {
        return median;
    }
    let sigma = (p95.as_secs_f64() / median.as_secs_f64()).ln() / Z_95;
    scaled(median, (sigma * z).exp())
}

/// Two independent draws of a standard normal distribution (Box and Muller 1958).
fn normal_pair(rng: &mut StdRng) -> [f64; 2] {
    let radius = (-2.0 * (1.0 - rng.random::<f64>()).ln()).sqrt();
    let angle = TAU * rng.random::<f64>();
    [radius * angle.cos(), radius * angle.sin()]
}

#[cfg(test)]
mod tests {
    use super::*;

    const MEDIAN: Pace =
        Pace { first_token: Duration::from_millis(400), per_token: Duration::from_millis(20) };
    const SPREAD: Spread = Spread {
        first_token_p95: Duration::from_millis(1500),
        per_token_p95: Duration::from_millis(35),
    };

    fn percentile(mut times: Vec<Duration>, share: f64) -> f64 {
        times.sort();
        let at = times.iter().enumerate().find(|(at, _)| *at as f64 >= share * 20_000.0);
        at.unwrap().1.as_secs_f64()
    }

    #[test]
    fn half_are_faster_than_the_median_and_one_in_twenty_slower_than_the_95th() {
        let paces: Vec<Pace> = (0..20_000).map(|seed| SPREAD.draw(MEDIAN, seed)).collect();
        let first: Vec<Duration> = paces.iter().map(|pace| pace.first_token).collect();
        let per: Vec<Duration> = paces.iter().map(|pace| pace.per_token).collect();
        for (times, p50_s, p95_s) in [(first, 0.4, 1.5), (per, 0.02, 0.035)] {
            let (median, tail) = (percentile(times.clone(), 0.5), percentile(times, 0.95));
            assert!((median / p50_s - 1.0).abs() < 0.03, "median {median}");
            assert!((tail / p95_s - 1.0).abs() < 0.05, "95th percentile {tail}");
        }
        assert_eq!(SPREAD.draw(MEDIAN, 7), SPREAD.draw(MEDIAN, 7));
    }

    #[test]
    fn what_has_no_median_or_no_tail_does_not_differ() {
        let narrow = Spread { first_token_p95: Duration::ZERO, ..SPREAD };
        assert_eq!(narrow.draw(MEDIAN, 1).first_token, MEDIAN.first_token);
        assert_eq!(SPREAD.draw(Pace::default(), 1), Pace::default());
    }
}
