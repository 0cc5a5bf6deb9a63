//! What the eval harness lends to a gateway: digests of suites, and grades of answers.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use serde_json::json;
use tieline_config::Config;
use tieline_eval::{Answer, Disk, Suite, Unaided};
use tieline_gate::attest::Digest;
use tieline_gateway::{Answered, Evidence, Harness, Release};

use crate::failure::Failure;

/// The suites of this machine.
#[derive(Default)]
pub(crate) struct Suites {
    /// The graders of each suite that need nothing but the answer, as of its last reading.
    unaided: Mutex<HashMap<PathBuf, Option<Arc<Unaided>>>>,
}

impl Harness for Suites {
    fn digest(&self, suite: &Path) -> Result<Digest, String> {
        let read = Suite::read(suite, &Disk).map_err(|problems| problems.to_string())?;
        let mut unaided = self.unaided.lock().unwrap_or_else(PoisonError::into_inner);
        unaided.insert(suite.to_owned(), Unaided::of(&read).map(Arc::new));
        read.digest.parse().map_err(|error| format!("{error}"))
    }

    fn grade(&self, suite: &Path, answered: &Answered<'_>) -> Option<f64> {
        let known = self.unaided.lock().unwrap_or_else(PoisonError::into_inner);
        let unaided = known.get(suite).cloned().flatten()?;
        drop(known);
        let tool_calls = answered.tool_calls.iter().map(|(name, arguments)| {
            json!({ "type": "function", "function": { "name": name, "arguments": arguments } })
        });
        let answer = Answer {
            text: answered.text.to_owned(),
            tool_calls: tool_calls.collect(),
            finish_reason: answered.finish_reason.to_owned(),
            model: answered.model.to_owned(),
            ..Answer::default()
        };
        unaided.passes(&answer).map(|passes| if passes { 1.0 } else { 0.0 })
    }
}

/// What is known of a configuration's suites, and of its releases as the ledger has them, for
/// commands that ask no running gateway.
///
/// # Errors
/// Where the ledger cannot be read.
pub(crate) fn evidence(config: &Config) -> Result<Evidence, Failure> {
    let by_release = config.features.iter().flat_map(|feature| &feature.tiers).any(|tier| {
        matches!(&tier.mode, tieline_config::TierMode::Models { candidates, .. }
            if candidates.iter().any(|one| one.by_release))
    });
    let releases = match by_release && config.ledger.path.exists() {
        true => tieline_ledger::releases(&config.ledger.path)?,
        false => Vec::new(),
    };
    // What another version of Tieline wrote is for that one to read.
    let releases = releases.iter().filter_map(|row| Release::read(row).ok()).collect();
    Ok(Evidence::gather(config, Some(&Suites::default()), releases))
}
