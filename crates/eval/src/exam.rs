//! A suite as the runner knows it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::{
    Answer, Case, Checks, Door, Grade, Grader, Marks, Role, Seen, Suite, Tools, family, judges,
    run::{Beside, Exam},
};

/// A suite whose cases are asked and whose graders grade.
#[derive(Clone, Copy, Debug)]
pub struct Examiner<'a> {
    /// The suite.
    pub suite: &'a Suite,
    /// Whether graders may start programs.
    pub commands: bool,
}

impl Exam for Examiner<'_> {
    fn request(&self, case: &Case) -> Result<Value, String> {
        self.suite.request(case).map_err(|error| error.to_string())
    }

    fn compares(&self, case: &Case) -> bool {
        self.suite.checks.of(case).any(crate::Check::compares)
    }

    async fn grade<D: Door>(
        &self,
        case: &Case,
        asked: Beside<'_>,
        answer: &Answer,
        door: &D,
    ) -> (Vec<Grade>, Marks) {
        let seen = Seen::new(case, asked.deployment, asked.request, answer);
        let seen = match asked.other {
            Some(other) => seen.beside(other),
            None => seen,
        };
        let tools = Tools { door, commands: self.commands };
        let grades = self.suite.checks.grade(&seen, &tools).await;
        let marks = marks(&self.suite.checks, case, &grades);
        (grades, marks)
    }
}

/// What the grades of an answer come to.
///
/// Whoever failed to grade leaves open whatever depends on it.
#[must_use]
pub fn marks(checks: &Checks, case: &Case, grades: &[Grade]) -> Marks {
    let outcome = checks.outcome(case, grades);
    let sound = outcome.error.is_none();
    let mut metrics: BTreeMap<String, Vec<(f64, &Grade)>> = BTreeMap::new();
    let mut broken = Vec::new();
    for check in checks.of(case) {
        let Some(grade) = grades.iter().find(|grade| grade.grader == check.id) else { continue };
        // What is weightless is reported with the others of its metric, all alike.
        let weight = if check.weight > 0.0 { check.weight } else { 1.0 };
        metrics.entry(check.metric.clone()).or_default().push((weight, grade));
        if check.role == Role::Invariant && !grade.pass && grade.error.is_none() {
            broken.push(check.id.clone());
        }
    }
    let metrics = metrics.into_iter().map(|(name, grades)| (name, mean(&grades)));
    Marks {
        pass: sound.then_some(outcome.pass),
        score: sound.then_some(outcome.score),
        metrics: metrics.collect(),
        broken,
    }
}

/// The weighted mean of scores; none where a grader failed.
fn mean(grades: &[(f64, &Grade)]) -> Option<f64> {
    let weights: f64 = grades.iter().map(|(weight, _)| weight).sum();
    let sound = grades.iter().all(|(_, grade)| grade.error.is_none());
    let sum: f64 = grades.iter().map(|(weight, grade)| weight * grade.score).sum();
    sound.then(|| sum / weights)
}

impl Suite {
    /// How often each deployment is asked to judge, at most, for one answer to each case.
    #[must_use]
    pub fn judge_asks(&self) -> BTreeMap<String, u64> {
        let mut asks: BTreeMap<String, u64> = BTreeMap::new();
        for (name, times) in self.graders().flat_map(Grader::judges) {
            if let Some(judge) = self.file.judges.get(name) {
                *asks.entry(judge.deployment.clone()).or_default() += times;
            }
        }
        asks
    }

    /// The ids of graders that no answer may fail.
    #[must_use]
    pub fn invariants(&self) -> BTreeSet<String> {
        let all = self.cases.iter().flat_map(|case| self.checks.of(case));
        let invariants = all.filter(|check| check.role == Role::Invariant);
        invariants.map(|check| check.id.clone()).collect()
    }

    /// The metrics that can neither block nor pass a candidate, since a judge of theirs was not
    /// found fit for it, with why not; `pass` is one of them where such a judge counts.
    #[must_use]
    pub fn undecided(&self, candidate: &str) -> BTreeMap<String, String> {
        let mut metrics = BTreeMap::new();
        for check in self.checks.all() {
            let judging = check.judging().into_iter();
            let why = judging.filter_map(|(_, judged)| self.unfit(&judged.judge, candidate)).next();
            if let Some(why) = why {
                metrics.extend(judges::metrics(check).map(|metric| (metric, why.clone())));
            }
        }
        metrics
    }

    /// Why a judge may neither block nor pass a candidate; none where it may.
    fn unfit(&self, judge: &str, candidate: &str) -> Option<String> {
        let house = self.file.judges.get(judge).and_then(|judge| family(&judge.deployment));
        let found = self.calibrations.get(judge).map(|known| &known.calibration);
        let reasons = match found {
            None => "nobody has calibrated it".to_owned(),
            Some(found) if !found.usable => found.reasons.join("; "),
            Some(_) => {
                let house = house.filter(|house| family(candidate) == Some(house))?;
                format!(
                    "like the candidate it is of {house}, whose models prefer their own answers"
                )
            }
        };
        Some(format!("judge `{judge}`: {reasons}"))
    }

    /// How often each deployment is asked to compare one answer by vectors, at most.
    #[must_use]
    pub fn embeddings(&self) -> BTreeMap<String, u64> {
        let mut asks = BTreeMap::new();
        for deployment in self.graders().flat_map(Grader::embeddings) {
            *asks.entry(deployment.to_owned()).or_default() += 1;
        }
        asks
    }

    /// The suite's graders, then those of single cases.
    fn graders(&self) -> impl Iterator<Item = &Grader> {
        let own = self.cases.iter().flat_map(|case| &case.graders);
        self.file.graders.iter().chain(own)
    }
}

#[cfg(test)]
mod tests {
    use std::{io, path::Path};

    use super::*;
    use crate::Files;

    /// Labels of a judge that agrees with people, many or few.
    struct Labels;

    impl Files for Labels {
        fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
            let count = if path.ends_with("fit.jsonl") { 60 } else { 3 };
            let both = "{\"human\":true,\"judge\":true}\n{\"human\":false,\"judge\":false}\n";
            Ok(both.repeat(count).into_bytes())
        }
    }

    fn suite(graders: &Value) -> Suite {
        let file = serde_json::json!({
            "version": 1, "feature": "f",
            "cases": [{ "id": "one", "fields": { "q": "x" } }],
            "prompt": { "messages": [{ "role": "user", "content": "{{ q }}" }] },
            "judges": {
                "fit": { "deployment": "gpt-5.4@p", "calibration": "fit.jsonl" },
                "hasty": { "deployment": "k@p", "calibration": "hasty.jsonl" },
                "unfit": { "deployment": "k@p" },
            },
            "graders": graders,
        });
        let file = serde_json::from_value(file).unwrap();
        Suite::of(Path::new("suite.yaml"), file, &Labels).unwrap()
    }

    fn grade(id: &str, score: f64) -> Grade {
        Grade {
            grader: id.to_owned(),
            pass: score >= 0.5,
            score,
            reason: String::new(),
            error: None,
            cost_usd: None,
            parts: Vec::new(),
        }
    }

    #[test]
    fn grades_become_metrics_and_what_failed_leaves_them_open() {
        let suite = suite(&serde_json::json!([
            { "type": "contains", "id": "a", "metric": "m", "weight": 3, "value": "x" },
            { "type": "contains", "id": "b", "metric": "m", "value": "y" },
            { "type": "contains", "id": "c", "role": "invariant", "value": "z" },
        ]));
        let case = &suite.cases[0];
        let mut grades = [grade("a", 1.0), grade("b", 0.0), grade("c", 0.0)];
        let found = marks(&suite.checks, case, &grades);
        assert_eq!((found.pass, found.broken.as_slice()), (Some(false), &["c".to_owned()][..]));
        assert_eq!(found.metrics["m"], Some(0.75));
        grades[1].error = Some("it broke".to_owned());
        let found = marks(&suite.checks, case, &grades);
        assert_eq!((found.pass, found.score, found.metrics["m"]), (None, None, None));
        assert_eq!(found.metrics["c"], Some(0.0));
        assert_eq!(suite.invariants(), BTreeSet::from(["c".to_owned()]));
    }

    #[test]
    fn metrics_of_judges_without_calibration_are_known() {
        let suite = suite(&serde_json::json!([
            { "type": "rubric", "id": "a", "judge": "fit", "rubric": "good" },
            { "type": "rubric", "id": "b", "judge": "hasty", "rubric": "good",
              "role": "reported" },
            { "type": "set", "id": "s", "graders": [
              { "type": "pairwise", "judge": "unfit", "criteria": "better" },
            ] },
        ]));
        let names = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
        let unfit = suite.undecided("claude-haiku-5@anthropic");
        assert_eq!(unfit.keys().cloned().collect::<BTreeSet<String>>(), names(&["b", "pass", "s"]));
        assert_eq!(unfit["s"], "judge `unfit`: nobody has calibrated it");
        assert!(unfit["b"].contains("50 of each are needed"), "{unfit:?}");
        let kin = suite.undecided("gpt-5.5@azure");
        assert!(kin["a"].contains("of openai"), "{kin:?}");
        let asks = [("gpt-5.4@p".to_owned(), 1), ("k@p".to_owned(), 3)];
        assert_eq!(suite.judge_asks(), BTreeMap::from(asks));
    }
}
