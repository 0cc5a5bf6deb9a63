//! Writing a suite as people would.

use serde_json::{Map, Value};

use super::SuiteFile;

/// What a grader begins with; the rest follows in the order of the format.
const FIRST: [&str; 2] = ["id", "type"];
/// Keys that lead to lists of graders.
const GRADERS: &str = "graders";

impl SuiteFile {
    /// The suite as YAML: its keys in the order of the format, texts of several lines as blocks.
    ///
    /// # Errors
    /// The suite has something that YAML cannot hold.
    pub fn to_yaml(&self) -> Result<String, WriteError> {
        let options = serde_saphyr::ser_options! {
            compact_list_indent: true,
            folded_wrap_chars: usize::MAX,
        };
        let suite = arranged(serde_json::to_value(self)?);
        Ok(serde_saphyr::to_string_with_options(&suite, options)?)
    }
}

/// The value with every grader's type where it is looked for.
fn arranged(value: Value) -> Value {
    match value {
        Value::Object(entries) => {
            let entry = |(key, value): (String, Value)| match value {
                Value::Array(items) if key == GRADERS => {
                    (key, items.into_iter().map(grader).collect())
                }
                Value::Array(items) if key == "cases" => {
                    (key, items.into_iter().map(arranged).collect())
                }
                value => (key, value),
            };
            Value::Object(entries.into_iter().map(entry).collect())
        }
        other => other,
    }
}

fn grader(value: Value) -> Value {
    let Value::Object(mut entries) = arranged(value) else { return Value::Null };
    let mut grader: Map<String, Value> =
        FIRST.iter().filter_map(|key| entries.remove_entry(*key)).collect();
    grader.extend(entries);
    Value::Object(grader)
}

/// Why a suite cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// It has a key or number that JSON does not have.
    #[error("cannot write the suite as JSON")]
    Json(#[from] serde_json::Error),
    /// YAML cannot hold it.
    #[error("cannot write the suite as YAML")]
    Yaml(#[from] serde_saphyr::ser_error::Error),
}
