//! npm packages as lock files name them, in copies of folders under the target folder.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::{
    error::TaskError,
    run::works,
    workspace::{make_folder, read, write},
};

/// What installs the programs that packages need.
pub(crate) const INSTALL: &str = "apt-get install -y nodejs npm";
/// Which packages an environment holds, kept in it.
const STAMP_FILE: &str = "installed";

/// Which of the programs that packages need is not there.
pub(crate) fn missing_tool() -> Option<&'static str> {
    ["node", "npm"].into_iter().find(|tool| !works(Command::new(tool).arg("--version")))
}

/// Makes `copy` hold the files of `source` and the packages that its lock file names. `run` runs
/// npm, where that is needed, and says whether it ended well, as this does.
pub(crate) fn install(
    source: &Path,
    copy: &Path,
    arguments: &[&str],
    run: impl FnOnce(Command) -> Result<bool, TaskError>,
) -> Result<bool, TaskError> {
    let wanted = read(&source.join("package-lock.json"))?;
    let installed = is_installed(copy, &wanted);
    renew(source, copy)?;
    if installed {
        return Ok(true);
    }
    let mut npm = Command::new("npm");
    npm.args(["ci", "--no-audit", "--no-fund"]).args(arguments).current_dir(copy);
    let good = run(npm)?;
    if good {
        note_installed(copy, &wanted)?;
    }
    Ok(good)
}

/// Whether an environment holds the packages that are wanted.
pub(crate) fn is_installed(environment: &Path, wanted: &str) -> bool {
    fs::read_to_string(environment.join(STAMP_FILE)).is_ok_and(|found| found == wanted)
}

/// Notes which packages an environment holds.
pub(crate) fn note_installed(environment: &Path, wanted: &str) -> Result<(), TaskError> {
    write(&environment.join(STAMP_FILE), wanted)
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

/// Copies a folder with all it holds, but for packages.
pub(crate) fn copy_folder(source: &Path, copy: &Path) -> Result<(), TaskError> {
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

/// What a folder holds.
pub(crate) fn entries(folder: &Path) -> Result<Vec<PathBuf>, TaskError> {
    let failed = |source| TaskError::Read { path: folder.to_owned(), source };
    let found = fs::read_dir(folder).map_err(failed)?;
    found.map(|entry| Ok(entry.map_err(failed)?.path())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace::remove_folder;

    #[test]
    fn a_renewed_copy_follows_its_source_and_keeps_its_packages() {
        let folder = std::env::temp_dir().join(format!("xtask-renew-{}", std::process::id()));
        let (source, copy) = (folder.join("source"), folder.join("copy"));
        for path in ["source/test", "source/node_modules", "copy/node_modules/a", "copy/old"] {
            make_folder(&folder.join(path)).unwrap();
        }
        write(&source.join("test/chat.test.js"), "new").unwrap();
        note_installed(&copy, "lock").unwrap();
        renew(&source, &copy).unwrap();
        assert_eq!(read(&copy.join("test/chat.test.js")).unwrap(), "new");
        assert!(copy.join("node_modules/a").is_dir());
        assert!(!copy.join("old").exists());
        assert!(is_installed(&copy, "lock") && !is_installed(&copy, "other"));
        remove_folder(&folder).unwrap();
    }
}
