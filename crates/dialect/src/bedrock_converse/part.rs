//! Content blocks as Converse writes them, for requests and replies alike.

use std::borrow::Cow;

use serde::Serialize;
use serde_json::value::RawValue;

use crate::ir::{CacheMark, ReasoningBlock, StateFamily};

/// A content block; its one key names its kind.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub(super) enum Part<'a> {
    Text(Cow<'a, str>),
    Image {
        format: &'static str,
        source: Source<'a>,
    },
    Document {
        format: &'static str,
        name: String,
        source: Source<'a>,
    },
    ToolUse {
        tool_use_id: Cow<'a, str>,
        name: &'a str,
        input: Cow<'a, RawValue>,
    },
    ToolResult {
        tool_use_id: String,
        content: Vec<Part<'a>>,
        /// Only errors say so: not every model takes the field.
        #[serde(skip_serializing_if = "Option::is_none")]
        status: Option<&'static str>,
    },
    ReasoningContent(Thought<'a>),
    CachePoint(CachePoint),
}

/// Where media come from.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Source<'a> {
    /// Base64, which is how a blob travels in JSON.
    Bytes(Cow<'a, str>),
    S3Location {
        uri: &'a str,
    },
}

/// Thinking.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Thought<'a> {
    ReasoningText {
        text: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        signature: Option<&'a str>,
    },
    RedactedContent(&'a str),
}

/// The end of a cached prefix.
#[derive(Debug, Serialize)]
pub(super) struct CachePoint {
    r#type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    ttl: Option<&'static str>,
}

impl From<CacheMark> for CachePoint {
    fn from(mark: CacheMark) -> Self {
        let ttl = match mark {
            CacheMark::Default => None,
            CacheMark::Minutes5 => Some("5m"),
            CacheMark::Hour1 => Some("1h"),
        };
        Self { r#type: "default", ttl }
    }
}

/// Thinking with the state that Claude can read; none when there is nothing to show and no state
/// of Claude's.
pub(super) fn thought(block: &ReasoningBlock) -> Option<Thought<'_>> {
    let state = block.state.as_ref().filter(|state| state.family == StateFamily::Anthropic);
    match state {
        Some(state) if state.redacted => Some(Thought::RedactedContent(&state.payload)),
        None if block.text.is_empty() => None,
        _ => Some(Thought::ReasoningText {
            text: &block.text,
            signature: state.map(|state| state.payload.as_str()),
        }),
    }
}
