//! Functions the model may call, both ways. Here they are flat: no `function` object inside.

use std::borrow::Cow;

use serde::Serialize;
use serde_json::{Value, json, value::RawValue};
use tieline_types::Fault;

use crate::{
    Losses, arguments,
    ir::{Ask, Foreign, Tool, ToolChoice},
    json::Fields,
    openai::{require_function, tool_choice_of},
};

/// Reads `tools` and `tool_choice`.
pub(super) fn read(body: &mut Fields, ask: &mut Ask) -> Result<(), Fault> {
    for (at, value) in body.array("tools")?.unwrap_or_default().into_iter().enumerate() {
        let tool = read_tool(value, format!("tools[{at}]"), &mut ask.foreign)?;
        ask.tools.push(tool);
    }
    match body.take("tool_choice") {
        None => Ok(()),
        Some(Value::String(word)) => {
            ask.tool_choice = Some(tool_choice_of(&word, "tool_choice")?);
            Ok(())
        }
        Some(value) => read_choice(value, ask),
    }
}

fn read_tool(value: Value, path: String, foreign: &mut Vec<Foreign>) -> Result<Tool, Fault> {
    let mut tool = Fields::of_value(value, path)?;
    require_function(&mut tool)?;
    let read = Tool {
        name: tool.required_string("name")?,
        description: tool.string("description")?,
        parameters: tool.raw("parameters"),
        strict: tool.boolean("strict")?,
        cache: None,
    };
    tool.leftover(&[], foreign);
    Ok(read)
}

fn read_choice(value: Value, ask: &mut Ask) -> Result<(), Fault> {
    let mut choice = Fields::of_value(value, "tool_choice")?;
    match choice.required_string("type")?.as_str() {
        "function" => ask.tool_choice = Some(ToolChoice::Tool(choice.required_string("name")?)),
        "allowed_tools" => {
            let word = choice.required_string("mode")?;
            let allowed = allowed_names(&mut choice)?;
            // A subset to choose from is the same as offering only that subset.
            ask.tools.retain(|tool| allowed.contains(&tool.name));
            ask.tool_choice = Some(tool_choice_of(&word, "tool_choice.mode")?);
        }
        other => {
            let message = format!("the tool choice `{other}` is not supported");
            return Err(Fault::unsupported("tool_choice.type", message));
        }
    }
    choice.leftover(&[], &mut ask.foreign);
    Ok(())
}

fn allowed_names(choice: &mut Fields) -> Result<Vec<String>, Fault> {
    let tools = choice.array("tools")?.ok_or_else(|| choice.missing("tools"))?;
    tools
        .into_iter()
        .enumerate()
        .map(|(at, value)| {
            let mut tool = Fields::of_value(value, format!("tool_choice.tools[{at}]"))?;
            require_function(&mut tool)?;
            tool.required_string("name")
        })
        .collect()
}

/// A function as it stands in `tools`; the schema keeps its text.
#[derive(Serialize)]
pub(super) struct WireTool<'a> {
    r#type: &'static str,
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
    parameters: Cow<'a, RawValue>,
    strict: bool,
}

/// Writes the tools in their order. `strict` is explicit, for a provider tries strict mode by
/// itself where it is absent and then refuses schemas that do not allow it.
pub(super) fn write<'a>(tools: &'a [Tool], losses: &mut Losses) -> Vec<WireTool<'a>> {
    if tools.iter().any(|tool| tool.cache.is_some()) {
        losses.drop("cache_control");
    }
    let written = tools.iter().map(|tool| WireTool {
        r#type: "function",
        name: &tool.name,
        description: tool.description.as_deref(),
        parameters: tool
            .parameters
            .as_deref()
            .map_or_else(|| Cow::Owned(arguments::no_parameters()), Cow::Borrowed),
        strict: tool.strict.unwrap_or(false),
    });
    written.collect()
}

/// Writes `tool_choice`; without tools, a choice among none says nothing and is refused.
pub(super) fn write_choice(ask: &Ask) -> Option<Value> {
    match ask.tool_choice.as_ref()? {
        ToolChoice::Auto | ToolChoice::None if ask.tools.is_empty() => None,
        ToolChoice::Auto => Some(json!("auto")),
        ToolChoice::None => Some(json!("none")),
        ToolChoice::Required => Some(json!("required")),
        ToolChoice::Tool(name) => Some(json!({"type": "function", "name": name})),
    }
}
