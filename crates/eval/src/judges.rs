//! What a verdict must know of the judges of a run, and what its rows show of them.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use tieline_gate::{
    agreement::{Orders, PositionBias},
    calibration::Thresholds,
    drift::Drift,
};

use crate::{Check, Grade, Row, Suite, run::RunFile, suite::PASS};

/// A judge of a run, as `run.json` has it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct JudgeFile {
    /// The deployment that is asked.
    pub deployment: String,
    /// The metrics that rest on it; `pass` is one where it counts.
    pub metrics: BTreeSet<String>,
    /// The graders that ask it to compare two answers; those in sets with the ids of the sets
    /// before theirs: `tone/better`.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub pairs: BTreeSet<String>,
    /// Whether it still labelled as it did, when the run began; none where that was not looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drift: Option<Drift>,
    /// What looking at that cost, in dollars.
    #[serde(default)]
    pub spent_usd: f64,
}

/// What is known of a judge after a run.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct JudgeSummary {
    /// The deployment.
    pub deployment: String,
    /// How it ruled on the same two answers in both orders; none where it compared none.
    pub position: Option<PositionBias>,
    /// Whether it labelled as it did when it was calibrated, where that was looked at.
    pub drift: Option<Drift>,
    /// Why nothing may rest on it; empty where it may.
    pub reasons: Vec<String>,
}

impl Suite {
    /// The judges that graders ask, with what rests on them.
    #[must_use]
    pub fn judges(&self) -> BTreeMap<String, JudgeFile> {
        let mut judges: BTreeMap<String, JudgeFile> = BTreeMap::new();
        for check in self.checks.all() {
            for (_, judged) in check.judging() {
                let Some(known) = self.file.judges.get(&judged.judge) else { continue };
                let judge = judges.entry(judged.judge.clone()).or_default();
                judge.deployment.clone_from(&known.deployment);
                judge.metrics.extend(metrics(check));
            }
            for (path, name) in check.pairs() {
                judges.entry(name.to_owned()).or_default().pairs.insert(path);
            }
        }
        judges
    }
}

/// The metrics that a grader is part of.
pub(crate) fn metrics(check: &Check) -> impl Iterator<Item = String> {
    let pass = check.counts().then(|| PASS.to_owned());
    [check.metric.clone()].into_iter().chain(pass)
}

/// What is known of each judge of a run.
#[must_use]
pub(crate) fn seen(run: &RunFile, rows: &[Row]) -> BTreeMap<String, JudgeSummary> {
    let tail = Thresholds::default().tail;
    let summary = |(name, judge): (&String, &JudgeFile)| {
        let mut orders = Vec::new();
        for row in rows.iter().filter(|row| !row.again) {
            row.grades.iter().for_each(|grade| compared(grade, "", &judge.pairs, &mut orders));
        }
        let position = Orders::of(&orders).bias(tail);
        let bias = position.and_then(|position| position.unacceptable());
        let drift = judge.drift.and_then(|drift| drift.reason());
        let summary = JudgeSummary {
            deployment: judge.deployment.clone(),
            position,
            drift: judge.drift,
            reasons: drift.into_iter().chain(bias).collect(),
        };
        (name.clone(), summary)
    };
    run.judges.iter().map(summary).collect()
}

/// What an answer scored as the first and as the second of two, wherever both are known.
fn compared(grade: &Grade, within: &str, pairs: &BTreeSet<String>, orders: &mut Vec<(f64, f64)>) {
    let path = format!("{within}{}", grade.grader);
    match grade.parts.as_slice() {
        [first, second] if pairs.contains(&path) => {
            if first.error.is_none() && second.error.is_none() {
                orders.push((first.score, second.score));
            }
        }
        parts => {
            let within = format!("{path}/");
            parts.iter().for_each(|part| compared(part, &within, pairs, orders));
        }
    }
}

/// The metrics that can neither block nor pass, with why not: those that were known when the run
/// began, and those of judges on whom nothing may rest after it.
pub(crate) fn undecided(run: &RunFile, rows: &[Row]) -> BTreeMap<String, String> {
    let mut undecided = run.undecided.clone();
    for (name, judge) in seen(run, rows).iter().filter(|(_, judge)| !judge.reasons.is_empty()) {
        let why = format!("judge `{name}`: {}", judge.reasons.join("; "));
        let metrics = run.judges.get(name).map(|judge| &judge.metrics).into_iter().flatten();
        for metric in metrics {
            undecided.entry(metric.clone()).or_insert_with(|| why.clone());
        }
    }
    undecided
}
