//! The shapes that requests, replies and streams of this dialect share when they are written.

use std::borrow::Cow;

use serde::Serialize;
use serde_json::{Value, value::RawValue};

use crate::ir::{CacheMark, ReasoningBlock};

use super::state::signature_of;

/// A content block.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum WireBlock<'a> {
    /// What is said.
    Text {
        text: Cow<'a, str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        cache_control: Option<CacheControl>,
    },
    /// A picture.
    Image {
        source: Source<'a>,
        #[serde(skip_serializing_if = "Option::is_none")]
        cache_control: Option<CacheControl>,
    },
    /// A PDF or a text.
    Document {
        source: Source<'a>,
        #[serde(skip_serializing_if = "Option::is_none")]
        title: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        cache_control: Option<CacheControl>,
    },
    /// Readable thinking and the proof of it.
    Thinking { thinking: &'a str, signature: Cow<'a, str> },
    /// Thinking that only the provider can read.
    RedactedThinking { data: &'a str },
    /// A call of a tool.
    ToolUse {
        id: Cow<'a, str>,
        name: &'a str,
        input: Cow<'a, RawValue>,
        #[serde(skip_serializing_if = "Option::is_none")]
        cache_control: Option<CacheControl>,
    },
    /// The result of a call.
    ToolResult {
        tool_use_id: String,
        #[serde(skip_serializing_if = "Vec::is_empty")]
        content: Vec<WireBlock<'a>>,
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        is_error: bool,
        #[serde(skip_serializing_if = "Option::is_none")]
        cache_control: Option<CacheControl>,
    },
}

/// Where media come from.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum Source<'a> {
    /// Bytes.
    Base64 { media_type: &'a str, data: &'a str },
    /// An http(s) address.
    Url { url: &'a str },
    /// Plain text (documents only).
    Text { media_type: &'static str, data: Cow<'a, str> },
}

/// A prompt-cache breakpoint.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct CacheControl {
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    ttl: Option<&'static str>,
}

impl From<CacheMark> for CacheControl {
    fn from(mark: CacheMark) -> Self {
        let ttl = match mark {
            CacheMark::Default => None,
            CacheMark::Minutes5 => Some("5m"),
            CacheMark::Hour1 => Some("1h"),
        };
        Self { kind: "ephemeral", ttl }
    }
}

impl<'a> WireBlock<'a> {
    /// A text block without a cache mark.
    pub(crate) fn text(text: impl Into<Cow<'a, str>>) -> Self {
        Self::Text { text: text.into(), cache_control: None }
    }

    /// The block of `reasoning`, whoever can read its state; none when there is nothing to show
    /// and nothing to keep.
    pub(crate) fn thinking(reasoning: &'a ReasoningBlock) -> Option<Self> {
        match &reasoning.state {
            Some(state) if state.redacted => Some(Self::RedactedThinking { data: &state.payload }),
            Some(state) => {
                Some(Self::Thinking { thinking: &reasoning.text, signature: signature_of(state) })
            }
            None if reasoning.text.is_empty() => None,
            None => Some(Self::Thinking { thinking: &reasoning.text, signature: "".into() }),
        }
    }

    /// Appends the places of all cache marks of this block, in prompt order.
    pub(crate) fn marks<'s>(&'s mut self, into: &mut Vec<&'s mut Option<CacheControl>>) {
        match self {
            Self::Text { cache_control, .. }
            | Self::Image { cache_control, .. }
            | Self::Document { cache_control, .. }
            | Self::ToolUse { cache_control, .. } => into.push(cache_control),
            Self::ToolResult { content, cache_control, .. } => {
                for block in content {
                    block.marks(into);
                }
                into.push(cache_control);
            }
            Self::Thinking { .. } | Self::RedactedThinking { .. } => {}
        }
    }
}

/// A reply, or the beginning of one in a stream.
#[derive(Debug, Serialize)]
pub(crate) struct WireMessage<'a> {
    /// The reply's id.
    pub(crate) id: &'a str,
    /// Always `message`.
    #[serde(rename = "type")]
    pub(crate) kind: &'static str,
    /// Always `assistant`.
    pub(crate) role: &'static str,
    /// The model that answered.
    pub(crate) model: &'a str,
    /// What it said; empty at a stream's beginning.
    pub(crate) content: Vec<WireBlock<'a>>,
    /// Why it ended; none until it did.
    pub(crate) stop_reason: Option<&'static str>,
    /// Which stop string ended it.
    pub(crate) stop_sequence: Option<&'a str>,
    /// What it consumed; never absent.
    pub(crate) usage: Value,
}
