//! Responses to the client: headers that say what happened, errors in its own dialect.

use std::sync::Arc;

use bytes::Bytes;
use http::{
    HeaderMap, HeaderName, HeaderValue, Response, StatusCode,
    header::{CONTENT_TYPE, LOCATION, RETRY_AFTER},
};
use tieline_dialect::{Losses, Style, dialect, events_of, ir::Reply};
use tieline_types::{CallRecord, Class, CostState, DialectId, Fault};

use crate::{
    admit::Call,
    attempt::Reached,
    body::Outgoing,
    headers, recall,
    record::Record,
    relay::Relay,
    release,
    walk::{Answered, By, Walk},
};

/// The longest wait that a client is asked for; some SDKs sleep however long they are told.
const RETRY_AFTER_S_MAX: u64 = 60;
/// After so many seconds a client that was told to come back should look.
const POLL_AFTER_S: u64 = 5;
/// Characters per event when a reply that was not streamed is.
const PIECE_CHARS: usize = 24;
/// How many headers most answers have, at most.
const HEADERS_USUAL: usize = 12;
/// Header values are cut here.
const HEADER_CHARS_MAX: usize = 1024;

/// Sends an answer and closes, or hands on, the books.
pub(crate) fn answer(walk: Walk, answered: Answered, mut record: Record) -> Response<Outgoing> {
    let (call, style) = (&*walk.call, &walk.style);
    let gateway = &walk.worker.gateway;
    let tier = call.feature.tiers.get(answered.tier);
    let acceptable = tier.is_none_or(|tier| tier.acceptable);
    record.note(|books| books.tier = tier.map(|tier| Arc::clone(&tier.name)));
    match answered.by {
        By::Cache(reply, hit) => {
            let mut headers = told(call, &record);
            put(&mut headers, headers::CACHE, &hit.to_string());
            own(call, style, &reply, headers, (record, acceptable))
        }
        By::Tieline(reply) => {
            let headers = told(call, &record);
            own(call, style, &reply, headers, (record, acceptable))
        }
        By::Queue(queued) => {
            let mut headers = told(call, &record);
            put(&mut headers, LOCATION, &queued.location());
            put(&mut headers, RETRY_AFTER, &POLL_AFTER_S.to_string());
            record.accepted(acceptable);
            let body = Outgoing::Whole(queued.shown().into());
            respond(StatusCode::ACCEPTED, headers, "application/json", body)
        }
        By::Deployment { deployment, reached, mut held } => {
            let known = call.plan.plan.deployments.get(deployment);
            record.note(|books| books.deployment = known.map(|known| Arc::clone(&known.id)));
            let mut headers = told(call, &record);
            let content_type = content_type(call.dialect, call.head.stream);
            let body = match *reached {
                Reached::Whole { body, usage, reply, .. } => {
                    held.completed();
                    match &usage {
                        Some(usage) => held.used(usage),
                        None => held.uncounted(),
                    }
                    release::answered(&walk.worker, &walk.call, &record, reply.as_deref());
                    if let Some(reply) = reply.filter(|_| call.keeps_answers()) {
                        recall::keep(gateway, call, *reply);
                    }
                    // Settled before it is on record.
                    drop(held);
                    record.end_attempts(None);
                    cost_header(&mut headers, &record);
                    record.served(acceptable, usage);
                    Outgoing::Whole(body)
                }
                Reached::Stream { withheld, source, ended, .. } => {
                    let stream = (withheld, source, ended);
                    Outgoing::Stream(Relay::new(walk, stream, (record, held), acceptable).into())
                }
            };
            respond(StatusCode::OK, headers, content_type, body)
        }
    }
}

/// Tells the client of a fault and closes the books.
pub(crate) fn refuse(dialect_id: DialectId, fault: &Fault, record: Record) -> Response<Outgoing> {
    let (mut status, body) = dialect(dialect_id).write_error(fault, record.id());
    // A status that the class leaves open: wrong method, unknown encoding, stalled body.
    if let Some(exact @ (405 | 408 | 415)) = fault.status.filter(|_| record.attempts() == 0) {
        status = exact;
    }
    let mut headers = HeaderMap::new();
    record_headers(&mut headers, dialect_id, &record);
    if let Some(wait) = fault.retry_after {
        let seconds = wait.as_secs_f64().ceil().min(RETRY_AFTER_S_MAX as f64);
        put(&mut headers, RETRY_AFTER, &seconds.to_string());
    }
    // The fallbacks have been tried here; an SDK that tries again only multiplies the load.
    let hopeless = record.attempts() > 0
        || matches!(
            fault.class,
            Class::Exhausted
                | Class::CallerAuth
                | Class::CallerDenied
                | Class::OverBudget
                | Class::PolicyDenied
        );
    if hopeless && status != 429 {
        put(&mut headers, headers::SHOULD_RETRY, "false");
    }
    if let Some(id) = &fault.upstream_request_id {
        put(&mut headers, headers::UPSTREAM_REQUEST_ID, id);
    }
    let code = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let told = &fault.message;
    tracing::info!(request = record.id(), class = %fault.class, status, "refused: {told}");
    record.failed(fault, status, None);
    respond(code, headers, "application/json", Outgoing::Whole(body.into()))
}

/// A response without books: health, model lists, token counts.
pub(crate) fn plain(status: StatusCode, body: Vec<u8>) -> Response<Outgoing> {
    respond(status, HeaderMap::new(), "application/json", Outgoing::Whole(body.into()))
}

/// A refusal without books.
pub(crate) fn plain_refusal(dialect_id: DialectId, fault: &Fault, id: &str) -> Response<Outgoing> {
    let (status, body) = dialect(dialect_id).write_error(fault, id);
    let status = fault.status.filter(|status| matches!(status, 405 | 409)).unwrap_or(status);
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = plain(status, body);
    id_headers(response.headers_mut(), dialect_id, id);
    response
}

/// Sends a reply that no deployment was asked for.
fn own(
    call: &Call,
    style: &Style,
    reply: &Reply,
    headers: HeaderMap,
    (record, acceptable): (Record, bool),
) -> Response<Outgoing> {
    let (body, streamed) = render(call, style, reply);
    record.served(acceptable, None);
    let content_type = content_type(call.dialect, streamed);
    respond(StatusCode::OK, headers, content_type, Outgoing::Whole(body))
}

/// A reply of Tieline's own in the client's dialect, whole or as a finished stream.
pub(crate) fn render(call: &Call, style: &Style, reply: &Reply) -> (Bytes, bool) {
    let client = dialect(call.dialect);
    if !call.head.stream {
        let mut losses = Losses::default();
        return (client.write_response(reply, style, &mut losses).into(), false);
    }
    let mut writer = client.write_events(style);
    let mut out = Vec::new();
    for event in events_of(reply, PIECE_CHARS) {
        writer.write(&event, &mut out);
    }
    (out.into(), true)
}

/// The headers that say what happened.
fn told(call: &Call, record: &Record) -> HeaderMap {
    let mut headers = HeaderMap::with_capacity(HEADERS_USUAL);
    record_headers(&mut headers, call.dialect, record);
    headers
}

fn record_headers(headers: &mut HeaderMap, dialect_id: DialectId, record: &Record) {
    id_headers(headers, dialect_id, record.id());
    put(headers, headers::ATTEMPTS, &record.attempts().to_string());
    let Some(call) = record.call() else {
        return;
    };
    if !call.feature.is_empty() {
        put(headers, headers::FEATURE, &call.feature);
    }
    if let Some(drilled) = &record.drilled {
        put(headers, headers::DRILL, drilled.name());
    }
    if let Some(decision) = &call.decision {
        put(headers, headers::DECISION, &decision.id);
    }
    if let Some(tier) = &call.tier {
        put(headers, headers::TIER, tier);
    }
    if let Some(deployment) = &call.deployment {
        put(headers, headers::DEPLOYMENT, deployment);
    }
    if !call.losses.is_empty() {
        put(headers, headers::LOSS, &call.losses.join(", "));
    }
    if let Some(id) = record.upstream_request_id() {
        put(headers, headers::UPSTREAM_REQUEST_ID, id);
    }
}

/// What the request cost, where that is known; anything but the exact and whole cost says so, and
/// is no number on its own.
fn cost_header(headers: &mut HeaderMap, record: &Record) {
    let Some(cost) = record.call().and_then(CallRecord::cost) else {
        return;
    };
    let value = match cost.state {
        CostState::Priced => cost.usd.to_string(),
        CostState::Estimated | CostState::Partial => {
            format!("{}; {}", cost.usd, cost.state.as_str())
        }
        CostState::Unpriced => return,
    };
    put(headers, headers::COST_USD, &value);
}

/// The request id, under our name and the one that the dialect's SDKs show.
fn id_headers(headers: &mut HeaderMap, dialect_id: DialectId, id: &str) {
    let own_name = match dialect_id {
        DialectId::OpenaiChat | DialectId::OpenaiResponses => {
            HeaderName::from_static("x-request-id")
        }
        DialectId::AnthropicMessages => HeaderName::from_static("request-id"),
        DialectId::BedrockConverse => HeaderName::from_static("x-amzn-requestid"),
    };
    put(headers, own_name, id);
    put(headers, headers::REQUEST_ID, id);
}

fn content_type(dialect_id: DialectId, stream: bool) -> &'static str {
    if stream { dialect(dialect_id).framing().content_type() } else { "application/json" }
}

fn respond(
    status: StatusCode,
    headers: HeaderMap,
    content_type: &'static str,
    body: Outgoing,
) -> Response<Outgoing> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

/// Sets a header; what cannot stand in one is replaced, what is too long is cut.
fn put(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    let exact = (value.len() <= HEADER_CHARS_MAX).then(|| HeaderValue::from_str(value).ok());
    let value = exact.flatten().unwrap_or_else(|| {
        let clean = |char: char| if matches!(char, ' '..='~') { char } else { '?' };
        let safe: String = value.chars().take(HEADER_CHARS_MAX).map(clean).collect();
        HeaderValue::try_from(safe).unwrap_or(HeaderValue::from_static("?"))
    });
    headers.insert(name, value);
}
