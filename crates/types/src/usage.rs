//! Token usage in disjoint buckets.

use serde::{Deserialize, Serialize};

/// What one call consumed, in disjoint buckets of tokens.
///
/// Providers count in three conventions: OpenAI's input includes cached tokens, Anthropic's and
/// Bedrock's excludes them, and reasoning is sometimes inside the output and sometimes beside it.
/// Dialect readers convert to these buckets once; dialect writers convert back. `None` in an
/// `Option<Usage>` means unknown, which is never the same as zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Usage {
    /// Input tokens that no cache served or stored.
    pub input: u64,
    /// Input tokens read from the provider's prompt cache.
    pub cache_read: u64,
    /// Input tokens written to a 5-minute prompt cache.
    pub cache_write_5m: u64,
    /// Input tokens written to a 1-hour prompt cache.
    pub cache_write_1h: u64,
    /// Input tokens written to a prompt cache of unstated lifetime.
    pub cache_write_other: u64,
    /// Audio input tokens (not part of `input`).
    pub input_audio: u64,
    /// Visible output tokens.
    pub output: u64,
    /// Reasoning output tokens (not part of `output`).
    pub reasoning: u64,
    /// Audio output tokens (not part of `output`).
    pub output_audio: u64,
    /// True where Tieline estimated the numbers because the provider gave none.
    pub estimated: bool,
}

impl Usage {
    /// All cache writes, whatever their lifetime.
    #[must_use]
    pub const fn cache_write(&self) -> u64 {
        self.cache_write_5m
            .saturating_add(self.cache_write_1h)
            .saturating_add(self.cache_write_other)
    }

    /// All input tokens: the "prompt tokens" of an inclusive convention.
    #[must_use]
    pub const fn input_total(&self) -> u64 {
        self.input
            .saturating_add(self.cache_read)
            .saturating_add(self.cache_write())
            .saturating_add(self.input_audio)
    }

    /// All output tokens: the "completion tokens" of an inclusive convention.
    #[must_use]
    pub const fn output_total(&self) -> u64 {
        self.output.saturating_add(self.reasoning).saturating_add(self.output_audio)
    }

    /// Input and output together.
    #[must_use]
    pub const fn total(&self) -> u64 {
        self.input_total().saturating_add(self.output_total())
    }
}
