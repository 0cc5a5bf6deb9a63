//! What a request asks, in the form of Chat Completions.

use serde_json::{Map, Value, json};

use super::{responses, shape::Exchange};

/// What of a message is sent again.
const MESSAGE: [&str; 7] =
    ["role", "content", "tool_calls", "tool_call_id", "function_call", "refusal", "name"];
/// Those whose `name` is that of a tool; any other name is a person's.
const NAMED: [&str; 2] = ["tool", "function"];
/// What of a request is asked again as it was.
const PARAMETERS: [&str; 16] = [
    "temperature",
    "top_p",
    "max_tokens",
    "max_completion_tokens",
    "stop",
    "seed",
    "presence_penalty",
    "frequency_penalty",
    "response_format",
    "tools",
    "tool_choice",
    "parallel_tool_calls",
    "functions",
    "function_call",
    "reasoning_effort",
    "verbosity",
];
/// The paths of requests that are a chat.
const PATHS: [&str; 2] = ["chat/completions", "responses"];

/// Why a request is no case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Left {
    /// It has an image, speech or a file in it.
    Media,
    /// It has something in it that is not known.
    Unknown,
    /// It is none that a chat model answers.
    NoChat,
    /// It goes on from what a provider keeps.
    Kept,
}

impl Left {
    pub(super) fn told(self, count: usize) -> String {
        let what = match self {
            Self::Media => "with images, speech or files",
            Self::Unknown => "with parts that are not known",
            Self::NoChat => "that are no chat",
            Self::Kept => "that go on from what a provider keeps",
        };
        format!("left out here first: requests {what} ({count})")
    }

    pub(super) const fn hint(self) -> &'static str {
        match self {
            Self::Media => "write such cases by hand, with media that may be shown",
            Self::Unknown => "log messages of texts and tool calls",
            Self::NoChat => "log requests with `messages` or `input`",
            Self::Kept => "log whole conversations",
        }
    }
}

/// What is asked.
#[derive(Debug)]
pub(super) struct Chat {
    pub(super) messages: Vec<Value>,
    pub(super) parameters: Map<String, Value>,
}

impl Chat {
    pub(super) fn of(exchange: &Exchange) -> Result<Self, Left> {
        let body = exchange.request.as_ref().ok_or(Left::NoChat)?;
        let model = body.get("model").and_then(Value::as_str).unwrap_or_default();
        let elsewhere = |url: &String| !PATHS.iter().any(|path| url.contains(path));
        if exchange.url.as_ref().is_some_and(elsewhere) || model.contains("embedding") {
            return Err(Left::NoChat);
        }
        let mut chat = match body.get("messages") {
            Some(Value::Array(messages)) => Self {
                messages: messages.iter().map(message).collect::<Result<_, _>>()?,
                parameters: parameters(body),
            },
            _ => responses::chat(body)?,
        };
        // Examples for training end with the answer.
        while chat.messages.last().is_some_and(is_answer) {
            chat.messages.pop();
        }
        match chat.messages.is_empty() {
            true => Err(Left::NoChat),
            false => Ok(chat),
        }
    }
}

fn is_answer(message: &Value) -> bool {
    message.get("role").and_then(Value::as_str) == Some("assistant")
}

fn parameters(body: &Map<String, Value>) -> Map<String, Value> {
    let kept = PARAMETERS.iter().filter_map(|name| {
        let value = body.get(*name).filter(|value| !value.is_null())?;
        Some(((*name).to_owned(), value.clone()))
    });
    kept.collect()
}

/// What of a message is sent again.
pub(super) fn message(value: &Value) -> Result<Value, Left> {
    let role = value.get("role").and_then(Value::as_str).ok_or(Left::NoChat)?;
    let kept = MESSAGE.iter().filter_map(|key| {
        let part = value.get(*key)?;
        let named = *key != "name" || NAMED.contains(&role);
        (named && !(part.is_null() && *key != "content")).then(|| ((*key).to_owned(), part.clone()))
    });
    let mut message: Map<String, Value> = kept.collect();
    if let Some(Value::Array(parts)) = message.get_mut("content") {
        for part in parts {
            *part = self::part(part)?;
        }
    }
    Ok(Value::Object(message))
}

/// A part of a message: a text, or what was refused.
pub(super) fn part(part: &Value) -> Result<Value, Left> {
    let kind = part.get("type").and_then(Value::as_str).unwrap_or_default();
    match (part, kind) {
        (Value::String(_), _) => Ok(json!({ "type": "text", "text": part })),
        (_, "text" | "input_text" | "output_text") => {
            let text = part.get("text").and_then(Value::as_str).ok_or(Left::Unknown)?;
            Ok(json!({ "type": "text", "text": text }))
        }
        (_, "refusal") => Ok(json!({ "type": "refusal", "refusal": part.get("refusal") })),
        _ => {
            let media = ["image", "audio", "file", "video"].iter().any(|word| kind.contains(word));
            Err(if media { Left::Media } else { Left::Unknown })
        }
    }
}

/// What production answered, as fields of a case.
pub(super) fn answer(exchange: &Exchange) -> Map<String, Value> {
    let trained = || {
        let messages = exchange.request.as_ref()?.get("messages")?.as_array()?;
        messages.last().filter(|message| is_answer(message)).cloned()
    };
    let of_chat = |answer: &Value| answer.get("choices")?.get(0)?.get("message").cloned();
    let logged = exchange.answer.as_ref();
    let message = logged
        .and_then(|answer| of_chat(answer).or_else(|| responses::answer(answer)))
        .or_else(|| {
            logged.filter(|answer| answer.is_string()).map(|text| json!({ "content": text }))
        })
        .or_else(trained);
    let Some(message) = message.as_ref().and_then(Value::as_object) else { return Map::new() };
    let text = message.get("content").and_then(Value::as_str).filter(|text| !text.is_empty());
    let calls = message.get("tool_calls").filter(|calls| calls.is_array());
    let fields = [("reference", text.map(Value::from)), ("reference_tool_calls", calls.cloned())];
    fields.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
}
