//! OpenAI Responses (`POST /v1/responses`), also spoken by Azure's v1 surface and by OpenAI models
//! on Bedrock.

use http::HeaderMap;
use memchr::memmem;
use tieline_types::{DialectId, Fault};

use crate::{
    Dialect, Losses, RawRequest, ReadEvents, Style, Target, WriteEvents,
    frame::Framing,
    ir::{Ask, Reply},
};

mod error;
mod request;
mod response;
mod stream;
mod usage;

/// The OpenAI Responses dialect.
pub(crate) struct OpenaiResponses;

impl Dialect for OpenaiResponses {
    fn id(&self) -> DialectId {
        DialectId::OpenaiResponses
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

    fn write_error(&self, fault: &Fault, _request_id: &str) -> (u16, Vec<u8>) {
        error::write(fault)
    }

    fn replays_foreign_reasoning(&self, body: &[u8]) -> bool {
        memmem::find(body, response::item::FOREIGN_REASONING.as_bytes()).is_some()
    }

    fn is_plain_delta(&self, frame: &[u8]) -> bool {
        stream::is_plain_delta(frame)
    }
}
