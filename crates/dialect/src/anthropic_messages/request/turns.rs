//! Arranging a conversation the way this dialect demands: it begins with the user, turns
//! alternate, and every tool call is answered at the start of the very next turn.

use std::borrow::Cow;

use serde::Serialize;
use tieline_types::Fault;

use crate::{
    Accepts, Losses,
    anthropic_messages::wire::WireBlock,
    arguments,
    calls::{Answers, Calls, IdRule},
    ir::{
        Ask, Block, CacheMark, Content, Message, ReasoningBlock, Role, StateFamily, ToolCall,
        ToolResult,
    },
    stand_in::{NO_RESULT, OPENING, TOOL_FAILED, reminder, stray_result},
};

use super::media;

/// The ids of tool calls.
const CALL_IDS: IdRule = IdRule { chars_max: 64, marks: Some("_-") };

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

/// Arranges the conversation of `ask`, noting in `losses` what had to change.
///
/// # Errors
/// `unsupported_here` for media that the deployment does not take.
pub(super) fn arrange<'a>(
    ask: &'a Ask,
    accepts: Accepts,
    losses: &mut Losses,
) -> Result<Conversation<'a>, Fault> {
    let leading = ask.leading_instructions();
    let system = ask
        .messages
        .iter()
        .take(leading)
        .flat_map(|message| &message.blocks)
        .filter_map(|block| instruction(block, losses))
        .collect();
    let mut arranger = Arranger { turns: Vec::new(), calls: Calls::new(CALL_IDS), accepts, losses };
    for message in ask.messages.iter().skip(leading) {
        arranger.take_in(message)?;
    }
    Ok(Conversation { system, turns: arranger.finish() })
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

struct Arranger<'a, 'l> {
    turns: Vec<Turn<'a>>,
    calls: Calls<'a>,
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
        let text = reminder(&texts.join("\n\n"));
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
                    self.losses.drop("image.detail");
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
        match self.calls.answer(&result.call_id) {
            Answers::Answered => self.losses.drop("tool_result"),
            Answers::Nothing => {
                self.losses.downgrade("tool_result");
                self.say(Some(WireBlock::text(stray_result(&result.call_id))));
                content.into_iter().for_each(|block| self.say(Some(block)));
            }
            Answers::Call(tool_use_id) => {
                // An error must not be empty.
                if result.is_error && content.is_empty() {
                    content.push(WireBlock::text(TOOL_FAILED));
                }
                self.answer(WireBlock::ToolResult {
                    tool_use_id,
                    content,
                    is_error: result.is_error,
                    cache_control: cache.map(Into::into),
                });
            }
        }
        Ok(())
    }

    fn take_in_assistant(&mut self, message: &'a Message) {
        for block in &message.blocks {
            let written = match &block.content {
                Content::Text(text) | Content::Refusal(text) => {
                    text_block(text.into(), block.cache)
                }
                Content::Reasoning(reasoning) => self.thinking(reasoning),
                Content::ToolCall(call) => self.call(call, block.cache),
                Content::Image { .. } | Content::Document { .. } | Content::ToolResult(_) => {
                    self.losses.drop("messages.content");
                    None
                }
            };
            if let Some(written) = written {
                self.assistant_turn().content.push(written);
            }
        }
    }

    /// The assistant's turn being built. Beginning one ends the user's, with all calls answered.
    fn assistant_turn(&mut self) -> &mut Turn<'a> {
        if self.turns.last().is_some_and(|turn| turn.role == USER) {
            self.settle();
        }
        self.turn(ASSISTANT)
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

    /// A call; none where the turn holds the very same call already.
    fn call(&mut self, call: &'a ToolCall, cache: Option<CacheMark>) -> Option<WireBlock<'a>> {
        self.assistant_turn();
        let Some(id) = self.calls.open(call) else {
            self.losses.drop("tool_call");
            return None;
        };
        Some(WireBlock::ToolUse {
            id: id.into(),
            name: &call.name,
            input: arguments::object(&call.arguments, self.losses),
            cache_control: cache.map(Into::into),
        })
    }

    /// Answers every call that is still open; the last turn is the user's.
    fn settle(&mut self) {
        for tool_use_id in self.calls.close() {
            self.losses.emulate("tool_result");
            self.answer(WireBlock::ToolResult {
                tool_use_id,
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
