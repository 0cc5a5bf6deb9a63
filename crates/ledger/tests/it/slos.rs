//! Counts of objectives: each once, there after a restart, and quick to read.

use std::{sync::Arc, time::Duration};

use tieline_ledger::{SloKey, SloMinute, recount_slo, slo_minutes};
use tokio::time::Instant;

use crate::common::{Home, eventually, record};

const DAYS_30: u64 = 30 * 24 * 60;

fn slo(name: &str, digest: &str) -> Arc<SloKey> {
    let (name, digest) = (name.into(), digest.into());
    Arc::new(SloKey { feature: "f".into(), name, digest })
}

fn at(minute: u64, good: u64, bad: u64) -> SloMinute {
    SloMinute { minute, good, bad }
}

#[test]
fn counts_add_up_by_definition_and_minute_and_outlive_the_process() {
    let home = Home::new();
    let (one, other) = (home.open(), home.open());
    let (served, redefined, fast) = (slo("served", "a"), slo("served", "b"), slo("fast", "a"));
    for ledger in [&one, &other] {
        (0..50).for_each(|_| ledger.count_slo(&served, at(7, 1, 0)));
        ledger.count_slo(&served, at(8, 0, 3));
        ledger.count_slo(&fast, at(7, 0, 1));
    }
    one.record(record(1));
    one.close().unwrap();
    other.close().unwrap();
    let again = home.open();
    let all = |slo: &SloKey| again.slo_minutes(slo, 0..u64::MAX).unwrap();
    assert_eq!(all(&served), [at(7, 100, 0), at(8, 0, 6)]);
    assert_eq!(all(&fast), [at(7, 0, 2)]);
    assert_eq!(all(&redefined), [], "another definition begins anew");
    assert_eq!(again.slo_minutes(&served, 8..9).unwrap(), [at(8, 0, 6)]);
    assert_eq!(again.slo_minutes(&served, 0..8).unwrap(), [at(7, 100, 0)]);
}

#[test]
fn what_a_stuck_database_does_not_take_waits_and_is_added_once() {
    let home = Home::new();
    let ledger = home.open();
    let served = slo("served", "a");
    let locked = home.lock();
    ledger.record(record(1));
    ledger.count_slo(&served, at(7, 2, 1));
    eventually("the record is spilled", || ledger.status().spilled > 0);
    drop(locked);
    let counted = || ledger.slo_minutes(&served, 0..10).unwrap();
    eventually("the counts are written", || counted() == [at(7, 2, 1)]);
    ledger.record(record(2));
    eventually("all is written", || ledger.status().written == 2);
    assert_eq!(counted(), [at(7, 2, 1)]);
}

#[test]
fn a_recount_replaces_its_span_alone_and_is_added_to() {
    let home = Home::new();
    let ledger = home.open();
    let (served, fast) = (slo("served", "a"), slo("fast", "a"));
    for minute in 5..10 {
        ledger.count_slo(&served, at(minute, 1, 1));
        ledger.count_slo(&fast, at(minute, 1, 1));
    }
    let path = home.database();
    let all = |slo: &SloKey| slo_minutes(&path, slo, 0..u64::MAX).unwrap();
    eventually("the counts are written", || all(&fast).len() == 5);
    recount_slo(&path, &served, 0..8, &[at(6, 9, 0), at(9, 9, 9)]).unwrap();
    assert_eq!(all(&served), [at(6, 9, 0), at(8, 1, 1), at(9, 1, 1)]);
    assert_eq!(all(&fast).len(), 5, "another objective is left alone");
    ledger.count_slo(&served, at(6, 0, 1));
    eventually("what is counted later is added", || all(&served).first() == Some(&at(6, 9, 1)));
    let elsewhere = home.database().with_file_name("none.db");
    recount_slo(&elsewhere, &served, 0..8, &[]).unwrap_err();
    assert!(!elsewhere.exists());
}

/// Ten million requests, of which each of a month's minutes has a row.
#[test]
fn a_month_of_minutes_is_read_within_a_second() {
    let home = Home::new();
    let ledger = home.open();
    let served = slo("served", "a");
    ledger.record(record(1));
    ledger.close().unwrap();
    let path = home.database();
    let month: Vec<SloMinute> = (0..DAYS_30).map(|minute| at(minute, 231, minute % 2)).collect();
    recount_slo(&path, &served, 0..DAYS_30, &month).unwrap();
    let began = Instant::now();
    let read = slo_minutes(&path, &served, 0..DAYS_30).unwrap();
    let took = began.elapsed();
    assert_eq!(read, month);
    let requests: u64 = read.iter().map(|one| one.good + one.bad).sum();
    assert_eq!(requests, DAYS_30 * 231 + DAYS_30 / 2);
    assert!(requests > 9_900_000 && took < Duration::from_secs(1), "{requests} in {took:?}");
}
