//! `tieline eval report`: what a run found, in files.

mod page;

use std::{fs, path::PathBuf};

use serde::Serialize;
use tieline_eval::report::{Summary, junit, markdown, otel};

use super::{runs::Runs, table};
use crate::{failure::Failure, print};

/// Write what a run found: for browsers, build servers, pull requests and programs
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Without any of these options it prints what `tieline eval gate` prints. The exit code is 0 whatever
the verdict.

Examples:
  tieline eval report --html report.html
  tieline eval report 20261123T142441-support-reply-3f2a --junit report.xml --md comment.md
  tieline eval report --jsonl rows.jsonl --otel results.jsonl --json summary.json")]
pub(super) struct Report {
    /// The run, by its id or its folder. Default: the newest
    #[arg(value_name = "RUN")]
    run: Option<String>,
    /// A page with plots, for a browser; it needs no network
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// JUnit XML, with the verdict as a test case called `gate`
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// Markdown, for the comment under a pull request
    #[arg(long, value_name = "FILE")]
    md: Option<PathBuf>,
    /// The summary as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// The rows, a line each
    #[arg(long, value_name = "FILE")]
    jsonl: Option<PathBuf>,
    /// OpenTelemetry log records `gen_ai.evaluation.result`, as lines of OTLP in JSON
    #[arg(long, value_name = "FILE")]
    otel: Option<PathBuf>,
    #[command(flatten)]
    runs: Runs,
}

/// Writes a report when it is wanted.
type Form<'a> = Box<dyn Fn() -> String + 'a>;

impl Report {
    pub(super) fn run(self) -> Result<(), Failure> {
        let (run, rows) = self.runs.read(self.run.as_deref())?;
        let summary = Summary::of(&run, &rows)?;
        let forms: [(_, Form<'_>); 6] = [
            (&self.html, Box::new(|| page::page(&summary))),
            (&self.junit, Box::new(|| junit(&summary, &rows))),
            (&self.md, Box::new(|| markdown(&summary))),
            (&self.json, Box::new(|| json(&summary))),
            (&self.jsonl, Box::new(|| rows.iter().map(|row| json(row) + "\n").collect())),
            (&self.otel, Box::new(|| otel(&run, &rows))),
        ];
        let mut written = false;
        for (path, form) in forms {
            let Some(path): &Option<PathBuf> = path else { continue };
            let failed = Failure::os(format!("write {}", path.display()));
            fs::write(path, form()).map_err(failed)?;
            print::remark(&format!("written: {}", path.display()));
            written = true;
        }
        if written { Ok(()) } else { print::line(&table::summary(&summary)) }
    }
}

/// A value as JSON. What reports hold can always be written.
fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}
