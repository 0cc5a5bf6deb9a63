//! Answers to questions that are known, some of them wrong: for whoever measures how good a model
//! is.

use serde::Deserialize;
use sha2::{Digest, Sha256};
use tieline_dialect::ir::{Ask, Content, Role};

use crate::reply::Voice;

/// What is said instead where a line does not tell.
const WRONG: &str = "I do not know.";

/// What providers know, and how often they get it wrong.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Known {
    lines: Vec<Line>,
    wrong: Vec<(String, f64)>,
}

/// A question with its answers.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    /// A part of the user's last text.
    when: String,
    /// The answer.
    say: String,
    /// What is answered by those who get it wrong.
    #[serde(default)]
    wrong: Option<String>,
}

/// A line that is no answer.
#[derive(Debug, thiserror::Error)]
#[error("line {line}: {source}")]
pub struct BadLine {
    /// Which, from 1.
    line: usize,
    #[source]
    source: serde_json::Error,
}

impl Known {
    /// Reads JSON Lines: `{"when": "capital of France", "say": "Paris", "wrong": "Lyon"}`. Of
    /// several lines that fit a text the longest holds.
    ///
    /// # Errors
    /// The first line that is none of these.
    pub fn read(text: &str) -> Result<Self, BadLine> {
        let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
        let lines = lines.map(|(at, line)| {
            serde_json::from_str(line).map_err(|source| BadLine { line: at + 1, source })
        });
        Ok(Self { lines: lines.collect::<Result<_, _>>()?, wrong: Vec::new() })
    }

    /// The share of texts, 0 to 1, that a provider or a model gets wrong. Which they are depends on
    /// the seed, the provider, the model and the text, so that it is always the same ones.
    #[must_use]
    pub fn wrong(mut self, who: impl Into<String>, share: f64) -> Self {
        self.wrong.push((who.into(), share));
        self
    }

    /// The answer to a request; none where nobody knows it.
    pub(crate) fn answer(&self, ask: &Ask, voice: &Voice<'_>) -> Option<&str> {
        let asked = last_text(ask)?;
        let fits = self.lines.iter().filter(|line| asked.contains(&line.when));
        let line = fits.max_by_key(|line| line.when.len())?;
        let share = self.wrong.iter().find(|(who, _)| who == voice.provider || *who == ask.model);
        let wrong =
            voice.wrong || share.is_some_and(|(_, share)| draw(&asked, ask, voice) < *share);
        Some(match wrong {
            true => line.wrong.as_deref().unwrap_or(WRONG),
            false => &line.say,
        })
    }
}

fn last_text(ask: &Ask) -> Option<String> {
    let last = ask.messages.iter().rfind(|message| message.role == Role::User)?;
    let texts = last.blocks.iter().filter_map(|block| match &block.content {
        Content::Text(text) => Some(text.as_str()),
        _ => None,
    });
    Some(texts.collect::<Vec<_>>().join("\n"))
}

/// A number from 0 up to 1 that is the same for the same question.
fn draw(asked: &str, ask: &Ask, voice: &Voice<'_>) -> f64 {
    let key = format!("{}\n{}\n{}\n{asked}", voice.seed, voice.provider, ask.model);
    let hash = Sha256::digest(key);
    let start = hash.iter().take(4).fold(0_u32, |sum, byte| sum << 8 | u32::from(*byte));
    f64::from(start) / (f64::from(u32::MAX) + 1.0)
}
