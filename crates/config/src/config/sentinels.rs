//! Prompts by which it is found out whether deployments still answer as they did.

use std::{path::PathBuf, time::Duration};

use schemars::JsonSchema;
use serde::Deserialize;
use tieline_types::UsdPico;

/// How deployments are asked whether they still answer as they did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sentinels {
    /// How often each is asked all prompts.
    pub every: Duration,
    /// Prompts of the user's own, as they are written; none for the built-in ones.
    pub prompts: Option<PromptFile>,
    /// What all of them may cost in a day of UTC.
    pub max_usd_per_day: UsdPico,
}

/// A file of prompts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PromptFile {
    /// The file.
    pub path: PathBuf,
    /// What is in it.
    pub text: String,
}

/// Whether a provider's list of models is read for the days on which they end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ShutdownDates {
    /// Once a day.
    #[default]
    Daily,
    /// Never: only what is stated counts.
    Off,
}
