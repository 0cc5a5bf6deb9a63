//! The decision rule: rows and a gate in, a verdict out.
//!
//! A part passes where its lower bound is above its threshold, fails where its upper bound is
//! below, and else is inconclusive. The whole passes only where every required part does; no
//! correction for many parts is needed for that (Berger 1982, Technometrics 24:295). It fails where
//! any part does; there many slices do need one.

mod finding;
mod guard;
mod invariant;
mod slice;
mod words;

use crate::{
    Invalid,
    gate::{Gate, questions},
    rows::{Item, Rows},
    ruling::{MetricRuling, Ruling, Verdict},
};

/// Judges a candidate. Pure: the same gate and rows, in any order, give the same ruling for ever.
///
/// # Errors
///
/// Where the gate makes no sense, an item is there twice, or a score is out of range. Rows that
/// are missing are no error but a verdict.
pub fn judge(gate: &Gate, items: &[Item]) -> Result<Ruling, Invalid> {
    gate.check()?;
    let rows = Rows::of(items)?;
    if items.is_empty() {
        return Ok(nothing_to_judge(gate));
    }
    let metrics = metrics(gate, &rows);
    let slices = slice::judge_all(gate, &rows);
    let invariants: Vec<_> =
        gate.invariants.iter().map(|metric| invariant::judge(gate, metric, &rows)).collect();
    let guards = guard::judge_all(gate, &rows);
    let metric_parts = metrics.iter().filter(|metric| metric.required);
    let parts: Vec<(Verdict, &str)> = metric_parts
        .map(|metric| (metric.finding.verdict, metric.finding.reason.as_str()))
        .chain(
            slices
                .iter()
                .filter(|slice| slice.judged)
                .map(|slice| (slice.finding.verdict, slice.finding.reason.as_str())),
        )
        .chain(invariants.iter().map(|part| (part.verdict, part.reason.as_str())))
        .chain(guards.iter().map(|part| (part.verdict, part.reason.as_str())))
        .collect();
    let verdict = parts.iter().fold(Verdict::Pass, |all, part| all.and(part.0));
    let deciding = parts.iter().filter(|part| part.0 == verdict);
    let reasons = deciding.map(|part| part.1.to_owned()).collect();
    let (items, alpha) = (items.len(), gate.alpha);
    Ok(Ruling { verdict, reasons, items, alpha, metrics, slices, invariants, guards })
}

fn nothing_to_judge(gate: &Gate) -> Ruling {
    Ruling {
        verdict: Verdict::Error,
        reasons: vec!["there are no rows to judge".to_owned()],
        items: 0,
        alpha: gate.alpha,
        metrics: Vec::new(),
        slices: Vec::new(),
        invariants: Vec::new(),
        guards: Vec::new(),
    }
}

fn metrics(gate: &Gate, rows: &Rows<'_>) -> Vec<MetricRuling> {
    let each = |(metric, rule): (&String, &crate::gate::MetricRule)| {
        let concerned = rows.concerned_by(metric);
        let required = rule.required;
        let asked = questions(rule.margin, rule.at_least).into_iter();
        asked
            .map(|question| MetricRuling {
                metric: metric.clone(),
                required,
                finding: finding::find(
                    gate,
                    &finding::Asked { name: metric, question, metric },
                    &concerned,
                ),
            })
            .collect::<Vec<_>>()
    };
    gate.metrics.iter().flat_map(each).collect()
}
