//! Vectors that are asked for alone, as the eval harness does.

use std::time::Duration;

use tieline_types::{Class, CostState, Outcome};

use crate::house::{EVERYTHING, House};

fn features() -> String {
    format!(
        "{EVERYTHING}
  embed: [ {{ provider: openai, name: embed-3, price: {{ input: 2, output: 0 }} }} ]
  other: [ {{ provider: openai, name: embed-4 }} ]
features:
  near: {{ deadline: 5s, tiers: [ {{ models: [embed] }} ] }}
  wrong: {{ tiers: [ {{ models: [claude@anthropic] }} ] }}
"
    )
}

#[tokio::test(start_paused = true)]
async fn a_vector_has_its_price_and_its_record() {
    let house = House::new(&features()).await;
    let near = house.worker().embed("near", "embed@openai", "four words of text").await.unwrap();
    let length: f32 = near.vector.iter().map(|one| one * one).sum();
    assert!((length - 1.0).abs() < 1e-4);
    let cost = near.cost.unwrap();
    assert_eq!(cost.state, CostState::Priced);
    assert!(cost.usd.approximately() > 0.0, "{cost:?}");
    assert_eq!(house.sim.seen("openai")[0].target, "/v1/embeddings");
    let records = house.records().await;
    let [record] = records.as_slice() else { panic!("{records:?}") };
    assert_eq!((&*record.feature, record.outcome), ("near", Outcome::Served));
    assert_eq!(record.deployment.as_deref(), Some("embed@openai"));
    assert_eq!(record.cost(), near.cost);
}

#[tokio::test(start_paused = true)]
async fn why_there_is_no_vector_is_told_and_on_record() {
    let house = House::new(&features()).await;
    let worker = house.worker();
    for (feature, deployment, class) in [
        ("nothing", "embed@openai", Class::NotFound),
        ("near", "nothing@openai", Class::NotFound),
        ("near", "other@openai", Class::PolicyDenied),
        ("wrong", "claude@anthropic", Class::UnsupportedHere),
    ] {
        let fault = worker.embed(feature, deployment, "text").await.unwrap_err();
        assert_eq!(fault.class, class, "{feature} {deployment}: {}", fault.message);
    }
    assert_eq!(house.sim.count("openai"), 0);
    house.fault("openai", "status=500");
    let fault = worker.embed("near", "embed@openai", "text").await.unwrap_err();
    assert_eq!(fault.class, Class::ServerError);
    house.sim.script().clear();
    house.fault("openai", "slow-first-token=60s");
    let began = tokio::time::Instant::now();
    let fault = worker.embed("near", "embed@openai", "text").await.unwrap_err();
    assert_eq!(fault.class, Class::Timeout);
    assert_eq!(began.elapsed().as_secs(), Duration::from_secs(5).as_secs());
    assert_eq!(house.records().await.len(), 6);
}
