//! What a provider does wrong, and what the client sees of it.

use std::time::Duration;

use futures_util::future::join_all;
use http_body_util::BodyExt as _;
use tieline_ledger::KeyRing;
use tieline_sim::{Fault, Pace, Rule};
use tieline_types::{Class, Outcome};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    time::Instant,
};

use crate::house::{Client, EVERYTHING, House, MODELS, post};

/// Faults that a client must never see, since nothing has been sent when they show.
pub(crate) const BEFORE_CONTENT: [&str; 22] = [
    "status=400,error=storm",
    "status=401",
    "status=402",
    "status=403",
    "status=404",
    "status=408",
    "status=429,retry-after=2s",
    "status=429,retry-after=2s,retry-form=millis",
    "status=429,retry-after=2s,retry-form=date",
    "status=500",
    "status=502",
    "status=503",
    "status=504",
    "status=529",
    "slow-first-token=100s",
    "hang",
    "hang-after-headers",
    "garbage",
    "in-band=overloaded_error",
    "empty",
    "refuse",
    "cut-after=0",
];

/// Faults in the middle of a stream, after content went out.
pub(crate) const AFTER_CONTENT: [&str; 4] =
    ["cut-after=3", "cut-clean-after=3", "stall-after=3", "in-band=overloaded_error,after=3"];

fn paced() -> Pace {
    Pace { first_token: Duration::from_millis(200), per_token: Duration::from_millis(10) }
}

async fn house(text: &str) -> House {
    House::with(text, paced(), |_| KeyRing::default()).await
}

#[tokio::test(start_paused = true)]
async fn every_way_in_reaches_every_way_out() {
    let house = house(EVERYTHING).await;
    for client in Client::ALL {
        for model in MODELS {
            for stream in [false, true] {
                let answer = house.ask(client, model, stream, "echo: hello there").await;
                let text = answer.text();
                assert!(client.is_whole(&answer, stream), "{client:?} {model} {stream}: {text}");
                assert_eq!(answer.header("x-tieline-attempts"), "1");
                assert_eq!(answer.header("x-tieline-feature"), model);
                let record = house.record(&answer).await;
                assert_eq!(record.outcome, Outcome::Served, "{record:?}");
                assert_eq!(
                    record.deployment.as_deref(),
                    Some(answer.header("x-tieline-deployment"))
                );
                let usage = record.usage.unwrap();
                assert!(usage.input > 0 && usage.output > 0, "{model} {record:?}");
                // OpenAI Chat tells usage in a stream only to those who ask.
                let untold = client == Client::Chat && stream && record.losses.is_empty();
                let chat_out = ["gpt-5.5", "llama", "dated"].contains(&model);
                assert_eq!(usage.estimated, untold && chat_out, "{model} {record:?}");
            }
        }
    }
}

/// One model under one name at OpenAI, Azure and Bedrock: each fails in every way in turn.
#[tokio::test(start_paused = true)]
async fn a_fault_before_the_first_content_is_never_seen() {
    for broken in ["openai", "azure", "bedrock"] {
        for fault in BEFORE_CONTENT {
            // A 400 of the client's own making goes straight back; see below.
            if fault.starts_with("status=400") {
                continue;
            }
            let house = house(EVERYTHING).await;
            house.fault(broken, fault);
            for client in Client::ALL {
                for stream in [false, true] {
                    let answer = house.ask(client, "gpt-5.5", stream, "hello").await;
                    let text = answer.text();
                    let cell = format!("{broken} {fault} {client:?} stream={stream}");
                    assert!(client.is_whole(&answer, stream), "{cell}: {} {text}", answer.status);
                    let record = house.record(&answer).await;
                    assert_eq!(record.outcome, Outcome::Served, "{cell}");
                    let last = record.attempts.last().unwrap();
                    assert_eq!(last.fault, None, "{cell}");
                    assert!(record.attempts.len() <= 3, "{cell}");
                }
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_fault_after_content_is_told_in_the_dialects_own_words() {
    for model in ["gpt-5.5", "claude", "nova", "responses"] {
        for fault in AFTER_CONTENT {
            let house = house(EVERYTHING).await;
            for provider in ["openai", "anthropic", "bedrock"] {
                house.fault(provider, fault);
            }
            for client in Client::ALL {
                let ask = "tell me a long story";
                let answer = house.ask(client, model, true, ask).await;
                let cell = format!("{model} {fault} {client:?}: {}", answer.text());
                assert!(client.tells_break(&answer), "{cell}");
                let record = house.record(&answer).await;
                assert_eq!(record.outcome, Outcome::Broken, "{cell}");
                assert_eq!(record.attempts.len(), 1, "{cell}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_stream_cut_within_an_event_is_never_complete() {
    let house = house(EVERYTHING).await;
    let mut arrivals = house.network.listen("local.sim:80");
    tokio::spawn(async move {
        while let Some(mut io) = arrivals.recv().await {
            assert!(io.read(&mut [0; 64 * 1024]).await.unwrap() > 0);
            let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\
                        connection: close\r\n\r\n";
            let delta = r#"data: {"id":"a","choices":[{"index":0,"delta":{"content":"hello"}}]}"#;
            let text = format!("{head}{delta}\n\ndata: {{\"id\":\"a\",\"choi");
            io.write_all(text.as_bytes()).await.unwrap();
            io.shutdown().await.unwrap();
        }
    });
    for client in Client::ALL {
        let answer = house.ask(client, "llama", true, "hello").await;
        assert!(client.tells_break(&answer), "{client:?}: {}", answer.text());
        let record = house.record(&answer).await;
        assert_eq!(record.outcome, Outcome::Broken);
        assert_eq!(record.fault, Some(Class::StreamTruncated));
    }
}

#[tokio::test(start_paused = true)]
async fn a_mistake_of_the_client_goes_straight_back_with_the_providers_words() {
    let house = house(EVERYTHING).await;
    house.fault("openai", "status=400");
    for client in Client::ALL {
        let answer = house.ask(client, "gpt-5.5", false, "hello").await;
        assert_eq!(answer.status, 400, "{}", answer.text());
        assert!(answer.json()["error"]["message"].is_string());
        let record = house.record(&answer).await;
        assert_eq!((record.outcome, record.attempts.len()), (Outcome::Refused, 1));
    }
}

#[tokio::test(start_paused = true)]
async fn a_refused_credential_of_ours_is_the_providers_fault_and_rests() {
    let house = house(EVERYTHING).await;
    house.fault("anthropic", "status=401");
    for n in 0..20 {
        let answer = house.ask(Client::Messages, "claude", n % 2 == 0, "hello").await;
        assert!(Client::Messages.is_whole(&answer, n % 2 == 0));
    }
    let records = house.records().await;
    let refused =
        records.iter().flat_map(|call| &call.attempts).filter(|one| one.fault == Some(Class::Auth));
    assert_eq!(refused.count(), 1, "after one refusal the deployment rests");
    house.sim.script().clear();
    tokio::time::sleep(Duration::from_secs(41)).await;
    let answer = house.ask(Client::Messages, "claude", false, "hello").await;
    assert_eq!(
        house.record(&answer).await.deployment.as_deref(),
        Some("claude@anthropic"),
        "and comes back"
    );
}

#[tokio::test(start_paused = true)]
async fn a_silent_provider_leaves_time_for_the_next() {
    let text = format!(
        "{EVERYTHING}
features:
  quick: {{ deadline: 20s, tiers: [ {{ models: [gpt-5.5], ttft: 3s }} ] }}"
    );
    let house = house(&text).await;
    house.fault("openai", "hang");
    house.fault("azure", "hang-after-headers");
    let began = Instant::now();
    let answer = house.ask(Client::Chat, "quick", true, "hello").await;
    assert!(Client::Chat.is_whole(&answer, true), "{}", answer.text());
    assert_eq!(answer.header("x-tieline-attempts"), "3");
    assert!(began.elapsed() < Duration::from_secs(8), "{:?}", began.elapsed());
    house.fault("bedrock", "hang");
    let began = Instant::now();
    let answer = house.ask(Client::Messages, "quick", false, "hello").await;
    assert_eq!(answer.status, 504, "{}", answer.text());
    assert!(began.elapsed() <= Duration::from_secs(20), "{:?}", began.elapsed());
    assert_eq!(answer.header("x-should-retry"), "false");
}

#[tokio::test(start_paused = true)]
async fn a_client_that_leaves_cancels_upstream_at_once() {
    let pace = Pace { per_token: Duration::from_secs(1), ..paced() };
    let house = House::with(EVERYTHING, pace, |_| KeyRing::default()).await;
    let ask = Client::Chat.ask("gpt-5.5", true, "tell me a long story");
    let response = house.open(post(Client::Chat.path(), ask.to_string())).await;
    let mut body = response.into_body();
    body.frame().await.unwrap().unwrap();
    drop(body);
    tokio::time::sleep(Duration::from_millis(100)).await;
    let record = house.records().await.remove(0);
    assert_eq!(record.outcome, Outcome::Cancelled);
    assert_eq!(record.attempts[0].fault, Some(Class::ClientGone));
    let state = house.gateway.status();
    assert!(state.deployments.iter().all(|one| one.state == "closed"), "nobody's fault");
}

#[tokio::test(start_paused = true)]
async fn quota_pauses_a_deployment_without_calling_it_ill() {
    let house = house(EVERYTHING).await;
    house.sim.script().add(Rule {
        first: Some(1),
        ..Rule::new("openai", "status=429,retry-after=20s".parse::<Fault>().unwrap())
    });
    for _ in 0..5 {
        let answer = house.ask(Client::Chat, "gpt-5.5", false, "hello").await;
        assert_eq!(answer.header("x-tieline-deployment"), "gpt-5.5@azure");
    }
    assert_eq!(house.sim.count("openai"), 1);
    tokio::time::sleep(Duration::from_secs(21)).await;
    let answer = house.ask(Client::Chat, "gpt-5.5", false, "hello").await;
    assert_eq!(answer.header("x-tieline-deployment"), "gpt-5.5@openai");
}

#[tokio::test(start_paused = true)]
async fn when_nothing_answers_the_client_learns_what_was_tried() {
    let house = house(EVERYTHING).await;
    house.fault("anthropic", "status=529");
    house.fault("bedrock", "status=500");
    for client in Client::ALL {
        let answer = house.ask(client, "claude", false, "hello").await;
        assert_eq!(answer.status, 503, "{}", answer.text());
        let message = answer.json()["error"]["message"].as_str().unwrap().to_owned();
        assert!(
            message.contains("claude@anthropic") && message.contains("claude@bedrock"),
            "{message}"
        );
        assert_eq!(answer.header("x-should-retry"), "false");
    }
    assert!(house.records().await.iter().all(|one| one.outcome == Outcome::Failed));
}

/// An hour of traffic with a ten-minute outage, in seconds.
#[tokio::test(start_paused = true)]
async fn an_hour_with_an_outage_loses_nothing() {
    let house = house(EVERYTHING).await;
    let outage = |provider: &str| Rule {
        from: Some(Duration::from_secs(20 * 60)),
        until: Some(Duration::from_secs(30 * 60)),
        ..Rule::new(provider, "status=401".parse::<Fault>().unwrap())
    };
    house.sim.script().add(outage("anthropic"));
    house.sim.script().add(outage("openai"));
    let mut lost = 0;
    for second in 0..1800 {
        let asks = Client::ALL.map(|client| {
            let model = if client == Client::Chat { "gpt-5.5" } else { "claude" };
            house.ask(client, model, second % 2 == 0, "hello")
        });
        for (client, answer) in Client::ALL.iter().zip(join_all(asks).await) {
            lost += usize::from(!client.is_whole(&answer, second % 2 == 0));
        }
        tokio::time::sleep(Duration::from_millis(1500)).await;
    }
    assert_eq!(lost, 0);
    let records = house.records().await;
    assert_eq!(records.len(), 3600);
    let attempts: usize = records.iter().map(|call| call.attempts.len()).sum();
    assert!(attempts < 3600 + 100, "breakers keep the outage cheap: {attempts}");
    let newest = records.iter().take(100);
    let home = ["gpt-5.5@openai", "claude@anthropic"];
    assert!(newest.clone().all(|call| home.contains(&call.deployment.as_deref().unwrap_or(""))));
}
