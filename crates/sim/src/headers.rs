//! The response headers each vendor sends.

use std::time::Duration;

use http::{HeaderMap, HeaderValue};
use jiff::{SignedDuration, Timestamp, fmt::rfc2822::DateTimePrinter};

use crate::{
    Kind, RetryForm,
    quota::{Counted, Draw, Quotas},
};

/// Requests a minute that accounts without a quota may make, as told in rate-limit headers.
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

/// What headers tell of an account.
pub(crate) struct Account<'a> {
    pub(crate) quotas: &'a Quotas,
    pub(crate) draw: Draw<'a>,
    /// Whether something is left where no quota is in force.
    pub(crate) open: bool,
}

/// Adds what every answer of the vendor carries.
pub(crate) fn dress(kind: Kind, stamp: &Stamp, account: &Account<'_>, headers: &mut HeaderMap) {
    let id = stamp.request_id(kind);
    put(headers, "date", stamp.http_date(Duration::ZERO));
    match kind {
        Kind::Openai => {
            put(headers, "x-request-id", Some(id));
            headers.insert("openai-organization", HeaderValue::from_static("simulated"));
            put(headers, "openai-processing-ms", Some(stamp.took.as_millis().to_string()));
            headers.insert("openai-version", HeaderValue::from_static("2020-10-01"));
            let reset = |wait: Duration| format!("{:.3}s", wait.as_secs_f64());
            tell(&OPENAI_QUOTAS, reset, account, headers);
        }
        Kind::AzureOpenai => {
            put(headers, "apim-request-id", Some(id.clone()));
            put(headers, "x-request-id", Some(id));
            headers.insert("x-ms-region", HeaderValue::from_static("Simulated"));
            tell(&OPENAI_QUOTAS, |wait| whole_s(wait).to_string(), account, headers);
        }
        Kind::OpenaiCompatible => put(headers, "x-request-id", Some(id)),
        Kind::Anthropic => {
            put(headers, "request-id", Some(id));
            headers.insert("anthropic-organization-id", HeaderValue::from_static("simulated"));
            let reset = |wait| stamp.timestamp(Duration::from_secs(whole_s(wait))).to_string();
            tell(&ANTHROPIC_QUOTAS, reset, account, headers);
        }
        Kind::Bedrock => put(headers, "x-amzn-requestid", Some(id)),
    }
}

/// Adds the wait the vendor asks for.
pub(crate) fn ask_to_wait(wait: Duration, form: RetryForm, stamp: &Stamp, headers: &mut HeaderMap) {
    match form {
        RetryForm::Seconds => {
            put(headers, "retry-after", Some(whole_s(wait).to_string()));
        }
        RetryForm::Millis => put(headers, "retry-after-ms", Some(whole_ms(wait).to_string())),
        RetryForm::Date => put(headers, "retry-after", stamp.http_date(wait)),
    }
}

/// How a vendor says how long to wait for a quota; AWS does not say.
pub(crate) const fn usual_form(kind: Kind) -> Option<RetryForm> {
    match kind {
        Kind::Openai | Kind::AzureOpenai => Some(RetryForm::Millis),
        Kind::Anthropic | Kind::OpenaiCompatible => Some(RetryForm::Seconds),
        Kind::Bedrock => None,
    }
}

/// Rounded up: who comes earlier is refused again.
fn whole_s(wait: Duration) -> u64 {
    wait.as_secs() + u64::from(wait.subsec_nanos() > 0)
}

fn whole_ms(wait: Duration) -> u128 {
    wait.as_nanos().div_ceil(1_000_000)
}

/// A limit that is told: what it counts, its size where no quota is in force, and the headers that
/// tell the size, what is left and when it opens again.
type Told = (Counted, u64, &'static str, &'static str, &'static str);

const OPENAI_QUOTAS: [Told; 2] = [
    (
        Counted::Requests,
        REQUESTS_PER_MINUTE,
        "x-ratelimit-limit-requests",
        "x-ratelimit-remaining-requests",
        "x-ratelimit-reset-requests",
    ),
    (
        Counted::Tokens,
        TOKENS_PER_MINUTE,
        "x-ratelimit-limit-tokens",
        "x-ratelimit-remaining-tokens",
        "x-ratelimit-reset-tokens",
    ),
];

const ANTHROPIC_QUOTAS: [Told; 4] = [
    (
        Counted::Requests,
        REQUESTS_PER_MINUTE,
        "anthropic-ratelimit-requests-limit",
        "anthropic-ratelimit-requests-remaining",
        "anthropic-ratelimit-requests-reset",
    ),
    (
        Counted::Tokens,
        TOKENS_PER_MINUTE,
        "anthropic-ratelimit-tokens-limit",
        "anthropic-ratelimit-tokens-remaining",
        "anthropic-ratelimit-tokens-reset",
    ),
    (
        Counted::InputTokens,
        TOKENS_PER_MINUTE,
        "anthropic-ratelimit-input-tokens-limit",
        "anthropic-ratelimit-input-tokens-remaining",
        "anthropic-ratelimit-input-tokens-reset",
    ),
    (
        Counted::OutputTokens,
        TOKENS_PER_MINUTE,
        "anthropic-ratelimit-output-tokens-limit",
        "anthropic-ratelimit-output-tokens-remaining",
        "anthropic-ratelimit-output-tokens-reset",
    ),
];

/// Tells limits; `written` is when they open again in the vendor's form.
fn tell(
    told: &[Told],
    written: impl Fn(Duration) -> String,
    account: &Account<'_>,
    headers: &mut HeaderMap,
) {
    for (what, size, limit, remaining, reset) in told {
        let (most, left, wait) = match account.quotas.level(&account.draw, *what) {
            // Whole numbers: what is less than one is nothing.
            Some(level) => {
                let whole = |amount: f64| format!("{:.0}", amount.floor());
                (whole(level.limit), whole(level.remaining), level.reset)
            }
            None => {
                let left = if account.open { size.saturating_sub(1) } else { 0 };
                (size.to_string(), left.to_string(), Duration::from_secs(WINDOW_S))
            }
        };
        put(headers, limit, Some(most));
        put(headers, remaining, Some(left));
        put(headers, reset, Some(written(wait)));
    }
}

fn put(headers: &mut HeaderMap, name: &'static str, value: Option<String>) {
    if let Some(Ok(value)) = value.map(HeaderValue::try_from) {
        headers.insert(name, value);
    }
}
