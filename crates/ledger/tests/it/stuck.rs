//! A database that takes nothing for a while: nothing lost, nothing double.

use std::{fs, fs::OpenOptions, io::Write, thread, time::Duration};

use tieline_ledger::{Ledger, LedgerError};

use crate::common::{Home, eventually, ids, newest_first, record, settings_in, until};

#[test]
fn records_are_spilled_while_the_database_is_locked_and_imported_once_afterwards() {
    let home = Home::new();
    let ledger = home.open();
    let records: Vec<_> = (0..3_000).map(record).collect();
    ledger.record(record(0));
    until(&ledger, "the first is written", |status| status.written == 1);

    let lock = home.lock();
    // The first is offered again: it is in the database and will be in the spill.
    records.iter().cloned().for_each(|record| ledger.record(record));
    until(&ledger, "all spilled", |status| status.queued == 0);
    assert_eq!(ledger.status().spilled, 3_000);
    assert_eq!(ledger.status().written, 1);
    assert!(!ledger.status().writer_healthy);
    let segments = home.spill_files("jsonl");
    let spilled: usize = segments.iter().map(|path| lines(path)).sum();
    assert_eq!(spilled, 3_000);
    assert_eq!(home.all(), [record(0)], "readers pass the lock");

    drop(lock);
    until(&ledger, "all imported", |status| status.imported == 3_000);
    eventually("the spill is gone", || home.spill_files("jsonl").is_empty());
    assert_eq!(home.all(), newest_first(records));
    let status = ledger.status();
    assert_eq!((status.written, status.dropped, status.rejected), (3_000, 0, 0));
    assert!(status.writer_healthy);
    ledger.close().unwrap();
}

/// As in tests that let hours pass in a moment.
#[test]
fn a_ledger_that_was_opened_in_another_time_imports_in_ours() {
    let home = Home::new();
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_time().start_paused(true).build().unwrap();
    let ledger = runtime.block_on(async {
        tokio::time::advance(Duration::from_secs(3_600)).await;
        home.open()
    });
    let lock = home.lock();
    ledger.record(record(0));
    until(&ledger, "it is spilled", |status| status.spilled == 1);
    drop(lock);
    until(&ledger, "it is imported", |status| status.imported == 1);
    ledger.close().unwrap();
}

#[test]
fn a_burst_beyond_what_the_ledger_takes_at_once_waits_in_the_queue_and_is_not_lost() {
    let home = Home::new();
    let ledger = home.open();
    let lock = home.lock();
    (0..10_000).for_each(|number| ledger.record(record(number)));
    let status = ledger.status();
    assert!(status.queued > 0, "the delay shows: {status:?}");
    until(&ledger, "all spilled", |status| status.queued == 0);
    assert_eq!((ledger.status().spilled, ledger.status().dropped), (10_000, 0));
    drop(lock);
    ledger.close().unwrap();
    let lines_left: usize = home.spill_files("jsonl").iter().map(|path| lines(path)).sum();
    assert!(lines_left + home.all().len() >= 10_000);
}

#[tokio::test]
async fn a_flush_ends_while_the_database_is_locked() {
    let home = Home::new();
    let ledger = home.open();
    let lock = home.lock();
    ledger.record(record(1));
    ledger.flush().await;
    assert_eq!(home.spill_files("jsonl").len(), 1);
    drop(lock);
    eventually("imported", || home.all() == [record(1)]);
}

#[test]
fn a_close_spills_what_a_locked_database_does_not_take_and_the_next_open_imports_it() {
    let home = Home::new();
    let ledger = home.open();
    let lock = home.lock();
    (0..20).for_each(|number| ledger.record(record(number)));
    ledger.close().unwrap();
    assert_eq!(home.spill_files("jsonl").len(), 1);
    drop(lock);

    let ledger = home.open();
    until(&ledger, "imported", |status| status.imported == 20);
    eventually("the spill is gone", || home.spill_files("jsonl").is_empty());
    assert_eq!(home.all().len(), 20);
}

#[test]
fn a_lost_database_connection_is_replaced() {
    let home = Home::new();
    let ledger = home.open();
    ledger.record(record(1));
    until(&ledger, "written", |status| status.written == 1);
    // Without its table the database refuses every record, as a damaged one does.
    let other = rusqlite::Connection::open(home.database()).unwrap();
    other.execute_batch("ALTER TABLE losses RENAME TO away").unwrap();
    ledger.record(record(2));
    until(&ledger, "spilled", |status| status.queued == 0 && !status.writer_healthy);
    other.execute_batch("ALTER TABLE away RENAME TO losses").unwrap();
    until(&ledger, "imported", |status| status.imported == 1);
    assert_eq!(home.all(), [record(2), record(1)]);
}

#[test]
fn a_torn_line_is_set_aside_and_the_others_are_imported() {
    let cases: [(&str, &[u8], u64); 3] = [
        ("torn at the end", br#"{"id":"req_torn","started_ms":17"#, 1),
        ("no JSON in between", b"\xff\xfe\x00 not a record\n", 1),
        ("JSON that is no record", b"{\"id\":5}\n[]\n", 2),
    ];
    for (case, damage, rejected) in cases {
        let home = Home::new();
        let ledger = home.open();
        let lock = home.lock();
        (0..5).for_each(|number| ledger.record(record(number)));
        ledger.close().unwrap();
        drop(lock);
        let segment = home.spill_files("jsonl").remove(0);
        OpenOptions::new().append(true).open(segment).unwrap().write_all(damage).unwrap();

        let ledger = home.open();
        until(&ledger, case, |status| status.imported == 5);
        eventually("the spill is gone", || home.spill_files("jsonl").is_empty());
        assert_eq!(ledger.status().rejected, rejected, "{case}");
        assert_eq!(home.all().len(), 5, "{case}");
        let aside = home.spill_files("rejected");
        assert_eq!(fs::read(&aside[0]).unwrap(), damage, "{case}");
    }
}

#[test]
fn a_segment_that_another_process_appends_to_is_left_alone() {
    let home = Home::new();
    let first = home.open();
    let lock = home.lock();
    first.record(record(1));
    until(&first, "spilled", |status| status.spilled == 1);
    let segment = home.spill_files("jsonl").remove(0);
    let text = fs::read(&segment).unwrap();

    // Another ledger on another database, but with the same spill.
    let elsewhere = Home::new();
    let mut settings = settings_in(elsewhere.path());
    settings.spill = home.settings().spill;
    let second = Ledger::open(&settings).unwrap();
    second.record(record(2));
    until(&second, "it works", |status| status.written == 1);
    second.close().unwrap();
    assert_eq!(fs::read(&segment).unwrap(), text);

    drop(lock);
    until(&first, "imported by its owner", |status| status.imported == 1);
    assert_eq!(ids(&home.all()), ids(&[record(1)]));
}

#[test]
fn when_the_spill_fails_too_the_oldest_are_kept_and_the_rest_is_counted() {
    let home = Home::new();
    let ledger = home.open();
    let lock = home.lock();
    let spill = home.settings().spill;
    fs::remove_dir(&spill).unwrap();
    fs::write(&spill, "in the way").unwrap();

    // A small record, so that the bound by count is met before the bound by bytes.
    let small = |number| tieline_types::CallRecord {
        attempts: Vec::new(),
        losses: Vec::new(),
        passed_over: Vec::new(),
        decision: None,
        ..record(number)
    };
    let mut offered = 0;
    while ledger.status().dropped < 100 {
        ledger.record(small(offered));
        offered += 1;
        assert!(offered < 1_000_000, "the queue is bounded");
    }
    let status = ledger.status();
    let kept = u64::try_from(status.queued).unwrap();
    assert_eq!(kept + status.dropped, offered);
    assert!(kept > 50_000);

    drop(lock);
    until(&ledger, "the kept ones are written", |status| status.written == kept);
    let found = home.all();
    assert_eq!(found.len(), status.queued);
    assert_eq!(found.last(), Some(&small(0)));
    assert_eq!(found.first(), Some(&small(kept - 1)));
    assert_eq!(ledger.status().dropped, 100);
    ledger.close().unwrap();
}

#[test]
fn a_close_says_how_many_records_neither_side_took() {
    let home = Home::new();
    let ledger = home.open();
    let lock = home.lock();
    let spill = home.settings().spill;
    fs::remove_dir(&spill).unwrap();
    fs::write(&spill, "in the way").unwrap();
    (0..3).for_each(|number| ledger.record(record(number)));
    let closing = thread::spawn(|| ledger.close());
    let closed = closing.join().unwrap();
    assert!(matches!(closed, Err(LedgerError::Unwritten { records: 3 })), "{closed:?}");
    drop(lock);
    eventually("still written", || home.all().len() == 3);
}

fn lines(path: &std::path::Path) -> usize {
    fs::read_to_string(path).unwrap().lines().count()
}
