//! Graders made ready: templates, expressions and schemas are read once for a suite.

use std::collections::BTreeMap;

use super::{
    Grade, Tools,
    flaw::Flaws,
    mark::{Broken, Mark},
    measured, number,
    scorer::Scorer,
    seen::Seen,
    text,
};
use crate::{
    Case, Door,
    suite::{Grader, Kind, Role},
};

/// The graders of a suite, ready to work.
#[derive(Debug, Default)]
pub struct Checks {
    shared: Vec<Check>,
    /// By the ids of cases that have graders of their own.
    own: BTreeMap<String, Vec<Check>>,
}

impl Checks {
    /// The graders of a case, in the order in which they are written: the suite's, then its own.
    pub fn of<'a>(&'a self, case: &Case) -> impl Iterator<Item = &'a Check> + use<'a> {
        let own = self.own.get(&case.id).map(Vec::as_slice).unwrap_or_default();
        self.shared.iter().chain(own)
    }

    /// Grades an answer by all graders of its case.
    pub async fn grade<D: Door>(&self, seen: &Seen<'_>, tools: &Tools<'_, D>) -> Vec<Grade> {
        let mut grades = Vec::new();
        for check in self.of(seen.case) {
            grades.push(check.grade(seen, tools).await);
        }
        grades
    }
}

/// A grader, ready to work.
pub struct Check {
    /// What reports call it; unlike every other of its case.
    pub id: String,
    /// The metric that its score is counted under.
    pub metric: String,
    /// What it is to the gate.
    pub role: Role,
    /// What it counts beside others.
    pub weight: f64,
    negate: bool,
    work: Work,
}

impl std::fmt::Debug for Check {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Check").field("id", &self.id).finish_non_exhaustive()
    }
}

enum Work {
    /// It needs nothing but the answer.
    Alone(Box<dyn Scorer>),
}

impl Check {
    /// Makes a grader ready.
    pub(crate) fn new(id: String, grader: &Grader, flaws: &mut Flaws) -> Self {
        Self {
            metric: grader.metric.clone().unwrap_or_else(|| id.clone()),
            id,
            role: grader.role,
            weight: grader.weight,
            negate: grader.negate,
            work: Work::new(&grader.kind, flaws),
        }
    }

    /// Grades an answer. What fails of the grader itself is in [`Grade::error`].
    pub async fn grade<D: Door>(&self, seen: &Seen<'_>, _tools: &Tools<'_, D>) -> Grade {
        let Work::Alone(scorer) = &self.work;
        self.told(scorer.mark(seen))
    }

    fn told(&self, found: Result<Mark, Broken>) -> Grade {
        let mark = found.map(|mark| if self.negate { mark.negated() } else { mark });
        let grader = self.id.clone();
        let (cost_usd, parts) = (None, Vec::new());
        match mark {
            Ok(Mark { pass, score, reason }) => {
                Grade { grader, pass, score, reason, error: None, cost_usd, parts }
            }
            Err(Broken(error)) => Grade {
                grader,
                pass: false,
                score: 0.0,
                reason: String::new(),
                error: Some(error),
                cost_usd,
                parts,
            },
        }
    }
}

impl Work {
    fn new(kind: &Kind, flaws: &mut Flaws) -> Self {
        let scorer: Box<dyn Scorer> = match kind {
            Kind::Equals { value, ignore_case } => {
                Box::new(text::Equals::new(value, *ignore_case, flaws))
            }
            Kind::Contains { value, any, ignore_case } => {
                Box::new(text::Contains::new(value, *any, *ignore_case, flaws))
            }
            Kind::StartsWith { value, ignore_case } => {
                Box::new(text::StartsWith::new(value, *ignore_case, flaws))
            }
            Kind::Regex { pattern } => Box::new(text::Matches::new(pattern, flaws)),
            Kind::Number { value, tolerance, relative } => {
                Box::new(number::Near::new(value, *tolerance, *relative, flaws))
            }
            Kind::Latency { at_most_ms } => Box::new(measured::Latency { at_most_ms: *at_most_ms }),
            Kind::Cost { at_most_usd } => Box::new(measured::Cost { at_most_usd: *at_most_usd }),
            Kind::FinishReason { value } => Box::new(measured::Finish::new(value, flaws)),
            Kind::Refusal => Box::new(measured::Refusal),
            Kind::WordCount { min, max } => Box::new(measured::Words::new(*min, *max, flaws)),
            _ => {
                flaws.add("/type", "this build does not grade by this type yet");
                Box::new(measured::Refusal)
            }
        };
        Self::Alone(scorer)
    }
}
