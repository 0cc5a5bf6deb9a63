//! The digest by which results belong to a suite.

use serde_json::json;
use tieline_gate::attest::Digest;

use super::SuiteFile;
use crate::Case;

/// SHA-256, in hexadecimal, of everything that decides a verdict.
pub(super) fn of(file: &SuiteFile, cases: &[Case], calibrations: &[String]) -> String {
    let all = json!({
        "feature": file.feature,
        "prompt": file.prompt,
        "judges": file.judges,
        "calibrations": calibrations,
        "graders": file.graders,
        "gate": file.gate,
        "repeats": file.run.repeats,
        "cases": cases,
    });
    Digest::of_json(&all).to_string()
}
