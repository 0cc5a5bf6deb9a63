//! The JSON Schema of `tieline.yaml`, for editors.

use schemars::{Schema, generate::SchemaSettings};
use serde_json::{Value, json};

use crate::{
    check::{KINDS, keys_of},
    wire,
};

/// The JSON Schema (draft 2020-12) of the configuration file, as indented JSON ending in a newline.
#[must_use]
pub fn json_schema() -> String {
    let mut schema =
        SchemaSettings::draft2020_12().into_generator().into_root_schema_for::<wire::File>();
    if let Some(provider) = schema.pointer_mut("/$defs/Provider").and_then(Value::as_object_mut) {
        provider.insert("allOf".to_owned(), keys_by_kind());
    }
    pretty(&schema)
}

/// For each kind, that the keys of the other kinds are absent.
fn keys_by_kind() -> Value {
    let rules = KINDS.iter().map(|(kind, name)| {
        let foreign = KINDS.iter().flat_map(|(other, _)| keys_of(*other));
        let foreign = foreign.filter(|key| !keys_of(*kind).contains(key));
        let absent: serde_json::Map<String, Value> =
            foreign.map(|key| ((*key).to_owned(), json!(false))).collect();
        json!({
            "if": { "properties": { "kind": { "const": name } }, "required": ["kind"] },
            "then": { "properties": absent },
        })
    });
    rules.collect()
}

fn pretty(schema: &Schema) -> String {
    format!("{:#}\n", schema.as_value())
}
