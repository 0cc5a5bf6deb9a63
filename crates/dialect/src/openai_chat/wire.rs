//! What whole replies and streams have in common: the parts of a message.

use serde_json::Value;

use crate::json::{text_in, text_or_empty};

/// The text of one field of a message or delta that is a string, or parts as Mistral sends them:
/// what is thinking goes to the first, what is text to the second.
pub(super) fn texts_of(content: Option<&Value>) -> (String, String) {
    let mut thinking = String::new();
    let mut text = String::new();
    match content {
        Some(Value::String(whole)) => text.push_str(whole),
        Some(Value::Array(parts)) => {
            for part in parts {
                match part.get("thinking") {
                    Some(thought) => thinking.push_str(&texts_of(Some(thought)).1),
                    None => text.push_str(text_or_empty(part, "text")),
                }
            }
        }
        _ => {}
    }
    (thinking, text)
}

/// The thinking shown under either of the names in use; servers that send both repeat themselves.
pub(super) fn reasoning_in(message: &Value) -> Option<&str> {
    text_in(message, "reasoning_content").or_else(|| text_in(message, "reasoning"))
}

/// An id for a tool call that came without one, unique as far as the reply's own id is.
pub(super) fn minted_call_id(reply_id: &str, index: usize) -> String {
    format!("call_{reply_id}_{index}")
}
