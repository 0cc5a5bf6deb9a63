//! Which part of an object is the request, and which its answer.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::super::{node::Place, report::Report};

/// Where a request is within what was logged.
const REQUESTS: [&str; 2] = ["request", "item"];
/// Where its answer is.
const ANSWERS: [&str; 2] = ["response", "completion"];

/// A request with its answer, as far as they were logged.
#[derive(Clone, Debug, Default)]
pub(super) struct Exchange {
    /// The body of the request.
    pub(super) request: Option<Map<String, Value>>,
    /// The body of the answer.
    pub(super) answer: Option<Value>,
    /// What was logged beside the request.
    pub(super) beside: Map<String, Value>,
    /// What a batch calls it.
    custom_id: Option<String>,
    /// The path that it was sent to, where that was logged.
    pub(super) url: Option<String>,
}

impl Exchange {
    pub(super) fn of(value: Value) -> Self {
        let Value::Object(mut all) = inner(value) else { return Self::default() };
        let custom_id = all.get("custom_id").and_then(Value::as_str).map(str::to_owned);
        let url = text(&all, "url").or_else(|| text(all.get("request")?.as_object()?, "url"));
        let answer = ANSWERS.iter().find_map(|key| all.remove(*key)).map(body);
        let wrapped = REQUESTS.iter().find_map(|key| all.remove(*key)).map(body);
        let mut exchange = Self { answer, custom_id, url, ..Self::default() };
        if let Some(Value::Object(request)) = wrapped {
            exchange.request = Some(request);
            exchange.beside = all;
        } else if let Some(Value::Object(request)) = all.remove("body").map(inner) {
            exchange.request = Some(request);
            exchange.beside = all;
        } else if all.contains_key("messages") || all.contains_key("input") {
            exchange.request = Some(all);
        } else {
            exchange.beside = all;
        }
        // A completion that was stored has its request within.
        let request = exchange.request.as_ref();
        if let Some(stored) = request.filter(|_| exchange.answer.is_none())
            && (stored.contains_key("choices") || stored.contains_key("output"))
        {
            exchange.answer = Some(Value::Object(stored.clone()));
        }
        exchange
    }

    /// What is known of it under a name: in its body, beside it, or among its metadata.
    pub(super) fn known(&self, key: &str) -> Option<&Value> {
        let places = [self.request.as_ref(), Some(&self.beside)];
        let all = || places.into_iter().flatten();
        let direct = all().find_map(|place| place.get(key));
        direct.or_else(|| all().find_map(|place| place.get("metadata")?.get(key)))
    }
}

fn text(map: &Map<String, Value>, key: &str) -> Option<String> {
    map.get(key).and_then(Value::as_str).map(str::to_owned)
}

/// A value, also where it was logged as the text of its JSON.
fn inner(value: Value) -> Value {
    match &value {
        Value::String(text) => serde_json::from_str(text).unwrap_or(value),
        _ => value,
    }
}

/// The body of a request or answer, which may be wrapped with its path or status.
fn body(value: Value) -> Value {
    match inner(value) {
        Value::Object(mut all) if all.contains_key("body") => {
            all.remove("body").map(inner).unwrap_or_default()
        }
        other => other,
    }
}

/// Requests, with the answers that batches keep in files of their own.
pub(super) fn joined(
    exchanges: Vec<(Place, Exchange)>,
    report: &mut Report,
) -> Vec<(Place, Exchange)> {
    let (mut requests, rest): (Vec<_>, Vec<_>) =
        exchanges.into_iter().partition(|(_, exchange)| exchange.request.is_some());
    // None where there are several, of which nobody knows which it is.
    let mut answers: BTreeMap<String, Option<Value>> = BTreeMap::new();
    let mut lone: Option<(Place, usize)> = None;
    for (place, exchange) in rest {
        match (exchange.custom_id, exchange.answer) {
            (Some(id), answer) => {
                let answer = answer.filter(|answer| !answer.is_null());
                answers.entry(id).and_modify(|known| *known = None).or_insert(answer);
            }
            (None, _) => lone.get_or_insert((place, 0)).1 += 1,
        }
    }
    for (_, exchange) in &mut requests {
        let answer = exchange.custom_id.as_ref().and_then(|id| answers.get(id));
        exchange.answer = exchange.answer.take().or_else(|| answer.cloned().flatten());
    }
    if let Some((first, count)) = lone {
        let what = format!("left out here first: what is no request ({count})");
        report.lost(&first, what, "a request has `messages` or `input`");
    }
    requests
}
