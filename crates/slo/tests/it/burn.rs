//! When alerts fire, against minutes that Prometheus was measured to fire in.

use tieline_slo::{Alerting, Alerts, BurnRule, CATALOGUES, Counts, Firing, Minutes, Severity, Slo};

use crate::support::{CLEAN, Incident, days, hours, slo, whole};

/// Enough requests a minute for every share of the tables to be a whole number of them.
const BUSY: u64 = 10_000;

fn factors(name: &str) -> Vec<f64> {
    let catalogue = CATALOGUES.iter().find(|one| one.name == name).unwrap();
    catalogue.rules(catalogue.period()).iter().map(|rule| rule.factor).collect()
}

fn near(one: f64, other: f64, by: f64) -> bool {
    (one - other).abs() <= by
}

#[test]
fn every_catalogue_has_its_factors() {
    for (name, wanted) in [
        ("google-30d", [14.4, 6.0, 3.0, 1.0]),
        ("google-28d", [13.44, 5.6, 2.8, 0.9333]),
        ("7d", [13.44, 3.5, 1.4, 0.98]),
        ("pyrra-28d", [14.0, 7.0, 2.0, 1.0]),
    ] {
        let found = factors(name);
        assert_eq!(found.len(), 4, "{name}");
        let alike = found.iter().zip(wanted).all(|(found, wanted)| near(*found, wanted, 1e-4));
        assert!(alike, "{name}: {found:?}");
    }
}

#[test]
fn a_window_without_a_catalogue_of_its_own_gets_googles_shares() {
    for (window, name, rules) in
        [(days(30), "google-30d", 4), (days(28), "google-28d", 4), (days(7), "7d", 4)]
    {
        let usual = Alerting::usual(window);
        assert_eq!((&*usual.windows, usual.rules.len()), (name, rules));
    }
    let quarter = Alerting::usual(days(90));
    assert!(near(quarter.rules[0].factor, 43.2, 1e-9), "{quarter:?}");
    assert_eq!(Alerting::usual(days(1)).rules.len(), 3, "three days are no part of one");
    assert_eq!(Alerting::usual(days(30)).reach(), days(3));
}

/// The share that fails, for how many minutes, when it is predicted to be found, and the first and
/// the last minute in which the page fires.
const MEASURED: [(f64, u64, f64, u64, u64); 9] = [
    (1.0, 78, 0.864, 1, 107),
    (0.5, 78, 1.728, 2, 107),
    (0.2, 78, 4.32, 5, 107),
    (0.1, 78, 8.64, 9, 106),
    (0.05, 78, 17.28, 18, 104),
    (0.02, 180, 43.2, 44, 201),
    (0.015, 180, 57.6, 58, 198),
    (0.0143, 300, 151.05, 152, 317),
    (0.007, 400, 308.57, 309, 404),
];

#[test]
fn pages_fire_and_end_in_the_minutes_that_prometheus_was_measured_to() {
    let slo = slo(0.999, days(30));
    for (share, minutes, predicted, first, last) in MEASURED {
        let soonest = soonest(&slo, share).unwrap();
        assert!(near(soonest, predicted, 0.01), "{share}: {soonest}");
        let incident = Incident { traffic: BUSY, share, minutes };
        let fired = incident.fires(&slo, Severity::Page, minutes + 60);
        let (begins, ends) = fired.unwrap_or_else(|| panic!("{share} never pages"));
        assert!(begins.abs_diff(first) <= 1, "{share}: from {begins}, not {first}");
        assert!(ends.abs_diff(last) <= 1, "{share}: to {ends}, not {last}");
    }
}

/// The fewest minutes after which a page is due.
fn soonest(slo: &Slo, share: f64) -> Option<f64> {
    let pages = slo.alerting.rules.iter().filter(|rule| rule.severity == Severity::Page);
    let after = pages.filter_map(|rule| rule.detects_after(share, slo.error_budget()));
    after.map(|after| after.as_secs_f64() / 60.0).min_by(f64::total_cmp)
}

#[test]
fn other_objectives_are_found_when_the_formula_says() {
    for (target, share, quick, slow) in [
        (0.995, 1.0, Some(4.32), Some(10.8)),
        (0.995, 0.1, Some(43.2), Some(108.0)),
        (0.995, 0.05, None, Some(216.0)),
        (0.99, 1.0, Some(8.64), Some(21.6)),
        (0.99, 0.25, Some(34.6), Some(86.4)),
        (0.99, 0.1, None, Some(216.0)),
        (0.95, 1.0, Some(43.2), Some(108.0)),
        (0.95, 0.5, None, Some(216.0)),
        (0.95, 0.25, None, None),
    ] {
        let slo = slo(target, days(30));
        let after = |at: usize| {
            let after = slo.alerting.rules[at].detects_after(share, slo.error_budget());
            after.map(|after| after.as_secs_f64() / 60.0)
        };
        for (found, wanted) in [(after(0), quick), (after(1), slow)] {
            let alike = match (found, wanted) {
                (Some(found), Some(wanted)) => near(found, wanted, 0.05),
                (None, None) => true,
                _ => false,
            };
            assert!(alike, "{target}, {share}: {found:?}, not {wanted:?}");
        }
        let incident = Incident { traffic: BUSY, share, minutes: 400 };
        let fired = incident.fires(&slo, Severity::Page, 400).map(|(first, _)| first);
        let due = quick.or(slow).map(|due| whole(due.ceil()));
        let alike = match (fired, due) {
            (Some(fired), Some(due)) => fired.abs_diff(due) <= 1,
            (None, None) => true,
            _ => false,
        };
        assert!(alike, "{target}, {share}: pages at {fired:?}, not {due:?}");
    }
}

#[test]
fn an_outage_without_fallback_pages_and_little_traffic_does_not() {
    let slo = slo(0.999, days(30));
    // Requests a minute, the share that fails, minutes; the first and the last minute of the page.
    for (traffic, share, minutes, wanted) in [
        (100, 1.0, 78, Some((1, 107))),
        // A fallback tier takes over after five failures.
        (100, 0.05, 1, None),
        // Three requests of few: a high share, and nobody's emergency.
        (1, 1.0, 3, None),
        (1, 1.0, 4, None),
        (1, 1.0, 5, Some((5, 34))),
    ] {
        let fired = Incident { traffic, share, minutes }.fires(&slo, Severity::Page, 400);
        assert_eq!(fired, wanted, "{traffic} a minute, {share} for {minutes}");
    }
}

#[test]
fn a_slow_burn_is_a_ticket_and_no_page() {
    let slo = slo(0.999, days(30));
    let incident = Incident { traffic: BUSY, share: 0.004, minutes: 3 * 24 * 60 };
    assert_eq!(incident.fires(&slo, Severity::Page, 3 * 24 * 60), None);
    let (first, _) = incident.fires(&slo, Severity::Ticket, 1500).unwrap();
    // A day at three times the budget, at four times that: three quarters of a day.
    assert_eq!(first, 18 * 60 + 1);
}

#[test]
fn what_must_hold_fires_only_after_it_has() {
    let mut slo = slo(0.99, days(28));
    let pyrra = CATALOGUES.iter().find(|one| one.name == "pyrra-28d").unwrap();
    slo.alerting.rules = pyrra.rules(slo.window);
    let page =
        |minutes| Incident { traffic: BUSY, share: 1.0, minutes }.fires(&slo, Severity::Page, 60);
    let quick = slo.alerting.rules[0].detects_after(1.0, 0.01).unwrap().as_secs_f64() / 60.0;
    let due = whole(quick.ceil());
    assert_eq!(page(60).map(|(first, _)| first), Some(due + 2));
    let mut once = slo.clone();
    once.alerting.rules.truncate(1);
    once.alerting.rules[0].hold = hours(2);
    let incident = Incident { traffic: BUSY, share: 1.0, minutes: 60 };
    assert_eq!(incident.fires(&once, Severity::Page, 400), None, "it is over before it is due");
}

#[test]
fn silence_is_told_until_something_counts_again() {
    let slo = slo(0.999, days(30));
    let mut alerts = Alerts::new(&slo);
    let mut minutes = Minutes::new(slo.alerting.reach());
    assert_eq!(alerts.at(&minutes, CLEAN), [], "nothing was ever counted");
    minutes.add(CLEAN, Counts { good: 3, bad: 0 });
    assert_eq!(alerts.at(&minutes, CLEAN + 359), []);
    assert_eq!(alerts.at(&minutes, CLEAN + 360), [Firing::NoData { last: CLEAN }]);
    minutes.add(CLEAN + 361, Counts::of(true));
    assert_eq!(alerts.at(&minutes, CLEAN + 361), []);
    let mut never = slo;
    never.alerting.no_data_after = None;
    assert_eq!(Alerts::new(&never).at(&minutes, CLEAN + 10_000), []);
}

#[test]
fn minutes_are_summed_and_forgotten() {
    let mut minutes = Minutes::new(hours(1));
    for minute in [100, 100, 159, 160] {
        minutes.add(minute, Counts { good: 1, bad: 1 });
    }
    // Minute 160 has the place of 100, which an hour that ends with it no longer has in it.
    assert_eq!(minutes.counts(160, hours(1)), Counts { good: 2, bad: 2 });
    assert_eq!(minutes.counts(159, hours(1)), Counts { good: 1, bad: 1 });
    minutes.add(100, Counts::of(false));
    assert_eq!(minutes.counts(160, hours(1)).total(), 4, "what is older than it remembers");
    assert_eq!(minutes.last(), Some(160));
}

#[test]
fn a_rule_takes_its_factor_from_the_share_of_the_budget() {
    let rule = BurnRule::by_budget(Severity::Page, 2.0, days(30), (hours(1), hours(0)));
    assert!(near(rule.factor, 14.4, 1e-12));
    assert_eq!(rule.detects_after(0.0143, 0.001), None, "below 1.44 % it is never reached");
}
