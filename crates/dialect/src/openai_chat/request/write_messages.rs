//! Writing the messages of a request.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Map, Value, json};
use tieline_types::Fault;

use crate::{
    Accepts, Losses, Target,
    ir::{Block, CacheMark, Content, Media, Message, Role, ToolResult},
};

/// The most prompt-cache breakpoints OpenAI takes in one request.
const MARKS_MAX: usize = 4;

/// The messages as they come together.
pub(super) struct Turns<'a> {
    from: &'a [Message],
    accepts: Accepts,
    losses: &'a mut Losses,
    written: Vec<Value>,
    /// Tool calls of the last assistant turn that have no result yet.
    open_calls: Vec<&'a str>,
    /// Media of tool results, which this dialect can only show in a user turn behind them.
    attachments: Vec<Value>,
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
            open_calls: Vec::new(),
            attachments: Vec::new(),
            marks_to_skip: marks.saturating_sub(MARKS_MAX),
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
        for call_id in std::mem::take(&mut self.open_calls) {
            self.losses.emulate("messages.tool_result");
            self.written.push(json!({
                "role": "tool", "tool_call_id": call_id, "content": "[no result: interrupted]",
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
                self.losses.drop("messages.cache_control");
            }
            match &block.content {
                Content::ToolCall(call) => {
                    self.open_calls.push(&call.id);
                    calls.push(json!({
                        "id": call.id,
                        "type": "function",
                        "function": { "name": call.name, "arguments": arguments(&call.arguments) },
                    }));
                }
                // Thinking with somebody's seal on it belongs to another provider's model, and
                // OpenAI takes none at all.
                Content::Reasoning(thought) => {
                    if self.accepts.openai_native || thought.state.is_some() {
                        self.losses.drop("messages.reasoning");
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

    fn results(&mut self, at: usize, blocks: &'a [Block]) -> Result<(), Fault> {
        for block in blocks {
            let Content::ToolResult(result) = &block.content else {
                return Err(misplaced(at));
            };
            let Some(open) = self.open_calls.iter().position(|id| *id == result.call_id) else {
                // A result without its call: the history was cut, and OpenAI would refuse it.
                self.losses.drop("messages.tool_result");
                continue;
            };
            self.open_calls.remove(open);
            let mut parts = self.result_parts(at, result)?;
            if let (Some(last), Some(mark)) = (parts.last_mut(), self.mark(block.cache)) {
                last.insert("prompt_cache_breakpoint".into(), mark);
            }
            self.written.push(json!({
                "role": "tool", "tool_call_id": result.call_id, "content": content_of(parts),
            }));
        }
        Ok(())
    }

    /// The text of a result; its media go to [`Self::attachments`].
    fn result_parts(&mut self, at: usize, result: &ToolResult) -> Result<Vec<Part>, Fault> {
        let mut parts = Vec::new();
        if result.is_error {
            self.losses.emulate("messages.tool_result.is_error");
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
            self.losses.emulate(format!("messages.tool_result.{kind}"));
            parts.push(text_part(&format!("[{kind} attached below]")));
            let attachment = self.part(at, block)?;
            self.attachments.push(attachment.into());
        }
        if result.is_error {
            prefix_error(&mut parts);
        }
        Ok(parts)
    }

    /// One content part.
    fn part(&mut self, at: usize, block: &Block) -> Result<Part, Fault> {
        let mut part = match &block.content {
            Content::Text(text) => text_part(text),
            Content::Refusal(text) if self.accepts.openai_native => {
                object(json!({ "type": "refusal", "refusal": text }))
            }
            Content::Refusal(text) => {
                self.losses.downgrade("messages.refusal");
                text_part(text)
            }
            Content::Image { source, detail } => self.image(at, source, detail.as_deref())?,
            Content::Document { source, name } => self.document(at, source, name.as_deref())?,
            Content::Reasoning(_) | Content::ToolCall(_) | Content::ToolResult(_) => {
                return Err(misplaced(at));
            }
        };
        if let Some(mark) = self.mark(block.cache) {
            part.insert("prompt_cache_breakpoint".into(), mark);
        }
        Ok(part)
    }

    fn image(&self, at: usize, source: &Media, detail: Option<&str>) -> Result<Part, Fault> {
        let url = match source {
            Media::Base64 { media_type, data } => data_url(media_type, data),
            Media::Url(url) if self.accepts.media_urls => url.clone(),
            Media::Url(_) | Media::Text(_) => {
                return Err(Fault::unsupported(
                    format!("messages[{at}].content"),
                    "this deployment takes images as bytes only",
                ));
            }
        };
        let mut image = object(json!({ "url": url }));
        if let Some(detail) = detail {
            image.insert("detail".into(), detail.into());
        }
        Ok(object(json!({ "type": "image_url", "image_url": image })))
    }

    /// PDF goes as a file, anything readable as text; OpenAI takes no other documents.
    fn document(&mut self, at: usize, source: &Media, name: Option<&str>) -> Result<Part, Fault> {
        let refused = |what: &str| {
            Fault::unsupported(
                format!("messages[{at}].content"),
                format!("this deployment takes no documents {what}"),
            )
        };
        let text = match source {
            Media::Text(text) => text.clone(),
            Media::Base64 { media_type, data } if media_type == "application/pdf" => {
                let name = name.unwrap_or("document.pdf");
                let file = json!({ "filename": name, "file_data": data_url(media_type, data) });
                return Ok(object(json!({ "type": "file", "file": file })));
            }
            Media::Base64 { media_type, data } if media_type.starts_with("text/") => STANDARD
                .decode(data)
                .ok()
                .and_then(|bytes| String::from_utf8(bytes).ok())
                .ok_or_else(|| refused("that are not UTF-8 text"))?,
            Media::Base64 { media_type, .. } => {
                return Err(refused(&format!("of type `{media_type}`")));
            }
            Media::Url(_) => return Err(refused("by address")),
        };
        self.losses.emulate("messages.document");
        Ok(match name {
            Some(name) => text_part(&format!("{name}:\n\n{text}")),
            None => text_part(&text),
        })
    }

    /// The breakpoint to write for a mark, if it is to be written.
    fn mark(&mut self, mark: Option<CacheMark>) -> Option<Value> {
        let mark = mark?;
        if !self.accepts.openai_native {
            self.losses.drop("messages.cache_control");
            return None;
        }
        if self.marks_to_skip > 0 {
            self.marks_to_skip -= 1;
            self.losses.drop("messages.cache_control");
            return None;
        }
        Some(match mark {
            CacheMark::Default | CacheMark::Minutes5 => json!({ "mode": "explicit" }),
            CacheMark::Hour1 => json!({ "mode": "explicit", "ttl": "12h" }),
        })
    }
}

/// A content part, still open for a cache breakpoint.
type Part = Map<String, Value>;

fn object(value: Value) -> Part {
    match value {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

fn text_part(text: &str) -> Part {
    object(json!({ "type": "text", "text": text }))
}

fn data_url(media_type: &str, data: &str) -> String {
    format!("data:{media_type};base64,{data}")
}

/// A single plain text as a string, which every server takes; anything else as parts.
fn content_of(mut parts: Vec<Part>) -> Value {
    if parts.is_empty() {
        return Value::from("");
    }
    match parts.as_mut_slice() {
        [only] if only.len() == 2 && only.contains_key("text") => {
            only.remove("text").unwrap_or_default()
        }
        _ => parts.into_iter().map(Value::from).collect(),
    }
}

/// This dialect has no field for a failed tool, so the model is told in words.
fn prefix_error(parts: &mut Vec<Part>) {
    match parts.first_mut().and_then(|part| part.get_mut("text")) {
        Some(Value::String(text)) => text.insert_str(0, "Error: "),
        _ => parts.insert(0, text_part("Error: the tool failed")),
    }
}

/// OpenAI's place for arguments is a string that must never be empty.
fn arguments(text: &str) -> &str {
    if text.trim().is_empty() { "{}" } else { text }
}

/// The marks that [`Turns::mark`] will be asked about for one block.
fn marks_in(block: &Block) -> usize {
    let inner = match &block.content {
        Content::Reasoning(_) | Content::ToolCall(_) => return 0,
        Content::ToolResult(result) => result.blocks.iter().map(marks_in).sum(),
        _ => 0,
    };
    inner + usize::from(block.cache.is_some())
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
