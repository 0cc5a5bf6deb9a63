//! Amazon Bedrock Converse: `POST /model/{id}/converse` and `/converse-stream`.

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
mod media;
mod model;
mod part;
mod request;
mod response;
mod stream;
mod usage;

/// The Converse dialect. Model and stream stand in the path of a request, not in its body.
pub(crate) struct BedrockConverse;

impl Dialect for BedrockConverse {
    fn id(&self) -> DialectId {
        DialectId::BedrockConverse
    }

    fn framing(&self) -> Framing {
        Framing::AwsEventStream
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

    /// Claude signs every thought, so that more thoughts than signatures tell of others'.
    fn replays_foreign_reasoning(&self, body: &[u8]) -> bool {
        let count = |field: &[u8]| memmem::find_iter(body, field).count();
        count(b"\"reasoningText\"") > count(b"\"signature\"")
    }

    fn is_plain_delta(&self, frame: &[u8]) -> bool {
        stream::is_plain_delta(frame)
    }
}
