//! Results of other harnesses as the rows of a run, so that they can be gated.
//!
//! An error there is missing data here, and so is a case that only one arm has: neither is wrong.

mod arms;
mod gate;
mod unfit;

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use tieline_types::Usage;

use super::{Imported, ImportedResult, Severity};
use crate::{Answer, Arm, Grade, Marks, Row, Trouble, run::RunFile, suite::PASS};
use arms::Side;

pub use gate::declare;
pub use unfit::Unfit;

/// The most rows of a run that is made of results, with those that are missing.
const ROWS_MAX: usize = 4_000_000;
/// From which score on an answer passes, where its harness gave a score and no verdict.
const PASS_FROM: f64 = 0.5;
/// The class of the trouble of a result that is an error there.
const ERROR: &str = "error";
/// The class of the trouble of a result that is not there.
const MISSING: &str = "missing";

/// What a file of results holds.
#[derive(Clone, Debug, Default)]
pub struct Log {
    /// The file.
    pub file: String,
    /// Its results.
    pub results: Vec<ImportedResult>,
    /// What did not come over, a line each.
    pub partial: Vec<String>,
}

impl Log {
    /// What was imported from a file.
    #[must_use]
    pub fn of(file: &str, imported: Imported) -> Self {
        let lost = imported.findings.iter().filter(|finding| finding.severity == Severity::Lost);
        let partial = lost.map(super::Finding::line).collect();
        Self { file: file.to_owned(), results: imported.results, partial }
    }
}

/// Files of results, by whose they are.
#[derive(Clone, Debug, Default)]
pub struct Logs {
    /// Those with the candidate's results, and with the incumbent's where it has no files of its
    /// own.
    pub candidate: Vec<Log>,
    /// Those with the incumbent's results.
    pub incumbent: Vec<Log>,
    /// What the arms are called there, where that has to be told.
    pub named: BTreeMap<Arm, String>,
}

/// Makes a run of results. What `run` says of its arms, repeats and metrics is replaced by what
/// the results say; its gate is taken as it was declared, see [`declare`].
///
/// # Errors
/// The results are not those of one or two arms, or do not go together.
pub fn rows(run: RunFile, logs: &Logs) -> Result<(RunFile, Vec<Row>), Unfit> {
    let sides = arms::sides(logs)?;
    let cases = Cases::of(&sides)?;
    check_size(&cases, &sides)?;
    if let Some(unfit) = disjoint(&sides) {
        return Err(unfit);
    }
    let repeats = sides.values().map(|side| side.repeats().len()).max().unwrap_or(1);
    let mut rows = Vec::new();
    for (arm, side) in &sides {
        rows.extend(rows_of(*arm, side, &cases, run.started_ms));
    }
    let partial = logs.candidate.iter().chain(&logs.incumbent).flat_map(|log| log.partial.clone());
    let mut run = RunFile {
        arms: sides.iter().map(|(arm, side)| (*arm, side.name.clone())).collect(),
        partial: run.partial.iter().cloned().chain(partial).collect(),
        ..run
    };
    run.partial.extend(cases.differing());
    run.settings.repeats = u32::try_from(repeats).unwrap_or(u32::MAX);
    let gate = run.gate.clone();
    Ok((declare(run, gate, &rows)?, rows))
}

fn check_size(cases: &Cases<'_>, sides: &BTreeMap<Arm, Side<'_>>) -> Result<(), Unfit> {
    let repeats: usize = sides.values().map(|side| side.repeats().len()).sum();
    match cases.0.len().saturating_mul(repeats) {
        ..=ROWS_MAX => Ok(()),
        rows => Err(Unfit::TooMany { rows }),
    }
}

/// Arms without a case in common cannot be compared.
fn disjoint(sides: &BTreeMap<Arm, Side<'_>>) -> Option<Unfit> {
    let (candidate, incumbent) = (sides.get(&Arm::Candidate)?, sides.get(&Arm::Incumbent)?);
    let (ours, theirs) = (candidate.cases(), incumbent.cases());
    let (case, other) = (ours.first()?, theirs.first()?);
    ours.is_disjoint(&theirs)
        .then(|| Unfit::Disjoint { case: (*case).to_owned(), other: (*other).to_owned() })
}

/// The metrics that every arm has.
fn shared<'a>(sides: &BTreeMap<Arm, Side<'a>>) -> BTreeSet<&'a str> {
    let metrics = |side: &Side<'a>| -> BTreeSet<&'a str> {
        side.results().flat_map(|placed| placed.result.metrics.keys().map(String::as_str)).collect()
    };
    let each = sides.values().map(metrics);
    each.reduce(|one, other| &one & &other).unwrap_or_default()
}

/// What all results of a case say of it.
#[derive(Default)]
struct CaseOf<'a> {
    cluster: Option<&'a str>,
    /// None where its results differ in it.
    slices: BTreeMap<&'a str, Option<&'a str>>,
    /// Those of its metrics that all arms have.
    metrics: BTreeSet<&'a str>,
}

/// The cases by their ids.
struct Cases<'a>(BTreeMap<&'a str, CaseOf<'a>>);

impl<'a> Cases<'a> {
    fn of(sides: &BTreeMap<Arm, Side<'a>>) -> Result<Self, Unfit> {
        let shared = shared(sides);
        let mut cases: BTreeMap<&str, CaseOf<'a>> = BTreeMap::new();
        for placed in sides.values().flat_map(Side::results) {
            let result = placed.result;
            let case = cases.entry(&result.case).or_default();
            let cluster = result.cluster.as_deref().or(case.cluster);
            if case.cluster.is_some_and(|known| cluster != Some(known)) {
                return Err(Unfit::Cluster { place: placed.place(), case: result.case.clone() });
            }
            case.cluster = cluster;
            for (slice, value) in &result.slices {
                let known = case.slices.entry(slice).or_insert(Some(value));
                *known = known.filter(|known| known == value);
            }
            if result.error.is_none() {
                let metrics = result.metrics.keys().map(String::as_str);
                case.metrics.extend(metrics.filter(|metric| shared.contains(metric)));
            }
        }
        Ok(Self(cases))
    }

    /// The dimensions in which results of one case differ, a line each.
    fn differing(&self) -> Vec<String> {
        let mut lines = BTreeMap::new();
        for (id, case) in &self.0 {
            for (slice, _) in case.slices.iter().filter(|(_, value)| value.is_none()) {
                let line = || format!("results of the case `{id}` differ in the slice `{slice}`");
                lines.entry(*slice).or_insert_with(line);
            }
        }
        lines.into_values().collect()
    }
}

/// The rows of one arm, with those that it lacks.
fn rows_of(arm: Arm, side: &Side<'_>, cases: &Cases<'_>, at_ms: u64) -> Vec<Row> {
    let mut rows = Vec::new();
    for (id, case) in &cases.0 {
        for repeat in side.repeats() {
            let blank = Row {
                case: (*id).to_owned(),
                arm,
                repeat: *repeat,
                again: false,
                cluster: case.cluster.map(str::to_owned),
                slices: case
                    .slices
                    .iter()
                    .filter_map(|(slice, value)| Some(((*slice).to_owned(), (*value)?.to_owned())))
                    .collect(),
                deployment: side.name.clone(),
                request: String::new(),
                at_ms,
                tries: 1,
                answer: None,
                trouble: None,
                grades: Vec::new(),
                marks: Marks::default(),
            };
            rows.push(match side.result(id, *repeat) {
                Some(result) => row(blank, result, case),
                None => troubled(blank, MISSING, format!("there is no result of the {arm}")),
            });
        }
    }
    rows
}

fn troubled(row: Row, class: &str, message: String) -> Row {
    let class = class.to_owned();
    let trouble = Trouble { class, message, status: None, retry_after: None, passing: false };
    Row { trouble: Some(trouble), ..row }
}

fn row(blank: Row, result: &ImportedResult, case: &CaseOf<'_>) -> Row {
    if let Some(error) = &result.error {
        return troubled(blank, ERROR, error.clone());
    }
    let grade = |(metric, score): (&String, &f64)| Grade {
        grader: metric.clone(),
        pass: *score >= PASS_FROM,
        score: *score,
        reason: String::new(),
        error: None,
        cost_usd: None,
        parts: Vec::new(),
    };
    let grades: Vec<Grade> = result.metrics.iter().map(grade).collect();
    let answer = Some(answer(result, &blank.deployment));
    Row { answer, marks: marks(result, &grades, case), grades, ..blank }
}

/// What the scores come to. A harness that says itself what passes is believed.
fn marks(result: &ImportedResult, grades: &[Grade], case: &CaseOf<'_>) -> Marks {
    let passes = |metric: &str| {
        let grade = grades.iter().find(|grade| grade.grader == metric)?;
        Some(grade.pass)
    };
    let all = || {
        let each: Option<Vec<bool>> = case.metrics.iter().map(|metric| passes(metric)).collect();
        each.map(|each| each.into_iter().all(|pass| pass))
    };
    let metrics = result.metrics.iter().filter(|(metric, _)| *metric != PASS);
    Marks {
        pass: passes(PASS).or_else(all),
        score: None,
        metrics: metrics.map(|(metric, score)| (metric.clone(), Some(*score))).collect(),
        broken: Vec::new(),
    }
}

/// What is known of an answer whose text is not.
fn answer(result: &ImportedResult, model: &str) -> Answer {
    let usage = result.output_tokens.map(|output| Usage {
        input: result.input_tokens.unwrap_or_default(),
        output,
        ..Usage::default()
    });
    let took = result.latency_ms.map(|ms| Duration::try_from_secs_f64(ms / 1_000.0));
    Answer {
        model: model.to_owned(),
        usage,
        cost_usd: result.cost_usd,
        took: took.and_then(Result::ok).unwrap_or_default(),
        ..Answer::default()
    }
}
