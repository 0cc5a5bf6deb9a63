//! Errors: `{"error":{"message","type","param","code"}}` (OpenAI API reference, "Error codes").
//!
//! What a code, a type or a phrase means is data: the tables below.

use http::HeaderMap;
use serde_json::{Value, json};
use tieline_types::{Class, Fault, Phase};

use crate::{
    class_of_status,
    error::{fault_of, quote_body},
    json::bytes,
};

/// What each `error.code` means, those of Azure and of moderation included.
const CODES: [(&str, Class); 38] = [
    ("insufficient_quota", Class::Billing),
    ("credit_balance_exhausted", Class::Billing),
    ("billing_hard_limit_reached", Class::Billing),
    ("billing_not_active", Class::Billing),
    ("organization_spend_limit_exceeded", Class::Billing),
    ("organization_usage_limit_exceeded", Class::Billing),
    ("project_spend_limit_exceeded", Class::Billing),
    ("rate_limit_exceeded", Class::RateLimited),
    ("slow_down", Class::RateLimited),
    ("too_many_requests", Class::RateLimited),
    ("server_is_overloaded", Class::Overloaded),
    ("engine_overloaded", Class::Overloaded),
    ("model_overloaded", Class::Overloaded),
    ("context_length_exceeded", Class::ContextOverflow),
    ("request_too_large", Class::TooLarge),
    ("content_filter", Class::PolicyBlock),
    ("content_policy_violation", Class::PolicyBlock),
    ("moderation_blocked", Class::PolicyBlock),
    ("image_content_policy_violation", Class::PolicyBlock),
    ("ResponsibleAIPolicyViolation", Class::PolicyBlock),
    ("invalid_prompt", Class::PolicyBlock),
    ("bio_policy", Class::PolicyBlock),
    ("cyber_policy", Class::PolicyBlock),
    ("misalignment_policy_violation", Class::PolicyBlock),
    ("model_not_found", Class::UnsupportedHere),
    ("DeploymentNotFound", Class::UnsupportedHere),
    ("unsupported_model", Class::UnsupportedHere),
    ("unsupported_parameter", Class::UnsupportedHere),
    ("unsupported_value", Class::UnsupportedHere),
    ("unknown_parameter", Class::UnsupportedHere),
    ("OperationNotSupported", Class::UnsupportedHere),
    ("data_residency_mismatch", Class::UnsupportedHere),
    ("invalid_api_key", Class::Auth),
    ("invalid_organization", Class::Auth),
    ("account_deactivated", Class::Auth),
    ("missing_scope", Class::Auth),
    ("ip_not_authorized", Class::Auth),
    ("vector_store_timeout", Class::Timeout),
];

/// What each `error.type` means where the code says nothing.
const TYPES: [(&str, Class); 8] = [
    ("insufficient_quota", Class::Billing),
    ("billing_error", Class::Billing),
    ("authentication_error", Class::Auth),
    ("permission_error", Class::Auth),
    ("rate_limit_error", Class::RateLimited),
    ("rate_limit_exceeded", Class::RateLimited),
    ("overloaded_error", Class::Overloaded),
    ("timeout_error", Class::Timeout),
];

/// What phrases in a refusal's message mean where code and type say nothing. Lower case.
const PHRASES: [(&str, Class); 11] = [
    ("maximum context length", Class::ContextOverflow),
    ("exceeds the context window", Class::ContextOverflow),
    ("input is too long", Class::ContextOverflow),
    ("prompt is too long", Class::ContextOverflow),
    ("exceeded your current quota", Class::Billing),
    ("experiencing high demand", Class::Overloaded),
    ("content management policy", Class::PolicyBlock),
    ("supported on this route", Class::UnsupportedHere),
    ("unsupported parameter", Class::UnsupportedHere),
    ("is not supported with this model", Class::UnsupportedHere),
    ("model does not exist", Class::UnsupportedHere),
];

/// Errors inside a reply or a stream that mean more than "it broke".
const IN_BAND: [(&str, Class); 2] =
    [("server_error", Class::ServerError), ("internal_error", Class::ServerError)];

/// How a class is told to clients: `type` and the usual `code`.
const WORDS: [(Class, &str, &str); 13] = [
    (Class::ClientInvalid, "invalid_request_error", "invalid_request"),
    (Class::ContextOverflow, "invalid_request_error", "context_length_exceeded"),
    (Class::UnsupportedHere, "invalid_request_error", "unsupported_parameter"),
    (Class::PolicyBlock, "invalid_request_error", "content_filter"),
    (Class::TooLarge, "invalid_request_error", "request_too_large"),
    (Class::NotFound, "invalid_request_error", "model_not_found"),
    (Class::CallerAuth, "invalid_request_error", "invalid_api_key"),
    (Class::CallerDenied, "invalid_request_error", "permission_denied"),
    (Class::RateLimited, "rate_limit_error", "rate_limit_exceeded"),
    (Class::Overloaded, "server_error", "server_is_overloaded"),
    (Class::Exhausted, "server_error", "server_is_overloaded"),
    (Class::Timeout, "server_error", "timeout"),
    (Class::ClientGone, "server_error", "client_gone"),
];

/// What clients read where the provider refused Tieline's own credential or account, which is
/// none of theirs.
const OUR_ACCOUNT: &str = "the model provider refused the gateway, not your request";

/// Reads a provider's error answer.
pub(super) fn read(status: u16, headers: &HeaderMap, body: &[u8]) -> Fault {
    let value: Value = serde_json::from_slice(body).unwrap_or_default();
    let error = Told::of(&value);
    let class = error.class().unwrap_or_else(|| class_of_status(status));
    let message = error.message.clone().unwrap_or_else(|| quote_body(status, body));
    error.tell(fault_of(class, status, headers, message))
}

/// Reads an error that came with HTTP 200: the `error` of a failed reply, or an `error` event,
/// flat or nested.
pub(super) fn fault_in_band(value: &Value) -> Fault {
    let error = Told::of(value);
    let by_code = error.code.as_deref().and_then(|code| find(&IN_BAND, code));
    let class = error.class().or(by_code).unwrap_or(Class::StreamError);
    let message = error.message.clone();
    let message = message.unwrap_or_else(|| "the provider reported a failure".to_owned());
    error.tell(Fault::new(class, message).at(Phase::PreCommit))
}

/// What an error says, in whatever shape it came.
#[derive(Default)]
struct Told {
    message: Option<String>,
    kind: Option<String>,
    code: Option<String>,
    inner_code: Option<String>,
    param: Option<String>,
}

impl Told {
    /// Reads an error object, alone, under `error` or first in a list, or a mere text.
    fn of(value: &Value) -> Self {
        match value {
            Value::Array(list) => list.first().map(Self::of).unwrap_or_default(),
            Value::String(text) => Self { message: Some(text.clone()), ..Self::default() },
            Value::Object(fields) => match fields.get("error").filter(|inner| !inner.is_null()) {
                Some(inner) => Self::of(inner),
                None => Self::of_object(value),
            },
            _ => Self::default(),
        }
    }

    fn of_object(error: &Value) -> Self {
        let text = |key: &str| error.get(key).and_then(word);
        Self {
            message: text("message").or_else(|| text("detail")),
            // An `error` event names itself so, which says nothing.
            kind: text("type").filter(|kind| kind != "error"),
            code: text("code"),
            inner_code: error.pointer("/innererror/code").and_then(word),
            param: text("param"),
        }
    }

    fn class(&self) -> Option<Class> {
        let code = |code: &Option<String>| code.as_deref().and_then(|code| find(&CODES, code));
        code(&self.code)
            .or_else(|| code(&self.inner_code))
            .or_else(|| self.kind.as_deref().and_then(|kind| find(&TYPES, kind)))
            .or_else(|| {
                let message = self.message.as_deref()?.to_lowercase();
                let hit = PHRASES.iter().find(|(phrase, _)| message.contains(phrase));
                hit.map(|(_, class)| *class)
            })
    }

    /// The fault with the provider's own code, or else its type, and parameter.
    fn tell(self, fault: Fault) -> Fault {
        Fault { code: self.code.or(self.kind), param: self.param, ..fault }
    }
}

/// A text, or a number as some servers give codes.
fn word(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

fn find(table: &[(&str, Class)], word: &str) -> Option<Class> {
    table.iter().find(|(known, _)| *known == word).map(|(_, class)| *class)
}

/// Writes a fault as HTTP status and body. The request id travels in the `x-request-id` header,
/// for this dialect's body has no place for it.
pub(super) fn write(fault: &Fault, _request_id: &str) -> (u16, Vec<u8>) {
    let (kind, code) = words(fault);
    let error = json!({
        "message": message(fault), "type": kind, "param": fault.param, "code": code,
    });
    (fault.class.status(), bytes(&json!({ "error": error })))
}

/// The `error` of a reply that failed after its stream began.
pub(super) fn in_band(fault: &Fault) -> Value {
    json!({"code": words(fault).1, "message": message(fault)})
}

fn is_ours(fault: &Fault) -> bool {
    matches!(fault.class, Class::Auth | Class::Billing)
}

fn message(fault: &Fault) -> &str {
    if is_ours(fault) { OUR_ACCOUNT } else { &fault.message }
}

/// The words for a fault: a provider's code that belongs to this dialect and means just this
/// class is kept, for clients know it.
fn words(fault: &Fault) -> (&'static str, &str) {
    let usual = WORDS.iter().find(|(class, ..)| *class == fault.class);
    let (kind, code) =
        usual.map_or(("server_error", "server_error"), |(_, kind, code)| (*kind, *code));
    let own = fault.code.as_deref().filter(|code| find(&CODES, code) == Some(fault.class));
    (kind, own.filter(|_| !is_ours(fault)).unwrap_or(code))
}

#[cfg(test)]
mod tests;
