//! Fitting JSON Schemas to the subset that Claude's constrained decoding takes.
//!
//! The rules are those of Anthropic's own SDKs: what the subset lacks moves into the description,
//! where the model still reads it.

use std::borrow::Cow;

use serde_json::{Map, Value, json, value::RawValue};

use crate::json::raw;

/// Keywords that stay as they are.
const KEPT: [&str; 7] = ["$ref", "type", "enum", "const", "title", "description", "required"];

/// Keywords whose value is a schema by name.
const NAMED_SCHEMAS: [&str; 3] = ["properties", "$defs", "definitions"];

/// Keywords whose value is a list of schemas, and what they are called in the subset.
const SCHEMA_LISTS: [(&str, &str); 3] =
    [("anyOf", "anyOf"), ("oneOf", "anyOf"), ("allOf", "allOf")];

/// The formats of strings that are enforced.
const FORMATS: [&str; 10] =
    ["date-time", "time", "date", "duration", "email", "hostname", "uri", "ipv4", "ipv6", "uuid"];

/// A schema for constrained decoding.
#[derive(Debug)]
pub(super) struct Fitted<'a> {
    /// The schema; its text is untouched where it was within the subset already.
    pub(super) schema: Cow<'a, RawValue>,
    /// Something the caller demanded is only described, no longer enforced.
    pub(super) weakened: bool,
}

/// Fits `schema` to the subset. `description` is what the schema is for, if it does not say.
pub(super) fn fit<'a>(schema: &'a RawValue, description: Option<&str>) -> Fitted<'a> {
    let before: Value = serde_json::from_str(schema.get()).unwrap_or_default();
    let mut weakened = false;
    let mut after = fit_value(before.clone(), &mut weakened);
    if let (Value::Object(map), Some(text)) = (&mut after, description) {
        map.entry("description").or_insert_with(|| json!(text));
    }
    let schema = if after == before { Cow::Borrowed(schema) } else { Cow::Owned(raw(&after)) };
    Fitted { schema, weakened }
}

fn fit_value(schema: Value, weakened: &mut bool) -> Value {
    let Value::Object(keywords) = schema else {
        return schema;
    };
    let is_object = keywords.get("type").is_some_and(|kind| names_type(kind, "object"))
        || keywords.contains_key("properties");
    let mut fitted = Map::new();
    let mut described = Vec::new();
    for (keyword, value) in keywords {
        if let Some((keyword, value)) = fit_keyword(&keyword, &value, weakened) {
            fitted.insert(keyword, value);
        } else if keyword != "$schema" && !(is_object && keyword == "additionalProperties") {
            described.push(format!("{keyword}: {value}"));
        } else if value == json!(true) {
            *weakened = true;
        }
    }
    if is_object {
        fitted.insert("additionalProperties".to_owned(), json!(false));
    }
    if !described.is_empty() {
        *weakened = true;
        describe(&mut fitted, &described.join(", "));
    }
    Value::Object(fitted)
}

/// The keyword within the subset; none when the subset lacks it.
fn fit_keyword(keyword: &str, value: &Value, weakened: &mut bool) -> Option<(String, Value)> {
    let same = |value: Value| Some((keyword.to_owned(), value));
    if KEPT.contains(&keyword) {
        return same(value.clone());
    }
    if let (true, Value::Object(schemas)) = (NAMED_SCHEMAS.contains(&keyword), value) {
        let fitted = schemas
            .iter()
            .map(|(name, schema)| (name.clone(), fit_value(schema.clone(), weakened)))
            .collect();
        return same(Value::Object(fitted));
    }
    if let Some((_, name)) = SCHEMA_LISTS.iter().find(|(known, _)| *known == keyword) {
        let schemas = value.as_array()?.iter();
        let fitted = schemas.map(|schema| fit_value(schema.clone(), weakened)).collect();
        return Some(((*name).to_owned(), Value::Array(fitted)));
    }
    match keyword {
        "items" => same(fit_value(value.clone(), weakened)),
        "format" if value.as_str().is_some_and(|name| FORMATS.contains(&name)) => {
            same(value.clone())
        }
        "minItems" if matches!(value.as_u64(), Some(0 | 1)) => same(value.clone()),
        _ => None,
    }
}

fn names_type(kind: &Value, name: &str) -> bool {
    kind == name || kind.as_array().is_some_and(|kinds| kinds.iter().any(|kind| kind == name))
}

fn describe(schema: &mut Map<String, Value>, constraints: &str) {
    let text = match schema.get("description").and_then(Value::as_str) {
        Some(description) => format!("{description}\n\n{{{constraints}}}"),
        None => format!("{{{constraints}}}"),
    };
    schema.insert("description".to_owned(), Value::String(text));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fitted(schema: &Value, description: Option<&str>) -> (Value, bool) {
        let schema = raw(schema);
        let fitted = fit(&schema, description);
        (serde_json::from_str(fitted.schema.get()).unwrap(), fitted.weakened)
    }

    #[test]
    fn a_schema_within_the_subset_keeps_its_text() {
        let text = r#"{"type":"object", "properties":{"n":{"type":"integer"}},
            "required":["n"],"additionalProperties":false}"#;
        let schema = RawValue::from_string(text.to_owned()).unwrap();
        let fitted = fit(&schema, None);
        assert_eq!(fitted.schema.get(), text);
        assert!(!fitted.weakened);
    }

    #[test]
    fn what_the_subset_lacks_is_described() {
        let schema = json!({
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "type": "object",
            "properties": {
                "n": {"type": "integer", "minimum": 1, "description": "How many"},
                "tags": {"type": "array", "items": {"oneOf": [{"type": "string"}]}, "minItems": 2},
                "at": {"type": "string", "format": "date-time"},
                "phone": {"type": "string", "format": "phone"},
            },
            "$defs": {"p": {"type": "object", "properties": {}}},
        });
        let (schema, weakened) = fitted(&schema, None);
        assert!(weakened);
        assert_eq!(
            schema,
            json!({
                "type": "object",
                "properties": {
                    "n": {"type": "integer", "description": "How many\n\n{minimum: 1}"},
                    "tags": {"type": "array", "items": {"anyOf": [{"type": "string"}]},
                             "description": "{minItems: 2}"},
                    "at": {"type": "string", "format": "date-time"},
                    "phone": {"type": "string", "description": "{format: \"phone\"}"},
                },
                "$defs": {"p": {"type": "object", "properties": {}, "additionalProperties": false}},
                "additionalProperties": false,
            })
        );
    }

    #[test]
    fn a_purpose_is_added_only_where_none_is_stated() {
        let (schema, weakened) = fitted(&json!({"type": "string"}), Some("A name"));
        assert_eq!(schema, json!({"type": "string", "description": "A name"}));
        assert!(!weakened);
        let (schema, _) = fitted(&json!({"description": "own"}), Some("other"));
        assert_eq!(schema, json!({"description": "own"}));
    }

    #[test]
    fn an_open_object_is_closed_and_that_is_a_loss() {
        let (schema, weakened) =
            fitted(&json!({"type": ["object", "null"], "additionalProperties": true}), None);
        assert_eq!(schema["additionalProperties"], json!(false));
        assert!(weakened);
    }
}
