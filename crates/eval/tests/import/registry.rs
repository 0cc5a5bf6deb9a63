//! Entries of the open-source registry. The fixtures are made up in its form.

use serde_json::{Value, json};
use tieline_eval::{Answer, Door, Embedded, Kind, Seen, Tools, Trouble};

use super::{Folder, checked, lost, read};

const ENTRIES: &str = include_str!("fixtures/capitals.yaml");
const SAMPLES: &str = include_str!("fixtures/samples.jsonl");
const SAME: &str = include_str!("fixtures/same.yaml");

#[test]
fn entries_become_suites_over_their_samples() {
    let folder = Folder::of([
        ("../data/capitals/samples.jsonl", SAMPLES),
        ("../modelgraded/same.yaml", SAME),
    ]);
    let made = read("capitals.yaml", ENTRIES.as_bytes(), &folder).unwrap();
    assert_eq!(
        lost(&made),
        [
            "capitals.yaml:9:50 `max_tokens` is not imported",
            "capitals.yaml:17:3 shown.dev.v0: evals of class `MMMU` are not imported",
        ]
    );
    let names: Vec<_> = made.suites.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(
        names,
        ["reply-capitals-dev-v0", "reply-near-dev-v0", "reply-has-dev-v0", "reply-judged-dev-v0",]
    );
    let lines: Vec<Value> =
        made.files[0].1.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines[0]["input"][0], json!({ "role": "user", "content": "Norway?" }));
    assert_eq!(
        lines[1],
        json!({ "input": [{ "role": "user", "content": "Italy?" }], "ideal": ["Rome", "Roma"] })
    );
    let suite = |index: usize| &made.suites[index].1;
    assert_eq!(suite(0).prompt.messages_from.as_deref(), Some("input"));
    assert_eq!(suite(0).dataset.as_ref().unwrap().file, made.files[0].0);
    assert!(suite(0).partial.is_empty() && suite(1).partial.len() == 1);
    let Kind::Label { messages, labels, passing, .. } = &suite(3).graders[0].kind else {
        panic!("a label")
    };
    let asked = messages[0].content.as_str().unwrap();
    assert!(asked.starts_with("Is {{ output }} the same as {{ ideal | join('\\n') }}?"), "{asked}");
    assert_eq!((labels.join(""), passing.join("")), ("YN".to_owned(), "Y".to_owned()));
    assert_eq!(suite(3).judges["judge"].deployment, "gpt-5.5@openai");
}

#[test]
fn what_is_not_at_hand_is_told() {
    let made = read("capitals.yaml", ENTRIES.as_bytes(), &Folder::default()).unwrap();
    assert!(made.suites.is_empty());
    assert_eq!(lost(&made)[0], "capitals.yaml:6:26 cannot read capitals/samples.jsonl");
}

/// Nobody is asked.
struct Nobody;

impl Door for Nobody {
    async fn ask(&self, _: &str, _: &Value) -> Result<Answer, Trouble> {
        panic!("nobody is asked")
    }

    async fn embed(&self, _: &str, _: &str) -> Result<Embedded, Trouble> {
        panic!("nothing is embedded")
    }
}

#[tokio::test]
async fn their_checks_say_what_the_registrys_classes_say() {
    let classes = [
        ("match:Match", "Rome, of course", true),
        ("match:Match", "It is Rome", false),
        ("includes:Includes", "It is Roma.", true),
        ("includes:Includes", "It is Paris.", false),
        ("fuzzy_match:FuzzyMatch", "the ROME!", true),
        ("fuzzy_match:FuzzyMatch", "Milan", false),
        ("json_match:JsonMatch", "Rome", false),
        ("json_match:JsonMatch", " {\"b\": [1], \"a\": null}", true),
        ("json_match:JsonMatch", "{\"b\": [2], \"a\": null}", false),
    ];
    for (class, text, pass) in classes {
        let entry = format!(
            "x.v0:\n  class: evals.elsuite.basic.{class}\n  args: {{ samples_jsonl: s.jsonl }}\n"
        );
        let ideal = if class.starts_with("json") { r#"{"a": null, "b": [1]}"# } else { "Rome" };
        let sample = json!({ "input": "Italy?", "ideal": [ideal, "Roma"] }).to_string();
        let folder = Folder::of([("s.jsonl", &*sample)]);
        let made = read("x.yaml", entry.as_bytes(), &folder).unwrap();
        let suite = checked(&made.suites[0].1, &made.files);
        let case = &suite.cases[0];
        let request = suite.request(case).unwrap();
        assert_eq!(request["messages"], json!([{ "role": "user", "content": "Italy?" }]));
        let answer = Answer { text: text.to_owned(), ..Answer::default() };
        let seen = Seen::new(case, "a@b", &request, &answer);
        let grades = suite.checks.grade(&seen, &Tools { door: &Nobody, commands: false }).await;
        assert_eq!((grades[0].pass, &grades[0].error), (pass, &None), "{class}: {text}");
    }
}
