//! One circuit breaker: a deployment's health as its own traffic shows it.
//!
//! Closed, it lets everything through and opens on [`CONSECUTIVE_MAX`] failures in a row, on a
//! success ratio below [`RATIO_MIN`] over the last [`WINDOW`], or when most answers of that window
//! were slow against what was usual for prompts of their size. Open, it lets nothing through for a
//! time that doubles with each failed probe. Then one probe at a time decides. After a good one
//! traffic returns in steps: a provider that has just recovered is easily pushed over again.
//! Answers that arrive while it is open are mostly those of requests sent before, and ignored. A
//! good one to a request that was sent since, for want of anything better, ends the wait for the
//! probe.

use std::time::Duration;

use crate::{First, PromptSize, pace::Paces};

/// Failures in a row that open it.
const CONSECUTIVE_MAX: u32 = 5;
/// The window of the success ratio, in [`SLOTS`] slots.
const WINDOW: Duration = Duration::from_secs(30);
const SLOTS: usize = 10;
/// The success ratio below which it opens.
const RATIO_MIN: f64 = 0.5;
/// The ratio of slow answers above which it opens.
const SLOW_RATIO_MAX: f64 = 0.5;
/// Answers in the window below which a ratio means nothing.
const RATIO_SAMPLES_MIN: u32 = 10;
/// The first and the longest time it stays open.
const OPEN_MIN: Duration = Duration::from_secs(5);
const OPEN_MAX: Duration = Duration::from_secs(120);
/// A probe that never reported back frees its permit after this long.
const PROBE_LOST: Duration = Duration::from_secs(120);
/// For this long a probe is taken from the share that returns first, then from anybody: whoever
/// finds the deployment well can stay there.
const PROBE_CHOICE: Duration = Duration::from_secs(10);
/// The share of traffic that returns first.
const FIRST_SHARE: f64 = 0.10;
/// The shares of traffic that return after a good probe, each for [`RAMP_STEP`]; then all.
const RAMP: [f64; 3] = [FIRST_SHARE, 0.25, 0.50];
/// How long each share lasts.
pub(crate) const RAMP_STEP: Duration = Duration::from_secs(10);

/// The share of traffic that has returned after so long, and when the next step begins; none where
/// all of it has.
pub(crate) fn returned(after: Duration) -> Option<(f64, Duration)> {
    let mut end = Duration::ZERO;
    RAMP.iter().find_map(|share| {
        end += RAMP_STEP;
        (after < end).then_some((*share, end))
    })
}

/// Whether a request may go through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Permit {
    /// As usual.
    Pass,
    /// As the one probe of an open breaker; its result decides. The number tells it from probes
    /// that were given up before.
    Probe(u64),
    /// Not before this time.
    Shut(Duration),
}

/// Why a breaker opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// Its requests failed.
    Failures,
    /// Its requests were answered, but slowly.
    Slowness,
    /// Our credential was refused.
    Credential,
    /// Our account is exhausted.
    Account,
    /// Somebody took it out of service by hand.
    Drained,
    /// It answers, but not as it used to.
    Suspended,
}

impl Cause {
    /// The stable name used in status and records.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Failures => "failures",
            Self::Slowness => "slowness",
            Self::Credential => "credential",
            Self::Account => "account",
            Self::Drained => "drained",
            Self::Suspended => "suspended",
        }
    }
}

/// What a breaker shows to people.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum State {
    /// Lets traffic through.
    Closed,
    /// Lets this share of the traffic through, soon more.
    Ramping(f64),
    /// Lets nothing through until the given time.
    Open(Duration, Cause),
    /// Waits for, or is running, its probe.
    HalfOpen(Cause),
}

#[derive(Clone, Copy, Debug, Default)]
struct Slot {
    /// Number of the time slice since the start of time.
    slice: u64,
    good: u32,
    slow: u32,
    bad: u32,
}

/// How an answer counts.
#[derive(Clone, Copy)]
enum Count {
    Good,
    Slow,
    Bad,
}

#[derive(Clone, Copy, Debug)]
struct Open {
    since: Duration,
    until: Duration,
    cause: Cause,
}

/// A breaker. All times are durations since one fixed start.
#[derive(Clone, Debug, Default)]
pub struct Breaker {
    slots: [Slot; SLOTS],
    consecutive: u32,
    /// Some while not closed.
    open: Option<Open>,
    /// How often in a row it opened without recovering.
    opened: u32,
    /// The probe under way: its number and when it began.
    probe: Option<(u64, Duration)>,
    probes: u64,
    /// When traffic began to return.
    returning_since: Option<Duration>,
    /// When a probe last closed it.
    closed_at: Option<Duration>,
    drained: bool,
    suspended: bool,
    paces: Paces,
}

impl Breaker {
    /// Whether a request may go now; `draw`, evenly from 0 to 1, decides which requests belong to
    /// the share that returns. A [`Permit::Probe`] must be answered by [`Self::success`],
    /// [`Self::failure`], [`Self::trip`] or [`Self::neutral`].
    pub fn admit(&mut self, now: Duration, draw: f64) -> Permit {
        let permit = self.peek(now, draw);
        if let Permit::Probe(number) = permit {
            self.probe = Some((number, now));
            self.probes = number;
        }
        permit
    }

    /// What [`Self::admit`] would say, without taking the permit.
    #[must_use]
    pub fn peek(&self, now: Duration, draw: f64) -> Permit {
        if self.drained {
            return Permit::Shut(Duration::MAX);
        }
        let Some(open) = self.open else {
            return match self.ramp(now) {
                Some((share, next)) if draw >= share => Permit::Shut(next),
                _ => Permit::Pass,
            };
        };
        if now < open.until {
            return Permit::Shut(open.until);
        }
        let choice_ends = open.until + PROBE_CHOICE;
        match self.probe {
            Some((_, since)) if now < since + PROBE_LOST => Permit::Shut(since + PROBE_LOST),
            _ if draw >= FIRST_SHARE && now < choice_ends => Permit::Shut(choice_ends),
            _ => Permit::Probe(self.probes + 1),
        }
    }

    /// Since when it waits for a probe; none while it does not, or one is under way.
    #[must_use]
    pub fn due(&self, now: Duration) -> Option<Duration> {
        let open = self.open?;
        matches!(self.peek(now, 0.0), Permit::Probe(_)).then_some(open.until)
    }

    /// What to show to people.
    #[must_use]
    pub fn state(&self, now: Duration) -> State {
        match self.open {
            _ if self.drained => State::Open(Duration::MAX, Cause::Drained),
            _ if self.suspended => State::Open(Duration::MAX, Cause::Suspended),
            Some(Open { until, cause, .. }) if now < until => State::Open(until, cause),
            Some(Open { cause, .. }) => State::HalfOpen(cause),
            None => self.ramp(now).map_or(State::Closed, |(share, _)| State::Ramping(share)),
        }
    }

    /// Why it is open and since when; none while its own traffic shows nothing against it.
    #[must_use]
    pub fn opened(&self) -> Option<(Cause, Duration)> {
        self.open.map(|open| (open.cause, open.since))
    }

    /// How long it has let traffic through, if in steps; none while it does not.
    #[must_use]
    pub fn well_for(&self, now: Duration) -> Option<Duration> {
        let well = self.open.is_none() && !self.drained && !self.suspended;
        well.then(|| self.closed_at.map_or(Duration::MAX, |at| now.saturating_sub(at)))
    }

    /// Whether somebody took it out of service.
    #[must_use]
    pub fn is_drained(&self) -> bool {
        self.drained
    }

    /// Whether what it answers is trusted for want of anything better only.
    #[must_use]
    pub fn is_suspended(&self) -> bool {
        self.suspended
    }

    /// The time to the first content that 95 of 100 streams with prompts of that size need, or else
    /// of a smaller one, once enough were seen, and while some were seen lately.
    #[must_use]
    pub fn usual_first(&self, size: PromptSize, now: Duration) -> Option<First> {
        self.paces.usual(size, now)
    }

    /// What streams with prompts of that size are held against: the time that 95 of 100 of them, or
    /// else of larger ones, need to their first content, however long ago that was seen.
    #[must_use]
    pub fn baseline(&self, size: PromptSize) -> Option<Duration> {
        self.paces.baseline(size)
    }

    /// The same as its traffic shows it, for somebody else: whether it is in service, and the probe
    /// that is under way, are not.
    #[must_use]
    pub fn copied(&self) -> Self {
        Self { probe: None, drained: false, suspended: false, ..self.clone() }
    }

    /// Takes it out of service, or puts it back.
    pub fn drain(&mut self, drained: bool) {
        self.drained = drained;
    }

    /// Keeps it for want of anything better, or trusts it again. Its health is another matter: it
    /// opens, is probed and closes all the same.
    pub fn suspend(&mut self, suspended: bool) {
        self.suspended = suspended;
    }

    /// A request answered well; `first` is the size of its prompt and the time to its first
    /// content. Closes a breaker whose probe it was: true then.
    pub fn success(
        &mut self,
        now: Duration,
        permit: Permit,
        first: Option<(PromptSize, Duration)>,
    ) -> bool {
        match permit {
            Permit::Probe(number) if self.is_probe(number) => {
                *self = Self {
                    returning_since: Some(now),
                    closed_at: Some(now),
                    probes: self.probes,
                    drained: self.drained,
                    suspended: self.suspended,
                    opened: self.opened,
                    paces: self.paces,
                    ..Self::default()
                };
                true
            }
            Permit::Pass if self.open.is_none() => {
                if self.returning_since.is_some() && self.ramp(now).is_none() {
                    self.returning_since = None;
                    self.opened = 0;
                }
                self.consecutive = 0;
                let slow = first.is_some_and(|(size, first)| self.paces.is_slow(size, now, first));
                self.count(now, if slow { Count::Slow } else { Count::Good });
                if slow && self.slow_ratio_is_high(now) {
                    self.open(now, None, Cause::Slowness);
                }
                false
            }
            // Sent for want of anything better: what it found is worth a probe at once.
            Permit::Shut(until) => {
                if let Some(open) = self.open.as_mut().filter(|open| open.until == until) {
                    open.until = open.until.min(now);
                }
                false
            }
            Permit::Pass | Permit::Probe(_) => false,
        }
    }

    /// A request failed by the deployment's fault. A `suspect`, whose neighbours have failed, opens
    /// at the first failure. True when it opened.
    pub fn failure(&mut self, now: Duration, permit: Permit, suspect: bool) -> bool {
        let opens = match permit {
            Permit::Probe(number) => self.is_probe(number),
            Permit::Pass if self.open.is_none() => {
                self.consecutive = self.consecutive.saturating_add(1);
                self.count(now, Count::Bad);
                suspect
                    || self.ramp(now).is_some()
                    || self.consecutive >= CONSECUTIVE_MAX
                    || self.ratio_is_low(now)
            }
            Permit::Pass | Permit::Shut(_) => false,
        };
        if opens {
            self.open(now, None, Cause::Failures);
        }
        opens
    }

    /// A request ended without saying anything about the deployment's health. A probe that says
    /// nothing is due anew from `now`: the next one is left again to those who should be it.
    pub fn neutral(&mut self, now: Duration, permit: Permit) {
        if let Permit::Probe(number) = permit
            && self.is_probe(number)
        {
            self.probe = None;
            if let Some(open) = &mut self.open {
                open.until = open.until.max(now);
            }
        }
    }

    /// Opens at once, for at least `floor`: the credential or the account was refused. True when it
    /// opened.
    pub fn trip(&mut self, now: Duration, permit: Permit, floor: Duration, cause: Cause) -> bool {
        let opens = match permit {
            Permit::Probe(number) => self.is_probe(number),
            Permit::Pass | Permit::Shut(_) => self.open.is_none(),
        };
        if opens {
            self.open(now, Some(floor), cause);
        }
        opens
    }

    /// Lets a probe through at once where it opened for `cause`: a neighbour has shown that this is
    /// over.
    pub fn release(&mut self, now: Duration, cause: Cause) {
        if let Some(open) = self.open.as_mut().filter(|open| open.cause == cause) {
            open.until = open.until.min(now);
        }
    }

    fn is_probe(&self, number: u64) -> bool {
        self.probe.is_some_and(|(current, _)| current == number)
    }

    /// The share of traffic that has returned, and when the next step begins.
    fn ramp(&self, now: Duration) -> Option<(f64, Duration)> {
        let since = self.returning_since?;
        let (share, next) = returned(now.saturating_sub(since))?;
        Some((share, since + next))
    }

    fn open(&mut self, now: Duration, floor: Option<Duration>, cause: Cause) {
        let doubled = OPEN_MIN.saturating_mul(1 << self.opened.min(10)).min(OPEN_MAX);
        let until = now + floor.map_or(doubled, |floor| floor.max(doubled));
        let since = self.open.map_or(now, |open| open.since);
        self.open = Some(Open { since, until, cause });
        self.opened = self.opened.saturating_add(1);
        self.probe = None;
        self.returning_since = None;
        self.consecutive = 0;
        self.slots = [Slot::default(); SLOTS];
    }

    /// Adds one answer to the current time slice's slot.
    fn count(&mut self, now: Duration, how: Count) {
        let slice = slice_of(now);
        let at = slice % SLOTS as u64;
        for (slot, position) in self.slots.iter_mut().zip(0u64..) {
            if position == at {
                if slot.slice != slice {
                    *slot = Slot { slice, ..Slot::default() };
                }
                let counter = match how {
                    Count::Good => &mut slot.good,
                    Count::Slow => &mut slot.slow,
                    Count::Bad => &mut slot.bad,
                };
                *counter = counter.saturating_add(1);
            }
        }
    }

    fn ratio_is_low(&self, now: Duration) -> bool {
        let (good, slow, bad) = self.recent(now);
        let answered = good.saturating_add(slow);
        let all = answered.saturating_add(bad);
        all >= RATIO_SAMPLES_MIN && f64::from(answered) < RATIO_MIN * f64::from(all)
    }

    fn slow_ratio_is_high(&self, now: Duration) -> bool {
        let (good, slow, bad) = self.recent(now);
        let all = good.saturating_add(slow).saturating_add(bad);
        all >= RATIO_SAMPLES_MIN && f64::from(slow) > SLOW_RATIO_MAX * f64::from(all)
    }

    /// Good, slow and bad answers in the window.
    fn recent(&self, now: Duration) -> (u32, u32, u32) {
        let newest = slice_of(now);
        let oldest = newest.saturating_sub(SLOTS as u64 - 1);
        let recent = self.slots.iter().filter(|slot| (oldest..=newest).contains(&slot.slice));
        recent.fold((0u32, 0u32, 0u32), |(good, slow, bad), slot| {
            (
                good.saturating_add(slot.good),
                slow.saturating_add(slot.slow),
                bad.saturating_add(slot.bad),
            )
        })
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

    /// Fails a closed breaker at the given second.
    fn fail(breaker: &mut Breaker, at: u64) -> bool {
        breaker.failure(s(at), Permit::Pass, false)
    }

    fn serve(breaker: &mut Breaker, at: u64) {
        breaker.success(s(at), Permit::Pass, None);
    }

    fn peek(breaker: &Breaker, at: u64) -> Permit {
        breaker.peek(s(at), 0.0)
    }

    /// Opened at 1 s, until 6 s.
    fn opened() -> Breaker {
        let mut breaker = Breaker::default();
        for n in 0..CONSECUTIVE_MAX {
            assert_eq!(breaker.admit(s(1), 0.99), Permit::Pass);
            assert_eq!(fail(&mut breaker, 1), n + 1 == CONSECUTIVE_MAX);
        }
        breaker
    }

    /// Opened at 1 s, closed by a probe at 6 s.
    fn recovered() -> Breaker {
        let mut breaker = opened();
        let probe = breaker.admit(s(6), 0.0);
        assert!(breaker.success(s(6), probe, None));
        breaker
    }

    #[test]
    fn failures_in_a_row_open_it_and_a_success_between_does_not() {
        assert_eq!(peek(&opened(), 1), Permit::Shut(s(6)));
        let mut breaker = Breaker::default();
        for _ in 0..CONSECUTIVE_MAX - 1 {
            fail(&mut breaker, 1);
        }
        serve(&mut breaker, 1);
        fail(&mut breaker, 1);
        assert_eq!(peek(&breaker, 1), Permit::Pass);
    }

    #[test]
    fn a_good_answer_for_want_of_better_ends_the_wait_and_one_sent_before_does_not() {
        let mut breaker = opened();
        breaker.success(s(3), Permit::Pass, None);
        breaker.success(s(3), Permit::Shut(s(2)), None);
        assert_eq!(peek(&breaker, 3), Permit::Shut(s(6)));
        breaker.success(s(3), Permit::Shut(s(6)), None);
        assert_eq!(breaker.due(s(3)), Some(s(3)));
        let probe = breaker.admit(s(3), 0.0);
        assert!(breaker.success(s(3), probe, None));
    }

    #[test]
    fn a_low_ratio_opens_it_and_old_failures_are_forgotten() {
        let mix = |gap: u64| {
            let mut breaker = Breaker::default();
            for n in 0..9 {
                if n % 3 == 2 {
                    serve(&mut breaker, 100 + n * gap);
                } else {
                    fail(&mut breaker, 100 + n * gap);
                }
            }
            fail(&mut breaker, 100 + 9 * gap);
            breaker.state(s(100 + 9 * gap))
        };
        assert!(matches!(mix(0), State::Open(_, Cause::Failures)), "3 of 10 good in the window");
        assert_eq!(mix(20), State::Closed, "spread over 180 s there are never 10 in a window");
    }

    /// An answer to a prompt of so many tokens that began after so many milliseconds.
    fn answer(breaker: &mut Breaker, at: u64, input: u64, ms: u64) {
        let first = (PromptSize::of(input), Duration::from_millis(ms));
        breaker.success(s(at), Permit::Pass, Some(first));
    }

    #[test]
    fn most_answers_slow_against_what_was_usual_open_it() {
        let slowed = |(usual_input, usual_ms): (u64, u64), (then_input, then_ms): (u64, u64)| {
            let mut breaker = Breaker::default();
            for n in 0..200 {
                answer(&mut breaker, n, usual_input, usual_ms);
            }
            for _ in 0..12 {
                answer(&mut breaker, 300, then_input, then_ms);
            }
            breaker.state(s(300))
        };
        let is_slow = |usual, then| matches!(slowed(usual, then), State::Open(_, Cause::Slowness));
        assert!(is_slow((100, 800), (100, 9_000)));
        assert!(!is_slow((100, 800), (100, 2_000)), "within four times the usual");
        assert!(!is_slow((100, 10), (100, 900)), "below a second nothing is slow");
        assert!(!is_slow((100, 800), (90_000, 9_000)), "a long prompt takes its time");
        assert!(is_slow((90_000, 800), (100, 9_000)), "a short one takes no more than a long one");
    }

    #[test]
    fn a_silence_forgets_what_is_usual_but_not_what_is_slow() {
        let mut breaker = Breaker::default();
        let usual = |breaker: &Breaker, at: u64| breaker.usual_first(PromptSize::of(100), s(at));
        (0..100).for_each(|n| answer(&mut breaker, n, 100, 800));
        assert!(usual(&breaker, 698).is_some());
        assert_eq!(usual(&breaker, 699), None);
        answer(&mut breaker, 9_000, 100, 800);
        assert_eq!(usual(&breaker, 9_000), None, "one answer proves nothing");
        (0..12).for_each(|_| answer(&mut breaker, 9_100, 100, 9_000));
        assert!(matches!(breaker.state(s(9_100)), State::Open(_, Cause::Slowness)));
    }

    #[test]
    fn one_probe_decides() {
        let mut breaker = opened();
        let probe = breaker.admit(s(6), 0.0);
        assert!(matches!(probe, Permit::Probe(_)));
        assert!(matches!(breaker.admit(s(6), 0.0), Permit::Shut(_)), "one probe at a time");
        assert!(breaker.failure(s(7), probe, false));
        assert_eq!(peek(&breaker, 8), Permit::Shut(s(17)), "the second time is twice as long");
        let probe = breaker.admit(s(17), 0.0);
        assert!(breaker.success(s(18), probe, None));
        assert_eq!(breaker.state(s(18)), State::Ramping(0.10));
    }

    #[test]
    fn a_probe_is_of_the_share_that_returns_first_as_long_as_one_may_come() {
        let breaker = opened();
        assert!(matches!(breaker.peek(s(6), 0.09), Permit::Probe(_)));
        assert_eq!(breaker.peek(s(6), 0.10), Permit::Shut(s(16)));
        assert_eq!(breaker.peek(s(15), 0.99), Permit::Shut(s(16)));
        assert!(matches!(breaker.peek(s(16), 0.99), Permit::Probe(_)));
    }

    #[test]
    fn how_long_it_has_been_well_counts_from_its_last_probe() {
        assert_eq!(Breaker::default().well_for(s(7)), Some(Duration::MAX));
        assert_eq!(opened().well_for(s(7)), None);
        let mut breaker = recovered();
        assert_eq!(breaker.well_for(s(6)), Some(s(0)));
        serve(&mut breaker, 50);
        assert_eq!(breaker.well_for(s(66)), Some(s(60)), "also once it is fully back");
        breaker.drain(true);
        assert_eq!(breaker.well_for(s(66)), None);
    }

    #[test]
    fn traffic_returns_in_steps() {
        let breaker = recovered();
        let share = |at: u64| {
            let through =
                (0..100).filter(|n| breaker.peek(s(at), f64::from(*n) / 100.0) == Permit::Pass);
            through.count()
        };
        assert_eq!([6, 15, 16, 26, 36, 100].map(share), [10, 10, 25, 50, 100, 100]);
        assert_eq!(breaker.peek(s(6), 0.5), Permit::Shut(s(16)));
    }

    #[test]
    fn a_failure_on_the_way_back_opens_it_for_longer() {
        let mut breaker = recovered();
        assert!(fail(&mut breaker, 8));
        assert_eq!(peek(&breaker, 8), Permit::Shut(s(18)), "the second time is twice as long");
        let mut breaker = recovered();
        serve(&mut breaker, 50);
        for _ in 0..CONSECUTIVE_MAX - 1 {
            assert!(!fail(&mut breaker, 51), "fully back, it starts from nothing");
        }
        assert!(fail(&mut breaker, 51));
        assert_eq!(peek(&breaker, 51), Permit::Shut(s(56)));
    }

    #[test]
    fn a_neutral_or_lost_probe_frees_its_permit() {
        let mut breaker = opened();
        let probe = breaker.admit(s(6), 0.0);
        breaker.neutral(s(6), probe);
        let second = breaker.admit(s(6), 0.0);
        assert!(matches!(second, Permit::Probe(_)));
        let third = breaker.admit(s(6) + PROBE_LOST, 0.0);
        assert!(matches!(third, Permit::Probe(_)));
        assert!(!breaker.failure(s(130), second, false), "given up: it decides nothing any more");
        breaker.neutral(s(130), second);
        assert!(matches!(breaker.admit(s(130), 0.0), Permit::Shut(_)), "nor frees another's");
        assert!(breaker.success(s(131), third, None));
    }

    #[test]
    fn late_answers_do_not_move_an_open_breaker() {
        let mut breaker = opened();
        serve(&mut breaker, 2);
        assert!(!fail(&mut breaker, 2));
        assert_eq!(peek(&breaker, 2), Permit::Shut(s(6)));
    }

    #[test]
    fn a_suspect_opens_at_its_first_failure() {
        let mut breaker = Breaker::default();
        assert!(breaker.failure(s(1), Permit::Pass, true));
    }

    #[test]
    fn a_refused_credential_opens_at_once_and_a_neighbour_can_end_it() {
        let mut breaker = Breaker::default();
        assert!(breaker.trip(s(1), Permit::Pass, s(30), Cause::Credential));
        assert_eq!(peek(&breaker, 30), Permit::Shut(s(31)));
        let probe = breaker.admit(s(31), 0.0);
        assert!(breaker.trip(s(32), probe, s(30), Cause::Credential));
        assert_eq!(peek(&breaker, 33), Permit::Shut(s(62)));
        breaker.release(s(40), Cause::Account);
        assert_eq!(peek(&breaker, 40), Permit::Shut(s(62)), "not what it opened for");
        breaker.release(s(40), Cause::Credential);
        assert!(matches!(peek(&breaker, 40), Permit::Probe(_)));
    }

    #[test]
    fn it_is_due_from_the_end_of_its_rest_until_a_probe_is_under_way() {
        let mut breaker = opened();
        assert_eq!(breaker.due(s(5)), None);
        assert_eq!(breaker.due(s(9)), Some(s(6)));
        let probe = breaker.admit(s(9), 0.0);
        assert_eq!(breaker.due(s(10)), None, "one is under way");
        breaker.neutral(s(10), probe);
        assert_eq!(breaker.due(s(10)), Some(s(10)), "it said nothing: due anew");
        breaker.drain(true);
        assert_eq!(breaker.due(s(10)), None, "drained");
        assert_eq!(Breaker::default().due(s(10)), None, "closed");
    }

    #[test]
    fn drained_it_lets_nothing_through_until_put_back() {
        let mut breaker = recovered();
        breaker.drain(true);
        assert_eq!(peek(&breaker, 1_000_000), Permit::Shut(Duration::MAX));
        assert_eq!(breaker.state(s(7)), State::Open(Duration::MAX, Cause::Drained));
        breaker.drain(false);
        assert_eq!(breaker.state(s(7)), State::Ramping(0.10));
    }
}
