//! Errors of OpenAI, of Azure, and of the servers that imitate them.

use http::HeaderMap;
use serde_json::{Value, json};
use tieline_types::{Class, Fault, Origin, Phase};

use super::wire::str_in;
use crate::{
    class_of_status,
    error::{fault_of, quote_body},
    json::bytes,
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
    ("service_unavailable", Class::Overloaded),
    ("serviceunavailable", Class::Overloaded),
    ("content_filter", Class::PolicyBlock),
    ("content_policy_violation", Class::PolicyBlock),
    ("responsibleaipolicyviolation", Class::PolicyBlock),
    ("moderation_blocked", Class::PolicyBlock),
    ("invalid_prompt", Class::PolicyBlock),
    ("bio_policy", Class::PolicyBlock),
    ("misalignment_policy_violation", Class::PolicyBlock),
    ("model_not_found", Class::UnsupportedHere),
    ("deploymentnotfound", Class::UnsupportedHere),
    ("invalid_model", Class::UnsupportedHere),
    ("model_decommissioned", Class::UnsupportedHere),
    ("model_not_supported", Class::UnsupportedHere),
    ("operationnotsupported", Class::UnsupportedHere),
    ("unsupported_parameter", Class::UnsupportedHere),
    ("unsupported_value", Class::UnsupportedHere),
    ("unknown_parameter", Class::UnsupportedHere),
    ("extra_forbidden", Class::UnsupportedHere),
    ("invalid_api_key", Class::Auth),
    ("authentication_error", Class::Auth),
    ("permission_error", Class::Auth),
    ("permissiondenied", Class::Auth),
    ("account_deactivated", Class::Auth),
    ("request_too_large", Class::TooLarge),
    ("request_timeout", Class::Timeout),
    ("timeout_error", Class::Timeout),
    // Groq: the model wrote a call or an answer that its own server could not read.
    ("tool_use_failed", Class::ServerError),
    ("json_validate_failed", Class::ServerError),
];

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
    (Class::ClientInvalid, "model not found", Class::UnsupportedHere),
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
}

impl Report {
    /// Reads an error object, a bare string, `detail`, or `message` at the top (and any of these
    /// in an array, as Google's imitation sends them).
    fn of(body: &Value) -> Self {
        let body = body.as_array().and_then(|items| items.first()).unwrap_or(body);
        let mut report = Self::default();
        match body.get("error") {
            Some(Value::String(text)) => report.message = Some(text.clone()),
            Some(error @ Value::Object(_)) => report.take_in(error),
            _ => {}
        }
        report.take_in(body);
        if report.message.is_none() {
            report.message = body.get("detail").and_then(detail);
        }
        report
    }

    fn take_in(&mut self, error: &Value) {
        let inner = error.get("innererror").map(|inner| str_in(inner, "code")).unwrap_or_default();
        for word in [inner, str_in(error, "code"), str_in(error, "type")] {
            match word.parse() {
                Ok(number) => self.number = self.number.or(Some(number)),
                Err(_) if word.is_empty() => {}
                Err(_) => self.words.push(word.to_owned()),
            }
        }
        let number = error.get("code").and_then(Value::as_u64);
        self.number = self.number.or(number.and_then(|number| u16::try_from(number).ok()));
        let text = |key| Some(str_in(error, key)).filter(|text| !text.is_empty());
        self.message = self.message.take().or(text("message").map(str::to_owned));
        self.param = self.param.take().or(text("param").map(str::to_owned));
    }

    /// The class that the words tell, or the hints in the message, or `base`.
    fn class(&self, base: Class) -> Class {
        let told = self.words.iter().find_map(|word| {
            let word = word.to_ascii_lowercase();
            CODES.iter().find(|(code, _)| *code == word).map(|(_, class)| *class)
        });
        told.unwrap_or_else(|| {
            let message = self.message.as_deref().unwrap_or_default().to_ascii_lowercase();
            HINTS
                .iter()
                .find(|(of, words, _)| *of == base && message.contains(words))
                .map_or(base, |(_, _, class)| *class)
        })
    }

    /// The provider's own code: `code` before `type`, the HTTP number where there is no word.
    /// Azure's inner code explains `code` and does not replace it.
    fn code(&self, body: &Value) -> Option<String> {
        let error = body.get("error").filter(|error| error.is_object()).unwrap_or(body);
        let code = Some(str_in(error, "code")).filter(|code| !code.is_empty());
        code.map(str::to_owned)
            .or_else(|| self.words.first().cloned())
            .or_else(|| self.number.map(|number| number.to_string()))
    }
}

/// `detail` is a string, or a list of complaints about fields (FastAPI's 422).
fn detail(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Array(items) => {
            let said: Vec<&str> = items.iter().map(|item| str_in(item, "msg")).collect();
            Some(said.join("; ")).filter(|text| !text.is_empty())
        }
        Value::Object(_) => Some(str_in(value, "message").to_owned()),
        _ => None,
    }
}

/// Reads a provider's error answer.
pub(super) fn read(status: u16, headers: &HeaderMap, body: &[u8]) -> Fault {
    let base = class_of_status(status);
    let value: Value = serde_json::from_slice(body).unwrap_or_default();
    let report = Report::of(&value);
    let message = report.message.clone().unwrap_or_else(|| quote_body(status, body));
    let mut fault = fault_of(report.class(base), status, headers, message);
    fault.code = report.code(&value);
    fault.param = report.param;
    fault
}

/// The fault of a body that is an error although its status was 200.
pub(super) fn in_body(value: &Value) -> Option<Fault> {
    fault_in(value, Class::ServerError)
}

/// The fault of a stream event that is an error.
pub(super) fn in_stream(value: &Value) -> Option<Fault> {
    fault_in(value, Class::StreamError)
}

fn fault_in(value: &Value, default: Class) -> Option<Fault> {
    let error = value.get("error").is_some_and(|error| !error.is_null());
    let says_so = str_in(value, "object") == "error" || str_in(value, "type") == "error";
    let complaint = value.get("choices").is_none()
        && (value.get("detail").is_some() || value.get("message").is_some());
    if !(error || says_so || complaint) {
        return None;
    }
    let report = Report::of(value);
    let status = report.number.filter(|number| (400..=599).contains(number));
    // A bare 5xx in a stream says no more than that the stream failed.
    let base = status.map_or(default, |status| match class_of_status(status) {
        Class::ServerError => default,
        class => class,
    });
    let message = report.message.clone();
    let message = message.unwrap_or_else(|| "the provider reported an error".to_owned());
    let mut fault = Fault::new(report.class(base), message).at(Phase::PreCommit);
    fault.status = status;
    fault.code = report.code(value);
    fault.param = report.param;
    Some(fault)
}

/// How a class is worded for the client.
struct Words {
    class: Class,
    kind: &'static str,
    code: Option<&'static str>,
    /// Whether the fault's own code says more than ours.
    own_code: bool,
}

const fn words(class: Class, kind: &'static str, code: &'static str, own_code: bool) -> Words {
    Words { class, kind, code: Some(code), own_code }
}

const INVALID: &str = "invalid_request_error";
const SERVER: &str = "server_error";

/// Types and codes that OpenAI's clients know; what is not here is a failure behind the gateway.
const WORDS: [Words; 12] = [
    words(Class::ContextOverflow, INVALID, "context_length_exceeded", false),
    words(Class::UnsupportedHere, INVALID, "unsupported_parameter", true),
    words(Class::PolicyBlock, INVALID, "content_filter", false),
    Words { class: Class::ClientInvalid, kind: INVALID, code: None, own_code: true },
    words(Class::CallerAuth, INVALID, "invalid_api_key", false),
    words(Class::CallerDenied, INVALID, "permission_denied", false),
    words(Class::NotFound, INVALID, "model_not_found", true),
    words(Class::TooLarge, INVALID, "request_too_large", false),
    words(Class::RateLimited, "rate_limit_error", "rate_limit_exceeded", false),
    words(Class::Overloaded, SERVER, "server_is_overloaded", false),
    words(Class::Exhausted, SERVER, "server_is_overloaded", true),
    words(Class::Timeout, SERVER, "timeout", false),
];

/// What everything else is called.
const BEHIND_US: Words = words(Class::ServerError, SERVER, "server_error", false);

/// The error object of a fault, as it stands in bodies and streams.
///
/// A refusal of Tieline's own credential or account is none of the client's business: neither
/// status nor message may suggest that its key is at fault.
pub(super) fn object(fault: &Fault) -> Value {
    let words = WORDS.iter().find(|words| words.class == fault.class).unwrap_or(&BEHIND_US);
    let own_code = fault.code.as_deref().filter(|_| words.own_code);
    let message = match fault.class {
        Class::Auth | Class::Billing if fault.origin == Origin::Provider => {
            "the model provider could not serve this request"
        }
        _ => &fault.message,
    };
    json!({ "error": {
        "message": message,
        "type": words.kind,
        "param": fault.param,
        "code": own_code.or(words.code),
    } })
}

/// Writes a fault as an answer. OpenAI names the request in a header only.
pub(super) fn write(fault: &Fault) -> (u16, Vec<u8>) {
    (fault.class.status(), bytes(&object(fault)))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn fault(status: u16, body: &str) -> Fault {
        read(status, &HeaderMap::new(), body.as_bytes())
    }

    #[test]
    fn codes_tell_the_class() {
        use Class as C;
        for (status, kind, code, class) in [
            (429, "insufficient_quota", "credit_balance_exhausted", C::Billing),
            (429, "insufficient_quota", "something_new", C::Billing),
            (429, "tokens", "rate_limit_exceeded", C::RateLimited),
            (503, "server_error", "slow_down", C::RateLimited),
            (500, "server_error", "server_is_overloaded", C::Overloaded),
            (504, "server_error", "late", C::Timeout),
            (400, "invalid_request_error", "context_length_exceeded", C::ContextOverflow),
            (400, "invalid_request_error", "invalid_type", C::ClientInvalid),
            (400, "invalid_request_error", "unsupported_parameter", C::UnsupportedHere),
            (404, "invalid_request_error", "model_not_found", C::UnsupportedHere),
            (404, "", "DeploymentNotFound", C::UnsupportedHere),
            (401, "invalid_request_error", "invalid_api_key", C::Auth),
            (401, "", "401", C::Auth),
            (400, "invalid_request_error", "tool_use_failed", C::ServerError),
        ] {
            let error = json!({ "message": "m", "type": kind, "code": code, "param": "p" });
            let got = fault(status, &json!({ "error": error }).to_string());
            assert_eq!((got.class, got.code.as_deref()), (class, Some(code)));
            assert_eq!((got.message.as_str(), got.status), ("m", Some(status)));
            assert_eq!(got.param.as_deref(), Some("p"));
        }
    }

    #[test]
    fn azure_explains_its_content_filter_inside() {
        let inner = "ResponsibleAIPolicyViolation";
        for (code, want) in [(json!("content_filter"), "content_filter"), (Value::Null, inner)] {
            let error = json!({ "message": "m", "code": code, "innererror": { "code": inner } });
            let got = fault(400, &json!({ "error": error }).to_string());
            assert_eq!((got.class, got.code.as_deref()), (Class::PolicyBlock, Some(want)));
        }
    }

    #[test]
    fn every_shape_is_read() {
        use Class as C;
        for (status, body, class, message) in [
            (
                400,
                r#"{"code":"invalid-argument","error":"Bad effort"}"#,
                C::ClientInvalid,
                "Bad effort",
            ),
            (
                422,
                r#"{"detail":[{"loc":["body","x"],"msg":"Extra inputs are not permitted"}]}"#,
                C::UnsupportedHere,
                "Extra inputs are not permitted",
            ),
            (404, r#"{"detail":"Not Found"}"#, C::UnsupportedHere, "Not Found"),
            (
                400,
                r#"{"object":"error","message":"context length is 8","type":"Bad","code":400}"#,
                C::ContextOverflow,
                "context length is 8",
            ),
            (
                429,
                r#"[{"error":{"code":429,"message":"Quota","status":"RESOURCE_EXHAUSTED"}}]"#,
                C::RateLimited,
                "Quota",
            ),
            (500, r#"{"message":"Internal"}"#, C::ServerError, "Internal"),
            (502, "<html>Bad gateway</html>", C::ServerError, "HTTP 502: <html>Bad gateway</html>"),
            (503, "", C::Overloaded, "HTTP 503 with an empty body"),
            (
                402,
                r#"{"error":{"message":"Insufficient Balance"}}"#,
                C::Billing,
                "Insufficient Balance",
            ),
            (
                429,
                r#"{"error":{"code":"429","message":"The system is experiencing high demand"}}"#,
                C::Overloaded,
                "The system is experiencing high demand",
            ),
        ] {
            let got = fault(status, body);
            assert_eq!((got.class, got.message.as_str()), (class, message), "{body}");
        }
    }

    #[test]
    fn headers_say_when_and_which() {
        let mut headers = HeaderMap::new();
        headers.insert("retry-after-ms", "1500".parse().unwrap());
        headers.insert("apim-request-id", "az-1".parse().unwrap());
        let got = read(429, &headers, b"{}");
        assert_eq!(got.retry_after, Some(Duration::from_millis(1500)));
        assert_eq!(got.upstream_request_id.as_deref(), Some("az-1"));
    }

    #[test]
    fn errors_in_streams_have_a_class() {
        use Class as C;
        for (body, class) in [
            (json!({"error":{"message":"m","code":"rate_limit_exceeded"}}), C::RateLimited),
            (json!({"error":{"message":"m","type":"overloaded_error"}}), C::Overloaded),
            (json!({"error":{"message":"m","code":529}}), C::Overloaded),
            (json!({"error":{"message":"m","code":500}}), C::StreamError),
            (json!({"error":"boom"}), C::StreamError),
            (json!({"object":"error","message":"m","code":400}), C::ClientInvalid),
            (json!({"message":"m"}), C::StreamError),
        ] {
            let fault = in_stream(&body).unwrap();
            assert_eq!((fault.class, fault.phase), (class, Phase::PreCommit), "{body}");
        }
        assert!(in_stream(&json!({"choices":[],"error":null})).is_none());
    }

    #[test]
    fn classes_are_worded_as_openai_does() {
        for (class, status, kind, code) in [
            (Class::ContextOverflow, 400, INVALID, "context_length_exceeded"),
            (Class::PolicyBlock, 400, INVALID, "content_filter"),
            (Class::CallerAuth, 401, INVALID, "invalid_api_key"),
            (Class::NotFound, 404, INVALID, "model_not_found"),
            (Class::RateLimited, 429, "rate_limit_error", "rate_limit_exceeded"),
            (Class::Exhausted, 503, SERVER, "server_is_overloaded"),
            (Class::Timeout, 504, SERVER, "timeout"),
            (Class::StreamTruncated, 502, SERVER, "server_error"),
        ] {
            let (got, body) = write(&Fault::new(class, "why"));
            let body: Value = serde_json::from_slice(&body).unwrap();
            assert_eq!(got, status);
            assert_eq!(
                body,
                json!({"error":{"message":"why","type":kind,"param":null,"code":code}})
            );
        }
    }

    #[test]
    fn our_own_credential_is_not_shown() {
        for class in [Class::Auth, Class::Billing] {
            let told =
                Fault::new(class, "Incorrect API key provided: sk-1").with_code("invalid_api_key");
            let (status, body) = write(&told);
            let body = String::from_utf8(body).unwrap();
            assert_eq!(status, 502);
            assert!(!body.contains("key"), "{body}");
        }
    }

    #[test]
    fn an_error_survives_the_round_trip() {
        for class in [
            Class::ContextOverflow,
            Class::PolicyBlock,
            Class::UnsupportedHere,
            Class::RateLimited,
            Class::Overloaded,
            Class::Timeout,
            Class::TooLarge,
            Class::ClientInvalid,
            Class::ServerError,
        ] {
            let mut told = Fault::new(class, "why");
            told.param = Some("messages".to_owned());
            let (status, body) = write(&told);
            let read = read(status, &HeaderMap::new(), &body);
            assert_eq!((read.class, read.message, read.param), (class, told.message, told.param));
        }
    }
}
