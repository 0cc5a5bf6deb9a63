//! Features, their tiers, callers' keys, reload.

use std::time::Duration;

use http::Request;
use http_body_util::Full;
use serde_json::json;
use tieline_ledger::{Keys, NewKey};
use tieline_sim::{Fault, Pace, Rule};
use tieline_types::Outcome;
use tokio::time::Instant;

use crate::house::{Client, EVERYTHING, House, config, post};

fn ladder() -> String {
    format!(
        "{EVERYTHING}
features:
  support:
    tiers:
      - {{ name: frontier, models: [claude] }}
      - {{ name: cached, cache: {{ max_age: 1h }} }}
      - {{ name: apology, reply: \"We cannot answer right now.\", acceptable: false }}
  strict: {{ fidelity: strict, tiers: [ {{ models: [nova] }} ] }}
  closed: {{ tiers: [ {{ name: shut, off: true }} ] }}"
    )
}

async fn outage(house: &House) {
    house.fault("anthropic", "status=529");
    house.fault("bedrock", "status=503");
}

#[tokio::test(start_paused = true)]
async fn a_ladder_is_walked_down_to_the_apology() {
    for client in Client::ALL {
        for stream in [false, true] {
            let house = House::new(&ladder()).await;
            let good = house.ask(client, "support", stream, "what is a tie line?").await;
            assert_eq!(good.header("x-tieline-tier"), "frontier");
            outage(&house).await;
            let cached = house.ask(client, "support", !stream, "what is a tie line?").await;
            assert!(client.is_whole(&cached, !stream), "{}", cached.text());
            assert_eq!(cached.header("x-tieline-tier"), "cached");
            assert_eq!(cached.header("x-tieline-deployment"), "");
            let other = house.ask(client, "support", stream, "something never asked").await;
            assert!(client.is_whole(&other, stream), "{}", other.text());
            assert!(other.text().contains("We cannot"), "{}", other.text());
            assert_eq!(other.header("x-tieline-tier"), "apology");
            assert_eq!(house.record(&other).await.outcome, Outcome::Degraded);
            tokio::time::sleep(Duration::from_secs(3601)).await;
            let old = house.ask(client, "support", stream, "what is a tie line?").await;
            assert_ne!(old.header("x-tieline-tier"), "cached", "too old");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_strict_feature_refuses_what_would_be_lost() {
    let house = House::new(&ladder()).await;
    let mut ask = Client::Chat.ask("strict", false, "hello");
    ask["seed"] = json!(7);
    let answer = house.post(Client::Chat.path(), ask.to_string()).await;
    assert_eq!(answer.status, 400, "{}", answer.text());
    assert!(answer.text().contains("drop:seed"), "{}", answer.text());
    assert_eq!(house.sim.count("bedrock"), 0, "nothing was sent");
    ask["model"] = json!("nova");
    let answer = house.post(Client::Chat.path(), ask.to_string()).await;
    assert_eq!(answer.header("x-tieline-loss"), "drop:seed");
    assert_eq!(house.record(&answer).await.losses, ["drop:seed"]);
}

#[tokio::test(start_paused = true)]
async fn a_closed_feature_says_so() {
    let house = House::new(&ladder()).await;
    let answer = house.ask(Client::Chat, "closed", false, "hello").await;
    assert_eq!(answer.status, 503);
    assert!(answer.text().contains("switched off"), "{}", answer.text());
}

#[tokio::test(start_paused = true)]
async fn callers_need_a_key_that_fits() {
    let mut made = Vec::new();
    let house = House::with(&ladder(), Pace::default(), |path| {
        let keys = Keys::open(path).unwrap();
        let mut make = |features: Option<Vec<String>>, bound: Option<&str>, expires_ms| {
            let new = NewKey {
                name: "app".into(),
                features,
                default_feature: bound.map(str::to_owned),
                expires_ms,
            };
            made.push(keys.create(new, 1).unwrap());
        };
        make(None, None, None);
        make(Some(vec!["support".into()]), Some("support"), None);
        make(None, None, Some(2));
        keys.snapshot().unwrap()
    })
    .await;
    let ask = |key: Option<(&'static str, String)>, model: &str| {
        let body = Client::Messages.ask(model, false, "hello").to_string();
        let mut request = post(Client::Messages.path(), body);
        if let Some((name, value)) = key {
            request.headers_mut().insert(name, value.parse().unwrap());
        }
        house.send(request)
    };
    let key = |at: usize| made[at].1.clone();
    assert_eq!(ask(None, "claude").await.status, 401);
    assert_eq!(ask(Some(("x-api-key", "tl_wrong".into())), "claude").await.status, 401);
    assert_eq!(ask(Some(("x-api-key", key(2))), "claude").await.status, 401, "expired");
    assert_eq!(ask(Some(("x-api-key", key(0))), "claude").await.status, 200);
    assert_eq!(
        ask(Some(("authorization", format!("Bearer {}", key(0)))), "claude").await.status,
        200
    );
    assert_eq!(ask(Some(("x-api-key", key(1))), "claude").await.status, 403, "not in its scope");
    let bound = ask(Some(("x-api-key", key(1))), "some-model").await;
    assert_eq!((bound.status.as_u16(), bound.header("x-tieline-feature")), (200, "support"));
    assert_eq!(house.record(&bound).await.caller.as_ref(), made[1].0.id);
    for seen in house.sim.seen("anthropic") {
        let text = format!("{:?}", seen.headers);
        assert!(made.iter().all(|(_, key)| !text.contains(key.as_str())), "{text}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_feature_header_wins_over_the_model() {
    let house = House::new(&ladder()).await;
    let mut request =
        post(Client::Chat.path(), Client::Chat.ask("gpt-5.5", false, "hello").to_string());
    request.headers_mut().insert("x-tieline-feature", "support".parse().unwrap());
    assert_eq!(house.send(request).await.header("x-tieline-deployment"), "claude@anthropic");
}

#[tokio::test(start_paused = true)]
async fn models_are_listed_in_both_shapes() {
    let house = House::new(&ladder()).await;
    let get = |path: &str| {
        let request = Request::get(path).header("host", "t").body(Full::default()).unwrap();
        house.send(request)
    };
    let list = get("/v1/models").await.json();
    let names: Vec<&str> =
        list["data"].as_array().unwrap().iter().filter_map(|one| one["id"].as_str()).collect();
    assert!(names.contains(&"support") && names.contains(&"gpt-5.5"), "{names:?}");
    assert_eq!(list["object"], "list");
    assert_eq!(list["has_more"], false);
    assert_eq!(get("/openai/v1/models/support").await.json()["id"], "support");
    assert_eq!(get("/v1/models/nothing").await.status, 404);
    assert_eq!(get("/health").await.status, 200);
    assert_eq!(get("/ready").await.status, 200);
    house.gateway.drain();
    assert_eq!(get("/ready").await.status, 503);
}

#[tokio::test(start_paused = true)]
async fn tokens_are_counted_or_estimated() {
    let house = House::new(&ladder()).await;
    let count = |model: &str| {
        let body = Client::Messages.ask(model, false, "how many tokens are these?").to_string();
        house.send(post("/v1/messages/count_tokens", body))
    };
    let asked = count("claude").await;
    assert!(asked.json()["input_tokens"].as_u64().unwrap() > 0, "{}", asked.text());
    assert_eq!(asked.header("x-tieline-estimated"), "");
    let estimated = count("gpt-5.5").await;
    assert!(estimated.json()["input_tokens"].as_u64().unwrap() > 0);
    assert_eq!(estimated.header("x-tieline-estimated"), "input_tokens");
}

#[tokio::test(start_paused = true)]
async fn a_reload_changes_the_next_request_and_not_the_one_under_way() {
    let pace = Pace { first_token: Duration::from_secs(5), per_token: Duration::ZERO };
    let house = House::with(&ladder(), pace, |_| tieline_ledger::KeyRing::default()).await;
    let under_way = house.ask(Client::Chat, "support", true, "hello");
    let reload = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let gone = ladder().replace("models: [claude]", "models: [gpt-5.5]");
        house.gateway.apply(&config(&gone)).unwrap();
    };
    let (answer, ()) = tokio::join!(under_way, reload);
    assert_eq!(answer.header("x-tieline-deployment"), "claude@anthropic");
    let next = house.ask(Client::Chat, "support", true, "hello").await;
    assert_eq!(next.header("x-tieline-deployment"), "gpt-5.5@openai");
}

/// A fixed answer costs no time, so the call before it gets most of what there is.
#[tokio::test(start_paused = true)]
async fn before_a_fixed_answer_a_call_gets_most_of_the_time() {
    let feature = "{ deadline: 20s, tiers: [{ models: [llama] }, { reply: Sorry. }] }";
    let house = House::new(&format!("{EVERYTHING}features:\n  f: {feature}\n")).await;
    for (fault, tier, least) in [("slow-first-token=17s", "models", 17), ("hang", "reply", 18)] {
        house.sim.script().set([Rule::new("local", fault.parse::<Fault>().unwrap())]);
        let began = Instant::now();
        let answer = house.ask(Client::Chat, "f", false, "hello").await;
        assert_eq!(answer.header("x-tieline-tier"), tier, "{fault}");
        let took = began.elapsed().as_secs();
        assert!((least..20).contains(&took), "{fault}: {took} s");
    }
}
