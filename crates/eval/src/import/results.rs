//! Results of other harnesses, and plain JSONL that any harness can write.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{ImportError, Source, node::written};

/// What an answer to a case scored elsewhere. As JSON it is a line of the plain form.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ImportedResult {
    /// The case's id.
    #[serde(rename = "id")]
    pub case: String,
    /// The line of its file that it is in, where it has one of its own.
    #[serde(skip)]
    pub line: Option<usize>,
    /// The arm or model that answered, where the source says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arm: Option<String>,
    /// Which repeat of the case it is, from 0.
    #[serde(default)]
    pub repeat: u32,
    /// What cases of one conversation, document or template share.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster: Option<String>,
    /// The case's value in dimensions that cases are also judged apart by.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub slices: BTreeMap<String, String>,
    /// Scores from 0 to 1 by metric; empty where there is an error.
    #[serde(rename = "scores", default, skip_serializing_if = "BTreeMap::is_empty")]
    pub metrics: BTreeMap<String, f64>,
    /// Why there is no answer or no score. It is missing data and not a wrong answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// From the request to the whole answer, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latency_ms: Option<f64>,
    /// What it cost in dollars.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost_usd: Option<f64>,
    /// Tokens of the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input_tokens: Option<u64>,
    /// Tokens of the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_tokens: Option<u64>,
}

/// The metric of a result that has one score without a name.
pub(super) const SCORE: &str = "score";

/// One line of a plain file of results.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    id: Value,
    #[serde(default, alias = "model")]
    arm: Option<String>,
    #[serde(default)]
    repeat: u32,
    #[serde(default)]
    cluster: Option<Value>,
    #[serde(default)]
    slices: BTreeMap<String, Value>,
    #[serde(default)]
    score: Option<f64>,
    #[serde(default)]
    pass: Option<bool>,
    #[serde(default)]
    scores: BTreeMap<String, Score>,
    #[serde(default)]
    error: Option<String>,
    #[serde(default)]
    latency_ms: Option<f64>,
    #[serde(default)]
    cost_usd: Option<f64>,
    #[serde(default)]
    input_tokens: Option<u64>,
    #[serde(default)]
    output_tokens: Option<u64>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Score {
    Pass(bool),
    Score(f64),
}

impl Score {
    fn number(&self) -> f64 {
        match self {
            Self::Pass(pass) => share(*pass),
            Self::Score(score) => *score,
        }
    }
}

/// 1 for what passed.
pub(super) fn share(pass: bool) -> f64 {
    if pass { 1.0 } else { 0.0 }
}

/// Reads plain JSONL: `{id, arm, repeat, score | pass | scores, cluster, slices, error}` a line.
///
/// # Errors
/// A line is not such an object, or has neither a score nor an error.
pub(super) fn read(source: &Source<'_>) -> Result<Vec<ImportedResult>, ImportError> {
    let text = source.text()?;
    let full = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    full.map(|(number, line)| {
        let wrong = |what: String| ImportError::Syntax {
            file: source.name.to_owned(),
            line: number.saturating_add(1),
            column: 1,
            what,
        };
        let line: Line = serde_json::from_str(line).map_err(|error| wrong(error.to_string()))?;
        let result = line.result().map_err(|what| wrong(what.to_owned()))?;
        Ok(ImportedResult { line: Some(number.saturating_add(1)), ..result })
    })
    .collect()
}

impl Line {
    fn result(self) -> Result<ImportedResult, &'static str> {
        let mut metrics: BTreeMap<String, f64> =
            self.scores.iter().map(|(name, score)| (name.clone(), score.number())).collect();
        if let Some(score) = self.score.or_else(|| self.pass.map(share)) {
            metrics.insert(SCORE.to_owned(), score);
        }
        if metrics.values().any(|score| !(0.0..=1.0).contains(score)) {
            return Err("a score is from 0 to 1");
        }
        let measures = [self.latency_ms, self.cost_usd];
        if measures.into_iter().flatten().any(|measure| measure < 0.0) {
            return Err("`latency_ms` and `cost_usd` are not below 0");
        }
        if metrics.is_empty() && self.error.is_none() {
            return Err("a result has `score`, `pass`, `scores` or `error`");
        }
        Ok(ImportedResult {
            case: written(&self.id),
            line: None,
            arm: self.arm,
            repeat: self.repeat,
            cluster: self.cluster.as_ref().map(written),
            slices: self.slices.iter().map(|(name, one)| (name.clone(), written(one))).collect(),
            metrics,
            error: self.error,
            latency_ms: self.latency_ms,
            cost_usd: self.cost_usd,
            input_tokens: self.input_tokens,
            output_tokens: self.output_tokens,
        })
    }
}
