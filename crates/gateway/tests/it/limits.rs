//! Limits of features and callers, at the door.

use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use tieline_ledger::{Keys, NewKey};
use tieline_sim::Pace;
use tieline_types::{Class, Outcome};

use crate::house::{Answer, Client, EVERYTHING, House, config, post};

fn limited(limits: &str) -> String {
    format!(
        "{EVERYTHING}\nfeatures:\n  f: {{ limits: {limits}, tiers: [ {{ models: [claude] }} ] }}"
    )
}

async fn wait(seconds: u64) {
    tokio::time::sleep(Duration::from_secs(seconds)).await;
}

#[tokio::test(start_paused = true)]
async fn who_asks_too_often_is_told_exactly_when_to_come_back() {
    for (client, kind, code) in [
        (Client::Chat, "rate_limit_error", Some("caller_limit_exceeded")),
        (Client::Messages, "rate_limit_error", None),
    ] {
        let house = House::new(&limited("{ requests_per_minute: 3 }")).await;
        let ask = || house.ask(client, "f", false, "hello");
        for _ in 0..3 {
            assert!(client.is_whole(&ask().await, false));
        }
        let refused = ask().await;
        assert_eq!(refused.status, 429);
        assert_eq!((refused.header("retry-after"), refused.header("x-should-retry")), ("20", ""));
        assert_eq!(refused.header("x-tieline-attempts"), "0");
        let error = &refused.json()["error"];
        assert_eq!((error["type"].as_str(), error["code"].as_str()), (Some(kind), code));
        assert!(refused.text().contains("at most 3 requests a minute"), "{}", refused.text());
        let record = house.record(&refused).await;
        assert_eq!((record.outcome, record.fault), (Outcome::Refused, Some(Class::OverLimit)));
        assert!(record.attempts.is_empty());
        assert_eq!(house.sim.count("anthropic"), 3, "nothing was sent");
        wait(19).await;
        assert_eq!((ask().await).header("retry-after"), "1", "a refusal draws nothing");
        wait(1).await;
        assert_eq!(ask().await.status, 200);
        assert_eq!(house.gateway.status().deployments[3].failed, 0, "nobody's failure");
    }
}

fn with_key(key: &str, model: &str) -> Request<Full<Bytes>> {
    let body = Client::Chat.ask(model, false, "hello").to_string();
    let mut request = post(Client::Chat.path(), body);
    request.headers_mut().insert("x-api-key", key.parse().unwrap());
    request
}

#[tokio::test(start_paused = true)]
async fn a_caller_is_limited_by_its_name_whichever_key_it_uses() {
    let mut keys = Vec::new();
    let limits = "{ requests_per_minute: 5, per_caller: { requests_per_minute: 2 } }";
    let house = House::with(&limited(limits), Pace::default(), |path| {
        let made = Keys::open(path).unwrap();
        for name in ["web", "web", "batch", "third"] {
            let new = NewKey { name: name.into(), ..NewKey::default() };
            keys.push(made.create(new, 1).unwrap().1);
        }
        made.snapshot().unwrap()
    })
    .await;
    let ask = async |key: usize| -> Answer { house.send(with_key(&keys[key], "f")).await };
    assert_eq!(ask(0).await.status, 200);
    assert_eq!(ask(1).await.status, 200);
    for key in [0, 1] {
        let refused = ask(key).await;
        assert_eq!((refused.status.as_u16(), refused.header("retry-after")), (429, "30"));
        assert!(refused.text().contains("2 requests a minute of one caller"), "{}", refused.text());
    }
    assert_eq!(ask(2).await.status, 200, "others have their own");
    assert_eq!(ask(2).await.status, 200);
    assert_eq!(ask(3).await.status, 200);
    let refused = ask(3).await;
    assert_eq!(refused.header("retry-after"), "12", "the feature's own, for all");
    assert_eq!(house.send(with_key(&keys[3], "claude")).await.status, 200, "of this feature only");
}

#[tokio::test(start_paused = true)]
async fn requests_under_way_are_counted_until_they_end_however_they_do() {
    let house = House::new(&limited("{ concurrency: 1 }")).await;
    let ask = |stream| {
        let body = Client::Chat.ask("f", stream, "hello").to_string();
        house.send(post(Client::Chat.path(), body))
    };
    let open = || {
        let body = Client::Chat.ask("f", true, "hello").to_string();
        house.open(post(Client::Chat.path(), body))
    };
    let stream = open().await;
    let refused = ask(false).await;
    assert_eq!((refused.status.as_u16(), refused.header("retry-after")), (429, "1"));
    assert!(refused.text().contains("at most 1 requests at once"), "{}", refused.text());
    drop(stream);
    wait(1).await;
    assert_eq!(ask(true).await.status, 200, "a client that left counts no longer");
    assert_eq!(ask(false).await.status, 200, "nor a stream that ended");
    house.fault("anthropic", "status=400");
    assert_eq!(ask(false).await.status, 400);
    house.fault("anthropic", "cut-after=3");
    assert_ne!(ask(false).await.status, 429, "nor what failed");
    house.fault("bedrock", "status=500");
    ask(true).await;
    assert_ne!(ask(false).await.status, 429);
}

#[tokio::test(start_paused = true)]
async fn tokens_are_held_as_asked_for_and_counted_as_used() {
    let house = House::new(&limited("{ tokens_per_minute: 1000 }")).await;
    let ask = |most: u64| {
        let mut body = Client::Messages.ask("f", true, "hello");
        body["max_tokens"] = most.into();
        post(Client::Messages.path(), body.to_string())
    };
    let stream = house.open(ask(900)).await;
    let refused = house.send(ask(900)).await;
    assert_eq!(refused.status, 429);
    assert!(refused.text().contains("at most 1000 tokens a minute"), "{}", refused.text());
    drop(stream);
    wait(60).await;
    let answer = house.send(ask(900)).await;
    let used = house.record(&answer).await.usage.map(|usage| usage.total());
    assert!(used.is_some_and(|used| used < 500), "{used:?}");
    assert_eq!(house.send(ask(400)).await.status, 200, "what was not used was given back");
}

#[tokio::test(start_paused = true)]
async fn a_reload_changes_limits_and_forgets_no_use() {
    let house = House::new(&limited("{ requests_per_minute: 2 }")).await;
    let ask = || house.ask(Client::Chat, "f", false, "hello");
    assert_eq!(ask().await.status, 200);
    house.gateway.apply(&config(&limited("{ requests_per_minute: 1 }"))).unwrap();
    assert_eq!(ask().await.header("retry-after"), "60");
    house.gateway.apply(&config(&limited("{ concurrency: 1 }"))).unwrap();
    assert_eq!(ask().await.status, 200);
}
