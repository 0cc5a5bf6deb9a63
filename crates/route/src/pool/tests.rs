//! Pools, by what they admit.

use proptest::prelude::*;

use super::*;
use crate::{Criticality, sheds};

const fn s(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

const fn tokens(input: u64) -> Demand {
    Demand { input, output: 0 }
}

fn pool(requests_per_minute: Option<u64>, tokens_per_minute: Option<u64>) -> Pool {
    Pool::new(Configured { requests_per_minute, tokens_per_minute, ..Configured::default() })
}

const fn seen(limit: u64, remaining: u64, reset_s: u64) -> Seen {
    Seen { limit: Some(limit), remaining: Some(remaining), reset: Some(s(reset_s)) }
}

/// Sends a request that uses just what it was estimated to.
fn send(pool: &mut Pool, now: Duration, demand: Demand) {
    let reservation = pool.reserve(now, demand);
    pool.settle(now, reservation, demand);
}

#[test]
fn a_pool_of_which_nothing_is_known_is_open() {
    let mut pool = Pool::default();
    for _ in 0..1_000 {
        send(&mut pool, s(0), tokens(1_000_000));
    }
    pool.learn(s(0), &Observed::default());
    assert_eq!(pool.admits(s(0), tokens(u64::MAX)), Admission::Open);
    assert_eq!(pool.state(s(0)), PoolState::default());
}

#[test]
fn configured_limits_refill_without_pause() {
    let mut pool = pool(Some(6), Some(60_000));
    for _ in 0..6 {
        assert_eq!(pool.admits(s(5), tokens(100)), Admission::Open);
        send(&mut pool, s(5), tokens(100));
    }
    assert_eq!(pool.admits(s(5), tokens(100)), Admission::Shut(s(15)), "one each 10 s");
    assert_eq!(pool.admits(ms(14_999), tokens(100)), Admission::Shut(s(15)));
    assert_eq!(pool.admits(s(15), tokens(100)), Admission::Open);
    send(&mut pool, s(15), tokens(60_000));
    assert_eq!(pool.admits(s(65), tokens(20_000)), Admission::Open, "50 s refill 50 000");
    assert_eq!(pool.admits(s(65), tokens(55_000)), Admission::Shut(s(70)));
}

#[test]
fn what_is_held_is_given_back_at_the_end() {
    let mut pool = pool(None, Some(1_000));
    let reservation = pool.reserve(s(0), Demand { input: 300, output: 600 });
    assert_eq!(pool.admits(s(0), tokens(200)), Admission::Shut(s(1)), "until others settle");
    assert_eq!(pool.admits(s(30), tokens(200)), Admission::Shut(s(31)), "held does not refill");
    pool.settle(s(30), reservation, Demand { input: 300, output: 20 });
    assert_eq!(pool.state(s(30)).tokens, Gauge { limit: Some(1_000), left: Some(680) });
    assert_eq!(pool.admits(s(30), tokens(680)), Admission::Open);
    let reservation = pool.reserve(s(60), tokens(10));
    pool.settle(s(60), reservation, tokens(1_500));
    assert_eq!(pool.admits(s(60), tokens(100)), Admission::Shut(s(96)), "600 over refill in 36 s");
}

#[test]
fn what_is_larger_than_a_minute_goes_alone() {
    let mut pool = pool(None, Some(1_000));
    assert_eq!(pool.admits(s(0), tokens(5_000)), Admission::Open);
    send(&mut pool, s(0), tokens(500));
    assert_eq!(pool.admits(s(0), tokens(5_000)), Admission::Shut(s(30)));
    assert_eq!(pool.admits(s(30), tokens(5_000)), Admission::Open);
}

#[test]
fn what_the_provider_tells_shuts_it_before_a_refusal() {
    let of = |observed: Observed| {
        let mut pool = Pool::default();
        pool.learn(s(0), &observed);
        pool
    };
    for (observed, need, admission) in [
        (Observed { requests: seen(60, 0, 7), ..Default::default() }, 1, Admission::Shut(ms(117))),
        (
            Observed { tokens: seen(900, 0, 360), ..Default::default() },
            9,
            Admission::Shut(ms(3_601)),
        ),
        (Observed { tokens: seen(900, 100, 9), ..Default::default() }, 100, Admission::Open),
        (
            Observed { tokens: seen(900, 100, 9), ..Default::default() },
            101,
            Admission::Shut(ms(12)),
        ),
        (Observed { tokens: seen(900, 900, 9), ..Default::default() }, 950, Admission::Open),
        (Observed { tokens: seen(900, 0, 0), ..Default::default() }, 950, Admission::Open),
        (Observed { tokens: seen(9, 0, 86_000), ..Default::default() }, 9, Admission::Shut(s(600))),
        (
            Observed { input_tokens: seen(90, 5, 9), ..Default::default() },
            6,
            Admission::Shut(ms(106)),
        ),
        (
            Observed {
                output_tokens: Seen { remaining: Some(0), ..Default::default() },
                ..Default::default()
            },
            1,
            Admission::Shut(s(10)),
        ),
    ] {
        let pool = of(observed);
        assert_eq!(pool.admits(s(0), tokens(need)), admission, "{observed:?}");
        if let Admission::Shut(until) = admission {
            assert_eq!(pool.admits(until, tokens(need)), Admission::Open, "{observed:?}");
        }
    }
}

#[test]
fn what_was_told_is_counted_down_and_replaced() {
    let mut pool = Pool::default();
    let told = |left| Observed { tokens: seen(1_000, left, 60), ..Default::default() };
    pool.learn(s(0), &told(500));
    let early = pool.reserve(s(1), tokens(400));
    assert_eq!(pool.admits(s(1), tokens(200)), Admission::Shut(ms(12_041)));
    let unsent = pool.reserve(s(1), tokens(50));
    pool.settle(s(1), unsent, Demand::default());
    assert_eq!(pool.state(s(1)).tokens.left, Some(108), "what was not sent is given back");
    pool.learn(s(2), &told(700));
    pool.settle(s(3), early, Demand::default());
    assert_eq!(pool.state(s(3)).tokens.left, Some(705), "the provider counted that one itself");
    assert_eq!(pool.state(s(62)).tokens, Gauge::default(), "what was told ends with its reset");
}

#[test]
fn azure_may_shrink_what_is_configured() {
    let mut pool = pool(None, Some(1_000));
    pool.learn(s(0), &Observed { tokens: seen(200, 200, 30), ..Default::default() });
    send(&mut pool, s(0), tokens(150));
    assert_eq!(pool.admits(s(0), tokens(100)), Admission::Shut(s(30)));
    assert_eq!(pool.state(s(0)).tokens, Gauge { limit: Some(200), left: Some(50) });
    assert_eq!(pool.admits(s(30), tokens(100)), Admission::Open);
    send(&mut pool, s(30), tokens(1_000));
    pool.learn(s(30), &Observed { tokens: seen(200, 0, 1), ..Default::default() });
    assert_eq!(pool.admits(s(30), tokens(100)), Admission::Shut(s(36)), "the later one counts");
}

#[test]
fn a_refusal_closes_it_for_as_long_as_is_believed() {
    for (wait, until) in [(None, s(101)), (Some(s(7)), s(107)), (Some(s(900_000)), s(86_500))] {
        let mut pool = Pool::default();
        pool.close(s(100), wait);
        assert_eq!(pool.admits(s(100), tokens(1)), Admission::Shut(until));
        assert_eq!((pool.utilisation(s(100)), pool.utilisation(until)), (1.0, 0.0));
        pool.close(s(100), Some(ms(1)));
        assert_eq!(pool.state(s(100)).closed_until, Some(until), "a shorter wait opens nothing");
        assert_eq!(pool.admits(until, tokens(1)), Admission::Open);
    }
}

#[test]
fn utilisation_is_of_the_last_minute_though_a_bucket_refills() {
    let mut pool = pool(Some(1_000), Some(60_000));
    for second in 0..180 {
        send(&mut pool, s(second), tokens(850));
    }
    let steady = pool.utilisation(s(180));
    assert!((0.84..0.86).contains(&steady), "{steady}");
    assert!(sheds(Criticality::Sheddable, steady) && !sheds(Criticality::SheddablePlus, steady));
    assert_eq!(pool.utilisation(s(300)), 0.0);
    let held = pool.reserve(s(300), tokens(30_000));
    assert_eq!(pool.utilisation(s(300)), 0.5, "what is held is forecast");
    pool.settle(s(300), held, tokens(0));
    pool.learn(s(300), &Observed { requests: seen(100, 3, 9), ..Default::default() });
    assert_eq!(pool.utilisation(s(300)), 0.97, "the narrowest counts");
}

#[test]
fn the_less_a_request_matters_the_sooner_it_is_shed() {
    use Criticality as C;
    for (utilisation, shed) in [
        (0.80, vec![]),
        (0.81, vec![C::Sheddable]),
        (0.91, vec![C::Sheddable, C::SheddablePlus]),
        (0.98, vec![C::Sheddable, C::SheddablePlus, C::Critical]),
        (1.0, vec![C::Sheddable, C::SheddablePlus, C::Critical]),
    ] {
        let all = [C::Sheddable, C::SheddablePlus, C::Critical, C::CriticalPlus];
        let got: Vec<C> = all.into_iter().filter(|one| sheds(*one, utilisation)).collect();
        assert_eq!(got, shed, "{utilisation}");
    }
}

#[test]
fn new_limits_keep_what_was_used() {
    let mut pool = pool(None, Some(1_000));
    send(&mut pool, s(0), tokens(1_000));
    let twice = Configured { tokens_per_minute: Some(2_000), ..Configured::default() };
    pool.configure(s(30), twice);
    assert_eq!(pool.state(s(30)).tokens, Gauge { limit: Some(2_000), left: Some(1_500) });
    pool.configure(s(30), Configured::default());
    assert_eq!(pool.admits(s(30), tokens(9_000)), Admission::Open);
}

/// Requests of a made-up history: the pause before each in milliseconds, what it is estimated to
/// need, how much of that it uses in percent, and after how many further requests it ends.
fn history(estimate_max: u64) -> impl Strategy<Value = Vec<(u64, u64, u64, usize)>> {
    prop::collection::vec((0u64..4_000, 1..=estimate_max, 0u64..=100, 0usize..8), 1..120)
}

/// Sends what the pool admits; gives the times and tokens really used of what was admitted.
fn play(pool: &mut Pool, history: &[(u64, u64, u64, usize)]) -> Vec<(u64, u64)> {
    let mut now_ms = 0;
    let mut under_way: Vec<(usize, Reservation, u64)> = Vec::new();
    let mut admitted = Vec::new();
    for (n, (pause_ms, estimate, used_percent, lasts)) in history.iter().enumerate() {
        now_ms += pause_ms;
        let now = ms(now_ms);
        let (ended, going): (Vec<_>, Vec<_>) =
            under_way.into_iter().partition(|(until, ..)| *until <= n);
        under_way = going;
        for (_, reservation, used) in ended {
            pool.settle(now, reservation, tokens(used));
        }
        if pool.admits(now, tokens(*estimate)) == Admission::Open {
            let used = estimate * used_percent / 100;
            let reservation = pool.reserve(now, tokens(*estimate));
            under_way.push((n + 1 + lasts, reservation, used));
            admitted.push((now_ms, used));
        }
    }
    for (_, reservation, used) in under_way {
        pool.settle(ms(now_ms), reservation, tokens(used));
    }
    admitted
}

/// Whether every stretch of time of the admitted took at most the limit, and the limit again for
/// each minute that it lasted.
fn is_within(admitted: &[(u64, u64)], limit: u64) -> bool {
    (0..admitted.len()).all(|from| {
        let (start_ms, _) = admitted[from];
        let mut total = 0;
        admitted[from..].iter().all(|(at_ms, amount)| {
            total += amount;
            total * 60_000 <= limit * (60_000 + at_ms - start_ms)
        })
    })
}

proptest! {
    #[test]
    fn no_stretch_of_time_exceeds_the_limits(
        history in history(1_000), limit in 1_000u64..5_000, rpm in 1u64..40,
    ) {
        let mut pool = pool(Some(rpm), Some(limit));
        let admitted = play(&mut pool, &history);
        prop_assert!(!admitted.is_empty());
        prop_assert!(is_within(&admitted, limit), "tokens");
        let requests: Vec<_> = admitted.iter().map(|(at_ms, _)| (*at_ms, 1)).collect();
        prop_assert!(is_within(&requests, rpm), "requests");
    }

    #[test]
    fn a_shut_pool_opens_when_it_says(history in history(1_000), need in 1u64..3_000) {
        let mut pool = pool(Some(20), Some(2_000));
        play(&mut pool, &history);
        let now = ms(history.iter().map(|(pause_ms, ..)| pause_ms).sum());
        if let Admission::Shut(until) = pool.admits(now, tokens(need)) {
            prop_assert!(until > now);
            prop_assert_eq!(pool.admits(until, tokens(need)), Admission::Open);
            prop_assert_ne!(pool.admits(until - ms(1), tokens(need)), Admission::Open);
        }
    }

    #[test]
    fn what_is_reserved_is_given_back_or_used(
        demands in prop::collection::vec((0u64..5_000, 0u64..5_000), 0..40),
    ) {
        let mut pool = pool(None, Some(1_000_000));
        pool.learn(s(0), &Observed { tokens: seen(900_000, 900_000, 60), ..Default::default() });
        let reservations: Vec<_> =
            demands.iter().map(|(estimate, _)| pool.reserve(s(1), tokens(*estimate))).collect();
        for (reservation, (_, used)) in reservations.into_iter().zip(&demands) {
            pool.settle(s(1), reservation, tokens(*used));
        }
        let used: u64 = demands.iter().map(|(_, used)| used).sum();
        prop_assert_eq!(pool.state(s(1)).tokens.left, Some(900_000 - used));
        prop_assert_eq!(pool.state(s(61)).tokens.left, Some(1_000_000), "nothing stays held");
    }

    #[test]
    fn nothing_told_widens_what_is_configured(
        history in history(1_000),
        limit: Option<u64>, remaining: Option<u64>, reset_s in prop::option::of(0u64..200),
    ) {
        let mut pool = pool(Some(30), Some(2_000));
        let told = Seen { limit, remaining, reset: reset_s.map(s) };
        pool.learn(s(0), &Observed {
            requests: told, tokens: told, input_tokens: told, output_tokens: told,
        });
        let state = pool.state(s(0));
        prop_assert!(state.tokens.limit <= Some(2_000) && state.requests.limit <= Some(30));
        prop_assert!(is_within(&play(&mut pool, &history), 2_000));
    }
}
