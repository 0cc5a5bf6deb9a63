//! Whole replies through both doors.

use std::fs;

use serde_json::json;
use tieline_types::{Class, Usage};

use super::*;
use crate::ir::{OpaqueState, StateFamily};

const FIXTURES: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/anthropic_messages/responses");

fn fixture(name: &str) -> Result<Reply, Fault> {
    read(&fs::read(format!("{FIXTURES}/{name}.json")).unwrap())
}

fn style() -> Style {
    Style { id: "msg_own".into(), model: "own".into(), created_s: 0, include_usage: true }
}

fn written(reply: &Reply) -> (Value, String) {
    let mut losses = Losses::default();
    let body = write(reply, &style(), &mut losses);
    (serde_json::from_slice(&body).unwrap(), losses.to_string())
}

#[test]
fn what_was_read_survives_writing() {
    for name in ["text", "tools", "length", "stop_sequence", "refusal"] {
        let reply = fixture(name).unwrap();
        let body = write(&reply, &style(), &mut Losses::default());
        assert_eq!(format!("{:?}", read(&body).unwrap()), format!("{reply:?}"), "{name}");
    }
}

#[test]
fn blocks_finish_and_usage_are_read() {
    let reply = fixture("tools").unwrap();
    assert_eq!(reply.finish, Finish::ToolCalls);
    assert_eq!(
        reply.usage,
        Some(Usage {
            input: 12,
            cache_read: 2000,
            cache_write_5m: 100,
            cache_write_1h: 200,
            output: 25,
            reasoning: 15,
            ..Usage::default()
        })
    );
    let [Content::Reasoning(signed), Content::Reasoning(redacted), _, Content::ToolCall(call), _] =
        reply.blocks.as_slice()
    else {
        panic!("{:?}", reply.blocks);
    };
    assert_eq!(signed.state.as_ref().unwrap().payload, "EqQBCgIYAhIM");
    assert!(redacted.state.as_ref().unwrap().redacted);
    assert_eq!(call.arguments, r#"{"city":"Rome","days":1.5}"#);
    for (name, finish) in [
        ("text", Finish::Stop),
        ("length", Finish::Length),
        ("stop_sequence", Finish::StopSequence),
        ("refusal", Finish::Refusal),
    ] {
        assert_eq!(fixture(name).unwrap().finish, finish, "{name}");
    }
}

#[test]
fn the_work_of_server_tools_is_not_a_call_of_ours() {
    let reply = fixture("server_tools").unwrap();
    assert_eq!(reply.finish, Finish::Stop);
    assert_eq!(reply.blocks.len(), 1);
    assert_eq!(reply.foreign, ["content[0]", "content[1]", "content[2].citations", "container"]);
    assert_eq!(written(&reply).1, "drop:content, drop:content.citations, drop:container");
}

#[test]
fn what_is_no_reply_is_a_fault() {
    let overloaded = fixture("error").unwrap_err();
    assert_eq!(overloaded.class, Class::Overloaded);
    assert_eq!(overloaded.upstream_request_id.as_deref(), Some("req_011CSHoEeqs5C35K2UUqR7Fy"));
    for body in ["<html>", "{}", "[]", r#"{"type":"message","content":[{}]}"#] {
        assert_eq!(read(body.as_bytes()).unwrap_err().class, Class::BadPayload, "{body}");
    }
    let bare = read(br#"{"type":"message","content":null}"#).unwrap();
    assert!(bare.blocks.is_empty() && bare.usage.is_none());
}

#[test]
fn replies_of_other_dialects_are_dressed() {
    let state = OpaqueState {
        family: StateFamily::Openai,
        payload: "rs_1\nenc".to_owned(),
        redacted: false,
    };
    let reasoning = ReasoningBlock { text: "Hm.".to_owned(), state: Some(state) };
    let (body, lost) = written(&Reply {
        blocks: vec![
            Content::Reasoning(reasoning),
            Content::Text(String::new()),
            Content::Refusal("No.".to_owned()),
        ],
        ..Reply::default()
    });
    assert_eq!(body["id"], "msg_own");
    assert_eq!(body["model"], "own");
    assert_eq!(
        body["content"],
        json!([
            {"type": "thinking", "thinking": "Hm.", "signature": "tl1.openai.cnNfMQplbmM="},
            {"type": "text", "text": "No."},
        ])
    );
    assert_eq!(body["stop_reason"], "refusal");
    assert_eq!(body["stop_sequence"], Value::Null);
    assert_eq!(body["usage"]["input_tokens"], 0);
    assert_eq!(lost, "");
}

#[test]
fn arguments_that_are_no_object_are_wrapped() {
    let call = ToolCall { id: "c".into(), name: "look".into(), arguments: "[1]".into() };
    let (body, lost) =
        written(&Reply { blocks: vec![Content::ToolCall(call)], ..Reply::default() });
    assert_eq!(body["content"][0]["input"], json!({"input": "[1]"}));
    assert_eq!(lost, "downgrade:tool_call.arguments");
}
