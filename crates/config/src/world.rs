//! What a configuration needs of the machine it is read on.

use std::{io, path::Path};

/// Files and environment variables.
pub trait World {
    /// The text of the file at `path`.
    ///
    /// # Errors
    /// The file does not exist, cannot be read or is not UTF-8.
    fn read(&self, path: &Path) -> io::Result<String>;

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

    fn env(&self, name: &str) -> Option<String> {
        std::env::var(name).ok()
    }
}
