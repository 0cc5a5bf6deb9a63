//! The days on which models end: read, stated, and turned into gates.

use std::{collections::BTreeMap, time::Duration};

use tieline_gateway::{DueGate, Shutdown, stated_gates};
use tieline_ledger::KeyRing;
use tieline_sim::{Kind, ProviderSpec};

use crate::house::{Client, EVERYTHING, House, config};

/// 28 April 2026, the day on which houses begin.
const TODAY_MS: u64 = 1_777_397_640_000;
const OLD: &str = "old@openai";

/// A feature with a model that ends at OpenAI, one that does not, and one at a server of one's own.
fn text() -> String {
    let providers = EVERYTHING.split("models:").next().unwrap_or_default();
    format!(
        "{providers}models:\n  old: [openai]\n  new: [openai]\n  llama: [local]\n  \
         claude: [anthropic]\n  gpt55-eu: [azure, dated]\n\
         features:\n  answers: {{ tiers: [ {{ models: [old, new] }}, {{ models: [llama] }} ] }}\n"
    )
}

/// OpenAI ends `old` on that day, Azure `gpt55-eu` 30 days from the start; `new` is listed without.
async fn house(text: &str, day: &str) -> House {
    let days = |kind: Kind| match kind {
        Kind::Openai => BTreeMap::from([("old".to_owned(), day.parse().unwrap())]),
        Kind::AzureOpenai => {
            BTreeMap::from([("gpt55-eu".to_owned(), "2026-05-28".parse().unwrap())])
        }
        _ => BTreeMap::new(),
    };
    let keys = |_: &std::path::Path| KeyRing::default();
    House::of(text, keys, |spec| ProviderSpec { shutdown_dates: days(spec.kind), ..spec }).await
}

async fn minutes(minutes: u64) {
    tokio::time::sleep(Duration::from_secs(minutes * 60)).await;
}

fn shutdown(house: &House, id: &str) -> Option<Shutdown> {
    let status = house.gateway.status();
    status.deployments.into_iter().find(|one| one.id == id).unwrap().shutdown
}

#[tokio::test(start_paused = true)]
async fn what_a_provider_lists_is_shown_and_becomes_a_gate() {
    let house = house(&text(), "2026-06-17").await;
    assert_eq!(house.gateway.gates(), [], "nothing is known yet");
    house.shutdown_dates();
    minutes(2).await;
    let listed = Shutdown { on: "2026-06-17".to_owned(), days_left: 50, source: "listed" };
    assert_eq!(shutdown(&house, OLD), Some(listed.clone()));
    assert_eq!(shutdown(&house, "new@openai"), None);
    for id in ["gpt55-eu@azure", "gpt55-eu@dated"] {
        assert_eq!(shutdown(&house, id).map(|one| one.days_left), Some(30), "{id}");
    }
    let gates = house.gateway.gates();
    let [azure, dated, old] = gates.as_slice() else { panic!("{gates:?}") };
    assert_eq!(
        (&*azure.feature, &*dated.deployment),
        ("gpt55-eu", "gpt55-eu@dated"),
        "soonest first"
    );
    let expected = DueGate {
        feature: "answers".to_owned(),
        tier: old.tier.clone(),
        deployment: OLD.to_owned(),
        reason: "shutdown",
        shutdown: Some(listed),
        drift: None,
        due: true,
        command: "tieline eval run SUITE --candidate new@openai --incumbent old@openai".to_owned(),
    };
    assert_eq!(*old, expected);
    assert!(azure.command.contains("--candidate CANDIDATE "), "both end: {}", azure.command);
    let metrics = house.gateway.metrics_text();
    assert!(metrics.contains("tieline_deployment_shutdown_days{deployment=\"old@openai\"} 50\n"));
    minutes(24 * 60 * 2).await;
    assert_eq!(shutdown(&house, OLD).map(|one| one.days_left), Some(48));
    let ended = self::house(&text(), "2026-04-26").await;
    ended.shutdown_dates();
    minutes(2).await;
    let left = shutdown(&ended, OLD).map(|one| one.days_left);
    assert_eq!((left, ended.gateway.gates()[0].due), (Some(-2), true), "it has ended");
}

#[tokio::test(start_paused = true)]
async fn lists_are_read_once_a_day_with_the_providers_own_credential() {
    let off =
        text().replace("\"http://local.sim/v1\"", "\"http://local.sim/v1\", shutdown_dates: off");
    let house = house(&off, "2026-06-17").await;
    house.shutdown_dates();
    minutes(10 * 24 * 60).await;
    let seen = house.sim.seen("openai");
    assert!((9..=12).contains(&seen.len()), "{}", seen.len());
    for one in &seen {
        assert_eq!((one.method.as_str(), one.target.as_str()), ("GET", "/v1/models"));
        assert!(one.headers.iter().any(|(name, _)| name == "authorization") && one.body.is_empty());
    }
    let azure: Vec<String> = house.sim.seen("azure").into_iter().map(|one| one.target).collect();
    assert!(azure.contains(&"/openai/v1/models".to_owned()), "{azure:?}");
    assert!(azure.contains(&"/openai/models?api-version=2025-04-01-preview".to_owned()));
    assert_eq!((house.sim.count("local"), house.sim.count("anthropic")), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_list_that_cannot_be_read_harms_nothing_and_is_tried_again() {
    for fault in ["status=500", "status=404", "hang", "status=401"] {
        let house = house(&text(), "2026-06-17").await;
        house.fault("openai", fault);
        house.shutdown_dates();
        minutes(3 * 60).await;
        let calls = house.sim.count("openai");
        assert!((2..=4).contains(&calls), "{fault}: {calls}");
        let status = house.gateway.status();
        let listing = status.listings.iter().find(|one| one.provider == "openai").unwrap();
        assert!(listing.error.is_some() && listing.read_ms.is_none(), "{fault}: {listing:?}");
        assert!(status.deployments.iter().all(|one| one.state == "closed"), "{fault}");
        house.sim.script().clear();
        let answer = house.ask(Client::Chat, "answers", false, "hello").await;
        assert_eq!(answer.header("x-tieline-deployment"), OLD);
        minutes(2 * 60).await;
        assert_eq!(shutdown(&house, OLD).map(|one| one.source), Some("listed"), "{fault}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_stated_wins_and_needs_no_list() {
    let stated = text()
        .replace(
            "llama: [local]",
            "llama: [ { provider: local, facts: { retires_on: 2026-05-05 } } ]",
        )
        .replace(
            "old: [openai]",
            "old: [ { provider: openai, facts: { retires_on: 2027-01-14 } } ]",
        );
    let house = house(&stated, "2026-06-17").await;
    house.shutdown_dates();
    minutes(2).await;
    let old = Shutdown { on: "2027-01-14".to_owned(), days_left: 261, source: "stated" };
    assert_eq!(shutdown(&house, OLD), Some(old));
    let offline = stated_gates(&config(&stated), TODAY_MS);
    let told: Vec<_> =
        offline.iter().map(|one| (&*one.deployment, one.due, &*one.command)).collect();
    assert_eq!(
        told,
        [
            (
                "llama@local",
                true,
                "tieline eval run SUITE --candidate new@openai --incumbent llama@local"
            ),
            (OLD, false, "tieline eval run SUITE --candidate new@openai --incumbent old@openai"),
        ]
    );
    let expired =
        stated.replace("retires_on: 2026-05-05", "retires_on: 2026-05-05, expires: 2026-01-01");
    assert_eq!(stated_gates(&config(&expired), TODAY_MS).len(), 1, "nobody believes it any more");
}

#[tokio::test(start_paused = true)]
async fn what_has_drifted_is_a_gate_until_it_is_accepted() {
    let watched = format!("{}sentinels: {{}}\n", text());
    let house = house(&watched, "2099-01-01").await;
    house.sentinels();
    minutes(60).await;
    house.fault("openai", "model=another");
    minutes(150).await;
    let gates = house.gateway.gates();
    let old = gates.iter().find(|gate| gate.deployment == OLD).unwrap();
    assert_eq!((old.reason, old.due), ("drift", true));
    assert!(old.drift.as_ref().is_some_and(|drift| drift.contains("`another`")), "{old:?}");
    let command = "tieline eval run SUITE --candidate old@openai --incumbent llama@local";
    assert_eq!(old.command, command, "the other at OpenAI has drifted too");
    house.suspend(OLD, false).unwrap();
    assert!(!house.gateway.gates().iter().any(|gate| gate.deployment == OLD));
}
