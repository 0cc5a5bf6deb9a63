//! Writing a request.

use serde::Serialize;
use serde_json::{Map, Value, json};
use tieline_types::Fault;

use super::{
    thinking,
    tools::{self, ToolConfig},
    turns::{self, Piece, Side, Talk},
};
use crate::{
    Losses, Target,
    bedrock_converse::{
        model::Family,
        part::{CachePoint, Part},
    },
    claude::{
        self,
        sampling::{self, Sampling},
        thinking::{Setting, plan},
    },
    ir::{Ask, CacheMark, Format},
    json::bytes,
    stand_in::JSON_ONLY,
};

/// The most cache points of a request.
const CACHE_POINTS_MAX: usize = 4;

/// The most entries of `requestMetadata`.
const METADATA_MAX: usize = 16;

/// The longest key or value of `requestMetadata`.
const METADATA_CHARS_MAX: usize = 256;

/// Where the end user's id stands in `requestMetadata`.
pub(super) const USER_KEY: &str = "user_id";

/// What the model is told where Converse cannot forbid tools.
const NO_TOOLS: &str = "Do not call any tool now; answer in words.";

/// Service tiers, and Converse's word for each; none where it is what Converse does anyway.
const SERVICE_TIERS: [(&str, Option<&str>); 7] = [
    ("priority", Some("priority")),
    ("default", Some("default")),
    ("standard", Some("default")),
    ("standard_only", Some("default")),
    ("flex", Some("flex")),
    ("reserved", Some("reserved")),
    ("auto", None),
];

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Body<'a> {
    messages: Vec<Message<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    system: Vec<Part<'a>>,
    #[serde(skip_serializing_if = "InferenceConfig::is_empty")]
    inference_config: InferenceConfig<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_config: Option<ToolConfig<'a>>,
    #[serde(skip_serializing_if = "Map::is_empty")]
    additional_model_request_fields: Map<String, Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    output_config: Option<Value>,
    #[serde(skip_serializing_if = "Map::is_empty")]
    request_metadata: Map<String, Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    service_tier: Option<Value>,
}

#[derive(Serialize)]
struct Message<'a> {
    role: &'static str,
    content: Vec<Part<'a>>,
}

#[derive(Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
struct InferenceConfig<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    max_tokens: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_p: Option<f64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    stop_sequences: Vec<&'a str>,
}

impl InferenceConfig<'_> {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Writes the body of a request. Model and stream stand in its path.
///
/// # Errors
/// `unsupported_here` for foreign fields that must not be dropped, and for media, tool names and
/// instructions that Converse does not take.
pub(in crate::bedrock_converse) fn write(
    ask: &Ask,
    target: &Target,
    losses: &mut Losses,
) -> Result<Vec<u8>, Fault> {
    losses.leave_out(&ask.foreign)?;
    claude::drop_hints(ask, losses);
    // Bedrock keeps nothing, so only the wish to keep is lost.
    losses.drop_given(&[("store", ask.store == Some(true))]);
    let family = Family::of(&target.model);
    let mut talk = turns::arrange(ask, family, losses)?;
    let mut marks = Marks::new(ask, &talk, family, losses);
    let tools = tools::write(ask, |mark| marks.tool(mark), losses)?;
    instruct(ask, tools.forbid, &mut talk, losses);
    let setting = Setting {
        version: family.claude(),
        limit: ask.max_output_tokens.unwrap_or(target.max_output_tokens),
        unthought: talk.goes_on_unthought(),
    };
    let thinking = plan(ask, setting, losses);
    let sampling = sampling::plan(ask, target.accepts.sampling, thinking.on, losses);
    let mut additional = thinking::write(thinking);
    let inference_config = inference_config(ask, sampling, family, &mut additional, losses);
    let system = marks.place(talk.system);
    let messages = talk.turns.into_iter().map(|turn| Message {
        role: if turn.side == Side::User { "user" } else { "assistant" },
        content: marks.place(turn.pieces),
    });
    Ok(bytes(&Body {
        messages: messages.collect(),
        system,
        inference_config,
        tool_config: tools.config,
        additional_model_request_fields: additional,
        output_config: output_config(ask),
        request_metadata: metadata(ask, losses),
        service_tier: service_tier(ask, losses),
    }))
}

/// What must be said in words goes last, so that it breaks no cached prefix.
fn instruct(ask: &Ask, forbid_tools: bool, talk: &mut Talk<'_>, losses: &mut Losses) {
    if forbid_tools {
        talk.system.push(Part::Text(NO_TOOLS.into()).into());
    }
    if matches!(ask.format, Some(Format::JsonObject)) {
        losses.emulate("response_format");
        talk.system.push(Part::Text(JSON_ONLY.into()).into());
    }
}

fn inference_config<'a>(
    ask: &'a Ask,
    sampling: Sampling,
    family: Family,
    additional: &mut Map<String, Value>,
    losses: &mut Losses,
) -> InferenceConfig<'a> {
    let is_claude = family.claude().is_some();
    match sampling.top_k {
        Some(top_k) if is_claude => {
            additional.insert("top_k".to_owned(), top_k.into());
        }
        Some(_) => losses.drop("top_k"),
        None => {}
    }
    let stop_sequences = if is_claude {
        sampling::stops(ask, losses)
    } else {
        ask.stop.iter().map(String::as_str).collect()
    };
    InferenceConfig {
        max_tokens: ask.max_output_tokens,
        temperature: sampling.temperature,
        top_p: sampling.top_p,
        stop_sequences,
    }
}

fn output_config(ask: &Ask) -> Option<Value> {
    let Some(Format::JsonSchema { name, description, schema, .. }) = &ask.format else {
        return None;
    };
    let mut json_schema = json!({ "schema": schema.get(), "name": name });
    if let (Some(text), Some(map)) = (description, json_schema.as_object_mut()) {
        map.insert("description".to_owned(), text.as_str().into());
    }
    let structure = json!({ "jsonSchema": json_schema });
    Some(json!({ "textFormat": { "type": "json_schema", "structure": structure } }))
}

fn metadata(ask: &Ask, losses: &mut Losses) -> Map<String, Value> {
    let user = ask.user.iter().map(|user| ("user", USER_KEY, user));
    let pairs = ask.metadata.iter().map(|(key, value)| ("metadata", key.as_str(), value));
    let mut entries = Map::new();
    for (field, key, value) in user.chain(pairs) {
        let fits = !key.is_empty() && is_metadata(key) && is_metadata(value);
        if fits && entries.len() < METADATA_MAX && !entries.contains_key(key) {
            entries.insert(key.to_owned(), value.as_str().into());
        } else {
            losses.drop(field);
        }
    }
    entries
}

/// The alphabet of `requestMetadata`: `[a-zA-Z0-9\s:_@$#=/+,-.]`.
fn is_metadata(text: &str) -> bool {
    text.len() <= METADATA_CHARS_MAX
        && text.bytes().all(|byte| {
            byte.is_ascii_alphanumeric()
                || byte.is_ascii_whitespace()
                || b":_@$#=/+,-.".contains(&byte)
        })
}

fn service_tier(ask: &Ask, losses: &mut Losses) -> Option<Value> {
    let asked = ask.service_tier.as_deref()?;
    match SERVICE_TIERS.iter().find(|(word, _)| *word == asked) {
        Some((_, tier)) => tier.map(|tier| json!({ "type": tier })),
        None => {
            losses.drop("service_tier");
            None
        }
    }
}

/// Turns marks into cache points, as far as the model takes them, and keeps only the last few:
/// later ones cover more. Prompts are cached in the order tools, system, messages.
struct Marks {
    family: Family,
    surplus: usize,
}

impl Marks {
    fn new(ask: &Ask, talk: &Talk<'_>, family: Family, losses: &mut Losses) -> Self {
        let tools = ask.tools.iter().filter(|tool| tool.cache.is_some()).count();
        let pieces = talk.system.iter().chain(talk.turns.iter().flat_map(|turn| &turn.pieces));
        let blocks = pieces.filter(|piece| piece.cache.is_some()).count();
        let taken = if family.caches_tools() { tools } else { 0 }
            + if family.caches() { blocks } else { 0 };
        let surplus = taken.saturating_sub(CACHE_POINTS_MAX);
        if taken < tools + blocks || surplus > 0 {
            losses.drop("cache_control");
        }
        Self { family, surplus }
    }

    fn tool(&mut self, mark: CacheMark) -> Option<CachePoint> {
        if self.family.caches_tools() { self.take(mark) } else { None }
    }

    fn block(&mut self, mark: CacheMark) -> Option<CachePoint> {
        if self.family.caches() { self.take(mark) } else { None }
    }

    fn take(&mut self, mark: CacheMark) -> Option<CachePoint> {
        if self.surplus == 0 {
            return Some(mark.into());
        }
        self.surplus -= 1;
        None
    }

    /// The blocks, each followed by its cache point.
    fn place<'a>(&mut self, pieces: Vec<Piece<'a>>) -> Vec<Part<'a>> {
        let mut parts = Vec::with_capacity(pieces.len());
        for piece in pieces {
            parts.push(piece.part);
            parts.extend(piece.cache.and_then(|mark| self.block(mark)).map(Part::CachePoint));
        }
        parts
    }
}
