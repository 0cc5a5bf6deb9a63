//! What each dialect's requests carry.

use serde_json::{Value, json};
use tieline_types::{DialectId, Modalities, Modality};

use super::modalities;
use DialectId::{
    AnthropicMessages as Messages, BedrockConverse as Converse, OpenaiChat as Chat,
    OpenaiResponses as Responses,
};
use Modality::{Audio, Document, Image, Unknown, Video};

const TEXT: [Modality; 0] = [];

fn carried(dialect: DialectId, body: &Value) -> Modalities {
    modalities(dialect, body.to_string().as_bytes())
}

/// A request of one user's turn with a text and this part.
fn with(dialect: DialectId, part: &Value) -> Value {
    let text = match dialect {
        Responses => json!({"type": "input_text", "text": "what is this?"}),
        Converse => json!({"text": "what is this?"}),
        _ => json!({"type": "text", "text": "what is this?"}),
    };
    let key = if dialect == Responses { "input" } else { "messages" };
    json!({"model": "m", "max_tokens": 5, key: [{"role": "user", "content": [text, part]}]})
}

#[track_caller]
fn told(dialect: DialectId, cases: impl IntoIterator<Item = (Value, Vec<Modality>)>) {
    for (part, expected) in cases {
        let expected: Modalities = expected.into_iter().collect();
        assert_eq!(carried(dialect, &with(dialect, &part)), expected, "{dialect:?} {part}");
    }
}

#[test]
fn chat_tells_by_the_type_of_a_part_and_of_its_data() {
    let url = |url: &str| json!({"type": "image_url", "image_url": {"url": url, "detail": "low"}});
    told(
        Chat,
        [
            (json!({"type": "text", "text": "data:image/png;base64,AAAA"}), vec![]),
            (json!({"type": "refusal", "refusal": "no"}), vec![]),
            (url("https://x.test/a.png"), vec![Image]),
            (url("data:image/png;base64,AAAA"), vec![Image]),
            (url("data:application/pdf;base64,AAAA"), vec![Document, Image]),
            (url("DATA:Video/mp4;base64,AAAA"), vec![Image, Video]),
            (json!({"type": "image_url", "image_url": "https://x.test/a.png"}), vec![Image]),
            (
                json!({"type": "input_audio", "input_audio": {"data": "AA", "format": "wav"}}),
                vec![Audio],
            ),
            (
                json!({"type": "video_url", "video_url": {"url": "https://x.test/a.mp4"}}),
                vec![Video],
            ),
            (
                json!({"type": "file", "file": {"filename": "a.pdf", "file_data": "AAAA"}}),
                vec![Document],
            ),
            (
                json!({"type": "file", "file": {"file_data": "data:image/png;base64,AAAA"}}),
                vec![Document, Image],
            ),
            (json!({"type": "file", "file": {"file_id": "file-1"}}), vec![Unknown]),
            (json!({"type": "hologram", "hologram": {}}), vec![Unknown]),
            (json!({"type": ["text"], "text": "a"}), vec![Unknown]),
            (json!({"text": "a"}), vec![Unknown]),
            (json!("a"), vec![]),
            (json!(7), vec![Unknown]),
        ],
    );
}

#[test]
fn responses_tell_items_and_parts() {
    told(
        Responses,
        [
            (json!({"type": "input_image", "file_id": "file-1"}), vec![Image]),
            (json!({"type": "input_image", "image_url": "https://x.test/a.png"}), vec![Image]),
            (
                json!({"type": "input_file", "file_data": "AAAA", "filename": "a.pdf"}),
                vec![Document],
            ),
            (json!({"type": "input_file", "file_id": "file-1"}), vec![Unknown]),
            (json!({"type": "output_text", "text": "a", "annotations": [{}]}), vec![]),
            (json!({"type": "input_smell"}), vec![Unknown]),
        ],
    );
    let items = |items: Value| carried(Responses, &json!({"model": "m", "input": items}));
    let screenshot = json!({"type": "computer_screenshot", "image_url": "https://x.test/a.png"});
    for (item, expected) in [
        (json!({"type": "reasoning", "summary": [], "encrypted_content": "x"}), vec![]),
        (json!({"type": "function_call", "name": "f", "arguments": "{}"}), vec![]),
        (json!({"type": "function_call_output", "call_id": "c", "output": "42"}), vec![]),
        (json!({"type": "function_call_output", "output": [{"type": "input_image"}]}), vec![Image]),
        (json!({"type": "computer_call_output", "output": screenshot}), vec![Image]),
        (json!({"type": "message", "role": "user", "content": "hello"}), vec![]),
        (json!({"type": "item_reference", "id": "msg_1"}), vec![Unknown]),
    ] {
        assert_eq!(items(json!([item])), expected.into_iter().collect(), "{item}");
    }
    assert_eq!(items(json!("hello")), Modalities::NONE);
    for key in ["previous_response_id", "conversation", "prompt"] {
        let kept = json!({"input": "hello", key: "at the provider"});
        assert_eq!(carried(Responses, &kept), Modalities::UNKNOWN, "{key}");
        assert_eq!(carried(Responses, &json!({"input": "hello", key: null})), Modalities::NONE);
    }
}

#[test]
fn messages_are_looked_through_to_the_bottom() {
    let base64 =
        |kind: &str| json!({"source": {"type": "base64", "media_type": kind, "data": "AAAA"}});
    let block = |kind: &str, mut rest: Value| {
        rest["type"] = kind.into();
        rest
    };
    let image = block("image", base64("image/png"));
    let result = |content: Value| json!({"type": "tool_result", "content": content});
    let document = |content: Value| {
        let source = json!({"type": "content", "content": content});
        json!({"type": "document", "source": source})
    };
    told(
        Messages,
        [
            (json!({"type": "thinking", "thinking": "hm", "signature": "x"}), vec![]),
            (
                json!({"type": "tool_use", "id": "t", "name": "f", "input": {"type": "image"}}),
                vec![],
            ),
            (image.clone(), vec![Image]),
            (block("image", base64("application/pdf")), vec![Document, Image]),
            (json!({"type": "image", "source": {"type": "file", "file_id": "f"}}), vec![Image]),
            (block("document", base64("application/pdf")), vec![Document]),
            (json!({"type": "document", "source": {"type": "text", "data": "a"}}), vec![Document]),
            (document(json!([image])), vec![Document, Image]),
            (result(json!("42")), vec![]),
            (result(json!([{"type": "text", "text": "42"}, image])), vec![Image]),
            (result(json!([document(json!([image]))])), vec![Document, Image]),
            (result(json!([{"type": "hologram"}])), vec![Unknown]),
            (json!({"type": "search_result", "content": [{"type": "text", "text": "a"}]}), vec![]),
            (json!({"type": "container_upload", "file_id": "f"}), vec![Unknown]),
        ],
    );
    let system = json!({"system": [{"type": "text", "text": "a"}, image], "messages": []});
    assert_eq!(carried(Messages, &system), [Image].into_iter().collect());
    let mut deep = image;
    (0..9).for_each(|_| deep = result(json!([deep])));
    assert_eq!(carried(Messages, &with(Messages, &deep)), Modalities::UNKNOWN);
}

#[test]
fn converse_tells_by_keys() {
    told(
        Converse,
        [
            (json!({"image": {"format": "png", "source": {"bytes": "AAAA"}}}), vec![Image]),
            (json!({"document": {"format": "pdf", "source": {"bytes": "AAAA"}}}), vec![Document]),
            (json!({"video": {"format": "mp4", "source": {"s3Location": {}}}}), vec![Video]),
            (json!({"audio": {"format": "mp3", "source": {"bytes": "AAAA"}}}), vec![Audio]),
            (json!({"toolUse": {"toolUseId": "t", "name": "f", "input": {"image": 1}}}), vec![]),
            (
                json!({"toolResult": {"content": [{"json": {}}, {"image": {"source": {}}}]}}),
                vec![Image],
            ),
            (json!({"guardContent": {"image": {"format": "png"}}}), vec![Image]),
            (json!({"guardContent": {"text": {"text": "a"}}}), vec![]),
            (json!({"cachePoint": {"type": "default"}}), vec![]),
            (json!({"hologram": {}}), vec![Unknown]),
        ],
    );
}

#[test]
fn other_fields_of_a_turn_are_looked_at_too() {
    for (field, value, expected) in [
        ("audio", json!({"id": "audio_1"}), vec![Audio]),
        ("audio", json!(null), vec![]),
        ("images", json!([{"type": "image_url"}]), vec![Image]),
        ("tool_calls", json!([{"type": "function", "function": {"name": "f"}}]), vec![]),
        ("reasoning_details", json!([{"type": "reasoning.text"}]), vec![]),
        ("tool_call_id", json!("call_1"), vec![]),
        ("films", json!([{}]), vec![Unknown]),
        ("films", json!([]), vec![]),
        ("picture", json!("data:image/png;base64,AAAA"), vec![Image]),
        ("weight", json!(1), vec![]),
    ] {
        let body = json!({"messages": [{"role": "assistant", "content": "a", field: value}]});
        assert_eq!(carried(Chat, &body), expected.into_iter().collect(), "{body}");
    }
}

/// Whoever reads another of two equal keys, or undoes an escape, sees no more than is told here.
#[test]
fn nothing_hides_behind_escapes_and_repetitions() {
    let part = |part: &str| {
        let body = format!(r#" {{"messages":[{{"role":"user","content":[{part}]}}]}}"#);
        modalities(Chat, body.as_bytes())
    };
    let expect = |part_text: &str, all: &[Modality]| {
        assert_eq!(part(part_text), all.iter().copied().collect(), "{part_text}");
    };
    expect(r#"{"type":"text","type":"image_url","text":"a"}"#, &[Image]);
    expect(r#"{"type":"image_url","type":"text","text":"a"}"#, &[Image]);
    expect(r#"{"t\u0079pe":"image_url","type":"text"}"#, &[Unknown]);
    expect(r#"{"type":"im\u0061ge_url"}"#, &[Unknown]);
    expect(
        r#"{"type":"image_url","image_url":"data:application\/pdf;base64,"}"#,
        &[Document, Image],
    );
    expect(r#"{"type":"image_url","image_url":"d\u0061ta:audio/wav;base64,"}"#, &[Audio, Image]);
    for (body, expected) in [
        (r#"{"messages":[],"messages":[{"content":[{"type":"image_url"}]}]}"#, &[Image][..]),
        (r#"{"messages":[{"content":"a","content":[{"type":"image_url"}]}]}"#, &[Image]),
        (r#"{"mess\u0061ges":[]}"#, &[Unknown]),
        (r#"{"messages":[{"cont\u0065nt":[]}]}"#, &[Unknown]),
        (r#"{"messages":{"content":"a"}}"#, &[Unknown]),
        (r#"{"messages":["a"]}"#, &[Unknown]),
        (r#"{"messages":[{"content":7}]}"#, &[Unknown]),
        (r#"{"messages":[{"content":"#, &[Unknown]),
        ("", &[Unknown]),
        ("[]", &[Unknown]),
        (r#"{"model":"m"}"#, &TEXT),
    ] {
        let all: Modalities = expected.iter().copied().collect();
        assert_eq!(modalities(Chat, body.as_bytes()), all, "{body}");
    }
}
