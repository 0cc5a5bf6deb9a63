//! OpenAI Chat Completions, as OpenAI, Azure and the many compatible servers speak it.
//!
//! Source of the protocol: OpenAI's API reference, `POST /v1/chat/completions`, and the extensions
//! that servers agree on: `reasoning_content`, `top_k`, errors of other shapes.

use http::HeaderMap;
use tieline_types::{DialectId, Fault};

use crate::{
    Dialect, Glance, Losses, RawRequest, ReadEvents, Style, Target, WriteEvents,
    frame::Framing,
    ir::{Ask, Reply},
};

mod error;
mod finish;
mod request;
mod response;
mod stream;
mod usage;
mod wire;

/// The dialect; it has no state.
pub(crate) struct OpenaiChat;

impl Dialect for OpenaiChat {
    fn id(&self) -> DialectId {
        DialectId::OpenaiChat
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

    fn glance_response(&self, body: &[u8]) -> Option<Glance> {
        response::glance(body)
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

    fn write_error(&self, fault: &Fault, _request_id: &str) -> (u16, Vec<u8>) {
        error::write(fault)
    }

    fn is_plain_delta(&self, frame: &[u8]) -> bool {
        stream::is_plain_delta(frame)
    }
}
