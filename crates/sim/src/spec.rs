//! What a simulated provider is like.

use std::{collections::BTreeMap, ops::RangeInclusive, sync::Arc, time::Duration};

use jiff::civil::Date;

use crate::{Kind, Known, Spread};

/// One simulated provider.
#[derive(Clone, Debug, PartialEq)]
pub struct ProviderSpec {
    /// Its name, unique in one [`crate::Sim`].
    pub name: String,
    /// Whose manners it has.
    pub kind: Kind,
    /// How fast it answers.
    pub pace: Pace,
    /// How much that differs from answer to answer; none answers always at the same pace.
    pub spread: Option<Spread>,
    /// How many tokens a free-text reply has; `n..=n` for a fixed number. A token is four bytes.
    /// A prompt that begins with `tokens: 250 ` is answered with so many instead.
    pub reply_tokens: RangeInclusive<u32>,
    /// How many tokens an event of a stream carries, at least 1.
    pub tokens_per_event: u32,
    /// Whether requests without a credential of the kind's form are refused.
    pub require_credential: bool,
    /// Whether it goes on from a last turn of its own; otherwise it answers anew.
    pub prefill: bool,
    /// The models it has; any other is refused as unknown. Empty means any model.
    pub models: Vec<String>,
    /// The days on which models end, by name. They are listed beside the others.
    pub shutdown_dates: BTreeMap<String, Date>,
    /// Questions that it knows the answers to.
    pub known: Option<Arc<Known>>,
    /// Answers every request with the same prepared bytes, for load tests.
    pub fixed: Option<FixedReply>,
}

impl ProviderSpec {
    /// A provider that answers at once, asks for a credential (a server on one's own machine, as
    /// `openai-compatible` mostly is, does not) and has any model.
    #[must_use]
    pub fn new(name: impl Into<String>, kind: Kind) -> Self {
        Self {
            name: name.into(),
            kind,
            pace: Pace::default(),
            spread: None,
            reply_tokens: 20..=60,
            tokens_per_event: 1,
            require_credential: kind != Kind::OpenaiCompatible,
            prefill: false,
            models: Vec::new(),
            shutdown_dates: BTreeMap::new(),
            known: None,
            fixed: None,
        }
    }
}

/// How fast a provider answers. The default is at once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pace {
    /// From the request to the first token.
    pub first_token: Duration,
    /// From one token to the next.
    pub per_token: Duration,
}

impl Pace {
    /// How long a reply of so many tokens takes when it is not streamed.
    #[must_use]
    pub fn whole(&self, tokens: u64) -> Duration {
        let rest = u32::try_from(tokens.saturating_sub(1)).unwrap_or(u32::MAX);
        self.first_token.saturating_add(self.per_token.saturating_mul(rest))
    }
}

/// A prepared answer. Such a provider reads of a request only whether it asks for a stream, checks
/// no credential and logs nothing; scripted faults still apply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FixedReply {
    /// Bytes of text in the answer.
    pub reply_bytes: usize,
    /// Deltas that a stream cuts the text into, at least 1.
    pub chunks: usize,
}
