//! Which of several candidates is quickest: peak EWMA, and the power of two choices.
//!
//! What is measured is the time to the first content, for the length of an answer says nothing of
//! a deployment, and it is told apart by the size of the prompt, for a deployment that just got
//! long ones is not slow for short ones. A failure counts as a slow answer, so that one that fails
//! fast attracts no traffic (linkerd's load biaser); it is not of a size.

use std::time::Duration;

use rand::Rng;

use crate::{
    PromptSize,
    size::{BySize, SEEN_MIN},
};

/// The time in which a slow answer fades to a third before quicker ones, and a failure in silence.
const DECAY: Duration = Duration::from_secs(10);
/// The time in which what was measured fades to a third in silence. It is longer, since requests of
/// one size are fewer than all.
const SILENCE: Duration = Duration::from_secs(30);
/// What was measured so long ago, of which a twentieth is left, is told by other sizes instead.
const LIFE: Duration = Duration::from_secs(90);
/// What a failure counts as at least, and what any measurement counts as at most.
const FAILURE_MIN: Duration = Duration::from_secs(5);
const RTT_MAX: Duration = Duration::from_secs(300);
/// The latency of the unknown while nothing is known, in seconds. Any would do.
const LATENCY_UNKNOWN_S: f64 = 1.0;

/// What one deployment's answers took, with recent slowness weighing most: a slower answer takes
/// effect at once, quicker ones and silence let it fade. All times are durations since one fixed
/// start.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Ewma {
    inflight: u32,
    answers: BySize<Option<Measured>>,
    failures: Option<Measured>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Measured {
    estimate_s: f64,
    at: Duration,
    /// Measurements since the last silence of [`LIFE`].
    seen: u32,
}

/// How busy a candidate is.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Load {
    /// The expected time to the first content, in seconds; none if nothing was measured yet.
    pub latency_s: Option<f64>,
    /// Requests under way.
    pub inflight: u32,
}

impl Ewma {
    /// What was measured, with nothing under way.
    #[must_use]
    pub fn idle(&self) -> Self {
        Self { inflight: 0, ..*self }
    }

    /// A request is sent. Must be followed by [`Self::end`].
    pub fn begin(&mut self) {
        self.inflight = self.inflight.saturating_add(1);
    }

    /// A request is over, however it ended.
    pub fn end(&mut self) {
        self.inflight = self.inflight.saturating_sub(1);
    }

    /// The first content of an answer to a prompt of that size came after `rtt`.
    pub fn observe(&mut self, size: PromptSize, now: Duration, rtt: Duration) {
        if let Some(answers) = self.answers.get_mut(size) {
            *answers = Some(Measured::after(*answers, now, rtt));
        }
    }

    /// A request failed by the deployment's fault, with the wait that the provider asked for.
    pub fn fail(&mut self, now: Duration, retry_after: Option<Duration>) {
        let wait = retry_after.unwrap_or_default().max(FAILURE_MIN);
        self.failures = Some(Measured::after(self.failures, now, wait));
    }

    /// How busy it is for a prompt of that size. What was measured long ago counts little, so that
    /// every candidate is tried again some day. While too few prompts of the size were seen,
    /// shorter ones tell the least that it takes; if those few took longer, that counts at once.
    #[must_use]
    pub fn load(&self, size: PromptSize, now: Duration) -> Load {
        let told = self.answers.at_least(size, |one| one.is_some_and(|one| one.tells(now)));
        let answered_s = told.filter_map(|(_, one)| Some((*one)?.left_s(now, SILENCE)));
        let failed_s = self.failures.map(|one| one.left_s(now, DECAY));
        let latency_s = answered_s.chain(failed_s).reduce(f64::max);
        Load { latency_s, inflight: self.inflight }
    }
}

impl Measured {
    /// What is known after one more took so long.
    fn after(before: Option<Self>, now: Duration, rtt: Duration) -> Self {
        let rtt_s = rtt.min(RTT_MAX).as_secs_f64();
        let Some(before) = before else {
            return Self { estimate_s: rtt_s, at: now, seen: 1 };
        };
        let kept = before.kept(now, DECAY);
        let faded_s = before.estimate_s * kept + rtt_s * (1.0 - kept);
        let seen = if before.is_old(now) { 0 } else { before.seen };
        Self { estimate_s: faded_s.max(rtt_s), at: now, seen: seen.saturating_add(1) }
    }

    /// Whether enough was measured, and lately.
    fn tells(&self, now: Duration) -> bool {
        self.seen >= SEEN_MIN && !self.is_old(now)
    }

    fn is_old(&self, now: Duration) -> bool {
        now.saturating_sub(self.at) >= LIFE
    }

    /// What is left of the estimate at `now`, in seconds.
    fn left_s(&self, now: Duration, fades_in: Duration) -> f64 {
        self.estimate_s * self.kept(now, fades_in)
    }

    /// The share of the estimate that is left at `now`.
    fn kept(&self, now: Duration, fades_in: Duration) -> f64 {
        (-now.saturating_sub(self.at).as_secs_f64() / fades_in.as_secs_f64()).exp()
    }
}

/// Orders candidates for one request, by their positions in `loads`: of two drawn at random the
/// less busy goes first, and so on among the rest. One of which nothing is known counts as the
/// median of the known, so that it gets its chance.
pub fn p2c(loads: &[Load], rng: &mut impl Rng) -> Vec<usize> {
    let unknown_s = median(loads.iter().filter_map(|load| load.latency_s).collect());
    let cost = |load: &Load| load.latency_s.unwrap_or(unknown_s) * (f64::from(load.inflight) + 1.0);
    let mut left: Vec<(usize, f64)> = loads.iter().map(cost).enumerate().collect();
    let mut order = Vec::with_capacity(left.len());
    while !left.is_empty() {
        let (candidate, _) = left.swap_remove(better_of_two(&left, rng));
        order.push(candidate);
    }
    order
}

/// The position of the cheaper of two different ones drawn at random; `left` is not empty.
fn better_of_two(left: &[(usize, f64)], rng: &mut impl Rng) -> usize {
    if left.len() < 2 {
        return 0;
    }
    let first = rng.random_range(0..left.len());
    let second = (first + rng.random_range(1..left.len())) % left.len();
    let cost = |at: usize| left.get(at).map(|(_, cost)| *cost);
    if cost(second) < cost(first) { second } else { first }
}

fn median(mut known_s: Vec<f64>) -> f64 {
    known_s.sort_by(f64::total_cmp);
    known_s.get(known_s.len() / 2).copied().unwrap_or(LATENCY_UNKNOWN_S)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rand::{SeedableRng, rngs::SmallRng};

    use super::*;

    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    /// A prompt of so many tokens.
    fn of(input: u64) -> PromptSize {
        PromptSize::of(input)
    }

    fn latency_ms(ewma: &Ewma, input: u64, now: Duration) -> f64 {
        (ewma.load(of(input), now).latency_s.unwrap() * 1000.0).round()
    }

    const fn known(latency_s: f64, inflight: u32) -> Load {
        Load { latency_s: Some(latency_s), inflight }
    }

    #[test]
    fn slowness_counts_at_once_and_fades() {
        let mut ewma = Ewma::default();
        assert_eq!(ewma.load(of(1), ms(0)).latency_s, None);
        ewma.observe(of(1), ms(0), ms(400));
        ewma.observe(of(1), ms(0), ms(900));
        assert_eq!(latency_ms(&ewma, 1, ms(0)), 900.0, "a peak counts whole");
        ewma.observe(of(1), ms(0), ms(100));
        assert_eq!(latency_ms(&ewma, 1, ms(0)), 900.0, "one quick answer proves nothing");
        ewma.observe(of(1), ms(10_000), ms(100));
        assert_eq!(latency_ms(&ewma, 1, ms(10_000)), 394.0, "900/e + 100(1-1/e)");
        assert_eq!(latency_ms(&ewma, 1, ms(40_000)), 145.0, "394/e");
        ewma.observe(of(1), ms(20_000), ms(350));
        assert_eq!(latency_ms(&ewma, 1, ms(20_000)), 366.0, "394/e + 350(1-1/e)");
        assert_eq!(latency_ms(&ewma, 1, ms(19_000)), 366.0, "a clock behind changes nothing");
    }

    #[test]
    fn sizes_are_told_apart_once_enough_was_seen_of_them() {
        let mut ewma = Ewma::default();
        (0..3).for_each(|_| ewma.observe(of(100), ms(0), ms(200)));
        assert_eq!(latency_ms(&ewma, 100_000, ms(0)), 200.0, "shorter ones tell the least");
        ewma.observe(of(100_000), ms(0), ms(8_000));
        assert_eq!(latency_ms(&ewma, 100_000, ms(0)), 8_000.0, "slowness counts at once");
        assert_eq!(latency_ms(&ewma, 100, ms(0)), 200.0, "and for its size only");
        ewma.observe(of(3_000), ms(0), ms(100));
        assert_eq!(latency_ms(&ewma, 3_000, ms(0)), 200.0, "one that is quick proves nothing");
        (0..2).for_each(|_| ewma.observe(of(3_000), ms(0), ms(100)));
        assert_eq!(latency_ms(&ewma, 3_000, ms(0)), 100.0);
    }

    #[test]
    fn long_prompts_say_nothing_of_short_ones() {
        let mut ewma = Ewma::default();
        (0..9).for_each(|_| ewma.observe(of(100_000), ms(0), ms(8_000)));
        assert_eq!(ewma.load(of(100), ms(0)).latency_s, None);
    }

    #[test]
    fn a_size_that_was_not_seen_for_long_is_told_by_shorter_ones() {
        let mut ewma = Ewma::default();
        (0..3).for_each(|_| ewma.observe(of(100_000), ms(0), ms(60_000)));
        (0..3).for_each(|_| ewma.observe(of(100), ms(89_999), ms(400)));
        assert_eq!(latency_ms(&ewma, 100_000, ms(89_999)), 2_987.0, "60,000/e^3");
        (0..3).for_each(|_| ewma.observe(of(100), ms(180_000), ms(400)));
        assert_eq!(latency_ms(&ewma, 100_000, ms(180_000)), 400.0);
    }

    #[test]
    fn a_failure_counts_as_slow() {
        for (retry_after, s) in [(None, 5.0), (Some(2), 5.0), (Some(40), 40.0), (Some(900), 300.0)]
        {
            let mut ewma = Ewma::default();
            ewma.observe(of(1), ms(0), ms(50));
            ewma.fail(ms(0), retry_after.map(Duration::from_secs));
            for size in [of(1), of(100_000)] {
                assert_eq!(ewma.load(size, ms(0)).latency_s, Some(s), "whatever is asked");
            }
        }
    }

    #[test]
    fn requests_under_way_are_counted() {
        let mut ewma = Ewma::default();
        ewma.end();
        ewma.begin();
        ewma.begin();
        ewma.end();
        assert_eq!(ewma.load(of(1), ms(0)).inflight, 1);
    }

    #[test]
    fn of_two_the_less_busy_goes_first() {
        let mut rng = SmallRng::seed_from_u64(1);
        for (loads, order) in [
            (vec![known(0.5, 0), known(0.2, 0)], vec![1, 0]),
            (vec![known(0.5, 0), known(0.2, 9)], vec![0, 1]),
            (vec![known(0.2, 0), Load { latency_s: None, inflight: 1 }], vec![0, 1]),
            (vec![Load { latency_s: None, inflight: 3 }, Load::default()], vec![1, 0]),
            (vec![known(7.0, 0)], vec![0]),
            (vec![], vec![]),
        ] {
            assert_eq!(p2c(&loads, &mut rng), order, "{loads:?}");
        }
    }

    #[test]
    fn the_unknown_gets_its_chance_but_not_everything() {
        let loads = [known(0.1, 0), known(0.5, 0), known(2.0, 0), Load::default()];
        let mut rng = SmallRng::seed_from_u64(2);
        let first = (0..1000).filter(|_| p2c(&loads, &mut rng).first() == Some(&3)).count();
        assert!((100..500).contains(&first), "{first} of 1000");
    }

    #[test]
    fn one_that_fails_fast_gets_less_than_a_slow_good_one() {
        let mut rng = SmallRng::seed_from_u64(3);
        let mut ewmas = [Ewma::default(); 2];
        let mut sent = [0u32; 2];
        for n in 0..2_000u64 {
            let now = ms(n * 100);
            let at = p2c(&ewmas.map(|ewma| ewma.load(of(1), now)), &mut rng)[0];
            sent[at] += 1;
            if at == 0 {
                ewmas[at].fail(now, None);
            } else {
                ewmas[at].observe(of(1), now, ms(1_500));
            }
        }
        let [failing, slow] = sent;
        assert!(failing > 0, "it is tried again");
        assert!(failing * 20 < slow, "{failing} to the failing one, {slow} to the slow one");
    }

    proptest! {
        #[test]
        fn an_order_is_a_permutation_and_replays(
            loads in prop::collection::vec((prop::option::of(0.0..400.0), 0u32..50), 0..12),
            seed: u64,
        ) {
            let loads: Vec<Load> = loads
                .into_iter()
                .map(|(latency_s, inflight)| Load { latency_s, inflight })
                .collect();
            let order = p2c(&loads, &mut SmallRng::seed_from_u64(seed));
            prop_assert_eq!(&order, &p2c(&loads, &mut SmallRng::seed_from_u64(seed)));
            let mut sorted = order;
            sorted.sort_unstable();
            prop_assert_eq!(sorted, (0..loads.len()).collect::<Vec<_>>());
        }
    }
}
