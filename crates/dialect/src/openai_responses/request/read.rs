//! The body of a request, apart from its items and tools.

use tieline_types::Fault;

use super::{content, tools};
use crate::{
    RawRequest,
    ir::{Ask, Content, Foreign, Format, Message, Role},
    json::{Fields, expected},
    openai::{labels, reasoning},
};

/// Fields that stand for state kept by the provider, which no other provider has.
const SERVER_STATE: [&str; 3] = ["previous_response_id", "conversation", "prompt"];

/// Fields that callers rely on: numbers they consume, safety rules they set.
const REFUSED: [&str; 4] = ["top_logprobs", "moderation", "guardrails", "safety_settings"];

/// The include that brings numbers the caller consumes.
const INCLUDE_LOGPROBS: &str = "message.output_text.logprobs";

/// The include that the neutral form implies: reasoning state always travels.
pub(super) const INCLUDE_REASONING: &str = "reasoning.encrypted_content";

/// Reads a client's request.
pub(crate) fn read(request: &RawRequest<'_>) -> Result<Ask, Fault> {
    let mut body = Fields::of_body(request.body)?;
    refuse_server_state(&mut body)?;
    let mut ask = Ask {
        model: body.string("model")?.unwrap_or_default(),
        stream: body.boolean("stream")?.unwrap_or(false),
        parallel_tools: body.boolean("parallel_tool_calls")?,
        max_output_tokens: body.unsigned("max_output_tokens")?,
        temperature: body.number("temperature")?,
        top_p: body.number("top_p")?,
        ..Ask::default()
    };
    read_conversation(&mut body, &mut ask)?;
    tools::read(&mut body, &mut ask)?;
    read_text(&mut body, &mut ask)?;
    read_reasoning(&mut body, &mut ask)?;
    labels::read(&mut body, &mut ask)?;
    read_include(&mut body, &mut ask.foreign)?;
    read_truncation(&mut body, &mut ask.foreign)?;
    body.leftover(&REFUSED, &mut ask.foreign);
    Ok(ask)
}

fn refuse_server_state(body: &mut Fields) -> Result<(), Fault> {
    for field in SERVER_STATE {
        if body.take(field).is_some() {
            let message = format!("`{field}` needs state that only the provider holds");
            return Err(Fault::unsupported(field, message));
        }
    }
    if body.boolean("background")? == Some(true) {
        return Err(Fault::unsupported("background", "background replies are not supported"));
    }
    Ok(())
}

/// Notes `truncation` unless it says no more than its absence would.
fn read_truncation(body: &mut Fields, foreign: &mut Vec<Foreign>) -> Result<(), Fault> {
    if body.string("truncation")?.is_some_and(|word| word != "disabled") {
        foreign.push(Foreign { path: "truncation".to_owned(), refuse: false });
    }
    Ok(())
}

fn read_conversation(body: &mut Fields, ask: &mut Ask) -> Result<(), Fault> {
    if let Some(text) = body.string("instructions")? {
        let blocks = vec![Content::Text(text).into()];
        ask.messages.push(Message { role: Role::System, blocks });
    }
    let input = body.take("input").ok_or_else(|| body.missing("input"))?;
    ask.messages.extend(content::read(input, &mut ask.foreign)?);
    Ok(())
}

fn read_text(body: &mut Fields, ask: &mut Ask) -> Result<(), Fault> {
    let Some(mut text) = body.object("text")? else {
        return Ok(());
    };
    ask.verbosity = text.string("verbosity")?;
    if let Some(mut format) = text.object("format")? {
        ask.format = read_format(&mut format)?;
        format.leftover(&[], &mut ask.foreign);
    }
    text.leftover(&[], &mut ask.foreign);
    Ok(())
}

fn read_format(format: &mut Fields) -> Result<Option<Format>, Fault> {
    match format.required_string("type")?.as_str() {
        "text" => Ok(None),
        "json_object" => Ok(Some(Format::JsonObject)),
        "json_schema" => Ok(Some(Format::JsonSchema {
            name: format.required_string("name")?,
            description: format.string("description")?,
            schema: format.raw("schema").ok_or_else(|| format.missing("schema"))?,
            strict: format.boolean("strict")?,
        })),
        other => {
            let message = format!("the text format `{other}` is not supported");
            Err(Fault::unsupported(format.path("type"), message))
        }
    }
}

fn read_reasoning(body: &mut Fields, ask: &mut Ask) -> Result<(), Fault> {
    let Some(mut fields) = body.object("reasoning")? else {
        return Ok(());
    };
    let mut wish = reasoning::read(fields.string("effort")?);
    // `generate_summary` is the older name of `summary`.
    let older = fields.string("generate_summary")?;
    wish.summary = fields.string("summary")?.or(older).map(|_| true);
    ask.reasoning = Some(wish);
    fields.leftover(&[], &mut ask.foreign);
    Ok(())
}

fn read_include(body: &mut Fields, foreign: &mut Vec<Foreign>) -> Result<(), Fault> {
    for entry in body.array("include")?.unwrap_or_default() {
        let Some(name) = entry.as_str() else {
            return Err(expected("include", "an array of strings", &entry));
        };
        if name != INCLUDE_REASONING {
            let refuse = name == INCLUDE_LOGPROBS;
            foreign.push(Foreign { path: format!("include.{name}"), refuse });
        }
    }
    Ok(())
}
