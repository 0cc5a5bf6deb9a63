//! What the caller of `cargo xtask bench` can choose.

use std::{path::PathBuf, str::FromStr};

use crate::{arguments::Arguments, error::TaskError};

/// The choices of one run.
pub(super) struct Options {
    /// Fewer and shorter measurements, to see that all works.
    pub(super) quick: bool,
    /// Length of one measurement.
    pub(super) seconds: f64,
    /// How often everything is measured.
    pub(super) rounds: usize,
    pub(super) format: Format,
    /// An earlier `tieline`, measured in turn with this one.
    pub(super) before: Option<PathBuf>,
}

/// How results are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    /// Aligned columns.
    Table,
    /// Tables for `docs/performance.md`.
    Markdown,
    /// Everything that was measured.
    Json,
}

impl FromStr for Format {
    type Err = ();

    fn from_str(word: &str) -> Result<Self, ()> {
        match word {
            "table" => Ok(Self::Table),
            "markdown" => Ok(Self::Markdown),
            "json" => Ok(Self::Json),
            _ => Err(()),
        }
    }
}

impl Options {
    pub(super) fn read(mut arguments: Arguments) -> Result<Self, TaskError> {
        let quick = arguments.flag("--quick");
        let (seconds, rounds) = if quick { (1.0, 1) } else { (3.0, 3) };
        let options = Self {
            quick,
            seconds: arguments.value("--seconds")?.unwrap_or(seconds),
            rounds: arguments.value("--rounds")?.unwrap_or(rounds),
            format: arguments.value("--format")?.unwrap_or(Format::Table),
            before: arguments.value("--before")?,
        };
        arguments.end()?;
        if !(0.1..=600.0).contains(&options.seconds) || !(1..=100).contains(&options.rounds) {
            let limits = "--seconds takes 0.1 to 600, --rounds 1 to 100";
            return Err(TaskError::Usage(limits.to_owned()));
        }
        Ok(options)
    }
}
