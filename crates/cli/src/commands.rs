//! The commands, one file each: what they take, what they call, what they print.

mod audit;
mod check;
mod contingency;
mod cost;
mod demo;
mod deployment;
mod drill;
mod eval;
mod init;
mod key;
mod log;
mod policy;
mod prices;
mod release;
mod route;
mod schema;
mod serve;
mod sim;
mod slo;
mod status;

use clap::{Parser, Subcommand};

use crate::failure::Failure;

/// Keeps features that call AI models working when a provider fails, changes price or is forbidden
#[derive(Debug, Parser)]
#[command(
    name = "tieline",
    version,
    after_help = "\
Examples:
  tieline demo                 See an outage being survived; needs no credentials
  tieline init                 Write a first tieline.yaml
  tieline check                Say what is wrong with it
  tieline serve                Run the gateway
  tieline log --since 1h       Show what happened to the latest requests
  tieline cost --by day        Show what calls cost
  tieline route explain --feature support-reply
                               Show where requests may go, and why
  tieline route replay --since 7d --with next.yaml
                               Show what another configuration would have changed
  tieline contingency          Show which features survive the loss of any one provider
  tieline drill run claude-2026-04-28
                               Rehearse an outage in simulated time
  tieline eval run suite.yaml --candidate gpt-5.5@azure --incumbent gpt-5.5@openai
                               Find out whether a deployment is as good as the one that serves
  tieline release start support-reply gpt-6@openai
                               Bring a deployment into service step by step
  tieline status               Show which deployments take traffic, and why others do not

Exit codes: 0 good, 1 a check failed, 2 wrong usage or configuration, 3 inconclusive,
4 infrastructure error.
TIELINE_LOG sets what is logged on stderr, such as `debug` or `warn,tieline_gateway=debug`."
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Serve(serve::Serve),
    Check(check::Check),
    Init(init::Init),
    Key(key::Key),
    Log(log::Log),
    Audit(audit::Audit),
    Route(route::Route),
    Contingency(contingency::Contingency),
    Drill(drill::Drill),
    Policy(policy::Policy),
    Status(status::Status),
    Deployment(deployment::Deployment),
    Eval(eval::Eval),
    Release(release::Release),
    Prices(prices::Prices),
    Cost(cost::Cost),
    Slo(slo::Slo),
    Demo(demo::Demo),
    Sim(sim::Sim),
    Schema(schema::Schema),
}

impl Command {
    /// Does it.
    ///
    /// # Errors
    /// Whatever keeps the command from its purpose.
    pub(crate) fn run(self) -> Result<(), Failure> {
        match self {
            Self::Serve(serve) => serve.run(),
            Self::Check(check) => check.run(),
            Self::Init(init) => init.run(),
            Self::Key(key) => key.run(),
            Self::Log(log) => log.run(),
            Self::Audit(audit) => audit.run(),
            Self::Route(route) => route.run(),
            Self::Contingency(contingency) => contingency.run(),
            Self::Drill(drill) => drill.run(),
            Self::Policy(policy) => policy.run(),
            Self::Status(status) => status.run(),
            Self::Deployment(deployment) => deployment.run(),
            Self::Eval(eval) => eval.run(),
            Self::Release(release) => release.run(),
            Self::Prices(prices) => prices.run(),
            Self::Cost(cost) => cost.run(),
            Self::Slo(slo) => slo.run(),
            Self::Demo(demo) => demo.run(),
            Self::Sim(sim) => sim.run(),
            Self::Schema(schema) => schema.run(),
        }
    }

    /// What is logged where `TIELINE_LOG` is not set. The demo fails on purpose, and its screen is
    /// no place for that.
    pub(crate) const fn usual_log_level(&self) -> &'static str {
        match self {
            Self::Serve(_) => "info",
            Self::Demo(_) => "off",
            Self::Eval(_) => "error",
            // What fails in a drill is told by its report.
            Self::Drill(_) => "off",
            _ => "warn",
        }
    }
}
