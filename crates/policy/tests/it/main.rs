//! Tests of policies through their public doors.

#![cfg(test)]

mod analysis;
mod deriving;
mod documents;
mod files;
mod random;
mod ruling;

use std::collections::BTreeSet;

use tieline_policy::{
    Asked, Caller, Deployment, Feature, Matrix, PolicyError, Tier, Verdict, World,
};
use tieline_types::{Fact, FactName, FactValue, Facts, Modalities, PolicyFile, Rules};

/// 2026-11-01, in milliseconds since the Unix epoch.
const NOW: u64 = 1_793_491_200_000;
const DAY: u64 = 24 * 3600 * 1000;

const NOBODY: Asked<'static> = Asked { caller: LOCAL, tags: &[], modalities: Modalities::NONE };
const LOCAL: Caller<'static> =
    Caller { id: "local", name: None, features: None, default_feature: None };

fn set(texts: &[&str]) -> BTreeSet<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

/// Facts as somebody states them.
fn facts<const N: usize>(stated: [(FactName, FactValue); N]) -> Facts {
    let mut facts = Facts::default();
    for (name, value) in stated {
        facts.set(name, Fact { value, source: "a test".into(), expires_ms: None });
    }
    facts
}

/// A deployment `m@provider` in one zone.
fn placed(provider: &str, zone: &str) -> Deployment {
    deployment(provider, facts([(FactName::Zones, set(&[zone]).into())]))
}

fn deployment(provider: &str, facts: Facts) -> Deployment {
    let (model, provider) = ("m", provider.to_owned());
    let id = format!("{model}@{provider}").into();
    Deployment { id, model: model.into(), provider: provider.into(), facts }
}

/// A feature `f` with one tier of these deployments.
fn feature(rules: Rules, deployments: &[usize]) -> Feature {
    Feature {
        name: "f".into(),
        owner: None,
        implicit: false,
        rules,
        tiers: vec![Tier { name: "models".into(), deployments: deployments.to_vec() }],
        embedders: Vec::new(),
    }
}

fn resident(places: &[&str]) -> Rules {
    Rules { residency: set(places), ..Rules::default() }
}

fn file(text: &str) -> PolicyFile {
    PolicyFile { name: "p.cedar".to_owned(), text: text.to_owned() }
}

/// A world of deployments, one feature with all of them, and a file of policies.
fn world(deployments: Vec<Deployment>, rules: Rules, policies: &str) -> World {
    let all: Vec<usize> = (0..deployments.len()).collect();
    let files = if policies.is_empty() { Vec::new() } else { vec![file(policies)] };
    World { deployments, features: vec![feature(rules, &all)], files, exceptions: Vec::new() }
}

fn compiled(world: World) -> Matrix {
    Matrix::compile(world, NOW).unwrap_or_else(|error| panic!("{error}"))
}

fn refused(policies: &str) -> PolicyError {
    Matrix::compile(world(vec![placed("a", "eu")], Rules::default(), policies), NOW).unwrap_err()
}

/// The positions that `f` may use.
fn open(matrix: &Matrix, asked: Asked<'_>, now_ms: u64) -> Vec<usize> {
    let ruling = matrix.allowed("f", asked, now_ms);
    (0..matrix.world().deployments.len())
        .filter(|at| ruling.eligible.allowed(*at).is_some())
        .collect()
}

/// Verdict and first reason of each deployment of `f`, as text.
fn told(matrix: &Matrix) -> Vec<String> {
    let cells = matrix.cells("f", Some(NOBODY), NOW).into_iter();
    cells
        .map(|cell| {
            let reason = cell.reasons.first().unwrap();
            format!("{} {}: {}", cell.verdict.as_str(), reason.rule, reason.words)
        })
        .collect()
}
