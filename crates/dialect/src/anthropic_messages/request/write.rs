//! Writing a request for a provider.

use std::{borrow::Cow, collections::BTreeSet};

use serde::Serialize;
use serde_json::{Map, Value, json, value::RawValue};
use tieline_types::Fault;

use crate::{
    Losses, Target,
    anthropic_messages::wire::{CacheControl, WireBlock, without_positions},
    ir::{Ask, Content, Format, Tool, ToolChoice},
    json::{bytes, raw},
};

use super::{
    schema,
    thinking::{self, Bounds, Sampling, Thinking},
    turns::{Conversation, Turn, arrange},
};

/// The most cache marks of one request.
const MARKS_MAX: usize = 4;

/// What asks for JSON, which this dialect enforces by schema only.
const JSON_INSTRUCTION: &str =
    "Answer with a single JSON object and nothing else: no prose, no code fences.";

/// Service tiers and what this dialect calls them.
const SERVICE_TIERS: [(&str, &str); 3] =
    [("auto", "auto"), ("default", "auto"), ("standard_only", "standard_only")];

#[derive(Serialize)]
struct Body<'a> {
    model: &'a str,
    max_tokens: u64,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    system: Vec<WireBlock<'a>>,
    messages: Vec<Turn<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tools: Vec<WireTool<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_choice: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    thinking: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    output_config: Option<OutputConfig<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_p: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_k: Option<u64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    stop_sequences: Vec<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    service_tier: Option<&'static str>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    stream: bool,
}

#[derive(Serialize)]
struct WireTool<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
    input_schema: Cow<'a, RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    strict: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cache_control: Option<CacheControl>,
}

#[derive(Serialize)]
struct OutputConfig<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    effort: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    format: Option<WireFormat<'a>>,
}

#[derive(Serialize)]
struct WireFormat<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    schema: Cow<'a, RawValue>,
}

/// Writes the body of a request for `target`.
pub(crate) fn write(ask: &Ask, target: &Target, losses: &mut Losses) -> Result<Vec<u8>, Fault> {
    leave_out(ask, losses)?;
    let mut conversation = arrange(&ask.messages, target.accepts, losses)?;
    let format = write_format(ask.format.as_ref(), &mut conversation.system, losses);
    let mut tools: Vec<WireTool<'_>> =
        ask.tools.iter().map(|tool| write_tool(tool, losses)).collect();
    let tool_choice = write_tool_choice(ask, &mut tools, losses);
    let max_tokens = ask.max_output_tokens.unwrap_or(target.max_output_tokens);
    let bounds = Bounds {
        max_tokens,
        forced_call: !ask.tools.is_empty()
            && matches!(ask.tool_choice, Some(ToolChoice::Required | ToolChoice::Tool(_))),
        loop_without_thinking: conversation.loops_without_thinking(),
    };
    let Thinking { config, effort, on } = thinking::plan(ask.reasoning.as_ref(), bounds, losses);
    let Sampling { temperature, top_p, top_k } =
        thinking::sampling(ask, target.accepts.sampling, on, losses);
    limit_marks(&mut tools, &mut conversation, losses);
    let Conversation { system, turns } = conversation;
    Ok(bytes(&Body {
        model: &target.model,
        max_tokens,
        system,
        messages: turns,
        tools,
        tool_choice,
        thinking: config,
        output_config: (effort.is_some() || format.is_some())
            .then_some(OutputConfig { effort, format }),
        temperature,
        top_p,
        top_k,
        stop_sequences: stop_sequences(&ask.stop, losses),
        metadata: ask.user.as_ref().map(|user| json!({ "user_id": user })),
        service_tier: ask.service_tier.as_deref().and_then(|tier| service_tier(tier, losses)),
        stream: ask.stream,
    }))
}

/// Notes what this dialect has no place for, and refuses what must not be left out.
fn leave_out(ask: &Ask, losses: &mut Losses) -> Result<(), Fault> {
    for field in &ask.foreign {
        if field.refuse {
            let problem = format!("`{}` cannot be carried over to this deployment", field.path);
            return Err(Fault::unsupported(&field.path, problem));
        }
        losses.drop(without_positions(&field.path));
    }
    for (field, given) in [
        ("frequency_penalty", ask.frequency_penalty.is_some()),
        ("presence_penalty", ask.presence_penalty.is_some()),
        ("seed", ask.seed.is_some()),
        ("verbosity", ask.verbosity.is_some()),
        ("store", ask.store.is_some()),
        ("prompt_cache_key", ask.cache_key.is_some()),
        ("metadata", !ask.metadata.is_empty()),
    ] {
        if given {
            losses.drop(field);
        }
    }
    Ok(())
}

fn write_format<'a>(
    format: Option<&'a Format>,
    system: &mut Vec<WireBlock<'a>>,
    losses: &mut Losses,
) -> Option<WireFormat<'a>> {
    match format? {
        Format::JsonObject => {
            losses.emulate("response_format");
            // Last, so that the cached part of the prompt stays what it was.
            system.push(WireBlock::text(JSON_INSTRUCTION));
            None
        }
        Format::JsonSchema { schema, description, .. } => {
            let fitted = schema::fit(schema, description.as_deref());
            if fitted.weakened {
                losses.downgrade("response_format.schema");
            }
            Some(WireFormat { kind: "json_schema", schema: fitted.schema })
        }
    }
}

fn write_tool<'a>(tool: &'a Tool, losses: &mut Losses) -> WireTool<'a> {
    let strict = tool.strict.filter(|strict| *strict);
    let input_schema = match tool.parameters.as_deref() {
        None => Cow::Owned(no_parameters()),
        Some(parameters) if strict.is_some() => {
            let fitted = schema::fit(parameters, None);
            if fitted.weakened {
                losses.downgrade("tools.parameters");
            }
            fitted.schema
        }
        Some(parameters) => object_schema(parameters),
    };
    WireTool {
        name: &tool.name,
        description: tool.description.as_deref(),
        input_schema,
        strict,
        cache_control: tool.cache.map(Into::into),
    }
}

fn no_parameters() -> Box<RawValue> {
    raw(&json!({ "type": "object", "properties": {} }))
}

/// A schema that says it is an object's, as the dialect demands; text untouched where it does.
fn object_schema(schema: &RawValue) -> Cow<'_, RawValue> {
    match serde_json::from_str::<Map<String, Value>>(schema.get()) {
        Ok(keywords) if keywords.contains_key("type") => Cow::Borrowed(schema),
        Ok(keywords) if keywords.is_empty() => Cow::Owned(no_parameters()),
        Ok(keywords) => {
            let mut typed = Map::from_iter([("type".to_owned(), json!("object"))]);
            typed.extend(keywords);
            Cow::Owned(raw(&Value::Object(typed)))
        }
        Err(_) => Cow::Owned(no_parameters()),
    }
}

/// Writes the choice of tools. Where only the history speaks of tools, they must be declared none
/// the less, and must not be called.
fn write_tool_choice<'a>(
    ask: &'a Ask,
    tools: &mut Vec<WireTool<'a>>,
    losses: &mut Losses,
) -> Option<Value> {
    if tools.is_empty() {
        if matches!(ask.tool_choice, Some(ToolChoice::Required | ToolChoice::Tool(_))) {
            losses.drop("tool_choice");
        }
        tools.extend(called_tools(ask));
        if tools.is_empty() {
            return None;
        }
        losses.emulate("tools");
        return Some(json!({ "type": "none" }));
    }
    let mut choice = match (&ask.tool_choice, ask.parallel_tools) {
        (None, None) => return None,
        (Some(ToolChoice::None), _) => return Some(json!({ "type": "none" })),
        (None | Some(ToolChoice::Auto), _) => json!({ "type": "auto" }),
        (Some(ToolChoice::Required), _) => json!({ "type": "any" }),
        (Some(ToolChoice::Tool(name)), _) => json!({ "type": "tool", "name": name }),
    };
    if let (Some(parallel), Some(fields)) = (ask.parallel_tools, choice.as_object_mut()) {
        fields.insert("disable_parallel_tool_use".to_owned(), json!(!parallel));
    }
    Some(choice)
}

/// A declaration for every tool that was called, in the order of their first calls.
fn called_tools(ask: &Ask) -> impl Iterator<Item = WireTool<'_>> {
    let mut seen = BTreeSet::new();
    ask.messages.iter().flat_map(|message| &message.blocks).filter_map(move |block| {
        let Content::ToolCall(call) = &block.content else {
            return None;
        };
        seen.insert(&call.name).then(|| WireTool {
            name: &call.name,
            description: None,
            input_schema: Cow::Owned(no_parameters()),
            strict: None,
            cache_control: None,
        })
    })
}

/// Keeps the last marks: they cover the longest prefixes.
fn limit_marks(
    tools: &mut [WireTool<'_>],
    conversation: &mut Conversation<'_>,
    losses: &mut Losses,
) {
    let mut places: Vec<_> = tools.iter_mut().map(|tool| &mut tool.cache_control).collect();
    let turns = conversation.turns.iter_mut().flat_map(|turn| &mut turn.content);
    for block in conversation.system.iter_mut().chain(turns) {
        block.marks(&mut places);
    }
    places.retain(|place| place.is_some());
    let excess = places.len().saturating_sub(MARKS_MAX);
    for place in places.into_iter().take(excess) {
        *place = None;
        losses.drop("cache_control");
    }
}

/// Stop strings of white space alone are refused.
fn stop_sequences<'a>(stop: &'a [String], losses: &mut Losses) -> Vec<&'a str> {
    let kept: Vec<&str> =
        stop.iter().map(String::as_str).filter(|text| !text.trim().is_empty()).collect();
    if kept.len() < stop.len() {
        losses.drop("stop");
    }
    kept
}

fn service_tier(tier: &str, losses: &mut Losses) -> Option<&'static str> {
    let known = SERVICE_TIERS.iter().find(|(name, _)| *name == tier).map(|(_, tier)| *tier);
    if known.is_none() {
        losses.drop("service_tier");
    }
    known
}
