//! Turns as input items.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use tieline_types::Fault;

use super::parts;
use crate::{
    Losses,
    ir::{Block, Content, Message, ReasoningBlock, Role, ToolCall, ToolResult},
    openai_responses::response::item,
};

/// What stands in for a result that the client never sent; a call without one is refused.
const NO_RESULT: &str = "[no result: interrupted]";

/// The leading operator turns as one text, and the turns that follow them.
pub(super) fn split_instructions<'a>(
    messages: &'a [Message],
    losses: &mut Losses,
) -> (Option<String>, &'a [Message]) {
    let lead = messages.iter().position(|message| !is_operator(message)).unwrap_or(messages.len());
    let (operator, rest) = messages.split_at(lead);
    let mut texts = Vec::new();
    for block in operator.iter().flat_map(|message| &message.blocks) {
        note_cache_mark(block, losses);
        if let Content::Text(text) = &block.content
            && !text.is_empty()
        {
            texts.push(text.as_str());
        }
    }
    ((!texts.is_empty()).then(|| texts.join("\n\n")), rest)
}

/// Instructions are plain text; an operator turn with media is an item like any other.
fn is_operator(message: &Message) -> bool {
    matches!(message.role, Role::System | Role::Developer)
        && message.blocks.iter().all(|block| matches!(block.content, Content::Text(_)))
}

/// Writes turns as items, in order.
pub(super) fn write(messages: &[Message], losses: &mut Losses) -> Result<Vec<Value>, Fault> {
    let ids = |pick: fn(&Content) -> Option<&str>| -> BTreeSet<&str> {
        let blocks = messages.iter().flat_map(|message| &message.blocks);
        blocks.filter_map(|block| pick(&block.content)).collect()
    };
    let mut items = Items {
        called: ids(|content| match content {
            Content::ToolCall(call) => Some(&call.id),
            _ => None,
        }),
        answered: ids(|content| match content {
            Content::ToolResult(result) => Some(&result.call_id),
            _ => None,
        }),
        items: Vec::new(),
        losses,
    };
    for message in messages {
        items.add(message)?;
    }
    Ok(items.items)
}

struct Items<'a> {
    called: BTreeSet<&'a str>,
    answered: BTreeSet<&'a str>,
    items: Vec<Value>,
    losses: &'a mut Losses,
}

impl Items<'_> {
    /// Adds a turn: runs of content become message items, all else items of its own.
    fn add(&mut self, message: &Message) -> Result<(), Fault> {
        let mut parts = Vec::new();
        let mut interrupted = Vec::new();
        for block in &message.blocks {
            note_cache_mark(block, self.losses);
            let item = match &block.content {
                Content::ToolCall(call) => {
                    if !self.answered.contains(call.id.as_str()) {
                        self.losses.emulate("tool_result");
                        interrupted.push(output_item(&call.id, &json!(NO_RESULT)));
                    }
                    Some(call_item(call))
                }
                Content::ToolResult(result) => self.result_item(result)?,
                Content::Reasoning(reasoning) => self.reasoning_item(reasoning),
                content => {
                    parts.extend(part(content, message.role)?);
                    continue;
                }
            };
            self.flush(message.role, &mut parts);
            self.items.extend(item);
        }
        self.flush(message.role, &mut parts);
        self.items.append(&mut interrupted);
        Ok(())
    }

    fn flush(&mut self, role: Role, parts: &mut Vec<Value>) {
        if !parts.is_empty() {
            let content = std::mem::take(parts);
            let role = role_word(role);
            self.items.push(json!({"type": "message", "role": role, "content": content}));
        }
    }

    /// Only the family that made a reasoning item can read it again.
    fn reasoning_item(&mut self, reasoning: &ReasoningBlock) -> Option<Value> {
        let Some(state) = &reasoning.state else {
            self.losses.drop("reasoning");
            return None;
        };
        let Some((id, sealed)) = item::sealed(state) else {
            self.losses.drop("reasoning_state");
            return None;
        };
        let mut item = item::reasoning_item(id, &reasoning.text, Some(sealed));
        if let (true, Value::Object(map)) = (id.is_empty(), &mut item) {
            map.shift_remove("id");
        }
        Some(item)
    }

    fn result_item(&mut self, result: &ToolResult) -> Result<Option<Value>, Fault> {
        if !self.called.contains(result.call_id.as_str()) {
            self.losses.drop("tool_result");
            return Ok(None);
        }
        let mut parts = Vec::new();
        for block in &result.blocks {
            note_cache_mark(block, self.losses);
            parts.extend(part(&block.content, Role::Tool)?);
        }
        if result.is_error {
            self.losses.emulate("is_error");
            mark_error(&mut parts);
        }
        let only_text = match parts.as_slice() {
            [] => Some(json!("")),
            [only] => only.get("text").cloned(),
            _ => None,
        };
        let output = only_text.unwrap_or(Value::Array(parts));
        Ok(Some(output_item(&result.call_id, &output)))
    }
}

/// A failed result says so in its text, for there is no field for it.
fn mark_error(parts: &mut Vec<Value>) {
    match parts.first_mut().and_then(|part| part.get_mut("text")) {
        Some(Value::String(text)) => text.insert_str(0, "Error: "),
        _ => parts.insert(0, json!({"type": "input_text", "text": "Error: the tool failed"})),
    }
}

fn call_item(call: &ToolCall) -> Value {
    let arguments = if call.arguments.is_empty() { "{}" } else { &call.arguments };
    json!({
        "type": "function_call", "call_id": call.id, "name": call.name, "arguments": arguments,
    })
}

fn output_item(call_id: &str, output: &Value) -> Value {
    json!({"type": "function_call_output", "call_id": call_id, "output": output})
}

/// A content part; empty text is none at all.
fn part(content: &Content, role: Role) -> Result<Option<Value>, Fault> {
    let assistant = role == Role::Assistant;
    Ok(Some(match content {
        Content::Text(text) if text.is_empty() => return Ok(None),
        Content::Text(text) if assistant => json!({"type": "output_text", "text": text}),
        Content::Text(text) => json!({"type": "input_text", "text": text}),
        Content::Refusal(text) => json!({"type": "refusal", "refusal": text}),
        Content::Image { .. } | Content::Document { .. } if assistant => {
            let message = "media in the model's own turns cannot be replayed in this dialect";
            return Err(Fault::unsupported("messages.content", message));
        }
        Content::Image { source, detail } => parts::write_image(source, detail.as_deref())?,
        Content::Document { source, name } => parts::write_file(source, name.as_deref()),
        Content::Reasoning(_) | Content::ToolCall(_) | Content::ToolResult(_) => return Ok(None),
    }))
}

fn role_word(role: Role) -> &'static str {
    match role {
        Role::System | Role::Developer => "developer",
        Role::User | Role::Tool => "user",
        Role::Assistant => "assistant",
    }
}

fn note_cache_mark(block: &Block, losses: &mut Losses) {
    if block.cache.is_some() {
        losses.drop("cache_control");
    }
}
