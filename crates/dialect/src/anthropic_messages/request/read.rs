//! Reading a client's request.

use tieline_types::Fault;

use crate::{
    RawRequest,
    ir::{
        Ask, Block, CacheMark, Content, Foreign, Format, Message, Reasoning, Role, Tool, ToolChoice,
    },
    json::Fields,
};

use super::content::{blocks_of, cache_mark};

/// Fields that bind a caller to a place, a server-side state or a safety rule. Leaving one out
/// would answer another question than the one asked.
const NEVER_DROPPED: [&str; 5] =
    ["mcp_servers", "container", "inference_geo", "thread", "safeguards"];

/// The name of a schema, which other dialects demand and this one does not have.
const SCHEMA_NAME: &str = "answer";

/// How Claude Code's attribution begins, a system block for Anthropic alone: it changes with every
/// version and would spoil the prompt caches of others.
const ATTRIBUTION: &str = "x-anthropic-billing-header:";

/// Reads a request body.
pub(crate) fn read(request: &RawRequest<'_>) -> Result<Ask, Fault> {
    let mut body = Fields::of_body(request.body)?;
    let model = body.string("model")?.or_else(|| request.path_model.map(str::to_owned));
    let limit = body.unsigned("max_tokens")?.ok_or_else(|| body.missing("max_tokens"))?;
    let mut ask = Ask {
        model: model.unwrap_or_default(),
        stream: body.boolean("stream")?.unwrap_or(request.path_stream),
        max_output_tokens: Some(limit),
        temperature: body.number("temperature")?,
        top_p: body.number("top_p")?,
        top_k: body.unsigned("top_k")?,
        stop: body.strings("stop_sequences")?,
        service_tier: body.string("service_tier")?,
        ..Ask::default()
    };
    read_system(&mut body, &mut ask)?;
    read_messages(&mut body, &mut ask)?;
    read_tools(&mut body, &mut ask)?;
    read_tool_choice(&mut body, &mut ask)?;
    read_reasoning_and_format(&mut body, &mut ask)?;
    if let Some(mut metadata) = body.object("metadata")? {
        ask.user = metadata.string("user_id")?;
        metadata.leftover(&[], &mut ask.foreign);
    }
    if let Some(mark) = cache_mark(&mut body, &mut ask.foreign)? {
        mark_last_block(&mut ask.messages, mark);
    }
    body.leftover(&NEVER_DROPPED, &mut ask.foreign);
    Ok(ask)
}

fn read_system(body: &mut Fields, ask: &mut Ask) -> Result<(), Fault> {
    let Some(system) = body.take("system") else {
        return Ok(());
    };
    let mut blocks = blocks_of(system, "system", &mut ask.foreign)?;
    let before = blocks.len();
    blocks.retain(|block| !is_attribution(block));
    if blocks.len() < before {
        ask.foreign.push(Foreign { path: "system.attribution".to_owned(), refuse: false });
    }
    if !blocks.is_empty() {
        ask.messages.push(Message { role: Role::System, blocks });
    }
    Ok(())
}

fn is_attribution(block: &Block) -> bool {
    matches!(&block.content, Content::Text(text) if text.starts_with(ATTRIBUTION))
}

fn read_messages(body: &mut Fields, ask: &mut Ask) -> Result<(), Fault> {
    let items = body.array("messages")?.ok_or_else(|| body.missing("messages"))?;
    for (at, item) in items.into_iter().enumerate() {
        let mut message = Fields::of_value(item, format!("messages[{at}]"))?;
        let role = match message.required_string("role")?.as_str() {
            "user" => Role::User,
            "assistant" => Role::Assistant,
            "system" => Role::System,
            other => {
                let path = message.path("role");
                let problem = format!("`{path}` must be user, assistant or system, not `{other}`");
                return Err(Fault::invalid(path, problem));
            }
        };
        let content = message.take("content").ok_or_else(|| message.missing("content"))?;
        let blocks = blocks_of(content, &message.path("content"), &mut ask.foreign)?;
        message.leftover(&[], &mut ask.foreign);
        push_turn(role, blocks, &mut ask.messages);
    }
    Ok(())
}

/// Adds a turn, tool results first and in a message of their own.
fn push_turn(role: Role, blocks: Vec<Block>, messages: &mut Vec<Message>) {
    let (results, rest): (Vec<_>, Vec<_>) =
        blocks.into_iter().partition(|block| matches!(block.content, Content::ToolResult(_)));
    let only_results = rest.is_empty() && !results.is_empty();
    if !results.is_empty() {
        messages.push(Message { role: Role::Tool, blocks: results });
    }
    if !only_results {
        messages.push(Message { role, blocks: rest });
    }
}

fn read_tools(body: &mut Fields, ask: &mut Ask) -> Result<(), Fault> {
    for (at, item) in body.array("tools")?.unwrap_or_default().into_iter().enumerate() {
        let mut tool = Fields::of_value(item, format!("tools[{at}]"))?;
        if let Some(kind) = tool.string("type")?.filter(|kind| kind != "custom") {
            let problem = format!("the server tool `{kind}` runs at its provider only");
            return Err(Fault::unsupported(tool.path("type"), problem));
        }
        ask.tools.push(Tool {
            name: tool.required_string("name")?,
            description: tool.string("description")?,
            parameters: Some(tool.raw("input_schema").ok_or_else(|| tool.missing("input_schema"))?),
            strict: tool.boolean("strict")?,
            cache: cache_mark(&mut tool, &mut ask.foreign)?,
        });
        tool.leftover(&[], &mut ask.foreign);
    }
    Ok(())
}

fn read_tool_choice(body: &mut Fields, ask: &mut Ask) -> Result<(), Fault> {
    let Some(mut choice) = body.object("tool_choice")? else {
        return Ok(());
    };
    ask.tool_choice = Some(match choice.required_string("type")?.as_str() {
        "auto" => ToolChoice::Auto,
        "any" => ToolChoice::Required,
        "none" => ToolChoice::None,
        "tool" => ToolChoice::Tool(choice.required_string("name")?),
        other => {
            let problem =
                format!("`tool_choice.type` must be auto, any, tool or none, not `{other}`");
            return Err(Fault::invalid("tool_choice.type", problem));
        }
    });
    ask.parallel_tools = choice.boolean("disable_parallel_tool_use")?.map(|disabled| !disabled);
    choice.leftover(&[], &mut ask.foreign);
    Ok(())
}

/// `output_config` holds the effort of `thinking` and the answer's form, which older clients put
/// into `output_format`.
fn read_reasoning_and_format(body: &mut Fields, ask: &mut Ask) -> Result<(), Fault> {
    let mut format = body.object("output_format")?;
    let mut effort = None;
    if let Some(mut output) = body.object("output_config")? {
        effort = output.string("effort")?;
        if let Some(newer) = output.object("format")?
            && format.replace(newer).is_some()
        {
            let problem = "`output_format` and `output_config.format` exclude each other";
            return Err(Fault::invalid("output_format", problem));
        }
        output.leftover(&[], &mut ask.foreign);
    }
    ask.format = format.map(|format| read_format(format, &mut ask.foreign)).transpose()?;
    ask.reasoning = match body.object("thinking")? {
        Some(thinking) => Some(read_thinking(thinking, effort, &mut ask.foreign)?),
        None => effort.map(|effort| Reasoning { effort: Some(effort), ..Reasoning::default() }),
    };
    Ok(())
}

fn read_format(mut format: Fields, foreign: &mut Vec<Foreign>) -> Result<Format, Fault> {
    let kind = format.required_string("type")?;
    if kind != "json_schema" {
        let path = format.path("type");
        let problem = format!("`{path}` must be json_schema, not `{kind}`");
        return Err(Fault::invalid(path, problem));
    }
    let schema = format.raw("schema").ok_or_else(|| format.missing("schema"))?;
    format.leftover(&[], foreign);
    Ok(Format::JsonSchema { name: SCHEMA_NAME.to_owned(), description: None, schema, strict: None })
}

fn read_thinking(
    mut thinking: Fields,
    effort: Option<String>,
    foreign: &mut Vec<Foreign>,
) -> Result<Reasoning, Fault> {
    let mut reasoning = Reasoning { effort, ..Reasoning::default() };
    match thinking.required_string("type")?.as_str() {
        "adaptive" => {}
        "between_tools" => {
            foreign.push(Foreign { path: thinking.path("type"), refuse: false });
        }
        "disabled" => reasoning.off = true,
        "enabled" => {
            let budget = thinking.unsigned("budget_tokens")?;
            reasoning.budget_tokens =
                Some(budget.ok_or_else(|| thinking.missing("budget_tokens"))?);
            reasoning.summary = Some(true);
        }
        other => {
            let problem = format!("`thinking.type` cannot be `{other}`");
            return Err(Fault::invalid("thinking.type", problem));
        }
    }
    if let Some(display) = thinking.string("display")? {
        reasoning.summary = Some(display != "omitted");
    }
    thinking.leftover(&[], foreign);
    Ok(reasoning)
}

/// The top-level mark means "cache as far as possible": up to the last block that can hold one.
fn mark_last_block(messages: &mut [Message], mark: CacheMark) {
    let last = messages
        .iter_mut()
        .rev()
        .flat_map(|message| message.blocks.iter_mut().rev())
        .find(|block| !matches!(block.content, Content::Reasoning(_)));
    if let Some(block) = last {
        block.cache.get_or_insert(mark);
    }
}
