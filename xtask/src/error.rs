//! What can go wrong in a task, apart from the findings that are its result.

use std::{io, path::PathBuf, process::ExitStatus};

/// Why a task could not do its work.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TaskError {
    #[error("{0}")]
    Usage(String),
    #[error("cannot read {path}")]
    Read { path: PathBuf, source: io::Error },
    #[error("cannot write {path}")]
    Write { path: PathBuf, source: io::Error },
    #[error("cannot run {program}")]
    Run { program: String, source: io::Error },
    #[error("{program} failed with {status}")]
    Failed { program: String, status: ExitStatus },
    #[error("cannot understand what {program} said")]
    Answer { program: String, source: serde_json::Error },
    #[error("{program} did not say {what}")]
    Missing { program: String, what: &'static str },
    #[error("mutant `{name}`: {what}")]
    Mutant { name: &'static str, what: String },
    #[error("the tests fail without any mutant: {0}")]
    Sick(String),
    #[error("cannot reserve a port")]
    Port { source: io::Error },
    #[error("cannot start the asynchronous runtime")]
    Runtime { source: io::Error },
    #[error("{program} did not open {address} in time")]
    Closed { program: &'static str, address: String },
    #[error("{program} is not installed: {hint}")]
    NoProgram { program: &'static str, hint: &'static str },
}

impl TaskError {
    /// The exit code of a task that ended so.
    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Self::Usage(_) => 2,
            Self::NoProgram { .. } => 3,
            _ => 4,
        }
    }
}
