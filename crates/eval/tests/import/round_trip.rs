//! What is written reads as it was.

use proptest::prelude::*;
use serde_json::{Map, Value, json};
use tieline_eval::{CaseFile, Grader, Judge, Kind, Message, OneOrMany, Prompt, SuiteFile};

/// Texts that YAML has to take care of.
fn text() -> impl Strategy<Value = String> {
    let hard = [
        "",
        " ",
        "yes",
        "null",
        "~",
        "1e3",
        "0x1f",
        "- a",
        "a: b",
        "# no",
        "{{ x }}",
        "{% if %}",
        "two\nlines",
        "two\nlines\n",
        "\n\nlate",
        "  indented\n    more\n  back\n",
        "trailing \n x",
        "tab\tin",
        "\ttab",
        "a\r\nb",
        "'",
        "\"",
        "\\d+\\.",
        "ünïcödé 🦀",
        "a #b",
        "!tag",
        "&a *b",
        "2026-11-23",
        "…\u{85}\u{2028}x",
        "%dir",
        "@at",
        "`tick",
        "|",
        ">",
        "? q",
        "[x",
        "end:",
    ];
    prop_oneof![
        proptest::sample::select(hard.to_vec()).prop_map(str::to_owned),
        "[ -~\n\t]{0,40}",
        "\\PC{0,20}",
        ("[a-z :#'\"{}-]{0,30}", "\n{1,3}", " {0,4}[a-z]{0,10}\n{0,3}")
            .prop_map(|(a, b, c)| format!("{a}{b}{c}")),
    ]
}

fn value() -> impl Strategy<Value = Value> {
    let scalar = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        (-1_000_i32..1_000).prop_map(|number| json!(f64::from(number) / 8.0)),
        text().prop_map(Value::String),
    ];
    scalar.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
            proptest::collection::vec((text(), inner), 0..4)
                .prop_map(|entries| Value::Object(entries.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

fn grader() -> impl Strategy<Value = Grader> {
    let kind = prop_oneof![
        value().prop_map(|value| Kind::Equals { value, ignore_case: true }),
        proptest::collection::vec(text(), 0..3).prop_map(|texts| Kind::Contains {
            value: OneOrMany::Many(texts),
            any: true,
            ignore_case: false,
        }),
        text().prop_map(|source| Kind::Script { source }),
        text().prop_map(|pattern| Kind::Regex { pattern }),
        Just(Kind::Refusal),
    ];
    (proptest::option::of(text()), kind, proptest::option::of(0.0..1.0), any::<bool>()).prop_map(
        |(id, kind, threshold, negate)| Grader {
            id,
            metric: None,
            role: tieline_eval::Role::default(),
            weight: if negate { 0.0 } else { 1.0 },
            negate,
            threshold,
            transform: None,
            kind,
        },
    )
}

fn suite() -> impl Strategy<Value = SuiteFile> {
    let case = (proptest::option::of(text()), value(), proptest::collection::vec(grader(), 0..3));
    let case = case.prop_map(|(id, value, graders)| CaseFile {
        id,
        fields: [("field".to_owned(), value)].into_iter().collect(),
        graders,
        ..CaseFile::default()
    });
    (text(), text(), proptest::collection::vec(case, 0..3), text()).prop_map(
        |(description, content, cases, prompt)| SuiteFile {
            version: 1,
            feature: "reply".to_owned(),
            description: Some(description),
            dataset: None,
            cases,
            prompt: Prompt {
                messages: vec![Message { role: "user".to_owned(), content: json!(content) }],
                ..Prompt::default()
            },
            run: tieline_eval::RunSettings::default(),
            judges: [(
                "judge".to_owned(),
                Judge {
                    deployment: "a@b".to_owned(),
                    prompt: Some(prompt),
                    parameters: Map::new(),
                    calibration: None,
                },
            )]
            .into(),
            graders: Vec::new(),
            gate: tieline_eval::GateFile::default(),
            partial: Vec::new(),
        },
    )
}

proptest! {
    #[test]
    fn a_suite_that_is_written_reads_as_it_was(suite in suite()) {
        let text = suite.to_yaml().unwrap();
        let read: SuiteFile = serde_saphyr::from_str(&text)
            .map_err(|error| TestCaseError::fail(format!("{error}\n{text}")))?;
        prop_assert_eq!(read, suite, "{}", text);
    }
}

#[test]
fn texts_of_several_lines_are_blocks() {
    let prompt = Prompt {
        messages: vec![Message { role: "user".to_owned(), content: json!("one\ntwo {{ x }}\n") }],
        ..Prompt::default()
    };
    let suite = SuiteFile {
        version: 1,
        feature: "reply".to_owned(),
        description: None,
        dataset: None,
        cases: vec![CaseFile { id: Some("a".to_owned()), ..CaseFile::default() }],
        prompt,
        run: tieline_eval::RunSettings::default(),
        judges: std::collections::BTreeMap::new(),
        graders: Vec::new(),
        gate: tieline_eval::GateFile::default(),
        partial: Vec::new(),
    };
    let wanted = "\
version: 1
feature: reply
cases:
- id: a
prompt:
  messages:
  - role: user
    content: |
      one
      two {{ x }}
run:
  repeats: 1
  concurrency: 8
  retries: 3
  cache: false
  seed: 1
";
    assert_eq!(suite.to_yaml().unwrap(), wanted);
}
