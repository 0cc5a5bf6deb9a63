//! Quotas that providers enforce, and of which only their headers tell.

use std::time::Duration;

use tieline_sim::{Quota, Ramp};
use tieline_types::Class;

use crate::house::{Client, EVERYTHING, House};

const FIRST: &str = "gpt-5.5@openai";
const SPARE: &str = "claude@anthropic";

async fn house(quota: Quota) -> House {
    let tier = format!("tiers: [{{ models: [{FIRST}, {SPARE}] }}]");
    let house = House::new(&format!("{EVERYTHING}features:\n  chat: {{ {tier} }}\n")).await;
    house.sim.quotas().add(quota);
    house
}

/// Who answers so many requests, a second apart: the first, and the one that stands in.
async fn answered(house: &House, requests: usize) -> [usize; 2] {
    let mut by = [0, 0];
    for _ in 0..requests {
        let answer = house.ask(Client::Chat, "chat", true, "hello").await;
        assert!(Client::Chat.is_whole(&answer, true), "{}", answer.text());
        let first = answer.header("x-tieline-deployment") == FIRST;
        by[usize::from(!first)] += 1;
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    by
}

/// How many attempts were refused for a quota.
async fn refused(house: &House) -> usize {
    let records = house.records().await;
    let attempts = records.iter().flat_map(|record| &record.attempts);
    attempts.filter(|attempt| attempt.fault == Some(Class::RateLimited)).count()
}

#[tokio::test(start_paused = true)]
async fn a_quota_that_is_cut_is_steered_by_before_it_refuses() {
    let house = house(Quota { requests_per_minute: Some(120), ..Quota::new("openai") }).await;
    assert_eq!(answered(&house, 30).await, [30, 0]);
    house.sim.quotas().scale("openai", None, 0.1);
    let [first, spare] = answered(&house, 120).await;
    // 12 that are left and 24 that come back in two minutes.
    assert!((24..=38).contains(&first), "{first} by the first, {spare} by the other");
    let refused = refused(&house).await;
    assert!(refused <= 2, "{refused} refusals");
    house.sim.quotas().scale("openai", None, 1.0);
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(answered(&house, 30).await, [30, 0]);
}

#[tokio::test(start_paused = true)]
async fn load_that_may_not_grow_goes_elsewhere_unseen() {
    let ramp = Some(Ramp::above(300));
    let house = house(Quota { ramp, ..Quota::new("openai") }).await;
    let [first, spare] = answered(&house, 120).await;
    assert!(first > 5 && spare > 30, "{first} by the first, {spare} by the other");
    assert!(refused(&house).await > 0, "headers tell nothing of it");
}
