//! Reports of drills for terminals.

use std::{fmt::Write as _, time::Duration};

use tieline_drill::{Figures, Report, Verdict};

use crate::print;

/// A report: what was expected and found, and what features got.
pub(super) fn report(report: &Report) -> String {
    let mut text = format!("{}  {}\n", report.drill, verdict(report.verdict));
    if !report.hypothesis.is_empty() {
        // Writing to a text cannot fail.
        let _ = writeln!(text, "{}", report.hypothesis);
    }
    let checks = report.checks.iter().map(|check| {
        let mark = if check.passed { "ok" } else { "FAILED" };
        vec![mark.to_owned(), check.expected.clone(), check.observed.clone()]
    });
    let _ = writeln!(text, "\n{}", print::table(&["", "EXPECTED", "FOUND"], checks));
    let header = ["FEATURE", "REQUESTS", "SERVED", "DEGRADED", "FAILED", "AVAILABLE", "BEST TIER"];
    let _ = writeln!(text, "\n{}", print::table(&header, report.figures.iter().map(figures)));
    let calls = report.amplification.map_or_else(|| "-".to_owned(), |calls| format!("{calls:.3}"));
    let _ = writeln!(
        text,
        "\n{} of simulated time, {calls} upstream calls a request, event log {}",
        length(report.length_s),
        report.log_sha256.get(..12).unwrap_or_default()
    );
    text
}

fn figures(one: &Figures) -> Vec<String> {
    let share = |share: Option<f64>| share.map(|share| format!("{:.2} %", 100.0 * share));
    vec![
        one.feature.clone(),
        one.requests.to_string(),
        one.served.to_string(),
        one.degraded.to_string(),
        one.failed.to_string(),
        print::or_dash(share(one.availability)),
        print::or_dash(share(one.tier0_share)),
    ]
}

/// The last line: how many drills showed what they were to show.
pub(super) fn closing(reports: &[Report], took: Duration) -> String {
    let passed = reports.iter().filter(|report| report.verdict == Verdict::Pass).count();
    let simulated = reports.iter().map(|report| report.length_s).sum();
    format!(
        "{passed} of {} passed: {} simulated in {:.1} s",
        print::counted(reports.len(), "drill"),
        length(simulated),
        took.as_secs_f64()
    )
}

/// A verdict in capitals.
pub(super) const fn verdict(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Pass => "PASS",
        Verdict::Fail => "FAIL",
    }
}

/// `14 h`, `1 h 18 min`, `90 s`
pub(super) fn length(seconds: u64) -> String {
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7200 => format!("{} min", seconds.div_ceil(60)),
        _ if seconds % 3600 < 60 => format!("{} h", seconds / 3600),
        _ => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
    }
}
