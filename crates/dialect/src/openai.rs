//! What OpenAI's two dialects share: errors, limits, and what models take by their names.

pub(crate) mod error;
pub(crate) mod labels;
pub(crate) mod model;
pub(crate) mod reasoning;

use serde_json::{Value, json};
use tieline_types::Fault;

use crate::{
    calls::IdRule,
    ir::{Block, CacheMark, Content, Message, ToolChoice},
    json::Fields,
    stand_in::{ERROR_PREFIX, TOOL_FAILED},
};

/// The ids of tool calls: short, of any characters.
pub(crate) const CALL_IDS: IdRule = IdRule { chars_max: 64, marks: None };

/// The most prompt-cache breakpoints of one request.
pub(crate) const CACHE_MARKS_MAX: usize = 4;

/// Reads a choice of tools that is one word.
///
/// # Errors
/// `client_invalid` at `path` for words that are none.
pub(crate) fn tool_choice_of(word: &str, path: &str) -> Result<ToolChoice, Fault> {
    match word {
        "auto" => Ok(ToolChoice::Auto),
        "none" => Ok(ToolChoice::None),
        // Mistral's word is `any`.
        "required" | "any" => Ok(ToolChoice::Required),
        other => Err(Fault::invalid(path, format!("`{path}` has no value `{other}`"))),
    }
}

/// Refuses tools of any type but functions: grammars, and tools that a provider runs itself.
///
/// # Errors
/// `unsupported_here` at the field `type`.
pub(crate) fn require_function(tool: &mut Fields) -> Result<(), Fault> {
    match tool.string("type")?.as_deref() {
        None | Some("function") => Ok(()),
        Some(kind) => Err(Fault::unsupported(
            tool.path("type"),
            format!("tools of type `{kind}` cannot be carried between dialects"),
        )),
    }
}

/// Reads `prompt_cache_breakpoint` of a content part; lifetimes are 30 minutes and 12 hours.
///
/// # Errors
/// `client_invalid` where it is no object.
pub(crate) fn read_cache_mark(part: &mut Fields) -> Result<Option<CacheMark>, Fault> {
    let Some(mut mark) = part.object("prompt_cache_breakpoint")? else {
        return Ok(None);
    };
    let long = mark.string("ttl")?.as_deref() == Some("12h");
    Ok(Some(if long { CacheMark::Hour1 } else { CacheMark::Default }))
}

/// `prompt_cache_breakpoint` for a mark.
pub(crate) fn write_cache_mark(mark: CacheMark) -> Value {
    match mark {
        CacheMark::Default | CacheMark::Minutes5 => json!({ "mode": "explicit" }),
        CacheMark::Hour1 => json!({ "mode": "explicit", "ttl": "12h" }),
    }
}

/// The marks that a content part of this block can hold, results' parts included.
pub(crate) fn marks_in(block: &Block) -> usize {
    let inner = match &block.content {
        Content::Reasoning(_) | Content::ToolCall(_) => return 0,
        Content::ToolResult(result) => result.blocks.iter().map(marks_in).sum(),
        _ => 0,
    };
    inner + usize::from(block.cache.is_some())
}

/// Whether the conversation speaks of JSON, without which JSON mode is refused.
pub(crate) fn mentions_json(messages: &[Message]) -> bool {
    messages.iter().flat_map(|message| &message.blocks).any(|block| says_json(&block.content))
}

fn says_json(content: &Content) -> bool {
    match content {
        Content::Text(text) => text.to_ascii_lowercase().contains("json"),
        Content::ToolResult(result) => result.blocks.iter().any(|block| says_json(&block.content)),
        _ => false,
    }
}

/// Marks a failed result in its own words, for there is no field for it.
pub(crate) fn mark_error(parts: &mut Vec<Value>, text_part: fn(&str) -> Value) {
    match parts.first_mut().and_then(|part| part.get_mut("text")) {
        Some(Value::String(text)) => text.insert_str(0, ERROR_PREFIX),
        _ => parts.insert(0, text_part(&format!("{ERROR_PREFIX}{TOOL_FAILED}"))),
    }
}
