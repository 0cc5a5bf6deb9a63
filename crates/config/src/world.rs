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

    /// The files in the folder at `path`.
    ///
    /// # Errors
    /// The folder does not exist or cannot be read.
    fn list(&self, path: &Path) -> io::Result<Vec<PathBuf>>;

    /// The environment variable `name`; none when it is unset or not UTF-8.
    fn env(&self, name: &str) -> Option<String>;
}

/// The process's own file system and environment.
#[derive(Clone, Copy, Debug, Default)]
pub struct RealWorld;

impl World for RealWorld {
    fn read(&self, path: &Path) -> io::Result<String> {
        std::fs::read_to_string(path)
    }

    fn list(&self, path: &Path) -> io::Result<Vec<PathBuf>> {
        // The folder of a bare file name is the one we are in.
        let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
        std::fs::read_dir(path)?.map(|entry| Ok(entry?.path())).collect()
    }

    fn env(&self, name: &str) -> Option<String> {
        std::env::var(name).ok()
    }
}
