//! What a simulated model answers: a function of the seed, the provider, the model and the
//! conversation.

mod transcript;

use std::ops::RangeInclusive;

use base64::{Engine, engine::general_purpose::STANDARD};
use rand::{Rng, RngCore, SeedableRng, rngs::StdRng};
use serde_json::{Value, json, value::RawValue};
use tieline_dialect::ir::{
    Ask, Content, Finish, Format, Media, Message, OpaqueState, Reasoning, ReasoningBlock, Reply,
    Role, StateFamily, Tool, ToolCall, ToolChoice,
};
use tieline_types::{DialectId, ServiceTier, Usage};

use crate::{Kind, Known, prose, schema};

/// The most tools called in one turn.
const PARALLEL_MAX: usize = 2;
/// The most tokens of thinking that are shown.
const THINKING_SHOWN_MAX: u64 = 40;
/// A user text that begins so is answered with the rest of it.
const ECHO: &str = "echo: ";
/// A user text that begins so, with a number, is answered with so many tokens.
const LENGTH: &str = "tokens: ";

/// Tokens of thinking by effort; an unknown word counts as `medium`.
const EFFORT_TOKENS: &[(&str, u64)] = &[
    ("none", 0),
    ("minimal", 0),
    ("low", 32),
    ("medium", 64),
    ("high", 128),
    ("xhigh", 256),
    ("max", 512),
];
const EFFORT_TOKENS_USUAL: u64 = 64;

/// Who answers, in which dialect.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Voice<'a> {
    pub(crate) seed: u64,
    pub(crate) provider: &'a str,
    pub(crate) kind: Kind,
    pub(crate) dialect: DialectId,
    /// It goes on from a last turn of its own.
    pub(crate) prefill: bool,
    /// The length of free text.
    pub(crate) reply_tokens: &'a RangeInclusive<u32>,
    /// Questions that it knows the answers to.
    pub(crate) known: Option<&'a Known>,
    /// It answers something that is not right.
    pub(crate) wrong: bool,
}

/// The answer to a request, or what is left of it where the request begins it already.
pub(crate) fn reply_to(ask: &Ask, voice: &Voice<'_>) -> Reply {
    let Some((before, begun)) = begun(ask).filter(|_| voice.prefill) else {
        return whole_reply_to(ask, voice);
    };
    let mut reply = whole_reply_to(&before, voice);
    if let [Content::Text(text)] = reply.blocks.as_mut_slice()
        && let Some(rest) = text.strip_prefix(&begun)
    {
        *text = rest.to_owned();
        let tokens = prose::tokens(text);
        count_output(&mut reply, tokens);
    }
    reply
}

/// The request before a last turn of the model's own, and that turn's text.
fn begun(ask: &Ask) -> Option<(Ask, String)> {
    let last = ask.messages.last().filter(|message| message.role == Role::Assistant)?;
    let text = last.blocks.iter().filter_map(|block| match &block.content {
        Content::Text(text) => Some(text.as_str()),
        _ => None,
    });
    let text = text.collect();
    let mut before = ask.clone();
    before.messages.pop();
    Some((before, text))
}

fn whole_reply_to(ask: &Ask, voice: &Voice<'_>) -> Reply {
    // Who gets it wrong says what another would say to another question.
    let seed = if voice.wrong { !voice.seed } else { voice.seed };
    let heard = transcript::read(seed, voice.provider, ask);
    let mut rng = StdRng::from_seed(heard.digest);
    let limit = ask.max_output_tokens.unwrap_or(u64::MAX);
    let thinking = ask.reasoning.as_ref().map_or(0, thinking_tokens).min(limit);
    let mut reply = Reply {
        id: reply_id(voice.dialect, &mut rng),
        model: ask.model.clone(),
        usage: Some(Usage { reasoning: thinking, ..heard.input }),
        service_tier: served_tier(ask),
        ..Reply::default()
    };
    if let Some(asked) = ask.reasoning.as_ref().filter(|_| thinking > 0) {
        reply.blocks.extend(shown_thinking(asked, thinking, voice, &mut rng));
    }
    let known = voice.known.and_then(|known| known.answer(ask, voice));
    let calls = match known {
        None => calls(ask, voice.dialect, &mut rng),
        Some(_) => Vec::new(),
    };
    if calls.is_empty() {
        let text = known.map_or_else(|| text(ask, voice, &mut rng), str::to_owned);
        speak(&mut reply, &text, ask, limit - thinking);
    } else {
        call(&mut reply, calls, limit - thinking);
    }
    reply
}

/// The service tier asked for is served; `standard_only` is Claude's word for the standard one.
fn served_tier(ask: &Ask) -> Option<ServiceTier> {
    let asked = ask.service_tier.as_deref().filter(|word| *word != "standard_only")?;
    ServiceTier::served(asked)
}

/// The input tokens of a request, as a count of tokens gives them and its answer tells them.
pub(crate) fn input_tokens(ask: &Ask) -> u64 {
    transcript::read(0, "", ask).input.input_total()
}

fn reply_id(dialect: DialectId, rng: &mut StdRng) -> String {
    match dialect {
        DialectId::OpenaiChat => format!("chatcmpl-{}", id(rng)),
        DialectId::OpenaiResponses => format!("resp_{}", id(rng)),
        DialectId::AnthropicMessages => format!("msg_01{}", id(rng)),
        DialectId::BedrockConverse => String::new(),
    }
}

fn id(rng: &mut StdRng) -> String {
    format!("{:016x}{:08x}", rng.next_u64(), rng.next_u32())
}

fn thinking_tokens(reasoning: &Reasoning) -> u64 {
    if reasoning.off {
        return 0;
    }
    let by_effort = reasoning.effort.as_deref().map(|effort| {
        let known = EFFORT_TOKENS.iter().find(|(word, _)| *word == effort);
        known.map_or(EFFORT_TOKENS_USUAL, |(_, tokens)| *tokens)
    });
    match (by_effort, reasoning.budget_tokens) {
        (Some(tokens), Some(budget)) => tokens.min(budget),
        (Some(tokens), None) => tokens,
        (None, Some(budget)) => EFFORT_TOKENS_USUAL.min(budget),
        (None, None) => 0,
    }
}

/// Claude shows its thinking and signs it; OpenAI's Responses give a sealed item, with a summary on
/// request; compatible servers show it unsigned; OpenAI's Chat shows nothing.
fn shown_thinking(
    asked: &Reasoning,
    tokens: u64,
    voice: &Voice<'_>,
    rng: &mut StdRng,
) -> Option<Content> {
    let thought = prose::sentences(rng, tokens.min(THINKING_SHOWN_MAX));
    let sealed = |family, payload| Some(OpaqueState { family, payload, redacted: false });
    let seal = STANDARD.encode(format!("{}:{}", voice.provider, id(rng)));
    let block = match voice.dialect {
        DialectId::AnthropicMessages | DialectId::BedrockConverse => ReasoningBlock {
            text: if asked.summary == Some(false) { String::new() } else { thought },
            state: sealed(StateFamily::Anthropic, seal),
        },
        DialectId::OpenaiResponses => ReasoningBlock {
            text: if asked.summary == Some(true) { thought } else { String::new() },
            state: sealed(StateFamily::Openai, format!("rs_{}\n{seal}", id(rng))),
        },
        DialectId::OpenaiChat if voice.kind == Kind::OpenaiCompatible => {
            ReasoningBlock { text: thought, state: None }
        }
        DialectId::OpenaiChat => return None,
    };
    Some(Content::Reasoning(block))
}

/// The tools to call: on a user's turn, unless told otherwise.
fn calls(ask: &Ask, dialect: DialectId, rng: &mut StdRng) -> Vec<ToolCall> {
    let from_user = ask.messages.last().is_some_and(|message| message.role == Role::User);
    let most = if ask.parallel_tools == Some(false) { 1 } else { PARALLEL_MAX };
    let chosen: Vec<&Tool> = match &ask.tool_choice {
        _ if !from_user => Vec::new(),
        Some(ToolChoice::None) => Vec::new(),
        Some(ToolChoice::Tool(name)) => {
            ask.tools.iter().filter(|tool| tool.name == *name).take(1).collect()
        }
        Some(ToolChoice::Auto) | None if echo(ask).is_some() => Vec::new(),
        Some(ToolChoice::Auto | ToolChoice::Required) | None => {
            ask.tools.iter().take(most).collect()
        }
    };
    chosen
        .into_iter()
        .map(|tool| ToolCall {
            id: call_id(dialect, rng),
            name: tool.name.clone(),
            arguments: arguments(tool, rng),
        })
        .collect()
}

fn call_id(dialect: DialectId, rng: &mut StdRng) -> String {
    let prefix = match dialect {
        DialectId::OpenaiChat | DialectId::OpenaiResponses => "call_",
        DialectId::AnthropicMessages => "toolu_01",
        DialectId::BedrockConverse => "tooluse_",
    };
    format!("{prefix}{}", id(rng))
}

fn arguments(tool: &Tool, rng: &mut StdRng) -> String {
    let schema = tool.parameters.as_deref().map_or(Value::Null, parsed);
    match schema::instance(&schema, rng) {
        made @ Value::Object(_) => made.to_string(),
        _ => "{}".to_owned(),
    }
}

fn parsed(raw: &RawValue) -> Value {
    serde_json::from_str(raw.get()).unwrap_or_default()
}

/// Puts the calls into the reply; where the limit has no room for all of them, none is made, as no
/// call may be cut short.
fn call(reply: &mut Reply, calls: Vec<ToolCall>, limit: u64) {
    let cost: u64 =
        calls.iter().map(|call| prose::tokens(&call.name) + prose::tokens(&call.arguments)).sum();
    if cost > limit {
        reply.finish = Finish::Length;
        count_output(reply, limit);
        return;
    }
    reply.finish = Finish::ToolCalls;
    count_output(reply, cost);
    reply.blocks.extend(calls.into_iter().map(Content::ToolCall));
}

/// Puts the text into the reply, as far as stop strings and the limit let it.
fn speak(reply: &mut Reply, text: &str, ask: &Ask, limit: u64) {
    let stops = ask.stop.iter().filter(|stop| !stop.is_empty());
    let first = stops.filter_map(|stop| Some((text.find(stop.as_str())?, stop))).min();
    let said = first.map_or(text, |(at, _)| text.get(..at).unwrap_or_default());
    let within = prose::cut(said, limit);
    if within.len() < said.len() {
        reply.finish = Finish::Length;
    } else if let Some((_, stop)) = first {
        reply.finish = Finish::StopSequence;
        reply.stop_sequence = Some(stop.clone());
    }
    count_output(reply, prose::tokens(within));
    if !within.is_empty() {
        reply.blocks.push(Content::Text(within.to_owned()));
    }
}

fn count_output(reply: &mut Reply, tokens: u64) {
    if let Some(usage) = &mut reply.usage {
        usage.output = tokens;
    }
}

fn text(ask: &Ask, voice: &Voice<'_>, rng: &mut StdRng) -> String {
    if let Some(rest) = echo(ask).filter(|_| !voice.wrong) {
        return rest.to_owned();
    }
    match &ask.format {
        Some(Format::JsonSchema { schema, .. }) => {
            return schema::instance(&parsed(schema), rng).to_string();
        }
        Some(Format::JsonObject) => return json!({"answer": prose::word(rng)}).to_string(),
        None => {}
    }
    let last = ask.messages.last();
    if let Some(results) = last.filter(|message| message.role == Role::Tool) {
        return quoted_results(results);
    }
    let (least, most) = (*voice.reply_tokens.start(), *voice.reply_tokens.end());
    let usual = u64::from(rng.random_range(least..=most.max(least)));
    let tokens = after(ask, LENGTH).and_then(length).unwrap_or(usual);
    let mut said = last.map(seen_media).unwrap_or_default();
    said.push(prose::sentences(rng, tokens));
    said.join(" ")
}

/// What follows `echo: ` in the user's last word.
fn echo(ask: &Ask) -> Option<&str> {
    after(ask, ECHO)
}

/// The number that a text begins with.
fn length(text: &str) -> Option<u64> {
    text.split(' ').next()?.parse().ok()
}

/// What follows these words in the user's last text.
fn after<'a>(ask: &'a Ask, words: &str) -> Option<&'a str> {
    let last = ask.messages.last().filter(|message| message.role == Role::User)?;
    last.blocks.iter().rev().find_map(|block| match &block.content {
        Content::Text(text) => text.strip_prefix(words),
        _ => None,
    })
}

fn quoted_results(message: &Message) -> String {
    let quotes = message.blocks.iter().filter_map(|block| match &block.content {
        Content::ToolResult(result) => {
            let verb = if result.is_error { "failed" } else { "answered" };
            let parts: Vec<String> =
                result.blocks.iter().filter_map(|block| quoted(&block.content)).collect();
            Some(format!("The tool {verb}: {}", parts.join(" ")))
        }
        _ => None,
    });
    quotes.collect::<Vec<_>>().join("\n")
}

fn quoted(content: &Content) -> Option<String> {
    match content {
        Content::Text(text) => Some(text.clone()),
        other => seen(other),
    }
}

fn seen_media(message: &Message) -> Vec<String> {
    message.blocks.iter().filter_map(|block| seen(&block.content)).collect()
}

fn seen(content: &Content) -> Option<String> {
    match content {
        Content::Image { source, .. } => Some(format!("I see an image {}.", described(source))),
        Content::Document { source, name } => {
            let name = name.as_deref().map(|name| format!(" {name}")).unwrap_or_default();
            Some(format!("I read the document{name} {}.", described(source)))
        }
        _ => None,
    }
}

fn described(media: &Media) -> String {
    match media {
        Media::Url(url) => format!("at {url}"),
        Media::Text(text) => format!("of {} bytes, text/plain", text.len()),
        Media::Base64 { media_type, data } => match STANDARD.decode(data) {
            Ok(bytes) => format!("of {} bytes, {media_type}", bytes.len()),
            Err(_) => format!("of unreadable bytes, {media_type}"),
        },
    }
}

#[cfg(test)]
mod tests;
