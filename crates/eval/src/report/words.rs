//! Figures as reports write them.

use tieline_gate::{Interval, Verdict};

/// A verdict as reports write it.
#[must_use]
pub const fn verdict(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Pass => "PASS",
        Verdict::Fail => "FAIL",
        Verdict::Inconclusive => "INCONCLUSIVE",
        Verdict::Error => "ERROR",
    }
}

/// A share or a mean score as points of a hundred: `97.5`.
#[must_use]
pub fn points(score: Option<f64>) -> String {
    score.map_or_else(|| "-".to_owned(), |score| format!("{:.1}", score * 100.0))
}

/// A difference in points, with its sign: `-3.1`.
#[must_use]
pub fn signed(difference: f64) -> String {
    let text = format!("{:+.1}", difference * 100.0);
    if text == "-0.0" { "+0.0".to_owned() } else { text }
}

/// An interval in points: `-5.2 to +1.0`.
#[must_use]
pub fn interval(interval: Interval) -> String {
    format!("{} to {}", signed(interval.lower), signed(interval.upper))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_have_a_sign() {
        for (difference, told) in
            [(0.0, "+0.0"), (-0.0001, "+0.0"), (-0.031, "-3.1"), (0.2, "+20.0")]
        {
            assert_eq!(signed(difference), told);
        }
        assert_eq!(points(Some(0.975)), "97.5");
        assert_eq!(interval(Interval { lower: -0.05, upper: 0.01 }), "-5.0 to +1.0");
    }
}
