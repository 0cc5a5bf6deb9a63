//! Windows and purses.

use proptest::prelude::*;

use super::*;

fn usd(text: &str) -> UsdPico {
    text.parse().unwrap()
}

fn ms(time: &str) -> u64 {
    u64::try_from(time.parse::<Timestamp>().unwrap().as_millisecond()).unwrap()
}

fn purse(text: &str, per: Period) -> Purse {
    let owner = Owner::Feature("f".into());
    Purse::new(&Allotment { owner, usd: usd(text), per, on_limit: OnLimit::Refuse })
}

#[test]
fn windows_follow_the_calendar_in_utc() {
    for (per, time, start, end) in [
        (Period::Hour, "2026-11-23T08:59:59.999Z", "2026-11-23T08:00Z", "2026-11-23T09:00Z"),
        (Period::Hour, "2026-11-23T09:00:00Z", "2026-11-23T09:00Z", "2026-11-23T10:00Z"),
        (Period::Day, "2026-12-31T23:59:59Z", "2026-12-31T00:00Z", "2027-01-01T00:00Z"),
        (Period::Week, "2026-11-22T23:59:59Z", "2026-11-16T00:00Z", "2026-11-23T00:00Z"),
        (Period::Week, "2026-11-23T00:00:00Z", "2026-11-23T00:00Z", "2026-11-30T00:00Z"),
        (Period::Month, "2028-02-29T12:00:00Z", "2028-02-01T00:00Z", "2028-03-01T00:00Z"),
        (Period::Month, "2026-12-01T00:00:00Z", "2026-12-01T00:00Z", "2027-01-01T00:00Z"),
    ] {
        let exact = |time: &str| ms(&time.replace("00Z", "00:00Z"));
        let window = Window { start_ms: exact(start), end_ms: exact(end) };
        assert_eq!(per.window(ms(time)), window, "{per:?} {time}");
    }
    assert_eq!(Period::Month.window(u64::MAX).end_ms, u64::MAX);
}

#[test]
fn what_is_reserved_is_gone_until_it_is_settled() {
    let now = ms("2026-11-23T08:00:00Z");
    let mut purse = purse("1", Period::Day);
    let start = purse.reserve(now, usd("0.6")).unwrap();
    let held = Short { lasting: false, wait: Some(Duration::from_secs(1)) };
    assert_eq!(purse.reserve(now, usd("0.5")), Err(held), "others may give back");
    purse.settle(now, start, usd("0.6"), usd("0.2"));
    assert_eq!(purse.reserve(now, usd("0.8")), Ok(start));
    let spent = Short { lasting: true, wait: Some(Duration::from_secs(16 * 3600)) };
    assert_eq!(purse.reserve(now, usd("0.81")), Err(spent));
    assert_eq!(purse.reserve(now, usd("1.1")), Err(Short { lasting: true, wait: None }));
}

#[test]
fn a_new_window_is_whole_and_what_began_before_counts_there() {
    let late = ms("2026-11-23T23:59:59Z");
    let mut purse = purse("1", Period::Day);
    let start = purse.reserve(late, usd("1")).unwrap();
    let next = late + 1_000;
    let began = purse.reserve(next, usd("0.9")).unwrap();
    assert_ne!(start, began);
    purse.settle(next, start, usd("1"), usd("1"));
    purse.restore(next, start, usd("1"));
    let state = purse.state(next);
    assert_eq!((state.spent, state.reserved), (UsdPico::ZERO, usd("0.9")));
    purse.restore(next, began, usd("0.1"));
    assert_eq!(purse.state(next).spent, usd("0.1"));
}

proptest! {
    #[test]
    fn every_time_is_in_its_window_and_windows_leave_no_gap(unix_ms in 0u64..250_000_000_000_000) {
        for per in [Period::Hour, Period::Day, Period::Week, Period::Month] {
            let Window { start_ms, end_ms } = per.window(unix_ms);
            // The week of the epoch began before it.
            prop_assert!((start_ms..end_ms).contains(&unix_ms));
            prop_assert_eq!(per.window(end_ms).start_ms, end_ms);
            prop_assert_eq!(per.window(start_ms).end_ms, end_ms);
        }
    }

    #[test]
    fn spend_never_exceeds_the_budget_where_nothing_costs_more_than_reserved(
        steps in prop::collection::vec((0u64..40_000, 1i128..400, 0i128..=100, 0usize..5), 1..120),
    ) {
        let mut purse = purse("0.000000001", Period::Hour);
        let mut now = 0;
        let mut under_way: Vec<(usize, u64, UsdPico, UsdPico)> = Vec::new();
        for (n, (pause, amount, percent, lasts)) in steps.into_iter().enumerate() {
            now += pause * 60;
            let (ended, going): (Vec<_>, Vec<_>) =
                under_way.into_iter().partition(|(until, ..)| *until <= n);
            under_way = going;
            for (_, start, amount, cost) in ended {
                purse.settle(now, start, amount, cost);
            }
            let (amount, cost) = (UsdPico::new(amount), UsdPico::new(amount * percent / 100));
            if let Ok(start) = purse.reserve(now, amount) {
                under_way.push((n + 1 + lasts, start, amount, cost));
            }
            let PurseState { spent, reserved, .. } = purse.state(now);
            prop_assert!(spent.plus(reserved) <= usd("0.000000001"));
            prop_assert!(reserved >= UsdPico::ZERO && spent >= UsdPico::ZERO);
        }
        for (_, start, amount, cost) in under_way {
            purse.settle(now, start, amount, cost);
        }
        prop_assert_eq!(purse.state(now).reserved, UsdPico::ZERO, "nothing leaks");
    }
}
