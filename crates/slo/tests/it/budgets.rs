//! What incidents cost of a budget, and what samples say.

use tieline_slo::{Alerts, Counts, Firing, Indicator, Minutes, wilson};

use crate::support::{CLEAN, days, slo, whole};

const DAY: u64 = 24 * 60;

#[test]
fn a_budget_is_so_many_minutes_of_an_outage() {
    for (target, wanted) in [
        (0.999, [43.2, 40.32, 10.08]),
        (0.995, [216.0, 201.6, 50.4]),
        (0.99, [432.0, 403.2, 100.8]),
    ] {
        for (window, wanted) in [30, 28, 7].into_iter().zip(wanted) {
            let minutes = slo(target, days(window)).budget_time().as_secs_f64() / 60.0;
            assert!((minutes - wanted).abs() < 1e-6, "{target} in {window} d: {minutes}");
        }
    }
}

#[test]
fn incidents_of_the_past_would_have_cost_so_much() {
    // Minutes, the share that failed, and per cent of the budget at 99, 99.5 and 99.9 %. The
    // longest of them is given in what it costs, for 20 % of requests.
    for (what, minutes, share, wanted) in [
        ("credentials refused", 78, 1.0, [18.1, 36.1, 180.6]),
        ("one model down", 111, 1.0, [25.7, 51.4, 256.9]),
        ("a quarter of requests for six hours", 360, 0.25, [20.8, 41.7, 208.3]),
        ("a fifth of requests for twenty hours", 1212, 0.2, [56.1, 112.2, 561.1]),
    ] {
        for (target, wanted) in [0.99, 0.995, 0.999].into_iter().zip(wanted) {
            let traffic: u32 = 100;
            let bad = whole(f64::from(minutes) * f64::from(traffic) * share);
            let counts = Counts { good: 30 * DAY * u64::from(traffic) - bad, bad };
            let slo = slo(target, days(30));
            let spent = slo.budget(counts).spent * 100.0;
            assert!((spent - wanted).abs() < 0.06, "{what} at {target}: {spent:.2}");
        }
    }
}

#[test]
fn requests_weigh_and_not_minutes() {
    // Sixteen busy hours a day and eight quiet ones; an outage of 78 minutes in either.
    let (busy, quiet) = (100, 10);
    let minutes = |outage: std::ops::Range<u64>| {
        (0..30 * DAY).map(move |minute| {
            let traffic = if minute % DAY < 16 * 60 { busy } else { quiet };
            let bad = if outage.contains(&minute) { traffic } else { 0 };
            Counts { good: traffic - bad, bad }
        })
    };
    let by_time = 78.0 / (30 * DAY) as f64;
    for (from, wanted, times) in [(17 * 60, 0.000_258, 7.0), (60, 0.002_579, 0.7)] {
        let outage = from..from + 78;
        let ratio = minutes(outage.clone()).sum::<Counts>().error_ratio().unwrap();
        assert!((ratio - wanted).abs() < 1e-6, "{ratio}");
        let of_minutes: f64 = minutes(outage).map(|one| one.error_ratio().unwrap()).sum();
        assert!((of_minutes / (30 * DAY) as f64 - by_time).abs() < 1e-9);
        assert!((by_time / ratio - times).abs() < 0.05, "{}", by_time / ratio);
    }
}

#[test]
fn a_budget_goes_down_to_what_is_left() {
    let slo = slo(0.99, days(30));
    let counts = |bad| Counts { good: 1000 - bad, bad };
    let minutes = [(5, counts(0)), (6, counts(10)), (7, counts(0)), (8, counts(30))];
    let points = slo.burn_down(&minutes);
    let left: Vec<(u64, f64)> =
        points.iter().map(|one| (one.minute, (one.remaining * 1e9).round() / 1e9)).collect();
    assert_eq!(left, [(5, 1.0), (6, 0.75), (7, 0.75), (8, 0.0)]);
    let budget = slo.budget(minutes.iter().map(|(_, counts)| *counts).sum());
    assert!((budget.allowed - 40.0).abs() < 1e-9 && budget.remaining.abs() < 1e-9, "{budget:?}");
    assert_eq!(slo.budget(Counts::default()).remaining, 1.0);
}

#[test]
fn a_sample_alarms_only_when_chance_is_no_excuse() {
    let mut slo = slo(0.95, days(30));
    slo.indicator = Indicator::Quality { at_least: 0.8 };
    slo.alerting.rules.retain(|rule| rule.factor == 1.0);
    for (bad, low, high, alarms) in
        [(14, 0.0422, 0.1141, false), (18, 0.0577, 0.1378, true), (22, 0.0738, 0.1609, true)]
    {
        let (lower, upper) = wilson(bad, 200).unwrap();
        assert!((lower - low).abs() < 5e-5 && (upper - high).abs() < 5e-5, "{lower} {upper}");
        let mut minutes = Minutes::new(slo.alerting.reach());
        minutes.add(CLEAN, Counts { good: 200 - bad, bad });
        let firing = Alerts::new(&slo).at(&minutes, CLEAN);
        assert_eq!(matches!(firing[..], [Firing::Burn { .. }]), alarms, "{bad} of 200");
    }
    assert_eq!(wilson(0, 0), None);
}
