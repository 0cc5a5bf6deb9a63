//! Output items of runs as results.

use std::collections::BTreeMap;

use super::{Importer, deployment, graders::item_id};
use crate::import::{
    node::{Node, Place},
    results::{ImportedResult, share},
};

impl Importer<'_> {
    pub(super) fn result(&mut self, item: &Node) -> ImportedResult {
        let case = item_id(item).unwrap_or_else(|| {
            self.report.lost(&item.place, "an output item has no id", "");
            String::new()
        });
        let sample = item.get("sample");
        let model = sample.and_then(|sample| sample.get("model")).and_then(Node::text);
        let failed = sample.and_then(|sample| sample.get("error"));
        let error = failed.and_then(|error| error.get("message").unwrap_or(error).written());
        let tokens = |key| sample.and_then(|sample| sample.path(["usage", key])?.whole());
        let metrics = self.metrics(item, error.is_some());
        let error = error.or_else(|| metrics.is_empty().then(|| "it was not graded".to_owned()));
        ImportedResult {
            case,
            arm: model.map(deployment),
            metrics,
            error,
            input_tokens: tokens("prompt_tokens"),
            output_tokens: tokens("completion_tokens"),
            ..ImportedResult::default()
        }
    }

    /// Scores by grader; those of an answer that never came mean nothing.
    fn metrics(&mut self, item: &Node, failed: bool) -> BTreeMap<String, f64> {
        let mut metrics = BTreeMap::new();
        if failed {
            return metrics;
        }
        for result in item.get("results").map(Node::items).unwrap_or_default() {
            let Some(name) = result.get("name").and_then(Node::written) else { continue };
            let passed = result.get("passed").and_then(Node::truth).map(share);
            let score = result.get("score").and_then(Node::number);
            let fits = score.filter(|score| (0.0..=1.0).contains(score));
            if fits.is_none() && score.is_some() {
                self.beyond(&result.place, &name);
            }
            if let Some(score) = fits.or(passed) {
                metrics.insert(name, score);
            }
        }
        metrics
    }

    fn beyond(&mut self, at: &Place, name: &str) {
        let what = format!("a score of `{name}` is not from 0 to 1; whether it passed is taken");
        self.report.note(at, what, "");
    }
}
