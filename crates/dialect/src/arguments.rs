//! The arguments of tool calls: JSON text in OpenAI's dialects, an object in the others.

use std::borrow::Cow;

use serde_json::{Value, json, value::RawValue};

use crate::{Losses, json::raw};

/// The arguments of a call that has none.
pub(crate) const NONE: &str = "{}";

/// The arguments as text, which must never be empty.
pub(crate) fn text(arguments: &str) -> &str {
    if arguments.trim().is_empty() { NONE } else { arguments }
}

/// The arguments in a field that holds text, or an object as some servers send it; empty when
/// there are none.
pub(crate) fn text_in(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    }
}

/// The arguments as an object, text untouched.
///
/// Some models leave them empty or write one object after another; the last is meant. What is no
/// object is wrapped as `{"input": …}` rather than refused, because it stands in a history that the
/// client cannot change.
pub(crate) fn object<'a>(arguments: &'a str, losses: &mut Losses) -> Cow<'a, RawValue> {
    let is_object = |value: &&RawValue| value.get().starts_with('{');
    let values: Result<Vec<&'a RawValue>, _> =
        serde_json::Deserializer::from_str(arguments).into_iter().collect();
    match values.as_deref() {
        Ok([]) => return Cow::Owned(empty_object()),
        Ok([only]) if only.get() == "null" => return Cow::Owned(empty_object()),
        Ok([only]) if is_object(only) => return Cow::Borrowed(only),
        _ => losses.downgrade("tool_call.arguments"),
    }
    match values.as_deref() {
        Ok([objects @ .., last]) if objects.iter().all(is_object) && is_object(last) => {
            Cow::Borrowed(last)
        }
        _ => Cow::Owned(raw(&json!({ "input": arguments }))),
    }
}

/// An empty object.
pub(crate) fn empty_object() -> Box<RawValue> {
    raw(&json!({}))
}

/// The JSON Schema of a tool that takes no arguments.
pub(crate) fn no_parameters() -> Box<RawValue> {
    raw(&json!({ "type": "object", "properties": {} }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_become_an_object_and_keep_their_text() {
        for (arguments, input, lossless) in [
            (r#"{"b": 1.50, "a":2}"#, r#"{"b": 1.50, "a":2}"#, true),
            (r#"{"n": 12345678901234567890123}"#, r#"{"n": 12345678901234567890123}"#, true),
            (r#"{"__proto__":{}}"#, r#"{"__proto__":{}}"#, true),
            ("", "{}", true),
            (" \n", "{}", true),
            ("null", "{}", true),
            (r#"{}{"city":"Rome"}"#, r#"{"city":"Rome"}"#, false),
            ("[1,2]", r#"{"input":"[1,2]"}"#, false),
            (r#""text""#, r#"{"input":"\"text\""}"#, false),
            (r#"{"cut": "of"#, r#"{"input":"{\"cut\": \"of"}"#, false),
        ] {
            let mut losses = Losses::default();
            assert_eq!(object(arguments, &mut losses).get(), input);
            assert_eq!(losses.is_empty(), lossless, "{arguments}");
        }
    }
}
