//! The JSON Schema of suites, for editors and for the reader of suites itself.

use std::sync::LazyLock;

use schemars::generate::SchemaSettings;
use serde_json::Value;

use super::SuiteFile;

/// The schema (draft 2020-12) of a suite's file.
pub(super) static SCHEMA: LazyLock<Value> = LazyLock::new(|| {
    let schema =
        SchemaSettings::draft2020_12().into_generator().into_root_schema_for::<SuiteFile>();
    schema.to_value()
});

/// The JSON Schema (draft 2020-12) of a suite's file, as indented JSON ending in a newline.
#[must_use]
pub fn json_schema() -> String {
    format!("{:#}\n", *SCHEMA)
}
