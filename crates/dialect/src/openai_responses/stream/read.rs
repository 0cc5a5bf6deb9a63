//! Reading a provider's stream.

use serde_json::Value;

use crate::{
    ReadEvents,
    frame::sse,
    ir::{BlockOpen, Content, Delta, Event},
    json::{bad_payload, text_in, truncated},
    openai_responses::{
        error::read_in_band,
        response::{envelope, item},
        usage,
    },
    served::Served,
};

/// A place in the output that becomes a block of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    /// The content part of that number in a message.
    Content(u64),
    /// All of a reasoning item: its summary parts are paragraphs of one block.
    Reasoning,
    /// A function call.
    Call,
}

/// A block that was begun.
#[derive(Debug)]
struct Slot {
    output: u64,
    part: Part,
    index: usize,
    kind: Kind,
    grown: bool,
    open: bool,
}

/// What a block holds; its fragments are wrapped accordingly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Text,
    Refusal,
    Reasoning,
    Call,
}

impl Kind {
    fn wrap(self, text: String) -> Delta {
        match self {
            Self::Text => Delta::Text(text),
            Self::Refusal => Delta::Refusal(text),
            Self::Reasoning => Delta::Reasoning(text),
            Self::Call => Delta::Arguments(text),
        }
    }

    fn opening(self) -> Option<BlockOpen> {
        match self {
            Self::Text => Some(BlockOpen::Text),
            Self::Refusal => Some(BlockOpen::Refusal),
            Self::Reasoning => Some(BlockOpen::Reasoning),
            // A call begins with its id and name, which fragments do not repeat.
            Self::Call => None,
        }
    }
}

/// See [`ReadEvents`].
#[derive(Debug, Default)]
pub(crate) struct Reader {
    slots: Vec<Slot>,
    /// Output items that are complete.
    done: Vec<u64>,
    served: Served,
    started: bool,
    ended: bool,
}

impl ReadEvents for Reader {
    fn read(&mut self, frame: &[u8], out: &mut Vec<Event>) {
        if self.ended {
            return;
        }
        let event = sse::parse(frame);
        match event.data.as_ref() {
            b"" => out.push(Event::Ping),
            b"[DONE]" => {}
            data => match serde_json::from_slice::<Value>(data) {
                Ok(value) => {
                    let kind = text_in(&value, "type").or(event.event).unwrap_or_default();
                    self.take_in(kind, &value, out);
                }
                Err(error) => {
                    let message = format!("a stream event is not valid JSON: {error}");
                    self.fail(Event::Error(bad_payload(message)), out);
                }
            },
        }
    }

    fn end(&mut self, out: &mut Vec<Event>) {
        if !self.ended {
            self.fail(Event::Error(truncated()), out);
        }
    }
}

impl Reader {
    fn take_in(&mut self, kind: &str, event: &Value, out: &mut Vec<Event>) {
        match kind {
            "response.created" | "response.queued" | "response.in_progress" => {
                self.start(event, out);
            }
            "response.output_item.added" => self.item_added(event, out),
            "response.content_part.added" => self.part_added(event, out),
            "response.reasoning_summary_part.added" => self.summary_part_added(event, out),
            "response.content_part.done" => self.stop(content_of(event), out),
            "response.output_item.done" => self.item_done(event, out),
            "response.completed"
            | "response.incomplete"
            | "response.failed"
            | "response.cancelled" => self.finish(event, out),
            "keepalive" | "ping" => out.push(Event::Ping),
            "error" => self.fail(Event::Error(read_in_band(event)), out),
            // Error objects without a type come from servers that speak the dialect loosely.
            "" if event.get("error").is_some_and(|error| !error.is_null()) => {
                self.fail(Event::Error(read_in_band(event)), out);
            }
            other => self.grow_by(other, event, out),
        }
    }

    /// Events that carry text, each kind with a fragment form and a whole form. All others are of
    /// no concern to the neutral form, or unknown.
    fn grow_by(&mut self, kind: &str, event: &Value, out: &mut Vec<Event>) {
        let output = output_of(event);
        match kind {
            "response.output_text.delta" => {
                self.grow(content_of(event), Kind::Text, text_in(event, "delta"), out);
            }
            "response.refusal.delta" => {
                self.grow(content_of(event), Kind::Refusal, text_in(event, "delta"), out);
            }
            "response.reasoning_summary_text.delta" | "response.reasoning_text.delta" => {
                let place = (output, Part::Reasoning);
                self.grow(place, Kind::Reasoning, text_in(event, "delta"), out);
            }
            "response.function_call_arguments.delta" => {
                self.grow((output, Part::Call), Kind::Call, text_in(event, "delta"), out);
            }
            "response.output_text.done" => {
                self.fill(content_of(event), Kind::Text, text_in(event, "text"), out);
            }
            "response.refusal.done" => {
                self.fill(content_of(event), Kind::Refusal, text_in(event, "refusal"), out);
            }
            "response.function_call_arguments.done" => {
                self.fill((output, Part::Call), Kind::Call, text_in(event, "arguments"), out);
            }
            _ => {}
        }
    }

    fn start(&mut self, event: &Value, out: &mut Vec<Event>) {
        if self.started {
            return;
        }
        self.started = true;
        let response = event.get("response").unwrap_or(&Value::Null);
        let text = |key: &str| text_in(response, key).unwrap_or_default().to_owned();
        out.push(Event::Start { id: text("id"), model: text("model") });
        self.served.take_in(text_in(response, "service_tier"), out);
    }

    fn item_added(&mut self, event: &Value, out: &mut Vec<Event>) {
        let Some(item) = event.get("item") else {
            return;
        };
        if text_in(item, "type") == Some("function_call") {
            self.open_call(output_of(event), item, out);
        }
    }

    fn part_added(&mut self, event: &Value, out: &mut Vec<Event>) {
        match event.get("part").and_then(|part| text_in(part, "type")) {
            Some("output_text") => self.open(content_of(event), Kind::Text, out),
            Some("refusal") => self.open(content_of(event), Kind::Refusal, out),
            _ => {}
        }
    }

    /// Summary parts are paragraphs: every one but the first begins after a blank line.
    fn summary_part_added(&mut self, event: &Value, out: &mut Vec<Event>) {
        let place = (output_of(event), Part::Reasoning);
        self.open(place, Kind::Reasoning, out);
        if self.slot(place).is_some_and(|slot| slot.grown) {
            self.grow(place, Kind::Reasoning, Some("\n\n"), out);
        }
    }

    fn item_done(&mut self, event: &Value, out: &mut Vec<Event>) {
        if let Some(item) = event.get("item") {
            self.complete(output_of(event), item, out);
        }
    }

    /// Takes in a complete item: what its events left out is made up for, then its blocks stop.
    fn complete(&mut self, output: u64, item: &Value, out: &mut Vec<Event>) {
        if self.done.contains(&output) {
            return;
        }
        self.done.push(output);
        match text_in(item, "type") {
            Some("message") => self.complete_message(output, item, out),
            Some("reasoning") => self.complete_reasoning(output, item, out),
            Some("function_call") => {
                if let Err(fault) = item::call(item) {
                    return self.fail(Event::Error(fault), out);
                }
                self.open_call(output, item, out);
                self.fill((output, Part::Call), Kind::Call, text_in(item, "arguments"), out);
            }
            _ => {}
        }
        for slot in self.slots.iter_mut().filter(|slot| slot.output == output && slot.open) {
            slot.open = false;
            out.push(Event::BlockStop { index: slot.index });
        }
    }

    fn complete_message(&mut self, output: u64, item: &Value, out: &mut Vec<Event>) {
        for (at, part) in (0..).zip(item::message_parts(item)) {
            let place = (output, Part::Content(at));
            match item::read_part(part) {
                Some(Content::Text(text)) => self.fill(place, Kind::Text, Some(&text), out),
                Some(Content::Refusal(text)) => self.fill(place, Kind::Refusal, Some(&text), out),
                _ => {}
            }
        }
    }

    /// Encrypted reasoning is whole only in the finished item.
    fn complete_reasoning(&mut self, output: u64, item: &Value, out: &mut Vec<Event>) {
        let place = (output, Part::Reasoning);
        let block = item::reasoning(item);
        self.fill(place, Kind::Reasoning, Some(&block.text), out);
        if let Some(state) = block.state {
            self.open(place, Kind::Reasoning, out);
            if let Some(slot) = self.slot(place) {
                out.push(Event::Delta { index: slot.index, delta: Delta::State(state) });
            }
        }
    }

    fn finish(&mut self, event: &Value, out: &mut Vec<Event>) {
        self.start(event, out);
        let response = event.get("response").unwrap_or(&Value::Null);
        let finish = match envelope::outcome(response) {
            Ok(finish) => finish,
            Err(fault) => {
                self.served.take_in(text_in(response, "service_tier"), out);
                out.extend(response.get("usage").and_then(usage::read).map(Event::Usage));
                return self.fail(Event::Error(fault), out);
            }
        };
        let items = response.get("output").and_then(Value::as_array).into_iter().flatten();
        for (output, item) in (0..).zip(items) {
            self.complete(output, item, out);
            if self.ended {
                return;
            }
        }
        for slot in self.slots.iter_mut().filter(|slot| slot.open) {
            slot.open = false;
            out.push(Event::BlockStop { index: slot.index });
        }
        self.served.take_in(text_in(response, "service_tier"), out);
        out.extend(response.get("usage").and_then(usage::read).map(Event::Usage));
        let has = |kind: Kind| self.slots.iter().any(|slot| slot.kind == kind);
        let refused = has(Kind::Refusal) && !has(Kind::Text);
        let reason = envelope::refined(finish, has(Kind::Call), refused);
        out.push(Event::Finish { reason, stop_sequence: None });
        out.push(Event::End);
        self.ended = true;
    }

    fn fail(&mut self, error: Event, out: &mut Vec<Event>) {
        self.ended = true;
        out.push(error);
    }

    fn slot(&mut self, place: (u64, Part)) -> Option<&mut Slot> {
        self.slots.iter_mut().find(|slot| (slot.output, slot.part) == place)
    }

    fn open(&mut self, place: (u64, Part), kind: Kind, out: &mut Vec<Event>) {
        if let Some(block) = kind.opening() {
            self.open_as(place, kind, block, out);
        }
    }

    fn open_call(&mut self, output: u64, item: &Value, out: &mut Vec<Event>) {
        // An unfinished item may lack its name; the finished one tells.
        if let Ok(call) = item::call(item) {
            let block = BlockOpen::ToolCall { id: call.id, name: call.name };
            self.open_as((output, Part::Call), Kind::Call, block, out);
        }
    }

    fn open_as(&mut self, place: (u64, Part), kind: Kind, block: BlockOpen, out: &mut Vec<Event>) {
        if self.slot(place).is_some() {
            return;
        }
        let index = self.slots.len();
        let (output, part) = place;
        self.slots.push(Slot { output, part, index, kind, grown: false, open: true });
        out.push(Event::BlockStart { index, block });
    }

    /// Adds a fragment, beginning the block if its beginning was left out.
    fn grow(&mut self, place: (u64, Part), kind: Kind, text: Option<&str>, out: &mut Vec<Event>) {
        let Some(text) = text.filter(|text| !text.is_empty()) else {
            return;
        };
        self.open(place, kind, out);
        if let Some(slot) = self.slot(place) {
            slot.grown = true;
            let delta = slot.kind.wrap(text.to_owned());
            out.push(Event::Delta { index: slot.index, delta });
        }
    }

    /// Adds the whole text unless fragments brought it already.
    fn fill(&mut self, place: (u64, Part), kind: Kind, text: Option<&str>, out: &mut Vec<Event>) {
        if !self.slot(place).is_some_and(|slot| slot.grown) {
            self.grow(place, kind, text, out);
        }
    }

    fn stop(&mut self, place: (u64, Part), out: &mut Vec<Event>) {
        if let Some(slot) = self.slot(place).filter(|slot| slot.open) {
            slot.open = false;
            out.push(Event::BlockStop { index: slot.index });
        }
    }
}

fn output_of(event: &Value) -> u64 {
    event.get("output_index").and_then(Value::as_u64).unwrap_or(0)
}

fn content_of(event: &Value) -> (u64, Part) {
    let content = event.get("content_index").and_then(Value::as_u64).unwrap_or(0);
    (output_of(event), Part::Content(content))
}
