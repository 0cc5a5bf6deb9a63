//! What a configuration needs of the machine it is read on.

use std::{
    io,
    path::{Path, PathBuf},
};

/// Files and environment variables.
pub trait World {
    /// The text of the file at `path`.
    ///
    /// # Errors
    /// The file does not exist, cannot be read or is not UTF-8.
    fn read(&self, path: &Path) -> io::Result<String>;

    /// The environment variable `name`; none when it is unset or not UTF-8.
    fn env(&self, name: &str) -> Option<String>;

    /// The paths of what is in the folder at `path`, in any order.
    ///
    /// # Errors
    /// There is no such folder, or it cannot be read. A world without folders has none.
    fn list(&self, _path: &Path) -> io::Result<Vec<PathBuf>> {
        Err(io::ErrorKind::NotFound.into())
    }
}

/// The process's own file system and environment.
#[derive(Clone, Copy, Debug, Default)]
pub struct RealWorld;

impl World for RealWorld {
    fn read(&self, path: &Path) -> io::Result<String> {
        std::fs::read_to_string(path)
    }

    fn env(&self, name: &str) -> Option<String> {
        std::env::var(name).ok()
    }

    fn list(&self, path: &Path) -> io::Result<Vec<PathBuf>> {
        // A path without a folder is in the one where the process is.
        let here = if path.as_os_str().is_empty() { Path::new(".") } else { path };
        std::fs::read_dir(here)?.map(|entry| Ok(path.join(entry?.file_name()))).collect()
    }
}
