//! The same verdicts as promptfoo's own, answer by answer. What it says of the configuration in the
//! folder beside this one is recorded there in `expected.json` by `record.py`.

use std::{fs, io, path::Path};

use serde::Deserialize;
use serde_json::Value;
use tieline_eval::{Answer, Case, Door, Embedded, Files, Grade, Seen, Suite, Tools, Trouble};

use super::{checked, lost, options};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/promptfoo");
/// How far scores may be apart.
const NEAR: f64 = 1e-9;

#[derive(Deserialize)]
struct Recorded {
    results: Vec<Verdict>,
}

#[derive(Deserialize)]
struct Verdict {
    output: String,
    pass: bool,
    score: f64,
    assertions: Vec<Assertion>,
}

#[derive(Deserialize)]
struct Assertion {
    #[serde(rename = "type")]
    kind: String,
    pass: bool,
    score: f64,
}

struct Beside;

impl Files for Beside {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        fs::read(Path::new(FOLDER).join(path))
    }
}

/// Says what follows `echo: ` in the last message, as the simulated providers do that promptfoo
/// asked.
struct Echo;

fn echo(request: &Value) -> String {
    let last = request["messages"].as_array().and_then(|messages| messages.last()).unwrap();
    last["content"].as_str().unwrap().strip_prefix("echo: ").unwrap().to_owned()
}

fn said(text: String) -> Answer {
    Answer { text, finish_reason: "stop".to_owned(), ..Answer::default() }
}

impl Door for Echo {
    async fn ask(&self, _: &str, request: &Value) -> Result<Answer, Trouble> {
        Ok(said(echo(request)))
    }

    async fn embed(&self, _: &str, _: &str) -> Result<Embedded, Trouble> {
        panic!("nothing is embedded")
    }
}

fn imported() -> Suite {
    let bytes = Beside.read(Path::new("promptfooconfig.yaml")).unwrap();
    let source = tieline_eval::import::Source { name: "promptfooconfig.yaml", bytes: &bytes };
    let made = tieline_eval::import::import(&source, &[], None, &Beside, &options()).unwrap();
    assert_eq!(lost(&made), Vec::<String>::new());
    checked(&made.suites[0].1, &made.files)
}

/// Grades one by one, with those of sets in the place of the sets; weight 0 makes any grade a pass
/// to promptfoo.
fn flat(suite: &Suite, case: &Case, grades: &[Grade]) -> Vec<(bool, f64)> {
    let weights = suite.checks.of(case).map(|check| check.weight);
    let mut flat = Vec::new();
    for (grade, weight) in grades.iter().zip(weights) {
        let parts = if grade.parts.is_empty() { std::slice::from_ref(grade) } else { &grade.parts };
        flat.extend(parts.iter().map(|part| (part.pass || weight == 0.0, part.score)));
    }
    flat
}

/// What is unlike in the verdicts on one case.
async fn differences(suite: &Suite, case: &Case, verdict: &Verdict) -> Vec<String> {
    let request = suite.request(case).unwrap();
    let answer = said(echo(&request));
    let seen = Seen::new(case, "gpt-5.5@openai", &request, &answer);
    let grades = suite.checks.grade(&seen, &Tools { door: &Echo, commands: false }).await;
    let outcome = suite.checks.outcome(case, &grades);
    let mut unlike = Vec::new();
    let mut tell = |what: String, ours: (bool, f64), theirs: (bool, f64)| {
        if ours.0 != theirs.0 || (ours.1 - theirs.1).abs() > NEAR {
            unlike.push(format!("{}: {what}: ours {ours:?}, theirs {theirs:?}", case.id));
        }
    };
    // A transform of the whole test, which takes white space away, is in the recorded answer.
    assert_eq!(answer.text.trim(), verdict.output.trim(), "{}", case.id);
    let flat = flat(suite, case, &grades);
    assert_eq!(flat.len(), verdict.assertions.len(), "{}: {grades:?}", case.id);
    for (ours, theirs) in flat.into_iter().zip(&verdict.assertions) {
        tell(theirs.kind.clone(), ours, (theirs.pass, theirs.score));
    }
    let whole = (outcome.pass, outcome.score);
    tell(format!("the whole, {:?}", outcome.error), whole, (verdict.pass, verdict.score));
    unlike
}

#[tokio::test]
async fn every_verdict_is_promptfoos() {
    let text = Beside.read(Path::new("expected.json")).unwrap();
    let recorded: Recorded = serde_json::from_slice(&text).unwrap();
    let suite = imported();
    assert_eq!(suite.cases.len(), recorded.results.len());
    let passed = recorded.results.iter().filter(|verdict| verdict.pass).count();
    assert!(passed > 20 && passed < recorded.results.len() - 20, "{passed} pass");
    let mut unlike = Vec::new();
    for (case, verdict) in suite.cases.iter().zip(&recorded.results) {
        unlike.extend(differences(&suite, case, verdict).await);
    }
    assert!(unlike.is_empty(), "{}", unlike.join("\n"));
}
