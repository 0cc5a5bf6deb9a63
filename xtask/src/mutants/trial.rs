//! One build of the copy, and what its tests say.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use serde_json::Value;
use tokio::{process::Command, runtime::Runtime, time::timeout};

use super::copy::Copy;
use crate::{error::TaskError, run::cargo};

/// The tests of one mutant may take this long; a mutant that never ends is noticed, too.
const TESTS_MAX: Duration = Duration::from_secs(600);

/// What the tests said.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// These failed.
    Failed(Vec<String>),
    /// None failed.
    Passed,
    /// They did not end.
    Endless,
}

/// The crate that a test is of, and its name there.
pub(super) fn of_crate(test: &str) -> (String, &str) {
    let (of, name) = test.split_once('/').unwrap_or(("gateway", test));
    (format!("tieline-{of}"), name)
}

/// Builds a crate's tests and gives the program.
pub(super) fn build(copy: &Copy, package: &str) -> Result<PathBuf, TaskError> {
    let mut command = cargo();
    command
        .current_dir(copy.root())
        .args(["test", "--quiet", "--package", package, "--test", "it", "--no-run"])
        .args(["--message-format", "json-render-diagnostics", "--target-dir"])
        .arg(&copy.target);
    let program = || "cargo test".to_owned();
    let built = command.output().map_err(|source| TaskError::Run { program: program(), source })?;
    if !built.status.success() {
        // Warnings of what a mutant leaves unused are of interest only beside an error.
        eprintln!("{}", String::from_utf8_lossy(&built.stderr));
        return Err(TaskError::Failed { program: program(), status: built.status });
    }
    let found = String::from_utf8_lossy(&built.stdout).lines().find_map(executable);
    found.ok_or(TaskError::Missing { program: program(), what: "which program it built" })
}

/// The program that a line of cargo's output tells of.
fn executable(line: &str) -> Option<PathBuf> {
    let message: Value = serde_json::from_str(line).ok()?;
    let is_it = message.pointer("/target/name").and_then(Value::as_str) == Some("it");
    message.get("executable").and_then(Value::as_str).filter(|_| is_it).map(PathBuf::from)
}

/// Runs the tests whose names contain any of `names`.
pub(super) fn run(runtime: &Runtime, program: &Path, names: &[&str]) -> Result<Verdict, TaskError> {
    let failed = |source| TaskError::Run { program: program.display().to_string(), source };
    let mut command = Command::new(program);
    command.args(names).env("RUST_BACKTRACE", "0").stderr(Stdio::null()).kill_on_drop(true);
    let ended = runtime.block_on(async { timeout(TESTS_MAX, command.output()).await });
    let Ok(ended) = ended else {
        return Ok(Verdict::Endless);
    };
    let ended = ended.map_err(failed)?;
    let said = String::from_utf8_lossy(&ended.stdout);
    let failures: Vec<String> = said.lines().filter_map(failure).map(str::to_owned).collect();
    if failures.is_empty() && !ended.status.success() {
        return Err(TaskError::Failed {
            program: program.display().to_string(),
            status: ended.status,
        });
    }
    if said.contains("running 0 tests") {
        let program = names.join(", ");
        return Err(TaskError::Missing { program, what: "any test of that name" });
    }
    Ok(if failures.is_empty() { Verdict::Passed } else { Verdict::Failed(failures) })
}

/// The test that a line of the test program says failed.
fn failure(line: &str) -> Option<&str> {
    line.strip_prefix("test ")?.strip_suffix(" ... FAILED")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_are_read_from_what_tests_say() {
        for (line, wanted) in [
            ("test peers::a ... FAILED", Some("peers::a")),
            ("test peers::a ... ok", None),
            ("test result: FAILED. 0 passed; 1 failed", None),
        ] {
            assert_eq!(failure(line), wanted, "{line}");
        }
    }

    #[test]
    fn the_program_is_read_from_what_cargo_says() {
        let line = r#"{"target":{"name":"it"},"executable":"/t/it-1"}"#;
        assert_eq!(executable(line), Some(PathBuf::from("/t/it-1")));
        assert_eq!(executable(r#"{"target":{"name":"x"},"executable":"/t/x-1"}"#), None);
        assert_eq!(executable("warning: nothing"), None);
    }
}
