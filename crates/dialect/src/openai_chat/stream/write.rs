//! Writing chunks for a client.

use serde::Serialize;
use tieline_types::{Fault, ServiceTier, Usage};

use crate::{
    Style, WriteEvents, arguments,
    frame::sse,
    ir::{BlockOpen, Delta, Event, Finish},
    json::bytes,
    openai_chat::{error, finish, usage},
};

/// Writes events as chunks. All carry the same id, date and model; the first one the role.
pub(in crate::openai_chat) struct Writer {
    style: Style,
    started: bool,
    calls: Vec<Call>,
    refused: bool,
    /// Known, but not said before it is sure that nothing goes wrong any more.
    finish: Option<Finish>,
    finish_written: bool,
    usage: Option<Usage>,
    service_tier: Option<ServiceTier>,
    over: bool,
}

/// A tool call that was announced; its position is its number in this dialect.
struct Call {
    block: usize,
    has_arguments: bool,
}

#[derive(Serialize)]
struct Chunk<'a> {
    id: &'a str,
    object: &'static str,
    created: u64,
    model: &'a str,
    choices: &'a [Choice<'a>],
    /// Null in every chunk but the last where usage was asked for, else not there at all.
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<Option<usage::Wire>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    service_tier: Option<&'a str>,
}

#[derive(Serialize)]
struct Choice<'a> {
    index: u32,
    delta: WireDelta<'a>,
    logprobs: Option<()>,
    finish_reason: Option<&'static str>,
}

#[derive(Default, Serialize)]
struct WireDelta<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning_content: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    refusal: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_calls: Option<[WireCall<'a>; 1]>,
}

#[derive(Serialize)]
struct WireCall<'a> {
    index: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    r#type: Option<&'static str>,
    function: WireFunction<'a>,
}

#[derive(Serialize)]
struct WireFunction<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    arguments: &'a str,
}

impl Writer {
    pub(in crate::openai_chat) fn new(style: &Style) -> Self {
        Self {
            style: style.clone(),
            started: false,
            calls: Vec::new(),
            refused: false,
            finish: None,
            finish_written: false,
            usage: None,
            service_tier: None,
            over: false,
        }
    }

    fn chunk(&self, choices: &[Choice<'_>], usage: Option<usage::Wire>, out: &mut Vec<u8>) {
        let chunk = Chunk {
            id: &self.style.id,
            object: "chat.completion.chunk",
            created: self.style.created_s,
            model: &self.style.model,
            choices,
            usage: self.style.include_usage.then_some(usage),
            service_tier: self.service_tier.as_ref().map(ServiceTier::as_str),
        };
        sse::write(None, &bytes(&chunk), out);
    }

    fn choice(&self, delta: WireDelta<'_>, finish: Option<&'static str>, out: &mut Vec<u8>) {
        self.chunk(&[Choice { index: 0, delta, logprobs: None, finish_reason: finish }], None, out);
    }

    /// Clients need the role in the first delta.
    fn start(&mut self, out: &mut Vec<u8>) {
        if !self.started {
            self.started = true;
            let role = Some("assistant");
            self.choice(WireDelta { role, content: Some(""), ..WireDelta::default() }, None, out);
        }
    }

    fn grow(&mut self, index: usize, delta: &Delta, out: &mut Vec<u8>) {
        let wire = match delta {
            Delta::Text(text) => WireDelta { content: Some(text), ..WireDelta::default() },
            Delta::Reasoning(text) => {
                WireDelta { reasoning_content: Some(text), ..WireDelta::default() }
            }
            Delta::Refusal(text) => {
                self.refused = true;
                WireDelta { refusal: Some(text), ..WireDelta::default() }
            }
            Delta::Arguments(text) => return self.arguments(index, text, out),
            // This dialect has no place for a provider's seal.
            Delta::State(_) => return,
        };
        self.choice(wire, None, out);
    }

    fn open_call(&mut self, block: usize, id: &str, name: &str, out: &mut Vec<u8>) {
        let call = WireCall {
            index: self.calls.len(),
            id: Some(id),
            r#type: Some("function"),
            function: WireFunction { name: Some(name), arguments: "" },
        };
        self.calls.push(Call { block, has_arguments: false });
        self.choice(WireDelta { tool_calls: Some([call]), ..WireDelta::default() }, None, out);
    }

    fn arguments(&mut self, block: usize, text: &str, out: &mut Vec<u8>) {
        let Some(index) = self.calls.iter().rposition(|call| call.block == block) else {
            return;
        };
        if let Some(call) = self.calls.get_mut(index) {
            call.has_arguments = true;
        }
        let function = WireFunction { name: None, arguments: text };
        let call = WireCall { index, id: None, r#type: None, function };
        self.choice(WireDelta { tool_calls: Some([call]), ..WireDelta::default() }, None, out);
    }

    /// A call without arguments has empty ones; clients cannot parse an empty string.
    fn close(&mut self, block: usize, out: &mut Vec<u8>) {
        if self.calls.iter().any(|call| call.block == block && !call.has_arguments) {
            self.arguments(block, arguments::NONE, out);
        }
    }

    fn write_finish(&mut self, out: &mut Vec<u8>) {
        if !self.finish_written {
            self.finish_written = true;
            let (word, _) = finish::write(self.finish.unwrap_or_default(), self.refused);
            self.choice(WireDelta::default(), Some(word), out);
        }
    }

    fn write_end(&mut self, out: &mut Vec<u8>) {
        self.start(out);
        self.write_finish(out);
        // Unknown usage is not zero: then there is no usage chunk.
        if let Some(usage) = self.usage.filter(|_| self.style.include_usage) {
            self.chunk(&[], Some(usage::Wire::from(&usage)), out);
        }
        sse::write(None, b"[DONE]", out);
        self.over = true;
    }

    fn write_error(&mut self, fault: &Fault, out: &mut Vec<u8>) {
        sse::write(None, &bytes(&error::write_in_band(fault)), out);
        self.over = true;
    }
}

impl WriteEvents for Writer {
    fn write(&mut self, event: &Event, out: &mut Vec<u8>) {
        if self.over {
            return;
        }
        match event {
            Event::Start { id, model } => {
                if !id.is_empty() && !self.started {
                    self.style.id.clone_from(id);
                }
                if !model.is_empty() && !self.started {
                    self.style.model.clone_from(model);
                }
                self.start(out);
            }
            Event::BlockStart { index, block: BlockOpen::ToolCall { id, name } } => {
                self.start(out);
                self.open_call(*index, id, name, out);
            }
            Event::Delta { index, delta } if !delta.is_empty() => {
                self.start(out);
                self.grow(*index, delta, out);
            }
            Event::BlockStop { index } => self.close(*index, out),
            Event::Usage(usage) => {
                self.usage = Some(*usage);
                if self.finish.is_some() {
                    self.write_finish(out);
                }
            }
            Event::ServiceTier(tier) => self.service_tier.clone_from(tier),
            Event::Finish { reason, .. } => self.finish = self.finish.or(Some(*reason)),
            Event::End => self.write_end(out),
            Event::Error(fault) => self.write_error(fault, out),
            // A provider's sign of life is not the client's: heartbeats are the gateway's to send.
            Event::BlockStart { .. } | Event::Delta { .. } | Event::Ping => {}
        }
    }

    fn heartbeat(&self, out: &mut Vec<u8>) {
        sse::write_comment("ka", out);
    }
}
