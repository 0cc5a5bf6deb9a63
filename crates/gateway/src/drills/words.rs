//! Injected errors in the form of each dialect's providers.

use http::{HeaderMap, HeaderName, HeaderValue, header::RETRY_AFTER};
use serde_json::{Value, json};
use tieline_dialect::frame::{aws_event, sse};
use tieline_types::DialectId;

/// Where AWS names the error.
const AWS_ERROR: HeaderName = HeaderName::from_static("x-amzn-errortype");

/// An error that a provider answers with.
pub(super) struct Refusal<'a> {
    pub(super) status: u16,
    /// The provider's code word; without it the usual one of the status.
    pub(super) word: Option<&'a str>,
    /// The wait it asks for, seconds.
    pub(super) retry_after_s: Option<u64>,
    pub(super) message: &'a str,
}

impl Refusal<'_> {
    /// Headers and body as providers of a dialect send them.
    pub(super) fn write(&self, dialect: DialectId) -> (HeaderMap, Vec<u8>) {
        let mut headers = HeaderMap::new();
        if let Some(wait_s) = self.retry_after_s {
            headers.insert(RETRY_AFTER, HeaderValue::from(wait_s));
        }
        let word = self.word.unwrap_or_else(|| usual(dialect, self.status));
        if dialect == DialectId::BedrockConverse
            && let Ok(name) = HeaderValue::try_from(word)
        {
            headers.insert(AWS_ERROR, name);
        }
        (headers, error(dialect, word, self.message).to_string().into_bytes())
    }
}

/// A frame that tells of an error in a stream, as providers of a dialect send it.
pub(super) fn frame(dialect: DialectId, word: Option<&str>, message: &str) -> Vec<u8> {
    let word = word.unwrap_or_else(|| usual_in_band(dialect));
    let body = error(dialect, word, message);
    let mut out = Vec::new();
    match dialect {
        DialectId::OpenaiChat => sse::write(None, body.to_string().as_bytes(), &mut out),
        DialectId::OpenaiResponses => {
            let told = json!({ "type": "error", "code": word, "message": message, "param": null });
            sse::write(Some("error"), told.to_string().as_bytes(), &mut out);
        }
        DialectId::AnthropicMessages => {
            sse::write(Some("error"), body.to_string().as_bytes(), &mut out);
        }
        DialectId::BedrockConverse => {
            // Too long for its length field it cannot be; then there would be no frame.
            let _ = aws_event::write_exception(word, body.to_string().into_bytes(), &mut out);
        }
    }
    out
}

fn error(dialect: DialectId, word: &str, message: &str) -> Value {
    match dialect {
        DialectId::OpenaiChat | DialectId::OpenaiResponses => {
            let error = json!({ "message": message, "type": word, "param": null, "code": word });
            json!({ "error": error })
        }
        DialectId::AnthropicMessages => {
            json!({ "type": "error", "error": { "type": word, "message": message } })
        }
        DialectId::BedrockConverse => json!({ "message": message }),
    }
}

/// The code word that goes with a status, by the providers' documentation.
const fn usual(dialect: DialectId, status: u16) -> &'static str {
    match (dialect, status) {
        (DialectId::OpenaiChat | DialectId::OpenaiResponses, status) => match status {
            401 => "invalid_api_key",
            403 => "insufficient_permissions",
            404 => "model_not_found",
            429 => "rate_limit_exceeded",
            503 | 529 => "server_is_overloaded",
            408 => "request_timeout",
            500.. => "server_error",
            _ => "invalid_request_error",
        },
        (DialectId::AnthropicMessages, status) => match status {
            401 => "authentication_error",
            402 => "billing_error",
            403 => "permission_error",
            404 => "not_found_error",
            408 | 504 => "timeout_error",
            413 => "request_too_large",
            429 => "rate_limit_error",
            503 | 529 => "overloaded_error",
            500.. => "api_error",
            _ => "invalid_request_error",
        },
        (DialectId::BedrockConverse, status) => match status {
            401 => "UnrecognizedClientException",
            402 | 403 => "AccessDeniedException",
            404 => "ResourceNotFoundException",
            408 | 504 => "ModelTimeoutException",
            424 => "ModelErrorException",
            429 => "ThrottlingException",
            503 | 529 => "ServiceUnavailableException",
            500.. => "InternalServerException",
            _ => "ValidationException",
        },
    }
}

/// The code word of an overloaded provider in a stream.
const fn usual_in_band(dialect: DialectId) -> &'static str {
    match dialect {
        DialectId::OpenaiChat | DialectId::OpenaiResponses => "server_is_overloaded",
        DialectId::AnthropicMessages => "overloaded_error",
        DialectId::BedrockConverse => "modelStreamErrorException",
    }
}

#[cfg(test)]
mod tests {
    use tieline_dialect::{dialect, ir::Event};
    use tieline_types::Class;

    use super::*;

    const ALL: [DialectId; 4] = [
        DialectId::OpenaiChat,
        DialectId::OpenaiResponses,
        DialectId::AnthropicMessages,
        DialectId::BedrockConverse,
    ];

    #[test]
    fn every_dialect_reads_an_injected_error_as_its_providers() {
        for id in ALL {
            for (status, class) in [
                (400, Class::ClientInvalid),
                (401, Class::Auth),
                (404, Class::UnsupportedHere),
                (429, Class::RateLimited),
                (500, Class::ServerError),
                (503, Class::Overloaded),
            ] {
                let refusal =
                    Refusal { status, word: None, retry_after_s: Some(7), message: "injected" };
                let (headers, body) = refusal.write(id);
                let fault = dialect(id).read_error(status, &headers, &body);
                assert_eq!((fault.class, fault.status), (class, Some(status)), "{id:?} {status}");
                assert!(fault.message.contains("injected"), "{}", fault.message);
                if status == 429 {
                    assert_eq!(fault.retry_after.map(|wait| wait.as_secs()), Some(7));
                }
            }
        }
    }

    #[test]
    fn a_word_says_more_than_the_status() {
        let told = |id, status, word| {
            let refusal =
                Refusal { status, word: Some(word), retry_after_s: None, message: "injected" };
            let (headers, body) = refusal.write(id);
            dialect(id).read_error(status, &headers, &body).class
        };
        assert_eq!(told(DialectId::OpenaiChat, 429, "insufficient_quota"), Class::Billing);
        assert_eq!(told(DialectId::AnthropicMessages, 400, "billing_error"), Class::Billing);
        let bedrock = told(DialectId::BedrockConverse, 400, "ThrottlingException");
        assert_eq!(bedrock, Class::RateLimited);
    }

    #[test]
    fn every_dialect_reads_an_injected_error_in_a_stream() {
        for id in ALL {
            let mut events = Vec::new();
            dialect(id).read_events().read(&frame(id, None, "injected"), &mut events);
            let fault = events.iter().find_map(|event| match event {
                Event::Error(fault) => Some(fault),
                _ => None,
            });
            let fault = fault.unwrap_or_else(|| panic!("{id:?} reads {events:?}"));
            assert!(fault.message.contains("injected"), "{id:?}: {}", fault.message);
            assert!(
                matches!(fault.class, Class::Overloaded | Class::StreamError),
                "{id:?}: {}",
                fault.class
            );
        }
    }
}
