//! A conversation boiled down to a seed and a count of tokens.

use sha2::{Digest, Sha256};
use tieline_dialect::ir::{Ask, CacheMark, Content, Media, Role, Tool};
use tieline_types::Usage;

use crate::prose::tokens_of_bytes;

/// What an image or a document counts as, whatever its size.
const MEDIA_BYTES: usize = 1024;

/// What a simulated model makes of a request before it answers.
pub(crate) struct Transcript {
    /// Depends on the seed, the provider, the model and the conversation, and on nothing else.
    pub(crate) digest: [u8; 32],
    /// The input buckets.
    pub(crate) input: Usage,
}

/// Reads a request.
pub(crate) fn read(seed: u64, provider: &str, ask: &Ask) -> Transcript {
    let mut reading = Reading { hash: Sha256::new(), bytes: 0, cached: None };
    reading.hash.update(seed.to_be_bytes());
    reading.part(provider);
    reading.part(&ask.model);
    for tool in &ask.tools {
        reading.tool(tool);
    }
    let mut before_last = 0;
    for message in &ask.messages {
        before_last = reading.bytes;
        reading.part(role_word(message.role));
        for block in &message.blocks {
            reading.content(&block.content);
            reading.mark(block.cache);
        }
    }
    let later_turn = ask.messages.iter().any(|message| message.role == Role::Assistant);
    if reading.cached.is_none() && ask.cache_key.is_some() && later_turn {
        reading.cached = Some((before_last, CacheMark::Default));
    }
    Transcript { input: reading.usage(later_turn), digest: reading.hash.finalize().into() }
}

struct Reading {
    hash: Sha256,
    /// Bytes of text that count as input.
    bytes: usize,
    /// Where the cacheable start ends, and for how long it is to be kept.
    cached: Option<(usize, CacheMark)>,
}

impl Reading {
    /// Parts are hashed with their lengths, so that no two conversations run into each other.
    fn part(&mut self, text: &str) {
        self.hash.update(text.len().to_be_bytes());
        self.hash.update(text.as_bytes());
    }

    fn text(&mut self, text: &str) {
        self.part(text);
        self.bytes += text.len();
    }

    fn mark(&mut self, mark: Option<CacheMark>) {
        if let Some(mark) = mark {
            self.cached = Some((self.bytes, mark));
        }
    }

    fn tool(&mut self, tool: &Tool) {
        self.text(&tool.name);
        self.text(tool.description.as_deref().unwrap_or_default());
        self.text(tool.parameters.as_ref().map_or("", |schema| schema.get()));
        self.mark(tool.cache);
    }

    fn content(&mut self, content: &Content) {
        match content {
            Content::Text(text) | Content::Refusal(text) => self.text(text),
            Content::Image { source, .. } | Content::Document { source, .. } => self.media(source),
            Content::Reasoning(block) => self.text(&block.text),
            Content::ToolCall(call) => {
                self.text(&call.name);
                self.text(&call.arguments);
            }
            Content::ToolResult(result) => {
                for block in &result.blocks {
                    self.content(&block.content);
                    self.mark(block.cache);
                }
            }
        }
    }

    fn media(&mut self, media: &Media) {
        match media {
            Media::Text(text) => self.text(text),
            Media::Url(data) | Media::Base64 { data, .. } => {
                self.part(data);
                self.bytes += MEDIA_BYTES;
            }
        }
    }

    /// A marked start is written to the cache by the first turn and read by later ones.
    fn usage(&self, later_turn: bool) -> Usage {
        let total = tokens_of_bytes(self.bytes).max(1);
        let Some((bytes, mark)) = self.cached else {
            return Usage { input: total, ..Usage::default() };
        };
        let cached = tokens_of_bytes(bytes).min(total);
        let mut usage = Usage { input: total - cached, ..Usage::default() };
        match mark {
            _ if later_turn => usage.cache_read = cached,
            CacheMark::Default => usage.cache_write_other = cached,
            CacheMark::Minutes5 => usage.cache_write_5m = cached,
            CacheMark::Hour1 => usage.cache_write_1h = cached,
        }
        usage
    }
}

fn role_word(role: Role) -> &'static str {
    match role {
        Role::System | Role::Developer => "system",
        Role::User => "user",
        Role::Assistant => "assistant",
        Role::Tool => "tool",
    }
}
