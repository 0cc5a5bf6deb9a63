//! The frozen prompts, and the form that a good answer to each has.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

/// The prompts that are asked unless the user has others.
const BUILT_IN: &str = include_str!("built_in.jsonl");
/// The fewest prompts of a set: from less, nothing can be told of one round.
const PROMPTS_MIN: usize = 10;
/// The most prompts of a set.
const PROMPTS_MAX: usize = 100;
/// The most characters of one prompt.
const ASK_CHARS_MAX: usize = 4_000;

/// One prompt.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Prompt {
    /// Its name, unique in the set.
    pub id: String,
    /// What is asked.
    pub ask: String,
    /// The form of a good answer.
    pub want: Want,
    /// The right answer, where there is one of a few words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<String>,
}

/// The form of a good answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Want {
    /// A JSON object and nothing else, with these members of these types: `string`, `number`,
    /// `boolean`, `array` or `object`.
    Json(BTreeMap<String, JsonType>),
    /// One of these words and nothing else.
    Word(Vec<String>),
    /// A number and nothing else.
    Number,
    /// A call of this tool.
    Tool(Tool),
    /// Any text that is no refusal.
    Text,
}

/// The type of a JSON value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JsonType {
    /// A text.
    String,
    /// A number.
    Number,
    /// True or false.
    Boolean,
    /// A list.
    Array,
    /// An object.
    Object,
}

impl JsonType {
    pub(super) fn is_of(self, value: &Value) -> bool {
        match self {
            Self::String => value.is_string(),
            Self::Number => value.is_number(),
            Self::Boolean => value.is_boolean(),
            Self::Array => value.is_array(),
            Self::Object => value.is_object(),
        }
    }
}

/// A tool that the model is offered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tool {
    /// Its name.
    pub name: String,
    /// What it does.
    pub description: String,
    /// JSON Schema of its arguments. A good call has all that it calls `required`.
    pub parameters: Value,
}

/// The prompts of a round, in their order.
#[derive(Clone, Debug, PartialEq)]
pub struct PromptSet {
    /// The prompts.
    pub prompts: Vec<Prompt>,
    /// What tells this set from any other: 12 hexadecimal digits of a SHA-256.
    pub digest: String,
}

/// Why a set of prompts cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum BadPrompt {
    /// A line is no prompt.
    #[error("line {line}: {source}")]
    Line {
        /// Which, from 1.
        line: usize,
        /// What is wrong.
        #[source]
        source: serde_json::Error,
    },
    /// A prompt asks for what no answer can be.
    #[error("line {line}: {what}")]
    Empty {
        /// Which, from 1.
        line: usize,
        /// What is wrong.
        what: &'static str,
    },
    /// There are too few or too many.
    #[error("{0} prompts: from {PROMPTS_MIN} to {PROMPTS_MAX} are needed")]
    Count(usize),
}

impl PromptSet {
    /// The set that comes with Tieline.
    ///
    /// # Errors
    /// Never for a release, whose set loads.
    pub fn built_in() -> Result<Self, BadPrompt> {
        Self::read(BUILT_IN)
    }

    /// Reads JSON Lines, one prompt each.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn read(text: &str) -> Result<Self, BadPrompt> {
        let (mut prompts, mut ids) = (Vec::new(), BTreeSet::new());
        for (at, text) in text.lines().enumerate().filter(|(_, text)| !text.trim().is_empty()) {
            let line = at + 1;
            let prompt: Prompt =
                serde_json::from_str(text).map_err(|source| BadPrompt::Line { line, source })?;
            if let Some(what) = prompt.fault() {
                return Err(BadPrompt::Empty { line, what });
            }
            if !ids.insert(prompt.id.clone()) {
                return Err(BadPrompt::Empty { line, what: "the id was used before" });
            }
            prompts.push(prompt);
        }
        if !(PROMPTS_MIN..=PROMPTS_MAX).contains(&prompts.len()) {
            return Err(BadPrompt::Count(prompts.len()));
        }
        let mut hash = Sha256::new();
        for prompt in &prompts {
            hash.update(serde_json::to_vec(prompt).unwrap_or_default());
        }
        let digest = hash.finalize().iter().take(6).map(|byte| format!("{byte:02x}")).collect();
        Ok(Self { prompts, digest })
    }
}

impl Prompt {
    /// What is wrong with it.
    fn fault(&self) -> Option<&'static str> {
        let nothing = |text: &str| text.trim().is_empty();
        match &self.want {
            _ if nothing(&self.id) => Some("the id is empty"),
            _ if nothing(&self.ask) => Some("nothing is asked"),
            _ if self.ask.chars().count() > ASK_CHARS_MAX => Some("it is too long"),
            Want::Json(members) if members.is_empty() => Some("no member is wanted"),
            Want::Word(words) if words.iter().all(|word| nothing(word)) => Some("no word fits"),
            Want::Tool(tool) if nothing(&tool.name) => Some("the tool has no name"),
            Want::Tool(tool) if !tool.parameters.is_object() => {
                Some("the tool's parameters are no JSON Schema")
            }
            _ => None,
        }
    }
}
