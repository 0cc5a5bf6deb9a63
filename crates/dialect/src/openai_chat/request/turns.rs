//! Writing the messages of a request.

use serde_json::{Map, Value, json};
use tieline_types::Fault;

use crate::{
    Accepts, Losses, Target, arguments,
    calls::{Answers, Calls},
    ir::{Block, CacheMark, Content, Media, Message, Role, ToolCall, ToolResult},
    json::object,
    media,
    openai::{CACHE_MARKS_MAX, CALL_IDS, mark_error, marks_in, model, write_cache_mark},
    stand_in::{NO_RESULT, attached},
};

/// The messages as they come together.
pub(super) struct Turns<'a> {
    from: &'a [Message],
    accepts: Accepts,
    losses: &'a mut Losses,
    written: Vec<Value>,
    calls: Calls<'a>,
    /// Media of tool results, which this dialect can only show in a user turn behind them.
    attachments: Vec<Value>,
    takes_marks: bool,
    /// Cache marks to leave out before the first one is written: the last ones count.
    marks_to_skip: usize,
}

impl<'a> Turns<'a> {
    pub(super) fn new(from: &'a [Message], target: &Target, losses: &'a mut Losses) -> Self {
        let marks = from.iter().flat_map(|message| &message.blocks).map(marks_in).sum::<usize>();
        Self {
            from,
            accepts: target.accepts,
            losses,
            written: Vec::with_capacity(from.len()),
            calls: Calls::new(CALL_IDS),
            attachments: Vec::new(),
            takes_marks: target.accepts.openai_native && model::takes_cache_marks(&target.model),
            marks_to_skip: marks.saturating_sub(CACHE_MARKS_MAX),
        }
    }

    pub(super) fn write(mut self) -> Result<Vec<Value>, Fault> {
        for (at, message) in self.from.iter().enumerate() {
            if message.role != Role::Tool {
                self.close_tool_turn();
            }
            match message.role {
                Role::System => self.plain("system", at, &message.blocks)?,
                Role::Developer if self.accepts.openai_native => {
                    self.plain("developer", at, &message.blocks)?;
                }
                Role::Developer => self.plain("system", at, &message.blocks)?,
                Role::User => self.plain("user", at, &message.blocks)?,
                Role::Assistant => self.assistant(at, &message.blocks)?,
                Role::Tool => self.results(at, &message.blocks)?,
            }
        }
        self.close_tool_turn();
        Ok(self.written)
    }

    /// OpenAI refuses a history in which a call has no result; the client was interrupted there.
    fn close_tool_turn(&mut self) {
        for call_id in self.calls.close() {
            self.losses.emulate("tool_result");
            self.written.push(json!({
                "role": "tool", "tool_call_id": call_id, "content": NO_RESULT,
            }));
        }
        if !self.attachments.is_empty() {
            let parts = std::mem::take(&mut self.attachments);
            self.written.push(json!({ "role": "user", "content": parts }));
        }
    }

    fn plain(&mut self, role: &str, at: usize, blocks: &'a [Block]) -> Result<(), Fault> {
        let mut parts = Vec::with_capacity(blocks.len());
        for block in blocks {
            let media = matches!(block.content, Content::Image { .. } | Content::Document { .. });
            if media && role != "user" && !is_text_document(&block.content) {
                return Err(misplaced(at));
            }
            parts.push(self.part(at, block)?);
        }
        self.written.push(json!({ "role": role, "content": content_of(parts) }));
        Ok(())
    }

    fn assistant(&mut self, at: usize, blocks: &'a [Block]) -> Result<(), Fault> {
        let mut parts = Vec::new();
        let mut calls = Vec::new();
        let mut reasoning: Option<String> = None;
        for block in blocks {
            if block.cache.is_some() && marks_in(block) == 0 {
                self.losses.drop("cache_control");
            }
            match &block.content {
                Content::ToolCall(call) => calls.extend(self.call(call)),
                // Thinking with somebody's seal on it belongs to another provider's model, and
                // OpenAI takes none at all.
                Content::Reasoning(thought) => {
                    if thought.state.is_some() {
                        self.losses.drop("reasoning_state");
                    } else if self.accepts.openai_native {
                        self.losses.drop("reasoning");
                    } else {
                        reasoning.get_or_insert_default().push_str(&thought.text);
                    }
                }
                Content::Image { .. } | Content::Document { .. } => {
                    return Err(misplaced(at));
                }
                _ => parts.push(self.part(at, block)?),
            }
        }
        let mut message = Map::new();
        message.insert("role".into(), "assistant".into());
        if let Some(reasoning) = reasoning {
            message.insert("reasoning_content".into(), reasoning.into());
        }
        let silent = parts.is_empty() && !calls.is_empty();
        let content = if silent { Value::Null } else { content_of(parts) };
        message.insert("content".into(), content);
        if !calls.is_empty() {
            message.insert("tool_calls".into(), calls.into());
        }
        self.written.push(message.into());
        Ok(())
    }

    /// A call; none where the turn holds the very same call already.
    fn call(&mut self, call: &'a ToolCall) -> Option<Value> {
        let Some(id) = self.calls.open(call) else {
            self.losses.drop("tool_call");
            return None;
        };
        let arguments = arguments::text(&call.arguments);
        let function = json!({ "name": call.name, "arguments": arguments });
        Some(json!({ "id": id, "type": "function", "function": function }))
    }

    fn results(&mut self, at: usize, blocks: &'a [Block]) -> Result<(), Fault> {
        for block in blocks {
            let Content::ToolResult(result) = &block.content else {
                return Err(misplaced(at));
            };
            let Answers::Call(call_id) = self.calls.answer(&result.call_id) else {
                // A result without its call: the history was cut, and OpenAI would refuse it.
                self.losses.drop("tool_result");
                continue;
            };
            let mut parts = self.result_parts(at, result)?;
            if let (Some(mark), Some(Value::Object(last))) =
                (self.mark(block.cache), parts.last_mut())
            {
                last.insert("prompt_cache_breakpoint".into(), mark);
            }
            self.written.push(json!({
                "role": "tool", "tool_call_id": call_id, "content": content_of(parts),
            }));
        }
        Ok(())
    }

    /// The text of a result; its media go to [`Self::attachments`].
    fn result_parts(&mut self, at: usize, result: &ToolResult) -> Result<Vec<Value>, Fault> {
        let mut parts = Vec::new();
        if result.is_error {
            self.losses.emulate("tool_result.is_error");
        }
        for block in &result.blocks {
            let kind = match &block.content {
                Content::Image { .. } => "image",
                Content::Document { source: Media::Url(_) | Media::Base64 { .. }, .. } => {
                    "document"
                }
                _ => {
                    parts.push(self.part(at, block)?);
                    continue;
                }
            };
            self.losses.emulate(format!("tool_result.{kind}"));
            parts.push(text_part(&attached(kind)));
            let attachment = self.part(at, block)?;
            self.attachments.push(attachment);
        }
        if result.is_error {
            mark_error(&mut parts, text_part);
        }
        Ok(parts)
    }

    /// One content part.
    fn part(&mut self, at: usize, block: &Block) -> Result<Value, Fault> {
        let mut part = match &block.content {
            Content::Text(text) => text_part(text),
            Content::Refusal(text) if self.accepts.openai_native => {
                json!({ "type": "refusal", "refusal": text })
            }
            Content::Refusal(text) => {
                self.losses.downgrade("refusal");
                text_part(text)
            }
            Content::Image { source, detail } => self.image(at, source, detail.as_deref())?,
            Content::Document { source, name } => self.document(at, source, name.as_deref())?,
            Content::Reasoning(_) | Content::ToolCall(_) | Content::ToolResult(_) => {
                return Err(misplaced(at));
            }
        };
        if let (Some(mark), Value::Object(part)) = (self.mark(block.cache), &mut part) {
            part.insert("prompt_cache_breakpoint".into(), mark);
        }
        Ok(part)
    }

    fn image(&self, at: usize, source: &Media, detail: Option<&str>) -> Result<Value, Fault> {
        let url = match source {
            Media::Base64 { media_type, data } => media::data_url(media_type, data),
            Media::Url(url) if self.accepts.media_urls && media::is_web(url) => url.clone(),
            Media::Url(_) | Media::Text(_) => {
                return Err(Fault::unsupported(
                    format!("messages[{at}].content"),
                    "this deployment does not fetch images from that address",
                ));
            }
        };
        let mut image = object(json!({ "url": url }));
        if let Some(detail) = detail {
            image.insert("detail".into(), detail.into());
        }
        Ok(json!({ "type": "image_url", "image_url": image }))
    }

    /// PDF goes as a file, anything readable as text; OpenAI takes no other documents.
    fn document(&mut self, at: usize, source: &Media, name: Option<&str>) -> Result<Value, Fault> {
        let refused = |what: &str| {
            Fault::unsupported(
                format!("messages[{at}].content"),
                format!("this deployment takes no documents {what}"),
            )
        };
        let text = match source {
            Media::Text(text) => text.clone(),
            Media::Base64 { media_type, data } if media_type == media::PDF => {
                let name = name.unwrap_or("document.pdf");
                let data = media::data_url(media_type, data);
                let file = json!({ "filename": name, "file_data": data });
                return Ok(json!({ "type": "file", "file": file }));
            }
            Media::Base64 { media_type, data } if media_type.starts_with("text/") => {
                media::decoded(data).ok_or_else(|| refused("that are not UTF-8 text"))?
            }
            Media::Base64 { media_type, .. } => {
                return Err(refused(&format!("of type `{media_type}`")));
            }
            Media::Url(_) => return Err(refused("by address")),
        };
        self.losses.emulate("document");
        Ok(match name {
            Some(name) => text_part(&format!("{name}:\n\n{text}")),
            None => text_part(&text),
        })
    }

    /// The breakpoint to write for a mark, if it is to be written.
    fn mark(&mut self, mark: Option<CacheMark>) -> Option<Value> {
        let mark = mark?;
        if !self.takes_marks {
            self.losses.drop("cache_control");
            return None;
        }
        if self.marks_to_skip > 0 {
            self.marks_to_skip -= 1;
            self.losses.drop("cache_control");
            return None;
        }
        Some(write_cache_mark(mark))
    }
}

fn text_part(text: &str) -> Value {
    json!({ "type": "text", "text": text })
}

/// A single plain text as a string, which every server takes; anything else as parts.
fn content_of(parts: Vec<Value>) -> Value {
    match parts.as_slice() {
        [] => Value::from(""),
        [Value::Object(only)] if only.len() == 2 && only.contains_key("text") => {
            only.get("text").cloned().unwrap_or_default()
        }
        _ => Value::Array(parts),
    }
}

fn is_text_document(content: &Content) -> bool {
    match content {
        Content::Document { source: Media::Text(_), .. } => true,
        Content::Document { source: Media::Base64 { media_type, .. }, .. } => {
            media_type.starts_with("text/")
        }
        _ => false,
    }
}

fn misplaced(at: usize) -> Fault {
    Fault::unsupported(
        format!("messages[{at}].content"),
        "content of this kind cannot stand in a message of this role",
    )
}
