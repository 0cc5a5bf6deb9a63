//! `tieline slo`: service level objectives of features.

mod check;
mod export;
mod measured;
mod page;
mod recount;
mod report;

use clap::Subcommand;

use crate::failure::Failure;

pub(crate) use report::{budget_left, percent};

/// Work with service level objectives
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  tieline slo report --window 7d
  tieline slo check --max-burn 1
  tieline slo export -o rules.yaml")]
pub(crate) struct Slo {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    Report(report::Report),
    Check(check::Check),
    Export(export::Export),
}

impl Slo {
    pub(crate) fn run(self) -> Result<(), Failure> {
        match self.action {
            Action::Report(report) => report.run(),
            Action::Check(check) => check.run(),
            Action::Export(export) => export.run(),
        }
    }
}
