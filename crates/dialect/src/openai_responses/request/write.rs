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
    ir::{Ask, Format, Reasoning},
    json::bytes,
};

/// The least `max_output_tokens` that is accepted.
const OUTPUT_TOKENS_MIN: u64 = 16;

/// The longest `safety_identifier` that is accepted, in characters.
const USER_CHARS_MAX: usize = 128;

/// Limits of `metadata`: pairs, and characters of a key and a value.
const METADATA_PAIRS_MAX: usize = 16;
const METADATA_KEY_CHARS_MAX: usize = 64;
const METADATA_VALUE_CHARS_MAX: usize = 512;

/// The largest thinking budget in tokens that each effort stands for; beyond the last is `xhigh`.
const EFFORT_OF_BUDGET: [(u64, &str); 3] = [(1024, "low"), (8192, "medium"), (24_576, "high")];

/// Service tiers by the words of all dialects, and this dialect's word.
const SERVICE_TIERS: [(&str, &str); 8] = [
    ("auto", "auto"),
    ("default", "default"),
    ("standard", "default"),
    ("standard_only", "default"),
    ("flex", "flex"),
    ("scale", "scale"),
    ("priority", "priority"),
    ("fast", "fast"),
];

/// What a provider wants to read before it answers in JSON of no particular schema.
const JSON_INSTRUCTION: &str = "Answer with a JSON object.";

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
    include: [&'static str; 1],
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
    refuse_or_note_foreign(ask, losses)?;
    note_dropped(ask, losses);
    let (instructions, turns) = turns::split_instructions(&ask.messages, losses);
    let mut input = turns::write(turns, losses)?;
    if matches!(ask.format, Some(Format::JsonObject)) {
        ask_for_json(&mut input, losses);
    }
    let sampling = target.accepts.sampling;
    Ok(bytes(&Body {
        model: &target.model,
        instructions,
        input,
        tools: tools::write(&ask.tools, losses),
        tool_choice: tools::write_choice(ask),
        parallel_tool_calls: ask.parallel_tools,
        text: text(ask),
        reasoning: ask.reasoning.as_ref().and_then(|wish| reasoning(wish, losses)),
        max_output_tokens: max_output_tokens(ask, losses),
        temperature: sampled("temperature", ask.temperature, sampling, losses),
        top_p: sampled("top_p", ask.top_p, sampling, losses),
        // The provider keeps every exchange for 30 days unless it is told not to.
        store: ask.store.unwrap_or(false),
        include: [INCLUDE_REASONING],
        prompt_cache_key: ask.cache_key.as_deref(),
        safety_identifier: user(ask, losses),
        metadata: metadata(ask, losses),
        service_tier: service_tier(ask, losses),
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

/// Fields of other dialects: those a caller relies on refuse the request, the rest is noted.
fn refuse_or_note_foreign(ask: &Ask, losses: &mut Losses) -> Result<(), Fault> {
    for field in &ask.foreign {
        if field.refuse {
            let message = format!("`{}` is not supported by the Responses dialect", field.path);
            return Err(Fault::unsupported(&field.path, message));
        }
        losses.drop(without_positions(&field.path));
    }
    Ok(())
}

/// `messages[0].name` as `messages.name`.
fn without_positions(path: &str) -> String {
    let mut inside = false;
    path.chars()
        .filter(|c| {
            let kept = !inside && *c != '[';
            inside = *c == '[' || (inside && *c != ']');
            kept
        })
        .collect()
}

fn note_dropped(ask: &Ask, losses: &mut Losses) {
    let dropped = [
        ("top_k", ask.top_k.is_some()),
        ("frequency_penalty", ask.frequency_penalty.is_some()),
        ("presence_penalty", ask.presence_penalty.is_some()),
        ("seed", ask.seed.is_some()),
    ];
    for (field, _) in dropped.iter().filter(|(_, given)| *given) {
        losses.drop(*field);
    }
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

fn reasoning(wish: &Reasoning, losses: &mut Losses) -> Option<Value> {
    let mut written = Map::new();
    if let Some(effort) = effort(wish, losses) {
        written.insert("effort".to_owned(), effort.into());
    }
    if wish.summary == Some(true) {
        written.insert("summary".to_owned(), "auto".into());
    }
    (!written.is_empty()).then_some(Value::Object(written))
}

fn effort<'a>(wish: &'a Reasoning, losses: &mut Losses) -> Option<&'a str> {
    if wish.off {
        return Some("none");
    }
    if let Some(budget) = wish.budget_tokens {
        losses.downgrade("budget_tokens");
        if wish.effort.is_none() {
            let bucket = EFFORT_OF_BUDGET.iter().find(|(largest, _)| budget <= *largest);
            return Some(bucket.map_or("xhigh", |(_, effort)| effort));
        }
    }
    wish.effort.as_deref()
}

/// The neutral form does not say which of `user` and `safety_identifier` it came from; the newer
/// one is written.
fn user<'a>(ask: &'a Ask, losses: &mut Losses) -> Option<&'a str> {
    let user = ask.user.as_deref()?;
    if user.chars().count() > USER_CHARS_MAX {
        losses.drop("user");
        return None;
    }
    Some(user)
}

fn metadata(ask: &Ask, losses: &mut Losses) -> Map<String, Value> {
    let fits = |(key, value): &&(String, String)| {
        key.chars().count() <= METADATA_KEY_CHARS_MAX
            && value.chars().count() <= METADATA_VALUE_CHARS_MAX
    };
    let kept = ask.metadata.iter().filter(fits).take(METADATA_PAIRS_MAX);
    let written: Map<String, Value> =
        kept.map(|(key, value)| (key.clone(), json!(value))).collect();
    if written.len() < ask.metadata.len() {
        losses.drop("metadata");
    }
    written
}

fn service_tier(ask: &Ask, losses: &mut Losses) -> Option<&'static str> {
    let wish = ask.service_tier.as_deref()?;
    let tier = SERVICE_TIERS.iter().find(|(word, _)| *word == wish);
    if tier.is_none() {
        losses.drop("service_tier");
    }
    tier.map(|(_, ours)| *ours)
}

/// JSON mode is refused unless the input itself, instructions not counted, speaks of JSON. What
/// is added goes to the end, where it spoils no prompt cache.
fn ask_for_json(input: &mut Vec<Value>, losses: &mut Losses) {
    if input.iter().any(mentions_json) {
        return;
    }
    losses.emulate("json_object");
    let content = json!([{"type": "input_text", "text": JSON_INSTRUCTION}]);
    input.push(json!({"type": "message", "role": "developer", "content": content}));
}

fn mentions_json(item: &Value) -> bool {
    let says = |part: &Value| {
        let text = part.as_str().or_else(|| part.get("text")?.as_str());
        text.is_some_and(|text| text.to_ascii_lowercase().contains("json"))
    };
    ["content", "output"].iter().filter_map(|key| item.get(*key)).any(|content| {
        content.as_array().map_or_else(|| says(content), |parts| parts.iter().any(says))
    })
}
