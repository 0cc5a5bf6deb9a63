//! Reading content blocks.

use serde_json::Value;
use tieline_types::Fault;

use crate::{
    anthropic_messages::state,
    arguments,
    ir::{Block, CacheMark, Content, Foreign, Media, ReasoningBlock, ToolCall, ToolResult},
    json::{Fields, expected},
};

/// Reads content that is a string or an array of blocks.
pub(super) fn blocks_of(
    content: Value,
    path: &str,
    foreign: &mut Vec<Foreign>,
) -> Result<Vec<Block>, Fault> {
    match content {
        Value::String(text) if text.is_empty() => Ok(Vec::new()),
        Value::String(text) => Ok(vec![Content::Text(text).into()]),
        Value::Array(items) => items
            .into_iter()
            .enumerate()
            .map(|(at, item)| block_of(item, format!("{path}[{at}]"), foreign))
            .collect(),
        other => Err(expected(path, "a string or an array of blocks", &other)),
    }
}

/// Reads the cache mark of a block, a tool or the whole request.
pub(super) fn cache_mark(
    fields: &mut Fields,
    foreign: &mut Vec<Foreign>,
) -> Result<Option<CacheMark>, Fault> {
    let Some(mut control) = fields.object("cache_control")? else {
        return Ok(None);
    };
    control.take("type");
    let mark = match control.string("ttl")?.as_deref() {
        None => CacheMark::Default,
        Some("5m") => CacheMark::Minutes5,
        Some("1h") => CacheMark::Hour1,
        Some(other) => {
            let path = control.path("ttl");
            let problem = format!("`{path}` must be 5m or 1h, not `{other}`");
            return Err(Fault::invalid(path, problem));
        }
    };
    control.leftover(&[], foreign);
    Ok(Some(mark))
}

fn block_of(item: Value, path: String, foreign: &mut Vec<Foreign>) -> Result<Block, Fault> {
    let mut block = Fields::of_value(item, path)?;
    let kind = block.required_string("type")?;
    let cache = cache_mark(&mut block, foreign)?;
    let content = match kind.as_str() {
        "text" => Content::Text(block.required_string("text")?),
        "image" => Content::Image { source: image_source(&mut block)?, detail: None },
        "document" => Content::Document {
            source: document_source(&mut block, foreign)?,
            name: block.string("title")?,
        },
        "thinking" => Content::Reasoning(ReasoningBlock {
            text: block.string("thinking")?.unwrap_or_default(),
            state: block.string("signature")?.and_then(state::state_of),
        }),
        "redacted_thinking" => Content::Reasoning(ReasoningBlock {
            text: String::new(),
            state: Some(state::redacted(block.required_string("data")?)),
        }),
        "tool_use" => Content::ToolCall(tool_call(&mut block)?),
        "tool_result" => Content::ToolResult(tool_result(&mut block, foreign)?),
        "search_result" => Content::Text(search_result(&mut block, foreign)?),
        _ => {
            let problem = format!("content of type `{kind}` belongs to the provider that made it");
            return Err(Fault::unsupported(block.path("type"), problem));
        }
    };
    block.leftover(&[], foreign);
    Ok(Block { content, cache })
}

fn source_of(block: &mut Fields) -> Result<(Fields, String), Fault> {
    let mut source = block.object("source")?.ok_or_else(|| block.missing("source"))?;
    let kind = source.required_string("type")?;
    Ok((source, kind))
}

fn image_source(block: &mut Fields) -> Result<Media, Fault> {
    let (mut source, kind) = source_of(block)?;
    common_source(&mut source, &kind)
}

fn document_source(block: &mut Fields, foreign: &mut Vec<Foreign>) -> Result<Media, Fault> {
    let (mut source, kind) = source_of(block)?;
    match kind.as_str() {
        "text" => Ok(Media::Text(source.required_string("data")?)),
        "content" => {
            let path = source.path("content");
            let content = source.take("content").ok_or_else(|| source.missing("content"))?;
            let blocks = blocks_of(content, &path, foreign)?;
            text_of(&blocks).map(Media::Text).ok_or_else(|| {
                Fault::unsupported(path, "only text is carried in a document made of blocks")
            })
        }
        _ => common_source(&mut source, &kind),
    }
}

fn common_source(source: &mut Fields, kind: &str) -> Result<Media, Fault> {
    match kind {
        "base64" => Ok(Media::Base64 {
            media_type: source.required_string("media_type")?,
            data: source.required_string("data")?,
        }),
        "url" => Ok(Media::Url(source.required_string("url")?)),
        _ => {
            let problem = format!("a source of type `{kind}` is known to its provider only");
            Err(Fault::unsupported(source.path("type"), problem))
        }
    }
}

/// The text of `blocks`, one to a paragraph; none when there is anything but text.
fn text_of(blocks: &[Block]) -> Option<String> {
    let texts: Option<Vec<&str>> = blocks
        .iter()
        .map(|block| match &block.content {
            Content::Text(text) => Some(text.as_str()),
            _ => None,
        })
        .collect();
    texts.map(|texts| texts.join("\n\n"))
}

fn tool_call(block: &mut Fields) -> Result<ToolCall, Fault> {
    let input = block.raw("input");
    // `direct` says that the model itself called, which is so everywhere else.
    if let Some(mut caller) = block.object("caller")? {
        let kind = caller.required_string("type")?;
        if kind != "direct" {
            let problem = format!("calls made by `{kind}` belong to the provider that runs it");
            return Err(Fault::unsupported(caller.path("type"), problem));
        }
    }
    Ok(ToolCall {
        id: block.required_string("id")?,
        name: block.required_string("name")?,
        arguments: input.map_or_else(|| arguments::NONE.to_owned(), |input| input.get().to_owned()),
    })
}

fn tool_result(block: &mut Fields, foreign: &mut Vec<Foreign>) -> Result<ToolResult, Fault> {
    let path = block.path("content");
    let blocks = match block.take("content") {
        None => Vec::new(),
        Some(content) => blocks_of(content, &path, foreign)?,
    };
    Ok(ToolResult {
        call_id: block.required_string("tool_use_id")?,
        blocks,
        is_error: block.boolean("is_error")?.unwrap_or(false),
    })
}

/// A search result as text. What is lost is that the model can cite it.
fn search_result(block: &mut Fields, foreign: &mut Vec<Foreign>) -> Result<String, Fault> {
    let path = block.path("content");
    let title = block.string("title")?.unwrap_or_default();
    let source = block.string("source")?.unwrap_or_default();
    let content = block.take("content").ok_or_else(|| block.missing("content"))?;
    let blocks = blocks_of(content, &path, foreign)?;
    foreign.push(Foreign { path: block.path("search_result"), refuse: false });
    block.take("citations");
    Ok(format!("{title} ({source})\n\n{}", text_of(&blocks).unwrap_or_default()))
}
