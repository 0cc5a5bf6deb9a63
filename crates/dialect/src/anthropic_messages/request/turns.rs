//! Arranging a conversation the way this dialect demands: it begins with the user, turns
//! alternate, and every tool call is answered at the start of the very next turn.

use std::{borrow::Cow, collections::BTreeSet};

use serde::Serialize;
use tieline_types::Fault;

use crate::{
    Accepts, Losses,
    anthropic_messages::wire::{WireBlock, tool_input},
    ir::{
        Block, CacheMark, Content, Message, ReasoningBlock, Role, StateFamily, ToolCall, ToolResult,
    },
};

use super::media;

/// What stands in for a result that never came.
const NO_RESULT: &str = "[no result: interrupted]";

/// What stands in for the words of a failed tool that gave none; an error must not be empty.
const NO_WORDS: &str = "[no output]";

/// What a conversation begins with when its first words are not the user's.
const OPENING: &str = ".";

/// The roles of turns.
const USER: &str = "user";
const ASSISTANT: &str = "assistant";

/// A conversation in this dialect's order.
#[derive(Debug, Default)]
pub(super) struct Conversation<'a> {
    /// The instructions before the first turn.
    pub(super) system: Vec<WireBlock<'a>>,
    /// The turns.
    pub(super) turns: Vec<Turn<'a>>,
}

/// One turn.
#[derive(Debug, Serialize)]
pub(super) struct Turn<'a> {
    role: &'static str,
    /// What is said, tool results first.
    pub(super) content: Vec<WireBlock<'a>>,
    /// How many tool results lead the turn.
    #[serde(skip)]
    results: usize,
}

impl Conversation<'_> {
    /// Whether the last turn answers calls that the model made without thinking first.
    pub(super) fn loops_without_thinking(&self) -> bool {
        let [.., asked, answered] = self.turns.as_slice() else {
            return false;
        };
        answered.results > 0
            && !matches!(
                asked.content.first(),
                Some(WireBlock::Thinking { .. } | WireBlock::RedactedThinking { .. })
            )
    }
}

/// Arranges `messages`, noting in `losses` what had to change.
///
/// # Errors
/// `unsupported_here` for media that the deployment does not take.
pub(super) fn arrange<'a>(
    messages: &'a [Message],
    accepts: Accepts,
    losses: &mut Losses,
) -> Result<Conversation<'a>, Fault> {
    let leading = messages.iter().take_while(|message| instructs(message.role)).count();
    let system = messages
        .iter()
        .take(leading)
        .flat_map(|message| &message.blocks)
        .filter_map(|block| instruction(block, losses))
        .collect();
    let mut arranger =
        Arranger { turns: Vec::new(), used: BTreeSet::new(), open: Vec::new(), accepts, losses };
    for message in messages.iter().skip(leading) {
        arranger.take_in(message)?;
    }
    Ok(Conversation { system, turns: arranger.finish() })
}

fn instructs(role: Role) -> bool {
    matches!(role, Role::System | Role::Developer)
}

fn instruction<'a>(block: &'a Block, losses: &mut Losses) -> Option<WireBlock<'a>> {
    let Content::Text(text) = &block.content else {
        losses.drop("messages.content");
        return None;
    };
    text_block(text.into(), block.cache)
}

/// A text block; none for blank text, which is refused.
fn text_block(text: Cow<'_, str>, cache: Option<CacheMark>) -> Option<WireBlock<'_>> {
    let blank = text.trim().is_empty();
    (!blank).then(|| WireBlock::Text { text, cache_control: cache.map(Into::into) })
}

/// A call of the latest assistant turn that has no result yet.
struct OpenCall<'a> {
    id: &'a str,
    wire_id: String,
}

struct Arranger<'a, 'l> {
    turns: Vec<Turn<'a>>,
    /// All call ids written so far.
    used: BTreeSet<String>,
    open: Vec<OpenCall<'a>>,
    accepts: Accepts,
    losses: &'l mut Losses,
}

impl<'a> Arranger<'a, '_> {
    fn take_in(&mut self, message: &'a Message) -> Result<(), Fault> {
        match message.role {
            Role::System | Role::Developer => self.remind(message),
            Role::User | Role::Tool => self.take_in_user(message)?,
            Role::Assistant => self.take_in_assistant(message),
        }
        Ok(())
    }

    /// Not every model takes a system turn in mid-conversation.
    fn remind(&mut self, message: &'a Message) {
        let texts: Vec<&str> = message
            .blocks
            .iter()
            .filter_map(|block| match &block.content {
                Content::Text(text) => Some(text.as_str()),
                _ => None,
            })
            .collect();
        if texts.is_empty() {
            return;
        }
        self.losses.downgrade("messages.role");
        let text = format!("<system-reminder>\n{}\n</system-reminder>", texts.join("\n\n"));
        let cache = message.blocks.last().and_then(|block| block.cache);
        self.say(text_block(text.into(), cache));
    }

    fn take_in_user(&mut self, message: &'a Message) -> Result<(), Fault> {
        for block in &message.blocks {
            match &block.content {
                Content::ToolResult(result) => self.take_in_result(result, block.cache)?,
                _ => {
                    let written = self.piece(block)?;
                    self.say(written);
                }
            }
        }
        Ok(())
    }

    /// A piece of a user turn or of a tool's result.
    fn piece(&mut self, block: &'a Block) -> Result<Option<WireBlock<'a>>, Fault> {
        let cache_control = block.cache.map(Into::into);
        Ok(match &block.content {
            Content::Text(text) | Content::Refusal(text) => text_block(text.into(), block.cache),
            Content::Image { source, detail } => {
                if detail.is_some() {
                    self.losses.drop("messages.content.detail");
                }
                let source = media::image(source, self.accepts.media_urls)?;
                Some(WireBlock::Image { source, cache_control })
            }
            Content::Document { source, name } => {
                let source = media::document(source, self.accepts.media_urls)?;
                Some(WireBlock::Document { source, title: name.as_deref(), cache_control })
            }
            Content::Reasoning(_) | Content::ToolCall(_) | Content::ToolResult(_) => {
                self.losses.drop("messages.content");
                None
            }
        })
    }

    fn pieces(&mut self, blocks: &'a [Block]) -> Result<Vec<WireBlock<'a>>, Fault> {
        let mut written = Vec::new();
        for block in blocks {
            written.extend(self.piece(block)?);
        }
        Ok(written)
    }

    fn take_in_result(
        &mut self,
        result: &'a ToolResult,
        cache: Option<CacheMark>,
    ) -> Result<(), Fault> {
        let mut content = self.pieces(&result.blocks)?;
        let Some(at) = self.open.iter().position(|call| call.id == result.call_id) else {
            self.losses.downgrade("tool_result");
            let id = &result.call_id;
            self.say(Some(WireBlock::text(format!("[result of the unknown tool call {id}]"))));
            content.into_iter().for_each(|block| self.say(Some(block)));
            return Ok(());
        };
        if result.is_error && content.is_empty() {
            content.push(WireBlock::text(NO_WORDS));
        }
        let call = self.open.remove(at);
        self.answer(WireBlock::ToolResult {
            tool_use_id: call.wire_id,
            content,
            is_error: result.is_error,
            cache_control: cache.map(Into::into),
        });
        Ok(())
    }

    fn take_in_assistant(&mut self, message: &'a Message) {
        let mut content = Vec::new();
        let mut calls = Vec::new();
        for block in &message.blocks {
            match &block.content {
                Content::Text(text) | Content::Refusal(text) => {
                    content.extend(text_block(text.into(), block.cache));
                }
                Content::Reasoning(reasoning) => content.extend(self.thinking(reasoning)),
                Content::ToolCall(call) => content.push(self.call(call, block, &mut calls)),
                Content::Image { .. } | Content::Document { .. } | Content::ToolResult(_) => {
                    self.losses.drop("messages.content");
                }
            }
        }
        if content.is_empty() {
            return;
        }
        if self.turns.last().is_some_and(|turn| turn.role == USER) {
            self.settle();
        }
        self.open.extend(calls);
        self.turn(ASSISTANT).content.extend(content);
    }

    /// Claude reads the thinking that it signed, and no other.
    fn thinking(&mut self, reasoning: &'a ReasoningBlock) -> Option<WireBlock<'a>> {
        match &reasoning.state {
            Some(state) if state.family == StateFamily::Anthropic => WireBlock::thinking(reasoning),
            Some(_) => {
                self.losses.drop("reasoning_state");
                None
            }
            None => {
                self.losses.drop("reasoning");
                None
            }
        }
    }

    fn call(
        &mut self,
        call: &'a ToolCall,
        block: &Block,
        calls: &mut Vec<OpenCall<'a>>,
    ) -> WireBlock<'a> {
        let wire_id = self.unique_id(&call.id);
        calls.push(OpenCall { id: &call.id, wire_id: wire_id.clone() });
        WireBlock::ToolUse {
            id: wire_id.into(),
            name: &call.name,
            input: tool_input(&call.arguments, self.losses),
            cache_control: block.cache.map(Into::into),
        }
    }

    /// The id within the characters of this dialect, and unlike all before: some providers count
    /// their calls from zero in every turn.
    fn unique_id(&mut self, id: &str) -> String {
        let allowed = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        let mut base: String = id.chars().map(|c| if allowed(c) { c } else { '_' }).collect();
        if base.is_empty() {
            base.push_str("call");
        }
        let wire_id = std::iter::once(base.clone())
            .chain((2_usize..).map(|n| format!("{base}_{n}")))
            .find(|candidate| !self.used.contains(candidate))
            .unwrap_or(base);
        self.used.insert(wire_id.clone());
        wire_id
    }

    /// Answers every call that is still open; the last turn is the user's.
    fn settle(&mut self) {
        for call in std::mem::take(&mut self.open) {
            self.losses.emulate("tool_result");
            self.answer(WireBlock::ToolResult {
                tool_use_id: call.wire_id,
                content: vec![WireBlock::text(NO_RESULT)],
                is_error: true,
                cache_control: None,
            });
        }
    }

    fn say(&mut self, block: Option<WireBlock<'a>>) {
        if let Some(block) = block {
            self.turn(USER).content.push(block);
        }
    }

    fn answer(&mut self, result: WireBlock<'a>) {
        let turn = self.turn(USER);
        turn.content.insert(turn.results, result);
        turn.results += 1;
    }

    /// The turn being built, a new one where the role changes.
    fn turn(&mut self, role: &'static str) -> &mut Turn<'a> {
        let current = match self.turns.pop() {
            Some(last) if last.role == role => last,
            other => {
                self.turns.extend(other);
                Turn { role, content: Vec::new(), results: 0 }
            }
        };
        self.turns.push_mut(current)
    }

    fn finish(mut self) -> Vec<Turn<'a>> {
        self.settle();
        if self.turns.first().is_none_or(|turn| turn.role != USER) {
            self.losses.emulate("messages");
            let content = vec![WireBlock::text(OPENING)];
            self.turns.insert(0, Turn { role: USER, content, results: 0 });
        }
        self.turns
    }
}
