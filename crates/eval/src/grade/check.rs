//! Graders made ready: templates, expressions and schemas are read once for a suite.

use std::{collections::BTreeMap, future::Future, pin::Pin};

use serde_json::json;
use tieline_gate::attest::Digest;

use super::{
    Grade, Judges, Outcome, Tools,
    combine::{Counted, combine},
    formula::Formula,
    found::{Found, sum},
    ids,
    judge::{Label, Pairwise, Rubric},
    mark::{Broken, Mark},
    scorer::Scorer,
    scripted::{self, Program},
    seen::Seen,
    similarity::Cosine,
    work,
};
use crate::{
    Case, Door,
    flaw::Flaws,
    script::Script,
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
    /// Makes the graders of a suite ready: its own, and those of the cases that it writes.
    pub(crate) fn new<'a>(
        shared: &[Grader],
        cases: impl Iterator<Item = &'a Case>,
        judges: &Judges,
        flaws: &mut Flaws,
    ) -> Self {
        let all = ids::of(shared, &[]);
        let mut own = BTreeMap::new();
        for (index, case) in cases.enumerate().filter(|(_, case)| !case.graders.is_empty()) {
            let checks = flaws.within(&format!("/cases/{index}"), |flaws| {
                work::parts(&case.graders, &all, judges, flaws)
            });
            own.insert(case.id.clone(), checks);
        }
        Self { shared: work::parts(shared, &[], judges, flaws), own }
    }

    /// The metrics that scores are counted under; one may come more than once.
    pub fn metrics(&self) -> impl Iterator<Item = &str> {
        self.all().map(|check| check.metric.as_str())
    }

    /// All graders: the suite's, then those of single cases.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Check> {
        self.shared.iter().chain(self.own.values().flatten())
    }

    /// The graders of a case, in the order in which they are written: the suite's, then its own.
    pub fn of<'a>(&'a self, case: &Case) -> impl Iterator<Item = &'a Check> + use<'a> {
        let own = self.own.get(&case.id).map(Vec::as_slice).unwrap_or_default();
        self.shared.iter().chain(own)
    }

    /// Grades an answer by all graders of its case that have something to say of it: one that
    /// judges latency has nothing to say of a cached answer.
    pub async fn grade<D: Door>(&self, seen: &Seen<'_>, tools: &Tools<'_, D>) -> Vec<Grade> {
        let mut grades = Vec::new();
        for check in self.of(seen.case) {
            if check.applies(seen) {
                grades.push(check.grade(seen, tools).await);
            }
        }
        grades
    }

    /// What grades of a case come to: all must pass, or their weighted mean must reach the case's
    /// threshold.
    #[must_use]
    pub fn outcome(&self, case: &Case, grades: &[Grade]) -> Outcome {
        match combine(&counted(self.of(case), grades), case.threshold) {
            Ok(Mark { pass, score, .. }) => Outcome { pass, score, error: None },
            Err(Broken(error)) => Outcome { pass: false, score: 0.0, error: Some(error) },
        }
    }

    /// How often a judge is asked for one answer to a case.
    #[must_use]
    pub fn judge_asks(&self, case: &Case) -> usize {
        self.of(case).map(Check::judge_asks).sum()
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
    /// The judge that it asks, where it does that itself.
    judged: Option<Judged>,
    negate: bool,
    transform: Option<Script>,
    work: Work,
}

/// How a grader asks its judge.
pub(crate) struct Judged {
    /// The judge's name.
    pub(crate) judge: String,
    /// Of the judge and the grader, as far as they decide what is asked and how it is read.
    pub(crate) how: Digest,
}

impl std::fmt::Debug for Check {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Check").field("id", &self.id).finish_non_exhaustive()
    }
}

/// What a grader does.
pub(super) enum Work {
    /// It needs nothing but the answer.
    Alone(Box<dyn Scorer>),
    /// As `Alone`, and a cached answer says nothing.
    Uncached(Box<dyn Scorer>),
    Cosine(Cosine),
    Rubric(Box<Rubric>),
    Label(Box<Label>),
    Pairwise(Box<Pairwise>),
    Program(Program),
    Set {
        parts: Vec<Check>,
        formula: Option<Formula>,
        threshold: Option<f64>,
    },
}

impl Check {
    /// Makes a grader ready.
    pub(super) fn new(id: String, grader: &Grader, judges: &Judges, flaws: &mut Flaws) -> Self {
        if !(grader.weight >= 0.0 && grader.weight.is_finite()) {
            flaws.add("/weight", "a weight is a number from 0 up");
        }
        if grader.threshold.is_some_and(|threshold| !(0.0..=1.0).contains(&threshold)) {
            flaws.add("/threshold", "a threshold is a number from 0 to 1, as scores are");
        }
        let transform = grader.transform.as_deref();
        Self {
            metric: grader.metric.clone().unwrap_or_else(|| id.clone()),
            id,
            role: grader.role,
            weight: grader.weight,
            judged: judged(grader, judges),
            negate: grader.negate,
            transform: transform.and_then(|source| scripted::read(source, "/transform", flaws)),
            work: work::of(grader, judges, flaws),
        }
    }

    /// Whether it has something to say of an answer.
    #[must_use]
    pub fn applies(&self, seen: &Seen<'_>) -> bool {
        !(seen.answer.cached && matches!(self.work, Work::Uncached(_)))
    }

    /// Whether it compares the answers of both arms, for which [`Seen::beside`] is needed.
    #[must_use]
    pub fn compares(&self) -> bool {
        match &self.work {
            Work::Pairwise(_) => true,
            Work::Set { parts, .. } => parts.iter().any(Self::compares),
            _ => false,
        }
    }

    /// Where the grades of those are that compare two answers, with the judge that each asks: their
    /// ids, with those of the sets that they are in before them.
    pub(crate) fn pairs(&self) -> Vec<(String, &str)> {
        let within = |(path, judge)| (format!("{}/{path}", self.id), judge);
        match (&self.work, &self.judged) {
            (Work::Set { parts, .. }, _) => {
                parts.iter().flat_map(Self::pairs).map(within).collect()
            }
            (Work::Pairwise(_), Some(judged)) => vec![(self.id.clone(), &judged.judge)],
            _ => Vec::new(),
        }
    }

    /// Whether it is part of whether a case passes.
    pub(crate) fn counts(&self) -> bool {
        self.role != Role::Reported && self.weight > 0.0
    }

    /// It, or of its parts each, that asks a judge.
    pub(crate) fn judging(&self) -> Vec<(&Self, &Judged)> {
        match &self.work {
            Work::Set { parts, .. } => parts.iter().flat_map(Self::judging).collect(),
            _ => self.judged.iter().map(|judged| (self, judged)).collect(),
        }
    }

    /// How often it asks a judge.
    #[must_use]
    pub fn judge_asks(&self) -> usize {
        match &self.work {
            Work::Rubric(_) | Work::Label(_) => 1,
            Work::Pairwise(_) => 2,
            Work::Set { parts, .. } => parts.iter().map(Self::judge_asks).sum(),
            _ => 0,
        }
    }

    /// Grades an answer. What fails of the grader itself is in [`Grade::error`].
    pub async fn grade<D: Door>(&self, seen: &Seen<'_>, tools: &Tools<'_, D>) -> Grade {
        let transformed = self.transform.as_ref().map(|script| scripted::transformed(script, seen));
        let found = match transformed.transpose() {
            Ok(None) => self.find(seen, tools).await,
            Ok(Some(text)) => self.find(&seen.reading(text), tools).await,
            Err(found) => Found::from(found),
        };
        let negated = found.mark.map(|mark| if self.negate { mark.negated() } else { mark });
        Found { mark: negated, ..found }.into_grade(&self.id)
    }

    async fn find<D: Door>(&self, seen: &Seen<'_>, tools: &Tools<'_, D>) -> Found {
        match &self.work {
            Work::Alone(scorer) | Work::Uncached(scorer) => Found::from(scorer.mark(seen)),
            Work::Cosine(cosine) => cosine.find(seen, tools.door).await,
            Work::Program(program) => Found::from(program.mark(seen, tools.commands).await),
            Work::Rubric(rubric) => rubric.find(seen, tools.door).await,
            Work::Label(label) => label.find(seen, tools.door).await,
            Work::Pairwise(pairwise) => pairwise.find(seen, tools.door).await,
            Work::Set { parts, formula, threshold } => {
                let grades = boxed(parts, seen, tools).await;
                together(parts, grades, formula.as_ref(), *threshold)
            }
        }
    }

    fn counted<'a>(&self, grade: &'a Grade) -> Counted<'a> {
        Counted { grade, weight: self.weight, role: self.role }
    }
}

/// How a grader asks its judge, where it does that itself. A calibration is of just that.
fn judged(grader: &Grader, judges: &Judges) -> Option<Judged> {
    let (Kind::Rubric { judge, .. } | Kind::Label { judge, .. } | Kind::Pairwise { judge, .. }) =
        &grader.kind
    else {
        return None;
    };
    let known = judges.get(judge)?;
    let how = json!({
        "deployment": known.deployment,
        "prompt": known.prompt,
        "parameters": known.parameters,
        "kind": grader.kind,
        "threshold": grader.threshold,
        "negate": grader.negate,
        "transform": grader.transform,
    });
    Some(Judged { judge: judge.clone(), how: Digest::of_json(&how) })
}

/// Grades by the graders of a set. Boxed, since a set may be within a set.
fn boxed<'a, D: Door>(
    parts: &'a [Check],
    seen: &'a Seen<'_>,
    tools: &'a Tools<'_, D>,
) -> Pin<Box<dyn Future<Output = Vec<Grade>> + Send + 'a>> {
    Box::pin(async move {
        let mut grades = Vec::with_capacity(parts.len());
        for part in parts.iter().filter(|part| part.applies(seen)) {
            grades.push(part.grade(seen, tools).await);
        }
        grades
    })
}

fn together(
    parts: &[Check],
    grades: Vec<Grade>,
    formula: Option<&Formula>,
    threshold: Option<f64>,
) -> Found {
    let counted = counted(parts.iter(), &grades);
    let mark = match formula {
        None => combine(&counted, threshold),
        Some(formula) => formula.mark(&grades, threshold),
    };
    let cost_usd = sum(grades.iter().map(|grade| grade.cost_usd));
    Found { mark, cost_usd, parts: grades }
}

fn counted<'a, 'b>(
    checks: impl Iterator<Item = &'a Check>,
    grades: &'b [Grade],
) -> Vec<Counted<'b>> {
    let one = |check: &Check| Some(check.counted(grades.iter().find(|it| it.grader == check.id)?));
    checks.filter_map(one).collect()
}
