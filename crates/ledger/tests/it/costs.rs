//! What calls cost: added up exactly, and never as nothing where nothing is known.

use tieline_ledger::{CostBy, costs};
use tieline_types::{AttemptRecord, CallRecord, Cost, CostState, UsdPico};

use crate::common::{Home, record};

const DAY_MS: u64 = 86_400_000;

/// A request of a feature on a day, with what each of its attempts cost.
fn request(number: u64, feature: &str, day: u64, attempts: &[Option<Cost>]) -> CallRecord {
    let mut request = record(number);
    request.feature = feature.into();
    request.started_ms = day * DAY_MS + number;
    let pattern = request.attempts.last().unwrap().clone();
    request.attempts =
        attempts.iter().map(|cost| AttemptRecord { cost: *cost, ..pattern.clone() }).collect();
    request
}

fn cost(usd: &str, state: CostState) -> Option<Cost> {
    Some(Cost { usd: usd.parse().unwrap(), state })
}

fn usd(text: &str) -> UsdPico {
    text.parse().unwrap()
}

#[test]
fn attempts_are_added_up_by_whatever_is_asked() {
    use CostState::{Estimated, Partial, Priced, Unpriced};
    let home = Home::new();
    let ledger = home.open();
    // Twice what one of SQLite's integers can hold of picodollars.
    let dear = cost("9000000.000000000001", Priced);
    for request in [
        request(1, "a", 0, &[cost("0.5", Priced), cost("0.25", Estimated)]),
        request(2, "a", 1, &[None, cost("0.000000000001", Priced)]),
        request(3, "b", 1, &[cost("0", Unpriced), cost("0.1", Partial)]),
        request(4, "c", 2, &[dear, dear, dear]),
    ] {
        ledger.record(request);
    }
    ledger.close().unwrap();
    let path = home.database();
    let sums = costs(&path, CostBy::Feature, 0, u64::MAX).unwrap();
    let told = |name: &str| sums.iter().find(|sum| sum.name == name).unwrap();
    let names: Vec<&str> = sums.iter().map(|sum| sum.name.as_str()).collect();
    assert_eq!(names, ["c", "a", "b"], "the dearest first");
    let a = told("a");
    assert_eq!((a.requests, a.attempts, a.estimated, a.unpriced), (2, 4, 1, 0));
    assert_eq!(a.usd, usd("0.750000000001"));
    let b = told("b");
    assert_eq!((b.partial, b.unpriced, b.usd), (1, 1, usd("0.1")));
    assert_eq!(told("c").usd, usd("27000000.000000000003"));

    let days = costs(&path, CostBy::Day, DAY_MS, 2 * DAY_MS).unwrap();
    let days: Vec<_> = days.iter().map(|day| (day.name.as_str(), day.requests)).collect();
    assert_eq!(days, [("1970-01-02", 2)], "from the time on and before the other");
    for by in [CostBy::Tier, CostBy::Deployment, CostBy::Caller] {
        let sums = costs(&path, by, 0, u64::MAX).unwrap();
        let total: UsdPico = sums.iter().map(|sum| sum.usd).sum();
        assert_eq!(total, usd("27000000.850000000004"), "{by:?}");
    }
}
