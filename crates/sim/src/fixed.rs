//! Prepared answers for load tests.

use std::sync::Arc;

use bytes::Bytes;
use memchr::memmem;
use rand::{SeedableRng, rngs::StdRng};
use tieline_dialect::{
    Style,
    ir::{Content, Reply},
};
use tieline_types::{DialectId, Usage};

use crate::{FixedReply, ProviderSpec, answer::Speech, body::Piece, prose};

const DIALECTS: [DialectId; 4] = [
    DialectId::OpenaiChat,
    DialectId::OpenaiResponses,
    DialectId::AnthropicMessages,
    DialectId::BedrockConverse,
];

/// One reply, written out in every dialect beforehand.
#[derive(Debug)]
pub(crate) struct Canned {
    pub(crate) reply: Reply,
    /// Characters of one delta.
    pub(crate) piece_chars: usize,
    written: Vec<Written>,
}

#[derive(Debug)]
pub(crate) struct Written {
    dialect: DialectId,
    pub(crate) whole: Bytes,
    pub(crate) pieces: Arc<[Piece]>,
}

impl Canned {
    pub(crate) fn new(fixed: FixedReply, spec: &ProviderSpec, seed: u64, created_s: u64) -> Self {
        let tokens = prose::tokens_of_bytes(fixed.reply_bytes);
        // One token more, for a token may be short of its four bytes.
        let mut text = prose::sentences(&mut StdRng::seed_from_u64(seed), tokens + 1);
        text.truncate(fixed.reply_bytes);
        let model = spec.models.first().cloned().unwrap_or_else(|| "fixed".to_owned());
        let style = Style { id: "fixed".to_owned(), model, created_s, include_usage: true };
        let reply = Reply {
            blocks: vec![Content::Text(text)],
            // The request is not read, so its tokens are told as if it were as long as the answer.
            usage: Some(Usage { input: tokens, output: tokens, ..Usage::default() }),
            ..Reply::default()
        };
        let piece_chars = fixed.reply_bytes.div_ceil(fixed.chunks.max(1)).max(1);
        let written = DIALECTS
            .into_iter()
            .map(|dialect| {
                let speech = Speech {
                    kind: spec.kind,
                    dialect,
                    reply: &reply,
                    style: &style,
                    pace: spec.pace,
                    piece_chars,
                };
                Written { dialect, whole: speech.whole(), pieces: speech.pieces().into() }
            })
            .collect();
        Self { reply, piece_chars, written }
    }

    pub(crate) fn written(&self, dialect: DialectId) -> Option<&Written> {
        self.written.iter().find(|written| written.dialect == dialect)
    }
}

/// Whether a body asks for a stream, found without reading the rest. A string cannot hold the bare
/// key, for its quotes would be escaped; a nested object could, which load tests do not send.
pub(crate) fn asks_for_stream(body: &[u8]) -> bool {
    let key = b"\"stream\"";
    memmem::find_iter(body, key).any(|at| {
        let rest = body.get(at + key.len()..).unwrap_or_default().trim_ascii_start();
        let value = rest.strip_prefix(b":").unwrap_or_default().trim_ascii_start();
        value.starts_with(b"true")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stream_flag_is_found() {
        for (body, stream) in [
            (&br#"{"stream":true}"#[..], true),
            (b"{\"model\":\"m\",\n \"stream\" : true}", true),
            (br#"{"stream":false}"#, false),
            (br#"{"messages":[{"content":"\"stream\":true"}]}"#, false),
            (br#"{"stream_options":{}}"#, false),
            (br#"{"stream""#, false),
        ] {
            assert_eq!(asks_for_stream(body), stream, "{}", String::from_utf8_lossy(body));
        }
    }
}
