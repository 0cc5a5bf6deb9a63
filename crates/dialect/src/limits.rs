//! What a provider says of its own limits beside an answer, so that requests can be steered away
//! before it refuses them.

use std::time::Duration;

use http::{HeaderMap, HeaderValue};

use crate::hint::{WAIT_MAX, duration, rfc3339, seconds, since_date};

/// One limit, as far as the provider tells. It does not say over which time a limit is counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limit {
    /// The most that may be used until the reset.
    pub limit: Option<u64>,
    /// What is left of it.
    pub remaining: Option<u64>,
    /// When all of it is available again, from the answer on.
    pub reset: Option<Duration>,
}

/// All limits that an answer may name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// Requests.
    pub requests: Limit,
    /// Tokens of both kinds; at Anthropic, of the narrowest limit in force.
    pub tokens: Limit,
    /// Tokens of prompts (Anthropic).
    pub input_tokens: Limit,
    /// Tokens of answers (Anthropic).
    pub output_tokens: Limit,
}

/// What precedes the names of OpenAI ("Rate limits in headers"), Azure and Groq, as in
/// `x-ratelimit-remaining-tokens`.
const OPENAI: &str = "x-ratelimit-";
/// What precedes those of Anthropic ("Rate limits"), as in `anthropic-ratelimit-tokens-remaining`.
const ANTHROPIC: &str = "anthropic-ratelimit-";

/// Reads the limits beside an answer. What is absent or no number (Azure sends `-1`) is none.
///
/// One pass over the headers: most answers have none of these, or a few.
#[must_use]
pub fn limits(headers: &HeaderMap) -> Limits {
    let mut found = Limits::default();
    for (name, value) in headers {
        let name = name.as_str();
        let parts = match name.strip_prefix(OPENAI) {
            Some(rest) => rest.split_once('-').map(|(field, what)| (what, field)),
            None => name.strip_prefix(ANTHROPIC).and_then(|rest| rest.rsplit_once('-')),
        };
        let Some((what, field)) = parts else {
            continue;
        };
        let limit = match what {
            "requests" => &mut found.requests,
            "tokens" => &mut found.tokens,
            "input-tokens" => &mut found.input_tokens,
            "output-tokens" => &mut found.output_tokens,
            _ => continue,
        };
        match field {
            "limit" => limit.limit = count(value),
            "remaining" => limit.remaining = count(value),
            "reset" => limit.reset = reset(value, headers),
            _ => {}
        }
    }
    found
}

fn count(value: &HeaderValue) -> Option<u64> {
    value.to_str().ok()?.trim().parse().ok()
}

/// A reset as a duration (`6m0s`), as seconds (Azure), or as a moment (Anthropic).
fn reset(value: &HeaderValue, headers: &HeaderMap) -> Option<Duration> {
    let text = value.to_str().ok()?.trim();
    let wait = duration(text)
        .or_else(|| seconds(text.parse().ok()?))
        .or_else(|| since_date(headers, rfc3339(text)?));
    wait.map(|wait| wait.min(WAIT_MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&'static str, &str)]) -> Limits {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.insert(*name, value.parse().unwrap());
        }
        limits(&headers)
    }

    const fn told(limit: u64, remaining: u64, reset_ms: u64) -> Limit {
        Limit {
            limit: Some(limit),
            remaining: Some(remaining),
            reset: Some(Duration::from_millis(reset_ms)),
        }
    }

    // Made from documentation: OpenAI, "Rate limits in headers".
    #[test]
    fn openai_tells_of_requests_and_tokens() {
        let limits = read(&[
            ("x-ratelimit-limit-requests", "60"),
            ("x-ratelimit-limit-tokens", "150000"),
            ("x-ratelimit-remaining-requests", "59"),
            ("x-ratelimit-remaining-tokens", "149984"),
            ("x-ratelimit-reset-requests", "1s"),
            ("x-ratelimit-reset-tokens", "6m0s"),
        ]);
        assert_eq!(
            limits,
            Limits {
                requests: told(60, 59, 1_000),
                tokens: told(150_000, 149_984, 360_000),
                ..Limits::default()
            }
        );
    }

    // Made from documentation: Anthropic, "Rate limits", "Response headers".
    #[test]
    fn anthropic_tells_of_four_and_of_moments() {
        let limits = read(&[
            ("date", "Wed, 15 Jan 2025 14:23:00 GMT"),
            ("anthropic-ratelimit-requests-limit", "4000"),
            ("anthropic-ratelimit-requests-remaining", "3201"),
            ("anthropic-ratelimit-requests-reset", "2025-01-15T14:24:00Z"),
            ("anthropic-ratelimit-tokens-limit", "480000"),
            ("anthropic-ratelimit-tokens-remaining", "312000"),
            ("anthropic-ratelimit-tokens-reset", "2025-01-15T14:23:15Z"),
            ("anthropic-ratelimit-input-tokens-limit", "400000"),
            ("anthropic-ratelimit-input-tokens-remaining", "0"),
            ("anthropic-ratelimit-input-tokens-reset", "2025-01-15T15:23:30+01:00"),
            ("anthropic-ratelimit-output-tokens-limit", "80000"),
            ("anthropic-ratelimit-output-tokens-remaining", "80000"),
            ("anthropic-ratelimit-output-tokens-reset", "2025-01-15T14:22:00Z"),
        ]);
        let expected = Limits {
            requests: told(4_000, 3_201, 60_000),
            tokens: told(480_000, 312_000, 15_000),
            input_tokens: told(400_000, 0, 30_000),
            output_tokens: told(80_000, 80_000, 0),
        };
        assert_eq!(limits, expected);
    }

    // Made from documentation: forms seen in public reports of Azure, Groq and others.
    #[test]
    fn every_form_of_reset_is_read_and_nonsense_is_none() {
        for (reset, ms) in [
            ("120ms", Some(120)),
            ("1h2m3.5s", Some(3_723_500)),
            ("2m59.56s", Some(179_560)),
            ("33", Some(33_000)),
            ("0", Some(0)),
            ("99h", Some(86_400_000)),
            ("-1", None),
            ("", None),
            ("never", None),
            ("1e300", None),
            ("NaN", None),
            ("2025-01-15T14:23:15Z", None),
        ] {
            let limits =
                read(&[("x-ratelimit-remaining-tokens", "5"), ("x-ratelimit-reset-tokens", reset)]);
            assert_eq!(limits.tokens.reset, ms.map(Duration::from_millis), "{reset}");
            assert_eq!((limits.tokens.limit, limits.tokens.remaining), (None, Some(5)));
        }
        let azure = read(&[
            ("x-ratelimit-limit-tokens", "-1"),
            ("x-ratelimit-remaining-tokens", "-1"),
            ("x-ratelimit-reset-tokens", "many"),
        ]);
        assert_eq!(azure, Limits::default());
        assert_eq!(read(&[("content-type", "application/json")]), Limits::default());
    }
}
