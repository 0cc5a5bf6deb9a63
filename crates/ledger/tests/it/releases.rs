//! Releases: written as they go, and there after a restart.

use tieline_ledger::{ReleaseRow, releases};

use crate::common::Home;

fn release(id: &str, started_ms: u64) -> ReleaseRow {
    ReleaseRow {
        id: id.to_owned(),
        feature: "reply".to_owned(),
        tier: "models".to_owned(),
        candidate: "m@p".to_owned(),
        stage: "shadow".to_owned(),
        started_ms,
        changed_ms: started_ms,
        progress: r#"{"pairs":0}"#.to_owned(),
    }
}

#[test]
fn a_release_is_there_as_it_was_written_last() {
    let home = Home::new();
    let ledger = home.open();
    ledger.keep_release(&release("rel_2", 20)).unwrap();
    ledger.keep_release(&release("rel_1", 10)).unwrap();
    let canary = ReleaseRow {
        stage: "canary".to_owned(),
        changed_ms: 30,
        progress: r#"{"pairs":100}"#.to_owned(),
        // What it is of never changes.
        feature: "other".to_owned(),
        ..release("rel_2", 99)
    };
    ledger.keep_release(&canary).unwrap();
    ledger.close().unwrap();
    let canary = ReleaseRow { feature: "reply".to_owned(), started_ms: 20, ..canary };
    assert_eq!(home.open().releases().unwrap(), [release("rel_1", 10), canary.clone()]);
    assert_eq!(releases(&home.database()).unwrap(), [release("rel_1", 10), canary]);
}

#[test]
fn a_database_that_is_locked_takes_none_and_says_so() {
    let home = Home::new();
    let ledger = home.open();
    let locked = home.lock();
    assert!(ledger.keep_release(&release("rel_1", 10)).is_err());
    drop(locked);
    ledger.keep_release(&release("rel_1", 10)).unwrap();
    assert_eq!(ledger.releases().unwrap().len(), 1);
}
