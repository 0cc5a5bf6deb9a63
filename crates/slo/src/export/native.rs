//! Rules that count requests: every window is a sum of what was counted in it.

use std::time::Duration;

use super::{
    plain, quoted,
    rules::{Group, Kind, Rule},
    series, span, windows,
};
use crate::{BurnRule, Indicator, Severity, Slo, wilson::Z};

/// How often the budget is worked out: its window is long and much to read, but what is recorded
/// less often than every five minutes is taken to be gone in between.
const BUDGET_INTERVAL: Duration = Duration::from_secs(120);
/// How long a counter may be absent: a restart takes less.
const ABSENT_HOLD: Duration = Duration::from_secs(600);
/// The window in which nothing was counted, for as long as the objective allows.
const SILENCE: Duration = Duration::from_secs(600);
/// What [`Severity::Ticket`] is called in labels, for alerts that no burn rate makes.
const TICKET: &str = Severity::Ticket.as_str();

/// The groups of one objective.
pub(super) fn groups(slo: &Slo) -> Vec<Group> {
    let group = |part: &str, interval, rules| Group {
        name: format!("tieline-slo-{}-{}-{part}", slo.feature, slo.name),
        interval,
        rules,
    };
    vec![
        group("windows", None, measured(slo)),
        group("budget", Some(BUDGET_INTERVAL), budget(slo)),
        group("alerts", None, alerts(slo)),
    ]
}

fn labels(slo: &Slo) -> Vec<(&'static str, String)> {
    vec![("feature", slo.feature.to_string()), ("slo", slo.name.to_string())]
}

/// The sum of what was counted in a window.
fn sum(slo: &Slo, result: Option<&str>, window: Duration) -> String {
    format!("sum by (feature, slo) (increase({}[{}]))", series(slo, result), span(window))
}

fn ratio(slo: &Slo, window: Duration) -> Rule {
    let expr = format!("{}\n/\n{}", sum(slo, Some("bad"), window), sum(slo, None, window));
    Rule::record(recorded("error_ratio", window), expr, labels(slo))
}

fn recorded(what: &str, window: Duration) -> String {
    format!("tieline_slo:{what}:increase{}", span(window))
}

/// A recorded series of one objective.
fn of(slo: &Slo, record: &str) -> String {
    format!("{record}{{feature={},slo={}}}", quoted(&slo.feature), quoted(&slo.name))
}

/// What alerts compare: the share of bad requests in each window, and in long ones their number.
fn measured(slo: &Slo) -> Vec<Rule> {
    let mut rules: Vec<Rule> = windows(slo).into_iter().map(|window| ratio(slo, window)).collect();
    let mut long: Vec<Duration> = slo.alerting.rules.iter().map(|rule| rule.long).collect();
    long.sort();
    long.dedup();
    for window in long {
        let bad = sum(slo, Some("bad"), window);
        rules.push(Rule::record(recorded("bad_events", window), bad, labels(slo)));
        if sampled(slo) {
            let all = sum(slo, None, window);
            rules.push(Rule::record(recorded("events", window), all, labels(slo)));
            rules.push(Rule::record(
                recorded("error_ratio_low", window),
                low(slo, window),
                labels(slo),
            ));
        }
    }
    rules
}

/// Whether only a sample is counted.
fn sampled(slo: &Slo) -> bool {
    matches!(slo.indicator, Indicator::Quality { .. })
}

/// The lower bound of the share of bad requests that a window is a sample of.
fn low(slo: &Slo, window: Duration) -> String {
    let share = of(slo, &recorded("error_ratio", window));
    let n = of(slo, &recorded("events", window));
    let (square, half, quarter) = (plain(Z * Z), plain(Z * Z / 2.0), plain(Z * Z / 4.0));
    let z = plain(Z);
    format!(
        "(\n  {share} + {half} / {n}\n  - {z} * sqrt({share} * (1 - {share}) / {n} + {quarter} / \
         {n} ^ 2)\n) / (1 + {square} / {n})"
    )
}

fn budget(slo: &Slo) -> Vec<Rule> {
    let record = |name: &str, expr: String| Rule::record(name, expr, labels(slo));
    let whole = ratio(slo, slo.window);
    let spent = of(slo, &whole.name);
    let left = format!("1 - {spent} / {}", plain(slo.error_budget()));
    vec![
        record("tieline_slo:objective:ratio", format!("vector({})", slo.target)),
        record("tieline_slo:error_budget:ratio", format!("vector({})", plain(slo.error_budget()))),
        record("tieline_slo:window:days", format!("vector({})", plain(days(slo.window)))),
        whole,
        record("tieline_slo:budget_remaining:ratio", left),
    ]
}

fn days(window: Duration) -> f64 {
    window.as_secs_f64() / 86_400.0
}

fn alerts(slo: &Slo) -> Vec<Rule> {
    let mut alerts = Vec::new();
    for severity in [Severity::Page, Severity::Ticket] {
        let rules = || slo.alerting.rules.iter().filter(move |rule| rule.severity == severity);
        let mut holds: Vec<Duration> = rules().map(|rule| rule.hold).collect();
        holds.sort();
        holds.dedup();
        for hold in holds {
            let pairs = rules().filter(|rule| rule.hold == hold).map(|rule| pair(slo, rule));
            let expr = pairs.collect::<Vec<_>>().join("\nor\n");
            alerts.push(burn(slo, severity, hold, expr));
        }
    }
    alerts.extend(silence(slo));
    alerts
}

/// Both windows above the factor, and enough bad requests for that to mean something.
fn pair(slo: &Slo, rule: &BurnRule) -> String {
    let limit = format!("{} * {}", plain(rule.factor), plain(slo.error_budget()));
    let share = if sampled(slo) { "error_ratio_low" } else { "error_ratio" };
    let mut parts = vec![
        format!("{} > ({limit})", of(slo, &recorded("error_ratio", rule.short))),
        format!("{} > ({limit})", of(slo, &recorded(share, rule.long))),
    ];
    if slo.alerting.bad_events_min > 0 {
        // An increase is extrapolated, and so seldom a whole number.
        let enough = slo.alerting.bad_events_min as f64 - 0.5;
        parts.push(format!("{} > {enough}", of(slo, &recorded("bad_events", rule.long))));
    }
    format!("(\n  {}\n)", parts.join("\n  and\n  "))
}

fn burn(slo: &Slo, severity: Severity, hold: Duration, expr: String) -> Rule {
    let mut labels = labels(slo);
    labels.push(("severity", severity.to_string()));
    if !hold.is_zero() {
        labels.push(("held", span(hold)));
    }
    let summary = format!("{} burns the error budget of {} too fast", slo.feature, slo.name);
    let description = format!(
        "More than {}% of {} may be bad over {}, and far more is. \
         `tieline slo report --feature {}` shows how much is left.",
        plain(slo.error_budget() * 100.0),
        slo.indicator.as_str(),
        span(slo.window),
        slo.feature
    );
    Rule {
        kind: Kind::Alert(hold),
        name: "TielineErrorBudgetBurn".to_owned(),
        expr,
        labels,
        annotations: vec![("summary", summary), ("description", description)],
    }
}

/// Alerts that nothing is known.
fn silence(slo: &Slo) -> Vec<Rule> {
    let alert = |name: &str, hold, expr, summary| {
        let mut labels = labels(slo);
        labels.push(("severity", TICKET.to_owned()));
        let annotations = vec![("summary", summary)];
        Rule { kind: Kind::Alert(hold), name: name.to_owned(), expr, labels, annotations }
    };
    let Some(after) = slo.alerting.no_data_after else { return Vec::new() };
    let nothing = format!("{} == 0", sum(slo, None, SILENCE));
    let of = format!("{} of {}", slo.name, slo.feature);
    vec![
        alert(
            "TielineNoData",
            after,
            nothing,
            format!("no request has counted for {of} for {}", span(after)),
        ),
        alert(
            "TielineSloAbsent",
            ABSENT_HOLD,
            format!("absent({})", series(slo, None)),
            format!("no gateway counts for {of}"),
        ),
    ]
}
