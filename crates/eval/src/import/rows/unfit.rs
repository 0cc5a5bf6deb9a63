//! Why results cannot be gated.

use super::ROWS_MAX;
use crate::Arm;

/// Why results cannot be made a run.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// A file has no results.
    #[error("{file} has no results")]
    Empty {
        /// The file.
        file: String,
    },
    /// There are several arms, and nothing tells which is meant.
    #[error("{files}: it is not clear whose results are the {arm}'s")]
    Ambiguous {
        /// The files.
        files: String,
        /// The arm that is looked for.
        arm: Arm,
        /// The arms that there are.
        known: Vec<String>,
    },
    /// No result is of the arm that was named.
    #[error("{files}: no result is of `{wanted}`")]
    NoArm {
        /// The files.
        files: String,
        /// What was named.
        wanted: String,
        /// The arms that there are.
        known: Vec<String>,
    },
    /// Both arms are the same.
    #[error("`{arm}` cannot be compared with itself")]
    Same {
        /// The arm.
        arm: String,
    },
    /// One of several arms has no name.
    #[error("{place}: the result of the case `{case}` names no arm, and others do")]
    Unnamed {
        /// Where it is.
        place: String,
        /// Its case.
        case: String,
    },
    /// A result is there twice.
    #[error("{place}: repeat {repeat} of the case `{case}` of `{arm}` is also at {first}")]
    Twice {
        /// Where the second is.
        place: String,
        /// Where the first is.
        first: String,
        /// The case.
        case: String,
        /// The repeat.
        repeat: u32,
        /// The arm.
        arm: String,
    },
    /// Results of a case are of different clusters.
    #[error("{place}: another result of the case `{case}` is of another cluster")]
    Cluster {
        /// Where one of them is.
        place: String,
        /// The case.
        case: String,
    },
    /// The arms have no case in common.
    #[error("no case is in both arms: the candidate has `{case}`, the incumbent `{other}`")]
    Disjoint {
        /// A case of the candidate.
        case: String,
        /// A case of the incumbent.
        other: String,
    },
    /// The arms have no metric in common.
    #[error("no metric is in both arms; there are {}", known.join(", "))]
    NoMetric {
        /// Those of either.
        known: Vec<String>,
    },
    /// The gate asks for something that no result has.
    #[error("the gate asks for the {what} `{name}`, which no result has")]
    Absent {
        /// `metric` or `slice`.
        what: &'static str,
        /// Its name.
        name: String,
        /// What may be meant.
        hint: Option<String>,
    },
    /// The gate names a metric and asks nothing of it.
    #[error("the gate asks nothing of the metric `{metric}`")]
    Bare {
        /// The metric.
        metric: String,
    },
    /// The gate bounds refusals, and no result tells whether it is one.
    #[error("the gate bounds refusals, which results of other harnesses do not tell")]
    Refusals,
    /// Cases and repeats are more than a run may have.
    #[error("cases by repeats are {rows} rows, more than {ROWS_MAX}")]
    TooMany {
        /// How many.
        rows: usize,
    },
}

impl Unfit {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::Empty { .. } => "name a log of Inspect, output items of OpenAI, or JSONL".into(),
            Self::Ambiguous { arm, known, .. } => {
                format!("name one of {} with --{arm}", known.join(", "))
            }
            Self::NoArm { known, .. } => match known.is_empty() {
                true => "its results name no arm: give the incumbent a file of its own".into(),
                false => format!("there are {}", known.join(", ")),
            },
            Self::Same { .. } => "name two different arms".into(),
            Self::Unnamed { .. } => "give each result its `arm`".into(),
            Self::Twice { .. } => "number the answers to a case with `repeat`, from 0".into(),
            Self::Cluster { .. } => "a case is of one conversation, document or template".into(),
            Self::Disjoint { .. } => "give cases the same ids in both".into(),
            Self::NoMetric { .. } => "score both by the same graders".into(),
            Self::Absent { hint, .. } => {
                hint.clone().unwrap_or_else(|| "results have none at all".into())
            }
            Self::Bare { .. } => "give it a `margin`, `at_least` or both".into(),
            Self::Refusals => "take `refusal_delta` out of its guards".into(),
            Self::TooMany { .. } => "number repeats from 0 for each case".into(),
        }
    }
}
