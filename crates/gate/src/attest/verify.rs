//! Which attestations hold.

use serde::{Deserialize, Serialize};

use super::{
    digest::Digest,
    envelope::{Envelope, PAYLOAD_TYPE, decode, pae},
    evidence::Evidence,
    key::{KeyId, PublicKey},
    statement::{Outcome, PREDICATE_TYPE, STATEMENT_TYPE, Statement},
};

/// Bytes of an envelope, at most; a gate with a thousand slices has a quarter of it.
pub const ENVELOPE_BYTES_MAX: usize = 1024 * 1024;
/// Signatures of an envelope that are looked at; one with more is refused.
pub const SIGNATURES_MAX: usize = 16;
/// How far the clocks of who signs and of who checks may be apart, in milliseconds.
pub const SKEW_MS: u64 = 60_000;

/// An attestation that holds.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Attestation {
    /// The digest of the identity of the deployment that it is about.
    pub digest: Digest,
    /// The key that signed it.
    pub key: KeyId,
    /// What it says.
    #[serde(flatten)]
    pub evidence: Evidence,
}

/// Why an attestation is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It is longer than [`ENVELOPE_BYTES_MAX`] or has more than [`SIGNATURES_MAX`] signatures.
    #[error("it is too large for an attestation")]
    TooLarge,
    /// It is not a file of its kind, or its parts do not fit each other.
    #[error("it is no attestation: {0}")]
    Malformed(String),
    /// Nobody signed it.
    #[error("it has no signature")]
    Unsigned,
    /// No key that is trusted signed it, and it names none of them.
    #[error("no trusted key has signed it")]
    UnknownKey,
    /// It names a trusted key, which did not sign this.
    #[error("its signature is not that of what it says")]
    BadSignature,
    /// What was signed is no statement of in-toto.
    #[error("its payload is of another type than {PAYLOAD_TYPE}")]
    PayloadType,
    /// The statement is no test result.
    #[error("its statement is no {PREDICATE_TYPE}")]
    PredicateType,
    /// The gate did not pass.
    #[error("the gate did not pass")]
    NotPassed,
    /// It holds later.
    #[error("it does not hold yet")]
    NotYetValid {
        /// From when it does, milliseconds since the Unix epoch.
        issued_ms: u64,
    },
    /// It held once.
    #[error("it has expired")]
    Expired {
        /// Since when it does not hold, milliseconds since the Unix epoch.
        expires_ms: u64,
    },
}

impl Refusal {
    /// Its name for programs.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::TooLarge => "too_large",
            Self::Malformed(_) => "malformed",
            Self::Unsigned => "unsigned",
            Self::UnknownKey => "unknown_key",
            Self::BadSignature => "bad_signature",
            Self::PayloadType => "payload_type",
            Self::PredicateType => "predicate_type",
            Self::NotPassed => "not_passed",
            Self::NotYetValid { .. } => "not_yet_valid",
            Self::Expired { .. } => "expired",
        }
    }
}

impl Attestation {
    /// Whether it holds at `now_ms`, milliseconds since the Unix epoch.
    ///
    /// # Errors
    /// That it holds later, or held once.
    pub const fn in_time(&self, now_ms: u64) -> Result<(), Refusal> {
        let Evidence { issued_ms, expires_ms, .. } = self.evidence;
        if issued_ms > now_ms.saturating_add(SKEW_MS) {
            return Err(Refusal::NotYetValid { issued_ms });
        }
        if now_ms >= expires_ms {
            return Err(Refusal::Expired { expires_ms });
        }
        Ok(())
    }
}

/// Checks an attestation as it was read from a file: whether one of the keys signed it, what it
/// says, and whether that holds at `now_ms`, milliseconds since the Unix epoch.
///
/// # Errors
/// The first reason not to believe it.
pub fn verify(envelope: &[u8], keys: &[PublicKey], now_ms: u64) -> Result<Attestation, Refusal> {
    let attestation = read(envelope, keys)?;
    attestation.in_time(now_ms)?;
    Ok(attestation)
}

/// Checks an attestation but for its time: whether one of the keys signed it, and what it says.
/// What was not signed is not looked into.
///
/// # Errors
/// The first reason not to believe it at any time.
pub fn read(envelope: &[u8], keys: &[PublicKey]) -> Result<Attestation, Refusal> {
    if envelope.len() > ENVELOPE_BYTES_MAX {
        return Err(Refusal::TooLarge);
    }
    let envelope: Envelope = serde_json::from_slice(envelope).map_err(|error| malformed(&error))?;
    let payload = decode(&envelope.payload).map_err(|error| malformed(&error))?;
    let key = signer(&envelope, &payload, keys)?;
    if envelope.payload_type != PAYLOAD_TYPE {
        return Err(Refusal::PayloadType);
    }
    let evidence = evidence(&payload)?;
    Ok(Attestation { digest: evidence.identity.digest(), key, evidence })
}

fn malformed(error: &impl ToString) -> Refusal {
    Refusal::Malformed(error.to_string())
}

/// The first trusted key that signed. Ids are only hints, so that every key is tried.
fn signer(envelope: &Envelope, payload: &[u8], keys: &[PublicKey]) -> Result<KeyId, Refusal> {
    let signatures = &envelope.signatures;
    match signatures.len() {
        0 => return Err(Refusal::Unsigned),
        1..=SIGNATURES_MAX => {}
        _ => return Err(Refusal::TooLarge),
    }
    let message = pae(&envelope.payload_type, payload);
    let mut named = false;
    for signature in signatures {
        let bytes = decode(&signature.sig).map_err(|error| malformed(&error))?;
        for key in keys {
            let id = key.id();
            if key.has_signed(&message, &bytes) {
                return Ok(id);
            }
            named |= signature.keyid == id.as_str();
        }
    }
    Err(if named { Refusal::BadSignature } else { Refusal::UnknownKey })
}

/// What a signed statement says of a gate that passed.
fn evidence(payload: &[u8]) -> Result<Evidence, Refusal> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Kind {
        #[serde(rename = "_type")]
        statement_type: String,
        predicate_type: String,
    }
    let kind: Kind = serde_json::from_slice(payload).map_err(|error| malformed(&error))?;
    if kind.statement_type != STATEMENT_TYPE || kind.predicate_type != PREDICATE_TYPE {
        return Err(Refusal::PredicateType);
    }
    let statement: Statement =
        serde_json::from_slice(payload).map_err(|error| malformed(&error))?;
    // Everything else of it follows from the evidence, so that no two readers see two things.
    if statement != Statement::of(statement.predicate.tieline.clone()) {
        return Err(malformed(&"its parts contradict each other"));
    }
    match statement.predicate.result {
        Outcome::Passed => Ok(statement.predicate.tieline),
        Outcome::Warned | Outcome::Failed => Err(Refusal::NotPassed),
    }
}
