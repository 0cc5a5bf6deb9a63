//! What is found of contingencies, against drills of the same losses: two computations of one claim
//! that share nothing but the configuration.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use rand::{Rng as _, SeedableRng as _, rngs::SmallRng, seq::IndexedRandom as _};
use tieline_config::Config;
use tieline_drill::{Verdict as Shown, losing};
use tieline_gateway::{
    Evidence,
    contingency::{Depth, Known, Report, Topology, Verdict, analyse, topology},
};

use crate::support::{catalogue, config, parsed, run};

/// Of a hundred: how far demand may move without another verdict; closer calls are decided by what
/// a minute's quota is, to the second.
const CLEAR: [u64; 2] = [80, 125];

fn known(config: &Config, percent: u64) -> (Topology, Report) {
    let mut grown = config.clone();
    for feature in &mut grown.features {
        if let Some(demand) = &mut feature.demand {
            for count in [
                Some(&mut demand.requests_per_minute),
                demand.input_tokens_per_minute.as_mut(),
                demand.output_tokens_per_minute.as_mut(),
            ]
            .into_iter()
            .flatten()
            {
                *count = *count * percent / 100;
            }
        }
    }
    let (first_contents, down) = (BTreeMap::new(), BTreeSet::new());
    let known = Known { peaks: &[], growth: 1.0, first_contents: &first_contents, down: &down };
    let evidence = Evidence::gather(&grown, None, Vec::new());
    let topology = topology(&grown, evidence, 1_795_305_600_000, known).unwrap();
    let report = analyse(&topology, Depth::One).unwrap();
    (topology, report)
}

/// Runs a drill for every ordinary contingency; gives how many were found secure, and how many not.
fn agree(config: &Config, clear: &[u64]) -> (usize, usize) {
    let (topology, report) = known(config, 100);
    let others: Vec<Report> = clear.iter().map(|percent| known(config, *percent).1).collect();
    let mut verdicts = (0, 0);
    for (at, outcome) in report.contingencies.iter().enumerate() {
        let same = |other: &Report| {
            let features = outcome.features.iter().zip(&other.contingencies[at].features);
            features.clone().all(|(one, other)| one.verdict == other.verdict)
        };
        if !outcome.contingency.is_ordinary() || !others.iter().all(same) {
            continue;
        }
        let Some(text) = losing(&topology, outcome, Path::new("tieline.yaml")) else { continue };
        let scenario = tieline_drill::read("losing.yaml", &text).unwrap().remove(0);
        let secure = outcome.verdict != Verdict::NotSecure;
        let shown = run(&scenario, config).report;
        let said = format!("{text}\n{outcome:#?}\n{:#?}\n{:#?}", shown.checks, shown.figures);
        assert_eq!(secure, shown.verdict == Shown::Pass, "{} {said}", shown.drill);
        if secure { verdicts.0 += 1 } else { verdicts.1 += 1 }
    }
    verdicts
}

#[test]
fn drills_show_what_is_found_of_the_example() {
    let path = catalogue().join("../examples/support-reply/tieline.yaml");
    let mut config = config(&path);
    // A tenth of everything: the same shares, in a tenth of the requests.
    for feature in &mut config.features {
        if let Some(demand) = &mut feature.demand {
            demand.requests_per_minute /= 10;
            demand.input_tokens_per_minute = demand.input_tokens_per_minute.map(|all| all / 10);
            demand.output_tokens_per_minute = demand.output_tokens_per_minute.map(|all| all / 10);
        }
    }
    for deployment in config.models.iter_mut().flat_map(|model| &mut model.deployments) {
        let limits = &mut deployment.limits;
        for limit in [
            &mut limits.requests_per_minute,
            &mut limits.tokens_per_minute,
            &mut limits.input_tokens_per_minute,
            &mut limits.output_tokens_per_minute,
        ] {
            *limit = limit.map(|limit| limit / 10);
        }
        limits.ramp = None;
    }
    let (secure, not) = agree(&config, &[]);
    assert!(secure + not >= 4, "{secure} secure, {not} not");
}

#[test]
fn drills_show_what_is_found_of_twenty_five_configurations() {
    agree_all(0..25);
}

#[test]
fn drills_show_what_is_found_of_twenty_five_others() {
    agree_all(25..50);
}

fn agree_all(seeds: std::ops::Range<u64>) {
    let (mut secure, mut not) = (0, 0);
    for seed in seeds {
        let text = random(seed);
        let (some, others) = agree(&parsed(&text), &CLEAR);
        secure += some;
        not += others;
    }
    assert!(secure >= 25 && not >= 15, "{secure} secure, {not} not");
}

/// A configuration drawn from a seed: three providers, three models, two or three features.
fn random(seed: u64) -> String {
    let mut rng = SmallRng::seed_from_u64(seed);
    let providers = ["east", "west", "south"];
    let mut text = "version: 1\nproviders:\n".to_owned();
    for name in providers {
        text.push_str(&format!(
            "  {name}: {{ kind: openai-compatible, base_url: \"http://{name}.test/v1\", api_key: \
             {{ env: KEY }} }}\n"
        ));
    }
    text.push_str("models:\n");
    let models = ["large", "middle", "small"];
    for model in models {
        text.push_str(&format!("  {model}:\n"));
        let count = rng.random_range(1..=2);
        let first = rng.random_range(0..3);
        for at in 0..count {
            let provider = providers[(first + at) % 3];
            let limit = [None, Some(15), Some(30), Some(60), Some(120)].choose(&mut rng).unwrap();
            let limits = limit.map(|rpm| format!(", limits: {{ requests_per_minute: {rpm} }}"));
            let limits = limits.unwrap_or_default();
            text.push_str(&format!("    - {{ provider: {provider}{limits} }}\n"));
        }
    }
    text.push_str("features:\n");
    for at in 0..rng.random_range(2..=3) {
        let criticality = if at == 0 {
            "critical"
        } else {
            ["critical", "sheddable-plus", "sheddable"].choose(&mut rng).unwrap()
        };
        let rpm = rng.random_range(8..=40);
        text.push_str(&format!(
            "  feature-{at}:\n    criticality: {criticality}\n    deadline: 20s\n    demand: {{ \
             requests_per_minute: {rpm}, input_tokens_per_minute: {}, \
             output_tokens_per_minute: {} }}\n\
             \x20   tiers:\n",
            rpm * 20,
            rpm * 8
        ));
        let first = rng.random_range(0..3);
        for tier in 0..rng.random_range(1..=2) {
            let model = models[(first + tier) % 3];
            text.push_str(&format!("      - {{ name: tier-{tier}, models: [{model}] }}\n"));
        }
        if rng.random_bool(0.3) {
            text.push_str("      - { name: sorry, reply: \"Later.\", acceptable: false }\n");
        }
    }
    text
}
