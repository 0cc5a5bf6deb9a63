//! Wire dialects, pure: bytes in, bytes out.
//!
//! A dialect reads requests, replies, streams and errors into the neutral form of [`ir`] and writes
//! them back. Every dialect is a folder of the same shape: `request`, `response`, `stream`,
//! `error`; what OpenAI's two share is in `openai`, what Claude's two share in `claude`.
//! This crate does no I/O, reads no clock, and must not know any provider's host or credential.

mod anthropic_messages;
mod arguments;
mod bedrock_converse;
mod calls;
mod claude;
mod conversation;
mod effort;
mod embeddings;
mod error;
pub mod frame;
mod head;
mod hint;
pub mod ir;
mod json;
mod limits;
mod loss;
mod media;
mod modalities;
mod openai;
mod openai_chat;
mod openai_responses;
mod output_limit;
mod probe;
mod scan;
mod served;
mod stand_in;
mod stream;
mod wording;

use http::HeaderMap;
use tieline_types::{DialectId, Fault};

pub use conversation::Conversation;
pub use embeddings::{Embedded, read_embeddings_response, write_embeddings_request};
pub use error::{class_of_status, upstream_request_id};
pub use head::{Head, offers_tools, splice_model, without_stream};
pub use hint::retry_after;
pub use limits::{Limit, Limits, limits};
pub use loss::{Action, Loss, Losses};
pub use modalities::modalities;
pub use output_limit::output_limit;
pub use probe::probe;
pub use stream::{Collector, Glance, events_of};
pub use wording::take_wording;

use frame::Framing;
use ir::{Ask, Event, Reply};

/// The version of all translations: what was measured through one says nothing of another. Raised
/// with every change by which a deployment is asked otherwise, or its answers are read otherwise.
pub const ADAPTERS: u32 = 1;

/// A request as it came over the wire.
#[derive(Clone, Copy, Debug)]
pub struct RawRequest<'a> {
    /// The JSON body.
    pub body: &'a [u8],
    /// The model, where the path names it (Converse).
    pub path_model: Option<&'a str>,
    /// Whether the path asks for a stream (Converse); other dialects say so in the body.
    pub path_stream: bool,
}

/// What the writer of a request must know of the deployment it writes for.
#[derive(Clone, Debug, PartialEq)]
pub struct Target {
    /// The provider's own name of the model, which goes into `model` or the path.
    pub model: String,
    /// What this deployment takes.
    pub accepts: Accepts,
    /// The output limit to send where the dialect requires one and the client gave none.
    pub max_output_tokens: u64,
}

/// What a deployment takes beyond, or short of, its dialect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Accepts {
    /// OpenAI Chat: `max_completion_tokens` and the `developer` role (OpenAI, Azure) rather than
    /// `max_tokens` and `system` only (most compatible servers).
    pub openai_native: bool,
    /// Media may be given as http(s) URLs; otherwise the caller must inline them first.
    pub media_urls: bool,
    /// `temperature`, `top_p` and `top_k` are accepted.
    pub sampling: bool,
}

impl Default for Accepts {
    fn default() -> Self {
        Self { openai_native: true, media_urls: true, sampling: true }
    }
}

/// How a reply is dressed for the client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Style {
    /// The id a reply carries when the provider gave none.
    pub id: String,
    /// The model a reply names: the one that answered.
    pub model: String,
    /// Seconds since the Unix epoch, for dialects that date their replies.
    pub created_s: u64,
    /// OpenAI Chat streams: the client asked for a usage chunk.
    pub include_usage: bool,
}

impl Style {
    /// The id of a reply, or ours where the provider gave none.
    fn id_or<'a>(&'a self, given: &'a str) -> &'a str {
        if given.is_empty() { &self.id } else { given }
    }

    /// The model of a reply, or ours where the provider did not say.
    fn model_or<'a>(&'a self, given: &'a str) -> &'a str {
        if given.is_empty() { &self.model } else { given }
    }
}

/// Reads the frames of one provider stream into neutral events.
pub trait ReadEvents: Send {
    /// Reads one whole frame (see [`frame::Splitter`]) and appends its events to `out`.
    ///
    /// Anything that is not of the dialect becomes [`Event::Error`]; nothing is skipped silently
    /// but what the dialect's own clients must ignore.
    fn read(&mut self, frame: &[u8], out: &mut Vec<Event>);

    /// The transport ended. Appends [`Event::Error`] with class `stream_truncated` unless the
    /// dialect's terminal event was read before.
    fn end(&mut self, out: &mut Vec<Event>);
}

/// Writes neutral events as the bytes of one client stream.
pub trait WriteEvents: Send {
    /// Appends the bytes of `event` to `out`. [`Event::Error`] is written as the dialect's own
    /// in-band error, after which further events write nothing.
    fn write(&mut self, event: &Event, out: &mut Vec<u8>);

    /// Appends what this dialect's clients tolerate as a sign of life.
    fn heartbeat(&self, out: &mut Vec<u8>);
}

/// A wire dialect: pure halves that look alike in every folder of this crate.
pub trait Dialect: Send + Sync {
    /// Which dialect this is.
    fn id(&self) -> DialectId;

    /// How its streams are framed.
    fn framing(&self) -> Framing;

    /// Reads a client's request.
    ///
    /// # Errors
    /// `client_invalid` with `param` naming the field that is missing or of the wrong type.
    fn read_request(&self, raw: &RawRequest<'_>) -> Result<Ask, Fault>;

    /// Writes the JSON body of a request for `target`, noting in `losses` all it cannot carry.
    ///
    /// # Errors
    /// `unsupported_here` where leaving something out would change what the caller relies on.
    fn write_request(
        &self,
        ask: &Ask,
        target: &Target,
        losses: &mut Losses,
    ) -> Result<Vec<u8>, Fault>;

    /// Reads a whole reply (HTTP 200, no stream).
    ///
    /// # Errors
    /// `bad_payload` when it is not a reply of this dialect, or the fault that the body reports.
    fn read_response(&self, body: &[u8]) -> Result<Reply, Fault>;

    /// What a relay must know of a whole reply that it passes on untouched, where that can be told
    /// without reading all of it: none means that [`Self::read_response`] must decide.
    fn glance_response(&self, body: &[u8]) -> Option<Glance> {
        let _ = body;
        None
    }

    /// Writes a whole reply.
    fn write_response(&self, reply: &Reply, style: &Style, losses: &mut Losses) -> Vec<u8>;

    /// A reader for one provider stream.
    fn read_events(&self) -> Box<dyn ReadEvents>;

    /// A writer for one client stream.
    fn write_events(&self, style: &Style) -> Box<dyn WriteEvents>;

    /// Reads a provider's error answer (any status but 200) into a fault with class, scope,
    /// provider code and message, retry hint and request id.
    fn read_error(&self, status: u16, headers: &HeaderMap, body: &[u8]) -> Fault;

    /// Writes a fault as this dialect's error: HTTP status and JSON body.
    fn write_error(&self, fault: &Fault, request_id: &str) -> (u16, Vec<u8>);

    /// Whether a request replays reasoning that Tieline wrote down in this dialect for a provider
    /// of another: one of this very dialect refuses it, so that the body must be read and written
    /// anew rather than passed on. A false alarm costs no more than that.
    fn replays_foreign_reasoning(&self, body: &[u8]) -> bool {
        let _ = body;
        false
    }

    /// Whether a frame of a stream is surely nothing but content: no usage, no finish, no error.
    /// A relay that passes frames on untouched may skip reading those. `false` is always safe.
    fn is_plain_delta(&self, frame: &[u8]) -> bool {
        let _ = frame;
        false
    }
}

/// The dialect of that name.
#[must_use]
pub fn dialect(id: DialectId) -> &'static dyn Dialect {
    match id {
        DialectId::OpenaiChat => &openai_chat::OpenaiChat,
        DialectId::OpenaiResponses => &openai_responses::OpenaiResponses,
        DialectId::AnthropicMessages => &anthropic_messages::AnthropicMessages,
        DialectId::BedrockConverse => &bedrock_converse::BedrockConverse,
    }
}
