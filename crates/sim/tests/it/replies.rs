//! Determinism, tools and structured output through every dialect.

use serde_json::{Value, json, value::to_raw_value};
use tieline_dialect::ir::{
    Ask, Block, Content, Finish, Format, Message, Role, Tool, ToolCall, ToolResult,
};
use tieline_types::DialectId;

use crate::support::{SURFACES, call, one_of_each_dialect, request, sim, streamed, text_of, user};

#[tokio::test(start_paused = true)]
async fn the_same_seed_gives_the_same_bytes() {
    for surface in SURFACES {
        for ask in [user("tell me"), streamed(user("tell me"))] {
            let mut bodies = Vec::new();
            for seed in [5, 5, 6] {
                let sent = request(surface, &ask);
                let answer = call(&sim(seed), surface.kind.as_str(), sent).await.unwrap();
                bodies.push((format!("{:?}", answer.headers), answer.text()));
            }
            assert_eq!(bodies[0], bodies[1], "{surface:?}");
            assert_ne!(bodies[0].1, bodies[2].1, "{surface:?}");
        }
    }
}

fn weather(name: &str) -> Tool {
    let schema = json!({
        "type": "object",
        "properties": {"city": {"type": "string"}, "days": {"type": "integer", "minimum": 1}},
        "required": ["city", "days"],
        "additionalProperties": false,
    });
    Tool {
        name: name.to_owned(),
        description: Some("The weather of a city".to_owned()),
        parameters: Some(to_raw_value(&schema).unwrap()),
        strict: None,
        cache: None,
    }
}

fn calls_of(blocks: &[Content]) -> Vec<ToolCall> {
    let calls = blocks.iter().filter_map(|block| match block {
        Content::ToolCall(call) => Some(call.clone()),
        _ => None,
    });
    calls.collect()
}

#[tokio::test(start_paused = true)]
async fn tools_make_the_round_trip_in_every_dialect() {
    let sim = sim(1);
    for surface in SURFACES {
        let provider = surface.kind.as_str();
        let tools = vec![weather("today"), weather("tomorrow")];
        let mut ask = Ask { tools, ..user("Is it warm?") };
        let whole = call(&sim, provider, request(surface, &ask)).await.unwrap();
        let reply = whole.reply(surface.dialect).unwrap();
        assert_eq!(reply.finish, Finish::ToolCalls, "{surface:?}");
        let calls = calls_of(&reply.blocks);
        assert_eq!(calls.iter().map(|call| &call.name).collect::<Vec<_>>(), ["today", "tomorrow"]);
        for call in &calls {
            let arguments: Value = serde_json::from_str(&call.arguments).unwrap();
            assert!(arguments["city"].is_string() && arguments["days"].as_i64() >= Some(1));
        }
        let sent = request(surface, &streamed(ask.clone()));
        let stream = call(&sim, provider, sent).await.unwrap().collected(surface.dialect).unwrap();
        assert_eq!(stream.finish, Finish::ToolCalls, "{surface:?}");
        assert_eq!(calls_of(&stream.blocks), calls, "{surface:?}");

        let results = calls.iter().zip(["12 degrees", "9 degrees"]).map(|(call, text)| {
            let blocks = vec![Content::Text(text.to_owned()).into()];
            let call_id = call.id.clone();
            Content::ToolResult(ToolResult { call_id, blocks, is_error: false })
        });
        let results = results.map(Block::from).collect();
        let said = reply.blocks.into_iter().map(Block::from).collect();
        ask.messages.push(Message { role: Role::Assistant, blocks: said });
        ask.messages.push(Message { role: Role::Tool, blocks: results });
        let answer = call(&sim, provider, request(surface, &ask)).await.unwrap();
        let answer = answer.reply(surface.dialect).unwrap();
        let text = text_of(&answer);
        assert!(text.contains("12 degrees") && text.contains("9 degrees"), "{surface:?}: {text}");
        assert_eq!(answer.finish, Finish::Stop);
    }
}

#[tokio::test(start_paused = true)]
async fn structured_output_is_an_instance_in_every_dialect() {
    let sim = sim(1);
    let schema = json!({
        "type": "object", "properties": {"mood": {"enum": ["calm", "angry"]}},
        "required": ["mood"], "additionalProperties": false,
    });
    for surface in one_of_each_dialect() {
        let format = Format::JsonSchema {
            name: "mood".to_owned(),
            description: None,
            schema: to_raw_value(&schema).unwrap(),
            strict: Some(true),
        };
        let ask = Ask { format: Some(format), ..user("How do they feel?") };
        let answer = call(&sim, surface.kind.as_str(), request(surface, &ask)).await.unwrap();
        let text = text_of(&answer.reply(surface.dialect).unwrap());
        let value: Value = serde_json::from_str(&text).unwrap();
        assert!(["calm", "angry"].contains(&value["mood"].as_str().unwrap()), "{surface:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn limits_and_stops_are_obeyed_in_every_dialect() {
    let sim = sim(1);
    for surface in one_of_each_dialect() {
        let ask = Ask { max_output_tokens: Some(16), ..user(&format!("echo: {}", "x".repeat(99))) };
        let answer = call(&sim, surface.kind.as_str(), request(surface, &ask)).await.unwrap();
        let reply = answer.reply(surface.dialect).unwrap();
        assert_eq!((text_of(&reply).len(), reply.finish), (64, Finish::Length), "{surface:?}");

        // The Responses dialect has no stop strings.
        if surface.dialect != DialectId::OpenaiResponses {
            let ask = Ask { stop: vec!["END".to_owned()], ..user("echo: to the END of it") };
            let answer = call(&sim, surface.kind.as_str(), request(surface, &ask)).await.unwrap();
            let text = text_of(&answer.reply(surface.dialect).unwrap());
            assert_eq!(text, "to the ", "{surface:?}");
        }
    }
}
