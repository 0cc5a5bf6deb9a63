//! What a simulated provider received, for tests to look at.

use std::{collections::VecDeque, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, Method};
use sha2::{Digest, Sha256};

use crate::Fault;

/// The most requests remembered for one provider; the oldest go first.
const SEEN_MAX: usize = 1024;

/// Headers whose values are credentials.
const SECRET: &[&str] = &[
    "authorization",
    "proxy-authorization",
    "api-key",
    "x-api-key",
    "x-amz-security-token",
    "cookie",
];

/// One request as it was received.
#[derive(Clone, Debug)]
pub struct Seen {
    /// When, since the simulation's start.
    pub at: Duration,
    /// The method.
    pub method: Method,
    /// The path and query, exactly as sent.
    pub target: String,
    /// Header names in lower case with their values, credentials replaced by their [`digest`].
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Bytes,
    /// The fault that struck it.
    pub fault: Option<Fault>,
}

impl Seen {
    /// The value of a header, by its name in lower case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// What stands for a credential: `sha256:` and sixteen hex digits of the hash of the whole value.
#[must_use]
pub fn digest(credential: &str) -> String {
    let hash = Sha256::digest(credential.as_bytes());
    let short: String = hash.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{short}")
}

/// Copies headers with their credentials hashed.
pub(crate) fn redacted(headers: &HeaderMap) -> Vec<(String, String)> {
    headers
        .iter()
        .map(|(name, value)| {
            let value = String::from_utf8_lossy(value.as_bytes());
            let shown =
                if SECRET.contains(&name.as_str()) { digest(&value) } else { value.into_owned() };
            (name.as_str().to_owned(), shown)
        })
        .collect()
}

/// The latest requests, at most [`SEEN_MAX`].
#[derive(Debug, Default)]
pub(crate) struct Log(VecDeque<Seen>);

impl Log {
    pub(crate) fn push(&mut self, seen: Seen) {
        if self.0.len() == SEEN_MAX {
            self.0.pop_front();
        }
        self.0.push_back(seen);
    }

    pub(crate) fn all(&self) -> Vec<Seen> {
        self.0.iter().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_log_forgets_the_oldest() {
        let mut log = Log::default();
        for at in 0..SEEN_MAX + 3 {
            log.push(Seen {
                at: Duration::from_secs(u64::try_from(at).unwrap()),
                method: Method::GET,
                target: "/".to_owned(),
                headers: redacted(&HeaderMap::new()),
                body: Bytes::new(),
                fault: None,
            });
        }
        let all = log.all();
        assert_eq!(all.len(), SEEN_MAX);
        assert_eq!(all[0].at, Duration::from_secs(3));
    }
}
