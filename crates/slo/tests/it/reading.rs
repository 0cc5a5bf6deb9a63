//! Definitions, read and refused.

use std::time::Duration;

use tieline_slo::{Alerting, Indicator, Selection, Severity, Slo, Text, read, read_all};

use crate::support::{days, hours};

/// A definition; tests put something else in the place of some of it.
const WHOLE: &str = r#"apiVersion: openslo/v1
kind: SLO
metadata:
  name: support-chat-availability
  annotations:
    tieline.dev/alert-windows: google-30d
    tieline.dev/min-bad-events: "7"
    team: support
spec:
  service: support-chat
  indicator:
    metadata: { name: support-chat-availability }
    spec:
      ratioMetric:
        counter: true
        good: { metricSource: { type: Tieline, spec: { sli: availability, maxTier: 2 } } }
        total: { metricSource: { type: Tieline, spec: { sli: availability } } }
  timeWindow: [{ duration: 30d, isRolling: true }]
  budgetingMethod: Occurrences
  objectives: [{ displayName: served, target: 0.999 }]
"#;

fn one(text: &str) -> Slo {
    let mut slos = read("slo.yaml", text).unwrap_or_else(|problems| panic!("{problems}\n{text}"));
    assert_eq!(slos.len(), 1);
    slos.remove(0)
}

fn refused(text: &str) -> String {
    read("slo.yaml", text).expect_err(text).to_string()
}

fn changed(from: &str, to: &str) -> String {
    assert!(WHOLE.contains(from), "{from}");
    WHOLE.replace(from, to)
}

#[test]
fn a_definition_says_what_it_says() {
    let slo = one(WHOLE);
    let usual = Alerting::usual(days(30));
    let wanted = Slo {
        name: "support-chat-availability".into(),
        feature: "support-chat".into(),
        indicator: Indicator::Availability { max_tier: Some(2) },
        target: 0.999,
        window: days(30),
        alerting: Alerting { bad_events_min: 7, ..usual },
    };
    assert_eq!(slo, wanted);
    assert_eq!(one(&changed("target: 0.999", "targetPercent: 99.9")), wanted);
    assert_eq!(one(&changed("duration: 30d, isRolling: true", "duration: 720h")), wanted);
    let json = r#"{"apiVersion": "openslo/v1", "kind": "Service",
        "metadata": {"name": "support-chat"}, "spec": {"description": "people who ask"}}"#;
    assert_eq!(one(&format!("{WHOLE}---\n{json}\n---\n")), wanted);
}

#[test]
fn every_indicator_is_read() {
    let of = Selection::default();
    let within = Duration::from_secs(3);
    for (good, wanted) in [
        ("availability", Indicator::Availability { max_tier: None }),
        ("tier0_share", Indicator::BestTier),
        ("ttft, within: 3s", Indicator::FirstToken { within, of }),
        (
            "ttft, within: 800ms, promptAbove: 1000, promptUpTo: 4000, reasoning: false",
            Indicator::FirstToken {
                within: Duration::from_millis(800),
                of: Selection {
                    prompt_above: Some(1000),
                    prompt_up_to: Some(4000),
                    reasoning: Some(false),
                },
            },
        ),
        (
            "itl, gap: 3s, tokensPerSecond: 50",
            Indicator::Smoothness { gap: Some(within), tokens_per_second: Some(50.0) },
        ),
        ("itl, gap: 3s", Indicator::Smoothness { gap: Some(within), tokens_per_second: None }),
        ("stream_completion", Indicator::StreamCompletion),
        ("e2e, within: 3s", Indicator::Latency { within, of }),
        ("quality, atLeast: 0.8", Indicator::Quality { at_least: 0.8 }),
        ("cost, atMostUsd: 0.05", Indicator::Cost { at_most: "0.05".parse().unwrap() }),
        ("cost, atMostUsd: '0.05'", Indicator::Cost { at_most: "0.05".parse().unwrap() }),
        ("freshness, within: 3s", Indicator::Freshness { within }),
    ] {
        let name = wanted.as_str();
        assert!(good.starts_with(name));
        let text = changed("sli: availability, maxTier: 2", &format!("sli: {good}"));
        let text = text.replace("{ sli: availability }", &format!("{{ sli: {name} }}"));
        assert_eq!(one(&text).indicator, wanted, "{good}");
    }
}

#[test]
fn documents_refer_to_each_other_across_files() {
    let start = WHOLE.find("  indicator:").unwrap();
    let end = WHOLE.find("  timeWindow").unwrap();
    let mut text = WHOLE.to_owned();
    text.replace_range(start..end, "  indicatorRef: served\n");
    let sli = "apiVersion: openslo/v1\nkind: SLI\nmetadata: { name: served }\nspec:\n  \
               ratioMetric:\n    \
               good: { metricSource: { type: Tieline, spec: { sli: tier0_share } } }\n    \
               total: { metricSource: { type: Tieline, spec: { sli: tier0_share } } }\n";
    let files = [Text { name: "a.yaml", text: &text }, Text { name: "b.yaml", text: sli }];
    let slos = read_all(&files, Some("support-chat")).unwrap();
    assert_eq!(slos[0].indicator, Indicator::BestTier);
    assert_eq!(one(&format!("{text}---\n{sli}")).indicator, Indicator::BestTier);
    let wrong = sli.replace("name: served", "name: serves");
    assert_eq!(
        refused(&format!("{text}---\n{wrong}")),
        "slo.yaml:11:17: there is no SLI `served`; did you mean `serves`?"
    );
    assert_eq!(
        read_all(&files, Some("search")).unwrap_err().to_string(),
        "a.yaml:10:12: `service` is `support-chat`, and the feature that lists this file is \
         `search`; write `service: search`"
    );
}

#[test]
fn alerts_of_ones_own_take_the_place_of_the_usual_ones() {
    let plain = changed("    tieline.dev/alert-windows: google-30d\n", "");
    let policy = "apiVersion: openslo/v1\nkind: AlertPolicy\nmetadata: { name: fast }\nspec:\n  \
                  alertWhenBreaching: true\n  conditions: [{ conditionRef: quick }]\n";
    let condition = "apiVersion: openslo/v1\nkind: AlertCondition\nmetadata: { name: quick }\n\
                     spec:\n  \
                     severity: page\n  condition: { kind: burnrate, op: gte, threshold: 10, \
                     lookbackWindow: 2h, alertAfter: 5m }\n";
    let text = format!("{plain}  alertPolicies: [fast]\n---\n{policy}---\n{condition}");
    let alerting = one(&text).alerting;
    let rule = alerting.rules[0];
    assert_eq!((rule.severity, rule.factor, alerting.rules.len()), (Severity::Page, 10.0, 1));
    assert_eq!((rule.long, rule.short, rule.hold), (hours(2), hours(2), Duration::from_secs(300)));
    let both = WHOLE.to_owned() + "  alertPolicies: [fast]\n---\n" + policy + "---\n" + condition;
    assert!(refused(&both).contains("both alert windows and alert policies"));

    let own = "---\napiVersion: sloth.slok.dev/v1\nkind: AlertWindows\n\
               metadata: { name: ours }\nspec:\n  \
               sloPeriod: 30d\n  page:\n    quick: { errorBudgetPercent: 2, shortWindow: 5m, \
               longWindow: 1h }\n";
    let text = changed("google-30d", "ours") + own;
    let alerting = one(&text).alerting;
    assert_eq!((&*alerting.windows, alerting.rules.len()), ("ours", 1));
    assert!((alerting.rules[0].factor - 14.4).abs() < 1e-9);
}

#[test]
fn silence_is_an_alert_unless_it_never_is() {
    let told = |after| {
        one(&changed("team: support", &format!("tieline.dev/no-data-after: {after}")))
            .alerting
            .no_data_after
    };
    assert_eq!(one(WHOLE).alerting.no_data_after, Some(hours(6)));
    assert_eq!(told("2h"), Some(hours(2)));
    assert_eq!(told("never"), None);
}

/// What is written in the place of what, and what is said of it.
const MISTAKES: [(&str, &str, &str); 27] = [
    (
        "openslo/v1",
        "openslo/v2alpha",
        "1:13: `apiVersion` of a SLO is not `openslo/v2alpha`; write `openslo/v1`",
    ),
    ("kind: SLO", "kind: SLo", "2:7: `kind` is not `SLo`; did you mean `SLO`?"),
    ("kind: SLO", "kind: DataSource", "2:7: Tieline has no use for a DataSource; take it out"),
    (
        "name: support-chat-availability\n  ann",
        "name: a b\n  ann",
        "4:9: `a b` cannot be a name; use letters",
    ),
    (
        "min-bad-events",
        "min-bad-event",
        "7:5: there is no annotation `tieline.dev/min-bad-event`; it is one of",
    ),
    ("\"7\"", "few", "7:33: `few` is not a whole number of requests; write one"),
    (
        "google-30d",
        "google-90d",
        "6:32: there are no alert windows `google-90d`; write one of `google-30d`",
    ),
    ("google-30d", "google-28d", "6:32: `google-28d` is for objectives over 28 days; change one"),
    ("  service: support-chat\n", "", "10:3: the SLO lacks `service`; add `service: FEATURE`"),
    ("service:", "servis:", "10:3: the SLO has no `servis`; did you mean `service`?"),
    (
        "type: Tieline, spec: { sli: availability, m",
        "type: Prometheus, spec: { sli: availability, m",
        "16:39: `type` is not `Prometheus`; it is one of `Tieline`",
    ),
    (
        "sli: availability, m",
        "sli: availabilty, m",
        "16:61: `sli` is not `availabilty`; did you mean `availability`?",
    ),
    ("maxTier: 2", "maxTier: -1", "16:84: -1 is not the number of a tier, from 0 for the best"),
    (
        "maxTier: 2",
        "within: 2s",
        "16:75: `availability` has no `within`; it takes `sli`, `maxTier`",
    ),
    (
        "{ sli: availability }",
        "{ sli: e2e }",
        "17:55: `good` is of `availability` and `total` of `e2e`; write `sli: availability`",
    ),
    (
        "{ sli: availability }",
        "{ sli: availability, maxTier: 1 }",
        "17:76: `maxTier` says which requests are good",
    ),
    (
        "duration: 30d",
        "duration: 1M",
        "18:28: `duration` is not `1M`; months, quarters and years differ in length: write `30d`",
    ),
    (
        "duration: 30d",
        "duration: 90s",
        "18:28: `duration` is not `90s`; write a whole number with m, h, d or w",
    ),
    ("duration: 30d", "duration: 52w", "18:28: `duration` is out of bounds"),
    ("isRolling: true", "isRolling: false", "18:44: windows by the calendar are not supported"),
    ("[{ duration: 30d, isRolling: true }]", "[]", "18:15: an SLO has exactly one time window"),
    (
        "Occurrences",
        "Timeslices",
        "19:20: `budgetingMethod` is not `Timeslices`; write `Occurrences`",
    ),
    ("target: 0.999", "target: 99.9", "20:47: 99.9 is not a share above 0 and below 1"),
    (
        "target: 0.999",
        "target: 0.999, targetPercent: 99.9",
        "20:16: an objective has `target` or `targetPercent`, one of the two",
    ),
    ("target: 0.999", "op: lte, value: 3, target: 0.999", "20:39: an objective has no `op`"),
    ("ratioMetric:", "thresholdMetric:", "15:9: Tieline judges each request by itself"),
    ("target: 0.999", "target: 0.999, target: 0.99", "20:"),
];

#[test]
fn every_mistake_is_told_with_its_place_and_what_to_do() {
    for (from, to, wanted) in MISTAKES {
        let said = refused(&changed(from, to));
        let wanted = format!("slo.yaml:{wanted}");
        assert!(said.lines().any(|line| line.starts_with(&wanted)), "{from} -> {to}: {said}");
    }
}

#[test]
fn all_mistakes_are_told_at_once_in_the_order_of_the_file() {
    let text = changed("maxTier: 2", "maxTier: 1.5").replace("0.999", "1").replace("30d,", "0d,");
    let said = refused(&text);
    let lines: Vec<&str> = said.lines().filter_map(|line| line.split(':').nth(1)).collect();
    assert_eq!(lines, ["16", "18", "20"], "{said}");
    assert!(refused("").starts_with("slo.yaml:0:0: no document of kind SLO"));
    let twice = format!("{WHOLE}---\n{WHOLE}");
    assert!(
        refused(&twice).contains("25:9: `support-chat` has another objective"),
        "{}",
        refused(&twice)
    );
}

/// A condition, a policy and windows; tests put something else in the place of some of it.
const ALERTS: &str = "---
apiVersion: openslo/v1
kind: AlertPolicy
metadata: { name: fast }
spec:
  alertWhenBreaching: true
  conditions: [{ conditionRef: quick }]
---
apiVersion: openslo/v1
kind: AlertCondition
metadata: { name: quick }
spec:
  severity: page
  condition: { kind: burnrate, op: gt, threshold: 10, lookbackWindow: 2h, alertAfter: 5m }
---
apiVersion: sloth.slok.dev/v1
kind: AlertWindows
metadata: { name: ours }
spec:
  sloPeriod: 30d
  page:
    quick: { errorBudgetPercent: 2, shortWindow: 5m, longWindow: 1h }
";

#[test]
fn mistakes_of_alerts_are_told_too() {
    for (from, to, wanted) in [
        ("op: gt", "op: lte", "`op` is not `lte`; write `op: gt`"),
        ("kind: burnrate", "kind: burn", "`kind` is not `burn`; did you mean `burnrate`?"),
        ("severity: page", "severity: pager", "`severity` is not `pager`; did you mean `page`?"),
        ("threshold: 10", "threshold: 0", "0 is not a burn rate above 0"),
        ("lookbackWindow: 2h", "lookbackWindow: 90s", "`lookbackWindow` is not `90s`"),
        ("lookbackWindow: 2h, ", "", "`condition` lacks `lookbackWindow`"),
        ("alertWhenBreaching: true", "alertWhenNoData: false", "`alertWhenNoData` cannot be false"),
        (
            "conditionRef: quick",
            "conditionRef: quik",
            "no AlertCondition `quik`; did you mean `quick`",
        ),
        ("[{ conditionRef: quick }]", "[]", "a policy has exactly one condition"),
        ("longWindow: 1h", "longWindow: 1m", "these windows do not nest"),
        ("errorBudgetPercent: 2", "errorBudgetPercent: 200", "200 is not a percentage above 0"),
        ("page:\n", "pages:\n", "`spec` has no `pages`; did you mean `page`?"),
        ("kind: AlertPolicy", "kind: AlertNotificationTarget", "tieline.yaml says who is told"),
    ] {
        let text = WHOLE.to_owned() + &ALERTS.replace(from, to);
        let said = refused(&text);
        assert!(said.contains(wanted), "{from} -> {to}: {said}");
    }
    assert!(read("slo.yaml", &(WHOLE.to_owned() + ALERTS)).is_ok());
    let far = changed("duration: 30d", "duration: 1h")
        .replace("    tieline.dev/alert-windows: google-30d\n", "")
        + "  alertPolicies: [fast]\n"
        + ALERTS;
    assert!(refused(&far).contains("looks back 120 minutes, further than the window"));
}
