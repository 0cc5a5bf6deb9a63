//! Writing a stream.

use std::collections::VecDeque;

use serde::Serialize;
use serde_json::{Value, json};
use tieline_types::{ServiceTier, Usage};

use super::DELTA;
use crate::{
    Style, WriteEvents, arguments,
    bedrock_converse::{error, finish, response, usage},
    frame::aws_event,
    ir::{BlockOpen, Delta, Event, Finish, StateFamily},
    json::bytes,
};

/// An event that no client knows, which all therefore pass over.
const HEARTBEAT: &str = "heartbeat";

/// Writes ConverseStream messages.
///
/// Converse blocks follow one another, so of blocks that grow side by side the first goes out at
/// once and the others wait.
#[derive(Debug, Default)]
pub(in crate::bedrock_converse) struct Writer {
    started: bool,
    /// Blocks that went out, which is the number of the next one.
    begun: usize,
    blocks: VecDeque<Block>,
    finished: bool,
    usage: Option<Usage>,
    service_tier: Option<ServiceTier>,
    closed: bool,
}

/// A block that is going out or waits.
#[derive(Debug)]
struct Block {
    /// Its number in the events.
    index: usize,
    open: BlockOpen,
    /// Deltas not yet out.
    waiting: VecDeque<Delta>,
    /// Its number on the wire, once it has one.
    number: Option<usize>,
    /// Arguments went out.
    argued: bool,
    complete: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Numbered {
    content_block_index: usize,
    #[serde(flatten)]
    rest: Value,
}

impl Writer {
    /// Converse streams name neither id nor model, so the style goes unused.
    pub(in crate::bedrock_converse) fn new(_style: &Style) -> Self {
        Self::default()
    }
}

impl WriteEvents for Writer {
    fn write(&mut self, event: &Event, out: &mut Vec<u8>) {
        if self.closed {
            return;
        }
        match event {
            Event::Start { .. } => self.start(out),
            Event::BlockStart { index, block } => self.block_start(*index, block, out),
            Event::Delta { index, delta } => self.delta(*index, delta, out),
            Event::BlockStop { index } => {
                if let Some(block) = self.block(*index) {
                    block.complete = true;
                    self.advance(out);
                }
            }
            Event::Usage(usage) => self.usage = Some(*usage),
            Event::ServiceTier(tier) => self.service_tier.clone_from(tier),
            Event::Finish { reason, stop_sequence } => {
                self.finish(*reason, stop_sequence.as_deref(), out);
            }
            Event::End => self.end(out),
            Event::Ping => self.heartbeat(out),
            Event::Error(fault) => {
                let (name, payload) = error::write_in_band(fault);
                self.closed = true;
                // Too short to fail; if it did, the stream would end without its last event.
                let _ = aws_event::write_exception(name, payload, out);
            }
        }
    }

    fn heartbeat(&self, out: &mut Vec<u8>) {
        if !self.closed {
            let _ = aws_event::write_event(HEARTBEAT, bytes(&json!({})), out);
        }
    }
}

impl Writer {
    fn send(&mut self, name: &str, payload: Vec<u8>, out: &mut Vec<u8>) {
        // An event that cannot be framed ends the stream without its last event, so that nobody
        // takes what came before for the whole.
        if aws_event::write_event(name, payload, out).is_err() {
            self.closed = true;
        }
    }

    fn send_numbered(&mut self, name: &str, number: usize, rest: Value, out: &mut Vec<u8>) {
        self.send(name, bytes(&Numbered { content_block_index: number, rest }), out);
    }

    fn start(&mut self, out: &mut Vec<u8>) {
        if !self.started {
            self.started = true;
            self.send("messageStart", bytes(&json!({ "role": "assistant" })), out);
        }
    }

    fn block(&mut self, index: usize) -> Option<&mut Block> {
        self.blocks.iter_mut().find(|block| block.index == index)
    }

    fn block_start(&mut self, index: usize, open: &BlockOpen, out: &mut Vec<u8>) {
        self.blocks.push_back(Block {
            index,
            open: open.clone(),
            waiting: VecDeque::new(),
            number: None,
            argued: false,
            complete: false,
        });
        self.advance(out);
    }

    fn delta(&mut self, index: usize, delta: &Delta, out: &mut Vec<u8>) {
        if delta.is_empty() {
            return;
        }
        if let Some(block) = self.block(index) {
            block.waiting.push_back(delta.clone());
            self.advance(out);
        }
    }

    /// Sends all that may go out now: the first block, and those behind it once it is complete.
    fn advance(&mut self, out: &mut Vec<u8>) {
        self.start(out);
        while let Some(mut block) = self.blocks.pop_front() {
            self.send_block(&mut block, out);
            if !block.complete {
                self.blocks.push_front(block);
                return;
            }
            if let Some(number) = block.number {
                self.send_numbered("contentBlockStop", number, json!({}), out);
            }
        }
    }

    fn send_block(&mut self, block: &mut Block, out: &mut Vec<u8>) {
        // Only a tool call has an event of its own to begin it; boto3 fails on an empty one.
        if let (BlockOpen::ToolCall { id, name }, None) = (&block.open, block.number) {
            let start = json!({ "toolUse": { "toolUseId": id, "name": name } });
            let number = self.number(block);
            self.send_numbered("contentBlockStart", number, json!({ "start": start }), out);
        }
        while let Some(delta) = block.waiting.pop_front() {
            block.argued |= matches!(delta, Delta::Arguments(_));
            if let Some(delta) = written(delta) {
                let number = self.number(block);
                self.send_numbered(DELTA, number, json!({ "delta": delta }), out);
            }
        }
        let is_call = matches!(block.open, BlockOpen::ToolCall { .. });
        if is_call && block.complete && !block.argued {
            let number = self.number(block);
            let delta = json!({ "toolUse": { "input": arguments::NONE } });
            self.send_numbered(DELTA, number, json!({ "delta": delta }), out);
        }
    }

    /// The block's number on the wire. Blocks that say nothing get none.
    fn number(&mut self, block: &mut Block) -> usize {
        *block.number.get_or_insert_with(|| {
            self.begun += 1;
            self.begun - 1
        })
    }

    fn finish(&mut self, reason: Finish, stop_sequence: Option<&str>, out: &mut Vec<u8>) {
        if self.finished {
            return;
        }
        for block in &mut self.blocks {
            block.complete = true;
        }
        self.advance(out);
        self.finished = true;
        let mut stop = json!({ "stopReason": finish::write(reason) });
        let additional = response::additional(stop_sequence);
        if let (false, Some(map)) = (additional.is_empty(), stop.as_object_mut()) {
            map.insert("additionalModelResponseFields".to_owned(), additional.into());
        }
        self.send("messageStop", bytes(&stop), out);
    }

    /// Usage stands behind `messageStop`; an unknown one is left out rather than given as zero.
    fn end(&mut self, out: &mut Vec<u8>) {
        self.finish(Finish::Stop, None, out);
        if let Some(usage) = self.usage {
            let usage = usage::Wire::write(&usage);
            let mut metadata = json!({ "usage": usage, "metrics": response::metrics() });
            if let (Some(tier), Some(map)) = (&self.service_tier, metadata.as_object_mut()) {
                map.insert("serviceTier".to_owned(), json!({ "type": tier.as_str() }));
            }
            self.send("metadata", bytes(&metadata), out);
        }
        self.closed = true;
    }
}

/// The `delta` object; none for state that Converse clients could not send back.
fn written(delta: Delta) -> Option<Value> {
    Some(match delta {
        Delta::Text(text) | Delta::Refusal(text) => json!({ "text": text }),
        Delta::Arguments(text) => json!({ "toolUse": { "input": text } }),
        Delta::Reasoning(text) => json!({ "reasoningContent": { "text": text } }),
        Delta::State(state) if state.family != StateFamily::Anthropic => return None,
        Delta::State(state) if state.redacted => {
            json!({ "reasoningContent": { "redactedContent": state.payload } })
        }
        Delta::State(state) => json!({ "reasoningContent": { "signature": state.payload } }),
    })
}
