//! Output items: messages, calls and reasoning.

use serde_json::{Value, json};

use tieline_types::Fault;

use crate::{
    arguments,
    calls::name_of,
    ir::{Content, OpaqueState, ReasoningBlock, StateFamily, ToolCall},
    json::{bad_payload, text_in},
};

/// The texts of summary or content parts as one; parts are paragraphs.
pub(crate) fn joined_text(parts: Option<&[Value]>) -> String {
    let texts = parts.unwrap_or_default().iter().filter_map(|part| text_in(part, "text"));
    texts.collect::<Vec<_>>().join("\n\n")
}

/// Reads an item; none when it is of a kind that the neutral form does not hold.
///
/// # Errors
/// `bad_payload` for a call that does not say of what.
pub(crate) fn read(item: &Value) -> Result<Option<Vec<Content>>, Fault> {
    Ok(match text_in(item, "type") {
        Some("message") => Some(message_parts(item).filter_map(read_part).collect()),
        Some("reasoning") => Some(vec![Content::Reasoning(reasoning(item))]),
        Some("function_call") => Some(vec![Content::ToolCall(call(item)?)]),
        _ => None,
    })
}

/// The content parts of a message item.
pub(crate) fn message_parts(item: &Value) -> impl Iterator<Item = &Value> {
    item.get("content").and_then(Value::as_array).into_iter().flatten()
}

/// Whether a message item cites sources.
pub(crate) fn has_annotations(item: &Value) -> bool {
    let cites = |part: &Value| {
        part.get("annotations").and_then(Value::as_array).is_some_and(|list| !list.is_empty())
    };
    message_parts(item).any(cites)
}

/// Reads a content part of a message.
pub(crate) fn read_part(part: &Value) -> Option<Content> {
    match text_in(part, "type")? {
        "output_text" => Some(Content::Text(text_in(part, "text")?.to_owned())),
        "refusal" => Some(Content::Refusal(text_in(part, "refusal")?.to_owned())),
        _ => None,
    }
}

/// Reads a reasoning item: its summary, or else its full text where the model shows it.
pub(crate) fn reasoning(item: &Value) -> ReasoningBlock {
    let parts = |key: &str| joined_text(item.get(key).and_then(Value::as_array).map(Vec::as_slice));
    let summary = parts("summary");
    let text = if summary.is_empty() { parts("content") } else { summary };
    ReasoningBlock { text, state: state(item) }
}

/// The encrypted reasoning of an item and the item's id, which belong together.
pub(crate) fn state(item: &Value) -> Option<OpaqueState> {
    let sealed = text_in(item, "encrypted_content").filter(|sealed| !sealed.is_empty())?;
    let id = text_in(item, "id").unwrap_or_default();
    Some(openai_state(id, sealed))
}

/// Encrypted content and its item's id as one piece of state.
pub(crate) fn openai_state(id: &str, sealed: &str) -> OpaqueState {
    let payload = format!("{id}\n{sealed}");
    OpaqueState { family: StateFamily::Openai, payload, redacted: false }
}

/// Reads a function call.
///
/// # Errors
/// `bad_payload` without a name or an id.
pub(crate) fn call(item: &Value) -> Result<ToolCall, Fault> {
    let arguments = arguments::text(text_in(item, "arguments").unwrap_or_default());
    let id = text_in(item, "call_id").or_else(|| text_in(item, "id"));
    let id = id.ok_or_else(|| bad_payload("a tool call has no id"))?;
    let name = name_of(text_in(item, "name"))?;
    Ok(ToolCall { id: id.to_owned(), name, arguments: arguments.to_owned() })
}

/// Item id and encrypted content of a piece of state that OpenAI models can read.
pub(crate) fn sealed(state: &OpaqueState) -> Option<(&str, &str)> {
    match state.family {
        StateFamily::Openai => {
            state.payload.split_once('\n').filter(|(_, content)| !content.is_empty())
        }
        StateFamily::Anthropic => None,
    }
}

/// How the ids of reasoning items begin that were made of another family's reasoning, so that they
/// are known when a client replays them: OpenAI refuses items that it neither made nor can unseal.
pub(crate) const FOREIGN_REASONING: &str = "rs_tl1";

/// The id of the item at `at` in the output of the reply `reply_id`.
pub(crate) fn id(prefix: &str, reply_id: &str, at: usize) -> String {
    format!("{prefix}_{reply_id}_{at}")
}

/// Writes a block as the item at `at`; none where the dialect has nothing for it.
pub(crate) fn write(block: &Content, reply_id: &str, at: usize, status: &str) -> Option<Value> {
    match block {
        Content::Text(text) => Some(message(&id("msg", reply_id, at), status, &[text_part(text)])),
        Content::Refusal(text) => {
            Some(message(&id("msg", reply_id, at), status, &[refusal_part(text)]))
        }
        Content::ToolCall(call) => Some(function_call(&id("fc", reply_id, at), status, call)),
        Content::Reasoning(block) => {
            let state = block.state.as_ref().and_then(sealed);
            let own_id = state.map(|(id, _)| id.to_owned()).filter(|id| !id.is_empty());
            let item_id = own_id.unwrap_or_else(|| id(FOREIGN_REASONING, reply_id, at));
            let content = state.map(|(_, content)| content);
            (content.is_some() || !block.text.is_empty())
                .then(|| reasoning_item(&item_id, &block.text, content))
        }
        Content::Image { .. } | Content::Document { .. } | Content::ToolResult(_) => None,
    }
}

/// A message item.
pub(crate) fn message(id: &str, status: &str, content: &[Value]) -> Value {
    json!({
        "id": id, "type": "message", "status": status, "role": "assistant", "content": content,
    })
}

/// A text part.
pub(crate) fn text_part(text: &str) -> Value {
    json!({"type": "output_text", "text": text, "annotations": [], "logprobs": []})
}

/// A refusal part.
pub(crate) fn refusal_part(text: &str) -> Value {
    json!({"type": "refusal", "refusal": text})
}

/// A summary part.
pub(crate) fn summary_part(text: &str) -> Value {
    json!({"type": "summary_text", "text": text})
}

/// A function call item.
pub(crate) fn function_call(id: &str, status: &str, call: &ToolCall) -> Value {
    json!({
        "id": id, "type": "function_call", "status": status,
        "call_id": call.id, "name": call.name, "arguments": call.arguments,
    })
}

/// A reasoning item.
pub(crate) fn reasoning_item(id: &str, text: &str, sealed: Option<&str>) -> Value {
    let summary: Vec<Value> =
        Some(text).filter(|text| !text.is_empty()).map(summary_part).into_iter().collect();
    let mut item = json!({"id": id, "type": "reasoning", "summary": summary});
    if let (Some(sealed), Some(fields)) = (sealed, item.as_object_mut()) {
        fields.insert("encrypted_content".to_owned(), sealed.into());
    }
    item
}
