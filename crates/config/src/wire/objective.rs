//! By what a tier chooses among its candidates.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::lenient::Field;

/// How a tier chooses: `ordered`, `weighted`, `fastest`, `cheapest`, `balanced`, or this.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("required" = ["balanced"]))]
pub(crate) struct Prefer {
    /// Whatever is best by cost, latency and quality, each as much as its weight says.
    pub(crate) balanced: Field<Balanced>,
    #[serde(skip)]
    pub(crate) word: Option<String>,
}

impl From<String> for Prefer {
    fn from(word: String) -> Self {
        Self { word: Some(word), ..Self::default() }
    }
}

/// The one-word values of `prefer`.
pub(crate) const PREFER_WORDS: [&str; 5] =
    ["ordered", "weighted", "fastest", "cheapest", "balanced"];

pub(super) fn prefer_words(schema: &mut schemars::Schema) {
    let forms = schema.get_mut("anyOf").and_then(|forms| forms.as_array_mut());
    if let Some(word) = forms.and_then(|forms| forms.first_mut()?.as_object_mut()) {
        word.insert("enum".to_owned(), serde_json::json!(PREFER_WORDS));
    }
}

/// How much each counts; 0 is nothing. Twice the weight of another counts as much as its square.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(example = serde_json::json!({ "cost": 2, "latency": 1, "quality": 1 }))]
pub(crate) struct Balanced {
    /// What the request is expected to cost.
    #[schemars(range(max = 100), extend("default" = 1))]
    pub(crate) cost: Field<u32>,
    /// The time to the first content, as it was measured lately.
    #[schemars(range(max = 100), extend("default" = 1))]
    pub(crate) latency: Field<u32>,
    /// The deployments' `quality`.
    #[schemars(range(max = 100), extend("default" = 1))]
    pub(crate) quality: Field<u32>,
}
