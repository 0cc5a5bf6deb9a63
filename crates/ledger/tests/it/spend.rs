//! What was spent: added up exactly, each amount once, and there after a restart.

use tieline_ledger::SpendWindow;
use tieline_types::UsdPico;

use crate::common::{Home, eventually, record};

fn window(name: &str, start_ms: u64) -> SpendWindow {
    SpendWindow { kind: "feature", name: name.into(), per: "day", start_ms }
}

fn usd(text: &str) -> UsdPico {
    text.parse().unwrap()
}

#[test]
fn amounts_add_up_exactly_and_outlive_the_process() {
    let home = Home::new();
    let ledger = home.open();
    let windows = [window("a", 1), window("a", 2), window("b", 1)];
    let spend = |at: usize, text: &str| ledger.spend(windows[at].clone(), usd(text));
    for _ in 0..10 {
        spend(0, "0.999999999999");
    }
    spend(1, "9000000000000.000000000001");
    ledger.record(record(1));
    spend(1, "0.5");
    ledger.close().unwrap();
    let again = home.open();
    let expected = [usd("9.99999999999"), usd("9000000000000.500000000001"), UsdPico::ZERO];
    assert_eq!(again.spent(&windows).unwrap(), expected);
}

#[test]
fn processes_that_share_a_file_lose_none_of_each_others() {
    let home = Home::new();
    let (one, other) = (home.open(), home.open());
    for ledger in [&one, &other] {
        (0..50).for_each(|_| ledger.spend(window("a", 1), usd("0.1")));
    }
    one.close().unwrap();
    other.close().unwrap();
    assert_eq!(home.open().spent(&[window("a", 1)]).unwrap(), [usd("10")]);
}

#[test]
fn what_a_stuck_database_does_not_take_waits_and_is_added_once() {
    let home = Home::new();
    let ledger = home.open();
    let locked = home.lock();
    ledger.record(record(1));
    ledger.spend(window("a", 1), usd("0.25"));
    eventually("the record is spilled", || ledger.status().spilled > 0);
    drop(locked);
    let spent = || ledger.spent(&[window("a", 1)]).unwrap();
    eventually("the amount is written", || spent() == [usd("0.25")]);
    ledger.record(record(2));
    eventually("all is written", || ledger.status().written == 2);
    assert_eq!(spent(), [usd("0.25")]);
}
