//! What features do about streams that break after content was sent.

use std::time::Duration;

use http::Request;
use http_body_util::{BodyExt as _, Full};
use serde_json::{Value, json};
use tieline_ledger::KeyRing;
use tieline_sim::{Fault, Pace, Rule};
use tieline_types::{CallRecord, Class, Outcome, Phase};
use tokio::time::Instant;

use crate::house::{Answer, Client, House, post};

const PROVIDERS: &str = r#"
version: 1
providers:
  openai:    { kind: openai, base_url: "http://openai.sim/v1", api_key: { env: KEY } }
  anthropic: { kind: anthropic, base_url: "http://anthropic.sim", api_key: { env: KEY } }
  bedrock:
    kind: bedrock
    region: us-east-2
    api_key: { env: KEY }
    endpoint: "http://bedrock.sim"
  local:     { kind: openai-compatible, base_url: "http://local.sim/v1" }
models:
  chat:      [ openai ]
  responses: [ { provider: openai, name: gpt-5.5, surface: responses } ]
  llama:     [ { provider: local, prefill: true } ]
  claude:    [ { provider: anthropic, prefill: true } ]
  amazon:    [ { provider: bedrock, name: us.anthropic.claude-sonnet-5, prefill: true } ]
  nova:      [ { provider: bedrock, name: "amazon.nova-pro-v1:0", prefill: true } ]
features:
"#;

/// Who breaks and who is next: same dialects, other dialects, and every dialect as either.
const PAIRS: [(&str, &str); 7] = [
    ("chat", "llama"),
    ("chat", "claude"),
    ("claude", "amazon"),
    ("claude", "llama"),
    ("claude", "nova"),
    ("nova", "claude"),
    ("responses", "llama"),
];

/// Breaks in the middle of a stream, and their classes.
const BREAKS: [(&str, Class); 4] = [
    ("cut-after=10", Class::StreamTruncated),
    ("cut-clean-after=10", Class::StreamTruncated),
    ("stall-after=10", Class::Timeout),
    ("in-band=overloaded_error,after=10", Class::Overloaded),
];

/// The class that a break has at a provider: they have different words for the same.
fn class_at(model: &str, class: Class) -> Class {
    if (model, class) == ("nova", Class::Overloaded) { Class::ServerError } else { class }
}

const TEXT: &str = "The lantern in the harbor went out at nine. Nobody saw it but the pilot, who \
                    rowed back, lit it again, and never told a soul of the \u{e9}toile he saw.";

fn paced() -> Pace {
    Pace { first_token: Duration::from_millis(200), per_token: Duration::from_millis(10) }
}

/// A feature for each pair, and more.
async fn house(on_break: &str) -> House {
    let mut text = PROVIDERS.to_owned();
    for (first, second) in PAIRS {
        text += &format!(
            "  {first}-{second}:\n    on_stream_break: {on_break}\n    \
             tiers: [ {{ models: [{first}, {second}] }} ]\n"
        );
    }
    text += &format!(
        "  long:\n    on_stream_break: {on_break}\n    deadline: 5s\n    \
         tiers: [ {{ models: [claude, llama, amazon] }} ]\n"
    );
    text += &format!(
        "  fixed:\n    on_stream_break: {on_break}\n    \
         tiers: [ {{ models: [claude, amazon] }}, {{ reply: Sorry., acceptable: false }} ]\n"
    );
    House::with(&text, paced(), |_| KeyRing::default()).await
}

fn provider_of(model: &str) -> &'static str {
    match model {
        "chat" | "responses" => "openai",
        "llama" => "local",
        "claude" => "anthropic",
        _ => "bedrock",
    }
}

fn ask(client: Client, feature: &str) -> Value {
    client.ask(feature, true, &format!("echo: {TEXT}"))
}

fn restartable(client: Client, body: &Value) -> Request<Full<bytes::Bytes>> {
    let mut request = post(client.path(), body.to_string());
    request.headers_mut().insert("x-tieline-stream-restart", "ok".parse().unwrap());
    request
}

/// The text of a stream, as the dialect's clients put it together.
fn text_of(client: Client, stream: &str) -> String {
    let events = stream.lines().filter_map(|line| line.strip_prefix("data: "));
    let events = events.filter_map(|data| serde_json::from_str::<Value>(data).ok());
    let piece = |event: Value| match client {
        Client::Chat => event["choices"][0]["delta"]["content"].as_str().map(str::to_owned),
        Client::Messages if event["type"] == "content_block_delta" => {
            assert_eq!(event["index"], 0, "{stream}");
            event["delta"]["text"].as_str().map(str::to_owned)
        }
        Client::Messages => None,
    };
    events.filter_map(piece).collect()
}

/// What follows the mark of a restart, as an answer of its own, and the mark's data.
fn restarted(answer: &Answer) -> Option<(Answer, Value)> {
    let text = answer.text();
    let (before, after) = text.split_once("event: tieline.restart\ndata: ")?;
    assert!(!before.contains("error") && before.ends_with("\n\n"), "{before}");
    let (mark, rest) = after.split_once("\n\n")?;
    let rest = Answer {
        status: answer.status,
        headers: answer.headers.clone(),
        body: rest.to_owned().into(),
        cut: answer.cut,
    };
    Some((rest, serde_json::from_str(mark).unwrap()))
}

/// The two attempts of a record whose first broke.
fn assert_mended(record: &CallRecord, (first, second): (&str, &str), class: Class, cell: &str) {
    let [broke, served] = record.attempts.as_slice() else { panic!("{cell}: {record:?}") };
    assert_eq!(broke.fault, Some(class), "{cell}");
    assert_eq!(broke.phase, Some(Phase::PostCommit), "{cell}");
    assert!(broke.deployment.starts_with(first) && broke.usage.is_some(), "{cell}");
    assert_eq!(served.fault, None, "{cell}");
    assert!(served.deployment.starts_with(second) && served.usage.is_some(), "{cell}");
    assert_eq!(record.deployment.as_ref(), Some(&served.deployment), "{cell}");
    assert_eq!((record.status, record.fault), (200, None), "{cell}");
    assert!(record.first_content_us.unwrap() < served.start_us, "{cell}: the first that was sent");
}

/// The state of a deployment and how often it was called.
fn health(house: &House, id: &str) -> &'static str {
    let status = house.gateway.status();
    status.deployments.iter().find(|one| one.id == id).unwrap().state
}

#[tokio::test(start_paused = true)]
async fn an_error_says_how_much_came_before_it() {
    for (fault, class) in BREAKS {
        let house = house("error").await;
        house.fault("anthropic", fault);
        for client in Client::ALL {
            let answer = house.post(client.path(), ask(client, "claude-llama").to_string()).await;
            let cell = format!("{fault} {client:?}: {}", answer.text());
            assert!(client.tells_break(&answer), "{cell}");
            assert!(answer.text().contains("(after 10 pieces of the answer)"), "{cell}");
            assert_eq!(text_of(client, &answer.text()), TEXT[..40].to_owned(), "{cell}");
            let record = house.record(&answer).await;
            assert_eq!((record.outcome, record.fault), (Outcome::Broken, Some(class)), "{cell}");
            assert_eq!(record.attempts.len(), 1, "{cell}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_restart_begins_again_elsewhere() {
    for pair in PAIRS {
        for (fault, class) in BREAKS {
            let house = house("restart").await;
            house.fault(provider_of(pair.0), fault);
            let class = class_at(pair.0, class);
            for client in Client::ALL {
                let body = ask(client, &format!("{}-{}", pair.0, pair.1));
                let answer = house.send(restartable(client, &body)).await;
                let cell = format!("{pair:?} {fault} {client:?}: {}", answer.text());
                let (rest, mark) = restarted(&answer).unwrap_or_else(|| panic!("{cell}"));
                assert!(client.is_whole(&rest, true), "{cell}");
                assert_eq!(text_of(client, &rest.text()), TEXT, "{cell}");
                let record = house.record(&answer).await;
                assert_mended(&record, pair, class, &cell);
                assert_eq!(record.outcome, Outcome::Served, "{cell}");
                assert_eq!(mark["deployment"], record.deployment.as_deref().unwrap(), "{cell}");
                assert_eq!(mark["reason"], class.as_str(), "{cell}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_is_restarted_for_clients_that_did_not_ask() {
    let house = house("restart").await;
    house.fault("anthropic", "cut-clean-after=10");
    for client in Client::ALL {
        for header in [None, Some("no")] {
            let mut request = post(client.path(), ask(client, "claude-llama").to_string());
            if let Some(value) = header {
                let value = value.parse().unwrap();
                request.headers_mut().insert("x-tieline-stream-restart", value);
            }
            let answer = house.send(request).await;
            assert!(client.tells_break(&answer), "{client:?}: {}", answer.text());
            assert_eq!(house.record(&answer).await.attempts.len(), 1);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_restart_may_end_at_a_fixed_answer() {
    let house = house("restart").await;
    house.fault("anthropic", "cut-after=10");
    house.fault("bedrock", "status=500");
    for client in Client::ALL {
        let answer = house.send(restartable(client, &ask(client, "fixed"))).await;
        let (rest, mark) = restarted(&answer).unwrap();
        assert!(client.is_whole(&rest, true), "{}", answer.text());
        assert_eq!(text_of(client, &rest.text()), "Sorry.");
        assert_eq!(mark["deployment"], Value::Null);
        let record = house.record(&answer).await;
        assert_eq!((record.outcome, record.attempts.len()), (Outcome::Degraded, 2));
        assert_eq!(record.deployment, None);
    }
}

#[tokio::test(start_paused = true)]
async fn a_text_is_continued_as_if_nothing_had_happened() {
    for pair in PAIRS {
        for (fault, class) in BREAKS {
            let house = house("continue").await;
            house.fault(provider_of(pair.0), fault);
            let class = class_at(pair.0, class);
            for client in Client::ALL {
                let body = ask(client, &format!("{}-{}", pair.0, pair.1));
                let answer = house.post(client.path(), body.to_string()).await;
                let cell = format!("{pair:?} {fault} {client:?}: {}", answer.text());
                assert!(client.is_whole(&answer, true), "{cell}");
                assert_eq!(text_of(client, &answer.text()), TEXT, "{cell}");
                let record = house.record(&answer).await;
                assert_mended(&record, pair, class, &cell);
                assert_eq!(record.outcome, Outcome::Degraded, "{cell}");
                let told = json!({ "deployment": record.deployment, "reason": class.as_str() });
                let mark = format!("\n\n: tieline.continued {told}\n\n");
                assert_eq!(answer.text().matches(&mark).count(), 1, "{cell}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn wherever_it_breaks_the_text_is_whole() {
    for after in 5..20 {
        let house = house("continue").await;
        house.fault("anthropic", &format!("cut-after={after}"));
        for client in Client::ALL {
            for feature in ["claude-amazon", "claude-llama"] {
                let answer = house.post(client.path(), ask(client, feature).to_string()).await;
                let cell = format!("{after} {client:?} {feature}: {}", answer.text());
                assert!(client.is_whole(&answer, true), "{cell}");
                assert_eq!(text_of(client, &answer.text()), TEXT, "{cell}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_continuation_that_breaks_is_continued_too() {
    let house = house("continue").await;
    house.fault("anthropic", "cut-after=10");
    house.fault("local", "cut-clean-after=10");
    for client in Client::ALL {
        let answer = house.post(client.path(), ask(client, "long").to_string()).await;
        assert!(client.is_whole(&answer, true), "{}", answer.text());
        assert_eq!(text_of(client, &answer.text()), TEXT, "{}", answer.text());
        let record = house.record(&answer).await;
        assert_eq!((record.outcome, record.attempts.len()), (Outcome::Degraded, 3));
    }
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_continued_is_told() {
    let tool = json!({ "name": "look", "input_schema": { "type": "object" } });
    let chat_tool = json!({ "type": "function", "function": { "name": "look" } });
    let schema = json!({ "type": "object", "properties": {}, "additionalProperties": false });
    let format = json!({ "type": "json_schema", "json_schema": { "name": "s", "schema": schema } });
    let begun = json!([{ "role": "user", "content": "go on" },
                       { "role": "assistant", "content": TEXT }]);
    let cases = [
        (Client::Messages, "claude-amazon", json!({ "tools": [tool] })),
        (Client::Messages, "claude-llama", json!({ "messages": begun })),
        (
            Client::Messages,
            "claude-llama",
            json!({ "max_tokens": 9000, "thinking": { "type": "enabled", "budget_tokens": 1024 } }),
        ),
        (Client::Chat, "chat-llama", json!({ "tools": [chat_tool] })),
        (Client::Chat, "chat-llama", json!({ "response_format": format })),
        (Client::Chat, "chat-llama", json!({ "response_format": { "type": "json_object" } })),
        (Client::Chat, "chat-llama", json!({ "n": 2 })),
        (Client::Chat, "chat-llama", json!({ "logprobs": true })),
        (Client::Chat, "chat-llama", json!({ "messages": begun })),
    ];
    for (client, feature, fields) in cases {
        let house = house("continue").await;
        house.fault("openai", "cut-clean-after=2");
        house.fault("anthropic", "cut-clean-after=10");
        let mut body = ask(client, feature);
        for (key, value) in fields.as_object().unwrap() {
            body[key] = value.clone();
        }
        let answer = house.post(client.path(), body.to_string()).await;
        assert!(client.tells_break(&answer), "{fields}: {}", answer.text());
        let record = house.record(&answer).await;
        assert_eq!((record.outcome, record.attempts.len()), (Outcome::Broken, 1), "{fields}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_text_is_continued_by_none_but_the_able() {
    let house = house("continue").await;
    house.fault("bedrock", "cut-after=10");
    house.fault("anthropic", "cut-after=4");
    for client in Client::ALL {
        // Too short to tell a continuation from a new answer.
        let answer = house.post(client.path(), ask(client, "claude-llama").to_string()).await;
        assert!(client.tells_break(&answer), "{}", answer.text());
        assert_eq!(house.record(&answer).await.attempts.len(), 1);
    }
    house.sim.script().clear();
    house.fault("anthropic", "cut-after=10");
    house.fault("bedrock", "status=503");
    for client in Client::ALL {
        let answer = house.post(client.path(), ask(client, "fixed").to_string()).await;
        assert!(client.tells_break(&answer), "a fixed text continues nothing: {}", answer.text());
        let record = house.record(&answer).await;
        assert_eq!((record.outcome, record.attempts.len()), (Outcome::Broken, 2));
        assert_eq!(record.fault, Some(Class::StreamTruncated), "what the client was told");
        assert_eq!(record.attempts[1].fault, Some(Class::Overloaded));
    }
}

#[tokio::test(start_paused = true)]
async fn a_break_within_the_buffer_is_never_seen() {
    for pair in [("claude", "amazon"), ("nova", "claude")] {
        for (fault, class) in BREAKS {
            // A stall is known for one only when the time is over.
            let stalls = class == Class::Timeout;
            for (buffer, survives) in [
                ("{ buffer: { tokens: 20, for: 5s } }", !stalls),
                ("{ buffer: { for: 5s } }", !stalls),
                ("{ buffer: { tokens: 5 } }", false),
                ("{ buffer: { for: 50ms } }", false),
            ] {
                let house = house(buffer).await;
                house.fault(provider_of(pair.0), fault);
                let class = class_at(pair.0, class);
                for client in Client::ALL {
                    let body = ask(client, &format!("{}-{}", pair.0, pair.1));
                    let answer = house.post(client.path(), body.to_string()).await;
                    let cell = format!("{pair:?} {fault} {buffer} {client:?}: {}", answer.text());
                    let record = house.record(&answer).await;
                    assert_eq!(record.attempts[0].fault, Some(class), "{cell}");
                    assert!(record.attempts[0].first_content_us.is_some(), "{cell}");
                    if !survives {
                        assert!(client.tells_break(&answer), "{cell}");
                        assert_eq!(record.outcome, Outcome::Broken, "{cell}");
                        continue;
                    }
                    assert!(client.is_whole(&answer, true), "{cell}");
                    assert_eq!(text_of(client, &answer.text()), TEXT, "{cell}");
                    assert_eq!(record.outcome, Outcome::Served, "{cell}");
                    assert_eq!(record.attempts[0].phase, Some(Phase::PreCommit), "{cell}");
                    let second = &record.attempts[1];
                    assert!(record.first_content_us.unwrap() > second.start_us, "{cell}");
                }
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_buffer_delays_what_it_must_and_no_more() {
    for (buffer, first_byte) in [
        ("error", 200..=205),
        ("{ buffer: { tokens: 11, for: 5s } }", 300..=305),
        ("{ buffer: { tokens: 30, for: 100ms } }", 300..=305),
    ] {
        let house = house(buffer).await;
        let began = Instant::now();
        let body = ask(Client::Chat, "claude-llama").to_string();
        let response = house.open(post(Client::Chat.path(), body)).await;
        let ms = began.elapsed().as_millis();
        assert!(first_byte.contains(&ms), "{buffer}: {ms}");
        let text = response.into_body().collect().await.unwrap().to_bytes();
        assert_eq!(text_of(Client::Chat, &String::from_utf8_lossy(&text)), TEXT, "{buffer}");
        let record = house.records().await.remove(0);
        let committed = u128::from(record.first_content_us.unwrap()) / 1000;
        assert!(first_byte.contains(&committed), "{buffer}: {committed}");
        assert_eq!(record.attempts[0].first_content_us.unwrap() / 1000, 200, "{buffer}");
    }
}

#[tokio::test(start_paused = true)]
async fn breaks_are_held_against_whoever_broke() {
    for mode in ["restart", "continue"] {
        let house = house(mode).await;
        house.fault("anthropic", "cut-after=10");
        for n in 0..7 {
            let answer =
                house.send(restartable(Client::Chat, &ask(Client::Chat, "claude-llama"))).await;
            let attempts = house.record(&answer).await.attempts.len();
            assert_eq!(attempts, if n < 5 { 2 } else { 1 }, "{mode} #{n}");
        }
        assert_eq!(house.sim.count("anthropic"), 5, "{mode}");
        assert_eq!(health(&house, "claude@anthropic"), "open", "{mode}");
        assert_eq!(health(&house, "llama@local"), "closed", "{mode}");
    }
}

/// A house whose second deployment hangs, and a client that read what came before the break.
async fn amid_a_mend(mode: &str) -> (House, hyper::body::Incoming) {
    let house = house(mode).await;
    house.fault("anthropic", "cut-after=10");
    house.fault("local", "hang");
    let request = restartable(Client::Chat, &ask(Client::Chat, "claude-llama"));
    let mut body = house.open(request).await.into_body();
    let mut text = String::new();
    while text_of(Client::Chat, &text).len() < 40 {
        let frame = body.frame().await.unwrap().unwrap();
        text += &String::from_utf8_lossy(frame.data_ref().unwrap());
    }
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(house.sim.count("local"), 1, "the mend is under way");
    (house, body)
}

#[tokio::test(start_paused = true)]
async fn a_client_that_leaves_amid_a_mend_cancels_it() {
    for mode in ["restart", "continue"] {
        let (house, body) = amid_a_mend(mode).await;
        drop(body);
        tokio::time::sleep(Duration::from_millis(100)).await;
        let record = house.records().await.remove(0);
        assert_eq!(record.outcome, Outcome::Cancelled, "{mode}");
        let faults: Vec<_> = record.attempts.iter().map(|one| one.fault).collect();
        assert_eq!(faults, [Some(Class::StreamTruncated), Some(Class::ClientGone)], "{mode}");
        assert!(record.usage.is_some(), "{mode}");
        assert_eq!(health(&house, "llama@local"), "closed", "{mode}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_gateway_that_stops_ends_a_mend_with_the_error() {
    for mode in ["restart", "continue"] {
        let (house, body) = amid_a_mend(mode).await;
        let stopped = Instant::now();
        house.stop.cancel();
        let rest = body.collect().await.unwrap().to_bytes();
        let rest = String::from_utf8_lossy(&rest);
        assert!(rest.starts_with("data: {\"error\":") && !rest.contains("[DONE]"), "{rest}");
        assert!(stopped.elapsed() < Duration::from_millis(10), "{mode}");
        let record = house.records().await.remove(0);
        assert_eq!(record.outcome, Outcome::Broken, "{mode}");
        let faults: Vec<_> = record.attempts.iter().map(|one| one.fault).collect();
        assert_eq!(faults, [Some(Class::StreamTruncated), Some(Class::Internal)], "{mode}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_deadline_holds_for_a_mend_too() {
    for mode in ["restart", "continue"] {
        for client in Client::ALL {
            let house = house(mode).await;
            house.fault("anthropic", "cut-after=10");
            house.fault("local", "hang");
            house.sim.script().add(Rule::new("bedrock", "hang".parse::<Fault>().unwrap()));
            let began = Instant::now();
            let answer = house.send(restartable(client, &ask(client, "long"))).await;
            let cell = format!("{mode} {client:?}: {}", answer.text());
            assert!(client.tells_break(&answer), "{cell}");
            assert!(began.elapsed() <= Duration::from_secs(5), "{cell}");
            let record = house.record(&answer).await;
            assert_eq!((record.outcome, record.attempts.len()), (Outcome::Broken, 3), "{cell}");
            assert_eq!(record.fault, Some(Class::StreamTruncated), "{cell}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_mistake_found_while_mending_is_no_answer() {
    let house = house("continue").await;
    house.fault("anthropic", "cut-after=10");
    house.fault("local", "status=400");
    for client in Client::ALL {
        let answer = house.post(client.path(), ask(client, "claude-llama").to_string()).await;
        assert!(client.tells_break(&answer), "{}", answer.text());
        let record = house.record(&answer).await;
        assert_eq!((record.outcome, record.attempts.len()), (Outcome::Broken, 2));
        assert_eq!(record.attempts[1].fault, Some(Class::ClientInvalid));
    }
}
