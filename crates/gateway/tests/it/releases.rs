//! A deployment comes to serve step by step, and goes back where it does worse.

use std::{sync::Arc, time::Duration};

use serde_json::json;
use tieline_config::Config;
use tieline_gate::release::ReleaseSettings;
use tieline_gateway::{Actor, Answered, Move, NewRelease, Release, ReleaseError, ReleaseStatus};
use tieline_types::{Change, SHADOW_CALLER};

use crate::{
    house::{Answer, Client, House},
    lab::{About, Bench, Lab},
};

const WORLD: &str = r#"
version: 1
providers:
  openai: { kind: openai, base_url: "http://openai.sim/v1", api_key: { env: KEY } }
  azure:  { kind: azure-openai, endpoint: "http://azure.sim", api_key: { env: KEY } }
models:
  gpt:  [openai]
  next: [{ provider: azure, name: next-1 }]
features:
  reply:
    evals: { suite: suite.yaml }
    tiers:
      - { name: best, models: [gpt], release_candidates: [next] }
      - { reply: "Later." }
  other:
    tiers: [ { models: [gpt] } ]
"#;

/// A release that needs few pairs.
fn quick() -> ReleaseSettings {
    ReleaseSettings {
        margin: 0.3,
        answered_margin: 0.3,
        shadow_share: 1.0,
        steps: vec![0.2, 0.6],
        pairs_per_stage: 10,
        ..ReleaseSettings::default()
    }
}

fn asked(settings: ReleaseSettings) -> NewRelease {
    let (feature, candidate) = ("reply".to_owned(), "next@azure".to_owned());
    NewRelease { feature, tier: None, candidate, settings }
}

fn robin() -> Actor {
    Actor::at(([127, 0, 0, 1], 50123).into(), Some(b"robin"))
}

/// A house in which the next model's answers are good as often as `good` says.
async fn house(lab: &Lab, text: &str, good: fn(u64) -> bool) -> (House, Config) {
    let config = lab.config(text);
    let house = House::examined(&config, bench(good)).await;
    house.tend_releases();
    (house, config)
}

fn bench(good: fn(u64) -> bool) -> Arc<Bench> {
    let count = std::sync::atomic::AtomicU64::new(0);
    Bench::grading(move |answer: &Answered<'_>| {
        let is_next = answer.model.contains("next");
        let number = count.fetch_add(u64::from(is_next), std::sync::atomic::Ordering::Relaxed);
        Some(if !is_next || good(number) { 1.0 } else { 0.0 })
    })
}

fn begin(house: &House, settings: ReleaseSettings) -> ReleaseStatus {
    house.gateway.begin_release(asked(settings), &robin()).unwrap().status()
}

fn status(house: &House) -> ReleaseStatus {
    house.gateway.releases().last().map(Release::status).unwrap()
}

/// Lets everything come to rest that goes on in the background.
async fn rest() {
    tokio::time::sleep(Duration::from_secs(3)).await;
}

/// Asks one question of a conversation of its own; gives who answered.
async fn ask(house: &House, number: usize) -> Answer {
    let answer = house.ask(Client::Chat, "reply", false, &format!("question {number}")).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer
}

fn by(answer: &Answer) -> &str {
    answer.header("x-tieline-deployment")
}

/// Asks until the release is no longer at a stage; how many there were, and how many of them the
/// candidate answered.
async fn asks_until_past(house: &House, stage: &str, share: f64) -> (usize, usize) {
    let (mut count, mut by_next) = (0, 0);
    loop {
        let now = status(house);
        if now.stage != stage || (now.share - share).abs() > 1e-9 {
            return (count, by_next);
        }
        assert!(count < 2_000, "{now:?}");
        for _ in 0..10 {
            count += 1;
            by_next += usize::from(by(&ask(house, count).await) == "next@azure");
        }
        rest().await;
    }
}

/// The stages that are on record, oldest first, with who decided.
async fn stages(house: &House) -> Vec<String> {
    let mut changes = house.changes().await;
    changes.retain(|change| change.action == Change::Release);
    changes.reverse();
    let told = |one: &tieline_types::AuditRecord| {
        let who = one.claimed.as_deref().unwrap_or(&one.actor).to_owned();
        format!("{who}: {}", one.after.as_deref().unwrap_or_default())
    };
    changes.iter().map(told).collect()
}

#[tokio::test(start_paused = true)]
async fn a_candidate_that_is_as_good_comes_to_serve() {
    let lab = Lab::new();
    let (house, _) = house(&lab, WORLD, |_| true).await;
    assert_eq!(by(&ask(&house, 0).await), "gpt@openai", "it does not serve without a release");
    let begun = begin(&house, quick());
    assert_eq!((begun.stage.as_str(), begun.share), ("shadow", 0.0));

    let (asked, seen) = asks_until_past(&house, "shadow", 0.0).await;
    assert_eq!(seen, 0, "nobody sees an answer of a shadow");
    let records = house.records().await;
    let mirrored: Vec<_> =
        records.iter().filter(|record| &*record.caller == SHADOW_CALLER).collect();
    assert_eq!(mirrored.len(), asked, "every request was mirrored");
    assert!(mirrored.iter().all(|one| one.attempts.len() == 1 && &*one.feature == "reply"));
    let deployments: Vec<_> = mirrored.iter().filter_map(|one| one.deployment.as_deref()).collect();
    assert_eq!(deployments, vec!["next@azure"; asked]);

    let (asked, seen) = asks_until_past(&house, "canary", 0.2).await;
    assert!(seen >= 10 && seen * 2 < asked, "{seen} of {asked}");
    let (asked, seen) = asks_until_past(&house, "canary", 0.6).await;
    assert!(seen >= 10 && seen < asked, "{seen} of {asked}");

    let served = status(&house);
    assert_eq!(served.stage, "serving", "{served:?}");
    assert!(served.reason.starts_with("not worse by the margin: +0.0 points over "), "{served:?}");
    for number in 0..5 {
        assert_eq!(by(&ask(&house, number).await), "next@azure");
    }
    // What served before is still there.
    house.fault("azure", "status=503");
    assert_eq!(by(&ask(&house, 1).await), "gpt@openai");
    assert_eq!(
        stages(&house).await,
        ["robin: shadow", "release: canary 20%", "release: canary 60%", "release: serving"]
    );
    let own = house.records().await;
    let clients = own.iter().filter(|record| &*record.caller != SHADOW_CALLER).count();
    let counted = house.gateway.metrics_text();
    let requests: usize = counted
        .lines()
        .filter(|line| line.starts_with("tieline_requests_total{"))
        .filter_map(|line| line.rsplit_once(' ')?.1.parse::<usize>().ok())
        .sum();
    assert_eq!(requests, clients, "metrics of clients do not count what is mirrored");
}

#[tokio::test(start_paused = true)]
async fn a_candidate_whose_answers_are_worse_goes_back_by_itself() {
    let lab = Lab::new();
    // Good while it is only looked at, then not.
    let (house, _) = house(&lab, WORLD, |number| number < 12).await;
    begin(&house, ReleaseSettings { pairs_per_stage: 10, ..quick() });
    asks_until_past(&house, "shadow", 0.0).await;
    asks_until_past(&house, "canary", 0.2).await;
    let back = status(&house);
    assert_eq!(back.stage, "rolled_back", "{back:?}");
    assert!(back.reason.starts_with("answers are worse by more than the margin"), "{back:?}");
    assert_eq!(back.quality.towards_rollback, 1.0);
    for number in 0..50 {
        assert_eq!(by(&ask(&house, number).await), "gpt@openai");
    }
    rest().await;
    let last = status(&house);
    assert_eq!(last.answered.pairs, back.answered.pairs, "nothing is mirrored any more");
    assert_eq!(
        stages(&house).await,
        ["robin: shadow", "release: canary 20%", "release: rolled_back"]
    );
}

#[tokio::test(start_paused = true)]
async fn a_shadow_that_answers_out_of_form_goes_back_unseen() {
    let lab = Lab::new();
    let (house, _) = house(&lab, WORLD, |_| true).await;
    begin(&house, quick());
    house.fault("azure", "empty");
    let mut count = 0;
    while status(&house).stage == "shadow" {
        count += 1;
        // Its breaker lets through what may tell that it is back.
        assert!(count < 1_000, "{:?}", status(&house));
        assert_eq!(by(&ask(&house, count).await), "gpt@openai");
        rest().await;
    }
    let back = status(&house);
    assert_eq!(back.stage, "rolled_back");
}

#[tokio::test(start_paused = true)]
async fn a_canary_that_does_not_answer_hurts_nobody_and_goes_back() {
    let lab = Lab::new();
    let (house, _) = house(&lab, WORLD, |_| true).await;
    begin(&house, ReleaseSettings { shadow_share: 0.0, ..quick() });
    house.fault("azure", "status=500");
    let mut count = 0;
    while status(&house).stage == "canary" {
        count += 1;
        assert!(count < 3_000, "{:?}", status(&house));
        assert_eq!(by(&ask(&house, count).await), "gpt@openai");
        rest().await;
    }
    let back = status(&house);
    assert_eq!(back.stage, "rolled_back");
    assert!(back.reason.starts_with("it answers less by more than the margin"), "{back:?}");
    assert_eq!(back.quality.pairs, 0, "what is missing says nothing of quality");
}

#[tokio::test(start_paused = true)]
async fn streams_are_looked_at_too() {
    let lab = Lab::new();
    let (house, _) = house(&lab, WORLD, |_| false).await;
    begin(&house, quick());
    for number in 0..60 {
        let text = format!("question {number}");
        for client in Client::ALL {
            let answer = house.ask(client, "reply", true, &text).await;
            assert!(client.is_whole(&answer, true), "{}", answer.text());
        }
        rest().await;
        if status(&house).stage != "shadow" {
            break;
        }
    }
    assert_eq!(status(&house).stage, "rolled_back");
}

#[tokio::test(start_paused = true)]
async fn a_conversation_stays_with_whoever_began_it() {
    let lab = Lab::new();
    let (house, _) = house(&lab, WORLD, |_| true).await;
    let settings = ReleaseSettings { shadow_share: 0.0, pairs_per_stage: 10_000, ..quick() };
    begin(&house, ReleaseSettings { steps: vec![0.5], ..settings });
    let mut canaries = 0;
    for number in 0..40 {
        let first = ask(&house, number).await;
        for _ in 0..3 {
            assert_eq!(by(&ask(&house, number).await), by(&first));
        }
        canaries += usize::from(by(&first) == "next@azure");
    }
    assert!((8..32).contains(&canaries), "{canaries} of 40");
}

#[tokio::test(start_paused = true)]
async fn a_release_goes_on_after_a_restart() {
    let lab = Lab::new();
    let (house, config) = house(&lab, WORLD, |_| true).await;
    begin(&house, quick());
    asks_until_past(&house, "shadow", 0.0).await;
    rest().await;
    let before = status(&house);
    let again = house.restarted_with(&config, bench(|_| true));
    let after = again.releases().last().map(Release::status).unwrap();
    assert_eq!(after.stage, "canary");
    assert_eq!((after.id, after.answered.pairs), (before.id, before.answered.pairs));
    let standing = again.status().standings;
    let next = standing.iter().find(|one| one.deployment == "next@azure").unwrap();
    assert_eq!(next.role, "canary");
}

#[tokio::test(start_paused = true)]
async fn nothing_is_mirrored_where_policy_does_not_let_the_request_go() {
    let lab = Lab::new();
    lab.write(
        "p.cedar",
        "permit (principal, action, resource);\n\
         forbid (principal, action, resource == Deployment::\"next@azure\")\n\
         when { context.tags.contains(\"plan=free\") };\n",
    );
    let text = format!("{WORLD}\npolicies: p.cedar\n");
    let (house, _) = house(&lab, &text, |_| true).await;
    begin(&house, quick());
    for (tag, mirrored) in [("plan=free", 0), ("plan=paid", 1)] {
        let body = Client::Chat.ask("reply", false, "hello").to_string();
        let mut request = crate::house::post("/v1/chat/completions", body);
        request.headers_mut().insert("x-tieline-tags", tag.parse().unwrap());
        assert_eq!(house.send(request).await.status, 200);
        rest().await;
        let records = house.records().await;
        let shadows = records.iter().filter(|record| &*record.caller == SHADOW_CALLER);
        assert_eq!(shadows.count(), mirrored, "{tag}");
    }
}

#[tokio::test(start_paused = true)]
async fn somebody_may_decide_and_that_is_on_record() {
    let lab = Lab::new();
    let (house, _) = house(&lab, WORLD, |_| true).await;
    let id = begin(&house, quick()).id;
    let promote = |reason: Option<&str>| Move::Promote { reason: reason.map(str::to_owned) };
    for stage in ["canary", "canary", "serving"] {
        let moved = house.gateway.move_release(&id, &promote(Some("seen")), &robin()).unwrap();
        assert_eq!(moved.status().stage, stage);
    }
    assert_eq!(by(&ask(&house, 1).await), "next@azure", "in force at once");
    let error = house.gateway.move_release(&id, &promote(None), &robin()).unwrap_err();
    let words = format!("release {id} is at stage serving, from where it cannot be moved so");
    assert_eq!(error.to_string(), words);
    let back = Move::RollBack { reason: Some("complaints".to_owned()) };
    let moved = house.gateway.move_release(&id, &back, &robin()).unwrap();
    assert_eq!(moved.status().reason, "complaints");
    assert_eq!(by(&ask(&house, 1).await), "gpt@openai", "in force at once");
    let told = ["shadow", "canary 20%", "canary 60%", "serving", "rolled_back"];
    assert_eq!(stages(&house).await, told.map(|stage| format!("robin: {stage}")));
    // It can be begun anew.
    assert_ne!(begin(&house, quick()).id, id);
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_released_is_refused_with_the_reason() {
    let lab = Lab::new();
    let text = WORLD.replace("{ suite: suite.yaml }", "{ suite: suite.yaml, require: enforce }");
    let config = lab.config(&text);
    lab.attest(&config, "gpt", &About::new("reply", "gpt@openai"));
    let (house, _) = house(&lab, &text, |_| true).await;
    let refused =
        |asked: NewRelease| house.gateway.begin_release(asked, &robin()).unwrap_err().to_string();
    let base = || asked(quick());
    assert_eq!(
        refused(base()),
        "next@azure has no valid attestation, which `require: enforce` wants: there is no \
         attestation"
    );
    lab.attest(&config, "next", &About::new("reply", "next@azure"));
    house.gateway.apply(&lab.config(&text)).unwrap();
    assert_eq!(
        refused(NewRelease { feature: "nothing".to_owned(), ..base() }),
        "there is no feature `nothing`"
    );
    let lists = "lists gpt@openai among its `release_candidates`; without that it may not serve \
                 there";
    assert_eq!(
        refused(NewRelease { candidate: "gpt@openai".to_owned(), ..base() }),
        format!("no tier of `reply` {lists}")
    );
    let settings = ReleaseSettings { margin: 7.0, ..quick() };
    let error = house.gateway.begin_release(asked(settings), &robin()).unwrap_err();
    assert!(matches!(error, ReleaseError::Settings(_)), "{error}");
    let id = begin(&house, quick()).id;
    assert_eq!(
        refused(base()),
        format!("release {id} of next@azure is at stage shadow in this tier; end it first")
    );
    assert_eq!(
        house.gateway.move_release("rel_0", &Move::RollBack { reason: None }, &robin()),
        Err(ReleaseError::NoRelease("rel_0".to_owned()))
    );
    // What a client of the admin listener writes is understood.
    let written = json!({ "move": "promote", "reason": "seen" });
    let read: Move = serde_json::from_value(written).unwrap();
    assert_eq!(read, Move::Promote { reason: Some("seen".to_owned()) });
}

#[tokio::test(start_paused = true)]
async fn what_a_drill_makes_of_requests_says_nothing_of_candidates() {
    let lab = Lab::new();
    let text = format!("{WORLD}drills: {{ key: {{ env: KEY }}, max_percent: 100 }}\n");
    for shadow_share in [0.0, 1.0] {
        let (house, _) = house(&lab, &text, |_| true).await;
        let before = begin(&house, ReleaseSettings { shadow_share, ..quick() });
        let drill = json!({
            "name": "azure-outage",
            "faults": [{
                "select": { "provider": "azure" }, "do": { "kind": "http_error", "status": 500 },
            }],
            "scope": { "percent": 100 },
        });
        house.begin_drill(drill).unwrap();
        for number in 0..100 {
            assert_eq!(by(&ask(&house, number).await), "gpt@openai");
        }
        rest().await;
        let after = status(&house);
        assert_eq!((&after.stage, after.quality.pairs), (&before.stage, 0));
        assert_eq!(house.sim.count("azure"), 0, "nothing is mirrored");
    }
}
