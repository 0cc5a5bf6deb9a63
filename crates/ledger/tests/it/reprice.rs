//! Recorded calls read again for their price, and written anew beside what was recorded first.

use rusqlite::Connection;
use tieline_ledger::{AuditFilter, CallId, Calls, PricedCall, Repricing, audit};
use tieline_types::{
    AttemptRecord, AuditRecord, CallRecord, Change, ChangeResult, Cost, CostState, ServiceTier,
    UsdPico,
};

use crate::common::{Home, record};

fn cost(pico: i128, state: CostState) -> Cost {
    Cost { usd: UsdPico::new(pico), state }
}

/// All calls of a span, and in how many batches they came.
fn calls(home: &Home, since_ms: u64, until_ms: u64) -> (Vec<PricedCall>, usize) {
    let mut reader = Calls::open(&home.database(), since_ms, until_ms).unwrap();
    let (mut all, mut batches) = (Vec::new(), 0);
    while let Some(batch) = reader.next_batch().unwrap() {
        batches += 1;
        all.extend(batch);
    }
    (all, batches)
}

fn write(home: &Home, records: impl IntoIterator<Item = CallRecord>) {
    let ledger = home.open();
    records.into_iter().for_each(|record| ledger.record(record));
    ledger.close().unwrap();
}

fn change(id: &str) -> AuditRecord {
    AuditRecord {
        id: id.to_owned(),
        at_ms: 7,
        actor: "command".to_owned(),
        claimed: None,
        action: Change::Reprice,
        subject: "all".to_owned(),
        before: Some("$1".to_owned()),
        after: Some("$2".to_owned()),
        result: ChangeResult::Applied,
        reason: None,
    }
}

#[test]
fn every_call_of_a_span_comes_once_and_in_order() {
    let home = Home::new();
    let base = record(0).started_ms;
    // Two thousand arrive at one time, so that batches end amid it.
    let at = |number: u64| CallRecord { started_ms: base + number / 2_000, ..record(number) };
    let idle = CallRecord { attempts: Vec::new(), ..record(2_500) };
    write(&home, (0..2_500).map(at).chain([idle]));
    let (all, batches) = calls(&home, base, u64::MAX);
    assert_eq!((all.len(), batches), (2_500, 3), "one attempt of each used something");
    assert!(all.is_sorted_by_key(|one| one.started_ms));
    let mut inputs: Vec<u64> = all.iter().map(|one| one.usage.unwrap().input).collect();
    inputs.sort_unstable();
    assert!(inputs.iter().copied().eq(0..2_500));
    let first = &all[0];
    assert_eq!((&*first.feature, &*first.tier), ("support-reply", "frontier"));
    assert_eq!((&*first.deployment, &*first.caller), ("gpt-5.5@azure-sweden", "local"));
    assert_eq!(first.service_tier, ServiceTier::served("flex"));
    assert_eq!(first.cost, Some(cost(20_600_000_000, CostState::Estimated)));
    assert_eq!(calls(&home, base + 1, u64::MAX).0.len(), 500);
    assert_eq!(calls(&home, base, base + 1).0.len(), 2_000);
    assert_eq!(calls(&home, base + 9_999, u64::MAX), (Vec::new(), 0));
}

/// What the database has of the first cost of the priced attempt.
fn first_cost(home: &Home) -> (Option<i64>, Option<String>, Option<i64>) {
    let sql = "SELECT first_cost_pico, first_cost_state, repriced_ms FROM attempts
               WHERE usage_input IS NOT NULL";
    let read = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?));
    Connection::open(home.database()).unwrap().query_row(sql, [], read).unwrap()
}

#[test]
fn what_was_recorded_first_is_kept_however_often_it_is_priced_again() {
    for recorded in [Some(cost(5, CostState::Partial)), None] {
        let home = Home::new();
        let mut request = record(1);
        let attempts = request.attempts.iter_mut();
        attempts.filter(|one| one.usage.is_some()).for_each(|one| one.cost = recorded);
        write(&home, [request]);
        assert_eq!(first_cost(&home), (None, None, None));
        let mut repricing = Repricing::open(&home.database()).unwrap();
        for (pico, at_ms) in [(6, 100), (7, 200)] {
            let id: CallId = calls(&home, 0, u64::MAX).0[0].id;
            let now = cost(pico, CostState::Priced);
            repricing.write(&[(id, now)], at_ms, Some(&change(&format!("chg_{at_ms}")))).unwrap();
            let kept = home.all();
            let costs: Vec<_> =
                kept[0].attempts.iter().map(|one: &AttemptRecord| one.cost).collect();
            assert_eq!(costs, [None, Some(now)]);
            let first = recorded.map(|_| 5);
            let state = recorded.map(|_| "partial".to_owned());
            assert_eq!(first_cost(&home), (first, state, Some(at_ms.cast_signed())));
        }
        let changes = audit(&home.database(), &AuditFilter::default()).unwrap();
        assert_eq!(changes.len(), 2);
        assert_eq!(changes[0].action, Change::Reprice);
    }
}

#[test]
fn a_gateway_records_meanwhile() {
    let home = Home::new();
    write(&home, (0..500).map(record));
    let ledger = home.open();
    let mut repricing = Repricing::open(&home.database()).unwrap();
    let now = cost(9, CostState::Priced);
    for round in 0..5 {
        (0..100).for_each(|number| ledger.record(record(1_000 + round * 100 + number)));
        let all = calls(&home, 0, record(500).started_ms).0;
        let costs: Vec<_> = all.iter().map(|one| (one.id, now)).collect();
        repricing.write(&costs, 1, None).unwrap();
    }
    ledger.close().unwrap();
    let all = calls(&home, 0, u64::MAX).0;
    assert_eq!(all.len(), 1_000, "no record is lost");
    assert_eq!(all.iter().filter(|one| one.cost == Some(now)).count(), 500);
}
