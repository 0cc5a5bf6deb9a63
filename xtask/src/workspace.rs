//! Where the project is and what cargo knows of it.

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde_json::Value;

use crate::{
    error::TaskError,
    run::{cargo, output},
};

/// Folders that hold no text of the project.
const FOREIGN: [&str; 5] = [".git", "target", "node_modules", ".venv", "__pycache__"];

/// The places of the project.
pub(crate) struct Workspace {
    /// The folder of the workspace's `Cargo.toml`.
    pub(crate) root: PathBuf,
    /// Where cargo builds, and where tasks keep what they make.
    pub(crate) target: PathBuf,
}

impl Workspace {
    pub(crate) fn find() -> Result<Self, TaskError> {
        let metadata = metadata(&["--no-deps"])?;
        let place = |key, what| {
            let path = metadata.get(key).and_then(Value::as_str).map(PathBuf::from);
            path.ok_or(TaskError::Missing { program: "cargo metadata".to_owned(), what })
        };
        Ok(Self {
            root: place("workspace_root", "where the workspace is")?,
            target: place("target_directory", "where it builds")?,
        })
    }

    /// Every file of the project, relative to its root and in order; nothing built or fetched.
    pub(crate) fn files(&self) -> Result<Vec<PathBuf>, TaskError> {
        let mut found = Vec::new();
        let mut folders = vec![self.root.clone()];
        while let Some(folder) = folders.pop() {
            let failed = |source| TaskError::Read { path: folder.clone(), source };
            for entry in fs::read_dir(&folder).map_err(failed)? {
                let entry = entry.map_err(failed)?;
                let path = entry.path();
                let foreign = FOREIGN.iter().any(|name| entry.file_name() == *name);
                let kind = entry.file_type().map_err(failed)?;
                if kind.is_dir() && !foreign && path != self.target {
                    folders.push(path);
                } else if kind.is_file() {
                    found.extend(path.strip_prefix(&self.root).map(Path::to_path_buf));
                }
            }
        }
        found.sort();
        Ok(found)
    }

    /// The text of a file, given relative to the root.
    pub(crate) fn text(&self, file: &Path) -> Result<String, TaskError> {
        read(&self.root.join(file))
    }
}

/// `cargo metadata` of the project, with more arguments.
pub(crate) fn metadata(arguments: &[&str]) -> Result<Value, TaskError> {
    let mut command = cargo();
    command.args(["metadata", "--format-version", "1", "--quiet"]).args(arguments);
    let answer = output(&mut command)?;
    let program = "cargo metadata".to_owned();
    serde_json::from_slice(&answer).map_err(|source| TaskError::Answer { program, source })
}

pub(crate) fn read(path: &Path) -> Result<String, TaskError> {
    fs::read_to_string(path).map_err(|source| TaskError::Read { path: path.to_owned(), source })
}

pub(crate) fn write(path: &Path, bytes: impl AsRef<[u8]>) -> Result<(), TaskError> {
    fs::write(path, bytes).map_err(|source| TaskError::Write { path: path.to_owned(), source })
}

/// Makes a folder and those above it.
pub(crate) fn make_folder(path: &Path) -> Result<(), TaskError> {
    let failed = |source| TaskError::Write { path: path.to_owned(), source };
    fs::create_dir_all(path).map_err(failed)
}

/// Removes a folder with all it holds, if it is there.
pub(crate) fn remove_folder(path: &Path) -> Result<(), TaskError> {
    match fs::remove_dir_all(path) {
        Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
            Err(TaskError::Write { path: path.to_owned(), source })
        }
        _ => Ok(()),
    }
}
