//! Requests, read and written.

use serde_json::{Value, json};
use tieline_types::Class;

use super::*;
use crate::{
    Accepts, Losses, RawRequest, Target,
    ir::{
        Ask, Block, CacheMark, Content, Foreign, Format, Media, Message, OpaqueState, Reasoning,
        ReasoningBlock, Role, StateFamily, ToolCall, ToolChoice, ToolResult,
    },
};

macro_rules! fixture {
    ($name:literal) => {
        include_bytes!(concat!("../../../tests/golden/openai_responses/requests/", $name, ".json"))
    };
}

fn asked(body: &[u8]) -> Ask {
    read(&RawRequest { body, path_model: None, path_stream: false }).unwrap()
}

fn target() -> Target {
    Target { model: "gpt".into(), accepts: Accepts::default(), max_output_tokens: 4096 }
}

fn written(ask: &Ask) -> (Value, String) {
    let mut losses = Losses::default();
    let body = write(ask, &target(), &mut losses).unwrap();
    (serde_json::from_slice(&body).unwrap(), losses.to_string())
}

fn message(role: Role, contents: Vec<Content>) -> Message {
    Message { role, blocks: contents.into_iter().map(Block::from).collect() }
}

fn text(text: &str) -> Content {
    Content::Text(text.to_owned())
}

fn saying(contents: Vec<Content>) -> Ask {
    Ask { messages: vec![message(Role::User, contents)], ..Ask::default() }
}

fn shape(ask: &Ask) -> Vec<(Role, usize)> {
    ask.messages.iter().map(|message| (message.role, message.blocks.len())).collect()
}

#[test]
fn what_was_read_is_written_alike() {
    for body in [
        &fixture!("chat_history")[..],
        fixture!("tools_parallel"),
        fixture!("tools_second_turn"),
        fixture!("tools_allowed_subset"),
        fixture!("images"),
        fixture!("files"),
        fixture!("structured_output"),
        fixture!("reasoning_replay"),
        fixture!("refusal_history"),
    ] {
        let ask = asked(body);
        let (value, losses) = written(&ask);
        let mut again = asked(value.to_string().as_bytes());
        again.model.clone_from(&ask.model);
        assert_eq!(format!("{again:?}"), format!("{ask:?}"));
        assert_eq!(losses, "");
    }
}

#[test]
fn items_of_one_go_are_one_turn() {
    let ask = asked(fixture!("tools_second_turn"));
    assert_eq!(shape(&ask), [(Role::User, 1), (Role::Assistant, 2), (Role::Tool, 2)]);
    assert_eq!(ask.tool_choice, Some(ToolChoice::Tool("get_weather".into())));
    assert_eq!(ask.parallel_tools, Some(false));
    let ask = asked(fixture!("chat_history"));
    let expected = [(Role::System, 1), (Role::User, 1), (Role::Assistant, 1), (Role::User, 2)];
    assert_eq!(shape(&ask), expected);
    assert_eq!(shape(&asked(fixture!("minimal_string"))), [(Role::User, 1)]);
}

#[test]
fn an_allowed_subset_is_all_that_is_offered() {
    let ask = asked(fixture!("tools_allowed_subset"));
    let names: Vec<_> = ask.tools.iter().map(|tool| tool.name.as_str()).collect();
    assert_eq!(
        (names.as_slice(), ask.tool_choice),
        (&["get_time"][..], Some(ToolChoice::Required))
    );
}

#[test]
fn media_are_read_by_their_source() {
    let ask = asked(fixture!("files"));
    let sources: Vec<_> = ask.messages[0]
        .blocks
        .iter()
        .filter_map(|block| match &block.content {
            Content::Document { source, name } => Some((source.clone(), name.as_deref())),
            _ => None,
        })
        .collect();
    assert!(matches!(&sources[0], (Media::Base64 { media_type, .. }, Some("report.pdf"))
        if media_type == "application/pdf"));
    assert!(matches!(&sources[1], (Media::Url(_), None)));
    assert_eq!(sources[2], (Media::Text("notes".into()), Some("notes.txt")));
}

#[test]
fn leading_operator_turns_are_instructions_and_later_ones_stay() {
    let (value, losses) = written(&asked(fixture!("mid_conversation_system")));
    assert_eq!(value["instructions"], "You are a guide.\n\nAnswer in French.");
    let roles: Vec<_> =
        value["input"].as_array().unwrap().iter().map(|item| &item["role"]).collect();
    assert_eq!(roles, ["user", "assistant", "developer", "user"]);
    assert_eq!(losses, "");
}

#[test]
fn ids_cache_marks_and_store_are_carried_or_noted() {
    let ask = asked(fixture!("cache_and_ids"));
    assert_eq!(ask.messages[0].blocks[0].cache, Some(CacheMark::Hour1));
    let (value, losses) = written(&ask);
    assert_eq!(losses, "drop:cache_control");
    for (key, expected) in [
        ("store", json!(true)),
        ("prompt_cache_key", json!("tenant-7")),
        ("safety_identifier", json!("u-31f0")),
        ("metadata", json!({"team": "support", "ticket": "881"})),
        ("service_tier", json!("priority")),
    ] {
        assert_eq!(value[key], expected);
    }
}

#[test]
fn a_bare_request_is_stateless_and_keeps_its_reasoning() {
    let (value, losses) = written(&asked(fixture!("minimal_string")));
    assert_eq!(
        value,
        json!({
            "model": "gpt",
            "input": [{"type": "message", "role": "user",
                "content": [{"type": "input_text", "text": "Say hello."}]}],
            "store": false,
        })
    );
    assert_eq!(losses, "");
}

#[test]
fn state_of_reasoning_is_asked_of_models_that_reason() {
    let plain = saying(vec![text("Hi")]);
    let wish = Reasoning { effort: Some("low".into()), ..Reasoning::default() };
    let thoughtful = Ask { reasoning: Some(wish), ..plain.clone() };
    for (model, ask, asked) in [
        ("gpt-5.5", &plain, true),
        ("us.openai.gpt-6-sol", &plain, true),
        ("o3", &plain, true),
        ("gpt-4.1", &plain, false),
        ("azure-name", &plain, false),
        ("azure-name", &thoughtful, true),
        ("gpt-4o", &thoughtful, false),
    ] {
        let target = Target { model: model.into(), ..target() };
        let body = write(ask, &target, &mut Losses::default()).unwrap();
        let body: Value = serde_json::from_slice(&body).unwrap();
        let include = json!(["reasoning.encrypted_content"]);
        assert_eq!(body.get("include"), asked.then_some(&include), "{model}");
    }
}

#[test]
fn cache_marks_go_to_models_that_take_them() {
    let marked =
        |at: usize| Block { content: text(&at.to_string()), cache: Some(CacheMark::Hour1) };
    let turn = Message { role: Role::User, blocks: (0..5).map(marked).collect() };
    let ask = Ask { messages: vec![turn], ..Ask::default() };
    let mut losses = Losses::default();
    let newer = Target { model: "gpt-6".into(), ..target() };
    let body = write(&ask, &newer, &mut losses).unwrap();
    let body: Value = serde_json::from_slice(&body).unwrap();
    let parts = body["input"][0]["content"].as_array().unwrap();
    let kept: Vec<_> =
        parts.iter().map(|part| part.get("prompt_cache_breakpoint").is_some()).collect();
    assert_eq!(kept, [false, true, true, true, true], "the last four");
    assert_eq!(losses.to_string(), "drop:cache_control");
}

#[test]
fn foreign_fields_are_noted_or_refused() {
    let (value, losses) = written(&asked(fixture!("foreign_fields")));
    assert_eq!(value["reasoning"], json!({"effort": "none"}));
    let mut noted: Vec<_> = losses.split(", ").collect();
    noted.sort_unstable();
    assert_eq!(
        noted,
        [
            "drop:input.phase",
            "drop:max_tool_calls",
            "drop:reasoning.context",
            "drop:stream_options",
            "drop:truncation",
        ]
    );
    for path in ["logprobs", "messages[0].guardrails"] {
        let foreign = vec![Foreign { path: path.into(), refuse: true }];
        let ask = Ask { foreign, ..saying(vec![text("Hi")]) };
        let fault = write(&ask, &target(), &mut Losses::default()).unwrap_err();
        assert_eq!((fault.class, fault.param.as_deref()), (Class::UnsupportedHere, Some(path)));
    }
}

#[test]
fn what_only_the_provider_can_do_is_refused_by_name() {
    for (body, param) in [
        (
            String::from_utf8_lossy(fixture!("unsupported_hosted_tool")).into_owned(),
            "tools[0].type",
        ),
        (
            String::from_utf8_lossy(fixture!("unsupported_previous_response")).into_owned(),
            "previous_response_id",
        ),
        (r#"{"input":"a","conversation":"c"}"#.into(), "conversation"),
        (r#"{"input":"a","background":true}"#.into(), "background"),
        (r#"{"input":[{"type":"item_reference","id":"i"}]}"#.into(), "input[0].type"),
        (r#"{"input":[{"type":"custom_tool_call"}]}"#.into(), "input[0].type"),
        (r#"{"input":"a","tools":[{"type":"custom","name":"x"}]}"#.into(), "tools[0].type"),
        (
            r#"{"input":[{"role":"user","content":[{"type":"input_image","file_id":"f"}]}]}"#
                .into(),
            "input[0].content[0].file_id",
        ),
    ] {
        let raw = RawRequest { body: body.as_bytes(), path_model: None, path_stream: false };
        let fault = read(&raw).unwrap_err();
        assert_eq!((fault.class, fault.param.as_deref()), (Class::UnsupportedHere, Some(param)));
    }
}

#[test]
fn mistakes_are_named() {
    for (body, param) in [
        (r#"{"model":"m"}"#, "input"),
        (r#"{"input":3}"#, "input"),
        (r#"{"input":[{"content":"a"}]}"#, "input[0].role"),
        (r#"{"input":[{"role":"wizard","content":"a"}]}"#, "input[0].role"),
        (r#"{"input":[{"type":"function_call","name":"f"}]}"#, "input[0].call_id"),
        (r#"{"input":"a","tools":[{"type":"function"}]}"#, "tools[0].name"),
        (r#"{"input":"a","tool_choice":"maybe"}"#, "tool_choice"),
        (r#"{"input":"a","metadata":{"k":1}}"#, "metadata.k"),
        (
            r#"{"input":"a","text":{"format":{"type":"json_schema","name":"n"}}}"#,
            "text.format.schema",
        ),
        (
            r#"{"input":[{"role":"user","content":[
                {"type":"input_image","image_url":"cat.png"}]}]}"#,
            "input[0].content[0].image_url",
        ),
    ] {
        let raw = RawRequest { body: body.as_bytes(), path_model: None, path_stream: false };
        let fault = read(&raw).unwrap_err();
        assert_eq!((fault.class, fault.param.as_deref()), (Class::ClientInvalid, Some(param)));
    }
}

#[test]
fn stop_strings_refuse_and_hints_are_dropped() {
    let ask = Ask { stop: vec!["END".into()], ..saying(vec![text("Hi")]) };
    let fault = write(&ask, &target(), &mut Losses::default()).unwrap_err();
    assert_eq!((fault.class, fault.param.as_deref()), (Class::UnsupportedHere, Some("stop")));
    let ask = Ask {
        top_k: Some(5),
        seed: Some(1),
        frequency_penalty: Some(0.1),
        presence_penalty: Some(0.1),
        service_tier: Some("reserved".into()),
        user: Some("u".repeat(200)),
        metadata: vec![("k".repeat(65), "v".into())],
        max_output_tokens: Some(1),
        ..saying(vec![text("Hi")])
    };
    let (value, losses) = written(&ask);
    assert_eq!(
        losses,
        "drop:top_k, drop:frequency_penalty, drop:presence_penalty, drop:seed, \
         downgrade:max_output_tokens, drop:user, drop:metadata, drop:service_tier"
    );
    assert_eq!(value["max_output_tokens"], 16);
}

#[test]
fn sampling_goes_only_where_it_is_accepted() {
    let ask = Ask { temperature: Some(0.5), top_p: Some(0.9), ..saying(vec![text("Hi")]) };
    let (value, _) = written(&ask);
    assert_eq!((&value["temperature"], &value["top_p"]), (&json!(0.5), &json!(0.9)));
    let accepts = Accepts { sampling: false, ..Accepts::default() };
    let mut losses = Losses::default();
    let body = write(&ask, &Target { accepts, ..target() }, &mut losses).unwrap();
    assert!(!String::from_utf8(body).unwrap().contains("temperature"));
    assert_eq!(losses.to_string(), "drop:temperature, drop:top_p");
}

#[test]
fn json_mode_is_spelled_out_where_the_input_does_not_say_json() {
    let (value, losses) = written(&asked(fixture!("json_object")));
    assert_eq!(losses, "emulate:response_format");
    assert_eq!(value["input"][1]["role"], "developer");
    assert_eq!(value["text"]["format"]["type"], "json_object");
    let format = Some(Format::JsonObject);
    let ask = Ask { format, ..saying(vec![text("Give me Json.")]) };
    let (value, losses) = written(&ask);
    assert_eq!((value["input"].as_array().unwrap().len(), losses.as_str()), (1, ""));
}

#[test]
fn tools_are_flat_with_their_schema_untouched_and_strict_said() {
    let body = br#"{"input":"a","tools":[{"type":"function","name":"f",
        "parameters":{"z":1,"a":{"b":[1.50]}}},{"type":"function","name":"g"}]}"#;
    let (value, _) = written(&asked(body));
    let tools = value["tools"].to_string();
    assert!(tools.contains(r#""parameters":{"z":1,"a":{"b":[1.5]}},"strict":false"#), "{tools}");
    assert_eq!(value["tools"][1]["parameters"], json!({"type": "object", "properties": {}}));
}

fn reasoning(family: StateFamily, payload: &str) -> Content {
    let state = Some(OpaqueState { family, payload: payload.into(), redacted: false });
    Content::Reasoning(ReasoningBlock { text: "hm".into(), state })
}

#[test]
fn reasoning_returns_only_to_the_family_that_made_it() {
    let own = reasoning(StateFamily::Openai, "rs_9\nsealed");
    let other = reasoning(StateFamily::Anthropic, "signature");
    let unsigned = Content::Reasoning(ReasoningBlock { text: "hm".into(), state: None });
    let unsealed = reasoning(StateFamily::Openai, "rs_8\n");
    let turn = vec![own, other, unsigned, unsealed, text("Hi")];
    let ask = Ask { messages: vec![message(Role::Assistant, turn)], ..Ask::default() };
    let (value, losses) = written(&ask);
    assert_eq!(
        value["input"],
        json!([
            {"id": "rs_9", "type": "reasoning", "summary": [{"type": "summary_text", "text": "hm"}],
                "encrypted_content": "sealed"},
            {"type": "message", "role": "assistant",
                "content": [{"type": "output_text", "text": "Hi"}]},
        ])
    );
    assert_eq!(losses, "drop:reasoning_state, drop:reasoning");
}

#[test]
fn every_call_has_one_result_and_every_result_a_call() {
    let call = |id: &str, arguments: &str| {
        Content::ToolCall(ToolCall { id: id.into(), name: "f".into(), arguments: arguments.into() })
    };
    let result = |id: &str, blocks: Vec<Content>, is_error| {
        let blocks = blocks.into_iter().map(Block::from).collect();
        Content::ToolResult(ToolResult { call_id: id.into(), blocks, is_error })
    };
    let messages = vec![
        message(Role::Assistant, vec![text("Let me see."), call("a", ""), call("b", "{}")]),
        message(
            Role::Tool,
            vec![result("a", vec![text("boom")], true), result("ghost", vec![text("?")], false)],
        ),
    ];
    let (value, losses) = written(&Ask { messages, ..Ask::default() });
    let items = value["input"].as_array().unwrap();
    let kinds: Vec<_> = items.iter().map(|item| item["type"].as_str().unwrap()).collect();
    assert_eq!(
        kinds,
        [
            "message",
            "function_call",
            "function_call",
            "function_call_output",
            "function_call_output"
        ]
    );
    assert_eq!(items[1]["arguments"], "{}");
    assert_eq!((&items[3]["call_id"], &items[3]["output"]), (&json!("a"), &json!("Error: boom")));
    assert_eq!(
        (&items[4]["call_id"], &items[4]["output"]),
        (&json!("b"), &json!("[no result: interrupted]"))
    );
    assert_eq!(losses, "emulate:tool_result.is_error, drop:tool_result, emulate:tool_result");
}

#[test]
fn empty_turns_leave_no_item() {
    let messages = vec![
        message(Role::User, vec![text("")]),
        message(Role::Assistant, vec![]),
        message(Role::User, vec![text("Hi")]),
    ];
    let (value, losses) = written(&Ask { messages, ..Ask::default() });
    assert_eq!((value["input"].as_array().unwrap().len(), losses.as_str()), (1, ""));
}
