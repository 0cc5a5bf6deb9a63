//! What some requests learn apart from the others.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use tieline_route::{
    Candidate, Ceilings, Configured, Criticality, Demand, Deployment, Feature, Lease, Limits, Live,
    Mode, Observed, OnBreak, Plan, Prefer, Role, Seen, State, Tier, Who, Why,
};
use tieline_types::{Class, Fault};

use super::pass;

const WHO: Who = Who { feature: 1, caller: 1 };
const SMALL: Demand = Demand { input: 10, output: 0 };

const fn s(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// Two deployments of a quota of three requests a minute, and their feature.
fn plan() -> (Plan, Arc<Feature>) {
    let deployment = |n: usize| Deployment {
        id: format!("m{n}@p{n}").into(),
        model: format!("m{n}").into(),
        provider: format!("p{n}").into(),
        domains: Vec::new(),
        limits: Configured { requests_per_minute: Some(3), ..Configured::default() },
        rates: None,
        max_output: None,
        quality: None,
    };
    let candidates = (0..2).map(|at| Candidate { deployment: at, weight: 1, role: Role::Serving });
    let feature = Arc::new(Feature {
        name: "f".into(),
        owner: None,
        criticality: Criticality::Critical,
        deadline: s(20),
        return_after: s(0),
        strict: false,
        hedge: None,
        on_break: OnBreak::Error,
        limits: Limits::default(),
        implicit: false,
        tiers: vec![Tier {
            name: "t".into(),
            mode: Mode::Models { candidates: candidates.collect(), prefer: Prefer::Ordered },
            ttft: None,
            deadline: None,
            acceptable: true,
            ceilings: Ceilings::default(),
        }],
    });
    let features = BTreeMap::from([(Arc::clone(&feature.name), Arc::clone(&feature))]);
    let deployments = (0..2).map(deployment).collect();
    (Plan { deployments, features, ..Plan::default() }, feature)
}

fn lease(live: &Live, feature: &Feature, now: Duration) -> Result<Lease, Why> {
    live.admit(pass(0), feature, now, 0.5, SMALL, false).map_err(|(_, why)| why)
}

/// Fails so often, a minute apart, that it opens.
fn open(live: &Live, feature: &Feature) -> Duration {
    for minute in 0..5 {
        let now = s(60 * minute);
        let mut lease = lease(live, feature, now).unwrap();
        live.failed(&mut lease, now, &Fault::new(Class::ServerError, "m"));
        live.release(lease, now, None);
    }
    s(4 * 60)
}

fn state(live: &Live, now: Duration) -> State {
    live.show(0, now).unwrap().state
}

#[test]
fn what_is_learnt_apart_changes_nothing_for_the_others() {
    let (plan, feature) = plan();
    let live = Live::new(&plan);
    let apart = live.apart(None, &plan, &[], s(0));
    let now = open(&apart, &feature);
    assert!(matches!(state(&apart, now), State::Open(..)));
    assert_eq!(state(&live, now), State::Closed);
    assert_eq!(live.show(0, now).unwrap().utilisation, 0.0, "nothing was really sent");
}

#[test]
fn it_goes_on_from_what_was_known_and_through_other_plans() {
    let (plan, feature) = plan();
    let live = Live::new(&plan);
    let now = open(&live, &feature);
    let apart = live.apart(None, &plan, &[], now);
    assert_eq!(state(&apart, now), state(&live, now), "as it was");
    let fresh = Live::new(&plan);
    let again = fresh.apart(Some(&apart), &plan, &[], now);
    assert_eq!(state(&again, now), state(&apart, now), "what it learnt it keeps");
    let elsewhere = fresh.apart(Some(&apart), &plan, &["p0"], now);
    assert_eq!(state(&elsewhere, now), State::Closed, "of another address nothing is known");
}

#[test]
fn a_probe_under_way_is_not_waited_for() {
    let (plan, feature) = plan();
    let live = Live::new(&plan);
    let due = open(&live, &feature) + s(100);
    let probe = live.admit(pass(0), &feature, due, 0.0, SMALL, false).unwrap();
    assert!(probe.is_probe());
    let apart = live.apart(None, &plan, &[], due);
    assert!(apart.admit(pass(0), &feature, due, 0.0, SMALL, false).unwrap().is_probe());
    live.release(probe, due, None);
}

#[test]
fn whether_it_is_in_service_is_everybodys() {
    let (plan, feature) = plan();
    let live = Live::new(&plan);
    let apart = live.apart(None, &plan, &[], s(0));
    let why = || lease(&apart, &feature, s(1)).map(drop);
    for (set, word) in
        [(Live::drain as fn(&Live, usize, bool), "drained"), (Live::suspend, "suspended")]
    {
        set(&live, 0, true);
        assert_eq!(why().unwrap_err().as_str(), word);
        let standing = apart.peek(0, &feature, s(1), 0.5, SMALL);
        assert_eq!(standing.well_for, None, "{word}");
        set(&live, 0, false);
        assert_eq!(why(), Ok(()));
    }
}

#[test]
fn quotas_are_everybodys() {
    let (plan, feature) = plan();
    let live = Live::new(&plan);
    let apart = live.apart(None, &plan, &[], s(0));
    let used = |live: &Live| live.show(0, s(1)).unwrap().utilisation;
    let sent = || {
        let mut lease = lease(&apart, &feature, s(1)).unwrap();
        apart.draw_shared(&mut lease, s(1), SMALL);
        lease
    };
    let mut first = sent();
    assert!(used(&live) > 0.3, "a real call");
    apart.served(&mut first, s(1), WHO, None);
    apart.release(first, s(1), Some(SMALL));
    for _ in 0..2 {
        let lease = lease(&live, &feature, s(1)).unwrap();
        live.release(lease, s(1), None);
    }
    assert_eq!(lease(&apart, &feature, s(1)).unwrap_err(), Why::Quota, "the others used it up");
    let later = s(62);
    let told = Seen { limit: Some(100), remaining: Some(0), reset: Some(s(30)) };
    let observed = Observed { requests: told, ..Observed::default() };
    let mut real = lease(&apart, &feature, later).unwrap();
    apart.draw_shared(&mut real, later, SMALL);
    apart.learn(&real, later, &observed);
    assert_eq!(lease(&live, &feature, later).unwrap_err(), Why::Quota, "what a provider told it");
    apart.release(real, later, None);
}

#[test]
fn an_injected_refusal_closes_no_quota_of_the_others() {
    let (plan, feature) = plan();
    let live = Live::new(&plan);
    let apart = live.apart(None, &plan, &[], s(0));
    let mut struck = lease(&apart, &feature, s(1)).unwrap();
    let refused = Fault::new(Class::RateLimited, "m").with_retry_after(Some(s(60)));
    apart.failed(&mut struck, s(1), &refused);
    apart.release(struck, s(1), None);
    assert_eq!(lease(&apart, &feature, s(2)).unwrap_err(), Why::Quota);
    assert!(lease(&live, &feature, s(2)).is_ok());
}
