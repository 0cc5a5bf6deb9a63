//! `tieline eval`: whether a deployment is good enough to serve a feature.

mod keys;
mod verify;

use clap::Subcommand;

use crate::failure::Failure;

/// Prove whether a deployment is good enough to serve a feature
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  tieline eval keygen --out eval.key > eval.pub
  tieline eval verify attestation.json --key eval.pub")]
pub(crate) struct Eval {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    Keygen(keys::Keygen),
    Verify(verify::Verify),
}

impl Eval {
    pub(crate) fn run(self) -> Result<(), Failure> {
        match self.action {
            Action::Keygen(keygen) => keygen.run(),
            Action::Verify(verify) => verify.run(),
        }
    }
}
