//! The service tier that a provider says it served, in whole replies and in streams.

use serde_json::{Value, json};
use tieline_dialect::{
    Glance, Losses, dialect, events_of,
    ir::{Content, Reply},
};
use tieline_types::{DialectId, ServiceTier};

use crate::common::{DIALECTS, events, frames, stream_of, style};

/// A reply as the vendor writes it, with its words for the tier.
fn vendors(id: DialectId, words: &Value) -> Value {
    let mut reply = match id {
        DialectId::OpenaiChat => json!({
            "id": "c", "model": "m",
            "choices": [{ "message": { "content": "hi" }, "finish_reason": "stop" }],
            "usage": { "prompt_tokens": 3, "completion_tokens": 2 },
        }),
        DialectId::OpenaiResponses => json!({
            "id": "r", "model": "m", "status": "completed",
            "output": [{ "type": "message", "role": "assistant",
                         "content": [{ "type": "output_text", "text": "hi" }] }],
        }),
        DialectId::AnthropicMessages => json!({
            "id": "a", "type": "message", "model": "m", "stop_reason": "end_turn",
            "content": [{ "type": "text", "text": "hi" }],
        }),
        DialectId::BedrockConverse => json!({
            "output": { "message": { "role": "assistant", "content": [{ "text": "hi" }] } },
            "stopReason": "end_turn",
        }),
    };
    for (key, value) in words.as_object().unwrap() {
        reply[key] = value.clone();
    }
    reply
}

#[test]
fn every_vendor_names_its_tier_in_its_own_place() {
    use DialectId::{AnthropicMessages, BedrockConverse, OpenaiChat, OpenaiResponses};
    let counted = |more: Value| {
        let mut usage = json!({ "input_tokens": 3, "output_tokens": 2 });
        for (key, value) in more.as_object().unwrap() {
            usage[key] = value.clone();
        }
        json!({ "usage": usage })
    };
    for (id, words, tier) in [
        (OpenaiChat, json!({}), None),
        (OpenaiChat, json!({ "service_tier": null }), None),
        (OpenaiChat, json!({ "service_tier": "default" }), None),
        (OpenaiChat, json!({ "service_tier": 7 }), None),
        (OpenaiChat, json!({ "service_tier": "flex" }), Some("flex")),
        (OpenaiChat, json!({ "service_tier": "scale" }), Some("scale")),
        (OpenaiResponses, json!({ "service_tier": "auto" }), None),
        (OpenaiResponses, json!({ "service_tier": "priority" }), Some("priority")),
        (AnthropicMessages, counted(json!({ "service_tier": "standard" })), None),
        (AnthropicMessages, counted(json!({ "service_tier": "batch" })), Some("batch")),
        (
            AnthropicMessages,
            counted(json!({ "service_tier": "standard", "speed": "fast" })),
            Some("fast"),
        ),
        (AnthropicMessages, counted(json!({ "speed": "standard" })), None),
        (BedrockConverse, json!({ "serviceTier": { "type": "default" } }), None),
        (BedrockConverse, json!({ "serviceTier": { "type": "reserved" } }), Some("reserved")),
    ] {
        let body = vendors(id, &words).to_string();
        let reply = dialect(id).read_response(body.as_bytes()).unwrap();
        let read = reply.service_tier.as_ref().map(ServiceTier::as_str);
        assert_eq!(read, tier, "{id} {words}");
        if let Some(seen) = dialect(id).glance_response(body.as_bytes()) {
            assert_eq!(seen.service_tier, reply.service_tier, "{id} {words} at a glance");
        }
    }
    let plain = vendors(OpenaiChat, &json!({ "service_tier": "default" })).to_string();
    assert!(dialect(OpenaiChat).glance_response(plain.as_bytes()).is_some(), "no need to read it");
}

#[test]
fn what_is_written_is_read_back_whole_and_streamed() {
    for id in DIALECTS {
        for service_tier in [None, ServiceTier::served("flex")] {
            let blocks = vec![Content::Text("hi".to_owned())];
            let usage = Some(tieline_types::Usage { input: 3, output: 2, ..Default::default() });
            let reply = Reply { blocks, usage, service_tier, ..Reply::default() };
            let body = dialect(id).write_response(&reply, &style(), &mut Losses::default());
            let read = dialect(id).read_response(&body).unwrap();
            assert_eq!(read.service_tier, reply.service_tier, "{id}");
            let streamed = stream_of(id, &events_of(&reply, 10));
            let frames = frames(dialect(id).framing(), [streamed.as_slice()]).unwrap();
            let mut seen = Glance::default();
            seen.take_in(&events(id, &frames));
            assert_eq!(seen.service_tier, reply.service_tier, "{id} streamed");
            let text = String::from_utf8_lossy(&streamed);
            let named = text.contains("ervice_tier") || text.contains("serviceTier");
            assert_eq!(named, reply.service_tier.is_some(), "{id}: the standard tier goes unsaid");
        }
    }
}

/// A tier that is asked for may be refused on the way: the last word is right.
#[test]
fn the_last_word_of_a_stream_is_right() {
    let chunk = |tier: &str, delta: Value, finish: Value| {
        let choice = json!({ "index": 0, "delta": delta, "finish_reason": finish });
        let chunk = json!({ "id": "c", "model": "m", "service_tier": tier, "choices": [choice] });
        format!("data: {chunk}\n\n")
    };
    for (first, last, tier) in
        [("priority", "default", None), ("auto", "priority", ServiceTier::served("priority"))]
    {
        let stream = [
            chunk(first, json!({ "role": "assistant", "content": "hi" }), Value::Null),
            chunk(last, json!({}), "stop".into()),
        ];
        let stream = stream.concat();
        let id = DialectId::OpenaiChat;
        let frames = frames(dialect(id).framing(), [stream.as_bytes()]).unwrap();
        let mut seen = Glance::default();
        seen.take_in(&events(id, &frames));
        assert_eq!(seen.service_tier, tier, "{first} to {last}");
    }
}
