//! What scripts and programs give for an answer.

use serde_json::{Map, Value};

use super::mark::{Broken, Mark, unit};

/// Reads true or false, a score, or `{pass, score, reason}`.
///
/// A score passes from the threshold on, and above 0 where there is none. An object's `pass` counts
/// whatever its score.
pub(super) fn read(given: &Value, threshold: Option<f64>) -> Result<Mark, Broken> {
    match given {
        Value::Bool(pass) => Ok(Mark::of(*pass, format!("it gave {pass}"))),
        Value::Number(score) => {
            let score = score.as_f64().unwrap_or_default();
            Ok(marked(score, passes(score, threshold), &format!("it gave {score}")))
        }
        Value::Object(fields) => read_fields(fields, threshold),
        other => Err(wrong(other)),
    }
}

fn read_fields(fields: &Map<String, Value>, threshold: Option<f64>) -> Result<Mark, Broken> {
    // Python cannot name a variable `pass`.
    let pass = fields.get("pass").or_else(|| fields.get("pass_")).and_then(Value::as_bool);
    let score = fields.get("score").and_then(Value::as_f64);
    let reason = fields.get("reason").and_then(Value::as_str).unwrap_or_default();
    match (pass, score) {
        (Some(pass), None) => Ok(Mark::of(pass, reason)),
        (Some(pass), Some(score)) => Ok(marked(score, pass, reason)),
        (None, Some(score)) => Ok(marked(score, passes(score, threshold), reason)),
        (None, None) => Err(wrong(&Value::Object(fields.clone()))),
    }
}

fn passes(score: f64, threshold: Option<f64>) -> bool {
    threshold.map_or(score > 0.0, |threshold| score >= threshold)
}

fn marked(score: f64, pass: bool, reason: &str) -> Mark {
    Mark { pass, score: unit(score), reason: reason.to_owned(), settled: false }
}

fn wrong(given: &Value) -> Broken {
    let given = given.to_string();
    let given = super::mark::quoted(&given);
    Broken(format!("expected true or false, a score, or {{pass, score, reason}}, got {given}"))
}
