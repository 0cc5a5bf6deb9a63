//! How the official SDKs repeat a request.
//!
//! Source: `_base_client.py` of openai-python and anthropic-sdk-python.

use std::time::Duration;

/// Repeats of one request.
pub(super) const RETRIES: u32 = 2;
/// The first pause; it doubles with each further one.
const PAUSE: Duration = Duration::from_millis(500);
const PAUSE_MAX: Duration = Duration::from_secs(8);
/// The longest wait that a server can ask for.
const ASKED_MAX: Duration = Duration::from_secs(60);
/// The most that chance takes off a pause.
const JITTER: f64 = 0.25;

/// The head of an answer.
pub(super) struct Head<'a>(pub(super) &'a str);

impl Head<'_> {
    pub(super) fn status(&self) -> u16 {
        self.0.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_default()
    }

    fn header(&self, name: &str) -> Option<&str> {
        let lines = self.0.lines().filter_map(|line| line.split_once(':'));
        lines.into_iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, it)| it.trim())
    }

    /// Whether the request is to be sent again.
    pub(super) fn asks_for_retry(&self) -> bool {
        match self.header("x-should-retry") {
            Some("true") => true,
            Some("false") => false,
            _ => matches!(self.status(), 408 | 409 | 429 | 500..),
        }
    }

    /// The wait that the server asks for, where it is one that SDKs keep to.
    fn wait(&self) -> Option<Duration> {
        let number = |name| self.header(name)?.parse::<f64>().ok();
        let seconds = number("retry-after-ms").map(|ms| ms / 1000.0);
        let asked = Duration::try_from_secs_f64(seconds.or_else(|| number("retry-after"))?).ok()?;
        (!asked.is_zero() && asked <= ASKED_MAX).then_some(asked)
    }
}

/// The pause before repeat number `retry`, from 0; `chance` is evenly from 0 to 1. There is no head
/// where the connection failed.
pub(super) fn pause(retry: u32, head: Option<&Head<'_>>, chance: f64) -> Duration {
    let own = PAUSE.saturating_mul(2u32.saturating_pow(retry)).min(PAUSE_MAX);
    head.and_then(Head::wait).unwrap_or_else(|| own.mul_f64(1.0 - JITTER * chance))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sent_again() {
        for (head, wanted) in [
            ("HTTP/1.1 429 X\r\n", true),
            ("HTTP/1.1 503 X\r\nx-should-retry: false\r\n", false),
            ("HTTP/1.1 400 X\r\n", false),
            ("HTTP/1.1 400 X\r\nX-Should-Retry: true\r\n", true),
            ("HTTP/1.1 529 X\r\n", true),
        ] {
            assert_eq!(Head(head).asks_for_retry(), wanted, "{head}");
        }
    }

    #[test]
    fn how_long_it_waits() {
        let ms = Duration::from_millis;
        let asked = |line: &str, retry| {
            pause(retry, Some(&Head(&format!("HTTP/1.1 429 X\r\n{line}\r\n"))), 0.0)
        };
        assert_eq!(asked("retry-after-ms: 1200\r\nretry-after: 9", 0), ms(1200));
        assert_eq!(asked("retry-after: 1.5", 0), ms(1500));
        assert_eq!(asked("retry-after: 900", 1), ms(1000), "too long to be kept to");
        assert_eq!(asked("server: x", 9), ms(8000));
        assert_eq!(pause(0, None, 1.0), ms(375));
    }
}
