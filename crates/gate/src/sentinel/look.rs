//! One answer, held against the form that was asked for.

use serde_json::Value;

use super::{Prompt, Tool, Want, refusal};

/// The most characters of an answer that are compared with other answers.
const SAID_CHARS_MAX: usize = 64;

/// What came back to a prompt.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Said {
    /// The text.
    pub text: String,
    /// Calls of tools: names, and arguments as JSON text.
    pub calls: Vec<(String, String)>,
    /// The provider itself calls it a refusal, or its filter cut in.
    pub refused: bool,
    /// Tokens of the answer, where they were counted.
    pub output_tokens: Option<u64>,
    /// The model that the provider says it is.
    pub model: Option<String>,
}

/// What is kept of an answer.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Look {
    /// It has the form that was asked for.
    pub fits: bool,
    /// It would have, but for a Markdown fence around it.
    pub fenced: bool,
    /// It refuses.
    pub refused: bool,
    /// There is nothing in it.
    pub empty: bool,
    /// The answer where there is a right one, cut, in lower case.
    pub said: Option<String>,
    /// Tokens of the answer, where they were counted.
    pub output_tokens: Option<u64>,
    /// The model that the provider says it is.
    pub model: Option<String>,
}

impl Prompt {
    /// What is to be kept of an answer to this prompt.
    #[must_use]
    pub fn look(&self, said: &Said) -> Look {
        let text = said.text.trim();
        let empty = text.is_empty() && said.calls.is_empty();
        let refused = said.refused || refusal(text).is_some();
        let fits = !refused && !empty && self.fits(text, &said.calls);
        let bare = unfenced(text).filter(|_| !fits && !refused);
        Look {
            fits,
            fenced: bare.is_some_and(|bare| self.fits(bare, &said.calls)),
            refused,
            empty,
            said: self.answer.as_ref().map(|_| plain(text)).filter(|said| !said.is_empty()),
            output_tokens: said.output_tokens,
            model: said.model.clone(),
        }
    }

    /// The right answer in the form in which answers are compared.
    pub(super) fn right(&self) -> Option<String> {
        self.answer.as_deref().map(plain)
    }

    fn fits(&self, text: &str, calls: &[(String, String)]) -> bool {
        match &self.want {
            Want::Json(members) => match serde_json::from_str(text) {
                Ok(Value::Object(object)) => members
                    .iter()
                    .all(|(name, wanted)| object.get(name).is_some_and(|it| wanted.is_of(it))),
                _ => false,
            },
            Want::Word(words) => words.iter().any(|word| plain(word) == plain(text)),
            Want::Number => plain(text).parse::<f64>().is_ok_and(f64::is_finite),
            Want::Tool(tool) => calls.iter().any(|(name, given)| tool.is_called(name, given)),
            Want::Text => !text.is_empty(),
        }
    }
}

impl Tool {
    fn is_called(&self, name: &str, arguments: &str) -> bool {
        let Ok(Value::Object(given)) = serde_json::from_str(arguments) else {
            return false;
        };
        let required = self.parameters.get("required").and_then(Value::as_array);
        let mut required = required.into_iter().flatten().filter_map(Value::as_str);
        name == self.name && required.all(|name| given.contains_key(name))
    }
}

/// A short answer as it is compared: without white space around it and the full stop at its end.
fn plain(text: &str) -> String {
    let text = text.trim();
    let text = text.strip_suffix('.').unwrap_or(text);
    text.chars().take(SAID_CHARS_MAX).collect::<String>().to_lowercase()
}

/// What stands within a Markdown fence around the whole text.
fn unfenced(text: &str) -> Option<&str> {
    let (_, rest) = text.strip_prefix("```")?.split_once('\n')?;
    Some(rest.strip_suffix("```")?.trim())
}
