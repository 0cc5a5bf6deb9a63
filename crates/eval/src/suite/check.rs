//! What must hold in a suite beyond its form.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use tieline_gate::attest::Digest;

use super::{
    SuiteFile,
    calibration::{self, Calibrated},
    gate::PASS,
    read::Files,
    yaml::step,
};
use crate::{Case, Checks, flaw::Flaws};

/// Makes all graders ready.
pub(super) fn checks(file: &SuiteFile, cases: &[Case], flaws: &mut Flaws) -> Checks {
    let inline = cases.len().saturating_sub(file.cases.len());
    let graded =
        file.graders.len() + file.cases.iter().map(|case| case.graders.len()).sum::<usize>();
    if graded == 0 {
        let hint = "without one every answer would pass";
        flaws.add_with_hint("", "expected at least one grader", hint);
    }
    Checks::new(&file.graders, cases.iter().skip(inline), &file.judges, flaws)
}

/// What judges are calibrated by.
#[derive(Default)]
pub(super) struct Calibrations {
    /// Of the files.
    pub(super) digests: Vec<String>,
    /// By judge.
    pub(super) found: BTreeMap<String, Calibrated>,
}

/// Checks the judges and reads what they are calibrated by.
pub(super) fn calibrations(
    file: &SuiteFile,
    folder: &Path,
    files: &dyn Files,
    flaws: &mut Flaws,
) -> Calibrations {
    let mut all = Calibrations::default();
    for (name, judge) in &file.judges {
        let at = format!("/judges{}", step(name));
        if judge.deployment.is_empty() {
            flaws.add(&format!("{at}/deployment"), "expected a deployment: `MODEL@PROVIDER`");
        }
        if let Some(prompt) = &judge.prompt {
            flaws.template(&format!("{at}/prompt"), prompt);
        }
        let Some(labels) = &judge.calibration else { continue };
        let path = folder.join(labels);
        let read = files.read(&path).map_err(|error| error.to_string());
        match read
            .and_then(|bytes| Ok((Digest::of(&bytes).to_string(), calibration::read(&bytes)?)))
        {
            Ok((digest, found)) => {
                all.digests.push(digest);
                all.found.insert(name.clone(), found);
            }
            Err(what) => {
                let what = format!("`{}`: {what}", path.display());
                flaws.add(&format!("{at}/calibration"), what);
            }
        }
    }
    all
}

/// Checks everything that is not a case, a grader, a judge or the prompt.
pub(super) fn rest(file: &SuiteFile, cases: &[Case], checks: &Checks, flaws: &mut Flaws) {
    if file.feature.is_empty() {
        flaws.add("/feature", "expected the name of a feature");
    }
    if file.run.budget_usd.is_some_and(|budget| !(budget > 0.0 && budget.is_finite())) {
        flaws.add("/run/budget_usd", "expected dollars above 0");
    }
    for (index, case) in file.cases.iter().enumerate() {
        if case.threshold.is_some_and(|threshold| !(0.0..=1.0).contains(&threshold)) {
            let at = format!("/cases/{index}/threshold");
            flaws.add(&at, "a threshold is a number from 0 to 1, as scores are");
        }
    }
    gate(file, cases, checks, flaws);
}

/// The gate asks of nothing that is not there.
fn gate(file: &SuiteFile, cases: &[Case], checks: &Checks, flaws: &mut Flaws) {
    let metrics: BTreeSet<&str> = checks.metrics().chain([PASS]).collect();
    for (name, metric) in &file.gate.metrics {
        let at = format!("/gate/metrics{}", step(name));
        if !metrics.contains(name.as_str()) {
            flaws.unknown(&at, "metric", name, metrics.iter().copied());
        }
        if metric.margin.is_none() && metric.at_least.is_none() {
            flaws.add(&at, "expected `margin`, `at_least` or both");
        }
    }
    let slices: BTreeSet<&str> =
        cases.iter().flat_map(|case| case.slices.keys().map(String::as_str)).collect();
    for name in file.gate.slices.keys().filter(|name| !slices.contains(name.as_str())) {
        let at = format!("/gate/slices{}", step(name));
        flaws.unknown(&at, "slice", name, slices.iter().copied());
    }
    let ids: BTreeSet<&str> = cases.iter().map(|case| case.id.as_str()).collect();
    for (index, id) in file.gate.quarantine.iter().enumerate() {
        if !ids.contains(id.as_str()) {
            flaws.add(&format!("/gate/quarantine/{index}"), format!("there is no case `{id}`"));
        }
    }
}
