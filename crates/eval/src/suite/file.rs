//! A suite as it is written.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{GateFile, Grader};

/// A suite: the cases of one feature, how they are asked, and what a good answer is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "Tieline eval suite")]
pub struct SuiteFile {
    /// Version of this format. Always 1.
    #[schemars(extend("const" = 1))]
    pub version: u32,
    /// The feature whose policy, deadline and retries hold for the suite's requests.
    pub feature: String,
    /// What it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Where cases come from; they may also be written under `cases`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dataset: Option<Dataset>,
    /// Cases written here.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cases: Vec<CaseFile>,
    /// What is sent for a case.
    pub prompt: Prompt,
    /// How often and how fast.
    #[serde(default)]
    pub run: RunSettings,
    /// Models that grade, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub judges: BTreeMap<String, Judge>,
    /// Graders of every case.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub graders: Vec<Grader>,
    /// When a candidate may serve.
    #[serde(default, skip_serializing_if = "GateFile::is_default")]
    pub gate: GateFile,
    /// What an import could not bring over, a line each. A suite that lacks something says so in
    /// every report.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub partial: Vec<String>,
}

/// A file of cases: JSONL with one object a line, or CSV with a header.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Dataset {
    /// The file, relative to the suite; `.jsonl` or `.csv`.
    pub file: String,
    /// The field that holds a case's id; cases are numbered from 1 without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The field that cases of one conversation, document or template share.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster: Option<String>,
    /// Fields by whose values cases are also judged apart.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub slices: Vec<String>,
    /// The share of cases, chosen by the hash of their ids, that is kept from tuning: a run leaves
    /// them out unless `--holdout` is given.
    #[serde(default)]
    #[schemars(range(min = 0, max = 1))]
    pub holdout: f64,
}

/// A case that is written in the suite.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CaseFile {
    /// Unlike every other id; the case's number from 1 where none is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// What cases of one conversation, document or template share.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster: Option<String>,
    /// Its value in dimensions that cases are also judged apart by: `lang: de`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub slices: BTreeMap<String, String>,
    /// What templates and graders know of it.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub fields: Map<String, Value>,
    /// Graders of its own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub graders: Vec<Grader>,
    /// The weighted mean score from which it passes; all graders must pass without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub threshold: Option<f64>,
}

/// What is sent for a case. Texts are templates over the case's fields: `{{ question }}`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Prompt {
    /// The messages.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub messages: Vec<Message>,
    /// The field of a case that holds a list of messages, which follow `messages`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub messages_from: Option<String>,
    /// Everything else of the request, in OpenAI's Chat Completions form: `temperature`, `tools`,
    /// `response_format`, `max_completion_tokens`.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub parameters: Map<String, Value>,
}

/// A message of a prompt.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Message {
    /// `system`, `developer`, `user`, `assistant` or `tool`.
    pub role: String,
    /// A template, or a list of parts in OpenAI's form whose texts are templates.
    pub content: Value,
}

/// The labels for which a judge is asked again, where nothing is said.
const CANARY: usize = 50;

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature is serde's")]
const fn is_usual_canary(labels: &usize) -> bool {
    *labels == CANARY
}

/// How often and how fast cases are asked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RunSettings {
    /// How often each case is asked of each deployment.
    #[schemars(range(min = 1, max = 100))]
    pub repeats: u32,
    /// How many requests are under way at once, at most.
    #[schemars(range(min = 1, max = 256))]
    pub concurrency: u32,
    /// The most that a run may spend on deployments and judges, in dollars.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub budget_usd: Option<f64>,
    /// How long a run may take, in minutes. What is under way then is still waited for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub budget_minutes: Option<f64>,
    /// How often a request is sent again after a provider's trouble.
    pub retries: u32,
    /// Answers come as streams, so that the time to their first content is known; also without
    /// this where the gate has the guard `ttft_p95_ms`.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub stream: bool,
    /// For how many labels of its calibration each judge that is fit is asked again when a run
    /// begins, to see whether it still labels as it did; 0 for none.
    #[serde(skip_serializing_if = "is_usual_canary")]
    #[schemars(range(min = 0, max = 50))]
    pub canary: usize,
    /// Answers of an earlier run of the same request to the same deployment are taken from the
    /// cache. They never count for latency.
    pub cache: bool,
    /// The seed of the order in which cases are asked.
    pub seed: u64,
}

impl Default for RunSettings {
    fn default() -> Self {
        Self {
            repeats: 1,
            concurrency: 8,
            budget_usd: None,
            budget_minutes: None,
            retries: 3,
            stream: false,
            canary: CANARY,
            cache: false,
            seed: 1,
        }
    }
}

/// A model that grades.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Judge {
    /// The deployment that is asked: `claude-sonnet-5@anthropic`.
    pub deployment: String,
    /// What it is asked; the built-in prompt of its kind where none is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prompt: Option<String>,
    /// Everything else of its requests; temperature 0 where nothing is said.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub parameters: Map<String, Value>,
    /// A JSONL file of answers that people and the judge labelled, `{"human": true, "judge":
    /// false}` a line, by which the judge is found fit or not. A judge that is not found fit can
    /// neither block nor pass a candidate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calibration: Option<String>,
}
