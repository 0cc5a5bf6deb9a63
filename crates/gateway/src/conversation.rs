//! Which requests belong together: those of one conversation go the same way.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use http::HeaderMap;
use tieline_types::{Class, Fault};

use crate::{admit::Call, headers};

/// The most bytes of that name.
const SESSION_BYTES_MAX: usize = 256;

/// A number for the conversation that a client names in a header; only the number is kept.
pub(crate) fn session(headers: &HeaderMap) -> Result<Option<u64>, Fault> {
    let Some(name) = headers.get(headers::SESSION).filter(|name| !name.is_empty()) else {
        return Ok(None);
    };
    if name.len() > SESSION_BYTES_MAX {
        let message = format!("`{}` must be at most {SESSION_BYTES_MAX} bytes", headers::SESSION);
        return Err(Fault::new(Class::ClientInvalid, message));
    }
    let mut hasher = DefaultHasher::new();
    name.as_bytes().hash(&mut hasher);
    Ok(Some(hasher.finish()))
}

impl Call {
    /// The number that all requests of this one's conversation share; none where nothing tells, or
    /// where the feature has nothing to choose among. Callers and features are kept apart.
    pub(crate) fn conversation(&self) -> Option<u64> {
        if !self.feature.has_choice() {
            return None;
        }
        self.told()
    }

    /// The same whether or not there is anything to choose among.
    pub(crate) fn told(&self) -> Option<u64> {
        let told = self.session.or_else(|| self.head.conversation.seed(&self.body))?;
        Some(told ^ self.who.caller.rotate_left(21) ^ self.who.feature.rotate_left(42))
    }
}
