//! Whole replies.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, value::RawValue};
use tieline_types::{Class, Fault, ServiceTier};

use super::{
    error, finish, usage,
    wire::{minted_call_id, reasoning_in, texts_of},
};
use crate::{
    Glance, Losses, Style, arguments,
    calls::name_of,
    ir::{Content, Finish, ReasoningBlock, Reply, ToolCall},
    json::{bad_payload, bytes, text_in, text_or_empty},
};

/// Parts of a choice and of its message that the neutral form does not model.
const FOREIGN: [(&str, &[&str]); 2] =
    [("", &["logprobs"]), ("message", &["annotations", "audio", "images", "reasoning_details"])];

/// The plainest and most frequent reply: text that ended by itself.
#[derive(Deserialize)]
struct Plain<'a> {
    #[serde(borrow)]
    model: Cow<'a, str>,
    #[serde(borrow)]
    choices: [PlainChoice<'a>; 1],
    usage: usage::Counts,
    /// In its quotes: most replies name the standard tier, which is not worth a copy.
    #[serde(borrow, default)]
    service_tier: Option<&'a RawValue>,
    #[serde(borrow, default)]
    error: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct PlainChoice<'a> {
    #[serde(borrow)]
    message: PlainMessage<'a>,
    #[serde(borrow)]
    finish_reason: Cow<'a, str>,
}

#[derive(Deserialize)]
struct PlainMessage<'a> {
    #[serde(borrow)]
    content: &'a RawValue,
}

/// Glances at a plain reply; anything else must be read.
pub(super) fn glance(body: &[u8]) -> Option<Glance> {
    let plain: Plain<'_> = serde_json::from_slice(body).ok()?;
    let [choice] = plain.choices;
    let text = choice.message.content.get().strip_prefix('"')?.trim_start();
    let says_something = !text.starts_with(['"', '\\']);
    if plain.error.is_some() || choice.finish_reason != "stop" || !says_something {
        return None;
    }
    Some(Glance {
        content: true,
        finish: Some(Finish::Stop),
        ended: true,
        usage: plain.usage.usage(),
        model: Some(plain.model.into_owned()),
        service_tier: plain.service_tier.and_then(|raw| {
            let word = raw.get().strip_prefix('"')?.strip_suffix('"')?;
            ServiceTier::served(word)
        }),
        fault: None,
    })
}

/// Reads a whole reply.
pub(super) fn read(body: &[u8]) -> Result<Reply, Fault> {
    let value: Value = serde_json::from_slice(body)
        .map_err(|error| bad_payload(format!("the reply is not JSON: {error}")))?;
    if let Some(fault) = error::find_in_band(&value, Class::ServerError) {
        return Err(fault);
    }
    let object = value.as_object().ok_or_else(|| bad_payload("the reply is no JSON object"))?;
    let choice = object
        .get("choices")
        .and_then(Value::as_array)
        .and_then(|choices| choices.first())
        .ok_or_else(|| bad_payload("the reply holds no choice"))?;
    let id = text_or_empty(&value, "id").to_owned();
    let blocks = match choice.get("message") {
        None | Some(Value::Null) => Vec::new(),
        Some(message) => read_message(message, &id)?,
    };
    let word = text_or_empty(choice, "finish_reason");
    if word == "error" {
        return Err(Fault::new(
            Class::ServerError,
            "the model server ended the reply with an error",
        ));
    }
    let called = blocks.iter().any(|block| matches!(block, Content::ToolCall(_)));
    let refused = blocks.iter().any(|block| matches!(block, Content::Refusal(_)));
    Ok(Reply {
        model: text_or_empty(&value, "model").to_owned(),
        created_s: object.get("created").and_then(Value::as_u64),
        finish: finish::read(word, called, refused),
        stop_sequence: None,
        usage: usage::read(object),
        service_tier: text_in(&value, "service_tier").and_then(ServiceTier::served),
        foreign: foreign_in(choice),
        blocks,
        id,
    })
}

fn read_message(message: &Value, reply_id: &str) -> Result<Vec<Content>, Fault> {
    let (thinking, text) = texts_of(message.get("content"));
    let thinking = reasoning_in(message).map_or(thinking, str::to_owned);
    let refusal = text_or_empty(message, "refusal").to_owned();
    let mut blocks = Vec::new();
    if !thinking.is_empty() {
        blocks.push(Content::Reasoning(ReasoningBlock { text: thinking, state: None }));
    }
    if !text.is_empty() {
        blocks.push(Content::Text(text));
    }
    if !refusal.is_empty() {
        blocks.push(Content::Refusal(refusal));
    }
    let calls = message.get("tool_calls").and_then(Value::as_array);
    for (index, call) in calls.into_iter().flatten().enumerate() {
        let function = call.get("function");
        blocks.push(read_call(text_or_empty(call, "id"), function, index, reply_id)?);
    }
    let older = message.get("function_call").filter(|call| !call.is_null());
    if let Some(function) = older {
        blocks.push(read_call("", Some(function), 0, reply_id)?);
    }
    Ok(blocks)
}

fn read_call(
    id: &str,
    function: Option<&Value>,
    index: usize,
    reply_id: &str,
) -> Result<Content, Fault> {
    let function = function.unwrap_or(&Value::Null);
    let name = name_of(text_in(function, "name"))?;
    let arguments = arguments::text_in(function.get("arguments"));
    Ok(Content::ToolCall(ToolCall {
        id: if id.is_empty() { minted_call_id(reply_id, index) } else { id.to_owned() },
        name,
        arguments: arguments::text(&arguments).to_owned(),
    }))
}

fn foreign_in(choice: &Value) -> Vec<String> {
    let mut paths = Vec::new();
    for (parent, keys) in FOREIGN {
        let holder = if parent.is_empty() { Some(choice) } else { choice.get(parent) };
        for key in keys {
            let held = match holder.and_then(|holder| holder.get(*key)) {
                None | Some(Value::Null) => false,
                Some(Value::Array(items)) => !items.is_empty(),
                Some(_) => true,
            };
            if held {
                let dot = if parent.is_empty() { "" } else { "." };
                paths.push(format!("choices[0].{parent}{dot}{key}"));
            }
        }
    }
    paths
}

#[derive(Serialize)]
struct WireReply<'a> {
    id: &'a str,
    object: &'static str,
    created: u64,
    model: &'a str,
    choices: [WireChoice; 1],
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<usage::Wire>,
    #[serde(skip_serializing_if = "Option::is_none")]
    service_tier: Option<&'a str>,
}

#[derive(Serialize)]
struct WireChoice {
    index: u32,
    message: Map<String, Value>,
    logprobs: Option<()>,
    finish_reason: &'static str,
}

/// Writes a whole reply.
pub(super) fn write(reply: &Reply, style: &Style, losses: &mut Losses) -> Vec<u8> {
    for path in &reply.foreign {
        losses.drop_path(path);
    }
    if reply.stop_sequence.is_some() {
        losses.drop("stop_sequence");
    }
    let refused = reply.blocks.iter().any(|block| matches!(block, Content::Refusal(_)));
    let (finish_reason, exact) = finish::write(reply.finish, refused);
    // Which string ended the answer is reported above; that one did is in `stop`.
    if !exact && reply.finish != Finish::StopSequence {
        losses.downgrade("finish_reason");
    }
    let message = write_message(&reply.blocks, losses);
    bytes(&WireReply {
        id: style.id_or(&reply.id),
        object: "chat.completion",
        created: reply.created_s.unwrap_or(style.created_s),
        model: style.model_or(&reply.model),
        choices: [WireChoice { index: 0, message, logprobs: None, finish_reason }],
        usage: reply.usage.as_ref().map(usage::Wire::from),
        service_tier: reply.service_tier.as_ref().map(ServiceTier::as_str),
    })
}

fn write_message(blocks: &[Content], losses: &mut Losses) -> Map<String, Value> {
    let mut text: Option<String> = None;
    let mut refusal: Option<String> = None;
    let mut reasoning: Option<String> = None;
    let mut calls = Vec::new();
    for block in blocks {
        match block {
            Content::Text(more) => text.get_or_insert_default().push_str(more),
            Content::Refusal(more) => refusal.get_or_insert_default().push_str(more),
            Content::Reasoning(thought) => {
                if thought.state.is_some() {
                    losses.drop("reasoning_state");
                }
                if !thought.text.is_empty() {
                    reasoning.get_or_insert_default().push_str(&thought.text);
                }
            }
            Content::ToolCall(call) => calls.push(write_call(call)),
            Content::Image { .. } | Content::Document { .. } | Content::ToolResult(_) => {
                losses.drop("content");
            }
        }
    }
    if text.is_none() && refusal.is_none() && calls.is_empty() {
        text = Some(String::new());
    }
    let mut message = Map::new();
    message.insert("role".into(), "assistant".into());
    message.insert("content".into(), text.into());
    message.insert("refusal".into(), refusal.into());
    if let Some(reasoning) = reasoning {
        message.insert("reasoning_content".into(), reasoning.into());
    }
    if !calls.is_empty() {
        message.insert("tool_calls".into(), calls.into());
    }
    message
}

fn write_call(call: &ToolCall) -> Value {
    let arguments = arguments::text(&call.arguments);
    serde_json::json!({
        "id": call.id,
        "type": "function",
        "function": { "name": call.name, "arguments": arguments },
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use tieline_types::Usage;

    use super::*;
    use crate::ir::{OpaqueState, StateFamily};

    fn style() -> Style {
        Style {
            id: "chatcmpl-own".into(),
            model: "gpt-5.5".into(),
            created_s: 7,
            include_usage: false,
        }
    }

    fn read_value(value: &Value) -> Result<Reply, Fault> {
        read(value.to_string().as_bytes())
    }

    fn choice(message: &Value, finish: &Value) -> Value {
        let choice = json!({ "message": message, "finish_reason": finish });
        json!({ "id": "c1", "model": "m", "choices": [choice] })
    }

    fn written(reply: &Reply) -> (Value, String) {
        let mut losses = Losses::default();
        let body = write(reply, &style(), &mut losses);
        (serde_json::from_slice(&body).unwrap(), losses.to_string())
    }

    #[test]
    fn a_glance_agrees_with_reading_or_abstains() {
        let body = |message: &Value, finish: &str| {
            let choice = json!({ "message": message, "finish_reason": finish });
            let usage = json!({ "prompt_tokens": 3, "completion_tokens": 2 });
            bytes(&json!({ "id": "a", "model": "m", "choices": [choice], "usage": usage }))
        };
        let plain = body(&json!({ "content": "hi" }), "stop");
        let (seen, whole) = (glance(&plain).unwrap(), read(&plain).unwrap());
        assert_eq!(seen.usage, whole.usage);
        assert_eq!(seen.model, Some(whole.model));
        assert_eq!(seen.finish, Some(whole.finish));
        for other in [
            body(&json!({ "content": "" }), "stop"),
            body(&json!({ "content": "  " }), "stop"),
            body(&json!({ "content": "\n" }), "stop"),
            body(&json!({ "content": null }), "stop"),
            body(&json!({ "content": "a" }), "length"),
            br#"{"model":"m","choices":[],"usage":{}}"#.to_vec(),
            b"<html>".to_vec(),
        ] {
            assert_eq!(glance(&other), None, "{}", String::from_utf8_lossy(&other));
        }
        let mut error: Value = serde_json::from_slice(&plain).unwrap();
        error["error"] = json!({ "message": "x" });
        assert_eq!(glance(&bytes(&error)), None);
    }

    #[test]
    fn a_reply_survives_the_round_trip() {
        let reply = Reply {
            id: "c1".into(),
            model: "m".into(),
            created_s: Some(5),
            blocks: vec![
                Content::Reasoning(ReasoningBlock { text: "hm".into(), state: None }),
                Content::Text("hello".into()),
                Content::ToolCall(ToolCall {
                    id: "call_1".into(),
                    name: "f".into(),
                    arguments: r#"{"a":1.0}"#.into(),
                }),
            ],
            finish: Finish::ToolCalls,
            usage: Some(Usage {
                input: 3,
                cache_read: 4,
                output: 5,
                reasoning: 6,
                ..Usage::default()
            }),
            ..Reply::default()
        };
        let mut losses = Losses::default();
        let again = read(&write(&reply, &style(), &mut losses)).unwrap();
        assert!(losses.is_empty());
        assert_eq!(format!("{again:?}"), format!("{reply:?}"));
    }

    #[test]
    fn fixtures_survive_the_round_trip() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/openai_chat/responses");
        let mut files = 0;
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let first = read(&std::fs::read(&path).unwrap()).unwrap();
            let mut losses = Losses::default();
            let again = read(&write(&first, &style(), &mut losses)).unwrap();
            assert_eq!(format!("{again:?}"), format!("{first:?}"), "{}", path.display());
            assert!(losses.is_empty(), "{}: {losses}", path.display());
            files += 1;
        }
        assert!(files >= 6);
    }

    #[test]
    fn odd_replies_are_read() {
        let call = json!({ "function": { "name": "f", "arguments": { "a": 1 } } });
        let reply = read_value(&choice(
            &json!({ "content": [
                { "type": "thinking", "thinking": [{ "type": "text", "text": "hm" }] },
                { "type": "text", "text": "hi" }
            ], "tool_calls": [call] }),
            &json!("stop"),
        ))
        .unwrap();
        assert_eq!(reply.finish, Finish::ToolCalls);
        let blocks = format!("{:?}", reply.blocks);
        assert!(blocks.contains("\"hm\"") && blocks.contains("\"hi\""), "{blocks}");
        assert!(blocks.contains(r#"arguments: "{\"a\":1}""#), "{blocks}");
        assert!(blocks.contains("call_c1_0"), "{blocks}");

        let older = json!({ "content": null, "function_call": { "name": "f", "arguments": "" } });
        let reply = read_value(&choice(&older, &json!("function_call"))).unwrap();
        assert!(matches!(&reply.blocks[..], [Content::ToolCall(call)] if call.arguments == "{}"));

        let noted =
            json!({ "content": "x", "annotations": [{ "type": "url_citation" }], "audio": null });
        let reply = read_value(&choice(&noted, &Value::Null)).unwrap();
        assert_eq!(reply.foreign, ["choices[0].message.annotations"]);
        assert_eq!((reply.finish, reply.usage), (Finish::Stop, None));
    }

    #[test]
    fn what_is_no_reply_is_a_fault() {
        for (body, class) in [
            ("<html>", Class::BadPayload),
            ("[]", Class::BadPayload),
            (r#"{"choices":null}"#, Class::BadPayload),
            (r#"{"choices":[{"message":{"tool_calls":[{"id":"x"}]}}]}"#, Class::BadPayload),
            (r#"{"choices":[{"message":{},"finish_reason":"error"}]}"#, Class::ServerError),
            (r#"{"error":{"message":"slow","code":"rate_limit_exceeded"}}"#, Class::RateLimited),
            (r#"{"error":"boom"}"#, Class::ServerError),
            (r#"{"object":"error","message":"no","code":429}"#, Class::RateLimited),
        ] {
            assert_eq!(read(body.as_bytes()).unwrap_err().class, class, "{body}");
        }
    }

    #[test]
    fn a_refusal_never_looks_like_a_plain_stop() {
        let mut reply = Reply { finish: Finish::Refusal, ..Reply::default() };
        let (value, losses) = written(&reply);
        assert_eq!(value["choices"][0]["finish_reason"], "content_filter");
        assert_eq!(losses, "downgrade:finish_reason");
        reply.blocks = vec![Content::Refusal("No.".into())];
        let (value, losses) = written(&reply);
        let choice = &value["choices"][0];
        assert_eq!(choice["finish_reason"], "stop");
        assert_eq!(choice["message"]["refusal"], "No.");
        assert_eq!(choice["message"]["content"], Value::Null);
        assert_eq!(losses, "");
        assert_eq!(read_value(&value).unwrap().finish, Finish::Refusal);
    }

    #[test]
    fn a_reply_is_dressed_where_it_says_nothing() {
        let (value, _) = written(&Reply::default());
        assert_eq!(value["id"], "chatcmpl-own");
        assert_eq!(value["model"], "gpt-5.5");
        assert_eq!(value["created"], 7);
        assert_eq!(value["choices"][0]["message"]["content"], "");
        assert!(value.get("usage").is_none(), "unknown usage is not zero");
    }

    #[test]
    fn what_cannot_be_said_is_reported() {
        let state =
            OpaqueState { family: StateFamily::Anthropic, payload: "sig".into(), redacted: false };
        let (value, losses) = written(&Reply {
            blocks: vec![Content::Reasoning(ReasoningBlock {
                text: "t".into(),
                state: Some(state),
            })],
            finish: Finish::StopSequence,
            stop_sequence: Some("END".into()),
            foreign: vec!["choices[0].logprobs".into()],
            ..Reply::default()
        });
        assert_eq!(losses, "drop:choices.logprobs, drop:stop_sequence, drop:reasoning_state");
        assert!(!value.to_string().contains("sig"));
        assert_eq!(value["choices"][0]["message"]["reasoning_content"], "t");
    }
}
