//! What the caller of `cargo xtask bench evals` can choose.

use std::path::PathBuf;

use crate::{arguments::Arguments, bench::options::Format, error::TaskError};

/// The choices of one run.
pub(super) struct Options {
    /// Items of the eval.
    pub(super) cases: usize,
    /// Items that are under way at any time, in both programs.
    pub(super) concurrency: usize,
    /// How often everything is measured.
    pub(super) rounds: usize,
    pub(super) format: Format,
    /// A built Tieline; none to build one for speed.
    pub(super) tieline: Option<PathBuf>,
}

impl Options {
    pub(super) fn read(mut arguments: Arguments) -> Result<Self, TaskError> {
        let (cases, rounds) = if arguments.flag("--quick") { (100, 1) } else { (1000, 3) };
        let options = Self {
            cases: arguments.value("--cases")?.unwrap_or(cases),
            concurrency: arguments.value("--concurrency")?.unwrap_or(20),
            rounds: arguments.value("--rounds")?.unwrap_or(rounds),
            format: arguments.value("--format")?.unwrap_or(Format::Table),
            tieline: arguments.value("--tieline")?,
        };
        arguments.end()?;
        let Self { cases, concurrency, rounds, .. } = options;
        let within = (2..=100_000).contains(&cases)
            && (1..=1000).contains(&concurrency)
            && (1..=100).contains(&rounds);
        if !within {
            let limits = "--cases takes 2 to 100000, --concurrency 1 to 1000, --rounds 1 to 100";
            return Err(TaskError::Usage(limits.to_owned()));
        }
        Ok(options)
    }
}
