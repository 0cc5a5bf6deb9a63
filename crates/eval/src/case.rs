//! One case of a suite: what is asked and what is known of the right answer.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::suite::Grader;

/// One case, read from a dataset or written in the suite.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Case {
    /// Unlike every other id of the suite; the number of the case from 1 where none is given.
    pub id: String,
    /// The conversation, document or template that it shares with others: cases of one cluster are
    /// not independent.
    pub cluster: Option<String>,
    /// Its value in each dimension that the suite slices by: `lang` to `de`.
    pub slices: BTreeMap<String, String>,
    /// Kept from tuning: only gates look at it.
    pub holdout: bool,
    /// What templates and graders know of it, by name.
    pub fields: Map<String, Value>,
    /// Graders of its own, beside the suite's.
    pub graders: Vec<Grader>,
    /// The weighted mean score from which it passes; all graders must pass where none is given.
    pub threshold: Option<f64>,
}
