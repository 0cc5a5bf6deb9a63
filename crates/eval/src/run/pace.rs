//! How much may be under way at once.

use std::time::Duration;

use tokio::time::Instant;

/// The pause after a refusal that does not say how long it lasts.
const PAUSE: Duration = Duration::from_secs(1);
/// The longest pause that a provider is granted.
const PAUSE_MAX: Duration = Duration::from_secs(120);

/// How much may be under way: half as much after a provider's refusal for its rate, and one more
/// after as many good answers as are under way, up to the suite's own bound.
#[derive(Debug)]
pub(crate) struct Pace {
    limit: u32,
    most: u32,
    good: u32,
    cut: Option<Instant>,
    until: Option<Instant>,
}

impl Pace {
    pub(crate) fn new(most: u32) -> Self {
        let most = most.max(1);
        Self { limit: most, most, good: 0, cut: None, until: None }
    }

    /// How much may be under way.
    pub(crate) const fn limit(&self) -> u32 {
        self.limit
    }

    /// Until when nothing may be sent.
    pub(crate) fn paused_until(&self, now: Instant) -> Option<Instant> {
        self.until.filter(|until| *until > now)
    }

    /// A request that began at `began` was refused for its rate.
    pub(crate) fn refused(&mut self, began: Instant, now: Instant, wait: Option<Duration>) {
        let until = now + wait.unwrap_or(PAUSE).min(PAUSE_MAX);
        self.until = Some(self.until.map_or(until, |known| known.max(until)));
        self.good = 0;
        // Requests that were under way together are refused together; that is one reason only.
        if self.cut.is_none_or(|cut| began > cut) {
            self.limit = (self.limit / 2).max(1);
            self.cut = Some(now);
        }
    }

    /// A request was answered.
    pub(crate) fn answered(&mut self) {
        self.good += 1;
        if self.good >= self.limit && self.limit < self.most {
            self.limit += 1;
            self.good = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn it_halves_once_for_what_was_under_way_together_and_grows_again() {
        let mut pace = Pace::new(8);
        let began = Instant::now();
        tokio::time::advance(Duration::from_millis(10)).await;
        let now = Instant::now();
        for _ in 0..5 {
            pace.refused(began, now, Some(Duration::from_secs(3)));
        }
        assert_eq!(pace.limit(), 4);
        assert_eq!(pace.paused_until(now), Some(now + Duration::from_secs(3)));
        tokio::time::advance(Duration::from_secs(3)).await;
        assert_eq!(pace.paused_until(Instant::now()), None);
        for (answers, limit) in [(3, 4), (1, 5), (5, 6), (6, 7), (7, 8), (100, 8)] {
            (0..answers).for_each(|_| pace.answered());
            assert_eq!(pace.limit(), limit);
        }
        let later = Instant::now();
        for _ in 0..9 {
            tokio::time::advance(Duration::from_millis(1)).await;
            pace.refused(Instant::now(), Instant::now(), None);
        }
        assert_eq!(pace.limit(), 1);
        assert!(pace.paused_until(later).is_some());
    }
}
