//! Sentinels: a deployment that no longer answers as it did is suspended, and nothing else is.

use std::{sync::Arc, time::Duration};

use serde_json::json;
use tieline_gateway::{DeploymentStatus, Gateway, SentinelStatus};
use tieline_ledger::KeyRing;
use tieline_sim::{Fault, Known, ProviderSpec, Rule};
use tieline_types::{AuditRecord, CallRecord, Change, OWN_CALLER, Outcome, SENTINEL_FEATURE};

use crate::house::{Client, EVERYTHING, House, config};

const OPENAI: &str = "m@openai";
const AZURE: &str = "m@azure";
/// The built-in prompts that are no calls of tools, and what a good model answers.
const ANSWERS: [(&str, &str); 20] = [
    ("The person is Ada", r#"{"name": "Ada", "age": 36}"#),
    ("three lamps", r#"{"item": "lamp", "count": 3, "paid": false}"#),
    ("red, green and blue", r#"{"colors": ["red", "green", "blue"]}"#),
    ("Oslo in Norway", r#"{"place": {"city": "Oslo", "country": "Norway"}}"#),
    ("Is 8 an even number", r#"{"even": true}"#),
    ("Add 2 and 5", r#"{"sum": 7}"#),
    ("Northern light", r#"{"title": "Northern light", "words": 2}"#),
    ("I love it", "positive"),
    ("broke on the first day", "negative"),
    ("It has four legs", "neutral"),
    ("What is a trout", "fish"),
    ("What is an oak", "plant"),
    ("What is 7 times 8", "56"),
    ("How many days has a week", "7"),
    ("What is 100 minus 58", "42"),
    ("How many legs has a spider", "8"),
    ("sharpen a kitchen knife", "Draw it over a whetstone at a steady angle."),
    ("Henry VIII", "A king of England who wanted a son."),
    ("kill a process", "Send it SIGKILL with kill -9."),
    ("shot of a bird", "Follow it with a short exposure."),
];
/// How many prompts the built-in set has.
const PROMPTS: usize = 24;

/// Two providers for one model, and a feature that has both; `tail` is what else is configured.
fn two(tail: &str) -> String {
    let providers = EVERYTHING.split("models:").next().unwrap_or_default();
    format!(
        "{providers}models:\n  m: [ openai, {{ provider: azure, name: m }} ]\n\
         features:\n  answers: {{ tiers: [ {{ models: [m] }} ] }}\n{tail}"
    )
}

fn watched() -> String {
    two("sentinels: { every: 1h }")
}

async fn house(text: &str) -> House {
    let lines = ANSWERS.map(|(when, say)| json!({ "when": when, "say": say }).to_string());
    let known = Arc::new(Known::read(&lines.join("\n")).unwrap());
    House::of(
        text,
        |_| KeyRing::default(),
        |spec| ProviderSpec { known: Some(Arc::clone(&known)), ..spec },
    )
    .await
}

async fn hours(hours: u64) {
    tokio::time::sleep(Duration::from_secs(hours * 3600)).await;
}

fn deployment(gateway: &Gateway, id: &str) -> DeploymentStatus {
    gateway.status().deployments.into_iter().find(|one| one.id == id).unwrap()
}

fn state(house: &House, id: &str) -> &'static str {
    deployment(&house.gateway, id).state
}

fn shown(house: &House, id: &str) -> SentinelStatus {
    deployment(&house.gateway, id).sentinels.unwrap()
}

async fn prompts(house: &House) -> Vec<CallRecord> {
    let mut records = house.records().await;
    records.retain(|one| &*one.feature == SENTINEL_FEATURE);
    records
}

async fn suspensions(house: &House) -> Vec<AuditRecord> {
    let mut changes = house.changes().await;
    changes.retain(|one| one.action == Change::Suspend);
    changes
}

#[tokio::test(start_paused = true)]
async fn a_healthy_provider_is_asked_and_left_alone() {
    let house = house(&watched()).await;
    house.sentinels();
    hours(24).await;
    let shown = shown(&house, OPENAI);
    let last = shown.last.unwrap();
    assert!((20..=28).contains(&shown.rounds), "{}", shown.rounds);
    assert_eq!((last.answered, last.format, last.refused, last.constant), (1.0, 1.0, 0.0, 0.0));
    assert_eq!((shown.baseline_rounds, shown.drift), (10, None));
    assert_eq!(last.model.as_deref(), Some("m"));
    assert!(last.mean_output_tokens.unwrap() > 0.0);
    assert_eq!(state(&house, OPENAI), "closed");
    let records = prompts(&house).await;
    let one = &records[0];
    assert_eq!((&*one.caller, one.outcome), (OWN_CALLER, Outcome::Served));
    assert!(one.attempts[0].usage.is_some());
    let metrics = house.gateway.metrics_text();
    for line in [
        "tieline_sentinel_requests_total{deployment=\"m@openai\",class=\"\"}",
        "tieline_sentinel_share{deployment=\"m@openai\",share=\"format\"} 1.0",
        "tieline_deployment_suspended{deployment=\"m@openai\"} 0",
    ] {
        assert!(metrics.contains(line), "{line} is not in {metrics}");
    }
    assert!(!metrics.contains("tieline_requests_total{feature=\"tieline"), "no client's");
    let changes = house.changes().await;
    let baselines = changes.iter().filter(|one| one.action == Change::Baseline).count();
    assert_eq!(baselines, changes.len(), "and nothing else: {changes:?}");
    assert_eq!(baselines, 4, "two each: the first and the whole one");
}

#[tokio::test(start_paused = true)]
async fn nothing_is_asked_unless_it_is_configured() {
    let house = house(&two("")).await;
    house.sentinels();
    hours(24).await;
    assert_eq!((house.sim.count("openai"), house.sim.count("azure")), (0, 0));
    assert_eq!(deployment(&house.gateway, OPENAI).sentinels, None);
}

/// Each way to drift, from the fourth hour on.
#[tokio::test(start_paused = true)]
async fn whatever_drifts_is_suspended_with_the_reason_and_nothing_goes_there() {
    for (fault, told) in [
        ("model=m-2", "the model is `m-2`, and was `m`"),
        ("fenced", "0 of 7 json answers have their form"),
        ("say=fish", "prompts with other right answers get `fish`"),
        ("say=I cannot help with that.", "answers refuse, and 0 of"),
    ] {
        let house = house(&watched()).await;
        house.sentinels();
        let from = Some(Duration::from_secs(4 * 3600));
        let fault: Fault = fault.parse().unwrap();
        house.sim.script().add(Rule { from, ..Rule::new("openai", fault.clone()) });
        hours(4).await;
        assert_eq!(state(&house, OPENAI), "closed", "{fault}");
        hours(2).await;
        assert_eq!(state(&house, OPENAI), "suspended", "{fault}");
        assert_eq!(state(&house, AZURE), "closed", "{fault}");
        let [suspension] = suspensions(&house).await.try_into().unwrap();
        assert_eq!((&*suspension.actor, &*suspension.subject), ("sentinels", OPENAI));
        let reason = suspension.reason.unwrap();
        assert!(reason.contains(told), "{reason} does not tell {told}");
        assert_eq!(shown(&house, OPENAI).drift.as_ref(), Some(&reason));
        let answer = house.ask(Client::Chat, "answers", false, "hello").await;
        assert_eq!(answer.header("x-tieline-deployment"), AZURE, "{fault}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_last_deployment_of_a_feature_still_serves() {
    let house = house(&watched()).await;
    house.sentinels();
    hours(3).await;
    house.fault("openai", "model=other");
    house.fault("azure", "model=other");
    hours(2).await;
    assert_eq!((state(&house, OPENAI), state(&house, AZURE)), ("suspended", "suspended"));
    let answer = house.ask(Client::Chat, "answers", false, "hello").await;
    assert_eq!((answer.status.as_u16(), answer.header("x-tieline-deployment")), (200, OPENAI));
}

#[tokio::test(start_paused = true)]
async fn an_outage_is_no_drift() {
    for fault in ["status=500", "status=429,retry-after=60s", "hang", "empty"] {
        let house = house(&watched()).await;
        house.probes();
        house.sentinels();
        hours(2).await;
        house.fault("openai", fault);
        hours(4).await;
        assert_ne!(state(&house, OPENAI), "suspended", "{fault}");
        house.sim.script().clear();
        hours(2).await;
        assert_eq!(state(&house, OPENAI), "closed", "{fault}");
        assert_eq!(suspensions(&house).await, [], "{fault}");
        assert_eq!(shown(&house, OPENAI).last.unwrap().format, 1.0, "{fault}");
    }
}

#[tokio::test(start_paused = true)]
async fn one_bad_round_is_asked_again_at_once_and_forgotten() {
    let house = house(&watched()).await;
    house.sentinels();
    hours(3).await;
    let now = Duration::from_secs(3 * 3600);
    let rounds = shown(&house, OPENAI).rounds;
    house.sim.script().add(Rule {
        first: Some(PROMPTS as u64),
        from: Some(now),
        ..Rule::new("openai", "fenced".parse().unwrap())
    });
    hours(1).await;
    tokio::time::sleep(Duration::from_secs(900)).await;
    let after = shown(&house, OPENAI).rounds;
    assert!(after >= rounds + 2, "{after} after {rounds}: asked again within minutes");
    assert_eq!((state(&house, OPENAI), suspensions(&house).await.len()), ("closed", 0));
}

#[tokio::test(start_paused = true)]
async fn a_restart_keeps_suspension_and_baseline() {
    let house = house(&watched()).await;
    house.sentinels();
    hours(3).await;
    house.changes().await;
    let restarted = house.restarted(&watched());
    house.gateway.drain();
    house.fault("openai", "model=m-2");
    house.sentinels_of(&restarted);
    hours(3).await;
    let drifted = deployment(&restarted, OPENAI);
    assert_eq!(drifted.state, "suspended", "it was another model before the restart");
    house.changes().await;
    let again = house.restarted(&watched());
    let drifted = deployment(&again, OPENAI);
    assert_eq!(drifted.state, "suspended");
    let reason = drifted.sentinels.and_then(|one| one.drift).unwrap();
    assert!(reason.contains("m-2"), "{reason}");
}

#[tokio::test(start_paused = true)]
async fn what_an_operator_accepts_is_the_baseline_from_then_on() {
    let house = house(&watched()).await;
    house.sentinels();
    hours(3).await;
    house.fault("openai", "model=m-2");
    hours(2).await;
    assert_eq!(state(&house, OPENAI), "suspended");
    house.suspend(OPENAI, false).unwrap();
    hours(12).await;
    let shown = shown(&house, OPENAI);
    assert_eq!((state(&house, OPENAI), shown.drift), ("closed", None));
    assert_eq!(shown.baseline_models, ["m-2"]);
    house.changes().await;
    let restarted = house.restarted(&watched());
    house.gateway.drain();
    house.sentinels_of(&restarted);
    hours(4).await;
    assert_eq!(deployment(&restarted, OPENAI).state, "closed");
    house.sim.script().clear();
    hours(2).await;
    assert_eq!(deployment(&restarted, OPENAI).state, "suspended", "the old model is drift now");
}

#[tokio::test(start_paused = true)]
async fn another_model_by_configuration_is_no_drift() {
    let house = house(&watched()).await;
    house.sentinels();
    hours(3).await;
    let other = watched().replace("m: [ openai,", "m: [ { provider: openai, name: m-2 },");
    house.gateway.apply(&config(&other)).unwrap();
    hours(4).await;
    let shown = shown(&house, "m@openai");
    assert_eq!((state(&house, OPENAI), shown.baseline_models), ("closed", vec!["m-2".to_owned()]));
}

#[tokio::test(start_paused = true)]
async fn a_day_costs_no_more_than_it_may_restarts_included() {
    // A dollar for each thousand tokens of output: a round costs about a quarter of a dollar.
    let priced = watched()
        .replace("[ openai, {", "[ { provider: openai, price: { input: 0, output: 1000 } }, {")
        .replace("every: 1h", "every: 5m, max_usd_per_day: 3");
    let house = house(&priced).await;
    let cost = async || -> f64 {
        let records = prompts(&house).await;
        let today = records.iter().filter(|one| one.started_ms / 86_400_000 == 20_571);
        today.filter_map(CallRecord::cost).map(|cost| cost.usd.approximately()).sum()
    };
    house.sentinels();
    hours(6).await;
    let before = cost().await;
    assert!((1.0..=3.0).contains(&before), "{before}");
    let restarted = house.restarted(&priced);
    house.gateway.drain();
    house.sentinels_of(&restarted);
    hours(2).await;
    let after = cost().await;
    assert!((before..=3.0).contains(&after), "{after} after {before}");
    assert_eq!(deployment(&restarted, OPENAI).state, "closed", "what is not asked has not drifted");
}

#[tokio::test(start_paused = true)]
async fn prompts_of_ones_own_are_asked_and_mistakes_in_them_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("own.jsonl");
    let line = |n: usize| json!({ "id": n.to_string(), "ask": format!("own {n}"), "want": "text" });
    let text = |count: usize| -> String { (0..count).map(|n| format!("{}\n", line(n))).collect() };
    let own = two(&format!("sentinels: {{ prompts: {:?} }}", path));
    std::fs::write(&path, text(10)).unwrap();
    let house = house(&own).await;
    house.sentinels();
    hours(2).await;
    let asked = house.sim.seen("openai");
    assert!(asked.iter().all(|one| String::from_utf8_lossy(&one.body).contains("own ")));
    assert!(!asked.is_empty());
    std::fs::write(&path, text(3)).unwrap();
    let error = house.gateway.apply(&config(&own)).unwrap_err();
    assert!(format!("{error:?}").contains("Count(3)"), "{error:?}");
    assert!(
        house.gateway.status().deployments.iter().any(|one| one.sentinels.is_some()),
        "as it was"
    );
}
