//! What a run found, as one file for browsers.

mod forest;
mod pairs;
mod quality;

use tieline_eval::{
    Arm,
    report::{ArmSummary, Cluster, Pair, Side, Summary, interval, points, signed, verdict},
};
use tieline_gate::{MetricRuling, Verdict};

use super::super::table::{JUDGED, judged};
use crate::html::{Page, Text, table};

const STYLE: &str = include_str!("page/style.css");

/// The most rows of a list.
const ROWS_MAX: usize = 200;
/// The most of an answer that is shown, in characters.
const ANSWER_CHARS_MAX: usize = 4_000;

/// The whole page.
pub(super) fn page(summary: &Summary) -> String {
    let deployment = |arm| Text(summary.deployment(arm).unwrap_or("nothing")).to_string();
    let heading = format!(
        "{} <span class=\"verdict {}\">{}</span>",
        Text(&summary.run.feature),
        class(summary.ruling.verdict),
        verdict(summary.ruling.verdict)
    );
    let lead = format!(
        "<code>{}</code> against <code>{}</code> on {} cases of <code>{}</code>, \
         run <code>{}</code>",
        deployment(Arm::Candidate),
        deployment(Arm::Incumbent),
        summary.ruling.items,
        Text(&summary.run.suite),
        Text(&summary.run.id),
    );
    let body = [
        reasons(summary),
        tiles(summary),
        metrics(summary),
        forest::forest(&summary.ruling),
        pairs::pairs(&summary.differences),
        quality::quality(&summary.arms),
        rules(summary),
        failing(&summary.failing),
        list("Lost: the incumbent passes, the candidate does not", &summary.lost),
        list("Won: the candidate passes, the incumbent does not", &summary.won),
        judges(summary),
        arms(summary),
    ]
    .concat();
    let title = format!("Eval: {}", summary.run.feature);
    let page = Page {
        brand: "eval gate",
        title: &title,
        heading: &heading,
        lead: &lead,
        style: STYLE,
        body: &body,
    };
    page.to_string()
}

/// The colour of a verdict.
const fn class(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Pass => "good",
        Verdict::Fail => "bad",
        Verdict::Inconclusive | Verdict::Error => "moved",
    }
}

fn reasons(summary: &Summary) -> String {
    let lacks = summary.run.partial.iter().map(|line| format!("the suite lacks: {line}"));
    let all = summary.ruling.reasons.iter().cloned().chain(lacks);
    let items: String = all.map(|reason| format!("<li>{}</li>", Text(&reason))).collect();
    format!("<section><h2>Why</h2><ul>{items}</ul></section>")
}

fn tiles(summary: &Summary) -> String {
    let tile = |name: &str, value: &str, words: &str| {
        let (name, value, words) = (Text(name), Text(value), Text(words));
        format!("<div class=\"tile\"><h3>{name}</h3><b>{value}</b><p>{words}</p></div>")
    };
    let first = summary.ruling.metrics.iter().find(|metric| metric.required);
    let difference = first.map(|MetricRuling { metric, finding, .. }| {
        let words = format!("{metric}, points; interval {}", interval(finding.interval));
        tile("Difference", &signed(finding.estimate), &words)
    });
    let pairs = format!("{} won; the others agree", summary.won.len());
    let of = |arm: Arm| summary.arms.get(&arm);
    let cost = of(Arm::Candidate).and_then(|one| one.usd).map(|usd| {
        let was = of(Arm::Incumbent).and_then(|one| one.usd);
        let words = was.map_or_else(String::new, |was| format!("was ${was:.6}"));
        tile("Cost of an answer", &format!("${usd:.6}"), &words)
    });
    let within = |name: &str, time: fn(&ArmSummary) -> Option<f64>| {
        let was = of(Arm::Incumbent).and_then(time);
        let words = was.map_or_else(String::new, |was| format!("was {was:.0} ms"));
        of(Arm::Candidate).and_then(time).map(|ms| tile(name, &format!("{ms:.0} ms"), &words))
    };
    let time = within("95 of 100 answers within", |one| one.p95_ms);
    let first = within("95 of 100 begin within", |one| one.ttft_p95_ms);
    let lost = tile("Cases lost", &summary.lost.len().to_string(), &pairs);
    let all = [difference, Some(lost), cost, time, first].into_iter().flatten();
    format!("<section class=\"tiles\">{}</section>", all.collect::<String>())
}

fn metrics(summary: &Summary) -> String {
    let rows = summary.ruling.metrics.iter().map(|one| {
        let finding = &one.finding;
        let shown = if one.required { verdict(finding.verdict) } else { "shown" };
        let more = finding.items_missing.filter(|_| finding.verdict == Verdict::Inconclusive);
        vec![
            Text(&one.metric).to_string(),
            points(finding.candidate),
            points(finding.incumbent),
            signed(finding.estimate),
            interval(finding.interval),
            format!("{:.0} %", finding.power * 100.0),
            more.map_or_else(|| "-".to_owned(), |more| more.to_string()),
            shown.to_owned(),
        ]
    });
    let header = [
        "Metric",
        "candidate",
        "incumbent",
        "difference",
        "interval",
        "power",
        "cases lacking",
        "verdict",
    ];
    format!("<section><h2>Metrics</h2>{}</section>", table(1, &header, rows))
}

/// Guards and invariants.
fn rules(summary: &Summary) -> String {
    let guards = summary.ruling.guards.iter().map(|one| (&one.reason, one.verdict));
    let invariants = summary.ruling.invariants.iter().map(|one| (&one.reason, one.verdict));
    let rows: Vec<Vec<String>> = guards
        .chain(invariants)
        .map(|(reason, of)| vec![Text(reason).to_string(), verdict(of).to_owned()])
        .collect();
    if rows.is_empty() {
        return String::new();
    }
    let table = table(1, &["What must hold as well", "verdict"], rows);
    format!("<section><h2>Guards and invariants</h2>{table}</section>")
}

fn failing(clusters: &[Cluster]) -> String {
    if clusters.is_empty() {
        return String::new();
    }
    let rows = clusters.iter().map(|cluster| {
        let cases = cluster.cases.iter().take(ROWS_MAX).map(String::as_str);
        let cases = cases.collect::<Vec<_>>().join(" ");
        vec![
            Text(&cluster.class).to_string(),
            Text(&cluster.reason).to_string(),
            format!("<details><summary>show</summary>{}</details>", Text(&cases)),
            cluster.cases.len().to_string(),
            cluster.incumbent.to_string(),
        ]
    });
    let header = ["Class", "first reason", "cases", "candidate", "incumbent"];
    format!("<section><h2>What fails</h2>{}</section>", table(3, &header, rows))
}

/// Cases on which the arms differ, with both answers.
fn list(title: &str, pairs: &[Pair]) -> String {
    if pairs.is_empty() {
        return String::new();
    }
    let rows = pairs.iter().take(ROWS_MAX).map(|pair| {
        vec![
            Text(&pair.class).to_string(),
            Text(&pair.case).to_string(),
            said(&pair.candidate),
            said(&pair.incumbent),
        ]
    });
    let header = ["Class", "case", "candidate", "incumbent"];
    let more = match pairs.len().saturating_sub(ROWS_MAX) {
        0 => String::new(),
        more => format!("<p class=\"lead\">and {more} more</p>"),
    };
    format!(
        "<section><h2>{} <small>{}</small></h2>{}{more}</section>",
        Text(title),
        pairs.len(),
        table(4, &header, rows)
    )
}

fn said(side: &Side) -> String {
    let text: String = side.text.chars().take(ANSWER_CHARS_MAX).collect();
    let reasons = side.reasons.iter().map(|reason| format!("<li>{}</li>", Text(reason)));
    let reasons: String = reasons.collect();
    let reasons =
        if reasons.is_empty() { reasons } else { format!("<ul class=\"why\">{reasons}</ul>") };
    format!("<pre>{}</pre>{reasons}", Text(&text))
}

fn judges(summary: &Summary) -> String {
    let rows: Vec<Vec<String>> =
        judged(summary).map(|row| row.map(|cell| Text(&cell).to_string()).into()).collect();
    if rows.is_empty() {
        return String::new();
    }
    format!("<section><h2>Judges</h2>{}</section>", table(1, &JUDGED, rows.into_iter()))
}

fn arms(summary: &Summary) -> String {
    let rows = summary.arms.iter().map(|(arm, of)| {
        let troubles: Vec<String> =
            of.troubles.iter().map(|(class, count)| format!("{count} {class}")).collect();
        let models: Vec<&str> = of.models.iter().map(String::as_str).collect();
        vec![
            arm.to_string(),
            Text(&of.deployment).to_string(),
            Text(&models.join(", ")).to_string(),
            Text(&troubles.join(", ")).to_string(),
            of.asked.to_string(),
            of.answered.to_string(),
            of.cached.to_string(),
            of.refused.to_string(),
            of.output_tokens.map_or_else(|| "-".to_owned(), |tokens| format!("{tokens:.0}")),
        ]
    });
    let header = [
        "Arm",
        "deployment",
        "model",
        "troubles",
        "asked",
        "answered",
        "cached",
        "refused",
        "tokens",
    ];
    format!("<section><h2>Arms</h2>{}</section>", table(4, &header, rows))
}
