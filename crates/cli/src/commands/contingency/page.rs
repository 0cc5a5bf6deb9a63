//! What an analysis found, as one file for browsers: no script, nothing from elsewhere.

mod graph;

use tieline_gateway::contingency::{Class, FeatureOutcome, Kind, Outcome, Verdict};

use super::{Shown, words};
use crate::html::{Page, Text, table};

const STYLE: &str = include_str!("page/style.css");
/// The most findings of a list that a reader follows.
const FINDINGS_MAX: usize = 40;

/// The whole page.
pub(super) fn page(shown: &Shown) -> String {
    let body = [
        tiles(shown),
        format!(
            "<section><h2>What fails together</h2><p class=\"legend\">Providers, deployments and \
             features; a line is a way that a feature may take, solid for its first tier. Red: \
             without it a critical feature does not survive. Amber: full in some contingency.</p>{}\
             </section>",
            graph::graph(shown)
        ),
        matrix(shown),
        findings(shown),
        demand(shown),
    ]
    .concat();
    let lost = if shown.n > 1 { "any one element, or any two" } else { "any one element" };
    let page = Page {
        brand: "contingency",
        title: "Contingency analysis",
        heading: "What survives the loss of any one element",
        lead: &format!(
            "{} contingencies: {lost} is lost, and what is left is shared out anew by quota, \
             policy and criticality.",
            shown.report.contingencies.len()
        ),
        style: STYLE,
        body: &body,
    };
    page.to_string()
}

/// The figures that people look for first.
fn tiles(shown: &Shown) -> String {
    let tile = |name: &str, value: &str, words: &str| {
        let (value, words) = (Text(value), Text(words));
        format!("<div class=\"tile\"><h3>{name}</h3><b>{value}</b><p>{words}</p></div>")
    };
    let verdict = match (shown.insecure.is_empty(), shown.unproved.is_empty()) {
        (false, _) => "not secure",
        (true, false) => "not proved",
        (true, true) => "secure",
    };
    let of = |verdict: Verdict| {
        let ordinary =
            shown.report.contingencies.iter().filter(|one| one.contingency.is_ordinary());
        ordinary.filter(|one| one.verdict == verdict).count().to_string()
    };
    let reserve = shown.report.reserve.as_ref().map_or_else(String::new, |one| {
        let verdict = if one.holds() { "enough" } else { "too little" };
        tile("Reserve", verdict, &words::reserve(one))
    });
    format!(
        "<section class=\"tiles\">{}{}{reserve}</section>",
        tile("N-1", verdict, &words::summary(shown)),
        tile(
            "Ordinary contingencies not stood",
            &of(Verdict::NotSecure),
            &format!("{} with something giving way", of(Verdict::Remedial)),
        ),
    )
}

fn matrix(shown: &Shown) -> String {
    let names = shown.report.base.iter().map(|one| Text(&one.feature).to_string());
    let names: Vec<String> = names.collect();
    let header = ["Lost", ""].into_iter().chain(names.iter().map(String::as_str));
    let header: Vec<&str> = header.collect();
    let base = ["nothing".to_owned(), String::new()];
    let base = base.into_iter().chain(shown.report.base.iter().map(|one| cell(one, false)));
    let told = shown.report.contingencies.iter().filter(|one| {
        one.contingency.class != Class::OutOfRange || one.verdict == Verdict::NotSecure
    });
    let rows = std::iter::once(base.collect()).chain(told.map(|one| row(shown, one)));
    format!(
        "<section class=\"matrix\"><h2>Features by contingencies</h2>{}</section>",
        table(header.len(), &header, rows)
    )
}

fn row(shown: &Shown, outcome: &Outcome) -> Vec<String> {
    let lost = &outcome.contingency;
    // A deployment says it already.
    let also = lost.also.iter().filter(|one| one.kind != Kind::ModelAtProvider);
    let also: Vec<String> = also.map(ToString::to_string).collect();
    let also = match also.is_empty() {
        true => String::new(),
        false => format!("<small>also {}</small>", Text(&also.join(", "))),
    };
    let class = match lost.class {
        Class::Ordinary => String::new(),
        class => format!("<span class=\"chip\">{}</span>", class.as_str()),
    };
    let cells = outcome.features.iter().enumerate();
    let cells = cells.map(|(at, one)| cell(one, words::is_changed(shown, outcome, at)));
    let name = format!("<b>{}</b>{also}", Text(&lost.to_string()));
    [name, class].into_iter().chain(cells).collect()
}

fn cell(one: &FeatureOutcome, changed: bool) -> String {
    let class = match (one.verdict, changed) {
        (Verdict::NotSecure, _) => "bad",
        (Verdict::Remedial, _) => "moved",
        (Verdict::Secure, true) => "good",
        (Verdict::Secure, false) => "",
    };
    let headroom = one.headroom.map(|left| format!("{} headroom", words::percent(left)));
    let details = headroom.into_iter().chain(words::change(one)).chain(words::ramp(one));
    let details: Vec<String> = details.collect();
    let title = format!("{}; {}", one.binding, one.evidence);
    format!(
        "<div class=\"cell {class}\" title=\"{}\">{}<small>{}</small></div>",
        Text(&title),
        Text(&words::cell(one)),
        Text(&details.join(" · "))
    )
}

fn findings(shown: &Shown) -> String {
    let all = words::findings(shown);
    let rest = all.len().saturating_sub(FINDINGS_MAX);
    let more = (rest > 0).then(|| format!("<li>and {rest} more: see the JSON</li>"));
    let items = all.iter().take(FINDINGS_MAX).map(|one| format!("<li>{}</li>", Text(one)));
    let items: String = items.chain(more).collect();
    let items = match items.is_empty() {
        true => "<p>None: every feature keeps an acceptable answer to all of its requests.</p>"
            .to_owned(),
        false => format!("<ul>{items}</ul>"),
    };
    format!("<section><h2>Findings</h2>{items}</section>")
}

fn demand(shown: &Shown) -> String {
    let count = |count: Option<f64>| count.map_or_else(String::new, words::grouped);
    let rows = shown.demand.iter().map(|one| {
        vec![
            Text(&one.feature).to_string(),
            one.criticality.to_owned(),
            one.source.to_owned(),
            count(one.requests_per_minute),
            count(one.input_tokens_per_minute),
            count(one.output_tokens_per_minute),
        ]
    });
    let header = [
        "Feature",
        "criticality",
        "demand",
        "requests/min",
        "input tokens/min",
        "output tokens/min",
    ];
    format!("<section><h2>Demand</h2>{}</section>", table(3, &header, rows))
}
