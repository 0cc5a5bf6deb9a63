//! The promise itself: a process that is killed loses nothing accepted more than a second ago,
//! provided that the ledger keeps pace with what it accepts.

use std::{
    env,
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use tokio::time::Instant;

use crate::common::{Home, eventually, record, settings_in};

/// Names the child's directory; set only in the child.
const DIRECTORY: &str = "TIELINE_LEDGER_TEST_DIRECTORY";

/// What the child says after it has recorded one more.
const ACCEPTED: &str = "accepted";

/// What the child says when it has not recorded, because the ledger is behind.
const BEHIND: &str = "behind";

/// How many records may be queued for the ledger to count as keeping pace. Without this the child
/// offers more than an unoptimised build can encode, and the queue grows older than the promise.
const BACKLOG: usize = 500;

/// What the promise allows.
const PROMISE: Duration = Duration::from_secs(1);

#[test]
fn a_killed_process_loses_nothing_older_than_a_second() {
    let home = Home::new();
    let kept_within_the_promise = run_and_kill(&home);
    let ledger = home.open();
    eventually("everything old enough is there", || holds(&home, kept_within_the_promise));
    ledger.close().unwrap();
}

#[test]
fn a_killed_process_with_a_locked_database_loses_nothing_older_than_a_second() {
    let home = Home::new();
    home.open().close().unwrap();
    let lock = home.lock();
    let kept_within_the_promise = run_and_kill(&home);
    assert!(home.all().is_empty());
    drop(lock);
    let ledger = home.open();
    eventually("everything old enough is there", || holds(&home, kept_within_the_promise));
    eventually("the spill is gone", || home.spill_files("jsonl").is_empty());
    ledger.close().unwrap();
}

/// Whether the records `0..count` are there, each once and whole.
fn holds(home: &Home, count: u64) -> bool {
    let mut found = home.all();
    found.reverse();
    found.len() >= usize::try_from(count).unwrap()
        && found.iter().zip(0..).all(|(found, number)| *found == record(number))
}

/// Has a child record one by one, kills it, and gives how many records were old enough by then.
fn run_and_kill(home: &Home) -> u64 {
    let mut child = Command::new(env::current_exe().unwrap())
        .args(["--exact", "kill::child", "--nocapture", "--test-threads=1"])
        .env(DIRECTORY, home.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut asks = child.stdin.take().unwrap();
    let mut answers = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut accepted = Vec::new();
    // Asks for one at a time until the oldest is half a second beyond the promise.
    while accepted.first().is_none_or(|first: &Instant| first.elapsed() < PROMISE * 3 / 2) {
        asks.write_all(b"\n").unwrap();
        if is_accepted(&mut answers) {
            accepted.push(Instant::now());
        }
    }
    let killed = Instant::now();
    child.kill().unwrap();
    child.wait().unwrap();
    let old_enough = accepted.iter().filter(|at| killed.duration_since(**at) >= PROMISE).count();
    assert!(old_enough > 0);
    u64::try_from(old_enough).unwrap()
}

/// Reads the child's next answer, past what the test harness prints around it.
fn is_accepted(lines: &mut impl Iterator<Item = std::io::Result<String>>) -> bool {
    let answer = lines
        .map(|line| line.unwrap())
        .find(|line| line.ends_with(ACCEPTED) || line.ends_with(BEHIND));
    answer.unwrap().ends_with(ACCEPTED)
}

/// The process that the tests above kill; there is nothing to do where they are not its parents.
#[test]
fn child() {
    let Some(directory) = env::var_os(DIRECTORY) else {
        return;
    };
    let ledger = tieline_ledger::Ledger::open(&settings_in(Path::new(&directory))).unwrap();
    let mut numbers = 0..;
    for _ask in std::io::stdin().lines() {
        if ledger.status().queued >= BACKLOG {
            println!("{BEHIND}");
            continue;
        }
        ledger.record(record(numbers.next().unwrap()));
        println!("{ACCEPTED}");
    }
}
