//! Decisions of the router, through its public doors.

use std::{sync::Arc, time::Duration};

use proptest::prelude::*;
use rand::{SeedableRng, rngs::StdRng};
use tieline_route::{
    Ask, Candidate, Cause, Ceilings, Configured, Criticality, Decision, Demand, Deployment, Domain,
    Effect, Feature, Level, Limits, Live, Mode, Move, Next, OnBreak, Plan, Prefer, Role, Step,
    Tier, Verdict, Who, Why, decide, may_pass, outcome,
};
use tieline_types::{Class, Fault, Phase};

use super::{all, pass};

const NOW: Duration = Duration::from_secs(1000);

fn tier(mode: Mode) -> Tier {
    Tier {
        name: "t".into(),
        mode,
        ttft: None,
        deadline: None,
        acceptable: true,
        ceilings: Ceilings::default(),
    }
}

fn models(weights: &[u32], first: usize, prefer: Prefer) -> Tier {
    let candidates = weights
        .iter()
        .enumerate()
        .map(|(at, weight)| Candidate {
            deployment: first + at,
            weight: *weight,
            role: Role::Serving,
        })
        .collect();
    tier(Mode::Models { candidates, prefer })
}

fn feature(tiers: Vec<Tier>) -> (Plan, Feature) {
    let deployments = (0..8)
        .map(|n| Deployment {
            id: format!("m@p{n}").into(),
            model: "m".into(),
            provider: format!("p{n}").into(),
            domains: vec![0],
            limits: Configured::default(),
            rates: None,
            max_output: None,
            quality: None,
        })
        .collect();
    let domains = vec![Domain { level: Level::Model, name: "m".into() }];
    let plan = Plan { deployments, domains, ..Plan::default() };
    let feature = Feature {
        name: Arc::from("f"),
        owner: None,
        criticality: Criticality::Critical,
        deadline: Duration::from_secs(20),
        return_after: Duration::from_secs(300),
        strict: false,
        hedge: None,
        on_break: OnBreak::default(),
        limits: Limits::default(),
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

fn plan_one(feature: &Feature, live: &Live, rng: &mut StdRng) -> Decision {
    decide(feature, &all(), live, NOW, Ask::default(), rng)
}

/// One attempt that fails.
fn fail(live: &Live, feature: &Feature, deployment: usize, now: Duration, fault: &Fault) {
    let lease = live.admit(pass(deployment), feature, now, 0.0, Demand::default(), true);
    let mut lease = lease.unwrap();
    live.failed(&mut lease, now, fault);
    live.release(lease, now, None);
}

fn trip(live: &Live, feature: &Feature, deployment: usize) {
    fail(live, feature, deployment, NOW, &Fault::new(Class::Auth, "401"));
}

fn shut(live: &Live, feature: &Feature, deployment: usize, now: Duration) -> Option<Why> {
    let standing = live.peek(deployment, feature, now, 0.0, Demand::default());
    standing.shut.map(|(_, why)| why)
}

#[test]
fn ordered_tiers_are_tried_in_order() {
    let (plan, feature) =
        feature(vec![models(&[1; 5], 0, Prefer::Ordered), models(&[1], 5, Prefer::Ordered)]);
    let decision = plan_one(&feature, &Live::new(&plan), &mut StdRng::seed_from_u64(1));
    assert_eq!(calls(&decision.steps), [0, 1, 2, 3, 4, 5]);
}

#[test]
fn last_resorts_are_different_deployments() {
    let (plan, feature) =
        feature(vec![models(&[1; 2], 0, Prefer::Ordered), models(&[1; 2], 0, Prefer::Ordered)]);
    let live = Live::new(&plan);
    trip(&live, &feature, 0);
    trip(&live, &feature, 1);
    let decision = plan_one(&feature, &live, &mut StdRng::seed_from_u64(1));
    let mut called = calls(&decision.steps);
    called.sort_unstable();
    assert_eq!(called, [0, 1]);
}

/// What rests longest may be the one that is well: its fault ended while it rested.
#[test]
fn four_of_those_that_are_shut_are_tried_soonest_first() {
    let (plan, feature) = feature(vec![models(&[1; 5], 0, Prefer::Ordered)]);
    let live = Live::new(&plan);
    for (at, seconds) in [(0, 50), (1, 10), (2, 40), (3, 20), (4, 30)] {
        let fault = Fault::new(Class::RateLimited, "429")
            .with_retry_after(Some(Duration::from_secs(seconds)));
        fail(&live, &feature, at, NOW, &fault);
    }
    let decision = plan_one(&feature, &live, &mut StdRng::seed_from_u64(1));
    assert_eq!(calls(&decision.steps), [1, 3, 4, 2]);
}

#[test]
fn shut_deployments_are_left_out_with_the_reason() {
    let (plan, feature) = feature(vec![models(&[1; 3], 0, Prefer::Ordered)]);
    let live = Live::new(&plan);
    trip(&live, &feature, 0);
    let decision = plan_one(&feature, &live, &mut StdRng::seed_from_u64(1));
    assert_eq!(calls(&decision.steps), [1, 2, 0], "the last resort");
    assert!(matches!(
        decision.considered[0].verdict,
        Verdict::LeastBad(until, Why::Unhealthy(Cause::Credential)) if until > NOW
    ));
}

#[test]
fn with_everything_shut_the_most_promising_are_tried_rather_than_nothing() {
    let (plan, feature) = feature(vec![models(&[1; 2], 0, Prefer::Ordered)]);
    let live = Live::new(&plan);
    trip(&live, &feature, 0);
    let soon = Fault::new(Class::RateLimited, "429").with_retry_after(Some(Duration::from_secs(3)));
    fail(&live, &feature, 1, NOW, &soon);
    let mut rng = StdRng::seed_from_u64(1);
    let decision = plan_one(&feature, &live, &mut rng);
    assert_eq!(calls(&decision.steps), [1, 0]);
    assert!(matches!(decision.considered[1].verdict, Verdict::LeastBad(_, Why::Quota)));

    let reply = tier(Mode::Reply { text: "sorry".into() });
    let with_reply = Feature {
        tiers: vec![reply.clone(), models(&[1; 2], 0, Prefer::Ordered)],
        ..feature.clone()
    };
    let decision = plan_one(&with_reply, &live, &mut rng);
    assert_eq!(decision.steps, [Step::Reply { tier: 0 }], "a tier that can answer comes first");
}

#[test]
fn health_outlives_a_reload() {
    let (old, feature) = feature(vec![models(&[1; 3], 0, Prefer::Ordered)]);
    let live = Live::new(&old);
    trip(&live, &feature, 1);
    let mut new = old.clone();
    new.deployments.reverse();
    let carried = live.carried(&new, &[], NOW);
    let out: Vec<usize> =
        (0..8).filter(|at| shut(&carried, &feature, *at, NOW).is_some()).collect();
    assert_eq!(out, [6], "m@p1 is now at position 6");

    let changed = live.carried(&old, &["p1"], NOW);
    assert_eq!(shut(&changed, &feature, 1, NOW), None, "another address is another deployment");
    live.drain(1, true);
    let changed = live.carried(&old, &["p1"], NOW);
    assert_eq!(shut(&changed, &feature, 1, NOW), Some(Why::Unhealthy(Cause::Drained)));
}

#[test]
fn every_class_has_the_row_of_the_decision_table() {
    let row = |class| {
        let outcome = outcome(&Fault::new(class, ""));
        (outcome.next, outcome.effect)
    };
    assert_eq!(row(Class::Transport), (Next::Candidate, Effect::Failure));
    assert_eq!(row(Class::Empty), (Next::Candidate, Effect::Failure));
    assert!(matches!(row(Class::Auth), (Next::Candidate, Effect::Trip(..))));
    assert!(matches!(row(Class::Billing), (Next::Candidate, Effect::Trip(..))));
    assert!(matches!(row(Class::RateLimited), (Next::Candidate, Effect::Pause(_))));
    assert_eq!(row(Class::UnsupportedHere), (Next::Candidate, Effect::Neutral));
    assert_eq!(row(Class::ClientInvalid), (Next::Stop, Effect::Neutral));
    assert_eq!(row(Class::PolicyBlock), (Next::Stop, Effect::Neutral));
    let endless =
        Fault::new(Class::RateLimited, "").with_retry_after(Some(Duration::from_secs(864_000)));
    assert_eq!(outcome(&endless).effect, Effect::Pause(Duration::from_secs(86_400)));
}

#[test]
fn weights_are_shares_of_first_choice() {
    let (plan, feature) = feature(vec![models(&[3, 1, 0], 0, Prefer::Weighted)]);
    let live = Live::new(&plan);
    let mut rng = StdRng::seed_from_u64(7);
    let mut first = [0usize; 3];
    for _ in 0..10_000 {
        let steps = calls(&plan_one(&feature, &live, &mut rng).steps);
        assert_eq!(steps.len(), 2, "weight 0 is never tried");
        first[steps[0]] += 1;
    }
    assert!((7_300..=7_700).contains(&first[0]), "{first:?}");
}

/// Accounts `a` with deployments 0 and 1, `b` with 2, each of a model of its own.
fn accounts() -> (Live, Feature) {
    let (mut plan, feature) = feature(vec![models(&[1; 3], 0, Prefer::Ordered)]);
    let named = |name: &str| Domain { level: Level::Account, name: name.into() };
    plan.domains = vec![named("a"), named("b")];
    plan.deployments.truncate(3);
    for (deployment, account) in plan.deployments.iter_mut().zip([0, 0, 1]) {
        deployment.domains = vec![account];
    }
    (Live::new(&plan), feature)
}

fn at(seconds: u64) -> Duration {
    NOW + Duration::from_secs(seconds)
}

/// Opens a deployment's breaker with failures of its own.
fn break_down(live: &Live, feature: &Feature, deployment: usize, now: Duration) {
    for _ in 0..5 {
        fail(live, feature, deployment, now, &Fault::new(Class::ServerError, "500"));
    }
}

const SHUT: Option<Why> = Some(Why::Unhealthy(Cause::Failures));

#[test]
fn where_half_of_a_domain_is_out_the_rest_is_suspected() {
    let (plan, feature) = feature(vec![models(&[1; 8], 0, Prefer::Ordered)]);
    let live = Live::new(&plan);
    let error = Fault::new(Class::ServerError, "500");
    for deployment in 0..3 {
        break_down(&live, &feature, deployment, NOW);
    }
    fail(&live, &feature, 7, NOW, &error);
    assert_eq!(shut(&live, &feature, 7, NOW), None, "three of eight are no half");
    break_down(&live, &feature, 3, NOW);
    fail(&live, &feature, 7, NOW, &error);
    assert_eq!(shut(&live, &feature, 7, NOW), SHUT, "a suspect opens at its first failure");
    fail(&live, &feature, 6, at(61), &error);
    assert_eq!(shut(&live, &feature, 6, at(61)), None, "suspicion passes");
}

#[test]
fn suspects_are_probed_one_at_a_time() {
    let (live, feature) = accounts();
    let feature = Feature { criticality: Criticality::Sheddable, ..feature };
    break_down(&live, &feature, 0, NOW);
    break_down(&live, &feature, 1, NOW);
    let probe = live.admit(pass(0), &feature, at(6), 0.0, Demand::default(), false).unwrap();
    assert_eq!(shut(&live, &feature, 1, at(7)), Some(Why::Suspected));
    live.release(probe, at(7), None);
    assert_eq!(shut(&live, &feature, 1, at(11)), None, "five seconds later it is its turn");
}

#[test]
fn a_credential_refused_twice_shuts_the_account_and_one_good_probe_opens_it() {
    let (live, feature) = accounts();
    let refused = Fault::new(Class::Auth, "401").with_status(401);
    let credential = Some(Why::Unhealthy(Cause::Credential));
    fail(&live, &feature, 0, NOW, &refused);
    assert_eq!(shut(&live, &feature, 0, NOW), credential);
    fail(&live, &feature, 0, at(31), &refused);
    assert_eq!(shut(&live, &feature, 1, NOW), None, "it may be one model's");
    fail(&live, &feature, 1, NOW, &refused);
    assert_eq!(shut(&live, &feature, 1, NOW), credential);
    assert_eq!(shut(&live, &feature, 2, NOW), None, "another account");

    let mut probe = live.admit(pass(0), &feature, at(90), 0.0, Demand::default(), false).unwrap();
    live.served(&mut probe, at(90), Who { feature: 1, caller: 1 }, None);
    live.release(probe, at(90), None);
    assert_eq!(shut(&live, &feature, 0, at(90)), None);
    assert_eq!(shut(&live, &feature, 1, at(96)), None, "released with its neighbour");
}

#[test]
fn a_refusal_that_many_meet_all_at_once_is_doubted_and_a_callers_own_is_not() {
    let (live, feature) = accounts();
    let invalid = Fault::new(Class::ClientInvalid, "400").with_status(400).at(Phase::Headers);
    let weigh = |caller: u64, seconds: u64| {
        let lease =
            live.admit(pass(0), &feature, at(seconds), 0.0, Demand::default(), true).unwrap();
        let next = live.weigh(&lease, at(seconds), Who { feature: 1, caller }, &invalid);
        live.release(lease, at(seconds), None);
        next
    };
    let serve = |seconds: u64| {
        let mut lease =
            live.admit(pass(0), &feature, at(seconds), 0.0, Demand::default(), true).unwrap();
        live.served(&mut lease, at(seconds), Who { feature: 1, caller: 9 }, None);
        live.release(lease, at(seconds), None);
    };
    serve(0);
    assert!(
        (0..40).all(|n| {
            serve(n);
            weigh(1, n) == Next::Stop
        }),
        "one caller's mistakes"
    );
    let storm: Vec<Next> = (0..8).map(|n| weigh(n, 200)).collect();
    assert_eq!(storm[..4], [Next::Stop; 4]);
    assert_eq!(storm[4..], [Next::Doubt; 4]);
}

#[test]
fn quota_is_steered_by_and_the_least_important_give_way_first() {
    let (mut plan, critical) = feature(vec![models(&[1; 2], 0, Prefer::Ordered)]);
    plan.deployments[0].limits.requests_per_minute = Some(10);
    let live = Live::new(&plan);
    let of = |criticality| Feature { criticality, ..critical.clone() };
    let sheddable = of(Criticality::Sheddable);
    let spend = |count: usize| {
        for _ in 0..count {
            let lease = live.admit(pass(0), &critical, NOW, 0.0, Demand::default(), false).unwrap();
            live.release(lease, NOW, None);
        }
    };
    spend(8);
    assert_eq!(shut(&live, &sheddable, 0, NOW), None);
    spend(1);
    assert_eq!(shut(&live, &sheddable, 0, NOW), Some(Why::Shed));
    assert_eq!(shut(&live, &critical, 0, NOW), None);
    spend(1);
    assert_eq!(shut(&live, &of(Criticality::CriticalPlus), 0, NOW), Some(Why::Quota));
    let decision = plan_one(&critical, &live, &mut StdRng::seed_from_u64(1));
    assert_eq!(calls(&decision.steps), [1, 0], "before the provider refuses");
    assert_eq!(shut(&live, &critical, 0, at(61)), None);
}

#[test]
fn what_is_drained_is_not_even_a_rescue() {
    let (plan, feature) = feature(vec![models(&[1], 0, Prefer::Ordered)]);
    let live = Live::new(&plan);
    live.drain(0, true);
    let mut rng = StdRng::seed_from_u64(1);
    assert_eq!(plan_one(&feature, &live, &mut rng).steps, []);
    live.drain(0, false);
    assert_eq!(calls(&plan_one(&feature, &live, &mut rng).steps), [0]);
}

#[test]
fn what_is_suspended_is_the_last_of_all_and_never_gone() {
    let fixed = |mode| Tier { mode, ..models(&[1], 0, Prefer::Ordered) };
    let steps = |tiers, out: &[usize]| {
        let (plan, feature) = feature(tiers);
        let live = Live::new(&plan);
        live.suspend(0, true);
        out.iter().for_each(|at| break_down(&live, &feature, *at, NOW));
        plan_one(&feature, &live, &mut StdRng::seed_from_u64(1)).steps
    };
    let ladder = || vec![models(&[1; 2], 0, Prefer::Ordered), models(&[1; 4], 2, Prefer::Ordered)];
    assert_eq!(calls(&steps(ladder(), &[])), [1, 2, 3, 4, 5, 0]);
    assert_eq!(calls(&steps(ladder(), &[1, 2, 3, 4, 5])), [1, 2, 3, 4, 0], "beyond the others");
    let alone = || models(&[1], 0, Prefer::Ordered);
    assert_eq!(calls(&steps(vec![alone()], &[])), [0]);
    for mode in [
        Mode::Off,
        Mode::Reply { text: "sorry".into() },
        Mode::Queue { ttl: Duration::from_secs(60), max_jobs: 1 },
    ] {
        let steps = steps(vec![alone(), fixed(mode)], &[]);
        assert_eq!(steps.first(), Some(&Step::Call { tier: 0, deployment: 0 }));
        assert_eq!(steps.len(), 2, "{steps:?}");
    }
}

#[test]
fn what_is_suspended_is_examined_probed_and_trusted_again() {
    let (plan, feature) = feature(vec![models(&[1; 2], 0, Prefer::Ordered)]);
    let live = Live::new(&plan);
    live.suspend(0, true);
    assert_eq!(shut(&live, &feature, 0, NOW), Some(Why::Unhealthy(Cause::Suspended)));
    let usual = live.admit(pass(0), &feature, NOW, 0.0, Demand::default(), false);
    assert!(usual.is_err(), "not in its turn");
    let own = live.examine(pass(0), &feature, NOW, Demand::default()).unwrap();
    live.release(own, NOW, None);
    break_down(&live, &feature, 0, NOW);
    assert!(live.examine(pass(0), &feature, NOW, Demand::default()).is_err(), "it rests");
    let mut probe = live.examine(pass(0), &feature, at(8), Demand::default()).unwrap();
    assert!(probe.is_probe());
    live.served(&mut probe, at(8), Who { feature: 1, caller: 1 }, None);
    live.release(probe, at(8), None);
    assert!(live.is_suspended(0), "health is another matter");
    live.suspend(0, false);
    assert_eq!(shut(&live, &feature, 0, at(100)), None);
    live.suspend(0, true);
    live.drain(0, true);
    assert!(live.examine(pass(0), &feature, at(100), Demand::default()).is_err(), "drained");
}

#[test]
fn what_returns_in_steps_still_stands_in_for_what_fails() {
    let (plan, feature) =
        feature(vec![models(&[1; 2], 0, Prefer::Ordered), models(&[1], 2, Prefer::Ordered)]);
    let live = Live::new(&plan);
    break_down(&live, &feature, 0, NOW);
    let mut probe = live.admit(pass(0), &feature, at(6), 0.0, Demand::default(), true).unwrap();
    live.served(&mut probe, at(6), Who { feature: 1, caller: 1 }, None);
    live.release(probe, at(6), None);
    let mut rng = StdRng::seed_from_u64(1);
    let orders: Vec<Vec<usize>> = (0..100)
        .map(|_| calls(&decide(&feature, &all(), &live, at(7), Ask::default(), &mut rng).steps))
        .collect();
    let spared = orders.iter().filter(|order| **order == [1, 2, 0]).count();
    let first = orders.iter().filter(|order| **order == [0, 1, 2]).count();
    assert_eq!(spared + first, 100, "{orders:?}");
    assert!((2..25).contains(&first), "{first}");

    // Also when that is all there is, and before a fixed answer; what is out comes after it, if at
    // all.
    break_down(&live, &feature, 2, at(7));
    break_down(&live, &feature, 1, at(7));
    let reply = tier(Mode::Reply { text: "sorry".into() });
    let tiers = feature.tiers.iter().cloned().chain([reply]).collect();
    let replying = Feature { tiers, ..feature.clone() };
    for _ in 0..100 {
        let plan = |feature: &Feature, rng: &mut StdRng| {
            decide(feature, &all(), &live, at(8), Ask::default(), rng).steps
        };
        assert_eq!(calls(&plan(&feature, &mut rng)).first(), Some(&0));
        let call = Step::Call { tier: 0, deployment: 0 };
        assert_eq!(plan(&replying, &mut rng), [call, Step::Reply { tier: 2 }]);
    }
}

fn queue() -> Tier {
    tier(Mode::Queue { ttl: Duration::from_secs(60), max_jobs: 10 })
}

#[test]
fn a_queue_comes_before_what_is_out_and_after_what_returns() {
    let (plan, feature) = feature(vec![models(&[1; 2], 0, Prefer::Ordered), queue()]);
    let live = Live::new(&plan);
    let mut rng = StdRng::seed_from_u64(1);
    let call = |deployment| Step::Call { tier: 0, deployment };
    let queue = Step::Queue { tier: 1 };
    assert_eq!(plan_one(&feature, &live, &mut rng).steps, [call(0), call(1), queue.clone()]);
    trip(&live, &feature, 0);
    trip(&live, &feature, 1);
    let steps = plan_one(&feature, &live, &mut rng).steps;
    assert_eq!(steps.first(), Some(&queue));
    assert_eq!(calls(&steps).len(), 2, "a full queue is no reason to refuse outright");

    let live = Live::new(&plan);
    break_down(&live, &feature, 0, NOW);
    let mut probe = live.admit(pass(0), &feature, at(7), 0.0, Demand::default(), false).unwrap();
    live.served(&mut probe, at(7), Who { feature: 1, caller: 1 }, None);
    live.release(probe, at(7), None);
    break_down(&live, &feature, 1, at(7));
    let returning = (0..100)
        .map(|_| decide(&feature, &all(), &live, at(8), Ask::default(), &mut rng).steps)
        .all(|steps| steps == [call(0), queue.clone(), call(1)]);
    assert!(returning, "whether it is of the share that returns or not");
}

#[test]
fn a_full_queue_leads_to_the_fixed_answer_behind_it() {
    let reply = tier(Mode::Reply { text: "sorry".into() });
    let (plan, feature) = feature(vec![models(&[1], 0, Prefer::Ordered), queue(), reply]);
    let live = Live::new(&plan);
    trip(&live, &feature, 0);
    let steps = plan_one(&feature, &live, &mut StdRng::seed_from_u64(1)).steps;
    assert_eq!(steps, [Step::Queue { tier: 1 }, Step::Reply { tier: 2 }]);
}

#[test]
fn only_what_is_wrong_with_the_request_itself_never_passes() {
    let lasting: Vec<Class> = Class::ALL.into_iter().filter(|class| !may_pass(*class)).collect();
    assert_eq!(
        lasting,
        [
            Class::ContextOverflow,
            Class::TooLarge,
            Class::UnsupportedHere,
            Class::PolicyBlock,
            Class::ClientInvalid,
            Class::CallerAuth,
            Class::CallerDenied,
            Class::NotFound,
        ]
    );
}

#[test]
fn a_due_probe_is_left_for_a_moment_to_what_gives_way() {
    let (plan, critical) = feature(vec![models(&[1; 2], 0, Prefer::Ordered)]);
    let sheddable = Feature { criticality: Criticality::SheddablePlus, ..critical.clone() };
    let live = Live::new(&plan);
    break_down(&live, &critical, 0, NOW);
    assert_eq!(live.probe_due(0, at(4)), None, "it rests");
    assert_eq!(live.probe_due(0, at(6)), Some(at(5)));
    assert_eq!(shut(&live, &critical, 0, at(6)), Some(Why::Due));
    assert_eq!(shut(&live, &sheddable, 0, at(6)), None, "of the share that may be it");
    assert_eq!(shut(&live, &critical, 0, at(7)), None, "nobody took it");

    let mut rng = StdRng::seed_from_u64(1);
    let mut steps =
        |feature: &Feature| decide(feature, &all(), &live, at(6), Ask::default(), &mut rng).steps;
    assert_eq!(calls(&steps(&critical)), [1, 0], "after what is open");
    let alone = |tiers: Vec<Tier>| Feature { tiers, ..critical.clone() };
    let only = models(&[1], 0, Prefer::Ordered);
    let reply = tier(Mode::Reply { text: "sorry".into() });
    assert_eq!(calls(&steps(&alone(vec![only.clone()]))), [0], "nothing else is open");
    assert_eq!(calls(&steps(&alone(vec![only, reply]))), [0], "before a fixed answer");

    let denied = live.admit(pass(0), &critical, at(6), 0.0, Demand::default(), false);
    assert_eq!(denied.unwrap_err(), (at(7), Why::Due));
    let probe = live.admit(pass(0), &sheddable, at(6), 0.0, Demand::default(), false).unwrap();
    assert!(probe.is_probe());
    assert_eq!(live.probe_due(0, at(6)), None, "one is under way");
    live.release(probe, at(6), None);
    let rescue = live.admit(pass(0), &critical, at(6), 0.0, Demand::default(), true).unwrap();
    assert!(rescue.is_probe(), "for want of anything better");
    live.release(rescue, at(6), None);
}

#[test]
fn what_is_drained_and_out_of_quota_is_still_drained() {
    let (plan, feature) = feature(vec![models(&[1], 0, Prefer::Ordered)]);
    let live = Live::new(&plan);
    fail(&live, &feature, 0, NOW, &Fault::new(Class::RateLimited, "429"));
    live.drain(0, true);
    assert_eq!(plan_one(&feature, &live, &mut StdRng::seed_from_u64(1)).steps, []);
    assert!(live.admit(pass(0), &feature, NOW, 0.0, Demand::default(), true).is_err());
}

#[test]
fn a_rescue_is_looked_for_in_every_tier() {
    let (plan, feature) =
        feature(vec![models(&[1], 0, Prefer::Ordered), models(&[1], 1, Prefer::Ordered)]);
    let live = Live::new(&plan);
    break_down(&live, &feature, 0, NOW);
    live.drain(1, true);
    let decision = plan_one(&feature, &live, &mut StdRng::seed_from_u64(1));
    assert_eq!(calls(&decision.steps), [0]);
}

#[test]
fn budgets_bound_further_moves_and_never_the_first() {
    let (plan, critical) = feature(vec![models(&[1; 3], 0, Prefer::Ordered)]);
    let sheddable = Feature { criticality: Criticality::Sheddable, ..critical };
    let mut plan = plan;
    plan.features.insert("f".into(), Arc::new(sheddable.clone()));
    let live = Live::new(&plan);
    let error = Fault::new(Class::ServerError, "500");
    let repeat = |step| live.may_repeat(&sheddable, 1, NOW, &error, step);
    let further = (0..100).filter(|_| repeat(Move::Further)).count();
    assert_eq!(further, 3, "one per ten seconds of the window");
    assert!((0..100).all(|_| repeat(Move::First)));
    (0..100).for_each(|_| live.deposit(&sheddable, NOW));
    let further = (0..100).filter(|_| repeat(Move::Further)).count();
    assert_eq!(further, 3, "a fifth of the requests, but the deployment takes only six");
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
            trip(&live, &feature, *deployment);
        }
        let decision = plan_one(&feature, &live, &mut StdRng::seed_from_u64(seed));
        let steps = calls(&decision.steps);
        let mut unique = steps.clone();
        unique.sort_unstable();
        unique.dedup();
        prop_assert_eq!(unique.len(), steps.len());
        prop_assert!(steps.len() <= weights.len());
        prop_assert_eq!(decision.considered.len(), weights.len());
        for deployment in steps {
            prop_assert!(weights[deployment] > 0);
        }
    }
}
