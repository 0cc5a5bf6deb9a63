//! Whether a judge may pass or block anything: its labels against those that people gave.

use serde::{Deserialize, Serialize};

use crate::{
    agreement::{Estimate, Orders, PositionBias, cohen_kappa},
    dist::normal_quantile,
    number::Interval,
};

/// A judge's labels beside people's, for the same answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Confusion {
    /// People say good, and so does the judge.
    pub good_as_good: usize,
    /// People say good, the judge says bad.
    pub good_as_bad: usize,
    /// People say bad, the judge says good.
    pub bad_as_good: usize,
    /// People say bad, and so does the judge.
    pub bad_as_bad: usize,
}

impl Confusion {
    /// Counts pairs of labels: what people said, then what the judge said.
    #[must_use]
    pub fn of(labels: &[(bool, bool)]) -> Self {
        let count = |wanted: (bool, bool)| labels.iter().filter(|pair| **pair == wanted).count();
        Self {
            good_as_good: count((true, true)),
            good_as_bad: count((true, false)),
            bad_as_good: count((false, true)),
            bad_as_bad: count((false, false)),
        }
    }

    /// How many people called good, m₁.
    #[must_use]
    pub const fn good(&self) -> usize {
        self.good_as_good + self.good_as_bad
    }

    /// How many people called bad, m₀.
    #[must_use]
    pub const fn bad(&self) -> usize {
        self.bad_as_good + self.bad_as_bad
    }

    /// q₁, the share of good answers that the judge calls good; none where there are none.
    #[must_use]
    pub fn sensitivity(&self, tail: f64) -> Option<Estimate> {
        Estimate::of_rate(self.good_as_good, self.good(), tail)
    }

    /// q₀, the share of bad answers that the judge calls bad; none where there are none.
    #[must_use]
    pub fn specificity(&self, tail: f64) -> Option<Estimate> {
        Estimate::of_rate(self.bad_as_bad, self.bad(), tail)
    }

    /// Cohen's κ of judge and people.
    #[must_use]
    pub fn kappa(&self, tail: f64) -> Option<Estimate> {
        let rows = [[self.good_as_good, self.good_as_bad], [self.bad_as_good, self.bad_as_bad]];
        cohen_kappa(&rows.map(Vec::from), tail)
    }

    /// q₀ + q₁ − 1: one for a perfect judge, zero for one who guesses. The interval is put
    /// together from Wilson's of both rates.
    ///
    /// Source: Youden 1950, Cancer 3:32; the interval: Newcombe 1998, Statistics in Medicine
    /// 17:873, method 10.
    #[must_use]
    pub fn discernment(&self, tail: f64) -> Option<Estimate> {
        let (q1, q0) = (self.sensitivity(tail)?, self.specificity(tail)?);
        let estimate = q0.estimate + q1.estimate - 1.0;
        let below = (q0.estimate - q0.interval.lower).hypot(q1.estimate - q1.interval.lower);
        let above = (q0.interval.upper - q0.estimate).hypot(q1.interval.upper - q1.estimate);
        let interval = Interval::within(estimate - below, estimate + above, -1.0, 1.0);
        Some(Estimate { estimate, interval })
    }

    /// The true rate of good answers where this judge called `good` of `n` good:
    /// θ = (p + q₀ − 1)/(q₀ + q₁ − 1), with an interval that knows how few labels there were.
    /// None where the judge is no better than guessing.
    ///
    /// Source: Rogan, Gladen 1978, American Journal of Epidemiology 107:71; the interval: Lee et
    /// al. 2025, "How to correctly report LLM-as-a-judge evaluations", arXiv 2511.21140.
    #[must_use]
    pub fn corrected_rate(&self, good: usize, n: usize, tail: f64) -> Option<Estimate> {
        let sensitivity = self.sensitivity(tail)?.estimate;
        let specificity = self.specificity(tail)?.estimate;
        let discernment = specificity + sensitivity - 1.0;
        if n == 0 || discernment <= 0.0 {
            return None;
        }
        let estimate = (good as f64 / n as f64 + specificity - 1.0) / discernment;
        let interval = self.smoothed_interval(good, n, tail);
        Some(Estimate { estimate: estimate.clamp(0.0, 1.0), interval })
    }

    /// The interval of the corrected rate: the judge's rate smoothed by z² answers, the others by
    /// one label of each kind, and the bias that the ratio has moved back.
    fn smoothed_interval(&self, good: usize, n: usize, tail: f64) -> Interval {
        let z2 = normal_quantile(tail).powi(2);
        let (m0, m1) = (self.bad() as f64 + 2.0, self.good() as f64 + 2.0);
        let q0 = (self.bad_as_bad as f64 + 1.0) / m0;
        let q1 = (self.good_as_good as f64 + 1.0) / m1;
        let answers = n as f64 + z2;
        let p = (good as f64 + z2 / 2.0) / answers;
        let discernment = q0 + q1 - 1.0;
        let theta = (p + q0 - 1.0) / discernment;
        let (of_bad, of_good) = (q0 * (1.0 - q0) / m0, q1 * (1.0 - q1) / m1);
        let shift = 2.0 * z2 * (theta * of_good - (1.0 - theta) * of_bad);
        let variance =
            p * (1.0 - p) / answers + (1.0 - theta).powi(2) * of_bad + theta.powi(2) * of_good;
        let reach = z2.sqrt() * variance.sqrt() / discernment;
        Interval::within(theta + shift - reach, theta + shift + reach, 0.0, 1.0)
    }
}

/// What a judge has to show.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Thresholds {
    /// Labels by people that each of both classes needs.
    pub labels_per_class: usize,
    /// The least κ with people.
    pub kappa: f64,
    /// The probability that each bound leaves out.
    pub tail: f64,
}

impl Default for Thresholds {
    fn default() -> Self {
        Self { labels_per_class: 50, kappa: 0.6, tail: 0.025 }
    }
}

/// What is known of a judge, and whether it may be used in a gate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Calibration {
    /// Whether it may.
    pub usable: bool,
    /// Why not, in plain words; empty where it may.
    pub reasons: Vec<String>,
    /// The labels it rests on.
    pub labels: Confusion,
    /// κ with people.
    pub kappa: Option<Estimate>,
    /// q₁, the share of good answers called good.
    pub sensitivity: Option<Estimate>,
    /// q₀, the share of bad answers called bad.
    pub specificity: Option<Estimate>,
    /// q₀ + q₁ − 1.
    pub discernment: Option<Estimate>,
    /// For judges who compare two answers.
    pub position: Option<PositionBias>,
}

impl Calibration {
    /// Weighs a judge. Its κ must reach the threshold, its bounds are told; that it discerns at
    /// all must be sure.
    #[must_use]
    pub fn of(labels: Confusion, orders: Option<Orders>, thresholds: &Thresholds) -> Self {
        let tail = thresholds.tail;
        let kappa = labels.kappa(tail);
        let discernment = labels.discernment(tail);
        let position = orders.and_then(|orders| orders.bias(tail));
        let checks = [
            too_few(&labels, thresholds.labels_per_class),
            disagrees(kappa, thresholds.kappa),
            guesses(discernment),
            position.and_then(|position| position.unacceptable()),
        ];
        let reasons: Vec<String> = checks.into_iter().flatten().collect();
        Self {
            usable: reasons.is_empty(),
            reasons,
            labels,
            kappa,
            sensitivity: labels.sensitivity(tail),
            specificity: labels.specificity(tail),
            discernment,
            position,
        }
    }
}

fn too_few(labels: &Confusion, needed: usize) -> Option<String> {
    let (good, bad) = (labels.good(), labels.bad());
    (good < needed || bad < needed).then(|| {
        format!("people labelled {good} answers good and {bad} bad; {needed} of each are needed")
    })
}

fn disagrees(kappa: Option<Estimate>, needed: f64) -> Option<String> {
    let Some(kappa) = kappa else {
        return Some("agreement with people cannot be told: all labels are the same".to_owned());
    };
    (kappa.estimate < needed).then(|| {
        format!(
            "it agrees with people by a kappa of {:.2} (lower bound {:.2}); {needed:.2} is needed",
            kappa.estimate, kappa.interval.lower
        )
    })
}

fn guesses(discernment: Option<Estimate>) -> Option<String> {
    let lower = discernment.map_or(-1.0, |discernment| discernment.interval.lower);
    (lower <= 0.0).then(|| {
        format!(
            "it may be no better than guessing: sensitivity + specificity - 1 is only known to be \
             above {lower:.2}"
        )
    })
}
