//! Streams, read and written.

use proptest::prelude::*;
use serde_json::{Value, json};
use tieline_types::{Class, Fault, Usage};

use crate::{
    Collector, Dialect, Style,
    bedrock_converse::BedrockConverse,
    events_of,
    frame::{
        Framing, Splitter,
        aws_event::{self, Message},
    },
    ir::{BlockOpen, Content, Delta, Event, Finish},
};

macro_rules! fixture {
    ($path:literal) => {
        include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/bedrock_converse/", $path))
    };
}

fn style() -> Style {
    Style { id: "req_1".into(), model: "m".into(), created_s: 1, include_usage: true }
}

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap())
        .collect()
}

fn frames(fixture: &str) -> Vec<Vec<u8>> {
    fixture.lines().map(unhex).collect()
}

fn events(frames: &[Vec<u8>]) -> Vec<Event> {
    let mut reader = BedrockConverse.read_events();
    let mut out = Vec::new();
    for frame in frames {
        reader.read(frame, &mut out);
    }
    reader.end(&mut out);
    out
}

fn written(events: &[Event]) -> Vec<Vec<u8>> {
    let mut writer = BedrockConverse.write_events(&style());
    let mut bytes = Vec::new();
    for event in events {
        writer.write(event, &mut bytes);
    }
    let mut splitter = Splitter::new(Framing::AwsEventStream);
    splitter.push(bytes.into());
    let mut frames = Vec::new();
    while let Some(frame) = splitter.next_frame().unwrap() {
        frames.push(frame.to_vec());
    }
    assert!(splitter.rest().is_empty());
    frames
}

fn names(frames: &[Vec<u8>]) -> String {
    let name = |frame: &Vec<u8>| match aws_event::parse(frame).unwrap() {
        Message::Event { name, payload } => {
            let payload: Value = serde_json::from_slice(&payload).unwrap();
            match payload.get("contentBlockIndex") {
                Some(index) => format!("{name}{index}"),
                None => name,
            }
        }
        Message::Exception { name, .. } => format!("!{name}"),
        Message::Error { code, .. } => format!("!!{code}"),
    };
    frames.iter().map(name).collect::<Vec<_>>().join(" ")
}

#[test]
fn streams_survive_a_round_trip() {
    for fixture in [
        fixture!("streams/text.hex"),
        fixture!("streams/length.hex"),
        fixture!("streams/refused.hex"),
        fixture!("streams/no_metadata.hex"),
        fixture!("streams/unknown_event.hex"),
    ] {
        let read = events(&frames(fixture));
        assert_eq!(read.last(), Some(&Event::End));
        assert_eq!(events(&written(&read)), read);
    }
}

#[test]
fn a_stream_is_the_reply_it_tells() {
    let mut collector = Collector::default();
    for event in events(&frames(fixture!("streams/thinking_tools.hex"))) {
        collector.push(event);
    }
    let reply = collector.finish().unwrap();
    assert_eq!(reply.finish, Finish::ToolCalls);
    assert_eq!(reply.usage, Some(Usage { input: 12, output: 7, ..Usage::default() }));
    let [
        Content::Reasoning(thought),
        Content::Text(words),
        Content::ToolCall(a),
        Content::ToolCall(b),
    ] = reply.blocks.as_slice()
    else {
        panic!("{:?}", reply.blocks);
    };
    assert_eq!(thought.text, "Let me look.");
    assert_eq!(thought.state.as_ref().unwrap().payload, "EqQBCgIYAhIM");
    assert_eq!(words, "Looking.");
    assert_eq!((a.id.as_str(), a.arguments.as_str()), ("tooluse_a", r#"{"city":"Oslo"}"#));
    assert_eq!((b.name.as_str(), b.arguments.as_str()), ("now", ""));

    let sent = written(&events_of(&reply, 5));
    let shape = names(&sent);
    assert!(shape.starts_with("messageStart contentBlockDelta0"), "{shape}");
    assert!(shape.ends_with("contentBlockStop3 messageStop metadata"), "{shape}");
    assert_eq!(shape.matches("contentBlockStart").count(), 2, "only tool calls are announced");
    assert_eq!(shape.matches("contentBlockStop").count(), 4);
}

#[test]
fn broken_streams_end_with_their_fault() {
    for (fixture, class) in [
        (fixture!("streams/throttled.hex"), Class::RateLimited),
        (fixture!("streams/broken_model.hex"), Class::StreamError),
        (fixture!("streams/cut_between.hex"), Class::StreamTruncated),
        (fixture!("streams/bad_checksum.hex"), Class::BadPayload),
    ] {
        let read = events(&frames(fixture));
        let Some(Event::Error(fault)) = read.last() else {
            panic!("{read:?}");
        };
        assert_eq!(fault.class, class);
        let sent = written(&read);
        assert!(names(&sent).contains('!'), "the client is told");
        assert!(!names(&sent).contains("messageStop"));
        assert_eq!(read.iter().filter(|event| matches!(event, Event::Error(_))).count(), 1);
    }
}

#[test]
fn content_of_the_wrong_kind_is_a_bad_payload() {
    for (name, payload) in [
        ("contentBlockDelta", r#"{"contentBlockIndex":0,"delta":{"toolUse":{"input":"{"}}}"#),
        ("contentBlockDelta", "not json"),
        ("messageStop", r#"{"stopReason":"malformed_model_output"}"#),
    ] {
        let mut frame = Vec::new();
        aws_event::write_event(name, payload.into(), &mut frame).unwrap();
        let read = events(&[frame]);
        let Some(Event::Error(fault)) = read.last() else {
            panic!("{read:?}");
        };
        assert_eq!(fault.class, Class::BadPayload, "{payload}");
    }
}

#[test]
fn interleaved_blocks_go_out_one_after_another() {
    let open = |index, id: &str| Event::BlockStart {
        index,
        block: BlockOpen::ToolCall { id: id.into(), name: "f".into() },
    };
    let grow = |index, text: &str| Event::Delta { index, delta: Delta::Arguments(text.into()) };
    let sent = written(&[
        Event::Start { id: String::new(), model: String::new() },
        Event::BlockStart { index: 0, block: BlockOpen::Text },
        Event::BlockStop { index: 0 },
        open(1, "a"),
        open(2, "b"),
        grow(1, "{"),
        grow(2, "[1"),
        grow(1, "}"),
        grow(2, "]"),
        open(3, "c"),
        Event::BlockStop { index: 2 },
        Event::BlockStop { index: 1 },
        Event::Usage(Usage { input: 1, ..Usage::default() }),
        Event::Finish { reason: Finish::ToolCalls, stop_sequence: None },
        Event::End,
    ]);
    assert_eq!(
        names(&sent),
        "messageStart contentBlockStart0 contentBlockDelta0 contentBlockDelta0 contentBlockStop0 \
         contentBlockStart1 contentBlockDelta1 contentBlockDelta1 contentBlockStop1 \
         contentBlockStart2 contentBlockDelta2 contentBlockStop2 messageStop metadata"
    );
    let mut collector = Collector::default();
    for event in events(&sent) {
        collector.push(event);
    }
    let arguments: Vec<String> = collector
        .finish()
        .unwrap()
        .blocks
        .into_iter()
        .map(|content| match content {
            Content::ToolCall(call) => call.arguments,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(arguments, ["{}", "[1]", "{}"], "no arguments are an empty object");
}

#[test]
fn nothing_follows_an_error_and_heartbeats_are_passed_over() {
    let mut writer = BedrockConverse.write_events(&style());
    let mut bytes = Vec::new();
    writer.heartbeat(&mut bytes);
    assert_eq!(events(&[bytes.clone()]).first(), Some(&Event::Ping));
    writer.write(&Event::Error(Fault::new(Class::Overloaded, "busy")), &mut bytes);
    let length = bytes.len();
    writer.write(&Event::End, &mut bytes);
    writer.heartbeat(&mut bytes);
    assert_eq!(bytes.len(), length);
}

#[test]
fn plain_deltas_are_known_by_their_header() {
    for fixture in [fixture!("streams/thinking_tools.hex"), fixture!("streams/throttled.hex")] {
        for frame in frames(fixture) {
            let is_delta = matches!(
                aws_event::parse(&frame).unwrap(),
                Message::Event { name, .. } if name == "contentBlockDelta"
            );
            assert_eq!(BedrockConverse.is_plain_delta(&frame), is_delta);
        }
    }
    let mut liar = Vec::new();
    let payload = json!({ "text": "\u{b}:event-type\u{7}\u{0}\u{11}contentBlockDelta" });
    aws_event::write_event("messageStop", payload.to_string().into(), &mut liar).unwrap();
    assert!(!BedrockConverse.is_plain_delta(&liar));
}

proptest! {
    #[test]
    fn any_cut_of_a_stream_is_noticed(cut in any::<prop::sample::Index>()) {
        let whole = frames(fixture!("streams/text.hex")).concat();
        let cut = cut.index(whole.len() + 1);
        let mut splitter = Splitter::new(Framing::AwsEventStream);
        splitter.push(whole[..cut].to_vec().into());
        let mut got = Vec::new();
        while let Some(frame) = splitter.next_frame().unwrap() {
            got.push(frame.to_vec());
        }
        let read = events(&got);
        let ended = matches!(read.last(), Some(Event::End));
        let stopped = read.iter().any(|event| matches!(event, Event::Finish { .. }));
        prop_assert_eq!(ended, stopped);
        prop_assert!(ended || matches!(read.last(), Some(Event::Error(_))));
    }
}
