//! A gate over results of other harnesses, which know metrics that no suite names.

use std::collections::{BTreeMap, BTreeSet};

use super::Unfit;
use crate::{
    Arm, GateFile, MetricGate, Row,
    flaw::nearest,
    run::RunFile,
    suite::{PASS, PASS_MARGIN},
};

/// Declares the gate of a run that is made of results. Where it names no metric, every metric that
/// all arms have may be as much worse as `pass` may in a suite. A metric that only one arm has can
/// decide nothing.
///
/// # Errors
/// The gate asks for something that no result has, or asks nothing of a metric.
pub fn declare(run: RunFile, gate: GateFile, rows: &[Row]) -> Result<RunFile, Unfit> {
    let mut seen: BTreeMap<&str, BTreeSet<Arm>> = BTreeMap::new();
    for row in rows {
        for grade in &row.grades {
            seen.entry(&grade.grader).or_default().insert(row.arm);
        }
    }
    check(&gate, &seen, rows)?;
    let (shared, alone): (BTreeMap<_, _>, BTreeMap<_, _>) =
        seen.into_iter().partition(|(_, arms)| arms.len() == run.arms.len());
    if shared.is_empty() && !alone.is_empty() {
        return Err(Unfit::NoMetric { known: alone.into_keys().map(str::to_owned).collect() });
    }
    let mut gate = gate;
    if gate.metrics.is_empty() {
        let usual = MetricGate { margin: Some(PASS_MARGIN), at_least: None };
        gate.metrics = shared.into_keys().map(|metric| (metric.to_owned(), usual)).collect();
    }
    let undecided = alone.into_iter().filter_map(|(metric, arms)| {
        let arm = arms.first()?;
        Some((metric.to_owned(), format!("only results of the {arm} have it")))
    });
    Ok(RunFile { undecided: undecided.collect(), gate, ..run })
}

/// Whether results can show what is asked for.
fn check(gate: &GateFile, seen: &BTreeMap<&str, BTreeSet<Arm>>, rows: &[Row]) -> Result<(), Unfit> {
    let absent = |what, name: &str, known: &BTreeSet<&str>| Unfit::Absent {
        what,
        name: name.to_owned(),
        hint: nearest(name, known.iter().copied()),
    };
    let metrics: BTreeSet<&str> = seen.keys().copied().chain([PASS]).collect();
    if gate.guards.refusal_delta.is_some() {
        return Err(Unfit::Refusals);
    }
    for (name, rule) in &gate.metrics {
        if !metrics.contains(name.as_str()) {
            return Err(absent("metric", name, &metrics));
        }
        if rule.margin.is_none() && rule.at_least.is_none() {
            return Err(Unfit::Bare { metric: name.clone() });
        }
    }
    let slices: BTreeSet<&str> =
        rows.iter().flat_map(|row| row.slices.keys().map(String::as_str)).collect();
    match gate.slices.keys().find(|name| !slices.contains(name.as_str())) {
        Some(name) => Err(absent("slice", name, &slices)),
        None => Ok(()),
    }
}
