//! Attestations of evals, and which of them features want.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The attestations that there are, and whose signatures count.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Attestations {
    /// The path that they were found by, where the file names one.
    pub path: Option<PathBuf>,
    /// Attestations by name. Whether they hold has not been checked.
    pub files: Vec<Document>,
    /// Public keys, in PEM, by name.
    pub keys: Vec<Document>,
}

/// A file that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    /// Its path, from the folder of the configuration on.
    pub name: String,
    /// What it holds.
    pub text: String,
}

/// The suite that a deployment must have passed to serve.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evals {
    /// Path of the suite; it could be read when the configuration was checked.
    pub suite: PathBuf,
    /// What becomes of a deployment that has not.
    pub require: Requirement,
}

/// What becomes of a deployment without a valid attestation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Requirement {
    /// Nothing.
    Off,
    /// It serves, and that is told.
    #[default]
    Warn,
    /// It does not serve, unless nothing else of the feature is left.
    Enforce,
}

impl Requirement {
    /// The word of the configuration.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Warn => "warn",
            Self::Enforce => "enforce",
        }
    }
}
