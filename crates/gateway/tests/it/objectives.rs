//! Tiers that choose by what a request costs and takes.

use std::time::Duration;

use crate::house::{Answer, Client, House, post};

const HOUSES: &str = r#"
version: 1
providers:
  anthropic: { kind: anthropic, base_url: "http://anthropic.sim", api_key: { env: KEY } }
  openai:    { kind: openai, base_url: "http://openai.sim/v1", api_key: { env: KEY } }
  local:     { kind: openai-compatible, base_url: "http://local.sim/v1" }
models:
  m:
    - provider: anthropic
      price: { input: 1, output: 2, long: { above: 5000, input: 4, output: 8 } }
    - { provider: openai, price: { input: 2, output: 4 }, quality: 0.9 }
    - { provider: local, name: x }
features:
"#;

async fn house(tier: &str) -> House {
    let feature = format!("  f:\n    tiers:\n      - {{ models: [m], {tier} }}\n");
    House::new(&format!("{HOUSES}{feature}")).await
}

async fn ask(house: &House, words: usize) -> Answer {
    let body = Client::Chat.ask("f", false, &"tie line ".repeat(words));
    house.post(Client::Chat.path(), body.to_string()).await
}

#[tokio::test(start_paused = true)]
async fn the_cheapest_answers_unless_the_prompt_is_long_or_it_is_out() {
    let house = house("prefer: cheapest").await;
    assert_eq!(ask(&house, 1).await.header("x-tieline-deployment"), "m@anthropic");
    let long = ask(&house, 3_000).await;
    assert_eq!(long.header("x-tieline-deployment"), "m@openai", "27,000 bytes");
    house.fault("anthropic", "status=500");
    assert_eq!(ask(&house, 1).await.header("x-tieline-deployment"), "m@openai");
    house.fault("openai", "status=500");
    let last = ask(&house, 1).await;
    assert_eq!(last.header("x-tieline-deployment"), "m@local", "what has no price is the last");
}

#[tokio::test(start_paused = true)]
async fn no_request_goes_where_it_is_expected_to_cost_too_much() {
    let house = house("max_usd_per_request: 0.004").await;
    let answer = ask(&house, 1).await;
    assert_eq!(answer.header("x-tieline-deployment"), "m@anthropic");
    house.fault("anthropic", "status=500");
    assert_eq!(ask(&house, 1).await.header("x-tieline-deployment"), "m@openai");
    let refused = ask(&house, 3_000).await;
    assert_eq!(refused.status, 503);
    assert!(refused.text().contains("m@openai (too_dear)"), "{}", refused.text());
    assert!(refused.text().contains("m@local (unpriced)"), "{}", refused.text());
    let why = house.record(&refused).await.passed_over;
    let why: Vec<_> = why.iter().map(|one| (&*one.deployment, &*one.why)).collect();
    let expected = [("m@anthropic", "too_dear"), ("m@openai", "too_dear"), ("m@local", "unpriced")];
    assert_eq!(why, expected);
}

#[tokio::test(start_paused = true)]
async fn what_is_too_slow_or_not_good_enough_is_a_fallback_still() {
    let house = house("min_quality: 0.8").await;
    assert_eq!(ask(&house, 1).await.header("x-tieline-deployment"), "m@openai");
    house.fault("openai", "status=500");
    assert_eq!(ask(&house, 1).await.header("x-tieline-deployment"), "m@anthropic");
}

#[tokio::test(start_paused = true)]
async fn a_balance_weighs_what_it_measures() {
    let house = house("prefer: { balanced: { cost: 1, latency: 4, quality: 0 } }").await;
    house.fault("anthropic", "slow-first-token=3s");
    let stream = || {
        let body = Client::Messages.ask("f", true, "hello");
        house.send(post(Client::Messages.path(), body.to_string()))
    };
    let slow = stream().await;
    assert_eq!(slow.header("x-tieline-deployment"), "m@anthropic", "nothing is known yet");
    let quick = stream().await;
    assert_ne!(quick.header("x-tieline-deployment"), "m@anthropic");
    tokio::time::sleep(Duration::from_secs(600)).await;
    let again = stream().await;
    assert_eq!(again.header("x-tieline-deployment"), "m@anthropic", "what was slow is tried again");
}
