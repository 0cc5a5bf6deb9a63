//! Scoring one answer to one case.

use serde::{Deserialize, Serialize};

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
    /// What the judge cost in dollars.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost_usd: Option<f64>,
    /// The grades that it is made of, where it is a set.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<Self>,
}
