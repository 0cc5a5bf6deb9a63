//! The graders of a suite that need nothing but the answer: neither the case nor a judge. They say
//! of answers to users what a suite can say of them.

use futures_util::FutureExt as _;
use serde_json::Value;

use crate::{
    Answer, Case, Checks, Door, Embedded, Grader, Kind, OneOrMany, Role, Seen, Suite, Tools,
    Trouble, flaw::Flaws,
};

/// The graders of a suite that need nothing but the answer, ready to work.
#[derive(Debug)]
pub struct Unaided {
    checks: Checks,
    case: Case,
}

impl Unaided {
    /// Those of a suite; none where it has no such grader that counts.
    #[must_use]
    pub fn of(suite: &Suite) -> Option<Self> {
        let counts = |one: &&Grader| one.role != Role::Reported && one.weight > 0.0;
        let graders = suite.file.graders.iter().filter(counts).filter(|one| is_unaided(one));
        let graders: Vec<Grader> = graders.cloned().collect();
        let no_judges = std::collections::BTreeMap::new();
        // They are sound: the suite was read with them.
        let checks = Checks::new(&graders, std::iter::empty(), &no_judges, &mut Flaws::default());
        (!graders.is_empty()).then(|| Self { checks, case: Case::default() })
    }

    /// Whether an answer passes them; none where a grader failed.
    #[must_use]
    pub fn passes(&self, answer: &Answer) -> Option<bool> {
        let seen = Seen::new(&self.case, "", &Value::Null, answer);
        let tools = Tools { door: &Nobody, commands: false };
        let grades = self.checks.grade(&seen, &tools).now_or_never()?;
        let outcome = self.checks.outcome(&self.case, &grades);
        outcome.error.is_none().then_some(outcome.pass)
    }
}

/// Whether a grader needs nothing but the answer.
fn is_unaided(grader: &Grader) -> bool {
    let of_output = |source: &str| !source.contains("context");
    if !grader.transform.as_deref().is_none_or(of_output) {
        return false;
    }
    match &grader.kind {
        Kind::Equals { value, .. } => !is_template(&value.to_string()),
        Kind::Contains { value: OneOrMany::One(text), .. }
        | Kind::StartsWith { value: text, .. }
        | Kind::Regex { pattern: text } => !is_template(text),
        Kind::Contains { value: OneOrMany::Many(texts), .. } => {
            !texts.iter().any(|text| is_template(text))
        }
        Kind::Json { schema, .. } => {
            schema.as_ref().is_none_or(|schema| !is_template(&schema.to_string()))
        }
        Kind::FinishReason { .. } | Kind::Refusal | Kind::WordCount { .. } => true,
        Kind::Script { source } => of_output(source),
        Kind::Set { graders, .. } => graders.iter().all(is_unaided),
        Kind::Similarity { .. }
        | Kind::Number { .. }
        | Kind::ToolCalls { .. }
        | Kind::Latency { .. }
        | Kind::Cost { .. }
        | Kind::Rubric { .. }
        | Kind::Label { .. }
        | Kind::Pairwise { .. }
        | Kind::Command { .. } => false,
    }
}

fn is_template(text: &str) -> bool {
    ["{{", "{%", "{#"].iter().any(|mark| text.contains(mark))
}

/// Where nobody is asked.
struct Nobody;

impl Door for Nobody {
    async fn ask(&self, _: &str, _: &Value) -> Result<Answer, Trouble> {
        Err(unasked())
    }

    async fn embed(&self, _: &str, _: &str) -> Result<Embedded, Trouble> {
        Err(unasked())
    }
}

fn unasked() -> Trouble {
    Trouble {
        class: "unsupported_here".to_owned(),
        message: "nobody is asked for the sake of a user's answer".to_owned(),
        ..Trouble::default()
    }
}

#[cfg(test)]
mod tests {
    use std::{io, path::Path};

    use serde_json::json;

    use super::*;
    use crate::Files;

    struct NoFiles;

    impl Files for NoFiles {
        fn read(&self, _: &Path) -> io::Result<Vec<u8>> {
            Err(io::ErrorKind::NotFound.into())
        }
    }

    fn unaided(graders: &Value) -> Option<Unaided> {
        let file = json!({
            "version": 1, "feature": "f",
            "cases": [{ "id": "one", "fields": { "q": "x" } }],
            "prompt": { "messages": [{ "role": "user", "content": "{{ q }}" }] },
            "judges": { "j": { "deployment": "k@p" } },
            "graders": graders,
        });
        let file = serde_json::from_value(file).unwrap();
        Unaided::of(&Suite::of(Path::new("suite.yaml"), file, &NoFiles).unwrap())
    }

    fn passes(unaided: &Unaided, text: &str) -> Option<bool> {
        unaided.passes(&Answer { text: text.to_owned(), ..Answer::default() })
    }

    #[test]
    fn what_needs_the_case_or_a_judge_is_left_out() {
        let unaided = unaided(&json!([
            { "type": "json", "schema": { "type": "object", "required": ["topic"] } },
            { "type": "regex", "pattern": "billing|technical" },
            { "type": "contains", "value": "{{ q }}" },
            { "type": "equals", "value": "nothing says this", "role": "reported" },
            { "type": "rubric", "judge": "j", "rubric": "good" },
            { "type": "script", "source": "output.length < context.vars.q" },
            { "type": "set", "graders": [
                { "type": "word_count", "max": 20 },
                { "type": "script", "source": "!output.includes('sorry')" },
            ] },
        ]))
        .unwrap();
        for (text, good) in [
            (r#"{"topic": "billing"}"#, true),
            (r#"{"topic": "weather"}"#, false),
            (r#"{"about": "billing"}"#, false),
            (r#"{"topic": "billing", "note": "sorry"}"#, false),
            ("```json\n{\"topic\": \"billing\"}\n```", false),
        ] {
            assert_eq!(passes(&unaided, text), Some(good), "{text}");
        }
    }

    #[test]
    fn a_suite_may_have_none_of_them() {
        assert!(unaided(&json!([{ "type": "contains", "value": "{{ q }}" }])).is_none());
        let broken = unaided(&json!([{ "type": "script", "source": "({ nothing: 1 })" }])).unwrap();
        assert_eq!(passes(&broken, "x"), None, "a grader that fails says nothing");
    }
}
