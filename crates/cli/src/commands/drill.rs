//! `tieline drill`: outages rehearsed on the user's configuration, in simulated time.

mod catalogue;
mod list;
mod page;
mod report;
mod run;
mod table;

use clap::Subcommand;

use crate::failure::Failure;

/// Rehearse outages in simulated time, and say what users get all the same
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  tieline drill list
  tieline drill run claude-2026-04-28
  tieline drill run drills/lose-openai.yaml --html lose-openai.html
  tieline drill run --all --junit drills.xml
  tieline drill report results --format html > drills.html")]
pub(crate) struct Drill {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    List(list::List),
    Run(run::Run),
    Report(report::Report),
}

impl Drill {
    pub(crate) fn run(self) -> Result<(), Failure> {
        match self.what {
            What::List(list) => list.run(),
            What::Run(run) => run.run(),
            What::Report(report) => report.run(),
        }
    }
}
