//! The verdicts of promptfoo and of Tieline on one eval, item by item, over one simulated provider.

use std::{collections::BTreeMap, path::Path, process::Command};

use serde::{Deserialize, de::DeserializeOwned};

use super::{Context, Outcome, counts::Counts, e2e};
use crate::{
    error::TaskError,
    evals::{self, Promptfoo, Tieline},
    packages,
    workspace::read,
};

/// The eval, relative to the root; Tieline's own tests compare with what is recorded beside it.
const EVAL: &str = "crates/eval/tests/promptfoo";
/// How far scores may be apart.
const NEAR: f64 = 1e-9;
const WEIGHTLESS: &str = "promptfoo calls an assertion without weight passed, whatever it finds";
const TRANSFORMED: &str = "promptfoo tells the answer as a test transforms it, Tieline as it came";
/// What differs: the case, of what, and why that is as it should be.
const DIFFERENCES: [(&str, &str, &str); 3] = [
    ("JavaScript that names a field as a template", "javascript, the 4th", WEIGHTLESS),
    ("weight nothing", "contains, the 3rd", WEIGHTLESS),
    ("a transform of the whole test", "the answer", TRANSFORMED),
];

/// What is said of one answer.
#[derive(Debug, PartialEq)]
struct Verdict {
    answer: String,
    pass: bool,
    score: f64,
    /// Of each assertion, those of sets in the place of the sets.
    parts: Vec<Part>,
}

#[derive(Clone, Debug, PartialEq)]
struct Part {
    /// promptfoo's type of the assertion.
    kind: String,
    pass: bool,
    score: f64,
}

pub(super) fn compare(context: &Context) -> Result<Outcome, TaskError> {
    if let Some(tool) = packages::missing_tool() {
        return Ok(Outcome::Missing { tool, install: packages::INSTALL });
    }
    let built = e2e::binary(context)?;
    if !matches!(built, Outcome::Ran { good: true, .. }) {
        return Ok(built);
    }
    let Some(promptfoo) = Promptfoo::install(&context.workspace, |npm| super::watch(npm, |_| ()))?
    else {
        return Ok(Outcome::single(false));
    };
    let folder = context.workspace.target.join("promptfoo");
    let (theirs, ours) = (folder.join("theirs"), folder.join("ours"));
    evals::renewed(&theirs)?;
    packages::copy_folder(&context.workspace.root.join(EVAL), &theirs)?;
    let (_provider, url) = evals::provider(Command::new(&context.binary), "0ms")?;
    let out = folder.join("results.json");
    let command = promptfoo.eval(Command::new("node"), &theirs, &url, Some(&out));
    // It exits with 100 where a test fails, as many do on purpose.
    evals::ended(command, &[0, 100], &folder.join("promptfoo.log"))?;
    let tieline = Tieline::new(&context.binary, ours, &url)?;
    tieline.import(&theirs)?;
    let run = tieline.run_whole()?;
    let (theirs, ours) = (of_promptfoo(&out)?, of_tieline(&run)?);
    Ok(tell(&theirs, &ours))
}

/// Prints what differs, and counts answers whose verdicts are alike.
fn tell(theirs: &[Verdict], ours: &[(String, Verdict)]) -> Outcome {
    let mut counts = Counts::default();
    let mut expected = DIFFERENCES.to_vec();
    for (theirs, (case, ours)) in theirs.iter().zip(ours) {
        let mut alike = true;
        for (what, told) in differences(theirs, ours) {
            let known = |(of, at, _): &(&str, &str, &str)| *of == case && *at == what;
            if let Some(at) = expected.iter().position(known) {
                let (_, _, why) = expected.swap_remove(at);
                println!("as is known, {case}: {what}: {why}");
                continue;
            }
            println!("UNLIKE, {case}: {what}: {told}");
            alike = false;
        }
        counts.add(Counts::one(if alike { "passed" } else { "failed" }));
    }
    for (case, what, _) in &expected {
        println!("NO LONGER UNLIKE, {case}: {what}");
    }
    let parts: usize = theirs.iter().map(|verdict| verdict.parts.len()).sum();
    println!(
        "{} answers of promptfoo's with {parts} assertions, {} of ours",
        theirs.len(),
        ours.len()
    );
    let whole = !theirs.is_empty() && theirs.len() == ours.len();
    Outcome::Ran { good: whole && expected.is_empty(), counts }
}

/// What is unlike in two verdicts on one answer, and how.
fn differences(theirs: &Verdict, ours: &Verdict) -> Vec<(String, String)> {
    let mut unlike = Vec::new();
    let mut tell = |what: String, theirs: &dyn std::fmt::Debug, ours: &dyn std::fmt::Debug| {
        unlike.push((what, format!("promptfoo {theirs:?}, Tieline {ours:?}")));
    };
    let far = |one: f64, other: f64| (one - other).abs() > NEAR;
    if theirs.answer != ours.answer {
        tell("the answer".to_owned(), &theirs.answer, &ours.answer);
    }
    if theirs.pass != ours.pass || far(theirs.score, ours.score) {
        let [theirs, ours] = [theirs, ours].map(|one| (one.pass, one.score));
        tell("the whole".to_owned(), &theirs, &ours);
    }
    if theirs.parts.len() != ours.parts.len() {
        tell("assertions".to_owned(), &theirs.parts, &ours.parts);
    }
    for (at, (theirs, ours)) in theirs.parts.iter().zip(&ours.parts).enumerate() {
        if theirs.pass != ours.pass || far(theirs.score, ours.score) {
            let what = format!("{}, the {}", theirs.kind, ordinal(at + 1));
            tell(what, &(theirs.pass, theirs.score), &(ours.pass, ours.score));
        }
    }
    unlike
}

fn ordinal(number: usize) -> String {
    let ending = match (number % 10, number % 100) {
        (_, 11..=13) => "th",
        (1, _) => "st",
        (2, _) => "nd",
        (3, _) => "rd",
        _ => "th",
    };
    format!("{number}{ending}")
}

/// What promptfoo writes with `-o`, as far as it matters here.
#[derive(Deserialize)]
struct Output {
    results: Results,
}

#[derive(Deserialize)]
struct Results {
    results: Vec<Theirs>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Theirs {
    test_idx: u64,
    prompt_idx: u64,
    response: Response,
    grading_result: Grading,
}

#[derive(Deserialize)]
struct Response {
    output: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Grading {
    pass: bool,
    score: f64,
    component_results: Vec<Component>,
}

#[derive(Deserialize)]
struct Component {
    pass: bool,
    score: f64,
    assertion: Option<Assertion>,
}

#[derive(Deserialize)]
struct Assertion {
    r#type: String,
}

/// promptfoo's verdicts in the order of its tests.
fn of_promptfoo(file: &Path) -> Result<Vec<Verdict>, TaskError> {
    let Output { results: Results { mut results } } = parsed(&read(file)?, "promptfoo")?;
    results.sort_by_key(|one| (one.test_idx, one.prompt_idx));
    let part = |Component { pass, score, assertion }| {
        assertion.map(|Assertion { r#type: kind }| Part { kind, pass, score })
    };
    let verdicts = results.into_iter().map(|one| {
        let Grading { pass, score, component_results } = one.grading_result;
        let parts = component_results.into_iter().filter_map(part).collect();
        Verdict { answer: one.response.output, pass, score, parts }
    });
    Ok(verdicts.collect())
}

/// `run.json` of a run, as far as it matters here.
#[derive(Deserialize)]
struct Run {
    cases: Vec<String>,
}

/// A line of `rows.jsonl`. A row without a verdict cannot be read, and should not be.
#[derive(Deserialize)]
struct Row {
    case: String,
    answer: Answer,
    pass: bool,
    score: f64,
    grades: Vec<Grade>,
}

#[derive(Deserialize)]
struct Answer {
    text: String,
}

#[derive(Deserialize)]
struct Grade {
    grader: String,
    pass: bool,
    score: f64,
    #[serde(default)]
    parts: Vec<Grade>,
}

impl Grade {
    fn flat(self) -> Vec<Part> {
        let Self { grader: kind, pass, score, parts } = self;
        if parts.is_empty() {
            return vec![Part { kind, pass, score }];
        }
        parts.into_iter().flat_map(Self::flat).collect()
    }
}

/// Tieline's verdicts in the order of the suite, with the ids of cases.
fn of_tieline(run: &Path) -> Result<Vec<(String, Verdict)>, TaskError> {
    let program = "tieline eval run";
    let Run { cases } = parsed(&read(&run.join("run.json"))?, program)?;
    let mut rows = BTreeMap::new();
    for line in read(&run.join("rows.jsonl"))?.lines() {
        let row: Row = parsed(line, program)?;
        rows.insert(row.case.clone(), row);
    }
    let verdict = |Row { case, answer, pass, score, grades }| {
        let parts = grades.into_iter().flat_map(Grade::flat).collect();
        (case, Verdict { answer: answer.text, pass, score, parts })
    };
    Ok(cases.iter().filter_map(|case| rows.remove(case)).map(verdict).collect())
}

fn parsed<T: DeserializeOwned>(text: &str, program: &str) -> Result<T, TaskError> {
    let program = program.to_owned();
    serde_json::from_str(text).map_err(|source| TaskError::Answer { program, source })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(pass: bool, score: f64, parts: &[(bool, f64)]) -> Verdict {
        let part = |&(pass, score)| Part { kind: "regex".to_owned(), pass, score };
        Verdict { answer: "a".to_owned(), pass, score, parts: parts.iter().map(part).collect() }
    }

    #[test]
    fn every_difference_is_found() {
        let theirs = verdict(true, 1.0, &[(true, 1.0), (true, 0.5)]);
        for (ours, wanted) in [
            (verdict(true, 1.0, &[(true, 1.0), (true, 0.5)]), &[][..]),
            (verdict(false, 1.0, &[(true, 1.0), (true, 0.5)]), &["the whole"]),
            (verdict(true, 0.9, &[(true, 1.0), (true, 0.4)]), &["the whole", "regex, the 2nd"]),
            (verdict(true, 1.0, &[(false, 1.0)]), &["assertions", "regex, the 1st"]),
            (
                Verdict {
                    answer: String::new(),
                    ..verdict(true, 1.0, &[(true, 1.0), (true, 0.5)])
                },
                &["the answer"],
            ),
        ] {
            let found = differences(&theirs, &ours);
            let found: Vec<&str> = found.iter().map(|(what, _)| what.as_str()).collect();
            assert_eq!(found, wanted);
        }
    }

    #[test]
    fn verdicts_that_are_missing_or_unlike_fail() {
        let alike = || verdict(true, 1.0, &[(true, 1.0)]);
        let ours = |verdict: Verdict| ("a case".to_owned(), verdict);
        let other = || verdict(true, 1.0, &[(false, 1.0)]);
        for (theirs, ours, wanted) in [
            (vec![], vec![], "0 passed, 0 failed, 0 skipped"),
            (vec![alike()], vec![], "0 passed, 0 failed, 0 skipped"),
            // What is known to differ and no longer does.
            (vec![alike()], vec![ours(alike())], "1 passed, 0 failed, 0 skipped"),
            (vec![alike()], vec![ours(other())], "0 passed, 1 failed, 0 skipped"),
        ] {
            let Outcome::Ran { good, counts } = tell(&theirs, &ours) else { panic!("it ran") };
            assert_eq!((good, counts.to_string().as_str()), (false, wanted));
        }
    }
}
