//! What happened, in order: a line of JSON an event.

use serde::Serialize;
use serde_json::{Value, json};
use tieline_gate::attest::Digest;

/// An event log. The same drill with the same seed gives the same bytes.
#[derive(Clone, Debug, Default)]
pub struct Log {
    bytes: Vec<u8>,
}

impl Log {
    /// Adds an event `what` at so many milliseconds after the drill's start, with what is said of
    /// it.
    pub(crate) fn add(&mut self, at_ms: u64, what: &str, said: &impl Serialize) {
        let head = json!({ "at_ms": at_ms, "event": what });
        let mut line = head.as_object().cloned().unwrap_or_default();
        if let Ok(Value::Object(said)) = serde_json::to_value(said) {
            line.extend(said);
        }
        // Writing JSON into memory cannot fail.
        let _ = serde_json::to_writer(&mut self.bytes, &line);
        self.bytes.push(b'\n');
    }

    /// The log as text, a line an event.
    #[must_use]
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.bytes).unwrap_or_default()
    }

    /// SHA-256 of its bytes, in hexadecimal.
    #[must_use]
    pub fn sha256(&self) -> String {
        Digest::of(&self.bytes).to_string()
    }
}
