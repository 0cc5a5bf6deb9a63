//! Whole replies, read and written.

use tieline_types::Class;

use crate::{Dialect, Losses, Style, bedrock_converse::BedrockConverse, ir::Finish};

macro_rules! fixture {
    ($path:literal) => {
        include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/bedrock_converse/", $path))
    };
}

fn style() -> Style {
    Style { id: "req_1".into(), model: "m".into(), created_s: 1, include_usage: true }
}

#[test]
fn replies_survive_a_round_trip() {
    for (body, finish, blocks) in [
        (fixture!("responses/text.json"), Finish::Stop, 1),
        (fixture!("responses/parallel_tools.json"), Finish::ToolCalls, 3),
        (fixture!("responses/reasoning.json"), Finish::Stop, 3),
        (fixture!("responses/length.json"), Finish::Length, 1),
        (fixture!("responses/refused.json"), Finish::ContentFilter, 1),
        (fixture!("responses/cached.json"), Finish::Stop, 1),
        (fixture!("responses/stop_string.json"), Finish::StopSequence, 1),
    ] {
        let reply = BedrockConverse.read_response(body.as_bytes()).unwrap();
        assert_eq!((reply.finish, reply.blocks.len()), (finish, blocks));
        let mut losses = Losses::default();
        let written = BedrockConverse.write_response(&reply, &style(), &mut losses);
        let again = BedrockConverse.read_response(&written).unwrap();
        assert_eq!(format!("{again:?}"), format!("{reply:?}"));
        assert!(losses.is_empty());
    }
    let cached = BedrockConverse.read_response(fixture!("responses/cached.json").as_bytes());
    let usage = cached.unwrap().usage.unwrap();
    assert_eq!((usage.input, usage.cache_read), (3, 1000));
    assert_eq!(
        (usage.cache_write_5m, usage.cache_write_1h, usage.cache_write_other),
        (100, 200, 0)
    );
}

#[test]
fn what_is_no_reply_is_a_fault() {
    for (body, class) in [
        (fixture!("responses/malformed.json"), Class::BadPayload),
        (fixture!("responses/error_in_200.json"), Class::RateLimited),
        ("{}", Class::BadPayload),
        ("<html>", Class::BadPayload),
    ] {
        assert_eq!(BedrockConverse.read_response(body.as_bytes()).unwrap_err().class, class);
    }
    let bare = br#"{"output":{"message":{"content":[{"futureBlock":{}},
        {"toolUse":{"toolUseId":"s","name":"web","type":"server_tool_use"}}]}}}"#;
    let reply = BedrockConverse.read_response(bare).unwrap();
    assert_eq!(reply.usage, None, "unknown is not zero");
    assert_eq!(reply.foreign, ["output.message.content[0]", "output.message.content[1].toolUse"]);
}
