//! Changes go in and come out, by the same ways as requests.

use std::fs;

use tieline_ledger::{AuditFilter, LedgerError, audit};
use tieline_types::{AuditRecord, Change, ChangeResult};

use crate::common::{Home, eventually, record, until};

fn change(number: u64, action: Change, subject: &str) -> AuditRecord {
    AuditRecord {
        id: format!("chg_{number:010}"),
        at_ms: 1_790_000_000_000 + number,
        actor: "127.0.0.1:50123".to_owned(),
        claimed: Some("robin 'the op'".to_owned()),
        action,
        subject: subject.to_owned(),
        before: Some("in service".to_owned()),
        after: None,
        result: ChangeResult::Applied,
        reason: None,
    }
}

fn all(home: &Home) -> Vec<AuditRecord> {
    audit(&home.database(), &AuditFilter { limit: u32::MAX, ..AuditFilter::default() }).unwrap()
}

#[test]
fn changes_come_back_equal_and_newest_first() {
    let home = Home::new();
    let ledger = home.open();
    let refused = AuditRecord {
        result: ChangeResult::Refused,
        reason: Some("unknown key `x`\nat line 3".to_owned()),
        claimed: None,
        ..change(3, Change::Reload, "/etc/tieline.yaml")
    };
    let changes = [refused, change(2, Change::Undrain, "m@b"), change(1, Change::Drain, "m@a")];
    for change in changes.iter().rev().chain(&changes) {
        ledger.record(record(change.at_ms));
        assert!(ledger.record_change(change.clone()));
    }
    until(&ledger, "all written, each once", |status| status.written == 6 && status.queued == 0);
    assert_eq!(all(&home), changes);
    assert_eq!(home.all().len(), 3, "beside the requests");
    let filter = |since_ms, limit| AuditFilter { since_ms, limit };
    let newest = ledger.audit(&filter(None, 1)).unwrap();
    assert_eq!(newest, changes[..1]);
    let since = ledger.audit(&filter(Some(changes[1].at_ms), 9)).unwrap();
    assert_eq!(since, changes[..2]);
    assert_eq!(ledger.audit(&filter(Some(u64::MAX), 9)).unwrap(), []);
    ledger.clone().close().unwrap();
    assert!(!ledger.record_change(changes[0].clone()), "it is closed");
}

#[test]
fn the_last_word_on_each_subject_is_that_of_the_latest_applied_change() {
    let home = Home::new();
    let ledger = home.open();
    let said = [
        change(1, Change::Drain, "m@a"),
        change(2, Change::Drain, "m@b"),
        change(2, Change::Undrain, "m@b"),
        change(9, Change::Reload, "m@a"),
        AuditRecord { result: ChangeResult::Refused, ..change(8, Change::Undrain, "m@a") },
        // As after an import of what was spilled.
        change(5, Change::Drain, "m@c"),
        change(4, Change::Undrain, "m@c"),
    ];
    for (number, said) in (0..).zip(said) {
        assert!(ledger.record_change(AuditRecord { id: format!("chg_{number}"), ..said }));
    }
    until(&ledger, "all written", |status| status.written == 7);
    let last = ledger.last_changes(&[Change::Drain, Change::Undrain]).unwrap();
    let last: Vec<_> = last.iter().map(|one| (one.subject.as_str(), one.action)).collect();
    assert_eq!(last, [("m@a", Change::Drain), ("m@b", Change::Undrain), ("m@c", Change::Drain)]);
}

#[test]
fn a_change_survives_a_stuck_database() {
    let home = Home::new();
    let ledger = home.open();
    let lock = home.lock();
    assert!(ledger.record_change(change(1, Change::Drain, "m@a")));
    ledger.record(record(1));
    until(&ledger, "both spilled", |status| status.spilled == 2);
    assert_eq!(all(&home), []);
    ledger.close().unwrap();
    drop(lock);
    let segments = home.spill_files("jsonl");
    let damaged = format!("{{\"audit\":1}}\n{}", fs::read_to_string(&segments[0]).unwrap());
    fs::write(&segments[0], damaged).unwrap();
    let ledger = home.open();
    until(&ledger, "imported", |status| status.imported == 2);
    assert_eq!(ledger.status().rejected, 1);
    eventually("the spill is gone", || home.spill_files("jsonl").is_empty());
    assert_eq!(all(&home), [change(1, Change::Drain, "m@a")]);
    assert_eq!(home.all(), [record(1)]);
}

#[test]
fn reading_makes_nothing() {
    let home = Home::new();
    let missing = audit(&home.database(), &AuditFilter::default());
    assert!(matches!(missing, Err(LedgerError::Open { .. })), "{missing:?}");
    assert!(!home.database().exists());
}
