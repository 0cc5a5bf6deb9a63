//! What a deployment's usual time to the first content is, by the size of the prompt, and what is
//! slow against it.

use std::time::Duration;

use crate::{First, PromptSize, size::BySize};

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

/// What was seen so long ago is not believed any more, so that what was slow is tried again.
const LIFE: Duration = Duration::from_secs(600);

/// The usual times of a deployment, by the size of the prompt.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Paces(BySize<Pace>);

impl Paces {
    /// The usual time of streams whose prompts have that size, or else the least that it can be, as
    /// far as it was seen lately.
    pub(crate) fn usual(&self, size: PromptSize, now: Duration) -> Option<First> {
        let told = self.0.at_least(size, |pace| pace.usual(now).is_some());
        told.filter_map(|(size, pace)| Some(First { time: pace.usual(now)?, size })).max()
    }

    /// What answers to prompts of that size are held against: others of their size, or else of a
    /// larger one. That one is slower than shorter prompts says nothing.
    pub(crate) fn baseline(&self, size: PromptSize) -> Option<Duration> {
        self.0.at_most(size, |pace| pace.baseline().is_some()).and_then(Pace::baseline)
    }

    /// Notes one answer; says whether it was slow against those before.
    pub(crate) fn is_slow(&mut self, size: PromptSize, now: Duration, first: Duration) -> bool {
        let baseline = self.baseline(size);
        if let Some(pace) = self.0.get_mut(size) {
            pace.note(now, first);
        }
        let is_over = |usual: Duration| first.as_secs_f64() > SLOW_FACTOR * usual.as_secs_f64();
        first > SLOW_MIN && baseline.is_some_and(is_over)
    }
}

/// A running estimate of the 95th percentile, in constant memory.
///
/// Every observation above moves it up a little, every one below moves it down nineteen times less,
/// so that it rests where one in twenty is above (stochastic approximation; Robbins and Monro,
/// 1951). A lasting change thus becomes the usual after some dozens of answers. After a silence it
/// is estimated anew.
#[derive(Clone, Copy, Debug, Default)]
struct Pace {
    /// Seconds.
    usual_s: f64,
    /// Observations since the last silence.
    seen: u32,
    /// When the last one was.
    at: Duration,
    /// What was usual before the last silence.
    before: Option<Duration>,
}

impl Pace {
    /// The usual time, once there is one, and while it is believed.
    fn usual(&self, now: Duration) -> Option<Duration> {
        let believed = self.seen >= WARM && now.saturating_sub(self.at) < LIFE;
        believed.then(|| Duration::from_secs_f64(self.usual_s))
    }

    /// What answers are held against: a night without traffic does not change what is usual.
    fn baseline(&self) -> Option<Duration> {
        if self.seen >= WARM { Some(Duration::from_secs_f64(self.usual_s)) } else { self.before }
    }

    fn note(&mut self, now: Duration, first: Duration) {
        if now.saturating_sub(self.at) >= LIFE {
            *self = Self { before: self.baseline(), ..Self::default() };
        }
        let first_s = first.as_secs_f64();
        self.usual_s = match self.seen {
            0 => first_s,
            // While it warms up the slowest seen is the best guess.
            1..WARM => self.usual_s.max(first_s),
            _ if first_s > self.usual_s => self.usual_s * (1.0 + STEP * QUANTILE),
            _ => self.usual_s * (1.0 - STEP * (1.0 - QUANTILE)),
        };
        self.seen = self.seen.saturating_add(1);
        self.at = self.at.max(now);
    }
}
