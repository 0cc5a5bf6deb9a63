//! The conversation as Converse wants it: system text apart, turns that alternate and begin with
//! the user, tool results first in the turn after their calls.

use tieline_types::Fault;

use crate::{
    Losses, arguments,
    bedrock_converse::{
        media::{self, DocumentNames},
        model::Family,
        part::{Part, thought},
    },
    calls::{Answers, Calls, IdRule},
    ir::{Ask, Block, CacheMark, Content, Message, Role, StateFamily, ToolCall, ToolResult},
    stand_in::{NO_RESULT, OPENING, reminder, stray_result},
};

/// The ids of tool calls.
const CALL_IDS: IdRule = IdRule { chars_max: 64, marks: Some("_.:-") };

/// What stands beside a document that came without words.
const SEE_DOCUMENT: &str = "See the document.";

/// Who speaks in Converse.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    User,
    Assistant,
}

/// A content block and the end of a cached prefix after it.
#[derive(Debug)]
pub(super) struct Piece<'a> {
    pub(super) part: Part<'a>,
    pub(super) cache: Option<CacheMark>,
}

impl<'a> From<Part<'a>> for Piece<'a> {
    fn from(part: Part<'a>) -> Self {
        Self { part, cache: None }
    }
}

/// One turn.
#[derive(Debug)]
pub(super) struct Turn<'a> {
    pub(super) side: Side,
    pub(super) pieces: Vec<Piece<'a>>,
}

/// A conversation that Converse takes.
#[derive(Debug)]
pub(super) struct Talk<'a> {
    pub(super) system: Vec<Piece<'a>>,
    pub(super) turns: Vec<Turn<'a>>,
}

impl Talk<'_> {
    /// Whether the model is to go on from tool results whose calls came without thinking, which
    /// Claude refuses while manual thinking is on.
    pub(super) fn goes_on_unthought(&self) -> bool {
        let [.., before, last] = self.turns.as_slice() else {
            return false;
        };
        let results = last.pieces.iter().any(|piece| is_result(&piece.part));
        let thought = before
            .pieces
            .first()
            .is_some_and(|piece| matches!(piece.part, Part::ReasoningContent(_)));
        results && !thought
    }
}

/// Arranges the conversation of `ask`.
///
/// # Errors
/// `unsupported_here` for content that Converse does not take where it stands.
pub(super) fn arrange<'a>(
    ask: &'a Ask,
    family: Family,
    losses: &mut Losses,
) -> Result<Talk<'a>, Fault> {
    let mut builder = Builder {
        talk: Talk { system: Vec::new(), turns: Vec::new() },
        family,
        losses,
        calls: Calls::new(CALL_IDS),
        names: DocumentNames::default(),
    };
    let leading = ask.leading_instructions();
    for (at, message) in ask.messages.iter().enumerate() {
        if at < leading {
            builder.system(at, message)?;
        } else if message.role.instructs() {
            builder.reminder(at, message)?;
        } else {
            builder.message(at, message)?;
        }
    }
    Ok(builder.finish())
}

const fn is_result(part: &Part<'_>) -> bool {
    matches!(part, Part::ToolResult { .. })
}

/// Blank text blocks are refused by Bedrock.
fn is_blank(text: &str) -> bool {
    text.trim().is_empty()
}

struct Builder<'a, 'l> {
    talk: Talk<'a>,
    family: Family,
    losses: &'l mut Losses,
    calls: Calls<'a>,
    names: DocumentNames,
}

impl<'a> Builder<'a, '_> {
    fn system(&mut self, at: usize, message: &'a Message) -> Result<(), Fault> {
        for (place, block) in message.blocks.iter().enumerate() {
            let text = system_text(block, at, place)?;
            if is_blank(text) {
                carry_mark(&mut self.talk.system, block.cache);
            } else {
                let part = Part::Text(text.into());
                self.talk.system.push(Piece { part, cache: block.cache });
            }
        }
        Ok(())
    }

    /// Instructions amid the conversation: Converse models know none there, so the user says them.
    fn reminder(&mut self, at: usize, message: &'a Message) -> Result<(), Fault> {
        for (place, block) in message.blocks.iter().enumerate() {
            let text = system_text(block, at, place)?;
            if is_blank(text) {
                continue;
            }
            self.losses.downgrade("messages.role");
            let part = Part::Text(reminder(text).into());
            self.push(Side::User, Piece { part, cache: block.cache });
        }
        Ok(())
    }

    fn message(&mut self, at: usize, message: &'a Message) -> Result<(), Fault> {
        let side = if message.role == Role::Assistant { Side::Assistant } else { Side::User };
        for (place, block) in message.blocks.iter().enumerate() {
            let path = format!("messages[{at}].content[{place}]");
            match self.part(side, &block.content, &path)? {
                Some(part) => {
                    let thinking = matches!(part, Part::ReasoningContent(_));
                    if thinking && block.cache.is_some() {
                        self.losses.drop("cache_control");
                    }
                    let cache = block.cache.filter(|_| !thinking);
                    self.push(side, Piece { part, cache });
                }
                None => {
                    if let Some(turn) = self.talk.turns.last_mut().filter(|turn| turn.side == side)
                    {
                        carry_mark(&mut turn.pieces, block.cache);
                    }
                }
            }
        }
        Ok(())
    }

    fn part(
        &mut self,
        side: Side,
        content: &'a Content,
        path: &str,
    ) -> Result<Option<Part<'a>>, Fault> {
        Ok(match (content, side) {
            (Content::Text(text), _) => (!is_blank(text)).then(|| Part::Text(text.into())),
            (Content::Refusal(text), _) => {
                self.losses.downgrade("refusal");
                (!is_blank(text)).then(|| Part::Text(text.into()))
            }
            (Content::Reasoning(block), Side::Assistant) => {
                let kept = block.state.as_ref().is_some_and(|state| {
                    state.family == StateFamily::Anthropic && self.family.claude().is_some()
                });
                if !kept {
                    let sealed = block.state.is_some();
                    self.losses.drop(if sealed { "reasoning_state" } else { "reasoning" });
                }
                kept.then(|| thought(block)).flatten().map(Part::ReasoningContent)
            }
            (Content::ToolCall(call), Side::Assistant) => self.call(call, path)?,
            (Content::ToolResult(result), Side::User) => self.result(result, path)?,
            (content, Side::User) => self.media(content, path)?,
            (_, Side::Assistant) => {
                return Err(Fault::unsupported(
                    path,
                    "Bedrock Converse takes pictures and documents from the user only",
                ));
            }
        })
    }

    fn media(&mut self, content: &'a Content, path: &str) -> Result<Option<Part<'a>>, Fault> {
        Ok(match content {
            Content::Image { source, detail } => {
                if detail.is_some() {
                    self.losses.drop("image.detail");
                }
                let (format, source) = media::image(source, path)?;
                Some(Part::Image { format, source })
            }
            Content::Document { source, name } => {
                let (format, source) = media::document(source, path)?;
                let given = self.names.give(name.as_deref());
                if name.as_ref().is_some_and(|name| *name != given) {
                    self.losses.downgrade("document.name");
                }
                Some(Part::Document { format, name: given, source })
            }
            Content::Text(text) => (!is_blank(text)).then(|| Part::Text(text.into())),
            _ => {
                return Err(Fault::unsupported(path, "Bedrock Converse does not take this here"));
            }
        })
    }

    fn call(&mut self, call: &'a ToolCall, path: &str) -> Result<Option<Part<'a>>, Fault> {
        super::tools::check_name(&call.name, path)?;
        // An assistant turn after the user's turn closes the calls before; so must its first call.
        self.begin(Side::Assistant);
        let Some(id) = self.calls.open(call) else {
            self.losses.drop("tool_call");
            return Ok(None);
        };
        let input = arguments::object(&call.arguments, self.losses);
        Ok(Some(Part::ToolUse { tool_use_id: id.into(), name: &call.name, input }))
    }

    fn result(&mut self, result: &'a ToolResult, path: &str) -> Result<Option<Part<'a>>, Fault> {
        let answers = self.calls.answer(&result.call_id);
        if answers == Answers::Answered {
            self.losses.drop("tool_result");
            return Ok(None);
        }
        let mut pieces = Vec::new();
        for (place, block) in result.blocks.iter().enumerate() {
            let path = format!("{path}.content[{place}]");
            pieces.extend(self.media(&block.content, &path)?);
            if block.cache.is_some() {
                self.losses.drop("cache_control");
            }
        }
        if let Answers::Call(tool_use_id) = answers {
            let status = result.is_error.then_some("error");
            return Ok(Some(Part::ToolResult { tool_use_id, content: pieces, status }));
        }
        // A result without its call would be refused; as words it still informs the model.
        self.losses.downgrade("tool_result");
        let heading = stray_result(&result.call_id);
        self.push(Side::User, Part::Text(heading.into()).into());
        for part in pieces {
            self.push(Side::User, part.into());
        }
        Ok(None)
    }

    fn push(&mut self, side: Side, piece: Piece<'a>) {
        self.begin(side);
        if let Some(turn) = self.talk.turns.last_mut() {
            turn.pieces.push(piece);
        }
    }

    /// Makes sure that the last turn is `side`'s.
    fn begin(&mut self, side: Side) {
        match self.talk.turns.last() {
            Some(turn) if turn.side == side => {}
            last => {
                if last.is_some_and(|turn| turn.side == Side::User) {
                    self.settle_calls();
                }
                self.talk.turns.push(Turn { side, pieces: Vec::new() });
            }
        }
    }

    /// Gives every call that the user's turn left unanswered a result that says so.
    fn settle_calls(&mut self) {
        let unanswered = self.calls.close();
        let Some(turn) = self.talk.turns.last_mut() else {
            return;
        };
        for tool_use_id in unanswered {
            self.losses.emulate("tool_result");
            let content = vec![Part::Text(NO_RESULT.into())];
            let part = Part::ToolResult { tool_use_id, content, status: Some("error") };
            turn.pieces.push(part.into());
        }
    }

    fn finish(mut self) -> Talk<'a> {
        if self.talk.turns.last().is_some_and(|turn| turn.side == Side::User) {
            self.settle_calls();
        }
        self.talk.turns.retain(|turn| !turn.pieces.is_empty());
        if self.talk.turns.first().is_none_or(|turn| turn.side == Side::Assistant) {
            self.losses.emulate("messages");
            let pieces = vec![Part::Text(OPENING.into()).into()];
            self.talk.turns.insert(0, Turn { side: Side::User, pieces });
        }
        for turn in &mut self.talk.turns {
            let has =
                |kind: fn(&Part<'_>) -> bool| turn.pieces.iter().any(|piece| kind(&piece.part));
            let wordless = has(|part| matches!(part, Part::Document { .. }))
                && !has(|part| matches!(part, Part::Text(_)));
            if wordless {
                self.losses.emulate("document");
                turn.pieces.push(Part::Text(SEE_DOCUMENT.into()).into());
            }
            // Stable: results first, and otherwise the client's order.
            turn.pieces.sort_by_key(|piece| !is_result(&piece.part));
        }
        self.talk
    }
}

/// A mark on a block that is left out ends the prefix at the block before.
fn carry_mark(pieces: &mut [Piece<'_>], mark: Option<CacheMark>) {
    if let (Some(piece), Some(mark)) = (pieces.last_mut(), mark) {
        piece.cache = Some(mark);
    }
}

fn system_text(block: &Block, at: usize, place: usize) -> Result<&str, Fault> {
    match &block.content {
        Content::Text(text) => Ok(text),
        _ => Err(Fault::unsupported(
            format!("messages[{at}].content[{place}]"),
            "Bedrock Converse takes only text as instructions",
        )),
    }
}
