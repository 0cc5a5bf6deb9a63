//! Results of other harnesses as rows, and what the gate says of them. All results are made up.

use std::{collections::BTreeMap, fmt::Write as _};

use serde_json::{Value, json};
use tieline_eval::{
    Arm, GateFile, MetricGate, Row, RunSettings, SliceGate, gating,
    import::{Log, Logs, Unfit, rows},
    report::Summary,
    run::RunFile,
};
use tieline_gate::Verdict;

use super::{Folder, read};

fn blank(gate: GateFile) -> RunFile {
    RunFile {
        version: 1,
        id: "r".to_owned(),
        suite: "r.jsonl".to_owned(),
        suite_digest: String::new(),
        feature: "f".to_owned(),
        arms: BTreeMap::new(),
        settings: RunSettings::default(),
        gate,
        invariants: [].into(),
        undecided: BTreeMap::new(),
        judges: BTreeMap::new(),
        cases: Vec::new(),
        holdout: false,
        partial: Vec::new(),
        started_ms: 7,
    }
}

fn log(name: &str, text: &str) -> Log {
    Log::of(name, read(name, text.as_bytes(), &Folder::default()).unwrap())
}

/// One file, with arms that have to be told or not.
fn one(text: &str, candidate: Option<&str>, incumbent: Option<&str>) -> Logs {
    let named = [(Arm::Candidate, candidate), (Arm::Incumbent, incumbent)];
    let named = named.into_iter().filter_map(|(arm, name)| Some((arm, name?.to_owned())));
    Logs { candidate: vec![log("r.jsonl", text)], named: named.collect(), ..Logs::default() }
}

fn two(candidate: &str, incumbent: &str) -> Logs {
    Logs {
        candidate: vec![log("new.json", candidate)],
        incumbent: vec![log("old.json", incumbent)],
        named: BTreeMap::new(),
    }
}

fn made(logs: &Logs) -> (RunFile, Vec<Row>) {
    rows(blank(GateFile::default()), logs).unwrap_or_else(|unfit| panic!("{unfit}"))
}

fn refused(logs: &Logs) -> Unfit {
    rows(blank(GateFile::default()), logs).unwrap_err()
}

/// A log of Inspect in which every so many samples are wrong, and some ended with an error.
fn inspect(model: &str, count: usize, wrong_every: usize, errors: usize) -> String {
    let samples = (0..count).map(|at| match at < errors {
        true => json!({ "id": at, "epoch": 1, "error": { "message": "overloaded" } }),
        false => {
            let value = if at % wrong_every == 1 { "I" } else { "C" };
            json!({ "id": at, "epoch": 1, "scores": { "match": { "value": value } } })
        }
    });
    let samples: Vec<Value> = samples.collect();
    json!({ "version": 2, "status": "success", "eval": { "model": model }, "samples": samples })
        .to_string()
}

fn verdict(logs: &Logs) -> Verdict {
    let (run, rows) = made(logs);
    gating::rule(&run, &rows).unwrap().verdict
}

#[test]
fn a_log_for_each_model_is_a_comparison() {
    let incumbent = inspect("openai/old", 400, 20, 0);
    for (candidate, told) in [
        (inspect("openai/new", 400, 20, 0), Verdict::Pass),
        (inspect("openai/new", 400, 4, 0), Verdict::Fail),
        (inspect("openai/new", 400, 11, 0), Verdict::Inconclusive),
        // Errors are missing: a few change nothing, many leave it open, and none is wrong.
        (inspect("openai/new", 400, 20, 4), Verdict::Pass),
        (inspect("openai/new", 400, 20, 200), Verdict::Inconclusive),
    ] {
        assert_eq!(verdict(&two(&candidate, &incumbent)), told, "{}", &candidate[..90]);
    }
    let (run, rows) = made(&two(&inspect("openai/new", 9, 3, 1), &incumbent));
    assert_eq!(run.arms[&Arm::Candidate], "new@openai");
    assert_eq!(run.arms[&Arm::Incumbent], "old@openai");
    assert_eq!(run.gate.metrics["match"].margin, Some(0.05));
    let first = rows.iter().find(|row| row.arm == Arm::Candidate).unwrap();
    assert_eq!(first.trouble.as_ref().unwrap().to_string(), "error: overloaded");
    assert_eq!((first.marks.pass, first.at_ms), (None, 7));
}

#[test]
fn a_case_that_one_arm_lacks_is_missing_and_never_left_out() {
    let all = inspect("openai/old", 400, 20, 0);
    let fewer = inspect("openai/new", 250, 1_000, 0);
    let (run, rows) = made(&two(&fewer, &all));
    assert_eq!(rows.len(), 800);
    let summary = Summary::of(&run, &rows).unwrap();
    assert_eq!(summary.ruling.verdict, Verdict::Inconclusive);
    assert_eq!(summary.arms[&Arm::Candidate].troubles["missing"], 150);
    assert_eq!(summary.unasked, 0);
}

#[test]
fn everything_that_guards_and_slices_need_comes_over() {
    let mut text = String::new();
    for (at, arm) in (0..600).map(|at| (at / 2, ["candidate", "incumbent"][at % 2])) {
        let (cost, tokens) = if arm == "candidate" { (0.002, 40) } else { (0.001, 20) };
        let lang = if at % 2 == 0 { "de" } else { "en" };
        let line = json!({
            "id": at, "arm": arm, "scores": { "exact": at % 20 != 0, "near": 0.5 },
            "cluster": format!("t{}", at / 2), "slices": { "lang": lang },
            "latency_ms": 1_500.5, "cost_usd": cost, "input_tokens": 9, "output_tokens": tokens,
        });
        writeln!(text, "{line}").unwrap();
    }
    let mut gate = GateFile::default();
    gate.metrics.insert("exact".to_owned(), MetricGate { margin: Some(0.05), at_least: None });
    gate.slices.insert("lang".to_owned(), SliceGate { margin: 0.1, min_n: 40 });
    gate.guards.cost_ratio = Some(1.5);
    gate.guards.p95_latency_ratio = Some(1.5);
    gate.guards.output_token_ratio = Some(3.0);
    let (run, rows) = rows(blank(gate), &one(&text, None, None)).unwrap();
    let answer = rows[0].answer.as_ref().unwrap();
    assert_eq!((answer.took.as_micros(), answer.cost_usd), (1_500_500, Some(0.002)));
    assert_eq!(answer.usage.map(|usage| (usage.input, usage.output)), Some((9, 40)));
    let ruling = gating::rule(&run, &rows).unwrap();
    let verdicts: Vec<Verdict> = ruling.guards.iter().map(|guard| guard.verdict).collect();
    assert_eq!(verdicts, [Verdict::Fail, Verdict::Pass, Verdict::Pass], "{:?}", ruling.guards);
    assert_eq!(ruling.metrics[0].finding.clusters, Some(150));
    assert_eq!(ruling.slices.len(), 2);
    let near = ruling.metrics.iter().find(|metric| metric.metric == "near").unwrap();
    assert!(!near.required, "what the gate does not name is shown");
}

#[test]
fn whose_results_are_whose_is_told_by_names_files_or_the_user() {
    let line = |arm: &str| format!("{{\"id\": 1, \"arm\": \"{arm}\", \"pass\": true}}\n");
    let (both, three) = (line("a") + &line("b"), line("a") + &line("b") + &line("c"));
    let arms = |logs: &Logs| {
        let arms = made(logs).0.arms;
        let name = |arm| arms.get(&arm).cloned().unwrap_or_default();
        format!("{} {}", name(Arm::Candidate), name(Arm::Incumbent))
    };
    assert_eq!(arms(&one(&(line("incumbent") + &line("candidate")), None, None)).len(), 19);
    for (candidate, incumbent, told) in
        [(Some("b"), None, "b a"), (None, Some("b"), "a b"), (Some("a"), Some("b"), "a b")]
    {
        assert_eq!(arms(&one(&both, candidate, incumbent)), told);
    }
    assert_eq!(arms(&one(&three, Some("c"), Some("b"))), "c b");
    assert_eq!(arms(&one(&line("a"), None, None)), "a ");
    let unnamed = "{\"id\": 1, \"pass\": true}\n";
    assert_eq!(arms(&two(unnamed, unnamed)), "new old", "like their files");
    assert_eq!(arms(&two(&(unnamed.to_owned() + &line("a").replace('1', "2")), unnamed)), "a old");

    let known = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    let ambiguous =
        |arm, names| Unfit::Ambiguous { files: "r.jsonl".to_owned(), arm, known: known(names) };
    assert_eq!(refused(&one(&both, None, None)), ambiguous(Arm::Candidate, &["a", "b"]));
    let unclear = refused(&one(&three, Some("a"), None));
    assert_eq!(unclear, ambiguous(Arm::Incumbent, &["a", "b", "c"]));
    assert_eq!(unclear.hint(), "name one of a, b, c with --incumbent");
    let gone = refused(&one(&both, Some("x"), None));
    assert_eq!(gone.to_string(), "r.jsonl: no result is of `x`");
    assert_eq!(gone.hint(), "there are a, b");
    for (text, candidate, incumbent, told) in [
        (both.clone(), Some("a"), Some("a"), "`a` cannot be compared with itself"),
        (unnamed.to_owned(), Some("a"), Some("b"), "r.jsonl: no result is of `b`"),
        (line("a"), None, Some("a"), "`a` cannot be compared with itself"),
        (both + unnamed, Some("a"), None, "r.jsonl:3: the result of the case `1` names no arm"),
    ] {
        let unfit = refused(&one(&text, candidate, incumbent)).to_string();
        assert!(unfit.starts_with(told), "{unfit}");
    }
}

#[test]
fn results_that_do_not_go_together_are_refused_with_their_place() {
    for (lines, told) in [
        (
            [r#"{"id": 1, "arm": "a", "pass": true}"#, r#"{"id": 1, "arm": "a", "pass": false}"#],
            "r.jsonl:2: repeat 0 of the case `1` of `a` is also at r.jsonl:1",
        ),
        (
            [
                r#"{"id": 1, "arm": "candidate", "pass": true}"#,
                r#"{"id": 2, "arm": "incumbent", "pass": true}"#,
            ],
            "no case is in both arms: the candidate has `1`, the incumbent `2`",
        ),
        (
            [
                r#"{"id": 1, "arm": "candidate", "cluster": "a", "pass": true}"#,
                r#"{"id": 1, "arm": "incumbent", "cluster": "b", "pass": true}"#,
            ],
            "r.jsonl:2: another result of the case `1` is of another cluster",
        ),
        (
            [
                r#"{"id": 1, "arm": "candidate", "scores": {"x": 1}}"#,
                r#"{"id": 1, "arm": "incumbent", "scores": {"y": 1}}"#,
            ],
            "no metric is in both arms; there are x, y",
        ),
    ] {
        assert_eq!(refused(&one(&lines.join("\n"), None, None)).to_string(), told);
    }
    let empty = Logs {
        candidate: vec![Log { file: "e".into(), ..Log::default() }],
        ..two(&inspect("a/b", 1, 2, 0), &inspect("a/c", 1, 2, 0))
    };
    assert_eq!(refused(&empty).to_string(), "e has no results");
    let many: String = (0..3_000)
        .map(|at| format!("{{\"id\": {at}, \"repeat\": {at}, \"pass\": true}}\n"))
        .collect();
    assert!(matches!(refused(&one(&many, None, None)), Unfit::TooMany { rows: 9_000_000 }));
}

#[test]
fn a_gate_can_only_ask_for_what_results_have() {
    let text = concat!(
        "{\"id\": 1, \"arm\": \"candidate\", \"scores\": {\"exact\": 1, \"ours\": 1}}\n",
        "{\"id\": 1, \"arm\": \"incumbent\", \"scores\": {\"exact\": 1}}\n"
    );
    let asked = |metric: &str, margin| {
        let mut gate = GateFile::default();
        gate.metrics.insert(metric.to_owned(), MetricGate { margin, at_least: None });
        rows(blank(gate), &one(text, None, None))
    };
    let unfit = asked("exakt", Some(0.1)).unwrap_err();
    assert_eq!(unfit.to_string(), "the gate asks for the metric `exakt`, which no result has");
    assert_eq!(unfit.hint(), "did you mean `exact`?");
    assert_eq!(asked("exact", None).unwrap_err(), Unfit::Bare { metric: "exact".to_owned() });
    let mut gate = GateFile::default();
    gate.guards.refusal_delta = Some(0.01);
    assert_eq!(rows(blank(gate), &one(text, None, None)).unwrap_err(), Unfit::Refusals);
    let (run, rows) = asked("ours", Some(0.1)).unwrap();
    let ruling = gating::rule(&run, &rows).unwrap();
    assert_eq!(ruling.verdict, Verdict::Inconclusive);
    let why = "ours can neither pass nor fail: only results of the candidate have it";
    assert!(ruling.reasons.contains(&why.to_owned()), "{:?}", ruling.reasons);
    assert!(rows.iter().all(|row| row.marks.pass == Some(true)), "by the metric of both");
}

#[test]
fn a_slice_in_which_results_of_a_case_differ_is_none_of_its_slices() {
    let line = |id: u32, arm: &str, lang: &str| {
        let slices = json!({ "lang": lang, "kind": "x" });
        format!("{}\n", json!({ "id": id, "arm": arm, "pass": true, "slices": slices }))
    };
    let text = line(1, "candidate", "de")
        + &line(1, "incumbent", "en")
        + &line(2, "candidate", "de")
        + &line(2, "incumbent", "de");
    let (run, rows) = made(&one(&text, None, None));
    assert_eq!(run.partial, ["results of the case `1` differ in the slice `lang`"]);
    let slices: Vec<usize> = rows.iter().map(|row| row.slices.len()).collect();
    assert_eq!(slices, [1, 2, 1, 2]);
}

#[test]
fn repeats_and_what_passes() {
    let text = concat!(
        "{\"id\": 1, \"arm\": \"candidate\", \"scores\": {\"x\": 0.5, \"y\": 0.4}}\n",
        "{\"id\": 1, \"arm\": \"candidate\", \"repeat\": 1, \"scores\": {\"x\": 0.5, \"y\": 1}}\n",
        "{\"id\": 1, \"arm\": \"incumbent\", \"scores\": {\"x\": 1, \"y\": 1}}\n",
        "{\"id\": 2, \"arm\": \"candidate\", \"scores\": {\"x\": 1}}\n",
        "{\"id\": 2, \"arm\": \"incumbent\", \"scores\": {\"x\": 1, \"y\": 0, \"pass\": 1}}\n",
    );
    let (run, rows) = made(&one(text, None, None));
    assert_eq!(run.settings.repeats, 2);
    let told: Vec<_> = rows
        .iter()
        .map(|row| (row.case.as_str(), row.arm.as_str(), row.repeat, row.marks.pass))
        .collect();
    assert_eq!(
        told,
        [
            ("1", "candidate", 0, Some(false)),
            ("1", "candidate", 1, Some(true)),
            ("2", "candidate", 0, None),
            ("2", "candidate", 1, None),
            ("1", "incumbent", 0, Some(true)),
            ("2", "incumbent", 0, Some(true)),
        ]
    );
    assert!(rows[3].trouble.is_some() && rows[2].trouble.is_none());
    assert!(!rows[5].marks.metrics.contains_key("pass"), "it is `pass` and no other metric");
}
