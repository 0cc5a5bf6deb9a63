//! What counts, and what is good.

use std::time::Duration;

use tieline_slo::{Event, Indicator, JobEnd, Moment, Selection};
use tieline_types::{
    AttemptRecord, CallRecord, Class, Cost, CostState, DialectId, Outcome, Reason, Usage, UsdPico,
};

use crate::support::{days, slo};

/// A stream that the best tier served, with its first content after a second and its last after
/// three.
pub(crate) fn call() -> CallRecord {
    CallRecord {
        id: "req_1".to_owned(),
        started_ms: 0,
        duration_us: 3_000_000,
        first_content_us: Some(1_000_000),
        longest_gap_us: None,
        dialect: DialectId::OpenaiChat,
        feature: "support-reply".into(),
        model_asked: "support-reply".to_owned(),
        stream: true,
        caller: "local".into(),
        tier: Some("frontier".into()),
        deployment: Some("gpt-5.5@openai".into()),
        outcome: Outcome::Served,
        status: 200,
        fault: None,
        fault_message: None,
        losses: Vec::new(),
        usage: Some(Usage { input: 2_000, output: 100, ..Usage::default() }),
        trace_id: None,
        attempts: Vec::new(),
        passed_over: Vec::new(),
        decision: None,
    }
}

pub(crate) fn attempt(usd: &str, state: CostState) -> AttemptRecord {
    AttemptRecord {
        tier: "frontier".into(),
        deployment: "gpt-5.5@openai".into(),
        provider: "openai".into(),
        dialect: DialectId::OpenaiChat,
        reason: Reason::Chosen,
        start_us: 0,
        duration_us: 1,
        first_content_us: None,
        status: Some(200),
        fault: None,
        phase: None,
        fault_message: None,
        upstream_request_id: None,
        model_served: None,
        service_tier: None,
        usage: None,
        cost: Some(Cost { usd: usd.parse().unwrap(), state }),
    }
}

const fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

type Change = fn(&mut CallRecord);

fn judged(indicator: &Indicator, tier: Option<usize>, change: Change) -> Option<bool> {
    let mut call = call();
    change(&mut call);
    indicator.judge(&Event::new(&call, tier))
}

#[test]
fn availability_counts_what_the_service_answers_for() {
    let acceptable = Indicator::Availability { max_tier: Some(1) };
    let cases: [(&str, Option<usize>, Change, Option<bool>); 11] = [
        ("served", Some(0), |_| (), Some(true)),
        ("by the last tier that will do", Some(1), |_| (), Some(true)),
        ("by one that will not", Some(2), |_| (), Some(false)),
        ("degraded", Some(1), |call| call.outcome = Outcome::Degraded, Some(false)),
        ("failed", None, |call| call.outcome = Outcome::Failed, Some(false)),
        ("broken", Some(0), |call| call.outcome = Outcome::Broken, Some(false)),
        ("the client's own mistake", None, |call| call.outcome = Outcome::Refused, None),
        ("a content policy", None, |call| call.fault = Some(Class::PolicyBlock), None),
        (
            "left at once",
            None,
            |call| {
                (call.outcome, call.first_content_us, call.duration_us) =
                    (Outcome::Cancelled, None, 1_999_999);
            },
            None,
        ),
        (
            "left after waiting",
            None,
            |call| (call.outcome, call.first_content_us) = (Outcome::Cancelled, None),
            Some(false),
        ),
        ("left in the middle", Some(0), |call| call.outcome = Outcome::Cancelled, None),
    ];
    for (what, tier, change, wanted) in cases {
        assert_eq!(judged(&acceptable, tier, change), wanted, "{what}");
    }
    let any = Indicator::Availability { max_tier: None };
    assert_eq!(judged(&any, Some(7), |_| ()), Some(true));
}

#[test]
fn answers_are_judged_by_tier_time_and_end() {
    let first = |within, of| Indicator::FirstToken { within: seconds(within), of };
    let whole = |within| Indicator::Latency { within: seconds(within), of: Selection::default() };
    let of = Selection::default();
    let short = Selection { prompt_up_to: Some(1_999), ..of };
    let long = Selection { prompt_above: Some(1_999), ..of };
    let reasoned = Selection { reasoning: Some(true), ..of };
    let failed: Change = |call| call.outcome = Outcome::Failed;
    let plain: Change = |call| call.stream = false;
    let unknown: Change = |call| call.usage = None;
    let thought: Change = |call| call.usage = Some(Usage { reasoning: 5, ..Usage::default() });
    let broken: Change = |call| call.outcome = Outcome::Broken;
    let left: Change = |call| call.outcome = Outcome::Cancelled;
    let same: Change = |_| ();
    let cases: [(Indicator, Option<usize>, Change, Option<bool>); 21] = [
        (Indicator::BestTier, Some(0), same, Some(true)),
        (Indicator::BestTier, Some(1), same, Some(false)),
        (Indicator::BestTier, None, failed, None),
        (first(1, of), Some(0), same, Some(true)),
        (first(0, of), Some(0), same, Some(false)),
        (first(1, of), Some(0), plain, None),
        (first(1, of), None, failed, None),
        (first(1, short), Some(0), same, None),
        (first(1, long), Some(0), same, Some(true)),
        (first(1, long), Some(0), unknown, None),
        (first(1, of), Some(0), unknown, Some(true)),
        (first(1, reasoned), Some(0), same, None),
        (first(1, reasoned), Some(0), thought, Some(true)),
        (whole(3), Some(0), plain, Some(true)),
        (whole(2), Some(0), same, Some(false)),
        (whole(2), None, failed, None),
        (Indicator::StreamCompletion, Some(0), same, Some(true)),
        (Indicator::StreamCompletion, Some(0), broken, Some(false)),
        (Indicator::StreamCompletion, Some(0), left, None),
        (Indicator::StreamCompletion, Some(0), plain, None),
        (Indicator::StreamCompletion, None, |call| call.first_content_us = None, None),
    ];
    for (indicator, tier, change, wanted) in cases {
        assert_eq!(judged(&indicator, tier, change), wanted, "{indicator:?}");
    }
}

#[test]
fn a_stream_is_smooth_when_it_is_even_and_fast() {
    // 100 tokens in two seconds.
    for (gap, pace, longest, wanted) in [
        (None, Some(50.0), None, Some(true)),
        (None, Some(51.0), None, Some(false)),
        (Some(1), None, Some(1), Some(true)),
        (Some(1), None, Some(2), Some(false)),
        (Some(1), None, None, None),
        (Some(1), Some(50.0), None, None),
        (Some(1), Some(51.0), None, Some(false)),
        (Some(1), Some(50.0), Some(1), Some(true)),
    ] {
        let indicator = Indicator::Smoothness { gap: gap.map(seconds), tokens_per_second: pace };
        let call = call();
        let event = Event { longest_gap: longest.map(seconds), ..Event::new(&call, Some(0)) };
        assert_eq!(indicator.judge(&event), wanted, "{indicator:?} {longest:?}");
    }
    let pace = Indicator::Smoothness { gap: None, tokens_per_second: Some(1.0) };
    let few: Change = |call| call.usage = Some(Usage { output: 49, ..Usage::default() });
    assert_eq!(judged(&pace, Some(0), few), None, "too few tokens to have a pace");
}

#[test]
fn a_cost_that_is_not_known_is_no_low_one() {
    let indicator = Indicator::Cost { at_most: "0.05".parse::<UsdPico>().unwrap() };
    for (attempts, wanted) in [
        (vec![], Some(true)),
        (vec![attempt("0.05", CostState::Priced)], Some(true)),
        (vec![attempt("0.051", CostState::Estimated)], Some(false)),
        (vec![attempt("0.03", CostState::Priced), attempt("0.03", CostState::Priced)], Some(false)),
        (vec![attempt("0.03", CostState::Priced), attempt("0", CostState::Unpriced)], None),
        (vec![attempt("0.06", CostState::Priced), attempt("0", CostState::Unpriced)], Some(false)),
        (vec![AttemptRecord { cost: None, ..attempt("0", CostState::Priced) }], None),
    ] {
        let call = CallRecord { attempts, ..call() };
        assert_eq!(indicator.judge(&Event::new(&call, Some(0))), wanted, "{:?}", call.attempts);
    }
}

#[test]
fn grades_and_jobs_are_judged_where_they_are_known() {
    let call = call();
    let event = Event::new(&call, Some(0));
    let quality = Indicator::Quality { at_least: 0.8 };
    for (score, wanted) in [(None, None), (Some(0.8), Some(true)), (Some(0.79), Some(false))] {
        assert_eq!(quality.judge(&Event { score, ..event }), wanted);
    }
    let fresh = Indicator::Freshness { within: seconds(60) };
    let job = |took, done| Some(JobEnd { took: seconds(took), done });
    for (job, wanted) in [
        (None, None),
        (job(60, true), Some(true)),
        (job(61, true), Some(false)),
        (job(1, false), Some(false)),
    ] {
        assert_eq!(fresh.judge(&Event { job, ..event }), wanted);
    }
    assert_eq!(quality.moment(), Moment::Graded);
    assert_eq!(fresh.moment(), Moment::JobEnded);
    assert_eq!(Indicator::BestTier.moment(), Moment::Closed);
}

#[test]
fn a_digest_is_of_what_is_counted_and_of_nothing_else() {
    let one = slo(0.999, days(30));
    let mut other = slo(0.9, days(7));
    other.name = "another".into();
    assert_eq!(one.digest(), other.digest());
    assert_eq!(one.digest().len(), 64);
    let mut seen = vec![one.digest()];
    let of = Selection::default();
    let within = seconds(3);
    for indicator in [
        Indicator::Availability { max_tier: Some(0) },
        Indicator::Availability { max_tier: Some(1) },
        Indicator::BestTier,
        Indicator::FirstToken { within, of },
        Indicator::FirstToken { within, of: Selection { prompt_above: Some(4_000), ..of } },
        Indicator::FirstToken { within, of: Selection { prompt_up_to: Some(4_000), ..of } },
        Indicator::FirstToken { within, of: Selection { reasoning: Some(false), ..of } },
        Indicator::Latency { within, of },
        Indicator::Freshness { within },
        Indicator::Smoothness { gap: Some(within), tokens_per_second: None },
        Indicator::Smoothness { gap: None, tokens_per_second: Some(50.0) },
        Indicator::StreamCompletion,
        Indicator::Quality { at_least: 0.8 },
        Indicator::Cost { at_most: UsdPico::new(5) },
    ] {
        other.indicator = indicator;
        assert!(!seen.contains(&other.digest()), "{:?}", other.indicator);
        seen.push(other.digest());
    }
    other.indicator = one.indicator.clone();
    other.feature = "another".into();
    assert_ne!(one.digest(), other.digest());
}
