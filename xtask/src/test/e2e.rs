//! The official SDKs against the binary, in environments made under the target folder.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use super::{Context, Outcome, counted, counts::Runner};
use crate::{
    error::TaskError,
    run::{cargo, works},
    workspace::{make_folder, read, remove_folder, write},
};

/// Where the end-to-end tests find the program.
const BINARY_VARIABLE: &str = "TIELINE_BIN";
/// Which packages an environment holds, kept in it.
const STAMP_FILE: &str = "installed";

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
    if !is_installed(&environment, &wanted) {
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
    let tool = match () {
        () if !works(Command::new("node").arg("--version")) => Some("node"),
        () if !works(Command::new("npm").arg("--version")) => Some("npm"),
        () => None,
    };
    if let Some(tool) = tool {
        return Ok(Outcome::Missing { tool, install: "apt-get install -y nodejs npm" });
    }
    let source = context.workspace.root.join("e2e").join("javascript");
    let copy = context.workspace.target.join("e2e-javascript");
    let wanted = read(&source.join("package-lock.json"))?;
    let installed = is_installed(&copy, &wanted);
    renew(&source, &copy)?;
    if !installed {
        let mut install = Command::new("npm");
        install.args(["ci", "--no-audit", "--no-fund"]).current_dir(&copy);
        if !prepare(&copy, &wanted, [install])? {
            return Ok(Outcome::single(false));
        }
    }
    let mut tests = Command::new("node");
    tests.args(["--test", "--test-reporter=spec"]).current_dir(&copy);
    tests.env(BINARY_VARIABLE, &context.binary);
    counted(tests, Some(Runner::Node))
}

fn is_installed(environment: &Path, wanted: &str) -> bool {
    fs::read_to_string(environment.join(STAMP_FILE)).is_ok_and(|found| found == wanted)
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
    write(&environment.join(STAMP_FILE), wanted)?;
    Ok(true)
}

/// Makes `copy` hold the files of `source` and, beside them, only the packages it had.
fn renew(source: &Path, copy: &Path) -> Result<(), TaskError> {
    make_folder(copy)?;
    for path in entries(copy)? {
        let kept = ["node_modules", STAMP_FILE].iter().any(|name| path.ends_with(name));
        if kept {
            continue;
        }
        let removed =
            if path.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
        removed.map_err(|source| TaskError::Write { path, source })?;
    }
    copy_folder(source, copy)
}

fn copy_folder(source: &Path, copy: &Path) -> Result<(), TaskError> {
    make_folder(copy)?;
    for path in entries(source)? {
        let Some(name) = path.file_name().filter(|name| *name != "node_modules") else { continue };
        let to = copy.join(name);
        if path.is_dir() {
            copy_folder(&path, &to)?;
        } else {
            fs::copy(&path, &to).map_err(|source| TaskError::Write { path: to, source })?;
        }
    }
    Ok(())
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>, TaskError> {
    let failed = |source| TaskError::Read { path: folder.to_owned(), source };
    let found = fs::read_dir(folder).map_err(failed)?;
    found.map(|entry| Ok(entry.map_err(failed)?.path())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_renewed_copy_follows_its_source_and_keeps_its_packages() {
        let folder = std::env::temp_dir().join(format!("xtask-renew-{}", std::process::id()));
        let (source, copy) = (folder.join("source"), folder.join("copy"));
        for path in ["source/test", "source/node_modules", "copy/node_modules/a", "copy/old"] {
            make_folder(&folder.join(path)).unwrap();
        }
        write(&source.join("test/chat.test.js"), "new").unwrap();
        write(&copy.join(STAMP_FILE), "lock").unwrap();
        renew(&source, &copy).unwrap();
        assert_eq!(read(&copy.join("test/chat.test.js")).unwrap(), "new");
        assert!(copy.join("node_modules/a").is_dir());
        assert!(!copy.join("old").exists());
        assert!(is_installed(&copy, "lock") && !is_installed(&copy, "other"));
        remove_folder(&folder).unwrap();
    }
}
