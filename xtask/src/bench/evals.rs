//! `cargo xtask bench evals`: how many items a second promptfoo and Tieline do of the same eval,
//! over the same simulated providers, in the same run.
//!
//! Both programs have the first core and take turns, the providers have the second. Each evaluates
//! one item and then all of them: what the first takes is start-up, and the rest is told by itself.

mod options;
mod report;
mod results;
mod suite;

use std::{
    path::{Path, PathBuf},
    process::{Command, ExitCode},
};

use serde::Deserialize;
use tokio::time::Instant;

use super::{
    account,
    machine::{Machine, first_line},
    server::{Core, Server, pinned},
    stage::built,
};
use crate::{
    arguments::Arguments,
    error::TaskError,
    evals::{self, Promptfoo, Tieline},
    packages,
    run::output,
    workspace::{Workspace, read, write},
};
use options::Options;
use results::{Program, Results, Sample, Size};

/// What the simulated providers take to answer: nothing, which shows the harness, and what makes
/// both programs wait for each other's concurrency alone.
const LATENCIES: [&str; 2] = ["0ms", "200ms"];

pub(super) fn task(arguments: Arguments) -> Result<ExitCode, TaskError> {
    let options = Options::read(arguments)?;
    if let Some(program) = packages::missing_tool() {
        return Err(TaskError::NoProgram { program, hint: packages::INSTALL });
    }
    let workspace = Workspace::find()?;
    let stage = Stage::set(&workspace, &options)?;
    let machine = Machine::look(&workspace, beside(&stage.promptfoo));
    let mut results = Results::new(machine, &options);
    for round in 1..=options.rounds {
        for lane in &stage.lanes {
            for size in [Size::One, Size::All] {
                for program in [Program::Promptfoo, Program::Tieline] {
                    eprintln!(
                        "round {round}/{}: {}, {program}, {size}",
                        options.rounds, lane.latency
                    );
                    results.add(lane.latency, program, size, stage.measure(lane, program, size)?);
                }
            }
        }
    }
    report::print(&results, options.format);
    Ok(ExitCode::SUCCESS)
}

/// What Tieline is measured beside.
fn beside(promptfoo: &Promptfoo) -> String {
    let node = first_line(Command::new("node").arg("--version"));
    format!("promptfoo {} on Node {node}", promptfoo.version())
}

/// A simulated provider, and Tieline's folders with it.
struct Lane {
    latency: &'static str,
    _provider: Server,
    url: String,
    one: Tieline,
    all: Tieline,
}

/// The programs, the eval in both sizes, and the running providers.
struct Stage {
    tieline: PathBuf,
    promptfoo: Promptfoo,
    folder: PathBuf,
    cases: usize,
    lanes: Vec<Lane>,
}

impl Stage {
    /// Builds Tieline, installs promptfoo, writes and imports the eval, and starts providers.
    fn set(workspace: &Workspace, options: &Options) -> Result<Self, TaskError> {
        let promptfoo = Promptfoo::install(workspace, |mut npm| output(&mut npm).map(|_| true))?;
        let failed = TaskError::Missing { program: "npm".to_owned(), what: "why it failed" };
        let promptfoo = promptfoo.ok_or(failed)?;
        let tieline = match &options.tieline {
            Some(tieline) => tieline.clone(),
            None => built(workspace, "tieline-cli", "tieline")?,
        };
        let folder = workspace.target.join("bench-evals");
        let mut stage =
            Self { tieline, promptfoo, folder, cases: options.cases, lanes: Vec::new() };
        for size in [Size::One, Size::All] {
            let theirs = stage.theirs(size);
            evals::renewed(&theirs)?;
            let eval = suite::of(stage.count(size), options.concurrency);
            write(&theirs.join(evals::CONFIGURATION), format!("{eval:#}\n"))?;
        }
        for latency in LATENCIES {
            let lane = stage.lane(latency)?;
            stage.lanes.push(lane);
        }
        Ok(stage)
    }

    fn lane(&self, latency: &'static str) -> Result<Lane, TaskError> {
        let command = pinned(Core::Other, self.tieline.as_os_str());
        let (provider, url) = evals::provider(command, latency)?;
        let imported = |size: Size| {
            let folder = self.folder.join(format!("tieline-{latency}-{}", size.name()));
            let tieline = Tieline::new(&self.tieline, folder, &url)?;
            tieline.import(&self.theirs(size))?;
            Ok(tieline)
        };
        let (one, all) = (imported(Size::One)?, imported(Size::All)?);
        Ok(Lane { latency, _provider: provider, url, one, all })
    }

    /// The folder of promptfoo's configuration.
    fn theirs(&self, size: Size) -> PathBuf {
        self.folder.join(format!("promptfoo-{}", size.name()))
    }

    fn count(&self, size: Size) -> usize {
        if size == Size::One { 1 } else { self.cases }
    }

    /// Has a program evaluate one item or all, and sees that all pass, as they are made to.
    fn measure(&self, lane: &Lane, program: Program, size: Size) -> Result<Sample, TaskError> {
        let runs = self.folder.join("runs");
        evals::renewed(&runs)?;
        let (began, cpu_us) = (Instant::now(), account::waited_us());
        match program {
            Program::Promptfoo => {
                let node = pinned(Core::Candidate, "node".as_ref());
                let command = self.promptfoo.eval(node, &self.theirs(size), &lane.url, None);
                evals::ended(command, &[0], &self.folder.join("promptfoo.log"))?;
            }
            Program::Tieline => {
                let tieline = if size == Size::One { &lane.one } else { &lane.all };
                let start = pinned(Core::Candidate, self.tieline.as_os_str());
                evals::finished(tieline.run(start, &runs), &self.folder)?;
            }
        }
        let seconds = began.elapsed().as_secs_f64();
        let sample = Sample { seconds, cpu_ms: (account::waited_us() - cpu_us) / 1000.0 };
        if program == Program::Tieline {
            self.all_pass(&runs, size)?;
        }
        Ok(sample)
    }

    /// promptfoo tells by its exit code whether all pass; Tieline's verdict is of something else.
    fn all_pass(&self, runs: &Path, size: Size) -> Result<(), TaskError> {
        #[derive(Deserialize)]
        struct Row {
            pass: Option<bool>,
        }
        let rows = read(&evals::only_entry(runs)?.join("rows.jsonl"))?;
        let program = || "tieline eval run".to_owned();
        let rows: Result<Vec<Row>, _> = rows.lines().map(serde_json::from_str).collect();
        let rows = rows.map_err(|source| TaskError::Answer { program: program(), source })?;
        let passed = rows.iter().filter(|row| row.pass == Some(true)).count();
        let missing = TaskError::Missing { program: program(), what: "that all items pass" };
        if passed == self.count(size) && rows.len() == passed { Ok(()) } else { Err(missing) }
    }
}
