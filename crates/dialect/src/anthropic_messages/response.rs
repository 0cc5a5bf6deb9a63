//! Whole replies.

use serde_json::Value;
use tieline_types::{Fault, ServiceTier};

use crate::{
    Losses, Style, arguments,
    calls::name_of,
    ir::{Content, Finish, ReasoningBlock, Reply, ToolCall},
    json::{bad_payload, bytes, text_in, text_or_empty},
};

use super::{
    error, finish, state,
    usage::{self, Counts},
    wire::{WireBlock, WireMessage},
};

/// The fields of a reply that this form models or does not need.
const KNOWN: [&str; 9] = [
    "id",
    "type",
    "role",
    "model",
    "content",
    "stop_reason",
    "stop_sequence",
    "stop_details",
    "usage",
];

/// Reads a whole reply.
pub(super) fn read(body: &[u8]) -> Result<Reply, Fault> {
    let body: Value = serde_json::from_slice(body)
        .map_err(|error| bad_payload(format!("the reply is not valid JSON: {error}")))?;
    if body.get("error").is_some_and(|error| !error.is_null()) {
        return Err(error::read_in_band(&body));
    }
    let is_message = text_in(&body, "type") == Some("message");
    let content = match body.get("content") {
        Some(Value::Array(content)) => content.as_slice(),
        None | Some(Value::Null) if is_message => &[],
        _ => return Err(bad_payload("the reply has no `content`")),
    };
    let mut reply = Reply {
        id: text_or_empty(&body, "id").to_owned(),
        model: text_or_empty(&body, "model").to_owned(),
        stop_sequence: text_in(&body, "stop_sequence").map(str::to_owned),
        usage: body.get("usage").and_then(|usage| Counts::read(usage).usage()),
        service_tier: body.get("usage").and_then(usage::service_tier).and_then(ServiceTier::served),
        ..Reply::default()
    };
    for (at, block) in content.iter().enumerate() {
        read_block(block, &format!("content[{at}]"), &mut reply)?;
    }
    let called = reply.blocks.iter().any(|block| matches!(block, Content::ToolCall(_)));
    reply.finish = finish::read(text_in(&body, "stop_reason"), called);
    let others = body.as_object().into_iter().flatten();
    reply.foreign.extend(
        others
            .filter(|(key, value)| !KNOWN.contains(&key.as_str()) && !value.is_null())
            .map(|(key, _)| key.clone()),
    );
    Ok(reply)
}

fn read_block(block: &Value, path: &str, reply: &mut Reply) -> Result<(), Fault> {
    let text = |key: &str| text_or_empty(block, key).to_owned();
    let content = match text_in(block, "type") {
        Some("text") => {
            if block.get("citations").is_some_and(|citations| !citations.is_null()) {
                reply.foreign.push(format!("{path}.citations"));
            }
            Content::Text(text("text"))
        }
        Some("thinking") => Content::Reasoning(ReasoningBlock {
            text: text("thinking"),
            state: state::state_of(text("signature")),
        }),
        Some("redacted_thinking") => Content::Reasoning(ReasoningBlock {
            text: String::new(),
            state: Some(state::redacted(text("data"))),
        }),
        Some("tool_use") => Content::ToolCall(ToolCall {
            id: text("id"),
            name: name_of(text_in(block, "name"))?,
            arguments: arguments_of(block.get("input"))
                .unwrap_or_else(|| arguments::NONE.to_owned()),
        }),
        // Tools that ran at the provider are no business of this client's.
        Some(_) => {
            reply.foreign.push(path.to_owned());
            return Ok(());
        }
        None => return Err(bad_payload(format!("`{path}` has no `type`"))),
    };
    reply.blocks.push(content);
    Ok(())
}

/// The arguments in an `input`; none where it is absent.
pub(super) fn arguments_of(input: Option<&Value>) -> Option<String> {
    input.filter(|input| !input.is_null()).map(Value::to_string)
}

/// Writes a whole reply.
pub(super) fn write(reply: &Reply, style: &Style, losses: &mut Losses) -> Vec<u8> {
    for path in &reply.foreign {
        losses.drop_path(path);
    }
    let refused = reply.blocks.iter().any(|block| matches!(block, Content::Refusal(_)));
    bytes(&WireMessage {
        id: style.id_or(&reply.id),
        kind: "message",
        role: "assistant",
        model: style.model_or(&reply.model),
        content: reply.blocks.iter().filter_map(|content| write_block(content, losses)).collect(),
        stop_reason: Some(finish::write(reply.finish, refused)),
        stop_sequence: stop_sequence(reply.finish, reply.stop_sequence.as_deref()),
        usage: usage::write(reply.usage.as_ref(), reply.service_tier.as_ref()),
    })
}

fn write_block<'a>(content: &'a Content, losses: &mut Losses) -> Option<WireBlock<'a>> {
    match content {
        Content::Text(text) | Content::Refusal(text) => {
            (!text.is_empty()).then(|| WireBlock::text(text))
        }
        Content::Reasoning(reasoning) => WireBlock::thinking(reasoning),
        Content::ToolCall(call) => Some(WireBlock::ToolUse {
            id: call.id.as_str().into(),
            name: &call.name,
            input: arguments::object(&call.arguments, losses),
            cache_control: None,
        }),
        Content::Image { .. } | Content::Document { .. } | Content::ToolResult(_) => {
            losses.drop("content");
            None
        }
    }
}

/// The stop string belongs to its own stop reason only.
pub(super) fn stop_sequence(finish: Finish, stop: Option<&str>) -> Option<&str> {
    stop.filter(|_| finish == Finish::StopSequence)
}

#[cfg(test)]
mod tests;
