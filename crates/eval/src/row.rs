//! What came of asking one case of one arm once.

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Serialize};

use crate::{Answer, Grade, Trouble};

/// One of the two deployments that a run compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Arm {
    /// The deployment that wants to serve.
    Candidate,
    /// The one that serves.
    Incumbent,
}

impl Arm {
    /// The name that rows and reports use.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Candidate => "candidate",
            Self::Incumbent => "incumbent",
        }
    }
}

impl fmt::Display for Arm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What came of asking one case of one arm once: an answer with its grades, or why there is none.
///
/// A row tells all that a verdict needs, so that rows of other tools can be gated as well. Case,
/// arm and repeat together are its key.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// The case's id.
    pub case: String,
    /// Which of the two was asked.
    pub arm: Arm,
    /// For which time, from 0.
    pub repeat: u32,
    /// Asked beyond the suite's repeats to see whether an invariant is broken again. Such rows
    /// count for nothing else.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub again: bool,
    /// What cases that are not independent share.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster: Option<String>,
    /// The case's value in each dimension that the suite slices by.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub slices: BTreeMap<String, String>,
    /// The deployment that was asked.
    pub deployment: String,
    /// SHA-256 of the request in hexadecimal; empty where it is not known.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub request: String,
    /// When the answer was there, milliseconds since the Unix epoch.
    pub at_ms: u64,
    /// How many times the request was sent; 0 for an answer from the cache.
    #[serde(default)]
    pub tries: u32,
    /// The answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<Answer>,
    /// Why there is none. This is missing data and no wrong answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trouble: Option<Trouble>,
    /// What each grader says.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub grades: Vec<Grade>,
    /// What the grades come to.
    #[serde(flatten)]
    pub marks: Marks,
}

/// What the grades of an answer come to.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Marks {
    /// Whether the case passes; none where that is not known: there is no answer, or a grader
    /// failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pass: Option<bool>,
    /// Its weighted mean score, from 0 to 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub score: Option<f64>,
    /// The score of each metric: the weighted mean of its graders; none where one of them failed.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub metrics: BTreeMap<String, Option<f64>>,
    /// The graders of invariants that the answer fails.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub broken: Vec<String>,
}

/// What is asked once: a case's id, an arm, and for which time.
pub(crate) type Key = (String, Arm, u32);

impl Row {
    /// Which ask it is the row of. Where several rows have one key, the last counts.
    pub(crate) fn key(&self) -> Key {
        (self.case.clone(), self.arm, self.repeat)
    }

    /// Whether asking again may give the answer that is missing.
    #[must_use]
    pub fn may_be_answered(&self) -> bool {
        self.trouble.as_ref().is_some_and(|trouble| trouble.passing)
    }

    /// What was spent for it on deployments and judges, in dollars. A cached answer costs nothing.
    #[must_use]
    pub fn spent_usd(&self) -> f64 {
        let asked = self.answer.as_ref().filter(|answer| !answer.cached);
        let judged: f64 = self.grades.iter().map(spent_on).sum();
        asked.and_then(|answer| answer.cost_usd).unwrap_or(0.0) + judged
    }

    /// The class of the error that a failing row is counted under: the provider's trouble, or the
    /// first grader that says no; none where nothing is wrong.
    #[must_use]
    pub fn error_class(&self) -> Option<String> {
        if let Some(trouble) = &self.trouble {
            return Some(trouble.class.clone());
        }
        if let Some(failed) = self.grades.iter().find(|grade| grade.error.is_some()) {
            return Some(format!("{}: grader failed", failed.grader));
        }
        let wrong = self.marks.pass == Some(false) || !self.marks.broken.is_empty();
        let first = self.grades.iter().find(|grade| !grade.pass).filter(|_| wrong)?;
        Some(first.grader.clone())
    }
}

/// What a grade and its parts cost; a set does not repeat what its parts say.
fn spent_on(grade: &Grade) -> f64 {
    let parts: f64 = grade.parts.iter().map(spent_on).sum();
    grade.cost_usd.unwrap_or(0.0).max(parts)
}
