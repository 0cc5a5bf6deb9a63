//! The keys in memory: what a request's credential is checked against.

use std::{collections::HashMap, fmt, sync::Arc};

use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use thiserror::Error;

/// What every key begins with, so that people and secret scanners know one when they see it.
pub(crate) const PREFIX: &str = "tl_";

/// The length of a key's id, characters.
pub(crate) const ID_CHARS: usize = 10;

/// The length of a key's secret part: 32 random bytes in base64 without padding, characters.
pub(crate) const SECRET_CHARS: usize = 43;

/// The SHA-256 of a key's whole text.
///
/// A plain hash is enough: the secret part is 256 random bits, which nobody can guess.
#[derive(Clone, Copy)]
pub(crate) struct KeyHash(pub(crate) [u8; 32]);

impl KeyHash {
    /// The hash of a key.
    pub(crate) fn of(key: &str) -> Self {
        Self(Sha256::digest(key).into())
    }

    /// Compares in constant time.
    fn matches(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

/// What is known of a caller's API key; not the key itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyInfo {
    /// The id: the part of the key that is no secret, and the `caller` of its requests.
    pub id: String,
    /// What its creator called it.
    pub name: String,
    /// The features it may use; none means all of them.
    pub features: Option<Vec<String>>,
    /// The feature bound to it, for requests that name none.
    pub default_feature: Option<String>,
    /// When it was created, milliseconds since the Unix epoch.
    pub created_ms: u64,
    /// From when it is no longer valid, milliseconds since the Unix epoch.
    pub expires_ms: Option<u64>,
    /// Since when it is revoked, milliseconds since the Unix epoch.
    pub revoked_ms: Option<u64>,
}

impl KeyInfo {
    /// Whether the key may use `feature`.
    #[must_use]
    pub fn allows(&self, feature: &str) -> bool {
        self.features.as_ref().is_none_or(|allowed| allowed.iter().any(|name| name == feature))
    }
}

/// Why a presented key is not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Error)]
pub enum KeyRefusal {
    /// It does not have the form of a key.
    #[error("this is not an API key of Tieline")]
    Malformed,
    /// No key of that id and secret exists.
    #[error("the API key is unknown")]
    Unknown,
    /// It was revoked.
    #[error("the API key was revoked")]
    Revoked,
    /// Its time is over.
    #[error("the API key has expired")]
    Expired,
}

/// All keys at one moment, in memory; never touches the disk.
#[derive(Clone, Default)]
pub struct KeyRing {
    keys: HashMap<String, (Arc<KeyInfo>, KeyHash)>,
}

impl fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyRing").field("keys", &self.keys.len()).finish_non_exhaustive()
    }
}

impl KeyRing {
    /// A ring of these keys.
    pub(crate) fn new(keys: impl IntoIterator<Item = (KeyInfo, KeyHash)>) -> Self {
        let keyed = |(info, hash): (KeyInfo, KeyHash)| (info.id.clone(), (Arc::new(info), hash));
        Self { keys: keys.into_iter().map(keyed).collect() }
    }

    /// Whether there is no key at all, revoked and expired ones included.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// The key that `presented` is, if it is valid at `now_ms` (milliseconds since the Unix epoch).
    ///
    /// # Errors
    /// Why not. Only who has the whole key learns that it has expired or was revoked.
    pub fn verify(&self, presented: &str, now_ms: u64) -> Result<Arc<KeyInfo>, KeyRefusal> {
        let id = id_of(presented).ok_or(KeyRefusal::Malformed)?;
        let (info, hash) = self.keys.get(id).ok_or(KeyRefusal::Unknown)?;
        if !hash.matches(&KeyHash::of(presented)) {
            return Err(KeyRefusal::Unknown);
        }
        if info.revoked_ms.is_some_and(|revoked_ms| revoked_ms <= now_ms) {
            return Err(KeyRefusal::Revoked);
        }
        if info.expires_ms.is_some_and(|expires_ms| expires_ms <= now_ms) {
            return Err(KeyRefusal::Expired);
        }
        Ok(Arc::clone(info))
    }

    /// The key of that id, if it is valid at `now_ms`. For requests whose key was verified earlier.
    #[must_use]
    pub fn current(&self, id: &str, now_ms: u64) -> Option<Arc<KeyInfo>> {
        let (info, _) = self.keys.get(id)?;
        let over = |end: Option<u64>| end.is_some_and(|end_ms| end_ms <= now_ms);
        (!over(info.revoked_ms) && !over(info.expires_ms)).then(|| Arc::clone(info))
    }
}

/// The id within a text of the form of a key.
fn id_of(presented: &str) -> Option<&str> {
    let (id, secret) = presented.strip_prefix(PREFIX)?.split_at_checked(ID_CHARS)?;
    let secret = secret.strip_prefix('_')?;
    let is_secret = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    let well_formed = id.bytes().all(|byte| byte.is_ascii_alphanumeric())
        && secret.len() == SECRET_CHARS
        && secret.bytes().all(is_secret);
    well_formed.then_some(id)
}
