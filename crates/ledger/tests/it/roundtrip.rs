//! What goes in comes out, also while others read and after deaths.

use std::{fs, thread};

use proptest::{collection::vec, prelude::*};
use tieline_ledger::{Ledger, query};
use tieline_types::CallRecord;

use crate::common::{Home, any_record, eventually, ids, newest_first, record, settings_in, until};

#[test]
fn ten_thousand_records_come_back_equal() {
    let home = Home::new();
    let ledger = home.open();
    let records: Vec<_> = (0..10_000).map(record).collect();
    for record in &records {
        ledger.record(record.clone());
    }
    until(&ledger, "all written", |status| status.written == 10_000);
    assert!(ledger.status().writer_healthy);
    assert_eq!(ledger.status().dropped, 0);
    ledger.close().unwrap();
    assert_eq!(home.all(), newest_first(records));
}

#[tokio::test]
async fn a_flush_waits_for_everything_before_it() {
    let home = Home::new();
    let ledger = home.open();
    ledger.flush().await;
    for number in 0..2_500 {
        ledger.record(record(number));
    }
    ledger.clone().flush().await;
    assert_eq!(ledger.status().queued, 0);
}

#[test]
fn a_close_loses_nothing_and_later_records_are_counted_as_dropped() {
    let home = Home::new();
    let (ledger, clone) = (home.open(), home.open());
    let straggler = clone.clone();
    for number in 0..50 {
        ledger.record(record(number));
        clone.record(record(50 + number));
    }
    ledger.close().unwrap();
    clone.close().unwrap();
    straggler.record(record(100));
    assert_eq!(straggler.status().dropped, 1);
    drop(home.open());
    eventually("all in the database", || home.all().len() == 100);
}

#[test]
fn a_dropped_ledger_still_writes_what_it_accepted() {
    let home = Home::new();
    let ledger = home.open();
    ledger.record(record(1));
    drop(ledger);
    eventually("written", || home.all() == [record(1)]);
}

#[test]
fn the_same_request_is_kept_once() {
    let home = Home::new();
    let ledger = home.open();
    for _ in 0..3 {
        ledger.record(record(7));
    }
    ledger.close().unwrap();
    let ledger = home.open();
    ledger.record(CallRecord { status: 500, ..record(7) });
    ledger.record(record(8));
    until(&ledger, "settled", |status| status.queued == 0);
    until(&ledger, "the new one written", |status| status.written == 1);
    assert_eq!(home.all(), [record(8), record(7)]);
}

#[test]
fn readers_see_whole_records_while_two_ledgers_write() {
    let home = Home::new();
    let total = 4_000;
    let ledgers = [home.open(), home.open()];
    thread::scope(|scope| {
        for (offset, ledger) in (0..).zip(&ledgers) {
            scope.spawn(move || {
                for number in 0..total / 2 {
                    ledger.record(record(2 * number + offset));
                }
            });
        }
        for _ in 0..2 {
            scope.spawn(|| {
                eventually("everything is seen", || {
                    let seen = home.all();
                    for found in &seen {
                        let number = found.usage.unwrap().input;
                        assert_eq!(found, &record(number));
                    }
                    u64::try_from(seen.len()).unwrap() == total
                });
            });
        }
    });
    for ledger in ledgers {
        ledger.close().unwrap();
    }
}

#[test]
fn a_copy_of_the_files_of_a_running_ledger_opens_with_everything_flushed() {
    let home = Home::new();
    let ledger = home.open();
    let expected: Vec<_> = (0..500).map(record).collect();
    expected.iter().cloned().for_each(|record| ledger.record(record));
    until(&ledger, "all written", |status| status.written == 500);

    let copy = Home::new();
    for name in ["ledger.db", "ledger.db-wal"] {
        fs::copy(home.path().join(name), copy.path().join(name)).unwrap();
    }
    // What a killed process leaves: files that nobody has closed.
    std::mem::forget(ledger);
    let reopened = copy.open();
    reopened.record(record(500));
    reopened.close().unwrap();
    assert_eq!(ids(&copy.all()), ids(&(0..=500).map(record).collect::<Vec<_>>()));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn any_record_comes_back_equal(mut records in vec(any_record(), 1..12)) {
        records.sort_by(|a, b| a.id.cmp(&b.id));
        records.dedup_by(|a, b| a.id == b.id);
        let directory = tempfile::tempdir().unwrap();
        let settings = settings_in(directory.path());
        let ledger = Ledger::open(&settings).unwrap();
        records.iter().cloned().for_each(|record| ledger.record(record));
        let total = u64::try_from(records.len()).unwrap();
        until(&ledger, "all written", |status| status.written == total);
        ledger.close().unwrap();

        let mut found = query(&settings.path, &Default::default()).unwrap();
        found.sort_by(|a, b| a.id.cmp(&b.id));
        prop_assert_eq!(found, records);
    }
}
