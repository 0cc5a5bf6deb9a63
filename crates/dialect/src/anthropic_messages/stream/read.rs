//! Reading a provider's stream.

use std::collections::BTreeMap;

use serde_json::Value;
use tieline_types::Fault;

use crate::{
    ReadEvents,
    anthropic_messages::{
        error, finish,
        response::arguments_of,
        state,
        usage::{self, Counts},
    },
    arguments,
    calls::name_of,
    frame::sse,
    ir::{BlockOpen, Delta, Event},
    json::{bad_payload, text_in, text_or_empty, truncated},
    served::Served,
};

/// Reads the frames of one stream.
#[derive(Default)]
pub(crate) struct Reader {
    started: bool,
    called: bool,
    finished: bool,
    /// Nothing more counts: the terminal event or an error was read.
    closed: bool,
    counts: Counts,
    served: Served,
    /// The blocks now open, by the provider's number.
    blocks: BTreeMap<u64, Open>,
    opened: usize,
}

/// What is known of an open block.
#[derive(Clone, Copy)]
struct Open {
    /// Its number among those passed on.
    index: usize,
    kind: Kind,
    /// Arguments came: a call without any still has the arguments `{}`.
    grown: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Text,
    Thinking,
    Call,
    /// The work of tools at the provider, which is not passed on.
    Hidden,
}

impl ReadEvents for Reader {
    fn read(&mut self, frame: &[u8], out: &mut Vec<Event>) {
        let event = sse::parse(frame);
        let data = event.data.trim_ascii();
        if self.closed || data.is_empty() || data == b"[DONE]" {
            return;
        }
        let result = serde_json::from_slice::<Value>(data)
            .map_err(|error| bad_payload(format!("a stream event is not valid JSON: {error}")))
            .and_then(|body| self.take_in(event.event, &body, out));
        if let Err(fault) = result {
            self.closed = true;
            out.push(Event::Error(fault));
        }
    }

    fn end(&mut self, out: &mut Vec<Event>) {
        if !self.closed {
            self.closed = true;
            out.push(Event::Error(truncated()));
        }
    }
}

impl Reader {
    fn take_in(
        &mut self,
        name: Option<&str>,
        body: &Value,
        out: &mut Vec<Event>,
    ) -> Result<(), Fault> {
        match text_in(body, "type").or(name) {
            Some("message_start") => self.start(body, out),
            Some("content_block_start") => self.open(body, out),
            Some("content_block_delta") => self.grow(body, out),
            Some("content_block_stop") => self.stop(body, out),
            Some("message_delta") => {
                self.conclude(body, out);
                Ok(())
            }
            Some("message_stop") => {
                self.end_message(out);
                Ok(())
            }
            Some("ping") => {
                out.push(Event::Ping);
                Ok(())
            }
            Some("error") => Err(error::read_in_band(body)),
            _ if body.get("error").is_some_and(|error| !error.is_null()) => {
                Err(error::read_in_band(body))
            }
            // Events of other types are to be ignored, says the protocol.
            Some(_) => Ok(()),
            None => Err(bad_payload("a stream event has no type")),
        }
    }

    fn start(&mut self, body: &Value, out: &mut Vec<Event>) -> Result<(), Fault> {
        let message = body
            .get("message")
            .filter(|message| message.is_object())
            .ok_or_else(|| bad_payload("`message_start` has no `message`"))?;
        if !self.started {
            self.started = true;
            out.push(Event::Start { id: text(message, "id"), model: text(message, "model") });
        }
        self.count(message.get("usage"), out);
        Ok(())
    }

    fn count(&mut self, usage: Option<&Value>, out: &mut Vec<Event>) {
        if let Some(usage) = usage.filter(|usage| usage.is_object()) {
            self.served.take_in(usage::service_tier(usage), out);
            self.counts.replace_with(Counts::read(usage));
            out.extend(self.counts.usage().map(Event::Usage));
        }
    }

    fn open(&mut self, body: &Value, out: &mut Vec<Event>) -> Result<(), Fault> {
        let number = number_of(body)?;
        let block = body
            .get("content_block")
            .ok_or_else(|| bad_payload("`content_block_start` has no `content_block`"))?;
        let (kind, open, first) = match text_in(block, "type") {
            Some("text") => {
                (Kind::Text, Some(BlockOpen::Text), vec![Delta::Text(text(block, "text"))])
            }
            Some("thinking") => {
                let mut first = vec![Delta::Reasoning(text(block, "thinking"))];
                first.extend(state::state_of(text(block, "signature")).map(Delta::State));
                (Kind::Thinking, Some(BlockOpen::Reasoning), first)
            }
            Some("redacted_thinking") => {
                let state = state::redacted(text(block, "data"));
                (Kind::Thinking, Some(BlockOpen::Reasoning), vec![Delta::State(state)])
            }
            Some("tool_use") => {
                self.called = true;
                let name = name_of(text_in(block, "name"))?;
                let open = BlockOpen::ToolCall { id: text(block, "id"), name };
                let input =
                    arguments_of(block.get("input")).filter(|input| input != arguments::NONE);
                (Kind::Call, Some(open), input.map(Delta::Arguments).into_iter().collect())
            }
            Some(_) => (Kind::Hidden, None, Vec::new()),
            None => return Err(bad_payload("a content block has no type")),
        };
        let index = self.opened;
        let first: Vec<Delta> = first.into_iter().filter(|delta| !delta.is_empty()).collect();
        self.blocks.insert(number, Open { index, kind, grown: !first.is_empty() });
        if let Some(block) = open {
            self.opened += 1;
            out.push(Event::BlockStart { index, block });
            out.extend(first.into_iter().map(|delta| Event::Delta { index, delta }));
        }
        Ok(())
    }

    fn grow(&mut self, body: &Value, out: &mut Vec<Event>) -> Result<(), Fault> {
        let number = number_of(body)?;
        let open = self
            .blocks
            .get_mut(&number)
            .ok_or_else(|| bad_payload(format!("block {number} grows but is not open")))?;
        let Some(delta) = body.get("delta") else {
            return Err(bad_payload("`content_block_delta` has no `delta`"));
        };
        let (kind, delta) = match text_in(delta, "type") {
            Some("text_delta") => (Kind::Text, Some(Delta::Text(text(delta, "text")))),
            Some("thinking_delta") => {
                (Kind::Thinking, Some(Delta::Reasoning(text(delta, "thinking"))))
            }
            Some("signature_delta") => {
                (Kind::Thinking, state::state_of(text(delta, "signature")).map(Delta::State))
            }
            Some("input_json_delta") => {
                (Kind::Call, Some(Delta::Arguments(text(delta, "partial_json"))))
            }
            _ => return Ok(()),
        };
        if open.kind == Kind::Hidden {
            return Ok(());
        }
        if open.kind != kind {
            return Err(bad_payload(format!("block {number} grows by what it cannot hold")));
        }
        if let Some(delta) = delta.filter(|delta| !delta.is_empty()) {
            open.grown = true;
            out.push(Event::Delta { index: open.index, delta });
        }
        Ok(())
    }

    fn stop(&mut self, body: &Value, out: &mut Vec<Event>) -> Result<(), Fault> {
        let Some(open) = self.blocks.remove(&number_of(body)?) else {
            return Ok(());
        };
        if open.kind == Kind::Hidden {
            return Ok(());
        }
        if open.kind == Kind::Call && !open.grown {
            let delta = Delta::Arguments(arguments::NONE.to_owned());
            out.push(Event::Delta { index: open.index, delta });
        }
        out.push(Event::BlockStop { index: open.index });
        Ok(())
    }

    fn conclude(&mut self, body: &Value, out: &mut Vec<Event>) {
        let stated = |key: &str| {
            let value = body.get("delta").and_then(|delta| delta.get(key));
            value.and_then(Value::as_str).map(str::to_owned)
        };
        if let Some(reason) = stated("stop_reason") {
            self.finish(Some(&reason), stated("stop_sequence"), out);
        }
        self.count(body.get("usage"), out);
    }

    fn finish(
        &mut self,
        reason: Option<&str>,
        stop_sequence: Option<String>,
        out: &mut Vec<Event>,
    ) {
        if !self.finished {
            self.finished = true;
            let reason = finish::read(reason, self.called);
            out.push(Event::Finish { reason, stop_sequence });
        }
    }

    fn end_message(&mut self, out: &mut Vec<Event>) {
        self.finish(None, None, out);
        self.closed = true;
        out.push(Event::End);
    }
}

fn number_of(body: &Value) -> Result<u64, Fault> {
    body.get("index")
        .and_then(Value::as_u64)
        .ok_or_else(|| bad_payload("a block event has no `index`"))
}

/// A string field; empty where it is absent.
fn text(object: &Value, key: &str) -> String {
    text_or_empty(object, key).to_owned()
}
