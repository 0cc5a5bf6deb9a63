//! `tieline eval import`: what it writes, says and exits with.

use serde_json::json;

use crate::support::Folder;

const CONFIG: &str = "\
prompts: ['Answer {{ question }}']
providers: [openai:chat:gpt-5.5]
tests:
  - vars: { question: why }
    assert:
      - { type: contains, value: because }
      - { type: select-best, value: the best }
";

fn folder() -> Folder {
    let folder = Folder::new();
    folder.write("promptfooconfig.yaml", CONFIG);
    folder
}

#[test]
fn a_suite_is_written_and_what_is_missing_is_told_with_its_place() {
    let folder = folder();
    let line = "eval import promptfooconfig.yaml --feature reply";
    let (code, out, err) = folder.run(line);
    assert_eq!((code, err.as_str()), (0, ""));
    let place = "promptfooconfig.yaml:7:9  missing  assertions of type `select-best`";
    for told in ["evals/reply.yaml  1      1        1", "gpt-5.5@openai", place] {
        assert!(out.contains(told), "{told}\n{out}");
    }
    let suite = std::fs::read_to_string(folder.path().join("evals/reply.yaml")).unwrap();
    assert!(suite.contains("content: Answer {{ question }}"), "{suite}");
    assert!(suite.contains("partial:\n- "), "{suite}");
    // What is there is not lost by a second import, unless it is asked for.
    let (code, _, err) = folder.run(line);
    assert_eq!(code, 2);
    assert!(err.contains("evals/reply.yaml is there already"), "{err}");
    assert_eq!(folder.run(&format!("{line} --force --strict")).0, 1);
}

#[test]
fn results_become_plain_lines_that_can_be_imported_again() {
    let folder = Folder::new();
    let lines = [r#"{"id": 1, "model": "a@b", "pass": true}"#, r#"{"id": 2, "error": "x"}"#];
    folder.write("r.jsonl", &lines.join("\n"));
    let summary = folder.json("eval import r.jsonl");
    let results = json!({ "file": "evals/r.results.jsonl", "results": 2, "errors": 1 });
    assert_eq!(summary["results"], results);
    let text = std::fs::read_to_string(folder.path().join("evals/r.results.jsonl")).unwrap();
    let first = r#"{"id":"1","arm":"a@b","repeat":0,"scores":{"score":1.0}}"#;
    assert_eq!(text.lines().next(), Some(first));
    let again = folder.json("eval import evals/r.results.jsonl --out again --feature r");
    assert_eq!(again["results"]["errors"], 1);
    let again = std::fs::read_to_string(folder.path().join("again/r.results.jsonl")).unwrap();
    assert_eq!(again, text);
}

#[test]
fn what_cannot_be_read_is_wrong_usage() {
    let folder = folder();
    folder.write("a.yaml", "a: 1\n");
    folder.write("broken.yaml", "prompts: [\n");
    for (line, told) in [
        ("eval import gone.yaml", "cannot read gone.yaml"),
        ("eval import a.yaml", "a.yaml is nothing that can be imported"),
        ("eval import broken.yaml --from promptfoo", "broken.yaml:"),
    ] {
        let (code, _, err) = folder.run(line);
        assert_eq!(code, 2, "{line}");
        assert!(err.contains(told), "{err}");
        assert!(!folder.path().join("evals").exists());
    }
}

#[test]
fn the_examples_come_over_whole() {
    let examples = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/evals");
    let folder = Folder::new();
    for (files, cases) in [
        (vec!["from-promptfoo/promptfooconfig.yaml"], 6),
        (vec!["from-openai/eval.json", "from-openai/run.json"], 4),
    ] {
        let files: Vec<String> = files.iter().map(|file| format!("{examples}/{file}")).collect();
        let line = format!("eval import {} --feature x --force --strict", files.join(" "));
        let summary = folder.json(&line);
        assert_eq!(summary["findings"], json!([]), "{line}");
        assert_eq!(summary["suites"][0]["cases"], cases, "{line}");
    }
}
