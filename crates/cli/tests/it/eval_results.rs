//! `tieline eval gate --results`: verdicts over results of other harnesses, and what is kept.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::support::Folder;

/// A log of Inspect, made up: so many samples, of which the first ones are wrong, and the last
/// ones ended with an error.
fn log(folder: &Folder, name: &str, model: &str, wrong: usize, errors: usize) {
    let count = 400;
    let samples = (0..count).map(|at| match at >= count - errors {
        true => json!({ "id": at, "epoch": 1, "error": { "message": "overloaded" } }),
        false => {
            let value = if at < wrong { "I" } else { "C" };
            json!({ "id": at, "epoch": 1, "scores": { "match": { "value": value } } })
        }
    });
    let samples: Vec<Value> = samples.collect();
    let log = json!({
        "version": 2, "status": "success", "eval": { "model": model }, "samples": samples,
    });
    folder.write(name, &log.to_string());
}

fn logs() -> Folder {
    let folder = Folder::new();
    log(&folder, "old.json", "openai/old", 20, 0);
    for (name, wrong, errors) in
        [("same", 20, 0), ("worse", 100, 0), ("near", 36, 0), ("ill", 20, 200), ("few", 20, 4)]
    {
        log(&folder, &format!("{name}.json"), "azure/new", wrong, errors);
    }
    folder
}

#[test]
fn a_log_for_each_model_is_judged_and_kept_as_a_run() {
    let folder = logs();
    for (name, exit, word) in [
        ("same", 0, "PASS"),
        ("few", 0, "PASS"),
        ("worse", 1, "FAIL"),
        ("near", 3, "INCONCLUSIVE"),
        ("ill", 3, "INCONCLUSIVE"),
    ] {
        let (code, out, err) =
            folder.run(&format!("eval gate --results {name}.json --against old.json"));
        assert_eq!(code, exit, "{name}: {out}{err}");
        let first = format!("{word}  new@azure against old@openai for {name}, 400 cases\n");
        assert!(out.starts_with(&first), "{out}");
        assert!(err.starts_with("run "), "{err}");
    }
    let listed = folder.json("eval list");
    let verdicts: Vec<&str> =
        listed.as_array().unwrap().iter().map(|run| run["verdict"].as_str().unwrap()).collect();
    assert_eq!(verdicts, ["pass", "pass", "fail", "inconclusive", "inconclusive"]);
    let id = listed[2]["id"].as_str().unwrap();
    assert_eq!(folder.run(&format!("eval gate {id}")).0, 1, "the run alone says the same");
    let (code, _, err) = folder.run(&format!("eval report {id} --junit r.xml --html r.html"));
    assert_eq!(code, 0, "{err}");
    let junit = std::fs::read_to_string(folder.path().join("r.xml")).unwrap();
    assert!(junit.contains("tests=\"401\" failures=\"101\" errors=\"0\""), "{junit}");
}

#[test]
fn the_gate_is_that_of_a_file_and_may_be_tried_with_another() {
    let folder = logs();
    let gate = |margin: f64| {
        let metrics = format!("{{ metrics: {{ match: {{ margin: {margin} }} }} }}");
        format!("version: 1\nfeature: orders\ngate: {metrics}\n")
    };
    folder.write("wide.yaml", &gate(0.4));
    folder.write("narrow.yaml", &gate(0.01));
    folder.write("other.yaml", &gate(0.01).replace("match", "matsch"));
    folder.write("wrong.yaml", "version: 1\nfeature: x\ngaet: {}\n");
    let line = "eval gate --results worse.json --against old.json --suite";
    let (code, out, err) = folder.run(&format!("{line} wide.yaml"));
    assert_eq!(code, 0, "{out}{err}");
    assert!(out.contains("for orders, 400 cases"), "{out}");
    assert_eq!(folder.run("eval gate --suite narrow.yaml").0, 1);
    for (suite, told) in [
        ("other.yaml", "did you mean `match`?"),
        ("wrong.yaml", "wrong.yaml:3:1: "),
        ("none.yaml", "none.yaml: "),
    ] {
        let (code, _, err) = folder.run(&format!("{line} {suite}"));
        assert_eq!(code, 2, "{err}");
        assert!(err.contains(told), "{err}");
    }
    assert_eq!(
        folder.json("eval list").as_array().unwrap().len(),
        1,
        "what is refused is not kept"
    );
}

#[test]
fn one_file_may_hold_both_arms() {
    let folder = Folder::new();
    let mut text = String::new();
    for at in 0..300 {
        for arm in ["a@x", "b@x"] {
            let line = json!({ "id": at, "arm": arm, "pass": at % 10 != 0, "cost_usd": 0.001 });
            writeln!(text, "{line}").unwrap();
        }
    }
    folder.write("both.jsonl", &text);
    let line = "eval gate --results both.jsonl --feature sums";
    let (code, _, err) = folder.run(line);
    assert_eq!(code, 2);
    assert!(err.contains("it is not clear whose results are the candidate's"), "{err}");
    assert!(err.contains("name one of a@x, b@x with --candidate"), "{err}");
    let (code, out, err) = folder.run(&format!("{line} --candidate b@x"));
    assert_eq!(code, 0, "{out}{err}");
    assert!(out.starts_with("PASS  b@x against a@x for sums, 300 cases"), "{out}");
    // The same after an import, which writes plain lines.
    folder.run("eval import both.jsonl --feature sums");
    let again = "eval gate --results evals/sums.results.jsonl --incumbent a@x --format json";
    let (code, out, _) = folder.run(again);
    let told: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, &told["run"]["arms"]["candidate"]), (0, &json!("b@x")));
}

#[test]
fn results_of_others_are_never_attested() {
    let folder = logs();
    folder.run("eval keygen --out eval.key");
    assert_eq!(folder.run("eval gate --results same.json --against old.json").0, 0);
    folder.write("tieline.yaml", "version: 1\n");
    let (code, out, err) = folder.run("eval attest --key eval.key");
    assert_eq!((code, out.as_str()), (1, ""));
    assert!(err.contains("nothing is signed: its rows are another tool's"), "{err}");
}

#[test]
fn the_example_says_what_its_page_says() {
    let folder = Folder::new();
    let example = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/evals/from-inspect");
    let (code, out, err) = folder.run(&format!(
        "eval gate --results {example}/new.json --against {example}/old.json \
         --suite {example}/gate.yaml"
    ));
    assert_eq!(code, 0, "{out}{err}");
    let first = "PASS  gpt-5.5-mini@azureai against gpt-5.5@openai for order-lookup, 120 cases";
    assert!(out.starts_with(first), "{out}");
    assert!(out.contains("1 error"), "{out}");
}
