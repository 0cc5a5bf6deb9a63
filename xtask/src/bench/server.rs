//! Servers under measurement: started on their core, ended when dropped.

use std::{
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
};

use serde_json::Value;

use crate::error::TaskError;

/// Files that a process may have open: two sockets for each of a thousand streams, and more.
const OPEN_FILES: &str = "--nofile=16384";

/// Which core a process runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Core {
    /// Of the candidates.
    Candidate,
    /// Of the simulated providers and the load.
    Other,
}

/// A command that will run on a core, where there is more than one.
pub(crate) fn pinned(core: Core, program: &std::ffi::OsStr) -> Command {
    let mut command = Command::new("prlimit");
    command.arg(OPEN_FILES);
    if std::thread::available_parallelism().is_ok_and(|cores| cores.get() > 1) {
        command.args(["taskset", "-c", if core == Core::Candidate { "0" } else { "1" }]);
    }
    command.arg(program);
    command
}

/// A running server.
pub(crate) struct Server {
    name: &'static str,
    child: Child,
}

impl Server {
    pub(crate) fn start(name: &'static str, mut command: Command) -> Result<Self, TaskError> {
        let failed = |source| TaskError::Run { program: name.to_owned(), source };
        command.stdin(Stdio::null());
        Ok(Self { name, child: command.spawn().map_err(failed)? })
    }

    /// Starts a server that prints a line of JSON when it is ready, and gives that too.
    pub(crate) fn start_told(
        name: &'static str,
        mut command: Command,
    ) -> Result<(Self, Value), TaskError> {
        command.stdout(Stdio::piped());
        let mut server = Self::start(name, command)?;
        let said = server.child.stdout.take();
        let missing = TaskError::Missing { program: name.to_owned(), what: "that it is ready" };
        let mut line = String::new();
        let mut said = BufReader::new(said.ok_or(missing)?);
        let failed = |source| TaskError::Run { program: name.to_owned(), source };
        said.read_line(&mut line).map_err(failed)?;
        let answer = serde_json::from_str(&line)
            .map_err(|source| TaskError::Answer { program: server.name.to_owned(), source })?;
        Ok((server, answer))
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Server {
    /// Asks it to end and waits, so that servers with children end them too.
    fn drop(&mut self) {
        let pid = self.child.id().to_string();
        let asked = Command::new("sh").args(["-c", "kill -TERM \"$0\"", &pid]).status();
        if !asked.is_ok_and(|status| status.success()) {
            // It has ended already, or is beyond asking; there is no one to tell.
            self.child.kill().ok();
        }
        self.child.wait().ok();
    }
}
