//! `tieline.yaml`: from text to a checked [`Config`].
//!
//! The way is always the same: `tree` turns YAML into nodes that know their place, `lenient` reads
//! the nodes into the `wire` model and keeps going after a mistake, `check` resolves references and
//! secrets. Every stage adds to one list of problems, so that one run shows them all.
//!
//! The crate does no I/O of its own: files and environment variables come through [`World`].

mod check;
mod config;
mod diagnose;
mod lenient;
mod problem;
mod schema;
mod source;
mod starter;
mod tree;
mod units;
mod wire;
mod world;

use std::path::Path;

pub use config::{
    AlertTargets, Allowance, Attestations, AwsAuth, AzureAuth, Budget, Budgets, BurnResponse,
    Candidate, Ceilings, Config, Criticality, Demand, Deployment, Document, Drills, Evals, Feature,
    FeatureLimits, Fidelity, Hedge, LedgerSettings, Limits, Model, OnBurn, OnLimit, OnStreamBreak,
    Per, Prefer, Probes, PromptFile, Provider, ProviderKind, Queue, Ramp, Requirement, Sentinels,
    Server, ShutdownDates, Similar, SloFiles, Surface, Tier, TierMode, Tls, Webhook, Weights,
};
pub use problem::{Code, Problem, Problems};
pub use schema::json_schema;
pub use source::Span;
pub use starter::starter;
pub use world::{RealWorld, World};

use source::Source;

/// Where in the configuration `text` the keys of `path` lead; the numbers of list items, from 0,
/// are keys too. As far as they lead, where the text has only some of them.
#[must_use]
pub fn locate(text: &str, path: &[String]) -> Span {
    let source = Source::new("", text);
    let Ok(root) = tree::read(&source) else { return Span::default() };
    let (mut node, mut place) = (&root, Span::default());
    for key in path {
        match node.child(key) {
            Some((at, child)) => (node, place) = (child, at),
            None => break,
        }
    }
    place
}

/// Reads and checks the configuration file at `path`.
///
/// Relative paths in the file are relative to the file.
///
/// # Errors
/// Every mistake found in the file, or the one that it cannot be read.
pub fn load(path: &Path, world: &dyn World) -> Result<Config, Problems> {
    let name = path.display().to_string();
    let base = path.parent().unwrap_or(Path::new(""));
    match world.read(path) {
        Ok(text) => parse(&name, &text, base, world),
        Err(error) => {
            let problem = Problem::new(Code::Unreadable, Span::default(), error.to_string());
            Err(Problems::new(&Source::new(&name, ""), vec![problem]))
        }
    }
}

/// Checks the configuration `text`; `name` is what problems call the file, `base` is the folder
/// that relative paths start from.
///
/// # Errors
/// Every mistake found in the text.
pub fn parse(name: &str, text: &str, base: &Path, world: &dyn World) -> Result<Config, Problems> {
    let source = Source::new(name, text);
    let fail = |problems| Err(Problems::new(&source, problems));
    let root = match tree::read(&source) {
        Ok(root) => root,
        Err(problem) => return fail(vec![*problem]),
    };
    let (file, mut problems) = lenient::read::<wire::File>(&root);
    let config = check::check(&file, base, world, &mut problems);
    match config {
        Some(config) if problems.is_empty() => Ok(config),
        _ => fail(problems),
    }
}
