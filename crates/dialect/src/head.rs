//! The few fields of a request body that admission needs, read without building the rest.

use std::{borrow::Cow, ops::Range};

use bytes::Bytes;
use serde::{Deserialize, de::IgnoredAny};
use serde_json::Value;
use tieline_types::{Class, Fault, ServiceTier};

use crate::{Conversation, scan};

/// Claude's word for the standard service tier and no other.
const STANDARD_ONLY: &str = "standard_only";

/// What admission reads of a request body.
///
/// The whole body is checked to be JSON and duplicate keys are refused, so that Tieline and the
/// provider cannot see two different values of `model`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Head {
    /// The value of `model`; empty when absent.
    pub model: String,
    /// Where the value of `model` stands in the body, quotes included.
    pub model_span: Option<Range<usize>>,
    /// The value of `stream`.
    pub stream: bool,
    /// The value of `stream_options.include_usage` (OpenAI Chat).
    pub include_usage: bool,
    /// The service tier that is asked for, where that is not the standard one.
    pub service_tier: Option<ServiceTier>,
    /// Where the body holds what tells its conversation from others.
    pub conversation: Conversation,
}

/// The fields of a head as they stand in the body.
#[derive(Default)]
struct Wire<'a> {
    model: Option<&'a str>,
    stream: Option<&'a str>,
    stream_options: Option<&'a str>,
    service_tier: Option<&'a str>,
    speed: Option<&'a str>,
    conversation: Conversation,
}

impl<'a> Wire<'a> {
    fn read(text: &'a str) -> Result<Self, Fault> {
        let mut wire = Self::default();
        let mut wrong = None;
        let scanned = scan::fields(text, |quoted, value| {
            let key = unquoted(quoted);
            let slot = match key.as_deref() {
                Ok("model") => &mut wire.model,
                Ok("stream") => &mut wire.stream,
                Ok("stream_options") => &mut wire.stream_options,
                Ok("service_tier" | "serviceTier") => &mut wire.service_tier,
                Ok("speed") => &mut wire.speed,
                Ok(key) => {
                    wire.conversation.note(key, || span_of(value, text));
                    return;
                }
                Err(_) => {
                    wrong = Some(Fault::new(
                        Class::ClientInvalid,
                        format!("the body has a key that is no text: {quoted}"),
                    ));
                    return;
                }
            };
            if let (Some(_), Ok(key)) = (slot.replace(value), key) {
                wrong = Some(Fault::invalid(&*key, format!("the body names `{key}` twice")));
            }
        });
        match (scanned, wrong) {
            (None, _) => Err(not_an_object(text)),
            (Some(()), Some(fault)) => Err(fault),
            (Some(()), None) => Ok(wire),
        }
    }
}

/// Where a part of a text stands in it.
fn span_of(part: &str, text: &str) -> Range<usize> {
    let start = part.as_ptr().addr() - text.as_ptr().addr();
    start..start + part.len()
}

/// A text without its quotes and escapes.
pub(crate) fn unquoted(quoted: &str) -> serde_json::Result<Cow<'_, str>> {
    if quoted.contains('\\') {
        return serde_json::from_str(quoted).map(Cow::Owned);
    }
    Ok(Cow::Borrowed(quoted.trim_matches('"')))
}

fn not_an_object(text: &str) -> Fault {
    let error = serde_json::from_str::<IgnoredAny>(text).err();
    let what = match error.filter(|_| text.trim_start().starts_with('{')) {
        Some(error) => format!("the body is not valid JSON: {error}"),
        None => "the body must be a JSON object".to_owned(),
    };
    Fault::new(Class::ClientInvalid, what)
}

fn not_utf8(body: &[u8]) -> Fault {
    let error = std::str::from_utf8(body).err().map_or_else(String::new, |error| error.to_string());
    Fault::new(Class::ClientInvalid, format!("the body is not UTF-8: {error}"))
}

/// Reads `stream_options`.
fn include_usage(raw: &str) -> Result<bool, Fault> {
    let wrong =
        || Fault::invalid("stream_options", "`stream_options` must be an object of booleans");
    match serde_json::from_str(raw) {
        Ok(Value::Null) => Ok(false),
        Ok(Value::Object(options)) => match options.get("include_usage") {
            None | Some(Value::Null) => Ok(false),
            Some(value) => value.as_bool().ok_or_else(wrong),
        },
        _ => Err(wrong()),
    }
}

/// Reads a service tier: a word, or Converse's object around it. What is neither is for the
/// provider to refuse.
fn tier(raw: &str) -> Option<ServiceTier> {
    #[derive(Deserialize)]
    struct Named<'a> {
        #[serde(borrow)]
        r#type: Cow<'a, str>,
    }
    let word: Cow<'_, str> = if raw.starts_with('{') {
        serde_json::from_str::<Named<'_>>(raw).ok()?.r#type
    } else {
        serde_json::from_str(raw).ok()?
    };
    ServiceTier::served(&word).filter(|tier| tier.as_str() != STANDARD_ONLY)
}

/// Reads Claude's `speed`.
fn fast(raw: &str) -> Option<ServiceTier> {
    (raw == r#""fast""#).then(|| ServiceTier::served("fast")).flatten()
}

impl Head {
    /// Reads the head of `body`.
    ///
    /// # Errors
    /// `client_invalid` where the body is no JSON object or a field has the wrong type.
    pub fn read(body: &[u8]) -> Result<Self, Fault> {
        let text = simdutf8::basic::from_utf8(body).map_err(|_| not_utf8(body))?;
        let wire = Wire::read(text)?;
        let (model, model_span) = match wire.model.filter(|raw| *raw != "null") {
            None => (String::new(), None),
            Some(raw) => {
                let model: Cow<'_, str> = serde_json::from_str(raw)
                    .map_err(|_| Fault::invalid("model", "`model` must be a string"))?;
                (model.into_owned(), Some(span_of(raw, text)))
            }
        };
        let stream = match wire.stream {
            None | Some("null" | "false") => false,
            Some("true") => true,
            Some(_) => return Err(Fault::invalid("stream", "`stream` must be a boolean")),
        };
        let include_usage = wire.stream_options.map_or(Ok(false), include_usage)?;
        let service_tier = wire.speed.and_then(fast).or_else(|| wire.service_tier.and_then(tier));
        let conversation = wire.conversation;
        Ok(Self { model, model_span, stream, include_usage, service_tier, conversation })
    }
}

/// Whether a request offers the model tools to call.
#[must_use]
pub fn offers_tools(body: &[u8]) -> bool {
    let Ok(text) = simdutf8::basic::from_utf8(body) else {
        return false;
    };
    let mut offered = false;
    // What cannot be scanned to its end was refused before.
    let _ = scan::fields(text, |quoted, value| {
        offered |= matches!(quoted, r#""tools""# | r#""functions""# | r#""toolConfig""#)
            && !matches!(value, "null" | "[]");
    });
    offered
}

/// The body with another `model`, every other byte as it was: the parts to send in order, without
/// copying the rest. A body without `model` gets one as its first field.
#[must_use]
pub fn splice_model(body: &Bytes, span: Option<&Range<usize>>, model: &str) -> [Bytes; 3] {
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

/// The body without `stream` and `stream_options`, so that the answer comes whole; every other
/// value as it was. None where it is no JSON object.
#[must_use]
pub fn without_stream(body: &[u8]) -> Option<Vec<u8>> {
    let text = simdutf8::basic::from_utf8(body).ok()?;
    let mut kept = String::with_capacity(text.len());
    scan::fields(text, |quoted, value| {
        if matches!(unquoted(quoted).as_deref(), Ok("stream" | "stream_options")) {
            return;
        }
        kept.push(if kept.is_empty() { '{' } else { ',' });
        kept.push_str(quoted);
        kept.push(':');
        kept.push_str(value);
    })?;
    kept.push_str(if kept.is_empty() { "{}" } else { "}" });
    Some(kept.into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_loses_its_stream_and_nothing_else() {
        let whole = |body: &str| {
            without_stream(body.as_bytes()).map(|whole| String::from_utf8(whole).unwrap())
        };
        let cases = [
            (r#"{"stream":true}"#, "{}"),
            ("{}", "{}"),
            (
                r#"{ "n": 12345678901234567890, "str\u0065am" : true, "x": { "stream": 1 } }"#,
                r#"{"n":12345678901234567890,"x":{ "stream": 1 }}"#,
            ),
            (r#"{"stream_options":{"include_usage":true},"a":"}","stream":true}"#, r#"{"a":"}"}"#),
        ];
        for (body, expected) in cases {
            assert_eq!(whole(body).as_deref(), Some(expected), "{body}");
        }
        assert_eq!(whole("[1]"), None);
    }

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
    fn a_service_tier_is_read_as_every_dialect_asks_for_it() {
        for (fields, tier) in [
            ("", None),
            (r#","service_tier":"auto""#, None),
            (r#","service_tier":null"#, None),
            (r#","service_tier":3"#, None),
            (r#","service_tier":"standard_only""#, None),
            (r#","service_tier":"flex""#, Some("flex")),
            (r#","serviceTier":{"type":"priority"}"#, Some("priority")),
            (r#","serviceTier":{"type":"default"}"#, None),
            (r#","service_tier":"auto","speed":"fast""#, Some("fast")),
            (r#","speed":1.5"#, None),
        ] {
            let head = Head::read(format!(r#"{{"model":"m"{fields}}}"#).as_bytes()).unwrap();
            assert_eq!(head.service_tier.as_ref().map(ServiceTier::as_str), tier, "{fields}");
        }
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
