//! Verdicts over rows that are made to show one thing each.

use tieline_gate::{
    Guard,
    drift::{Drift, Relabelled},
};

use super::*;
use crate::{Grade, JudgeFile, Marks, MetricGate, RunSettings, SliceGate, Trouble};

/// Rows of `count` cases, of which each arm fails the ones that it is told to.
fn rows(count: usize, candidate: &[usize], incumbent: &[usize]) -> Vec<Row> {
    let arms = [(Arm::Candidate, candidate), (Arm::Incumbent, incumbent)];
    let both = arms
        .iter()
        .flat_map(|(arm, wrong)| (0..count).map(|case| row(case, *arm, !wrong.contains(&case))));
    both.collect()
}

fn row(case: usize, arm: Arm, pass: bool) -> Row {
    Row {
        case: format!("c{case:03}"),
        arm,
        repeat: 0,
        again: false,
        cluster: None,
        slices: BTreeMap::from([(
            "lang".to_owned(),
            if case.is_multiple_of(2) { "de" } else { "en" }.to_owned(),
        )]),
        deployment: "d".to_owned(),
        request: String::new(),
        at_ms: 0,
        tries: 1,
        answer: Some(Answer { cost_usd: Some(0.01), ..Answer::default() }),
        trouble: None,
        grades: Vec::new(),
        marks: Marks { pass: Some(pass), score: Some(1.0), ..Marks::default() },
    }
}

fn run(rows: &[Row]) -> RunFile {
    let cases: BTreeSet<String> = rows.iter().map(|row| row.case.clone()).collect();
    RunFile {
        version: 1,
        id: "r".to_owned(),
        suite: "s".to_owned(),
        suite_digest: String::new(),
        feature: "f".to_owned(),
        arms: [Arm::Candidate, Arm::Incumbent].map(|arm| (arm, "d".to_owned())).into(),
        settings: RunSettings::default(),
        gate: GateFile::default(),
        invariants: BTreeSet::new(),
        undecided: BTreeMap::new(),
        judges: BTreeMap::new(),
        cases: cases.into_iter().collect(),
        holdout: false,
        partial: Vec::new(),
        started_ms: 0,
    }
}

fn verdict(run: &RunFile, rows: &[Row]) -> Verdict {
    rule(run, rows).unwrap().verdict
}

fn first(count: usize) -> Vec<usize> {
    (0..count).collect()
}

#[test]
fn a_candidate_is_judged_by_its_passing_cases_where_nothing_is_said() {
    for (count, candidate, incumbent, told) in [
        (400, 20, 20, Verdict::Pass),
        (400, 80, 20, Verdict::Fail),
        (30, 2, 2, Verdict::Inconclusive),
        (0, 0, 0, Verdict::Error),
    ] {
        let rows = rows(count, &first(candidate), &first(incumbent));
        assert_eq!(verdict(&run(&rows), &rows), told, "{count} {candidate} {incumbent}");
    }
}

#[test]
fn what_is_missing_passes_nobody_and_an_outage_fails_nobody() {
    let all = rows(400, &first(20), &first(20));
    let run = run(&all);
    let partial = &all[..all.len() - 1];
    let ruling = rule(&run, partial).unwrap();
    assert_eq!(ruling.verdict, Verdict::Inconclusive);
    assert!(ruling.reasons[0].starts_with("1 asks were not made"), "{:?}", ruling.reasons);
    let mut ill = all.clone();
    for row in ill.iter_mut().filter(|row| row.arm == Arm::Candidate).skip(100).take(200) {
        row.answer = None;
        row.marks = Marks::default();
        row.trouble = Some(Trouble {
            class: "overloaded".to_owned(),
            message: String::new(),
            status: Some(503),
            retry_after: None,
            passing: true,
        });
    }
    assert_eq!(verdict(&run, &ill), Verdict::Inconclusive);
}

#[test]
fn the_order_of_rows_changes_nothing() {
    let mut all = rows(300, &first(30), &first(25));
    let run = run(&all);
    let told = rule(&run, &all).unwrap();
    all.reverse();
    assert_eq!(rule(&run, &all).unwrap(), told);
}

#[test]
fn slices_and_guards_hold_by_themselves() {
    let odd: Vec<usize> = (0..60).map(|at| at * 2 + 1).collect();
    let all = rows(1_000, &odd, &first(60));
    let mut run = run(&all);
    assert_eq!(verdict(&run, &all), Verdict::Pass);
    run.gate.slices.insert("lang".to_owned(), SliceGate { margin: 0.05, min_n: 40 });
    let ruling = rule(&run, &all).unwrap();
    assert_ne!(ruling.verdict, Verdict::Pass);
    assert_eq!(ruling.slices[0].value, "en", "the worst is first");
    run.gate.slices.clear();
    run.gate.guards.cost_ratio = Some(0.5);
    let ruling = rule(&run, &all).unwrap();
    assert_eq!((ruling.verdict, ruling.guards[0].guard), (Verdict::Fail, Guard::CostRatio));
}

#[test]
fn the_time_to_the_first_token_is_guarded_and_cached_answers_tell_none() {
    let mut all = rows(100, &[], &[]);
    let mut run = run(&all);
    run.gate.metrics.insert(PASS.to_owned(), MetricGate { at_least: Some(0.5), margin: None });
    run.gate.guards.ttft_p95_ms = Some(300.0);
    let guard = |run: &RunFile, all: &[Row]| rule(run, all).unwrap().guards.remove(0);
    let found = guard(&run, &all);
    assert_eq!((found.guard, found.verdict), (Guard::TtftP95Ms, Verdict::Inconclusive));
    assert!(found.reason.ends_with("nothing was measured"), "{}", found.reason);
    for (ms, cached, told) in [
        (250, false, Verdict::Pass),
        (350, false, Verdict::Fail),
        (250, true, Verdict::Inconclusive),
    ] {
        for row in &mut all {
            let answer = row.answer.as_mut().unwrap();
            answer.ttft = Some(Duration::from_millis(ms));
            answer.cached = cached;
        }
        assert_eq!(guard(&run, &all).verdict, told, "{ms} {cached}");
    }
}

#[test]
fn an_invariant_is_broken_by_two_answers_and_extra_ones_count_for_it_alone() {
    let grade = |pass: bool| Grade {
        grader: "clean".to_owned(),
        pass,
        score: f64::from(u8::from(pass)),
        reason: String::new(),
        error: None,
        cost_usd: None,
        parts: Vec::new(),
    };
    let mut all = rows(400, &[], &[]);
    for row in &mut all {
        row.grades = vec![grade(true)];
    }
    let mut run = run(&all);
    run.invariants.insert("clean".to_owned());
    assert_eq!(verdict(&run, &all), Verdict::Pass);
    let breaks = |row: &mut Row| {
        row.grades = vec![grade(false)];
        row.marks.broken = vec!["clean".to_owned()];
    };
    breaks(&mut all[7]);
    assert_eq!(verdict(&run, &all), Verdict::Inconclusive, "once may be chance");
    let extra = |repeat| Row { repeat, again: true, ..all[8].clone() };
    let extra: Vec<Row> =
        [1, 2].map(extra).into_iter().map(|row| Row { case: "c007".to_owned(), ..row }).collect();
    all.extend(extra);
    assert_eq!(verdict(&run, &all), Verdict::Pass, "once of three is chance");
    let last = all.len() - 1;
    breaks(&mut all[last]);
    let ruling = rule(&run, &all).unwrap();
    assert_eq!(ruling.verdict, Verdict::Fail);
    assert_eq!(ruling.invariants[0].broken, ["c007"]);
    assert!(ruling.metrics.iter().all(|metric| metric.finding.missing.is_none()));
}

#[test]
fn an_uncalibrated_judge_neither_blocks_nor_passes() {
    for wrong in [0, 200] {
        let all = rows(400, &first(wrong), &[]);
        let mut run = run(&all);
        run.undecided.insert(PASS.to_owned(), "judge `j`: it guesses".to_owned());
        let ruling = rule(&run, &all).unwrap();
        assert_eq!(ruling.verdict, Verdict::Inconclusive);
        assert_eq!(ruling.reasons, ["pass can neither pass nor fail: judge `j`: it guesses"]);
        assert_eq!((ruling.metrics.len(), ruling.metrics[0].required), (1, false), "it is shown");
    }
}

#[test]
fn nothing_rests_on_a_judge_that_goes_by_the_order_or_has_moved() {
    let part = |id: &str, score: f64, parts: Vec<Grade>| Grade {
        grader: id.to_owned(),
        pass: score >= 0.5,
        score,
        reason: String::new(),
        error: None,
        cost_usd: None,
        parts,
    };
    // The answer wins as the first, and as the second unless the judge goes by the order.
    let ruled = |second: f64| {
        let pair = vec![part("first", 1.0, Vec::new()), part("second", second, Vec::new())];
        vec![part("tone", 1.0, vec![part("better", 1.0, pair)])]
    };
    let mut all = rows(400, &first(10), &first(10));
    let mut run = run(&all);
    let judge = JudgeFile {
        deployment: "j@p".to_owned(),
        metrics: BTreeSet::from([PASS.to_owned(), "tone".to_owned()]),
        pairs: BTreeSet::from(["tone/better".to_owned()]),
        ..JudgeFile::default()
    };
    run.judges.insert("j".to_owned(), judge);
    for (second, told) in [(1.0, Verdict::Pass), (0.0, Verdict::Inconclusive)] {
        for row in all.iter_mut().filter(|row| row.arm == Arm::Candidate) {
            row.grades = ruled(second);
        }
        let ruling = rule(&run, &all).unwrap();
        assert_eq!(ruling.verdict, told, "{:?}", ruling.reasons);
        let seen = &judges::seen(&run, &all)["j"];
        let bias = seen.position.unwrap();
        assert!((bias.consistency.estimate - second).abs() < 1e-9);
        assert_eq!(seen.reasons.is_empty(), told == Verdict::Pass);
    }
    let reason = &rule(&run, &all).unwrap().reasons[0];
    assert!(reason.starts_with("pass can neither pass nor fail: judge `j`: it rules"), "{reason}");

    all.iter_mut().for_each(|row| row.grades.clear());
    assert_eq!(verdict(&run, &all), Verdict::Pass);
    let moved = Relabelled { human: true, then: true, now: false };
    run.judges.get_mut("j").unwrap().drift = Some(Drift::of(20, 0, &[moved; 20]));
    let ruling = rule(&run, &all).unwrap();
    assert_eq!(ruling.verdict, Verdict::Inconclusive);
    assert!(ruling.reasons[0].ends_with("suspend the attestations that rest on it"));
}

#[test]
fn without_an_incumbent_only_a_floor_can_be_asked_for() {
    let mut all = rows(400, &first(10), &[]);
    all.retain(|row| row.arm == Arm::Candidate);
    let mut run = run(&all);
    run.arms.remove(&Arm::Incumbent);
    assert_eq!(verdict(&run, &all), Verdict::Inconclusive);
    for (floor, told) in [(0.9, Verdict::Pass), (0.99, Verdict::Fail)] {
        let rule = MetricGate { at_least: Some(floor), margin: None };
        run.gate.metrics.insert(PASS.to_owned(), rule);
        assert_eq!(verdict(&run, &all), told, "{floor}");
    }
}
