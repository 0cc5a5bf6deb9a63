//! The digest by which results belong to a suite.

use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

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
    hex(sorted(all).to_string().as_bytes())
}

/// SHA-256 in hexadecimal.
pub(super) fn hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The value with the keys of all objects in order.
fn sorted(value: Value) -> Value {
    match value {
        Value::Array(items) => items.into_iter().map(sorted).collect(),
        Value::Object(entries) => {
            let mut entries: Vec<(String, Value)> = entries.into_iter().collect();
            entries.sort_by(|(one, _), (other, _)| one.cmp(other));
            let entries = entries.into_iter().map(|(key, value)| (key, sorted(value)));
            Value::Object(entries.collect::<Map<String, Value>>())
        }
        other => other,
    }
}
