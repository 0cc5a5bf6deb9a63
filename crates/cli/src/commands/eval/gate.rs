//! `tieline eval gate`: the verdict over the rows of a run.

use std::path::PathBuf;

use tieline_eval::{report::Summary, run::RunFile};
use tieline_gate::Verdict;

use super::{runs::Runs, suite, table};
use crate::{failure::Failure, print::FormatOption};

/// Say whether the candidate of a run may serve
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Reads the files of a run and sends nothing anywhere: the same rows give the same verdict for ever.
The gate is the one that was declared when the run began; --suite tries another.

Examples:
  tieline eval gate
  tieline eval gate 20261123T142441-support-reply
  tieline eval gate --suite stricter.yaml --format json

Exit codes: 0 PASS, 1 FAIL, 3 INCONCLUSIVE, 4 ERROR, 2 wrong usage.")]
pub(super) struct Gate {
    /// The run, by its id or its folder. Default: the newest
    #[arg(value_name = "RUN")]
    run: Option<String>,
    /// A suite whose gate is used in place of the one that was declared
    #[arg(long, value_name = "FILE")]
    suite: Option<PathBuf>,
    #[command(flatten)]
    runs: Runs,
    #[command(flatten)]
    format: FormatOption,
}

impl Gate {
    pub(super) fn run(self) -> Result<(), Failure> {
        let (mut run, rows) = self.runs.read(self.run.as_deref())?;
        if let Some(path) = &self.suite {
            run = RunFile { gate: suite::gate_of(path)?, ..run };
        }
        rule(&Summary::of(&run, &rows)?, self.format)
    }
}

/// Prints a verdict, and ends with its exit code.
pub(super) fn rule(summary: &Summary, format: FormatOption) -> Result<(), Failure> {
    format.print(summary, table::summary)?;
    match summary.ruling.verdict {
        Verdict::Pass => Ok(()),
        other => Err(Failure::Ruled(other.exit_code())),
    }
}
