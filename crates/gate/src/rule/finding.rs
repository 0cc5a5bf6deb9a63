//! One question about one metric: three analyses, one verdict.

use crate::{
    bound::Bound,
    gate::{Gate, Question},
    number::Interval,
    power::NonInferiority,
    rows::{Row, Trial},
    ruling::{Finding, Missing, Verdict},
    sample::{Fill, Sample, Scores},
};

/// A question, and what it is about in a reader's words.
pub(super) struct Asked<'a> {
    pub(super) name: &'a str,
    pub(super) metric: &'a str,
    pub(super) question: Question,
}

pub(super) fn find(gate: &Gate, asked: &Asked<'_>, rows: &[Row<'_>]) -> Finding {
    find_by(gate, asked.name, asked.question, rows, &|trial| trial.score(asked.metric))
}

/// The same for what is no metric but can be scored.
pub(super) fn find_by(
    gate: &Gate,
    name: &str,
    question: Question,
    rows: &[Row<'_>],
    score: &dyn Fn(&Trial) -> Option<f64>,
) -> Finding {
    let paired = matches!(question, Question::NonInferior(_));
    let scores = Scores::of(rows, paired, score);
    let sample = scores.sample(Fill::LeftOut);
    let analysis = Analysis::of(gate, question, &scores, &sample);
    let verdict = analysis.verdict;
    let bound = &analysis.bound;
    let incumbent = sample.incumbent();
    let threshold = question.threshold();
    let plan = plan(gate, question, bound, sample.values.len());
    let mut finding = Finding {
        verdict,
        reason: String::new(),
        question,
        items: sample.values.len(),
        clusters: sample.is_clustered().then(|| sample.clusters()),
        candidate: (!sample.values.is_empty())
            .then(|| bound.estimate + incumbent.unwrap_or_default()),
        incumbent,
        estimate: bound.estimate,
        interval: bound.interval,
        method: bound.method,
        widened: bound.widened,
        missing: analysis.missing,
        p_worse: analysis.p_worse,
        discordance: sample.counts.filter(|_| paired).map(|counts| counts.discordance()),
        flaky: scores.flaky(),
        power: plan.power,
        items_missing: plan.missing.filter(|_| verdict == Verdict::Inconclusive),
        superior: paired && analysis.lowest() > 0.0,
        tolerable: paired && analysis.lowest() > threshold && analysis.highest() < 0.0,
    };
    finding.reason = super::words::reason(name, &finding);
    finding
}

/// The three ways of looking at what is missing, taken together.
struct Analysis {
    verdict: Verdict,
    bound: Bound,
    missing: Option<Missing>,
    p_worse: f64,
}

impl Analysis {
    fn of(gate: &Gate, question: Question, scores: &Scores, sample: &Sample) -> Self {
        let threshold = question.threshold();
        let bound = Bound::of(sample, gate.alpha, gate.seed);
        let p_worse = bound.below(threshold);
        if sample.values.is_empty() {
            return Self { verdict: Verdict::Error, bound, missing: None, p_worse };
        }
        let verdict = against(bound.interval, threshold);
        let (candidate, incumbent) = scores.missing();
        if candidate + incumbent == 0 {
            return Self { verdict, bound, missing: None, p_worse };
        }
        let filled = |fill| Bound::of(&scores.sample(fill), gate.alpha, gate.seed);
        let (worst, best) = (filled(Fill::AgainstCandidate), filled(Fill::ForCandidate));
        let agreed =
            [&worst, &best].iter().all(|bound| against(bound.interval, threshold) == verdict);
        Self {
            verdict: if agreed { verdict } else { Verdict::Inconclusive },
            p_worse: p_worse.max(worst.below(threshold)).max(best.below(threshold)),
            bound,
            missing: Some(Missing {
                candidate,
                incumbent,
                against_candidate: worst.interval,
                for_candidate: best.interval,
            }),
        }
    }
}

impl Analysis {
    /// The lower bound, whatever the missing scores would have been.
    fn lowest(&self) -> f64 {
        let filled = self.missing.map(|missing| missing.against_candidate.lower);
        filled.map_or(self.bound.interval.lower, |filled| filled.min(self.bound.interval.lower))
    }

    /// The upper bound, whatever the missing scores would have been.
    fn highest(&self) -> f64 {
        let filled = self.missing.map(|missing| missing.for_candidate.upper);
        filled.map_or(self.bound.interval.upper, |filled| filled.max(self.bound.interval.upper))
    }
}

/// The rule itself.
pub(super) fn against(interval: Interval, threshold: f64) -> Verdict {
    if interval.lower > threshold {
        Verdict::Pass
    } else if interval.upper < threshold {
        Verdict::Fail
    } else {
        Verdict::Inconclusive
    }
}

/// How good the test was, and what would make it better.
struct Plan {
    power: f64,
    missing: Option<usize>,
}

fn plan(gate: &Gate, question: Question, bound: &Bound, items: usize) -> Plan {
    let (alpha, variance) = (gate.alpha, bound.variance);
    let test = |delta: f64| NonInferiority { variance, delta, alpha };
    let (equal, seen, margin) = match question {
        Question::NonInferior(margin) => (0.0, bound.estimate.min(0.0), margin),
        Question::AtLeast(rate) => {
            let short = bound.estimate - 1.0;
            (short, short, 1.0 - rate)
        }
    };
    let needed = test(seen).items(margin, gate.min_power);
    Plan {
        power: test(equal).power(margin, items),
        missing: needed.map(|needed| needed.saturating_sub(items)),
    }
}
