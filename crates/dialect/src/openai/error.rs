//! Errors of OpenAI, of Azure, and of the servers that imitate them:
//! `{"error":{"message","type","param","code"}}` (OpenAI API reference, "Error codes").
//!
//! What a code, a type or a phrase means is data: the tables below.

use std::time::Duration;

use http::HeaderMap;
use serde_json::{Value, json};
use tieline_types::{Class, Fault, Phase};

use crate::{
    class_of_status,
    error::{class_of_word, client_message, fault_of, is_our_account, quote_body, wait_for},
    hint::wait_in_body,
    json::{bytes, text_or_empty},
};

/// Codes and types that tell the class by themselves, in lower case. General words such as
/// `server_error` and `invalid_request_error` are not here: the status says more.
const CODES: &[(&str, Class)] = &[
    ("insufficient_quota", Class::Billing),
    ("credit_balance_exhausted", Class::Billing),
    ("organization_spend_limit_exceeded", Class::Billing),
    ("project_spend_limit_exceeded", Class::Billing),
    ("organization_usage_limit_exceeded", Class::Billing),
    ("billing_hard_limit_reached", Class::Billing),
    ("billing_not_active", Class::Billing),
    ("billing_error", Class::Billing),
    ("insufficient_balance", Class::Billing),
    ("context_length_exceeded", Class::ContextOverflow),
    ("context_window_exceeded", Class::ContextOverflow),
    ("rate_limit_exceeded", Class::RateLimited),
    ("rate_limit_error", Class::RateLimited),
    ("ratelimitreached", Class::RateLimited),
    ("too_many_requests", Class::RateLimited),
    ("slow_down", Class::RateLimited),
    ("server_is_overloaded", Class::Overloaded),
    ("overloaded_error", Class::Overloaded),
    ("engine_overloaded", Class::Overloaded),
    ("model_overloaded", Class::Overloaded),
    ("service_unavailable", Class::Overloaded),
    ("serviceunavailable", Class::Overloaded),
    ("content_filter", Class::PolicyBlock),
    ("content_policy_violation", Class::PolicyBlock),
    ("responsibleaipolicyviolation", Class::PolicyBlock),
    ("moderation_blocked", Class::PolicyBlock),
    ("image_content_policy_violation", Class::PolicyBlock),
    ("invalid_prompt", Class::PolicyBlock),
    ("bio_policy", Class::PolicyBlock),
    ("cyber_policy", Class::PolicyBlock),
    ("misalignment_policy_violation", Class::PolicyBlock),
    ("model_not_found", Class::UnsupportedHere),
    ("deploymentnotfound", Class::UnsupportedHere),
    ("invalid_model", Class::UnsupportedHere),
    ("unsupported_model", Class::UnsupportedHere),
    ("model_decommissioned", Class::UnsupportedHere),
    ("model_not_supported", Class::UnsupportedHere),
    ("operationnotsupported", Class::UnsupportedHere),
    ("unsupported_parameter", Class::UnsupportedHere),
    ("unsupported_value", Class::UnsupportedHere),
    ("unknown_parameter", Class::UnsupportedHere),
    ("extra_forbidden", Class::UnsupportedHere),
    ("data_residency_mismatch", Class::UnsupportedHere),
    ("invalid_api_key", Class::Auth),
    ("authentication_error", Class::Auth),
    ("permission_error", Class::Auth),
    ("permissiondenied", Class::Auth),
    ("account_deactivated", Class::Auth),
    ("invalid_organization", Class::Auth),
    ("missing_scope", Class::Auth),
    ("ip_not_authorized", Class::Auth),
    ("request_too_large", Class::TooLarge),
    ("request_timeout", Class::Timeout),
    ("timeout_error", Class::Timeout),
    ("vector_store_timeout", Class::Timeout),
    // Groq: the model wrote a call or an answer that its own server could not read.
    ("tool_use_failed", Class::ServerError),
    ("json_validate_failed", Class::ServerError),
];

/// Codes and types of errors after HTTP 200 that say that the server failed. With an error status,
/// the status says more.
const SERVER_FAILED: [&str; 2] = ["server_error", "internal_error"];

/// Words in messages that refine a class, where the code says too little. In lower case.
const HINTS: &[(Class, &str, Class)] = &[
    (Class::ClientInvalid, "context length", Class::ContextOverflow),
    (Class::ClientInvalid, "context window", Class::ContextOverflow),
    (Class::ClientInvalid, "prompt is too long", Class::ContextOverflow),
    (Class::ClientInvalid, "input is too long", Class::ContextOverflow),
    (Class::ClientInvalid, "content management policy", Class::PolicyBlock),
    (Class::ClientInvalid, "spend limit", Class::Billing),
    (Class::ClientInvalid, "not supported", Class::UnsupportedHere),
    (Class::ClientInvalid, "isn't supported", Class::UnsupportedHere),
    (Class::ClientInvalid, "unsupported parameter", Class::UnsupportedHere),
    (Class::ClientInvalid, "unsupported value", Class::UnsupportedHere),
    (Class::ClientInvalid, "does not support", Class::UnsupportedHere),
    (Class::ClientInvalid, "unrecognized request argument", Class::UnsupportedHere),
    (Class::ClientInvalid, "extra inputs are not permitted", Class::UnsupportedHere),
    (Class::ClientInvalid, "supported on this route", Class::UnsupportedHere),
    (Class::ClientInvalid, "model not found", Class::UnsupportedHere),
    (Class::ClientInvalid, "model does not exist", Class::UnsupportedHere),
    (Class::TooLarge, "context length", Class::ContextOverflow),
    (Class::RateLimited, "exceeded your current quota", Class::Billing),
    (Class::RateLimited, "spending limit", Class::Billing),
    (Class::RateLimited, "high demand", Class::Overloaded),
    (Class::RateLimited, "overloaded", Class::Overloaded),
    (Class::Auth, "spending limit", Class::Billing),
    (Class::Auth, "available credits", Class::Billing),
    (Class::Auth, "insufficient balance", Class::Billing),
    (Class::ServerError, "overloaded", Class::Overloaded),
    (Class::ServerError, "rate limit", Class::RateLimited),
    (Class::StreamError, "context length", Class::ContextOverflow),
    (Class::StreamError, "context window", Class::ContextOverflow),
    (Class::StreamError, "overloaded", Class::Overloaded),
    (Class::StreamError, "rate limit", Class::RateLimited),
];

/// What an error body says, wherever it says it.
#[derive(Debug, Default)]
struct Report {
    message: Option<String>,
    /// The words that may tell the class, the most precise first.
    words: Vec<String>,
    /// An HTTP status given as `code`.
    number: Option<u16>,
    param: Option<String>,
    /// How long to wait.
    wait: Option<Duration>,
}

impl Report {
    /// Reads an error object alone or under `error`, a bare string, `detail`, or `message` at the
    /// top (and any of these in an array, as Google's imitation sends them).
    fn of(body: &Value) -> Self {
        let body = body.as_array().and_then(|items| items.first()).unwrap_or(body);
        let mut report = Self { message: body.as_str().map(str::to_owned), ..Self::default() };
        match body.get("error") {
            Some(Value::String(text)) => report.message = Some(text.clone()),
            Some(error @ Value::Object(_)) => report.take_in(error),
            _ => {}
        }
        report.take_in(body);
        if report.message.is_none() {
            report.message = body.get("detail").and_then(detail);
        }
        report.wait = wait_in_body(body, report.message.as_deref().unwrap_or_default());
        report
    }

    fn take_in(&mut self, error: &Value) {
        let inner =
            error.get("innererror").map(|inner| text_or_empty(inner, "code")).unwrap_or_default();
        for word in [inner, text_or_empty(error, "code"), text_or_empty(error, "type")] {
            match word.parse() {
                Ok(number) => self.number = self.number.or(Some(number)),
                // An `error` event names itself so, which says nothing.
                Err(_) if word.is_empty() || word == "error" => {}
                Err(_) => self.words.push(word.to_owned()),
            }
        }
        let number = error.get("code").and_then(Value::as_u64);
        self.number = self.number.or(number.and_then(|number| u16::try_from(number).ok()));
        let text = |key| Some(text_or_empty(error, key)).filter(|text| !text.is_empty());
        self.message = self.message.take().or(text("message").map(str::to_owned));
        self.param = self.param.take().or(text("param").map(str::to_owned));
    }

    /// The class that the words tell, or the hints in the message, or `base`. Whoever says when to
    /// come back (Gemini) does not mean that the money is gone.
    fn class(&self, base: Class) -> Class {
        let told = self.words.iter().find_map(|word| class_of_code(word));
        told.unwrap_or_else(|| {
            let message = self.message.as_deref().unwrap_or_default().to_ascii_lowercase();
            HINTS
                .iter()
                .find(|(of, words, _)| *of == base && message.contains(words))
                .filter(|(.., class)| *class != Class::Billing || self.wait.is_none())
                .map_or(base, |(_, _, class)| *class)
        })
    }

    /// The provider's own code: `code` before `type`, the HTTP number where there is no word.
    /// Azure's inner code explains `code` and does not replace it.
    fn code(&self, body: &Value) -> Option<String> {
        let error = body.get("error").filter(|error| error.is_object()).unwrap_or(body);
        let code = Some(text_or_empty(error, "code")).filter(|code| !code.is_empty());
        code.map(str::to_owned)
            .or_else(|| self.words.first().cloned())
            .or_else(|| self.number.map(|number| number.to_string()))
    }
}

fn class_of_code(code: &str) -> Option<Class> {
    class_of_word(CODES, &code.to_ascii_lowercase())
}

/// `detail` is a string, or a list of complaints about fields (FastAPI's 422).
fn detail(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Array(items) => {
            let said: Vec<&str> = items.iter().map(|item| text_or_empty(item, "msg")).collect();
            Some(said.join("; ")).filter(|text| !text.is_empty())
        }
        Value::Object(_) => Some(text_or_empty(value, "message").to_owned()),
        _ => None,
    }
}

/// Reads a provider's error answer.
pub(crate) fn read(status: u16, headers: &HeaderMap, body: &[u8]) -> Fault {
    let base = class_of_status(status);
    let value: Value = serde_json::from_slice(body).unwrap_or_default();
    let report = Report::of(&value);
    let message = report.message.clone().unwrap_or_else(|| quote_body(status, body));
    let mut fault = fault_of(report.class(base), status, headers, message);
    wait_for(&mut fault, report.wait);
    fault.code = report.code(&value);
    fault.param = report.param;
    fault
}

/// Reads an error that came after HTTP 200, in a reply or a stream: of class `unknown` where it
/// does not tell.
pub(crate) fn read_in_band(value: &Value, unknown: Class) -> Fault {
    let report = Report::of(value);
    let status = report.number.filter(|number| (400..=599).contains(number));
    let failed = report.words.iter().any(|word| SERVER_FAILED.contains(&word.as_str()));
    // A bare 5xx says no more than that something failed.
    let base = match status.map(class_of_status) {
        None | Some(Class::ServerError) if failed => Class::ServerError,
        None | Some(Class::ServerError) => unknown,
        Some(class) => class,
    };
    let message = report.message.clone();
    let message = message.unwrap_or_else(|| "the provider reported an error".to_owned());
    let mut fault = Fault::new(report.class(base), message).at(Phase::PreCommit);
    wait_for(&mut fault, report.wait);
    fault.status = status;
    fault.code = report.code(value);
    fault.param = report.param;
    fault
}

const INVALID: &str = "invalid_request_error";
const SERVER: &str = "server_error";

/// Type and code that OpenAI's clients know for a class; what is not here failed behind the
/// gateway.
const WORDS: [(Class, &str, Option<&str>); 16] = [
    (Class::ClientInvalid, INVALID, None),
    (Class::ContextOverflow, INVALID, Some("context_length_exceeded")),
    (Class::UnsupportedHere, INVALID, Some("unsupported_parameter")),
    (Class::PolicyBlock, INVALID, Some("content_filter")),
    (Class::TooLarge, INVALID, Some("request_too_large")),
    (Class::NotFound, INVALID, Some("model_not_found")),
    (Class::CallerAuth, INVALID, Some("invalid_api_key")),
    (Class::CallerDenied, INVALID, Some("permission_denied")),
    (Class::OverLimit, "rate_limit_error", Some("caller_limit_exceeded")),
    (Class::OverBudget, "insufficient_quota", Some("budget_exceeded")),
    (Class::PolicyDenied, INVALID, Some("policy_denied")),
    (Class::RateLimited, "rate_limit_error", Some("rate_limit_exceeded")),
    (Class::Overloaded, SERVER, Some("server_is_overloaded")),
    (Class::Exhausted, SERVER, Some("server_is_overloaded")),
    (Class::Timeout, SERVER, Some("timeout")),
    (Class::ClientGone, SERVER, Some("client_gone")),
];

/// Type and code of a fault. A provider's own code that belongs to OpenAI and means just this
/// class is kept, for clients know it.
fn type_and_code(fault: &Fault) -> (&'static str, Option<&str>) {
    let usual = WORDS.iter().find(|(class, ..)| *class == fault.class);
    let (kind, code) = usual.map_or((SERVER, Some(SERVER)), |(_, kind, code)| (*kind, *code));
    let own = fault.code.as_deref().filter(|code| {
        // What ends so is a type, and mostly another vendor's.
        !code.ends_with("_error") && class_of_code(code) == Some(fault.class)
    });
    (kind, own.filter(|_| !is_our_account(fault.class)).or(code))
}

/// The code and the message of a fault where a code must be.
pub(crate) fn code_and_message(fault: &Fault) -> (&str, &str) {
    let (kind, code) = type_and_code(fault);
    (code.unwrap_or(kind), client_message(fault))
}

/// The error object of a fault, as it stands in bodies and streams.
pub(crate) fn object(fault: &Fault) -> Value {
    let (kind, code) = type_and_code(fault);
    let param = fault.param.as_deref().filter(|_| !is_our_account(fault.class));
    json!({ "error": {
        "message": client_message(fault), "type": kind, "param": param, "code": code,
    } })
}

/// Writes a fault as an answer. OpenAI names the request in a header only.
pub(crate) fn write(fault: &Fault) -> (u16, Vec<u8>) {
    (fault.class.status(), bytes(&object(fault)))
}

#[cfg(test)]
mod tests;
