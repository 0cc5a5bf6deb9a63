//! Changes by hand and by file leave a record, or are not made.

use std::{path::PathBuf, time::Duration};

use tieline_gateway::{ChangeError, Gateway, watch};
use tieline_types::{AuditRecord, Change, ChangeResult};

use crate::house::{Client, EVERYTHING, House, config};

const OPENAI: &str = "gpt-5.5@openai";

fn state(gateway: &Gateway, id: &str) -> &'static str {
    let status = gateway.status();
    status.deployments.into_iter().find(|one| one.id == id).map_or("", |one| one.state)
}

#[tokio::test(start_paused = true)]
async fn a_drain_is_on_record_with_who_what_and_when() {
    let house = House::new(EVERYTHING).await;
    house.drain(OPENAI, true).unwrap();
    tokio::time::sleep(Duration::from_secs(60)).await;
    house.drain(OPENAI, false).unwrap();
    assert_eq!(house.drain("nothing@openai", true), Err(ChangeError::NoSuchDeployment));
    let changes = house.changes().await;
    let [undrained, drained] = changes.as_slice() else { panic!("{changes:?}") };
    let expected = AuditRecord {
        id: drained.id.clone(),
        at_ms: 1_777_397_640_000,
        actor: "127.0.0.1:50123".to_owned(),
        claimed: Some("robin".to_owned()),
        action: Change::Drain,
        subject: OPENAI.to_owned(),
        before: Some("in service".to_owned()),
        after: Some("drained".to_owned()),
        result: ChangeResult::Applied,
        reason: None,
    };
    assert_eq!(*drained, expected);
    assert!(drained.id.starts_with("chg_") && drained.id != undrained.id);
    assert_eq!((undrained.action, undrained.at_ms), (Change::Undrain, drained.at_ms + 60_000));
    assert_eq!((&undrained.before, &undrained.after), (&drained.after, &drained.before));
}

#[tokio::test(start_paused = true)]
async fn a_change_that_cannot_go_on_record_is_not_made() {
    let house = House::new(EVERYTHING).await;
    house.close_ledger();
    assert_eq!(house.drain(OPENAI, true), Err(ChangeError::Unrecorded));
    assert_eq!(state(&house.gateway, OPENAI), "closed");
}

#[tokio::test(start_paused = true)]
async fn what_is_drained_stays_so_through_reload_and_restart() {
    let house = House::new(EVERYTHING).await;
    for (id, drained) in [(OPENAI, true), ("llama@local", true), ("llama@local", false)] {
        house.drain(id, drained).unwrap();
    }
    let more = format!("{EVERYTHING}\nfeatures:\n  new: {{ tiers: [ {{ models: [claude] }} ] }}");
    house.gateway.apply(&config(&more)).unwrap();
    assert_eq!(state(&house.gateway, OPENAI), "drained");
    house.changes().await;
    let restarted = house.restarted(&more);
    assert_eq!(state(&restarted, OPENAI), "drained");
    assert_eq!(state(&restarted, "llama@local"), "closed");
    let without = EVERYTHING.replace("    - openai\n", "");
    for (config_text, expected) in [(without.as_str(), ""), (EVERYTHING, "drained")] {
        house.gateway.apply(&config(config_text)).unwrap();
        assert_eq!(state(&house.gateway, OPENAI), expected, "it leaves and returns");
    }
    assert_eq!(state(&house.restarted(&without), OPENAI), "", "what is gone is no matter");
}

#[tokio::test(start_paused = true)]
async fn what_is_suspended_is_the_last_resort_through_reload_and_restart() {
    let house = House::new(EVERYTHING).await;
    house.suspend(OPENAI, true).unwrap();
    house.suspend("llama@local", true).unwrap();
    let by = async |model: &str| {
        let answer = house.ask(Client::Chat, model, false, "hello").await;
        answer.header("x-tieline-deployment").to_owned()
    };
    assert_eq!(by("gpt-5.5").await, "gpt-5.5@azure", "another is there");
    assert_eq!(by("llama").await, "llama@local", "the last of a feature still serves");
    for provider in ["azure", "bedrock"] {
        house.fault(provider, "status=500");
    }
    assert_eq!(by("gpt-5.5").await, OPENAI, "when all else has failed");
    house.gateway.apply(&config(&EVERYTHING.replace("us-east-2", "us-east-1"))).unwrap();
    assert_eq!(state(&house.gateway, OPENAI), "suspended");
    let changes = house.changes().await;
    assert_eq!((changes[0].action, &*changes[0].subject), (Change::Suspend, "llama@local"));
    assert_eq!(changes[0].after.as_deref(), Some("suspended"));
    assert_eq!(state(&house.restarted(EVERYTHING), OPENAI), "suspended");
    house.suspend(OPENAI, false).unwrap();
    assert_eq!(by("gpt-5.5").await, OPENAI, "in its turn again");
    house.changes().await;
    assert_eq!(state(&house.restarted(EVERYTHING), OPENAI), "closed");
    house.close_ledger();
    assert_eq!(house.suspend(OPENAI, true), Err(ChangeError::Unrecorded));
    assert_eq!(state(&house.gateway, OPENAI), "closed", "what cannot go on record is not done");
}

#[tokio::test]
async fn reloads_are_on_record_taken_or_refused() {
    let house = House::new(EVERYTHING).await;
    let path = PathBuf::from("/nowhere/tieline.yaml");
    let more = format!("{EVERYTHING}\nfeatures:\n  new: {{ tiers: [ {{ models: [claude] }} ] }}");
    let mut loads = vec![Ok(config(EVERYTHING)), Ok(config(&more)), Err("nonsense".repeat(999))];
    let (asked, answered) = std::sync::mpsc::channel::<Result<tieline_config::Config, String>>();
    let load = Box::new(move || answered.recv().unwrap_or_else(|_| Err("over".to_owned())));
    let watcher = watch(house.gateway.clone(), path.clone(), load).unwrap();
    while let Some(load) = loads.pop() {
        asked.send(load).unwrap();
        let before = house.changes().await.len();
        watcher.reload_now();
        let waited = tokio::time::Instant::now();
        while house.changes().await.len() == before {
            assert!(waited.elapsed() < Duration::from_secs(20), "no record of a reload");
        }
    }
    let changes = house.changes().await;
    let [back, taken, refused] = changes.as_slice() else { panic!("{changes:?}") };
    assert!(changes.iter().all(|one| one.action == Change::Reload && one.actor == "signal"));
    assert!(changes.iter().all(|one| one.subject == "/nowhere/tieline.yaml"));
    assert_eq!((refused.result, &refused.after), (ChangeResult::Refused, &None));
    assert_eq!(refused.reason.as_ref().map(String::len), Some(2000), "cut");
    assert_eq!((taken.result, &taken.reason), (ChangeResult::Applied, &None));
    assert_eq!(taken.before, refused.before);
    assert_ne!(taken.after, taken.before);
    assert_eq!((&back.before, &back.after), (&taken.after, &taken.before), "as it was");
}
