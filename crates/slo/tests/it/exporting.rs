//! Rules and dashboards as text; what Prometheus makes of the rules is tested with promtool.

use serde_json::Value;
use tieline_slo::{Dialect, Indicator, Slo, dashboard, prometheus};

use crate::support::{days, slo};

fn named(feature: &str, window: u64) -> Slo {
    Slo { feature: feature.into(), ..slo(0.999, days(window)) }
}

/// The lines that begin a rule of a kind, without what is around the name.
fn names(text: &str, kind: &str) -> Vec<String> {
    let start = format!("- {kind}: ");
    let lines = text.lines().filter_map(|line| line.trim().strip_prefix(start.as_str()));
    lines.map(|name| name.trim_matches('"').to_owned()).collect()
}

#[test]
fn the_same_objectives_give_the_same_text() {
    let slos = [named("search", 7), named("support-reply", 30)];
    for dialect in [Dialect::Native, Dialect::Sloth] {
        assert_eq!(prometheus(&slos, dialect), prometheus(&slos, dialect));
        assert_eq!(dashboard(&slos, dialect), dashboard(&slos, dialect));
    }
}

#[test]
fn sloths_names_are_sloths() {
    let text = prometheus(&[named("support-reply", 30)], Dialect::Sloth);
    let windows = ["5m", "30m", "1h", "2h", "6h", "1d", "3d", "30d"];
    let mut wanted: Vec<String> =
        windows.iter().map(|window| format!("slo:sli_error:ratio_rate{window}")).collect();
    wanted.extend(
        [
            "slo:objective:ratio",
            "slo:error_budget:ratio",
            "slo:time_period:days",
            "slo:current_burn_rate:ratio",
            "slo:period_burn_rate:ratio",
            "slo:period_error_budget_remaining:ratio",
            "sloth_slo_info",
        ]
        .map(str::to_owned),
    );
    assert_eq!(names(&text, "record"), wanted);
    assert_eq!(
        names(&text, "name"),
        ["sli-recordings", "meta-recordings", "alerts"]
            .map(|part| format!("sloth-slo-{part}-support-reply-served"))
    );
    for line in [
        "sloth_id: \"support-reply-served\"",
        "sloth_window: \"5m\"",
        "sloth_severity: \"page\"",
        "sloth_severity: \"ticket\"",
    ] {
        assert!(text.contains(line), "{line}");
    }
    let weeks = prometheus(&[named("support-reply", 28)], Dialect::Sloth);
    assert!(weeks.contains("slo:sli_error:ratio_rate4w"), "as Prometheus writes 28 days");
}

#[test]
fn every_series_that_is_read_leaves_drills_out() {
    for dialect in [Dialect::Native, Dialect::Sloth] {
        let text = prometheus(&[named("support-reply", 30)], dialect);
        let read: Vec<&str> = text.split("tieline_sli_events_total{").skip(1).collect();
        assert!(read.len() > 10);
        for series in read {
            let matchers = series.split('}').next().unwrap();
            assert!(
                matchers.starts_with("feature=\"support-reply\",slo=\"served\","),
                "{matchers}"
            );
            assert!(matchers.ends_with("drill=\"\""), "{matchers}");
        }
    }
}

#[test]
fn guards_follow_the_definition() {
    let mut slo = named("support-reply", 30);
    let alerts = |slo: &Slo| {
        let text = prometheus(std::slice::from_ref(slo), Dialect::Native);
        let guards = text.matches("\"} > 4.5").count();
        (guards, names(&text, "alert"), text)
    };
    let (guards, fired, _) = alerts(&slo);
    let burn = "TielineErrorBudgetBurn";
    assert_eq!((guards, fired.len()), (4, 4));
    assert_eq!(fired, [burn, burn, "TielineNoData", "TielineSloAbsent"]);
    slo.alerting.bad_events_min = 0;
    slo.alerting.no_data_after = None;
    let (guards, fired, text) = alerts(&slo);
    assert_eq!((guards, fired), (0, vec![burn.to_owned(), burn.to_owned()]));
    assert!(!text.contains("sqrt"));
    slo.indicator = Indicator::Quality { at_least: 0.8 };
    let (_, _, text) = alerts(&slo);
    assert!(text.contains("sqrt"), "a sample alarms by its lower bound");
}

#[test]
fn names_cannot_break_out_of_a_matcher() {
    let text = prometheus(&[named("a\"} or vector(1) #", 30)], Dialect::Native);
    assert!(text.contains(r#"{feature="a\"} or vector(1) #",slo="served","#), "{text}");
}

#[test]
fn a_dashboard_shows_budgets_burn_rates_tiers_and_first_tokens() {
    for (dialect, remaining) in [
        (Dialect::Native, "tieline_slo:budget_remaining:ratio"),
        (Dialect::Sloth, "slo:period_error_budget_remaining:ratio"),
    ] {
        let text = dashboard(&[named("support-reply", 30)], dialect);
        let dashboard: Value = serde_json::from_str(&text).unwrap();
        let panels = dashboard["panels"].as_array().unwrap();
        let titles: Vec<&str> = panels.iter().map(|one| one["title"].as_str().unwrap()).collect();
        assert_eq!(
            titles,
            [
                "Budget left",
                "Objectives",
                "Budget over time",
                "Burn rate over 1h",
                "Burn rate over 6h",
                "Tiers that answer",
                "How requests end",
                "Time to the first content",
            ]
        );
        assert!(panels[0]["targets"][0]["expr"].as_str().unwrap().starts_with(remaining));
        let overlap = |one: &Value, other: &Value| {
            let [x, y, w, h] = ["x", "y", "w", "h"].map(|key| one[key].as_u64().unwrap());
            let [x2, y2, w2, h2] = ["x", "y", "w", "h"].map(|key| other[key].as_u64().unwrap());
            x < x2 + w2 && x2 < x + w && y < y2 + h2 && y2 < y + h
        };
        for (at, panel) in panels.iter().enumerate() {
            let place = &panel["gridPos"];
            assert!(place["x"].as_u64().unwrap() + place["w"].as_u64().unwrap() <= 24);
            assert!(!panels[..at].iter().any(|other| overlap(place, &other["gridPos"])));
        }
    }
}
