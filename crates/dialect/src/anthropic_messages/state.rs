//! Provider-bound state inside `thinking.signature`.
//!
//! A signature is opaque to clients, who echo it. State that Claude cannot read travels through
//! them in an envelope with a prefix of its own, so that it is never taken for a signature.

use std::borrow::Cow;

use memchr::memmem;

use base64::{Engine, engine::general_purpose::STANDARD};

use crate::ir::{OpaqueState, StateFamily};

/// What an envelope with state of OpenAI models begins with; base64 of the payload follows.
const OPENAI_PREFIX: &str = "tl1.openai.";

/// The field of a signature.
const SIGNATURE: &[u8] = b"\"signature\"";

/// The signature that carries `state` to a client.
pub(crate) fn signature_of(state: &OpaqueState) -> Cow<'_, str> {
    match state.family {
        StateFamily::Anthropic => Cow::Borrowed(&state.payload),
        StateFamily::Openai => {
            Cow::Owned(format!("{OPENAI_PREFIX}{}", STANDARD.encode(&state.payload)))
        }
    }
}

/// The state behind a signature; none where it is empty or a damaged envelope.
pub(crate) fn state_of(signature: String) -> Option<OpaqueState> {
    if signature.is_empty() {
        return None;
    }
    let (family, payload) = match signature.strip_prefix(OPENAI_PREFIX) {
        None => (StateFamily::Anthropic, signature),
        Some(envelope) => {
            let payload = String::from_utf8(STANDARD.decode(envelope).ok()?).ok()?;
            (StateFamily::Openai, payload)
        }
    };
    Some(OpaqueState { family, payload, redacted: false })
}

/// Whether a request holds thinking that Claude did not sign: an envelope, or an empty signature.
pub(crate) fn is_unsigned_in(body: &[u8]) -> bool {
    let empty = |at: usize| {
        let rest = body.get(at + SIGNATURE.len()..).unwrap_or_default().trim_ascii_start();
        let value = rest.strip_prefix(b":").map(<[u8]>::trim_ascii_start);
        value.is_some_and(|value| value.starts_with(b"\"\""))
    };
    memmem::find(body, OPENAI_PREFIX.as_bytes()).is_some()
        || memmem::find_iter(body, SIGNATURE).any(empty)
}

/// The state of a `redacted_thinking` block.
pub(crate) fn redacted(data: String) -> OpaqueState {
    OpaqueState { family: StateFamily::Anthropic, payload: data, redacted: true }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn state_of_either_family_comes_back() {
        for (family, payload) in [
            (StateFamily::Anthropic, "EqQBCgIYAhIM"),
            (StateFamily::Openai, "rs_68af\ngAAAAABo\u{e9}=="),
        ] {
            let state = OpaqueState { family, payload: payload.to_owned(), redacted: false };
            assert_eq!(state_of(signature_of(&state).into_owned()), Some(state));
        }
    }

    #[test]
    fn thinking_without_claudes_signature_is_known() {
        for (body, unsigned) in [
            (r#"{"type":"thinking","signature":"EqQB"}"#, false),
            (r#"{"type":"thinking","signature" : ""}"#, true),
            (r#"{"type":"thinking","signature":"tl1.openai.cnM="}"#, true),
            (r#"{"text":"\"signature\":\"\""}"#, false),
            ("{}", false),
        ] {
            assert_eq!(is_unsigned_in(body.as_bytes()), unsigned, "{body}");
        }
    }

    #[test]
    fn nothing_is_made_of_empty_or_damaged_envelopes() {
        for signature in ["", "tl1.openai.%%%", "tl1.openai./w=="] {
            assert_eq!(state_of(signature.to_owned()), None, "{signature}");
        }
    }
}
