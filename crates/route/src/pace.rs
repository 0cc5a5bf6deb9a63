//! What a deployment's usual time to the first content is, and what is slow against it.

use std::time::Duration;

/// The quantile that counts as usual.
const QUANTILE: f64 = 0.95;
/// How far one observation moves the estimate, as a share of it.
const STEP: f64 = 0.05;
/// An answer that takes this many times the usual time is slow.
const SLOW_FACTOR: f64 = 4.0;
/// Answers faster than this are never slow: below it differences are noise.
const SLOW_MIN: Duration = Duration::from_secs(1);
/// Observations before the estimate means anything.
const WARM: u32 = 20;

/// A running estimate of the 95th percentile, in constant memory.
///
/// Every observation above moves it up a little, every one below moves it down nineteen times less,
/// so that it rests where one in twenty is above (stochastic approximation; Robbins and Monro,
/// 1951). A lasting change thus becomes the usual after some dozens of answers.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Pace {
    /// Seconds.
    usual_s: f64,
    seen: u32,
}

impl Pace {
    /// The usual time, once there is one.
    pub(crate) fn usual(&self) -> Option<Duration> {
        (self.seen >= WARM).then(|| Duration::from_secs_f64(self.usual_s))
    }

    /// Notes one answer; says whether it was slow against those before.
    pub(crate) fn is_slow(&mut self, first: Duration) -> bool {
        let first_s = first.as_secs_f64();
        let slow = self.seen >= WARM && first > SLOW_MIN && first_s > SLOW_FACTOR * self.usual_s;
        self.usual_s = match self.seen {
            0 => first_s,
            // While it warms up the slowest seen is the best guess.
            1..WARM => self.usual_s.max(first_s),
            _ if first_s > self.usual_s => self.usual_s * (1.0 + STEP * QUANTILE),
            _ => self.usual_s * (1.0 - STEP * (1.0 - QUANTILE)),
        };
        self.seen = self.seen.saturating_add(1);
        slow
    }
}
