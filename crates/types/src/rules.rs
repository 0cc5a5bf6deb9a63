//! What a feature demands of the deployments that its requests go to.

use std::collections::BTreeSet;

/// How sensitive the data of a feature is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DataClass {
    /// Anybody may read it.
    Public,
    /// It is not secret, but not for everybody.
    Internal,
    /// Only some may read it: no model is trained on it.
    Confidential,
    /// Nobody else may have it: no model is trained on it, and nothing is kept.
    Restricted,
}

impl DataClass {
    /// The stable name, used in the configuration and in policies.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Internal => "internal",
            Self::Confidential => "confidential",
            Self::Restricted => "restricted",
        }
    }
}

/// Hard constraints of a feature. An empty one demands nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rules {
    /// How sensitive its data is.
    pub class: Option<DataClass>,
    /// The zones or regions that its requests may be processed in; empty for any.
    pub residency: BTreeSet<String>,
    /// What its data is used for, which policies may ask.
    pub purpose: Option<String>,
    /// What must be known of a deployment.
    pub require: Require,
    /// What alone may be used; empty for whatever there is.
    pub allow: Names,
    /// What may not be used.
    pub deny: Names,
}

/// What must be known of a deployment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Require {
    /// The zones or regions that whatever is kept may be kept in; empty for any.
    pub storage: BTreeSet<String>,
    /// The most days that prompts or answers may be kept.
    pub retention_days: Option<u32>,
    /// No model may be trained on what is sent.
    pub no_training: bool,
    /// There must be a data processing agreement.
    pub dpa: bool,
    /// There must be a business associate agreement.
    pub baa: bool,
    /// There must be standard contractual clauses.
    pub scc: bool,
    /// It must be certified for all of these.
    pub certifications: BTreeSet<String>,
}

/// Deployments by any of their names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    /// By their provider.
    pub providers: BTreeSet<String>,
    /// By their model.
    pub models: BTreeSet<String>,
    /// By their id.
    pub deployments: BTreeSet<String>,
    /// By who sells them.
    pub sellers: BTreeSet<String>,
    /// By the cloud that runs them.
    pub hosts: BTreeSet<String>,
}

impl Names {
    /// Whether nothing is named.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// A time during which deployments are open to a feature whatever the rules say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exception {
    /// The feature.
    pub feature: String,
    /// Ids of the deployments that are open to it.
    pub open: BTreeSet<String>,
    /// When it ends, milliseconds since the Unix epoch.
    pub until_ms: u64,
    /// Why it is made.
    pub reason: String,
    /// Who answers for it.
    pub author: String,
}

/// A file of policies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyFile {
    /// Its path, as problems name it.
    pub name: String,
    /// Its text.
    pub text: String,
}
