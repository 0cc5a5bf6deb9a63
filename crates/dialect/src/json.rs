//! Reading JSON objects field by field, so that what nobody took is known to be left over.

use serde_json::{Map, Value, value::RawValue};
use tieline_types::{Class, Fault};

use crate::ir::Foreign;

/// An object being read: fields are taken out one by one; what remains is foreign.
#[derive(Debug)]
pub(crate) struct Fields {
    path: String,
    map: Map<String, Value>,
}

impl Fields {
    /// Reads a request body.
    pub(crate) fn of_body(body: &[u8]) -> Result<Self, Fault> {
        match serde_json::from_slice(body) {
            Ok(Value::Object(map)) => Ok(Self { path: String::new(), map }),
            Ok(other) => Err(Fault::new(
                Class::ClientInvalid,
                format!("the body must be a JSON object, not {}", kind(&other)),
            )),
            Err(error) => Err(Fault::new(
                Class::ClientInvalid,
                format!("the body is not valid JSON: {error}"),
            )),
        }
    }

    /// Reads a nested value that must be an object.
    pub(crate) fn of_value(value: Value, path: impl Into<String>) -> Result<Self, Fault> {
        let path = path.into();
        match value {
            Value::Object(map) => Ok(Self { path, map }),
            other => Err(expected(&path, "an object", &other)),
        }
    }

    /// Where `key` of this object stands in the body.
    pub(crate) fn path(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }

    /// Takes a field out; JSON null counts as absent.
    pub(crate) fn take(&mut self, key: &str) -> Option<Value> {
        // What remains keeps the client's order, so that losses are told in it.
        self.map.shift_remove(key).filter(|value| !value.is_null())
    }

    /// Takes a string field.
    pub(crate) fn string(&mut self, key: &str) -> Result<Option<String>, Fault> {
        match self.take(key) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(other) => Err(expected(&self.path(key), "a string", &other)),
        }
    }

    /// Takes a string field that must be there.
    pub(crate) fn required_string(&mut self, key: &str) -> Result<String, Fault> {
        self.string(key)?.ok_or_else(|| self.missing(key))
    }

    /// Takes a boolean field.
    pub(crate) fn boolean(&mut self, key: &str) -> Result<Option<bool>, Fault> {
        match self.take(key) {
            None => Ok(None),
            Some(Value::Bool(value)) => Ok(Some(value)),
            Some(other) => Err(expected(&self.path(key), "a boolean", &other)),
        }
    }

    /// Takes a whole number that is not negative.
    pub(crate) fn unsigned(&mut self, key: &str) -> Result<Option<u64>, Fault> {
        match self.take(key) {
            None => Ok(None),
            Some(value) => value
                .as_u64()
                .map(Some)
                .ok_or_else(|| expected(&self.path(key), "a whole number of at least 0", &value)),
        }
    }

    /// Takes a whole number.
    pub(crate) fn integer(&mut self, key: &str) -> Result<Option<i64>, Fault> {
        match self.take(key) {
            None => Ok(None),
            Some(value) => value
                .as_i64()
                .map(Some)
                .ok_or_else(|| expected(&self.path(key), "a whole number", &value)),
        }
    }

    /// Takes a number.
    pub(crate) fn number(&mut self, key: &str) -> Result<Option<f64>, Fault> {
        match self.take(key) {
            None => Ok(None),
            Some(value) => value
                .as_f64()
                .map(Some)
                .ok_or_else(|| expected(&self.path(key), "a number", &value)),
        }
    }

    /// Takes an array field.
    pub(crate) fn array(&mut self, key: &str) -> Result<Option<Vec<Value>>, Fault> {
        match self.take(key) {
            None => Ok(None),
            Some(Value::Array(items)) => Ok(Some(items)),
            Some(other) => Err(expected(&self.path(key), "an array", &other)),
        }
    }

    /// Takes an array of strings; none is an empty one.
    pub(crate) fn strings(&mut self, key: &str) -> Result<Vec<String>, Fault> {
        let path = self.path(key);
        let items = self.array(key)?.unwrap_or_default().into_iter().enumerate();
        items
            .map(|(at, item)| match item {
                Value::String(text) => Ok(text),
                other => Err(expected(&format!("{path}[{at}]"), "a string", &other)),
            })
            .collect()
    }

    /// Takes an object whose values are strings, in the client's order; none is an empty one.
    pub(crate) fn pairs(&mut self, key: &str) -> Result<Vec<(String, String)>, Fault> {
        let Some(object) = self.object(key)? else {
            return Ok(Vec::new());
        };
        let pairs = object.map.into_iter().map(|(name, value)| match value {
            Value::String(text) => Ok((name, text)),
            other => Err(expected(&format!("{}.{name}", object.path), "a string", &other)),
        });
        pairs.collect()
    }

    /// Takes an object field.
    pub(crate) fn object(&mut self, key: &str) -> Result<Option<Self>, Fault> {
        let path = self.path(key);
        self.take(key).map(|value| Self::of_value(value, path)).transpose()
    }

    /// Takes a field as JSON text.
    pub(crate) fn raw(&mut self, key: &str) -> Option<Box<RawValue>> {
        self.take(key).map(|value| raw(&value))
    }

    /// The fault for a missing field.
    pub(crate) fn missing(&self, key: &str) -> Fault {
        let path = self.path(key);
        Fault::invalid(&path, format!("`{path}` is required"))
    }

    /// All that nobody took, as foreign fields; those named in `refuse` must not be dropped.
    pub(crate) fn leftover(self, refuse: &[&str], into: &mut Vec<Foreign>) {
        for (key, value) in &self.map {
            if value.is_null() {
                continue;
            }
            into.push(Foreign { path: self.path(key), refuse: refuse.contains(&key.as_str()) });
        }
    }
}

/// The fault for a value of the wrong type at `path`.
pub(crate) fn expected(path: &str, what: &str, got: &Value) -> Fault {
    Fault::invalid(path, format!("`{path}` must be {what}, not {}", kind(got)))
}

/// What a JSON value is, in words.
pub(crate) fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

/// A string field, where there is one.
pub(crate) fn text_in<'a>(value: &'a Value, key: &str) -> Option<&'a str> {
    value.get(key).and_then(Value::as_str)
}

/// A string field; empty when it is missing, null or not a string.
pub(crate) fn text_or_empty<'a>(value: &'a Value, key: &str) -> &'a str {
    text_in(value, key).unwrap_or_default()
}

/// The object behind a value; empty when it is none.
pub(crate) fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

/// A value as JSON text.
pub(crate) fn raw(value: &Value) -> Box<RawValue> {
    serde_json::value::to_raw_value(value).unwrap_or_else(|_| RawValue::NULL.to_owned())
}

/// A JSON value as bytes. Values built in memory always serialise.
pub(crate) fn bytes<T: serde::Serialize>(value: &T) -> Vec<u8> {
    serde_json::to_vec(value).unwrap_or_default()
}

/// The fault of a stream that ended without its terminal event.
pub(crate) fn truncated() -> Fault {
    Fault::new(Class::StreamTruncated, "the provider's stream ended before the answer was complete")
}

/// The fault of a reply that is not of its dialect.
pub(crate) fn bad_payload(message: impl Into<String>) -> Fault {
    Fault::new(Class::BadPayload, message)
}
