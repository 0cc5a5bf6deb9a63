//! Files that are no ledger of this build are refused with advice, never overwritten.

use std::{fs, path::Path, thread};

use rusqlite::Connection;
use tieline_ledger::{Filter, Keys, Ledger, LedgerError, query};

use crate::common::{Home, record};

/// A way to spoil a database, and what the refusal must say.
struct Case {
    name: &'static str,
    spoil: fn(&Path),
    expected: fn(&LedgerError) -> bool,
    says: &'static str,
}

const CASES: [Case; 5] = [
    Case {
        name: "not a database",
        spoil: |path| fs::write(path, "id,feature\n".repeat(1_000)).unwrap(),
        expected: |error| matches!(error, LedgerError::Corrupt { .. }),
        says: "move it away",
    },
    Case {
        name: "a damaged schema page",
        spoil: |path| {
            drop(Keys::open(path).unwrap());
            let mut bytes = fs::read(path).unwrap();
            bytes[100..2_000].fill(0xa5);
            fs::write(path, bytes).unwrap();
        },
        expected: |error| matches!(error, LedgerError::Corrupt { .. }),
        says: "move it away",
    },
    Case {
        name: "a newer schema",
        spoil: |path| {
            drop(Keys::open(path).unwrap());
            run(path, "INSERT INTO schema_version (version, checksum) VALUES (99, '')");
        },
        expected: |error| matches!(error, LedgerError::Newer { found: 99, .. }),
        says: "newer build",
    },
    Case {
        name: "another version 1",
        spoil: |path| {
            drop(Keys::open(path).unwrap());
            run(path, "UPDATE schema_version SET checksum = 'other'");
        },
        expected: |error| matches!(error, LedgerError::Altered { version: 1, .. }),
        says: "differs",
    },
    Case {
        name: "a database of something else",
        spoil: |path| run(path, "CREATE TABLE bookmarks (url TEXT)"),
        expected: |error| matches!(error, LedgerError::Foreign { .. }),
        says: "another path",
    },
];

fn run(path: &Path, sql: &str) {
    Connection::open(path).unwrap().execute_batch(sql).unwrap();
}

#[test]
fn a_file_that_is_no_ledger_of_this_build_is_refused_with_advice() {
    for Case { name, spoil, expected, says } in CASES {
        let home = Home::new();
        spoil(&home.database());
        let refusals = [
            Ledger::open(&home.settings()).err().unwrap(),
            Keys::open(&home.database()).err().unwrap(),
            query(&home.database(), &Filter::default()).err().unwrap(),
        ];
        for refusal in refusals {
            assert!(expected(&refusal), "{name}: {refusal:?}");
            let message = refusal.to_string();
            assert!(message.contains(says), "{name}: {message}");
            assert!(message.contains("ledger.db"), "{name}: {message}");
        }
    }
}

#[test]
fn reading_makes_nothing() {
    let home = Home::new();
    let missing = query(&home.database(), &Filter::default());
    assert!(matches!(missing, Err(LedgerError::Open { .. })), "{missing:?}");
    assert!(!home.database().exists());

    drop(Connection::open(home.database()).unwrap());
    fs::write(home.database(), "").unwrap();
    let empty = query(&home.database(), &Filter::default());
    assert!(matches!(empty, Err(LedgerError::Older { found: 0, .. })), "{empty:?}");
}

#[test]
fn a_file_in_the_way_of_the_spill_is_an_error() {
    let home = Home::new();
    fs::write(home.settings().spill, "").unwrap();
    let refused = Ledger::open(&home.settings());
    assert!(matches!(refused.err(), Some(LedgerError::Directory { .. })));
}

#[test]
fn directories_are_made_and_a_second_open_finds_everything() {
    let home = Home::new();
    let mut settings = home.settings();
    settings.path = home.path().join("deep/down/ledger.db");
    settings.spill = home.path().join("else/where");
    for number in 0..3 {
        let ledger = Ledger::open(&settings).unwrap();
        ledger.record(record(number));
        ledger.close().unwrap();
    }
    assert_eq!(query(&settings.path, &Filter::default()).unwrap().len(), 3);
}

#[test]
fn many_may_open_a_new_ledger_at_once() {
    for _ in 0..5 {
        let home = Home::new();
        thread::scope(|scope| {
            for number in 0..6 {
                let home = &home;
                scope.spawn(move || {
                    let ledger = home.open();
                    ledger.record(record(number));
                    ledger.close().unwrap();
                });
            }
        });
        drop(home.open());
        crate::common::eventually("all there", || home.all().len() == 6);
    }
}
