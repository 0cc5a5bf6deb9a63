//! Tokens: the right to have faults injected into one request, signed by whoever has the key.
//!
//! A token is the unpadded base64url text of its JSON, a full stop, and the same of the
//! HMAC-SHA256 of [`CONTEXT`] and that first text.

use aws_lc_rs::hmac;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use http::HeaderMap;
use serde::{Deserialize, Serialize};
use tieline_types::{Class, Fault, Secret};

use super::{InjectedFault, fault, is_name};
use crate::{gateway::Gateway, headers, plan::ActivePlan};

/// The most bytes of a token.
const TOKEN_BYTES_MAX: usize = 4096;
/// What is signed before the payload, so that no signature for anything else passes for one.
const CONTEXT: &[u8] = b"tieline-drill.v1.";

/// What a token says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DrillToken {
    /// The name of the drill, which metrics and records carry.
    pub drill: String,
    /// Until when it holds, seconds since the Unix epoch.
    pub expires_s: u64,
    /// The only feature that it holds for; none for any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub feature: Option<String>,
    /// What is injected.
    pub faults: Vec<InjectedFault>,
}

/// Why a token is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
enum BadToken {
    #[error("it has more than {TOKEN_BYTES_MAX} bytes")]
    TooLarge,
    #[error("the header stands there more than once")]
    Repeated,
    #[error("it is not two base64url texts with a full stop between them")]
    Form,
    #[error("its signature does not fit the key of this gateway")]
    Signature,
    #[error("its payload is not one of a drill: {0}")]
    Payload(String),
    #[error("it expired {0} s ago")]
    Expired(u64),
    #[error("it holds for longer than the `max_ttl` of {0} s")]
    TooLong(u64),
    #[error("it holds for the feature `{0}` only")]
    Feature(String),
}

impl BadToken {
    /// Who has no right to a drill is told so otherwise than who makes a mistake.
    const fn class(&self) -> Class {
        match self {
            Self::TooLarge | Self::Repeated | Self::Form | Self::Payload(_) => Class::ClientInvalid,
            Self::Signature | Self::Expired(_) | Self::TooLong(_) | Self::Feature(_) => {
                Class::CallerDenied
            }
        }
    }

    fn fault(&self) -> Fault {
        let message = format!("`{}` is refused: {self}", headers::DRILL);
        Fault::new(self.class(), message)
    }
}

impl DrillToken {
    /// The value of the header `x-tieline-drill`, signed with the key of the configuration's
    /// `drills`.
    #[must_use]
    pub fn signed(&self, key: &Secret) -> String {
        // A record of texts and numbers is never refused.
        let payload = URL_SAFE_NO_PAD.encode(serde_json::to_vec(self).unwrap_or_default());
        let tag = hmac::sign(&signing(key), &message(&payload));
        format!("{payload}.{}", URL_SAFE_NO_PAD.encode(tag))
    }

    /// Reads a token that was signed with `key`, whenever that was.
    fn read(text: &[u8], key: &Secret) -> Result<Self, BadToken> {
        if text.len() > TOKEN_BYTES_MAX {
            return Err(BadToken::TooLarge);
        }
        let text = std::str::from_utf8(text).map_err(|_| BadToken::Form)?;
        let (payload, tag) = text.trim().split_once('.').ok_or(BadToken::Form)?;
        let decoded = |text| URL_SAFE_NO_PAD.decode(text).map_err(|_| BadToken::Form);
        let (tag, json) = (decoded(tag)?, decoded(payload)?);
        // In constant time, and before anything of the payload is believed.
        hmac::verify(&signing(key), &message(payload), &tag).map_err(|_| BadToken::Signature)?;
        serde_json::from_slice(&json).map_err(|error| BadToken::Payload(error.to_string()))
    }
}

fn signing(key: &Secret) -> hmac::Key {
    hmac::Key::new(hmac::HMAC_SHA256, key.expose().as_bytes())
}

fn message(payload: &str) -> Vec<u8> {
    [CONTEXT, payload.as_bytes()].concat()
}

/// The token that a client sends for a request of this feature. Where no drills are configured,
/// the header means nothing.
///
/// # Errors
/// The fault that says why it is refused: such a request is never sent as if it had none.
pub(crate) fn token(
    gateway: &Gateway,
    plan: &ActivePlan,
    headers: &HeaderMap,
    feature: &str,
) -> Result<Option<Box<DrillToken>>, Fault> {
    let Some(allowed) = &plan.config.drills else {
        return Ok(None);
    };
    let mut sent = headers.get_all(headers::DRILL).iter();
    let Some(text) = sent.next() else {
        return Ok(None);
    };
    let mut read = || {
        if sent.next().is_some() {
            return Err(BadToken::Repeated);
        }
        let token = DrillToken::read(text.as_bytes(), &allowed.key)?;
        let now_s = gateway.unix_ms() / 1000;
        if token.expires_s <= now_s {
            return Err(BadToken::Expired(now_s - token.expires_s));
        }
        let max_s = allowed.max_ttl.as_secs();
        if token.expires_s - now_s > max_s {
            return Err(BadToken::TooLong(max_s));
        }
        if let Some(only) = token.feature.as_ref().filter(|only| *only != feature) {
            return Err(BadToken::Feature(only.clone()));
        }
        if !is_name(&token.drill) {
            return Err(BadToken::Payload(super::NAMES.to_owned()));
        }
        match fault::wrong(&token.faults, &plan.config) {
            Some(wrong) => Err(BadToken::Payload(wrong)),
            None => Ok(Some(Box::new(token))),
        }
    };
    read().map_err(|bad| bad.fault())
}
