//! Reading a request.

use serde_json::{Value, value::RawValue};
use tieline_types::Fault;

use super::{thinking, write::USER_KEY};
use crate::{
    RawRequest,
    bedrock_converse::media,
    ir::{
        Ask, Block, CacheMark, Content, Foreign, Format, Message, OpaqueState, ReasoningBlock,
        Role, StateFamily, Tool, ToolCall, ToolChoice, ToolResult,
    },
    json::{Fields, expected},
};

/// Fields that a caller relies on.
const REFUSE: [&str; 2] = ["guardrailConfig", "promptVariables"];

/// Reads a request.
///
/// # Errors
/// `client_invalid` where a field is missing or of the wrong type; `unsupported_here` for content
/// and tools that only Bedrock can serve.
pub(in crate::bedrock_converse) fn read(request: &RawRequest<'_>) -> Result<Ask, Fault> {
    let mut fields = Fields::of_body(request.body)?;
    let mut ask = Ask {
        model: request.path_model.unwrap_or_default().to_owned(),
        stream: request.path_stream,
        ..Ask::default()
    };
    read_system(&mut fields, &mut ask)?;
    for (at, value) in fields.array("messages")?.unwrap_or_default().into_iter().enumerate() {
        read_message(Fields::of_value(value, format!("messages[{at}]"))?, &mut ask)?;
    }
    if let Some(config) = fields.object("inferenceConfig")? {
        read_inference(config, &mut ask)?;
    }
    if let Some(config) = fields.object("toolConfig")? {
        read_tools(config, &mut ask)?;
    }
    if let Some(mut additional) = fields.object("additionalModelRequestFields")? {
        ask.top_k = additional.unsigned("top_k")?;
        ask.reasoning = thinking::read(&mut additional)?;
        additional.leftover(&[], &mut ask.foreign);
    }
    if let Some(config) = fields.object("outputConfig")? {
        read_output(config, &mut ask)?;
    }
    if let Some(Value::Object(entries)) = fields.take("requestMetadata") {
        for (key, value) in entries {
            match value {
                Value::String(value) if key == USER_KEY => ask.user = Some(value),
                Value::String(value) => ask.metadata.push((key, value)),
                other => {
                    return Err(expected(&format!("requestMetadata.{key}"), "a string", &other));
                }
            }
        }
    }
    if let Some(mut tier) = fields.object("serviceTier")? {
        ask.service_tier = tier.string("type")?;
    }
    fields.leftover(&REFUSE, &mut ask.foreign);
    Ok(ask)
}

fn read_system(fields: &mut Fields, ask: &mut Ask) -> Result<(), Fault> {
    let values = fields.array("system")?.unwrap_or_default();
    let (blocks, _) = read_blocks(values, "system", &mut ask.foreign)?;
    if !blocks.is_empty() {
        ask.messages.push(Message { role: Role::System, blocks });
    }
    Ok(())
}

fn read_message(mut fields: Fields, ask: &mut Ask) -> Result<(), Fault> {
    let role = match fields.required_string("role")?.as_str() {
        "user" => Role::User,
        "assistant" => Role::Assistant,
        "system" => Role::System,
        other => {
            let path = fields.path("role");
            let message =
                format!("`{path}` must be `user`, `assistant` or `system`, not {other:?}");
            return Err(Fault::invalid(path, message));
        }
    };
    let values = fields.array("content")?.unwrap_or_default();
    let (blocks, results) = read_blocks(values, &fields.path("content"), &mut ask.foreign)?;
    fields.leftover(&[], &mut ask.foreign);
    let only_results = blocks.is_empty() && !results.is_empty();
    if !results.is_empty() {
        ask.messages.push(Message { role: Role::Tool, blocks: results });
    }
    if !only_results {
        ask.messages.push(Message { role, blocks });
    }
    Ok(())
}

/// Reads content blocks: tool results apart, the rest in order. A cache point marks the block
/// before it.
fn read_blocks(
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

fn cache_mark(mut point: Fields) -> Result<CacheMark, Fault> {
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
        arguments: fields.take("input").map_or_else(|| "{}".to_owned(), |input| input.to_string()),
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

fn read_inference(mut fields: Fields, ask: &mut Ask) -> Result<(), Fault> {
    ask.max_output_tokens = fields.unsigned("maxTokens")?;
    ask.temperature = fields.number("temperature")?;
    ask.top_p = fields.number("topP")?;
    for (at, value) in fields.array("stopSequences")?.unwrap_or_default().into_iter().enumerate() {
        let path = format!("{}[{at}]", fields.path("stopSequences"));
        match value {
            Value::String(stop) => ask.stop.push(stop),
            other => return Err(expected(&path, "a string", &other)),
        }
    }
    fields.leftover(&[], &mut ask.foreign);
    Ok(())
}

fn read_tools(mut fields: Fields, ask: &mut Ask) -> Result<(), Fault> {
    for (at, value) in fields.array("tools")?.unwrap_or_default().into_iter().enumerate() {
        let mut entry = Fields::of_value(value, format!("{}[{at}]", fields.path("tools")))?;
        if let Some(spec) = entry.object("toolSpec")? {
            ask.tools.push(read_tool(spec)?);
        } else if let Some(point) = entry.object("cachePoint")? {
            let mark = cache_mark(point)?;
            if let Some(tool) = ask.tools.last_mut() {
                tool.cache = Some(mark);
            }
        } else {
            return Err(Fault::unsupported(
                entry.path("systemTool"),
                "tools that the provider runs cannot be carried",
            ));
        }
    }
    if let Some(mut choice) = fields.object("toolChoice")? {
        ask.tool_choice = if let Some(mut tool) = choice.object("tool")? {
            Some(ToolChoice::Tool(tool.required_string("name")?))
        } else if choice.take("any").is_some() {
            Some(ToolChoice::Required)
        } else {
            choice.take("auto").map(|_| ToolChoice::Auto)
        };
    }
    fields.leftover(&[], &mut ask.foreign);
    Ok(())
}

fn read_tool(mut spec: Fields) -> Result<Tool, Fault> {
    let parameters = match spec.object("inputSchema")? {
        Some(mut schema) => schema.raw("json"),
        None => None,
    };
    Ok(Tool {
        name: spec.required_string("name")?,
        description: spec.string("description")?,
        parameters,
        strict: spec.boolean("strict")?,
        cache: None,
    })
}

fn read_output(mut fields: Fields, ask: &mut Ask) -> Result<(), Fault> {
    if let Some(effort) = fields.string("effort")? {
        ask.reasoning.get_or_insert_default().effort = Some(effort);
    }
    if let Some(mut format) = fields.object("textFormat")? {
        let structure = format.object("structure")?.ok_or_else(|| format.missing("structure"));
        let mut structure = structure?;
        let schema = structure.object("jsonSchema")?;
        let mut schema = schema.ok_or_else(|| structure.missing("jsonSchema"))?;
        ask.format = Some(Format::JsonSchema {
            schema: read_schema(&mut schema)?,
            name: schema.string("name")?.unwrap_or_else(|| "answer".to_owned()),
            description: schema.string("description")?,
            strict: None,
        });
    }
    fields.leftover(&[], &mut ask.foreign);
    Ok(())
}

/// The schema stands in a string.
fn read_schema(fields: &mut Fields) -> Result<Box<RawValue>, Fault> {
    let text = fields.required_string("schema")?;
    match serde_json::from_str::<Box<RawValue>>(&text) {
        Ok(schema) if schema.get().starts_with('{') => Ok(schema),
        _ => {
            let path = fields.path("schema");
            let message = format!("`{path}` must be a JSON object as a string");
            Err(Fault::invalid(path, message))
        }
    }
}
