//! Instances of JSON Schemas, for tool arguments and structured answers.
//!
//! Covers what model providers accept of JSON Schema 2020-12: types, properties, items, enums,
//! constants, combinations, local references, numeric bounds, lengths and common formats. A
//! `pattern` is beyond it: such a string may not match.

use rand::{Rng, rngs::StdRng, seq::IndexedRandom};
use serde_json::{Map, Value, json};

use crate::prose;

/// Beyond this depth only required properties and the least items are made, so that recursive
/// schemas end.
const DEPTH_FULL: usize = 6;
/// Beyond this depth nothing is made at all.
const DEPTH_MAX: usize = 32;

/// A valid instance of `schema`, the same for the same random state.
pub(crate) fn instance(schema: &Value, rng: &mut StdRng) -> Value {
    Maker { root: schema, rng }.make(schema, 0)
}

struct Maker<'a, 'r> {
    root: &'a Value,
    rng: &'r mut StdRng,
}

impl<'a> Maker<'a, '_> {
    fn make(&mut self, schema: &'a Value, depth: usize) -> Value {
        let Some(fields) = schema.as_object().filter(|_| depth < DEPTH_MAX) else {
            // `true` and anything unreadable allow any value.
            return Value::Null;
        };
        if let Some(target) = fields.get("$ref").and_then(Value::as_str) {
            return match self.resolve(target) {
                Some(found) => self.make(found, depth + 1),
                None => Value::Null,
            };
        }
        if let Some(value) = fields.get("const") {
            return value.clone();
        }
        if let Some(choices) = fields.get("enum").and_then(Value::as_array) {
            return choices.choose(self.rng).cloned().unwrap_or_default();
        }
        if let Some(branches) = list(fields, "anyOf").or_else(|| list(fields, "oneOf")) {
            return self.branch(fields, branches, depth);
        }
        if let Some(parts) = list(fields, "allOf") {
            return self.all(fields, parts, depth);
        }
        self.typed(fields, depth)
    }

    /// A local reference: `#` or a JSON pointer behind it.
    fn resolve(&self, target: &str) -> Option<&'a Value> {
        self.root.pointer(target.strip_prefix('#')?)
    }

    /// The first branch that is not null, together with what stands beside the branches.
    fn branch(
        &mut self,
        fields: &'a Map<String, Value>,
        branches: &'a [Value],
        depth: usize,
    ) -> Value {
        let is_null = |branch: &&Value| branch.get("type").and_then(Value::as_str) == Some("null");
        let deep = depth >= DEPTH_FULL;
        let chosen = branches
            .iter()
            .find(|branch| is_null(branch) == deep)
            .or_else(|| branches.first())
            .map(|branch| self.make(branch, depth + 1))
            .unwrap_or_default();
        self.beside(fields, chosen, depth)
    }

    fn all(&mut self, fields: &'a Map<String, Value>, parts: &'a [Value], depth: usize) -> Value {
        let made = parts.iter().fold(Value::Null, |before, part| {
            let made = self.make(part, depth + 1);
            merged(before, made)
        });
        self.beside(fields, made, depth)
    }

    fn beside(&mut self, fields: &'a Map<String, Value>, made: Value, depth: usize) -> Value {
        if fields.contains_key("properties") {
            let own = self.object(fields, depth);
            return merged(own, made);
        }
        made
    }

    fn typed(&mut self, fields: &'a Map<String, Value>, depth: usize) -> Value {
        match type_of(fields) {
            "object" => self.object(fields, depth),
            "array" => self.array(fields, depth),
            "string" => Value::String(self.string(fields)),
            "integer" => self.integer(fields),
            "number" => self.number(fields),
            "boolean" => Value::Bool(self.rng.random()),
            _ => Value::Null,
        }
    }

    fn object(&mut self, fields: &'a Map<String, Value>, depth: usize) -> Value {
        let required = list(fields, "required").unwrap_or_default();
        let mut made = Map::new();
        for (name, schema) in
            fields.get("properties").and_then(Value::as_object).into_iter().flatten()
        {
            if depth < DEPTH_FULL || required.iter().any(|key| key.as_str() == Some(name)) {
                made.insert(name.clone(), self.make(schema, depth + 1));
            }
        }
        for name in required.iter().filter_map(Value::as_str) {
            if !made.contains_key(name) {
                made.insert(name.to_owned(), Value::String(prose::word(self.rng).to_owned()));
            }
        }
        Value::Object(made)
    }

    fn array(&mut self, fields: &'a Map<String, Value>, depth: usize) -> Value {
        let least = count(fields, "minItems").unwrap_or(0);
        let most = count(fields, "maxItems").unwrap_or(usize::MAX);
        let wanted = if depth < DEPTH_FULL { least.max(2) } else { least }.min(most);
        let places = list(fields, "prefixItems").unwrap_or_default();
        let unique = fields.get("uniqueItems") == Some(&Value::Bool(true));
        let mut made = Vec::new();
        // Twice as many tries as items: equal items of a unique array are made again.
        for _ in 0..wanted.max(places.len().min(most)).saturating_mul(2) {
            let Some(schema) = places.get(made.len()).or_else(|| fields.get("items")) else {
                break;
            };
            let item = self.make(schema, depth + 1);
            if !(unique && made.contains(&item)) {
                made.push(item);
            }
            if made.len() >= wanted.max(places.len().min(most)) {
                break;
            }
        }
        Value::Array(made)
    }

    fn string(&mut self, fields: &Map<String, Value>) -> String {
        if let Some(text) = fields.get("format").and_then(Value::as_str).and_then(sample_of_format)
        {
            return text.to_owned();
        }
        let mut text = prose::word(self.rng).to_owned();
        while text.chars().count() < count(fields, "minLength").unwrap_or(0) {
            text.push(' ');
            text.push_str(prose::word(self.rng));
        }
        text.chars().take(count(fields, "maxLength").unwrap_or(usize::MAX)).collect()
    }

    fn integer(&mut self, fields: &Map<String, Value>) -> Value {
        let whole = |key: &str| {
            let bound = fields.get(key)?;
            // Bounds may be written as 1.0; a fraction is met by the whole number above or below.
            bound.as_i64().or_else(|| format!("{:.0}", bound.as_f64()?).parse().ok())
        };
        let above = whole("exclusiveMinimum").map(|bound| bound.saturating_add(1));
        let below = whole("exclusiveMaximum").map(|bound| bound.saturating_sub(1));
        let (low, high) = range(whole("minimum").max(above), whole("maximum").or(below), 0, 99);
        let drawn = self.rng.random_range(low..=high.max(low));
        match whole("multipleOf").filter(|step| *step > 0) {
            None => json!(drawn),
            Some(step) => {
                let down = drawn - drawn.rem_euclid(step);
                json!(if down < low { down.saturating_add(step) } else { down })
            }
        }
    }

    fn number(&mut self, fields: &Map<String, Value>) -> Value {
        let bound = |key: &str| fields.get(key).and_then(Value::as_f64);
        let low = bound("minimum").or(bound("exclusiveMinimum"));
        let high = bound("maximum").or(bound("exclusiveMaximum"));
        let (low, high) = match (low, high) {
            (Some(low), Some(high)) => (low, high),
            (Some(low), None) => (low, low + 100.0),
            (None, Some(high)) => (high - 100.0, high),
            (None, None) => (0.0, 100.0),
        };
        match bound("multipleOf").filter(|step| *step > 0.0) {
            Some(step) => json!((high / step).floor() * step),
            // Quarters between the bounds: short to read, and never a bound itself.
            None => json!(low + (high - low) * f64::from(self.rng.random_range(1..4u8)) / 4.0),
        }
    }
}

/// The bounds given, or a window of the usual width beside the one given.
fn range(low: Option<i64>, high: Option<i64>, usual: i64, width: i64) -> (i64, i64) {
    match (low, high) {
        (Some(low), Some(high)) => (low, high),
        (Some(low), None) => (low, low.saturating_add(width)),
        (None, Some(high)) => (high.saturating_sub(width), high),
        (None, None) => (usual, usual.saturating_add(width)),
    }
}

/// The first type that is not null, or what the keywords imply.
fn type_of(fields: &Map<String, Value>) -> &str {
    match fields.get("type") {
        Some(Value::String(name)) => name,
        Some(Value::Array(names)) => {
            names.iter().filter_map(Value::as_str).find(|name| *name != "null").unwrap_or("null")
        }
        _ if fields.contains_key("properties") || fields.contains_key("required") => "object",
        _ if fields.contains_key("items") || fields.contains_key("prefixItems") => "array",
        _ => "string",
    }
}

fn list<'a>(fields: &'a Map<String, Value>, key: &str) -> Option<&'a [Value]> {
    fields.get(key).and_then(Value::as_array).map(Vec::as_slice)
}

fn count(fields: &Map<String, Value>, key: &str) -> Option<usize> {
    fields.get(key).and_then(Value::as_u64).and_then(|count| usize::try_from(count).ok())
}

/// Two objects as one; otherwise whichever says something.
fn merged(one: Value, other: Value) -> Value {
    match (one, other) {
        (Value::Object(mut one), Value::Object(other)) => {
            one.extend(other);
            Value::Object(one)
        }
        (Value::Null, value) | (value, _) => value,
    }
}

fn sample_of_format(format: &str) -> Option<&'static str> {
    Some(match format {
        "date-time" => "2026-11-22T08:30:00Z",
        "date" => "2026-11-22",
        "time" => "08:30:00Z",
        "duration" => "PT90S",
        "email" => "amber@example.com",
        "hostname" => "river.example.com",
        "uri" => "https://example.com/amber",
        "ipv4" => "192.0.2.7",
        "ipv6" => "2001:db8::7",
        "uuid" => "3f8a1c52-7d94-4e0b-9a6f-2b1c5d7e8f90",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;

    fn made(schema: &Value) -> Value {
        instance(schema, &mut StdRng::seed_from_u64(3))
    }

    #[test]
    fn the_same_state_makes_the_same_instance() {
        let schema = json!({"type": "object", "properties": {
            "city": {"type": "string"}, "days": {"type": "integer"}}});
        assert_eq!(made(&schema), made(&schema));
    }

    #[test]
    fn every_keyword_is_obeyed() {
        for seed in 0..50 {
            let rng = &mut StdRng::seed_from_u64(seed);
            let schema = json!({
                "type": "object",
                "required": ["unit", "loose"],
                "properties": {
                    "unit": {"enum": ["c", "f"]},
                    "fix": {"const": 7},
                    "days": {"type": "integer", "minimum": 3, "maximum": 11, "multipleOf": 4},
                    "temp": {"type": "number", "exclusiveMinimum": 1, "exclusiveMaximum": 2},
                    "tags": {"type": "array", "items": {"type": "string"}, "minItems": 3,
                             "uniqueItems": true},
                    "pair": {"type": "array", "prefixItems": [{"const": 1}, {"const": 2}],
                             "maxItems": 2},
                    "code": {"type": "string", "minLength": 12, "maxLength": 12},
                    "when": {"type": "string", "format": "date"},
                    "maybe": {"type": ["null", "boolean"]},
                    "place": {"$ref": "#/$defs/place"},
                    "either": {"anyOf": [{"type": "null"}, {"$ref": "#/$defs/place"}]},
                    "both": {"allOf": [
                        {"properties": {"a": {"const": 1}}}, {"properties": {"b": {"const": 2}}}]},
                },
                "$defs": {"place": {"type": "object", "properties": {"lat": {"type": "number"}}}},
            });
            let value = instance(&schema, rng);
            assert!(["c", "f"].contains(&value["unit"].as_str().unwrap()));
            assert_eq!(value["fix"], 7);
            assert!([4, 8].contains(&value["days"].as_i64().unwrap()), "{value}");
            assert!(value["temp"].as_f64().is_some_and(|temp| 1.0 < temp && temp < 2.0));
            assert_eq!(value["tags"].as_array().unwrap().len(), 3, "{value}");
            assert_eq!(value["pair"], json!([1, 2]));
            assert_eq!(value["code"].as_str().unwrap().len(), 12);
            assert_eq!(value["when"], "2026-11-22");
            assert!(value["maybe"].is_boolean());
            assert!(value["place"]["lat"].is_number() && value["either"]["lat"].is_number());
            assert_eq!(value["both"], json!({"a": 1, "b": 2}));
            assert!(value["loose"].is_string());
        }
    }

    #[test]
    fn recursive_schemas_end() {
        let tree = json!({
            "type": "object",
            "properties": {"name": {"type": "string"}, "children": {"type": "array",
                "items": {"$ref": "#"}}},
            "required": ["name", "children"],
        });
        let value = made(&tree);
        assert!(value["children"][0]["children"][1]["name"].is_string());
        assert!(made(&json!({"$ref": "#"})).is_null());
        assert!(made(&json!({"$ref": "https://example.com/schema"})).is_null());
        assert!(made(&json!(true)).is_null());
    }
}
