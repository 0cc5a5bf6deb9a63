//! Configurations of promptfoo, made up.

use serde_json::json;
use tieline_eval::{Grader, Kind, OneOrMany, import::Imported};

use super::{Folder, lost, read};

fn imported(text: &str, folder: &Folder) -> Imported {
    read("promptfooconfig.yaml", text.as_bytes(), folder).unwrap()
}

/// The graders of assertions, written as a YAML list, and what of them is lost.
fn graders(assertions: &str) -> (Vec<Grader>, Vec<String>) {
    let text = format!("prompts: [hello]\ntests:\n- assert:\n{assertions}");
    let made = imported(&text, &Folder::default());
    (made.suites[0].1.cases[0].graders.clone(), lost(&made))
}

fn kind(assertion: &str) -> serde_json::Value {
    let (graders, lost) = graders(&format!("  - {assertion}\n"));
    assert_eq!(lost, Vec::<String>::new(), "{assertion}");
    let mut grader = serde_json::to_value(&graders[0]).unwrap();
    grader.as_object_mut().unwrap().remove("role");
    grader
}

#[test]
fn texts_and_measures_have_counterparts() {
    for (theirs, ours) in [
        ("{ type: equals, value: 7 }", json!({ "type": "equals", "value": "7" })),
        (
            "{ type: not-icontains, value: a, weight: 2, metric: m }",
            json!({
                "type": "contains", "value": "a", "ignore_case": true,
                "negate": true, "weight": 2.0, "metric": "m",
            }),
        ),
        (
            "{ type: contains-any, value: 'a, \"b, c\"' }",
            json!({ "type": "contains", "value": ["a", "b, c"], "any": true }),
        ),
        (
            "{ type: icontains-all, value: '{{ words }}' }",
            json!({
                "type": "contains",
                "value": "{{ words | split(',') | map('trim') | list | tojson }}",
                "ignore_case": true,
            }),
        ),
        ("{ type: starts-with, value: a }", json!({ "type": "starts_with", "value": "a" })),
        ("{ type: regex, value: 'a\\d' }", json!({ "type": "regex", "pattern": "a[0-9]" })),
        ("{ type: is-json }", json!({ "type": "json" })),
        (
            "{ type: contains-json, value: '{\"type\": \"object\"}' }",
            json!({ "type": "json", "schema": { "type": "object" }, "anywhere": true }),
        ),
        ("{ type: word-count, value: 5 }", json!({ "type": "word_count", "min": 5, "max": 5 })),
        ("{ type: not-is-refusal }", json!({ "type": "refusal", "negate": true })),
        ("{ type: latency, threshold: 900 }", json!({ "type": "latency", "at_most_ms": 900 })),
        ("{ type: cost, threshold: 0.01 }", json!({ "type": "cost", "at_most_usd": 0.01 })),
        (
            "{ type: rouge-n, value: a b, threshold: 0.6 }",
            json!({
                "type": "similarity", "measure": "rouge_1",
                "reference": "a b", "threshold": 0.6,
            }),
        ),
        (
            "{ type: similar, value: a, provider: openai:embedding:e }",
            json!({
                "type": "similarity", "measure": "cosine", "reference": "a",
                "embeddings": "e@openai", "threshold": 0.75,
            }),
        ),
    ] {
        assert_eq!(kind(theirs), ours, "{theirs}");
    }
}

#[test]
fn tools_scripts_and_sets_have_counterparts() {
    for (theirs, ours) in [
        (
            "{ type: tool-call-f1, value: 'find, book' }",
            json!({
                "type": "tool_calls", "compare": "f1",
                "expected": ["find", "book"], "threshold": 1.0,
            }),
        ),
        (
            "{ type: 'trajectory:tool-args-match', value: { name: a, args: { id: '{{ id }}' } } }",
            json!({
                "type": "tool_calls", "compare": "arguments",
                "expected": [{ "name": "a", "arguments": { "id": "{{ id }}" } }],
            }),
        ),
        (
            "{ type: 'trajectory:tool-sequence', value: { steps: [a, b] } }",
            json!({ "type": "tool_calls", "compare": "sequence", "expected": ["a", "b"] }),
        ),
        (
            "{ type: is-valid-openai-tools-call }",
            json!({ "type": "tool_calls", "compare": "valid" }),
        ),
        (
            "{ type: javascript, value: 'output > 1', threshold: 0.5 }",
            json!({ "type": "script", "source": "output > 1", "threshold": 0.5 }),
        ),
        (
            "{ type: assert-set, threshold: 0.5, assert: [{ type: equals, value: a }] }",
            json!({ "type": "set", "threshold": 0.5, "graders": [
                { "type": "equals", "value": "a" },
            ] }),
        ),
    ] {
        assert_eq!(kind(theirs), ours, "{theirs}");
    }
}

#[test]
fn what_does_not_come_over_is_told_with_its_place_and_makes_the_suite_partial() {
    let text = "\
prompts: [hello]
scenarios: []
tests:
  - vars: { a: 1 }
    assert:
      - { type: contains, value: a }
      - type: select-best
        value: the best
      - type: made-up
  - vars: { a: file://gone.txt }
    options: { storeOutputAs: x }
    assert:
      - { type: javascript, value: require('fs') }
      - { type: latency }
";
    let made = imported(text, &Folder::default());
    let told = [
        "promptfooconfig.yaml:2:1 `scenarios` is not imported",
        "promptfooconfig.yaml:7:9 assertions of type `select-best` are not imported",
        "promptfooconfig.yaml:9:9 assertions of type `made-up` are not imported",
        "promptfooconfig.yaml:11:16 `storeOutputAs` is not imported",
        "promptfooconfig.yaml:13:36 the script uses `require(`, which scripts of Tieline do not \
         have",
        "promptfooconfig.yaml:14:9 `latency` needs whole milliseconds",
        "promptfooconfig.yaml:10:16 cannot read gone.txt: there is no such file",
    ];
    assert_eq!(lost(&made), told);
    let (_, suite) = &made.suites[0];
    assert_eq!(suite.partial.len(), told.len());
    assert!(suite.partial[1].starts_with("promptfooconfig.yaml:7:9: "), "{:?}", suite.partial);
    assert_eq!(suite.cases[0].graders.len(), 1);
    assert!(made.partial());
}

#[test]
fn each_prompt_is_a_suite_and_chats_keep_their_roles() {
    let text = "\
description: Two ways to ask
prompts:
  - id: file://chat.json
    label: As a chat
  - 'Answer {{ question | dump }} now'
providers:
  - id: openai:chat:gpt-5.5
    config: { temperature: 0.2, apiKey: secret }
  - anthropic:messages:claude-sonnet-5
evaluateOptions: { repeat: 3, maxConcurrency: 2 }
tests: [{ vars: { question: why } }]
";
    let chat = r#"[
  {"role": "system", "content": "Be brief."},
  {"role": "user", "content": {{ question | dump }}}
]"#;
    let made = imported(text, &Folder::of([("chat.json", chat)]));
    assert_eq!(made.candidates, ["gpt-5.5@openai", "claude-sonnet-5@anthropic"]);
    // The two providers are asked with unlike parameters.
    assert_eq!(lost(&made).len(), 1);
    let [(first, one), (second, other)] = made.suites.as_slice() else { panic!("two suites") };
    assert_eq!(
        (first.as_str(), second.as_str()),
        ("reply-as-a-chat", "reply-answer-question-dump-now")
    );
    let messages = serde_json::to_value(&one.prompt.messages).unwrap();
    assert_eq!(
        messages,
        json!([
            { "role": "system", "content": "Be brief." },
            { "role": "user", "content": "{{ question }}" },
        ])
    );
    assert_eq!(other.prompt.messages[0].content, json!("Answer {{ question | tojson }} now"));
    assert_eq!(
        serde_json::to_value(&one.prompt.parameters).unwrap(),
        json!({ "temperature": 0.2 })
    );
    assert_eq!((one.run.repeats, one.run.concurrency), (3, 2));
    assert!(!one.to_yaml().unwrap().contains("secret"));
}

#[test]
fn files_are_followed_and_python_becomes_a_command() {
    let text = "\
prompts: file://ask.txt
defaultTest: file://default.yaml
tests:
  - file://more.jsonl
  - vars: { doc: file://doc.txt, all: 'from {{ doc }}' }
    assert: [{ type: python, value: 'file://check.py:good' }]
";
    let made = imported(
        text,
        &Folder::of([
            ("ask.txt", "One {{ doc }}\n---\nTwo {{ doc }}\n"),
            (
                "default.yaml",
                "assert: [{ type: javascript, value: 'file://check.js' }]\nvars: { tone: kind }\n",
            ),
            ("more.jsonl", "{\"vars\": {\"doc\": \"a\"}}\n\n{\"vars\": {\"doc\": \"b\"}}\n"),
            ("doc.txt", "text"),
            ("check.js", "module.exports = (output) => output.length > 0;\n"),
        ]),
    );
    assert_eq!(lost(&made), Vec::<String>::new());
    assert_eq!(made.suites.len(), 2);
    let (_, suite) = &made.suites[0];
    let Kind::Script { source } = &suite.graders[0].kind else { panic!("a script") };
    assert!(source.contains("module.exports = (output) => output.length > 0;"));
    let fields = |index: usize| serde_json::to_value(&suite.cases[index].fields).unwrap();
    assert_eq!(fields(0), json!({ "tone": "kind", "doc": "a", "all": "" }));
    assert_eq!(fields(2), json!({ "tone": "kind", "doc": "text", "all": "from text" }));
    let Kind::Command { argv } = &suite.cases[2].graders[0].kind else { panic!("a command") };
    assert_eq!(argv[0], "python3");
    assert_eq!(argv[3..], ["check.py", "good"]);
}

#[test]
fn judges_are_named_once_with_what_they_are_asked() {
    let text = "\
prompts: [hello]
defaultTest:
  options: { provider: { id: openai:judge, config: { temperature: 0 } } }
tests:
  - assert:
    - { type: llm-rubric, value: is kind, threshold: 0.6 }
    - { type: llm-rubric, value: is brief }
    - type: llm-rubric
      value: is true
      provider: anthropic:messages:other
      rubricPrompt: 'Q {{ rubric }}'
    - { type: factuality, value: 'It is {{ a }}.' }
";
    let made = imported(text, &Folder::default());
    assert_eq!(lost(&made), Vec::<String>::new());
    let (_, suite) = &made.suites[0];
    let deployments: Vec<_> = suite
        .judges
        .iter()
        .map(|(name, judge)| (name.as_str(), judge.deployment.as_str()))
        .collect();
    assert_eq!(deployments, [("judge", "judge@openai"), ("other", "other@anthropic")]);
    let graders = &suite.cases[0].graders;
    let thresholds: Vec<_> = graders.iter().map(|grader| grader.threshold).collect();
    assert_eq!(thresholds, [Some(0.6), None, Some(0.0), None]);
    let Kind::Rubric { judge, messages, .. } = &graders[2].kind else { panic!("a rubric") };
    assert_eq!((judge.as_str(), messages[0].content.as_str()), ("other", Some("Q {{ rubric }}")));
    let Kind::Label { messages, passing, .. } = &graders[3].kind else { panic!("a label") };
    assert!(messages[0].content.as_str().unwrap().contains("It is {{ a }}."));
    assert_eq!(passing.join(""), "ABCE");
}

#[test]
fn many_plain_cases_go_to_a_file() {
    let rows: String = (0..30).map(|row| format!("q{row},\n")).collect();
    let folder = Folder::of([("t.csv", &*format!("question,__expected\n{rows}"))]);
    let made = imported("prompts: ['{{ question }}']\ntests: t.csv\n", &folder);
    let (_, suite) = &made.suites[0];
    assert_eq!(suite.cases, []);
    assert_eq!(suite.dataset.as_ref().unwrap().file, made.files[0].0);
    assert_eq!(made.files[0].1.lines().count(), 30);
    assert_eq!(made.files[0].1.lines().next(), Some(r#"{"question":"q0"}"#));
}

#[test]
fn the_suite_that_is_held_against_promptfoo_comes_over_whole() {
    let folder = Folder::of([
        ("tests.csv", include_str!("../promptfoo/tests.csv")),
        ("schema.json", include_str!("../promptfoo/schema.json")),
        ("check.js", include_str!("../promptfoo/check.js")),
    ]);
    let made = imported(include_str!("../promptfoo/promptfooconfig.yaml"), &folder);
    assert_eq!(made.findings, []);
    let (name, suite) = &made.suites[0];
    assert_eq!((name.as_str(), suite.cases.len()), ("reply", 58));
    let ids: std::collections::BTreeSet<_> = suite.cases.iter().map(|case| &case.id).collect();
    assert_eq!(ids.len(), suite.cases.len());
    // One of the tests has a transform, with which the assertions of all mean another thing.
    assert_eq!(suite.graders.len(), 0);
    let first = &suite.cases[0].graders[2].kind;
    let value = OneOrMany::One("parcel {{ number | default(\"4711\") }}".to_owned());
    assert_eq!(*first, Kind::Contains { value, any: false, ignore_case: false });
}

#[test]
fn anchors_are_written_out_and_json_is_read_with_its_escapes() {
    let text = "\
prompts: [hello]
tests:
  - vars: &base { a: one, b: two }
    assert: &checks [{ type: contains, value: x }]
  - vars: { <<: *base, b: three }
    assert: *checks
";
    let made = imported(text, &Folder::default());
    let cases = &made.suites[0].1.cases;
    assert_eq!((&cases[1].fields["a"], &cases[1].fields["b"]), (&json!("one"), &json!("three")));
    assert_eq!(cases[0].graders, cases[1].graders);
    let text = r#"{
"prompts": ["a \ud83e\udd80 \/"],
	"tests": [{"assert": [{"type": "x"}]}]
}"#;
    let made = read("promptfooconfig.json", text.as_bytes(), &Folder::default()).unwrap();
    assert_eq!(made.suites[0].1.prompt.messages[0].content, json!("a 🦀 /"));
    assert_eq!(lost(&made).len(), 1);
}
