//! Decisions for people: who was weighed, and what was to be tried in which order.

use tieline_types::{PlannedStep, WeighedCandidate};

use crate::{
    print::{self, or_dash},
    when,
};

/// Every candidate with its verdict, and with what was known of it where its tier weighed anything.
pub(crate) fn candidates(candidates: &[WeighedCandidate]) -> String {
    let first = |ms: Option<u64>, of: Option<&str>| {
        let lapse = |ms: u64| when::lapse(ms.saturating_mul(1_000));
        let with_size = |ms| of.map_or_else(|| lapse(ms), |of| format!("{} ({of})", lapse(ms)));
        or_dash(ms.map(with_size))
    };
    let rows = candidates.iter().map(|one| {
        vec![
            one.tier.to_string(),
            one.deployment.to_string(),
            one.verdict.replace('_', " "),
            or_dash(one.usd.map(|usd| format!("${usd}"))),
            first(one.ttft_ms, one.ttft_of.as_deref()),
            first(one.ttft_p95_ms, one.ttft_p95_of.as_deref()),
            or_dash(one.quality),
            or_dash(one.score.map(|score| format!("{score:.3}"))),
        ]
    });
    let header =
        ["TIER", "CANDIDATE", "VERDICT", "EXPECTED", "FIRST", "FIRST P95", "QUALITY", "SCORE"];
    print::table(&header, rows)
}

/// Whether anything is known of candidates but their verdicts.
pub(crate) fn is_weighed(candidates: &[WeighedCandidate]) -> bool {
    candidates.iter().any(|one| {
        let known = one.usd.is_some() || one.quality.is_some() || one.score.is_some();
        known || one.ttft_ms.is_some() || one.ttft_p95_ms.is_some()
    })
}

/// What is to be tried, in order.
pub(crate) fn plan(steps: &[PlannedStep]) -> String {
    let rows = steps.iter().zip(1..).map(|(step, number)| {
        let does = match &*step.does {
            "call" => step.deployment.as_deref().unwrap_or_default(),
            "cache" => "an earlier answer",
            "queue" => "kept to be answered later",
            "reply" => "a fixed answer",
            _ => "refused: switched off",
        };
        vec![number.to_string(), step.tier.to_string(), does.to_owned()]
    });
    print::table(&["TRY", "TIER", "WHAT ANSWERS"], rows)
}
