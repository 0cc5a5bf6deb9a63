//! What the tests have in common: suites from texts, answers, and a door with scripted judges.

use std::{collections::BTreeMap, io, path::Path, sync::Mutex, time::Duration};

use serde_json::{Value, json};
use tieline_eval::{
    Answer, Case, Door, Embedded, Files, Grade, Problems, Seen, Suite, Tools, Trouble,
};

/// Files that exist in a test only.
#[derive(Default)]
pub(crate) struct Texts(pub(crate) BTreeMap<String, Vec<u8>>);

impl Texts {
    pub(crate) fn of(files: &[(&str, &str)]) -> Self {
        let files = files.iter().map(|(path, text)| ((*path).to_owned(), text.as_bytes().to_vec()));
        Self(files.collect())
    }
}

impl Files for Texts {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        let found = self.0.get(&path.display().to_string());
        found.cloned().ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "no such file"))
    }
}

/// Reads a suite of files, of which the first is the suite itself.
pub(crate) fn read(files: &[(&str, &str)]) -> Result<Suite, Problems> {
    Suite::read(Path::new(files[0].0), &Texts::of(files))
}

/// A suite with one grader, given as a YAML mapping on one line, and one case.
pub(crate) fn suite_of(grader: &str) -> Result<Suite, Problems> {
    let text = format!(
        "version: 1\nfeature: f\n\
         prompt:\n  messages: [{{role: user, content: '{{{{ question }}}}'}}]\n\
         judges:\n  fair: {{deployment: judge@house}}\n\
         cases:\n  - id: one\n    fields: {{question: Where?, ideal: Paris, number: 4, \
         tools: [a, b], texts: [x, Paris]}}\n\
         graders:\n  - {grader}\n"
    );
    read(&[("evals/s.yaml", &text)])
}

/// An answer of a text.
pub(crate) fn said(text: &str) -> Answer {
    Answer {
        text: text.to_owned(),
        finish_reason: "stop".to_owned(),
        took: Duration::from_millis(800),
        cost_usd: Some(0.002),
        ..Answer::default()
    }
}

/// An answer that calls tools: names with their arguments as JSON text.
pub(crate) fn calls(calls: &[(&str, &str)]) -> Answer {
    let call = |(name, arguments): &(&str, &str)| {
        let function = json!({ "name": name, "arguments": arguments });
        json!({ "id": "c", "type": "function", "function": function })
    };
    Answer {
        tool_calls: calls.iter().map(call).collect(),
        finish_reason: "tool_calls".to_owned(),
        ..Answer::default()
    }
}

/// A door behind which judges say what they are told to, in turn; and the requests they got.
#[derive(Default)]
pub(crate) struct Scripted {
    pub(crate) says: Mutex<Vec<Result<String, Trouble>>>,
    pub(crate) asked: Mutex<Vec<(String, Value)>>,
}

impl Scripted {
    pub(crate) fn saying(texts: &[&str]) -> Self {
        let says = texts.iter().rev().map(|text| Ok((*text).to_owned())).collect();
        Self { says: Mutex::new(says), asked: Mutex::default() }
    }
}

impl Door for Scripted {
    async fn ask(&self, deployment: &str, request: &Value) -> Result<Answer, Trouble> {
        self.asked.lock().unwrap().push((deployment.to_owned(), request.clone()));
        let next = self.says.lock().unwrap().pop().expect("no judge is asked once more");
        next.map(|text| Answer { cost_usd: Some(0.25), ..said(&text) })
    }

    /// A text's vector is how often it has `a`, `b` and `c`.
    async fn embed(&self, _: &str, text: &str) -> Result<Embedded, Trouble> {
        let vector = ['a', 'b', 'c'].map(|letter| text.matches(letter).count() as f32);
        Ok(Embedded { vector: vector.to_vec(), cost_usd: Some(0.125) })
    }
}

/// What all graders of a case say of an answer.
pub(crate) async fn grades(
    suite: &Suite,
    case: &Case,
    answer: &Answer,
    door: &Scripted,
) -> Vec<Grade> {
    let request = suite.request(case).expect("the prompt fits the case");
    let seen = Seen::new(case, "gpt-5.5@house", &request, answer);
    suite.checks.grade(&seen, &Tools { door, commands: true }).await
}

/// What the first grader of a suite says of an answer to its first case.
pub(crate) async fn grade(suite: &Suite, answer: &Answer, door: &Scripted) -> Grade {
    grades(suite, &suite.cases[0], answer, door).await.remove(0)
}

/// As [`grade`], of a grader that is written here and asks nobody.
pub(crate) async fn alone(grader: &str, answer: &Answer) -> Grade {
    let suite = suite_of(grader).unwrap_or_else(|problems| panic!("{grader}: {problems}"));
    grade(&suite, answer, &Scripted::default()).await
}
