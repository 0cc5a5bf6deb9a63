//! Output items of runs as results.

use std::collections::{BTreeMap, BTreeSet};

use super::{Importer, deployment, graders::item_id};
use crate::import::{
    node::{Node, Place},
    results::{ImportedResult, share},
};

impl Importer<'_> {
    /// Results of output items. Where a grader's scores are not all from 0 to 1, whether it passed
    /// is taken in place of each: on such a scale a 1 may be the worst that there is.
    pub(super) fn results(&mut self, items: &[Node]) -> Vec<ImportedResult> {
        let mut unscaled = BTreeSet::new();
        for result in items.iter().filter_map(|item| item.get("results")).flat_map(Node::items) {
            let Some(name) = result.get("name").and_then(Node::written) else { continue };
            let score = result.get("score").and_then(Node::number);
            if score.is_some_and(|score| !(0.0..=1.0).contains(&score)) && !unscaled.contains(&name)
            {
                self.beyond(&result.place, &name);
                unscaled.insert(name);
            }
        }
        items.iter().map(|item| self.result(item, &unscaled)).collect()
    }

    fn result(&mut self, item: &Node, unscaled: &BTreeSet<String>) -> ImportedResult {
        let case = item_id(item).unwrap_or_else(|| {
            self.report.lost(&item.place, "an output item has no id", "");
            String::new()
        });
        let sample = item.get("sample");
        let model = sample.and_then(|sample| sample.get("model")).and_then(Node::text);
        let failed = sample.and_then(|sample| sample.get("error"));
        let error = failed.and_then(|error| error.get("message").unwrap_or(error).written());
        let tokens = |key| sample.and_then(|sample| sample.path(["usage", key])?.whole());
        let metrics = metrics(item, error.is_some(), unscaled);
        let error = error.or_else(|| metrics.is_empty().then(|| "it was not graded".to_owned()));
        ImportedResult {
            case,
            line: Some(item.place.line),
            arm: model.map(deployment),
            metrics,
            error,
            input_tokens: tokens("prompt_tokens"),
            output_tokens: tokens("completion_tokens"),
            ..ImportedResult::default()
        }
    }

    fn beyond(&mut self, at: &Place, name: &str) {
        let what = format!("a score of `{name}` is not from 0 to 1; whether it passed is taken");
        self.report.note(at, what, "");
    }
}

/// Scores by grader; those of an answer that never came mean nothing.
fn metrics(item: &Node, failed: bool, unscaled: &BTreeSet<String>) -> BTreeMap<String, f64> {
    let mut metrics = BTreeMap::new();
    if failed {
        return metrics;
    }
    for result in item.get("results").map(Node::items).unwrap_or_default() {
        let Some(name) = result.get("name").and_then(Node::written) else { continue };
        let passed = result.get("passed").and_then(Node::truth).map(share);
        let score = result.get("score").and_then(Node::number);
        if let Some(score) = score.filter(|_| !unscaled.contains(&name)).or(passed) {
            metrics.insert(name, score);
        }
    }
    metrics
}
