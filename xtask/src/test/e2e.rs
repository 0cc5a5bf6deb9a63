//! The official SDKs against the binary, in environments made under the target folder.

use std::{path::Path, process::Command};

use super::{Context, Outcome, counted, counts::Runner};
use crate::{
    error::TaskError,
    packages,
    run::{cargo, works},
    workspace::{read, remove_folder},
};

/// Where the end-to-end tests find the program.
const BINARY_VARIABLE: &str = "TIELINE_BIN";

pub(super) fn binary(context: &Context) -> Result<Outcome, TaskError> {
    let mut command = cargo();
    command.current_dir(&context.workspace.root).args(["build", "-p", "tieline-cli"]);
    counted(command, None)
}

pub(super) fn python(context: &Context) -> Result<Outcome, TaskError> {
    if !works(Command::new("python3").args(["-c", "import venv, ensurepip"])) {
        let install = "apt-get install -y python3 python3-venv";
        return Ok(Outcome::Missing { tool: "python3 with venv", install });
    }
    let folder = context.workspace.root.join("e2e").join("python");
    let environment = context.workspace.target.join("e2e-venv");
    let interpreter = environment.join("bin").join("python");
    let requirements = folder.join("requirements.txt");
    let wanted = read(&requirements)?;
    if !packages::is_installed(&environment, &wanted) {
        remove_folder(&environment)?;
        let mut make = Command::new("python3");
        make.args(["-m", "venv"]).arg(&environment);
        let mut install = Command::new(&interpreter);
        install.args(["-m", "pip", "install", "--disable-pip-version-check", "--quiet", "-r"]);
        install.arg(&requirements);
        if !prepare(&environment, &wanted, [make, install])? {
            return Ok(Outcome::single(false));
        }
    }
    let mut tests = Command::new(&interpreter);
    tests.args(["-m", "pytest", "-p", "no:cacheprovider", "--color=no"]).arg(&folder);
    tests.current_dir(&folder).env("PYTHONDONTWRITEBYTECODE", "1");
    tests.env(BINARY_VARIABLE, &context.binary);
    counted(tests, Some(Runner::Pytest))
}

pub(super) fn javascript(context: &Context) -> Result<Outcome, TaskError> {
    if let Some(tool) = packages::missing_tool() {
        return Ok(Outcome::Missing { tool, install: packages::INSTALL });
    }
    let source = context.workspace.root.join("e2e").join("javascript");
    let copy = context.workspace.target.join("e2e-javascript");
    if !packages::install(&source, &copy, &[], |npm| super::watch(npm, |_| ()))? {
        return Ok(Outcome::single(false));
    }
    let mut tests = Command::new("node");
    tests.args(["--test", "--test-reporter=spec"]).current_dir(&copy);
    tests.env(BINARY_VARIABLE, &context.binary);
    counted(tests, Some(Runner::Node))
}

/// Runs what makes an environment and then notes what it holds; false if a program failed.
fn prepare<const N: usize>(
    environment: &Path,
    wanted: &str,
    commands: [Command; N],
) -> Result<bool, TaskError> {
    for command in commands {
        if !super::watch(command, |_| ())? {
            return Ok(false);
        }
    }
    packages::note_installed(environment, wanted)?;
    Ok(true)
}
