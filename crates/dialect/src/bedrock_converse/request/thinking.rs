//! `additionalModelRequestFields` that say how hard Claude is to think, both ways. Other models on
//! Converse take no such fields.

use serde_json::{Map, Value, json};
use tieline_types::Fault;

use crate::{
    claude::thinking::Thinking,
    ir::Reasoning,
    json::{Fields, expected},
};

/// Writes `thinking` and `output_config`.
pub(super) fn write(thinking: Thinking) -> Map<String, Value> {
    let effort = thinking.effort.map(|effort| json!({ "effort": effort }));
    [("thinking", thinking.config), ("output_config", effort)]
        .into_iter()
        .filter_map(|(key, value)| Some((key.to_owned(), value?)))
        .collect()
}

/// Reads `thinking` and `output_config` of `additionalModelRequestFields`.
///
/// # Errors
/// `client_invalid` where a field has the wrong type.
pub(super) fn read(fields: &mut Fields) -> Result<Option<Reasoning>, Fault> {
    let mut reasoning = None;
    if let Some(mut thinking) = fields.object("thinking")? {
        let known: &mut Reasoning = reasoning.get_or_insert_default();
        known.off = thinking.string("type")?.as_deref() == Some("disabled");
        known.budget_tokens = thinking.unsigned("budget_tokens")?;
        known.summary = match thinking.string("display")?.as_deref() {
            None => None,
            Some("summarized") => Some(true),
            Some("omitted") => Some(false),
            Some(other) => {
                let path = thinking.path("display");
                return Err(expected(&path, "`summarized` or `omitted`", &other.into()));
            }
        };
    }
    if let Some(effort) = effort_field(fields.object("output_config")?)? {
        reasoning.get_or_insert_default().effort = Some(effort);
    }
    Ok(reasoning)
}

fn effort_field(fields: Option<Fields>) -> Result<Option<String>, Fault> {
    fields.map_or(Ok(None), |mut fields| fields.string("effort"))
}
