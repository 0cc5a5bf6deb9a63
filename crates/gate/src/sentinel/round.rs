//! One round: all prompts asked once, added up.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use serde::{Deserialize, Serialize};

use super::{Look, PromptSet, Want};

/// The share of prompts that must be answered for a round to say anything.
const ANSWERED_MIN: f64 = 0.75;
/// The fewest prompts with another right answer that one answer must be given to.
const CONSTANT_MIN: usize = 4;

/// A kind of prompt, by the form of its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// JSON.
    Json,
    /// One word of a list.
    Word,
    /// A number.
    Number,
    /// A call of a tool.
    Tool,
    /// Any text.
    Text,
}

impl Kind {
    /// The stable name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Word => "word",
            Self::Number => "number",
            Self::Tool => "tool",
            Self::Text => "text",
        }
    }

    const fn of(want: &Want) -> Self {
        match want {
            Want::Json(_) => Self::Json,
            Want::Word(_) => Self::Word,
            Want::Number => Self::Number,
            Want::Tool(_) => Self::Tool,
            Want::Text => Self::Text,
        }
    }
}

/// How many of so many.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// How many.
    pub count: usize,
    /// Of how many.
    pub of: usize,
}

impl Tally {
    /// The share; zero of nothing.
    #[must_use]
    pub fn share(self) -> f64 {
        self.count as f64 / self.of.max(1) as f64
    }

    /// The others.
    pub(super) const fn rest(self) -> Self {
        Self { count: self.of - self.count, of: self.of }
    }

    pub(super) const fn plus(self, other: Self) -> Self {
        Self { count: self.count + other.count, of: self.of + other.of }
    }

    fn note(&mut self, is: bool) {
        self.count += usize::from(is);
        self.of += 1;
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {}", self.count, self.of)
    }
}

/// One answer that was given where others were right.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Constant {
    /// The answer.
    pub answer: String,
    /// How often it was given to prompts that have another right answer.
    pub given: Tally,
}

/// What one round showed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Round {
    /// How many prompts were answered, of those that were asked. The others are missing: the
    /// provider's faults say nothing of what it would have said.
    pub answered: Tally,
    /// How many answers of each kind have the form that was asked for.
    pub kinds: BTreeMap<Kind, Tally>,
    /// How many would have it, but for a fence around them.
    pub fenced: usize,
    /// How many answers refuse.
    pub refused: Tally,
    /// How many answers are empty.
    pub empty: Tally,
    /// The answer that was given most where others were right.
    pub constant: Constant,
    /// Tokens of an answer on average; none where nobody counted.
    pub mean_output_tokens: Option<f64>,
    /// The model that the provider says it is, by most answers.
    pub model: Option<String>,
}

impl Round {
    /// Adds the answers to a set of prompts up, in the order of the prompts; none is a prompt that
    /// was not answered.
    #[must_use]
    pub fn of(set: &PromptSet, looks: &[Option<Look>]) -> Self {
        let mut round = Self::default();
        let mut tokens = Vec::new();
        let mut models: BTreeMap<&str, usize> = BTreeMap::new();
        for (prompt, look) in set.prompts.iter().zip(looks) {
            round.answered.note(look.is_some());
            let Some(look) = look else { continue };
            round.kinds.entry(Kind::of(&prompt.want)).or_default().note(look.fits);
            round.fenced += usize::from(look.fenced);
            round.refused.note(look.refused);
            round.empty.note(look.empty);
            tokens.extend(look.output_tokens.map(|tokens| tokens as f64));
            if let Some(model) = &look.model {
                *models.entry(model).or_default() += 1;
            }
        }
        round.constant = constant(set, looks);
        let sum: f64 = tokens.iter().sum();
        round.mean_output_tokens = (!tokens.is_empty()).then(|| sum / tokens.len() as f64);
        let most = models.into_iter().max_by_key(|(_, times)| *times);
        round.model = most.map(|(model, _)| model.to_owned());
        round
    }

    /// Whether enough was answered to say anything.
    #[must_use]
    pub fn tells(&self) -> bool {
        self.answered.of > 0 && self.answered.share() >= ANSWERED_MIN
    }

    /// How many answers have the form that was asked for.
    #[must_use]
    pub fn format(&self) -> Tally {
        self.kinds.values().fold(Tally::default(), |sum, one| sum.plus(*one))
    }
}

/// The answer that was given to the greatest share of the prompts that have another right answer.
fn constant(set: &PromptSet, looks: &[Option<Look>]) -> Constant {
    let pairs = set.prompts.iter().zip(looks).filter_map(|(prompt, look)| {
        Some((prompt.right()?, look.as_ref()?.said.clone().unwrap_or_default()))
    });
    let pairs: Vec<(String, String)> = pairs.collect();
    let answers: BTreeSet<&String> = pairs.iter().map(|(_, said)| said).collect();
    let given = |answer: &String| {
        let mut given = Tally::default();
        for (_, said) in pairs.iter().filter(|(right, _)| right != answer) {
            given.note(said == answer);
        }
        given
    };
    let all = answers.into_iter().filter(|answer| !answer.is_empty());
    let all = all.map(|answer| Constant { answer: answer.clone(), given: given(answer) });
    let often = all.filter(|one| one.given.of >= CONSTANT_MIN && one.given.count > 0);
    often.max_by(|a, b| a.given.share().total_cmp(&b.given.share())).unwrap_or_default()
}
