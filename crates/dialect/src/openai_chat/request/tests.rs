//! What requests become in the neutral form, and what becomes of them on the way back.

use serde_json::{Value, json};
use tieline_types::{Class, Fault};

use super::{read, write};
use crate::{
    Accepts, Losses, RawRequest, Target,
    ir::{
        Ask, Block, CacheMark, Content, Foreign, Format, Media, Message, OpaqueState, Reasoning,
        ReasoningBlock, Role, StateFamily, Tool, ToolCall, ToolChoice, ToolResult,
    },
};

fn read_bytes(body: &[u8]) -> Result<Ask, Fault> {
    read(&RawRequest { body, path_model: None, path_stream: false })
}

fn read_value(body: &Value) -> Result<Ask, Fault> {
    read_bytes(body.to_string().as_bytes())
}

/// A request with these fields beside a model and a message.
fn with(fields: Value) -> Value {
    let mut body = json!({ "model": "m", "messages": [{ "role": "user", "content": "hi" }] });
    let Value::Object(fields) = fields else { panic!("{fields} is no object") };
    body.as_object_mut().unwrap().extend(fields);
    body
}

fn asked(fields: Value) -> Ask {
    read_value(&with(fields)).unwrap()
}

fn native() -> Target {
    Target { model: "up".into(), accepts: Accepts::default(), max_output_tokens: 4096 }
}

fn compatible() -> Target {
    let accepts = Accepts { openai_native: false, ..Accepts::default() };
    Target { accepts, ..native() }
}

fn written(ask: &Ask, target: &Target) -> (Value, String) {
    let mut losses = Losses::default();
    let body = write(ask, target, &mut losses).unwrap();
    (serde_json::from_slice(&body).unwrap(), losses.to_string())
}

fn turn(role: Role, contents: impl IntoIterator<Item = Content>) -> Message {
    Message { role, blocks: contents.into_iter().map(Block::from).collect() }
}

fn call(id: &str) -> Content {
    Content::ToolCall(ToolCall { id: id.into(), name: "f".into(), arguments: String::new() })
}

fn result(id: &str, contents: impl IntoIterator<Item = Content>, is_error: bool) -> Content {
    let blocks = contents.into_iter().map(Block::from).collect();
    Content::ToolResult(ToolResult { call_id: id.into(), blocks, is_error })
}

fn text(text: &str) -> Content {
    Content::Text(text.into())
}

fn png() -> Media {
    Media::Base64 { media_type: "image/png".into(), data: "iVBORw==".into() }
}

fn ask_of(messages: Vec<Message>) -> Ask {
    Ask { messages, ..Ask::default() }
}

/// Every fixture, by name.
fn fixtures() -> Vec<(String, Vec<u8>)> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/openai_chat/requests");
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| (path.display().to_string(), std::fs::read(&path).unwrap()))
        .collect();
    files.sort();
    files
}

#[test]
fn fixtures_come_back_the_same_once_written() {
    let files = fixtures();
    assert!(files.len() >= 10);
    for (name, body) in files {
        for target in [native(), compatible()] {
            let first = read_bytes(&body).unwrap_or_else(|fault| panic!("{name}: {fault}"));
            let once = read_value(&written(&first, &target).0).unwrap();
            assert!(once.foreign.is_empty(), "{name}: {:?}", once.foreign);
            let (again, losses) = written(&once, &target);
            assert_eq!(losses, "", "{name}");
            let twice = read_value(&again).unwrap();
            assert_eq!(format!("{once:?}"), format!("{twice:?}"), "{name}");
        }
    }
}

#[test]
fn what_the_dialect_carries_comes_back_exactly() {
    let mut ask = read_bytes(include_bytes!(
        "../../../tests/golden/openai_chat/requests/second_turn_of_parallel_tools.json"
    ))
    .unwrap();
    let full = asked(json!({
        "stream": true, "stream_options": { "include_usage": true },
        "max_completion_tokens": 900, "temperature": 0.7, "top_p": 0.9,
        "frequency_penalty": 0.1, "presence_penalty": -0.2, "seed": 7, "stop": ["a", "b"],
        "reasoning_effort": "high", "safety_identifier": "u1", "service_tier": "flex",
        "verbosity": "low", "prompt_cache_key": "k", "store": false,
        "metadata": { "b": "2", "a": "1" }, "parallel_tool_calls": false,
        "response_format": { "type": "json_schema", "json_schema": {
            "name": "n", "description": "d", "strict": true, "schema": { "z": 1.0, "a": [] }
        } }
    }));
    ask = Ask { messages: ask.messages, tools: ask.tools, tool_choice: ask.tool_choice, ..full };
    ask.model = "up".into();
    let (body, losses) = written(&ask, &native());
    assert_eq!(losses, "");
    assert_eq!(format!("{:?}", read_value(&body).unwrap()), format!("{ask:?}"));
}

#[test]
fn scalars_are_read_under_all_their_names() {
    let ask = asked(json!({
        "max_tokens": 5, "stop": "x", "user": "old", "safety_identifier": "new",
        "reasoning_effort": "none", "n": 1, "logprobs": false, "modalities": ["text"], "top_k": 40
    }));
    assert_eq!(ask.max_output_tokens, Some(5));
    assert_eq!(ask.stop, ["x"]);
    assert_eq!(ask.user.as_deref(), Some("new"));
    assert_eq!(ask.reasoning, Some(Reasoning { off: true, ..Reasoning::default() }));
    assert_eq!(ask.top_k, Some(40));
    assert_eq!(ask.foreign, [Foreign { path: "user".into(), refuse: false }]);
    let both = asked(json!({ "max_tokens": 5, "max_completion_tokens": 6 }));
    assert_eq!(both.max_output_tokens, Some(6));
}

#[test]
fn a_model_in_the_path_stands_in_for_one_in_the_body() {
    let body = br#"{"messages":[{"role":"user","content":"hi"}]}"#;
    let raw = RawRequest { body, path_model: Some("dep"), path_stream: false };
    assert_eq!(read(&raw).unwrap().model, "dep");
}

#[test]
fn what_a_caller_relies_on_is_not_dropped() {
    for field in [
        json!({ "n": 2 }),
        json!({ "logprobs": true }),
        json!({ "top_logprobs": 3 }),
        json!({ "modalities": ["text", "audio"] }),
        json!({ "audio": { "voice": "x" } }),
        json!({ "moderation": {} }),
        json!({ "web_search_options": {} }),
    ] {
        let ask = asked(field.clone());
        let fault = write(&ask, &native(), &mut Losses::default()).unwrap_err();
        assert_eq!(fault.class, Class::UnsupportedHere, "{field}");
        assert_eq!(fault.param.as_ref(), field.as_object().unwrap().keys().next());
    }
}

#[test]
fn other_unknown_fields_are_reported() {
    let body = json!({
        "model": "m", "logit_bias": { "5": 1 }, "prediction": null,
        "messages": [{ "role": "user", "name": "ann", "content": "x" }]
    });
    let ask = read_value(&body).unwrap();
    let names: Vec<_> = ask.foreign.iter().map(|foreign| foreign.path.as_str()).collect();
    assert_eq!(names, ["messages[0].name", "logit_bias"]);
    assert_eq!(written(&ask, &native()).1, "drop:messages.name, drop:logit_bias");
}

#[test]
fn wrong_requests_name_the_field() {
    let message = |message: Value| json!({ "messages": [message] });
    for (body, class, param) in [
        (json!({ "model": "m" }), Class::ClientInvalid, "messages"),
        (json!({ "messages": [] }), Class::ClientInvalid, "messages"),
        (with(json!({ "temperature": "hot" })), Class::ClientInvalid, "temperature"),
        (with(json!({ "stop": ["a", 1] })), Class::ClientInvalid, "stop[1]"),
        (with(json!({ "metadata": { "a": 1 } })), Class::ClientInvalid, "metadata.a"),
        (with(json!({ "tool_choice": "maybe" })), Class::ClientInvalid, "tool_choice"),
        (
            with(json!({ "tools": [{ "type": "custom", "custom": { "name": "x" } }] })),
            Class::UnsupportedHere,
            "tools[0].type",
        ),
        (
            with(json!({ "tools": [{ "type": "function", "function": {} }] })),
            Class::ClientInvalid,
            "tools[0].function.name",
        ),
        (
            with(json!({ "response_format": { "type": "grammar" } })),
            Class::UnsupportedHere,
            "response_format.type",
        ),
        (message(json!({ "role": "king" })), Class::ClientInvalid, "messages[0].role"),
        (
            message(json!({ "role": "tool", "content": "x" })),
            Class::ClientInvalid,
            "messages[0].tool_call_id",
        ),
        (
            message(json!({ "role": "user", "content": [{ "type": "input_audio" }] })),
            Class::UnsupportedHere,
            "messages[0].content[0].type",
        ),
        (
            message(json!({ "role": "user", "content": [
                { "type": "file", "file": { "file_id": "file-1" } }] })),
            Class::UnsupportedHere,
            "messages[0].content[0].file.file_id",
        ),
        (
            message(json!({ "role": "user", "content": [
                { "type": "image_url", "image_url": { "url": "gs://b/x.png" } }] })),
            Class::ClientInvalid,
            "messages[0].content[0].image_url.url",
        ),
    ] {
        let fault = read_value(&body).unwrap_err();
        assert_eq!((fault.class, fault.param.as_deref()), (class, Some(param)), "{body}");
    }
}

#[test]
fn tool_messages_in_a_row_are_one_turn() {
    let ask = read_value(&json!({ "messages": [
        { "role": "assistant", "content": null, "reasoning_content": "", "function_call": null,
          "tool_calls": [
            { "id": "a", "type": "function", "function": { "name": "f", "arguments": "" } },
            { "id": "b", "index": 1, "function": { "name": "g", "arguments": { "x": 1 } } }
        ] },
        { "role": "tool", "tool_call_id": "a", "content": "1" },
        { "role": "tool", "tool_call_id": "b", "content": [{ "type": "text", "text": "2" }] }
    ] }))
    .unwrap();
    assert!(ask.foreign.is_empty());
    let [assistant, tool] = &ask.messages[..] else { panic!("{:?}", ask.messages) };
    let [thought, first, second] = &assistant.blocks[..] else { panic!("{assistant:?}") };
    assert!(matches!(&thought.content, Content::Reasoning(thought) if thought.text.is_empty()));
    assert!(matches!(&first.content, Content::ToolCall(call) if call.arguments == "{}"));
    assert!(matches!(&second.content, Content::ToolCall(call) if call.arguments == r#"{"x":1}"#));
    assert_eq!((tool.role, tool.blocks.len()), (Role::Tool, 2));
}

#[test]
fn deprecated_functions_are_tools() {
    let ask = read_value(&json!({
        "messages": [
            { "role": "user", "content": "?" },
            { "role": "assistant", "function_call": { "name": "f", "arguments": "{}" } },
            { "role": "function", "name": "f", "content": "1" }
        ],
        "functions": [{ "name": "f", "parameters": { "type": "object" } }],
        "function_call": { "name": "f" }
    }))
    .unwrap();
    assert_eq!(ask.tools[0].name, "f");
    assert_eq!(ask.tool_choice, Some(ToolChoice::Tool("f".into())));
    let (body, losses) = written(&ask, &native());
    assert_eq!(losses, "", "the result answers the call");
    assert_eq!(body["messages"][2]["tool_call_id"], body["messages"][1]["tool_calls"][0]["id"]);
}

#[test]
fn a_subset_of_tools_is_all_that_is_offered() {
    let tool = |name: &str| json!({ "type": "function", "function": { "name": name } });
    let ask = asked(json!({
        "tools": [tool("a"), tool("b"), tool("c")],
        "tool_choice": { "type": "allowed_tools", "allowed_tools": {
            "mode": "required", "tools": [tool("c"), tool("a")] } }
    }));
    let names: Vec<_> = ask.tools.iter().map(|tool| tool.name.as_str()).collect();
    assert_eq!(names, ["a", "c"]);
    assert_eq!(ask.tool_choice, Some(ToolChoice::Required));
    assert_eq!(
        ask.foreign,
        [Foreign { path: "tool_choice.allowed_tools.tools".into(), refuse: false }]
    );
}

#[test]
fn media_are_known_by_their_type() {
    let image = |url: &str| json!({ "type": "image_url", "image_url": { "url": url } });
    let ask = read_value(&json!({ "messages": [{ "role": "user", "content": [
        image("https://x.example/a.png"),
        image("data:image/PNG;base64,iVBO\nRw=="),
        image("data:application/pdf;base64,JVBERi0="),
        { "type": "file", "file": { "filename": "a.pdf",
            "file_data": "data:application/pdf;name=a.pdf;base64,JVBERi0=" },
          "prompt_cache_breakpoint": { "mode": "explicit", "ttl": "12h" } }
    ] }] }))
    .unwrap();
    let pdf = Media::Base64 { media_type: "application/pdf".into(), data: "JVBERi0=".into() };
    let blocks = &ask.messages[0].blocks;
    assert!(matches!(&blocks[0].content, Content::Image { source: Media::Url(_), .. }));
    assert!(matches!(&blocks[1].content, Content::Image { source, .. } if *source == png()));
    assert!(matches!(&blocks[2].content, Content::Document { source, .. } if *source == pdf));
    assert!(
        matches!(&blocks[3].content, Content::Document { name: Some(name), .. } if name == "a.pdf")
    );
    assert_eq!(blocks[3].cache, Some(CacheMark::Hour1));
}

#[test]
fn compatible_servers_get_the_older_words() {
    let ask = read_value(&json!({
        "messages": [
            { "role": "developer", "content": "be brief" },
            { "role": "user", "content": [{ "type": "text", "text": "hi",
              "prompt_cache_breakpoint": { "mode": "explicit" } }] },
            { "role": "assistant", "content": "ho", "reasoning": "hm" }
        ],
        "max_completion_tokens": 9, "reasoning_effort": "none", "store": true,
        "verbosity": "low", "user": "u"
    }))
    .unwrap();
    let (body, losses) = written(&ask, &compatible());
    assert_eq!(
        body,
        json!({
            "model": "up",
            "messages": [
                { "role": "system", "content": "be brief" },
                { "role": "user", "content": "hi" },
                { "role": "assistant", "reasoning_content": "hm", "content": "ho" }
            ],
            "max_tokens": 9, "user": "u"
        })
    );
    assert_eq!(losses, "drop:reasoning.effort, drop:verbosity, drop:store, drop:cache_control");
    let (body, losses) = written(&ask, &native());
    assert_eq!(body["messages"][0]["role"], "developer");
    assert_eq!((&body["max_completion_tokens"], &body["max_tokens"]), (&json!(9), &Value::Null));
    assert_eq!(body["reasoning_effort"], "none");
    assert_eq!(losses, "drop:cache_control, drop:reasoning");
}

#[test]
fn models_without_sampling_are_spared_it() {
    let ask = asked(json!({ "temperature": 1, "top_p": 1, "presence_penalty": 1, "top_k": 4 }));
    let accepts = Accepts { sampling: false, ..Accepts::default() };
    let (body, losses) = written(&ask, &Target { accepts, ..native() });
    assert_eq!(losses, "drop:temperature, drop:top_p, drop:presence_penalty, drop:top_k");
    assert!(body.get("temperature").is_none() && body.get("presence_penalty").is_none());
}

#[test]
fn streams_always_ask_for_usage() {
    let (body, _) = written(&asked(json!({ "stream": true })), &native());
    assert_eq!(body["stream"], true);
    assert_eq!(body["stream_options"], json!({ "include_usage": true }));
    let (body, _) = written(&asked(json!({})), &native());
    assert!(body.get("stream").is_none() && body.get("stream_options").is_none());
}

#[test]
fn budgets_become_efforts() {
    for (budget, effort) in [(1024, "low"), (5000, "medium"), (24_576, "high"), (60_000, "xhigh")] {
        let reasoning =
            Reasoning { budget_tokens: Some(budget), summary: Some(true), ..Reasoning::default() };
        let ask = Ask { reasoning: Some(reasoning), ..asked(json!({})) };
        let (body, losses) = written(&ask, &native());
        assert_eq!(body["reasoning_effort"], effort);
        assert_eq!(losses, "drop:reasoning.summary, downgrade:reasoning.budget_tokens");
    }
}

#[test]
fn too_many_stop_strings_are_refused_by_openai_only() {
    let ask = asked(json!({ "stop": ["1", "2", "3", "4", "5"] }));
    assert_eq!(write(&ask, &native(), &mut Losses::default()).unwrap_err().param.unwrap(), "stop");
    assert_eq!(written(&ask, &compatible()).0["stop"].as_array().unwrap().len(), 5);
}

#[test]
fn labels_are_translated_or_reported() {
    let mut ask = asked(json!({ "service_tier": "standard_only" }));
    ask.user = Some("x".repeat(200));
    let (body, losses) = written(&ask, &native());
    assert_eq!((&body["service_tier"], losses.as_str()), (&json!("default"), "drop:user"));
    let (_, losses) = written(&asked(json!({ "service_tier": "reserved" })), &native());
    assert_eq!(losses, "drop:service_tier");
}

#[test]
fn json_mode_says_json() {
    let mut ask = asked(json!({ "response_format": { "type": "json_object" } }));
    let (body, losses) = written(&ask, &native());
    assert_eq!(losses, "emulate:response_format");
    assert!(body["messages"][1]["content"].as_str().unwrap().contains("JSON"));
    ask.messages.push(turn(Role::User, [text("As Json, please")]));
    assert_eq!(written(&ask, &native()).1, "");
    assert!(matches!(ask.format, Some(Format::JsonObject)));
}

#[test]
fn a_tool_without_parameters_takes_an_empty_object() {
    let tool = Tool {
        name: "f".into(),
        description: None,
        parameters: None,
        strict: None,
        cache: Some(CacheMark::Default),
    };
    let ask = Ask { tools: vec![tool], ..asked(json!({})) };
    let (body, losses) = written(&ask, &native());
    let function = &body["tools"][0]["function"];
    assert_eq!(
        *function,
        json!({ "name": "f", "parameters": { "type": "object", "properties": {} } })
    );
    assert_eq!(losses, "drop:cache_control");
}

#[test]
fn rules_about_tools_need_tools() {
    let ask = Ask {
        tool_choice: Some(ToolChoice::Auto),
        parallel_tools: Some(false),
        ..asked(json!({}))
    };
    let (body, _) = written(&ask, &native());
    assert!(body.get("tool_choice").is_none() && body.get("parallel_tool_calls").is_none());
}

#[test]
fn media_of_tool_results_follow_in_a_user_turn() {
    let image = Content::Image { source: png(), detail: None };
    let ask = ask_of(vec![
        turn(Role::Assistant, [call("a"), call("b")]),
        turn(Role::Tool, [result("a", [image], false), result("b", [text("no disk")], true)]),
        turn(Role::User, [text("and?")]),
    ]);
    let (body, losses) = written(&ask, &native());
    let messages = body["messages"].as_array().unwrap();
    assert_eq!(messages[0]["content"], Value::Null);
    assert_eq!(messages[0]["tool_calls"][0]["function"]["arguments"], "{}");
    assert_eq!(messages[1]["content"], "[image attached below]");
    assert_eq!(messages[2]["content"], "Error: no disk");
    assert_eq!(messages[3]["role"], "user");
    assert_eq!(messages[3]["content"][0]["image_url"]["url"], "data:image/png;base64,iVBORw==");
    assert_eq!(messages[4]["content"], "and?");
    assert_eq!(losses, "emulate:tool_result.image, emulate:tool_result.is_error");
}

#[test]
fn every_call_gets_exactly_one_result() {
    let ask = ask_of(vec![
        turn(Role::Tool, [result("gone", [text("x")], false)]),
        turn(Role::Assistant, [call("a"), call("b")]),
        turn(Role::Tool, [result("b", [], true), result("b", [text("again")], false)]),
        turn(Role::User, [text("stop")]),
    ]);
    let (body, losses) = written(&ask, &native());
    let ids: Vec<_> = body["messages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|message| (message["role"].as_str().unwrap(), message["content"].as_str()))
        .collect();
    assert_eq!(
        ids,
        [
            ("assistant", None),
            ("tool", Some("Error: the tool failed")),
            ("tool", Some("[no result: interrupted]")),
            ("user", Some("stop")),
        ]
    );
    assert_eq!(
        losses,
        "drop:tool_result, emulate:tool_result.is_error, \
         emulate:tool_result"
    );
}

#[test]
fn thinking_under_seal_stays_with_its_provider() {
    let state =
        OpaqueState { family: StateFamily::Anthropic, payload: "sig".into(), redacted: false };
    let thought = ReasoningBlock { text: "hm".into(), state: Some(state) };
    let ask = ask_of(vec![turn(Role::Assistant, [Content::Reasoning(thought), text("ho")])]);
    for target in [native(), compatible()] {
        let (body, losses) = written(&ask, &target);
        assert_eq!(body["messages"], json!([{ "role": "assistant", "content": "ho" }]));
        assert_eq!(losses, "drop:reasoning_state");
    }
}

#[test]
fn documents_go_as_files_or_as_text() {
    let document = |source, name: Option<&str>| {
        let name = name.map(str::to_owned);
        ask_of(vec![turn(Role::User, [Content::Document { source, name }])])
    };
    let base64 = |media_type: &str, data: &str| Media::Base64 {
        media_type: media_type.into(),
        data: data.into(),
    };
    let (body, losses) = written(&document(base64("application/pdf", "JVBERi0="), None), &native());
    assert_eq!(
        body["messages"][0]["content"][0]["file"],
        json!({ "filename": "document.pdf", "file_data": "data:application/pdf;base64,JVBERi0=" })
    );
    assert_eq!(losses, "");
    for source in [Media::Text("hello".into()), base64("text/plain", "aGVsbG8=")] {
        let (body, losses) = written(&document(source, Some("a.txt")), &native());
        assert_eq!(body["messages"][0]["content"], "a.txt:\n\nhello");
        assert_eq!(losses, "emulate:document");
    }
    for source in
        [Media::Url("https://x.example/a.pdf".into()), base64("application/msword", "AA==")]
    {
        let fault = write(&document(source, None), &native(), &mut Losses::default()).unwrap_err();
        assert_eq!(fault.param.as_deref(), Some("messages[0].content"));
    }
}

#[test]
fn an_address_is_refused_where_only_bytes_are_taken() {
    let source = Media::Url("https://x.example/a.png".into());
    let ask = ask_of(vec![turn(Role::User, [Content::Image { source, detail: None }])]);
    let accepts = Accepts { media_urls: false, ..Accepts::default() };
    let fault = write(&ask, &Target { accepts, ..native() }, &mut Losses::default()).unwrap_err();
    assert_eq!(fault.class, Class::UnsupportedHere);
    assert!(write(&ask, &native(), &mut Losses::default()).is_ok());
}

#[test]
fn the_last_four_cache_marks_are_kept() {
    let marked =
        (0..6).map(|at| Block { content: text(&at.to_string()), cache: Some(CacheMark::Default) });
    let ask = ask_of(vec![Message { role: Role::User, blocks: marked.collect() }]);
    assert!(!written(&ask, &native()).0.to_string().contains("breakpoint"), "an older model");
    let (body, losses) = written(&ask, &Target { model: "gpt-6".into(), ..native() });
    let parts = body["messages"][0]["content"].as_array().unwrap();
    let kept: Vec<_> =
        parts.iter().map(|part| part.get("prompt_cache_breakpoint").is_some()).collect();
    assert_eq!(kept, [false, false, true, true, true, true]);
    assert_eq!(losses, "drop:cache_control");
}

#[test]
fn empty_turns_stay_turns() {
    for content in [json!(""), json!([]), Value::Null] {
        let ask = read_value(&json!({ "messages": [
            { "role": "user", "content": content }, { "role": "assistant", "content": content }
        ] }))
        .unwrap();
        let (body, _) = written(&ask, &native());
        assert_eq!(
            body["messages"],
            json!([{ "role": "user", "content": "" }, { "role": "assistant", "content": "" }])
        );
    }
}
