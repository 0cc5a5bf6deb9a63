//! Assertions that a model judges.

use serde_json::{Map, Value};

use super::{
    Importer, Node,
    asserts::{Check, Checked},
    providers::id_and_config,
};
use crate::{Judge, Kind, Message, import::names::slug};

/// The model that judges for promptfoo where none is named and OpenAI's key is set.
const JUDGE: &str = "gpt-5.5@openai";
/// The score from which `g-eval` passes where nothing is said.
const G_EVAL: f64 = 0.7;

/// What a judge is asked by `model-graded-closedqa`. Not in promptfoo's words.
const CLOSED_QUESTION: &str = "\
Does the answer meet the criterion? Consider nothing but the criterion.

Question:
{{ question }}

Answer:
{{ output }}

Criterion:
";
/// What a judge is asked by `factuality`. Not in promptfoo's words.
const FACTUALITY: &str = "\
Compare the facts of two answers to a question. Differences of style do not count.

Question:
{{ question }}

Expert's answer:
";
const RELATIONS: &str = "

Submitted answer:
{{ output }}

Which of these is so?
A: The submitted answer says part of what the expert's says, and nothing against it.
B: It says all that the expert's says and more, and nothing against it.
C: It says the same.
D: They contradict each other.
E: They differ, but not in facts that matter.";

pub(super) fn rubric(importer: &mut Importer<'_>, check: &Check<'_>) -> Option<Checked> {
    let judge = importer.judge(check)?;
    let prompt = check.node.get("rubricPrompt").or(check.scope.rubric_prompt.as_ref());
    let prompt = prompt.cloned();
    let steps = check.base == "g-eval";
    if steps {
        let what = "`g-eval` is judged in one step and not by steps that the judge writes first";
        importer.report.note(&check.node.place, what, "");
    }
    let rubric = match check.node.get("value") {
        None if prompt.is_some() => String::new(),
        Some(value) if value.is_list() => {
            let texts: Vec<String> = value.items().iter().filter_map(Node::written).collect();
            importer.template(&texts.join("\n"), &value.place)
        }
        _ => importer.asserted_text(check)?,
    };
    // Judges of people's own prompts may score and not say whether it passes; it does to promptfoo.
    let usual = if steps { Some(G_EVAL) } else { prompt.as_ref().map(|_| 0.0) };
    let messages = match prompt {
        Some(prompt) => importer.rubric_prompt(&prompt)?,
        None => Vec::new(),
    };
    Some(Checked {
        kind: Kind::Rubric { judge, rubric, messages, range: None },
        threshold: check.number("threshold").or(usual),
    })
}

pub(super) fn closed_question(importer: &mut Importer<'_>, check: &Check<'_>) -> Option<Checked> {
    let criterion = importer.asserted_text(check)?;
    let asked = format!("{CLOSED_QUESTION}{criterion}\n\nY: it does. N: it does not.");
    let (labels, passing) = (letters("YN"), letters("Y"));
    importer.labelled(check, asked, labels, passing)
}

pub(super) fn factuality(importer: &mut Importer<'_>, check: &Check<'_>) -> Option<Checked> {
    let expert = importer.asserted_text(check)?;
    let asked = format!("{FACTUALITY}{expert}{RELATIONS}");
    let (labels, passing) = (letters("ABCDE"), letters("ABCE"));
    importer.labelled(check, asked, labels, passing)
}

fn letters(letters: &str) -> Vec<String> {
    letters.chars().map(String::from).collect()
}

impl Importer<'_> {
    fn labelled(
        &mut self,
        check: &Check<'_>,
        asked: String,
        labels: Vec<String>,
        passing: Vec<String>,
    ) -> Option<Checked> {
        let judge = self.judge(check)?;
        let own = check.node.get("rubricPrompt").or(check.scope.rubric_prompt.as_ref()).cloned();
        let messages = match own {
            Some(prompt) => self.rubric_prompt(&prompt)?,
            None => {
                let what = format!("the judge of `{}` is asked in other words", check.base);
                self.report.note(&check.node.place, what, "");
                vec![Message { role: "user".to_owned(), content: Value::String(asked) }]
            }
        };
        let scores = std::collections::BTreeMap::new();
        Some(Kind::Label { judge, messages, labels, passing, scores }.into())
    }

    /// What a judge is asked in place of the built-in question.
    fn rubric_prompt(&mut self, prompt: &Node) -> Option<Vec<Message>> {
        let text = match prompt.text() {
            Some(path) if path.starts_with("file://") => self.load(path, &prompt.place)?,
            Some(text) => text.to_owned(),
            None => prompt.value().to_string(),
        };
        Some(self.messages(&text, &prompt.place))
    }

    /// The name of the model that judges, which is added to the suite's judges.
    fn judge(&mut self, check: &Check<'_>) -> Option<String> {
        let named = check.node.get("provider").or(check.scope.provider.as_ref());
        // A mapping names models by their use.
        let named = named.map(|node| node.get("text").unwrap_or(node));
        let (deployment, parameters) = match named {
            Some(node) => {
                let (id, config) = id_and_config(node);
                let Some(id) = id else {
                    self.report.lost(&node.place, "the judge has no id", "");
                    return None;
                };
                (self.judging(&id, &node.place), self.parameters(config.as_ref()))
            }
            None => (self.usual_judge(check), Map::new()),
        };
        Some(self.judge_named(deployment, parameters))
    }

    fn usual_judge(&mut self, check: &Check<'_>) -> String {
        self.options.judge.clone().unwrap_or_else(|| {
            let what = format!("`{}` names no judge", check.base);
            let hint = format!("{JUDGE} is taken; name another with --judge");
            self.report.note(&check.node.place, what, hint);
            JUDGE.to_owned()
        })
    }

    fn judge_named(&mut self, deployment: String, parameters: Map<String, Value>) -> String {
        let judge = Judge { deployment, prompt: None, parameters, calibration: None };
        if let Some((name, _)) = self.judges.iter().find(|(_, known)| **known == judge) {
            return name.clone();
        }
        let wanted = slug(judge.deployment.split('@').next().unwrap_or_default());
        let free = (1_usize..).map(|number| match number {
            1 => wanted.clone(),
            number => format!("{wanted}-{number}"),
        });
        let name = free.into_iter().find(|name| !self.judges.contains_key(name));
        let name = name.unwrap_or(wanted);
        self.judges.insert(name.clone(), judge);
        name
    }
}
