//! Contingencies of small topologies, and allocations against an exhaustive search.

use std::{cmp::Ordering, collections::HashMap, sync::Arc, time::Duration};

use jiff::civil::date;
use rand::{Rng as _, SeedableRng as _, rngs::SmallRng};
use tieline_types::UsdPico;

use super::*;
use crate::Criticality::{self, Critical, CriticalPlus, Sheddable, SheddablePlus};

/// Tokens a request, of which so many are of its prompt.
const TOKENS: u64 = 1_000;
const INPUT: u64 = 600;

fn need(requests: u64) -> Need {
    let per = |tokens: u64| Some(topology::amount(requests * tokens));
    Need {
        requests_per_minute: topology::amount(requests),
        input_tokens_per_minute: per(INPUT),
        output_tokens_per_minute: per(TOKENS - INPUT),
        request_takes: None,
    }
}

fn pool(name: &str, quota: Quota) -> QuotaPool {
    let source = QuotaSource::Config;
    QuotaPool { name: name.into(), quota, firm: true, ramp: None, source }
}

fn tokens(thousands: u64) -> Quota {
    Quota { tokens_per_minute: Some(thousands * TOKENS), ..Quota::default() }
}

fn rung(name: &str, acceptable: bool, serves: Serves) -> Rung {
    Rung { name: name.into(), acceptable, serves }
}

fn calls(nodes: &[usize]) -> Serves {
    Serves::Calls(nodes.iter().map(|node| Choice { node: *node, ..Choice::default() }).collect())
}

fn load(feature: &str, criticality: Criticality, requests: u64, rungs: Vec<Rung>) -> FeatureLoad {
    FeatureLoad { feature: feature.into(), criticality, need: Some(need(requests)), rungs }
}

/// The worked example: seven pools in thousands of tokens a minute, four features.
fn example() -> Topology {
    let nodes = [
        ("claude-sonnet-5@ant", "claude", "anthropic", "anthropic", 600),
        ("claude-sonnet-5@bed", "claude", "aws", "aws", 200),
        ("gpt-5.5@bed", "gpt", "aws", "aws", 300),
        ("gpt-5.5@oai", "gpt", "openai", "openai", 700),
        ("gpt-5.5@az", "gpt", "microsoft", "azure", 150),
        ("gpt-5.4-mini@az", "gpt", "microsoft", "azure", 400),
        ("gemini@gcp", "gemini", "google", "gcp", 600),
    ];
    let node = |(at, (id, family, seller, cloud, _)): (usize, &(&str, &str, &str, &str, u64))| {
        let domains = [
            (Kind::Provider, id.split('@').nth(1).unwrap()),
            (Kind::Family, family),
            (Kind::Seller, seller),
            (Kind::Cloud, cloud),
        ];
        let domains = domains.map(|(kind, name)| (kind, Arc::from(name)));
        Node { id: Arc::from(*id), pool: at, domains: domains.to_vec(), up: true }
    };
    let pools = nodes.iter().map(|(id, .., room)| QuotaPool {
        firm: !id.starts_with("gemini"),
        ..pool(id, tokens(*room))
    });
    let (ant, bed_claude, bed_gpt, oai, az, mini, gemini) = (0, 1, 2, 3, 4, 5, 6);
    let tier = |name: &str, nodes: &[usize]| rung(name, true, calls(nodes));
    let queue = || rung("T2", false, Serves::Queues(1_000_000));
    Topology {
        nodes: nodes.iter().enumerate().map(node).collect(),
        pools: pools.collect(),
        loads: vec![
            load(
                "chat",
                Critical,
                300,
                vec![
                    tier("T0", &[ant, bed_claude]),
                    tier("T1", &[oai]),
                    tier("T2", &[mini]),
                    rung("T3", false, Serves::Replies),
                ],
            ),
            load(
                "assist",
                Critical,
                200,
                vec![tier("T0", &[oai, az]), tier("T1", &[ant]), tier("T2", &[mini])],
            ),
            load(
                "extract",
                SheddablePlus,
                400,
                vec![tier("T0", &[oai, bed_gpt]), tier("T1", &[gemini]), queue()],
            ),
            load("bulk", Sheddable, 500, vec![tier("T0", &[gemini]), tier("T1", &[mini]), queue()]),
        ],
        outage: Duration::from_secs(3_600),
        drilled: Vec::new(),
    }
}

/// What each tier of a feature answers, in thousands of tokens.
fn told(topology: &Topology, features: &[FeatureOutcome]) -> String {
    let feature = |(one, load): (&FeatureOutcome, &FeatureLoad)| {
        let all = load.need.unwrap().requests_per_minute;
        let mix =
            one.mix.iter().map(|tier| format!("{} {}", (tier.share * all).round(), tier.name));
        format!("{} {}", one.feature, mix.collect::<Vec<_>>().join(" + "))
    };
    let all = features.iter().zip(&topology.loads).map(feature);
    all.collect::<Vec<_>>().join(", ")
}

fn outcome<'r>(report: &'r Report, kind: Kind, name: &str) -> &'r Outcome {
    let is = |one: &&Outcome| {
        let mut names = one.contingency.lost.iter().chain(&one.contingency.also);
        names.any(|one| one.kind == kind && &*one.name == name)
    };
    report.contingencies.iter().find(is).unwrap()
}

#[test]
fn the_worked_example_holds_line_by_line() {
    let topology = example();
    let report = analyse(&topology, Depth::One).unwrap();
    let well = "chat 300 T0, assist 200 T0, extract 400 T0, bulk 500 T0";
    assert_eq!(told(&topology, &report.base), well);
    for (kind, name, expected, verdict) in [
        (
            Kind::Seller,
            "anthropic",
            "chat 200 T0 + 100 T1, assist 200 T0, extract 400 T0, bulk 500 T0",
            Verdict::Secure,
        ),
        (
            Kind::Seller,
            "openai",
            "chat 300 T0, assist 150 T0 + 50 T1, extract 300 T0 + 100 T1, bulk 500 T0",
            Verdict::Secure,
        ),
        (Kind::Cloud, "aws", well, Verdict::Secure),
        // The quotas would do, but what is sheddable may fill 480 of 600: 20 are queued.
        (Kind::Cloud, "azure", well, Verdict::Remedial),
        (
            Kind::Cloud,
            "gcp",
            "chat 300 T0, assist 200 T0, extract 400 T0, bulk 400 T1 + 100 T2",
            Verdict::Remedial,
        ),
        (
            Kind::Family,
            "claude",
            "chat 300 T1, assist 200 T0, extract 400 T0, bulk 500 T0",
            Verdict::Secure,
        ),
        (
            Kind::Family,
            "gpt",
            "chat 300 T0, assist 200 T1, extract 400 T1, bulk 200 T0 + 300 T2",
            Verdict::Remedial,
        ),
    ] {
        let found = outcome(&report, kind, name);
        assert_eq!(told(&topology, &found.features), expected, "without {name}");
        assert_eq!(found.verdict, verdict, "without {name}");
    }
    let extract = |name| &outcome(&report, Kind::Family, name).features[2];
    assert_eq!(extract("gpt").evidence, Evidence::Unknown("`gemini@gcp` is not firm".to_owned()));
    assert_eq!(extract("claude").evidence, Evidence::Assumed);
    let bulk = &outcome(&report, Kind::Family, "gpt").features[3];
    assert_eq!(bulk.binding.to_string(), "`gemini@gcp` is full: 600,000 tokens a minute");
    assert!((bulk.served - 0.4).abs() < 1e-5 && bulk.unserved == 0.0);
    // OpenAI itself and its models are different elements: Bedrock's copy survives the one.
    let reserve = report.reserve.as_ref().unwrap();
    assert_eq!(reserve.contingency, "provider oai");
    assert!((reserve.lost - 600_000.0).abs() < 1.0 && reserve.holds(), "{reserve:?}");
    assert!(report.insecure().is_empty() && report.unproved().is_empty());
}

#[test]
fn elements_of_the_same_deployments_are_one_contingency() {
    let topology = example();
    let all = singles(&topology);
    let told: Vec<String> = all.iter().map(|one| format!("{one}/{}", one.also.len())).collect();
    assert_eq!(
        told,
        [
            "provider ant/3",
            "provider az/2",
            "provider bed/2",
            "provider gcp/4",
            "provider oai/3",
            "deployment claude-sonnet-5@bed/0",
            "deployment gpt-5.4-mini@az/0",
            "deployment gpt-5.5@az/0",
            "deployment gpt-5.5@bed/0",
            "family claude/0",
            "family gpt/0",
        ]
    );
    let pairs = pairs(&all);
    assert!(pairs.iter().all(|pair| pair.class == Class::OutOfRange && pair.lost.len() == 2));
    assert!(pairs.iter().any(|pair| pair.to_string() == "provider ant + provider oai"));
    // One half of Azure is in the other already.
    assert!(!pairs.iter().any(|pair| pair.to_string().contains("az + deployment gpt-5.5@az")));
    let two = analyse(&topology, Depth::Two).unwrap();
    assert_eq!(two.contingencies.len(), all.len() + pairs.len());
}

#[test]
fn what_is_out_already_is_the_topology() {
    let mut topology = example();
    topology.nodes[3].up = false;
    let report = analyse(&topology, Depth::One).unwrap();
    assert_eq!(
        told(&topology, &report.base),
        "chat 300 T0, assist 150 T0 + 50 T1, extract 300 T0 + 100 T1, bulk 500 T0"
    );
    let next = outcome(&report, Kind::Seller, "anthropic");
    assert_eq!(
        told(&topology, &next.features),
        "chat 200 T0 + 100 T2, assist 150 T0 + 50 T2, extract 300 T0 + 100 T1, bulk 500 T0"
    );
}

/// Two features of one class, of which only the first has another way.
fn rivals(own: u64, other: u64) -> Topology {
    let node = |at: usize| Node {
        id: format!("m@p{at}").into(),
        pool: at,
        domains: vec![(Kind::Provider, format!("p{at}").into())],
        up: true,
    };
    Topology {
        nodes: (0..3).map(node).collect(),
        pools: vec![pool("p0", tokens(own)), pool("p1", tokens(other)), pool("p2", tokens(200))],
        loads: vec![
            load("free", Critical, 100, vec![rung("all", true, calls(&[2, 0, 1]))]),
            load("bound", Critical, 100, vec![rung("all", true, calls(&[2, 0]))]),
        ],
        outage: Duration::from_secs(3_600),
        drilled: Vec::new(),
    }
}

#[test]
fn what_the_quotas_could_do_and_the_routing_does_not_is_not_secure() {
    let topology = rivals(100, 100);
    let report = analyse(&topology, Depth::One).unwrap();
    let lost = outcome(&report, Kind::Provider, "p2");
    assert_eq!(lost.verdict, Verdict::NotSecure);
    let [free, bound] = lost.features.as_slice() else { panic!("two features") };
    assert_eq!((free.verdict, free.served), (Verdict::Secure, 1.0));
    assert_eq!((bound.served, &bound.binding), (1.0, &Binding::Order), "the quotas would do");
    assert!((bound.routed - 0.485).abs() < 1e-3, "they share alike: {}", bound.routed);
    assert_eq!(report.insecure(), ["bound"]);
    let roomy = analyse(&rivals(220, 0), Depth::One).unwrap();
    assert_eq!(outcome(&roomy, Kind::Provider, "p2").verdict, Verdict::Secure);
}

#[test]
fn those_that_matter_more_come_first_and_what_matters_less_gives_way() {
    let mut topology = rivals(100, 0);
    topology.loads[0].criticality = Sheddable;
    topology.loads[1].criticality = CriticalPlus;
    let report = analyse(&topology, Depth::One).unwrap();
    let lost = outcome(&report, Kind::Provider, "p2");
    assert_eq!(lost.verdict, Verdict::Remedial);
    assert_eq!((lost.features[1].served, lost.features[1].routed), (1.0, 1.0));
    assert_eq!((lost.features[0].unserved, lost.features[0].routed), (1.0, 0.0));
    assert!(report.insecure().is_empty());
}

#[test]
fn a_pool_is_not_filled_by_what_is_shed_before() {
    for (criticality, room, served) in [
        (CriticalPlus, 100, 1.0),
        (Critical, 100, 0.97),
        (Critical, 104, 1.0),
        (SheddablePlus, 100, 0.9),
        (Sheddable, 100, 0.8),
        (Sheddable, 126, 1.0),
    ] {
        let mut topology = rivals(room, 0);
        topology.loads.truncate(1);
        topology.loads[0].criticality = criticality;
        let report = analyse(&topology, Depth::One).unwrap();
        let lost = &outcome(&report, Kind::Provider, "p2").features[0];
        assert_eq!(lost.served, 1.0, "by quota");
        assert!((lost.routed - served).abs() < 1e-6, "{criticality:?}: {}", lost.routed);
        assert_eq!(lost.verdict == Verdict::Secure, served == 1.0, "{criticality:?} of {room}");
    }
}

#[test]
fn pools_that_must_grow_serve_late() {
    let mut topology = rivals(400, 0);
    topology.loads.truncate(1);
    topology.pools[0].ramp = Some(Ramp { share: 0.1, every: Duration::from_secs(15 * 60) });
    let report = analyse(&topology, Depth::One).unwrap();
    let lost = &outcome(&report, Kind::Provider, "p2").features[0];
    assert_eq!(lost.served, 1.0, "in the end");
    let [at_once, soon, late] = lost.servable;
    assert_eq!(at_once, 0.0, "it carried nothing");
    assert!((soon - 0.4).abs() < 1e-4, "a tenth of 400 is 40 of 100: {soon}");
    assert!((late - 0.5324).abs() < 1e-4, "and a tenth more three times: {late}");
}

#[test]
fn what_moves_is_paid_with_a_cold_cache() {
    let mut topology = rivals(100, 100);
    topology.loads.truncate(1);
    let usd = |cents: i128| Some(UsdPico::new(cents * 10_000_000_000));
    let choice = |node, warm, cold, ms, quality| Choice {
        node,
        first_share: None,
        usd: usd(warm),
        usd_cold: usd(cold),
        first_p95: Some(Duration::from_millis(ms)),
        quality: Some(quality),
    };
    let choices = vec![choice(2, 1, 3, 400, 0.9), choice(0, 2, 4, 700, 0.8)];
    topology.loads[0].rungs = vec![rung("all", true, Serves::Calls(choices))];
    let report = analyse(&topology, Depth::One).unwrap();
    let lost = &outcome(&report, Kind::Provider, "p2").features[0];
    assert_eq!(lost.usd_per_hour, Some("180".parse().unwrap()), "3 cents more, 6,000 times");
    assert!((lost.first_p95_ms.unwrap() - 300.0).abs() < 1e-6);
    assert!((lost.quality.unwrap() + 0.1).abs() < 1e-9);
    let other = &outcome(&report, Kind::Provider, "p0").features[0];
    assert_eq!(other.usd_per_hour, Some(UsdPico::ZERO), "it carries nothing");
}

#[test]
fn nothing_is_proved_by_what_nobody_knows() {
    let evidence = |change: &dyn Fn(&mut Topology)| {
        let mut topology = rivals(300, 100);
        change(&mut topology);
        let report = analyse(&topology, Depth::One).unwrap();
        outcome(&report, Kind::Provider, "p2").features[0].evidence.to_string()
    };
    type Mend<'m> = &'m dyn Fn(&mut Topology);
    let cases: [(Mend<'_>, &str); 7] = [
        (&|_| {}, "analysed, quotas assumed"),
        (&|all| all.pools[0].source = QuotaSource::Headers, "analysed, quotas measured"),
        (
            &|all| (all.pools[0].source, all.pools[0].quota) = Default::default(),
            "unknown (the quota of `p0`)",
        ),
        (&|all| all.pools[0].firm = false, "unknown (`p0` is not firm)"),
        (&|all| all.loads[0].need = None, "unknown (its demand)"),
        (
            &|all| all.loads[0].need.as_mut().unwrap().output_tokens_per_minute = None,
            "unknown (what of `p0` its requests need)",
        ),
        (
            &|all| {
                let (kind, name) = (Kind::Provider, "p2".into());
                all.drilled.push(Drilled { kind, name, on: date(2026, 11, 20) });
            },
            "drilled 2026-11-20",
        ),
    ];
    for (change, told) in cases {
        assert_eq!(evidence(change), told);
    }
}

// --- Against an exhaustive search over whole requests ------------------------------------------

const POOLS: usize = 5;

/// What a search wants least, in the order of its wishes.
type Score = Vec<i64>;

#[expect(clippy::cast_possible_truncation, reason = "whole requests and cents, and few")]
const fn whole(value: f64) -> i64 {
    value as i64
}

/// One way of a feature: its tier, whether that is acceptable, its pool, its bound and its price.
#[derive(Clone, Copy)]
struct Way {
    rung: usize,
    acceptable: bool,
    pool: Option<usize>,
    most: u64,
    cents: i64,
}

struct Case {
    topology: Topology,
    demand: Vec<u64>,
    ways: Vec<Vec<Way>>,
    room: [u64; POOLS],
    tiers: usize,
}

const CLASSES: [Criticality; 4] = [CriticalPlus, Critical, SheddablePlus, Sheddable];

fn random_case(seed: u64) -> Case {
    let mut rng = SmallRng::seed_from_u64(seed);
    let mut topology = rivals(0, 0);
    let mut room = [0; POOLS];
    topology.nodes.clear();
    topology.pools.clear();
    topology.loads.clear();
    for (at, room) in room.iter_mut().enumerate() {
        *room = rng.random_range(0..=6);
        // One limit binds, and another one is wider.
        let wide = *room + rng.random_range(0..3);
        let (requests, all) = if rng.random() { (*room, wide) } else { (wide, *room) };
        let quota = Quota {
            requests_per_minute: Some(requests),
            tokens_per_minute: Some(all * TOKENS),
            input_tokens_per_minute: rng.random::<bool>().then_some(wide * INPUT),
            ..Quota::default()
        };
        topology.pools.push(pool(&format!("p{at}"), quota));
        topology.nodes.push(Node { pool: at, up: true, ..Node::default() });
    }
    let (mut demand, mut ways, tiers) = (Vec::new(), Vec::new(), 3);
    for at in 0..4 {
        let requests = rng.random_range(1..=4);
        let (mut rungs, mut own) = (Vec::new(), Vec::new());
        for rung in 0..rng.random_range(1..=tiers) {
            let acceptable = rng.random_bool(0.8);
            let way = |pool, most, cents| Way { rung, acceptable, pool, most, cents };
            let serves = match rng.random_range(0..8) {
                0 if rung > 0 => {
                    let jobs = rng.random_range(0..4);
                    own.push(way(None, jobs, 0));
                    Serves::Queues(jobs * 60)
                }
                _ => {
                    let first = rng.random_range(0..POOLS);
                    let second = (first + rng.random_range(1..POOLS)) % POOLS;
                    let choices = [first, second].map(|node| {
                        let cents = rng.random_range(1..=9);
                        own.push(way(Some(node), requests, cents));
                        let usd = Some(UsdPico::new(i128::from(cents) * 10_000_000_000));
                        Choice { node, usd, ..Choice::default() }
                    });
                    Serves::Calls(choices.to_vec())
                }
            };
            rungs.push(Rung { name: format!("t{rung}").into(), acceptable, serves });
        }
        let class = CLASSES[rng.random_range(0..CLASSES.len())];
        topology.loads.push(load(&format!("f{at}"), class, requests, rungs));
        demand.push(requests);
        ways.push(own);
    }
    Case { topology, demand, ways, room, tiers }
}

/// The wishes of one class, and how many there are of all.
fn width(tiers: usize) -> usize {
    2 + tiers + 1
}

impl Case {
    /// What it comes to that so many requests of a feature go each of its ways.
    fn score(&self, feature: usize, shares: &[f64]) -> Vec<f64> {
        let class = self.topology.loads[feature].criticality;
        let begin = CLASSES.iter().position(|one| *one == class).unwrap() * width(self.tiers);
        let mut score = vec![0.0; CLASSES.len() * width(self.tiers)];
        for (way, requests) in self.ways[feature].iter().zip(shares) {
            score[begin] -= if way.acceptable { *requests } else { 0.0 };
            score[begin + 1] -= requests;
            for tier in way.rung..self.tiers {
                score[begin + 2 + tier] -= requests;
            }
            score[begin + 2 + self.tiers] += requests * way.cents as f64;
        }
        score
    }

    /// The best there is from a feature on, with so much room left.
    fn best(
        &self,
        feature: usize,
        room: [u64; POOLS],
        known: &mut HashMap<(usize, [u64; POOLS]), Score>,
    ) -> Score {
        if feature == self.demand.len() {
            return vec![0; CLASSES.len() * width(self.tiers)];
        }
        if let Some(score) = known.get(&(feature, room)) {
            return score.clone();
        }
        let mut best: Option<Score> = None;
        let mut counts = vec![0; self.ways[feature].len()];
        self.each(feature, 0, self.demand[feature], room, &mut counts, &mut |counts, room| {
            let shares: Vec<f64> = counts.iter().map(|count| topology::amount(*count)).collect();
            let own = self.score(feature, &shares);
            let rest = self.best(feature + 1, room, known);
            let all: Score = own.iter().zip(rest).map(|(own, rest)| whole(*own) + rest).collect();
            if best.as_ref().is_none_or(|best| all.cmp(best) == Ordering::Less) {
                best = Some(all);
            }
        });
        let best = best.unwrap();
        known.insert((feature, room), best.clone());
        best
    }

    /// Every way to send up to `left` requests of a feature from its way number `at` on.
    fn each(
        &self,
        feature: usize,
        at: usize,
        left: u64,
        room: [u64; POOLS],
        counts: &mut Vec<u64>,
        take: &mut dyn FnMut(&[u64], [u64; POOLS]),
    ) {
        let Some(way) = self.ways[feature].get(at) else {
            return take(counts, room);
        };
        let most = way.pool.map_or(way.most, |pool| room[pool]).min(left);
        for count in 0..=most {
            let mut room = room;
            if let Some(pool) = way.pool {
                room[pool] -= count;
            }
            counts[at] = count;
            self.each(feature, at + 1, left - count, room, counts, take);
        }
    }

    /// What the linear programs find.
    fn allocated(&self) -> Vec<f64> {
        let rooms = self.topology.rooms();
        let found = allocate::allocate(&self.topology, &|_| true, &rooms).unwrap();
        let mut sum = vec![0.0; CLASSES.len() * width(self.tiers)];
        for (feature, demand) in self.demand.iter().enumerate() {
            let mut shares = vec![0.0; self.ways[feature].len()];
            for flow in found.of(feature) {
                let node = self.topology.node(flow);
                let same = |way: &Way| way.rung == flow.rung && way.pool == node;
                let at = self.ways[feature].iter().position(same).unwrap();
                shares[at] += flow.share * topology::amount(*demand);
            }
            for (sum, own) in sum.iter_mut().zip(self.score(feature, &shares)) {
                *sum += own;
            }
        }
        sum
    }
}

#[test]
fn the_allocation_is_what_an_exhaustive_search_finds() {
    let mut scarce = 0;
    for seed in 0..220 {
        let case = random_case(seed);
        let best = case.best(0, case.room, &mut HashMap::new());
        let found = case.allocated();
        for (at, (found, best)) in found.iter().zip(&best).enumerate() {
            assert!((found - *best as f64).abs() < 1e-3, "seed {seed}, wish {at}: {found} {best}");
        }
        let demand: u64 = case.demand.iter().sum();
        scarce += usize::from(demand > case.room.iter().sum());
    }
    assert!(scarce > 20, "some have too little room: {scarce}");
}

#[test]
fn no_limit_is_exceeded_and_the_routing_never_does_better() {
    for seed in 0..60 {
        let mut topology = random_case(seed).topology;
        let mut rng = SmallRng::seed_from_u64(seed);
        // Features whose requests are of different sizes meet pools with several limits.
        for load in &mut topology.loads {
            let need = load.need.as_mut().unwrap();
            let scale = |amount: Option<f64>, by: f64| amount.map(|amount| amount * by);
            need.input_tokens_per_minute =
                scale(need.input_tokens_per_minute, rng.random_range(0.1..4.0));
            need.output_tokens_per_minute =
                scale(need.output_tokens_per_minute, rng.random_range(0.1..4.0));
        }
        let rooms = topology.rooms();
        let found = allocate::allocate(&topology, &|_| true, &rooms).unwrap();
        for (pool, room) in rooms.iter().enumerate() {
            for (limit, full) in allocate::fullness(&found.used(&topology, pool), room) {
                let empty = found.used(&topology, pool).iter().all(|used| *used == 0.0);
                assert!(empty || full < 1.0 + 1e-4, "seed {seed}: {limit:?} is {full} full");
            }
        }
        let report = analyse(&topology, Depth::One).unwrap();
        let first = CLASSES
            .into_iter()
            .find(|class| report.base.iter().any(|one| one.criticality == *class));
        let of_first = || {
            report
                .base
                .iter()
                .zip(&topology.loads)
                .filter(|(one, _)| Some(one.criticality) == first)
                .map(|(one, load)| (one, load.need.unwrap().requests_per_minute))
        };
        let served: f64 = of_first().map(|(one, all)| one.served * all).sum();
        let routed: f64 = of_first().map(|(one, all)| one.routed * all).sum();
        assert!(routed < served + 1e-3, "seed {seed}: {routed} by routing, {served} at best");
    }
}
