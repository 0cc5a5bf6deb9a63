//! Writing a client's stream.

use serde_json::{Map, Value, json};
use tieline_types::{Fault, ServiceTier, Usage};

use crate::{
    Style, WriteEvents, arguments,
    frame::sse,
    ir::{BlockOpen, Delta, Event, Finish, OpaqueState, ToolCall},
    json::bytes,
    openai_responses::response::{
        envelope::{Envelope, status_of},
        item,
    },
};

/// A block on its way to becoming an output item.
///
/// An item begins with its first content, not with its block: empty text, and reasoning that only
/// another family can read, leave no trace. Its place in the output is fixed when it begins, so
/// that places are dense.
#[derive(Debug)]
struct Item {
    /// The block's number.
    index: usize,
    kind: Kind,
    /// Place in the output and item id, once begun.
    begun: Option<Begun>,
    text: String,
    /// Encrypted reasoning with its item id.
    state: Option<OpaqueState>,
    /// Its block is complete. Whether the item is told only what follows, for the last item of an
    /// answer that was cut short is cut short itself.
    stopped: bool,
}

#[derive(Clone, Debug)]
struct Begun {
    at: usize,
    id: String,
}

#[derive(Clone, Debug)]
enum Kind {
    Text,
    Refusal,
    Reasoning,
    Call { id: String, name: String },
}

impl Kind {
    fn of(block: &BlockOpen) -> Self {
        match block {
            BlockOpen::Text => Self::Text,
            BlockOpen::Refusal => Self::Refusal,
            BlockOpen::Reasoning => Self::Reasoning,
            BlockOpen::ToolCall { id, name } => Self::Call { id: id.clone(), name: name.clone() },
        }
    }

    const fn id_prefix(&self) -> &'static str {
        match self {
            Self::Text | Self::Refusal => "msg",
            Self::Reasoning => item::FOREIGN_REASONING,
            Self::Call { .. } => "fc",
        }
    }

    const fn delta_event(&self) -> &'static str {
        match self {
            Self::Text => "response.output_text.delta",
            Self::Refusal => "response.refusal.delta",
            Self::Reasoning => "response.reasoning_summary_text.delta",
            Self::Call { .. } => "response.function_call_arguments.delta",
        }
    }

    /// The content or summary part that holds `text`; calls have none.
    fn part(&self, text: &str) -> Value {
        match self {
            Self::Text => item::text_part(text),
            Self::Refusal => item::refusal_part(text),
            Self::Reasoning => item::summary_part(text),
            Self::Call { .. } => Value::Null,
        }
    }
}

/// The status of an item that is whole.
const COMPLETED: &str = "completed";

/// See [`WriteEvents`].
#[derive(Debug)]
pub(in crate::openai_responses) struct Writer {
    id: String,
    model: String,
    created_s: u64,
    sequence: u64,
    started: bool,
    ended: bool,
    open: Vec<Item>,
    /// Finished items by their place; null while one is being made.
    output: Vec<Value>,
    refused: bool,
    finish: Finish,
    usage: Option<Usage>,
    service_tier: Option<ServiceTier>,
}

impl WriteEvents for Writer {
    fn write(&mut self, event: &Event, out: &mut Vec<u8>) {
        if self.ended {
            return;
        }
        match event {
            Event::Start { id, model } => self.start(id, model, out),
            Event::BlockStart { index, block } => self.block_start(*index, block, out),
            Event::Delta { index, delta } => self.delta(*index, delta, out),
            Event::BlockStop { index } => {
                if let Some(item) = self.item(*index) {
                    item.stopped = true;
                }
            }
            Event::Usage(usage) => self.usage = Some(*usage),
            Event::ServiceTier(tier) => self.service_tier.clone_from(tier),
            Event::Finish { reason, .. } => self.finish = *reason,
            Event::End => self.end(out),
            Event::Ping => self.heartbeat(out),
            Event::Error(fault) => self.fail(fault, out),
        }
    }

    fn heartbeat(&self, out: &mut Vec<u8>) {
        sse::write_comment("ka", out);
    }
}

impl Writer {
    /// A writer for one reply.
    pub(crate) fn new(style: &Style) -> Self {
        Self {
            id: style.id.clone(),
            model: style.model.clone(),
            created_s: style.created_s,
            sequence: 0,
            started: false,
            ended: false,
            open: Vec::new(),
            output: Vec::new(),
            refused: false,
            finish: Finish::Stop,
            usage: None,
            service_tier: None,
        }
    }

    fn envelope(&self) -> Envelope<'_> {
        Envelope {
            id: &self.id,
            model: &self.model,
            created_s: self.created_s,
            service_tier: self.service_tier.as_ref(),
        }
    }

    /// Appends one event with its type and number in front.
    fn send(&mut self, kind: &str, fields: Value, out: &mut Vec<u8>) {
        let mut event = Map::new();
        event.insert("type".to_owned(), kind.into());
        event.insert("sequence_number".to_owned(), self.sequence.into());
        if let Value::Object(fields) = fields {
            event.extend(fields);
        }
        self.sequence += 1;
        sse::write(Some(kind), &bytes(&event), out);
    }

    fn start(&mut self, id: &str, model: &str, out: &mut Vec<u8>) {
        if self.started {
            return;
        }
        self.started = true;
        for (own, given) in [(&mut self.id, id), (&mut self.model, model)] {
            if !given.is_empty() {
                given.clone_into(own);
            }
        }
        let response = self.envelope().in_progress();
        self.send("response.created", json!({ "response": response }), out);
        self.send("response.in_progress", json!({ "response": response }), out);
    }

    fn block_start(&mut self, index: usize, block: &BlockOpen, out: &mut Vec<u8>) {
        self.start("", "", out);
        self.finish_stopped(out);
        self.refused |= matches!(block, BlockOpen::Refusal);
        let kind = Kind::of(block);
        let call = matches!(kind, Kind::Call { .. });
        self.open.push(Item {
            index,
            kind,
            begun: None,
            text: String::new(),
            state: None,
            stopped: false,
        });
        if call {
            self.begin(index, None, out);
        }
    }

    fn item(&mut self, index: usize) -> Option<&mut Item> {
        self.open.iter_mut().find(|item| item.index == index)
    }

    /// Begins the item of a block, unless it has begun.
    fn begin(&mut self, index: usize, own_id: Option<&str>, out: &mut Vec<u8>) {
        let at = self.output.len();
        let reply_id = self.id.clone();
        let Some(item) = self.item(index).filter(|item| item.begun.is_none()) else {
            return;
        };
        let id = own_id
            .filter(|id| !id.is_empty())
            .map_or_else(|| item::id(item.kind.id_prefix(), &reply_id, at), str::to_owned);
        let kind = item.kind.clone();
        item.begun = Some(Begun { at, id: id.clone() });
        let added = match &kind {
            Kind::Text | Kind::Refusal => item::message(&id, "in_progress", &[]),
            Kind::Reasoning => item::reasoning_item(&id, "", None),
            Kind::Call { id: call_id, name } => {
                item::function_call(&id, "in_progress", &call(call_id, name, ""))
            }
        };
        self.output.push(Value::Null);
        let fields = json!({ "output_index": at, "item": added });
        self.send("response.output_item.added", fields, out);
        match kind {
            Kind::Text | Kind::Refusal => {
                let fields = at_part(&id, at, "content_index", "part", &kind.part(""));
                self.send("response.content_part.added", fields, out);
            }
            // A summary part begins with its text, which state alone does not have.
            Kind::Reasoning | Kind::Call { .. } => {}
        }
    }

    fn delta(&mut self, index: usize, delta: &Delta, out: &mut Vec<u8>) {
        match delta {
            Delta::Text(text)
            | Delta::Refusal(text)
            | Delta::Reasoning(text)
            | Delta::Arguments(text) => self.grow(index, text, out),
            Delta::State(state) => self.keep_state(index, state, out),
        }
    }

    fn grow(&mut self, index: usize, text: &str, out: &mut Vec<u8>) {
        if text.is_empty() {
            return;
        }
        self.begin(index, None, out);
        let Some(item) = self.item(index) else {
            return;
        };
        let Some(Begun { at, id }) = item.begun.clone() else {
            return;
        };
        let first = item.text.is_empty();
        item.text.push_str(text);
        let kind = item.kind.clone();
        let position = match kind {
            Kind::Text | Kind::Refusal => "content_index",
            Kind::Reasoning => "summary_index",
            Kind::Call { .. } => {
                let fields = json!({ "item_id": id, "output_index": at, "delta": text });
                return self.send(kind.delta_event(), fields, out);
            }
        };
        if first && matches!(kind, Kind::Reasoning) {
            let fields = at_part(&id, at, position, "part", &kind.part(""));
            self.send("response.reasoning_summary_part.added", fields, out);
        }
        let mut fields = at_part(&id, at, position, "delta", &text.into());
        if let (Kind::Text, Some(fields)) = (&kind, fields.as_object_mut()) {
            fields.insert("logprobs".to_owned(), json!([]));
        }
        self.send(kind.delta_event(), fields, out);
    }

    /// Keeps encrypted reasoning for the end of its item; other families' state has no place here.
    fn keep_state(&mut self, index: usize, state: &OpaqueState, out: &mut Vec<u8>) {
        let Some((own_id, _)) = item::sealed(state) else {
            return;
        };
        self.begin(index, Some(own_id), out);
        if let Some(item) = self.item(index) {
            item.state = Some(state.clone());
        }
    }

    /// Finishes the items whose blocks are complete.
    fn finish_stopped(&mut self, out: &mut Vec<u8>) {
        let stopped = self.open.iter().filter(|item| item.stopped).map(|item| item.index);
        for index in stopped.collect::<Vec<_>>() {
            self.finish_block(index, COMPLETED, out);
        }
    }

    fn finish_block(&mut self, index: usize, status: &str, out: &mut Vec<u8>) {
        let Some(position) = self.open.iter().position(|item| item.index == index) else {
            return;
        };
        let item = self.open.remove(position);
        let Some(Begun { at, id }) = item.begun else {
            return;
        };
        self.send_whole(&item.kind, &item.text, &id, at, out);
        let sealed = item.state.as_ref().and_then(item::sealed);
        // The provider refuses encrypted reasoning under another id than its own.
        let (matching, stray) = match sealed {
            Some((own_id, _)) if !own_id.is_empty() && own_id != id => (None, sealed),
            other => (other, None),
        };
        let done = match &item.kind {
            Kind::Text | Kind::Refusal => item::message(&id, status, &[item.kind.part(&item.text)]),
            Kind::Reasoning => {
                item::reasoning_item(&id, &item.text, matching.map(|(_, content)| content))
            }
            Kind::Call { id: call_id, name } => {
                let arguments = arguments::text(&item.text);
                item::function_call(&id, status, &call(call_id, name, arguments))
            }
        };
        self.finish_item(at, done, out);
        if let Some((own_id, content)) = stray {
            self.add_state_item(own_id, content, out);
        }
    }

    /// The events that repeat an item's content whole.
    fn send_whole(&mut self, kind: &Kind, text: &str, id: &str, at: usize, out: &mut Vec<u8>) {
        let (done, position, key, part_done) = match kind {
            Kind::Text => {
                ("response.output_text.done", "content_index", "text", "response.content_part.done")
            }
            Kind::Refusal => {
                ("response.refusal.done", "content_index", "refusal", "response.content_part.done")
            }
            Kind::Reasoning if text.is_empty() => return,
            Kind::Reasoning => (
                "response.reasoning_summary_text.done",
                "summary_index",
                "text",
                "response.reasoning_summary_part.done",
            ),
            Kind::Call { name, .. } => {
                let arguments = arguments::text(text);
                let fields = json!({
                    "item_id": id, "output_index": at, "name": name, "arguments": arguments,
                });
                return self.send("response.function_call_arguments.done", fields, out);
            }
        };
        let mut fields = at_part(id, at, position, key, &text.into());
        if let (Kind::Text, Some(fields)) = (kind, fields.as_object_mut()) {
            fields.insert("logprobs".to_owned(), json!([]));
        }
        self.send(done, fields, out);
        let fields = at_part(id, at, position, "part", &kind.part(text));
        self.send(part_done, fields, out);
    }

    fn finish_item(&mut self, at: usize, item: Value, out: &mut Vec<u8>) {
        let fields = json!({ "output_index": at, "item": item });
        if let Some(place) = self.output.get_mut(at) {
            *place = item;
        }
        self.send("response.output_item.done", fields, out);
    }

    /// Encrypted reasoning as an item of its own, whose summary went out under another id.
    fn add_state_item(&mut self, id: &str, content: &str, out: &mut Vec<u8>) {
        let at = self.output.len();
        self.output.push(Value::Null);
        let added = item::reasoning_item(id, "", None);
        let fields = json!({ "output_index": at, "item": added });
        self.send("response.output_item.added", fields, out);
        self.finish_item(at, item::reasoning_item(id, "", Some(content)), out);
    }

    fn end(&mut self, out: &mut Vec<u8>) {
        self.start("", "", out);
        let (status, reason) = status_of(self.finish, self.refused);
        let begun = self.open.iter().filter(|item| item.begun.is_some());
        let open: Vec<usize> = begun.map(|item| item.index).collect();
        for index in &open {
            let status = if Some(index) == open.last() { status } else { COMPLETED };
            self.finish_block(*index, status, out);
        }
        let output = self.finished_items();
        let response = self.envelope().ended(status, reason, output, self.usage);
        self.send(&format!("response.{status}"), json!({ "response": response }), out);
        self.ended = true;
    }

    fn fail(&mut self, fault: &Fault, out: &mut Vec<u8>) {
        self.start("", "", out);
        self.finish_stopped(out);
        let output = self.finished_items();
        let response = self.envelope().failed(fault, output, self.usage);
        self.send("response.failed", json!({ "response": response }), out);
        self.ended = true;
    }

    fn finished_items(&mut self) -> Vec<Value> {
        std::mem::take(&mut self.output).into_iter().filter(|item| !item.is_null()).collect()
    }
}

fn call(id: &str, name: &str, arguments: &str) -> ToolCall {
    ToolCall { id: id.to_owned(), name: name.to_owned(), arguments: arguments.to_owned() }
}

/// The fields of an event about part 0 of an item, all parts being items of their own here.
fn at_part(id: &str, at: usize, position: &str, key: &str, value: &Value) -> Value {
    json!({ "item_id": id, "output_index": at, position: 0, key: value })
}
