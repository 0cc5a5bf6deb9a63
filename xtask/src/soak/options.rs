//! What the caller of `cargo xtask soak` can choose.

use std::path::PathBuf;

use crate::{arguments::Arguments, error::TaskError};

/// The choices of one run.
pub(super) struct Options {
    pub(super) minutes: f64,
    /// How many clients send requests at the same time.
    pub(super) clients: u64,
    /// Stands behind faults, requests and pauses.
    pub(super) seed: u64,
    /// The program, where it is not to be built.
    pub(super) tieline: Option<PathBuf>,
    pub(super) json: bool,
}

impl Options {
    pub(super) fn read(mut arguments: Arguments) -> Result<Self, TaskError> {
        let format: Option<String> = arguments.value("--format")?;
        let options = Self {
            minutes: arguments.value("--minutes")?.unwrap_or(10.0),
            clients: arguments.value("--clients")?.unwrap_or(200),
            seed: arguments.value("--seed")?.unwrap_or(1),
            tieline: arguments.value("--tieline")?,
            json: format.as_deref() == Some("json"),
        };
        arguments.end()?;
        if format.is_some_and(|format| format != "json" && format != "table") {
            return Err(TaskError::Usage("--format takes table or json".to_owned()));
        }
        if !(0.1..=1440.0).contains(&options.minutes) || !(1..=5000).contains(&options.clients) {
            let limits = "--minutes takes 0.1 to 1440, --clients 1 to 5000";
            return Err(TaskError::Usage(limits.to_owned()));
        }
        Ok(options)
    }

    pub(super) fn seconds(&self) -> f64 {
        self.minutes * 60.0
    }
}
