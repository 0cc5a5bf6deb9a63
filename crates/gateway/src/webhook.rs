//! What every message to a webhook carries: when it was sent, and who can prove it.

use std::fmt::Write as _;

use aws_lc_rs::hmac;
use http::{HeaderMap, HeaderName, HeaderValue, header::CONTENT_TYPE};
use tieline_config::Webhook;

/// When the message was signed, seconds since the Unix epoch.
const TIMESTAMP: HeaderName = HeaderName::from_static("x-tieline-timestamp");
/// `sha256=` and the HMAC of the timestamp, a full stop and the body, in hexadecimal.
const SIGNATURE: HeaderName = HeaderName::from_static("x-tieline-signature");

/// The headers of a message.
pub(crate) fn headers(webhook: &Webhook, now_s: u64, body: &[u8]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(TIMESTAMP, HeaderValue::from(now_s));
    if let Some(secret) = &webhook.secret
        && let Ok(value) = HeaderValue::try_from(signature(secret.expose(), now_s, body))
    {
        headers.insert(SIGNATURE, value);
    }
    headers
}

/// The value of [`SIGNATURE`]. With the time in it, an old message cannot pass for a new one.
fn signature(secret: &str, now_s: u64, body: &[u8]) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    let mut signing = hmac::Context::with_key(&key);
    signing.update(now_s.to_string().as_bytes());
    signing.update(b".");
    signing.update(body);
    signing.sign().as_ref().iter().fold("sha256=".to_owned(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_that_of_time_and_body() {
        // From Python: hmac.new(key, b"1790000000." + body, "sha256").hexdigest()
        assert_eq!(
            signature("whsec-0123", 1_790_000_000, br#"{"id":"job_1"}"#),
            "sha256=9ebb671edb3dd2ddfe680a147135a2eae341f23d89730cde782dcd26bfc2d90b"
        );
    }
}
