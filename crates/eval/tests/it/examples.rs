//! The examples and the published schema are what the code takes.

use std::{fs, path::PathBuf};

use serde_json::Value;
use tieline_eval::{Disk, Suite, json_schema};

use crate::house::{Scripted, said};

fn root(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)
}

fn text(path: &str) -> String {
    fs::read_to_string(root(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

#[test]
fn the_schema_file_is_fresh() {
    assert!(
        text("docs/reference/eval-suite.schema.json") == json_schema(),
        "docs/reference/eval-suite.schema.json is stale; run `cargo xtask schema`"
    );
}

/// Every line of the answers, by what it answers.
fn answers() -> Vec<Value> {
    let text = text("examples/evals/support-reply/answers.jsonl");
    text.lines().map(|line| serde_json::from_str(line).expect("a line is JSON")).collect()
}

#[tokio::test]
async fn right_answers_pass_the_example_and_wrong_ones_do_not() {
    let path = root("examples/evals/support-reply/evals/support-reply.yaml");
    let suite = Suite::read(&path, &Disk).unwrap_or_else(|problems| panic!("{problems}"));
    assert_eq!(suite.cases.len(), 60);
    for (case, answer) in suite.cases.iter().zip(answers()) {
        assert_eq!(case.fields["question"], answer["when"]);
        for (of, wanted) in [("say", true), ("wrong", false)] {
            let answer = said(answer[of].as_str().expect("an answer is a text"));
            let grades = crate::house::grades(&suite, case, &answer, &Scripted::default()).await;
            let outcome = suite.checks.outcome(case, &grades);
            assert_eq!((outcome.pass, &outcome.error), (wanted, &None), "{} {of}", case.id);
            let format = grades.iter().find(|grade| grade.grader == "format");
            assert!(format.is_some_and(|grade| grade.pass), "a wrong answer breaks no invariant");
        }
    }
}

/// Suites that people may write, as the schema and as the reader see them.
#[test]
fn the_schema_takes_what_the_reader_takes() {
    let schema: Value = serde_json::from_str(&json_schema()).expect("the schema is JSON");
    let validator = jsonschema::options().offline().build(&schema).expect("it is a schema");
    let suite = |graders: Value| {
        serde_json::json!({
            "version": 1,
            "feature": "f",
            "prompt": { "messages": [{ "role": "user", "content": "x" }] },
            "cases": [{}],
            "judges": { "j": { "deployment": "j@house" } },
            "graders": [graders],
        })
    };
    for (grader, wanted) in [
        (serde_json::json!({ "type": "refusal", "negate": true, "weight": 2 }), true),
        (serde_json::json!({ "type": "refusal", "negated": true }), false),
        (serde_json::json!({ "type": "contains", "value": ["a"], "threshold": 1 }), true),
        (serde_json::json!({ "type": "contains" }), false),
        (
            serde_json::json!({ "type": "rubric", "judge": "j", "rubric": "r", "range": [1, 5] }),
            true,
        ),
        (serde_json::json!({ "type": "rubric", "judge": "j", "rubric": "r", "range": [1] }), false),
        (serde_json::json!({ "type": "set", "graders": [{ "type": "nothing" }] }), false),
    ] {
        let suite = suite(grader);
        let text = suite.to_string();
        assert_eq!(validator.is_valid(&suite), wanted, "the schema on {text}");
        let read = crate::house::read(&[("s.yaml", &text)]);
        assert_eq!(read.is_ok(), wanted, "the reader on {text}");
    }
}
