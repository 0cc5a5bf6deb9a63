//! Retry budgets: how many repeats a feature asks for, and a deployment takes, before giving up.
//!
//! A budget holds a share of the requests of the last time to live (its *window*), plus a small
//! floor so that rare requests may be repeated too, less what the window has spent. It counts in
//! thousandths of a retry, so nothing drifts. A repeat needs room in two budgets, the feature's and
//! the target deployment's: ask both with [`Budget::allows`] before taking from either.

use std::time::Duration;

use rand::Rng;
use tieline_types::{Fault, Replay};

use crate::{
    Criticality, Effect, outcome,
    ring::{Ring, periods},
};

/// Slots of a window; what was deposited expires a slot at a time.
const SLOTS: usize = 30;

/// The window of both standard budgets.
const TTL: Duration = Duration::from_secs(30);
const FEATURE_SHARE: f64 = 0.2;
const FEATURE_FLOOR: Duration = Duration::from_secs(10);
const CRITICAL_SHARE: f64 = 0.5;
const CRITICAL_FLOOR: Duration = Duration::from_millis(300);
const HEDGE_SHARE: f64 = 0.05;
const HEDGE_TTL: Duration = Duration::from_secs(300);
const DEPLOYMENT_SHARE: f64 = 0.1;
const DEPLOYMENT_FLOOR: Duration = Duration::from_secs(5);

/// A quota that reopens later than this is gone for the day: moving on is not a retry.
const QUOTA_WINDOW_MAX: Duration = Duration::from_secs(120);
/// The most that the first wait may be; it doubles with each further one.
const BACKOFF_MIN: Duration = Duration::from_millis(200);
/// The longest wait while somebody is watching, and while nobody is.
const BACKOFF_MAX_INTERACTIVE: Duration = Duration::from_secs(2);
const BACKOFF_MAX_BATCH: Duration = Duration::from_secs(30);
/// The longest wait that a provider can ask for.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(300);

/// What one repeat takes from a budget, in thousandths of a retry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cost {
    /// Nothing.
    Free = 0,
    /// Half a retry.
    Half = 500,
    /// A whole retry.
    One = 1000,
}

/// Which repeat of a request it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Move {
    /// The request's first repeat, and it goes to a different, healthy candidate.
    First,
    /// Any further one, or one to the same or to an unhealthy deployment.
    Further,
}

/// What repeating a request after this fault costs.
///
/// The first move to another healthy deployment is what fallback tiers are for and costs nothing,
/// even where the work may have been done and is paid twice: breakers, not budgets, end it.
#[must_use]
pub fn cost(fault: &Fault, step: Move) -> Cost {
    if step == Move::First {
        return Cost::Free;
    }
    if matches!(fault.replay, Replay::MaybeExecuted | Replay::Executed) {
        return Cost::One;
    }
    match outcome(fault).effect {
        Effect::Failure => Cost::One,
        Effect::Pause(wait) if wait <= QUOTA_WINDOW_MAX => Cost::Half,
        // Each of these closes the deployment or stops the request: nothing is there to repeat.
        Effect::Pause(_) | Effect::Trip(..) | Effect::Neutral => Cost::Free,
    }
}

/// A retry budget. All times are durations since one fixed start.
#[derive(Clone, Debug)]
pub struct Budget {
    /// Thousandths of a retry that one deposit is worth.
    share: u64,
    /// Thousandths of a retry that every window holds without any deposit.
    floor: u64,
    /// The time that one slot covers.
    width: Duration,
    deposits: Ring<SLOTS>,
    /// Kept for one slot more, so that it never expires before its time.
    spent: Ring<{ SLOTS + 1 }>,
}

impl Budget {
    /// A budget of `share` (0 to 1, rounded to thousandths) of the requests of the last `ttl`,
    /// and one retry per `floor_per` besides. A `floor_per` of zero means no floor.
    #[must_use]
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a clamped and rounded number of thousandths is 0 to 1000; NaN becomes 0"
    )]
    pub fn new(share: f64, floor_per: Duration, ttl: Duration) -> Self {
        Self {
            share: (share.clamp(0.0, 1.0) * 1000.0).round() as u64,
            floor: periods(ttl.saturating_mul(1000), floor_per),
            width: (ttl / SLOTS as u32).max(Duration::from_nanos(1)),
            deposits: Ring::default(),
            spent: Ring::default(),
        }
    }

    /// The standard budget of a feature: 20 % of its requests of 30 s, and one per 10 s; half of
    /// them, and ten per 3 s, where people wait for it: an outage begins with a burst of requests
    /// that were under way, and those must survive it.
    #[must_use]
    pub fn of_feature(criticality: Criticality) -> Self {
        if criticality.gives_way() {
            Self::new(FEATURE_SHARE, FEATURE_FLOOR, TTL)
        } else {
            Self::new(CRITICAL_SHARE, CRITICAL_FLOOR, TTL)
        }
    }

    /// The standard budget of a deployment as the target of repeats: 10 % of the first attempts
    /// of 30 s, and one per 5 s.
    #[must_use]
    pub fn of_deployment() -> Self {
        Self::new(DEPLOYMENT_SHARE, DEPLOYMENT_FLOOR, TTL)
    }

    /// The standard budget of a feature's hedges: 5 % of its requests of five minutes, and nothing
    /// besides. A hedge is paid twice.
    #[must_use]
    pub fn of_hedges() -> Self {
        Self::new(HEDGE_SHARE, Duration::ZERO, HEDGE_TTL)
    }

    /// Counts one client request (of a feature) or one first attempt (at a deployment).
    pub fn deposit(&mut self, now: Duration) {
        self.deposits.add(periods(now, self.width), 1);
    }

    /// Whether a repeat of this cost fits now. One that costs nothing always does.
    #[must_use]
    pub fn allows(&self, now: Duration, cost: Cost) -> bool {
        cost as u64 <= self.left(now)
    }

    /// Takes the cost if it fits, and says whether it did.
    pub fn withdraw(&mut self, now: Duration, cost: Cost) -> bool {
        let allowed = self.allows(now, cost);
        if allowed {
            self.spent.add(periods(now, self.width), cost as u64);
        }
        allowed
    }

    /// What the window holds in all, spent or not, in thousandths of a retry.
    #[must_use]
    pub fn limit(&self, now: Duration) -> u64 {
        let deposits = self.deposits.sum(periods(now, self.width));
        deposits.saturating_mul(self.share).saturating_add(self.floor)
    }

    /// What is left of [`Self::limit`], in thousandths of a retry.
    #[must_use]
    pub fn left(&self, now: Duration) -> u64 {
        self.limit(now).saturating_sub(self.spent.sum(periods(now, self.width)))
    }
}

/// How long to wait before repeat number `attempt` (from 0) at the same deployment: anything up to
/// 200 ms, doubling each time, so that those who failed together do not return together.
pub fn backoff(attempt: u32, interactive: bool, rng: &mut impl Rng) -> Duration {
    let longest = if interactive { BACKOFF_MAX_INTERACTIVE } else { BACKOFF_MAX_BATCH };
    let ceiling = BACKOFF_MIN.saturating_mul(2u32.saturating_pow(attempt)).min(longest);
    rng.random_range(Duration::ZERO..=ceiling)
}

/// The wait that honours both: never shorter than the provider asked for, which is believed up to
/// five minutes, nor than the backoff.
#[must_use]
pub fn retry_wait(retry_after: Option<Duration>, backoff: Duration) -> Duration {
    retry_after.map_or(backoff, |asked| asked.min(RETRY_AFTER_MAX).max(backoff))
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*};
    use rand::{SeedableRng, rngs::SmallRng};
    use tieline_types::Class;

    use super::*;

    const fn s(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn a_quiet_feature_has_its_floor_and_a_busy_one_its_share() {
        let mut budget = Budget::of_feature(Criticality::Sheddable);
        let granted =
            |budget: &mut Budget, now| (0..100).filter(|_| budget.withdraw(now, Cost::One)).count();
        assert_eq!(granted(&mut budget, s(0)), 3, "30 s hold three times 10 s");
        assert_eq!(granted(&mut budget, s(30)), 0, "what was spent at 0 s counts to the end");
        assert_eq!(granted(&mut budget, s(31)), 3);
        (0..100).for_each(|_| budget.deposit(s(100)));
        assert_eq!((budget.limit(s(129)), budget.limit(s(130))), (23_000, 3_000));
        assert!(budget.withdraw(s(129), Cost::Half));
        assert_eq!(budget.left(s(129)), 22_500);
        assert_eq!(granted(&mut budget, s(129)), 22, "half a retry is not one");
        assert_eq!(budget.left(s(130)), 0, "debt is nothing left");
        assert!(budget.withdraw(s(130), Cost::Free));
    }

    #[test]
    fn what_a_repeat_costs() {
        use {Class as C, Cost as X};
        for (class, first, further) in [
            (C::Transport, X::Free, X::One),
            (C::Overloaded, X::Free, X::One),
            (C::ServerError, X::Free, X::One),
            (C::StreamTruncated, X::Free, X::One),
            (C::RateLimited, X::Free, X::Half),
            (C::Auth, X::Free, X::Free),
            (C::Billing, X::Free, X::Free),
            (C::UnsupportedHere, X::Free, X::Free),
        ] {
            let fault = Fault::new(class, "made up");
            let costs = (cost(&fault, Move::First), cost(&fault, Move::Further));
            assert_eq!(costs, (first, further), "{class}");
        }
        let daily = Fault::new(Class::RateLimited, "").with_retry_after(Some(s(121)));
        assert_eq!(cost(&daily, Move::Further), Cost::Free);
    }

    #[test]
    fn waits() {
        assert_eq!(retry_wait(None, s(1)), s(1));
        assert_eq!(retry_wait(Some(s(9)), s(1)), s(9));
        assert_eq!(retry_wait(Some(s(1)), s(2)), s(2));
        assert_eq!(retry_wait(Some(s(3600)), s(1)), s(300));
        let mut rng = SmallRng::seed_from_u64(1);
        for (attempt, interactive, most) in
            [(0, true, 200), (2, true, 800), (99, true, 2_000), (5, false, 6_400)]
        {
            let waits = (0..500).map(|_| backoff(attempt, interactive, &mut rng).as_millis());
            let longest = waits.max().unwrap();
            assert!((most * 9 / 10..=most).contains(&longest), "{attempt}: {longest} of {most}");
        }
    }

    proptest! {
        #[test]
        fn no_window_grants_more_than_its_share_and_floor(
            steps in vec((0u64..4_000, 0u32..40, 0u32..20), 1..60),
            percent in 0u64..=100,
        ) {
            let share = f64::from(u32::try_from(percent).unwrap()) / 100.0;
            let mut budget = Budget::new(share, s(10), s(30));
            let (mut now, mut log) = (s(0), Vec::new());
            for (gap, deposits, wishes) in steps {
                now += Duration::from_millis(gap);
                (0..deposits).for_each(|_| budget.deposit(now));
                let granted = (0..wishes).filter(|_| budget.withdraw(now, Cost::One)).count();
                log.push((now, u64::from(deposits), granted as u64));
                let window = log.iter().filter(|(at, ..)| now - *at < s(30));
                let (held, spent) = window.fold((0, 0), |(d, g), row| (d + row.1, g + row.2));
                prop_assert!(granted == 0 || spent * 100 <= held * percent + 300);
                prop_assert!(budget.left(now) <= budget.limit(now));
            }
        }
    }
}
