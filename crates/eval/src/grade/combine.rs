//! What grades come to together.

use super::{
    Grade,
    mark::{Broken, Mark},
};
use crate::suite::Role;

/// What the graders of one answer come to.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// Whether the case passes.
    pub pass: bool,
    /// The weighted mean of the scores.
    pub score: f64,
    /// What failed of a grader that counts: the answer is then neither good nor bad.
    pub error: Option<String>,
}

/// A grade and what it counts.
#[derive(Clone, Copy, Debug)]
pub(super) struct Counted<'a> {
    pub(super) grade: &'a Grade,
    pub(super) weight: f64,
    pub(super) role: Role,
}

impl Counted<'_> {
    fn counts(&self) -> bool {
        self.weight > 0.0 && self.role != Role::Reported
    }
}

/// All must pass; or, with a threshold, their weighted mean score must reach it. Graders of weight 0
/// are only reported. Nothing to grade by is a pass.
pub(super) fn combine(all: &[Counted<'_>], threshold: Option<f64>) -> Result<Mark, Broken> {
    let counted: Vec<&Counted<'_>> = all.iter().filter(|counted| counted.counts()).collect();
    if let Some((grade, error)) =
        counted.iter().find_map(|counted| Some((counted.grade, counted.grade.error.as_ref()?)))
    {
        return Err(Broken(format!("{}: {error}", grade.grader)));
    }
    let weights: f64 = counted.iter().map(|counted| counted.weight).sum();
    let total: f64 = counted.iter().map(|counted| counted.weight * counted.grade.score).sum();
    let score = if weights > 0.0 { total / weights } else { 1.0 };
    let failed = counted.iter().find(|counted| !counted.grade.pass);
    Ok(match (threshold, failed) {
        (Some(threshold), _) => {
            Mark::scored(score, threshold, format!("the mean is {score:.4}, needed {threshold}"))
        }
        (None, Some(failed)) => {
            let reason = format!("{}: {}", failed.grade.grader, failed.grade.reason);
            Mark { pass: false, score, reason, settled: false }
        }
        (None, None) => Mark { pass: true, score, reason: String::new(), settled: false },
    })
}
