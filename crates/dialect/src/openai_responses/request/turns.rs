//! Turns as input items.

use serde_json::{Value, json};
use tieline_types::Fault;

use super::parts;
use crate::{
    Losses, arguments,
    calls::{Answers, Calls},
    ir::{Block, CacheMark, Content, Message, ReasoningBlock, Role, ToolCall, ToolResult},
    openai::{CACHE_MARKS_MAX, CALL_IDS, mark_error, marks_in, model, write_cache_mark},
    openai_responses::response::item,
    stand_in::NO_RESULT,
};

/// The leading operator turns as one text, and the turns that follow them.
pub(super) fn split_instructions<'a>(
    messages: &'a [Message],
    losses: &mut Losses,
) -> (Option<String>, &'a [Message]) {
    let lead = messages.iter().position(|message| !is_operator(message)).unwrap_or(messages.len());
    let (operator, rest) = messages.split_at(lead);
    let mut texts = Vec::new();
    for block in operator.iter().flat_map(|message| &message.blocks) {
        if block.cache.is_some() {
            losses.drop("cache_control");
        }
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
    message.role.instructs()
        && message.blocks.iter().all(|block| matches!(block.content, Content::Text(_)))
}

/// Writes turns as items for `model`, in order.
pub(super) fn write(
    messages: &[Message],
    model: &str,
    losses: &mut Losses,
) -> Result<Vec<Value>, Fault> {
    let marks = messages.iter().flat_map(|message| &message.blocks).map(marks_in).sum::<usize>();
    let mut items = Items {
        calls: Calls::new(CALL_IDS),
        items: Vec::new(),
        takes_marks: model::takes_cache_marks(model),
        marks_to_skip: marks.saturating_sub(CACHE_MARKS_MAX),
        losses,
    };
    for message in messages {
        items.add(message)?;
    }
    items.settle();
    Ok(items.items)
}

struct Items<'a, 'l> {
    calls: Calls<'a>,
    items: Vec<Value>,
    takes_marks: bool,
    /// Cache marks to leave out before the first one is written: the last ones count.
    marks_to_skip: usize,
    losses: &'l mut Losses,
}

impl<'a> Items<'a, '_> {
    /// Adds a turn: runs of content become message items, all else items of its own.
    fn add(&mut self, message: &'a Message) -> Result<(), Fault> {
        if message.role != Role::Tool {
            self.settle();
        }
        let mut parts = Vec::new();
        for block in &message.blocks {
            let item = match &block.content {
                Content::ToolCall(call) => self.call_item(call),
                Content::ToolResult(result) => self.result_item(result, block.cache)?,
                Content::Reasoning(reasoning) => self.reasoning_item(reasoning),
                _ => {
                    parts.extend(self.part(block, message.role)?);
                    continue;
                }
            };
            if block.cache.is_some() && marks_in(block) == 0 {
                self.losses.drop("cache_control");
            }
            self.flush(message.role, &mut parts);
            self.items.extend(item);
        }
        self.flush(message.role, &mut parts);
        Ok(())
    }

    /// Gives every call that was not answered a result that says so: one without is refused.
    fn settle(&mut self) {
        for call_id in self.calls.close() {
            self.losses.emulate("tool_result");
            self.items.push(output_item(&call_id, &json!(NO_RESULT)));
        }
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

    /// A call; none where the turn holds the very same call already.
    fn call_item(&mut self, call: &'a ToolCall) -> Option<Value> {
        let Some(id) = self.calls.open(call) else {
            self.losses.drop("tool_call");
            return None;
        };
        let arguments = arguments::text(&call.arguments);
        Some(json!({
            "type": "function_call", "call_id": id, "name": call.name, "arguments": arguments,
        }))
    }

    fn result_item(
        &mut self,
        result: &ToolResult,
        cache: Option<CacheMark>,
    ) -> Result<Option<Value>, Fault> {
        let Answers::Call(call_id) = self.calls.answer(&result.call_id) else {
            self.losses.drop("tool_result");
            return Ok(None);
        };
        let mut parts = Vec::new();
        for block in &result.blocks {
            parts.extend(self.part(block, Role::Tool)?);
        }
        if result.is_error {
            self.losses.emulate("tool_result.is_error");
            mark_error(&mut parts, text_part);
        }
        if let (Some(mark), Some(last)) = (self.mark(cache), parts.last_mut()) {
            put_mark(last, mark);
        }
        let output = match parts.as_slice() {
            [] => json!(""),
            [Value::Object(only)] if only.len() == 2 && only.contains_key("text") => {
                only.get("text").cloned().unwrap_or_default()
            }
            _ => Value::Array(parts),
        };
        Ok(Some(output_item(&call_id, &output)))
    }

    /// A content part; empty text is none at all.
    fn part(&mut self, block: &Block, role: Role) -> Result<Option<Value>, Fault> {
        let Some(mut part) = part(&block.content, role)? else {
            return Ok(None);
        };
        // The model's own words take no mark.
        match self.mark(block.cache) {
            Some(mark) if role != Role::Assistant => put_mark(&mut part, mark),
            Some(_) => self.losses.drop("cache_control"),
            None => {}
        }
        Ok(Some(part))
    }

    /// The breakpoint to write for a mark, if it is to be written.
    fn mark(&mut self, mark: Option<CacheMark>) -> Option<Value> {
        let mark = mark?;
        if !self.takes_marks || self.marks_to_skip > 0 {
            self.marks_to_skip = self.marks_to_skip.saturating_sub(1);
            self.losses.drop("cache_control");
            return None;
        }
        Some(write_cache_mark(mark))
    }
}

fn put_mark(part: &mut Value, mark: Value) {
    if let Value::Object(fields) = part {
        fields.insert("prompt_cache_breakpoint".to_owned(), mark);
    }
}

fn text_part(text: &str) -> Value {
    json!({"type": "input_text", "text": text})
}

fn output_item(call_id: &str, output: &Value) -> Value {
    json!({"type": "function_call_output", "call_id": call_id, "output": output})
}

fn part(content: &Content, role: Role) -> Result<Option<Value>, Fault> {
    let assistant = role == Role::Assistant;
    Ok(Some(match content {
        Content::Text(text) if text.is_empty() => return Ok(None),
        Content::Text(text) if assistant => json!({"type": "output_text", "text": text}),
        Content::Text(text) => text_part(text),
        Content::Refusal(text) => json!({"type": "refusal", "refusal": text}),
        Content::Image { .. } | Content::Document { .. } if assistant => {
            let message = "media in the model's own turns cannot be replayed in this dialect";
            return Err(Fault::unsupported("messages.content", message));
        }
        Content::Image { source, detail } => parts::write_image(source, detail.as_deref())?,
        Content::Document { source, name } => parts::write_file(source, name.as_deref())?,
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
