//! The `cache` tier answers what was asked before in other words, and nothing else.

use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use serde_json::{Value, json};
use tieline_ledger::{Keys, NewKey};
use tieline_sim::Pace;
use tieline_types::Class;
use tokio::time::Instant;

use crate::house::{Answer, Client, EVERYTHING, House, post};

const QUESTION: &str = "How do I reset my password?";
const PARAPHRASE: &str = "how can i reset my passwords";
const UNRELATED: &str = "Which banks lend money to bakers?";

fn ladder() -> String {
    let tiers = "tiers:
      - { models: [claude] }
      - { name: cached, cache: { max_age: 1h, similar: { embeddings: embed, min_score: 0.85 } } }
      - { name: apology, reply: \"We cannot answer right now.\" }";
    format!(
        "{EVERYTHING}
  embed:
    - {{ provider: openai, name: embed-3 }}
    - {{ provider: dated, name: embed-eu }}
features:
  support:
    {tiers}
  sales:
    {tiers}
  exact:
    tiers:
      - {{ models: [claude] }}
      - {{ name: cached, cache: {{ max_age: 1h }} }}
      - {{ name: apology, reply: \"We cannot answer right now.\" }}
"
    )
}

fn outage(house: &House) {
    house.sim.script().clear();
    house.fault("anthropic", "status=529");
    house.fault("bedrock", "status=503");
}

/// Vectors are made when nobody waits for them.
async fn afterwards() {
    tokio::time::sleep(Duration::from_secs(30)).await;
}

fn told(answer: &Answer) -> (&str, &str) {
    (answer.header("x-tieline-tier"), answer.header("x-tieline-cache"))
}

fn score(answer: &Answer) -> f64 {
    let said = answer.header("x-tieline-cache");
    let score = said.strip_prefix("similar; score=").unwrap_or_else(|| panic!("{said:?}"));
    score.parse().unwrap()
}

fn text(client: Client, answer: &Answer) -> Value {
    match client {
        Client::Chat => answer.json()["choices"][0]["message"]["content"].clone(),
        Client::Messages => answer.json()["content"][0]["text"].clone(),
    }
}

#[tokio::test(start_paused = true)]
async fn a_paraphrase_is_answered_from_the_cache() {
    for client in Client::ALL {
        for stream in [false, true] {
            let house = House::new(&ladder()).await;
            let good = house.ask(client, "support", stream, QUESTION).await;
            assert_eq!(told(&good), ("models", ""));
            afterwards().await;
            assert_eq!(house.sim.seen("openai")[0].target, "/v1/embeddings");
            outage(&house);

            let same = house.ask(client, "support", false, QUESTION).await;
            assert_eq!(told(&same), ("cached", "exact"));
            assert_eq!(house.sim.count("openai"), 1, "nothing to compare");

            let near = house.ask(client, "support", stream, PARAPHRASE).await;
            assert!(client.is_whole(&near, stream), "{}", near.text());
            assert_eq!(near.header("x-tieline-tier"), "cached");
            assert!((0.85..0.999).contains(&score(&near)), "{:?}", told(&near));
            let near = house.ask(client, "support", false, PARAPHRASE).await;
            assert_eq!(text(client, &near), text(client, &same));

            let other = house.ask(client, "support", stream, UNRELATED).await;
            assert_eq!(told(&other), ("apology", ""));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_calls_for_vectors_are_in_the_record() {
    let house = House::new(&ladder()).await;
    let good = house.ask(Client::Chat, "support", false, QUESTION).await;
    afterwards().await;
    outage(&house);
    let near = house.ask(Client::Chat, "support", false, PARAPHRASE).await;
    let attempts = house.record(&near).await.attempts;
    let [.., embedding] = attempts.as_slice() else { panic!("{attempts:?}") };
    assert_eq!((&*embedding.deployment, &*embedding.tier), ("embed@openai", "cached"));
    assert_eq!((embedding.status, embedding.fault), (Some(200), None));
    assert!(embedding.usage.is_some_and(|usage| usage.input > 0 && usage.output == 0));
    assert!(embedding.upstream_request_id.is_some());
    assert_eq!(near.header("x-tieline-attempts"), attempts.len().to_string());
    assert_eq!(house.record(&near).await.usage, None, "nothing was generated");
    assert_eq!(house.record(&good).await.attempts.len(), 1, "made when the request was over");
    let status = house.gateway.status();
    let embed = status.deployments.iter().find(|one| one.id == "embed@openai").unwrap();
    assert_eq!((embed.good, embed.failed), (2, 0), "the metrics count both");
}

#[tokio::test(start_paused = true)]
async fn a_good_answer_waits_for_no_vector() {
    for stream in [false, true] {
        let house = House::new(&ladder()).await;
        house.fault("openai", "slow-first-token=8s");
        let began = Instant::now();
        let good = house.ask(Client::Chat, "support", stream, QUESTION).await;
        assert_eq!(told(&good), ("models", ""));
        assert!(began.elapsed() < Duration::from_millis(100), "{:?}", began.elapsed());
        outage(&house);
        let near = house.ask(Client::Chat, "support", stream, PARAPHRASE).await;
        assert_eq!(told(&near), ("apology", ""), "the vector is still being made");
        assert!(began.elapsed() < Duration::from_millis(200), "{:?}", began.elapsed());
        afterwards().await;
        let near = house.ask(Client::Chat, "support", stream, PARAPHRASE).await;
        assert!(score(&near) > 0.85);
    }
}

#[tokio::test(start_paused = true)]
async fn only_the_wording_of_the_last_text_may_differ() {
    let house = House::new(&ladder()).await;
    let ask = |text: &str| {
        json!({ "model": "support", "temperature": 0, "messages": [
            { "role": "system", "content": "You are a clerk." },
            { "role": "user", "content": "Hello." },
            { "role": "assistant", "content": "Good day." },
            { "role": "user", "content": text },
        ] })
    };
    let path = Client::Chat.path();
    house.post(path, ask(QUESTION).to_string()).await;
    afterwards().await;
    outage(&house);
    let calls = house.sim.count("openai");
    let changes: [fn(&mut Value); 6] = [
        |ask| ask["messages"][0]["content"] = json!("You are a pirate."),
        |ask| ask["messages"][2]["content"] = json!("Go away."),
        |ask| ask["temperature"] = json!(1),
        |ask| ask["model"] = json!("sales"),
        |ask| ask["response_format"] = json!({ "type": "json_object" }),
        |ask| ask["tools"] = json!([{ "type": "function", "function": { "name": "look" } }]),
    ];
    for change in changes {
        let mut other = ask(PARAPHRASE);
        change(&mut other);
        let answer = house.post(path, other.to_string()).await;
        assert_eq!(told(&answer), ("apology", ""), "{other}");
    }
    let image = json!([
        { "type": "text", "text": PARAPHRASE },
        { "type": "image_url", "image_url": { "url": "data:image/png;base64,AAAA" } },
    ]);
    let mut seen = ask("");
    seen["messages"][3]["content"] = image;
    assert_eq!(told(&house.post(path, seen.to_string()).await), ("apology", ""));
    assert_eq!(house.sim.count("openai"), calls, "nothing to compare with, so nobody was asked");
    assert!(score(&house.post(path, ask(PARAPHRASE).to_string()).await) > 0.85);
}

#[tokio::test(start_paused = true)]
async fn callers_never_see_each_others_answers() {
    let mut keys = Vec::new();
    let house = House::with(&ladder(), Pace::default(), |path| {
        let store = Keys::open(path).unwrap();
        for name in ["ann", "bob"] {
            let new = NewKey {
                name: name.into(),
                features: None,
                default_feature: None,
                expires_ms: None,
            };
            keys.push(store.create(new, 1).unwrap().1);
        }
        store.snapshot().unwrap()
    })
    .await;
    let ask = |caller: usize, text: &str| {
        let body = Client::Chat.ask("support", false, text).to_string();
        let mut request: Request<Full<Bytes>> = post(Client::Chat.path(), body);
        request.headers_mut().insert("x-api-key", keys[caller].parse().unwrap());
        house.send(request)
    };
    ask(0, QUESTION).await;
    afterwards().await;
    outage(&house);
    for text in [QUESTION, PARAPHRASE] {
        assert_eq!(told(&ask(1, text).await), ("apology", ""), "{text}");
    }
    assert!(score(&ask(0, PARAPHRASE).await) > 0.85);
}

#[tokio::test(start_paused = true)]
async fn answers_too_old_and_features_without_similar_give_nothing() {
    let house = House::new(&ladder()).await;
    house.ask(Client::Chat, "support", false, QUESTION).await;
    house.ask(Client::Chat, "exact", false, QUESTION).await;
    afterwards().await;
    assert_eq!(house.sim.count("openai"), 1, "for the one feature that wants it");
    outage(&house);
    let exact = house.ask(Client::Chat, "exact", false, PARAPHRASE).await;
    assert_eq!(told(&exact), ("apology", ""));
    tokio::time::sleep(Duration::from_secs(3500)).await;
    assert!(score(&house.ask(Client::Chat, "support", false, PARAPHRASE).await) > 0.85);
    tokio::time::sleep(Duration::from_secs(100)).await;
    let old = house.ask(Client::Chat, "support", false, PARAPHRASE).await;
    assert_eq!(told(&old), ("apology", ""));
}

#[tokio::test(start_paused = true)]
async fn one_that_makes_no_vectors_is_replaced_and_rests() {
    let house = House::new(&ladder()).await;
    house.ask(Client::Chat, "support", false, QUESTION).await;
    afterwards().await;
    outage(&house);
    house.fault("openai", "status=500");
    for _ in 0..5 {
        assert!(score(&house.ask(Client::Chat, "support", false, PARAPHRASE).await) > 0.85);
    }
    let seen = house.sim.seen("azure");
    let path = "/openai/deployments/embed-eu/embeddings?api-version=2025-04-01-preview";
    assert!(seen.iter().all(|one| one.target == path), "{:?}", seen.first());
    let calls = house.sim.count("openai");
    let near = house.ask(Client::Chat, "support", false, PARAPHRASE).await;
    assert!(score(&near) > 0.85);
    assert_eq!(house.sim.count("openai"), calls, "its breaker is open");
}

#[tokio::test(start_paused = true)]
async fn without_vectors_the_next_tier_answers_soon() {
    for fault in ["hang", "hang-after-headers", "status=401", "garbage", "empty", "refuse"] {
        let house = House::new(&ladder()).await;
        house.ask(Client::Chat, "support", false, QUESTION).await;
        afterwards().await;
        outage(&house);
        house.fault("openai", fault);
        house.fault("azure", fault);
        let began = Instant::now();
        let answer = house.ask(Client::Chat, "support", false, PARAPHRASE).await;
        assert_eq!(told(&answer), ("apology", ""), "{fault}");
        let hangs = fault.starts_with("hang");
        let bounds = if hangs { 1900..2050 } else { 0..100 };
        assert!(bounds.contains(&began.elapsed().as_millis()), "{fault}: {:?}", began.elapsed());
        let record = house.record(&answer).await;
        let tried: Vec<(&str, Class)> = record
            .attempts
            .iter()
            .filter(|one| &*one.tier == "cached")
            .map(|one| (&*one.deployment, one.fault.unwrap()))
            .collect();
        let [("embed@openai", class), ("embed@dated", _)] = tried[..] else { panic!("{tried:?}") };
        assert!(!hangs || class == Class::Timeout, "{fault}: {class}");
    }
}

#[tokio::test(start_paused = true)]
async fn work_in_the_background_is_bounded() {
    let house = House::new(&ladder()).await;
    house.fault("openai", "hang");
    house.fault("azure", "hang");
    for _ in 0..3 {
        house.ask(Client::Chat, "support", false, QUESTION).await;
    }
    assert_eq!(house.sim.count("openai"), 1, "one vector for the same question");
    for number in 0..300 {
        let question = format!("How do I reset password {number}?");
        house.ask(Client::Chat, "support", false, &question).await;
    }
    assert_eq!(house.sim.count("openai"), 4, "the others wait");
    tokio::time::sleep(Duration::from_secs(3600)).await;
    house.sim.script().clear();
    house.ask(Client::Chat, "support", false, "How do I reset it at last?").await;
    tokio::time::sleep(Duration::from_secs(300)).await;
    house.ask(Client::Chat, "support", false, "How do I reset it after all?").await;
    afterwards().await;
    outage(&house);
    let near = house.ask(Client::Chat, "support", false, "how do i reset it after all").await;
    assert!(score(&near) > 0.85, "there is room again");
}

#[tokio::test(start_paused = true)]
async fn a_model_of_embeddings_cannot_be_asked() {
    let house = House::new(&ladder()).await;
    let answer = house.ask(Client::Chat, "embed", false, QUESTION).await;
    assert_eq!(answer.status, 404, "{}", answer.text());
}
