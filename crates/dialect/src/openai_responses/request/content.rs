//! Input items: the conversation as a flat list of messages, calls, results and reasoning.

use serde_json::Value;
use tieline_types::Fault;

use super::parts;
use crate::{
    arguments,
    ir::{Block, Content, Foreign, Message, ReasoningBlock, Role, ToolCall, ToolResult},
    json::{Fields, expected},
    openai_responses::response::item::{joined_text, openai_state},
};

/// Reads `input`: one user text, or items in order.
pub(super) fn read(input: Value, foreign: &mut Vec<Foreign>) -> Result<Vec<Message>, Fault> {
    let items = match input {
        Value::String(text) => {
            let blocks = vec![Content::Text(text).into()];
            return Ok(vec![Message { role: Role::User, blocks }]);
        }
        Value::Array(items) => items,
        other => return Err(expected("input", "a string or an array", &other)),
    };
    let mut turns = Turns::default();
    for (at, item) in items.into_iter().enumerate() {
        let mut item = Fields::of_value(item, format!("input[{at}]"))?;
        read_item(&mut item, &mut turns, foreign)?;
        item.leftover(&[], foreign);
    }
    Ok(turns.messages)
}

/// Messages being put together: what the model produced in one go is one turn, and so are the
/// results of its calls, although here each is an item of its own.
#[derive(Default)]
struct Turns {
    messages: Vec<Message>,
}

impl Turns {
    fn add(&mut self, role: Role, blocks: Vec<Block>) {
        if blocks.is_empty() {
            return;
        }
        let joins = matches!(role, Role::Assistant | Role::Tool);
        match self.messages.last_mut() {
            Some(last) if joins && last.role == role => last.blocks.extend(blocks),
            _ => self.messages.push(Message { role, blocks }),
        }
    }
}

fn read_item(
    item: &mut Fields,
    turns: &mut Turns,
    foreign: &mut Vec<Foreign>,
) -> Result<(), Fault> {
    // Clients replay items with their status, which says nothing about the conversation.
    item.take("status");
    let kind = item.string("type")?;
    match kind.as_deref() {
        None | Some("message") => {
            item.take("id");
            let role = role(item)?;
            let blocks = parts::read(item, "content", foreign)?;
            turns.add(role, blocks);
        }
        Some("function_call") => {
            item.take("id");
            turns.add(Role::Assistant, vec![Content::ToolCall(call(item)?).into()]);
        }
        Some("function_call_output") => {
            item.take("id");
            let result = ToolResult {
                call_id: item.required_string("call_id")?,
                blocks: parts::read(item, "output", foreign)?,
                is_error: false,
            };
            turns.add(Role::Tool, vec![Content::ToolResult(result).into()]);
        }
        Some("reasoning") => {
            turns.add(Role::Assistant, reasoning(item)?.into_iter().collect());
        }
        Some(other) => {
            let message = format!("input items of type `{other}` are not supported");
            return Err(Fault::unsupported(item.path("type"), message));
        }
    }
    Ok(())
}

fn role(item: &mut Fields) -> Result<Role, Fault> {
    match item.required_string("role")?.as_str() {
        "user" => Ok(Role::User),
        "assistant" => Ok(Role::Assistant),
        "system" => Ok(Role::System),
        "developer" => Ok(Role::Developer),
        other => Err(Fault::invalid(item.path("role"), format!("there is no role `{other}`"))),
    }
}

fn call(item: &mut Fields) -> Result<ToolCall, Fault> {
    if item.take("namespace").is_some() {
        let message = "calls of tools in a namespace are not supported";
        return Err(Fault::unsupported(item.path("namespace"), message));
    }
    let arguments = item.string("arguments")?.unwrap_or_default();
    Ok(ToolCall {
        id: item.required_string("call_id")?,
        name: item.required_string("name")?,
        arguments: arguments::text(&arguments).to_owned(),
    })
}

/// A reasoning item, unless it is a mere reference to one that the provider stored.
fn reasoning(item: &mut Fields) -> Result<Option<Block>, Fault> {
    let id = item.string("id")?.unwrap_or_default();
    let sealed = item.string("encrypted_content")?.filter(|sealed| !sealed.is_empty());
    let summary = joined_text(item.array("summary")?.as_deref());
    let content = joined_text(item.array("content")?.as_deref());
    let text = if summary.is_empty() { content } else { summary };
    let state = sealed.map(|sealed| openai_state(&id, &sealed));
    let told = !text.is_empty() || state.is_some();
    Ok(told.then(|| Content::Reasoning(ReasoningBlock { text, state }).into()))
}
