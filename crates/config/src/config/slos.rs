//! Objectives of features, what follows when they burn, and who is told.

use std::path::PathBuf;

use super::{Document, Webhook};

/// The files of a feature's objectives. What is in them is checked by whoever reads them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SloFiles {
    /// The path that they were found by, where the feature has one.
    pub path: Option<PathBuf>,
    /// The files, by name.
    pub files: Vec<Document>,
}

/// Who is told of alerts, besides the log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AlertTargets {
    /// What is posted to.
    pub webhook: Option<Webhook>,
}

/// What a feature does while one of its objectives burns.
#[derive(Clone, Debug, PartialEq)]
pub struct OnBurn {
    /// The objective's name. Whether there is one is checked by whoever reads the files.
    pub slo: String,
    /// The burn rate above which this holds.
    pub above: f64,
    /// What is done.
    pub then: BurnResponse,
}

/// What is done while an objective burns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BurnResponse {
    /// Tiers of models choose the deployment that is expected to cost least.
    Cheapest,
    /// Tiers of models choose the quicker deployment.
    Fastest,
    /// The feature begins at this tier of its own.
    BeginAt(String),
}
