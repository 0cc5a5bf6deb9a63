//! `tieline slo`: service level objectives of features.

mod export;

use clap::Subcommand;

use crate::failure::Failure;

/// Work with service level objectives
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  tieline slo export slos/*.yaml -o rules.yaml")]
pub(crate) struct Slo {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    Export(export::Export),
}

impl Slo {
    pub(crate) fn run(self) -> Result<(), Failure> {
        match self.action {
            Action::Export(export) => export.run(),
        }
    }
}
