//! Every decision has an id that clients see, and can be read again.

use tieline_ledger::decision;
use tieline_types::{DecisionRecord, UsdPico};

use crate::house::{Answer, Client, House, post};

const WORLD: &str = r#"
version: 1
providers:
  anthropic: { kind: anthropic, base_url: "http://anthropic.sim", api_key: { env: KEY } }
  openai:
    kind: openai
    base_url: "http://openai.sim/v1"
    api_key: { env: KEY }
    facts: { zone: us }
  local:     { kind: openai-compatible, base_url: "http://local.sim/v1" }
models:
  m:
    - { provider: anthropic, price: { input: 1, output: 2 } }
    - { provider: openai, price: { input: 2, output: 4 }, quality: 0.9 }
    - { provider: local, name: x }
features:
  plain:
    tiers: [ { name: best, models: [m] }, { name: sorry, reply: "Later." } ]
  cheap:
    tiers: [ { name: best, models: [m], prefer: cheapest } ]
  eu:
    data: { residency: [eu] }
    tiers: [ { name: best, models: [m@openai] } ]
"#;

async fn decided(house: &House, answer: &Answer) -> DecisionRecord {
    let record = house.record(answer).await;
    let told = record.decision.unwrap();
    assert_eq!(answer.header("x-tieline-decision"), &*told.id, "{}", answer.text());
    let read = decision(&house.database(), &told.id).unwrap().unwrap();
    assert_eq!(read, *told);
    read
}

fn verdicts(decided: &DecisionRecord) -> Vec<(&str, &str)> {
    decided.candidates.iter().map(|one| (&*one.deployment, &*one.verdict)).collect()
}

fn plan(decided: &DecisionRecord) -> Vec<&str> {
    decided.plan.iter().map(|step| step.deployment.as_deref().unwrap_or(&step.does)).collect()
}

#[tokio::test(start_paused = true)]
async fn requests_that_are_decided_alike_share_a_decision() {
    let house = House::new(WORLD).await;
    for client in Client::ALL {
        for stream in [false, true] {
            let answer = house.ask(client, "plain", stream, "hello").await;
            let decided = decided(&house, &answer).await;
            assert_eq!(&*decided.feature, "plain");
            assert_eq!(plan(&decided), ["m@anthropic", "m@openai", "m@local", "reply"]);
        }
    }
    let records = house.records().await;
    let id = |at: usize| &records[at].decision.as_ref().unwrap().id;
    assert!((1..4).all(|at| id(at) == id(0)), "the same four times");

    house.drain("m@anthropic", true).unwrap();
    let answer = house.ask(Client::Chat, "plain", false, "hello").await;
    let after = decided(&house, &answer).await;
    assert_ne!(after.id, *id(0), "it is another decision now");
    let known = [("m@anthropic", "drained"), ("m@openai", "in"), ("m@local", "in")];
    assert_eq!(verdicts(&after), known);
    assert_eq!(plan(&after), ["m@openai", "m@local", "reply"]);

    house.drain("m@anthropic", false).unwrap();
    let answer = house.ask(Client::Chat, "plain", false, "hello").await;
    assert_eq!(decided(&house, &answer).await.id, *id(0), "as before");
}

#[tokio::test(start_paused = true)]
async fn what_was_weighed_is_on_record() {
    let house = House::new(WORLD).await;
    let body = Client::Chat.ask("cheap", false, &"tie line ".repeat(500)).to_string();
    let answer = house.send(post(Client::Chat.path(), body)).await;
    let decided = decided(&house, &answer).await;
    assert_eq!(plan(&decided), ["m@anthropic", "m@openai", "m@local"]);
    let usd: Vec<Option<UsdPico>> = decided.candidates.iter().map(|one| one.usd).collect();
    let [Some(first), Some(second), None] = *usd else { panic!("{usd:?}") };
    assert_eq!(first.times(2), second, "twice the price of the first");
    assert!(first > UsdPico::ZERO);
    assert_eq!(decided.candidates[1].quality, Some(0.9));
}

#[tokio::test(start_paused = true)]
async fn a_refusal_names_its_decision() {
    let house = House::new(WORLD).await;
    let answer = house.ask(Client::Messages, "eu", false, "hello").await;
    assert_eq!(answer.status, 403);
    let decided = decided(&house, &answer).await;
    assert_eq!(verdicts(&decided), [("m@openai", "policy: feature eu: residency")]);
    assert!(decided.plan.is_empty());
    let unknown = house.ask(Client::Messages, "nobody", false, "hello").await;
    assert!(!unknown.headers.contains_key("x-tieline-decision"), "nothing was decided");
    assert_eq!(house.record(&unknown).await.decision, None);
}
