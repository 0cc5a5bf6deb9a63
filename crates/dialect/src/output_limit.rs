//! The most output that a request asks for, read without building the rest.

use tieline_types::DialectId;

use crate::scan;

/// Where the requests of a dialect name it: the object that it stands in, the request itself where
/// there is none, and its keys. Of several the one that says most counts.
const fn place(dialect: DialectId) -> (Option<&'static str>, &'static [&'static str]) {
    match dialect {
        DialectId::OpenaiChat => (None, &["max_completion_tokens", "max_tokens"]),
        DialectId::OpenaiResponses => (None, &["max_output_tokens"]),
        DialectId::AnthropicMessages => (None, &["max_tokens"]),
        DialectId::BedrockConverse => (Some("inferenceConfig"), &["maxTokens"]),
    }
}

/// The most tokens of output that a client's request allows, over all the answers it asks for; none
/// where it sets no limit.
#[must_use]
pub fn output_limit(dialect: DialectId, body: &[u8]) -> Option<u64> {
    let (object, keys) = place(dialect);
    let within = match object {
        Some(object) => member(body, object)?,
        None => body,
    };
    let limit = keys.iter().filter_map(|key| number(member(within, key)?)).max()?;
    // Only Chat knows several answers to one request.
    let several = (dialect == DialectId::OpenaiChat).then(|| number(member(body, "n")?)).flatten();
    Some(limit.saturating_mul(several.unwrap_or(1).max(1)))
}

/// The value of a key, as it stands.
fn member<'b>(object: &'b [u8], key: &str) -> Option<&'b [u8]> {
    let mut found = None;
    scan::members(object.trim_ascii_start(), |quoted, value| {
        let name = quoted.strip_prefix(b"\"").and_then(|name| name.strip_suffix(b"\""));
        if name == Some(key.as_bytes()) {
            found = Some(value);
        }
    });
    found
}

fn number(value: &[u8]) -> Option<u64> {
    std::str::from_utf8(value).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use DialectId::{
        AnthropicMessages as Messages, BedrockConverse as Converse, OpenaiChat as Chat,
        OpenaiResponses as Responses,
    };

    #[test]
    fn each_dialect_names_its_limit() {
        for (dialect, body, limit) in [
            (Chat, r#" {"model":"m","max_tokens":7}"#, Some(7)),
            (Chat, r#"{"max_completion_tokens":9,"max_tokens":7,"n":3}"#, Some(27)),
            (Chat, r#"{"max_tokens":7,"n":null}"#, Some(7)),
            (Chat, r#"{"messages":[{"max_tokens":7}]}"#, None),
            (Chat, r#"{"max_tokens":null}"#, None),
            (Chat, r#"{"max_tokens":"7"}"#, None),
            (Chat, r#"{"n":4}"#, None),
            (Messages, r#"{"max_tokens":500,"n":2}"#, Some(500)),
            (Responses, r#"{"max_output_tokens":11}"#, Some(11)),
            (Converse, r#"{"inferenceConfig":{"maxTokens":12}}"#, Some(12)),
            (Converse, r#"{"maxTokens":12}"#, None),
            (Chat, "no json", None),
        ] {
            assert_eq!(output_limit(dialect, body.as_bytes()), limit, "{body}");
        }
    }
}
