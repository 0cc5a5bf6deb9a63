//! Which requests are not independent of each other.

use serde_json::Value;
use tieline_gate::attest::Digest;

use super::{shape::Exchange, short};

/// What tells a conversation or a user, the narrowest first.
const KEYS: [&str; 8] = [
    "conversation_id",
    "conversation",
    "session_id",
    "sessionId",
    "thread_id",
    "user_id",
    "safety_identifier",
    "user",
];

/// A name for what a request belongs to, which says nothing of it to whoever lacks the salt.
/// Where nothing tells, a conversation is told by its first user message.
pub(super) fn cluster(exchange: &Exchange, messages: &[Value], salt: &[u8; 32]) -> Option<String> {
    let told = KEYS.iter().find_map(|key| {
        let value = exchange.known(key)?;
        let value = value.get("id").unwrap_or(value);
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let plain = (value.is_string() || value.is_number()) && !text.is_empty();
        plain.then(|| format!("{key} {text}"))
    });
    let told = told.or_else(|| {
        let is_user = |message: &&Value| message.get("role").is_some_and(|role| role == "user");
        let first = messages.iter().find(is_user)?;
        Some(format!("first {}", first.get("content")?))
    })?;
    let mut bytes = salt.to_vec();
    bytes.extend_from_slice(told.as_bytes());
    Some(short(&Digest::of(&bytes)))
}
