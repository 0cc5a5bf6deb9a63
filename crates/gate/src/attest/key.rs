//! Ed25519 keys (RFC 8032) in the files that OpenSSL writes and reads.

use std::fmt;

use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use rustls_pki_types::{PrivatePkcs8KeyDer, SubjectPublicKeyInfoDer, pem::PemObject as _};
use serde::{Deserialize, Serialize};
use tieline_types::Secret;

use super::digest::Digest;

/// What comes before the 32 bytes of an Ed25519 key in its `SubjectPublicKeyInfo` (RFC 8410).
const SPKI_HEAD: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0];
/// Bytes of a public key.
const KEY_BYTES: usize = 32;
/// Hexadecimal digits of a key's id.
const ID_DIGITS: usize = 32;

/// The name of a public key: the first 32 hexadecimal digits of the SHA-256 of its
/// `SubjectPublicKeyInfo` in DER. A hint of which key to try, and nothing to be trusted.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct KeyId(String);

impl KeyId {
    /// Its digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A file or text that holds no such key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadKey {
    /// No `PUBLIC KEY` in it that is one of Ed25519.
    #[error("expected the PEM text of an Ed25519 public key")]
    Public,
    /// No `PRIVATE KEY` in it that is one of Ed25519.
    #[error("expected the PEM text of an Ed25519 private key in PKCS#8, without a passphrase")]
    Private,
}

/// The key that attestations are checked with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PublicKey([u8; KEY_BYTES]);

impl PublicKey {
    /// Reads a `PUBLIC KEY` in PEM.
    ///
    /// # Errors
    /// Where the text holds no key of Ed25519.
    pub fn from_pem(text: &str) -> Result<Self, BadKey> {
        let spki = SubjectPublicKeyInfoDer::from_pem_slice(text.as_bytes());
        let spki = spki.map_err(|_| BadKey::Public)?;
        let raw = spki.strip_prefix(&SPKI_HEAD).and_then(|raw| raw.try_into().ok());
        raw.map(Self).ok_or(BadKey::Public)
    }

    /// Writes it as a `PUBLIC KEY` in PEM.
    #[must_use]
    pub fn to_pem(&self) -> String {
        pem("PUBLIC KEY", &self.spki())
    }

    /// Its name.
    #[must_use]
    pub fn id(&self) -> KeyId {
        let mut digits = Digest::of(&self.spki()).to_string();
        digits.truncate(ID_DIGITS);
        KeyId(digits)
    }

    /// Whether the owner of the private key signed the message.
    #[must_use]
    pub fn has_signed(&self, message: &[u8], signature: &[u8]) -> bool {
        UnparsedPublicKey::new(&ED25519, self.0).verify(message, signature).is_ok()
    }

    fn spki(&self) -> Vec<u8> {
        [&SPKI_HEAD[..], &self.0].concat()
    }
}

/// The key that attestations are signed with. `Debug` shows its id only.
pub struct SigningKey {
    pair: Ed25519KeyPair,
    public: PublicKey,
}

impl SigningKey {
    /// Makes a key of 32 random bytes.
    ///
    /// # Errors
    /// Where the library takes them not.
    pub fn from_seed(seed: &[u8; KEY_BYTES]) -> Result<Self, BadKey> {
        Self::of(Ed25519KeyPair::from_seed_unchecked(seed).map_err(|_| BadKey::Private)?)
    }

    /// Reads a `PRIVATE KEY` in PEM.
    ///
    /// # Errors
    /// Where the text holds no key of Ed25519 that can be read without a passphrase.
    pub fn from_pem(text: &str) -> Result<Self, BadKey> {
        let der = PrivatePkcs8KeyDer::from_pem_slice(text.as_bytes());
        let der = der.map_err(|_| BadKey::Private)?;
        let pair = Ed25519KeyPair::from_pkcs8(der.secret_pkcs8_der());
        Self::of(pair.map_err(|_| BadKey::Private)?)
    }

    fn of(pair: Ed25519KeyPair) -> Result<Self, BadKey> {
        let public = pair.public_key().as_ref().try_into().map_err(|_| BadKey::Private)?;
        Ok(Self { pair, public: PublicKey(public) })
    }

    /// Writes it as a `PRIVATE KEY` in PEM (PKCS#8, version 1).
    ///
    /// # Errors
    /// Where the library cannot.
    pub fn to_pem(&self) -> Result<Secret, BadKey> {
        let der = self.pair.to_pkcs8v1().map_err(|_| BadKey::Private)?;
        Ok(Secret::new(pem("PRIVATE KEY", der.as_ref())))
    }

    /// The key that checks what this one signs.
    #[must_use]
    pub const fn public(&self) -> PublicKey {
        self.public
    }

    /// Signs a message; none where the library cannot.
    pub(super) fn sign(&self, message: &[u8]) -> Option<Vec<u8>> {
        self.pair.try_sign(message).ok().map(|signature| signature.as_ref().to_vec())
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({})", self.public.id())
    }
}

/// Both kinds of keys fit into one line of PEM.
fn pem(label: &str, der: &[u8]) -> String {
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", BASE64_STANDARD.encode(der))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The key of RFC 8410, section 10, as that standard and OpenSSL write it.
    const PRIVATE: &str = "-----BEGIN PRIVATE KEY-----\n\
        MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n\
        -----END PRIVATE KEY-----\n";
    const PUBLIC: &str = "-----BEGIN PUBLIC KEY-----\n\
        MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n\
        -----END PUBLIC KEY-----\n";

    #[test]
    fn keys_are_written_and_read_as_openssl_does() {
        let key = SigningKey::from_pem(PRIVATE).unwrap();
        assert_eq!(key.to_pem().unwrap().expose(), PRIVATE);
        assert_eq!(key.public().to_pem(), PUBLIC);
        assert_eq!(PublicKey::from_pem(PUBLIC), Ok(key.public()));
        assert_eq!(key.public().id().as_str(), "a1e9156054e04fac899ae9f275132cdc");
    }

    /// RFC 8032, section 7.1, test 2.
    #[test]
    fn signatures_are_those_of_rfc_8032() {
        let bytes = |text: &str| -> Vec<u8> {
            let pairs = text.as_bytes().chunks(2).map(|pair| str::from_utf8(pair).unwrap());
            pairs.map(|pair| u8::from_str_radix(pair, 16).unwrap()).collect()
        };
        let seed = bytes("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb");
        let key = SigningKey::from_seed(seed.as_slice().try_into().unwrap()).unwrap();
        let signature = key.sign(&[0x72]).unwrap();
        let wanted = bytes(
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da\
             085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
        );
        assert_eq!(signature, wanted);
        assert!(key.public().has_signed(&[0x72], &wanted));
        assert!(!key.public().has_signed(&[0x73], &wanted));
    }

    #[test]
    fn nothing_else_is_a_key() {
        let rsa = PUBLIC.replace("MCowBQYDK2VwAyEA", "MCowBQYDK2VuAyEA");
        for text in ["", "ssh-ed25519 AAAA", PRIVATE, &rsa, &PUBLIC.replace("AxZuE=", "AxZg==")] {
            assert_eq!(PublicKey::from_pem(text), Err(BadKey::Public), "{text}");
        }
        for text in ["", PUBLIC, "-----BEGIN PRIVATE KEY-----\nMC4C\n-----END PRIVATE KEY-----\n"] {
            assert_eq!(SigningKey::from_pem(text).err(), Some(BadKey::Private), "{text}");
        }
    }

    #[test]
    fn debug_shows_no_secret() {
        let shown = format!("{:?}", SigningKey::from_pem(PRIVATE).unwrap());
        let id = PublicKey::from_pem(PUBLIC).unwrap().id();
        assert_eq!(shown, format!("SigningKey({id})"));
    }
}
