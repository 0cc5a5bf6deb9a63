//! Requests, read and written.

use serde_json::{Value, json};
use tieline_types::{Class, Fault};

use crate::{
    Accepts, Dialect, Losses, RawRequest, Target,
    bedrock_converse::BedrockConverse,
    ir::{
        Ask, Block, CacheMark, Content, Foreign, Format, Media, Message as Turn, OpaqueState,
        Reasoning, ReasoningBlock, Role, StateFamily, Tool, ToolCall, ToolChoice, ToolResult,
    },
};

macro_rules! fixture {
    ($path:literal) => {
        include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/bedrock_converse/", $path))
    };
}

const CLAUDE: &str = "us.anthropic.claude-opus-4-6-v1";

fn target(model: &str) -> Target {
    Target { model: model.into(), accepts: Accepts::default(), max_output_tokens: 32_000 }
}

fn read(body: &str) -> Result<Ask, Fault> {
    BedrockConverse.read_request(&RawRequest {
        body: body.as_bytes(),
        path_model: Some(CLAUDE),
        path_stream: true,
    })
}

fn write_to(model: &str, ask: &Ask) -> Result<(Value, String), Fault> {
    let mut losses = Losses::default();
    let body = BedrockConverse.write_request(ask, &target(model), &mut losses)?;
    Ok((serde_json::from_slice(&body).unwrap(), losses.to_string()))
}

fn write(ask: &Ask) -> (Value, String) {
    write_to(CLAUDE, ask).unwrap()
}

fn text(text: &str) -> Content {
    Content::Text(text.into())
}

fn turn(role: Role, contents: Vec<Content>) -> Turn {
    Turn { role, blocks: contents.into_iter().map(Block::from).collect() }
}

fn call(id: &str, arguments: &str) -> Content {
    Content::ToolCall(ToolCall { id: id.into(), name: "f".into(), arguments: arguments.into() })
}

fn result(id: &str, words: &str) -> Content {
    let blocks = vec![text(words).into()];
    Content::ToolResult(ToolResult { call_id: id.into(), blocks, is_error: false })
}

fn tool(name: &str) -> Tool {
    Tool { name: name.into(), description: None, parameters: None, strict: None, cache: None }
}

fn talk(messages: Vec<Turn>) -> Ask {
    Ask { messages, ..Ask::default() }
}

#[test]
fn requests_survive_a_round_trip() {
    for (name, body) in [
        ("plain", fixture!("requests/plain.json")),
        ("tools_second_turn", fixture!("requests/tools_second_turn.json")),
        ("tool_result_kinds", fixture!("requests/tool_result_kinds.json")),
        ("images", fixture!("requests/images.json")),
        ("documents", fixture!("requests/documents.json")),
        ("structured_output", fixture!("requests/structured_output.json")),
        ("reasoning_replay", fixture!("requests/reasoning_replay.json")),
        ("thinking_budget", fixture!("requests/thinking_budget.json")),
        ("cache_points", fixture!("requests/cache_points.json")),
        ("forced_tool", fixture!("requests/forced_tool.json")),
        ("metadata_tier", fixture!("requests/metadata_tier.json")),
    ] {
        let ask = read(body).unwrap();
        assert!(ask.stream && ask.model == CLAUDE && ask.foreign.is_empty(), "{name}");
        let (written, losses) = write(&ask);
        assert_eq!(losses, "", "{name}");
        let again = read(&written.to_string()).unwrap();
        assert_eq!(format!("{again:?}"), format!("{ask:?}"), "{name}");
    }
}

#[test]
fn requests_are_written_as_they_were_read() {
    for body in [
        fixture!("requests/plain.json"),
        fixture!("requests/tools_second_turn.json"),
        fixture!("requests/images.json"),
        fixture!("requests/documents.json"),
        fixture!("requests/reasoning_replay.json"),
        fixture!("requests/cache_points.json"),
        fixture!("requests/structured_output.json"),
        fixture!("requests/metadata_tier.json"),
    ] {
        let (written, _) = write(&read(body).unwrap());
        assert_eq!(written, serde_json::from_str::<Value>(body).unwrap());
    }
}

#[test]
fn what_cannot_be_carried_is_said_or_refused() {
    let (written, losses) = write(&read(fixture!("requests/foreign_fields.json")).unwrap());
    assert_eq!(written["messages"][0]["content"][0]["text"], "hi");
    for field in [
        "performanceConfig",
        "additionalModelResponseFieldPaths",
        "additionalModelRequestFields.anthropic_beta",
    ] {
        assert!(losses.contains(&format!("drop:{field}")), "{losses}");
    }
    let guarded = read(fixture!("requests/guardrail.json")).unwrap();
    let fault = write_to(CLAUDE, &guarded).unwrap_err();
    assert_eq!(fault.class, Class::UnsupportedHere);
    assert_eq!(fault.param.as_deref(), Some("guardrailConfig"));

    let hints = Ask {
        frequency_penalty: Some(0.1),
        presence_penalty: Some(0.1),
        seed: Some(1),
        verbosity: Some("low".into()),
        cache_key: Some("k".into()),
        store: Some(true),
        parallel_tools: Some(false),
        service_tier: Some("scale".into()),
        tool_choice: Some(ToolChoice::Auto),
        top_k: Some(3),
        temperature: Some(1.5),
        user: Some("caf\u{e9}".into()),
        metadata: vec![("k".into(), "v".into()), ("bad key\u{e9}".into(), "v".into())],
        reasoning: Some(Reasoning { effort: Some("high".into()), ..Reasoning::default() }),
        foreign: vec![Foreign { path: "messages[0].name".into(), refuse: false }],
        ..talk(vec![turn(Role::User, vec![text("hi")])])
    };
    let (written, losses) = write_to("us.openai.gpt-6-sol", &hints).unwrap();
    assert_eq!(
        losses,
        "drop:messages.name, drop:frequency_penalty, drop:presence_penalty, drop:seed, \
         drop:verbosity, drop:prompt_cache_key, drop:store, drop:parallel_tool_calls, \
         drop:tool_choice, drop:reasoning, downgrade:temperature, drop:top_k, drop:user, \
         drop:metadata, drop:service_tier"
    );
    assert_eq!(written["inferenceConfig"], json!({ "temperature": 1.0 }));
    assert_eq!(written["requestMetadata"], json!({ "k": "v" }));
}

#[test]
fn bad_requests_name_the_field() {
    for (body, param, class) in [
        (json!({ "messages": {} }), "messages", Class::ClientInvalid),
        (json!({ "messages": [{ "content": [] }] }), "messages[0].role", Class::ClientInvalid),
        (json!({ "messages": [{ "role": "tool" }] }), "messages[0].role", Class::ClientInvalid),
        (
            json!({ "messages": [{ "role": "user", "content": [{ "video": {} }] }] }),
            "messages[0].content[0]",
            Class::UnsupportedHere,
        ),
        (
            json!({ "toolConfig": { "tools": [{ "systemTool": { "name": "nova_grounding" } }] } }),
            "toolConfig.tools[0].systemTool",
            Class::UnsupportedHere,
        ),
        (
            json!({ "inferenceConfig": { "maxTokens": -1 } }),
            "inferenceConfig.maxTokens",
            Class::ClientInvalid,
        ),
    ] {
        let fault = read(&body.to_string()).unwrap_err();
        assert_eq!((fault.param.as_deref(), fault.class), (Some(param), class));
    }
}

#[test]
fn turns_alternate_and_begin_with_the_user() {
    for (messages, wanted, losses) in [
        // A1: results come first in one user turn.
        (
            vec![
                turn(Role::User, vec![text("q")]),
                turn(Role::Assistant, vec![call("c1", "{}")]),
                turn(Role::User, vec![text("and")]),
                turn(Role::Tool, vec![result("c1", "r")]),
            ],
            "user:text assistant:toolUse user:toolResult,text",
            "",
        ),
        // A2: empty turns vanish and their neighbours join.
        (
            vec![
                turn(Role::User, vec![text("a")]),
                turn(Role::Assistant, vec![text(" ")]),
                turn(Role::User, vec![text("b"), text("")]),
            ],
            "user:text,text",
            "",
        ),
        // A3: instructions only.
        (vec![turn(Role::System, vec![text("s")])], "user:text", "emulate:messages"),
        (
            vec![turn(Role::Assistant, vec![text("a")])],
            "user:text assistant:text",
            "emulate:messages",
        ),
        // A4: instructions amid the conversation.
        (
            vec![
                turn(Role::User, vec![text("a")]),
                turn(Role::Developer, vec![text("s")]),
                turn(Role::User, vec![text("b")]),
            ],
            "user:text,text,text",
            "downgrade:messages.role",
        ),
        // An interrupted call gets a result.
        (
            vec![
                turn(Role::Assistant, vec![call("c1", "{}"), call("c2", "{}")]),
                turn(Role::Tool, vec![result("c2", "r")]),
            ],
            "user:text assistant:toolUse,toolUse user:toolResult,toolResult",
            "emulate:tool_result, emulate:messages, emulate:tools",
        ),
        // A result without its call becomes words; a second result of one call is left out.
        (
            vec![
                turn(Role::User, vec![text("q")]),
                turn(Role::Assistant, vec![call("c1", "{}"), call("c1", "{}")]),
                turn(Role::Tool, vec![result("c1", "r"), result("c1", "r"), result("c9", "x")]),
            ],
            "user:text assistant:toolUse user:toolResult,text,text",
            "drop:tool_call, drop:tool_result, \
             downgrade:tool_result, emulate:tools",
        ),
    ] {
        let tools = if losses.contains("emulate:tools") { vec![] } else { vec![tool("f")] };
        let (written, lost) = write(&Ask { tools, ..talk(messages) });
        let shape: Vec<String> =
            written["messages"].as_array().unwrap().iter().map(shape).collect();
        assert_eq!((shape.join(" ").as_str(), lost.as_str()), (wanted, losses));
    }
}

fn shape(message: &Value) -> String {
    let parts = message["content"].as_array().unwrap().iter();
    let kinds: Vec<&str> =
        parts.map(|part| part.as_object().unwrap().keys().next().unwrap().as_str()).collect();
    format!("{}:{}", message["role"].as_str().unwrap(), kinds.join(","))
}

#[test]
fn a_mid_conversation_instruction_is_wrapped() {
    let (written, losses) = write(&read(fixture!("requests/mid_system.json")).unwrap());
    assert_eq!(
        written["messages"][2]["content"][0]["text"],
        "<system-reminder>\nThe user is now an admin.\n</system-reminder>"
    );
    assert_eq!(losses, "downgrade:messages.role");
}

#[test]
fn call_ids_are_rewritten_on_both_sides() {
    let long = "call_".repeat(20);
    let (written, _) = write(&talk(vec![
        turn(Role::User, vec![text("q")]),
        turn(Role::Assistant, vec![call(&long, "")]),
        turn(Role::Tool, vec![result(&long, "r")]),
        turn(Role::Assistant, vec![call("call_0", "[1]")]),
        turn(Role::Tool, vec![result("call_0", "r")]),
        turn(Role::Assistant, vec![call("call_0", "{}")]),
        turn(Role::Tool, vec![result("call_0", "r")]),
    ]));
    let id = |turn: usize, kind: &str| {
        written["messages"][turn]["content"][0][kind]["toolUseId"].clone()
    };
    for turn in [1, 3, 5] {
        assert_eq!(id(turn, "toolUse"), id(turn + 1, "toolResult"));
    }
    assert_ne!(id(3, "toolUse"), id(5, "toolUse"));
    assert!(id(1, "toolUse").as_str().unwrap().len() <= 64);
    assert_eq!(written["messages"][1]["content"][0]["toolUse"]["input"], json!({}));
    assert_eq!(written["messages"][3]["content"][0]["toolUse"]["input"], json!({ "input": "[1]" }));
}

#[test]
fn tools_are_declared_as_converse_demands() {
    let history = || {
        vec![
            turn(Role::User, vec![text("q")]),
            turn(Role::Assistant, vec![call("c1", "{}")]),
            turn(Role::Tool, vec![result("c1", "r")]),
        ]
    };
    let none = Some(ToolChoice::None);
    let fresh = vec![turn(Role::User, vec![text("q")])];
    let ask = Ask { tools: vec![tool("f")], tool_choice: none.clone(), ..talk(fresh) };
    let (written, losses) = write(&ask);
    assert_eq!((written.get("toolConfig"), losses.as_str()), (None, ""));

    let ask = Ask { tools: vec![tool("f")], tool_choice: none, ..talk(history()) };
    let (written, losses) = write(&ask);
    assert_eq!(losses, "emulate:tool_choice");
    assert_eq!(written["toolConfig"]["tools"][0]["toolSpec"]["description"], "f");
    assert_eq!(written["toolConfig"].get("toolChoice"), None);
    assert!(written["system"][0]["text"].as_str().unwrap().contains("tool"));

    let (written, losses) = write(&talk(history()));
    assert_eq!(losses, "emulate:tools");
    assert_eq!(written["toolConfig"]["tools"][0]["toolSpec"]["name"], "f");

    let (written, _) = write(&Ask {
        tools: vec![tool("b"), tool("a")],
        tool_choice: Some(ToolChoice::Required),
        ..talk(history())
    });
    assert_eq!(written["toolConfig"]["toolChoice"], json!({ "any": {} }));
    assert_eq!(written["toolConfig"]["tools"][0]["toolSpec"]["name"], "b");

    for name in ["a.b", "", &"x".repeat(65)] {
        let ask = Ask { tools: vec![tool(name)], ..Ask::default() };
        let fault = write_to(CLAUDE, &ask).unwrap_err();
        assert_eq!(fault.class, Class::UnsupportedHere);
        assert_eq!(fault.param.as_deref(), Some("tools[0].name"));
    }
}

#[test]
fn the_schema_of_an_answer_is_a_string_with_its_text_untouched() {
    let schema = r#"{"type": "object", "b":1, "a":2}"#;
    let format = Format::JsonSchema {
        name: "n".into(),
        description: None,
        schema: serde_json::value::RawValue::from_string(schema.into()).unwrap(),
        strict: Some(true),
    };
    let (written, losses) =
        write(&Ask { format: Some(format), ..talk(vec![turn(Role::User, vec![text("q")])]) });
    let structure = &written["outputConfig"]["textFormat"]["structure"];
    assert_eq!(structure["jsonSchema"]["schema"], schema);
    assert_eq!(losses, "");
    let (written, losses) = write(&Ask {
        format: Some(Format::JsonObject),
        ..talk(vec![turn(Role::User, vec![text("q")])])
    });
    assert!(written["system"][0]["text"].as_str().unwrap().contains("JSON"));
    assert_eq!(losses, "emulate:response_format");
}

#[test]
fn only_the_last_four_cache_points_stay() {
    let marked = |words: &str| Block { content: text(words), cache: Some(CacheMark::Default) };
    let mut cached = tool("f");
    cached.cache = Some(CacheMark::Default);
    let ask = Ask {
        tools: vec![cached],
        ..talk(vec![
            Turn { role: Role::System, blocks: vec![marked("s")] },
            Turn { role: Role::User, blocks: vec![marked("a"), marked("b"), marked("c")] },
        ])
    };
    let (written, losses) = write(&ask);
    assert_eq!(losses, "drop:cache_control");
    assert_eq!(written["toolConfig"]["tools"].as_array().unwrap().len(), 1);
    assert_eq!(written["system"][1], json!({ "cachePoint": { "type": "default" } }));
    assert_eq!(written.to_string().matches("cachePoint").count(), 4);
    let (nova, losses) = write_to("amazon.nova-pro-v1:0", &ask).unwrap();
    assert_eq!(nova.to_string().matches("cachePoint").count(), 4);
    assert_eq!(losses, "drop:cache_control");
    let (other, _) = write_to("us.openai.gpt-6-sol", &ask).unwrap();
    assert_eq!(other.to_string().matches("cachePoint").count(), 0);
}

#[test]
fn media_are_given_formats_names_and_words() {
    let pdf = || Content::Document {
        source: Media::Base64 { media_type: "application/pdf".into(), data: "JVBERi0=".into() },
        name: Some("my_report.pdf".into()),
    };
    let (written, losses) = write(&talk(vec![turn(Role::User, vec![pdf(), pdf()])]));
    let content = &written["messages"][0]["content"];
    assert_eq!(content[0]["document"]["format"], "pdf");
    assert_eq!(content[0]["document"]["name"], "my-report-pdf");
    assert_eq!(content[1]["document"]["name"], "my-report-pdf (2)");
    assert!(content[2]["text"].is_string());
    assert_eq!(losses, "downgrade:document.name, emulate:document");
    let web = Content::Image { source: Media::Url("https://x/y.png".into()), detail: None };
    let fault = write_to(CLAUDE, &talk(vec![turn(Role::User, vec![web])])).unwrap_err();
    assert_eq!(fault.param.as_deref(), Some("messages[0].content[0]"));
}

#[test]
fn only_claude_gets_claudes_state() {
    let thought = |family, state: bool| {
        Content::Reasoning(ReasoningBlock {
            text: "t".into(),
            state: state.then(|| OpaqueState { family, payload: "sig".into(), redacted: false }),
        })
    };
    let dropped = "drop:reasoning_state";
    for (model, content, lost) in [
        (CLAUDE, thought(StateFamily::Anthropic, true), ""),
        (CLAUDE, thought(StateFamily::Openai, true), dropped),
        (CLAUDE, thought(StateFamily::Anthropic, false), "drop:reasoning"),
        ("us.openai.gpt-6-sol", thought(StateFamily::Anthropic, true), dropped),
    ] {
        let ask = talk(vec![
            turn(Role::User, vec![text("q")]),
            turn(Role::Assistant, vec![content, text("a")]),
        ]);
        let (written, losses) = write_to(model, &ask).unwrap();
        assert_eq!(written.to_string().contains("sig"), lost.is_empty());
        assert_eq!(losses, lost);
    }
}

#[test]
fn sampling_yields_to_the_deployment_and_to_thinking() {
    let ask = Ask {
        temperature: Some(0.3),
        top_p: Some(0.5),
        top_k: Some(5),
        ..talk(vec![turn(Role::User, vec![text("q")])])
    };
    let (written, losses) = write(&ask);
    assert_eq!(losses, "");
    assert_eq!(written["additionalModelRequestFields"]["top_k"], 5);
    let fixed =
        Target { accepts: Accepts { sampling: false, ..Accepts::default() }, ..target(CLAUDE) };
    let mut lost = Losses::default();
    BedrockConverse.write_request(&ask, &fixed, &mut lost).unwrap();
    assert_eq!(lost.to_string(), "drop:temperature, drop:top_p, drop:top_k");
    let (_, losses) = write(&Ask { reasoning: Some(Reasoning::default()), ..ask });
    assert_eq!(losses, "drop:temperature, drop:top_p, drop:top_k");
}
