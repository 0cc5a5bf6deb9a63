//! Nothing that policy leaves out is ever called, whatever else is the case.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use proptest::{collection::vec, prelude::*, sample::select};
use rand::{SeedableRng, rngs::StdRng};
use tieline_route::{
    Ask, Bar, Canary, Candidate, Ceilings, Configured, Criticality, Demand, Deployment, Feature,
    Limits, Live, Mode, OnBreak, Plan, Prefer, Role, Step, Tier, Verdict, decide,
};
use tieline_types::{Class, Eligible, Fault, Rates, TokenPrices, UsdPico};

use super::pass;

/// Deployments of a random plan.
const DEPLOYMENTS: usize = 8;

/// A deployment with its weight and what it may do.
type Listed = (usize, u32, Role);

/// The random choices of one case.
#[derive(Clone, Debug)]
struct Case {
    tiers: Vec<(Vec<Listed>, Prefer)>,
    /// What stands at the end of the ladder.
    last: Option<Mode>,
    eligible: BTreeSet<usize>,
    /// Deployments that failed, and how.
    faults: Vec<(usize, Class)>,
    drained: Vec<usize>,
    criticality: Criticality,
    return_after_s: u64,
    conversation: Option<u64>,
    now_s: u64,
    seed: u64,
}

fn case() -> impl Strategy<Value = Case> {
    let canary = |share| Role::Canary(Canary { share, salt: 7 });
    let serving = Role::Serving;
    let bars = [Bar::Unattested, Bar::Shadow, Bar::RolledBack].map(Role::Barred);
    let roles = [serving, serving, serving, canary(0.5), canary(1.0)].into_iter().chain(bars);
    let role = select(roles.collect::<Vec<_>>());
    let candidates = vec((0..DEPLOYMENTS, 0_u32..3, role), 1..5);
    let prefer = select(vec![Prefer::Ordered, Prefer::Weighted, Prefer::Fastest, Prefer::Cheapest]);
    let last = select(vec![
        None,
        Some(Mode::Off),
        Some(Mode::Reply { text: "sorry".into() }),
        Some(Mode::Queue { ttl: Duration::from_secs(60), max_jobs: 1 }),
    ]);
    let classes =
        vec![Class::Auth, Class::Billing, Class::RateLimited, Class::ServerError, Class::Timeout];
    let faults = vec((0..DEPLOYMENTS, select(classes)), 0..40);
    let ladder = (vec((candidates, prefer), 1..4), last);
    let policy = proptest::collection::btree_set(0..DEPLOYMENTS, 0..DEPLOYMENTS);
    let health = (faults, vec(0..DEPLOYMENTS, 0..3));
    let critical = select(vec![Criticality::Critical, Criticality::Sheddable]);
    let request = (critical, 0_u64..2, any::<Option<u64>>(), 0_u64..400, any::<u64>());
    (ladder, policy, health, request).prop_map(|(ladder, eligible, health, request)| {
        let (criticality, returns, conversation, now_s, seed) = request;
        Case {
            tiers: ladder.0,
            last: ladder.1,
            eligible,
            faults: health.0,
            drained: health.1,
            criticality,
            return_after_s: returns * 300,
            conversation,
            now_s,
            seed,
        }
    })
}

fn feature(case: &Case) -> Feature {
    let tier = |mode| Tier {
        name: "t".into(),
        mode,
        ttft: None,
        deadline: None,
        acceptable: true,
        ceilings: Ceilings::default(),
    };
    let models = case.tiers.iter().map(|(candidates, prefer)| {
        let candidates = candidates.iter();
        let candidate = |&(deployment, weight, role): &_| Candidate { deployment, weight, role };
        tier(Mode::Models { candidates: candidates.map(candidate).collect(), prefer: *prefer })
    });
    Feature {
        name: "f".into(),
        owner: None,
        criticality: case.criticality,
        deadline: Duration::from_secs(20),
        return_after: Duration::from_secs(case.return_after_s),
        strict: false,
        hedge: None,
        on_break: OnBreak::default(),
        limits: Limits::default(),
        implicit: false,
        tiers: models.chain(case.last.clone().map(tier)).collect(),
    }
}

const PRICES: TokenPrices = {
    let dollar = Some(UsdPico::new(1_000_000_000_000));
    TokenPrices {
        input: dollar,
        cache_read: None,
        cache_write_5m: None,
        cache_write_1h: None,
        cache_write_other: None,
        input_audio: None,
        output: dollar,
        reasoning: None,
        output_audio: None,
    }
};

fn plan(feature: &Feature) -> Plan {
    let deployments = (0..DEPLOYMENTS).map(|n| Deployment {
        id: format!("m@p{n}").into(),
        model: "m".into(),
        provider: format!("p{n}").into(),
        domains: Vec::new(),
        limits: Configured::default(),
        // Some have a price and some have none, for requests on a budget.
        rates: n.is_multiple_of(2).then(|| Arc::new(Rates { usual: PRICES, long: None })),
        max_output: None,
        quality: None,
    });
    let feature = Arc::new(feature.clone());
    Plan {
        deployments: deployments.collect(),
        domains: Vec::new(),
        features: [(Arc::clone(&feature.name), feature)].into(),
        ..Plan::default()
    }
}

/// Health as the faults leave it.
fn live(case: &Case, plan: &Plan, feature: &Feature, now: Duration) -> Live {
    let live = Live::new(plan);
    for (deployment, class) in &case.faults {
        let demand = Demand::default();
        let Ok(mut lease) = live.admit(pass(*deployment), feature, now, 0.0, demand, true) else {
            continue;
        };
        live.failed(&mut lease, now, &Fault::new(*class, "it failed"));
        live.release(lease, now, None);
    }
    case.drained.iter().for_each(|deployment| live.drain(*deployment, true));
    live
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(10_000))]

    /// The first, fallbacks, last resorts, hedges and whatever mends a broken stream are all steps
    /// of the decision.
    #[test]
    fn every_step_is_allowed(case in case()) {
        let feature = feature(&case);
        let plan = plan(&feature);
        let began = Duration::from_secs(1000);
        let live = live(&case, &plan, &feature, began);
        let eligible: Eligible = case.eligible.iter().copied().collect();
        let now = began + Duration::from_secs(case.now_s);
        let mut rng = StdRng::seed_from_u64(case.seed);
        let budgeted = case.seed.is_multiple_of(2);
        let ask = Ask { conversation: case.conversation, budgeted, ..Ask::default() };
        let decision = decide(&feature, &eligible, &live, now, ask, &mut rng);
        for step in &decision.steps {
            if let Step::Call { deployment, .. } = step {
                prop_assert!(case.eligible.contains(deployment), "{step:?}");
                prop_assert!(eligible.allowed(*deployment).is_some());
            }
        }
        for one in &decision.considered {
            let denied = !case.eligible.contains(&one.deployment);
            prop_assert_eq!(one.verdict == Verdict::Denied, denied, "{:?}", one);
        }
        let listed = case.tiers.iter().flat_map(|(candidates, _)| candidates);
        let legal = listed.filter(|(deployment, ..)| case.eligible.contains(deployment)).count();
        prop_assert_eq!(decision.is_denied(), legal == 0);
    }

    #[test]
    fn no_step_is_barred_and_a_canary_comes_first_or_not_at_all(case in case()) {
        // A configuration lists no deployment twice in a tier.
        let mut case = case;
        for (candidates, _) in &mut case.tiers {
            candidates.sort_by_key(|(deployment, ..)| *deployment);
            candidates.dedup_by_key(|(deployment, ..)| *deployment);
        }
        let feature = feature(&case);
        let plan = plan(&feature);
        let now = Duration::from_secs(1000);
        let live = live(&case, &plan, &feature, now);
        let eligible: Eligible = case.eligible.iter().copied().collect();
        let ask = Ask { conversation: case.conversation, ..Ask::default() };
        let mut rng = StdRng::seed_from_u64(case.seed);
        let decision = decide(&feature, &eligible, &live, now, ask, &mut rng);
        let roles = |tier: usize, at: usize| -> Vec<Role> {
            let (candidates, _) = &case.tiers[tier];
            let ours = candidates.iter().filter(|(deployment, ..)| *deployment == at);
            ours.map(|(.., role)| *role).collect()
        };
        let mut others: BTreeSet<usize> = BTreeSet::new();
        for step in &decision.steps {
            let Step::Call { tier, deployment } = step else { continue };
            let roles = roles(*tier, *deployment);
            prop_assert!(!roles.iter().all(|role| matches!(role, Role::Barred(_))), "{step:?}");
            if decision.is_rescue(*tier, *deployment) {
                continue;
            }
            let is_canary = roles.iter().any(|role| matches!(role, Role::Canary(_)));
            prop_assert!(!(is_canary && others.contains(tier)), "{:?}", decision.steps);
            if !is_canary {
                others.insert(*tier);
            }
        }
        let told = |verdict: Verdict| match verdict {
            Verdict::Barred(bar) => Some(Role::Barred(bar)),
            _ => None,
        };
        for one in &decision.considered {
            if let Some(role) = told(one.verdict) {
                prop_assert!(roles(one.tier, one.deployment).contains(&role), "{one:?}");
            }
            if one.verdict == Verdict::NoCanary {
                let roles = roles(one.tier, one.deployment);
                let whole = |role: &Role| matches!(role, Role::Canary(one) if one.share >= 1.0);
                prop_assert!(!roles.iter().all(whole), "a share of all is all: {one:?}");
            }
        }
    }
}
