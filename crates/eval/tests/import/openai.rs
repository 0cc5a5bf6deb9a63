//! Evals of OpenAI's API. The fixtures are made from documentation.

use serde_json::{Value, json};
use tieline_eval::{
    Answer, Door, Embedded, Kind, Seen, SuiteFile, Tools, Trouble,
    import::{ImportError, Imported, ImportedResult, Source, import},
};

use super::{Folder, checked, lost, options, read};

const EVAL: &str = include_str!("fixtures/eval.json");

const RUN: &str = include_str!("fixtures/run.json");

fn suite(run: &str, folder: &Folder) -> (SuiteFile, Vec<String>, Vec<String>) {
    let source = Source { name: "eval.json", bytes: EVAL.as_bytes() };
    let run = Source { name: "run.json", bytes: run.as_bytes() };
    let mut made = import(&source, &[run], None, folder, &options()).unwrap();
    (made.suites.remove(0).1, made.candidates.clone(), lost(&made))
}

#[test]
fn an_eval_and_its_run_are_a_suite() {
    let (suite, candidates, lost) = suite(RUN, &Folder::default());
    assert_eq!(lost, Vec::<String>::new());
    assert_eq!(candidates, ["gpt-5.5-mini@openai"]);
    assert_eq!(
        serde_json::to_value(&suite.prompt).unwrap(),
        json!({
            "messages": [
                { "role": "developer", "content": "Label it." },
                { "role": "user", "content": "{{ item.text }}" },
            ],
            "parameters": { "temperature": 0.5, "max_completion_tokens": 200 },
        })
    );
    let ids: Vec<_> = suite.cases.iter().map(|case| case.id.as_deref().unwrap()).collect();
    assert_eq!(ids, ["t1", "t2"]);
    assert_eq!(suite.cases[0].fields["label"], json!("fault"));
    assert_eq!(suite.judges.len(), 2);
}

#[test]
fn every_grader_but_python_comes_over() {
    let (suite, _, _) = suite(RUN, &Folder::default());
    let grader = |name: &str| {
        let named = suite.graders.iter().find(|grader| grader.id.as_deref() == Some(name));
        named.unwrap_or_else(|| panic!("{name}"))
    };
    let shown = |name| serde_json::to_value(grader(name)).unwrap();
    assert_eq!(
        shown("exact"),
        json!({
            "id": "exact", "type": "contains", "value": "{{ item.label }}", "ignore_case": true,
        })
    );
    assert_eq!(
        shown("near"),
        json!({
            "id": "near", "type": "similarity", "measure": "rouge_l",
            "reference": "{{ item.label }}", "threshold": 0.8,
        })
    );
    let other = grader("other");
    assert!(other.negate && other.transform.as_ref().unwrap().contains("JSON.parse(output)?.kind"));
    let Kind::Script { source } = &grader("turned").kind else { panic!("a script") };
    assert!(source.contains("input.includes(reference)"), "{source}");
    let kind = grader("kind");
    assert_eq!(kind.threshold, Some(0.75));
    let Kind::Rubric { range, messages, .. } = &kind.kind else { panic!("a rubric") };
    assert_eq!(*range, Some((1.0, 5.0)));
    assert_eq!(messages[1].content, json!("{{ sample.output_text }}"));
    let Kind::Set { graders, formula } = &grader("both").kind else { panic!("a set") };
    assert_eq!(formula.as_deref(), Some("0.5 * a + 0.5 * b"));
    let parts: Vec<_> = graders.iter().map(|part| part.id.as_deref().unwrap()).collect();
    assert_eq!(parts, ["a", "b"]);
}

#[test]
fn python_and_data_at_openai_are_told() {
    let run = RUN
        .replace("\"file_content\"", "\"file_id\", \"id\": \"file-7\"")
        .replace("\"content\": [\n", "\"gone\": [\n");
    let (suite, _, told) = suite(&run, &Folder::default());
    assert_eq!(
        told,
        ["run.json:9:15 the file file-7 is at OpenAI", "eval.json:1:1 there are no items",]
    );
    assert_eq!(suite.partial.len(), 2);
    let (suite, _, told) =
        self::suite(&run, &Folder::of([("file-7.jsonl", "{\"item\": {\"text\": \"a\"}}\n")]));
    assert_eq!((suite.cases.len(), told), (1, vec![]));
    let python = r#"{"testing_criteria": [
      {"type": "python", "name": "p", "source": "def grade(sample, item): return 1.0"}]}"#;
    let made = read("e.json", python.as_bytes(), &Folder::default()).unwrap();
    assert_eq!(lost(&made)[0], "e.json:2:7 graders of type `python` are not imported");
}

#[test]
fn a_threshold_that_no_score_reaches_is_told() {
    let eval = |threshold: f64| {
        json!({ "testing_criteria": [{
            "type": "multi", "name": "m", "calculate_output": "2 * a", "pass_threshold": threshold,
            "graders": { "a": {
                "type": "string_check", "name": "a", "operation": "eq",
                "input": "{{ sample.output_text }}", "reference": "x",
            } },
        }] })
    };
    for (threshold, expected) in [(1.5, 0), (2.5, 1)] {
        let eval = eval(threshold).to_string();
        let made = read("e.json", eval.as_bytes(), &Folder::default()).unwrap();
        let told = lost(&made);
        let beyond = told.iter().filter(|line| line.contains("beyond what scores can be"));
        assert_eq!(beyond.count(), expected, "{threshold}: {told:?}");
    }
}

#[test]
fn output_items_are_results() {
    let items = include_str!("fixtures/items.json");
    let made = read("items.json", items.as_bytes(), &Folder::default()).unwrap();
    let [one, other] = made.results.as_slice() else { panic!("two results") };
    assert_eq!((one.case.as_str(), one.arm.as_deref()), ("5", Some("gpt-5.5@openai")));
    assert_eq!(one.metrics, [("exact".to_owned(), 1.0), ("kind".to_owned(), 0.0)].into());
    assert_eq!((one.input_tokens, one.output_tokens), (Some(10), Some(3)));
    assert_eq!((other.case.as_str(), other.error.as_deref()), ("own", Some("it broke")));
    assert!(other.metrics.is_empty());
    // The same, one a line.
    let lines: String = serde_json::from_str::<Value>(items).unwrap()["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| format!("{item}\n"))
        .collect();
    let again = read("items.jsonl", lines.as_bytes(), &Folder::default()).unwrap();
    let unplaced = |made: Imported| -> Vec<ImportedResult> {
        let results = made.results.into_iter();
        results.map(|result| ImportedResult { line: None, ..result }).collect()
    };
    assert_eq!(again.results.iter().map(|one| one.line).collect::<Vec<_>>(), [Some(1), Some(2)]);
    assert_eq!(unplaced(again), unplaced(made));
}

#[test]
fn a_grader_on_another_scale_counts_by_what_passed() {
    let item = |id: u32, score: f64| {
        json!({ "datasource_item_id": id, "datasource_item": {}, "sample": { "model": "m" },
            "results": [{ "name": "stars", "score": score, "passed": score > 3.0 }] })
    };
    let items = format!("{}\n{}\n", item(1, 1.0), item(2, 5.0));
    let made = read("items.jsonl", items.as_bytes(), &Folder::default()).unwrap();
    let scores: Vec<f64> = made.results.iter().map(|one| one.metrics["stars"]).collect();
    assert_eq!(scores, [0.0, 1.0], "one of five is no 1");
    assert_eq!(made.findings.len(), 1);
}

#[test]
fn a_run_alone_is_nothing_to_import() {
    let error = read("run.json", RUN.as_bytes(), &Folder::default()).unwrap_err();
    assert!(matches!(error, ImportError::Syntax { .. }), "{error}");
}

/// A judge of everything.
struct Judge;

impl Door for Judge {
    async fn ask(&self, _: &str, request: &Value) -> Result<Answer, Trouble> {
        let scored = request.to_string().contains("Score from 1 to 5.");
        let text = if scored { r#"{"result": 4}"# } else { r#"{"label": "good"}"# };
        Ok(Answer { text: text.to_owned(), ..Answer::default() })
    }

    async fn embed(&self, _: &str, _: &str) -> Result<Embedded, Trouble> {
        panic!("nothing is embedded")
    }
}

#[tokio::test]
async fn every_imported_grader_grades() {
    let (file, _, _) = suite(RUN, &Folder::default());
    let suite = checked(&file, &[]);
    let case = &suite.cases[0];
    let request = suite.request(case).unwrap();
    for (text, wanted) in [
        ("a FAULT", [true, true, false, false, true, true, false]),
        ("Broken", [false, true, true, false, true, true, false]),
        (r#"{"kind": "spam"}"#, [false, false, false, false, true, true, false]),
        ("x", [false, true, false, false, true, true, true]),
        ("fault", [true, true, false, true, true, true, false]),
    ] {
        let answer = Answer { text: text.to_owned(), ..Answer::default() };
        let seen = Seen::new(case, "gpt-5.5@openai", &request, &answer);
        let grades = suite.checks.grade(&seen, &Tools { door: &Judge, commands: false }).await;
        let passed: Vec<bool> = grades.iter().map(|grade| grade.pass).collect();
        assert_eq!(passed, wanted, "{text}: {grades:#?}");
        assert!(grades.iter().all(|grade| grade.error.is_none()), "{text}: {grades:#?}");
    }
}
