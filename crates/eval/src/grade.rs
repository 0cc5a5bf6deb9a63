//! Scoring one answer to one case.

mod check;
mod combine;
mod formula;
mod found;
mod ids;
mod json;
mod judge;
mod mark;
mod measured;
mod number;
mod returned;
mod scorer;
mod scripted;
mod seen;
mod similarity;
mod text;
mod tools;
mod work;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use check::{Check, Checks};
pub use combine::Outcome;
pub(crate) use formula::Formula;
pub use judge::family;
pub use seen::Seen;

use crate::suite::Judge;

/// The judges of a suite by name.
type Judges = BTreeMap<String, Judge>;

/// What one grader says of one answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Grade {
    /// The grader's id.
    pub grader: String,
    /// Whether the answer is good enough.
    pub pass: bool,
    /// How good it is, from 0 to 1.
    pub score: f64,
    /// Why, in a sentence for whoever reads failing cases; empty where a pass speaks for itself.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// The grader itself failed: neither pass nor score mean anything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// What judges and vectors for it cost in dollars.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost_usd: Option<f64>,
    /// The grades that it is made of, where it is a set.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<Self>,
}

/// What graders may use that is not in the answer.
#[derive(Debug)]
pub struct Tools<'a, D> {
    /// The way to judges and embedding deployments.
    pub door: &'a D,
    /// Whether graders may start programs.
    pub commands: bool,
}
