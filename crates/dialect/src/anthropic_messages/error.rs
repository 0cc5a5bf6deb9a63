//! Errors: `{"type":"error","error":{"type","message"},"request_id"}`, whole or in a stream.

use std::{borrow::Cow, time::Duration};

use http::HeaderMap;
use serde_json::{Value, json};
use tieline_types::{Class, Fault, Phase, Replay};

use crate::{
    class_of_status,
    error::{class_of_message, class_of_word, client_message, fault_of, quote_body, wait_for},
    hint::wait_in_body,
    json::bytes,
};

/// Each error type and its class.
const TYPES: [(&str, Class); 10] = [
    ("invalid_request_error", Class::ClientInvalid),
    ("authentication_error", Class::Auth),
    ("permission_error", Class::Auth),
    ("billing_error", Class::Billing),
    ("not_found_error", Class::UnsupportedHere),
    ("request_too_large", Class::TooLarge),
    ("rate_limit_error", Class::RateLimited),
    ("api_error", Class::ServerError),
    ("timeout_error", Class::Timeout),
    ("overloaded_error", Class::Overloaded),
];

/// Codes under `error.details.error_code` that say more than the type.
const CODES: [(&str, Class); 1] = [("enforced_spend_limit_reached", Class::Billing)];

/// Words of messages that say the account is exhausted, whatever the type.
const BILLING_WORDS: [(&str, Class); 3] = [
    ("credit balance", Class::Billing),
    ("spend limit", Class::Billing),
    ("usage limits", Class::Billing),
];

/// Words of messages that say what is wrong with a request, in lower case. Claude behind another
/// host has words of its own.
const REQUEST_WORDS: [(&str, Class); 10] = [
    ("prompt is too long", Class::ContextOverflow),
    ("input is too long", Class::ContextOverflow),
    ("exceed context limit", Class::ContextOverflow),
    ("exceeds the context window", Class::ContextOverflow),
    ("content filtering policy", Class::PolicyBlock),
    ("extra inputs are not permitted", Class::UnsupportedHere),
    ("does not support", Class::UnsupportedHere),
    ("not supported", Class::UnsupportedHere),
    ("is deprecated for this model", Class::UnsupportedHere),
    ("isn't supported", Class::UnsupportedHere),
];

/// The words by which coding agents know that they must compact their context.
const OVERFLOW_WORDS: &str = "prompt is too long";

/// What an error body says, as far as it says anything.
#[derive(Default)]
struct Told {
    kind: Option<String>,
    detail: Option<String>,
    message: Option<String>,
    request_id: Option<String>,
    /// How long to wait, as Claude behind another host says it.
    wait: Option<Duration>,
}

impl Told {
    /// Proxies and hosts put the error in a string, or the message at the top.
    fn read(body: &Value) -> Self {
        let text = |pointer: &str| body.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
        let message =
            text("/error/message").or_else(|| text("/error")).or_else(|| text("/message"));
        Self {
            kind: text("/error/type"),
            detail: text("/error/details/error_code"),
            request_id: text("/request_id"),
            wait: wait_in_body(body, message.as_deref().unwrap_or_default()),
            message,
        }
    }

    /// The class, `unknown` where neither type, code nor message tell.
    fn class(&self, unknown: Class) -> Class {
        let of = |table: &[(&str, Class)], word: &Option<String>| {
            word.as_deref().and_then(|word| class_of_word(table, word))
        };
        if let Some(class) = of(&CODES, &self.detail) {
            return class;
        }
        let class = of(&TYPES, &self.kind).unwrap_or(unknown);
        let message = self.message.as_deref().unwrap_or_default();
        let refined = match class {
            Class::ClientInvalid => class_of_message(&BILLING_WORDS, message)
                .or_else(|| class_of_message(&REQUEST_WORDS, message)),
            Class::RateLimited => class_of_message(&BILLING_WORDS, message),
            Class::TooLarge => class_of_message(&REQUEST_WORDS, message),
            _ => None,
        };
        refined.unwrap_or(class)
    }

    /// Takes the provider's own words over into `fault`.
    fn refine(self, mut fault: Fault) -> Fault {
        wait_for(&mut fault, self.wait);
        fault.param = self.message.as_deref().and_then(param_of);
        fault.code = self.detail.or(self.kind);
        fault.upstream_request_id = fault.upstream_request_id.or(self.request_id);
        fault
    }
}

/// Messages about a field begin with its path: `messages.0.content: …`.
fn param_of(message: &str) -> Option<String> {
    let (path, _) = message.split_once(": ")?;
    let is_path = path.starts_with(|c: char| c.is_ascii_lowercase())
        && path.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '.');
    is_path.then(|| path.to_owned())
}

/// Reads an error answer.
pub(super) fn read(status: u16, headers: &HeaderMap, body: &[u8]) -> Fault {
    let told = serde_json::from_slice(body).map(|body| Told::read(&body)).unwrap_or_default();
    let class = told.class(class_of_status(status));
    let message = told.message.clone().unwrap_or_else(|| quote_body(status, body));
    told.refine(fault_of(class, status, headers, message))
}

/// Reads an error that came after HTTP 200: an `error` event, or an error in place of a reply.
pub(super) fn read_in_band(body: &Value) -> Fault {
    let told = Told::read(body);
    let class = match told.class(Class::StreamError) {
        Class::ServerError => Class::StreamError,
        class => class,
    };
    let message = told.message.clone().unwrap_or_else(|| format!("the provider reported {body}"));
    let mut fault = told.refine(Fault::new(class, message).at(Phase::PreCommit));
    // The provider had begun, so even a refusal may have cost something.
    fault.replay = Replay::MaybeExecuted;
    fault
}

/// Writes an error answer.
pub(super) fn write(fault: &Fault, request_id: &str) -> (u16, Vec<u8>) {
    let (status, _) = status_and_type(fault.class);
    let mut body = write_in_band(fault);
    if let Some(fields) = body.as_object_mut() {
        fields.insert("request_id".to_owned(), json!(request_id));
    }
    (status, bytes(&body))
}

/// The error object of answers and `error` events.
pub(super) fn write_in_band(fault: &Fault) -> Value {
    let (_, kind) = status_and_type(fault.class);
    json!({ "type": "error", "error": { "type": kind, "message": message_of(fault) } })
}

fn status_and_type(class: Class) -> (u16, &'static str) {
    let kind = match class {
        Class::ContextOverflow
        | Class::UnsupportedHere
        | Class::PolicyBlock
        | Class::ClientInvalid => "invalid_request_error",
        Class::CallerAuth => "authentication_error",
        Class::CallerDenied | Class::PolicyDenied => "permission_error",
        Class::NotFound => "not_found_error",
        Class::TooLarge => "request_too_large",
        Class::RateLimited | Class::OverLimit => "rate_limit_error",
        Class::OverBudget => "billing_error",
        Class::Timeout => "timeout_error",
        // 529 is this dialect's own status for it.
        Class::Overloaded => return (529, "overloaded_error"),
        _ => "api_error",
    };
    (class.status(), kind)
}

fn message_of(fault: &Fault) -> Cow<'_, str> {
    let message = client_message(fault);
    let known = message.to_lowercase().contains("is too long");
    if fault.class == Class::ContextOverflow && !known {
        return Cow::Owned(format!("{OVERFLOW_WORDS}: {message}"));
    }
    Cow::Borrowed(message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(kind: &str, message: &str) -> Vec<u8> {
        bytes(&json!({
            "type": "error", "request_id": "req_011", "error": {"type": kind, "message": message},
        }))
    }

    #[test]
    fn type_status_and_message_make_the_class() {
        for (status, kind, message, class) in [
            (400, "invalid_request_error", "max_tokens: Field required", Class::ClientInvalid),
            (
                400,
                "invalid_request_error",
                "prompt is too long: 210000 tokens > 200000 maximum",
                Class::ContextOverflow,
            ),
            (413, "request_too_large", "Prompt is too long", Class::ContextOverflow),
            (413, "request_too_large", "Request exceeds the maximum size", Class::TooLarge),
            (
                400,
                "invalid_request_error",
                "Your credit balance is too low to access the Anthropic API.",
                Class::Billing,
            ),
            (
                400,
                "invalid_request_error",
                "You have reached your specified API usage limits.",
                Class::Billing,
            ),
            (
                400,
                "invalid_request_error",
                "thinking.adaptive: Extra inputs are not permitted",
                Class::UnsupportedHere,
            ),
            (
                400,
                "invalid_request_error",
                "Output blocked by content filtering policy",
                Class::PolicyBlock,
            ),
            (401, "authentication_error", "invalid x-api-key", Class::Auth),
            (402, "billing_error", "Payment required", Class::Billing),
            (403, "permission_error", "no access", Class::Auth),
            (404, "not_found_error", "model: claude-none", Class::UnsupportedHere),
            (429, "rate_limit_error", "This request would exceed", Class::RateLimited),
            (429, "rate_limit_error", "workspace spend limit reached", Class::Billing),
            (500, "api_error", "Internal server error", Class::ServerError),
            (504, "timeout_error", "Request timed out", Class::Timeout),
            (529, "overloaded_error", "Overloaded", Class::Overloaded),
            (503, "new_error", "?", Class::Overloaded),
        ] {
            let fault = read(status, &HeaderMap::new(), &body(kind, message));
            assert_eq!(fault.class, class, "{kind}: {message}");
            assert_eq!(fault.message, message);
            assert_eq!(fault.code.as_deref(), Some(kind));
            assert_eq!(fault.status, Some(status));
            assert_eq!(fault.upstream_request_id.as_deref(), Some("req_011"));
        }
    }

    #[test]
    fn details_headers_and_params_are_read() {
        let mut headers = HeaderMap::new();
        headers.insert("request-id", "req_header".parse().unwrap());
        headers.insert("retry-after", "12".parse().unwrap());
        let limited = json!({"type": "error", "error": {
            "type": "rate_limit_error", "message": "messages.3.content: no",
            "details": {"error_code": "enforced_spend_limit_reached"},
        }});
        let fault = read(429, &headers, &bytes(&limited));
        assert_eq!(fault.class, Class::Billing);
        assert_eq!(fault.code.as_deref(), Some("enforced_spend_limit_reached"));
        assert_eq!(fault.param.as_deref(), Some("messages.3.content"));
        assert_eq!(fault.upstream_request_id.as_deref(), Some("req_header"));
        assert_eq!(fault.retry_after, Some(Duration::from_secs(12)));
    }

    // Made from documentation: Claude at Google, which answers with its own errors.
    #[test]
    fn the_wait_of_another_host_is_read() {
        let limited = json!({"error": {
            "code": 429, "message": "Quota exceeded", "status": "RESOURCE_EXHAUSTED",
            "details": [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "37s"}],
        }});
        let fault = read(429, &HeaderMap::new(), &bytes(&limited));
        assert_eq!(fault.class, Class::RateLimited);
        assert_eq!(fault.retry_after, Some(Duration::from_secs(37)));
        assert_eq!(read(400, &HeaderMap::new(), &bytes(&limited)).retry_after, None);
    }

    #[test]
    fn what_is_not_of_the_dialect_is_quoted() {
        let html = read(502, &HeaderMap::new(), b"<html>Bad gateway</html>");
        assert_eq!(html.class, Class::ServerError);
        assert_eq!(html.message, "HTTP 502: <html>Bad gateway</html>");
        let text = read(429, &HeaderMap::new(), br#"{"error":"slow down"}"#);
        assert_eq!((text.class, text.message.as_str()), (Class::RateLimited, "slow down"));
    }

    #[test]
    fn errors_in_a_stream_have_their_class() {
        for (kind, class) in [
            ("overloaded_error", Class::Overloaded),
            ("rate_limit_error", Class::RateLimited),
            ("api_error", Class::StreamError),
            ("an_error_of_2027", Class::StreamError),
        ] {
            let event = json!({"type": "error", "error": {"type": kind, "message": "m"}});
            let fault = read_in_band(&event);
            assert_eq!((fault.class, fault.phase), (class, Phase::PreCommit), "{kind}");
        }
    }

    #[test]
    fn faults_are_written_for_the_caller() {
        for (class, status, kind) in [
            (Class::ClientInvalid, 400, "invalid_request_error"),
            (Class::CallerAuth, 401, "authentication_error"),
            (Class::CallerDenied, 403, "permission_error"),
            (Class::PolicyDenied, 403, "permission_error"),
            (Class::NotFound, 404, "not_found_error"),
            (Class::TooLarge, 413, "request_too_large"),
            (Class::RateLimited, 429, "rate_limit_error"),
            (Class::OverLimit, 429, "rate_limit_error"),
            (Class::OverBudget, 402, "billing_error"),
            (Class::Internal, 500, "api_error"),
            (Class::Auth, 502, "api_error"),
            (Class::Billing, 502, "api_error"),
            (Class::Exhausted, 503, "api_error"),
            (Class::Timeout, 504, "timeout_error"),
            (Class::Overloaded, 529, "overloaded_error"),
        ] {
            let (got, body) = write(&Fault::new(class, "said"), "req_7");
            let body: Value = serde_json::from_slice(&body).unwrap();
            assert_eq!((got, body["error"]["type"].as_str()), (status, Some(kind)), "{class}");
            assert_eq!(body["type"], "error");
            assert_eq!(body["request_id"], "req_7");
            let told = !matches!(class, Class::Auth | Class::Billing);
            assert_eq!(body["error"]["message"] == "said", told, "{class}");
        }
    }

    #[test]
    fn an_overflow_has_the_words_that_agents_compact_on() {
        for (message, written) in [
            (
                "prompt is too long: 9 tokens > 8 maximum",
                "prompt is too long: 9 tokens > 8 maximum",
            ),
            ("Input is too long.", "Input is too long."),
            ("maximum context length is 8", "prompt is too long: maximum context length is 8"),
        ] {
            let object = write_in_band(&Fault::new(Class::ContextOverflow, message));
            assert_eq!(object["error"]["message"], written);
        }
    }
}
