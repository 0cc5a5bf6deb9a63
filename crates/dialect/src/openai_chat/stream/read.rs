//! Reading a provider's chunks.

use memchr::memmem;
use serde_json::Value;
use tieline_types::{Class, Fault, Phase};

use crate::{
    ReadEvents, arguments,
    calls::name_of,
    frame::sse,
    ir::{BlockOpen, Delta, Event, Finish},
    json::{bad_payload, text_in, text_or_empty, truncated},
    openai_chat::{
        error, finish, usage,
        wire::{minted_call_id, reasoning_in, texts_of},
    },
    served::Served,
};

/// Reads chunks into events. Text, thinking and refusals form one block as long as the kind stays
/// the same; every tool call is a block of its own, open until the finish, for calls interleave.
#[derive(Default)]
pub(in crate::openai_chat) struct Reader {
    started: bool,
    reply_id: String,
    blocks: usize,
    prose: Option<Prose>,
    calls: Vec<Call>,
    refused: bool,
    served: Served,
    finished: bool,
    /// The last finish word was empty, which for xAI ends a reply with tool calls.
    blank_finish: bool,
    /// Nothing that follows counts: the reply is complete or has failed.
    over: bool,
}

/// The block that text, thinking or a refusal goes to.
struct Prose {
    index: usize,
    kind: BlockOpen,
}

/// A tool call being received.
struct Call {
    /// The provider's number of it.
    number: u64,
    id: String,
    block: usize,
    has_arguments: bool,
}

impl ReadEvents for Reader {
    fn read(&mut self, frame: &[u8], out: &mut Vec<Event>) {
        if self.over {
            return;
        }
        let event = sse::parse(frame);
        let mut data = event.data.trim_ascii();
        if data.is_empty() {
            // Some proxies answer a stream request with a bare JSON error.
            data = frame.trim_ascii();
            if !data.starts_with(b"{") {
                out.push(Event::Ping);
                return;
            }
        }
        if data == b"[DONE]" {
            self.end(out);
            return;
        }
        match serde_json::from_slice::<Value>(data) {
            Ok(chunk) if event.event == Some("ping") || text_or_empty(&chunk, "type") == "ping" => {
                out.push(Event::Ping);
            }
            Ok(chunk) => self.chunk(&chunk, event.event == Some("error"), out),
            Err(cause) => self.fail(bad_payload(format!("a chunk is not JSON: {cause}")), out),
        }
    }

    /// `[DONE]` and the end of the transport mean the same: many servers leave the former out, and
    /// proxies append it to streams that broke. Only a finish makes a reply complete.
    fn end(&mut self, out: &mut Vec<Event>) {
        if self.over {
            return;
        }
        if self.blank_finish && !self.calls.is_empty() {
            self.finish("", out);
        }
        if self.finished {
            self.over = true;
            out.push(Event::End);
        } else {
            self.fail(truncated(), out);
        }
    }
}

impl Reader {
    fn fail(&mut self, fault: Fault, out: &mut Vec<Event>) {
        self.over = true;
        out.push(Event::Error(fault));
    }

    fn chunk(&mut self, chunk: &Value, is_error: bool, out: &mut Vec<Event>) {
        if let Some(fault) = error::find_in_band(chunk, Class::StreamError) {
            return self.fail(fault, out);
        }
        let Some(object) = chunk.as_object().filter(|_| !is_error) else {
            let class = if is_error { Class::StreamError } else { Class::BadPayload };
            let fault =
                Fault::new(class, format!("the provider sent an unreadable chunk: {chunk}"));
            return self.fail(fault.at(Phase::PreCommit), out);
        };
        let usage = usage::read(object);
        if usage.is_none() && !object.contains_key("choices") {
            let fault = bad_payload(format!("the provider sent a chunk without choices: {chunk}"));
            return self.fail(fault, out);
        }
        let choices = object.get("choices").and_then(Value::as_array);
        // Only one choice is ever asked for.
        let choice = choices.and_then(|choices| {
            choices.iter().find(|choice| choice.get("index").is_none_or(|at| at == 0))
        });
        if let Some(choice) = choice {
            self.start(chunk, out);
            self.choice(choice, out);
        }
        if !self.over {
            self.served.take_in(text_in(chunk, "service_tier"), out);
        }
        if let Some(usage) = usage.filter(|_| !self.over) {
            self.start(chunk, out);
            out.push(Event::Usage(usage));
        }
    }

    fn start(&mut self, chunk: &Value, out: &mut Vec<Event>) {
        if !self.started {
            self.started = true;
            text_or_empty(chunk, "id").clone_into(&mut self.reply_id);
            let model = text_or_empty(chunk, "model").to_owned();
            out.push(Event::Start { id: self.reply_id.clone(), model });
        }
    }

    fn choice(&mut self, choice: &Value, out: &mut Vec<Event>) {
        // Trailing chunks with an empty delta are common; the reply itself is closed.
        if self.finished {
            return;
        }
        if let Some(delta) = choice.get("delta")
            && let Err(fault) = self.delta(delta, out)
        {
            return self.fail(fault, out);
        }
        match choice.get("finish_reason").and_then(Value::as_str) {
            Some("error") => {
                let message = "the model server ended the stream with an error";
                self.fail(Fault::new(Class::StreamError, message), out);
            }
            Some("") => self.blank_finish = true,
            Some(word) => self.finish(word, out),
            None => self.blank_finish = false,
        }
    }

    fn delta(&mut self, delta: &Value, out: &mut Vec<Event>) -> Result<(), Fault> {
        let (thinking, text) = texts_of(delta.get("content"));
        let thinking = reasoning_in(delta).map_or(thinking, str::to_owned);
        let refusal = text_or_empty(delta, "refusal").to_owned();
        self.refused |= !refusal.is_empty();
        self.prose(BlockOpen::Reasoning, Delta::Reasoning(thinking), out);
        self.prose(BlockOpen::Text, Delta::Text(text), out);
        self.prose(BlockOpen::Refusal, Delta::Refusal(refusal), out);
        let calls = delta.get("tool_calls").and_then(Value::as_array);
        for (at, call) in calls.into_iter().flatten().enumerate() {
            let number = call.get("index").and_then(Value::as_u64);
            let number = number.unwrap_or_else(|| self.number_of(text_or_empty(call, "id"), at));
            let function = call.get("function").unwrap_or(&Value::Null);
            self.call(number, text_or_empty(call, "id"), function, out)?;
        }
        if let Some(function) = delta.get("function_call").filter(|call| !call.is_null()) {
            self.call(0, "", function, out)?;
        }
        Ok(())
    }

    fn prose(&mut self, kind: BlockOpen, delta: Delta, out: &mut Vec<Event>) {
        if delta.is_empty() {
            return;
        }
        let index = match &self.prose {
            Some(prose) if prose.kind == kind => prose.index,
            _ => {
                self.close_prose(out);
                let index = self.open(kind.clone(), out);
                self.prose = Some(Prose { index, kind });
                index
            }
        };
        out.push(Event::Delta { index, delta });
    }

    fn close_prose(&mut self, out: &mut Vec<Event>) {
        if let Some(prose) = self.prose.take() {
            out.push(Event::BlockStop { index: prose.index });
        }
    }

    fn open(&mut self, block: BlockOpen, out: &mut Vec<Event>) -> usize {
        let index = self.blocks;
        self.blocks += 1;
        out.push(Event::BlockStart { index, block });
        index
    }

    /// The number of a call that came without one: known by its id, else by its position, else a
    /// new one.
    fn number_of(&self, id: &str, at: usize) -> u64 {
        let known = self.calls.iter().rfind(|call| !id.is_empty() && call.id == id);
        let fresh = self.calls.iter().map(|call| call.number + 1).max().unwrap_or(0);
        match known {
            Some(call) => call.number,
            None if id.is_empty() => self.calls.get(at).map_or(fresh, |call| call.number),
            None => fresh,
        }
    }

    fn call(
        &mut self,
        number: u64,
        id: &str,
        function: &Value,
        out: &mut Vec<Event>,
    ) -> Result<(), Fault> {
        // Google's imitation numbers every parallel call 0: another id is another call.
        let same = |call: &Call| call.number == number && (id.is_empty() || call.id == id);
        let at = match self.calls.iter().rposition(same) {
            Some(at) => at,
            None => self.open_call(number, id, text_or_empty(function, "name"), out)?,
        };
        let arguments = arguments::text_in(function.get("arguments"));
        if let Some(call) = self.calls.get_mut(at).filter(|_| !arguments.is_empty()) {
            call.has_arguments = true;
            out.push(Event::Delta { index: call.block, delta: Delta::Arguments(arguments) });
        }
        Ok(())
    }

    fn open_call(
        &mut self,
        number: u64,
        id: &str,
        name: &str,
        out: &mut Vec<Event>,
    ) -> Result<usize, Fault> {
        let name = name_of(Some(name))?;
        self.close_prose(out);
        let at = self.calls.len();
        let id = if id.is_empty() { minted_call_id(&self.reply_id, at) } else { id.to_owned() };
        let open = BlockOpen::ToolCall { id: id.clone(), name };
        let block = self.open(open, out);
        self.calls.push(Call { number, id, block, has_arguments: false });
        Ok(at)
    }

    fn finish(&mut self, word: &str, out: &mut Vec<Event>) {
        self.finished = true;
        self.close_prose(out);
        let reason = finish::read(word, !self.calls.is_empty(), self.refused);
        for call in &self.calls {
            // A call without arguments has empty ones, unless the answer was cut before them.
            if !call.has_arguments && reason == Finish::ToolCalls {
                let delta = Delta::Arguments(arguments::NONE.to_owned());
                out.push(Event::Delta { index: call.block, delta });
            }
            out.push(Event::BlockStop { index: call.block });
        }
        out.push(Event::Finish { reason, stop_sequence: None });
    }
}

/// Keys that must be missing or null in a frame that is nothing but content. Tool calls and
/// refusals decide what a later finish means, and the role comes with the model's name.
const TELLING_KEYS: [&[u8]; 8] = [
    b"\"finish_reason\"",
    b"\"usage\"",
    b"\"error\"",
    b"\"tool_calls\"",
    b"\"function_call\"",
    b"\"role\"",
    b"\"refusal\"",
    b"\"x_groq\"",
];

/// Whether a frame is surely nothing but content.
///
/// A key in quotes can only be a key or a whole string value: within a string its quotes would be
/// escaped. Such a string value makes the answer `false`, which is always safe.
pub(in crate::openai_chat) fn is_plain_delta(frame: &[u8]) -> bool {
    frame.starts_with(b"data:")
        && memmem::find(frame, b"\"delta\"").is_some()
        && TELLING_KEYS.iter().all(|key| null_wherever_it_stands(frame, key))
}

fn null_wherever_it_stands(frame: &[u8], key: &[u8]) -> bool {
    memmem::find_iter(frame, key).all(|at| {
        let rest = frame.get(at + key.len()..).unwrap_or_default().trim_ascii_start();
        rest.strip_prefix(b":").is_some_and(|value| value.trim_ascii_start().starts_with(b"null"))
    })
}
