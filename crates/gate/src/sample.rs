//! The numbers that one test is made of, with what is missing left out or filled in.

use crate::{
    binary::PairedCounts,
    number::mean_of,
    rows::{Row, Trial},
};

/// What becomes of scores that are missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fill {
    /// Items without a score in an arm are left out.
    LeftOut,
    /// The candidate would have failed and the incumbent passed.
    AgainstCandidate,
    /// The candidate would have passed and the incumbent failed.
    ForCandidate,
}

impl Fill {
    /// What takes the place of a missing score of the candidate, and of the incumbent.
    const fn scores(self) -> Option<(f64, f64)> {
        match self {
            Self::LeftOut => None,
            Self::AgainstCandidate => Some((0.0, 1.0)),
            Self::ForCandidate => Some((1.0, 0.0)),
        }
    }
}

/// The scores of one arm's repeats of one item.
#[derive(Clone, Copy, Debug)]
struct Repeats {
    sum: f64,
    scored: usize,
    asked: usize,
    binary: bool,
    /// Whether its repeats differ.
    flaky: bool,
}

impl Repeats {
    fn of(trials: &[Trial], score: &dyn Fn(&Trial) -> Option<f64>) -> Self {
        let scores: Vec<f64> = trials.iter().filter_map(score).collect();
        Self {
            sum: scores.iter().sum(),
            scored: scores.len(),
            asked: trials.len(),
            binary: scores.iter().all(|score| *score == 0.0 || *score == 1.0),
            flaky: scores.iter().any(|score| scores.first() != Some(score)),
        }
    }

    fn mean(&self, missing: Option<f64>) -> Option<f64> {
        match missing {
            None => (self.scored > 0).then(|| self.sum / self.scored as f64),
            Some(fill) => {
                let asked = self.asked.max(1);
                Some((self.sum + fill * (asked - self.scored) as f64) / asked as f64)
            }
        }
    }

    fn missing(&self) -> usize {
        self.asked.max(1) - self.scored
    }
}

/// The scores of all items that a test is about.
pub(crate) struct Scores {
    items: Vec<(usize, Repeats, Repeats)>,
    /// Whether the incumbent is a part of the question.
    paired: bool,
}

impl Scores {
    pub(crate) fn of(
        rows: &[Row<'_>],
        paired: bool,
        score: &dyn Fn(&Trial) -> Option<f64>,
    ) -> Self {
        let repeats = |row: &Row<'_>| {
            let incumbent = Repeats::of(&row.item.incumbent, score);
            (row.label, Repeats::of(&row.item.candidate, score), incumbent)
        };
        Self { items: rows.iter().map(repeats).collect(), paired }
    }

    /// Scores missing of the candidate, and of the incumbent where it matters.
    pub(crate) fn missing(&self) -> (usize, usize) {
        let candidate = self.items.iter().map(|item| item.1.missing()).sum();
        let incumbent = self.items.iter().map(|item| item.2.missing()).sum();
        (candidate, if self.paired { incumbent } else { 0 })
    }

    /// Items on which the candidate's own repeats differ.
    pub(crate) fn flaky(&self) -> usize {
        self.items.iter().filter(|item| item.1.flaky).count()
    }

    pub(crate) fn sample(&self, fill: Fill) -> Sample {
        let fills = fill.scores();
        let mut sample = Sample { paired: self.paired, ..Sample::default() };
        let mut counts = PairedCounts::default();
        let mut single = true;
        for (label, candidate, incumbent) in &self.items {
            let right = candidate.mean(fills.map(|fills| fills.0));
            let other = if self.paired { incumbent.mean(fills.map(|fills| fills.1)) } else { None };
            let (Some(right), true) = (right, other.is_some() || !self.paired) else { continue };
            let other = other.unwrap_or_default();
            sample.values.push(right - other);
            sample.incumbent.push(other);
            sample.labels.push(*label);
            single &= candidate.is_single() && (!self.paired || incumbent.is_single());
            counts.count(right, other);
        }
        sample.counts = (single && !sample.is_clustered()).then_some(counts);
        sample
    }
}

impl Repeats {
    /// Whether it is one binary outcome.
    fn is_single(&self) -> bool {
        self.binary && self.asked <= 1
    }
}

impl PairedCounts {
    fn count(&mut self, candidate: f64, incumbent: f64) {
        match (candidate > 0.5, incumbent > 0.5) {
            (true, true) => self.both += 1,
            (true, false) => self.gained += 1,
            (false, true) => self.lost += 1,
            (false, false) => self.neither += 1,
        }
    }
}

/// What a test looks at: differences of the arms in \[−1, 1\], or the candidate's scores in
/// \[0, 1\].
#[derive(Clone, Debug, Default)]
pub(crate) struct Sample {
    pub(crate) paired: bool,
    pub(crate) values: Vec<f64>,
    /// The incumbent's part of each value.
    incumbent: Vec<f64>,
    pub(crate) labels: Vec<usize>,
    /// Where every value is one binary outcome, or the difference of two, and no items belong
    /// together. Without an incumbent, `gained` are the good and `neither` the bad.
    pub(crate) counts: Option<PairedCounts>,
}

impl Sample {
    /// The least and the most that a value can be.
    pub(crate) const fn range(&self) -> (f64, f64) {
        if self.paired { (-1.0, 1.0) } else { (0.0, 1.0) }
    }

    /// The incumbent's mean score, where there is one; the candidate's is higher by the estimate.
    pub(crate) fn incumbent(&self) -> Option<f64> {
        mean_of(&self.incumbent).filter(|_| self.paired)
    }

    pub(crate) fn clusters(&self) -> usize {
        let mut labels = self.labels.clone();
        labels.sort_unstable();
        labels.dedup();
        labels.len()
    }

    pub(crate) fn is_clustered(&self) -> bool {
        self.clusters() < self.labels.len()
    }
}
