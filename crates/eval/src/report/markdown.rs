//! Markdown, for the comment under a pull request.

use std::fmt::Write as _;

use super::{Summary, words};
use crate::Arm;

/// Rows of a list that a reader follows.
const ROWS_MAX: usize = 10;

/// The verdict with its reasons, metrics, guards and what fails most.
#[must_use]
pub fn markdown(summary: &Summary) -> String {
    let ruling = &summary.ruling;
    let mut out = format!("### Eval gate: {}\n\n", words::verdict(ruling.verdict));
    let arm = |arm| summary.deployment(arm).map_or_else(|| "nothing".to_owned(), code);
    let _ = writeln!(
        out,
        "{} against {} on {} ({} cases)\n",
        arm(Arm::Candidate),
        arm(Arm::Incumbent),
        code(&summary.run.feature),
        ruling.items
    );
    for reason in &ruling.reasons {
        let _ = writeln!(out, "- {}", plain(reason));
    }
    out.push_str("\n| metric | candidate | incumbent | difference | interval | verdict |\n");
    out.push_str("|---|--:|--:|--:|--:|---|\n");
    let slices = ruling.slices.iter().filter(|slice| slice.judged);
    let slices = slices
        .map(|one| (format!("{}, {}={}", one.metric, one.slice, one.value), true, &one.finding));
    let metrics = ruling.metrics.iter().map(|one| (one.metric.clone(), one.required, &one.finding));
    for (name, required, finding) in metrics.chain(slices) {
        let verdict = if required { words::verdict(finding.verdict) } else { "shown" };
        let _ = writeln!(
            out,
            "| {} | {} | {} | {} | {} | {verdict} |",
            plain(&name),
            words::points(finding.candidate),
            words::points(finding.incumbent),
            words::signed(finding.estimate),
            words::interval(finding.interval),
        );
    }
    let guards = ruling.guards.iter().map(|guard| (&guard.reason, guard.verdict));
    let invariants = ruling.invariants.iter().map(|one| (&one.reason, one.verdict));
    for (reason, verdict) in guards.chain(invariants) {
        let _ = writeln!(out, "\n- {} ({})", plain(reason), words::verdict(verdict));
    }
    for (name, judge) in &summary.judges {
        for reason in &judge.reasons {
            let _ = writeln!(out, "\n- judge {}: {}", code(name), plain(reason));
        }
    }
    out.push_str(&failing(summary));
    let _ = writeln!(
        out,
        "\nIntervals are one-sided bounds at {:.0} %, in points. Spent ${:.4}.",
        (1.0 - ruling.alpha) * 100.0,
        summary.spent_usd
    );
    out
}

fn failing(summary: &Summary) -> String {
    if summary.failing.is_empty() {
        return String::new();
    }
    let mut out = format!(
        "\n<details><summary>{} lost, {} won; what the candidate gets wrong</summary>\n\n",
        summary.lost.len(),
        summary.won.len()
    );
    out.push_str("| class | candidate | incumbent | cases |\n|---|--:|--:|---|\n");
    for cluster in summary.failing.iter().take(ROWS_MAX) {
        let cases: Vec<String> =
            cluster.cases.iter().take(ROWS_MAX).map(|case| plain(case)).collect();
        let more = if cluster.cases.len() > ROWS_MAX { ", …" } else { "" };
        let _ = writeln!(
            out,
            "| {} | {} | {} | {}{more} |",
            plain(&cluster.class),
            cluster.cases.len(),
            cluster.incumbent,
            cases.join(", ")
        );
    }
    out.push_str("\n</details>\n");
    out
}

fn code(text: &str) -> String {
    format!("`{}`", text.replace('`', "'"))
}

/// A text that is no markup, on one line.
fn plain(text: &str) -> String {
    let mut out = String::new();
    for char in text.chars() {
        match char {
            '\n' | '\r' => out.push(' '),
            '<' => out.push_str("&lt;"),
            '&' => out.push_str("&amp;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '#' | '@' | '!' | '~' => {
                out.push('\\');
                out.push(char);
            }
            _ => out.push(char),
        }
    }
    out
}
