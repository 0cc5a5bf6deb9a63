//! Decisions of the router, through its public doors.

use std::{sync::Arc, time::Duration};

use proptest::prelude::*;
use rand::{SeedableRng, rngs::StdRng};
use tieline_route::{
    ATTEMPTS_PER_TIER_MAX, Candidate, Deployment, Effect, Feature, Live, Mode, Next, Permit, Plan,
    Prefer, Step, Tier, Verdict, decide, outcome,
};
use tieline_types::{Class, Fault};

const NOW: Duration = Duration::from_secs(1000);

fn tier(mode: Mode) -> Tier {
    Tier { name: "t".into(), mode, ttft: None, deadline: None, acceptable: true }
}

fn models(weights: &[u32], first: usize, prefer: Prefer) -> Tier {
    let candidates = weights
        .iter()
        .enumerate()
        .map(|(at, weight)| Candidate { deployment: first + at, weight: *weight })
        .collect();
    tier(Mode::Models { candidates, prefer })
}

fn feature(tiers: Vec<Tier>) -> (Plan, Feature) {
    let deployments = (0..8)
        .map(|n| Deployment {
            id: format!("m@p{n}").into(),
            model: "m".into(),
            provider: format!("p{n}").into(),
        })
        .collect();
    let plan = Plan { deployments, ..Plan::default() };
    let feature = Feature {
        name: Arc::from("f"),
        deadline: Duration::from_secs(20),
        strict: false,
        implicit: false,
        tiers,
    };
    (plan, feature)
}

fn calls(steps: &[Step]) -> Vec<usize> {
    steps
        .iter()
        .filter_map(|step| match step {
            Step::Call { deployment, .. } => Some(*deployment),
            _ => None,
        })
        .collect()
}

fn trip(live: &Live, deployment: usize) {
    live.failed(deployment, NOW, Permit::Pass, &Fault::new(Class::Auth, "401"));
}

#[test]
fn ordered_tiers_are_tried_in_order_and_bounded() {
    let (plan, feature) =
        feature(vec![models(&[1; 5], 0, Prefer::Ordered), models(&[1], 5, Prefer::Ordered)]);
    let decision = decide(&feature, &Live::new(&plan), NOW, &mut StdRng::seed_from_u64(1));
    assert_eq!(calls(&decision.steps), [0, 1, 2, 5]);
    let surplus = decision.considered.iter().filter(|one| one.verdict == Verdict::Surplus);
    assert_eq!(surplus.count(), 5 - ATTEMPTS_PER_TIER_MAX);
}

#[test]
fn shut_deployments_are_left_out_with_the_reason() {
    let (plan, feature) = feature(vec![models(&[1; 3], 0, Prefer::Ordered)]);
    let live = Live::new(&plan);
    trip(&live, 0);
    let decision = decide(&feature, &live, NOW, &mut StdRng::seed_from_u64(1));
    assert_eq!(calls(&decision.steps), [1, 2]);
    assert!(matches!(decision.considered[0].verdict, Verdict::Shut(until) if until > NOW));
}

#[test]
fn with_everything_shut_the_soonest_is_tried_rather_than_nothing() {
    let (plan, only) = feature(vec![models(&[1; 2], 0, Prefer::Ordered)]);
    let live = Live::new(&plan);
    trip(&live, 0);
    let soon = Fault::new(Class::RateLimited, "429").with_retry_after(Some(Duration::from_secs(3)));
    live.failed(1, NOW, Permit::Pass, &soon);
    let mut rng = StdRng::seed_from_u64(1);
    let decision = decide(&only, &live, NOW, &mut rng);
    assert_eq!(calls(&decision.steps), [1]);
    assert!(matches!(decision.considered[1].verdict, Verdict::LeastBad(_)));

    let reply = tier(Mode::Reply { text: "sorry".into() });
    let (_, with_reply) = feature(vec![reply.clone(), models(&[1; 2], 0, Prefer::Ordered)]);
    let decision = decide(&with_reply, &live, NOW, &mut rng);
    assert_eq!(decision.steps, [Step::Reply { tier: 0 }], "a tier that can answer comes first");
}

#[test]
fn health_outlives_a_reload() {
    let (old, feature) = feature(vec![models(&[1; 3], 0, Prefer::Ordered)]);
    let live = Live::new(&old);
    trip(&live, 1);
    let mut new = old.clone();
    new.deployments.reverse();
    let carried = live.carried(&old, &new);
    let shut: Vec<usize> =
        (0..8).filter(|at| matches!(carried.peek(*at, NOW), Permit::Shut(_))).collect();
    assert_eq!(shut, [6], "m@p1 is now at position 6");
    assert_eq!(feature.tiers.len(), 1);
}

#[test]
fn every_class_has_the_row_of_the_decision_table() {
    let row = |class| {
        let outcome = outcome(&Fault::new(class, ""));
        (outcome.next, outcome.effect)
    };
    assert_eq!(row(Class::Transport), (Next::Candidate, Effect::Failure));
    assert_eq!(row(Class::Empty), (Next::Candidate, Effect::Failure));
    assert!(matches!(row(Class::Auth), (Next::Candidate, Effect::Trip(_))));
    assert!(matches!(row(Class::Billing), (Next::Candidate, Effect::Trip(_))));
    assert!(matches!(row(Class::RateLimited), (Next::Candidate, Effect::Pause(_))));
    assert_eq!(row(Class::UnsupportedHere), (Next::Candidate, Effect::Neutral));
    assert_eq!(row(Class::ClientInvalid), (Next::Stop, Effect::Neutral));
    assert_eq!(row(Class::PolicyBlock), (Next::Stop, Effect::Neutral));
    let endless =
        Fault::new(Class::RateLimited, "").with_retry_after(Some(Duration::from_secs(86_400)));
    assert_eq!(outcome(&endless).effect, Effect::Pause(Duration::from_secs(300)));
}

#[test]
fn weights_are_shares_of_first_choice() {
    let (plan, feature) = feature(vec![models(&[3, 1, 0], 0, Prefer::Weighted)]);
    let live = Live::new(&plan);
    let mut rng = StdRng::seed_from_u64(7);
    let mut first = [0usize; 3];
    for _ in 0..10_000 {
        let steps = calls(&decide(&feature, &live, NOW, &mut rng).steps);
        assert_eq!(steps.len(), 2, "weight 0 is never tried");
        first[steps[0]] += 1;
    }
    assert!((7_300..=7_700).contains(&first[0]), "{first:?}");
}

proptest! {
    #[test]
    fn a_decision_never_calls_twice_what_it_calls_once(
        weights in prop::collection::vec(0u32..5, 1..8),
        seed: u64,
        shut in prop::collection::vec(0usize..8, 0..8),
    ) {
        let (plan, feature) = feature(vec![models(&weights, 0, Prefer::Weighted)]);
        let live = Live::new(&plan);
        for deployment in &shut {
            trip(&live, *deployment);
        }
        let decision = decide(&feature, &live, NOW, &mut StdRng::seed_from_u64(seed));
        let steps = calls(&decision.steps);
        let mut unique = steps.clone();
        unique.sort_unstable();
        unique.dedup();
        prop_assert_eq!(unique.len(), steps.len());
        prop_assert!(steps.len() <= ATTEMPTS_PER_TIER_MAX);
        prop_assert_eq!(decision.considered.len(), weights.len());
        for deployment in steps {
            prop_assert!(weights[deployment] > 0);
        }
    }
}
