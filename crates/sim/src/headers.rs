//! The response headers each vendor sends.

use std::time::Duration;

use http::{HeaderMap, HeaderValue};
use jiff::{SignedDuration, Timestamp, fmt::rfc2822::DateTimePrinter};

use crate::{Kind, RetryForm};

/// Requests a minute that the simulated accounts may make, as told in rate-limit headers.
const REQUESTS_PER_MINUTE: u64 = 10_000;
/// Tokens a minute that they may use.
const TOKENS_PER_MINUTE: u64 = 2_000_000;
/// When the window opens again, as told in the same headers.
const WINDOW_S: u64 = 60;

/// What the headers of one answer say.
#[derive(Clone, Debug)]
pub(crate) struct Stamp {
    /// Milliseconds since the Unix epoch.
    pub(crate) unix_ms: u64,
    /// From the request to its headers.
    pub(crate) took: Duration,
    /// Two numbers that no other answer of this simulation has.
    pub(crate) id: (u64, u64),
}

impl Stamp {
    /// The request id in the vendor's form.
    pub(crate) fn request_id(&self, kind: Kind) -> String {
        let (high, low) = self.id;
        match kind {
            Kind::Anthropic => format!("req_01{high:016x}{low:06x}", low = low & 0x00ff_ffff),
            Kind::Openai | Kind::OpenaiCompatible => format!("req_{high:016x}{low:016x}"),
            Kind::Bedrock | Kind::AzureOpenai => uuid::Builder::from_random_bytes(self.id_bytes())
                .into_uuid()
                .hyphenated()
                .to_string(),
        }
    }

    fn id_bytes(&self) -> [u8; 16] {
        let (high, low) = self.id;
        ((u128::from(high) << 64) | u128::from(low)).to_be_bytes()
    }

    fn timestamp(&self, after: Duration) -> Timestamp {
        let ms = i64::try_from(self.unix_ms).unwrap_or(i64::MAX);
        let after = SignedDuration::try_from(after).unwrap_or(SignedDuration::ZERO);
        Timestamp::from_millisecond(ms)
            .unwrap_or_default()
            .saturating_add(after)
            .unwrap_or_default()
    }

    /// An IMF-fixdate, so long after the answer.
    fn http_date(&self, after: Duration) -> Option<String> {
        DateTimePrinter::new().timestamp_to_rfc9110_string(&self.timestamp(after)).ok()
    }
}

/// Adds what every answer of the vendor carries. `open` is false once a quota is used up.
pub(crate) fn dress(kind: Kind, stamp: &Stamp, open: bool, headers: &mut HeaderMap) {
    let id = stamp.request_id(kind);
    put(headers, "date", stamp.http_date(Duration::ZERO));
    match kind {
        Kind::Openai => {
            put(headers, "x-request-id", Some(id));
            headers.insert("openai-organization", HeaderValue::from_static("simulated"));
            put(headers, "openai-processing-ms", Some(stamp.took.as_millis().to_string()));
            headers.insert("openai-version", HeaderValue::from_static("2020-10-01"));
            tell(&OPENAI_QUOTAS, &format!("{WINDOW_S}s"), open, headers);
        }
        Kind::AzureOpenai => {
            put(headers, "apim-request-id", Some(id.clone()));
            put(headers, "x-request-id", Some(id));
            headers.insert("x-ms-region", HeaderValue::from_static("Simulated"));
            tell(&OPENAI_QUOTAS, &format!("{WINDOW_S}s"), open, headers);
        }
        Kind::OpenaiCompatible => put(headers, "x-request-id", Some(id)),
        Kind::Anthropic => {
            put(headers, "request-id", Some(id));
            headers.insert("anthropic-organization-id", HeaderValue::from_static("simulated"));
            let reset = stamp.timestamp(Duration::from_secs(WINDOW_S)).to_string();
            tell(&ANTHROPIC_QUOTAS, &reset, open, headers);
        }
        Kind::Bedrock => put(headers, "x-amzn-requestid", Some(id)),
    }
}

/// Adds the wait the vendor asks for.
pub(crate) fn ask_to_wait(wait: Duration, form: RetryForm, stamp: &Stamp, headers: &mut HeaderMap) {
    match form {
        RetryForm::Seconds => {
            let whole_s = wait.as_millis().div_ceil(1000);
            put(headers, "retry-after", Some(whole_s.to_string()));
        }
        RetryForm::Millis => put(headers, "retry-after-ms", Some(wait.as_millis().to_string())),
        RetryForm::Date => put(headers, "retry-after", stamp.http_date(wait)),
    }
}

/// A quota: its size, and the headers that tell the size, what is left and when it opens again.
type Quota = (u64, &'static str, &'static str, &'static str);

const OPENAI_QUOTAS: [Quota; 2] = [
    (
        REQUESTS_PER_MINUTE,
        "x-ratelimit-limit-requests",
        "x-ratelimit-remaining-requests",
        "x-ratelimit-reset-requests",
    ),
    (
        TOKENS_PER_MINUTE,
        "x-ratelimit-limit-tokens",
        "x-ratelimit-remaining-tokens",
        "x-ratelimit-reset-tokens",
    ),
];

const ANTHROPIC_QUOTAS: [Quota; 4] = [
    (
        REQUESTS_PER_MINUTE,
        "anthropic-ratelimit-requests-limit",
        "anthropic-ratelimit-requests-remaining",
        "anthropic-ratelimit-requests-reset",
    ),
    (
        TOKENS_PER_MINUTE,
        "anthropic-ratelimit-tokens-limit",
        "anthropic-ratelimit-tokens-remaining",
        "anthropic-ratelimit-tokens-reset",
    ),
    (
        TOKENS_PER_MINUTE,
        "anthropic-ratelimit-input-tokens-limit",
        "anthropic-ratelimit-input-tokens-remaining",
        "anthropic-ratelimit-input-tokens-reset",
    ),
    (
        TOKENS_PER_MINUTE,
        "anthropic-ratelimit-output-tokens-limit",
        "anthropic-ratelimit-output-tokens-remaining",
        "anthropic-ratelimit-output-tokens-reset",
    ),
];

/// Tells quotas; `reset` is when they open again, in the vendor's form.
fn tell(quotas: &[Quota], reset: &str, open: bool, headers: &mut HeaderMap) {
    for (size, limit, remaining, opens) in quotas {
        let left = if open { size.saturating_sub(1) } else { 0 };
        headers.insert(*limit, HeaderValue::from(*size));
        headers.insert(*remaining, HeaderValue::from(left));
        put(headers, opens, Some(reset.to_owned()));
    }
}

fn put(headers: &mut HeaderMap, name: &'static str, value: Option<String>) {
    if let Some(Ok(value)) = value.map(HeaderValue::try_from) {
        headers.insert(name, value);
    }
}
