//! Rules with the names and the arithmetic of Sloth.

use std::time::Duration;

use super::{
    plain, quoted,
    rules::{Group, Kind, Rule},
    series, span_with_weeks as span, windows,
};
use crate::{BurnRule, Severity, Slo};

/// What the series of one objective have in common.
const IDENTITY: &str = "sloth_id, sloth_slo, sloth_service";

/// The groups of one objective.
pub(super) fn groups(slo: &Slo) -> Vec<Group> {
    let group = |part: &str, rules| Group {
        name: format!("sloth-slo-{part}-{}", id(slo)),
        interval: None,
        rules,
    };
    vec![
        group("sli-recordings", recordings(slo)),
        group("meta-recordings", meta(slo)),
        group("alerts", alerts(slo)),
    ]
}

fn id(slo: &Slo) -> String {
    format!("{}-{}", slo.feature, slo.name)
}

fn labels(slo: &Slo) -> Vec<(&'static str, String)> {
    vec![
        ("sloth_id", id(slo)),
        ("sloth_service", slo.feature.to_string()),
        ("sloth_slo", slo.name.to_string()),
    ]
}

fn with_window(slo: &Slo, window: Duration) -> Vec<(&'static str, String)> {
    let mut labels = labels(slo);
    labels.push(("sloth_window", span(window)));
    labels
}

/// A recorded series of one objective.
fn of(slo: &Slo, record: &str) -> String {
    let labels = labels(slo).into_iter().map(|(key, value)| format!("{key}={}", quoted(&value)));
    format!("{record}{{{}}}", labels.collect::<Vec<_>>().join(","))
}

fn recorded(window: Duration) -> String {
    format!("slo:sli_error:ratio_rate{}", span(window))
}

fn recordings(slo: &Slo) -> Vec<Rule> {
    let windows = windows(slo);
    let rate = |result, window| format!("sum(rate({}[{}]))", series(slo, result), span(window));
    let mut rules: Vec<Rule> = windows
        .iter()
        .map(|&window| {
            let expr = format!("({})\n/\n({})", rate(Some("bad"), window), rate(None, window));
            Rule::record(recorded(window), expr, with_window(slo, window))
        })
        .collect();
    if let Some(shortest) = windows.first() {
        let ratios = format!("{}[{}]", of(slo, &recorded(*shortest)), span(slo.window));
        let expr = format!(
            "sum_over_time({ratios})\n/ ignoring (sloth_window)\ncount_over_time({ratios})"
        );
        rules.push(Rule::record(recorded(slo.window), expr, with_window(slo, slo.window)));
    }
    rules
}

fn meta(slo: &Slo) -> Vec<Rule> {
    let record = |name: &str, expr: String| Rule::record(name, expr, labels(slo));
    let burn = |window| {
        let (ratio, budget) = (of(slo, &recorded(window)), of(slo, "slo:error_budget:ratio"));
        format!("{ratio}\n/ on({IDENTITY}) group_left\n{budget}")
    };
    let shortest = windows(slo).first().copied().unwrap_or(slo.window);
    let left = format!("1 - {}", of(slo, "slo:period_burn_rate:ratio"));
    let mut info = labels(slo);
    info.extend([
        ("sloth_mode", "tieline".to_owned()),
        ("sloth_objective", plain(slo.target * 100.0)),
        ("sloth_spec", "openslo/v1".to_owned()),
        ("sloth_version", env!("CARGO_PKG_VERSION").to_owned()),
    ]);
    vec![
        record("slo:objective:ratio", format!("vector({})", slo.target)),
        record("slo:error_budget:ratio", format!("vector(1-{})", slo.target)),
        record(
            "slo:time_period:days",
            format!("vector({})", plain(slo.window.as_secs_f64() / 86_400.0)),
        ),
        record("slo:current_burn_rate:ratio", burn(shortest)),
        record("slo:period_burn_rate:ratio", burn(slo.window)),
        record("slo:period_error_budget_remaining:ratio", left),
        Rule::record("sloth_slo_info", "vector(1)", info),
    ]
}

fn alerts(slo: &Slo) -> Vec<Rule> {
    let alert = |severity: Severity| {
        let rules = slo.alerting.rules.iter().filter(|rule| rule.severity == severity);
        let pairs: Vec<String> = rules.map(|rule| pair(slo, rule)).collect();
        let summary = format!("{} burns the error budget of {}", slo.feature, slo.name);
        let mut labels = labels(slo);
        labels.push(("sloth_severity", severity.to_string()));
        (!pairs.is_empty()).then(|| Rule {
            kind: Kind::Alert(Duration::ZERO),
            name: "TielineErrorBudgetBurn".to_owned(),
            expr: pairs.join("\nor\n"),
            labels,
            annotations: vec![
                ("title", format!("({severity}) {summary} too fast")),
                ("summary", summary),
            ],
        })
    };
    [Severity::Page, Severity::Ticket].into_iter().filter_map(alert).collect()
}

fn pair(slo: &Slo, rule: &BurnRule) -> String {
    // Sloth's own arithmetic, dust included: what is on the border falls on the same side.
    let budget = (100.0 - slo.target * 100.0) / 100.0;
    let limit = format!("({} * {budget})", plain(rule.factor));
    let [short, long] = [rule.short, rule.long].map(|window| {
        format!("max({} > {limit}) without (sloth_window)", of(slo, &recorded(window)))
    });
    format!("(\n  {short}\n  and\n  {long}\n)")
}
