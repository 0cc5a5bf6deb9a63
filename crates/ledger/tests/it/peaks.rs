//! Peaks of demand, and how soon deployments answered.

use std::time::Duration;

use tieline_ledger::{first_contents, peaks};
use tieline_types::{CallRecord, EVAL_CALLER, Usage};

use crate::common::{Home, record, until};

const MINUTE_MS: u64 = 60_000;

/// Twenty spans of five minutes with one request more each, of 1,000 tokens each.
fn records() -> Vec<CallRecord> {
    let spans = (0..20_u64).flat_map(|span| (0..=span).map(move |one| (span, one)));
    spans
        .zip(0..)
        .map(|((span, one), number)| {
            let mut busy = record(number);
            busy.started_ms = span * 5 * MINUTE_MS + one;
            busy.feature = "busy".into();
            busy.caller = if one == 19 { EVAL_CALLER } else { "local" }.into();
            busy.duration_us = 3_000_000;
            busy.stream = true;
            let usage = Usage { input: 600, cache_read: 200, output: 200, ..Usage::default() };
            busy.usage = Some(usage);
            for attempt in &mut busy.attempts {
                attempt.deployment = "m@p".into();
                attempt.fault = None;
                attempt.first_content_us = Some(10_000 * (number + 1));
            }
            busy.attempts.truncate(1);
            busy
        })
        .collect()
}

#[test]
fn a_peak_is_what_nearly_all_spans_keep_within() {
    let home = Home::new();
    let ledger = home.open();
    let all = records();
    let (count, calls) =
        (all.len() as u64, all.iter().filter(|one| !one.attempts.is_empty()).count());
    all.into_iter().for_each(|record| ledger.record(record));
    until(&ledger, "all written", |status| status.written == count);
    ledger.close().unwrap();
    let found = peaks(&home.database(), 0, u64::MAX).unwrap();
    let [busy] = found.as_slice() else { panic!("one feature: {found:?}") };
    // The nineteenth of twenty spans has 19 requests.
    assert!((busy.requests_per_minute - 19.0 / 5.0).abs() < 1e-9, "{busy:?}");
    assert_eq!(busy.input_tokens_per_minute, Some(19.0 * 800.0 / 5.0));
    assert_eq!(busy.output_tokens_per_minute, Some(19.0 * 200.0 / 5.0));
    assert!((busy.cached - 0.25).abs() < 1e-9);
    assert_eq!(busy.takes, Duration::from_secs(3));
    let early = peaks(&home.database(), 0, 10 * MINUTE_MS).unwrap();
    assert!((early[0].requests_per_minute - 2.0 / 5.0).abs() < 1e-9, "{early:?}");
    let firsts = first_contents(&home.database(), 0, u64::MAX).unwrap();
    assert!(calls > 0 && firsts.len() == 1);
    assert!(firsts["m@p"] >= Duration::from_millis(1_900), "{firsts:?}");
    assert!(firsts["m@p"] <= Duration::from_millis(2_120), "{firsts:?}");
}
