//! What is sent for a case.

use serde_json::{Map, Value, json};

use super::Prompt;
use crate::{
    Case, TemplateError,
    flaw::Flaws,
    template::{Filling, Scope},
};

/// Who may speak in a prompt.
const ROLES: [&str; 5] = ["system", "developer", "user", "assistant", "tool"];
/// What the runner sets by itself.
const FOREIGN: [&str; 3] = ["model", "messages", "stream"];

/// A prompt whose templates are read.
#[derive(Debug)]
pub(super) struct ReadyPrompt {
    messages: Vec<(String, Filling)>,
    messages_from: Option<String>,
    parameters: Map<String, Value>,
}

impl ReadyPrompt {
    pub(super) fn new(prompt: &Prompt, flaws: &mut Flaws) -> Self {
        if prompt.messages.is_empty() && prompt.messages_from.is_none() {
            flaws.add("/prompt", "expected `messages` or `messages_from`");
        }
        for name in FOREIGN.iter().filter(|name| prompt.parameters.contains_key(**name)) {
            flaws.add(&format!("/prompt/parameters/{name}"), format!("`{name}` is set by the run"));
        }
        let messages = prompt.messages.iter().enumerate().map(|(index, message)| {
            let at = format!("/prompt/messages/{index}");
            if !ROLES.contains(&message.role.as_str()) {
                flaws.unknown(&format!("{at}/role"), "role", &message.role, ROLES.into_iter());
            }
            (message.role.clone(), flaws.filling(&format!("{at}/content"), &message.content))
        });
        Self {
            messages: messages.collect(),
            messages_from: prompt.messages_from.clone(),
            parameters: prompt.parameters.clone(),
        }
    }

    pub(super) fn request(&self, case: &Case) -> Result<Value, TemplateError> {
        let scope = Scope::of_case(case);
        let mut messages = Vec::new();
        for (role, content) in &self.messages {
            messages.push(json!({ "role": role, "content": content.render(&scope)? }));
        }
        if let Some(field) = &self.messages_from {
            messages.extend(messages_of(case, field)?);
        }
        let mut request = Map::from_iter([("messages".to_owned(), Value::Array(messages))]);
        request.extend(self.parameters.clone());
        Ok(Value::Object(request))
    }
}

/// The messages in a field of a case, as they are: braces in data are no templates. A text is one
/// message of the user.
fn messages_of(case: &Case, field: &str) -> Result<Vec<Value>, TemplateError> {
    let wrong = |what: &str| TemplateError::Render {
        case: case.id.clone(),
        what: format!("expected `{field}` to be a list of messages with `role`, {what}"),
    };
    match case.fields.get(field) {
        Some(Value::String(text)) => Ok(vec![json!({ "role": "user", "content": text })]),
        Some(Value::Array(messages)) => {
            let whole = |message: &Value| message.get("role").is_some_and(Value::is_string);
            if messages.iter().all(whole) {
                return Ok(messages.clone());
            }
            Err(wrong("and one has none"))
        }
        Some(_) => Err(wrong("and it is none")),
        None => Err(TemplateError::Undefined { case: case.id.clone(), name: field.to_owned() }),
    }
}
