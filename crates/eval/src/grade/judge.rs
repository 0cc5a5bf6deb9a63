//! Graders that ask a model: rubrics, labels and comparisons of two answers.

mod family;
mod label;
mod pairwise;
mod prompts;
mod rubric;
mod verdict;

use serde_json::{Map, Value, json};

use super::{
    Judges,
    found::Found,
    mark::{Broken, Mark},
    seen::Seen,
};
use crate::{
    Door,
    flaw::Flaws,
    suite::{Judge, Message},
    template::{Filling, Scope, Template},
};

pub use family::family;
pub(super) use label::Label;
pub(super) use pairwise::Pairwise;
pub(super) use rubric::Rubric;

/// A judge, ready to be asked.
pub(super) struct Bench {
    deployment: String,
    parameters: Map<String, Value>,
    /// What it is asked in place of the built-in prompt.
    prompt: Option<Template>,
}

/// What a judge said.
struct Said {
    text: String,
    cost_usd: Option<f64>,
}

impl Bench {
    /// The judge of a name; an unknown one is a flaw.
    pub(super) fn new(name: &str, judges: &Judges, flaws: &mut Flaws) -> Self {
        let Some(judge) = judges.get(name) else {
            flaws.unknown("/judge", "judge", name, judges.keys().map(String::as_str));
            return Self { deployment: String::new(), parameters: Map::new(), prompt: None };
        };
        // A judge's own prompt is checked where the judge is written.
        let prompt = judge.prompt.as_deref().and_then(|prompt| Template::new(prompt).ok());
        let Judge { deployment, parameters, .. } = judge.clone();
        Self { deployment, parameters, prompt }
    }

    /// The messages of the judge's own prompt, which may be one text or a JSON list of messages.
    fn own_messages(&self, scope: &Scope) -> Result<Option<Value>, Broken> {
        let Some(prompt) = &self.prompt else { return Ok(None) };
        Ok(Some(match prompt.value(scope)? {
            Value::Array(messages) => Value::Array(messages),
            text => json!([{ "role": "user", "content": text }]),
        }))
    }

    /// Asks once, and reads what is said.
    async fn find<D: Door>(
        &self,
        messages: Result<Value, Broken>,
        door: &D,
        read: impl FnOnce(&str) -> Result<Mark, Broken>,
    ) -> Found {
        let said = match messages {
            Ok(messages) => self.ask(messages, door).await,
            Err(error) => Err(error),
        };
        match said {
            Ok(said) => Found::from(read(&said.text)).at(said.cost_usd),
            Err(error) => Found::from(Err(error)),
        }
    }

    async fn ask<D: Door>(&self, messages: Value, door: &D) -> Result<Said, Broken> {
        let request = request(messages, &self.parameters);
        let answer = door.ask(&self.deployment, &request).await;
        let answer = answer.map_err(|trouble| Broken(format!("the judge: {trouble}")))?;
        if answer.text.trim().is_empty() {
            return Err(Broken(format!("the judge said nothing ({})", answer.finish_reason)));
        }
        Ok(Said { text: answer.text, cost_usd: answer.cost_usd })
    }
}

/// A judge is asked at temperature 0; a parameter that is null is left to the provider.
fn request(messages: Value, parameters: &Map<String, Value>) -> Value {
    let mut request = Map::from_iter([("messages".to_owned(), messages)]);
    request.insert("temperature".to_owned(), json!(0));
    for (name, value) in parameters {
        request.insert(name.clone(), value.clone());
    }
    request.retain(|_, value| !value.is_null());
    Value::Object(request)
}

/// Messages that a grader brings along.
pub(super) struct Messages(Vec<(String, Filling)>);

impl Messages {
    pub(super) fn new(messages: &[Message], flaws: &mut Flaws) -> Self {
        let read = |(index, message): (usize, &Message)| {
            let content = flaws.filling(&format!("/messages/{index}/content"), &message.content);
            (message.role.clone(), content)
        };
        Self(messages.iter().enumerate().map(read).collect())
    }

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn render(&self, scope: &Scope) -> Result<Vec<Value>, Broken> {
        let message = |(role, content): &(String, Filling)| {
            Ok(json!({ "role": role, "content": content.render(scope)? }))
        };
        self.0.iter().map(message).collect()
    }
}

/// What was asked, as a judge reads it.
fn question(seen: &Seen<'_>) -> String {
    let messages = seen.request.get("messages").and_then(Value::as_array).into_iter().flatten();
    let told = messages.map(|message| {
        let role = message.get("role").and_then(Value::as_str).unwrap_or("user");
        let content = message.get("content").map_or_else(String::new, |content| match content {
            Value::String(text) => text.clone(),
            parts => parts.to_string(),
        });
        format!("{role}: {content}")
    });
    told.collect::<Vec<_>>().join("\n")
}
