//! `cargo xtask bench`: the gateway's cost beside nginx's, on the same work in the same run.
//!
//! Gateway and nginx have the first core, simulated providers and load the second. Candidates take
//! turns in every round, so that what else the machine does falls on all of them alike.

pub(crate) mod account;
mod bars;
mod evals;
mod events;
pub(crate) mod http;
mod load;
mod machine;
pub(crate) mod measurement;
mod nginx;
mod options;
mod plan;
mod report;
mod results;
pub(crate) mod server;
pub(crate) mod stage;

use std::process::ExitCode;

pub(crate) use load::{LOAD_TASK, task as load_task};

use crate::{arguments::Arguments, error::TaskError, workspace::Workspace};
use machine::Machine;
use options::Options;
use plan::Work;
use results::Results;
use stage::Stage;

pub(crate) fn task(mut arguments: Arguments) -> Result<ExitCode, TaskError> {
    if arguments.flag("evals") {
        return evals::task(arguments);
    }
    let options = Options::read(arguments)?;
    nginx::find()?;
    let workspace = Workspace::find()?;
    let machine = Machine::look(&workspace, nginx::version());
    let stage = Stage::set(&workspace, &options)?;
    let mut results = Results::new(machine, stage.idle());
    let plan = plan::of(&options);
    for round in 1..=options.rounds {
        for (number, work) in plan.iter().enumerate() {
            let place =
                format!("round {round}/{}, work {}/{}", options.rounds, number + 1, plan.len());
            eprintln!("{place}: {work}");
            measure(&stage, work, &options, &mut results)?;
        }
    }
    report::print(&results, options.format);
    Ok(ExitCode::SUCCESS)
}

/// Gives one work to each of its candidates in turn.
fn measure(
    stage: &Stage,
    work: &Work,
    options: &Options,
    results: &mut Results,
) -> Result<(), TaskError> {
    for candidate in stage.candidates(work) {
        let measurement = stage.measure(work, candidate, options)?;
        if let Some(failure) = &measurement.first_failure {
            eprintln!("  {candidate}: {} requests failed: {failure}", measurement.failures);
        }
        results.add(work, candidate, measurement);
    }
    Ok(())
}
