//! Errors: OpenAI's, which may also come with HTTP 200 or in a stream.

use serde_json::Value;
use tieline_types::{Class, Fault};

use crate::{json::text_or_empty, openai::error};

pub(super) use error::{object as write_in_band, read, write};

/// The fault of a body or a stream event that is an error although its status was 200, of class
/// `unknown` where it does not tell.
pub(super) fn find_in_band(value: &Value, unknown: Class) -> Option<Fault> {
    let error = value.get("error").is_some_and(|error| !error.is_null());
    let kind = |key| text_or_empty(value, key) == "error";
    let complaint = value.get("choices").is_none()
        && (value.get("detail").is_some() || value.get("message").is_some());
    let found = error || kind("object") || kind("type") || complaint;
    found.then(|| error::read_in_band(value, unknown))
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use tieline_types::Phase;

    use super::*;

    #[test]
    fn errors_in_streams_have_a_class() {
        use Class as C;
        for (body, class) in [
            (json!({"error":{"message":"m","code":"rate_limit_exceeded"}}), C::RateLimited),
            (json!({"error":{"message":"m","type":"overloaded_error"}}), C::Overloaded),
            (json!({"error":{"message":"m","type":"server_error"}}), C::ServerError),
            (json!({"error":{"message":"m","code":529}}), C::Overloaded),
            (json!({"error":{"message":"m","code":500}}), C::StreamError),
            (json!({"error":"boom"}), C::StreamError),
            (json!({"object":"error","message":"m","code":400}), C::ClientInvalid),
            (json!({"message":"m"}), C::StreamError),
        ] {
            let fault = find_in_band(&body, C::StreamError).unwrap();
            assert_eq!((fault.class, fault.phase), (class, Phase::PreCommit), "{body}");
        }
        let chunk = json!({"choices":[],"error":null});
        assert!(find_in_band(&chunk, C::StreamError).is_none());
    }
}
