//! Writing a request for a provider.

use std::borrow::Cow;

use serde::Serialize;
use serde_json::{Map, Value, json, value::RawValue};
use tieline_types::Fault;

use crate::{
    Losses, Target,
    anthropic_messages::wire::{CacheControl, WireBlock},
    arguments::no_parameters,
    claude::{
        self,
        model::{NEWEST, version_of},
        sampling::{self, Sampling},
        thinking::{self, Setting, Thinking},
    },
    ir::{Ask, Format, Tool, ToolChoice},
    json::{bytes, raw},
    stand_in::JSON_ONLY,
};

use super::{
    schema,
    turns::{Conversation, Turn, arrange},
};

/// The most cache marks of one request.
const MARKS_MAX: usize = 4;

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
    losses.leave_out(&ask.foreign)?;
    claude::drop_hints(ask, losses);
    losses.drop_given(&[("store", ask.store.is_some()), ("metadata", !ask.metadata.is_empty())]);
    let mut conversation = arrange(ask, target.accepts, losses)?;
    let format = write_format(ask.format.as_ref(), &mut conversation.system, losses);
    let mut tools: Vec<WireTool<'_>> =
        ask.tools.iter().map(|tool| write_tool(tool, losses)).collect();
    let tool_choice = write_tool_choice(ask, &mut tools, losses);
    let max_tokens = ask.max_output_tokens.unwrap_or(target.max_output_tokens);
    let setting = Setting {
        version: Some(version_of(&target.model).unwrap_or(NEWEST)),
        limit: max_tokens,
        unthought: conversation.loops_without_thinking(),
    };
    let Thinking { config, effort, on } = thinking::plan(ask, setting, losses);
    let Sampling { temperature, top_p, top_k } =
        sampling::plan(ask, target.accepts.sampling, on, losses);
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
        stop_sequences: sampling::stops(ask, losses),
        metadata: ask.user.as_ref().map(|user| json!({ "user_id": user })),
        service_tier: ask.service_tier.as_deref().and_then(|tier| service_tier(tier, losses)),
        stream: ask.stream,
    }))
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
            system.push(WireBlock::text(JSON_ONLY));
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
        tools.extend(ask.called_tools().into_iter().map(declared));
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

/// A declaration for a tool of which only the name is known.
fn declared(name: &str) -> WireTool<'_> {
    WireTool {
        name,
        description: None,
        input_schema: Cow::Owned(no_parameters()),
        strict: None,
        cache_control: None,
    }
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

fn service_tier(tier: &str, losses: &mut Losses) -> Option<&'static str> {
    let known = SERVICE_TIERS.iter().find(|(name, _)| *name == tier).map(|(_, tier)| *tier);
    if known.is_none() {
        losses.drop("service_tier");
    }
    known
}
