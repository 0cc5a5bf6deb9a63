//! What a feature's requests are like at each deployment: how long answers are, how soon they
//! begin, and how much of a prompt the provider's cache has.
//!
//! Whole numbers only, so that the same history gives the same expectation on every machine.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tieline_types::Usage;

use crate::{
    First, PromptSize,
    size::{BySize, SEEN_MIN},
};

/// Shares and means are counted in this many parts of one.
const PARTS: u64 = 1024;
/// Each answer moves a mean by one part in so many.
const SLOWNESS: u64 = 8;
/// The same of times, which change sooner.
const LATENCY_SLOWNESS: u32 = 4;
/// Caches forget a prompt that nobody used for so long.
const CACHE_LIFE: Duration = Duration::from_secs(300);
/// What was measured so long ago is not believed any more, so that what was slow is tried again.
const LATENCY_LIFE: Duration = Duration::from_secs(600);
/// The tokens of an answer while nothing is known of any.
const OUTPUT_USUAL: u64 = 500;

/// What is expected of one request before it is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Habit {
    /// Tokens of the answer.
    pub output: u64,
    /// The share of the prompt that the cache has, in parts of 1,024.
    pub cached: u64,
    /// The time to the first content of prompts of its size, where it was measured lately.
    pub first: Option<First>,
}

impl Habit {
    /// The tokens of a request with so much input.
    pub(crate) fn usage(self, input: u64) -> Usage {
        let cache_read = part_of(input, self.cached);
        Usage { input: input - cache_read, cache_read, output: self.output, ..Usage::default() }
    }
}

fn part_of(whole: u64, parts: u64) -> u64 {
    let part = u128::from(whole) * u128::from(parts.min(PARTS)) / u128::from(PARTS);
    u64::try_from(part).unwrap_or(whole)
}

/// What was seen of a feature's requests, by deployment. No more of them are kept than a plan has.
#[derive(Debug, Default)]
pub struct Habits(Mutex<BTreeMap<Arc<str>, Seen>>);

/// Means, in parts.
#[derive(Clone, Copy, Debug)]
struct Seen {
    output: u64,
    cached: u64,
    /// When the cache was last looked at.
    at: Duration,
    /// The time to the first content.
    first: BySize<Mean>,
}

/// The mean of times, the later the more.
#[derive(Clone, Copy, Debug, Default)]
struct Mean {
    mean: Duration,
    /// When the last one was measured.
    at: Duration,
    /// Measurements since the last silence of [`LATENCY_LIFE`].
    seen: u32,
}

impl Habits {
    /// Takes in what an answer consumed, and the size of its prompt and the time to its first
    /// content where it was a stream.
    pub(crate) fn note(
        &self,
        deployment: &Arc<str>,
        now: Duration,
        usage: &Usage,
        first: Option<(PromptSize, Duration)>,
    ) {
        let input = usage.input_total();
        if input == 0 {
            return;
        }
        let output = usage.output_total().saturating_mul(PARTS);
        let share = u128::from(usage.cache_read) * u128::from(PARTS) / u128::from(input);
        let share = u64::try_from(share).unwrap_or(PARTS);
        let mut all = self.all();
        match all.get_mut(deployment) {
            None => {
                let mut seen = Seen { output, cached: share, at: now, first: BySize::default() };
                seen.note_first(now, first);
                all.insert(Arc::clone(deployment), seen);
            }
            Some(seen) => {
                seen.output = moved(seen.output, output);
                seen.note_first(now, first);
                // Who estimates knows nothing of caches.
                if !usage.estimated {
                    // Fresh evidence counts for more than what has faded.
                    seen.cached = moved(seen.warm(now), share).max(share / 2);
                    seen.at = now;
                }
            }
        }
    }

    /// What is expected at a deployment of a request whose prompt has that size. Where nothing is
    /// known there, answers are as long as elsewhere.
    #[must_use]
    pub fn expect(&self, deployment: &str, size: PromptSize, now: Duration) -> Habit {
        let all = self.all();
        if let Some(seen) = all.get(deployment) {
            let (output, cached) = (seen.output / PARTS, seen.warm(now));
            return Habit { output, cached, first: seen.first(size, now) };
        }
        let count = u64::try_from(all.len()).unwrap_or(u64::MAX);
        let sum = all.values().map(|seen| seen.output / PARTS).fold(0, u64::saturating_add);
        let output = sum.checked_div(count).unwrap_or(OUTPUT_USUAL);
        Habit { output, cached: 0, first: None }
    }

    /// The same, for somebody else to go on from.
    pub(crate) fn copied(&self) -> Self {
        Self(Mutex::new(self.all().clone()))
    }

    /// Forgets what no plan has any more.
    pub(crate) fn keep(&self, known: impl Fn(&str) -> bool) {
        self.all().retain(|deployment, _| known(deployment));
    }

    fn all(&self) -> MutexGuard<'_, BTreeMap<Arc<str>, Seen>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seen {
    fn note_first(&mut self, now: Duration, first: Option<(PromptSize, Duration)>) {
        if let Some((size, first)) = first
            && let Some(mean) = self.first.get_mut(size)
        {
            mean.note(now, first);
        }
    }

    /// The time to the first content of prompts of that size, where it was measured lately.
    fn first(&self, size: PromptSize, now: Duration) -> Option<First> {
        let tells = |mean: &Mean| mean.seen >= SEEN_MIN && mean.get(now).is_some();
        let told = self.first.at_least(size, tells);
        told.filter_map(|(size, mean)| Some(First { time: mean.get(now)?, size })).max()
    }

    /// The share that the cache still has: it fades evenly to nothing.
    fn warm(&self, now: Duration) -> u64 {
        let life_ms = CACHE_LIFE.as_millis();
        let left_ms = life_ms.saturating_sub(now.saturating_sub(self.at).as_millis());
        let warm = u128::from(self.cached) * left_ms / life_ms;
        u64::try_from(warm).unwrap_or_default()
    }
}

impl Mean {
    /// The mean, where it was measured lately.
    fn get(&self, now: Duration) -> Option<Duration> {
        let lately = self.seen > 0 && now.saturating_sub(self.at) < LATENCY_LIFE;
        lately.then_some(self.mean)
    }

    fn note(&mut self, now: Duration, first: Duration) {
        let (mean, seen) = match self.get(now) {
            Some(before) => {
                (before - before / LATENCY_SLOWNESS + first / LATENCY_SLOWNESS, self.seen)
            }
            None => (first, 0),
        };
        *self = Self { mean, at: now, seen: seen.saturating_add(1) };
    }
}

fn moved(mean: u64, value: u64) -> u64 {
    mean - mean / SLOWNESS + value / SLOWNESS
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn s(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    /// What is expected of a short prompt.
    fn expect(habits: &Habits, deployment: &str, now: Duration) -> Habit {
        habits.expect(deployment, PromptSize::of(10), now)
    }

    fn usage(input: u64, cache_read: u64, output: u64) -> Usage {
        Usage { input, cache_read, output, ..Usage::default() }
    }

    #[test]
    fn answers_are_as_long_as_they_were_there_or_else_elsewhere() {
        let habits = Habits::default();
        assert_eq!(
            expect(&habits, "a", s(0)),
            Habit { output: OUTPUT_USUAL, cached: 0, first: None }
        );
        habits.note(&"a".into(), s(0), &usage(10, 0, 100), None);
        assert_eq!(expect(&habits, "a", s(0)).output, 100);
        assert_eq!(expect(&habits, "b", s(0)).output, 100);
        habits.note(&"a".into(), s(0), &usage(10, 0, 900), None);
        assert_eq!(expect(&habits, "a", s(0)).output, 200);
        habits.note(&"b".into(), s(0), &usage(10, 0, 400), None);
        assert_eq!(expect(&habits, "c", s(0)).output, 300);
        habits.note(&"b".into(), s(0), &Usage::default(), None);
        assert_eq!(expect(&habits, "b", s(0)).output, 400, "nothing was used");
        habits.keep(|one| one == "b");
        assert_eq!(expect(&habits, "a", s(0)).output, 400);
    }

    #[test]
    fn a_cache_is_warm_for_five_minutes_and_ever_less() {
        let habits = Habits::default();
        habits.note(&"a".into(), s(0), &usage(256, 768, 1), None);
        assert_eq!(expect(&habits, "a", s(0)).usage(1_000), usage(250, 750, 1));
        assert_eq!(expect(&habits, "a", s(150)).cached, 384);
        assert_eq!(expect(&habits, "a", s(300)).cached, 0);
        let guess = Usage { estimated: true, ..usage(1_024, 0, 1) };
        habits.note(&"a".into(), s(0), &guess, None);
        assert_eq!(expect(&habits, "a", s(0)).cached, 768, "an estimate knows nothing of it");
        (0..40).for_each(|_| habits.note(&"a".into(), s(1), &usage(1_024, 0, 1), None));
        assert!(expect(&habits, "a", s(1)).cached < 16, "it is cold again");
    }

    #[test]
    fn a_measured_time_is_believed_for_ten_minutes() {
        let habits = Habits::default();
        let note = |now, first: Option<Duration>| {
            let first = first.map(|first| (PromptSize::of(10), first));
            habits.note(&"a".into(), now, &usage(10, 0, 1), first);
        };
        let first = |at: u64| expect(&habits, "a", s(at)).first.map(|first| first.time);
        note(s(0), None);
        assert_eq!(first(0), None, "it was no stream");
        note(s(0), Some(s(4)));
        note(s(1), Some(s(8)));
        assert_eq!(first(1), Some(s(5)));
        assert_eq!(first(600), Some(s(5)));
        assert_eq!(first(601), None);
        note(s(700), Some(s(1)));
        assert_eq!(first(700), Some(s(1)), "what is old counts no more");
    }

    #[test]
    fn times_are_those_of_the_size_once_enough_was_seen_of_it() {
        let habits = Habits::default();
        let note = |at: u64, input: u64, first: u64| {
            let first = Some((PromptSize::of(input), s(first)));
            habits.note(&"a".into(), s(at), &usage(input, 0, 1), first);
        };
        let first = |at: u64, input: u64| {
            let first = habits.expect("a", PromptSize::of(input), s(at)).first?;
            Some((first.time, first.size.as_str()))
        };
        note(0, 100_000, 8);
        assert_eq!(first(0, 100_000), Some((s(8), "200k")), "better than nothing");
        assert_eq!(first(0, 100), None, "long prompts say nothing of short ones");
        (0..3).for_each(|_| note(0, 100, 4));
        assert_eq!(first(0, 100), Some((s(4), "1k")));
        assert_eq!(first(0, 100_000), Some((s(8), "200k")), "slowness counts at once");
        assert_eq!(first(0, 9_000_000), Some((s(4), "1k")), "one long prompt is not enough");
        (0..2).for_each(|_| note(0, 100_000, 8));
        assert_eq!(first(0, 9_000_000), Some((s(8), "200k")), "of the nearest smaller size");
        note(500, 100, 4);
        assert_eq!(first(600, 100_000), Some((s(4), "1k")), "of itself nothing lately");
        assert_eq!(first(1_100, 100), None);
    }

    #[test]
    fn no_count_overflows() {
        let habits = Habits::default();
        for _ in 0..20 {
            habits.note(&"a".into(), s(9), &usage(u64::MAX, u64::MAX, u64::MAX), None);
        }
        let all = expect(&habits, "a", s(9)).usage(u64::MAX);
        assert_eq!(all.input_total(), u64::MAX);
    }
}
