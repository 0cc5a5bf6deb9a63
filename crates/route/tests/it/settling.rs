//! Tiers that drop and return, and conversations that go one way.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use proptest::prelude::*;
use rand::{SeedableRng, rngs::StdRng};
use tieline_route::{
    Ask, Candidate, Ceilings, Configured, Criticality, Decision, Demand, Deployment, Feature,
    Limits, Live, Mode, OnBreak, Plan, Prefer, Role, Step, Tier, TierChange, TierState, Verdict,
    Who, Why, decide,
};
use tieline_types::{Class, Fault};

use super::{all, pass};

const RETURN_AFTER: Duration = Duration::from_secs(300);
/// Something is answered for so many conversations at once.
const CROWD: u64 = 1000;

const fn s(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

const fn minutes(minutes: u64) -> Duration {
    s(60 * minutes)
}

fn tier(name: &str, mode: Mode) -> Tier {
    Tier {
        name: name.into(),
        mode,
        ttft: None,
        deadline: None,
        acceptable: true,
        ceilings: Ceilings::default(),
    }
}

fn models(name: &str, deployments: &[usize]) -> Tier {
    let candidate = |one: &usize| Candidate { deployment: *one, weight: 1, role: Role::Serving };
    let candidates = deployments.iter().map(candidate).collect();
    tier(name, Mode::Models { candidates, prefer: Prefer::Ordered })
}

fn plan_of(tiers: Vec<Tier>, return_after: Duration) -> (Plan, Arc<Feature>) {
    let deployment = |n: usize| Deployment {
        id: format!("m{n}@p{n}").into(),
        model: format!("m{n}").into(),
        provider: format!("p{n}").into(),
        domains: Vec::new(),
        limits: Configured::default(),
        rates: None,
        max_output: None,
        quality: None,
    };
    let feature = Arc::new(Feature {
        name: "f".into(),
        owner: None,
        criticality: Criticality::Critical,
        deadline: s(20),
        return_after,
        strict: false,
        hedge: None,
        on_break: OnBreak::Error,
        limits: Limits::default(),
        implicit: false,
        tiers,
    });
    let features = BTreeMap::from([(Arc::clone(&feature.name), Arc::clone(&feature))]);
    let deployments = (0..4).map(deployment).collect();
    (Plan { deployments, features, ..Plan::default() }, feature)
}

/// A feature, what is known of its deployments, and which of them are out.
struct World {
    live: Live,
    feature: Arc<Feature>,
    rng: StdRng,
    out: Vec<usize>,
    changes: Vec<(Duration, usize, TierChange)>,
}

impl World {
    fn new(tiers: Vec<Tier>) -> Self {
        Self::returning_after(RETURN_AFTER, tiers)
    }

    fn returning_after(return_after: Duration, tiers: Vec<Tier>) -> Self {
        let (plan, feature) = plan_of(tiers, return_after);
        let (live, rng) = (Live::new(&plan), StdRng::seed_from_u64(1));
        Self { live, feature, rng, out: Vec::new(), changes: Vec::new() }
    }

    /// Two tiers of one deployment each.
    fn ladder() -> Self {
        Self::new(vec![models("best", &[0]), models("next", &[1])])
    }

    fn plan(&mut self, now: Duration, conversation: Option<u64>) -> Decision {
        let (feature, live) = (&self.feature, &self.live);
        let decision = decide(
            feature,
            &all(),
            live,
            now,
            Ask { conversation, ..Ask::default() },
            &mut self.rng,
        );
        self.changes.extend(decision.changes.iter().map(|(tier, change)| (now, *tier, *change)));
        decision
    }

    /// Walks the steps as the gateway does; gives the tier that answered.
    fn ask(&mut self, now: Duration, conversation: u64) -> Option<usize> {
        let decision = self.plan(now, Some(conversation));
        for step in &decision.steps {
            let Step::Call { tier, deployment } = step else {
                return None;
            };
            let rescue = decision.is_rescue(*tier, *deployment);
            let (live, feature, demand) = (&self.live, &self.feature, Demand::default());
            let admitted =
                live.admit(pass(*deployment), feature, now, decision.draw, demand, rescue);
            let Ok(mut lease) = admitted else {
                continue;
            };
            let fails = self.out.contains(deployment);
            if fails {
                live.failed(&mut lease, now, &Fault::new(Class::ServerError, "500"));
            } else {
                live.served(&mut lease, now, Who { feature: 1, caller: 1 }, None);
                live.completed(&mut lease, now);
            }
            live.release(lease, now, None);
            if !fails {
                return Some(*tier);
            }
        }
        None
    }

    /// How many of a crowd of conversations would be sent to a tier first.
    fn share(&mut self, now: Duration, tier: usize) -> usize {
        let first = |decision: &Decision| match decision.steps.first() {
            Some(Step::Call { tier, .. }) => Some(*tier),
            _ => None,
        };
        (0..CROWD).filter(|n| first(&self.plan(now, Some(*n))) == Some(tier)).count()
    }

    /// Opens the breaker of deployment 0 at a second, and closes it with a probe.
    fn out_and_back(&mut self, at: u64) -> Duration {
        self.out = vec![0];
        for n in 0..50 {
            self.ask(s(at), n);
        }
        self.out.clear();
        let back = s(at + 120);
        let first = (0..).find(|n| self.plan(back, Some(*n)).draw < 0.1).unwrap();
        assert_eq!(self.ask(back, first), Some(0), "the probe");
        back
    }
}

#[test]
fn a_tier_drops_with_the_breaker_and_once() {
    let mut world = World::ladder();
    assert_eq!(world.ask(s(1), 1), Some(0));
    world.out = vec![0];
    for n in 0..20 {
        assert_eq!(world.ask(s(2), n), Some(1));
    }
    assert_eq!(world.changes, [(s(2), 0, TierChange::Dropped)]);
    assert_eq!(world.live.tier(&world.feature, 0, s(2)), TierState::Dropped);
    assert_eq!(world.live.tier(&world.feature, 1, s(2)), TierState::Up);
}

#[test]
fn it_returns_after_the_time_in_shares() {
    let mut world = World::ladder();
    let back = world.out_and_back(0);
    let settling = |share, step_s| TierState::Settling { share, step_in: s(step_s) };
    for (after, share, state) in [
        (0, 80..125, settling(0.10, 300)),
        (60, 80..125, settling(0.10, 240)),
        (299, 80..125, settling(0.10, 1)),
        (300, 220..285, settling(0.25, 10)),
        (310, 450..550, settling(0.50, 10)),
        (320, 1000..1001, TierState::Up),
    ] {
        let now = back + s(after);
        assert_eq!(world.live.tier(&world.feature, 0, now), state, "{after} s");
        let got = world.share(now, 0);
        assert!(share.contains(&got), "{after} s: {got}");
    }
    let told: Vec<TierChange> = world.changes.iter().map(|(.., change)| *change).collect();
    assert_eq!(told, [TierChange::Dropped, TierChange::Returned]);
}

#[test]
fn what_settles_is_passed_over_with_its_reason_and_stays_the_best_last_resort() {
    let mut world = World::ladder();
    let back = world.out_and_back(0) + s(100);
    let spared = (0..).find(|n| world.plan(back, Some(*n)).draw > 0.5).unwrap();
    let decision = world.plan(back, Some(spared));
    let step = |tier| Step::Call { tier, deployment: tier };
    assert_eq!(decision.steps, [step(1), step(0)]);
    let until = back + s(200);
    assert_eq!(decision.considered[0].verdict, Verdict::LeastBad(until, Why::Settling));
    assert_eq!(Why::Settling.as_str(), "settling");
    world.out = vec![1];
    assert_eq!(world.ask(back, spared), Some(0), "it stands in for what fails");
}

#[test]
fn a_failure_on_the_way_starts_it_over() {
    let mut world = World::ladder();
    world.out_and_back(0);
    let back = world.out_and_back(400);
    assert_eq!(world.changes.len(), 1, "it had not returned: {:?}", world.changes);
    let state = world.live.tier(&world.feature, 0, back + s(100));
    assert_eq!(state, TierState::Settling { share: 0.10, step_in: s(200) });
}

#[test]
fn nothing_settles_where_no_later_tier_of_models_can_answer() {
    let reply = || tier("sorry", Mode::Reply { text: "sorry".into() });
    let cache = || tier("cached", Mode::Cache { max_age: s(60), similar: None });
    for tail in [vec![], vec![reply()], vec![cache(), reply()], vec![tier("no", Mode::Off)]] {
        // One tier of models: all of its requests are back with the breaker's ramp.
        let alone: Vec<Tier> = [models("best", &[0])].into_iter().chain(tail.clone()).collect();
        let mut world = World::new(alone);
        let back = world.out_and_back(0);
        assert_eq!(world.share(back + s(31), 0), 1000);
        assert_eq!(world.changes, []);

        // Two, of which the second fails while the first settles.
        let two = [models("best", &[0]), models("next", &[1])].into_iter().chain(tail).collect();
        let mut world = World::new(two);
        let back = world.out_and_back(0) + s(60);
        assert!(world.share(back, 0) < 125);
        world.out = vec![1];
        for n in 0..100 {
            world.ask(back, n);
        }
        assert_eq!(world.share(back, 0), 1000);
    }
}

#[test]
fn hysteresis_can_be_switched_off() {
    let tiers = vec![models("best", &[0]), models("next", &[1])];
    let mut world = World::returning_after(Duration::ZERO, tiers);
    let back = world.out_and_back(0);
    assert_eq!(world.share(back + s(31), 0), 1000);
    assert_eq!(world.changes, []);
}

#[test]
fn a_drained_or_exhausted_tier_is_back_at_once() {
    let mut world = World::ladder();
    world.live.drain(0, true);
    assert_eq!(world.share(s(1), 1), 1000);
    world.live.drain(0, false);
    assert_eq!(world.share(s(1), 0), 1000);
    let (live, feature) = (&world.live, &world.feature);
    let mut lease = live.admit(pass(0), feature, s(2), 0.0, Demand::default(), false).unwrap();
    live.failed(&mut lease, s(2), &Fault::new(Class::RateLimited, "429"));
    live.release(lease, s(2), None);
    assert_eq!(world.share(s(2), 1), 1000);
    assert_eq!(world.share(s(4), 0), 1000);
    assert_eq!(world.changes, []);
}

#[test]
fn a_tier_that_dropped_outlives_a_reload() {
    let mut world = World::ladder();
    let back = world.out_and_back(0);
    let (plan, feature) =
        plan_of(vec![models("first", &[2]), models("best", &[0]), models("next", &[1])], s(500));
    world.live = world.live.carried(&plan, &[], back);
    world.feature = feature;
    let state = |at| world.live.tier(&world.feature, at, back);
    assert_eq!(state(0), TierState::Up);
    assert_eq!(state(1), TierState::Settling { share: 0.10, step_in: s(500) });
}

/// Claude Haiku 4.5, 28 April 2026: 51 minutes out, 38 good, 17 out.
#[test]
fn a_provider_that_comes_and_goes_moves_a_conversation_four_times_at_most() {
    const CONVERSATIONS: u64 = 200;
    let mut world = World::ladder();
    let outages = [(minutes(10), minutes(61)), (minutes(99), minutes(116))];
    let mut where_it_was = BTreeMap::new();
    let mut moves = BTreeMap::<u64, usize>::new();
    for n in 0..(150 * 60 * 5) {
        let now = Duration::from_millis(n * 200);
        let out = outages.iter().any(|(from, to)| (*from..*to).contains(&now));
        world.out = if out { vec![0] } else { Vec::new() };
        // Every conversation comes by in turn, in an order that does not beat with anything.
        let conversation = n * 77 % CONVERSATIONS;
        let tier = world.ask(now, conversation);
        assert!(tier.is_some(), "somebody always answers");
        if where_it_was.insert(conversation, tier).is_some_and(|before| before != tier) {
            *moves.entry(conversation).or_default() += 1;
        }
    }
    let told: Vec<TierChange> = world.changes.iter().map(|(.., change)| *change).collect();
    let (down, up) = (TierChange::Dropped, TierChange::Returned);
    assert_eq!(told, [down, up, down, up]);
    for (change, (from, to)) in world.changes.chunks(2).zip(outages) {
        assert!(change[0].0 - from <= s(10), "dropped at {:?}", change[0].0);
        let after = change[1].0 - to;
        assert!((s(320)..s(320 + 140)).contains(&after), "returned {after:?} after its end");
    }
    let most = moves.values().max().copied();
    assert_eq!(most, Some(4), "{moves:?}");
}

proptest! {
    #[test]
    fn all_turns_of_a_conversation_are_planned_alike(
        weights in prop::collection::vec(1u32..5, 1..4),
        conversation: u64,
    ) {
        let candidate =
            |(weight, deployment)| Candidate { deployment, weight, role: Role::Serving };
        let candidates = weights.into_iter().zip(0..).map(candidate).collect();
        let mode = Mode::Models { candidates, prefer: Prefer::Weighted };
        let mut world = World::new(vec![tier("t", mode)]);
        let first = world.plan(s(1), Some(conversation));
        for turn in 2..10 {
            prop_assert_eq!(&world.plan(s(turn), Some(conversation)), &first);
        }
    }
}

#[test]
fn conversations_follow_weights_and_strangers_go_their_own_way() {
    let candidates = [3, 1].into_iter().zip(0..);
    let candidates = candidates.map(|(weight, deployment)| Candidate {
        deployment,
        weight,
        role: Role::Serving,
    });
    let mode = Mode::Models { candidates: candidates.collect(), prefer: Prefer::Weighted };
    let mut world = World::new(vec![tier("t", mode)]);
    let mut first = |conversation: Option<u64>| match world.plan(s(1), conversation).steps.first() {
        Some(Step::Call { deployment, .. }) => *deployment,
        _ => usize::MAX,
    };
    let of_many = (0..10_000).filter(|n| first(Some(*n)) == 0).count();
    assert!((7_300..7_700).contains(&of_many), "{of_many}");
    let of_none = (0..10_000).filter(|_| first(None) == 0).count();
    assert!((7_300..7_700).contains(&of_none), "{of_none}");
}
