//! Reading what a judge said. What cannot be read is an error and never a verdict.

use serde_json::{Map, Value};

use crate::grade::{
    json::within,
    mark::{Broken, quoted},
};

/// The last object in a text that has one of some keys: what a judge quotes comes before its verdict.
pub(super) fn last_object(text: &str, keys: &[&str]) -> Option<Map<String, Value>> {
    let has_key = |object: &Map<String, Value>| keys.iter().any(|key| object.contains_key(*key));
    let objects = within(text).into_iter().filter_map(|value| match value {
        Value::Object(object) => Some(object),
        _ => None,
    });
    objects.rev().find(has_key)
}

/// What a verdict by a rubric says.
#[derive(Debug, PartialEq)]
pub(super) struct Verdict {
    pub(super) pass: Option<bool>,
    pub(super) score: Option<f64>,
    pub(super) reason: String,
}

/// Reads `{reason, pass, score}`, of which `pass` or `score` must be there; a number alone is a
/// score.
pub(super) fn read(text: &str) -> Result<Verdict, Broken> {
    let unreadable = || Broken(format!("the judge gave no verdict: {}", quoted(text)));
    if let Ok(score) = text.trim().parse::<f64>() {
        return Ok(Verdict { pass: None, score: Some(score), reason: String::new() });
    }
    let object = last_object(text, &["pass", "score", "result"]).ok_or_else(unreadable)?;
    let pass = object.get("pass").and_then(truth);
    let score = object.get("score").or_else(|| object.get("result")).and_then(number);
    if pass.is_none() && score.is_none() {
        return Err(unreadable());
    }
    let reason = object.get("reason").and_then(Value::as_str).unwrap_or_default().to_owned();
    Ok(Verdict { pass, score, reason })
}

fn truth(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(pass) => Some(*pass),
        Value::String(word) => match word.trim().to_lowercase().as_str() {
            "true" | "yes" | "pass" | "y" => Some(true),
            "false" | "no" | "fail" | "n" => Some(false),
            _ => None,
        },
        _ => None,
    }
}

fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}
