//! Tiers that drop and return, and the conversations on them.

use std::{collections::BTreeMap, time::Duration};

use http::HeaderValue;
use serde_json::json;
use tieline_gateway::TierStatus;

use crate::house::{Client, EVERYTHING, House, post};

/// Two tiers of one deployment each, and weighted deployments.
fn ladders() -> String {
    format!(
        "{EVERYTHING}
features:
  support:
    tiers:
      - {{ name: best, models: [claude@anthropic] }}
      - {{ name: next, models: [llama] }}
      - {{ name: apology, reply: \"We cannot answer right now.\" }}
  spread:
    tiers:
      - {{ models: [gpt-5.5], prefer: weighted }}"
    )
}

fn tier(house: &House, name: &str) -> TierStatus {
    let mut status = house.gateway.status();
    let feature = status.features.iter().position(|one| one.name == "support").unwrap();
    let tiers = status.features.swap_remove(feature).tiers;
    tiers.into_iter().find(|one| one.name == name).unwrap()
}

/// Asks for one more turn of a conversation; gives the deployment that answered.
async fn turn(house: &House, feature: &str, conversation: usize, turn: usize) -> String {
    let client = Client::ALL[conversation % 2];
    let mut ask = client.ask(feature, false, &format!("Ticket {conversation}: it is late."));
    for n in 0..turn {
        let messages = ask["messages"].as_array_mut().unwrap();
        messages.push(json!({ "role": "assistant", "content": format!("Answer {n}.") }));
        messages.push(json!({ "role": "user", "content": "And now?" }));
    }
    let answer = house.post(client.path(), ask.to_string()).await;
    assert!(client.is_whole(&answer, false), "{} {}", answer.status, answer.text());
    answer.header("x-tieline-deployment").to_owned()
}

async fn sleep(seconds: u64) {
    tokio::time::sleep(Duration::from_secs(seconds)).await;
}

#[tokio::test(start_paused = true)]
async fn a_conversation_goes_down_once_and_up_once() {
    const CONVERSATIONS: u32 = 120;
    let house = House::new(&ladders()).await;
    house.probes();
    let mut ways: BTreeMap<u32, Vec<String>> = BTreeMap::new();
    for round in 0..20 {
        // A turn each 40 seconds, spread evenly over them: out from 120 s to 280 s.
        match round {
            3 => house.fault("anthropic", "status=529"),
            7 => house.sim.script().clear(),
            _ => {}
        }
        for conversation in 0..CONVERSATIONS {
            let by = turn(&house, "support", conversation as usize, round).await;
            let way = ways.entry(conversation).or_default();
            if way.last() != Some(&by) {
                way.push(by);
            }
            tokio::time::sleep(Duration::from_secs(40) / CONVERSATIONS).await;
        }
        match round {
            3 => assert_eq!(tier(&house, "best").state, "dropped"),
            12 => {
                let best = tier(&house, "best");
                assert_eq!((best.state, best.share), ("settling", Some(0.1)), "{best:?}");
                assert!(best.grows_in_s.is_some_and(|s| s < 300.0), "{best:?}");
            }
            _ => {}
        }
    }
    assert_eq!(tier(&house, "best").state, "up");
    assert_eq!(tier(&house, "next").state, "up");
    for (conversation, way) in ways {
        assert_eq!(
            way,
            ["claude@anthropic", "llama@local", "claude@anthropic"],
            "conversation {conversation}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_whole_population_follows_the_shares() {
    const POPULATION: usize = 300;
    let house = House::new(&ladders()).await;
    house.fault("anthropic", "status=500");
    for conversation in 0..10 {
        turn(&house, "support", conversation, 0).await;
    }
    assert_eq!(tier(&house, "best").state, "dropped");
    house.sim.script().clear();
    house.probes();
    sleep(8).await;
    let share = async || {
        let mut best = 0;
        for conversation in 0..POPULATION {
            let by = turn(&house, "support", conversation, 0).await;
            best += usize::from(by == "claude@anthropic");
        }
        best
    };
    for (wait_s, expected) in [(0, 15..50), (200, 15..50), (101, 50..105), (10, 115..185)] {
        sleep(wait_s).await;
        let best = share().await;
        assert!(expected.contains(&best), "after {wait_s} s more: {best} of {POPULATION}");
    }
    sleep(10).await;
    assert_eq!(share().await, POPULATION);
    assert_eq!(tier(&house, "best").state, "up");
}

#[tokio::test(start_paused = true)]
async fn a_recovered_tier_goes_before_a_reply() {
    let house = House::new(&ladders()).await;
    house.fault("anthropic", "status=500");
    for conversation in 0..10 {
        turn(&house, "support", conversation, 0).await;
    }
    house.sim.script().clear();
    sleep(20).await;
    for conversation in 0..50 {
        turn(&house, "support", conversation, 0).await;
    }
    assert_eq!(tier(&house, "best").state, "settling");
    house.fault("local", "status=500");
    for conversation in 0..50 {
        let by = turn(&house, "support", conversation, 0).await;
        assert_eq!(by, "claude@anthropic", "{conversation}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_conversation_keeps_its_weighted_deployment() {
    let house = House::new(&ladders()).await;
    let mut count = BTreeMap::<String, usize>::new();
    for conversation in 0..60 {
        let by = turn(&house, "spread", conversation, 0).await;
        for later in 1..4 {
            assert_eq!(turn(&house, "spread", conversation, later).await, by, "{conversation}");
        }
        *count.entry(by).or_default() += 1;
    }
    assert!(count.values().all(|conversations| *conversations > 8), "{count:?}");
    assert_eq!(count.len(), 3, "{count:?}");
}

#[tokio::test(start_paused = true)]
async fn a_client_may_name_its_conversation() {
    let house = House::new(&ladders()).await;
    let named = async |session: &str, text: &str| {
        let body = Client::Chat.ask("spread", false, text).to_string();
        let mut request = post(Client::Chat.path(), body);
        let session = HeaderValue::from_str(session).unwrap();
        request.headers_mut().insert("x-tieline-session", session);
        house.send(request).await
    };
    let by = named("a", "hello").await.header("x-tieline-deployment").to_owned();
    let mut others = 0;
    for n in 0..20 {
        let same = named("a", &format!("turn {n}")).await;
        assert_eq!(same.header("x-tieline-deployment"), by);
        let other = named(&format!("b{n}"), "hello").await;
        others += usize::from(other.header("x-tieline-deployment") != by);
    }
    assert!(others > 5, "{others} of 20 other conversations went elsewhere");
    assert_eq!(named(&"x".repeat(256), "hello").await.status, 200);
    let refused = named(&"x".repeat(257), "hello").await;
    assert_eq!(refused.status, 400);
    assert!(refused.text().contains("x-tieline-session"), "{}", refused.text());
}
