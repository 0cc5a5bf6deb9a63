//! What answers are kept under. No key is made without saying whose answers these are.

use http::HeaderMap;
use sha2::{Digest as _, Sha256};
use tieline_types::DialectId;

/// Whose answers: those of one caller to one feature, in one dialect.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scope<'a> {
    /// The caller's id.
    pub(crate) caller: &'a str,
    /// The feature's name.
    pub(crate) feature: &'a str,
    /// The dialect the client speaks.
    pub(crate) dialect: DialectId,
    /// Headers of the client's that providers get to see: they may change the answer.
    pub(crate) passed_on: Option<&'a HeaderMap>,
}

/// What a key stands for, so that one of the first kind never meets one of the second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// One whole request.
    Exact,
    /// All requests that differ in nothing but the wording of their last text.
    Wording,
}

/// A hash of a scope and of what was asked in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Key([u8; 32]);

impl Scope<'_> {
    /// The key of what was asked. Every part goes in with its length, so that no two lists of parts
    /// read alike.
    pub(crate) fn key(&self, kind: Kind, asked: &[&[u8]]) -> Key {
        let own =
            [self.caller.as_bytes(), self.feature.as_bytes(), self.dialect.as_str().as_bytes()];
        let mut hash = Sha256::new();
        hash.update([match kind {
            Kind::Exact => 0,
            Kind::Wording => 1,
        }]);
        let headers: Vec<&[u8]> = self
            .passed_on
            .into_iter()
            .flatten()
            .flat_map(|(name, value)| [name.as_str().as_bytes(), value.as_bytes()])
            .collect();
        hash.update((headers.len() as u64).to_be_bytes());
        for part in own.iter().chain(&headers).chain(asked) {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        Key(hash.finalize().into())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    type Told = (String, String, bool, bool, Vec<Vec<u8>>);

    fn key((caller, feature, chat, exact, asked): &Told) -> Key {
        let dialect = if *chat { DialectId::OpenaiChat } else { DialectId::AnthropicMessages };
        let kind = if *exact { Kind::Exact } else { Kind::Wording };
        let asked: Vec<&[u8]> = asked.iter().map(Vec::as_slice).collect();
        Scope { caller, feature, dialect, passed_on: None }.key(kind, &asked)
    }

    fn told() -> impl Strategy<Value = Told> {
        // Few letters, so that parts often read alike once they are joined.
        let word = "[ab]{0,3}";
        let asked = prop::collection::vec(prop::collection::vec(0_u8..2, 0..3), 0..3);
        (word, word, any::<bool>(), any::<bool>(), asked)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2048))]

        #[test]
        fn keys_are_equal_only_where_all_is(one in told(), other in told()) {
            prop_assert_eq!(key(&one) == key(&other), one == other);
        }

        #[test]
        fn another_caller_or_feature_never_has_the_same_key(one in told(), word in "[ab]{0,3}") {
            let mut other_caller = one.clone();
            other_caller.0.clone_from(&word);
            prop_assert_eq!(key(&one) == key(&other_caller), one.0 == word);
            let mut other_feature = one.clone();
            other_feature.1.clone_from(&word);
            prop_assert_eq!(key(&one) == key(&other_feature), one.1 == word);
        }
    }
}
