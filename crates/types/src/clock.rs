//! Wall time that can be moved: a fixed start plus elapsed monotonic time.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Turns elapsed monotonic time into wall time.
///
/// The owner of a process reads the real clock once; everybody else adds what their runtime says
/// has elapsed. Under paused time the wall clock therefore moves with the simulation.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    start: SystemTime,
}

impl Clock {
    /// A clock that began at `start`.
    #[must_use]
    pub const fn starting_at(start: SystemTime) -> Self {
        Self { start }
    }

    /// Milliseconds since the Unix epoch, `elapsed` after the clock began.
    #[must_use]
    pub fn unix_ms(&self, elapsed: Duration) -> u64 {
        let since = self.start.duration_since(UNIX_EPOCH).unwrap_or_default() + elapsed;
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    }

    /// Seconds since the Unix epoch, `elapsed` after the clock began.
    #[must_use]
    pub fn unix_s(&self, elapsed: Duration) -> u64 {
        self.unix_ms(elapsed) / 1000
    }

    /// The wall time, `elapsed` after the clock began.
    #[must_use]
    pub fn at(&self, elapsed: Duration) -> SystemTime {
        self.start + elapsed
    }
}
