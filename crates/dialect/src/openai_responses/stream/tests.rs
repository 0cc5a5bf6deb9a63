//! Streams, read and written.

use bytes::Bytes;
use serde_json::{Value, json};
use tieline_types::{Class, Fault, Usage};

use super::*;
use crate::{
    Collector, ReadEvents, Style, WriteEvents,
    frame::{Framing, Splitter, sse},
    ir::{BlockOpen, Content, Delta, Event, Finish, OpaqueState, Reply, StateFamily},
};

macro_rules! fixture {
    ($name:literal) => {
        include_bytes!(concat!("../../../tests/golden/openai_responses/streams/", $name, ".sse"))
    };
}

fn frames(bytes: &[u8]) -> Vec<Bytes> {
    let mut splitter = Splitter::new(Framing::Sse);
    splitter.push(Bytes::copy_from_slice(bytes));
    std::iter::from_fn(|| splitter.next_frame().unwrap()).collect()
}

fn events(bytes: &[u8]) -> Vec<Event> {
    let mut reader = Reader::default();
    let mut events = Vec::new();
    for frame in frames(bytes) {
        reader.read(&frame, &mut events);
    }
    reader.end(&mut events);
    events
}

fn collected(bytes: &[u8]) -> Result<Reply, Fault> {
    let mut collector = Collector::default();
    events(bytes).into_iter().for_each(|event| collector.push(event));
    collector.finish()
}

fn written(events: &[Event]) -> Vec<u8> {
    let style =
        Style { id: "resp_s".into(), model: "served".into(), created_s: 7, include_usage: false };
    let mut writer = Writer::new(&style);
    let mut out = Vec::new();
    events.iter().for_each(|event| writer.write(event, &mut out));
    out
}

/// What went out, as pairs of the `event:` line and the data.
fn sent(bytes: &[u8]) -> Vec<(String, Value)> {
    let pair = |frame: Bytes| {
        let event = sse::parse(&frame);
        let data = serde_json::from_slice(&event.data).unwrap();
        (event.event.unwrap().to_owned(), data)
    };
    frames(bytes).into_iter().map(pair).collect()
}

fn kinds(bytes: &[u8]) -> Vec<String> {
    sent(bytes).into_iter().map(|(kind, _)| kind).collect()
}

fn start() -> Event {
    Event::Start { id: "r1".into(), model: "m".into() }
}

fn open(index: usize, block: BlockOpen) -> Event {
    Event::BlockStart { index, block }
}

fn call(id: &str) -> BlockOpen {
    BlockOpen::ToolCall { id: id.into(), name: "f".into() }
}

fn grow(index: usize, delta: Delta) -> Event {
    Event::Delta { index, delta }
}

fn stop(index: usize) -> Event {
    Event::BlockStop { index }
}

fn finish(reason: Finish) -> Event {
    Event::Finish { reason, stop_sequence: None }
}

fn state(id: &str) -> Delta {
    let payload = format!("{id}\nsealed");
    Delta::State(OpaqueState { family: StateFamily::Openai, payload, redacted: false })
}

fn usage() -> Event {
    let usage = Usage { input: 5, cache_read: 2, output: 3, reasoning: 1, ..Usage::default() };
    Event::Usage(usage)
}

#[test]
fn text_is_read_event_by_event() {
    assert_eq!(
        events(fixture!("text")),
        [
            Event::Start { id: "resp_68a1".into(), model: "gpt-5.5-2026-04-01".into() },
            open(0, BlockOpen::Text),
            grow(0, Delta::Text("Hel".into())),
            grow(0, Delta::Text("lo ".into())),
            grow(0, Delta::Text("there.".into())),
            stop(0),
            Event::Usage(Usage {
                input: 40,
                cache_read: 64,
                cache_write_other: 16,
                output: 18,
                reasoning: 32,
                ..Usage::default()
            }),
            finish(Finish::Stop),
            Event::End,
        ]
    );
}

#[test]
fn encrypted_reasoning_comes_from_the_finished_item() {
    let reply = collected(fixture!("reasoning_then_text")).unwrap();
    let [Content::Reasoning(thinking), Content::Text(text)] = reply.blocks.as_slice() else {
        panic!("{:?}", reply.blocks);
    };
    assert_eq!((thinking.text.as_str(), text.as_str()), ("First.\n\nSecond.", "Hello there."));
    assert_eq!(thinking.state.as_ref().unwrap().payload, "rs_68a2\ngAAAAfinal==");
}

#[test]
fn parallel_calls_come_whole_though_one_has_no_fragments() {
    let reply = collected(fixture!("parallel_tool_calls")).unwrap();
    let calls: Vec<_> = reply
        .blocks
        .iter()
        .map(|block| match block {
            Content::ToolCall(call) => (call.id.as_str(), call.arguments.as_str()),
            other => panic!("{other:?}"),
        })
        .collect();
    let expected = [("call_c1", r#"{"city":"Oslo"}"#), ("call_c2", r#"{"city":"Rome"}"#)];
    assert_eq!(calls, expected);
    assert_eq!(reply.finish, Finish::ToolCalls);
}

#[test]
fn ends_are_told_apart() {
    for (stream, expected) in [
        (&fixture!("refusal")[..], Finish::Refusal),
        (fixture!("length_cut"), Finish::Length),
        (fixture!("deltas_and_completed_only"), Finish::Stop),
    ] {
        let reply = collected(stream).unwrap();
        assert_eq!((reply.finish, reply.blocks.len()), (expected, 1));
    }
}

#[test]
fn failures_are_the_last_event() {
    for (stream, class) in [
        (&fixture!("failed")[..], Class::ServerError),
        (fixture!("error_event"), Class::RateLimited),
        (fixture!("error_event_nested"), Class::ContextOverflow),
        (fixture!("truncated"), Class::StreamTruncated),
        (b"data: {\"error\":\"overheated\"}\n\n", Class::StreamError),
        (b"data: {broken\n\n", Class::BadPayload),
        (
            b"data: {\"type\":\"response.output_item.done\",\
              \"item\":{\"type\":\"function_call\"}}\n\n",
            Class::BadPayload,
        ),
        (b"", Class::StreamTruncated),
    ] {
        let events = events(stream);
        let errors = events.iter().filter(|event| matches!(event, Event::Error(_))).count();
        assert_eq!(errors, 1);
        let Some(Event::Error(fault)) = events.last() else {
            panic!("{events:?}");
        };
        assert_eq!(fault.class, class);
    }
    assert!(events(fixture!("failed")).iter().any(|event| matches!(event, Event::Usage(_))));
}

#[test]
fn whole_text_makes_up_for_missing_fragments() {
    let done = br#"data: {"type":"response.output_text.done","output_index":2,"text":"All."}

data: {"type":"response.completed","response":{"status":"completed","output":[]}}

"#;
    let only_final = br#"data: {"type":"response.completed","response":{"status":"completed",
data: "output":[{"type":"message","content":[{"type":"output_text","text":"All."}]}]}}

"#;
    for stream in [&done[..], only_final] {
        let reply = collected(stream).unwrap();
        assert!(matches!(reply.blocks.as_slice(), [Content::Text(text)] if text == "All."));
        assert_eq!(reply.usage, None);
    }
}

#[test]
fn signs_of_life_and_strangers_are_no_content() {
    for (frame, expected) in [
        (&b": ka\n\n"[..], vec![Event::Ping]),
        (b"data: {\"type\":\"keepalive\"}\n\n", vec![Event::Ping]),
        (b"data: {\"type\":\"response.something_new\",\"x\":1}\n\n", vec![]),
        (b"data: [DONE]\n\n", vec![]),
    ] {
        let mut events = Vec::new();
        Reader::default().read(frame, &mut events);
        assert_eq!(events, expected);
    }
}

#[test]
fn what_was_written_is_read_as_the_same_events() {
    let text = vec![
        start(),
        open(0, BlockOpen::Reasoning),
        grow(0, Delta::Reasoning("hm".into())),
        grow(0, state("rs_tl1_r1_0")),
        stop(0),
        open(1, BlockOpen::Text),
        grow(1, Delta::Text("Hé".into())),
        grow(1, Delta::Text("llo\n".into())),
        stop(1),
        usage(),
        finish(Finish::Stop),
        Event::End,
    ];
    let interleaved_calls = vec![
        start(),
        open(0, call("a")),
        open(1, call("b")),
        grow(1, Delta::Arguments("{\"x\"".into())),
        grow(0, Delta::Arguments("{}".into())),
        grow(1, Delta::Arguments(":1}".into())),
        stop(0),
        stop(1),
        finish(Finish::ToolCalls),
        Event::End,
    ];
    let refusal = vec![
        start(),
        open(0, BlockOpen::Refusal),
        grow(0, Delta::Refusal("No.".into())),
        stop(0),
        finish(Finish::Refusal),
        Event::End,
    ];
    let cut_call = vec![
        start(),
        open(0, call("a")),
        grow(0, Delta::Arguments("{\"x".into())),
        stop(0),
        usage(),
        finish(Finish::Length),
        Event::End,
    ];
    for events_in in [text, interleaved_calls, refusal, cut_call] {
        assert_eq!(events(&written(&events_in)), events_in);
    }
}

#[test]
fn the_whole_life_of_a_text_is_told() {
    let out = written(&[
        start(),
        open(0, BlockOpen::Text),
        grow(0, Delta::Text(String::new())),
        grow(0, Delta::Text("Hi".into())),
        stop(0),
        finish(Finish::Stop),
        usage(),
        Event::End,
    ]);
    assert_eq!(
        kinds(&out),
        [
            "response.created",
            "response.in_progress",
            "response.output_item.added",
            "response.content_part.added",
            "response.output_text.delta",
            "response.output_text.done",
            "response.content_part.done",
            "response.output_item.done",
            "response.completed",
        ]
    );
    for (at, (kind, data)) in sent(&out).iter().enumerate() {
        assert_eq!((&data["type"], &data["sequence_number"]), (&json!(kind), &json!(at)));
    }
    let (_, last) = sent(&out).pop().unwrap();
    let response = &last["response"];
    assert_eq!(response["output"][0]["content"][0]["text"], "Hi");
    assert_eq!((&response["id"], &response["created_at"]), (&json!("r1"), &json!(7)));
    assert_eq!(response["usage"]["input_tokens"], 7);
}

#[test]
fn places_are_dense_and_item_ids_stable() {
    let out = written(&[
        start(),
        open(0, call("a")),
        open(1, BlockOpen::Text),
        open(2, BlockOpen::Reasoning),
        open(3, BlockOpen::Text),
        grow(3, Delta::Text("Hi".into())),
        grow(0, Delta::Arguments("{}".into())),
        stop(0),
        stop(1),
        stop(2),
        stop(3),
        finish(Finish::ToolCalls),
        Event::End,
    ]);
    let events = sent(&out);
    let places: Vec<_> = events
        .iter()
        .filter(|(kind, _)| kind == "response.output_item.added")
        .map(|(_, data)| data["output_index"].as_u64().unwrap())
        .collect();
    assert_eq!(places, [0, 1], "empty blocks take no place");
    for (_, data) in &events {
        let id = data.get("item_id").or_else(|| data.pointer("/item/id"));
        let place = data.get("output_index").and_then(Value::as_u64);
        if let (Some(id), Some(place)) = (id, place) {
            let expected = ["fc_r1_0", "msg_r1_1"][usize::try_from(place).unwrap()];
            assert_eq!(id, expected);
        }
    }
    let output = &events.last().unwrap().1["response"]["output"];
    assert_eq!((&output[0]["id"], &output[1]["id"]), (&json!("fc_r1_0"), &json!("msg_r1_1")));
}

#[test]
fn encrypted_reasoning_keeps_its_own_item_id() {
    let silent = written(&[
        start(),
        open(0, BlockOpen::Reasoning),
        grow(0, state("rs_own")),
        stop(0),
        finish(Finish::Stop),
        Event::End,
    ]);
    let spoken = written(&[
        start(),
        open(0, BlockOpen::Reasoning),
        grow(0, Delta::Reasoning("hm".into())),
        grow(0, state("rs_own")),
        stop(0),
        finish(Finish::Stop),
        Event::End,
    ]);
    for (out, items) in [(silent, 1), (spoken, 2)] {
        let (_, last) = sent(&out).pop().unwrap();
        let output = last["response"]["output"].as_array().unwrap().clone();
        assert_eq!(output.len(), items);
        let sealed: Vec<_> = output
            .iter()
            .filter(|item| item.get("encrypted_content").is_some())
            .map(|item| &item["id"])
            .collect();
        assert_eq!(sealed, ["rs_own"]);
    }
}

#[test]
fn state_of_another_family_never_leaves() {
    let payload = "signature".to_owned();
    let foreign = OpaqueState { family: StateFamily::Anthropic, payload, redacted: true };
    let out = written(&[
        start(),
        open(0, BlockOpen::Reasoning),
        grow(0, Delta::State(foreign)),
        stop(0),
        finish(Finish::Stop),
        Event::End,
    ]);
    assert_eq!(kinds(&out), ["response.created", "response.in_progress", "response.completed"]);
    assert!(!String::from_utf8(out).unwrap().contains("signature"));
}

#[test]
fn a_failure_is_told_once_and_ends_the_stream() {
    let fault = Fault::new(Class::StreamTruncated, "it broke");
    let out = written(&[
        start(),
        open(0, BlockOpen::Text),
        grow(0, Delta::Text("Par".into())),
        Event::Error(fault.clone()),
        grow(0, Delta::Text("tial".into())),
        Event::End,
    ]);
    let (kind, data) = sent(&out).pop().unwrap();
    assert_eq!(kind, "response.failed");
    assert_eq!(data["response"]["status"], "failed");
    assert_eq!(data["response"]["error"]["message"], "it broke");
    let early = written(&[Event::Error(fault)]);
    assert_eq!(kinds(&early), ["response.created", "response.in_progress", "response.failed"]);
}

#[test]
fn a_cut_answer_is_incomplete_with_what_there_was() {
    let out = written(&[
        start(),
        open(0, BlockOpen::Text),
        grow(0, Delta::Text("Once".into())),
        finish(Finish::Length),
        Event::End,
    ]);
    let (kind, data) = sent(&out).pop().unwrap();
    assert_eq!(kind, "response.incomplete");
    assert_eq!(data["response"]["incomplete_details"]["reason"], "max_output_tokens");
    assert_eq!(data["response"]["output"][0]["status"], "incomplete");
    assert_eq!(data["response"]["output"][0]["content"][0]["text"], "Once");
    assert_eq!(data["response"]["usage"], Value::Null);
}

#[test]
fn signs_of_life_are_comments() {
    assert_eq!(written(&[Event::Ping]), b": ka\n\n");
}

#[test]
fn only_text_is_a_plain_delta() {
    let ours = written(&[start(), open(0, BlockOpen::Text), grow(0, Delta::Text("Hi".into()))]);
    let plain: Vec<bool> = frames(&ours).iter().map(|frame| is_plain_delta(frame)).collect();
    assert_eq!(plain, [false, false, false, false, true]);
    for (frame, expected) in [
        ("data: {\"type\":\"response.output_text.delta\",\"delta\":\"a\"}\n\n", true),
        ("event: response.output_text.delta\ndata: {\"delta\":\"\"}\n\n", false),
        ("event: response.output_text.done\ndata: {}\n\n", false),
        (
            "data: {\"type\":\"response.completed\",\
             \"x\":{\"type\":\"response.output_text.delta\"}}\n\n",
            false,
        ),
    ] {
        assert_eq!(is_plain_delta(frame.as_bytes()), expected, "{frame}");
    }
}
