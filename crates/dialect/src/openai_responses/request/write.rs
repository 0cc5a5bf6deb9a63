//! The body of a request, apart from its items and tools.

use serde::Serialize;
use serde_json::{Map, Value, json, value::RawValue};
use tieline_types::Fault;

use super::{
    read::INCLUDE_REASONING,
    tools::{self, WireTool},
    turns,
};
use crate::{
    Losses, Target,
    ir::{Ask, Format, Message, Reasoning},
    json::bytes,
    openai::{labels, mentions_json, model, reasoning},
    stand_in::JSON_ONLY,
};

/// The least `max_output_tokens` that is accepted.
const OUTPUT_TOKENS_MIN: u64 = 16;

#[derive(Serialize)]
struct Body<'a> {
    model: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    instructions: Option<String>,
    input: Vec<Value>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tools: Vec<WireTool<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_choice: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parallel_tool_calls: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<Text<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_output_tokens: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_p: Option<f64>,
    store: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    include: Vec<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    prompt_cache_key: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    safety_identifier: Option<&'a str>,
    #[serde(skip_serializing_if = "Map::is_empty")]
    metadata: Map<String, Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    service_tier: Option<&'static str>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    stream: bool,
}

#[derive(Serialize)]
struct Text<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    format: Option<WireFormat<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    verbosity: Option<&'a str>,
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum WireFormat<'a> {
    JsonObject,
    JsonSchema {
        name: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        description: Option<&'a str>,
        schema: &'a RawValue,
        #[serde(skip_serializing_if = "Option::is_none")]
        strict: Option<bool>,
    },
}

/// Writes the body of a request for `target`.
pub(crate) fn write(ask: &Ask, target: &Target, losses: &mut Losses) -> Result<Vec<u8>, Fault> {
    refuse_stop(ask)?;
    losses.leave_out(&ask.foreign)?;
    losses.drop_given(&[
        ("top_k", ask.top_k.is_some()),
        ("frequency_penalty", ask.frequency_penalty.is_some()),
        ("presence_penalty", ask.presence_penalty.is_some()),
        ("seed", ask.seed.is_some()),
    ]);
    let (instructions, turns) = turns::split_instructions(&ask.messages, losses);
    let mut input = turns::write(turns, &target.model, losses)?;
    input.extend(json_instruction(ask, turns, losses));
    let sampling = target.accepts.sampling;
    let wish = reasoning::wish_for(ask.reasoning.as_ref(), &target.model, losses);
    Ok(bytes(&Body {
        model: &target.model,
        instructions,
        input,
        tools: tools::write(&ask.tools, losses),
        tool_choice: tools::write_choice(ask),
        parallel_tool_calls: ask.parallel_tools,
        text: text(ask),
        reasoning: wish.and_then(|wish| write_reasoning(wish, losses)),
        max_output_tokens: max_output_tokens(ask, losses),
        temperature: sampled("temperature", ask.temperature, sampling, losses),
        top_p: sampled("top_p", ask.top_p, sampling, losses),
        // The provider keeps every exchange for 30 days unless it is told not to.
        store: ask.store.unwrap_or(false),
        include: include(wish, &target.model),
        prompt_cache_key: ask.cache_key.as_deref(),
        safety_identifier: labels::user(ask, losses),
        metadata: labels::metadata(ask, losses),
        service_tier: labels::service_tier(ask, losses),
        stream: ask.stream,
    }))
}

/// Leaving a stop string out would change where the answer ends.
fn refuse_stop(ask: &Ask) -> Result<(), Fault> {
    if ask.stop.is_empty() {
        return Ok(());
    }
    let message = "stop strings are not supported by the Responses dialect";
    Err(Fault::unsupported("stop", message))
}

fn sampled(field: &str, value: Option<f64>, accepted: bool, losses: &mut Losses) -> Option<f64> {
    if value.is_some() && !accepted {
        losses.drop(field);
    }
    value.filter(|_| accepted)
}

fn max_output_tokens(ask: &Ask, losses: &mut Losses) -> Option<u64> {
    let limit = ask.max_output_tokens?;
    if limit < OUTPUT_TOKENS_MIN {
        losses.downgrade("max_output_tokens");
    }
    Some(limit.max(OUTPUT_TOKENS_MIN))
}

fn text(ask: &Ask) -> Option<Text<'_>> {
    let format = ask.format.as_ref().map(|format| match format {
        Format::JsonObject => WireFormat::JsonObject,
        Format::JsonSchema { name, description, schema, strict } => WireFormat::JsonSchema {
            name,
            description: description.as_deref(),
            schema,
            strict: *strict,
        },
    });
    let verbosity = ask.verbosity.as_deref();
    (format.is_some() || verbosity.is_some()).then_some(Text { format, verbosity })
}

fn write_reasoning(wish: &Reasoning, losses: &mut Losses) -> Option<Value> {
    let mut written = Map::new();
    if let Some(effort) = reasoning::effort(wish, losses) {
        written.insert("effort".to_owned(), effort.into());
    }
    if wish.summary == Some(true) {
        written.insert("summary".to_owned(), "auto".into());
    }
    (!written.is_empty()).then_some(Value::Object(written))
}

/// Models that do not reason refuse to be asked for the state of it.
fn include(wish: Option<&Reasoning>, model: &str) -> Vec<&'static str> {
    let reasons = wish.is_some() || model::reasons(model) == Some(true);
    if reasons { vec![INCLUDE_REASONING] } else { Vec::new() }
}

/// JSON mode is refused unless the input itself, instructions not counted, speaks of JSON. What
/// is added goes to the end, where it spoils no prompt cache.
fn json_instruction(ask: &Ask, turns: &[Message], losses: &mut Losses) -> Option<Value> {
    if !matches!(ask.format, Some(Format::JsonObject)) || mentions_json(turns) {
        return None;
    }
    losses.emulate("response_format");
    let content = json!([{"type": "input_text", "text": JSON_ONLY}]);
    Some(json!({"type": "message", "role": "developer", "content": content}))
}
