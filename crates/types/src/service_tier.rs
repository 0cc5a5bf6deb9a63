//! The service tier that a provider served a call in.

use std::{fmt, sync::Arc};

use serde::{Deserialize, Serialize};

/// What providers call the tier that has the usual price. `on_demand` is Groq's word.
const STANDARD: [&str; 4] = ["default", "standard", "auto", "on_demand"];
/// A tier's name is cut here.
const CHARS_MAX: usize = 32;

/// A service tier other than the standard one, by the provider's own name of it: `flex`,
/// `priority`. A call in it has another price.
///
/// `Option<ServiceTier>` is what a call was served in: none is the standard tier, and also what is
/// taken where a provider does not say.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ServiceTier(Arc<str>);

impl ServiceTier {
    /// The tier that a provider's word means; none where that is the standard one.
    #[must_use]
    pub fn served(word: &str) -> Option<Self> {
        let word = word.trim();
        let is_standard = |known: &&str| known.eq_ignore_ascii_case(word);
        if word.is_empty() || STANDARD.iter().any(is_standard) {
            return None;
        }
        let name: String = word.chars().take(CHARS_MAX).collect();
        Some(Self(name.to_ascii_lowercase().into()))
    }

    /// Its name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ServiceTier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_standard_tier_has_many_names_and_others_keep_theirs() {
        for word in ["", " ", "default", "Default", "standard", "auto", "on_demand"] {
            assert_eq!(ServiceTier::served(word), None, "{word}");
        }
        let long = "x".repeat(99);
        for (word, name) in [
            ("flex", "flex"),
            (" Priority ", "priority"),
            ("scale", "scale"),
            ("standard_only", "standard_only"),
            (&long, &long[..32]),
        ] {
            assert_eq!(ServiceTier::served(word).unwrap().as_str(), name);
        }
    }
}
