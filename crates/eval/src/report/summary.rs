//! The figures that every report shows.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use serde::Serialize;
use tieline_gate::{Invalid, Ruling};

use crate::{
    Answer, Arm, JudgeSummary, Row,
    gating::{is_refusal, rule, unasked},
    judges,
    run::RunFile,
};

/// What a run found.
#[derive(Clone, Debug, Serialize)]
pub struct Summary {
    /// What it is of, without its list of cases.
    pub run: RunFile,
    /// The verdict with all that it rests on.
    #[serde(flatten)]
    pub ruling: Ruling,
    /// Asks that were declared and not made.
    pub unasked: usize,
    /// What was spent, in dollars.
    pub spent_usd: f64,
    /// Each judge by itself.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub judges: BTreeMap<String, JudgeSummary>,
    /// Each arm by itself.
    pub arms: BTreeMap<Arm, ArmSummary>,
    /// What the candidate gets wrong, by its kind; the most frequent first.
    pub failing: Vec<Cluster>,
    /// What each case of both arms says: the share of the candidate's answers that pass, less that
    /// of the incumbent's; the least first.
    pub differences: Vec<f64>,
    /// Cases that the incumbent passes and the candidate does not, by the kind of failure.
    pub lost: Vec<Pair>,
    /// The other way round.
    pub won: Vec<Pair>,
}

/// What one arm did.
#[derive(Clone, Debug, Default, Serialize)]
pub struct ArmSummary {
    /// The deployment.
    pub deployment: String,
    /// The models that providers said they were.
    pub models: BTreeSet<String>,
    /// Rows, without those that were asked again for an invariant.
    pub asked: usize,
    /// Those with an answer.
    pub answered: usize,
    /// Answers from the cache.
    pub cached: usize,
    /// Answers that pass.
    pub passed: usize,
    /// Answers that are refusals.
    pub refused: usize,
    /// Rows without an answer, by the class of the provider's trouble.
    pub troubles: BTreeMap<String, usize>,
    /// Answers that a grader failed to grade.
    pub ungraded: usize,
    /// What an answer costs, in dollars: the mean, where all have a price.
    pub usd: Option<f64>,
    /// What half of the answers took at most, in milliseconds; cached ones do not count.
    pub p50_ms: Option<f64>,
    /// What 95 of 100 took at most.
    pub p95_ms: Option<f64>,
    /// What half of those that came as streams took to their first content at most, in
    /// milliseconds; cached ones do not count.
    pub ttft_p50_ms: Option<f64>,
    /// What 95 of 100 took to it at most.
    pub ttft_p95_ms: Option<f64>,
    /// Tokens of an answer: the mean of those that were counted.
    pub output_tokens: Option<f64>,
}

/// Answers of the candidate that are wrong in the same way.
#[derive(Clone, Debug, Serialize)]
pub struct Cluster {
    /// The class: a grader that says no, or a provider's trouble.
    pub class: String,
    /// The cases, in the order of the suite.
    pub cases: Vec<String>,
    /// The first reason that was given.
    pub reason: String,
    /// How many cases of the incumbent are in the same class.
    pub incumbent: usize,
}

/// A case that one arm passes and the other does not.
#[derive(Clone, Debug, Serialize)]
pub struct Pair {
    /// The case.
    pub case: String,
    /// The class of the failure.
    pub class: String,
    /// The candidate's first answer.
    pub candidate: Side,
    /// The incumbent's.
    pub incumbent: Side,
}

/// One arm's part of a pair.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Side {
    /// The share of its answers to the case that pass.
    pub passed: f64,
    /// What it said.
    pub text: String,
    /// Why that is wrong.
    pub reasons: Vec<String>,
}

impl Summary {
    /// Puts the figures of a run together.
    ///
    /// # Errors
    /// Where the gate makes no sense.
    pub fn of(run: &RunFile, rows: &[Row]) -> Result<Self, Invalid> {
        let ruling = rule(run, rows)?;
        let own: Vec<&Row> = rows.iter().filter(|row| !row.again).collect();
        let arms = run.arms.iter().map(|(arm, deployment)| {
            let rows: Vec<&Row> = own.iter().copied().filter(|row| row.arm == *arm).collect();
            (*arm, arm_summary(deployment, &rows))
        });
        let Pairs { differences, lost, won } = pairs(&own);
        Ok(Self {
            ruling,
            unasked: unasked(run, rows),
            spent_usd: run.spent_before() + rows.iter().map(Row::spent_usd).sum::<f64>(),
            judges: judges::seen(run, rows),
            arms: arms.collect(),
            failing: clusters(&own),
            differences,
            lost,
            won,
            run: RunFile { cases: Vec::new(), ..run.clone() },
        })
    }

    /// The deployment of an arm.
    #[must_use]
    pub fn deployment(&self, arm: Arm) -> Option<&str> {
        self.run.arms.get(&arm).map(String::as_str)
    }
}

fn arm_summary(deployment: &str, rows: &[&Row]) -> ArmSummary {
    let answers: Vec<&Answer> = rows.iter().filter_map(|row| row.answer.as_ref()).collect();
    let fresh = || answers.iter().filter(|answer| !answer.cached);
    let times = sorted(fresh().map(|answer| answer.took).filter(|took| !took.is_zero()));
    let firsts = sorted(fresh().filter_map(|answer| answer.ttft));
    let usd: Option<Vec<f64>> = answers.iter().map(|answer| answer.cost_usd).collect();
    let tokens: Vec<f64> = answers.iter().filter_map(|answer| output_tokens(answer)).collect();
    let mut troubles = BTreeMap::new();
    for trouble in rows.iter().filter_map(|row| row.trouble.as_ref()) {
        *troubles.entry(trouble.class.clone()).or_default() += 1;
    }
    let named = answers.iter().filter(|answer| !answer.model.is_empty());
    ArmSummary {
        deployment: deployment.to_owned(),
        models: named.map(|answer| answer.model.clone()).collect(),
        asked: rows.len(),
        answered: answers.len(),
        cached: answers.iter().filter(|answer| answer.cached).count(),
        passed: rows.iter().filter(|row| row.marks.pass == Some(true)).count(),
        refused: answers.iter().filter(|answer| is_refusal(answer)).count(),
        ungraded: rows
            .iter()
            .filter(|row| row.answer.is_some() && row.marks.pass.is_none())
            .count(),
        troubles,
        usd: usd.and_then(|usd| mean(&usd)),
        p50_ms: quantile(&times, 50),
        p95_ms: quantile(&times, 95),
        ttft_p50_ms: quantile(&firsts, 50),
        ttft_p95_ms: quantile(&firsts, 95),
        output_tokens: mean(&tokens),
    }
}

/// Times in milliseconds, the least first.
fn sorted(times: impl Iterator<Item = Duration>) -> Vec<f64> {
    let mut times: Vec<f64> = times.map(|time| time.as_secs_f64() * 1_000.0).collect();
    times.sort_by(f64::total_cmp);
    times
}

#[expect(clippy::cast_precision_loss, reason = "answers have fewer tokens than that")]
fn output_tokens(answer: &Answer) -> Option<f64> {
    answer.usage.map(|usage| usage.output_total() as f64)
}

#[expect(clippy::cast_precision_loss, reason = "runs have fewer rows than that")]
fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

/// The value that so many of a hundred keep within, of sorted ones.
fn quantile(sorted: &[f64], percent: usize) -> Option<f64> {
    let rank = (sorted.len() * percent).div_ceil(100);
    sorted.get(rank.max(1) - 1).copied()
}

fn clusters(rows: &[&Row]) -> Vec<Cluster> {
    let mut found: BTreeMap<String, Cluster> = BTreeMap::new();
    let mut incumbent: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
    for row in rows {
        let Some(class) = row.error_class() else { continue };
        if row.arm == Arm::Incumbent {
            incumbent.entry(class).or_default().insert(&row.case);
            continue;
        }
        let cluster = found.entry(class.clone()).or_insert_with(|| Cluster {
            class,
            cases: Vec::new(),
            reason: reasons(row).into_iter().next().unwrap_or_default(),
            incumbent: 0,
        });
        if !cluster.cases.contains(&row.case) {
            cluster.cases.push(row.case.clone());
        }
    }
    let mut clusters: Vec<Cluster> = found.into_values().collect();
    for cluster in &mut clusters {
        cluster.incumbent = incumbent.get(&cluster.class).map_or(0, BTreeSet::len);
    }
    clusters.sort_by_key(|cluster| std::cmp::Reverse(cluster.cases.len()));
    clusters
}

/// Why an answer is wrong, as its graders say, or why there is none.
fn reasons(row: &Row) -> Vec<String> {
    if let Some(trouble) = &row.trouble {
        return vec![trouble.to_string()];
    }
    let wrong = row.grades.iter().filter(|grade| !grade.pass || grade.error.is_some());
    let told = wrong.map(|grade| match (&grade.error, grade.reason.as_str()) {
        (Some(error), _) => format!("{}: {error}", grade.grader),
        (None, "") => grade.grader.clone(),
        (None, reason) => format!("{}: {reason}", grade.grader),
    });
    told.collect()
}

#[derive(Default)]
struct Pairs {
    differences: Vec<f64>,
    lost: Vec<Pair>,
    won: Vec<Pair>,
}

/// What cases say that both arms answered.
fn pairs(rows: &[&Row]) -> Pairs {
    let mut cases: BTreeMap<&str, BTreeMap<Arm, Vec<&Row>>> = BTreeMap::new();
    for row in rows.iter().filter(|row| row.marks.pass.is_some()) {
        cases.entry(&row.case).or_default().entry(row.arm).or_default().push(row);
    }
    let mut found = Pairs::default();
    for (case, arms) in cases {
        let (Some(candidate), Some(incumbent)) =
            (arms.get(&Arm::Candidate), arms.get(&Arm::Incumbent))
        else {
            continue;
        };
        let (ours, theirs) = (side(candidate), side(incumbent));
        found.differences.push(ours.passed - theirs.passed);
        let failing = if ours.passed < theirs.passed { candidate } else { incumbent };
        let class = failing.iter().find_map(|row| row.error_class()).unwrap_or_default();
        let less = ours.passed < theirs.passed;
        let equal = (ours.passed - theirs.passed).abs() < f64::EPSILON;
        let pair = Pair { case: case.to_owned(), class, candidate: ours, incumbent: theirs };
        match (equal, less) {
            (true, _) => {}
            (false, true) => found.lost.push(pair),
            (false, false) => found.won.push(pair),
        }
    }
    for pairs in [&mut found.lost, &mut found.won] {
        pairs.sort_by(|one, other| (&one.class, &one.case).cmp(&(&other.class, &other.case)));
    }
    found.differences.sort_by(f64::total_cmp);
    found
}

fn side(rows: &[&Row]) -> Side {
    let passed: Vec<f64> =
        rows.iter().map(|row| f64::from(u8::from(row.marks.pass == Some(true)))).collect();
    // A failure shows best what is wrong.
    let shown = rows.iter().find(|row| row.marks.pass == Some(false)).or_else(|| rows.first());
    Side {
        passed: mean(&passed).unwrap_or_default(),
        text: shown.and_then(|row| row.answer.as_ref()).map(text).unwrap_or_default(),
        reasons: shown.map(|row| reasons(row)).unwrap_or_default(),
    }
}

/// What an answer says, calls or refuses.
fn text(answer: &Answer) -> String {
    let calls = answer.tool_calls.iter().map(ToString::to_string);
    let text = Some(answer.text.clone()).filter(|text| !text.is_empty());
    let refusal = answer.refusal.as_ref().map(|text| format!("refused: {text}"));
    text.into_iter().chain(calls).chain(refusal).collect::<Vec<_>>().join("\n")
}
