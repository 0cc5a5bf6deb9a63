//! Errors: HTTP answers with `x-amzn-ErrorType` and `{message}`, and exceptions within a stream.

use http::HeaderMap;
use serde_json::{Value, json};
use tieline_types::{Class, Fault};

use crate::{
    class_of_status,
    error::{class_of_message, class_of_word, client_message, fault_of, quote_body},
    json::bytes,
};

/// What an error type means, in lower case and without `Exception`.
const TYPES: [(&str, Class); 22] = [
    ("accessdenied", Class::Auth),
    ("expiredtoken", Class::Auth),
    ("unrecognizedclient", Class::Auth),
    ("invalidsignature", Class::Auth),
    ("incompletesignature", Class::Auth),
    ("missingauthenticationtoken", Class::Auth),
    ("invalidclienttokenid", Class::Auth),
    ("signaturedoesnotmatch", Class::Auth),
    ("notauthorized", Class::Auth),
    ("throttling", Class::RateLimited),
    ("toomanyrequests", Class::RateLimited),
    ("servicequotaexceeded", Class::RateLimited),
    ("modelnotready", Class::Overloaded),
    ("serviceunavailable", Class::Overloaded),
    ("modeltimeout", Class::Timeout),
    ("modelerror", Class::ServerError),
    ("modelstreamerror", Class::StreamError),
    ("internalserver", Class::ServerError),
    ("internalfailure", Class::ServerError),
    ("internalservererror", Class::ServerError),
    ("resourcenotfound", Class::UnsupportedHere),
    ("validation", Class::ClientInvalid),
];

/// What the words of a `ValidationException` mean, in lower case. The first match counts.
const PHRASES: [(&str, Class); 20] = [
    ("input is too long", Class::ContextOverflow),
    ("prompt is too long", Class::ContextOverflow),
    ("too many input tokens", Class::ContextOverflow),
    ("context window", Class::ContextOverflow),
    ("context length", Class::ContextOverflow),
    ("context limit", Class::ContextOverflow),
    ("maximum number of input tokens", Class::ContextOverflow),
    ("on-demand throughput", Class::UnsupportedHere),
    ("model identifier is invalid", Class::UnsupportedHere),
    ("doesn't support", Class::UnsupportedHere),
    ("does not support", Class::UnsupportedHere),
    ("isn't supported", Class::UnsupportedHere),
    ("not supported", Class::UnsupportedHere),
    ("unsupported", Class::UnsupportedHere),
    ("extra inputs are not permitted", Class::UnsupportedHere),
    ("extraneous key", Class::UnsupportedHere),
    ("end of its life", Class::UnsupportedHere),
    ("content filter", Class::PolicyBlock),
    ("content policy", Class::PolicyBlock),
    ("guardrail", Class::PolicyBlock),
];

/// The words of an `AccessDeniedException` that is about money.
const UNPAID: [(&str, Class); 1] = [("payment", Class::Billing)];

/// The class of the provider behind Bedrock, where an error quotes its status.
const ORIGINAL: [(u64, Class); 3] =
    [(429, Class::RateLimited), (503, Class::Overloaded), (529, Class::Overloaded)];

/// Status and type of what a client is told. What failed at a provider is a `ModelErrorException`,
/// which AWS SDKs do not retry: every tier was tried before.
const ANSWERS: [(Class, u16, &str); 16] = [
    (Class::ClientInvalid, 400, "ValidationException"),
    (Class::ContextOverflow, 400, "ValidationException"),
    (Class::UnsupportedHere, 400, "ValidationException"),
    (Class::PolicyBlock, 400, "ValidationException"),
    (Class::TooLarge, 413, "ValidationException"),
    (Class::CallerAuth, 403, "UnrecognizedClientException"),
    (Class::CallerDenied, 403, "AccessDeniedException"),
    (Class::PolicyDenied, 403, "AccessDeniedException"),
    (Class::NotFound, 404, "ResourceNotFoundException"),
    (Class::Timeout, 408, "ModelTimeoutException"),
    (Class::RateLimited, 429, "ThrottlingException"),
    (Class::OverLimit, 429, "ThrottlingException"),
    (Class::OverBudget, 402, "ServiceQuotaExceededException"),
    (Class::ClientGone, 499, "ModelErrorException"),
    (Class::Overloaded, 503, "ServiceUnavailableException"),
    (Class::Internal, 500, "InternalServerException"),
];

/// Status and type of every other class.
const ANSWER_ELSE: (u16, &str) = (424, "ModelErrorException");

/// What the body of an error says.
#[derive(Debug, Default)]
struct Told {
    kind: Option<String>,
    message: Option<String>,
    original: Option<u64>,
}

impl Told {
    fn of(body: &[u8]) -> Self {
        let Ok(Value::Object(fields)) = serde_json::from_slice(body) else {
            return Self::default();
        };
        let text = |names: &[&str]| {
            names.iter().find_map(|name| fields.get(*name)?.as_str()).map(str::to_owned)
        };
        Self {
            kind: text(&["__type", "code"]).map(|kind| plain(&kind).to_owned()),
            message: text(&["message", "Message", "originalMessage"]),
            original: fields.get("originalStatusCode").and_then(Value::as_u64),
        }
    }
}

/// Reads an error answer.
pub(super) fn read(status: u16, headers: &HeaderMap, body: &[u8]) -> Fault {
    let told = Told::of(body);
    let header = headers.get("x-amzn-errortype").and_then(|value| value.to_str().ok());
    let kind = header.map(|kind| plain(kind).to_owned()).or(told.kind);
    let message = told.message.unwrap_or_else(|| quote_body(status, body));
    let class = kind
        .as_deref()
        .and_then(|kind| class_of_type(kind, told.original))
        .unwrap_or_else(|| class_of_status(status));
    let mut fault = fault_of(refined(class, &message), status, headers, message);
    fault.code = kind;
    fault
}

/// The error that a body with HTTP 200 reports, if it is one.
pub(super) fn find_in_band(body: &[u8]) -> Option<Fault> {
    let told = Told::of(body);
    let message = told.message?;
    let class = told.kind.as_deref().and_then(|kind| class_of_type(kind, told.original));
    let mut fault = Fault::new(refined(class.unwrap_or(Class::ServerError), &message), message);
    fault.code = told.kind;
    Some(fault)
}

/// Reads an exception of a stream.
pub(super) fn read_in_band(kind: &str, payload: &[u8]) -> Fault {
    let told = Told::of(payload);
    let message = told.message.unwrap_or_else(|| format!("the stream reported {kind}"));
    let class = class_of_type(kind, told.original).unwrap_or(Class::StreamError);
    let fault = Fault::new(refined(class, &message), message).with_code(plain(kind));
    match told.original.and_then(|status| u16::try_from(status).ok()) {
        Some(status) => fault.with_status(status),
        None => fault,
    }
}

/// A type without what some services put around it: `prefix#Type:http://...`.
fn plain(kind: &str) -> &str {
    let kind = kind.split(':').next().unwrap_or(kind);
    kind.rsplit('#').next().unwrap_or(kind)
}

fn class_of_type(kind: &str, original: Option<u64>) -> Option<Class> {
    let kind = plain(kind).to_ascii_lowercase();
    let kind = kind.strip_suffix("exception").unwrap_or(&kind);
    let class = class_of_word(&TYPES, kind)?;
    let behind = ORIGINAL.iter().find(|(status, _)| Some(*status) == original);
    let is_model = matches!(class, Class::ServerError | Class::StreamError);
    Some(behind.filter(|_| is_model).map_or(class, |(_, class)| *class))
}

fn refined(class: Class, message: &str) -> Class {
    match class {
        Class::ClientInvalid => class_of_message(&PHRASES, message).unwrap_or(class),
        Class::Auth => class_of_message(&UNPAID, message).unwrap_or(class),
        _ => class,
    }
}

/// Writes a fault as an HTTP answer. The type stands in the body too, for whoever cannot see the
/// header; AWS answers carry their request id in a header only.
pub(super) fn write(fault: &Fault) -> (u16, Vec<u8>) {
    let found = ANSWERS.iter().find(|(class, ..)| *class == fault.class);
    let (status, kind) = found.map_or(ANSWER_ELSE, |(_, status, kind)| (*status, *kind));
    (status, bytes(&json!({ "__type": kind, "message": client_message(fault) })))
}

/// The name and the content of the exception that ends a stream.
pub(super) fn write_in_band(fault: &Fault) -> (&'static str, Vec<u8>) {
    let name = match fault.class {
        Class::RateLimited | Class::OverLimit => "throttlingException",
        Class::Overloaded | Class::Exhausted => "serviceUnavailableException",
        Class::ClientInvalid
        | Class::ContextOverflow
        | Class::UnsupportedHere
        | Class::PolicyBlock
        | Class::TooLarge => "validationException",
        Class::StreamError
        | Class::StreamTruncated
        | Class::BadPayload
        | Class::Empty
        | Class::Timeout => "modelStreamErrorException",
        _ => "internalServerException",
    };
    (name, bytes(&json!({ "message": client_message(fault) })))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, kind: &str, body: &str) -> Fault {
        let mut headers = HeaderMap::new();
        headers.insert("x-amzn-requestid", "abc".parse().unwrap());
        if !kind.is_empty() {
            headers.insert("x-amzn-errortype", kind.parse().unwrap());
        }
        read(status, &headers, body.as_bytes())
    }

    #[test]
    fn every_answer_has_its_class() {
        for (status, kind, message, class) in [
            (
                400,
                "ValidationException",
                "Input is too long for requested model.",
                Class::ContextOverflow,
            ),
            (
                400,
                "ValidationException",
                "prompt is too long: 9 tokens > 8 maximum",
                Class::ContextOverflow,
            ),
            (
                400,
                "ValidationException",
                "The provided model identifier is invalid.",
                Class::UnsupportedHere,
            ),
            (
                400,
                "ValidationException",
                "Invocation of model ID x with on-demand throughput isn't supported.",
                Class::UnsupportedHere,
            ),
            (
                400,
                "ValidationException",
                "This model doesn't support tool use.",
                Class::UnsupportedHere,
            ),
            (400, "ValidationException", "messages must alternate", Class::ClientInvalid),
            (400, "ServiceQuotaExceededException", "quota", Class::RateLimited),
            (403, "AccessDeniedException", "You don't have access to the model", Class::Auth),
            (403, "AccessDeniedException", "INVALID_PAYMENT_INSTRUMENT", Class::Billing),
            (403, "ExpiredTokenException", "expired", Class::Auth),
            (403, "UnrecognizedClientException", "invalid", Class::Auth),
            (404, "ResourceNotFoundException", "This model is retired", Class::UnsupportedHere),
            (408, "ModelTimeoutException", "slow", Class::Timeout),
            (424, "ModelErrorException", "broken", Class::ServerError),
            (429, "ThrottlingException", "Too many tokens", Class::RateLimited),
            (429, "ModelNotReadyException", "loading", Class::Overloaded),
            (500, "InternalServerException", "oops", Class::ServerError),
            (503, "ServiceUnavailableException", "busy", Class::Overloaded),
            (503, "", "busy", Class::Overloaded),
            (429, "BrandNewException", "wait", Class::RateLimited),
        ] {
            let body = json!({ "message": message }).to_string();
            let fault = answer(status, kind, &body);
            assert_eq!(fault.class, class, "{status} {kind}: {message}");
            assert_eq!(fault.message, message);
            assert_eq!(fault.status, Some(status));
            assert_eq!(fault.upstream_request_id.as_deref(), Some("abc"));
        }
    }

    #[test]
    fn the_type_is_found_wherever_it_stands() {
        let suffixed = "ThrottlingException:http://internal.amazon.com/coral/";
        assert_eq!(answer(400, suffixed, "{}").code.as_deref(), Some("ThrottlingException"));
        let body = r#"{"__type":"com.amazon.coral.service#AccessDeniedException","Message":"no"}"#;
        let fault = answer(400, "", body);
        assert_eq!((fault.class, fault.message.as_str()), (Class::Auth, "no"));
        let html = answer(502, "", "<html>bad gateway</html>");
        assert_eq!(html.class, Class::ServerError);
        assert!(html.message.contains("bad gateway"));
    }

    #[test]
    fn an_error_quotes_the_model_behind_it() {
        let fault = read_in_band(
            "modelStreamErrorException",
            br#"{"message":"m","originalStatusCode":529,"originalMessage":"overloaded"}"#,
        );
        assert_eq!((fault.class, fault.status), (Class::Overloaded, Some(529)));
        assert_eq!(read_in_band("newException", b"not json").class, Class::StreamError);
    }

    #[test]
    fn answers_are_understood_and_hide_our_credential() {
        for class in [
            Class::ClientInvalid,
            Class::RateLimited,
            Class::Overloaded,
            Class::Timeout,
            Class::ServerError,
        ] {
            let (status, body) = write(&Fault::new(class, "why"));
            let fault = read(status, &HeaderMap::new(), &body);
            assert_eq!((fault.class, fault.message.as_str()), (class, "why"));
        }
        for class in [Class::Auth, Class::Billing] {
            let (status, body) = write(&Fault::new(class, "key AKIA is bad"));
            assert_eq!(status, 424);
            assert!(!String::from_utf8(body).unwrap().contains("AKIA"));
        }
        assert_eq!(write(&Fault::new(Class::CallerAuth, "who?")).0, 403);
    }

    #[test]
    fn exceptions_are_lower_camel() {
        for (class, name) in [
            (Class::RateLimited, "throttlingException"),
            (Class::Overloaded, "serviceUnavailableException"),
            (Class::ContextOverflow, "validationException"),
            (Class::StreamTruncated, "modelStreamErrorException"),
            (Class::ServerError, "internalServerException"),
            (Class::Auth, "internalServerException"),
        ] {
            assert_eq!(write_in_band(&Fault::new(class, "why")).0, name);
        }
    }
}
