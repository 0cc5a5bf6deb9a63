//! Graders as they are written.

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, de::Error as _};
use serde_json::{Map, Value};

/// The keys of a grader that all types share.
const COMMON: [&str; 7] = ["id", "metric", "role", "weight", "negate", "threshold", "transform"];

/// One check of an answer.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Grader {
    /// What reports call it; its type where none is given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The metric that its score is counted under, with others of that name; its id where none is
    /// given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metric: Option<String>,
    /// What it is to the gate.
    #[serde(default, skip_serializing_if = "is_default")]
    pub role: Role,
    /// What it counts beside others in the score of a case. With 0 it is only reported.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub weight: f64,
    /// It passes where it would have failed, and the other way round.
    #[serde(default, skip_serializing_if = "is_default")]
    pub negate: bool,
    /// The score from which it passes, for graders that score.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub threshold: Option<f64>,
    /// A JavaScript expression of `output` that gives what is graded in its place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transform: Option<String>,
    /// What it checks.
    #[serde(flatten)]
    pub kind: Kind,
}

impl Grader {
    /// The judges that it asks, by name, with how often for one answer.
    #[must_use]
    pub fn judges(&self) -> Vec<(&str, u64)> {
        match &self.kind {
            Kind::Rubric { judge, .. } | Kind::Label { judge, .. } => vec![(judge, 1)],
            Kind::Pairwise { judge, .. } => vec![(judge, 2)],
            Kind::Set { graders, .. } => graders.iter().flat_map(Self::judges).collect(),
            _ => Vec::new(),
        }
    }

    /// The deployments that it wants vectors of.
    #[must_use]
    pub fn embeddings(&self) -> Vec<&str> {
        match &self.kind {
            Kind::Similarity { embeddings, .. } => embeddings.as_deref().into_iter().collect(),
            Kind::Set { graders, .. } => graders.iter().flat_map(Self::embeddings).collect(),
            _ => Vec::new(),
        }
    }
}

/// What a grader is to the gate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// It is part of whether a case passes, and its metric can be gated.
    #[default]
    Scored,
    /// No answer may fail it, whatever the mean.
    Invariant,
    /// It is only reported.
    Reported,
}

impl<'de> Deserialize<'de> for Grader {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let mut all = Map::<String, Value>::deserialize(from)?;
        let common: Map<String, Value> =
            COMMON.iter().filter_map(|key| all.remove_entry(*key)).collect();
        let kind = serde_json::from_value(Value::Object(all)).map_err(D::Error::custom)?;
        let common: Common =
            serde_json::from_value(Value::Object(common)).map_err(D::Error::custom)?;
        let Common { id, metric, role, weight, negate, threshold, transform } = common;
        Ok(Self { id, metric, role, weight, negate, threshold, transform, kind })
    }
}

#[derive(Deserialize)]
struct Common {
    id: Option<String>,
    metric: Option<String>,
    #[serde(default)]
    role: Role,
    #[serde(default = "one")]
    weight: f64,
    #[serde(default)]
    negate: bool,
    threshold: Option<f64>,
    transform: Option<String>,
}

const fn one() -> f64 {
    1.0
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature is serde's")]
fn is_one(weight: &f64) -> bool {
    (weight - 1.0).abs() < f64::EPSILON
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// What a grader checks. Texts are templates over the case's fields.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum Kind {
    /// The answer is this text, or this JSON value where it is not a text.
    Equals {
        /// What it should be.
        value: Value,
        /// Upper and lower case are the same.
        #[serde(default, skip_serializing_if = "is_default")]
        ignore_case: bool,
    },
    /// The answer has these texts in it.
    Contains {
        /// The texts.
        value: OneOrMany,
        /// One of them is enough.
        #[serde(default, skip_serializing_if = "is_default")]
        any: bool,
        /// Upper and lower case are the same.
        #[serde(default, skip_serializing_if = "is_default")]
        ignore_case: bool,
    },
    /// The answer begins with this text.
    StartsWith {
        /// The text.
        value: String,
        /// Upper and lower case are the same.
        #[serde(default, skip_serializing_if = "is_default")]
        ignore_case: bool,
    },
    /// A regular expression matches somewhere in the answer.
    Regex {
        /// The expression.
        pattern: String,
    },
    /// The answer is JSON.
    Json {
        /// The JSON Schema that it must fit.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        schema: Option<Value>,
        /// JSON somewhere in the answer is enough.
        #[serde(default, skip_serializing_if = "is_default")]
        anywhere: bool,
    },
    /// How like a reference the answer is, from 0 to 1; it passes from `threshold` on.
    Similarity {
        /// How likeness is measured.
        measure: Measure,
        /// The reference; the likest counts where there are several.
        reference: OneOrMany,
        /// The embedding deployment, for `cosine`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        embeddings: Option<String>,
    },
    /// The last number in the answer is near this one.
    Number {
        /// The number, or a template of it.
        value: Value,
        /// How far off it may be.
        #[serde(default)]
        tolerance: f64,
        /// The tolerance is a share of the value and not a difference.
        #[serde(default, skip_serializing_if = "is_default")]
        relative: bool,
    },
    /// Which tools the answer calls, and how.
    ToolCalls {
        /// What is compared.
        compare: Compare,
        /// The calls that are expected: names, or `{name, arguments}`. A text is a template of such
        /// a list. Not needed for `valid`.
        #[serde(default, skip_serializing_if = "Value::is_null")]
        expected: Value,
    },
    /// The whole answer came in this time. Cached answers are not judged.
    Latency {
        /// Milliseconds.
        at_most_ms: u64,
    },
    /// The answer cost no more than this.
    Cost {
        /// Dollars.
        at_most_usd: f64,
    },
    /// The answer ended for this reason, in OpenAI's word.
    FinishReason {
        /// `stop`, `length`, `tool_calls` or `content_filter`.
        value: String,
    },
    /// The answer refuses. Negate it to forbid that.
    Refusal,
    /// How many words the answer has.
    WordCount {
        /// No fewer than these.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        min: Option<u64>,
        /// No more than these.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        max: Option<u64>,
    },
    /// A judge says how well the answer meets a rubric, from 0 to 1.
    Rubric {
        /// The judge's name.
        judge: String,
        /// What a good answer is.
        rubric: String,
        /// Messages to the judge in place of the built-in ones.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        messages: Vec<super::Message>,
        /// The judge's lowest and highest score, which become 0 and 1.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        range: Option<(f64, f64)>,
    },
    /// A judge chooses a label for the answer.
    Label {
        /// The judge's name.
        judge: String,
        /// Messages to the judge.
        messages: Vec<super::Message>,
        /// The labels that it may choose from.
        labels: Vec<String>,
        /// The labels with which the answer passes.
        passing: Vec<String>,
        /// What a label scores; 1 or 0 where it is not named.
        #[serde(default, skip_serializing_if = "std::collections::BTreeMap::is_empty")]
        scores: std::collections::BTreeMap<String, f64>,
    },
    /// A judge compares the candidate's answer with the incumbent's, in both orders.
    Pairwise {
        /// The judge's name.
        judge: String,
        /// By what one is better than the other.
        criteria: String,
    },
    /// JavaScript that gives true or false, a score, or `{pass, score, reason}`.
    Script {
        /// An expression, or the body of a function of `output` and `context`.
        source: String,
    },
    /// A program that reads the answer as JSON and writes true or false, a score, or
    /// `{pass, score, reason}`. It runs only where the user allows commands.
    Command {
        /// The program and its arguments.
        argv: Vec<String>,
    },
    /// Graders that pass together: all of them, or their weighted mean from `threshold` on.
    Set {
        /// The graders.
        graders: Vec<Grader>,
        /// An expression over the graders' ids in place of the mean: `0.7 * facts + 0.3 * style`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        formula: Option<String>,
    },
}

/// One text or several. A template may give a JSON list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum OneOrMany {
    /// One.
    One(String),
    /// Several.
    Many(Vec<String>),
}

/// How likeness is measured.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Measure {
    /// One minus the edit distance over the longer length.
    Levenshtein,
    /// Twice what both have in common, in order, over both lengths: `ratio` of RapidFuzz.
    FuzzyMatch,
    /// BLEU of up to four words.
    Bleu,
    /// GLEU, the sentence form of BLEU.
    Gleu,
    /// METEOR by whole words and stems.
    Meteor,
    /// ROUGE of single words.
    #[serde(rename = "rouge_1")]
    Rouge1,
    /// ROUGE of pairs of words.
    #[serde(rename = "rouge_2")]
    Rouge2,
    /// ROUGE of three words.
    #[serde(rename = "rouge_3")]
    Rouge3,
    /// ROUGE of four words.
    #[serde(rename = "rouge_4")]
    Rouge4,
    /// ROUGE of five words.
    #[serde(rename = "rouge_5")]
    Rouge5,
    /// ROUGE of the longest common subsequence of words.
    RougeL,
    /// The cosine of vectors.
    Cosine,
}

/// What is compared of tool calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Compare {
    /// Every call fits the parameters that the prompt's tools declare.
    Valid,
    /// The expected names, in any order; others may be called too.
    Names,
    /// The expected names in this order; others may stand between them.
    Sequence,
    /// The expected names with the expected arguments; further arguments may be given too.
    Arguments,
    /// Precision and recall of names with arguments, as one score.
    F1,
}
