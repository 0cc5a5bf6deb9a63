//! `tieline eval gate`: the verdict over the rows of a run.

use std::path::{Path, PathBuf};

use tieline_eval::{Row, import::declare, report::Summary, run::RunFile};
use tieline_gate::Verdict;

use super::{
    results::{self, Results},
    runs::Runs,
    suite, table,
};
use crate::{failure::Failure, print::FormatOption};

/// Say whether the candidate of a run may serve
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Reads the files of a run and sends nothing anywhere: the same rows give the same verdict for ever.
The gate is the one that was declared when the run began; --suite tries another.

Results of other harnesses are judged with --results: a log of Inspect, output items of OpenAI, or
JSONL of results, as `eval import` reads them. They become a run, which `eval report` and `list`
know as well. Their --suite needs no more than `version`, `feature` and `gate`; without one every
metric may be five points worse.

Examples:
  tieline eval gate
  tieline eval gate 20261123T142441-support-reply
  tieline eval gate --suite stricter.yaml --format json
  tieline eval gate --results new.eval --against old.eval --suite gate.yaml
  tieline eval gate --results both.jsonl --candidate gpt-5.5@azure --incumbent gpt-5.5@openai

Exit codes: 0 PASS, 1 FAIL, 3 INCONCLUSIVE, 4 ERROR, 2 wrong usage.")]
pub(super) struct Gate {
    /// The run, by its id or its folder. Default: the newest
    #[arg(value_name = "RUN")]
    run: Option<String>,
    /// A suite whose gate is used in place of the one that was declared
    #[arg(long, value_name = "FILE")]
    suite: Option<PathBuf>,
    #[command(flatten)]
    results: Results,
    #[command(flatten)]
    runs: Runs,
    #[command(flatten)]
    format: FormatOption,
}

impl Gate {
    pub(super) fn run(self) -> Result<(), Failure> {
        if self.results.is_given() {
            let (run, rows) = self.results.run(self.suite.as_deref(), &self.runs.path())?;
            return rule(&Summary::of(&run, &rows)?, self.format);
        }
        let (mut run, rows) = self.runs.read(self.run.as_deref())?;
        if let Some(path) = &self.suite {
            run = judged_by(path, run, &rows)?;
        }
        rule(&Summary::of(&run, &rows)?, self.format)
    }
}

/// A run with the gate of a suite. One of another harness's results knows none of its graders.
fn judged_by(suite: &Path, run: RunFile, rows: &[Row]) -> Result<RunFile, Failure> {
    if !run.suite_digest.is_empty() {
        return Ok(RunFile { gate: suite::gate_of(suite)?, ..run });
    }
    let gate = results::form(suite)?.gate;
    declare(run, gate, rows).map_err(|unfit| results::told(&unfit))
}

/// Prints a verdict, and ends with its exit code.
pub(super) fn rule(summary: &Summary, format: FormatOption) -> Result<(), Failure> {
    format.print(summary, table::summary)?;
    match summary.ruling.verdict {
        Verdict::Pass => Ok(()),
        other => Err(Failure::Ruled(other.exit_code())),
    }
}
