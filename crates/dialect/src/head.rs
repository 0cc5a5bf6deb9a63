//! The few fields of a request body that admission needs, read without building the rest.

use std::borrow::Cow;

use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Value, value::RawValue};
use tieline_types::{Class, Fault};

/// What admission reads of a request body.
///
/// The whole body is checked to be JSON and duplicate keys are refused, so that Tieline and the
/// provider cannot see two different values of `model`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// The value of `model`; empty when absent.
    pub model: String,
    /// Where the value of `model` stands in the body, quotes included.
    pub model_span: Option<std::ops::Range<usize>>,
    /// The value of `stream`.
    pub stream: bool,
    /// The value of `stream_options.include_usage` (OpenAI Chat).
    pub include_usage: bool,
}

#[derive(Deserialize)]
struct Wire<'a> {
    #[serde(borrow, default)]
    model: Option<&'a RawValue>,
    #[serde(borrow, default)]
    stream: Option<&'a RawValue>,
    #[serde(borrow, default)]
    stream_options: Option<&'a RawValue>,
}

/// Reads `stream_options`; a derived struct would also take an array for one.
fn include_usage(raw: &RawValue) -> Result<bool, Fault> {
    let wrong =
        || Fault::invalid("stream_options", "`stream_options` must be an object of booleans");
    match serde_json::from_str(raw.get()) {
        Ok(Value::Null) => Ok(false),
        Ok(Value::Object(options)) => match options.get("include_usage") {
            None | Some(Value::Null) => Ok(false),
            Some(value) => value.as_bool().ok_or_else(wrong),
        },
        _ => Err(wrong()),
    }
}

impl Head {
    /// Reads the head of `body`.
    ///
    /// # Errors
    /// `client_invalid` where the body is no JSON object or a field has the wrong type.
    pub fn read(body: &[u8]) -> Result<Self, Fault> {
        let text = std::str::from_utf8(body).map_err(|error| {
            Fault::new(Class::ClientInvalid, format!("the body is not UTF-8: {error}"))
        })?;
        let wire: Wire<'_> = serde_json::from_str(text).map_err(|error| {
            let what = if text.trim_start().starts_with('{') {
                format!("the body is not valid JSON: {error}")
            } else {
                "the body must be a JSON object".to_owned()
            };
            Fault::new(Class::ClientInvalid, what)
        })?;
        let (model, model_span) = match wire.model.filter(|raw| raw.get() != "null") {
            None => (String::new(), None),
            Some(raw) => {
                let model: Cow<'_, str> = serde_json::from_str(raw.get())
                    .map_err(|_| Fault::invalid("model", "`model` must be a string"))?;
                let start = raw.get().as_ptr().addr() - text.as_ptr().addr();
                (model.into_owned(), Some(start..start + raw.get().len()))
            }
        };
        let stream = match wire.stream.map(RawValue::get) {
            None | Some("null" | "false") => false,
            Some("true") => true,
            Some(_) => return Err(Fault::invalid("stream", "`stream` must be a boolean")),
        };
        let include_usage = wire.stream_options.map_or(Ok(false), include_usage)?;
        Ok(Self { model, model_span, stream, include_usage })
    }
}

/// The body with another `model`, every other byte as it was: the parts to send in order, without
/// copying the rest. A body without `model` gets one as its first field.
#[must_use]
pub fn splice_model(
    body: &Bytes,
    span: Option<&std::ops::Range<usize>>,
    model: &str,
) -> [Bytes; 3] {
    let quoted = serde_json::to_vec(model).unwrap_or_default();
    match span {
        Some(span) => {
            let end = span.end.min(body.len());
            let start = span.start.min(end);
            [body.slice(..start), quoted.into(), body.slice(end..)]
        }
        None => {
            let open = body.iter().position(|byte| *byte == b'{').map_or(0, |at| at + 1);
            let rest = body.slice(open..);
            let only = rest.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'}');
            let mut field = b"\"model\":".to_vec();
            field.extend_from_slice(&quoted);
            if !only {
                field.push(b',');
            }
            [body.slice(..open), field.into(), rest]
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spliced(body: &str, model: &str) -> String {
        let bytes = Bytes::copy_from_slice(body.as_bytes());
        let head = Head::read(&bytes).unwrap();
        let parts = splice_model(&bytes, head.model_span.as_ref(), model).concat();
        String::from_utf8(parts).unwrap()
    }

    #[test]
    fn only_the_model_changes() {
        assert_eq!(
            spliced(r#"{"n":12345678901234567890, "model" : "a\u0062" ,"x":0.70}"#, "g\"5"),
            r#"{"n":12345678901234567890, "model" : "g\"5" ,"x":0.70}"#
        );
        assert_eq!(spliced(r#"{"stream":true}"#, "m"), r#"{"model":"m","stream":true}"#);
        assert_eq!(spliced("{ }", "m"), r#"{"model":"m" }"#);
    }

    #[test]
    fn escaped_and_duplicate_keys_cannot_hide_a_model() {
        let head = Head::read(
            br#"{"mod\u0065l":"m","stream":true,"stream_options":{"include_usage":true}}"#,
        );
        let head = head.unwrap();
        assert_eq!(head.model, "m");
        assert!(head.stream && head.include_usage);
        assert!(Head::read(br#"{"model":"a","model":"b"}"#).is_err());
    }

    #[test]
    fn wrong_types_are_named() {
        for (body, param) in [
            (&br#"{"model":3}"#[..], Some("model")),
            (br#"{"model":"m","stream":"yes"}"#, Some("stream")),
            (br#"{"model":"m","stream_options":[]}"#, Some("stream_options")),
            (b"[1]", None),
            (b"{\"model\":", None),
            (b"\xff", None),
        ] {
            let fault = Head::read(body).unwrap_err();
            assert_eq!(fault.class, Class::ClientInvalid);
            if param.is_some() {
                assert_eq!(fault.param.as_deref(), param);
            }
        }
    }

    #[test]
    fn deep_nesting_costs_no_stack() {
        let deep = format!(r#"{{"model":"m","x":{}{}}}"#, "[".repeat(100_000), "]".repeat(100_000));
        assert_eq!(Head::read(deep.as_bytes()).unwrap().model, "m");
    }
}
