//! How long answers take, by deployment and size of the prompt.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use tieline_route::PromptSize;
use tieline_types::{CallRecord, Usage};

use super::{recorded::Recorded, report::Times};

/// Times are told apart to one part in so many.
const PARTS: u64 = 32;
/// `PARTS` as a power of two.
const PARTS_BITS: u32 = PARTS.ilog2();
/// Shares of requests are counted in this many parts of one.
const WEIGHT: u128 = 1 << 20;

/// The size of a prompt, by all of it: times of different ones are not compared.
pub(super) fn size_of(usage: Option<&Usage>) -> PromptSize {
    PromptSize::of(usage.map_or(0, Usage::input_total))
}

/// How many took how long, in steps of about 3 %: constant memory for any number of requests.
#[derive(Clone, Debug, Default)]
pub(super) struct Spread {
    steps: BTreeMap<u64, u64>,
    count: u64,
}

impl Spread {
    pub(super) fn note(&mut self, us: u64) {
        *self.steps.entry(step(us)).or_default() += 1;
        self.count += 1;
    }

    /// What half of them keep within.
    fn median(&self) -> Option<u64> {
        let mut sum = 0;
        let reached = self.steps.iter().find(|(_, count)| {
            sum += **count;
            sum * 2 >= self.count
        });
        reached.map(|(step, _)| longest(*step))
    }
}

/// The step that a time belongs to.
fn step(us: u64) -> u64 {
    let doublings = us.checked_ilog2().unwrap_or_default().saturating_sub(PARTS_BITS);
    // The leading bit is part of what is left.
    u64::from(doublings) * PARTS + (us >> doublings)
}

/// The longest time of a step.
const fn longest(step: u64) -> u64 {
    let doublings = (step / PARTS).saturating_sub(1);
    let leading = step - doublings * PARTS;
    (leading << doublings) | ((1 << doublings) - 1)
}

/// Several spreads as one, each for as many requests as it stands for.
#[derive(Debug, Default)]
struct Mixed {
    steps: BTreeMap<u64, u128>,
    known: u64,
}

impl Mixed {
    fn add(&mut self, spread: &Spread, requests: u64) {
        for (step, count) in &spread.steps {
            let part = u128::from(*count) * u128::from(requests) * WEIGHT;
            *self.steps.entry(*step).or_default() += part / u128::from(spread.count.max(1));
        }
        self.known += requests;
    }

    fn times(&self, unknown: u64) -> Option<Times> {
        let all: u128 = self.steps.values().sum();
        let within = |percent: u128| {
            let mut sum = 0;
            let reached = self.steps.iter().find(|(_, weight)| {
                sum += **weight;
                sum * 100 >= all * percent
            });
            reached.map(|(step, _)| longest(*step))
        };
        let (p50_us, p95_us) = (within(50)?, within(95)?);
        Some(Times { p50_us, p95_us, known: self.known, unknown })
    }
}

/// What was measured, by deployment and size.
#[derive(Debug, Default)]
pub(super) struct Measured {
    by: HashMap<(Arc<str>, PromptSize), Spreads>,
}

/// Times to the first content of streams, and to the end of answers.
#[derive(Clone, Debug, Default)]
pub(super) struct Spreads {
    pub(super) first: Spread,
    pub(super) whole: Spread,
}

impl Measured {
    /// Takes in how long the deployment took that answered a request.
    pub(super) fn note(&mut self, recorded: &Recorded<'_>) {
        let Some(attempt) = recorded.attempt.filter(|one| one.fault.is_none()) else {
            return;
        };
        let size = size_of(recorded.usage);
        let spreads = self.by.entry((Arc::clone(&attempt.deployment), size)).or_default();
        if let Some(first) = attempt.first_content_us.filter(|_| recorded.record.stream) {
            spreads.first.note(first);
        }
        spreads.whole.note(attempt.duration_us);
    }

    /// What half of a deployment's streams begin within.
    pub(super) fn usual_first(&self, deployment: &Arc<str>, size: PromptSize) -> Option<u64> {
        self.by.get(&(Arc::clone(deployment), size))?.first.median()
    }
}

/// The times of some requests: of those that stay as measured, of those that move as others took at
/// the deployment that they move to.
#[derive(Clone, Debug, Default)]
pub(super) struct Estimate {
    own: Spreads,
    /// Requests that move to a deployment, by size: streams, and all.
    moved: BTreeMap<(Arc<str>, PromptSize), (u64, u64)>,
}

impl Estimate {
    /// A request with times of its own.
    pub(super) fn measured(&mut self, record: &CallRecord) {
        if let Some(first) = record.first_content_us.filter(|_| record.stream) {
            self.own.first.note(first);
        }
        self.own.whole.note(record.duration_us);
    }

    /// A request that moves to a deployment.
    pub(super) fn moves(&mut self, record: &CallRecord, to: &Arc<str>, size: PromptSize) {
        let (streams, all) = self.moved.entry((Arc::clone(to), size)).or_default();
        *streams += u64::from(record.stream);
        *all += 1;
    }

    /// First content of streams, and whole answers.
    pub(super) fn times(&self, measured: &Measured) -> (Option<Times>, Option<Times>) {
        let streams = self.moved.iter().map(|(to, (streams, _))| (to, *streams));
        let all = self.moved.iter().map(|(to, (_, all))| (to, *all));
        let first = mixed(&self.own.first, streams, measured, |spreads| &spreads.first);
        let whole = mixed(&self.own.whole, all, measured, |spreads| &spreads.whole);
        (first, whole)
    }
}

fn mixed<'m>(
    own: &Spread,
    moved: impl Iterator<Item = (&'m (Arc<str>, PromptSize), u64)>,
    measured: &Measured,
    spread: impl Fn(&Spreads) -> &Spread,
) -> Option<Times> {
    let (mut mixed, mut unknown) = (Mixed::default(), 0);
    mixed.add(own, own.count);
    for (to, requests) in moved {
        match measured.by.get(to).map(&spread).filter(|spread| spread.count > 0) {
            Some(spread) => mixed.add(spread, requests),
            None => unknown += requests,
        }
    }
    mixed.times(unknown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_is_never_off_by_more_than_its_part() {
        let times = [0, 1, 31, 32, 63, 64, 65, 1_000, 999_999, 60_000_000, u64::MAX];
        for us in times {
            let told = longest(step(us));
            assert!(told >= us && told - us <= us / PARTS, "{us} is told as {told}");
        }
        assert!((0..100_000).all(|us| step(us) <= step(us + 1)));
    }

    #[test]
    fn each_spread_counts_for_the_requests_that_it_stands_for() {
        let mut quick = Spread::default();
        (0..1_000).for_each(|_| quick.note(10));
        let mut slow = Spread::default();
        slow.note(30);
        let mut mixed = Mixed::default();
        mixed.add(&quick, 40);
        mixed.add(&slow, 60);
        let times = mixed.times(3).unwrap();
        assert_eq!((times.p50_us, times.p95_us), (30, 30));
        assert_eq!((times.known, times.unknown), (100, 3));
        mixed.add(&quick, 1_200);
        let times = mixed.times(0).unwrap();
        assert_eq!((times.p50_us, times.p95_us), (10, 10), "60 of 1,300");
        assert_eq!(Mixed::default().times(5), None);
    }
}
