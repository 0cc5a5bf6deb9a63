//! What is answered to what.

use tieline_dialect::ir::{Block, CacheMark, ToolResult};

use super::*;

const TOKENS: RangeInclusive<u32> = 20..=60;

fn voice(dialect: DialectId) -> Voice<'static> {
    Voice {
        seed: 1,
        provider: "p",
        kind: Kind::Openai,
        dialect,
        prefill: false,
        reply_tokens: &TOKENS,
        known: None,
        wrong: false,
    }
}

fn message(role: Role, contents: impl IntoIterator<Item = Content>) -> Message {
    Message { role, blocks: contents.into_iter().map(Block::from).collect() }
}

fn user(text: &str) -> Message {
    message(Role::User, [Content::Text(text.to_owned())])
}

fn asking(messages: impl IntoIterator<Item = Message>) -> Ask {
    Ask { model: "m".to_owned(), messages: messages.into_iter().collect(), ..Ask::default() }
}

fn raw(value: &Value) -> Box<RawValue> {
    serde_json::value::to_raw_value(value).unwrap()
}

fn tool(name: &str) -> Tool {
    let schema = json!({"type": "object", "properties": {"city": {"type": "string"}},
                        "required": ["city"]});
    Tool {
        name: name.to_owned(),
        description: None,
        parameters: Some(raw(&schema)),
        strict: None,
        cache: None,
    }
}

fn answered(ask: &Ask) -> Reply {
    reply_to(ask, &voice(DialectId::OpenaiChat))
}

fn text_of(reply: &Reply) -> String {
    reply.blocks.iter().fold(String::new(), |all, block| match block {
        Content::Text(text) => all + text,
        _ => all,
    })
}

fn calls_of(reply: &Reply) -> Vec<&ToolCall> {
    let calls = reply.blocks.iter().filter_map(|block| match block {
        Content::ToolCall(call) => Some(call),
        _ => None,
    });
    calls.collect()
}

#[test]
fn the_same_question_has_the_same_answer_and_no_other_has() {
    let base = answered(&asking([user("hi")]));
    assert_eq!(text_of(&base), text_of(&answered(&asking([user("hi")]))));
    let dialect = DialectId::OpenaiChat;
    let other_voice = Voice { seed: 2, ..voice(dialect) };
    let other_provider = Voice { provider: "q", ..voice(dialect) };
    let other_model = Ask { model: "n".to_owned(), ..asking([user("hi")]) };
    for other in [
        reply_to(&asking([user("hi")]), &other_voice),
        reply_to(&asking([user("hi")]), &other_provider),
        answered(&other_model),
        answered(&asking([user("hi!")])),
        answered(&asking([user("h"), user("i")])),
    ] {
        assert_ne!(text_of(&base), text_of(&other));
        assert_ne!(base.id, other.id);
    }
}

#[test]
fn free_text_is_as_long_as_the_provider_talks() {
    for question in ["a", "b", "c", "d", "e"] {
        let usage = answered(&asking([user(question)])).usage.unwrap();
        assert!((20..=63).contains(&usage.output), "{usage:?}");
    }
}

#[test]
fn an_echo_is_exact_and_obeys_stops_and_limits() {
    let said = "one two three four";
    let base = asking([user(&format!("echo: {said}"))]);
    let stop = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    for (stops, limit, text, finish, sequence) in [
        (vec![], None, said, Finish::Stop, None),
        (stop(&["five"]), Some(5), said, Finish::Stop, None),
        (stop(&["four", " two"]), None, "one", Finish::StopSequence, Some(" two")),
        (vec![], Some(2), "one two ", Finish::Length, None),
        (stop(&["three"]), Some(1), "one ", Finish::Length, None),
        (vec![], Some(0), "", Finish::Length, None),
        (stop(&["", "one"]), None, "", Finish::StopSequence, Some("one")),
    ] {
        let ask = Ask { stop: stops, max_output_tokens: limit, ..base.clone() };
        let reply = answered(&ask);
        assert_eq!(text_of(&reply), text);
        assert_eq!((reply.finish, reply.stop_sequence.as_deref()), (finish, sequence));
        assert_eq!(reply.usage.unwrap().output, prose::tokens(text));
    }
}

#[test]
fn tools_are_called_as_chosen() {
    let tools = vec![tool("a"), tool("b"), tool("c")];
    let base = Ask { tools, ..asking([user("weather?")]) };
    let echo = asking([user("echo: x")]).messages;
    let named = Some(ToolChoice::Tool("c".to_owned()));
    for (ask, names) in [
        (base.clone(), &["a", "b"][..]),
        (Ask { parallel_tools: Some(false), ..base.clone() }, &["a"]),
        (Ask { tool_choice: Some(ToolChoice::Required), ..base.clone() }, &["a", "b"]),
        (Ask { tool_choice: named, ..base.clone() }, &["c"]),
        (Ask { tool_choice: Some(ToolChoice::None), ..base.clone() }, &[]),
        (Ask { messages: echo.clone(), ..base.clone() }, &[]),
        (
            Ask { messages: echo, tool_choice: Some(ToolChoice::Required), ..base.clone() },
            &["a", "b"],
        ),
    ] {
        let reply = answered(&ask);
        let calls = calls_of(&reply);
        assert_eq!(calls.iter().map(|call| call.name.as_str()).collect::<Vec<_>>(), names);
        assert_eq!(reply.finish == Finish::ToolCalls, !names.is_empty());
        for call in calls {
            let arguments: Value = serde_json::from_str(&call.arguments).unwrap();
            assert!(arguments["city"].is_string());
        }
    }
    let short = answered(&Ask { max_output_tokens: Some(2), ..base });
    assert!(short.blocks.is_empty());
    assert_eq!(short.finish, Finish::Length);
}

#[test]
fn tool_results_are_quoted_and_call_ids_never_repeat() {
    let tools = vec![tool("a")];
    let first = Ask { tools, ..asking([user("weather?")]) };
    let reply = answered(&first);
    let call = calls_of(&reply)[0].clone();
    let result = |call_id: &str, text: &str, is_error| {
        let blocks = vec![Content::Text(text.to_owned()).into()];
        Content::ToolResult(ToolResult { call_id: call_id.to_owned(), blocks, is_error })
    };
    let mut second = first;
    second.messages.push(message(Role::Assistant, [Content::ToolCall(call.clone())]));
    second.messages.push(message(
        Role::Tool,
        [result(&call.id, "12 degrees", false), result("x", "no route", true)],
    ));
    let said = text_of(&answered(&second));
    assert_eq!(said, "The tool answered: 12 degrees\nThe tool failed: no route");

    second.messages.push(user("and tomorrow?"));
    assert_ne!(calls_of(&answered(&second))[0].id, call.id);
}

#[test]
fn structured_answers_are_instances() {
    let schema = json!({"type": "object", "properties": {"n": {"type": "integer"}}});
    let format = Format::JsonSchema {
        name: "n".to_owned(),
        description: None,
        schema: raw(&schema),
        strict: Some(true),
    };
    let base = asking([user("count")]);
    let said = text_of(&answered(&Ask { format: Some(format), ..base.clone() }));
    assert!(serde_json::from_str::<Value>(&said).unwrap()["n"].is_i64(), "{said}");
    let said = text_of(&answered(&Ask { format: Some(Format::JsonObject), ..base }));
    assert!(serde_json::from_str::<Value>(&said).unwrap().is_object(), "{said}");
}

#[test]
fn media_are_described() {
    let base64 = |media_type: &str, data: &str| Media::Base64 {
        media_type: media_type.to_owned(),
        data: data.to_owned(),
    };
    let image = |source| Content::Image { source, detail: None };
    let name = Some("terms.pdf".to_owned());
    for (content, start) in [
        (image(base64("image/png", "AAAAAAA=")), "I see an image of 5 bytes, image/png. "),
        (image(base64("image/png", "%")), "I see an image of unreadable bytes, image/png. "),
        (image(Media::Url("https://example.com/a".to_owned())), "I see an image at https://ex"),
        (
            Content::Document { source: base64("application/pdf", "AAAA"), name },
            "I read the document terms.pdf of 3 bytes, application/pdf. ",
        ),
        (
            Content::Document { source: Media::Text("abc".to_owned()), name: None },
            "I read the document of 3 bytes, text/plain. ",
        ),
    ] {
        let said = text_of(&answered(&asking([message(Role::User, [content])])));
        assert!(said.starts_with(start), "{said}");
    }
}

#[test]
fn thinking_is_counted_and_shown_as_each_dialect_does() {
    let high = Reasoning { effort: Some("high".to_owned()), ..Reasoning::default() };
    let ask = Ask { reasoning: Some(high.clone()), ..asking([user("why?")]) };
    for (dialect, kind, shown, family) in [
        (DialectId::OpenaiChat, Kind::Openai, false, None),
        (DialectId::OpenaiChat, Kind::OpenaiCompatible, true, None),
        (DialectId::OpenaiResponses, Kind::Openai, true, Some(StateFamily::Openai)),
        (DialectId::AnthropicMessages, Kind::Anthropic, true, Some(StateFamily::Anthropic)),
        (DialectId::BedrockConverse, Kind::Bedrock, true, Some(StateFamily::Anthropic)),
    ] {
        let reply = reply_to(&ask, &Voice { kind, ..voice(dialect) });
        assert_eq!(reply.usage.unwrap().reasoning, 128);
        let block = reply.blocks.iter().find_map(|block| match block {
            Content::Reasoning(block) => Some(block),
            _ => None,
        });
        assert_eq!(block.is_some(), shown, "{dialect}");
        let state = block.and_then(|block| block.state.as_ref());
        assert_eq!(state.map(|state| state.family), family, "{dialect}");
    }
    let tokens = |reasoning: Reasoning, limit| {
        let ask = Ask {
            reasoning: Some(reasoning),
            max_output_tokens: limit,
            ..asking([user("echo: abcdefgh")])
        };
        let reply = answered(&ask);
        (reply.usage.unwrap().reasoning, reply.usage.unwrap().output, reply.finish)
    };
    let off = Reasoning { off: true, ..high.clone() };
    let budget = Reasoning { budget_tokens: Some(10), ..Reasoning::default() };
    assert_eq!(tokens(off, None), (0, 2, Finish::Stop));
    assert_eq!(tokens(budget, None), (10, 2, Finish::Stop));
    assert_eq!(tokens(high.clone(), Some(100)), (100, 0, Finish::Length));
    assert_eq!(tokens(high, Some(129)), (128, 1, Finish::Length));
}

#[test]
fn input_is_counted_in_the_cache_buckets() {
    let marked = |mark| {
        let mut first = user(&"x".repeat(80));
        first.blocks[0].cache = Some(mark);
        asking([first, user(&"y".repeat(40))])
    };
    let usage = |ask: &Ask| answered(ask).usage.unwrap();
    let plain = usage(&asking([user(&"x".repeat(80)), user(&"y".repeat(40))]));
    assert_eq!((plain.input, plain.input_total()), (30, 30));

    let written = usage(&marked(CacheMark::Hour1));
    assert_eq!((written.input, written.cache_write_1h, written.cache_read), (10, 20, 0));
    assert_eq!(usage(&marked(CacheMark::Minutes5)).cache_write_5m, 20);
    assert_eq!(usage(&marked(CacheMark::Default)).cache_write_other, 20);

    let mut later = marked(CacheMark::Hour1);
    later.messages.insert(1, message(Role::Assistant, [Content::Text("z".repeat(40))]));
    let read = usage(&later);
    assert_eq!((read.input, read.cache_write(), read.cache_read), (20, 0, 20));

    let turns = [user(&"x".repeat(80)), message(Role::Assistant, []), user("abcd")];
    let keyed = Ask { cache_key: Some("k".to_owned()), ..asking(turns) };
    assert_eq!((usage(&keyed).input, usage(&keyed).cache_read), (1, 20));
}

#[test]
fn who_takes_a_last_turn_of_its_own_goes_on_from_it() {
    let question = user("echo: one two three");
    let begun = message(Role::Assistant, [Content::Text("one tw".to_owned())]);
    let ask = asking([question, begun]);
    for (prefill, goes_on) in [(true, true), (false, false)] {
        let reply = reply_to(&ask, &Voice { prefill, ..voice(DialectId::AnthropicMessages) });
        assert_eq!(text_of(&reply) == "o three", goes_on, "{reply:?}");
    }
}
