//! Filters, compared with the plainest way to filter.

use std::sync::{Arc, LazyLock};

use proptest::{option, prelude::*, sample::select};
use tieline_ledger::{Filter, query};
use tieline_types::{CallRecord, Class, Outcome};

use crate::common::{Home, OUTCOMES, newest_first, record};

const FEATURES: [&str; 3] = ["support-reply", "search", ""];
const CALLERS: [&str; 2] = ["local", "k1"];
const DEPLOYMENTS: [&str; 3] = ["gpt-5.5@openai", "gpt-5.5@azure-sweden", "nowhere"];
const CLASSES: [Class; 3] = [Class::Overloaded, Class::RateLimited, Class::Billing];
const COUNT: u64 = 240;

/// Records of every mixture of values; several arrive in the same millisecond.
fn records() -> Vec<CallRecord> {
    (0..COUNT).map(mixed).collect()
}

fn mixed(number: u64) -> CallRecord {
    let index = usize::try_from(number).unwrap();
    let name = |names: &[&str], by: usize| -> Arc<str> { names[(index / by) % names.len()].into() };
    let mut mixed = record(number);
    mixed.started_ms = 1_000 + number / 3;
    mixed.feature = name(&FEATURES, 1);
    mixed.caller = name(&CALLERS, 3);
    mixed.outcome = OUTCOMES[(index / 2) % OUTCOMES.len()];
    mixed.deployment = (index % 4 != 0).then(|| name(&DEPLOYMENTS[..2], 5));
    mixed.fault = (index % 5 == 0).then(|| CLASSES[(index / 7) % 3]);
    mixed.attempts.truncate(index % 3);
    if let Some(first) = mixed.attempts.first_mut() {
        first.deployment = name(&DEPLOYMENTS[..2], 2);
        first.fault = (index % 2 == 0).then(|| CLASSES[(index / 4) % 2]);
    }
    mixed
}

/// A database with all the records, shared by the cases of the property.
static HOME: LazyLock<Home> = LazyLock::new(|| {
    let home = Home::new();
    let ledger = home.open();
    records().into_iter().for_each(|record| ledger.record(record));
    crate::common::until(&ledger, "all written", |status| status.written == COUNT);
    ledger.close().unwrap();
    home
});

fn passes(filter: &Filter, record: &CallRecord) -> bool {
    let Filter { id, feature, caller, outcome, deployment, fault, since_ms, until_ms, limit: _ } =
        filter;
    let is = |wanted: &Option<String>, found: &str| wanted.as_deref().is_none_or(|w| w == found);
    is(id, &record.id)
        && is(feature, &record.feature)
        && is(caller, &record.caller)
        && outcome.is_none_or(|outcome| outcome == record.outcome)
        && deployment.as_deref().is_none_or(|wanted| {
            record.deployment.as_deref() == Some(wanted)
                || record.attempts.iter().any(|attempt| &*attempt.deployment == wanted)
        })
        && fault.is_none_or(|class| {
            record.fault == Some(class)
                || record.attempts.iter().any(|attempt| attempt.fault == Some(class))
        })
        && since_ms.is_none_or(|since| record.started_ms >= since)
        && until_ms.is_none_or(|until| record.started_ms < until)
}

fn naive(filter: &Filter) -> Vec<CallRecord> {
    let mut records = newest_first(records());
    records.retain(|record| passes(filter, record));
    records.truncate(usize::try_from(filter.limit).unwrap());
    records
}

fn text(choices: &'static [&'static str]) -> impl Strategy<Value = Option<String>> {
    option::weighted(0.3, select(choices).prop_map(str::to_owned))
}

prop_compose! {
    fn any_filter()(
        id in option::weighted(0.1, (0..COUNT + 9).prop_map(|number| record(number).id)),
        feature in text(&FEATURES),
        caller in text(&CALLERS),
        outcome in option::weighted(0.3, select(&OUTCOMES[..])),
        deployment in text(&DEPLOYMENTS),
        fault in option::weighted(0.3, select(&CLASSES[..])),
        since_ms in option::weighted(0.4, prop_oneof![990..1_090_u64, Just(u64::MAX)]),
        until_ms in option::weighted(0.4, prop_oneof![990..1_090_u64, Just(u64::MAX)]),
        limit in prop_oneof![0..20_u32, Just(u32::MAX)],
    ) -> Filter {
        Filter { id, feature, caller, outcome, deployment, fault, since_ms, until_ms, limit }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    #[test]
    fn a_filter_gives_what_the_naive_one_gives(filter in any_filter()) {
        prop_assert_eq!(query(&HOME.database(), &filter).unwrap(), naive(&filter));
    }
}

#[test]
fn each_condition_alone_gives_some_and_not_all() {
    let filters = [
        Filter { id: Some(record(17).id), ..Filter::default() },
        Filter { feature: Some("search".to_owned()), ..Filter::default() },
        Filter { caller: Some("k1".to_owned()), ..Filter::default() },
        Filter { outcome: Some(Outcome::Broken), ..Filter::default() },
        Filter { deployment: Some("gpt-5.5@openai".to_owned()), ..Filter::default() },
        Filter { fault: Some(Class::Billing), ..Filter::default() },
        Filter { since_ms: Some(1_040), ..Filter::default() },
        Filter { until_ms: Some(1_020), ..Filter::default() },
    ];
    for filter in filters {
        let filter = Filter { limit: u32::MAX, ..filter };
        let found = query(&HOME.database(), &filter).unwrap();
        assert!(!found.is_empty(), "{filter:?}");
        assert!(u64::try_from(found.len()).unwrap() < COUNT, "{filter:?}");
        assert_eq!(found, naive(&filter));
    }
}

#[test]
fn the_usual_limit_gives_the_newest_hundred() {
    let found = query(&HOME.database(), &Filter::default()).unwrap();
    assert_eq!(found, newest_first(records())[..100]);
}
