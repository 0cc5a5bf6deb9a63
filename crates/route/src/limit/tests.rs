//! Limits, by what they let through.

use proptest::prelude::*;

use super::*;

const fn s(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

const fn tokens(input: u64) -> Demand {
    Demand { input, output: 0 }
}

fn by_minute(requests: Option<u64>, tokens: Option<u64>) -> Allowance {
    let by_minute = Configured {
        requests_per_minute: requests,
        tokens_per_minute: tokens,
        ..Configured::default()
    };
    Allowance { by_minute, concurrency: None }
}

fn at_once(concurrency: u64) -> Allowance {
    Allowance { concurrency: Some(concurrency), ..Allowance::UNLIMITED }
}

fn of_all(all: Allowance) -> Limiter {
    Limiter::new(Limits { all, ..Limits::default() })
}

fn of_each(each: Allowance) -> Limiter {
    Limiter::new(Limits { each, ..Limits::default() })
}

/// A request that uses what it was estimated to.
fn send(limiter: &Limiter, caller: &str, now: Duration, demand: Demand) -> Result<(), Exceeded> {
    limiter.enter(caller, now, demand).map(|entry| limiter.leave(entry, now, demand))
}

#[test]
fn a_refusal_says_which_limit_and_exactly_when() {
    let limiter = of_all(by_minute(Some(6), None));
    for _ in 0..6 {
        send(&limiter, "a", s(5), tokens(1)).unwrap();
    }
    let over =
        |wait| Exceeded { whose: Whose::Feature, counted: Counted::Requests, limit: 6, wait };
    assert_eq!(send(&limiter, "b", s(5), tokens(1)), Err(over(s(10))));
    assert_eq!(send(&limiter, "b", ms(14_999), tokens(1)), Err(over(ms(1))));
    send(&limiter, "b", s(15), tokens(1)).unwrap();
}

#[test]
fn tokens_are_held_as_estimated_and_counted_as_used() {
    let limiter = of_all(by_minute(None, Some(1_000)));
    let first = limiter.enter("a", s(0), tokens(900)).unwrap();
    let refused = limiter.enter("a", s(0), tokens(200)).unwrap_err();
    assert_eq!((refused.counted, refused.limit), (Counted::Tokens, 1_000));
    limiter.leave(first, s(0), tokens(300));
    send(&limiter, "a", s(0), tokens(700)).unwrap();
    assert_eq!(send(&limiter, "a", s(0), tokens(100)).unwrap_err().wait, s(6));
}

#[test]
fn callers_are_counted_apart_and_together() {
    let limiter = Limiter::new(Limits { all: by_minute(Some(3), None), each: at_once(1) });
    let first = limiter.enter("a", s(0), tokens(0)).unwrap();
    let again = limiter.enter("a", s(0), tokens(0)).unwrap_err();
    assert_eq!(
        (again.whose, again.counted, again.wait),
        (Whose::Caller, Counted::Concurrency, s(1))
    );
    let _other = limiter.enter("b", s(0), tokens(0)).unwrap();
    limiter.leave(first, s(0), tokens(0));
    send(&limiter, "a", s(0), tokens(0)).unwrap();
    let third = limiter.enter("c", s(0), tokens(0)).unwrap_err();
    assert_eq!((third.whose, third.counted), (Whose::Feature, Counted::Requests));
}

#[test]
fn what_lasts_longest_is_told() {
    let mut all = by_minute(Some(1), None);
    all.concurrency = Some(1);
    let limiter = of_all(all);
    let _held = limiter.enter("a", s(0), tokens(0)).unwrap();
    let over = limiter.enter("a", s(0), tokens(0)).unwrap_err();
    assert_eq!((over.counted, over.wait), (Counted::Requests, s(60)));
}

#[test]
fn callers_beyond_the_bound_share_one_allowance_until_others_are_idle() {
    let limiter = of_each(by_minute(Some(1), None));
    for caller in 0..CALLERS_MAX {
        send(&limiter, &caller.to_string(), s(0), tokens(0)).unwrap();
    }
    send(&limiter, "late", s(1), tokens(0)).unwrap();
    assert!(send(&limiter, "later", s(1), tokens(0)).is_err(), "it shares with the one before");
    assert!(send(&limiter, "0", s(1), tokens(0)).is_err(), "nobody was forgotten");
    send(&limiter, "later", s(61), tokens(0)).unwrap();
    assert_eq!(limiter.state().callers.len(), 1, "whose minute is over is forgotten");
}

#[test]
fn new_limits_keep_what_was_used() {
    let limiter = of_each(by_minute(Some(2), None));
    send(&limiter, "a", s(0), tokens(0)).unwrap();
    limiter.configure(s(0), Limits { each: by_minute(Some(1), None), ..Limits::default() });
    assert_eq!(send(&limiter, "a", s(0), tokens(0)).unwrap_err().wait, s(60));
}

/// A made-up history: the pause before each request in milliseconds, who sends it, its tokens, and
/// after how many further ones it ends.
fn history() -> impl Strategy<Value = Vec<(u64, u8, u64, usize)>> {
    prop::collection::vec((0u64..3_000, 0u8..3, 1u64..400, 0usize..6), 1..150)
}

/// Whether in every stretch of time at most a minute's worth went through, and as much again for
/// each minute that it lasted.
fn is_within(let_in: &[(u64, u64)], limit: u64) -> bool {
    let_in.iter().enumerate().all(|(from, (start_ms, _))| {
        let mut sum = 0;
        let_in.iter().skip(from).all(|(at_ms, amount)| {
            sum += amount;
            sum * 60_000 <= limit * (60_000 + at_ms - start_ms)
        })
    })
}

proptest! {
    #[test]
    fn nothing_exceeds_a_limit_and_a_wait_is_exact(history in history()) {
        let each = Allowance {
            by_minute: Configured {
                requests_per_minute: Some(7),
                tokens_per_minute: Some(1_500),
                ..Configured::default()
            },
            concurrency: Some(3),
        };
        let limiter = Limiter::new(Limits { all: by_minute(Some(15), None), each });
        let mut now_ms = 0;
        let mut under_way: Vec<(usize, u8, u64, Entry)> = Vec::new();
        let mut let_in: Vec<(u64, u8, u64)> = Vec::new();
        for (n, (pause_ms, caller, amount, lasts)) in history.into_iter().enumerate() {
            now_ms += pause_ms;
            let (ended, going): (Vec<_>, Vec<_>) =
                under_way.into_iter().partition(|(until, ..)| *until <= n);
            under_way = going;
            for (_, _, amount, entry) in ended {
                limiter.leave(entry, ms(now_ms), tokens(amount));
            }
            match limiter.enter(&caller.to_string(), ms(now_ms), tokens(amount)) {
                Ok(entry) => {
                    under_way.push((n + 1 + lasts, caller, amount, entry));
                    let_in.push((now_ms, caller, amount));
                }
                Err(Exceeded { counted: Counted::Requests, wait, .. }) => {
                    let then = ms(now_ms) + wait;
                    let early = limiter.enter(&caller.to_string(), then - ms(1), tokens(amount));
                    prop_assert!(early.is_err());
                    let told = limiter.enter(&caller.to_string(), then, tokens(amount));
                    match told {
                        // Drawn before its time: what it drew is accounted for where it was let in.
                        Ok(entry) => {
                            now_ms += u64::try_from(wait.as_millis()).unwrap();
                            under_way.push((n + 1 + lasts, caller, amount, entry));
                            let_in.push((now_ms, caller, amount));
                        }
                        Err(other) => prop_assert_ne!(other.counted, Counted::Requests),
                    }
                }
                Err(_) => {}
            }
            let of_one = |one: u8| under_way.iter().filter(|(_, who, ..)| *who == one).count();
            prop_assert!((0..3).all(|one| of_one(one) <= 3));
        }
        let all: Vec<_> = let_in.iter().map(|(at_ms, ..)| (*at_ms, 1)).collect();
        prop_assert!(is_within(&all, 15));
        for one in 0..3 {
            let own = let_in.iter().filter(|(_, who, _)| *who == one);
            let requests: Vec<_> = own.clone().map(|(at_ms, ..)| (*at_ms, 1)).collect();
            let amounts: Vec<_> = own.map(|(at_ms, _, amount)| (*at_ms, *amount)).collect();
            prop_assert!(is_within(&requests, 7));
            prop_assert!(is_within(&amounts, 1_500));
        }
    }
}
