//! Slices: each value of each key has a test of its own, and false alarms are kept few.

use std::collections::BTreeSet;

use super::finding::{Asked, find};
use crate::{
    gate::{Gate, SliceRule, questions},
    multiple::holm,
    rows::{Row, Rows},
    ruling::{SliceRuling, Verdict},
};

/// Every slice's ruling, those that are judged first and the worst of them first.
pub(super) fn judge_all(gate: &Gate, rows: &Rows<'_>) -> Vec<SliceRuling> {
    let mut rulings: Vec<SliceRuling> =
        gate.slices.iter().flat_map(|(slice, rule)| of_key(gate, slice, rule, rows)).collect();
    keep_alarms_few(gate.alpha, &mut rulings);
    rulings.sort_by(|a, b| {
        let estimate = a.finding.estimate.total_cmp(&b.finding.estimate);
        b.judged.cmp(&a.judged).then(estimate)
    });
    rulings
}

fn of_key(gate: &Gate, slice: &str, rule: &SliceRule, rows: &Rows<'_>) -> Vec<SliceRuling> {
    let values: BTreeSet<&String> =
        rows.rows.iter().filter_map(|row| row.item.slices.get(slice)).collect();
    let required = || gate.metrics.iter().filter(|(_, rule)| rule.required);
    let mut rulings = Vec::new();
    for value in values {
        for (metric, _) in required() {
            let within: Vec<Row<'_>> = rows
                .concerned_by(metric)
                .into_iter()
                .filter(|row| row.item.slices.get(slice) == Some(value))
                .collect();
            if within.is_empty() {
                continue;
            }
            for question in questions(rule.margin, rule.at_least) {
                let name = format!("{metric} on {slice} {value}");
                let finding = find(gate, &Asked { name: &name, metric, question }, &within);
                rulings.push(SliceRuling {
                    slice: slice.to_owned(),
                    value: value.clone(),
                    metric: metric.clone(),
                    judged: within.len() >= rule.min_n,
                    finding,
                });
            }
        }
    }
    rulings
}

/// A slice fails the gate only if its alarm stands among those of all slices together (Holm): of
/// twenty good ones, one would look bad by chance.
fn keep_alarms_few(alpha: f64, rulings: &mut [SliceRuling]) {
    let p_values: Vec<f64> = rulings
        .iter()
        .filter(|ruling| ruling.judged)
        .map(|ruling| ruling.finding.p_worse)
        .collect();
    let judged = rulings.iter_mut().filter(|ruling| ruling.judged);
    for (ruling, p) in judged.zip(holm(&p_values)) {
        let finding = &mut ruling.finding;
        if finding.verdict == Verdict::Fail && p > alpha {
            finding.verdict = Verdict::Inconclusive;
            finding.reason = format!(
                "{}; among {} tests of slices this may be chance (p {p:.3} by Holm)",
                finding.reason,
                p_values.len()
            );
        }
    }
}
