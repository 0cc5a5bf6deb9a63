//! Whole replies, read and written.

use serde_json::json;
use tieline_types::{Class, Usage};

use super::*;
use crate::ir::{OpaqueState, ReasoningBlock, ToolCall};

macro_rules! fixture {
    ($name:literal) => {
        include_bytes!(concat!("../../../tests/golden/openai_responses/responses/", $name, ".json"))
    };
}

fn style() -> Style {
    Style { id: "resp_s".into(), model: "served".into(), created_s: 7, include_usage: false }
}

fn written(reply: &Reply) -> (Value, Losses) {
    let mut losses = Losses::default();
    let body = write(reply, &style(), &mut losses);
    (serde_json::from_slice(&body).unwrap(), losses)
}

fn calls(reply: &Reply) -> Vec<(&str, &str)> {
    let of = |block| match block {
        &Content::ToolCall(ToolCall { ref id, ref arguments, .. }) => {
            Some((id.as_str(), arguments.as_str()))
        }
        _ => None,
    };
    reply.blocks.iter().filter_map(of).collect()
}

#[test]
fn a_reply_is_read_with_its_reasoning_and_disjoint_usage() {
    let reply = read(fixture!("text")).unwrap();
    assert_eq!((reply.id.as_str(), reply.created_s), ("resp_68a1", Some(1_763_800_000)));
    assert_eq!(reply.model, "gpt-5.5-2026-04-01");
    let [Content::Reasoning(thinking), Content::Text(text)] = reply.blocks.as_slice() else {
        panic!("{:?}", reply.blocks);
    };
    assert_eq!(thinking.text, "First.\n\nSecond.");
    assert_eq!(thinking.state.as_ref().unwrap().payload, "rs_68a2\ngAAAAfinal==");
    assert_eq!(text, "Hello there.");
    let usage = reply.usage.unwrap();
    assert_eq!((usage.input, usage.cache_read, usage.cache_write_other), (40, 64, 16));
    assert_eq!((usage.output, usage.reasoning, usage.total()), (18, 32, 170));
}

#[test]
fn every_end_is_told_apart() {
    for (body, finish) in [
        (&fixture!("text")[..], Finish::Stop),
        (fixture!("tool_calls"), Finish::ToolCalls),
        (fixture!("length"), Finish::Length),
        (fixture!("content_filter"), Finish::ContentFilter),
        (fixture!("refusal"), Finish::Refusal),
        (br#"{"status":"incomplete","output":[]}"#, Finish::Length),
        (br#"{"status":"queued","output":[]}"#, Finish::Pause),
        (br#"{"status":"a_new_word","output":[]}"#, Finish::Stop),
    ] {
        assert_eq!(read(body).unwrap().finish, finish);
    }
}

#[test]
fn parallel_calls_keep_their_order() {
    let reply = read(fixture!("tool_calls")).unwrap();
    let expected = [("call_c1", r#"{"city":"Oslo"}"#), ("call_c2", r#"{"city":"Rome"}"#)];
    assert_eq!(calls(&reply), expected);
}

#[test]
fn failures_in_a_200_are_faults() {
    for (body, class) in [
        (&fixture!("failed")[..], Class::RateLimited),
        (br#"{"error":{"message":"m","code":"context_length_exceeded"}}"#, Class::ContextOverflow),
        (br#"{"error":"overheated"}"#, Class::StreamError),
        (br#"{"status":"cancelled","output":[]}"#, Class::ServerError),
        (br#"{"status":"completed"}"#, Class::BadPayload),
        (br#"{"choices":[]}"#, Class::BadPayload),
        (br#"{"status":"completed","output":[{"type":"function_call"}]}"#, Class::BadPayload),
        (b"<html>", Class::BadPayload),
    ] {
        assert_eq!(read(body).unwrap_err().class, class);
    }
}

#[test]
fn missing_usage_is_unknown_and_not_zero() {
    assert_eq!(read(fixture!("no_usage")).unwrap().usage, None);
    let empty = br#"{"status":"completed","output":[],"usage":{"input_tokens_details":null}}"#;
    assert_eq!(read(empty).unwrap().usage, Some(Usage::default()));
}

#[test]
fn what_a_reply_cannot_hold_is_named() {
    let reply = read(fixture!("citations_and_hosted_call")).unwrap();
    assert_eq!(reply.foreign, ["output[0]", "output[1].content.annotations"]);
}

#[test]
fn what_was_read_is_written_alike() {
    for body in [
        &fixture!("text")[..],
        fixture!("tool_calls"),
        fixture!("length"),
        fixture!("content_filter"),
        fixture!("refusal"),
        fixture!("no_usage"),
    ] {
        let reply = read(body).unwrap();
        let (value, losses) = written(&reply);
        let again = read(value.to_string().as_bytes()).unwrap();
        assert_eq!(format!("{again:?}"), format!("{reply:?}"));
        assert!(losses.is_empty(), "{losses}");
    }
}

#[test]
fn style_fills_what_the_provider_left_out_and_details_are_zero_not_null() {
    let usage = Some(Usage { input: 3, output: 4, ..Usage::default() });
    let blocks = vec![Content::Text("Hi".into())];
    let (value, _) = written(&Reply { blocks, usage, ..Reply::default() });
    assert_eq!((&value["id"], &value["model"]), (&json!("resp_s"), &json!("served")));
    assert_eq!((&value["created_at"], &value["object"]), (&json!(7), &json!("response")));
    assert_eq!(value["output"][0]["id"], "msg_resp_s_0");
    assert_eq!(value["usage"]["input_tokens_details"]["cached_tokens"], 0);
    assert_eq!(value["usage"]["output_tokens_details"]["reasoning_tokens"], 0);
    assert_eq!(value["usage"]["total_tokens"], 7);
}

#[test]
fn state_of_another_family_never_leaves() {
    let state = OpaqueState {
        family: StateFamily::Anthropic,
        payload: "sig\nnature".into(),
        redacted: false,
    };
    let thinking = |text: &str| {
        Content::Reasoning(ReasoningBlock { text: text.into(), state: Some(state.clone()) })
    };
    let blocks = vec![thinking("hm"), thinking(""), Content::Text("Hi".into())];
    let (value, losses) = written(&Reply { blocks, ..Reply::default() });
    assert_eq!(losses.to_string(), "drop:reasoning_state");
    assert!(!value.to_string().contains("nature"));
    let kinds: Vec<_> = value["output"].as_array().unwrap().iter().map(|i| &i["type"]).collect();
    assert_eq!(kinds, ["reasoning", "message"]);
}

#[test]
fn an_answer_cut_short_never_looks_complete() {
    for (finish, status, reason) in [
        (Finish::Stop, "completed", Value::Null),
        (Finish::StopSequence, "completed", Value::Null),
        (Finish::Length, "incomplete", json!("max_output_tokens")),
        (Finish::ContextFull, "incomplete", json!("max_output_tokens")),
        (Finish::Pause, "incomplete", json!("max_output_tokens")),
        (Finish::ContentFilter, "incomplete", json!("content_filter")),
        (Finish::Refusal, "incomplete", json!("content_filter")),
    ] {
        let (value, _) = written(&Reply { finish, ..Reply::default() });
        assert_eq!(value["status"], status, "{finish:?}");
        assert_eq!(value["incomplete_details"]["reason"], reason, "{finish:?}");
    }
}
