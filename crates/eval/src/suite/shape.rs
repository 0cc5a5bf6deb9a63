//! Whether a value has the form of a suite, by the suite's own JSON Schema.
//!
//! A general validator tells all variants that a grader is not; this one knows which was meant, and
//! tells the nearest key that there is. It understands the keywords that the schema uses.

use serde_json::{Map, Value};

use super::{schema::SCHEMA, yaml::step};
use crate::flaw::{Flaws, nearest};

/// What is found, apart by where it is told: at a value, or at its key.
#[derive(Debug, Default)]
pub(super) struct Misfits {
    pub(super) values: Flaws,
    pub(super) keys: Flaws,
}

/// Every way in which a value is not a suite.
pub(super) fn check(value: &Value) -> Misfits {
    let mut misfits = Misfits::default();
    fits(value, &SCHEMA, "", &mut misfits);
    misfits
}

fn fits(value: &Value, schema: &Value, at: &str, misfits: &mut Misfits) {
    let schema = resolved(schema);
    if let Some(variants) = schema.get("oneOf").and_then(Value::as_array) {
        return one_of(value, schema, variants, at, misfits);
    }
    if let Some(variants) = schema.get("anyOf").and_then(Value::as_array) {
        return match variants.iter().find(|variant| has_type(value, variant)) {
            Some(variant) => fits(value, variant, at, misfits),
            None => wrong_type(value, &types(schema), at, misfits),
        };
    }
    if !has_type(value, schema) {
        return wrong_type(value, &types(schema), at, misfits);
    }
    if let Some(wanted) = schema.get("const").filter(|wanted| *wanted != value) {
        misfits.values.add(at, format!("expected {wanted}, got {value}"));
    }
    match value {
        Value::Number(number) => in_range(number.as_f64(), schema, at, misfits),
        Value::Array(items) => list(items, schema, at, misfits),
        Value::Object(entries) => object(entries, schema, None, at, misfits),
        _ => {}
    }
}

/// What a reference leads to.
fn resolved(schema: &Value) -> &Value {
    let reference = schema.get("$ref").and_then(Value::as_str);
    let found = reference.and_then(|reference| SCHEMA.pointer(reference.trim_start_matches('#')));
    found.unwrap_or(schema)
}

/// A word of a list, or an object whose `type` tells which.
fn one_of(value: &Value, schema: &Value, variants: &[Value], at: &str, misfits: &mut Misfits) {
    let words = variants.iter().filter_map(|variant| variant.get("const").and_then(Value::as_str));
    let words: Vec<&str> = words.collect();
    if !words.is_empty() {
        let known = value.as_str().is_some_and(|word| words.contains(&word));
        if !known {
            let what = format!("expected one of {}, got {value}", words.join(", "));
            misfits.values.add(at, what);
        }
        return;
    }
    let Value::Object(entries) = value else {
        return wrong_type(value, &["object"], at, misfits);
    };
    let tag = |variant: &Value| {
        let tag = variant.pointer("/properties/type/const").and_then(Value::as_str);
        tag.map(str::to_owned)
    };
    match entries.get("type").and_then(Value::as_str) {
        None => {
            misfits.values.add_with_hint(at, "expected `type`", "it says what the grader checks");
        }
        Some(kind) => match variants.iter().find(|variant| tag(variant).as_deref() == Some(kind)) {
            Some(variant) => object(entries, schema, Some(variant), at, misfits),
            None => {
                let known: Vec<String> = variants.iter().filter_map(tag).collect();
                let known = known.iter().map(String::as_str);
                misfits.values.unknown(&format!("{at}/type"), "grader type", kind, known);
            }
        },
    }
}

/// An object, whose keys are those of a schema and of the variant that is meant.
fn object(
    entries: &Map<String, Value>,
    schema: &Value,
    variant: Option<&Value>,
    at: &str,
    misfits: &mut Misfits,
) {
    let schemas = || [Some(schema), variant].into_iter().flatten();
    let properties = || schemas().filter_map(|it| it.get("properties")?.as_object());
    let free = schema.get("additionalProperties");
    for (key, value) in entries {
        let at = format!("{at}{}", step(key));
        let own = properties().find_map(|properties| properties.get(key));
        match own.or_else(|| free.filter(|free| free.is_object())) {
            Some(schema) => fits(value, schema, &at, misfits),
            None if variant.is_some() || free == Some(&Value::Bool(false)) => {
                let known: Vec<&String> = properties().flat_map(Map::keys).collect();
                let hint = nearest(key, known.into_iter().map(String::as_str));
                let what = format!("unknown key `{key}`");
                match hint {
                    Some(hint) => misfits.keys.add_with_hint(&at, what, hint),
                    None => misfits.keys.add(&at, what),
                }
            }
            None => {}
        }
    }
    let required = schemas().filter_map(|it| it.get("required")?.as_array()).flatten();
    for key in required.filter_map(Value::as_str).filter(|key| !entries.contains_key(*key)) {
        let described = properties().find_map(|properties| properties.get(key));
        let described = described.and_then(|it| it.get("description")).and_then(Value::as_str);
        let what = format!("expected `{key}`");
        match described.and_then(|text| text.split(['.', '\n']).next()) {
            Some(hint) => misfits.values.add_with_hint(at, what, lowered(hint)),
            None => misfits.values.add(at, what),
        }
    }
}

fn lowered(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_lowercase().chain(chars).collect())
}

fn list(items: &[Value], schema: &Value, at: &str, misfits: &mut Misfits) {
    let count = |key: &str| schema.get(key).and_then(Value::as_u64);
    let length = items.len() as u64;
    if count("minItems").is_some_and(|min| length < min)
        || count("maxItems").is_some_and(|max| length > max)
    {
        let wanted = count("minItems").or_else(|| count("maxItems")).unwrap_or_default();
        misfits.values.add(at, format!("expected {wanted} items, got {length}"));
    }
    let first = schema.get("prefixItems").and_then(Value::as_array);
    for (index, item) in items.iter().enumerate() {
        let own = first.and_then(|first| first.get(index));
        if let Some(schema) = own.or_else(|| schema.get("items")) {
            fits(item, schema, &format!("{at}/{index}"), misfits);
        }
    }
}

fn in_range(number: Option<f64>, schema: &Value, at: &str, misfits: &mut Misfits) {
    let bound = |key: &str| schema.get(key).and_then(Value::as_f64);
    let Some(number) = number else { return };
    let (low, high) = (bound("minimum"), bound("maximum"));
    if low.is_some_and(|low| number < low) || high.is_some_and(|high| number > high) {
        let wanted = match (low, high) {
            (Some(low), Some(high)) => format!("from {low} to {high}"),
            (Some(low), None) => format!("from {low} up"),
            (None, high) => format!("up to {}", high.unwrap_or_default()),
        };
        misfits.values.add(at, format!("expected a number {wanted}, got {number}"));
    }
}

/// The types that a schema takes, in the words of JSON Schema; none where it takes all.
fn types(schema: &Value) -> Vec<&str> {
    let schema = resolved(schema);
    if schema.get("oneOf").is_some() {
        let worded = schema.pointer("/oneOf/0/const").is_some();
        return vec![if worded { "string" } else { "object" }];
    }
    if let Some(variants) = schema.get("anyOf").and_then(Value::as_array) {
        return variants.iter().flat_map(types).collect();
    }
    match schema.get("type") {
        Some(Value::String(one)) => vec![one],
        Some(Value::Array(several)) => several.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

fn has_type(value: &Value, schema: &Value) -> bool {
    let types = types(schema);
    let is = |name: &&str| match *name {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_u64() || value.is_i64(),
        "number" => value.is_number(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        _ => value.is_object(),
    };
    types.is_empty() || types.iter().any(is)
}

/// What people call the types of JSON Schema.
const TYPES: [(&str, &str); 7] = [
    ("null", "nothing"),
    ("boolean", "true or false"),
    ("integer", "a whole number"),
    ("number", "a number"),
    ("string", "a text"),
    ("array", "a list"),
    ("object", "a mapping"),
];

fn wrong_type(value: &Value, wanted: &[&str], at: &str, misfits: &mut Misfits) {
    let called = |name: &str| TYPES.iter().find(|(own, _)| *own == name).map(|(_, called)| *called);
    let named: Vec<&str> =
        wanted.iter().filter(|name| **name != "null").filter_map(|name| called(name)).collect();
    let got = match value {
        Value::Null => "nothing",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "a mapping",
    };
    let what = format!("expected {}, got {got}", named.join(" or "));
    let scalar = value.is_number() || value.is_boolean();
    if scalar && wanted.contains(&"string") {
        misfits.values.add_with_hint(at, what, "put it in quotes");
    } else {
        misfits.values.add(at, what);
    }
}
