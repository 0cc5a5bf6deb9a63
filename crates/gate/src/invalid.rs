//! What cannot be judged because it was put wrongly.

use thiserror::Error;

/// A gate or rows that make no sense. Rows that are merely missing are no error: see
/// [`Verdict::Error`](crate::Verdict::Error).
#[derive(Clone, Debug, PartialEq, Error)]
pub enum Invalid {
    /// A share that has to lie between 0 and a most, both excluded.
    #[error("{name} must be between 0 and {most}, not {value}")]
    Share {
        /// What it is called in the gate.
        name: String,
        /// What it is.
        value: f64,
        /// What it has to be below.
        most: f64,
    },
    /// A limit that has to be a number above zero.
    #[error("{name} must be a number above 0, not {value}")]
    Limit {
        /// What it is called in the gate.
        name: String,
        /// What it is.
        value: f64,
    },
    /// A metric or a slice is named, but nothing is asked of it.
    #[error("{name} needs a margin, an at_least, or both")]
    NothingAsked {
        /// The metric or slice.
        name: String,
    },
    /// Nothing could ever fail.
    #[error("the gate has no required metric and no invariant, so that it would judge nothing")]
    Empty,
    /// Two items of one name.
    #[error("item {id} is there twice")]
    Twice {
        /// The item.
        id: String,
    },
    /// A share of mirrored requests that is none.
    #[error("the share of mirrored requests must be from 0 to 1, not {value}")]
    ShadowShare {
        /// What it is.
        value: f64,
    },
    /// Steps of a canary that are none, or do not ascend.
    #[error("the steps of a canary must be shares above 0 and up to 1, each above the one before")]
    Steps,
    /// A score outside of its range.
    #[error("item {id} has a score of {score} for {metric}; scores lie between 0 and 1")]
    Score {
        /// The item.
        id: String,
        /// The metric.
        metric: String,
        /// The score.
        score: f64,
    },
}

impl Invalid {
    pub(crate) fn unless_share(name: &str, value: f64) -> Result<(), Self> {
        Self::unless_between(name, value, 1.0)
    }

    pub(crate) fn unless_between(name: &str, value: f64, most: f64) -> Result<(), Self> {
        if value > 0.0 && value < most {
            return Ok(());
        }
        Err(Self::Share { name: name.to_owned(), value, most })
    }

    pub(crate) fn unless_limit(name: &str, value: f64) -> Result<(), Self> {
        if value > 0.0 && value.is_finite() {
            return Ok(());
        }
        Err(Self::Limit { name: name.to_owned(), value })
    }
}
