//! Chunks to events, events to chunks, and both ways.

use serde_json::{Value, json};
use tieline_types::{Class, Fault, Usage};

use super::{Reader, Writer, is_plain_delta};
use crate::{
    Collector, ReadEvents, Style, WriteEvents,
    frame::{Framing, Splitter},
    ir::{BlockOpen, Content, Delta, Event, Finish, OpaqueState, Reply, StateFamily},
};

fn events_of(stream: &str) -> Vec<Event> {
    let mut splitter = Splitter::new(Framing::Sse);
    splitter.push(stream.as_bytes().to_vec().into());
    let mut reader = Reader::default();
    let mut events = Vec::new();
    while let Some(frame) = splitter.next_frame().unwrap() {
        reader.read(&frame, &mut events);
    }
    reader.end(&mut events);
    events
}

fn fixture(name: &str) -> Vec<Event> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/openai_chat/streams");
    events_of(&std::fs::read_to_string(format!("{folder}/{name}.sse")).unwrap())
}

fn collected(events: Vec<Event>) -> Result<Reply, Fault> {
    let mut collector = Collector::default();
    events.into_iter().for_each(|event| collector.push(event));
    collector.finish()
}

/// A stream of chunks with these choices, and the events it is.
fn choices(choices: &[Value]) -> Vec<Event> {
    let chunks = choices.iter().map(|choice| {
        format!("data: {}\n\n", json!({ "id": "c", "model": "m", "choices": [choice] }))
    });
    events_of(&chunks.collect::<String>())
}

fn style(include_usage: bool) -> Style {
    Style { id: "own".into(), model: "mine".into(), created_s: 9, include_usage }
}

fn written(events: &[Event], include_usage: bool) -> String {
    let mut writer = Writer::new(&style(include_usage));
    let mut out = Vec::new();
    events.iter().for_each(|event| writer.write(event, &mut out));
    String::from_utf8(out).unwrap()
}

/// The JSON chunks of a written stream, without `[DONE]`.
fn chunks(stream: &str) -> Vec<Value> {
    stream
        .split("\n\n")
        .filter_map(|frame| frame.strip_prefix("data: "))
        .filter(|data| *data != "[DONE]")
        .map(|data| serde_json::from_str(data).unwrap())
        .collect()
}

fn start() -> Event {
    Event::Start { id: String::new(), model: String::new() }
}

fn delta(index: usize, delta: Delta) -> Event {
    Event::Delta { index, delta }
}

fn open_call(index: usize, id: &str) -> Event {
    let block = BlockOpen::ToolCall { id: id.into(), name: "f".into() };
    Event::BlockStart { index, block }
}

fn finish(reason: Finish) -> Event {
    Event::Finish { reason, stop_sequence: None }
}

#[test]
fn text_is_one_block() {
    assert_eq!(
        fixture("text"),
        [
            Event::Start { id: "chatcmpl-S1".into(), model: "gpt-5.5-2026-04-23".into() },
            Event::BlockStart { index: 0, block: BlockOpen::Text },
            delta(0, Delta::Text("Your".into())),
            delta(0, Delta::Text(" order é ships.".into())),
            Event::BlockStop { index: 0 },
            finish(Finish::Stop),
            Event::Usage(Usage {
                input: 11,
                cache_read: 8,
                output: 6,
                reasoning: 4,
                ..Usage::default()
            }),
            Event::End,
        ]
    );
}

#[test]
fn interleaved_calls_are_put_together() {
    let reply = collected(fixture("interleaved_tool_calls")).unwrap();
    let calls: Vec<_> = reply
        .blocks
        .iter()
        .map(|block| match block {
            Content::ToolCall(call) => (call.id.as_str(), call.arguments.as_str()),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(calls, [("call_w1", r#"{"city":"Oslo"}"#), ("call_t1", "{}")]);
    assert_eq!(reply.finish, Finish::ToolCalls, "whatever the server says");
}

#[test]
fn the_kinds_of_prose_are_blocks_of_their_own() {
    let reply = collected(fixture("reasoning")).unwrap();
    let blocks = format!("{:?}", reply.blocks);
    assert!(blocks.starts_with(r#"[Reasoning(ReasoningBlock { text: "Let me think.""#), "{blocks}");
    assert!(blocks.ends_with(r#"Text("4")]"#), "{blocks}");
    let reply = collected(fixture("refusal")).unwrap();
    assert_eq!(reply.finish, Finish::Refusal);
    assert!(matches!(&reply.blocks[..], [Content::Refusal(text)] if text == "I cannot help."));
    assert_eq!(reply.usage, None);
}

#[test]
fn azure_and_servers_without_done_are_understood() {
    let reply = collected(fixture("azure")).unwrap();
    assert_eq!((reply.id.as_str(), reply.model.as_str()), ("chatcmpl-S1", "gpt-5.5-2026-04-23"));
    let events = fixture("no_done");
    assert_eq!((events.first(), events.last()), (Some(&Event::Ping), Some(&Event::End)));
}

#[test]
fn a_cut_call_keeps_its_length_finish_and_its_part() {
    let reply = collected(fixture("length_cut_in_a_call")).unwrap();
    assert_eq!(reply.finish, Finish::Length);
    assert!(matches!(&reply.blocks[..], [Content::ToolCall(call)] if call.arguments == "{\"ci"));
}

#[test]
fn a_stream_that_broke_never_looks_complete() {
    for (name, class) in [
        ("error_in_band", Class::RateLimited),
        ("truncated", Class::StreamTruncated),
        ("done_without_finish", Class::StreamTruncated),
    ] {
        let events = fixture(name);
        assert!(!events.contains(&Event::End), "{name}");
        assert_eq!(collected(events).unwrap_err().class, class, "{name}");
    }
    for (stream, class) in [
        ("", Class::StreamTruncated),
        ("data: {\"choices\":[\n\n", Class::BadPayload),
        ("data: 7\n\n", Class::BadPayload),
        ("data: {\"model\":\"m\"}\n\n", Class::BadPayload),
        ("event: error\ndata: {\"message\":\"m\"}\n\n", Class::StreamError),
        ("event: error\ndata: \"m\"\n\n", Class::StreamError),
        ("{\"error\":{\"message\":\"m\",\"type\":\"overloaded_error\"}}\n\n", Class::Overloaded),
        (
            "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"error\"}]}\n\n",
            Class::StreamError,
        ),
        (
            "data: {\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":0}]}}]}\n\n",
            Class::BadPayload,
        ),
    ] {
        let events = events_of(stream);
        assert!(matches!(events.last(), Some(Event::Error(_))), "{stream}");
        assert_eq!(collected(events).unwrap_err().class, class, "{stream}");
    }
}

#[test]
fn oddities_are_tolerated() {
    let odd = "\u{feff}data:{\"choices\":null}\r\n\r\n\
               event: ping\r\ndata: {\"type\":\"ping\"}\r\n\r\n\
               data:{\"choices\":[{\"delta\":null}]}\r\n\r\n\
               data:{\"choices\":[{\"delta\":{\"content\":\"x\"}}],\"obfuscation\":\"ab\"}\r\n\r\n\
               data:{\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}],\
               \"x_groq\":{\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":2}}}\r\n\r\n\
               data:{\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\r\n\r\n\
               data: [DONE]\r\n\r\ndata: junk\r\n\r\n";
    let events = events_of(odd);
    let finishes = events.iter().filter(|event| matches!(event, Event::Finish { .. })).count();
    assert_eq!((finishes, events.last()), (1, Some(&Event::End)), "{events:?}");
    let reply = collected(events).unwrap();
    assert!(matches!(&reply.blocks[..], [Content::Text(text)] if text == "x"));
    assert_eq!(reply.usage.unwrap().total(), 3);
}

#[test]
fn calls_are_told_apart_however_they_are_numbered() {
    let call = |index: Value, id: &str, name: &str, arguments: Value| {
        json!({ "delta": { "tool_calls": [
            { "index": index, "id": id, "function": { "name": name, "arguments": arguments } }] } })
    };
    let done = json!({ "delta": {}, "finish_reason": "" });
    for (deltas, want) in [
        // Google: every parallel call is number 0.
        (
            vec![call(json!(0), "a", "f", json!("{}")), call(json!(0), "b", "g", json!("{}"))],
            vec![("a", "{}"), ("b", "{}")],
        ),
        // No numbers, ids repeated in every fragment.
        (
            vec![
                call(Value::Null, "a", "f", json!("{\"x\"")),
                call(Value::Null, "a", "f", json!(":1}")),
                call(Value::Null, "b", "g", json!("")),
            ],
            vec![("a", "{\"x\":1}"), ("b", "{}")],
        ),
        // Arguments as an object, and no id at all.
        (vec![call(json!(0), "", "f", json!({ "x": 1 }))], vec![("call_c_0", "{\"x\":1}")]),
    ] {
        let mut stream = deltas;
        // xAI: an empty finish reason after tool calls.
        stream.push(done.clone());
        let reply = collected(choices(&stream)).unwrap();
        let got: Vec<_> = reply
            .blocks
            .iter()
            .filter_map(|block| match block {
                Content::ToolCall(call) => Some((call.id.as_str(), call.arguments.as_str())),
                _ => None,
            })
            .collect();
        assert_eq!(got, want);
        assert_eq!(reply.finish, Finish::ToolCalls);
    }
}

#[test]
fn prose_after_a_call_is_a_new_block() {
    let events = choices(&[
        json!({ "delta": { "content": "a" } }),
        json!({ "delta": { "function_call": { "name": "f", "arguments": "{}" } } }),
        json!({ "delta": { "content": "b" }, "finish_reason": "stop" }),
    ]);
    let opened: Vec<_> = events
        .iter()
        .filter_map(|event| match event {
            Event::BlockStart { index, block } => Some((*index, block.clone())),
            _ => None,
        })
        .collect();
    let call = BlockOpen::ToolCall { id: "call_c_0".into(), name: "f".into() };
    assert_eq!(opened, [(0, BlockOpen::Text), (1, call), (2, BlockOpen::Text)]);
    let stops = events.iter().filter(|event| matches!(event, Event::BlockStop { .. })).count();
    assert_eq!(stops, 3, "{events:?}");
}

#[test]
fn events_written_are_read_back() {
    let usage = Usage { input: 5, cache_read: 2, output: 3, reasoning: 1, ..Usage::default() };
    let all = [
        Event::Start { id: "c".into(), model: "m".into() },
        Event::BlockStart { index: 0, block: BlockOpen::Reasoning },
        delta(0, Delta::Reasoning("hm".into())),
        Event::BlockStop { index: 0 },
        Event::BlockStart { index: 1, block: BlockOpen::Text },
        delta(1, Delta::Text("so \u{1f600}".into())),
        Event::BlockStop { index: 1 },
        open_call(2, "a"),
        delta(2, Delta::Arguments("{\"x\":".into())),
        open_call(3, "b"),
        delta(3, Delta::Arguments("{}".into())),
        delta(2, Delta::Arguments("1}".into())),
        Event::BlockStop { index: 2 },
        Event::BlockStop { index: 3 },
        finish(Finish::ToolCalls),
        Event::Usage(usage),
        Event::End,
    ];
    assert_eq!(events_of(&written(&all, true)), all);
    for name in ["text", "interleaved_tool_calls", "azure", "refusal", "length_cut_in_a_call"] {
        let events = fixture(name);
        assert_eq!(events_of(&written(&events, true)), events, "{name}");
    }
}

#[test]
fn chunks_are_what_clients_need() {
    let stream = written(
        &[
            start(),
            Event::Ping,
            Event::Usage(Usage { input: 1, ..Usage::default() }),
            Event::BlockStart { index: 4, block: BlockOpen::Text },
            delta(4, Delta::Text(String::new())),
            Event::BlockStop { index: 4 },
            open_call(7, "a"),
            Event::BlockStop { index: 7 },
            finish(Finish::ToolCalls),
            Event::Usage(Usage { input: 2, output: 3, ..Usage::default() }),
            Event::End,
            Event::End,
        ],
        true,
    );
    assert!(stream.ends_with("data: [DONE]\n\n") && stream.matches("[DONE]").count() == 1);
    let chunks = chunks(&stream);
    for chunk in &chunks {
        assert_eq!((&chunk["id"], &chunk["created"]), (&json!("own"), &json!(9)));
        assert_eq!(chunk["model"], "mine");
        assert!(chunk["choices"].is_array() && chunk.get("usage").is_some());
    }
    let deltas: Vec<_> = chunks.iter().map(|chunk| &chunk["choices"][0]["delta"]).collect();
    assert_eq!(*deltas[0], json!({ "role": "assistant", "content": "" }));
    assert_eq!(
        *deltas[1],
        json!({ "tool_calls": [{ "index": 0, "id": "a", "type": "function",
            "function": { "name": "f", "arguments": "" } }] }),
        "numbered from 0 whatever came before"
    );
    assert_eq!(
        *deltas[2],
        json!({ "tool_calls": [{ "index": 0, "function": { "arguments": "{}" } }] })
    );
    assert_eq!(chunks[3]["choices"][0]["finish_reason"], "tool_calls");
    assert_eq!(chunks[4]["choices"], json!([]));
    assert_eq!(chunks[4]["usage"]["total_tokens"], 5);
    assert_eq!(chunks[4]["usage"]["prompt_tokens_details"]["cached_tokens"], 0);
    assert_eq!(chunks.len(), 5);
}

#[test]
fn usage_is_written_only_where_asked_for_and_known() {
    let usage = Event::Usage(Usage { input: 1, ..Usage::default() });
    for (events, asked, said) in [
        (vec![start(), finish(Finish::Stop), usage.clone(), Event::End], false, 0),
        (vec![start(), finish(Finish::Stop), usage.clone(), Event::End], true, 1),
        (vec![start(), usage, finish(Finish::Stop), Event::End], true, 1),
        (vec![start(), finish(Finish::Stop), Event::End], true, 0),
    ] {
        let stream = written(&events, asked);
        let chunks = chunks(&stream);
        let objects = chunks.iter().filter(|chunk| chunk["usage"].is_object()).count();
        let finishes = stream.matches("\"finish_reason\":\"stop\"").count();
        assert_eq!((objects, finishes), (said, 1), "{stream}");
    }
}

#[test]
fn an_error_ends_the_stream_without_a_finish() {
    let stream = written(
        &[
            start(),
            delta(0, Delta::Text("x".into())),
            finish(Finish::Stop),
            Event::Error(Fault::new(Class::StreamTruncated, "cut")),
            Event::End,
        ],
        false,
    );
    assert!(!stream.contains("[DONE]") && !stream.contains("\"finish_reason\":\"stop\""));
    let last = chunks(&stream).pop().unwrap();
    assert_eq!(last["error"]["message"], "cut");
    assert_eq!(collected(events_of(&stream)).unwrap_err().message, "cut");
}

#[test]
fn a_provider_seal_is_not_written() {
    let state =
        OpaqueState { family: StateFamily::Anthropic, payload: "sig".into(), redacted: false };
    let stream = written(&[start(), delta(0, Delta::State(state))], false);
    assert_eq!(chunks(&stream).len(), 1);
    assert!(!stream.contains("sig"));
}

#[test]
fn a_refusal_without_words_is_a_content_filter() {
    let plain = written(&[start(), finish(Finish::Refusal), Event::End], false);
    assert!(plain.contains("\"finish_reason\":\"content_filter\""));
    let worded =
        [start(), delta(0, Delta::Refusal("No.".into())), finish(Finish::Refusal), Event::End];
    assert!(written(&worded, false).contains("\"finish_reason\":\"stop\""));
}

#[test]
fn heartbeats_are_comments() {
    let mut out = Vec::new();
    Writer::new(&style(false)).heartbeat(&mut out);
    assert_eq!(out, b": ka\n\n");
}

#[test]
fn only_content_is_plain() {
    for (data, plain) in [
        (r#"{"choices":[{"delta":{"content":"x"},"finish_reason":null}]}"#, true),
        (r#"{"choices":[{"delta":{"content":"x"},"finish_reason": null}],"usage":null}"#, true),
        (r#"{"choices":[{"delta":{"content":"\"usage\":{}"}}]}"#, true),
        (r#"{"choices":[{"delta":{"content":"usage"}}]}"#, false),
        (r#"{"choices":[{"delta":{},"finish_reason":"stop"}]}"#, false),
        (r#"{"choices":[{"delta":{"content":"x"}}],"usage":{"prompt_tokens":1}}"#, false),
        (r#"{"choices":[{"delta":{"role":"assistant","content":""}}]}"#, false),
        (r#"{"choices":[{"delta":{"tool_calls":[]}}]}"#, false),
        (r#"{"choices":[{"delta":{"refusal":"no"}}]}"#, false),
        (r#"{"error":{"message":"delta"}}"#, false),
        ("[DONE]", false),
    ] {
        assert_eq!(is_plain_delta(format!("data: {data}\n\n").as_bytes()), plain, "{data}");
    }
    assert!(!is_plain_delta(b": comment\n\n"));
}
