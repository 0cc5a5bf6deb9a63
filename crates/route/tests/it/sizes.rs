//! Times are those of prompts of one size.

use std::time::Duration;

use tieline_route::{Ceilings, Prefer, Weights};
use tieline_types::Usage;

use crate::objectives::{Shop, rates};

const SHORT: u64 = 200;
const LONG: u64 = 120_000;

const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn shop(prefer: Prefer, ceilings: Ceilings) -> Shop {
    Shop::new(prefer, ceilings, &[(Some(rates("1", "1")), None), (Some(rates("1", "1")), None)])
}

/// A stream with a prompt of so many tokens began after a time.
fn serve(shop: &Shop, deployment: usize, now: Duration, input: u64, first: Duration) {
    let usage = Usage { input, output: 10, ..Usage::default() };
    shop.serve(deployment, now, first, &usage);
}

/// The first is quick with short prompts and slow with long ones, the second neither.
fn opposites(deployment: usize, input: u64) -> Duration {
    match (deployment, input) {
        (0, SHORT) => ms(200),
        (0, _) => ms(9_000),
        (_, SHORT) => ms(600),
        _ => ms(3_000),
    }
}

/// Both were asked for both, `count` times, a second apart; gives the time after.
fn seen(shop: &Shop, count: u64) -> Duration {
    for n in 0..count {
        for (deployment, input) in [(0, SHORT), (0, LONG), (1, SHORT), (1, LONG)] {
            serve(shop, deployment, ms(n * 1_000), input, opposites(deployment, input));
        }
    }
    ms(count * 1_000)
}

#[test]
fn the_fastest_is_the_one_for_prompts_of_that_size() {
    let shop = shop(Prefer::Fastest, Ceilings::default());
    let now = seen(&shop, 5);
    assert_eq!(shop.order(now, SHORT), [0, 1]);
    assert_eq!(shop.order(now, LONG), [1, 0]);
    assert_eq!(shop.order(now, 1_000_000), [1, 0], "told by the nearest smaller size");
    assert_eq!(shop.order(now, 2_000), [0, 1]);
}

/// Requests of both sizes by turns go where `fastest` sends them, and learn from that.
#[test]
fn traffic_of_both_sizes_finds_its_place_and_tries_the_other_now_and_then() {
    let shop = shop(Prefer::Fastest, Ceilings::default());
    let mut right = [0, 0];
    let rounds = 600_u64;
    for n in 0..rounds {
        for (at, input) in [SHORT, LONG].into_iter().enumerate() {
            let now = ms(n * 2_000);
            let first = shop.order(now, input)[0];
            right[at] += u64::from(first == at);
            serve(&shop, first, now, input, opposites(first, input));
        }
    }
    for count in right {
        let share = count * 100 / rounds;
        assert!((80..100).contains(&share), "{share} % of a size went to its quickest");
    }
}

#[test]
fn a_long_prompt_does_not_make_a_deployment_slow_for_short_ones() {
    let shop = shop(Prefer::Fastest, Ceilings::default());
    let now = seen(&shop, 3);
    (0..50).for_each(|_| serve(&shop, 0, now, LONG, ms(60_000)));
    assert_eq!(shop.order(now, SHORT), [0, 1]);
}

#[test]
fn what_was_seen_long_ago_decides_no_more() {
    let shop = shop(Prefer::Fastest, Ceilings::default());
    let now = seen(&shop, 5);
    // Only the second is asked for long prompts, and it is no quicker than it was.
    (0..30).for_each(|n| serve(&shop, 1, now + ms(n * 2_000), LONG, ms(3_000)));
    assert_eq!(shop.order(now + ms(60_000), LONG), [0, 1], "the first is tried again");
}

#[test]
fn a_balance_weighs_the_time_for_prompts_of_that_size() {
    let weights = Weights { cost: 0, latency: 1, quality: 0 };
    let shop = shop(Prefer::Balanced(weights), Ceilings::default());
    let now = seen(&shop, 5);
    assert_eq!(shop.order(now, SHORT), [0, 1]);
    assert_eq!(shop.order(now, LONG), [1, 0]);
    let told = |input| {
        let first = shop.prospect(0, now, input).ttft.unwrap();
        (first.time, first.size.as_str())
    };
    assert_eq!(told(SHORT), (ms(200), "1k"));
    assert_eq!(told(LONG), (ms(9_000), "200k"));
    assert_eq!(told(3_000), (ms(200), "1k"), "borrowed");
    assert_eq!(told(1_000_000), (ms(9_000), "200k"));
}

#[test]
fn a_ceiling_of_time_is_one_for_prompts_of_that_size() {
    let ceilings = Ceilings { ttft_p95: Some(ms(5_000)), ..Ceilings::default() };
    let shop = shop(Prefer::Ordered, ceilings);
    let now = seen(&shop, 40);
    assert_eq!(shop.order(now, SHORT), [0, 1]);
    assert_eq!(shop.order(now, LONG), [1, 0], "9 s are above 5 s");
    let told = |input| shop.prospect(0, now, input).ttft_p95.map(|first| first.size.as_str());
    assert_eq!(
        (told(SHORT), told(LONG), told(1_000_000)),
        (Some("1k"), Some("200k"), Some("200k"))
    );
    assert_eq!(shop.order(now + ms(600_000), LONG), [0, 1], "what is old is tried again");
}
