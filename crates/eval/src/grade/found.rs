//! A finding on its way to a grade.

use super::{
    Grade,
    mark::{Broken, Mark},
};

/// What a grader found, what that cost, and what it was found from.
pub(super) struct Found {
    pub(super) mark: Result<Mark, Broken>,
    /// In dollars; also where nothing came of it.
    pub(super) cost_usd: Option<f64>,
    pub(super) parts: Vec<Grade>,
}

impl From<Result<Mark, Broken>> for Found {
    fn from(mark: Result<Mark, Broken>) -> Self {
        Self { mark, cost_usd: None, parts: Vec::new() }
    }
}

impl Found {
    /// The same with what it cost.
    pub(super) fn at(self, cost_usd: Option<f64>) -> Self {
        Self { cost_usd, ..self }
    }

    /// The grade of a grader.
    pub(super) fn into_grade(self, grader: &str) -> Grade {
        let Self { mark, cost_usd, parts } = self;
        let error = mark.as_ref().err().map(|Broken(error)| error.clone());
        let Mark { pass, score, reason, .. } = mark.unwrap_or_else(|_| Mark::of(false, ""));
        Grade { grader: grader.to_owned(), pass, score, reason, error, cost_usd, parts }
    }
}

/// The sum of what is known of costs; nothing where nothing is.
pub(super) fn sum(costs: impl IntoIterator<Item = Option<f64>>) -> Option<f64> {
    costs.into_iter().flatten().reduce(|one, other| one + other)
}
