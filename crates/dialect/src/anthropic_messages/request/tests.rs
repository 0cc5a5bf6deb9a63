//! Requests through both doors.

use std::{collections::BTreeMap, fs};

use serde_json::{Value, json};
use tieline_types::{Class, Fault};

use super::{read, write};
use crate::{
    Accepts, Losses, RawRequest, Target,
    ir::{
        Ask, Block, CacheMark, Content, Foreign, Format, Media, Message, OpaqueState, Reasoning,
        ReasoningBlock, Role, StateFamily, Tool, ToolCall, ToolChoice, ToolResult,
    },
    json::raw,
};

const FIXTURES: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/anthropic_messages/requests");

fn target() -> Target {
    Target {
        model: "claude-opus-4-6".to_owned(),
        accepts: Accepts::default(),
        max_output_tokens: 4096,
    }
}

fn read_body(body: &[u8]) -> Result<Ask, Fault> {
    read(&RawRequest { body, path_model: None, path_stream: false })
}

/// Reads a request with these fields beside the least that one must have.
fn read_with(fields: &Value) -> Result<Ask, Fault> {
    let mut body = json!({
        "model": "m", "max_tokens": 10, "messages": [{"role": "user", "content": "hi"}],
    });
    body.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    read_body(body.to_string().as_bytes())
}

fn written(ask: &Ask) -> (Value, String) {
    let mut losses = Losses::default();
    let body = write(ask, &target(), &mut losses).unwrap();
    (serde_json::from_slice(&body).unwrap(), losses.to_string())
}

fn text(text: &str) -> Block {
    Content::Text(text.to_owned()).into()
}

fn says(role: Role, words: &str) -> Message {
    Message { role, blocks: vec![text(words)] }
}

fn call(id: &str, arguments: &str) -> Block {
    Content::ToolCall(ToolCall {
        id: id.to_owned(),
        name: "look".to_owned(),
        arguments: arguments.to_owned(),
    })
    .into()
}

fn result(call_id: &str, words: &str) -> Block {
    Content::ToolResult(ToolResult {
        call_id: call_id.to_owned(),
        blocks: vec![text(words)],
        is_error: false,
    })
    .into()
}

fn turn(role: Role, blocks: Vec<Block>) -> Message {
    Message { role, blocks }
}

fn asking(messages: Vec<Message>) -> Ask {
    Ask { messages, tools: vec![tool(None)], ..Ask::default() }
}

fn tool(parameters: Option<&Value>) -> Tool {
    Tool {
        name: "look".to_owned(),
        description: None,
        parameters: parameters.map(raw),
        strict: None,
        cache: None,
    }
}

#[test]
fn what_was_read_survives_writing() {
    let mut lossless = 0;
    let mut lossy = BTreeMap::new();
    for entry in fs::read_dir(FIXTURES).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let ask = read_body(&fs::read(&path).unwrap()).unwrap();
        let ask = Ask { model: target().model, ..ask };
        let target = target();
        let mut losses = Losses::default();
        let once = write(&ask, &target, &mut losses).unwrap();
        let again = read_body(&once).unwrap();
        if losses.is_empty() {
            assert_eq!(format!("{again:?}"), format!("{ask:?}"), "{name}");
            lossless += 1;
        } else {
            lossy.insert(name.clone(), losses.to_string());
        }
        let twice = write(&again, &target, &mut Losses::default()).unwrap();
        assert_eq!(String::from_utf8(twice), String::from_utf8(once), "{name}");
    }
    let expected = [
        (
            "claude_code",
            "drop:system.attribution, drop:tools.defer_loading, \
             drop:tools.eager_input_streaming, drop:context_management, downgrade:messages.role",
        ),
        ("foreign_reasoning", "drop:reasoning_state, drop:reasoning"),
        (
            "interrupted_tools",
            "downgrade:tool_result, emulate:tool_result, emulate:messages, emulate:tools",
        ),
        ("mid_conversation_system", "downgrade:messages.role"),
        ("structured_output_older", "downgrade:response_format.schema"),
        ("too_many_cache_marks", "drop:cache_control"),
    ];
    let expected = expected.map(|(name, lost)| (name.to_owned(), lost.to_owned()));
    assert_eq!(lossy, BTreeMap::from(expected));
    assert!(lossless >= 10);
}

#[test]
fn tool_results_become_a_message_of_their_own() {
    let ask = read_body(&fs::read(format!("{FIXTURES}/tools_second_turn.json")).unwrap()).unwrap();
    let roles: Vec<Role> = ask.messages.iter().map(|message| message.role).collect();
    assert_eq!(roles, [Role::User, Role::Assistant, Role::Tool, Role::User]);
    assert_eq!(ask.messages[2].blocks.len(), 3);
    let Content::ToolResult(failed) = &ask.messages[2].blocks[1].content else {
        panic!("not a result");
    };
    assert!(failed.is_error);
    assert_eq!(failed.call_id, "toolu_02");
}

#[test]
fn the_top_level_mark_ends_the_last_block() {
    let ask = read_body(&fs::read(format!("{FIXTURES}/cache_marks.json")).unwrap()).unwrap();
    let marks =
        |message: &Message| -> Vec<_> { message.blocks.iter().map(|block| block.cache).collect() };
    assert_eq!(marks(&ask.messages[0]), [None, Some(CacheMark::Hour1)]);
    assert_eq!(marks(&ask.messages[1]), [Some(CacheMark::Minutes5), Some(CacheMark::Default)]);
    assert_eq!(ask.tools[1].cache, Some(CacheMark::Hour1));
}

#[test]
fn state_of_other_families_is_restored() {
    let ask = read_body(&fs::read(format!("{FIXTURES}/foreign_reasoning.json")).unwrap()).unwrap();
    let Content::Reasoning(block) = &ask.messages[1].blocks[0].content else {
        panic!("not reasoning");
    };
    let state = OpaqueState {
        family: StateFamily::Openai,
        payload: "rs_01\ngAAAAA".to_owned(),
        redacted: false,
    };
    assert_eq!(block, &ReasoningBlock { text: "Simple.".to_owned(), state: Some(state) });
}

#[test]
fn faults_name_the_field() {
    let unsupported = Class::UnsupportedHere;
    let invalid = Class::ClientInvalid;
    let said = |block: Value| json!({"messages": [{"role": "user", "content": [block]}]});
    for (fields, class, param) in [
        (json!({"max_tokens": null}), invalid, "max_tokens"),
        (json!({"max_tokens": "many"}), invalid, "max_tokens"),
        (json!({"messages": null}), invalid, "messages"),
        (json!({"messages": [{"role": "robot", "content": ""}]}), invalid, "messages[0].role"),
        (json!({"messages": [{"role": "user"}]}), invalid, "messages[0].content"),
        (said(json!({"type": "text"})), invalid, "messages[0].content[0].text"),
        (said(json!({"type": "container_upload"})), unsupported, "messages[0].content[0].type"),
        (
            said(json!({"type": "image", "source": {"type": "file", "file_id": "f"}})),
            unsupported,
            "messages[0].content[0].source.type",
        ),
        (
            json!({"tools": [{"type": "web_search_20250305", "name": "web_search"}]}),
            unsupported,
            "tools[0].type",
        ),
        (json!({"tools": [{"name": "x"}]}), invalid, "tools[0].input_schema"),
        (json!({"tool_choice": {"type": "maybe"}}), invalid, "tool_choice.type"),
        (json!({"thinking": {"type": "enabled"}}), invalid, "thinking.budget_tokens"),
        (json!({"stop_sequences": ["a", 1]}), invalid, "stop_sequences[1]"),
        (
            json!({
                "output_format": {"type": "json_schema", "schema": {}},
                "output_config": {"format": {"type": "json_schema", "schema": {}}},
            }),
            invalid,
            "output_format",
        ),
        (json!({"output_format": {"type": "xml"}}), invalid, "output_format.type"),
        (
            json!({"cache_control": {"type": "ephemeral", "ttl": "9d"}}),
            invalid,
            "cache_control.ttl",
        ),
    ] {
        let fault = read_with(&fields).unwrap_err();
        assert_eq!((fault.class, fault.param.as_deref()), (class, Some(param)));
    }
}

#[test]
fn fields_of_other_worlds_are_refused_or_dropped() {
    let ask = read_with(&json!({
        "mcp_servers": [{"url": "https://example.com"}], "container": "c", "speed": "fast",
        "context_management": {}, "metadata": {"user_id": "u", "team": "t"},
    }))
    .unwrap();
    let mut foreign: Vec<_> =
        ask.foreign.iter().map(|field| (field.path.as_str(), field.refuse)).collect();
    foreign.sort_unstable();
    assert_eq!(
        foreign,
        [
            ("container", true),
            ("context_management", false),
            ("mcp_servers", true),
            ("metadata.team", false),
            ("speed", false),
        ]
    );
    let fault = write(&ask, &target(), &mut Losses::default()).unwrap_err();
    assert_eq!(fault.class, Class::UnsupportedHere);
    assert!(["container", "mcp_servers"].contains(&fault.param.as_deref().unwrap()));
    let field = Foreign { path: "messages[0].name".to_owned(), refuse: false };
    let (_, lost) = written(&Ask { foreign: vec![field], ..asking(vec![says(Role::User, "a")]) });
    assert_eq!(lost, "drop:messages.name");
}

#[test]
fn turns_alternate_and_begin_with_the_user() {
    let user = |words: &[&str]| {
        let content: Vec<Value> =
            words.iter().map(|words| json!({"type": "text", "text": words})).collect();
        json!({"role": "user", "content": content})
    };
    let assistant =
        |words: &str| json!({"role": "assistant", "content": [{"type": "text", "text": words}]});
    let cases = [
        (vec![], vec![user(&["."])], "emulate:messages"),
        (vec![says(Role::System, "s")], vec![user(&["."])], "emulate:messages"),
        (
            vec![says(Role::Assistant, "a"), says(Role::User, "b")],
            vec![user(&["."]), assistant("a"), user(&["b"])],
            "emulate:messages",
        ),
        (
            vec![says(Role::User, "a"), says(Role::User, " "), says(Role::User, "b")],
            vec![user(&["a", "b"])],
            "",
        ),
        (
            vec![says(Role::User, "a"), says(Role::Assistant, ""), says(Role::User, "b")],
            vec![user(&["a", "b"])],
            "",
        ),
        (
            vec![says(Role::User, "a"), says(Role::Developer, "d")],
            vec![user(&["a", "<system-reminder>\nd\n</system-reminder>"])],
            "downgrade:messages.role",
        ),
    ];
    for (messages, turns, lost) in cases {
        let (body, losses) = written(&asking(messages));
        assert_eq!(body["messages"], Value::Array(turns));
        assert_eq!(losses, lost);
    }
}

#[test]
fn leading_instructions_are_hoisted_in_order() {
    let (body, lost) = written(&Ask {
        format: Some(Format::JsonObject),
        ..asking(vec![
            turn(Role::System, vec![text("a"), text("b")]),
            says(Role::Developer, "c"),
            says(Role::User, "d"),
        ])
    });
    let system: Vec<_> = body["system"].as_array().unwrap().iter().map(|b| &b["text"]).collect();
    assert_eq!(system[..3], ["a", "b", "c"]);
    assert!(system[3].as_str().unwrap().contains("JSON"));
    assert_eq!(lost, "emulate:response_format");
}

#[test]
fn every_call_is_answered_at_the_start_of_the_next_turn() {
    let (body, lost) = written(&asking(vec![
        says(Role::User, "go"),
        turn(Role::Assistant, vec![call("a", "{}"), call("b", "")]),
        says(Role::User, "hurry"),
        turn(Role::Tool, vec![result("a", "1")]),
        turn(Role::Assistant, vec![call("a", "[1]")]),
    ]));
    let second = body["messages"][3]["content"][0]["id"].clone();
    assert_ne!(second, "a", "a later turn has ids of its own");
    let missing = json!([{"type": "text", "text": "[no result: interrupted]"}]);
    assert_eq!(
        body["messages"].as_array().unwrap()[1..],
        [
            json!({"role": "assistant", "content": [
                {"type": "tool_use", "id": "a", "name": "look", "input": {}},
                {"type": "tool_use", "id": "b", "name": "look", "input": {}},
            ]}),
            json!({"role": "user", "content": [
                {"type": "tool_result", "tool_use_id": "a",
                 "content": [{"type": "text", "text": "1"}]},
                {"type": "tool_result", "tool_use_id": "b", "content": missing, "is_error": true},
                {"type": "text", "text": "hurry"},
            ]}),
            json!({"role": "assistant", "content": [
                {"type": "tool_use", "id": second, "name": "look", "input": {"input": "[1]"}},
            ]}),
            json!({"role": "user", "content": [
                {"type": "tool_result", "tool_use_id": second, "content": missing,
                 "is_error": true},
            ]}),
        ]
    );
    assert_eq!(lost, "emulate:tool_result, downgrade:tool_call.arguments");
}

#[test]
fn results_without_a_call_are_told_as_text() {
    let (body, lost) = written(&asking(vec![turn(Role::Tool, vec![result("gone", "late")])]));
    assert_eq!(
        body["messages"],
        json!([{"role": "user", "content": [
            {"type": "text", "text": "[result of the unknown tool call gone]"},
            {"type": "text", "text": "late"},
        ]}])
    );
    assert_eq!(lost, "downgrade:tool_result");
}

#[test]
fn call_ids_keep_to_the_characters_of_the_dialect() {
    let (body, _) = written(&asking(vec![
        says(Role::User, "go"),
        turn(Role::Assistant, vec![call("call.1:x", "{}")]),
        turn(Role::Tool, vec![result("call.1:x", "1")]),
    ]));
    let id = body["messages"][1]["content"][0]["id"].as_str().unwrap();
    assert!(id.chars().all(|c| c.is_ascii_alphanumeric() || "_-".contains(c)), "{id}");
    assert_eq!(body["messages"][2]["content"][0]["tool_use_id"], id);
}

#[test]
fn tools_that_only_the_history_knows_are_declared_but_not_offered() {
    let messages = vec![
        says(Role::User, "go"),
        turn(Role::Assistant, vec![call("a", "{}")]),
        turn(Role::Tool, vec![result("a", "1")]),
    ];
    let (body, lost) = written(&Ask { tools: Vec::new(), ..asking(messages) });
    let empty = json!({"type": "object", "properties": {}});
    assert_eq!(body["tools"], json!([{"name": "look", "input_schema": empty}]));
    assert_eq!(body["tool_choice"], json!({"type": "none"}));
    assert_eq!(lost, "emulate:tools");
}

#[test]
fn choices_of_tools_are_written() {
    let named = Some(ToolChoice::Tool("look".to_owned()));
    for (tool_choice, parallel_tools, choice) in [
        (None, None, Value::Null),
        (None, Some(false), json!({"type": "auto", "disable_parallel_tool_use": true})),
        (Some(ToolChoice::Auto), None, json!({"type": "auto"})),
        (Some(ToolChoice::None), Some(false), json!({"type": "none"})),
        (
            Some(ToolChoice::Required),
            Some(true),
            json!({"type": "any", "disable_parallel_tool_use": false}),
        ),
        (named, None, json!({"type": "tool", "name": "look"})),
    ] {
        let ask = asking(vec![says(Role::User, "go")]);
        let (body, _) = written(&Ask { tool_choice, parallel_tools, ..ask });
        assert_eq!(body["tool_choice"], choice);
    }
}

#[test]
fn schemas_are_objects_and_keep_their_text() {
    let stated = json!({"type": "object", "properties": {"n": {"minimum": 1}}});
    for (parameters, schema) in [
        (None, json!({"type": "object", "properties": {}})),
        (Some(json!({})), json!({"type": "object", "properties": {}})),
        (
            Some(json!({"properties": {"n": {}}})),
            json!({"type": "object", "properties": {"n": {}}}),
        ),
        (Some(stated.clone()), stated),
    ] {
        let tools = vec![tool(parameters.as_ref())];
        let ask = Ask { tools, ..asking(vec![says(Role::User, "go")]) };
        assert_eq!(written(&ask).0["tools"][0]["input_schema"], schema);
    }
}

#[test]
fn a_strict_tool_has_a_schema_within_the_subset() {
    let parameters = json!({"type": "object", "properties": {"n": {"minimum": 1}}});
    let tools = vec![Tool { strict: Some(true), ..tool(Some(&parameters)) }];
    let (body, lost) = written(&Ask { tools, ..asking(vec![says(Role::User, "go")]) });
    assert_eq!(body["tools"][0]["strict"], true);
    assert_eq!(
        body["tools"][0]["input_schema"],
        json!({"type": "object", "properties": {"n": {"description": "{minimum: 1}"}},
               "additionalProperties": false})
    );
    assert_eq!(lost, "downgrade:tools.parameters");
}

#[test]
fn a_budget_gives_way_to_forced_calls_and_to_loops_without_thinking() {
    let reasoning = Some(Reasoning { budget_tokens: Some(2000), ..Reasoning::default() });
    let forced = Ask {
        reasoning: reasoning.clone(),
        tool_choice: Some(ToolChoice::Required),
        ..asking(vec![says(Role::User, "go")])
    };
    let looping = Ask {
        reasoning: reasoning.clone(),
        ..asking(vec![
            says(Role::User, "go"),
            turn(Role::Assistant, vec![call("a", "{}")]),
            turn(Role::Tool, vec![result("a", "1")]),
        ])
    };
    let older = Target { model: "claude-opus-4-1".to_owned(), ..target() };
    for ask in [forced, looping] {
        let mut losses = Losses::default();
        let body = write(&ask, &older, &mut losses).unwrap();
        let body: Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(body["thinking"], Value::Null);
        assert_eq!(losses.to_string(), "drop:reasoning");
        let (body, _) = written(&ask);
        assert_eq!(body["thinking"]["type"], "adaptive", "this release can adapt");
    }
    let (body, lost) = written(&Ask { reasoning, ..asking(vec![says(Role::User, "go")]) });
    assert_eq!(body["thinking"], json!({"type": "enabled", "budget_tokens": 2000}));
    assert_eq!(lost, "");
}

#[test]
fn what_the_dialect_lacks_is_reported() {
    let (body, lost) = written(&Ask {
        seed: Some(1),
        frequency_penalty: Some(0.5),
        presence_penalty: Some(0.5),
        verbosity: Some("low".to_owned()),
        store: Some(false),
        cache_key: Some("k".to_owned()),
        metadata: vec![("team".to_owned(), "x".to_owned())],
        service_tier: Some("flex".to_owned()),
        stop: vec!["\n".to_owned(), "END".to_owned()],
        user: Some("u".to_owned()),
        temperature: Some(1.7),
        ..asking(vec![says(Role::User, "go")])
    });
    assert_eq!(
        lost,
        "drop:frequency_penalty, drop:presence_penalty, drop:seed, drop:verbosity, \
         drop:prompt_cache_key, drop:store, drop:metadata, downgrade:temperature, drop:stop, \
         drop:service_tier"
    );
    assert_eq!(body["stop_sequences"], json!(["END"]));
    assert_eq!(body["metadata"], json!({"user_id": "u"}));
    assert_eq!(body["temperature"], 1.0);
    assert_eq!(body["max_tokens"], 4096);
    assert_eq!(body["model"], "claude-opus-4-6");
    assert!(body.get("service_tier").is_none() && body.get("stream").is_none());
}

#[test]
fn the_last_four_marks_stay() {
    let marked = |words: &str| Block { cache: Some(CacheMark::Default), ..text(words) };
    let (body, lost) = written(&asking(vec![
        turn(Role::System, vec![marked("a")]),
        turn(Role::User, ["b", "c", "d", "e"].map(marked).to_vec()),
    ]));
    assert!(body["system"][0].get("cache_control").is_none());
    for block in body["messages"][0]["content"].as_array().unwrap() {
        assert_eq!(block["cache_control"], json!({"type": "ephemeral"}));
    }
    assert_eq!(lost, "drop:cache_control");
}

#[test]
fn media_that_the_deployment_does_not_take_are_refused() {
    let source = Media::Url("https://example.com/a.png".to_owned());
    let image = Content::Image { source, detail: Some("high".to_owned()) };
    let ask = asking(vec![turn(Role::User, vec![image.into()])]);
    assert_eq!(written(&ask).1, "drop:image.detail");
    let accepts = Accepts { media_urls: false, ..Accepts::default() };
    let fault = write(&ask, &Target { accepts, ..target() }, &mut Losses::default()).unwrap_err();
    assert_eq!(fault.class, Class::UnsupportedHere);
}
