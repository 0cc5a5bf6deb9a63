//! `tieline drill run`

use std::{
    fs,
    io::IsTerminal as _,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, SystemTime},
};

use clap::ValueEnum;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tieline_drill::{Mode, Outcome, Rooms, Verdict, junit, simulate};

use super::{
    catalogue::{self, Catalogue, Known},
    page, table,
};
use crate::{failure::Failure, files::ConfigFile, harness::Suites, print, when};

/// Run drills and say which of their expectations hold
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Every drill runs the gateway itself in simulated time, with simulated providers in the place of
yours: nothing is called, no credential is needed, and hours take seconds. The same drill with the
same seed gives the same event log, byte for byte.
Exit code 1 where an expectation does not hold, 2 where a scenario has mistakes.

Examples:
  tieline drill run claude-2026-04-28
  tieline drill run drills/*.yaml --out results
  tieline drill run --all --format json
  tieline drill run lose-openai.yaml --config staging.yaml --seed 7")]
pub(crate) struct Run {
    /// Drills by name, or files with drills
    #[arg(value_name = "DRILL", required_unless_present = "all")]
    drills: Vec<String>,
    /// Run every drill that Tieline brings along
    #[arg(long, conflicts_with = "drills")]
    all: bool,
    /// Draw everything random from this seed instead of the scenario's
    #[arg(long, value_name = "NUMBER")]
    seed: Option<u64>,
    /// Write report and event log of each drill into this folder: NAME.json and NAME.ndjson
    #[arg(long, value_name = "FOLDER")]
    out: Option<PathBuf>,
    /// Write a report for build servers
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// Write a page with the timeline, for a browser
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// How to print the result
    #[arg(long, value_enum, default_value = "table")]
    format: Form,
    #[command(flatten)]
    config: ConfigFile,
}

/// The form of what is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Form {
    /// For people.
    Table,
    /// For programs; stable.
    Json,
}

impl Run {
    pub(crate) fn run(self) -> Result<(), Failure> {
        let (drills, _catalogue) = self.drills(Catalogue::open()?)?;
        if let Some(folder) = &self.out {
            fs::create_dir_all(folder)
                .map_err(Failure::os(format!("create {}", folder.display())))?;
        }
        let began = when::wall_now();
        let mut reports = Vec::new();
        for known in &drills {
            let outcome = self.one(known)?;
            if self.format == Form::Table {
                print::line(&table::report(&outcome.report))?;
            }
            self.keep(&outcome)?;
            reports.push(outcome.report);
        }
        if let Some(path) = &self.junit {
            write(path, &junit(&reports))?;
        }
        if let Some(path) = &self.html {
            write(path, &page::page(&reports))?;
        }
        match self.format {
            Form::Json => print::json(&reports)?,
            Form::Table => print::line(&table::closing(&reports, took(began)))?,
        }
        let failed = reports.iter().any(|report| report.verdict == Verdict::Fail);
        if failed { Err(Failure::Ruled(Failure::CHECK)) } else { Ok(()) }
    }

    /// The drills that were asked for.
    fn drills(&self, mut catalogue: Catalogue) -> Result<(Vec<Known>, Catalogue), Failure> {
        let mut wanted = Vec::new();
        if self.all {
            wanted.append(&mut catalogue.drills);
        }
        let names = catalogue.names();
        for name in &self.drills {
            match catalogue.take(name) {
                Some(known) => wanted.push(known),
                None if Path::new(name).exists() => {
                    wanted.extend(catalogue::of_file(Path::new(name))?);
                }
                None => return Err(unknown(name, &names)),
            }
        }
        for known in &mut wanted {
            let scenario = &mut known.scenario;
            scenario.seed = self.seed.unwrap_or(scenario.seed);
            if scenario.mode != Mode::Simulate {
                return Err(Failure::Usage {
                    message: format!(
                        "`{}` asks for the mode {}",
                        scenario.name,
                        scenario.mode.as_str()
                    ),
                    hint: "only `mode: simulate` can be run so far".to_owned(),
                });
            }
        }
        Ok((wanted, catalogue))
    }

    fn one(&self, known: &Known) -> Result<Outcome, Failure> {
        let config = known.config(&self.config.path)?;
        let bar = bar(&known.scenario.name, known.scenario.length());
        let shown = bar.clone();
        let rooms = Rooms {
            config: &config,
            harness: Some(Arc::new(Suites::default())),
            read: &|path| fs::read_to_string(known.path(path)),
            progress: &move |at: Duration| shown.set_position(at.as_secs()),
        };
        let outcome = simulate(&known.scenario, &rooms);
        bar.finish_and_clear();
        Ok(outcome?)
    }

    fn keep(&self, outcome: &Outcome) -> Result<(), Failure> {
        let Some(folder) = &self.out else { return Ok(()) };
        let report = serde_json::to_string_pretty(&outcome.report).map_err(std::io::Error::from);
        let report = report.map_err(Failure::os("write JSON"))?;
        let file = |end: &str| folder.join(format!("{}.{end}", outcome.report.drill));
        write(&file("json"), &report)?;
        write(&file("ndjson"), outcome.log.text())
    }
}

/// The time since then.
fn took(began: SystemTime) -> Duration {
    when::wall_now().duration_since(began).unwrap_or_default()
}

fn write(path: &Path, text: &str) -> Result<(), Failure> {
    fs::write(path, text).map_err(Failure::os(format!("write {}", path.display())))
}

fn unknown(name: &str, names: &str) -> Failure {
    Failure::Usage {
        message: format!("there is no drill `{name}`, and no file of that name"),
        hint: format!("`tieline drill list` tells them: {}", names),
    }
}

/// A bar on a terminal, and nothing elsewhere.
fn bar(name: &str, length: Duration) -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let target = ProgressDrawTarget::stderr();
    let bar = ProgressBar::with_draw_target(Some(length.as_secs()), target);
    let style = ProgressStyle::with_template("{msg} {wide_bar} {percent} %");
    bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
        .with_message(name.to_owned())
}
