//! What the kernel says of a process and its children. Source: proc(5).

use std::{fs, path::PathBuf};

/// Microseconds in a tick of processor time; Linux tells ticks of 1/100 s on every common machine.
const TICK_US: f64 = 10_000.0;
/// The field of `stat` with a process's own user time, which its system time follows.
const OWN: usize = 14;
/// The same of its children that have ended.
const CHILDREN: usize = 16;

/// Memory of a process with its children, in kibibytes.
#[derive(Clone, Copy, Debug, Default, serde::Serialize, serde::Deserialize)]
pub(crate) struct Memory {
    /// Resident pages.
    pub(crate) rss_kb: u64,
    /// Resident pages, shared ones by their share.
    pub(crate) pss_kb: u64,
}

/// Processor time that a process, with all its threads and children, has used, in microseconds.
pub(crate) fn cpu_us(pid: u32) -> f64 {
    family(pid).into_iter().filter_map(|pid| times(&text(pid, "stat")?, OWN)).sum::<f64>() * TICK_US
}

/// Processor time of the processes that this one started and that have ended, in microseconds.
pub(crate) fn waited_us() -> f64 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    times(&stat, CHILDREN).unwrap_or_default() * TICK_US
}

pub(crate) fn memory(pid: u32) -> Memory {
    let mut sum = Memory::default();
    for pid in family(pid) {
        let status = text(pid, "status").unwrap_or_default();
        let rollup = text(pid, "smaps_rollup").unwrap_or_default();
        sum.rss_kb += field(&status, "VmRSS:").unwrap_or_default();
        sum.pss_kb += field(&rollup, "Pss:").unwrap_or_default();
    }
    sum
}

fn text(pid: u32, file: &str) -> Option<String> {
    let path: PathBuf = ["/proc", &pid.to_string(), file].iter().collect();
    fs::read_to_string(path).ok()
}

/// The process and those it started itself.
fn family(pid: u32) -> Vec<u32> {
    let children = text(pid, &format!("task/{pid}/children")).unwrap_or_default();
    let children = children.split_whitespace().filter_map(|child| child.parse().ok());
    std::iter::once(pid).chain(children).collect()
}

/// User and system time of a `stat` line, in ticks, from a field on, which is counted from 1. The
/// second field is the program's name in brackets and may hold anything.
fn times(stat: &str, field: usize) -> Option<f64> {
    let after_name = stat.rsplit_once(')')?.1;
    let mut fields = after_name.split_whitespace().skip(field - 3);
    let user: f64 = fields.next()?.parse().ok()?;
    let system: f64 = fields.next()?.parse().ok()?;
    Some(user + system)
}

/// The number after a name such as `Pss:`.
fn field(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_found_behind_any_name() {
        // Made from documentation: proc(5).
        let stat = "4242 (a) b) S 1 2 3 4 5 6 7 8 9 10 120 30 7 8 20 0 1";
        assert_eq!(times(stat, OWN), Some(150.0));
        assert_eq!(times(stat, CHILDREN), Some(15.0));
        assert_eq!(times("4242 (short) S 1", OWN), None);
    }

    #[test]
    fn memory_of_this_process_is_not_nothing() {
        let memory = memory(std::process::id());
        assert!(memory.rss_kb > 0 && memory.pss_kb > 0);
    }
}
