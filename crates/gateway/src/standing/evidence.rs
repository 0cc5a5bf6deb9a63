//! What is known of suites and releases besides the configuration.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use tieline_config::{Config, Requirement};
use tieline_gate::attest::Digest;

use crate::{release::Release, slos::Burning};

/// What the eval harness lends to a gateway, which knows no suites itself.
pub trait Harness: Send + Sync {
    /// The digest of a suite with its cases, as it stands now.
    ///
    /// # Errors
    /// Why it cannot be read, for people.
    fn digest(&self, suite: &Path) -> Result<Digest, String>;

    /// How good an answer is by those graders of a suite that need neither the case nor a judge:
    /// from 0 to 1. None where it has none of them.
    fn grade(&self, suite: &Path, answer: &Answered<'_>) -> Option<f64>;
}

/// An answer to a request of a user, as graders see it.
#[derive(Clone, Copy, Debug)]
pub struct Answered<'a> {
    /// Its text; empty where it only calls tools.
    pub text: &'a str,
    /// The tools that it calls: name, and arguments in JSON.
    pub tool_calls: &'a [(&'a str, &'a str)],
    /// Why it ended, in OpenAI's word: `stop`, `length`, `tool_calls`, `content_filter`.
    pub finish_reason: &'a str,
    /// The model that the provider says it was.
    pub model: &'a str,
}

/// What is known of suites and releases besides the configuration.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Evidence {
    suites: BTreeMap<PathBuf, Result<Digest, String>>,
    pub(crate) releases: Vec<Release>,
    /// The rules of `on_burn` that hold.
    pub(crate) burning: Burning,
}

impl Evidence {
    /// Reads the suites that a configuration wants attestations of.
    #[must_use]
    pub fn gather(config: &Config, harness: Option<&dyn Harness>, releases: Vec<Release>) -> Self {
        let tiers = config.features.iter().flat_map(|feature| &feature.tiers);
        let wanted = tiers.filter_map(|tier| tier.evals.as_ref());
        let wanted = wanted.filter(|evals| evals.require != Requirement::Off);
        let mut suites = BTreeMap::new();
        for evals in wanted {
            suites.entry(evals.suite.clone()).or_insert_with(|| match harness {
                Some(harness) => harness.digest(&evals.suite),
                None => Err("nothing here reads suites".to_owned()),
            });
        }
        Self { suites, releases, burning: Burning::default() }
    }

    /// The same, with these rules of `on_burn` in force.
    pub(crate) fn bent_by(self, burning: Burning) -> Self {
        Self { burning, ..self }
    }

    /// The same, as if these objectives of a feature burnt.
    #[must_use]
    pub fn with_burning(self, config: &Config, feature: &str, slos: &[String]) -> Self {
        self.bent_by(Burning::supposed(config, feature, slos))
    }

    /// The suites that were read.
    pub(crate) fn suites(&self) -> impl Iterator<Item = &Path> {
        self.suites.keys().map(PathBuf::as_path)
    }

    /// Whether other evidence has the same to say of suites.
    pub(crate) fn is_of_the_same_suites(&self, other: &Self) -> bool {
        self.suites == other.suites
    }

    /// The digest of a suite.
    ///
    /// # Errors
    /// Why it cannot be read.
    pub(crate) fn suite(&self, path: &Path) -> Result<Digest, &str> {
        match self.suites.get(path) {
            Some(Ok(digest)) => Ok(*digest),
            Some(Err(why)) => Err(why),
            None => Err("it has not been read"),
        }
    }

    /// The newest release of a deployment in a tier.
    pub(crate) fn release(&self, feature: &str, tier: &str, candidate: &str) -> Option<&Release> {
        let of = |one: &&Release| one.is_of(feature, tier) && one.candidate == candidate;
        self.releases.iter().filter(of).max_by_key(|one| one.started_ms)
    }
}
