//! What a feature does while one of its objectives burns.

use std::time::Duration;

use rand::{SeedableRng as _, rngs::StdRng};
use tieline_route::{
    Ask, BurnResponse, Candidate, Ceilings, Criticality, Feature, Limits, Live, Mode, OnBreak,
    Plan, Prefer, Role, Step, Tier, burns, decide,
};
use tieline_types::Eligible;

fn tier(name: &str, mode: Mode) -> Tier {
    let ceilings = Ceilings::default();
    Tier { name: name.into(), mode, ttft: None, deadline: None, acceptable: true, ceilings }
}

fn models(deployments: &[(usize, u32)], prefer: Prefer) -> Mode {
    let candidate =
        |&(deployment, weight): &_| Candidate { deployment, weight, role: Role::Serving };
    Mode::Models { candidates: deployments.iter().map(candidate).collect(), prefer }
}

fn feature(tiers: Vec<Tier>) -> Feature {
    Feature {
        name: "f".into(),
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
    }
}

fn ladder() -> Feature {
    feature(vec![
        tier("best", models(&[(0, 1), (1, 1)], Prefer::Ordered)),
        tier("small", models(&[(2, 1)], Prefer::Ordered)),
        tier("cached", Mode::Cache { max_age: Duration::from_secs(60), similar: None }),
        tier("sorry", Mode::Reply { text: "sorry".into() }),
    ])
}

fn begin_at(name: &str) -> BurnResponse {
    BurnResponse::BeginAt(name.to_owned())
}

fn names(feature: &Feature) -> Vec<&str> {
    feature.tiers.iter().map(|tier| &*tier.name).collect()
}

#[test]
fn a_rule_begins_when_both_windows_burn_and_ends_well_below() {
    let cases = [
        (false, None, None, false),
        (false, Some(7.0), None, false),
        (false, Some(7.0), Some(5.0), false),
        (false, Some(5.0), Some(50.0), false),
        (false, Some(6.0), Some(6.0), false),
        (false, Some(6.1), Some(6.1), true),
        (true, Some(5.9), Some(0.0), true),
        (true, Some(4.9), None, true),
        (true, Some(4.8), Some(50.0), false),
        (true, None, None, false),
    ];
    for (held, long, short, expected) in cases {
        assert_eq!(burns(held, 6.0, long, short), expected, "{held} {long:?} {short:?}");
    }
}

#[test]
fn the_ladder_begins_elsewhere_and_nothing_is_lost() {
    let cases: [(&[&str], &[&str]); 5] = [
        (&[], &["best", "small", "cached", "sorry"]),
        (&["small"], &["small", "cached", "best", "sorry"]),
        (&["cached", "small"], &["cached", "best", "small", "sorry"]),
        (&["sorry"], &["sorry", "best", "small", "cached"]),
        (&["gone"], &["best", "small", "cached", "sorry"]),
    ];
    for (at, expected) in cases {
        let responses: Vec<_> = at.iter().map(|name| begin_at(name)).collect();
        assert_eq!(names(&ladder().bent(&responses)), expected, "{at:?}");
    }
}

#[test]
fn a_bent_feature_still_obeys_policy() {
    let plan = Plan::default();
    let live = Live::new(&plan);
    let bent = ladder().bent(&[begin_at("small")]);
    let eligible: Eligible = [0, 1].into_iter().collect();
    let mut rng = StdRng::seed_from_u64(1);
    let decision = decide(&bent, &eligible, &live, Duration::ZERO, Ask::default(), &mut rng);
    let calls = decision.steps.iter().filter_map(|step| match step {
        Step::Call { deployment, .. } => Some(*deployment),
        _ => None,
    });
    assert_eq!(calls.collect::<Vec<_>>(), [0, 1], "the small one is not allowed");
}

#[test]
fn tiers_of_models_prefer_otherwise_and_a_weight_of_nothing_stays_nothing() {
    let weighted = models(&[(0, 3), (1, 0), (2, 1)], Prefer::Weighted);
    let bent = feature(vec![
        tier("a", weighted),
        tier("b", models(&[(3, 0)], Prefer::Ordered)),
        tier("c", Mode::Off),
    ]);
    let both = [Prefer::Cheapest, Prefer::Fastest].map(BurnResponse::Prefer);
    let bent = bent.bent(&both);
    let modes: Vec<&Mode> = bent.tiers.iter().map(|tier| &tier.mode).collect();
    assert_eq!(*modes[0], models(&[(0, 3), (2, 1)], Prefer::Cheapest), "the first one counts");
    assert_eq!(*modes[1], models(&[(3, 0)], Prefer::Cheapest));
    assert_eq!(*modes[2], Mode::Off);
}
