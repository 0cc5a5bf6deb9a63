//! Reading suites: what is right, and everything that is wrong at once.

use std::path::Path;

use serde_json::json;
use tieline_eval::{Suite, SuiteFile};

use crate::house::{Texts, read};

const PLAIN: &str = "\
version: 1
feature: support-reply
dataset: {file: data/cases.jsonl, id: id, cluster: ticket, slices: [lang], holdout: 0.5}
prompt:
  messages:
    - {role: system, content: 'Answer in {{ lang }}.'}
    - {role: user, content: [{type: text, text: '{{ question }}'}]}
  messages_from: history
  parameters: {temperature: 0.2, stop: '{{ raw }}'}
judges:
  fair: {deployment: judge@house, calibration: labels.jsonl}
graders:
  - {type: contains, value: '{{ ideal }}', ignore_case: true}
  - {type: contains, value: please, role: reported}
  - {type: rubric, judge: fair, rubric: polite, metric: manners}
gate:
  metrics: {contains: {margin: 0.03}, manners: {at_least: 0.5}, pass: {margin: 0.1}}
  slices: {lang: {margin: 0.1}}
  quarantine: [t2]
";

const CASES: &str = r#"
{"id": "t1", "ticket": 7, "lang": "de", "question": "Wo?", "ideal": "hier", "history": []}

{"id": "t2", "ticket": 7, "lang": "en", "question": "{{ x }}", "ideal": "here", "history": HISTORY}
"#;

const HISTORY: &str = r#"[{"role": "user", "content": "{{ y }}"}]"#;

fn plain() -> Suite {
    changed(PLAIN, CASES)
}

/// A label of the judge.
const LABEL: &str = r#"{"human": true, "judge": true, "answer": "Paris"}"#;

fn changed(suite: &str, cases: &str) -> Suite {
    let cases = cases.replace("HISTORY", HISTORY);
    let files = [("e/s.yaml", suite), ("e/data/cases.jsonl", &cases), ("e/labels.jsonl", LABEL)];
    read(&files).unwrap_or_else(|problems| panic!("{problems}"))
}

#[test]
fn a_suite_is_read_with_its_cases_and_its_prompt() {
    let suite = plain();
    assert_eq!(suite.name, "s");
    let told: Vec<_> = suite
        .cases
        .iter()
        .map(|case| (case.id.as_str(), case.cluster.as_deref(), case.slices["lang"].as_str()))
        .collect();
    assert_eq!(told, [("t1", Some("7"), "de"), ("t2", Some("7"), "en")]);
    let ids: Vec<&str> = suite.checks.of(&suite.cases[0]).map(|check| check.id.as_str()).collect();
    assert_eq!(ids, ["contains", "contains_2", "rubric"]);
    assert_eq!(
        suite.request(&suite.cases[1]).unwrap(),
        json!({
            "messages": [
                { "role": "system", "content": "Answer in en." },
                { "role": "user", "content": [{ "type": "text", "text": "{{ x }}" }] },
                { "role": "user", "content": "{{ y }}" },
            ],
            "temperature": 0.2,
            "stop": "{{ raw }}",
        }),
        "braces in data are no templates"
    );
}

#[test]
fn the_digest_is_of_what_decides_and_of_nothing_else() {
    let digest = plain().digest;
    assert_eq!(digest.len(), 64);
    let same = PLAIN.replace("version: 1\n", "version: 1\ndescription: x\nrun: {concurrency: 3}\n");
    assert_eq!(changed(&same, CASES).digest, digest);
    let reordered = CASES.replacen(r#""id": "t1", "ticket": 7"#, r#""ticket": 7, "id": "t1""#, 1);
    assert_eq!(changed(PLAIN, &reordered).digest, digest);
    for (what, suite, cases) in [
        ("graders", PLAIN.replace("please", "thanks"), CASES.to_owned()),
        ("prompt", PLAIN.replace("0.2", "0.3"), CASES.to_owned()),
        ("gate", PLAIN.replace("0.03", "0.04"), CASES.to_owned()),
        ("judge", PLAIN.replace("judge@house", "other@house"), CASES.to_owned()),
        ("repeats", format!("{PLAIN}run: {{repeats: 2}}\n"), CASES.to_owned()),
        ("data", PLAIN.to_owned(), CASES.replace("hier", "da")),
    ] {
        assert_ne!(changed(&suite, &cases).digest, digest, "{what}");
    }
}

#[test]
fn the_share_that_is_held_out_is_chosen_by_ids_alone() {
    let lines: String =
        (0..1000).map(|id| format!("{{\"id\": \"c{id}\", \"lang\": \"de\"}}\n")).collect();
    let suite = PLAIN.replace("quarantine: [t2]", "quarantine: []");
    let held = |cases: &str| -> Vec<String> {
        let cases = changed(&suite, cases).cases.into_iter();
        cases.filter(|case| case.holdout).map(|case| case.id).collect()
    };
    let all = held(&lines);
    assert!((420..580).contains(&all.len()), "{}", all.len());
    let fewer: String = lines.lines().skip(500).map(|line| format!("{line}\n")).collect();
    let kept: Vec<String> =
        all.into_iter().filter(|id| id[1..].parse::<u32>().unwrap() >= 500).collect();
    assert_eq!(held(&fewer), kept);
}

#[test]
fn csv_has_a_header_and_quoted_cells() {
    let suite = PLAIN.replace("cases.jsonl", "cases.csv");
    let cases = "\u{feff}id,ticket,lang,question\nt1,1,de,\"a, \"\"b\"\"\nand c\"\nt2,,en,d\n";
    let files = [("e/s.yaml", suite.as_str()), ("e/data/cases.csv", cases), ("e/labels.jsonl", "")];
    let suite = read(&files).unwrap_or_else(|problems| panic!("{problems}"));
    assert_eq!(suite.cases[0].fields["question"], "a, \"b\"\nand c");
    assert_eq!(suite.cases[1].cluster, None);
}

/// What is said of a suite and its dataset.
fn problems(suite: &str, cases: Option<(&str, &str)>) -> String {
    let mut files = vec![("e/s.yaml", suite)];
    files.extend(cases);
    read(&files).expect_err("the suite is broken").to_string()
}

#[test]
fn a_wrong_form_is_told_with_its_place_and_a_way_out() {
    let suite = "\
version: 2
feature: 7
dataset: {file: d.jsonl, holdout: 2}
promt: {}
prompt:
  messages:
    - {role: user}
  messages_from: [x]
run: {repeats: 0, concurrency: many}
graders:
  - {type: contain, value: x}
  - {type: contains, valu: x}
  - {value: x}
  - {type: similarity, measure: rogue_1, reference: x}
  - {type: contains, value: 5}
  - {type: set, graders: [{type: regex, pattern: x, wieght: 2}]}
  - {type: rubric, judge: j, rubric: r, range: [1]}
gate:
  metrics: {a: {margin: 3}}
";
    insta::assert_snapshot!(problems(suite, None));
}

#[test]
fn what_does_not_hold_is_told_all_at_once() {
    let suite = "\
version: 1
feature: f
dataset: {file: d.jsonl, id: id, slices: [lnag]}
prompt:
  messages:
    - {role: usr, content: '{{ open'}
  parameters: {model: gpt}
cases:
  - {id: t1, graders: [{type: word_count}], threshold: 2}
judges:
  fair: {deployment: '', prompt: '{% if %}', calibration: no.jsonl}
graders:
  - {id: a, type: regex, pattern: '(a'}
  - {id: a, type: script, source: 'output.(('}
  - {type: json, schema: {type: 7}}
  - {type: rubric, judge: fare, rubric: r, weight: -1}
  - {type: label, judge: fair, labels: [x], passing: [y], messages: [{role: user, content: '{{'}]}
  - {type: number, value: ten, tolerance: -1}
  - {type: similarity, measure: cosine, reference: r, threshold: 3}
  - type: set
    formula: a + b
    graders: [{type: refusal, id: b}, {type: word_count, min: 3, max: 2}]
  - {type: tool_calls, compare: names}
  - {type: command, argv: []}
gate:
  metrics: {b: {margin: 0.1}, refusl: {margin: 0.1}, a: {}}
  slices: {lang: {margin: 0.1}}
  quarantine: [nobody]
";
    let cases =
        "{\"id\": \"t1\", \"lang\": \"de\"}\nnot json\n[1]\n{\"lang\": \"en\"}\n{\"id\": \"t1\"}\n";
    insta::assert_snapshot!(problems(suite, Some(("e/d.jsonl", cases))));
}

#[test]
fn files_that_cannot_be_read_are_told() {
    let minimal = "version: 1\nfeature: f\nprompt: {messages: [{role: user, content: x}]}\n\
        dataset: {file: FILE}\ngraders: [{type: json}]\n";
    for (name, content, wanted) in [
        ("d.jsonl", None, "e/s.yaml:4:17: `e/d.jsonl`: no such file"),
        ("d.txt", Some("x"), "e/d.txt: expected a file that ends in `.jsonl` or `.csv`"),
        ("d.jsonl", Some("\n \n"), "e/d.jsonl: there is no case in it"),
        ("d.csv", Some("a,b\n1\n"), "e/d.csv:2: expected 2 columns, got 1"),
        ("d.csv", Some("a,a\n1,2\n"), "e/d.csv:1: two columns are called `a`"),
        ("d.csv", Some("a,\n1,2\n"), "e/d.csv:1: expected a name for every column"),
    ] {
        let path = format!("e/{name}");
        let cases = content.map(|content| (path.as_str(), content));
        assert_eq!(problems(&minimal.replace("FILE", name), cases), wanted);
    }
    for (suite, wanted) in [
        ("a: [", "e/s.yaml:1:4: "),
        ("a: 1\na: 2", "e/s.yaml:2:1: "),
        ("", "e/s.yaml:"),
        ("[1]", "e/s.yaml:1:1: expected a mapping, got a list"),
    ] {
        let said = problems(suite, None);
        assert!(said.starts_with(wanted), "{suite}: {said}");
    }
}

#[test]
fn a_suite_that_a_program_made_names_what_is_wrong_by_its_pointer() {
    let file: SuiteFile = serde_json::from_value(json!({
        "version": 1,
        "feature": "f",
        "prompt": { "messages": [{ "role": "user", "content": "x" }] },
        "cases": [{}, {}],
        "graders": [{ "type": "regex", "pattern": "(" }],
    }))
    .unwrap();
    let said = Suite::of(Path::new("made.yaml"), file, &Texts::default()).unwrap_err().to_string();
    assert!(said.starts_with("made.yaml: /graders/0/pattern: `(` is not"), "{said}");
}
