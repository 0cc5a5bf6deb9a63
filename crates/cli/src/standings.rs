//! Standings for people: what evals and releases say of candidates.

use serde_json::Value;

use crate::{
    print::{self, or_dash},
    when,
};

/// A table of standings as JSON has them; none where there are none.
pub(crate) fn table(standings: &[Value]) -> Option<String> {
    let header = ["FEATURE", "TIER", "CANDIDATE", "ROLE", "EVALS", "ATTESTATION", "UNTIL", "NOTE"];
    (!standings.is_empty()).then(|| print::table(&header, standings.iter().map(row)))
}

fn row(one: &Value) -> Vec<String> {
    let text = |key: &str| one.get(key).and_then(Value::as_str).unwrap_or_default();
    let attestation = one.get("attestation").filter(|attestation| !attestation.is_null());
    let of = |key: &str| attestation.and_then(|attestation| attestation.get(key));
    let valid = of("state").and_then(Value::as_str) == Some("valid");
    let until = of("expires_ms").and_then(Value::as_u64).filter(|_| valid).map(when::written);
    let why = of("why").and_then(Value::as_str);
    let alarm = one.get("alarm").and_then(Value::as_str);
    vec![
        text("feature").to_owned(),
        text("tier").to_owned(),
        text("deployment").to_owned(),
        text("role").replace('_', " "),
        text("require").to_owned(),
        or_dash(of("state").and_then(Value::as_str)),
        or_dash(until),
        or_dash(alarm.or(why)),
    ]
}
