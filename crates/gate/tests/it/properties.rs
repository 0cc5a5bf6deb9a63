//! What holds whatever the rows are.

use proptest::prelude::*;
use tieline_gate::{Item, MetricRule, SliceRule, Verdict, binary::PairedCounts, judge};

use crate::world::{failed, gate, item};

fn binary_arm(repeats: usize) -> impl Strategy<Value = Vec<f64>> {
    prop::collection::vec(prop_oneof![4 => Just(1.0), 1 => Just(0.0)], repeats)
}

fn graded_arm(repeats: usize) -> impl Strategy<Value = Vec<f64>> {
    prop::collection::vec(0.0..=1.0, repeats)
}

/// Rows of any kind: single or repeated, binary or graded, in clusters or not, in slices.
fn rows() -> impl Strategy<Value = Vec<Item>> {
    let arms = prop_oneof![
        prop::collection::vec((binary_arm(1), binary_arm(1)), 1..80),
        prop::collection::vec((binary_arm(3), binary_arm(3)), 1..60),
        prop::collection::vec((graded_arm(1), graded_arm(2)), 1..60),
    ];
    (arms, prop::option::of(1_usize..30)).prop_map(|(arms, clusters)| {
        let labelled = |(index, (candidate, incumbent)): (usize, (Vec<f64>, Vec<f64>))| Item {
            cluster: clusters.map(|clusters| format!("c{}", index % clusters)),
            slices: [("lang".to_owned(), ["de", "fr"][index % 2].to_owned())].into(),
            ..item(index, &candidate, &incumbent)
        };
        arms.into_iter().enumerate().map(labelled).collect()
    })
}

/// Which trials a provider failed to answer.
fn outage() -> impl Strategy<Value = Vec<bool>> {
    prop_oneof![
        prop::collection::vec(prop::bool::weighted(0.02), 512),
        prop::collection::vec(prop::bool::weighted(0.3), 512),
    ]
}

fn with_outage(items: &[Item], outage: &[bool]) -> Vec<Item> {
    let mut items = items.to_vec();
    let trials = items
        .iter_mut()
        .flat_map(|item| item.candidate.iter_mut().chain(item.incumbent.iter_mut()));
    for (trial, out) in trials.zip(outage) {
        if *out {
            *trial = failed("correct");
        }
    }
    items
}

fn counts() -> impl Strategy<Value = PairedCounts> {
    (0..200_usize, 0..40_usize, 0..40_usize, 0..200_usize)
        .prop_map(|(both, gained, lost, neither)| PairedCounts { both, gained, lost, neither })
}

fn config() -> ProptestConfig {
    ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() }
}

/// The same rows in two orders.
fn rows_and_shuffled() -> impl Strategy<Value = (Vec<Item>, Vec<Item>)> {
    rows().prop_flat_map(|items| (Just(items.clone()), Just(items).prop_shuffle()))
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn bounds_hold_their_estimate_within_what_is_possible(items in rows()) {
        let mut gate = gate(0.05);
        let slices = SliceRule { margin: Some(0.1), ..SliceRule::default() };
        gate.slices.insert("lang".to_owned(), slices);
        let rule = MetricRule { at_least: Some(0.5), ..gate.metrics["correct"] };
        gate.metrics.insert("correct".to_owned(), rule);
        let ruling = judge(&gate, &items).unwrap();
        let findings = ruling.metrics.iter().map(|metric| &metric.finding);
        for finding in findings.chain(ruling.slices.iter().map(|slice| &slice.finding)) {
            let interval = finding.interval;
            prop_assert!(-1.0 <= interval.lower && interval.upper <= 1.0, "{finding:?}");
            prop_assert!(interval.lower <= finding.estimate, "{finding:?}");
            prop_assert!(finding.estimate <= interval.upper, "{finding:?}");
            prop_assert!((0.0..=1.0).contains(&finding.p_worse), "{finding:?}");
            prop_assert!((0.0..=1.0).contains(&finding.power), "{finding:?}");
        }
    }

    #[test]
    fn every_paired_interval_is_ordered_and_possible(counts in counts(), tail in 0.001..0.4) {
        let all = [counts.tango(tail), counts.newcombe(tail), counts.exact(tail)];
        for interval in all.into_iter().chain([counts.bonett_price(tail)]) {
            prop_assert!(-1.0 <= interval.lower && interval.upper <= 1.0, "{interval:?}");
            prop_assert!(interval.lower <= interval.upper, "{interval:?}");
        }
        let swapped = PairedCounts { gained: counts.lost, lost: counts.gained, ..counts };
        prop_assert!((counts.tango(tail).lower + swapped.tango(tail).upper).abs() < 1e-9);
    }

    #[test]
    fn a_wider_margin_never_makes_it_worse(items in rows(), a in 0.01..0.5, b in 0.01..0.5) {
        let verdict = |margin| judge(&gate(margin), &items).unwrap().verdict;
        let rank = |verdict| match verdict {
            Verdict::Fail => 0,
            Verdict::Inconclusive | Verdict::Error => 1,
            Verdict::Pass => 2,
        };
        let (narrow, wide) = (f64::min(a, b), f64::max(a, b));
        prop_assert!(rank(verdict(narrow)) <= rank(verdict(wide)));
    }

    #[test]
    fn the_order_of_rows_does_not_matter(
        (items, shuffled) in rows_and_shuffled(),
    ) {
        prop_assert_eq!(judge(&gate(0.05), &items), judge(&gate(0.05), &shuffled));
    }

    #[test]
    fn an_outage_turns_no_pass_into_a_fail_and_no_fail_into_a_pass(
        items in rows(), outage in outage(), margin in 0.01..0.9,
    ) {
        let gate = gate(margin);
        let whole = judge(&gate, &items).unwrap().verdict;
        let holed = judge(&gate, &with_outage(&items, &outage)).unwrap().verdict;
        prop_assert!(!(whole == Verdict::Pass && holed == Verdict::Fail));
        prop_assert!(!(whole == Verdict::Fail && holed == Verdict::Pass));
    }
}
