//! Active probes: what failed comes back without a user's request finding out.

use std::{collections::BTreeSet, time::Duration};

use tieline_sim::{Fault, Rule};
use tieline_types::{CallRecord, Class, OWN_CALLER, Outcome, PROBE_FEATURE};

use crate::house::{Client, EVERYTHING, House, MODELS};

const OPENAI: &str = "gpt-5.5@openai";

fn state(house: &House, id: &str) -> &'static str {
    let status = house.gateway.status();
    status.deployments.into_iter().find(|one| one.id == id).map_or("", |one| one.state)
}

async fn sleep(seconds: u64) {
    tokio::time::sleep(Duration::from_secs(seconds)).await;
}

/// Lets a provider fail from now on until the first deployment of a model is out.
async fn break_down(house: &House, provider: &str, fault: &str, model: &str) {
    house.fault(provider, fault);
    for _ in 0..8 {
        house.ask(Client::Chat, model, false, "hello").await;
    }
}

/// All probes so far, oldest first.
async fn probes(house: &House) -> Vec<CallRecord> {
    let mut records = house.records().await;
    records.retain(|one| &*one.feature == PROBE_FEATURE);
    records.reverse();
    records
}

/// A house whose provider `openai` has `probes: off`.
fn without_probes() -> String {
    EVERYTHING.replace("openai.sim/v1\",", "openai.sim/v1\", probes: off,")
}

#[tokio::test(start_paused = true)]
async fn a_quiet_feature_recovers_without_traffic() {
    for (config, comes_back) in [(EVERYTHING.to_owned(), "closed"), (without_probes(), "half-open")]
    {
        let house = House::new(&config).await;
        house.probes();
        break_down(&house, "openai", "status=500", "gpt-5.5").await;
        assert_eq!(state(&house, OPENAI), "open");
        house.sim.script().clear();
        sleep(8).await;
        let early = if comes_back == "closed" { "ramping" } else { "half-open" };
        assert_eq!(state(&house, OPENAI), early);
        sleep(60).await;
        assert_eq!(state(&house, OPENAI), comes_back);
    }
}

/// 28 April 2026: 78 minutes of 401, here with nobody awake at its end.
#[tokio::test(start_paused = true)]
async fn a_storm_of_refused_credentials_ends_by_probes_alone() {
    let house = House::new(EVERYTHING).await;
    house.probes();
    break_down(&house, "bedrock", "status=401", "nova").await;
    break_down(&house, "bedrock", "status=401", "runtime").await;
    let all = ["nova@bedrock", "runtime@bedrock", "gpt-5.5@bedrock", "claude@bedrock"];
    assert!(all.iter().all(|id| state(&house, id) == "open"));
    sleep(78 * 60).await;
    assert!(all.iter().all(|id| ["open", "half-open"].contains(&state(&house, id))));
    let during = probes(&house).await;
    // One every two minutes for each deployment there.
    assert!((30..300).contains(&during.len()), "{}", during.len());
    assert!(during.iter().all(|one| one.fault == Some(Class::Auth)));
    house.sim.script().clear();
    sleep(180).await;
    for id in all {
        assert_eq!(state(&house, id), "closed", "{id}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_critical_request_is_never_the_probe_while_the_prober_works() {
    let house = House::new(EVERYTHING).await;
    house.probes();
    // The prober looks every second: some requests come between the end of a rest and its look.
    tokio::time::sleep(Duration::from_millis(500)).await;
    let outage = Duration::from_secs(160);
    house.sim.script().add(Rule {
        until: Some(outage),
        ..Rule::new("openai", "status=500".parse::<Fault>().unwrap())
    });
    for number in 0..6_000 {
        // Each is a conversation of its own, and draws a lot of its own.
        let text = format!("hello {number}");
        let answer = house.ask(Client::Chat, "gpt-5.5", false, &text).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        tokio::time::sleep(Duration::from_millis(60)).await;
    }
    assert_eq!(state(&house, OPENAI), "closed");
    let records = house.records().await;
    let users = records.iter().filter(|one| &*one.feature != PROBE_FEATURE);
    let failed = users.filter(|one| one.attempts.iter().any(|attempt| attempt.fault.is_some()));
    assert_eq!(failed.count(), 5, "those that opened the breaker");
    assert!(probes(&house).await.len() > 3);
}

#[tokio::test(start_paused = true)]
async fn a_failed_probe_doubles_the_rest() {
    let house = House::new(EVERYTHING).await;
    house.probes();
    break_down(&house, "openai", "status=500", "gpt-5.5").await;
    sleep(600).await;
    let begun: Vec<u64> = probes(&house).await.iter().map(|one| one.started_ms).collect();
    let gaps_s: Vec<u64> = begun.windows(2).map(|two| (two[1] - two[0]) / 1000).collect();
    for (gap_s, rest_s) in gaps_s.iter().zip([10, 20, 40, 80, 120, 120]) {
        assert!((rest_s..=rest_s + 2).contains(gap_s), "{gaps_s:?}");
    }
    assert!(gaps_s.len() >= 6, "{gaps_s:?}");
}

#[tokio::test(start_paused = true)]
async fn probes_of_a_day_are_bounded() {
    let house = House::new(EVERYTHING).await;
    house.probes();
    break_down(&house, "openai", "status=500", "gpt-5.5").await;
    let called = house.sim.count("openai");
    sleep(23 * 3600).await;
    assert_eq!(house.sim.count("openai") - called, 500);
    sleep(2 * 3600).await;
    let next_day = house.sim.count("openai") - called - 500;
    assert!((1..60).contains(&next_day), "{next_day}");
}

#[tokio::test(start_paused = true)]
async fn neither_drained_nor_out_of_quota_is_it_probed() {
    let house = House::new(EVERYTHING).await;
    house.probes();
    break_down(&house, "openai", "status=500", "gpt-5.5").await;
    house.drain(OPENAI, true).unwrap();
    let called = house.sim.count("openai");
    sleep(3600).await;
    assert_eq!(house.sim.count("openai"), called, "drained");
    house.sim.script().clear();
    house.fault("openai", "status=429,retry-after=600s");
    house.drain(OPENAI, false).unwrap();
    sleep(300).await;
    assert_eq!(house.sim.count("openai"), called + 1, "the quota is shut");
    house.sim.script().clear();
    sleep(400).await;
    assert_eq!(state(&house, OPENAI), "closed");
    assert_eq!(house.sim.count("openai"), called + 2);
}

/// A model may refuse the probe and serve everybody else.
#[tokio::test(start_paused = true)]
async fn what_refuses_the_probe_itself_is_left_to_callers() {
    let house = House::new(EVERYTHING).await;
    house.probes();
    break_down(&house, "openai", "status=500", "gpt-5.5").await;
    house.sim.script().clear();
    house.fault("openai", "status=400");
    let called = house.sim.count("openai");
    sleep(290).await;
    assert_eq!(house.sim.count("openai"), called + 1);
    assert_eq!(state(&house, OPENAI), "half-open", "it says nothing of the deployment");
    house.sim.script().clear();
    let answer = house.ask(Client::Chat, "gpt-5.5", false, "hello").await;
    assert_eq!(answer.header("x-tieline-deployment"), OPENAI);
    assert_eq!(state(&house, OPENAI), "ramping");
}

#[tokio::test(start_paused = true)]
async fn every_way_out_takes_its_probe_and_every_probe_is_on_record() {
    let house = House::new(EVERYTHING).await;
    for provider in ["openai", "azure", "anthropic", "bedrock", "local"] {
        house.fault(provider, "status=500");
    }
    for model in MODELS {
        for _ in 0..24 {
            house.ask(Client::Chat, model, false, "hello").await;
        }
    }
    let deployments = house.gateway.status().deployments;
    let ids: BTreeSet<&str> = deployments.iter().map(|one| one.id.as_str()).collect();
    for id in &ids {
        assert!(["open", "half-open"].contains(&state(&house, id)), "{id}");
    }
    house.sim.script().clear();
    house.probes();
    sleep(300).await;
    for id in &ids {
        assert_eq!(state(&house, id), "closed", "{id}");
    }
    let probes = probes(&house).await;
    let probed: BTreeSet<&str> =
        probes.iter().filter_map(|one| one.deployment.as_deref()).collect();
    assert_eq!(probed, ids);
    assert_eq!(probes.len(), ids.len(), "one was enough for each");
    for probe in &probes {
        assert_eq!(&*probe.caller, OWN_CALLER);
        assert_eq!((probe.outcome, probe.status, probe.attempts.len()), (Outcome::Served, 200, 1));
        let output = probe.usage.map_or(0, |usage| usage.output_total());
        assert!((1..=16).contains(&output), "{probe:?}");
        assert_eq!(probe.attempts[0].usage, probe.usage);
    }
}
