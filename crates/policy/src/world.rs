//! What policies are about.

use std::sync::Arc;

use tieline_types::{Exception, Facts, PolicyFile, Rules};

use crate::plain;

/// Everything that decides what is allowed.
#[derive(Clone, Debug, Default)]
pub struct World {
    /// All deployments; features name them by position.
    pub deployments: Vec<Deployment>,
    /// All features.
    pub features: Vec<Feature>,
    /// Policies, by file.
    pub files: Vec<PolicyFile>,
    /// Exceptions, in force or over.
    pub exceptions: Vec<Exception>,
}

impl World {
    /// Whether anything restricts where requests may go.
    pub(crate) fn is_restricted(&self) -> bool {
        let ruled = |one: &Feature| !plain::rules_of(&one.name, &one.rules).is_empty();
        !self.files.is_empty() || self.features.iter().any(ruled)
    }
}

/// A deployment and what is known of it.
#[derive(Clone, Debug)]
pub struct Deployment {
    /// `model@provider`.
    pub id: Arc<str>,
    /// The model's name.
    pub model: Arc<str>,
    /// The provider's name.
    pub provider: Arc<str>,
    /// What is known, some of it for a while only.
    pub facts: Facts,
}

/// A feature and what it demands.
#[derive(Clone, Debug)]
pub struct Feature {
    /// Its name.
    pub name: Arc<str>,
    /// The team that owns it.
    pub owner: Option<String>,
    /// True for the feature that a plain model name stands for.
    pub implicit: bool,
    /// What it demands.
    pub rules: Rules,
    /// Its tiers that call deployments, best first.
    pub tiers: Vec<Tier>,
    /// Positions of the deployments that make vectors of its texts.
    pub embedders: Vec<usize>,
}

/// A tier that calls deployments.
#[derive(Clone, Debug)]
pub struct Tier {
    /// Its name.
    pub name: Arc<str>,
    /// Positions of the deployments that it may call.
    pub deployments: Vec<usize>,
}

impl Feature {
    /// Every deployment that a text of the feature may ever go to, each once, best first.
    #[must_use]
    pub fn candidates(&self) -> Vec<usize> {
        let all = self.tiers.iter().flat_map(|tier| &tier.deployments).chain(&self.embedders);
        let mut seen = Vec::new();
        for deployment in all {
            if !seen.contains(deployment) {
                seen.push(*deployment);
            }
        }
        seen
    }
}
