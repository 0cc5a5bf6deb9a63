//! On what a run was measured: figures of two machines, or of a busy one, do not compare.

use std::{fs, process::Command};

use serde::Serialize;

use crate::workspace::Workspace;

/// What is worth knowing of machine, programs and time.
#[derive(Debug, Serialize)]
pub(super) struct Machine {
    date: String,
    commit: String,
    processor: String,
    cores: usize,
    kernel: String,
    rustc: String,
    /// The other program that is measured.
    beside: String,
    /// Processes that ran or waited before the run, over 1, 5 and 15 minutes.
    load_before: String,
}

impl Machine {
    pub(super) fn look(workspace: &Workspace, beside: String) -> Self {
        let mut git = Command::new("git");
        git.current_dir(&workspace.root).args(["describe", "--always", "--dirty"]);
        let cpuinfo = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let loadavg = fs::read_to_string("/proc/loadavg").unwrap_or_default();
        let load: Vec<&str> = loadavg.split_whitespace().take(3).collect();
        Self {
            date: first_line(Command::new("date").args(["-u", "+%Y-%m-%d"])),
            commit: first_line(&mut git),
            processor: processor(&cpuinfo),
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            kernel: first_line(Command::new("uname").arg("-sr")),
            rustc: first_line(Command::new("rustc").arg("--version")),
            beside,
            load_before: load.join(" "),
        }
    }

    /// One sentence for people.
    pub(super) fn sentence(&self) -> String {
        let Self { date, commit, processor, cores, kernel, rustc, beside, load_before } = self;
        format!(
            "{date}, commit {commit}: {cores} cores ({processor}), {kernel}, {rustc}, {beside}; \
             load before the run {load_before}"
        )
    }
}

/// The first line that a program says on either output; `unknown` if it says nothing.
pub(super) fn first_line(command: &mut Command) -> String {
    let said = command.output().ok().map(|output| [output.stdout, output.stderr].concat());
    let said = String::from_utf8_lossy(&said.unwrap_or_default()).into_owned();
    said.lines().next().unwrap_or("unknown").to_owned()
}

fn processor(cpuinfo: &str) -> String {
    let line = cpuinfo.lines().find(|line| line.starts_with("model name"));
    let name = line.and_then(|line| line.split_once(": ")).map(|(_, name)| name.trim());
    name.unwrap_or("unknown processor").to_owned()
}
