//! What an analysis found, for terminals.

use tieline_gateway::contingency::{Class, FeatureOutcome, Outcome, Verdict};

use super::{Demand, Shown, words};
use crate::print::{self, or_dash};

pub(super) fn table(shown: &Shown) -> String {
    if shown.report.base.is_empty() {
        return "there are no features to look at: give one `demand`, or let requests come"
            .to_owned();
    }
    let findings = words::findings(shown);
    let down = (!shown.down.is_empty()).then(|| {
        format!("out already: {}", shown.down.iter().cloned().collect::<Vec<_>>().join(", "))
    });
    let parts = [
        Some(print::table(
            &[
                "FEATURE",
                "CRITICALITY",
                "REQUESTS/MIN",
                "INPUT TOKENS/MIN",
                "OUTPUT TOKENS/MIN",
                "DEMAND",
            ],
            shown.demand.iter().map(demand),
        )),
        down,
        Some(matrix(shown)),
        changes(shown),
        (!findings.is_empty()).then(|| findings.join("\n")),
        shown.report.reserve.as_ref().map(words::reserve),
        Some(words::summary(shown)),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join("\n\n")
}

fn demand(one: &Demand) -> Vec<String> {
    let count = |count: Option<f64>| or_dash(count.map(words::grouped));
    vec![
        one.feature.clone(),
        one.criticality.to_owned(),
        count(one.requests_per_minute),
        count(one.input_tokens_per_minute),
        count(one.output_tokens_per_minute),
        one.source.to_owned(),
    ]
}

fn matrix(shown: &Shown) -> String {
    let features = shown.report.base.iter().map(|one| &*one.feature);
    let header: Vec<&str> = ["LOST", "CLASS", "VERDICT"].into_iter().chain(features).collect();
    let row = |lost: String, class: &str, verdict: Verdict, features: &[FeatureOutcome]| {
        let cells = features.iter().map(words::cell);
        [lost, class.to_owned(), verdict.as_str().to_owned()].into_iter().chain(cells).collect()
    };
    let worst = shown.report.base.iter().map(|one| one.verdict).max().unwrap_or(Verdict::Secure);
    let base: Vec<String> = row("nothing".to_owned(), "-", worst, &shown.report.base);
    // Of pairs, only those that somebody should know of.
    let told = |one: &&Outcome| {
        one.contingency.class != Class::OutOfRange || one.verdict == Verdict::NotSecure
    };
    let rows = shown.report.contingencies.iter().filter(told).map(|one| {
        row(one.contingency.to_string(), one.contingency.class.as_str(), one.verdict, &one.features)
    });
    print::table(&header, std::iter::once(base).chain(rows))
}

/// What becomes dearer, slower or worse; none where nothing is known of that.
fn changes(shown: &Shown) -> Option<String> {
    let singles = shown.report.contingencies.iter();
    let singles = singles.filter(|one| one.contingency.class != Class::OutOfRange);
    let rows: Vec<Vec<String>> = singles
        .flat_map(|outcome| {
            outcome.features.iter().filter_map(|one| {
                let change = words::change(one)?;
                Some(vec![outcome.contingency.to_string(), one.feature.to_string(), change])
            })
        })
        .collect();
    (!rows.is_empty()).then(|| print::table(&["LOST", "FEATURE", "CHANGE"], rows))
}
