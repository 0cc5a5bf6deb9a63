//! `cargo xtask test`: everything that has to hold before a change lands.

mod counts;
mod e2e;
mod promptfoo;
mod promtool;
mod watched;

use std::process::{Command, ExitCode};

use counts::{Counts, Runner};
use tokio::time::Instant;
use watched::watch;

use crate::{
    arguments::Arguments,
    error::TaskError,
    run::{cargo, works},
    tidy,
    workspace::Workspace,
};

/// What steps know of their surroundings.
struct Context {
    workspace: Workspace,
    /// Under continuous integration nothing is skipped.
    ci: bool,
    /// The program that the end-to-end tests run.
    binary: std::path::PathBuf,
}

/// One part of the run.
struct Step {
    group: &'static str,
    title: &'static str,
    work: fn(&Context) -> Result<Outcome, TaskError>,
}

const STEPS: [Step; 10] = [
    Step { group: "lint", title: "format", work: format },
    Step { group: "lint", title: "tidy", work: tidy },
    Step { group: "lint", title: "clippy", work: clippy },
    Step { group: "unit", title: "tests", work: tests },
    Step { group: "unit", title: "documentation tests", work: doc_tests },
    Step { group: "e2e", title: "the tieline binary", work: e2e::binary },
    Step { group: "e2e", title: "Python SDKs", work: e2e::python },
    Step { group: "e2e", title: "JavaScript SDKs", work: e2e::javascript },
    Step { group: "promptfoo", title: "promptfoo's verdicts", work: promptfoo::compare },
    Step { group: "promtool", title: "exported rules", work: promtool::test },
];

/// A file system in memory, where the machine has one.
const MEMORY_FOLDER: &str = "/dev/shm";
/// What tests may write at once, in megabytes.
const ROOM_MIN_MB: u64 = 2048;

/// How a step ended.
enum Outcome {
    /// It ran; `good` is what its programs said of themselves.
    Ran { good: bool, counts: Counts },
    /// A tool is not there: what is missing, and what installs it.
    Missing { tool: &'static str, install: &'static str },
}

impl Outcome {
    /// A step that counts as one test.
    fn single(good: bool) -> Self {
        Self::Ran { good, counts: Counts::default() }
    }
}

/// A finished step.
struct Report {
    title: &'static str,
    seconds: f64,
    counts: Counts,
    verdict: &'static str,
    reason: String,
}

pub(crate) fn task(mut arguments: Arguments) -> Result<ExitCode, TaskError> {
    let only: Option<String> = arguments.value("--only")?;
    arguments.end()?;
    let chosen = |step: &&Step| only.as_ref().is_none_or(|group| group == step.group);
    let steps: Vec<&Step> = STEPS.iter().filter(chosen).collect();
    if steps.is_empty() {
        return Err(TaskError::Usage(
            "--only takes lint, unit, e2e, promptfoo or promtool".to_owned(),
        ));
    }
    let workspace = Workspace::find()?;
    let binary = workspace.target.join("debug").join("tieline");
    let ci = std::env::var("CI").is_ok_and(|value| value == "true" || value == "1");
    let context = Context { workspace, ci, binary };
    let reports: Vec<Report> = steps.into_iter().map(|step| report(step, &context)).collect();
    let good = summarise(&reports);
    Ok(if good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Runs a step, with its heading and its time.
fn report(step: &Step, context: &Context) -> Report {
    println!("\n==> {}", step.title);
    let start = Instant::now();
    let outcome = (step.work)(context);
    let seconds = start.elapsed().as_secs_f64();
    let (verdict, counts, reason) = judge(outcome, context.ci);
    let report = Report { title: step.title, seconds, counts, verdict, reason };
    println!("<== {}: {verdict} in {seconds:.1} s{}", step.title, report.because());
    report
}

/// The verdict, what counts of the step, and why it did not pass.
fn judge(outcome: Result<Outcome, TaskError>, ci: bool) -> (&'static str, Counts, String) {
    let one = |verdict| Counts::one(verdict);
    match outcome {
        Ok(Outcome::Ran { good, counts }) => {
            let skipped = ci && counts.skipped > 0;
            let reason =
                if skipped { "tests were skipped, and with CI=true none may be" } else { "" };
            let verdict = if good && counts.failed == 0 && !skipped { "passed" } else { "failed" };
            // A step that counts no failed test and yet failed did not get as far as its tests.
            let counts = counts.or_one(verdict);
            (verdict, counts, reason.to_owned())
        }
        Ok(Outcome::Missing { tool, install }) => {
            let verdict = if ci { "failed" } else { "skipped" };
            (verdict, one(verdict), format!("{tool} is missing; install it: {install}"))
        }
        Err(error) => {
            let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}"));
            ("failed", one("failed"), format!("{error}{}", cause.unwrap_or_default()))
        }
    }
}

impl Report {
    fn because(&self) -> String {
        if self.reason.is_empty() { String::new() } else { format!(" ({})", self.reason) }
    }
}

/// Prints the table of steps and, as the last line, the sums; true if nothing failed.
fn summarise(reports: &[Report]) -> bool {
    println!(
        "\n{:<22}{:>9}{:>9}{:>9}{:>9}  result",
        "step", "seconds", "passed", "failed", "skipped"
    );
    let mut all = Counts::default();
    for report in reports {
        let Report { title, seconds, counts, verdict, .. } = report;
        let Counts { passed, failed, skipped } = counts;
        let because = report.because();
        println!("{title:<22}{seconds:>9.1}{passed:>9}{failed:>9}{skipped:>9}  {verdict}{because}");
        all.add(*counts);
    }
    println!("\n{all}");
    reports.iter().all(|report| report.verdict != "failed")
}

fn format(context: &Context) -> Result<Outcome, TaskError> {
    in_root(context, &["fmt", "--all", "--", "--check"], None)
}

fn tidy(context: &Context) -> Result<Outcome, TaskError> {
    tidy::check(&context.workspace).map(Outcome::single)
}

fn clippy(context: &Context) -> Result<Outcome, TaskError> {
    in_root(context, &["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"], None)
}

fn tests(context: &Context) -> Result<Outcome, TaskError> {
    if works(cargo().args(["nextest", "--version"])) {
        let arguments = ["nextest", "run", "--workspace", "--no-fail-fast"];
        return in_root(context, &arguments, Some(Runner::Nextest));
    }
    let arguments = ["test", "--workspace", "--all-targets", "--no-fail-fast"];
    in_root(context, &arguments, Some(Runner::Cargo))
}

fn doc_tests(context: &Context) -> Result<Outcome, TaskError> {
    in_root(context, &["test", "--workspace", "--doc", "--no-fail-fast"], Some(Runner::Cargo))
}

/// Runs cargo in the root of the workspace and counts what its tests say.
fn in_root(
    context: &Context,
    arguments: &[&str],
    runner: Option<Runner>,
) -> Result<Outcome, TaskError> {
    let mut command = cargo();
    command.current_dir(&context.workspace.root).args(arguments);
    // Hundreds of ledgers sync at once, and a stalled disk is a fault that a test has to ask for.
    if runner.is_some() && has_room(MEMORY_FOLDER) {
        command.env("TMPDIR", MEMORY_FOLDER);
    }
    counted(command, runner)
}

/// Whether a folder is there with enough room for what tests write.
fn has_room(folder: &str) -> bool {
    let asked = Command::new("df").args(["--output=avail", "-B1M", folder]).output();
    let free = asked.ok().filter(|asked| asked.status.success()).and_then(|asked| {
        String::from_utf8_lossy(&asked.stdout).lines().last()?.trim().parse::<u64>().ok()
    });
    free.is_some_and(|free| free >= ROOM_MIN_MB)
}

fn counted(command: Command, runner: Option<Runner>) -> Result<Outcome, TaskError> {
    let mut counts = Counts::default();
    let good = watch(command, |line| {
        if let Some(found) = runner.and_then(|runner| runner.read(line)) {
            counts.add(found);
        }
    })?;
    Ok(Outcome::Ran { good, counts })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_that_is_not_there_has_no_room() {
        assert!(!has_room("/a folder that is not there"));
    }

    #[test]
    fn a_missing_tool_is_skipped_but_fails_under_ci() {
        for (ci, wanted) in [(false, "skipped"), (true, "failed")] {
            let missing = Outcome::Missing { tool: "node", install: "apt-get install nodejs" };
            let (verdict, counts, reason) = judge(Ok(missing), ci);
            assert_eq!(verdict, wanted);
            assert_eq!(counts, Counts::one(wanted));
            assert_eq!(reason, "node is missing; install it: apt-get install nodejs");
        }
    }

    #[test]
    fn a_step_passes_when_it_ends_well_and_no_test_failed() {
        let ran = |good, failed, skipped| Outcome::Ran {
            good,
            counts: Counts { passed: 2, failed, skipped },
        };
        for (outcome, ci, wanted) in [
            (ran(true, 0, 0), true, "passed"),
            (ran(true, 0, 1), false, "passed"),
            (ran(true, 0, 1), true, "failed"),
            (ran(true, 1, 0), false, "failed"),
            (ran(false, 0, 0), false, "failed"),
            (Outcome::single(true), true, "passed"),
        ] {
            assert_eq!(judge(Ok(outcome), ci).0, wanted);
        }
    }

    #[test]
    fn a_step_that_failed_before_its_tests_counts_as_one_failure() {
        let (_, counts, _) = judge(Ok(Outcome::single(false)), false);
        assert_eq!(counts.to_string(), "0 passed, 1 failed, 0 skipped");
        let (_, counts, _) = judge(Ok(Outcome::single(true)), false);
        assert_eq!(counts.to_string(), "1 passed, 0 failed, 0 skipped");
    }
}
