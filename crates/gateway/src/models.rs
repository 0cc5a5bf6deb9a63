//! `GET /v1/models`: what a caller may name in `model`, in both SDKs' shapes at once.

use std::sync::Arc;

use http::{Request, Response, StatusCode};
use serde_json::{Value, json};
use tieline_types::{Class, DialectId, Fault};

use crate::{admit, body::Outgoing, gateway::Gateway, respond};

/// When every model is said to have been made: Tieline knows no release dates.
const CREATED: &str = "1970-01-01T00:00:00Z";

/// Answers with the list, or with the one that the path names.
pub(crate) fn serve<B>(
    gateway: &Arc<Gateway>,
    dialect: DialectId,
    request: &Request<B>,
) -> Response<Outgoing> {
    let id = gateway.request_id(&mut gateway.rng());
    let caller = match admit::caller(gateway, request.headers()) {
        Ok(caller) => caller,
        Err(fault) => return respond::plain_refusal(dialect, &fault, &id),
    };
    let plan = gateway.plan();
    let mut names = plan.plan.features.keys().filter(|name| caller.allows(name));
    let one = request.uri().path().split_once("/v1/models/").map(|(_, name)| decoded(name));
    let answer = match one {
        None => list(&names.map(|name| model(name)).collect::<Vec<_>>()),
        Some(wanted) => match names.find(|name| name.as_ref() == wanted) {
            Some(name) => model(name),
            None => {
                let fault = Fault::new(Class::NotFound, format!("there is no model `{wanted}`"));
                return respond::plain_refusal(dialect, &fault, &id);
            }
        },
    };
    respond::plain(StatusCode::OK, answer.to_string().into_bytes())
}

/// One object that satisfies both OpenAI's and Anthropic's SDKs.
fn model(name: &str) -> Value {
    json!({
        "id": name, "object": "model", "created": 0, "owned_by": "tieline",
        "type": "model", "display_name": name, "created_at": CREATED,
    })
}

fn list(models: &[Value]) -> Value {
    let id = |model: Option<&Value>| model.and_then(|model| model.get("id")).cloned();
    let (first, last) = (id(models.first()), id(models.last()));
    json!({
        "object": "list", "data": models, "has_more": false, "first_id": first, "last_id": last,
    })
}

/// Percent-decodes a path segment.
fn decoded(segment: &str) -> String {
    let mut bytes = Vec::with_capacity(segment.len());
    let mut rest = segment.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        let escape = tail.get(..2).and_then(|hex| std::str::from_utf8(hex).ok());
        match escape.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(byte) if *first == b'%' => {
                bytes.push(byte);
                rest = tail.get(2..).unwrap_or_default();
            }
            _ => {
                bytes.push(*first);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
