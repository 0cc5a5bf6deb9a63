//! Reading a request.

use serde_json::value::RawValue;
use tieline_types::Fault;

use super::{
    content::{cache_mark, read_blocks},
    thinking,
    write::USER_KEY,
};
use crate::{
    RawRequest,
    ir::{Ask, Format, Message, Role, Tool, ToolChoice},
    json::Fields,
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
    for (key, value) in fields.pairs("requestMetadata")? {
        if key == USER_KEY {
            ask.user = Some(value);
        } else {
            ask.metadata.push((key, value));
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

fn read_inference(mut fields: Fields, ask: &mut Ask) -> Result<(), Fault> {
    ask.max_output_tokens = fields.unsigned("maxTokens")?;
    ask.temperature = fields.number("temperature")?;
    ask.top_p = fields.number("topP")?;
    ask.stop = fields.strings("stopSequences")?;
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
