//! The Dead Simple Signing Envelope, version 1 (secure-systems-lab/dsse, `protocol.md` and
//! `envelope.md`).

use base64::{
    DecodeError, Engine as _,
    alphabet::{STANDARD, URL_SAFE},
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
    prelude::BASE64_STANDARD,
};
use serde::{Deserialize, Serialize};

use super::{key::SigningKey, statement::Statement};

/// The type of payload that holds a statement of in-toto.
pub const PAYLOAD_TYPE: &str = "application/vnd.in-toto+json";

/// What is signed: the type and the bytes of a payload, and how long each is, so that neither can
/// be taken for a part of the other.
#[must_use]
pub fn pae(payload_type: &str, payload: &[u8]) -> Vec<u8> {
    let head = format!("DSSEv1 {} {payload_type} {} ", payload_type.len(), payload.len());
    [head.as_bytes(), payload].concat()
}

/// A payload with its signatures, as it is kept in files.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Envelope {
    /// The payload in Base64.
    pub payload: String,
    /// What it is.
    pub payload_type: String,
    /// Who signed it.
    pub signatures: Vec<Signature>,
}

/// One signature.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signature {
    /// Which key may have made it. Nobody signed this hint.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub keyid: String,
    /// The signature in Base64.
    pub sig: String,
}

/// Why nothing was signed.
#[derive(Debug, thiserror::Error)]
pub enum Unsigned {
    /// The statement holds what JSON has no word for.
    #[error("the statement cannot be written")]
    Written(#[source] serde_json::Error),
    /// The library refused.
    #[error("the key does not sign")]
    Refused,
}

impl Envelope {
    /// Signs a statement.
    ///
    /// # Errors
    /// Where it cannot be written, or the key does not sign.
    pub fn sign(statement: &Statement, key: &SigningKey) -> Result<Self, Unsigned> {
        let payload = serde_json::to_vec(statement).map_err(Unsigned::Written)?;
        Self::sign_bytes(PAYLOAD_TYPE, &payload, key)
    }

    /// Signs any payload of any type.
    ///
    /// # Errors
    /// Where the key does not sign.
    pub fn sign_bytes(
        payload_type: &str,
        payload: &[u8],
        key: &SigningKey,
    ) -> Result<Self, Unsigned> {
        let signature = key.sign(&pae(payload_type, payload)).ok_or(Unsigned::Refused)?;
        Ok(Self {
            payload: BASE64_STANDARD.encode(payload),
            payload_type: payload_type.to_owned(),
            signatures: vec![Signature {
                keyid: key.public().id().to_string(),
                sig: BASE64_STANDARD.encode(signature),
            }],
        })
    }
}

/// Reads Base64 in the standard or the URL-safe alphabet, both of which a verifier must take.
pub(super) fn decode(text: &str) -> Result<Vec<u8>, DecodeError> {
    const LENIENT: GeneralPurposeConfig =
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    let standard = GeneralPurpose::new(&STANDARD, LENIENT).decode(text);
    standard.or_else(|_| GeneralPurpose::new(&URL_SAFE, LENIENT).decode(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of DSSE's `protocol.md`.
    #[test]
    fn the_encoding_is_that_of_the_standard() {
        let encoded = pae("http://example.com/HelloWorld", b"hello world");
        assert_eq!(encoded, b"DSSEv1 29 http://example.com/HelloWorld 11 hello world");
        assert_eq!(pae("", b""), b"DSSEv1 0  0 ");
        assert_eq!(pae("é", b"x"), "DSSEv1 2 é 1 x".as_bytes());
    }

    #[test]
    fn both_alphabets_are_read_and_nothing_loose() {
        for text in ["+/8=", "+/8", "-_8=", "-_8"] {
            assert_eq!(decode(text).unwrap(), [0xfb, 0xff], "{text}");
        }
        for text in ["+_8=", "+/9=", "+/8=\n", " +/8=", "+/8==", "é"] {
            assert!(decode(text).is_err(), "{text:?}");
        }
    }
}
