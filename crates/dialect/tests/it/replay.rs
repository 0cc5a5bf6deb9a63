//! Reasoning that one family made and a client replays to another.

use serde_json::{Value, json};
use tieline_dialect::{
    Losses, dialect,
    ir::{Content, OpaqueState, ReasoningBlock, Reply, StateFamily},
};
use tieline_types::DialectId;

use crate::common::{read_request, style, target};

fn reasoning(family: StateFamily, payload: &str) -> Content {
    let state = OpaqueState { family, payload: payload.to_owned(), redacted: false };
    Content::Reasoning(ReasoningBlock { text: "Let me see.".to_owned(), state: Some(state) })
}

/// The next request of a client of `id` that got a reply with this reasoning, and replays it.
fn next_request(id: DialectId, thought: Content) -> Value {
    let blocks = vec![thought, Content::Text("Four.".to_owned())];
    let reply = Reply { blocks, ..Reply::default() };
    let body = dialect(id).write_response(&reply, &style(), &mut Losses::default());
    let reply: Value = serde_json::from_slice(&body).unwrap();
    match id {
        DialectId::OpenaiResponses => json!({ "model": "m", "input": reply["output"] }),
        DialectId::OpenaiChat => {
            json!({ "model": "m", "messages": [reply["choices"][0]["message"]] })
        }
        DialectId::AnthropicMessages => json!({
            "model": "m", "max_tokens": 100,
            "messages": [{ "role": "assistant", "content": reply["content"] }],
        }),
        DialectId::BedrockConverse => json!({ "messages": [reply["output"]["message"]] }),
    }
}

#[test]
fn claudes_reasoning_never_becomes_an_item_without_its_seal() {
    for client in [DialectId::OpenaiResponses, DialectId::AnthropicMessages] {
        let asked = next_request(client, reasoning(StateFamily::Anthropic, "EqQBCg")).to_string();
        let ask = read_request(client, asked.as_bytes()).unwrap();
        let responses = DialectId::OpenaiResponses;
        let mut losses = Losses::default();
        let body = dialect(responses).write_request(&ask, &target(responses), &mut losses).unwrap();
        let body: Value = serde_json::from_slice(&body).unwrap();
        let items = body["input"].as_array().unwrap();
        assert!(items.iter().all(|item| item["type"] != "reasoning"), "{body}");
        assert!(losses.to_string().contains("drop:reasoning"), "{losses}");
    }
}

#[test]
fn reasoning_is_known_to_be_foreign_when_it_comes_back() {
    let claude = || reasoning(StateFamily::Anthropic, "EqQBCg");
    let openai = || reasoning(StateFamily::Openai, "rs_1\ngAAAA");
    for (id, thought, foreign) in [
        (DialectId::OpenaiResponses, claude(), true),
        (DialectId::OpenaiResponses, openai(), false),
        (DialectId::AnthropicMessages, claude(), false),
        (DialectId::AnthropicMessages, openai(), true),
        (DialectId::BedrockConverse, claude(), false),
        (DialectId::BedrockConverse, openai(), true),
        (DialectId::OpenaiChat, claude(), false),
    ] {
        let body = next_request(id, thought).to_string();
        assert_eq!(dialect(id).replays_foreign_reasoning(body.as_bytes()), foreign, "{body}");
    }
}
