//! Reading a request body: everything but the messages.

use serde_json::{Value, json};
use tieline_types::Fault;

use super::content::read_messages;
use crate::{
    RawRequest,
    ir::{Ask, Foreign, Format, Tool, ToolChoice},
    json::{Fields, expected, raw as raw_json},
    openai::{labels, reasoning, require_function, tool_choice_of},
};

/// Fields that a caller relies on: answers it hears, guards it set, sources it cites.
const RELIED_ON: [&str; 3] = ["audio", "moderation", "web_search_options"];

/// Reads a client's request.
pub(in crate::openai_chat) fn read(raw: &RawRequest<'_>) -> Result<Ask, Fault> {
    let mut body = Fields::of_body(raw.body)?;
    let mut ask = Ask::default();
    let model = body.string("model")?;
    ask.model = model.or_else(|| raw.path_model.map(str::to_owned)).unwrap_or_default();
    ask.stream = body.boolean("stream")?.unwrap_or(raw.path_stream);
    let messages = body.array("messages")?.ok_or_else(|| body.missing("messages"))?;
    if messages.is_empty() {
        return Err(Fault::invalid("messages", "`messages` must hold at least one message"));
    }
    ask.messages = read_messages(messages, &mut ask.foreign)?;
    read_stream_options(&mut body, &mut ask)?;
    read_tools(&mut body, &mut ask)?;
    read_tool_choice(&mut body, &mut ask)?;
    read_format(&mut body, &mut ask)?;
    read_limits(&mut body, &mut ask)?;
    labels::read(&mut body, &mut ask)?;
    ask.verbosity = body.string("verbosity")?;
    read_relied_on(&mut body, &mut ask);
    body.leftover(&RELIED_ON, &mut ask.foreign);
    Ok(ask)
}

fn read_stream_options(body: &mut Fields, ask: &mut Ask) -> Result<(), Fault> {
    if let Some(mut options) = body.object("stream_options")? {
        ask.include_usage = options.boolean("include_usage")?.unwrap_or(false);
        options.leftover(&[], &mut ask.foreign);
    }
    Ok(())
}

fn read_limits(body: &mut Fields, ask: &mut Ask) -> Result<(), Fault> {
    let newer = body.unsigned("max_completion_tokens")?;
    let older = body.unsigned("max_tokens")?;
    ask.max_output_tokens = newer.or(older);
    ask.temperature = body.number("temperature")?;
    ask.top_p = body.number("top_p")?;
    ask.top_k = body.unsigned("top_k")?;
    ask.frequency_penalty = body.number("frequency_penalty")?;
    ask.presence_penalty = body.number("presence_penalty")?;
    ask.seed = body.integer("seed")?;
    ask.stop = read_stop(body)?;
    ask.reasoning = body.string("reasoning_effort")?.map(|effort| reasoning::read(Some(effort)));
    Ok(())
}

/// One string, or several.
fn read_stop(body: &mut Fields) -> Result<Vec<String>, Fault> {
    match body.take("stop") {
        None => Ok(Vec::new()),
        Some(Value::String(one)) => Ok(vec![one]),
        Some(Value::Array(several)) => several
            .into_iter()
            .enumerate()
            .map(|(at, stop)| match stop {
                Value::String(stop) => Ok(stop),
                other => Err(expected(&format!("stop[{at}]"), "a string", &other)),
            })
            .collect(),
        Some(other) => Err(expected("stop", "a string or an array", &other)),
    }
}

/// Notes fields that a caller relies on unless they ask for what happens anyway.
fn read_relied_on(body: &mut Fields, ask: &mut Ask) {
    for (key, usual) in [
        ("n", Value::from(1)),
        ("logprobs", Value::Bool(false)),
        ("top_logprobs", Value::from(0)),
        ("modalities", Value::from(vec!["text"])),
    ] {
        if body.take(key).is_some_and(|value| value != usual) {
            ask.foreign.push(Foreign { path: key.to_owned(), refuse: true });
        }
    }
}

fn read_tools(body: &mut Fields, ask: &mut Ask) -> Result<(), Fault> {
    for (at, value) in body.array("tools")?.unwrap_or_default().into_iter().enumerate() {
        let mut tool = Fields::of_value(value, format!("tools[{at}]"))?;
        require_function(&mut tool)?;
        let function = tool.object("function")?.ok_or_else(|| tool.missing("function"))?;
        ask.tools.push(read_function(function, &mut ask.foreign)?);
        tool.leftover(&[], &mut ask.foreign);
    }
    // The form from before there were tools.
    for (at, value) in body.array("functions")?.unwrap_or_default().into_iter().enumerate() {
        let function = Fields::of_value(value, format!("functions[{at}]"))?;
        ask.tools.push(read_function(function, &mut ask.foreign)?);
    }
    ask.parallel_tools = body.boolean("parallel_tool_calls")?;
    Ok(())
}

fn read_function(mut function: Fields, foreign: &mut Vec<Foreign>) -> Result<Tool, Fault> {
    let tool = Tool {
        name: function.required_string("name")?,
        description: function.string("description")?,
        parameters: function.raw("parameters"),
        strict: function.boolean("strict")?,
        cache: None,
    };
    function.leftover(&[], foreign);
    Ok(tool)
}

fn read_tool_choice(body: &mut Fields, ask: &mut Ask) -> Result<(), Fault> {
    if let Some(choice) = body.take("tool_choice") {
        ask.tool_choice = Some(match choice {
            Value::String(word) => tool_choice_of(&word, "tool_choice")?,
            other => choice_of_object(Fields::of_value(other, "tool_choice")?, ask)?,
        });
    }
    if let Some(choice) = body.take("function_call") {
        ask.tool_choice = Some(match choice {
            Value::String(word) => tool_choice_of(&word, "function_call")?,
            other => {
                ToolChoice::Tool(Fields::of_value(other, "function_call")?.required_string("name")?)
            }
        });
    }
    Ok(())
}

fn choice_of_object(mut choice: Fields, ask: &mut Ask) -> Result<ToolChoice, Fault> {
    if let Some(allowed) = choice.object("allowed_tools")? {
        return choice_of_subset(allowed, ask);
    }
    require_function(&mut choice)?;
    let mut function = choice.object("function")?.ok_or_else(|| choice.missing("function"))?;
    Ok(ToolChoice::Tool(function.required_string("name")?))
}

/// A subset of the tools is brought about by offering only that subset. It costs the prompt cache,
/// so it is reported as left out.
fn choice_of_subset(mut allowed: Fields, ask: &mut Ask) -> Result<ToolChoice, Fault> {
    let mode = allowed.required_string("mode")?;
    let choice = tool_choice_of(&mode, &allowed.path("mode"))?;
    let path = allowed.path("tools");
    let mut names = Vec::new();
    for (at, value) in allowed.array("tools")?.unwrap_or_default().into_iter().enumerate() {
        let mut tool = Fields::of_value(value, format!("{path}[{at}]"))?;
        require_function(&mut tool)?;
        let mut function = tool.object("function")?.ok_or_else(|| tool.missing("function"))?;
        names.push(function.required_string("name")?);
    }
    ask.tools.retain(|tool| names.contains(&tool.name));
    ask.foreign.push(Foreign { path, refuse: false });
    Ok(choice)
}

fn read_format(body: &mut Fields, ask: &mut Ask) -> Result<(), Fault> {
    let Some(mut format) = body.object("response_format")? else {
        return Ok(());
    };
    let kind = format.required_string("type")?;
    ask.format = match kind.as_str() {
        "text" => None,
        "json_object" => Some(Format::JsonObject),
        "json_schema" => {
            let schema = format.object("json_schema")?;
            let mut schema = schema.ok_or_else(|| format.missing("json_schema"))?;
            Some(Format::JsonSchema {
                name: schema.required_string("name")?,
                description: schema.string("description")?,
                schema: schema.raw("schema").unwrap_or_else(|| raw_json(&json!({}))),
                strict: schema.boolean("strict")?,
            })
        }
        other => {
            return Err(Fault::unsupported(
                "response_format.type",
                format!("the response format `{other}` cannot be carried between dialects"),
            ));
        }
    };
    Ok(())
}
