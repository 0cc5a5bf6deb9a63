//! Whole replies: the `response` object (OpenAI API reference, "The response object").

use serde_json::Value;
use tieline_types::{Fault, ServiceTier};

use crate::{
    Losses, Style,
    ir::{Content, Finish, Reply, StateFamily},
    json::{bad_payload, bytes, text_in},
};

pub(super) mod envelope;
pub(super) mod item;

use super::usage;
use envelope::Envelope;

/// Reads a whole reply, which may report an error with HTTP 200.
pub(super) fn read(body: &[u8]) -> Result<Reply, Fault> {
    let value: Value = serde_json::from_slice(body)
        .map_err(|error| bad_payload(format!("the reply is not valid JSON: {error}")))?;
    let finish = envelope::outcome(&value)?;
    let Some(output) = value.get("output").and_then(Value::as_array) else {
        return Err(bad_payload("the reply has no `output`"));
    };
    let text = |key: &str| value.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let mut reply = Reply {
        id: text("id"),
        model: text("model"),
        created_s: value.get("created_at").and_then(envelope::seconds),
        usage: value.get("usage").and_then(usage::read),
        service_tier: text_in(&value, "service_tier").and_then(ServiceTier::served),
        ..Reply::default()
    };
    for (at, output_item) in output.iter().enumerate() {
        match item::read(output_item)? {
            Some(blocks) => reply.blocks.extend(blocks),
            None => reply.foreign.push(format!("output[{at}]")),
        }
        if item::has_annotations(output_item) {
            reply.foreign.push(format!("output[{at}].content.annotations"));
        }
    }
    let called = reply.blocks.iter().any(|block| matches!(block, Content::ToolCall(_)));
    reply.finish = envelope::refined(finish, called, shows_only_refusal(&reply.blocks));
    Ok(reply)
}

fn shows_only_refusal(blocks: &[Content]) -> bool {
    let refusal = |block: &Content| matches!(block, Content::Refusal(_));
    let text = |block: &Content| matches!(block, Content::Text(_));
    blocks.iter().any(refusal) && !blocks.iter().any(text)
}

/// Writes a whole reply.
pub(super) fn write(reply: &Reply, style: &Style, losses: &mut Losses) -> Vec<u8> {
    let id = style.id_or(&reply.id);
    let model = style.model_or(&reply.model);
    let refused = reply.blocks.iter().any(|block| matches!(block, Content::Refusal(_)));
    let (status, reason) = envelope::status_of(reply.finish, refused);
    if reply.stop_sequence.is_some() {
        losses.drop("stop_sequence");
    }
    if matches!(reply.finish, Finish::Pause | Finish::ContextFull) {
        losses.downgrade("finish_reason");
    }
    for path in &reply.foreign {
        losses.drop_path(path);
    }
    let mut output = Vec::new();
    for (at_block, block) in (1..).zip(&reply.blocks) {
        note_state(block, losses);
        let at = output.len();
        // What was cut short is the last item; those before it are whole.
        let status = if at_block == reply.blocks.len() { status } else { "completed" };
        output.extend(item::write(block, id, at, status));
    }
    let created_s = reply.created_s.unwrap_or(style.created_s);
    let base = Envelope { id, model, created_s, service_tier: reply.service_tier.as_ref() };
    bytes(&base.ended(status, reason, output, reply.usage))
}

fn note_state(block: &Content, losses: &mut Losses) {
    if let Content::Reasoning(reasoning) = block
        && reasoning.state.as_ref().is_some_and(|state| state.family != StateFamily::Openai)
    {
        losses.drop("reasoning_state");
    }
}

#[cfg(test)]
mod tests;
