//! Many records, oldest first, a page at a time.

use tieline_ledger::Pages;

use crate::common::{Home, record};

#[test]
fn every_record_of_the_span_comes_once_and_in_order() {
    let home = Home::new();
    let ledger = home.open();
    // Many share a time, so that a page ends among them.
    for number in 0..2_500 {
        let mut one = record(number);
        one.started_ms = 1_000 + number / 700;
        ledger.record(one);
    }
    ledger.close().unwrap();
    let mut pages = Pages::open(&home.database(), 1_001, 1_003).unwrap();
    assert_eq!(pages.count().unwrap(), 1_400);
    let (mut read, mut sizes) = (Vec::new(), Vec::new());
    loop {
        let page = pages.next_page().unwrap();
        if page.is_empty() {
            break;
        }
        sizes.push(page.len());
        read.extend(page);
    }
    assert_eq!(sizes, [1_000, 400]);
    let mut wanted = home.all();
    wanted.retain(|one| (1_001..1_003).contains(&one.started_ms));
    wanted.sort_by(|one, other| (one.started_ms, &one.id).cmp(&(other.started_ms, &other.id)));
    assert_eq!(read, wanted, "each is whole");
    assert!(pages.next_page().unwrap().is_empty());
    let mut none = Pages::open(&home.database(), 5_000, u64::MAX).unwrap();
    assert_eq!((none.count().unwrap(), none.next_page().unwrap().len()), (0, 0));
}
