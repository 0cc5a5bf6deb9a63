//! What was measured: items, and the answers of both arms to them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tieline_types::UsdPico;

use crate::Invalid;

/// One item of a suite, with what both arms made of it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Item {
    /// Its name, once in a run.
    pub id: String,
    /// What it has in common with other items, so that they are not independent: a conversation,
    /// a document, a template.
    pub cluster: Option<String>,
    /// Which slices it is in: `lang: de`.
    pub slices: BTreeMap<String, String>,
    /// The candidate's answers, one a repeat.
    pub candidate: Vec<Trial>,
    /// The incumbent's; none at all where the gate asks for no comparison.
    pub incumbent: Vec<Trial>,
}

/// One answer to an item, or the failure to get one.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Trial {
    /// The provider gave no answer. Such a trial is missing, not wrong.
    pub failed: bool,
    /// What each metric gave, from 0 to 1; none where it should have given something and could
    /// not, such as a judge that was not there. Metrics that do not concern the item are left out
    /// of all its trials.
    pub scores: BTreeMap<String, Option<f64>>,
    /// Whether the answer is a refusal, where that was looked at.
    pub refused: Option<bool>,
    /// What the call cost.
    pub cost: Option<UsdPico>,
    /// How long the answer took, in ms.
    pub latency_ms: Option<f64>,
    /// How long its first token took, in ms.
    pub ttft_ms: Option<f64>,
    /// Tokens of output.
    pub output_tokens: Option<u64>,
    /// The answer came from a cache of the harness, which says nothing of time and cost.
    pub cached: bool,
}

impl Trial {
    fn mentions(&self, metric: &str) -> bool {
        self.scores.contains_key(metric)
    }

    pub(crate) fn score(&self, metric: &str) -> Option<f64> {
        self.scores.get(metric).copied().flatten().filter(|_| !self.failed)
    }

    /// Whether what it took says something: it was answered, and not from a cache.
    pub(crate) fn is_measured(&self) -> bool {
        !self.failed && !self.cached
    }
}

impl Item {
    /// Whether a metric concerns it. Where every trial failed before any metric was named, all do.
    pub(crate) fn concerns(&self, metric: &str) -> bool {
        let trials = || self.candidate.iter().chain(&self.incumbent);
        trials().any(|trial| trial.mentions(metric))
            || trials().all(|trial| trial.scores.is_empty())
    }
}

/// Rows in an order of their own, so that no verdict depends on that of a file.
pub(crate) struct Rows<'a> {
    pub(crate) rows: Vec<Row<'a>>,
}

/// An item and the number of its cluster.
#[derive(Clone, Copy)]
pub(crate) struct Row<'a> {
    pub(crate) item: &'a Item,
    pub(crate) label: usize,
}

impl<'a> Rows<'a> {
    pub(crate) fn of(items: &'a [Item]) -> Result<Self, Invalid> {
        let mut sorted: Vec<&Item> = items.iter().collect();
        sorted.sort_by(|a, b| a.id.cmp(&b.id));
        if let Some([twice, _]) = sorted.array_windows().find(|[a, b]| a.id == b.id) {
            return Err(Invalid::Twice { id: twice.id.clone() });
        }
        sorted.iter().try_for_each(|item| check_scores(item))?;
        let mut labels: BTreeMap<&str, usize> = BTreeMap::new();
        let rows = sorted.into_iter().enumerate().map(|(index, item)| {
            let label = match &item.cluster {
                Some(cluster) => *labels.entry(cluster).or_insert(index),
                None => index,
            };
            Row { item, label }
        });
        Ok(Self { rows: rows.collect() })
    }

    /// The rows that a metric is about.
    pub(crate) fn concerned_by(&self, metric: &str) -> Vec<Row<'a>> {
        self.rows.iter().filter(|row| row.item.concerns(metric)).copied().collect()
    }
}

fn check_scores(item: &Item) -> Result<(), Invalid> {
    for trial in item.candidate.iter().chain(&item.incumbent) {
        for (metric, score) in &trial.scores {
            let Some(score) = score.filter(|score| !(0.0..=1.0).contains(score)) else { continue };
            let (id, metric) = (item.id.clone(), metric.clone());
            return Err(Invalid::Score { id, metric, score });
        }
    }
    Ok(())
}
