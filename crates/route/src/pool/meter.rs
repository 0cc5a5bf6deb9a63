//! One thing that a pool counts: requests, or tokens of one kind.

use std::time::Duration;

use super::{Gauge, Seen};

/// A unit is counted in as many parts as a minute has milliseconds, so that a bucket refills by
/// exactly its limit of parts in each of them: whole numbers, and no drift.
const PARTS: u64 = 60_000;
/// How long one waits for others to settle, where time alone does not make room.
const RECHECK_MS: u128 = 1_000;
/// How long what was told without a reset holds. Azure counts in windows of up to this length.
const RESET_UNKNOWN: Duration = Duration::from_secs(10);
/// The longest that a reset is believed without asking anew: it says when all is available again,
/// which for a limit counted by the day is long after something is.
const RESET_MAX: Duration = Duration::from_secs(600);

/// What is configured and what was told of one thing.
#[derive(Clone, Debug, Default)]
pub(super) struct Meter {
    bucket: Option<Bucket>,
    told: Option<Told>,
}

impl Meter {
    pub(super) fn configure(&mut self, now: Duration, limit: Option<u64>) {
        self.bucket = limit.map(|limit| {
            let mut bucket = self.bucket.take().unwrap_or_default();
            bucket.refill(now);
            bucket.limit = limit.max(1);
            bucket
        });
    }

    pub(super) fn shut_until(&self, now: Duration, amount: u64) -> Option<Duration> {
        let told = self.told(now).and_then(|told| told.shut_until(now, amount));
        let bucket = self.bucket.as_ref().and_then(|bucket| bucket.shut_until(now, amount));
        told.max(bucket)
    }

    /// Spends at once.
    pub(super) fn spend(&mut self, now: Duration, amount: u64) {
        self.hold(amount);
        if let Some(bucket) = &mut self.bucket {
            bucket.settle(now, amount, amount);
        }
    }

    pub(super) fn hold(&mut self, amount: u64) {
        if let Some(bucket) = &mut self.bucket {
            bucket.held = bucket.held.saturating_add(amount);
        }
        if let Some(told) = &mut self.told {
            told.left -= i128::from(amount);
        }
    }

    /// Spends `used` of what was held when `learnt` was the last that was learnt. A provider that
    /// told something since has counted that request itself.
    pub(super) fn settle(&mut self, now: Duration, held: u64, used: u64, learnt: u64) {
        if let Some(bucket) = &mut self.bucket {
            bucket.settle(now, held, used);
        }
        if let Some(told) = self.told.as_mut().filter(|told| told.learnt <= learnt) {
            told.left += i128::from(held) - i128::from(used);
        }
    }

    pub(super) fn learn(&mut self, now: Duration, seen: Seen, learnt: u64) {
        let Some(left) = seen.remaining.or(seen.limit) else {
            return;
        };
        let until = now.saturating_add(seen.reset.unwrap_or(RESET_UNKNOWN).min(RESET_MAX));
        let missing = seen.limit.map_or(0, |limit| limit.saturating_sub(left));
        let left = i128::from(left);
        self.told = Some(Told { limit: seen.limit, left, missing, at: now, until, learnt });
    }

    pub(super) fn utilisation(&self, now: Duration) -> f64 {
        let told = self.told(now).map_or(0.0, |told| told.utilisation(now));
        let bucket = self.bucket.as_ref().map_or(0.0, |bucket| bucket.utilisation(now));
        told.max(bucket)
    }

    pub(super) fn gauge(&self, now: Duration) -> Gauge {
        let told = self.told(now);
        let told_left = told.map(|told| u64::try_from(told.left(now)).unwrap_or_default());
        let bucket = self.bucket.as_ref();
        Gauge {
            limit: least(bucket.map(|bucket| bucket.limit), told.and_then(|told| told.limit)),
            left: least(bucket.map(|bucket| bucket.left(now)), told_left),
        }
    }

    fn told(&self, now: Duration) -> Option<&Told> {
        self.told.as_ref().filter(|told| now < told.until)
    }
}

fn least(a: Option<u64>, b: Option<u64>) -> Option<u64> {
    a.into_iter().chain(b).min()
}

/// What the provider told, counted down until its reset. The reset is when all is available again;
/// until then it comes back evenly, as in the token buckets that OpenAI and Anthropic describe.
#[derive(Clone, Debug)]
struct Told {
    limit: Option<u64>,
    /// What was left when it was told, less what was sent since. Below zero if more was sent all
    /// the same.
    left: i128,
    /// What comes back from `at` until `until`.
    missing: u64,
    at: Duration,
    until: Duration,
    /// When in the order of all that was learnt.
    learnt: u64,
}

impl Told {
    fn left(&self, now: Duration) -> i128 {
        self.left.saturating_add(self.back(now))
    }

    /// What has come back since it was told.
    fn back(&self, now: Duration) -> i128 {
        if self.missing == 0 {
            return 0;
        }
        let passed_ms = now.saturating_sub(self.at).as_millis();
        let back = u128::from(self.missing) * passed_ms / self.length_ms();
        i128::try_from(back).unwrap_or(i128::MAX)
    }

    fn length_ms(&self) -> u128 {
        self.until.saturating_sub(self.at).as_millis().max(1)
    }

    fn shut_until(&self, now: Duration, amount: u64) -> Option<Duration> {
        let left = self.left(now);
        let needed = i128::from(amount.max(1));
        let untouched = self.limit.is_some_and(|limit| limit > 0 && left >= i128::from(limit));
        if left >= needed || untouched {
            return None;
        }
        let short = u128::try_from(needed - left).unwrap_or(0);
        let wait_ms = (short * self.length_ms()).checked_div(u128::from(self.missing));
        let wait_ms = wait_ms.and_then(|ms| u64::try_from(ms).ok()).unwrap_or(u64::MAX);
        Some(now.saturating_add(Duration::from_millis(wait_ms.saturating_add(1))).min(self.until))
    }

    fn utilisation(&self, now: Duration) -> f64 {
        match (u128::try_from(self.left(now)), self.limit.map(u128::from)) {
            (Err(_) | Ok(0), _) => 1.0,
            (Ok(left), Some(limit)) => ratio(limit.saturating_sub(left), limit),
            (Ok(_), None) => 0.0,
        }
    }
}

/// A configured limit by the minute: a bucket of one minute's worth.
#[derive(Clone, Debug, Default)]
struct Bucket {
    limit: u64,
    /// Units of requests under way.
    held: u64,
    /// Parts of settled requests that did not refill until [`Self::refilled_ms`].
    spent: u128,
    refilled_ms: u128,
    recent: Recent,
}

impl Bucket {
    fn shut_until(&self, now: Duration, amount: u64) -> Option<Duration> {
        let spent = self.spent(now);
        let drawn = spent + parts(self.held);
        // What is larger than the bucket needs all of it.
        let over = (drawn + parts(amount)).saturating_sub(parts(self.limit)).min(drawn);
        if over == 0 {
            return None;
        }
        let refill_ms = over.min(spent).div_ceil(u128::from(self.limit.max(1)));
        let wait_ms = if over > spent { refill_ms.max(RECHECK_MS) } else { refill_ms };
        let until_ms = now.as_millis().saturating_add(wait_ms);
        Some(Duration::from_millis(u64::try_from(until_ms).unwrap_or(u64::MAX)))
    }

    fn settle(&mut self, now: Duration, held: u64, used: u64) {
        self.refill(now);
        self.held = self.held.saturating_sub(held);
        self.spent = self.spent.saturating_add(parts(used));
        self.recent = self.recent.at(now);
        self.recent.count = self.recent.count.saturating_add(used);
    }

    fn refill(&mut self, now: Duration) {
        self.spent = self.spent(now);
        self.refilled_ms = self.refilled_ms.max(now.as_millis());
    }

    fn spent(&self, now: Duration) -> u128 {
        let elapsed_ms = now.as_millis().saturating_sub(self.refilled_ms);
        self.spent.saturating_sub(elapsed_ms.saturating_mul(u128::from(self.limit)))
    }

    fn left(&self, now: Duration) -> u64 {
        let drawn = self.spent(now) + parts(self.held);
        let left = parts(self.limit).saturating_sub(drawn) / u128::from(PARTS);
        u64::try_from(left).unwrap_or(u64::MAX)
    }

    /// A bucket is never full in use before it is used up, so what ran through it counts as well.
    fn utilisation(&self, now: Duration) -> f64 {
        let drawn = self.spent(now).max(self.recent.parts(now)) + parts(self.held);
        ratio(drawn, parts(self.limit))
    }
}

/// What was spent in the last minute: all of this minute, and of the minute before as much as still
/// lies within 60 seconds if it was spent evenly.
#[derive(Clone, Copy, Debug, Default)]
struct Recent {
    minute: u128,
    count: u64,
    before: u64,
}

impl Recent {
    /// The same, seen from the minute of `now`.
    fn at(self, now: Duration) -> Self {
        let minute = now.as_millis() / u128::from(PARTS);
        match minute.saturating_sub(self.minute) {
            0 => self,
            1 => Self { minute, count: 0, before: self.count },
            _ => Self { minute, ..Self::default() },
        }
    }

    fn parts(self, now: Duration) -> u128 {
        let recent = self.at(now);
        let into_ms = now.as_millis() % u128::from(PARTS);
        parts(recent.count) + u128::from(recent.before) * (u128::from(PARTS) - into_ms)
    }
}

fn parts(units: u64) -> u128 {
    u128::from(units) * u128::from(PARTS)
}

/// The share of `part` in `whole`, in 0..=1. A whole of nothing is used up.
fn ratio(part: u128, whole: u128) -> f64 {
    if part >= whole { 1.0 } else { part as f64 / whole as f64 }
}
