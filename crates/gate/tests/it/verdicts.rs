//! What is passed, failed and left open, and what is said of it.

use std::collections::BTreeMap;

use tieline_gate::{
    Finding, Gate, Guard, Guards, Invalid, Item, Method, MetricRule, Ruling, SliceRule, Trial,
    Verdict,
    agreement::Orders,
    calibration::{Calibration, Confusion, Thresholds},
    judge,
};
use tieline_types::UsdPico;

use crate::world::{failed, gate, item, table, trial};

fn ruling(gate: &Gate, items: &[Item]) -> Ruling {
    judge(gate, items).unwrap()
}

fn finding(margin: f64, items: &[Item]) -> Finding {
    ruling(&gate(margin), items).metrics[0].finding.clone()
}

#[test]
fn the_verdict_has_three_values() {
    for (name, items, margin, verdict) in [
        ("equal, enough items", table(250, 15, 15, 20), 0.05, Verdict::Pass),
        ("equal, too few items", table(40, 3, 3, 4), 0.05, Verdict::Inconclusive),
        ("10 points worse", table(200, 10, 40, 50), 0.05, Verdict::Fail),
        ("as bad as the margin", table(200, 10, 25, 65), 0.05, Verdict::Inconclusive),
        ("no rows", Vec::new(), 0.05, Verdict::Error),
    ] {
        let ruling = ruling(&gate(margin), &items);
        assert_eq!(ruling.verdict, verdict, "{name}: {:?}", ruling.reasons);
        assert_eq!(ruling.reasons.len(), 1, "{name}");
    }
}

#[test]
fn what_is_better_or_tolerably_worse_is_told() {
    let better = finding(0.05, &table(200, 30, 5, 65));
    assert!(better.superior && !better.tolerable);
    assert!(better.reason.contains("better than the incumbent"), "{}", better.reason);
    let worse = finding(0.05, &table(900, 5, 25, 70));
    assert_eq!(worse.verdict, Verdict::Pass);
    assert!(worse.tolerable && !worse.superior);
    assert_eq!(
        worse.reason,
        "correct: worse than the incumbent, but by less than 5.0 points; \
         difference -2.0 (-3.0 to -1.2), 1000 items, Tango's interval"
    );
}

#[test]
fn an_open_question_says_how_many_items_are_missing() {
    let few = finding(0.05, &table(40, 3, 3, 4));
    assert_eq!(few.items, 50);
    assert_eq!(few.discordance, Some(0.12));
    // 6.18 · 0.12 / 0.05² = 297 in all.
    assert_eq!(few.items_missing, Some(247));
    assert!(few.power < 0.5, "{}", few.power);
    assert!(few.reason.contains("about 247 more items would tell"), "{}", few.reason);
    let bad = finding(0.05, &table(35, 3, 8, 4));
    assert_eq!((bad.verdict, bad.items_missing), (Verdict::Inconclusive, None));
    assert!(bad.reason.contains("more items would rather show it worse"), "{}", bad.reason);
}

#[test]
fn the_method_fits_the_data() {
    let graded: Vec<Item> =
        (0_u32..60).map(|i| item(i as usize, &[f64::from(i) / 60.0], &[0.5])).collect();
    let repeated: Vec<Item> =
        (0..60).map(|i| item(i, &[1.0, 0.0, 1.0], &[if i % 2 == 0 { 1.0 } else { 0.0 }])).collect();
    let mut clustered = table(40, 12, 12, 26);
    for (index, item) in clustered.iter_mut().enumerate() {
        item.cluster = Some(format!("c{}", index % 25));
    }
    for (name, items, method, widened) in [
        ("binary", table(30, 2, 2, 6), Method::Tango, false),
        ("few binary", table(20, 2, 2, 2), Method::Tango, true),
        ("graded", graded, Method::T, false),
        ("repeated", repeated, Method::T, false),
        ("clustered", clustered, Method::ClusteredT, false),
        ("one", table(1, 0, 0, 0), Method::Tango, true),
    ] {
        let finding = finding(0.05, &items);
        assert_eq!((finding.method, finding.widened), (method, widened), "{name}");
    }
}

#[test]
fn few_items_or_few_differences_need_more_than_students_t() {
    let equal = |n: usize| (0..n).map(|i| item(i, &[1.0; 3], &[1.0; 3])).collect::<Vec<_>>();
    let few = finding(0.05, &equal(25));
    assert_eq!((few.verdict, few.widened), (Verdict::Inconclusive, true), "{few:?}");
    assert_eq!(finding(0.05, &equal(100)).verdict, Verdict::Pass);
    let mut clusters = equal(200);
    for (index, item) in clusters.iter_mut().enumerate() {
        item.cluster = Some(format!("c{}", index % 5));
    }
    let clusters = finding(0.05, &clusters);
    assert_eq!((clusters.verdict, clusters.clusters), (Verdict::Inconclusive, Some(5)));
}

#[test]
fn without_an_incumbent_the_candidate_is_held_against_a_rate() {
    let alone = |good: usize, bad: usize| {
        let scores = std::iter::repeat_n(1.0, good).chain(std::iter::repeat_n(0.0, bad));
        scores.enumerate().map(|(index, score)| item(index, &[score], &[])).collect::<Vec<_>>()
    };
    let rule = MetricRule { at_least: Some(0.9), ..MetricRule::default() };
    let at_least = Gate { metrics: [("correct".to_owned(), rule)].into(), ..Gate::default() };
    for (good, bad, verdict) in [
        (190, 10, Verdict::Pass),
        (183, 17, Verdict::Inconclusive),
        (160, 40, Verdict::Fail),
        (25, 0, Verdict::Inconclusive),
        (45, 0, Verdict::Pass),
    ] {
        let ruling = ruling(&at_least, &alone(good, bad));
        assert_eq!(ruling.verdict, verdict, "{good} of {}: {:?}", good + bad, ruling.reasons);
        assert_eq!(ruling.metrics[0].finding.method, Method::Wilson);
    }
    let compared = ruling(&gate(0.05), &alone(100, 0));
    assert_eq!(compared.verdict, Verdict::Error);
    assert_eq!(compared.reasons, ["correct: no item has a score in both arms"]);
}

#[test]
fn every_required_metric_must_pass_and_others_are_only_shown() {
    let mut items = table(280, 6, 6, 8);
    for (index, item) in items.iter_mut().enumerate() {
        let tone = f64::from(u8::from(index % 3 == 0));
        item.candidate[0].scores.insert("tone".to_owned(), Some(tone));
        item.incumbent[0].scores.insert("tone".to_owned(), Some(1.0));
    }
    let mut gate = gate(0.05);
    let shown = MetricRule { margin: Some(0.05), required: false, ..MetricRule::default() };
    gate.metrics.insert("tone".to_owned(), shown);
    assert_eq!(ruling(&gate, &items).verdict, Verdict::Pass);
    gate.metrics.insert("tone".to_owned(), MetricRule { required: true, ..shown });
    let ruling = ruling(&gate, &items);
    assert_eq!(ruling.verdict, Verdict::Fail);
    assert!(ruling.reasons[0].starts_with("tone: worse by more than 5.0 points"));
}

#[test]
fn missing_scores_are_neither_wrong_nor_forgotten() {
    let lose = |count: usize, of: &mut Vec<Item>| {
        for item in of.iter_mut().take(count) {
            item.candidate = vec![failed("correct")];
        }
    };
    let mut few = table(480, 6, 6, 8);
    lose(5, &mut few);
    let few = finding(0.05, &few);
    assert_eq!(few.verdict, Verdict::Pass, "five of 500 cannot change it");
    assert_eq!((few.items, few.missing.map(|missing| missing.candidate)), (495, Some(5)));

    let mut many = table(480, 6, 6, 8);
    lose(60, &mut many);
    let many = finding(0.05, &many);
    assert_eq!(many.verdict, Verdict::Inconclusive);
    assert!(many.reason.contains("60 scores are missing and would decide it"), "{}", many.reason);

    let mut none = table(50, 0, 0, 0);
    lose(50, &mut none);
    assert_eq!(finding(0.05, &none).verdict, Verdict::Error);
}

#[test]
fn what_missing_scores_could_take_back_is_not_told() {
    let mut items = table(200, 30, 5, 65);
    assert!(finding(0.05, &items).superior);
    for item in items.iter_mut().take(20) {
        item.candidate = vec![failed("correct")];
    }
    let holed = finding(0.05, &items);
    assert!(holed.interval.lower > 0.0 && !holed.superior);
    assert_eq!(holed.verdict, Verdict::Pass);
    let incumbent = holed.incumbent.unwrap();
    assert!((holed.candidate.unwrap() - incumbent - holed.estimate).abs() < 1e-12);
}

#[test]
fn a_metric_is_about_the_items_that_have_it() {
    let mut items = table(200, 5, 5, 10);
    for item in items.iter_mut().take(20) {
        item.candidate[0].scores = BTreeMap::from([("tools".to_owned(), Some(1.0))]);
        item.incumbent[0].scores = BTreeMap::from([("tools".to_owned(), Some(1.0))]);
    }
    let finding = finding(0.05, &items);
    assert_eq!((finding.items, finding.missing), (200, None));
}

fn in_slices(sizes: &[(&str, usize, usize)]) -> Vec<Item> {
    let mut items = Vec::new();
    for (value, same, lost) in sizes {
        for item in table(*same, 0, *lost, 0) {
            let slices = BTreeMap::from([("lang".to_owned(), (*value).to_owned())]);
            items.push(Item { id: format!("{value}-{}", item.id), slices, ..item });
        }
    }
    items
}

#[test]
fn a_slice_can_fail_what_passes_overall() {
    let mut gate = gate(0.05);
    let rule = SliceRule { margin: Some(0.1), min_n: 30, ..SliceRule::default() };
    gate.slices.insert("lang".to_owned(), rule);
    let ruling = ruling(&gate, &in_slices(&[("de", 900, 0), ("fr", 40, 20), ("fi", 3, 2)]));
    assert_eq!(ruling.verdict, Verdict::Fail);
    assert_eq!(ruling.metrics[0].finding.verdict, Verdict::Pass);
    let told: Vec<_> = ruling.slices.iter().map(|slice| (&*slice.value, slice.judged)).collect();
    assert_eq!(told, [("fr", true), ("de", true), ("fi", false)], "worst first, few last");
    assert!(ruling.reasons[0].starts_with("correct on lang fr: worse by more than 10.0 points"));
}

#[test]
fn one_alarm_among_many_slices_may_be_chance() {
    let mut gate = gate(0.2);
    let rule = SliceRule { margin: Some(0.05), min_n: 30, ..SliceRule::default() };
    gate.slices.insert("lang".to_owned(), rule);
    let names: Vec<String> = (0..20).map(|index| format!("l{index:02}")).collect();
    let mut sizes: Vec<(&str, usize, usize)> =
        names.iter().map(|name| (name.as_str(), 100, 0)).collect();
    sizes.push(("odd", 88, 12));
    let alone = ruling(&gate, &in_slices(&[("odd", 88, 12)]));
    assert_eq!(alone.slices[0].finding.verdict, Verdict::Fail);
    let many = ruling(&gate, &in_slices(&sizes));
    assert_eq!(many.slices[0].value, "odd");
    assert_eq!(many.slices[0].finding.verdict, Verdict::Inconclusive);
    let reason = &many.slices[0].finding.reason;
    assert!(reason.contains("among 21 tests of slices this may be chance"), "{reason}");
}

#[test]
fn an_invariant_fails_once_it_is_broken_again() {
    let gate = Gate { invariants: ["json".to_owned()].into(), ..Gate::default() };
    let with = |scores: &[f64]| {
        let mut items: Vec<Item> = (0..59).map(|index| item(index, &[], &[])).collect();
        for item in &mut items {
            item.candidate = vec![trial("json", 1.0); 3];
        }
        items[7].candidate = scores.iter().map(|score| trial("json", *score)).collect();
        items
    };
    for (scores, verdict) in [
        (&[1.0, 1.0, 1.0][..], Verdict::Pass),
        (&[0.0, 1.0, 1.0], Verdict::Pass),
        (&[0.0, 1.0, 0.0], Verdict::Fail),
        (&[0.0, 0.0], Verdict::Fail),
        (&[0.0, 1.0], Verdict::Inconclusive),
        (&[0.0], Verdict::Inconclusive),
        (&[], Verdict::Inconclusive),
    ] {
        let ruling = ruling(&gate, &with(scores));
        assert_eq!(ruling.verdict, verdict, "{scores:?}: {:?}", ruling.reasons);
    }
    let kept = ruling(&gate, &with(&[1.0])).invariants[0].clone();
    assert!((kept.upper_bound - 0.0495).abs() < 5e-5, "{}", kept.upper_bound);
    let broken = ruling(&gate, &with(&[0.0, 0.0])).invariants[0].clone();
    assert_eq!(broken.broken, ["item-0007"]);

    let excused = Gate { quarantine: ["item-0007".to_owned()].into(), ..gate.clone() };
    assert_eq!(ruling(&excused, &with(&[0.0, 0.0])).verdict, Verdict::Pass);
    assert_eq!(ruling(&gate, &table(5, 0, 0, 0)).verdict, Verdict::Error, "nobody looked");
}

/// Equal items with measures of both arms; the candidate's are so many times the incumbent's.
fn measured(n: u32, times: u32) -> Vec<Item> {
    let mut items = table(n as usize, 0, 0, 0);
    for (index, item) in (0_u32..).zip(&mut items) {
        let measure = |trial: &mut Trial, micros: u32| {
            trial.latency_ms = Some(f64::from(micros) / 1e3);
            trial.ttft_ms = Some(f64::from(micros) / 1e3);
            trial.cost = Some(UsdPico::new(i128::from(micros) * 1_000));
            trial.output_tokens = Some(u64::from(micros / 1_000));
            trial.refused = Some(false);
        };
        let base = 100_000 + index * 37 % 100 * 1_000;
        measure(&mut item.candidate[0], base * times + index * 13 % 10 * 500);
        measure(&mut item.incumbent[0], base);
    }
    items
}

#[test]
fn guards_go_by_their_bounds() {
    let mut gate = gate(0.05);
    gate.guards = Guards {
        cost_ratio: Some(1.1),
        p95_latency_ratio: Some(1.25),
        ttft_p95_ms: Some(300.0),
        refusal_delta: Some(0.05),
        error_rate: Some(0.05),
        output_token_ratio: Some(1.5),
    };
    let verdicts = |items: &[Item]| {
        let told =
            ruling(&gate, items).guards.into_iter().map(|guard| (guard.guard, guard.verdict));
        told.collect::<BTreeMap<_, _>>()
    };
    let good = verdicts(&measured(200, 1));
    assert!(good.values().all(|verdict| *verdict == Verdict::Pass), "{good:?}");
    let slow = verdicts(&measured(200, 2));
    for guard in
        [Guard::CostRatio, Guard::P95LatencyRatio, Guard::TtftP95Ms, Guard::OutputTokenRatio]
    {
        assert_eq!(slow[&guard], Verdict::Fail, "{guard:?}");
    }
    assert_eq!(ruling(&gate, &measured(200, 2)).verdict, Verdict::Fail);
    let few = verdicts(&measured(50, 1));
    assert_eq!(few[&Guard::TtftP95Ms], Verdict::Inconclusive, "59 values bound a p95");

    let mut cached = measured(200, 2);
    for item in &mut cached {
        item.candidate[0].cached = true;
    }
    assert_eq!(verdicts(&cached)[&Guard::CostRatio], Verdict::Inconclusive, "nothing measured");

    let mut refusing = measured(200, 1);
    for item in refusing.iter_mut().take(30) {
        item.candidate[0].refused = Some(true);
    }
    let refusing = ruling(&gate, &refusing);
    let guard = refusing.guards.iter().find(|guard| guard.guard == Guard::RefusalDelta).unwrap();
    assert_eq!((guard.verdict, guard.estimate), (Verdict::Fail, Some(0.15)));
}

#[test]
fn an_ill_provider_is_an_error_and_no_failure() {
    let mut gate = gate(0.05);
    gate.guards.error_rate = Some(0.02);
    let mut items = table(300, 0, 0, 0);
    for item in items.iter_mut().take(30) {
        item.candidate = vec![failed("correct")];
    }
    let ruling = ruling(&gate, &items);
    assert_eq!(ruling.verdict, Verdict::Error);
    assert!(
        ruling.reasons[0].starts_with("rate of provider errors: 0.100"),
        "{:?}",
        ruling.reasons
    );
    assert_eq!(ruling.verdict.exit_code(), 4);
}

#[test]
fn what_makes_no_sense_is_refused() {
    let with = |change: fn(&mut Gate)| {
        let mut gate = gate(0.05);
        change(&mut gate);
        judge(&gate, &[]).unwrap_err().to_string()
    };
    for (change, said) in [
        ((|gate| gate.alpha = 0.0) as fn(&mut Gate), "alpha must be between 0 and 0.5, not 0"),
        (|gate| gate.min_power = f64::NAN, "min_power must be between 0 and 1, not NaN"),
        (|gate| gate.alpha = 0.6, "alpha must be between 0 and 0.5, not 0.6"),
        (|gate| gate.metrics.clear(), "the gate has no required metric"),
        (|gate| gate.guards.cost_ratio = Some(-1.0), "cost_ratio must be a number above 0, not -1"),
        (
            |gate| {
                gate.metrics.insert("x".to_owned(), MetricRule::default());
            },
            "x needs a margin, an at_least, or both",
        ),
        (
            |gate| {
                let rule = SliceRule { margin: Some(2.0), ..SliceRule::default() };
                gate.slices.insert("lang".to_owned(), rule);
            },
            "lang.margin must be between 0 and 1, not 2",
        ),
    ] {
        assert!(with(change).contains(said), "{} is not {said}", with(change));
    }
    let twice = [item(1, &[1.0], &[1.0]), item(1, &[1.0], &[1.0])];
    assert_eq!(judge(&gate(0.05), &twice), Err(Invalid::Twice { id: "item-0001".to_owned() }));
    for score in [1.5, -0.1, f64::NAN] {
        let error = judge(&gate(0.05), &[item(1, &[score], &[1.0])]).unwrap_err();
        assert!(matches!(error, Invalid::Score { .. }), "{error}");
    }
}

#[test]
fn gates_rows_and_rulings_are_plain_data() {
    let told = r#"{"metrics": {"correct": {"margin": 0.05}}, "slices": {"lang": {"margin": 0.1}},
                   "guards": {"cost_ratio": 1.1}}"#;
    let gate: Gate = serde_json::from_str(told).unwrap();
    assert_eq!((gate.alpha, gate.min_power, gate.slices["lang"].min_n), (0.05, 0.8, 30));
    assert!(serde_json::from_str::<Gate>(r#"{"metric": {}}"#).is_err(), "no unknown keys");
    let row = r#"{"id": "a", "candidate": [{"scores": {"correct": 1}, "cost": "0.01"}],
                  "incumbent": [{"failed": true, "scores": {"correct": null}}]}"#;
    let row: Item = serde_json::from_str(row).unwrap();
    assert_eq!(row.candidate[0].cost, Some(UsdPico::new(10_000_000_000)));
    let ruling = ruling(&gate, &measured(100, 1));
    let told = serde_json::to_string(&ruling).unwrap();
    assert!(told.contains(r#""question":{"non_inferior":0.05}"#), "{told}");
    let read: Ruling = serde_json::from_str(&told).unwrap();
    assert_eq!((read.verdict, read.reasons), (ruling.verdict, ruling.reasons));
    assert_eq!(read.metrics, ruling.metrics);
}

#[test]
fn a_judge_must_agree_with_people() {
    let weigh = |labels: [usize; 4]| {
        let [good_as_good, good_as_bad, bad_as_good, bad_as_bad] = labels;
        let labels = Confusion { good_as_good, good_as_bad, bad_as_good, bad_as_bad };
        Calibration::of(labels, None, &Thresholds::default())
    };
    assert!(weigh([90, 10, 8, 72]).usable);
    for (labels, said) in [
        ([90, 10, 2, 18], "100 answers good and 20 bad; 50 of each are needed"),
        ([70, 30, 25, 75], "kappa of 0.45"),
        ([50, 50, 50, 50], "no better than guessing"),
        ([100, 0, 0, 0], "all labels are the same"),
    ] {
        let calibration = weigh(labels);
        assert!(!calibration.usable, "{labels:?}");
        assert!(calibration.reasons.join("; ").contains(said), "{:?}", calibration.reasons);
    }
    assert_eq!(Confusion::of(&[(true, true), (false, true)]).bad_as_good, 1);
}

#[test]
fn a_pairwise_judge_is_published_with_its_bias() {
    let orders = Orders { consistent: 71, inconsistent: 29, first: 121, second: 79 };
    let labels = Confusion { good_as_good: 90, good_as_bad: 10, bad_as_good: 8, bad_as_bad: 72 };
    let bias = Calibration::of(labels, Some(orders), &Thresholds::default()).position.unwrap();
    assert_eq!(bias.consistency.estimate, 0.71);
    let first = bias.first_position.unwrap();
    assert!(first.interval.lower > 0.5, "it prefers what stands first: {first:?}");
    assert_eq!(Orders::default().bias(0.025), None);
}

#[test]
fn a_judge_that_goes_by_the_order_is_not_fit() {
    let labels = Confusion { good_as_good: 95, good_as_bad: 5, bad_as_good: 5, bad_as_bad: 95 };
    for (consistent, inconsistent, first, second, told) in [
        (95, 5, 101, 99, ""),
        (71, 29, 110, 90, ""),
        (52, 48, 148, 52, "rules alike in both orders on only 52 of 100 items"),
        (85, 15, 160, 40, "80 of 100 of its rulings are for the answer that stands first"),
        (5, 5, 15, 5, ""),
    ] {
        let orders = Orders { consistent, inconsistent, first, second };
        let found = Calibration::of(labels, Some(orders), &Thresholds::default());
        assert_eq!(found.usable, told.is_empty(), "{orders:?}: {:?}", found.reasons);
        assert!(found.reasons.join("; ").contains(told), "{orders:?}: {:?}", found.reasons);
    }
    let orders = Orders::of(&[(1.0, 1.0), (1.0, 0.0), (0.0, 0.0), (0.5, 0.5), (0.5, 1.0)]);
    let wanted = Orders { consistent: 3, inconsistent: 2, first: 4, second: 3 };
    assert_eq!(orders, wanted);
}
