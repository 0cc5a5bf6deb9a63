//! Folding events into replies and glances, and unfolding replies into events.

use tieline_types::{Fault, ServiceTier, Usage};

use crate::ir::{BlockOpen, Content, Delta, Event, Finish, ReasoningBlock, Reply, ToolCall};

/// What a relay must know of a stream whose frames it passes on untouched.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Glance {
    /// Content was seen: the attempt is committed once these bytes go out.
    pub content: bool,
    /// A finish reason was seen.
    pub finish: Option<Finish>,
    /// The dialect's terminal event was seen.
    pub ended: bool,
    /// The latest usage snapshot.
    pub usage: Option<Usage>,
    /// The model the provider says it serves.
    pub model: Option<String>,
    /// The service tier that the provider says it serves, where that is not the standard one.
    pub service_tier: Option<ServiceTier>,
    /// The in-band error, if one came.
    pub fault: Option<Fault>,
}

impl Glance {
    /// Takes note of events.
    pub fn take_in(&mut self, events: &[Event]) {
        for event in events {
            self.content |= event.is_content();
            match event {
                Event::Start { model, .. } if !model.is_empty() => self.model = Some(model.clone()),
                Event::Usage(usage) => self.usage = Some(*usage),
                Event::ServiceTier(tier) => self.service_tier.clone_from(tier),
                Event::Finish { reason, .. } => self.finish = Some(*reason),
                Event::End => self.ended = true,
                Event::Error(fault) => self.fault = Some(fault.clone()),
                _ => {}
            }
        }
    }
}

/// The events of a whole reply, for streaming what was not streamed. Text is cut into pieces of
/// at most `piece_chars` characters.
#[must_use]
pub fn events_of(reply: &Reply, piece_chars: usize) -> Vec<Event> {
    let mut events = vec![Event::Start { id: reply.id.clone(), model: reply.model.clone() }];
    events.extend(reply.service_tier.clone().map(|tier| Event::ServiceTier(Some(tier))));
    for (index, content) in reply.blocks.iter().enumerate() {
        let (block, deltas) = unfold(content, piece_chars);
        events.push(Event::BlockStart { index, block });
        events.extend(deltas.into_iter().map(|delta| Event::Delta { index, delta }));
        events.push(Event::BlockStop { index });
    }
    events.push(Event::Finish { reason: reply.finish, stop_sequence: reply.stop_sequence.clone() });
    events.extend(reply.usage.map(Event::Usage));
    events.push(Event::End);
    events
}

fn unfold(content: &Content, piece_chars: usize) -> (BlockOpen, Vec<Delta>) {
    let cut = |text: &str, wrap: fn(String) -> Delta| pieces(text, piece_chars).map(wrap).collect();
    match content {
        Content::Reasoning(block) => {
            let mut deltas: Vec<Delta> = cut(&block.text, Delta::Reasoning);
            deltas.extend(block.state.clone().map(Delta::State));
            (BlockOpen::Reasoning, deltas)
        }
        Content::ToolCall(call) => (
            BlockOpen::ToolCall { id: call.id.clone(), name: call.name.clone() },
            cut(&call.arguments, Delta::Arguments),
        ),
        Content::Refusal(text) => (BlockOpen::Refusal, cut(text, Delta::Refusal)),
        Content::Text(text) => (BlockOpen::Text, cut(text, Delta::Text)),
        // A reply holds no media and no tool results; an empty text block keeps the numbering.
        Content::Image { .. } | Content::Document { .. } | Content::ToolResult(_) => {
            (BlockOpen::Text, Vec::new())
        }
    }
}

fn pieces(text: &str, piece_chars: usize) -> impl Iterator<Item = String> + '_ {
    let mut chars = text.chars();
    std::iter::from_fn(move || {
        let piece: String = chars.by_ref().take(piece_chars.max(1)).collect();
        (!piece.is_empty()).then_some(piece)
    })
}

/// Folds a stream's events into a whole reply.
#[derive(Debug, Default)]
pub struct Collector {
    reply: Reply,
    blocks: Vec<(usize, Content)>,
    ended: bool,
    fault: Option<Fault>,
}

impl Collector {
    /// Takes one event in.
    pub fn push(&mut self, event: Event) {
        match event {
            Event::Start { id, model } => {
                self.reply.id = id;
                self.reply.model = model;
            }
            Event::BlockStart { index, block } => self.blocks.push((index, opened(block))),
            Event::Delta { index, delta } => self.grow(index, delta),
            Event::Usage(usage) => self.reply.usage = Some(usage),
            Event::ServiceTier(tier) => self.reply.service_tier = tier,
            Event::Finish { reason, stop_sequence } => {
                self.reply.finish = reason;
                self.reply.stop_sequence = stop_sequence;
            }
            Event::End => self.ended = true,
            Event::Error(fault) => self.fault = Some(fault),
            Event::BlockStop { .. } | Event::Ping => {}
        }
    }

    /// The reply, if the stream came to its end.
    ///
    /// # Errors
    /// The stream's own fault, or `stream_truncated`.
    pub fn finish(self) -> Result<Reply, Fault> {
        if let Some(fault) = self.fault {
            return Err(fault);
        }
        if !self.ended {
            return Err(crate::json::truncated());
        }
        let mut reply = self.reply;
        reply.blocks = self.blocks.into_iter().map(|(_, content)| content).collect();
        Ok(reply)
    }

    fn grow(&mut self, index: usize, delta: Delta) {
        let Some((_, content)) = self.blocks.iter_mut().rev().find(|(at, _)| *at == index) else {
            return;
        };
        match (content, delta) {
            (Content::Text(text), Delta::Text(more))
            | (Content::Refusal(text), Delta::Refusal(more)) => text.push_str(&more),
            (Content::Reasoning(block), Delta::Reasoning(more)) => block.text.push_str(&more),
            (Content::Reasoning(block), Delta::State(state)) => block.state = Some(state),
            (Content::ToolCall(call), Delta::Arguments(more)) => call.arguments.push_str(&more),
            _ => {}
        }
    }
}

fn opened(block: BlockOpen) -> Content {
    match block {
        BlockOpen::Text => Content::Text(String::new()),
        BlockOpen::Reasoning => Content::Reasoning(ReasoningBlock::default()),
        BlockOpen::ToolCall { id, name } => {
            Content::ToolCall(ToolCall { id, name, arguments: String::new() })
        }
        BlockOpen::Refusal => Content::Refusal(String::new()),
    }
}
