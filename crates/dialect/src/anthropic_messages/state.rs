//! Provider-bound state inside `thinking.signature`.
//!
//! A signature is opaque to clients, who echo it. State that Claude cannot read travels through
//! them in an envelope with a prefix of its own, so that it is never taken for a signature.

use std::borrow::Cow;

use base64::{Engine, engine::general_purpose::STANDARD};

use crate::ir::{OpaqueState, StateFamily};

/// What an envelope with state of OpenAI models begins with; base64 of the payload follows.
const OPENAI_PREFIX: &str = "tl1.openai.";

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
    fn nothing_is_made_of_empty_or_damaged_envelopes() {
        for signature in ["", "tl1.openai.%%%", "tl1.openai./w=="] {
            assert_eq!(state_of(signature.to_owned()), None, "{signature}");
        }
    }
}
