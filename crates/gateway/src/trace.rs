//! W3C trace context: read, passed on with a span of our own.

use http::{HeaderMap, HeaderName, HeaderValue};
use rand::{RngCore as _, rngs::SmallRng};

const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");

/// The trace that a request belongs to.
#[derive(Clone, Debug)]
pub(crate) struct Trace {
    /// 32 hexadecimal digits.
    pub(crate) id: String,
    flags: String,
    state: Option<HeaderValue>,
}

impl Trace {
    /// The trace of an incoming request, or a new one where it brings none that is valid.
    pub(crate) fn of(headers: &HeaderMap, rng: &mut SmallRng) -> Self {
        let incoming =
            headers.get(TRACEPARENT).and_then(|value| value.to_str().ok()).and_then(parse);
        match incoming {
            Some((id, flags)) => Self { id, flags, state: headers.get(TRACESTATE).cloned() },
            None => Self {
                id: format!("{:016x}{:016x}", rng.next_u64(), rng.next_u64() | 1),
                flags: "01".to_owned(),
                state: None,
            },
        }
    }

    /// Adds the context to an outgoing request, with a new span as its parent.
    pub(crate) fn put(&self, headers: &mut HeaderMap, rng: &mut SmallRng) {
        let text = format!("00-{}-{:016x}-{}", self.id, rng.next_u64() | 1, self.flags);
        if let Ok(value) = HeaderValue::try_from(text) {
            headers.insert(TRACEPARENT, value);
        }
        if let Some(state) = &self.state {
            headers.insert(TRACESTATE, state.clone());
        }
    }
}

/// Trace id and flags of a `traceparent` (W3C Trace Context, 3.2).
fn parse(text: &str) -> Option<(String, String)> {
    let mut fields = text.trim().split('-');
    let (version, id, span, flags) =
        (fields.next()?, fields.next()?, fields.next()?, fields.next()?);
    let hex = |field: &str, digits: usize| {
        field.len() == digits
            && field.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
    };
    let zero = |field: &str| field.bytes().all(|byte| byte == b'0');
    let valid = hex(version, 2)
        && version != "ff"
        && hex(id, 32)
        && !zero(id)
        && hex(span, 16)
        && !zero(span)
        && hex(flags, 2)
        && (version != "00" || fields.next().is_none());
    valid.then(|| (id.to_owned(), flags.to_owned()))
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng as _;

    use super::*;

    #[test]
    fn a_valid_context_is_continued_and_an_invalid_one_replaced() {
        let mut rng = SmallRng::seed_from_u64(1);
        let id = "4bf92f3577b34da6a3ce929d0e0e4736";
        let mut incoming = HeaderMap::new();
        incoming.insert(TRACEPARENT, format!("00-{id}-00f067aa0ba902b7-00").parse().unwrap());
        incoming.insert(TRACESTATE, "a=b".parse().unwrap());
        let mut out = HeaderMap::new();
        Trace::of(&incoming, &mut rng).put(&mut out, &mut rng);
        let text = out[TRACEPARENT].to_str().unwrap();
        assert!(text.starts_with(&format!("00-{id}-")) && text.ends_with("-00"), "{text}");
        assert!(!text.contains("00f067aa0ba902b7"), "the span is ours");
        assert_eq!(out[TRACESTATE], "a=b");
        for bad in [
            "",
            "00-0-0-0",
            &format!("ff-{id}-00f067aa0ba902b7-00"),
            &format!("00-{}-00f067aa0ba902b7-00", "0".repeat(32)),
        ] {
            incoming.insert(TRACEPARENT, bad.parse().unwrap());
            let trace = Trace::of(&incoming, &mut rng);
            assert_ne!(trace.id, id);
            assert!(parse(&format!("00-{}-00f067aa0ba902b7-01", trace.id)).is_some());
        }
    }
}
