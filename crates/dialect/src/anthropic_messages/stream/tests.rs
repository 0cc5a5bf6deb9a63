//! Streams through both doors.

use std::fs;

use bytes::Bytes;
use serde_json::{Value, json};
use tieline_types::{Class, Fault, Usage};

use super::{Reader, Writer};
use crate::{
    Collector, ReadEvents, Style, WriteEvents, events_of,
    frame::{Framing, Splitter, sse},
    ir::{BlockOpen, Content, Delta, Event, Finish, OpaqueState, Reply, StateFamily, ToolCall},
};

const FIXTURES: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/anthropic_messages/streams");

fn frames(bytes: Vec<u8>) -> Vec<Bytes> {
    let mut splitter = Splitter::new(Framing::Sse);
    splitter.push(bytes.into());
    std::iter::from_fn(|| splitter.next_frame().unwrap()).collect()
}

fn read(bytes: Vec<u8>) -> Vec<Event> {
    let mut reader = Reader::default();
    let mut events = Vec::new();
    for frame in frames(bytes) {
        reader.read(&frame, &mut events);
    }
    reader.end(&mut events);
    events
}

fn fixture(name: &str) -> Vec<Event> {
    read(fs::read(format!("{FIXTURES}/{name}.sse")).unwrap())
}

fn write(events: &[Event]) -> Vec<u8> {
    let style =
        Style { id: "msg_own".into(), model: "own".into(), created_s: 0, include_usage: true };
    let mut writer = Writer::new(&style);
    let mut out = Vec::new();
    for event in events {
        writer.write(event, &mut out);
    }
    out
}

/// Each frame's `event:` and its data.
fn written(events: &[Event]) -> Vec<(String, Value)> {
    frames(write(events))
        .iter()
        .map(|frame| {
            let event = sse::parse(frame);
            let data: Value = serde_json::from_slice(&event.data).unwrap();
            assert_eq!(event.event, data["type"].as_str());
            (event.event.unwrap().to_owned(), data)
        })
        .collect()
}

fn names(written: &[(String, Value)]) -> Vec<&str> {
    written.iter().map(|(name, _)| name.as_str()).collect()
}

fn collect(events: Vec<Event>) -> Result<Reply, Fault> {
    let mut collector = Collector::default();
    events.into_iter().for_each(|event| collector.push(event));
    collector.finish()
}

fn start() -> Event {
    Event::Start { id: "msg_1".to_owned(), model: "m".to_owned() }
}

fn open(index: usize, block: BlockOpen) -> Event {
    Event::BlockStart { index, block }
}

fn tool(id: &str) -> BlockOpen {
    BlockOpen::ToolCall { id: id.to_owned(), name: "look".to_owned() }
}

fn words(index: usize, text: &str) -> Event {
    Event::Delta { index, delta: Delta::Text(text.to_owned()) }
}

fn arguments(index: usize, text: &str) -> Event {
    Event::Delta { index, delta: Delta::Arguments(text.to_owned()) }
}

fn finish(reason: Finish) -> Event {
    Event::Finish { reason, stop_sequence: None }
}

/// A ping has no place: blocks start with their first content, which may come behind it.
fn without_pings(mut events: Vec<Event>) -> Vec<Event> {
    events.retain(|event| *event != Event::Ping);
    events
}

#[test]
fn what_was_read_survives_writing() {
    for name in ["text", "tools", "server_tools", "length", "refusal"] {
        let events = fixture(name);
        assert_eq!(events.last(), Some(&Event::End), "{name}");
        assert_eq!(without_pings(read(write(&events))), without_pings(events), "{name}");
    }
}

#[test]
fn the_documented_streams_are_read() {
    let reply = collect(fixture("tools")).unwrap();
    assert_eq!(reply.finish, Finish::ToolCalls);
    assert_eq!(reply.blocks.len(), 5);
    let calls: Vec<_> = reply
        .blocks
        .iter()
        .filter_map(|block| match block {
            Content::ToolCall(call) => Some((call.id.as_str(), call.arguments.as_str())),
            _ => None,
        })
        .collect();
    assert_eq!(calls, [("toolu_01", r#"{"city":"Rome"}"#), ("toolu_02", "{}")]);
    let usage = Usage { input: 25, cache_read: 90, output: 40, reasoning: 20, ..Usage::default() };
    assert_eq!(reply.usage, Some(usage), "the last counters replace the first");

    let searched = collect(fixture("server_tools")).unwrap();
    assert!(matches!(searched.blocks.as_slice(), [Content::Text(text)] if text == "Old."));
    let cut = collect(fixture("length")).unwrap();
    assert_eq!(cut.finish, Finish::Length);
    assert!(
        matches!(cut.blocks.as_slice(), [Content::ToolCall(call)] if call.arguments == "{\"ci")
    );
    assert_eq!(collect(fixture("refusal")).unwrap().finish, Finish::Refusal);
    assert!(fixture("text").contains(&Event::Ping));
}

#[test]
fn a_broken_stream_never_looks_complete() {
    assert_eq!(collect(fixture("error")).unwrap_err().class, Class::Overloaded);
    assert_eq!(collect(fixture("truncated")).unwrap_err().class, Class::StreamTruncated);
    assert_eq!(collect(read(Vec::new())).unwrap_err().class, Class::StreamTruncated);
    for broken in [
        "data: {\"type\":\"message_start\"}\n\n",
        "data: not json\n\n",
        "data: {\"type\":\"content_block_delta\",\"index\":3,\"delta\":{}}\n\n",
        "data: {\"type\":\"content_block_start\",\"content_block\":{\"type\":\"text\"}}\n\n",
        "data: {}\n\n",
    ] {
        let events = read(broken.as_bytes().to_vec());
        assert_eq!(events.len(), 1, "{broken}");
        assert_eq!(collect(events).unwrap_err().class, Class::BadPayload, "{broken}");
    }
}

#[test]
fn thinking_cannot_grow_a_text_block() {
    let broken = "data: {\"type\":\"content_block_start\",\"index\":0,\
                  \"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n\
                  data: {\"type\":\"content_block_delta\",\"index\":0,\
                  \"delta\":{\"type\":\"thinking_delta\",\"thinking\":\"x\"}}\n\n";
    let fault = collect(read(broken.as_bytes().to_vec())).unwrap_err();
    assert_eq!(fault.class, Class::BadPayload);
}

#[test]
fn sloppy_providers_are_understood() {
    let reply = collect(read(
        b"\xEF\xBB\xBF: hi\r\n\r\ndata:{\"type\":\"message_start\",\"message\":{}}\r\n\r\n\
          event: content_block_start\r\ndata:{\"index\":0,\"content_block\":\
          {\"type\":\"tool_use\",\"id\":\"c\",\"name\":\"look\",\"input\":{\"n\":1}}}\r\n\r\n\
          data: {\"type\":\"content_block_stop\",\"index\":0}\r\n\r\n\
          data: {\"type\":\"message_stop\"}\r\n\r\ndata: [DONE]\r\n\r\n"
            .to_vec(),
    ))
    .unwrap();
    assert_eq!(reply.finish, Finish::ToolCalls);
    assert_eq!(reply.usage, None);
    let call = ToolCall { id: "c".into(), name: "look".into(), arguments: r#"{"n":1}"#.into() };
    assert!(matches!(reply.blocks.as_slice(), [Content::ToolCall(got)] if *got == call));
}

#[test]
fn both_usages_are_always_written() {
    let unknown = written(&[start(), finish(Finish::Stop), Event::End]);
    assert_eq!(names(&unknown), ["message_start", "message_delta", "message_stop"]);
    assert_eq!(unknown[0].1["message"]["usage"]["input_tokens"], 0);
    assert_eq!(unknown[1].1["usage"]["output_tokens"], 0);

    let early = Event::Usage(Usage { input: 7, ..Usage::default() });
    let late = Usage { input: 7, cache_read: 2, output: 5, ..Usage::default() };
    let known = written(&[start(), early, finish(Finish::Length), Event::Usage(late), Event::End]);
    assert_eq!(known[0].1["message"]["usage"]["input_tokens"], 7);
    assert_eq!(known[1].1["usage"]["input_tokens"], 7);
    assert_eq!(known[1].1["usage"]["cache_read_input_tokens"], 2);
    assert_eq!(known[1].1["usage"]["output_tokens"], 5);
    assert_eq!(known[1].1["delta"], json!({"stop_reason": "max_tokens", "stop_sequence": null}));
}

#[test]
fn interleaved_blocks_are_written_one_after_another() {
    let frames = written(&[
        start(),
        open(0, tool("a")),
        open(1, tool("b")),
        arguments(1, "{\"b\":"),
        arguments(0, "{\"a\":1}"),
        open(2, BlockOpen::Text),
        words(2, "c"),
        Event::BlockStop { index: 1 },
        arguments(0, " "),
        Event::BlockStop { index: 0 },
        words(2, "d"),
        Event::BlockStop { index: 2 },
        finish(Finish::ToolCalls),
        Event::End,
    ]);
    let blocks: Vec<(u64, String)> = frames
        .iter()
        .filter_map(|(_, data)| {
            let said = ["/content_block/id", "/delta/partial_json", "/delta/text"]
                .iter()
                .find_map(|pointer| data.pointer(pointer)?.as_str());
            Some((data["index"].as_u64()?, said.unwrap_or("-").to_owned()))
        })
        .collect();
    let expected = [
        (0, "a"),
        (0, "{\"a\":1}"),
        (0, " "),
        (0, "-"),
        (1, "b"),
        (1, "{\"b\":"),
        (1, "-"),
        (2, "-"),
        (2, "c"),
        (2, "d"),
        (2, "-"),
    ];
    assert_eq!(blocks, expected.map(|(index, said)| (index, said.to_owned())));
}

#[test]
fn empty_blocks_leave_no_trace_and_no_gap() {
    let frames = written(&[
        start(),
        open(0, BlockOpen::Text),
        words(0, ""),
        Event::BlockStop { index: 0 },
        open(1, BlockOpen::Reasoning),
        Event::BlockStop { index: 1 },
        open(2, tool("a")),
        Event::BlockStop { index: 2 },
        finish(Finish::ToolCalls),
        Event::End,
    ]);
    assert_eq!(
        names(&frames),
        [
            "message_start",
            "content_block_start",
            "content_block_stop",
            "message_delta",
            "message_stop"
        ]
    );
    assert_eq!(
        frames[1].1,
        json!({"type": "content_block_start", "index": 0,
               "content_block": {"type": "tool_use", "id": "a", "name": "look", "input": {}}})
    );
}

#[test]
fn foreign_state_comes_back_through_the_signature() {
    let state = OpaqueState {
        family: StateFamily::Openai,
        payload: "rs_1\nenc".to_owned(),
        redacted: false,
    };
    let events = [
        start(),
        open(0, BlockOpen::Reasoning),
        Event::Delta { index: 0, delta: Delta::State(state) },
        Event::BlockStop { index: 0 },
        finish(Finish::Stop),
        Event::End,
    ];
    let frames = written(&events);
    assert_eq!(
        frames[2].1["delta"],
        json!({"type": "signature_delta", "signature": "tl1.openai.cnNfMQplbmM="})
    );
    assert_eq!(read(write(&events)), events);
}

#[test]
fn a_refusal_is_text_that_ends_so() {
    let refusal = Content::Refusal("No.".to_owned());
    let frames = written(&events_of(&Reply { blocks: vec![refusal], ..Reply::default() }, 80));
    assert_eq!(frames[0].1["message"]["id"], "msg_own");
    assert_eq!(frames[1].1["content_block"], json!({"type": "text", "text": ""}));
    assert_eq!(frames[2].1["delta"], json!({"type": "text_delta", "text": "No."}));
    assert_eq!(frames[4].1["delta"]["stop_reason"], "refusal");
}

#[test]
fn errors_end_the_stream_and_pings_do_not() {
    let fault = Fault::new(Class::Overloaded, "Overloaded");
    let frames = written(&[
        start(),
        Event::Ping,
        open(0, BlockOpen::Text),
        words(0, "a"),
        Event::Error(fault),
        words(0, "b"),
        Event::End,
    ]);
    assert_eq!(
        names(&frames),
        ["message_start", "ping", "content_block_start", "content_block_delta", "error"]
    );
    assert_eq!(frames[4].1["error"], json!({"type": "overloaded_error", "message": "Overloaded"}));
}

#[test]
fn blocks_that_never_stopped_are_closed_before_the_end() {
    let frames = written(&[
        start(),
        open(0, BlockOpen::Text),
        words(0, "a"),
        open(1, tool("b")),
        finish(Finish::ToolCalls),
        Event::End,
    ]);
    assert_eq!(
        names(&frames)[3..],
        [
            "content_block_stop",
            "content_block_start",
            "content_block_stop",
            "message_delta",
            "message_stop"
        ]
    );
}
