//! Items made up for tests, with random numbers of a seed.

use std::collections::BTreeMap;

use tieline_gate::{Gate, Item, MetricRule, Trial};

/// Numbers that look random and are the same everywhere.
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    /// In [0, 1).
    pub(crate) fn share(&mut self) -> f64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        let bits = u32::try_from(self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 32).unwrap();
        f64::from(bits) / (f64::from(u32::MAX) + 1.0)
    }

    pub(crate) fn chance(&mut self, p: f64) -> bool {
        self.share() < p
    }
}

pub(crate) fn trial(metric: &str, score: f64) -> Trial {
    Trial { scores: BTreeMap::from([(metric.to_owned(), Some(score))]), ..Trial::default() }
}

pub(crate) fn failed(metric: &str) -> Trial {
    Trial { failed: true, scores: BTreeMap::from([(metric.to_owned(), None)]), ..Trial::default() }
}

/// An item with one metric, `correct`.
pub(crate) fn item(index: usize, candidate: &[f64], incumbent: &[f64]) -> Item {
    let trials = |scores: &[f64]| scores.iter().map(|score| trial("correct", *score)).collect();
    Item {
        id: format!("item-{index:04}"),
        candidate: trials(candidate),
        incumbent: trials(incumbent),
        ..Item::default()
    }
}

/// So many items of each kind, answered once.
pub(crate) fn table(both: usize, gained: usize, lost: usize, neither: usize) -> Vec<Item> {
    let kinds = [(both, 1.0, 1.0), (gained, 1.0, 0.0), (lost, 0.0, 1.0), (neither, 0.0, 0.0)];
    let answers = kinds.into_iter().flat_map(|(count, a, b)| std::iter::repeat_n((a, b), count));
    answers.enumerate().map(|(index, (a, b))| item(index, &[a], &[b])).collect()
}

/// A gate on `correct`.
pub(crate) fn gate(margin: f64) -> Gate {
    let rule = MetricRule { margin: Some(margin), ..MetricRule::default() };
    Gate { metrics: BTreeMap::from([("correct".to_owned(), rule)]), ..Gate::default() }
}
