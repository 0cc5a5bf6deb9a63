//! The wording of a request's last question, apart from all else that the request says.

use serde_json::{Map, Value};
use tieline_types::DialectId;

/// Takes the text of the last user turn out of a client's request and leaves an empty text there:
/// what remains is all that two differently worded requests must have in common to mean the same.
/// Several texts of one turn come joined by an empty line; each leaves its own empty place.
///
/// None, with the request as it was, where the last turn is not the user's, or holds anything but
/// text.
#[must_use]
pub fn take_wording(dialect: DialectId, request: &mut Map<String, Value>) -> Option<String> {
    let turns = match dialect {
        DialectId::OpenaiResponses => "input",
        DialectId::OpenaiChat | DialectId::AnthropicMessages | DialectId::BedrockConverse => {
            "messages"
        }
    };
    match request.get_mut(turns)? {
        Value::String(text) if dialect == DialectId::OpenaiResponses => Some(std::mem::take(text)),
        Value::Array(turns) => {
            let last = turns.last_mut()?.as_object_mut()?;
            let by_user = last.get("role").and_then(Value::as_str) == Some("user");
            take_text(last.get_mut("content").filter(|_| by_user)?)
        }
        _ => None,
    }
}

fn take_text(content: &mut Value) -> Option<String> {
    match content {
        Value::String(text) => Some(std::mem::take(text)),
        Value::Array(blocks) if !blocks.is_empty() && blocks.iter().all(is_text) => {
            let texts = blocks.iter_mut().filter_map(|block| match block.get_mut("text") {
                Some(Value::String(text)) => Some(std::mem::take(text)),
                _ => None,
            });
            Some(texts.collect::<Vec<_>>().join("\n\n"))
        }
        _ => None,
    }
}

/// Converse's blocks have no `type`: their one key says what they are.
fn is_text(block: &Value) -> bool {
    let kind = block.get("type").map(Value::as_str);
    let named = matches!(kind, None | Some(Some("text" | "input_text")));
    named && block.get("text").is_some_and(Value::is_string)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use DialectId::{
        AnthropicMessages as Messages, BedrockConverse as Converse, OpenaiChat as Chat,
        OpenaiResponses as Responses,
    };

    fn taken(dialect: DialectId, request: &Value) -> (Option<String>, Value) {
        let mut request = request.as_object().unwrap().clone();
        let text = take_wording(dialect, &mut request);
        (text, Value::Object(request))
    }

    #[test]
    fn the_last_users_text_is_taken_and_nothing_else() {
        let turn = |content: Value| {
            json!([{"role": "system", "content": "be brief"},
            {"role": "user", "content": content}])
        };
        for (dialect, request, text, rest) in [
            (
                Chat,
                json!({"messages": turn(json!("how?")), "n": 1}),
                "how?",
                json!({"messages": turn(json!("")), "n": 1}),
            ),
            (
                Messages,
                json!({"messages": turn(json!([{"type": "text", "text": "a", "cache_control": 1},
                    {"type": "text", "text": "b"}]))}),
                "a\n\nb",
                json!({"messages": turn(json!([{"type": "text", "text": "", "cache_control": 1},
                    {"type": "text", "text": ""}]))}),
            ),
            (
                Converse,
                json!({"messages": turn(json!([{"text": "how?"}]))}),
                "how?",
                json!({"messages": turn(json!([{"text": ""}]))}),
            ),
            (Responses, json!({"input": "how?"}), "how?", json!({"input": ""})),
            (
                Responses,
                json!({"input": turn(json!([{"type": "input_text", "text": "how?"}]))}),
                "how?",
                json!({"input": turn(json!([{"type": "input_text", "text": ""}]))}),
            ),
        ] {
            assert_eq!(taken(dialect, &request), (Some(text.to_owned()), rest), "{request}");
        }
    }

    #[test]
    fn what_is_more_than_text_stays_whole() {
        let last = |turn: Value| json!({"messages": [{"role": "user", "content": "hello"}, turn]});
        for request in [
            last(json!({"role": "assistant", "content": "prefill"})),
            last(json!({"role": "tool", "tool_call_id": "c", "content": "42"})),
            last(json!({"role": "user", "content": []})),
            last(json!({"role": "user", "content": [{"type": "text", "text": "see"},
                {"type": "image_url", "image_url": {"url": "https://x"}}]})),
            last(json!({"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t",
                "text": "42"}]})),
            last(json!({"role": "user", "content": [{"type": 7, "text": "x"}]})),
            last(json!({"role": "user"})),
            last(json!("user")),
            json!({"messages": []}),
            json!({"messages": "how?"}),
            json!({"input": "how?"}),
            json!({}),
        ] {
            assert_eq!(taken(Chat, &request), (None, request.clone()), "{request}");
        }
    }
}
