//! One circuit breaker: a deployment's health as its own traffic shows it.
//!
//! Closed, it lets everything through and opens on [`CONSECUTIVE_MAX`] failures in a row or on a
//! success ratio below [`RATIO_MIN`] over the last [`WINDOW`]. Open, it lets nothing through for a
//! time that doubles with each failed probe. Then one probe at a time decides. Answers that arrive
//! while it is open are those of requests sent before; they are ignored.

use std::time::Duration;

/// Failures in a row that open it.
const CONSECUTIVE_MAX: u32 = 5;
/// The window of the success ratio, in [`SLOTS`] slots.
const WINDOW: Duration = Duration::from_secs(30);
const SLOTS: usize = 10;
/// The success ratio below which it opens.
const RATIO_MIN: f64 = 0.5;
/// Answers in the window below which the ratio means nothing.
const RATIO_SAMPLES_MIN: u32 = 10;
/// The first and the longest time it stays open.
const OPEN_MIN: Duration = Duration::from_secs(5);
const OPEN_MAX: Duration = Duration::from_secs(120);
/// A probe that never reported back frees its permit after this long.
const PROBE_LOST: Duration = Duration::from_secs(120);

/// Whether a request may go through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Permit {
    /// As usual.
    Pass,
    /// As the one probe of an open breaker; its result decides.
    Probe,
    /// Not before this time.
    Shut(Duration),
}

/// What a breaker shows to people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Lets traffic through.
    Closed,
    /// Lets nothing through until the given time.
    Open(Duration),
    /// Waits for, or is running, its probe.
    HalfOpen,
}

#[derive(Clone, Copy, Debug, Default)]
struct Slot {
    /// Number of the time slice since the start of time.
    slice: u64,
    good: u32,
    bad: u32,
}

/// A breaker. All times are durations since one fixed start.
#[derive(Clone, Debug, Default)]
pub struct Breaker {
    slots: [Slot; SLOTS],
    consecutive: u32,
    /// Some while not closed.
    open_until: Option<Duration>,
    /// How often in a row it opened without recovering.
    opened: u32,
    probing_since: Option<Duration>,
    /// A quota window that is used up: nothing goes through, but nothing is broken.
    paused_until: Option<Duration>,
}

impl Breaker {
    /// Whether a request may go now. A [`Permit::Probe`] must be answered by [`Self::success`],
    /// [`Self::failure`] or [`Self::neutral`].
    pub fn admit(&mut self, now: Duration) -> Permit {
        let permit = self.peek(now);
        if permit == Permit::Probe {
            self.probing_since = Some(now);
        }
        permit
    }

    /// What [`Self::admit`] would say, without taking the permit.
    #[must_use]
    pub fn peek(&self, now: Duration) -> Permit {
        if let Some(until) = self.paused_until.filter(|until| now < *until) {
            return Permit::Shut(until);
        }
        match self.open_until {
            None => Permit::Pass,
            Some(until) if now < until => Permit::Shut(until),
            Some(_) => match self.probing_since {
                Some(since) if now < since + PROBE_LOST => Permit::Shut(since + PROBE_LOST),
                _ => Permit::Probe,
            },
        }
    }

    /// What to show to people.
    #[must_use]
    pub fn state(&self, now: Duration) -> State {
        match self.peek(now) {
            Permit::Pass => State::Closed,
            Permit::Probe => State::HalfOpen,
            Permit::Shut(_) if self.probing_since.is_some() => State::HalfOpen,
            Permit::Shut(until) => State::Open(until),
        }
    }

    /// A request answered well. Closes a breaker whose probe it was.
    pub fn success(&mut self, now: Duration, permit: Permit) {
        match permit {
            Permit::Probe => *self = Self { paused_until: self.paused_until, ..Self::default() },
            Permit::Pass if self.open_until.is_none() => {
                self.consecutive = 0;
                self.count(now, true);
            }
            Permit::Pass | Permit::Shut(_) => {}
        }
    }

    /// A request failed by the deployment's fault.
    pub fn failure(&mut self, now: Duration, permit: Permit) {
        match permit {
            Permit::Probe => self.open(now, None),
            Permit::Pass if self.open_until.is_none() => {
                self.consecutive = self.consecutive.saturating_add(1);
                self.count(now, false);
                if self.consecutive >= CONSECUTIVE_MAX || self.ratio_is_low(now) {
                    self.open(now, None);
                }
            }
            Permit::Pass | Permit::Shut(_) => {}
        }
    }

    /// A request ended without saying anything about the deployment's health.
    pub fn neutral(&mut self, permit: Permit) {
        if permit == Permit::Probe {
            self.probing_since = None;
        }
    }

    /// Opens at once, for at least `floor`: the credential or the account was refused.
    pub fn trip(&mut self, now: Duration, permit: Permit, floor: Duration) {
        if permit == Permit::Probe || self.open_until.is_none() {
            self.open(now, Some(floor));
        }
    }

    /// Lets nothing through until `until`: the quota window is used up.
    pub fn pause(&mut self, until: Duration, permit: Permit) {
        self.paused_until = Some(self.paused_until.map_or(until, |before| before.max(until)));
        self.neutral(permit);
    }

    fn open(&mut self, now: Duration, floor: Option<Duration>) {
        let doubled = OPEN_MIN.saturating_mul(1 << self.opened.min(10)).min(OPEN_MAX);
        self.open_until = Some(now + floor.map_or(doubled, |floor| floor.max(doubled)));
        self.opened = self.opened.saturating_add(1);
        self.probing_since = None;
        self.consecutive = 0;
        self.slots = [Slot::default(); SLOTS];
    }

    /// Adds one answer to the current time slice's slot.
    fn count(&mut self, now: Duration, good: bool) {
        let slice = slice_of(now);
        let at = slice % SLOTS as u64;
        for (slot, position) in self.slots.iter_mut().zip(0u64..) {
            if position == at {
                if slot.slice != slice {
                    *slot = Slot { slice, ..Slot::default() };
                }
                let counter = if good { &mut slot.good } else { &mut slot.bad };
                *counter = counter.saturating_add(1);
            }
        }
    }

    fn ratio_is_low(&self, now: Duration) -> bool {
        let newest = slice_of(now);
        let oldest = newest.saturating_sub(SLOTS as u64 - 1);
        let recent = self.slots.iter().filter(|slot| (oldest..=newest).contains(&slot.slice));
        let (good, bad) = recent.fold((0u32, 0u32), |(good, bad), slot| {
            (good.saturating_add(slot.good), bad.saturating_add(slot.bad))
        });
        let all = good.saturating_add(bad);
        all >= RATIO_SAMPLES_MIN && f64::from(good) < RATIO_MIN * f64::from(all)
    }
}

fn slice_of(now: Duration) -> u64 {
    let slot = WINDOW.as_millis() / SLOTS as u128;
    u64::try_from(now.as_millis() / slot).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn s(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn opened() -> Breaker {
        let mut breaker = Breaker::default();
        for _ in 0..CONSECUTIVE_MAX {
            assert_eq!(breaker.admit(s(1)), Permit::Pass);
            breaker.failure(s(1), Permit::Pass);
        }
        breaker
    }

    #[test]
    fn failures_in_a_row_open_it_and_a_success_between_does_not() {
        assert_eq!(opened().peek(s(1)), Permit::Shut(s(6)));
        let mut breaker = Breaker::default();
        for _ in 0..CONSECUTIVE_MAX - 1 {
            breaker.failure(s(1), Permit::Pass);
        }
        breaker.success(s(1), Permit::Pass);
        breaker.failure(s(1), Permit::Pass);
        assert_eq!(breaker.peek(s(1)), Permit::Pass);
    }

    #[test]
    fn a_low_ratio_opens_it_and_old_failures_are_forgotten() {
        let mix = |from: u64, gap: u64| {
            let mut breaker = Breaker::default();
            for n in 0..9 {
                let now = s(from + n * gap);
                if n % 3 == 2 {
                    breaker.success(now, Permit::Pass);
                } else {
                    breaker.failure(now, Permit::Pass);
                }
            }
            breaker.failure(s(from + 9 * gap), Permit::Pass);
            breaker.state(s(from + 9 * gap))
        };
        assert!(matches!(mix(100, 0), State::Open(_)), "3 of 10 good within the window");
        assert_eq!(mix(100, 20), State::Closed, "spread over 180 s there are never 10 in a window");
    }

    #[test]
    fn one_probe_decides() {
        let mut breaker = opened();
        assert_eq!(breaker.admit(s(6)), Permit::Probe);
        assert!(matches!(breaker.admit(s(6)), Permit::Shut(_)), "one probe at a time");
        breaker.failure(s(7), Permit::Probe);
        assert_eq!(breaker.peek(s(8)), Permit::Shut(s(17)), "the second time is twice as long");
        assert_eq!(breaker.admit(s(17)), Permit::Probe);
        breaker.success(s(18), Permit::Probe);
        assert_eq!(breaker.state(s(18)), State::Closed);
        for _ in 0..CONSECUTIVE_MAX - 1 {
            breaker.failure(s(19), Permit::Pass);
        }
        assert_eq!(breaker.state(s(19)), State::Closed, "recovery starts from nothing");
    }

    #[test]
    fn a_neutral_or_lost_probe_frees_its_permit() {
        let mut breaker = opened();
        assert_eq!(breaker.admit(s(6)), Permit::Probe);
        breaker.neutral(Permit::Probe);
        assert_eq!(breaker.admit(s(6)), Permit::Probe);
        assert_eq!(breaker.admit(s(6) + PROBE_LOST), Permit::Probe);
    }

    #[test]
    fn late_answers_do_not_move_an_open_breaker() {
        let mut breaker = opened();
        breaker.success(s(2), Permit::Pass);
        breaker.failure(s(2), Permit::Pass);
        assert_eq!(breaker.peek(s(2)), Permit::Shut(s(6)));
    }

    #[test]
    fn a_quota_pause_is_not_ill_health() {
        let mut breaker = Breaker::default();
        breaker.pause(s(30), Permit::Pass);
        breaker.pause(s(20), Permit::Pass);
        assert_eq!(breaker.peek(s(29)), Permit::Shut(s(30)));
        assert_eq!(breaker.peek(s(30)), Permit::Pass);
    }

    #[test]
    fn a_refused_credential_opens_at_once() {
        let mut breaker = Breaker::default();
        breaker.trip(s(1), Permit::Pass, s(30));
        assert_eq!(breaker.peek(s(30)), Permit::Shut(s(31)));
        assert_eq!(breaker.admit(s(31)), Permit::Probe);
        breaker.trip(s(32), Permit::Probe, s(30));
        assert_eq!(breaker.peek(s(33)), Permit::Shut(s(62)));
    }
}
