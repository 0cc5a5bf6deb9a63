//! The examples do what their pages say: right answers pass, and wrong ones do not.

use std::{fs, io, path::Path};

use serde::Deserialize;
use serde_json::Value;
use tieline_eval::{
    Answer, Case, Door, Embedded, Files, Outcome, Seen, Suite, Tools, Trouble,
    import::{Source, import},
};

use super::{checked, lost, options};

const EXAMPLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/evals");

/// The files of an example.
struct Example(&'static str);

impl Files for Example {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        fs::read(Path::new(EXAMPLES).join(self.0).join(path))
    }
}

impl Example {
    fn file(&self, name: &str) -> Vec<u8> {
        self.read(Path::new(name)).unwrap()
    }

    fn suite<const N: usize>(&self, names: [&str; N]) -> Suite {
        let files = names.map(|name| (name, self.file(name)));
        let sources = files.each_ref().map(|(name, bytes)| Source { name, bytes });
        let (first, more) = sources.split_first().unwrap();
        let made = import(first, more, None, self, &options()).unwrap();
        assert_eq!(lost(&made), Vec::<String>::new());
        checked(&made.suites[0].1, &made.files)
    }

    fn answers(&self) -> Answers {
        let text = String::from_utf8(self.file("answers.jsonl")).unwrap();
        Answers(text.lines().map(|line| serde_json::from_str(line).unwrap()).collect())
    }
}

/// What the simulated providers know.
struct Answers(Vec<Line>);

#[derive(Deserialize)]
struct Line {
    when: String,
    say: String,
    wrong: Option<String>,
}

impl Answers {
    /// The line with the longest part that is in the last text of the user.
    fn line(&self, request: &Value) -> &Line {
        let messages = request["messages"].as_array().unwrap();
        let mut users = messages.iter().filter(|message| message["role"] == "user");
        let asked = users.next_back().unwrap()["content"].as_str().unwrap();
        let fits = self.0.iter().filter(|line| asked.contains(&line.when));
        fits.max_by_key(|line| line.when.len()).unwrap_or_else(|| panic!("{asked}"))
    }
}

impl Door for Answers {
    async fn ask(&self, _: &str, request: &Value) -> Result<Answer, Trouble> {
        Ok(said(&self.line(request).say))
    }

    async fn embed(&self, _: &str, _: &str) -> Result<Embedded, Trouble> {
        panic!("nothing is embedded")
    }
}

fn said(text: &str) -> Answer {
    Answer { text: text.to_owned(), finish_reason: "stop".to_owned(), ..Answer::default() }
}

async fn outcome(suite: &Suite, case: &Case, text: &str, answers: &Answers) -> Outcome {
    let request = suite.request(case).unwrap();
    let answer = said(text);
    let seen = Seen::new(case, "gpt-5.5@openai", &request, &answer);
    let grades = suite.checks.grade(&seen, &Tools { door: answers, commands: false }).await;
    let outcome = suite.checks.outcome(case, &grades);
    assert_eq!(outcome.error, None, "{}: {grades:#?}", case.id);
    outcome
}

async fn right_answers_pass(suite: &Suite, answers: &Answers) {
    let mut wrong = 0;
    for case in &suite.cases {
        let line = answers.line(&suite.request(case).unwrap());
        assert!(outcome(suite, case, &line.say, answers).await.pass, "{}", line.say);
        if let Some(text) = &line.wrong {
            assert!(!outcome(suite, case, text, answers).await.pass, "{text}");
            wrong += 1;
        }
    }
    assert!(wrong >= 3, "{wrong} wrong answers");
}

#[tokio::test]
async fn from_promptfoo() {
    let example = Example("from-promptfoo");
    let suite = example.suite(["promptfooconfig.yaml"]);
    right_answers_pass(&suite, &example.answers()).await;
}

#[tokio::test]
async fn from_openai() {
    let example = Example("from-openai");
    let suite = example.suite(["eval.json", "run.json"]);
    right_answers_pass(&suite, &example.answers()).await;
}
