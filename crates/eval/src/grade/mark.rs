//! What a grader finds, before weights and negation.

use crate::template::TemplateError;

/// A finding.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Mark {
    pub(crate) pass: bool,
    /// From 0 to 1.
    pub(crate) score: f64,
    /// Why, whichever way it went.
    pub(crate) reason: String,
    /// It stays as it is where the grader is negated.
    pub(crate) settled: bool,
}

impl Mark {
    /// Right or wrong, with what is said of either.
    pub(crate) fn of(pass: bool, reason: impl Into<String>) -> Self {
        Self { pass, score: f64::from(u8::from(pass)), reason: reason.into(), settled: false }
    }

    /// Wrong, also where the grader is negated: the answer could not even be looked at.
    pub(crate) fn failed(reason: impl Into<String>) -> Self {
        Self { settled: true, ..Self::of(false, reason) }
    }

    /// A score that passes from a threshold on.
    pub(crate) fn scored(score: f64, threshold: f64, reason: impl Into<String>) -> Self {
        let score = unit(score);
        Self { pass: score >= threshold, score, reason: reason.into(), settled: false }
    }

    /// The opposite finding.
    pub(crate) fn negated(self) -> Self {
        if self.settled {
            return self;
        }
        Self { pass: !self.pass, score: 1.0 - self.score, ..self }
    }
}

/// A number within 0 and 1; what is no number is 0.
pub(crate) const fn unit(score: f64) -> f64 {
    if score.is_nan() { 0.0 } else { score.clamp(0.0, 1.0) }
}

/// The grader itself failed: it says nothing of the answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Broken(pub(crate) String);

impl From<TemplateError> for Broken {
    fn from(error: TemplateError) -> Self {
        Self(error.to_string())
    }
}

/// What is kept of a text in a reason.
const QUOTED_CHARS_MAX: usize = 120;

/// A text in quotes on one line, cut where it is long.
pub(crate) fn quoted(text: &str) -> String {
    format!("\"{}\"", cut(text))
}

/// A text on one line, cut where it is long.
pub(crate) fn cut(text: &str) -> String {
    let mut chars = text.chars();
    let start: String = chars.by_ref().take(QUOTED_CHARS_MAX).collect();
    let rest = if chars.next().is_some() { "…" } else { "" };
    format!("{}{rest}", start.replace('\n', " "))
}
