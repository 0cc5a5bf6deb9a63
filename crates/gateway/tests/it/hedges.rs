//! A second deployment beside the first, where that is slow to begin.

use std::time::Duration;

use serde_json::json;
use tieline_types::{CallRecord, Class, Outcome, Reason};
use tokio::time::Instant;

use crate::house::{Answer, Client, EVERYTHING, House, post};

/// A feature that hedges after half a second, with enough requests behind it to pay for `hedges`.
async fn house(hedges: usize) -> House {
    let feature = "{ hedge: { after: 500ms }, tiers: [{ models: [gpt-5.5], ttft: 15s }] }";
    let text = format!("{EVERYTHING}features:\n  f: {feature}\n");
    let house = House::new(&text).await;
    for _ in 0..20 * hedges - 1 {
        house.ask(Client::Chat, "f", true, "hello").await;
    }
    house
}

async fn record_of(house: &House, answer: &Answer) -> CallRecord {
    let id = answer.header("x-tieline-request-id");
    house.records().await.into_iter().find(|one| one.id == id).unwrap()
}

#[tokio::test(start_paused = true)]
async fn the_second_answers_where_the_first_is_slow() {
    for client in [Client::Chat, Client::Messages] {
        let house = house(1).await;
        house.fault("openai", "slow-first-token=20s");
        let began = Instant::now();
        let answer = house.ask(client, "f", true, "hello").await;
        assert!(client.is_whole(&answer, true), "{}", answer.text());
        assert_eq!(answer.header("x-tieline-deployment"), "gpt-5.5@azure");
        assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
        let record = record_of(&house, &answer).await;
        assert_eq!(record.outcome, Outcome::Served);
        let [first, second] = record.attempts.as_slice() else { panic!("{record:?}") };
        assert_eq!((first.reason, first.fault), (Reason::Chosen, Some(Class::Superseded)));
        assert_eq!((second.reason, second.fault), (Reason::Hedge, None));
        assert!(second.start_us >= 500_000, "{record:?}");
        let paid = first.usage.unwrap();
        assert!(paid.estimated && paid.input > 0, "the loser is paid as well: {paid:?}");
        let status = house.gateway.status();
        let openai = status.deployments.iter().find(|one| one.id == "gpt-5.5@openai").unwrap();
        assert_eq!((openai.state, openai.failed), ("closed", 0), "slow is not ill");
    }
}

#[tokio::test(start_paused = true)]
async fn the_first_may_still_win() {
    let house = house(1).await;
    house.fault("openai", "slow-first-token=1s");
    house.fault("azure", "slow-first-token=20s");
    let answer = house.ask(Client::Chat, "f", true, "hello").await;
    assert_eq!(answer.header("x-tieline-deployment"), "gpt-5.5@openai");
    let record = record_of(&house, &answer).await;
    let faults: Vec<_> = record.attempts.iter().map(|one| one.fault).collect();
    assert_eq!(faults, [None, Some(Class::Superseded)]);
}

#[tokio::test(start_paused = true)]
async fn where_both_fail_the_third_answers() {
    let house = house(1).await;
    house.fault("openai", "hang");
    house.fault("azure", "status=500");
    let answer = house.ask(Client::Chat, "f", true, "hello").await;
    assert_eq!(answer.header("x-tieline-deployment"), "gpt-5.5@bedrock", "{}", answer.text());
    let deployments: Vec<String> = record_of(&house, &answer)
        .await
        .attempts
        .iter()
        .map(|one| one.deployment.to_string())
        .collect();
    assert_eq!(deployments.last().unwrap(), "gpt-5.5@bedrock");
    let mut unique = deployments.clone();
    unique.dedup();
    assert_eq!(unique, deployments, "none is called twice");
}

/// No more than one in twenty requests is asked twice.
#[tokio::test(start_paused = true)]
async fn the_budget_bounds_it() {
    let house = house(2).await;
    house.fault("openai", "slow-first-token=2s");
    for _ in 0..20 {
        house.ask(Client::Chat, "f", true, "hello").await;
    }
    let records = house.records().await;
    let hedged = records.iter().filter(|one| one.attempts.len() > 1).count();
    assert!((2..=3).contains(&hedged), "{hedged} of {}", records.len());
}

#[tokio::test(start_paused = true)]
async fn whole_answers_and_tools_are_not_hedged() {
    let house = house(3).await;
    house.fault("openai", "slow-first-token=2s");
    let whole = house.ask(Client::Chat, "f", false, "hello").await;
    assert_eq!(whole.header("x-tieline-attempts"), "1");
    let mut ask = Client::Chat.ask("f", true, "hello");
    ask["tools"] = json!([{ "type": "function", "function": { "name": "look_up" } }]);
    let tools = house.send(post(Client::Chat.path(), ask.to_string())).await;
    assert_eq!(tools.header("x-tieline-attempts"), "1", "{}", tools.text());
    let other = house.ask(Client::Chat, "gpt-5.5", true, "hello").await;
    assert_eq!(other.header("x-tieline-attempts"), "1", "only where the feature says so");
}
