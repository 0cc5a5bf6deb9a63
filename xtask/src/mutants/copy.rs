//! A copy of the project in which mutants live, so that the checkout is never edited.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::{
    error::TaskError,
    run::output,
    workspace::{Workspace, make_folder, write},
};

/// The copy and where it is built.
pub(super) struct Copy {
    root: PathBuf,
    pub(super) target: PathBuf,
}

impl Copy {
    /// Copies what git tracks, as it stands in the checkout. What is in the copy already and has
    /// not changed keeps its time, so that it is not built anew.
    pub(super) fn make(workspace: &Workspace) -> Result<Self, TaskError> {
        let folder = workspace.target.join("mutants");
        let copy = Self { root: folder.join("tree"), target: folder.join("target") };
        let mut git = Command::new("git");
        git.current_dir(&workspace.root).args(["ls-files", "-z"]);
        let listed = output(&mut git)?;
        let listed = String::from_utf8_lossy(&listed);
        let files: Vec<&str> = listed.split('\0').filter(|file| !file.is_empty()).collect();
        for file in &files {
            copy.take(&workspace.root, Path::new(file))?;
        }
        copy.drop_others(&files)?;
        Ok(copy)
    }

    fn take(&self, from: &Path, file: &Path) -> Result<(), TaskError> {
        let source = from.join(file);
        // What is tracked may be gone from the checkout.
        if !source.is_file() {
            return Ok(());
        }
        let place = self.root.join(file);
        let failed = |error| TaskError::Read { path: source.clone(), source: error };
        let bytes = fs::read(&source).map_err(failed)?;
        if fs::read(&place).is_ok_and(|before| before == bytes) {
            return Ok(());
        }
        make_folder(place.parent().unwrap_or(&self.root))?;
        write(&place, bytes)
    }

    /// Removes sources of an earlier run that are no longer tracked: cargo finds tests by looking.
    fn drop_others(&self, files: &[&str]) -> Result<(), TaskError> {
        let copied = Workspace { root: self.root.clone(), target: self.target.clone() };
        for file in copied.files()? {
            if !files.iter().any(|tracked| Path::new(tracked) == file) {
                let path = self.root.join(&file);
                fs::remove_file(&path).map_err(|source| TaskError::Write { path, source })?;
            }
        }
        Ok(())
    }

    /// A file of the copy.
    pub(super) fn path(&self, file: &str) -> PathBuf {
        self.root.join(file)
    }

    /// The folder of the copied workspace.
    pub(super) fn root(&self) -> &Path {
        &self.root
    }
}
