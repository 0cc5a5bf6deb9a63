//! `tieline eval list`: the runs there are.

use serde::Serialize;
use tieline_eval::{Arm, gating, run};

use super::{runs::Runs, table};
use crate::{
    failure::Failure,
    print::{self, FormatOption, or_dash},
    when,
};

/// Show the runs there are, oldest first
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  tieline eval list
  tieline eval list --runs /var/lib/tieline/evals --format json")]
pub(super) struct List {
    #[command(flatten)]
    runs: Runs,
    #[command(flatten)]
    format: FormatOption,
}

/// A run in the list.
#[derive(Serialize)]
struct Listed {
    id: String,
    started_ms: u64,
    suite: String,
    feature: String,
    candidate: Option<String>,
    incumbent: Option<String>,
    rows: usize,
    unasked: usize,
    verdict: Option<tieline_gate::Verdict>,
}

impl List {
    pub(super) fn run(self) -> Result<(), Failure> {
        let mut listed = Vec::new();
        for (folder, run) in run::list(&self.runs.path()) {
            let (_, rows) = run::read(&folder)?;
            let arm = |arm| run.arms.get(&arm).cloned();
            listed.push(Listed {
                started_ms: run.started_ms,
                candidate: arm(Arm::Candidate),
                incumbent: arm(Arm::Incumbent),
                rows: rows.len(),
                unasked: gating::unasked(&run, &rows),
                verdict: gating::rule(&run, &rows).ok().map(|ruling| ruling.verdict),
                id: run.id,
                suite: run.suite,
                feature: run.feature,
            });
        }
        self.format.print(&listed, |listed| match listed.is_empty() {
            true => "no runs".to_owned(),
            false => shown(listed),
        })
    }
}

fn shown(listed: &[Listed]) -> String {
    let rows = listed.iter().map(|one| {
        [
            one.id.clone(),
            when::written(one.started_ms),
            one.feature.clone(),
            or_dash(one.candidate.clone()),
            or_dash(one.incumbent.clone()),
            one.rows.to_string(),
            one.verdict.map_or_else(|| "-".to_owned(), |verdict| table::word(verdict).to_owned()),
        ]
    });
    let header = ["RUN", "STARTED", "FEATURE", "CANDIDATE", "INCUMBENT", "ROWS", "VERDICT"];
    print::table(&header, rows)
}
