//! `tieline eval`: whether a deployment is good enough to serve a feature.

mod import;

use clap::Subcommand;

use crate::failure::Failure;

/// Find out whether a deployment is good enough to serve a feature
#[derive(Debug, clap::Args)]
pub(crate) struct Eval {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    Import(import::Import),
}

impl Eval {
    pub(crate) fn run(self) -> Result<(), Failure> {
        match self.action {
            Action::Import(import) => import.run(),
        }
    }
}
