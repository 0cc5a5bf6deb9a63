//! Reading a stream.

use serde::Deserialize;
use serde_json::Value;
use tieline_types::Fault;

use super::DELTA;
use crate::{
    ReadEvents,
    bedrock_converse::{error, finish, response, usage},
    calls::name_of,
    frame::aws_event::{self, Message},
    ir::{BlockOpen, Delta, Event, OpaqueState, StateFamily},
    json::{bad_payload, truncated},
    served::Served,
};

/// Reads ConverseStream messages.
#[derive(Debug, Default)]
pub(in crate::bedrock_converse) struct Reader {
    started: bool,
    /// Blocks begun so far, which is the number of the next one.
    begun: usize,
    open: Vec<Open>,
    /// Blocks of tools that the provider runs itself: not the client's to see.
    hidden: Vec<u64>,
    called: bool,
    served: Served,
    stopped: bool,
    over: bool,
}

#[derive(Debug)]
struct Open {
    /// `contentBlockIndex`.
    at: u64,
    index: usize,
    kind: Kind,
    /// State of a thought, which may come in pieces.
    state: Option<OpaqueState>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Text,
    Reasoning,
    Call,
}

/// The payloads of all events: each has some of these.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Payload {
    #[serde(default)]
    content_block_index: u64,
    start: Option<Start>,
    delta: Option<Growth>,
    stop_reason: Option<String>,
    additional_model_response_fields: Option<Value>,
    usage: Option<usage::Wire>,
    service_tier: Option<usage::Tier>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Start {
    tool_use: Option<ToolStart>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ToolStart {
    tool_use_id: String,
    name: String,
    /// Set where the provider runs the tool itself.
    r#type: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Growth {
    text: Option<String>,
    tool_use: Option<ToolGrowth>,
    reasoning_content: Option<ThoughtGrowth>,
}

#[derive(Deserialize)]
struct ToolGrowth {
    input: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ThoughtGrowth {
    text: Option<String>,
    signature: Option<String>,
    redacted_content: Option<String>,
}

impl ReadEvents for Reader {
    fn read(&mut self, frame: &[u8], out: &mut Vec<Event>) {
        if self.over {
            return;
        }
        let read = aws_event::parse(frame).and_then(|message| self.message(message, out));
        if let Err(fault) = read {
            self.over = true;
            out.push(Event::Error(fault));
        }
    }

    fn end(&mut self, out: &mut Vec<Event>) {
        if !self.over {
            self.over = true;
            out.push(if self.stopped { Event::End } else { Event::Error(truncated()) });
        }
    }
}

impl Reader {
    fn message(&mut self, message: Message, out: &mut Vec<Event>) -> Result<(), Fault> {
        match message {
            Message::Event { name, payload } => self.event(&name, &payload, out),
            Message::Exception { name, payload } => Err(error::read_in_band(&name, &payload)),
            Message::Error { code, message } => {
                let told = serde_json::json!({ "message": message }).to_string();
                Err(error::read_in_band(&code, told.as_bytes()))
            }
        }
    }

    fn event(&mut self, name: &str, payload: &[u8], out: &mut Vec<Event>) -> Result<(), Fault> {
        let read = || {
            serde_json::from_slice::<Payload>(payload)
                .map_err(|error| bad_payload(format!("`{name}` cannot be read: {error}")))
        };
        match name {
            "messageStart" => self.start(out),
            "contentBlockStart" => self.block_start(read()?, out)?,
            DELTA => self.delta(read()?, out)?,
            "contentBlockStop" => self.block_stop(read()?.content_block_index, out),
            "messageStop" => self.stop(&read()?, out)?,
            "metadata" => self.metadata(&read()?, out),
            _ => out.push(Event::Ping),
        }
        Ok(())
    }

    fn start(&mut self, out: &mut Vec<Event>) {
        if !self.started {
            self.started = true;
            out.push(Event::Start { id: String::new(), model: String::new() });
        }
    }

    fn block_start(&mut self, payload: Payload, out: &mut Vec<Event>) -> Result<(), Fault> {
        let Some(tool) = payload.start.and_then(|start| start.tool_use) else {
            return Ok(());
        };
        let at = payload.content_block_index;
        if tool.r#type.is_some() {
            self.hidden.push(at);
            return Ok(());
        }
        self.block_stop(at, out);
        self.called = true;
        let name = name_of(Some(&tool.name))?;
        let block = BlockOpen::ToolCall { id: tool.tool_use_id, name };
        self.open(at, Kind::Call, block, out);
        Ok(())
    }

    fn open(&mut self, at: u64, kind: Kind, block: BlockOpen, out: &mut Vec<Event>) -> usize {
        self.start(out);
        let index = self.begun;
        self.begun += 1;
        self.open.push(Open { at, index, kind, state: None });
        out.push(Event::BlockStart { index, block });
        index
    }

    fn delta(&mut self, payload: Payload, out: &mut Vec<Event>) -> Result<(), Fault> {
        let at = payload.content_block_index;
        let Some(growth) = payload.delta.filter(|_| !self.hidden.contains(&at)) else {
            return Ok(());
        };
        if let Some(text) = growth.text {
            let index = self.within(at, Kind::Text, out);
            out.push(Event::Delta { index, delta: Delta::Text(text) });
        }
        if let Some(thought) = growth.reasoning_content {
            self.thought(at, thought, out);
        }
        if let Some(input) = growth.tool_use.and_then(|tool| tool.input) {
            let open = self.open.iter().find(|open| open.at == at && open.kind == Kind::Call);
            let index = open.map(|open| open.index).ok_or_else(|| {
                bad_payload(format!("arguments came for block {at}, which is no tool call"))
            })?;
            out.push(Event::Delta { index, delta: Delta::Arguments(input) });
        }
        Ok(())
    }

    fn thought(&mut self, at: u64, thought: ThoughtGrowth, out: &mut Vec<Event>) {
        let index = self.within(at, Kind::Reasoning, out);
        if let Some(text) = thought.text {
            out.push(Event::Delta { index, delta: Delta::Reasoning(text) });
        }
        let redacted = thought.redacted_content.map(|payload| (payload, true));
        let Some((payload, redacted)) = redacted.or(thought.signature.map(|text| (text, false)))
        else {
            return;
        };
        let Some(open) = self.open.iter_mut().find(|open| open.index == index) else {
            return;
        };
        match &mut open.state {
            Some(state) if state.redacted == redacted => state.payload.push_str(&payload),
            other => {
                let family = StateFamily::Anthropic;
                *other = Some(OpaqueState { family, payload, redacted });
            }
        }
    }

    /// The number of the text or thought that stands at `at`. No event begins these: the first
    /// delta does.
    fn within(&mut self, at: u64, kind: Kind, out: &mut Vec<Event>) -> usize {
        let open = self.open.iter().find(|open| open.at == at);
        if let Some(open) = open.filter(|open| open.kind == kind) {
            return open.index;
        }
        self.block_stop(at, out);
        let block = if kind == Kind::Text { BlockOpen::Text } else { BlockOpen::Reasoning };
        self.open(at, kind, block, out)
    }

    fn block_stop(&mut self, at: u64, out: &mut Vec<Event>) {
        let Some(place) = self.open.iter().position(|open| open.at == at) else {
            return;
        };
        let open = self.open.remove(place);
        let index = open.index;
        out.extend(open.state.map(|state| Event::Delta { index, delta: Delta::State(state) }));
        out.push(Event::BlockStop { index });
    }

    fn stop(&mut self, payload: &Payload, out: &mut Vec<Event>) -> Result<(), Fault> {
        if self.stopped {
            return Ok(());
        }
        self.start(out);
        while let Some(at) = self.open.first().map(|open| open.at) {
            self.block_stop(at, out);
        }
        let word = payload.stop_reason.as_deref().unwrap_or_default();
        let reason = finish::read(word, self.called)?;
        let additional = payload.additional_model_response_fields.as_ref();
        let stop_sequence = response::stop_sequence(additional);
        self.stopped = true;
        out.push(Event::Finish { reason, stop_sequence });
        Ok(())
    }

    /// Usage, and the end, if it comes in its place.
    fn metadata(&mut self, payload: &Payload, out: &mut Vec<Event>) {
        let tier = payload.service_tier.as_ref();
        self.served.take_in(tier.and_then(usage::Tier::word), out);
        out.extend(payload.usage.as_ref().map(|usage| Event::Usage(usage.read())));
        if self.stopped {
            self.over = true;
            out.push(Event::End);
        }
    }
}
