//! What a deployment's answers were like when it was trusted, and what has changed since.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use serde::{Deserialize, Serialize};

use super::{Kind, Round, Tally};
use crate::rate::fisher_below;

/// The p-value below which a rate is worse. Two rounds on end must find it, so chance does so once
/// in 40,000 rounds at most; the exact test is far more cautious than that.
const ALPHA: f64 = 0.005;
/// The least change of a rate that counts.
const EFFECT_MIN: f64 = 0.2;
/// The fewest answers of a kind that are looked at by themselves.
const KIND_MIN: usize = 4;
/// The share of prompts with other right answers that get one and the same answer, from which on
/// it counts as constant.
const CONSTANT_SHARE: f64 = 0.5;
/// The rounds that a baseline is made of at most: the more, the better rates are known.
const ROUNDS_MAX: usize = 10;
/// The models that a baseline may name.
const MODELS_MAX: usize = 8;

/// What answers were like.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Baseline {
    /// What tells what was asked of whom from all else: of another model, or by other prompts, it
    /// says nothing.
    pub asked: String,
    /// The rounds that it is made of.
    pub rounds: usize,
    /// How many answers of each kind had the form that was asked for.
    pub kinds: BTreeMap<Kind, Tally>,
    /// How many answers refused.
    pub refused: Tally,
    /// The greatest share of prompts that got an answer that is right for others.
    pub constant: f64,
    /// The models that the provider said it was.
    pub models: BTreeSet<String>,
    /// Tokens of an answer on average, in the last of the rounds.
    pub mean_output_tokens: Option<f64>,
}

/// What has changed.
#[derive(Clone, Debug, PartialEq)]
pub enum Drift {
    /// The provider says that it is another model.
    Model {
        /// What it said before.
        was: BTreeSet<String>,
        /// What it says.
        is: String,
    },
    /// Fewer answers have the form that was asked for.
    Format {
        /// Of which kind; none where all together are meant.
        kind: Option<Kind>,
        /// Before.
        was: Tally,
        /// Now.
        is: Tally,
        /// How many of the round's answers have a fence around them.
        fenced: usize,
    },
    /// More answers refuse.
    Refusals {
        /// Before.
        was: Tally,
        /// Now.
        is: Tally,
    },
    /// One answer is given where others are right.
    Constant {
        /// The answer.
        answer: String,
        /// How often.
        given: Tally,
    },
}

impl Drift {
    /// The stable name of what has changed.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Model { .. } => "model",
            Self::Format { .. } => "format",
            Self::Refusals { .. } => "refusals",
            Self::Constant { .. } => "constant",
        }
    }
}

impl fmt::Display for Drift {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Model { was, is } => {
                let was: Vec<&str> = was.iter().map(String::as_str).collect();
                write!(f, "the model is `{is}`, and was `{}`", was.join("`, `"))
            }
            Self::Format { kind, was, is, fenced } => {
                let kind = kind.map(|kind| format!(" {}", kind.as_str())).unwrap_or_default();
                write!(f, "{is}{kind} answers have their form, and {was} had")?;
                match fenced {
                    0 => Ok(()),
                    fenced => write!(f, " ({fenced} have a fence around them)"),
                }
            }
            Self::Refusals { was, is } => write!(f, "{is} answers refuse, and {was} did"),
            Self::Constant { answer, given } => {
                write!(f, "{given} prompts with other right answers get `{answer}`")
            }
        }
    }
}

impl Baseline {
    /// A baseline of no rounds yet.
    #[must_use]
    pub fn new(asked: &str) -> Self {
        Self { asked: asked.to_owned(), ..Self::default() }
    }

    /// Whether it takes further rounds.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        self.rounds < ROUNDS_MAX
    }

    /// Adds a round that shows no change.
    pub fn add(&mut self, round: &Round) {
        self.rounds += 1;
        for (kind, tally) in &round.kinds {
            let sum = self.kinds.entry(*kind).or_default();
            *sum = sum.plus(*tally);
        }
        self.refused = self.refused.plus(round.refused);
        self.constant = self.constant.max(round.constant.given.share());
        if let Some(model) = round.model.as_ref().filter(|_| self.models.len() < MODELS_MAX) {
            self.models.insert(model.clone());
        }
        self.mean_output_tokens = round.mean_output_tokens;
    }

    /// What of a round is no longer as it was.
    #[must_use]
    pub fn drifts(&self, round: &Round) -> Vec<Drift> {
        let model = round.model.iter().filter(|is| !self.models.contains(*is));
        let model = model
            .filter(|_| !self.models.is_empty())
            .map(|is| Drift::Model { was: self.models.clone(), is: is.clone() });
        let mut drifts: Vec<Drift> = model.collect();
        drifts.extend(self.format(round));
        let (was, is) = (self.refused, round.refused);
        drifts.extend(worse(was.rest(), is.rest()).then_some(Drift::Refusals { was, is }));
        let constant = &round.constant;
        if constant.given.share() >= CONSTANT_SHARE && self.constant < CONSTANT_SHARE {
            let (answer, given) = (constant.answer.clone(), constant.given);
            drifts.push(Drift::Constant { answer, given });
        }
        drifts
    }

    /// The kind whose form is lost by most, or all kinds together.
    fn format(&self, round: &Round) -> Option<Drift> {
        let all = |kinds: &BTreeMap<Kind, Tally>| {
            kinds.values().fold(Tally::default(), |sum, one| sum.plus(*one))
        };
        let fenced = round.fenced;
        let drift = |kind, was, is| Drift::Format { kind, was, is, fenced };
        let kinds = round.kinds.iter().filter(|(_, is)| is.of >= KIND_MIN);
        let worst = kinds
            .filter_map(|(kind, is)| Some((*kind, *self.kinds.get(kind)?, *is)))
            .filter(|(_, was, is)| worse(*was, *is))
            .min_by(|(.., a), (.., b)| a.share().total_cmp(&b.share()));
        let worst = worst.map(|(kind, was, is)| drift(Some(kind), was, is));
        worst.or_else(|| {
            let (was, is) = (all(&self.kinds), all(&round.kinds));
            worse(was, is).then(|| drift(None, was, is))
        })
    }
}

/// Whether a rate has fallen by more than chance and by enough to matter.
fn worse(was: Tally, is: Tally) -> bool {
    was.share() - is.share() >= EFFECT_MIN
        && fisher_below((is.count, is.of), (was.count, was.of)) <= ALPHA
}
