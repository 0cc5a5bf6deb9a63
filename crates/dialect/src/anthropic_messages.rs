//! Anthropic Messages (`POST /v1/messages`).
//!
//! Facts of the protocol are from Anthropic's API reference and the types of its Python SDK.
//! Tool results stand inside user turns, blocks of a stream follow one another strictly, and both
//! usages of a stream are mandatory: the official clients fail without them.

use http::HeaderMap;
use memchr::memmem;
use tieline_types::{DialectId, Fault};

use crate::{
    Dialect, Losses, RawRequest, ReadEvents, Style, Target, WriteEvents,
    frame::Framing,
    ir::{Ask, Reply},
};

mod error;
mod finish;
mod request;
mod response;
mod state;
mod stream;
mod usage;
mod wire;

/// See the module.
pub(crate) struct AnthropicMessages;

impl Dialect for AnthropicMessages {
    fn id(&self) -> DialectId {
        DialectId::AnthropicMessages
    }

    fn framing(&self) -> Framing {
        Framing::Sse
    }

    fn read_request(&self, raw: &RawRequest<'_>) -> Result<Ask, Fault> {
        request::read(raw)
    }

    fn write_request(
        &self,
        ask: &Ask,
        target: &Target,
        losses: &mut Losses,
    ) -> Result<Vec<u8>, Fault> {
        request::write(ask, target, losses)
    }

    fn read_response(&self, body: &[u8]) -> Result<Reply, Fault> {
        response::read(body)
    }

    fn write_response(&self, reply: &Reply, style: &Style, losses: &mut Losses) -> Vec<u8> {
        response::write(reply, style, losses)
    }

    fn read_events(&self) -> Box<dyn ReadEvents> {
        Box::<stream::Reader>::default()
    }

    fn write_events(&self, style: &Style) -> Box<dyn WriteEvents> {
        Box::new(stream::Writer::new(style))
    }

    fn read_error(&self, status: u16, headers: &HeaderMap, body: &[u8]) -> Fault {
        error::read(status, headers, body)
    }

    fn write_error(&self, fault: &Fault, request_id: &str) -> (u16, Vec<u8>) {
        error::write(fault, request_id)
    }

    fn replays_foreign_reasoning(&self, body: &[u8]) -> bool {
        state::is_unsigned_in(body)
    }

    /// Quotes inside JSON strings are escaped and line ends too, so neither mark can be part of
    /// what the model says.
    fn is_plain_delta(&self, frame: &[u8]) -> bool {
        frame.starts_with(b"event: content_block_delta\n")
            && memmem::find(frame, br#""type":"content_block_delta""#).is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_deltas_are_plain() {
        let plain = |frame: &str| AnthropicMessages.is_plain_delta(frame.as_bytes());
        assert!(plain(
            "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\
             \"delta\":{\"type\":\"text_delta\",\"text\":\"hi\"}}\n\n"
        ));
        for frame in [
            "event: message_delta\ndata: {\"type\":\"message_delta\"}\n\n",
            "event: error\ndata: {\"type\":\"error\"}\n\n",
            "event: content_block_start\ndata: {\"x\":\"content_block_delta\"}\n\n",
            "event: content_block_delta\ndata: {\"type\":\"error\"}\n\n",
            "event: ping\ndata: {\"text\":\"event: content_block_delta\"}\n\n",
        ] {
            assert!(!plain(frame), "{frame}");
        }
    }
}
