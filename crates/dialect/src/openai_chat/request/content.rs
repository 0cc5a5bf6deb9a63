//! Reading the messages of a request and their content.

use serde_json::Value;
use tieline_types::Fault;

use crate::{
    arguments,
    ir::{
        Block, CacheMark, Content, Foreign, Media, Message, ReasoningBlock, Role, ToolCall,
        ToolResult,
    },
    json::{Fields, expected},
    media,
    openai::{read_cache_mark, require_function},
};

/// Reads all messages; consecutive tool messages become one.
pub(super) fn read_messages(
    values: Vec<Value>,
    foreign: &mut Vec<Foreign>,
) -> Result<Vec<Message>, Fault> {
    let mut messages: Vec<Message> = Vec::with_capacity(values.len());
    for (at, value) in values.into_iter().enumerate() {
        let mut fields = Fields::of_value(value, format!("messages[{at}]"))?;
        let message = match fields.required_string("role")?.as_str() {
            "system" => plain(Role::System, &mut fields, foreign)?,
            "developer" => plain(Role::Developer, &mut fields, foreign)?,
            "user" => plain(Role::User, &mut fields, foreign)?,
            "assistant" => assistant(&mut fields, foreign)?,
            "tool" => {
                let call_id = fields.required_string("tool_call_id")?;
                result(call_id, &mut fields, foreign)?
            }
            "function" => {
                let name = fields.required_string("name")?;
                result(function_call_id(&name), &mut fields, foreign)?
            }
            other => {
                let path = fields.path("role");
                return Err(Fault::invalid(&path, format!("`{path}` has no value `{other}`")));
            }
        };
        fields.leftover(&["audio"], foreign);
        match messages.last_mut() {
            Some(last) if last.role == Role::Tool && message.role == Role::Tool => {
                last.blocks.extend(message.blocks);
            }
            _ => messages.push(message),
        }
    }
    Ok(messages)
}

/// The deprecated `function_call` has no ids: a function's name stands in for one.
fn function_call_id(name: &str) -> String {
    format!("call_{name}")
}

fn plain(role: Role, fields: &mut Fields, foreign: &mut Vec<Foreign>) -> Result<Message, Fault> {
    Ok(Message { role, blocks: content(fields, foreign)? })
}

fn assistant(fields: &mut Fields, foreign: &mut Vec<Foreign>) -> Result<Message, Fault> {
    let mut blocks: Vec<Block> = Vec::new();
    let reasoning = fields.string("reasoning_content")?;
    // Servers that use both names repeat themselves.
    let reasoning = reasoning.or(fields.string("reasoning")?);
    // Empty thinking is kept: DeepSeek wants it back even then.
    blocks.extend(
        reasoning.map(|text| Content::Reasoning(ReasoningBlock { text, state: None }).into()),
    );
    blocks.extend(content(fields, foreign)?);
    let refusal = fields.string("refusal")?.filter(|refusal| !refusal.is_empty());
    blocks.extend(refusal.map(|refusal| Content::Refusal(refusal).into()));
    let path = fields.path("tool_calls");
    for (at, call) in fields.array("tool_calls")?.unwrap_or_default().into_iter().enumerate() {
        let mut call = Fields::of_value(call, format!("{path}[{at}]"))?;
        require_function(&mut call)?;
        let id = call.required_string("id")?;
        let function = call.object("function")?.ok_or_else(|| call.missing("function"))?;
        blocks.push(Content::ToolCall(tool_call(Some(id), function)?).into());
        // Clients that collect streams leave the position in.
        call.take("index");
        call.leftover(&[], foreign);
    }
    if let Some(function) = fields.object("function_call")? {
        blocks.push(Content::ToolCall(tool_call(None, function)?).into());
    }
    Ok(Message { role: Role::Assistant, blocks })
}

fn tool_call(id: Option<String>, mut function: Fields) -> Result<ToolCall, Fault> {
    let name = function.required_string("name")?;
    let arguments = match function.take("arguments") {
        Some(Value::String(text)) => text,
        Some(object @ Value::Object(_)) => object.to_string(),
        None => String::new(),
        Some(other) => return Err(expected(&function.path("arguments"), "a string", &other)),
    };
    Ok(ToolCall {
        id: id.unwrap_or_else(|| function_call_id(&name)),
        name,
        arguments: arguments::text(&arguments).to_owned(),
    })
}

fn result(
    call_id: String,
    fields: &mut Fields,
    foreign: &mut Vec<Foreign>,
) -> Result<Message, Fault> {
    let blocks = content(fields, foreign)?;
    let result = ToolResult { call_id, blocks, is_error: false };
    Ok(Message { role: Role::Tool, blocks: vec![Content::ToolResult(result).into()] })
}

/// Reads `content`: a string, parts, or nothing. Empty text is no block.
fn content(fields: &mut Fields, foreign: &mut Vec<Foreign>) -> Result<Vec<Block>, Fault> {
    let path = fields.path("content");
    match fields.take("content") {
        None => Ok(Vec::new()),
        Some(Value::String(text)) if text.is_empty() => Ok(Vec::new()),
        Some(Value::String(text)) => Ok(vec![Content::Text(text).into()]),
        Some(Value::Array(parts)) => parts
            .into_iter()
            .enumerate()
            .map(|(at, value)| part(Fields::of_value(value, format!("{path}[{at}]"))?, foreign))
            .collect(),
        Some(other) => Err(expected(&path, "a string or an array", &other)),
    }
}

fn part(mut part: Fields, foreign: &mut Vec<Foreign>) -> Result<Block, Fault> {
    let content = match part.required_string("type")?.as_str() {
        "text" => Content::Text(part.required_string("text")?),
        "refusal" => Content::Refusal(part.required_string("refusal")?),
        "image_url" => image(&mut part, foreign)?,
        "file" => file(&mut part, foreign)?,
        other => {
            return Err(Fault::unsupported(
                part.path("type"),
                format!("content of type `{other}` cannot be carried between dialects"),
            ));
        }
    };
    let cache = cache_mark(&mut part)?;
    part.leftover(&[], foreign);
    Ok(Block { content, cache })
}

/// A breakpoint in OpenAI's words, or in Anthropic's, which several servers of this dialect take.
fn cache_mark(part: &mut Fields) -> Result<Option<CacheMark>, Fault> {
    if let Some(mark) = read_cache_mark(part)? {
        return Ok(Some(mark));
    }
    let Some(mut mark) = part.object("cache_control")? else {
        return Ok(None);
    };
    Ok(Some(match mark.string("ttl")?.as_deref() {
        Some("1h") => CacheMark::Hour1,
        Some("5m") => CacheMark::Minutes5,
        _ => CacheMark::Default,
    }))
}

fn image(part: &mut Fields, foreign: &mut Vec<Foreign>) -> Result<Content, Fault> {
    let path = part.path("image_url");
    let (url, detail, url_path) = match part.take("image_url") {
        None => return Err(part.missing("image_url")),
        Some(Value::String(url)) => (url, None, path),
        Some(other) => {
            let mut image = Fields::of_value(other, path)?;
            let read = (image.required_string("url")?, image.string("detail")?, image.path("url"));
            image.leftover(&[], foreign);
            read
        }
    };
    let source = media::of_url(url, &url_path)?;
    Ok(match &source {
        Media::Base64 { media_type, .. } if !media_type.starts_with("image/") => {
            Content::Document { source, name: None }
        }
        _ => Content::Image { source, detail },
    })
}

fn file(part: &mut Fields, foreign: &mut Vec<Foreign>) -> Result<Content, Fault> {
    let mut file = part.object("file")?.ok_or_else(|| part.missing("file"))?;
    if file.take("file_id").is_some() {
        return Err(Fault::unsupported(
            file.path("file_id"),
            "a file stored at one provider cannot be read by another: send `file_data`",
        ));
    }
    let path = file.path("file_data");
    let source = media::of_url(file.required_string("file_data")?, &path)?;
    let name = file.string("filename")?;
    file.leftover(&[], foreign);
    Ok(match &source {
        Media::Base64 { media_type, .. } if media_type.starts_with("image/") => {
            Content::Image { source, detail: None }
        }
        _ => Content::Document { source, name },
    })
}
