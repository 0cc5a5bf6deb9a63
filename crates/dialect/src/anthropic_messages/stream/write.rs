//! Writing a client's stream.
//!
//! The official clients demand a usage in `message_start` and in `message_delta`, blocks that
//! never interleave, and an `event:` line before every `data:` line.

use std::{borrow::Cow, collections::VecDeque};

use serde::Serialize;
use serde_json::json;
use tieline_types::{ServiceTier, Usage};

use crate::{
    Style, WriteEvents,
    anthropic_messages::{
        error, finish,
        response::stop_sequence,
        state::signature_of,
        usage,
        wire::{WireBlock, WireMessage},
    },
    arguments,
    frame::sse,
    ir::{BlockOpen, Delta, Event, Finish},
    json::bytes,
};

/// Writes the events of one stream.
pub(crate) struct Writer {
    style: Style,
    started: bool,
    closed: bool,
    refused: bool,
    usage: Option<Usage>,
    service_tier: Option<ServiceTier>,
    /// Why the reply ended, until it is written.
    finish: Option<(Finish, Option<String>)>,
    concluded: bool,
    /// The block that grows on the wire, and those that wait for it to stop, in order.
    blocks: VecDeque<Held>,
    /// How many blocks the wire has seen.
    written: usize,
}

/// A block that did not stop on the wire yet.
struct Held {
    index: usize,
    block: BlockOpen,
    /// Its start is on the wire.
    open: bool,
    /// What it grew by while it waited.
    deltas: Vec<Delta>,
    stopped: bool,
}

#[derive(Serialize)]
struct DeltaEvent<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    index: usize,
    delta: WireDelta<'a>,
}

#[derive(Serialize)]
#[serde(tag = "type")]
enum WireDelta<'a> {
    #[serde(rename = "text_delta")]
    Text { text: &'a str },
    #[serde(rename = "thinking_delta")]
    Thinking { thinking: &'a str },
    #[serde(rename = "signature_delta")]
    Signature { signature: Cow<'a, str> },
    #[serde(rename = "input_json_delta")]
    Arguments { partial_json: &'a str },
}

#[derive(Serialize)]
struct BlockStartEvent<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    index: usize,
    content_block: WireBlock<'a>,
}

#[derive(Serialize)]
struct StartEvent<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    message: WireMessage<'a>,
}

const MESSAGE_START: &str = "message_start";
const BLOCK_START: &str = "content_block_start";
const BLOCK_DELTA: &str = "content_block_delta";
const BLOCK_STOP: &str = "content_block_stop";
const MESSAGE_DELTA: &str = "message_delta";
const MESSAGE_STOP: &str = "message_stop";

fn emit<T: Serialize>(name: &str, event: &T, out: &mut Vec<u8>) {
    sse::write(Some(name), &bytes(event), out);
}

impl WriteEvents for Writer {
    fn write(&mut self, event: &Event, out: &mut Vec<u8>) {
        if self.closed {
            return;
        }
        match event {
            Event::Start { id, model } => self.name(id, model),
            Event::BlockStart { index, block } => self.begin(*index, block, out),
            Event::Delta { index, delta } => self.grow(*index, delta, out),
            Event::BlockStop { index } => self.stop(*index, out),
            Event::Usage(usage) => {
                self.usage = Some(*usage);
                if self.finish.is_some() {
                    self.conclude(out);
                }
            }
            Event::ServiceTier(tier) => self.service_tier.clone_from(tier),
            Event::Finish { reason, stop_sequence } => {
                self.start(out);
                self.finish = Some((*reason, stop_sequence.clone()));
            }
            Event::End => self.end(out),
            Event::Ping => {
                self.start(out);
                self.heartbeat(out);
            }
            Event::Error(fault) => {
                self.closed = true;
                emit("error", &error::write_in_band(fault), out);
            }
        }
    }

    fn heartbeat(&self, out: &mut Vec<u8>) {
        emit("ping", &json!({ "type": "ping" }), out);
    }
}

impl Writer {
    /// A writer for one stream.
    pub(crate) fn new(style: &Style) -> Self {
        Self {
            style: style.clone(),
            started: false,
            closed: false,
            refused: false,
            usage: None,
            service_tier: None,
            finish: None,
            concluded: false,
            blocks: VecDeque::new(),
            written: 0,
        }
    }

    /// The start is written with the first event that needs it, so that input counts which come
    /// right behind it are in.
    fn name(&mut self, id: &str, model: &str) {
        self.style.id = self.style.id_or(id).to_owned();
        self.style.model = self.style.model_or(model).to_owned();
    }

    fn start(&mut self, out: &mut Vec<u8>) {
        if self.started {
            return;
        }
        self.started = true;
        let message = WireMessage {
            id: &self.style.id,
            kind: "message",
            role: "assistant",
            model: &self.style.model,
            content: Vec::new(),
            stop_reason: None,
            stop_sequence: None,
            usage: usage::write(self.usage.as_ref(), self.service_tier.as_ref()),
        };
        emit(MESSAGE_START, &StartEvent { kind: MESSAGE_START, message }, out);
    }

    fn begin(&mut self, index: usize, block: &BlockOpen, out: &mut Vec<u8>) {
        self.start(out);
        self.refused |= *block == BlockOpen::Refusal;
        let deltas = Vec::new();
        let held = Held { index, block: block.clone(), open: false, deltas, stopped: false };
        self.blocks.push_back(held);
        self.advance(out);
    }

    fn grow(&mut self, index: usize, delta: &Delta, out: &mut Vec<u8>) {
        if delta.is_empty() {
            return;
        }
        if let Some(held) = self.blocks.iter_mut().find(|held| held.index == index) {
            held.deltas.push(delta.clone());
            self.advance(out);
        }
    }

    fn stop(&mut self, index: usize, out: &mut Vec<u8>) {
        if let Some(held) = self.blocks.iter_mut().find(|held| held.index == index) {
            held.stopped = true;
            self.advance(out);
        }
    }

    /// Writes all that may be written: what the first block grew by, and if it stopped, the next.
    fn advance(&mut self, out: &mut Vec<u8>) {
        while let Some(held) = self.blocks.front_mut() {
            held.flush(self.written, out);
            if !held.stopped {
                return;
            }
            if held.open {
                emit(BLOCK_STOP, &json!({ "type": BLOCK_STOP, "index": self.written }), out);
                self.written += 1;
            }
            self.blocks.pop_front();
        }
    }

    fn conclude(&mut self, out: &mut Vec<u8>) {
        for held in &mut self.blocks {
            held.stopped = true;
        }
        self.advance(out);
        let (reason, stop) = self.finish.take().unwrap_or_default();
        let delta = json!({
            "stop_reason": finish::write(reason, self.refused),
            "stop_sequence": stop_sequence(reason, stop.as_deref()),
        });
        let usage = usage::write(self.usage.as_ref(), self.service_tier.as_ref());
        let event = json!({ "type": MESSAGE_DELTA, "delta": delta, "usage": usage });
        emit(MESSAGE_DELTA, &event, out);
        self.concluded = true;
    }

    fn end(&mut self, out: &mut Vec<u8>) {
        self.start(out);
        if !self.concluded {
            self.conclude(out);
        }
        self.closed = true;
        emit(MESSAGE_STOP, &json!({ "type": MESSAGE_STOP }), out);
    }
}

impl Held {
    /// Writes the block's growth. Blocks start with it: an empty text block upsets agents, and
    /// redacted thinking is known by its state only. A call is content by its name alone.
    fn flush(&mut self, index: usize, out: &mut Vec<u8>) {
        let deltas = std::mem::take(&mut self.deltas);
        if !self.open
            && let Some(block) = self.opening(deltas.first())
        {
            let event = BlockStartEvent { kind: BLOCK_START, index, content_block: block };
            emit(BLOCK_START, &event, out);
            self.open = true;
        }
        for delta in &deltas {
            if let Some(delta) = wire_delta(delta) {
                emit(BLOCK_DELTA, &DeltaEvent { kind: BLOCK_DELTA, index, delta }, out);
            }
        }
    }

    fn opening<'a>(&'a self, first: Option<&'a Delta>) -> Option<WireBlock<'a>> {
        match (&self.block, first) {
            (BlockOpen::ToolCall { id, name }, _) => Some(WireBlock::ToolUse {
                id: id.into(),
                name,
                input: Cow::Owned(arguments::empty_object()),
                cache_control: None,
            }),
            (_, None) => None,
            (BlockOpen::Reasoning, Some(Delta::State(state))) if state.redacted => {
                Some(WireBlock::RedactedThinking { data: &state.payload })
            }
            (BlockOpen::Reasoning, Some(_)) => {
                Some(WireBlock::Thinking { thinking: "", signature: "".into() })
            }
            (BlockOpen::Text | BlockOpen::Refusal, Some(_)) => Some(WireBlock::text("")),
        }
    }
}

/// The delta on the wire; none for redacted thinking, which is whole in its start.
fn wire_delta(delta: &Delta) -> Option<WireDelta<'_>> {
    Some(match delta {
        Delta::Text(text) | Delta::Refusal(text) => WireDelta::Text { text },
        Delta::Reasoning(thinking) => WireDelta::Thinking { thinking },
        Delta::Arguments(partial_json) => WireDelta::Arguments { partial_json },
        Delta::State(state) if state.redacted => return None,
        Delta::State(state) => WireDelta::Signature { signature: signature_of(state) },
    })
}
