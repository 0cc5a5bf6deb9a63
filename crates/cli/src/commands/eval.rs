//! `tieline eval`: whether a deployment is good enough to serve a feature.

mod arms;
mod attest;
mod calibrate;
mod canary;
mod door;
mod due;
mod gate;
mod import;
mod keys;
mod list;
mod plan;
mod production;
mod report;
mod results;
mod run;
mod runs;
mod suite;
mod table;
mod verify;

use clap::Subcommand;

use crate::failure::Failure;

/// Find out whether a deployment is good enough to serve a feature
#[derive(Debug, clap::Args)]
#[command(after_help = "\
A suite has cases, a prompt, graders and a gate. Every case is asked of the candidate and of the
incumbent, through the policy, deadline and adapters of the suite's feature; the verdict is by the
differences of the pairs.

Examples:
  tieline eval plan suite.yaml --candidate gpt-5.5@azure --incumbent gpt-5.5@openai
  tieline eval run suite.yaml --candidate gpt-5.5@azure --incumbent gpt-5.5@openai
  tieline eval gate
  tieline eval import promptfooconfig.yaml --out evals
  tieline eval report --html report.html --junit report.xml
  tieline eval attest --key eval.key > attestation.json

Exit codes of `run` and `gate`: 0 PASS, 1 FAIL, 3 INCONCLUSIVE, 4 ERROR; 2 wrong usage.")]
pub(crate) struct Eval {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    Plan(plan::Plan),
    Run(Box<run::Run>),
    Gate(Box<gate::Gate>),
    Report(report::Report),
    List(list::List),
    Calibrate(calibrate::Calibrate),
    Due(due::Due),
    Import(Box<import::Import>),
    Keygen(keys::Keygen),
    Attest(Box<attest::Attest>),
    Verify(verify::Verify),
}

impl Eval {
    pub(crate) fn run(self) -> Result<(), Failure> {
        match self.action {
            Action::Plan(plan) => plan.run(),
            Action::Run(run) => run.run(),
            Action::Gate(gate) => gate.run(),
            Action::Report(report) => report.run(),
            Action::List(list) => list.run(),
            Action::Calibrate(calibrate) => calibrate.run(),
            Action::Due(due) => due.run(),
            Action::Import(import) => import.run(),
            Action::Keygen(keygen) => keygen.run(),
            Action::Attest(attest) => attest.run(),
            Action::Verify(verify) => verify.run(),
        }
    }
}
