//! Whole replies.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json, value::RawValue};
use tieline_types::{Fault, ServiceTier};

use super::{
    error, finish,
    part::{Part, thought},
    usage,
};
use crate::{
    Losses, Style, arguments,
    calls::name_of,
    ir::{Content, OpaqueState, ReasoningBlock, Reply, StateFamily, ToolCall},
    json::{bad_payload, bytes},
};

/// A reply as read. Whatever is not named here is passed over.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Body<'a> {
    #[serde(borrow)]
    output: Option<Output<'a>>,
    stop_reason: Option<String>,
    usage: Option<usage::Wire>,
    service_tier: Option<usage::Tier>,
    additional_model_response_fields: Option<Value>,
}

#[derive(Deserialize)]
struct Output<'a> {
    #[serde(borrow)]
    message: Option<Message<'a>>,
}

#[derive(Deserialize)]
struct Message<'a> {
    #[serde(borrow)]
    content: Option<Vec<Block<'a>>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Block<'a> {
    text: Option<String>,
    #[serde(borrow)]
    tool_use: Option<ToolUse<'a>>,
    reasoning_content: Option<Thought>,
    citations_content: Option<Cited>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ToolUse<'a> {
    tool_use_id: String,
    name: String,
    #[serde(borrow)]
    input: Option<&'a RawValue>,
    /// Set where the provider runs the tool itself.
    r#type: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Thought {
    reasoning_text: Option<ShownThought>,
    redacted_content: Option<String>,
}

#[derive(Deserialize)]
struct ShownThought {
    text: Option<String>,
    signature: Option<String>,
}

#[derive(Deserialize)]
struct Cited {
    content: Option<Vec<CitedText>>,
}

#[derive(Deserialize)]
struct CitedText {
    text: Option<String>,
}

/// Reads a reply.
///
/// # Errors
/// `bad_payload` when it is no reply, the fault it reports when it is an error.
pub(super) fn read(body: &[u8]) -> Result<Reply, Fault> {
    let wire: Body<'_> = serde_json::from_slice(body)
        .map_err(|error| bad_payload(format!("the reply is not a Converse reply: {error}")))?;
    let Some(message) = wire.output.and_then(|output| output.message) else {
        return Err(error::find_in_band(body)
            .unwrap_or_else(|| bad_payload("the reply has no `output.message`")));
    };
    let mut reply = Reply {
        usage: wire.usage.map(|usage| usage.read()),
        service_tier: wire.service_tier.and_then(|tier| tier.word().and_then(ServiceTier::served)),
        stop_sequence: stop_sequence(wire.additional_model_response_fields.as_ref()),
        ..Reply::default()
    };
    for (at, block) in message.content.unwrap_or_default().into_iter().enumerate() {
        block.read(&format!("output.message.content[{at}]"), &mut reply)?;
    }
    let called = reply.blocks.iter().any(|content| matches!(content, Content::ToolCall(_)));
    reply.finish = finish::read(wire.stop_reason.as_deref().unwrap_or_default(), called)?;
    Ok(reply)
}

/// The stop string, where the request asked the model to name it.
pub(super) fn stop_sequence(additional: Option<&Value>) -> Option<String> {
    additional?.get("stop_sequence")?.as_str().map(str::to_owned)
}

impl Block<'_> {
    /// Adds the content at `path` to `reply`, or notes that it was left out.
    ///
    /// # Errors
    /// `bad_payload` for a call without a name.
    fn read(self, path: &str, reply: &mut Reply) -> Result<(), Fault> {
        if let Some(text) = self.text {
            reply.blocks.push(Content::Text(text));
        } else if let Some(call) = self.tool_use {
            if call.r#type.is_some() {
                reply.foreign.push(format!("{path}.toolUse"));
                return Ok(());
            }
            let arguments = call.input.map_or(arguments::NONE, RawValue::get).to_owned();
            let name = name_of(Some(&call.name))?;
            let call = ToolCall { id: call.tool_use_id, name, arguments };
            reply.blocks.push(Content::ToolCall(call));
        } else if let Some(thought) = self.reasoning_content {
            reply.blocks.push(Content::Reasoning(thought.read()));
        } else if let Some(cited) = self.citations_content {
            let texts = cited.content.unwrap_or_default().into_iter();
            reply.blocks.push(Content::Text(texts.filter_map(|piece| piece.text).collect()));
        } else {
            reply.foreign.push(path.to_owned());
        }
        Ok(())
    }
}

impl Thought {
    fn read(self) -> ReasoningBlock {
        let shown = self.reasoning_text;
        let (text, signature) = shown.map_or((None, None), |shown| (shown.text, shown.signature));
        let redacted = self.redacted_content.map(|payload| (payload, true));
        let state = redacted.or(signature.map(|payload| (payload, false)));
        ReasoningBlock {
            text: text.unwrap_or_default(),
            state: state.map(|(payload, redacted)| OpaqueState {
                family: StateFamily::Anthropic,
                payload,
                redacted,
            }),
        }
    }
}

/// A reply as written.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Written<'a> {
    output: WrittenOutput<'a>,
    stop_reason: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<usage::Wire>,
    metrics: Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    service_tier: Option<usage::Tier>,
    #[serde(skip_serializing_if = "Map::is_empty")]
    additional_model_response_fields: Map<String, Value>,
}

#[derive(Serialize)]
struct WrittenOutput<'a> {
    message: WrittenMessage<'a>,
}

#[derive(Serialize)]
struct WrittenMessage<'a> {
    role: &'static str,
    content: Vec<Part<'a>>,
}

/// Writes a reply. Converse replies carry neither id nor model nor date, so `_style` goes unused.
pub(super) fn write(reply: &Reply, _style: &Style, losses: &mut Losses) -> Vec<u8> {
    for path in &reply.foreign {
        losses.drop_path(path);
    }
    let content = reply.blocks.iter().filter_map(|content| part(content, losses)).collect();
    bytes(&Written {
        output: WrittenOutput { message: WrittenMessage { role: "assistant", content } },
        stop_reason: finish::write(reply.finish),
        usage: reply.usage.as_ref().map(usage::Wire::write),
        metrics: metrics(),
        service_tier: reply.service_tier.as_ref().map(usage::Tier::write),
        additional_model_response_fields: additional(reply.stop_sequence.as_deref()),
    })
}

/// `metrics`, which SDKs require; Tieline's own latency is in its headers.
pub(super) fn metrics() -> Value {
    json!({ "latencyMs": 0 })
}

/// `additionalModelResponseFields` that name the stop string.
pub(super) fn additional(stop_sequence: Option<&str>) -> Map<String, Value> {
    stop_sequence.map(|stop| ("stop_sequence".to_owned(), stop.into())).into_iter().collect()
}

fn part<'a>(content: &'a Content, losses: &mut Losses) -> Option<Part<'a>> {
    match content {
        Content::Text(text) | Content::Refusal(text) => {
            (!text.is_empty()).then(|| Part::Text(text.into()))
        }
        Content::Reasoning(block) => {
            let foreign = |state: &OpaqueState| state.family != StateFamily::Anthropic;
            if block.state.as_ref().is_some_and(foreign) {
                losses.drop("reasoning_state");
            }
            thought(block).map(Part::ReasoningContent)
        }
        Content::ToolCall(call) => Some(Part::ToolUse {
            tool_use_id: call.id.as_str().into(),
            name: &call.name,
            input: arguments::object(&call.arguments, losses),
        }),
        Content::Image { .. } | Content::Document { .. } | Content::ToolResult(_) => {
            losses.drop("content");
            None
        }
    }
}

#[cfg(test)]
mod tests;
