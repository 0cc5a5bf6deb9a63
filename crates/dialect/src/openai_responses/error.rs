//! Errors: OpenAI's, and the `error` of a reply that failed.

use serde_json::{Value, json};
use tieline_types::{Class, Fault};

use crate::openai::error;

pub(super) use error::{read, write};

/// Reads an error that came with HTTP 200: the `error` of a failed reply, or an `error` event,
/// flat or nested.
pub(super) fn read_in_band(value: &Value) -> Fault {
    error::read_in_band(value, Class::StreamError)
}

/// The `error` of a reply that failed after its stream began.
pub(super) fn write_in_band(fault: &Fault) -> Value {
    let (code, message) = error::code_and_message(fault);
    json!({ "code": code, "message": message })
}

#[cfg(test)]
mod tests {
    use tieline_types::Phase;

    use super::*;

    #[test]
    fn an_error_in_a_stream_is_a_stream_error_unless_it_says_more() {
        for (body, class) in [
            (
                json!({"type": "error", "code": "rate_limit_exceeded", "message": "m"}),
                Class::RateLimited,
            ),
            (json!({"type": "error", "error": {"code": "server_error"}}), Class::ServerError),
            (json!({"code": "vector_store_timeout", "message": "m"}), Class::Timeout),
            (json!({"type": "error", "code": null, "message": "m"}), Class::StreamError),
            (Value::Null, Class::StreamError),
        ] {
            let fault = read_in_band(&body);
            assert_eq!((fault.class, fault.phase), (class, Phase::PreCommit), "{body}");
            assert_ne!(fault.code.as_deref(), Some("error"));
        }
    }

    #[test]
    fn a_failed_reply_always_has_a_code() {
        let invalid = write_in_band(&Fault::new(Class::ClientInvalid, "why"));
        assert_eq!(invalid, json!({"code": "invalid_request_error", "message": "why"}));
    }
}
