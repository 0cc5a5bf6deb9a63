//! What a run found, for a terminal.

use tieline_eval::{
    Arm, JudgeSummary,
    report::{ArmSummary, Summary, interval, points, signed, verdict},
};
use tieline_gate::{Finding, Question, Verdict, agreement::Estimate};

use crate::print::{self, counted, or_dash};

/// Rows of a list that a reader follows.
const ROWS_MAX: usize = 8;

/// A verdict in a word.
pub(super) const fn word(of: Verdict) -> &'static str {
    verdict(of)
}

/// The whole summary.
pub(super) fn summary(summary: &Summary) -> String {
    let ruling = &summary.ruling;
    let mut reasons = vec![format!("{}  {}", word(ruling.verdict), what(summary))];
    reasons.extend(ruling.reasons.iter().map(|reason| format!("  {reason}")));
    let partial = summary.run.partial.iter().map(|line| format!("  the suite lacks: {line}"));
    reasons.extend(partial);
    let parts = [
        Some(reasons.join("\n")),
        Some(findings(summary)),
        guards(summary),
        judges(summary),
        Some(arms(summary)),
        failing(summary),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join("\n\n")
}

fn what(summary: &Summary) -> String {
    let deployment = |arm| or_dash(summary.deployment(arm));
    format!(
        "{} against {} for {}, {}",
        deployment(Arm::Candidate),
        deployment(Arm::Incumbent),
        summary.run.feature,
        counted(summary.ruling.items, "case")
    )
}

fn findings(summary: &Summary) -> String {
    let row = |name: String, shown: bool, finding: &Finding| {
        let asked = match finding.question {
            Question::NonInferior(margin) => signed(-margin),
            Question::AtLeast(rate) => format!("above {}", points(Some(rate))),
        };
        let more = finding.items_missing.filter(|missing| *missing > 0);
        [
            name,
            points(finding.candidate),
            points(finding.incumbent),
            signed(finding.estimate),
            interval(finding.interval),
            asked,
            if shown { "(shown)" } else { word(finding.verdict) }.to_owned(),
            or_dash(more.filter(|_| finding.verdict == Verdict::Inconclusive)),
        ]
    };
    let metrics = summary.ruling.metrics.iter();
    let metrics = metrics.map(|one| row(one.metric.clone(), !one.required, &one.finding));
    let slices = summary.ruling.slices.iter().map(|one| {
        let name = format!("{} {}={}", one.metric, one.slice, one.value);
        row(name, !one.judged, &one.finding)
    });
    let header = [
        "METRIC",
        "CANDIDATE",
        "INCUMBENT",
        "DIFFERENCE",
        "INTERVAL",
        "MARGIN",
        "VERDICT",
        "CASES LACKING",
    ];
    print::table(&header, metrics.chain(slices))
}

fn guards(summary: &Summary) -> Option<String> {
    let guards = summary.ruling.guards.iter().map(|one| (one.verdict, &one.reason));
    let invariants = summary.ruling.invariants.iter().map(|one| (one.verdict, &one.reason));
    let rows: Vec<[String; 2]> = guards
        .chain(invariants)
        .map(|(verdict, reason)| [reason.clone(), word(verdict).to_owned()])
        .collect();
    (!rows.is_empty()).then(|| print::table(&["GUARDS AND INVARIANTS", "VERDICT"], rows))
}

fn judges(summary: &Summary) -> Option<String> {
    let rows: Vec<[String; 5]> = judged(summary).collect();
    (!rows.is_empty()).then(|| print::table(&JUDGED, rows))
}

/// What is told of each judge.
pub(super) const JUDGED: [&str; 5] =
    ["JUDGE", "BOTH ORDERS ALIKE", "FOR THE FIRST", "LABELS AS CALIBRATED", ""];

/// The same of all judges of whom something is known.
pub(super) fn judged(summary: &Summary) -> impl Iterator<Item = [String; 5]> {
    let share = |estimate: Option<Estimate>| {
        or_dash(estimate.map(|Estimate { estimate, interval }| {
            let (lower, upper) = (interval.lower * 100.0, interval.upper * 100.0);
            format!("{:.0} % ({lower:.0} to {upper:.0})", estimate * 100.0)
        }))
    };
    let known = |judge: &&JudgeSummary| judge.position.is_some() || judge.drift.is_some();
    let judges = summary.judges.iter().filter(move |(_, judge)| known(judge));
    judges.map(move |(name, judge)| {
        let position = judge.position;
        [
            format!("{name} ({})", judge.deployment),
            share(position.map(|position| position.consistency)),
            share(position.and_then(|position| position.first_position)),
            share(judge.drift.and_then(|drift| drift.alike)),
            judge.reasons.join("; "),
        ]
    })
}

fn arms(summary: &Summary) -> String {
    let rows = summary.arms.iter().map(|(arm, of)| {
        let ArmSummary {
            deployment,
            asked,
            answered,
            cached,
            usd,
            p50_ms,
            p95_ms,
            ttft_p95_ms,
            ..
        } = of;
        let ms = |time: &Option<f64>| or_dash(time.map(|ms| format!("{ms:.0}ms")));
        let troubles: Vec<String> =
            of.troubles.iter().map(|(class, count)| format!("{count} {class}")).collect();
        [
            arm.to_string(),
            deployment.clone(),
            asked.to_string(),
            answered.to_string(),
            of.passed.to_string(),
            cached.to_string(),
            or_dash(usd.map(|usd| format!("{usd:.6}"))),
            ms(p50_ms),
            ms(p95_ms),
            ms(ttft_p95_ms),
            or_dash(Some(troubles.join(", ")).filter(|text| !text.is_empty())),
        ]
    });
    let header = [
        "ARM",
        "DEPLOYMENT",
        "ASKED",
        "ANSWERED",
        "PASSED",
        "CACHED",
        "USD EACH",
        "P50",
        "P95",
        "FIRST P95",
        "TROUBLES",
    ];
    format!("{}\nspent ${:.4}", print::table(&header, rows), summary.spent_usd)
}

fn failing(summary: &Summary) -> Option<String> {
    let rows = summary.failing.iter().take(ROWS_MAX).map(|cluster| {
        let mut cases = cluster.cases.iter().take(ROWS_MAX).cloned().collect::<Vec<_>>().join(" ");
        if cluster.cases.len() > ROWS_MAX {
            cases.push_str(" …");
        }
        let count = cluster.cases.len().to_string();
        [cluster.class.clone(), count, cluster.incumbent.to_string(), cases]
    });
    let table = print::table(&["FAILS", "CANDIDATE", "INCUMBENT", "CASES OF THE CANDIDATE"], rows);
    let (lost, won) = (counted(summary.lost.len(), "case"), summary.won.len());
    (!summary.failing.is_empty()).then(|| format!("{table}\n{lost} lost, {won} won"))
}
