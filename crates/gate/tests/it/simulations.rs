//! How often the gate errs, over many made-up runs of candidates that are exactly at the margin.

use tieline_gate::{EProcess, Gate, Item, MetricRule, Proof, Verdict, judge};

use crate::world::{Dice, gate, item, table};

/// Three standard errors above `alpha` of a rate over so many runs.
fn at_most(alpha: f64, runs: u32) -> f64 {
    alpha + 3.0 * (alpha * (1.0 - alpha) / f64::from(runs)).sqrt()
}

/// The shares of runs that pass and that fail.
fn verdicts(runs: u32, gate: &Gate, mut items: impl FnMut() -> Vec<Item>) -> (f64, f64) {
    let mut passed = 0;
    let mut failed = 0;
    for _ in 0..runs {
        match judge(gate, &items()).unwrap().verdict {
            Verdict::Pass => passed += 1,
            Verdict::Fail => failed += 1,
            Verdict::Inconclusive | Verdict::Error => {}
        }
    }
    (f64::from(passed) / f64::from(runs), f64::from(failed) / f64::from(runs))
}

/// One item, answered once by each arm: gained and lost with these probabilities.
fn single(dice: &mut Dice, index: usize, gained: f64, lost: f64) -> Item {
    let roll = dice.share();
    let (candidate, incumbent) = match roll {
        roll if roll < gained => (1.0, 0.0),
        roll if roll < gained + lost => (0.0, 1.0),
        _ => (1.0, 1.0),
    };
    item(index, &[candidate], &[incumbent])
}

#[test]
fn a_candidate_at_the_margin_seldom_passes_and_seldom_fails() {
    const RUNS: u32 = 600;
    let mut dice = Dice::new(1);
    for n in [30, 50, 100, 200, 500] {
        for discordance in [0.05, 0.1, 0.2] {
            let margin = 0.05;
            let (gained, lost) = ((discordance - margin) / 2.0, (discordance + margin) / 2.0);
            let (passed, failed) = verdicts(RUNS, &gate(margin), || {
                (0..n).map(|index| single(&mut dice, index, gained, lost)).collect()
            });
            let limit = at_most(0.05, RUNS);
            let what = format!("{n} items, discordance {discordance}");
            assert!(passed <= limit, "{what}: {passed} of all passed");
            assert!(failed <= limit, "{what}: {failed} of all failed");
        }
    }
}

/// ln(n!).
fn ln_factorials(n: usize) -> Vec<f64> {
    let numbers = (1_u32..).take(n).map(|k| f64::from(k).ln());
    let sums = numbers.scan(0.0, |sum, ln| {
        *sum += ln;
        Some(*sum)
    });
    std::iter::once(0.0).chain(sums).collect()
}

/// How likely a candidate at the margin passes and fails, from every outcome that is not less
/// likely than one in a billion.
fn exact_errors(n: usize, discordance: f64, margin: f64) -> (f64, f64) {
    let (gained, lost) = ((discordance - margin) / 2.0, (discordance + margin) / 2.0);
    let ln = ln_factorials(n);
    let power = |p: f64, k: usize| if k == 0 { 0.0 } else { k as f64 * p.ln() };
    let (mut passed, mut failed) = (0.0, 0.0);
    for (b, c) in (0..=n).flat_map(|b| (0..=n - b).map(move |c| (b, c))) {
        let same = n - b - c;
        let likely = (ln[n] - ln[b] - ln[c] - ln[same]
            + power(gained, b)
            + power(lost, c)
            + power(1.0 - discordance, same))
        .exp();
        if likely < 1e-9 {
            continue;
        }
        match judge(&gate(margin), &table(same, b, c, 0)).unwrap().verdict {
            Verdict::Pass => passed += likely,
            Verdict::Fail => failed += likely,
            Verdict::Inconclusive | Verdict::Error => {}
        }
    }
    (passed, failed)
}

#[test]
fn the_errors_of_single_answers_are_known_exactly() {
    // 0.05, a little more where few items make steps: 0.06 to pass and 0.076 to fail at most.
    for (n, discordance, margin, most_passed, most_failed) in [
        (30, 0.05, 0.05, 0.001, 0.05),
        (30, 0.2, 0.05, 0.05, 0.06),
        (50, 0.05, 0.05, 0.001, 0.05),
        (50, 0.1, 0.05, 0.05, 0.06),
        (52, 0.05, 0.05, 0.001, 0.05),
        (100, 0.05, 0.05, 0.05, 0.05),
        (100, 0.1, 0.05, 0.05, 0.06),
        (200, 0.05, 0.05, 0.05, 0.05),
        (200, 0.1, 0.03, 0.05, 0.06),
        (30, 0.2, 0.03, 0.0602, 0.06),
        (62, 0.06, 0.02, 0.05, 0.076),
    ] {
        let (passed, failed) = exact_errors(n, discordance, margin);
        let what = format!("{n} items, discordance {discordance}, margin {margin}");
        assert!(passed <= most_passed, "{what}: {passed} passes");
        assert!(failed <= most_failed, "{what}: {failed} fails");
    }
}

#[test]
fn the_errors_of_one_arm_are_known_exactly() {
    for n in [30, 72, 100, 300] {
        let ln = ln_factorials(n);
        for rate in [0.5, 0.8, 0.9, 0.95, 0.99_f64] {
            let rule = MetricRule { at_least: Some(rate), ..MetricRule::default() };
            let gate = Gate { metrics: [("correct".to_owned(), rule)].into(), ..Gate::default() };
            let (mut passed, mut failed) = (0.0, 0.0);
            for good in 0..=n {
                let bad = n - good;
                let odds = good as f64 * rate.ln() + bad as f64 * (1.0 - rate).ln();
                let likely = (ln[n] - ln[good] - ln[bad] + odds).exp();
                match judge(&gate, &table(good, 0, 0, bad)).unwrap().verdict {
                    Verdict::Pass => passed += likely,
                    Verdict::Fail => failed += likely,
                    Verdict::Inconclusive | Verdict::Error => {}
                }
            }
            assert!(passed <= 0.063, "{n} items at {rate}: {passed} passes");
            assert!(failed <= 0.071, "{n} items at {rate}: {failed} fails");
        }
    }
}

#[test]
fn repeats_clusters_and_skew_keep_the_level_too() {
    const RUNS: u32 = 250;
    let mut dice = Dice::new(2);
    for (n, lost) in [(25, 0.09), (25, 0.3), (100, 0.03), (100, 0.3), (300, 0.03), (300, 0.09)] {
        let limit = at_most(0.05, RUNS);
        let what = format!("{n} items, {lost} lost");
        let (passed, failed) = verdicts(RUNS, &gate(lost * 2.0 / 3.0), || {
            (0..n).map(|index| repeated(&mut dice, index, lost)).collect()
        });
        assert!(passed <= limit, "repeats, {what}: {passed} of all passed");
        assert!(failed <= limit, "repeats, {what}: {failed} of all failed");

        let (passed, failed) =
            verdicts(RUNS, &gate(lost), || clustered(&mut dice, n.div_ceil(4), lost));
        assert!(passed <= limit, "clusters, {what}: {passed} of all passed");
        assert!(failed <= limit, "clusters, {what}: {failed} of all failed");
    }
}

/// Three repeats; where an item is lost, the candidate still gets one in three right.
fn repeated(dice: &mut Dice, index: usize, lost: f64) -> Item {
    let p = if dice.chance(lost) { 1.0 / 3.0 } else { 1.0 };
    let candidate: Vec<f64> = (0..3).map(|_| f64::from(u8::from(dice.chance(p)))).collect();
    item(index, &candidate, &[1.0, 1.0, 1.0])
}

/// Clusters of four items that are lost or kept together.
fn clustered(dice: &mut Dice, clusters: usize, lost: f64) -> Vec<Item> {
    let mut items = Vec::new();
    for cluster in 0..clusters {
        let score = if dice.chance(lost) { 0.0 } else { 1.0 };
        for _ in 0..4 {
            let cluster = Some(format!("cluster-{cluster}"));
            items.push(Item { cluster, ..item(items.len(), &[score], &[1.0]) });
        }
    }
    items
}

#[test]
fn enough_items_pass_an_equal_candidate_as_often_as_planned() {
    const RUNS: u32 = 200;
    let mut dice = Dice::new(3);
    let (passed, failed) = verdicts(RUNS, &gate(0.05), || {
        (0..248).map(|index| single(&mut dice, index, 0.05, 0.05)).collect()
    });
    assert!((0.7..=0.9).contains(&passed), "{passed} of all passed");
    assert!(failed < 0.01, "{failed} of all failed");
}

/// The share of canaries that ever prove something, looked at after every pair.
fn proved(dice: &mut Dice, gained: f64, lost: f64, proof: Proof) -> f64 {
    const RUNS: u32 = 600;
    let proved = (0..RUNS).filter(|_| {
        let mut process = EProcess::new(0.05, 0.05).unwrap();
        (0..2_000).any(|_| {
            let roll = dice.share();
            let lost = f64::from(u8::from((gained..gained + lost).contains(&roll)));
            process.step(f64::from(u8::from(roll < gained)) - lost);
            process.state() == proof
        })
    });
    f64::from(u32::try_from(proved.count()).unwrap()) / f64::from(RUNS)
}

#[test]
fn a_canary_at_the_margin_may_be_looked_at_after_every_pair() {
    let mut dice = Dice::new(4);
    for (gained, lost) in [(0.025, 0.075), (0.075, 0.125), (0.0, 0.05)] {
        for proof in [Proof::NonInferior, Proof::Worse] {
            let wrong = proved(&mut dice, gained, lost, proof);
            let limit = at_most(0.05, 600);
            assert!(wrong <= limit, "{gained} gained, {lost} lost: {wrong} proved {proof:?}");
        }
    }
}

#[test]
fn a_canary_comes_to_the_right_end() {
    let mut dice = Dice::new(5);
    let equal = proved(&mut dice, 0.05, 0.05, Proof::NonInferior);
    assert!(equal > 0.95, "{equal} of equal candidates were proved");
    let worse = proved(&mut dice, 0.02, 0.17, Proof::Worse);
    assert!(worse > 0.95, "{worse} of bad candidates were proved");
}
