//! A token bucket.

use std::time::Duration;

/// Over how long limits are counted, unless a quota says.
const WINDOW: Duration = Duration::from_secs(60);
/// Where nothing ever comes back, this is the wait.
const WAIT_MAX: Duration = Duration::from_secs(24 * 3600);
const MINUTE_S: f64 = 60.0;

/// What is left of a limit. It fills evenly, up to what the limit allows in the window. Who finds
/// it full may take more than is in it, for the longest prompts must get through; it is in debt
/// then.
#[derive(Clone, Debug)]
pub(super) struct Bucket {
    window_s: f64,
    /// What was in it, and when; none where it was never used.
    left: Option<(f64, Duration)>,
}

/// What headers tell of a limit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Level {
    /// A minute.
    pub(crate) limit: f64,
    pub(crate) remaining: f64,
    /// Until all of it is there again.
    pub(crate) reset: Duration,
}

impl Bucket {
    pub(super) fn full(window: Option<Duration>) -> Self {
        Self { window_s: window.unwrap_or(WINDOW).as_secs_f64(), left: None }
    }

    /// How long until so much may be taken; none where it may be now. Limits are a minute's.
    pub(super) fn wait(&self, limit: f64, at: Duration, need: f64) -> Option<Duration> {
        let enough = need.min(self.room(limit));
        let left = self.left(limit, at);
        // A limit of nothing lets nothing through, not even what needs nothing.
        (left < enough || limit <= 0.0).then(|| time_for(enough - left, limit))
    }

    pub(super) fn take(&mut self, limit: f64, at: Duration, need: f64) {
        self.left = Some((self.left(limit, at) - need, at));
    }

    pub(super) fn level(&self, limit: f64, at: Duration) -> Level {
        let left = self.left(limit, at);
        let reset = time_for(self.room(limit) - left, limit);
        Level { limit, remaining: left.max(0.0), reset }
    }

    fn left(&self, limit: f64, at: Duration) -> f64 {
        let room = self.room(limit);
        self.left.map_or(room, |(left, since)| {
            let filled = at.saturating_sub(since).as_secs_f64() * limit / MINUTE_S;
            (left + filled).min(room)
        })
    }

    fn room(&self, limit: f64) -> f64 {
        limit * self.window_s / MINUTE_S
    }
}

fn time_for(amount: f64, limit: f64) -> Duration {
    if amount <= 0.0 && limit > 0.0 {
        return Duration::ZERO;
    }
    let time = Duration::try_from_secs_f64(amount / limit * MINUTE_S);
    time.map_or(WAIT_MAX, |time| time.min(WAIT_MAX))
}
