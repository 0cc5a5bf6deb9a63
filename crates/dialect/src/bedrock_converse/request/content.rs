//! Reading content blocks.

use serde_json::Value;
use tieline_types::Fault;

use crate::{
    arguments,
    bedrock_converse::media,
    ir::{
        Block, CacheMark, Content, Foreign, OpaqueState, ReasoningBlock, StateFamily, ToolCall,
        ToolResult,
    },
    json::Fields,
};

/// Reads content blocks: tool results apart, the rest in order. A cache point marks the block
/// before it.
///
/// # Errors
/// `client_invalid` where a field is missing or of the wrong type; `unsupported_here` for content
/// that only Bedrock can serve.
pub(super) fn read_blocks(
    values: Vec<Value>,
    path: &str,
    foreign: &mut Vec<Foreign>,
) -> Result<(Vec<Block>, Vec<Block>), Fault> {
    let (mut blocks, mut results) = (Vec::new(), Vec::new());
    let mut last_is_result = false;
    for (at, value) in values.into_iter().enumerate() {
        let mut fields = Fields::of_value(value, format!("{path}[{at}]"))?;
        if let Some(point) = fields.object("cachePoint")? {
            let before = if last_is_result { &mut results } else { &mut blocks };
            mark_last(before, point)?;
            continue;
        }
        let content = read_content(&mut fields, foreign)?;
        fields.leftover(&[], foreign);
        last_is_result = matches!(content, Content::ToolResult(_));
        if last_is_result { &mut results } else { &mut blocks }.push(content.into());
    }
    Ok((blocks, results))
}

fn mark_last(blocks: &mut [Block], point: Fields) -> Result<(), Fault> {
    let mark = cache_mark(point)?;
    if let Some(block) = blocks.last_mut() {
        block.cache = Some(mark);
    }
    Ok(())
}

/// Reads the lifetime of a cache point.
///
/// # Errors
/// `client_invalid` where it is no string.
pub(super) fn cache_mark(mut point: Fields) -> Result<CacheMark, Fault> {
    Ok(match point.string("ttl")?.as_deref() {
        None => CacheMark::Default,
        Some("5m") => CacheMark::Minutes5,
        Some(_) => CacheMark::Hour1,
    })
}

fn read_content(fields: &mut Fields, foreign: &mut Vec<Foreign>) -> Result<Content, Fault> {
    if let Some(text) = fields.string("text")? {
        return Ok(Content::Text(text));
    }
    if let Some(json) = fields.take("json") {
        return Ok(Content::Text(json.to_string()));
    }
    if let Some(image) = fields.object("image")? {
        return Ok(Content::Image { source: media::read_image(image)?, detail: None });
    }
    if let Some(mut document) = fields.object("document")? {
        let source = media::read_document(&mut document)?;
        let name = document.string("name")?;
        document.leftover(&[], foreign);
        return Ok(Content::Document { source, name });
    }
    if let Some(call) = fields.object("toolUse")? {
        return read_call(call).map(Content::ToolCall);
    }
    if let Some(result) = fields.object("toolResult")? {
        return read_result(result, foreign).map(Content::ToolResult);
    }
    if let Some(thought) = fields.object("reasoningContent")? {
        return read_thought(thought).map(Content::Reasoning);
    }
    if let Some(cited) = fields.object("citationsContent")? {
        return read_cited(cited, foreign).map(Content::Text);
    }
    let path = fields.path("*");
    Err(Fault::unsupported(
        path.trim_end_matches(".*"),
        "only text, image, document, toolUse, toolResult, reasoningContent and cachePoint blocks \
         can be carried",
    ))
}

fn read_call(mut fields: Fields) -> Result<ToolCall, Fault> {
    if fields.string("type")?.is_some() {
        return Err(Fault::unsupported(
            fields.path("type"),
            "calls of tools that the provider runs cannot be carried",
        ));
    }
    Ok(ToolCall {
        id: fields.required_string("toolUseId")?,
        name: fields.required_string("name")?,
        arguments: fields
            .take("input")
            .map_or_else(|| arguments::NONE.to_owned(), |input| input.to_string()),
    })
}

fn read_result(mut fields: Fields, foreign: &mut Vec<Foreign>) -> Result<ToolResult, Fault> {
    let values = fields.array("content")?.unwrap_or_default();
    let (blocks, _) = read_blocks(values, &fields.path("content"), foreign)?;
    Ok(ToolResult {
        call_id: fields.required_string("toolUseId")?,
        blocks,
        is_error: fields.string("status")?.as_deref() == Some("error"),
    })
}

fn read_thought(mut fields: Fields) -> Result<ReasoningBlock, Fault> {
    let claude =
        |payload, redacted| OpaqueState { family: StateFamily::Anthropic, payload, redacted };
    if let Some(payload) = fields.string("redactedContent")? {
        return Ok(ReasoningBlock { text: String::new(), state: Some(claude(payload, true)) });
    }
    let mut shown =
        fields.object("reasoningText")?.ok_or_else(|| fields.missing("reasoningText"))?;
    Ok(ReasoningBlock {
        text: shown.string("text")?.unwrap_or_default(),
        state: shown.string("signature")?.map(|payload| claude(payload, false)),
    })
}

fn read_cited(mut fields: Fields, foreign: &mut Vec<Foreign>) -> Result<String, Fault> {
    let mut text = String::new();
    for (at, value) in fields.array("content")?.unwrap_or_default().into_iter().enumerate() {
        let mut chunk = Fields::of_value(value, format!("{}[{at}]", fields.path("content")))?;
        text.push_str(&chunk.string("text")?.unwrap_or_default());
    }
    fields.leftover(&[], foreign);
    Ok(text)
}
