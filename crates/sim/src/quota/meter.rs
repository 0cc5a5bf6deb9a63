//! How much came of late, and how fast use may grow.

use std::{collections::VecDeque, time::Duration};

use crate::quota::{Ramp, bucket::Bucket};

/// How far back the load is measured.
const LOAD_WINDOW: Duration = Duration::from_secs(30);
/// The window of a ramp's limit: short, so that no burst passes for growth.
const RAMP_WINDOW: Duration = Duration::from_secs(10);
/// Parts that the time of a ramp is divided into.
const PARTS: u32 = 15;
const MINUTE_S: f64 = 60.0;

/// Requests of the last [`LOAD_WINDOW`], by the second.
#[derive(Clone, Debug, Default)]
pub(super) struct Arrivals(VecDeque<(u64, u32)>);

impl Arrivals {
    pub(super) fn add(&mut self, at: Duration) {
        let second = at.as_secs();
        match self.0.back_mut() {
            Some((last, count)) if *last == second => *count = count.saturating_add(1),
            _ => self.0.push_back((second, 1)),
        }
        while self.0.front().is_some_and(|(first, _)| !is_recent(*first, second)) {
            self.0.pop_front();
        }
    }

    pub(super) fn per_minute(&self, at: Duration) -> f64 {
        let recent = self.0.iter().filter(|(second, _)| is_recent(*second, at.as_secs()));
        let count: f64 = recent.map(|(_, count)| f64::from(*count)).sum();
        count * MINUTE_S / LOAD_WINDOW.as_secs_f64()
    }
}

fn is_recent(second: u64, now: u64) -> bool {
    now.saturating_sub(second) < LOAD_WINDOW.as_secs()
}

/// How far use has climbed, and how far it may.
#[derive(Clone, Debug)]
pub(super) struct Climb {
    ramp: Option<Ramp>,
    bucket: Bucket,
    /// What was used in each part of the time that counts: the part's number, and tokens a minute.
    used: VecDeque<(u64, f64)>,
}

impl Climb {
    pub(super) fn new(ramp: Option<Ramp>) -> Self {
        Self { ramp, bucket: Bucket::full(Some(RAMP_WINDOW)), used: VecDeque::new() }
    }

    /// How long until so many tokens may be used; none where they may be now.
    pub(super) fn wait(&self, at: Duration, need: f64) -> Option<Duration> {
        let allowed = self.allowed(&self.ramp?, at);
        self.bucket.wait(allowed, at, need)
    }

    pub(super) fn take(&mut self, at: Duration, need: f64) {
        let Some(ramp) = self.ramp else {
            return;
        };
        let allowed = self.allowed(&ramp, at);
        self.bucket.take(allowed, at, need);
        let part = part_of(&ramp, at);
        let rate = need * MINUTE_S / part_s(&ramp);
        match self.used.back_mut() {
            // What a burst used above the allowed is no ground to grow from.
            Some((last, used)) if *last == part => *used = (*used + rate).min(allowed),
            _ => self.used.push_back((part, rate.min(allowed))),
        }
        let oldest = part.saturating_sub(u64::from(2 * PARTS));
        while self.used.front().is_some_and(|(first, _)| *first < oldest) {
            self.used.pop_front();
        }
    }

    /// Tokens a minute: grown from the most that was used between once and twice the ramp's time
    /// ago.
    fn allowed(&self, ramp: &Ramp, at: Duration) -> f64 {
        let now = part_of(ramp, at);
        let ago = u64::from(PARTS)..=u64::from(2 * PARTS);
        let then = self.used.iter().filter(|(part, _)| ago.contains(&now.saturating_sub(*part)));
        let most = then.map(|(_, used)| *used).fold(0.0, f64::max);
        (most * (1.0 + ramp.growth)).max(f64::from(ramp.tokens_per_minute))
    }
}

fn part_s(ramp: &Ramp) -> f64 {
    // A ramp without time grows within a millisecond.
    (ramp.every / PARTS).max(Duration::from_millis(1)).as_secs_f64()
}

fn part_of(ramp: &Ramp, at: Duration) -> u64 {
    let part = (ramp.every / PARTS).max(Duration::from_millis(1));
    u64::try_from(at.as_millis() / part.as_millis().max(1)).unwrap_or(u64::MAX)
}
