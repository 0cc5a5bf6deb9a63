//! Usage: input excludes what caches served or stored, output includes thinking.

use serde_json::{Value, json};
use tieline_types::{ServiceTier, Usage};

use crate::json::text_in;

/// The counters of one `usage` object, or of several that follow one another in a stream.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counts {
    input: Option<u64>,
    cache_read: Option<u64>,
    cache_write: Option<u64>,
    cache_write_5m: Option<u64>,
    cache_write_1h: Option<u64>,
    output: Option<u64>,
    thinking: Option<u64>,
}

impl Counts {
    /// Reads what `usage` states; anything that is not a count is not stated.
    pub(crate) fn read(usage: &Value) -> Self {
        let count = |pointer: &str| usage.pointer(pointer).and_then(Value::as_u64);
        Self {
            input: count("/input_tokens"),
            cache_read: count("/cache_read_input_tokens"),
            cache_write: count("/cache_creation_input_tokens"),
            cache_write_5m: count("/cache_creation/ephemeral_5m_input_tokens"),
            cache_write_1h: count("/cache_creation/ephemeral_1h_input_tokens"),
            output: count("/output_tokens"),
            thinking: count("/output_tokens_details/thinking_tokens"),
        }
    }

    /// Takes over what `newer` states. The counters of a stream are cumulative: the last is right.
    pub(crate) fn replace_with(&mut self, newer: Self) {
        let split_is_stale =
            newer.cache_write.is_some_and(|total| total != self.cache_write_split());
        if split_is_stale {
            self.cache_write_5m = None;
            self.cache_write_1h = None;
        }
        self.input = newer.input.or(self.input);
        self.cache_read = newer.cache_read.or(self.cache_read);
        self.cache_write = newer.cache_write.or(self.cache_write);
        self.cache_write_5m = newer.cache_write_5m.or(self.cache_write_5m);
        self.cache_write_1h = newer.cache_write_1h.or(self.cache_write_1h);
        self.output = newer.output.or(self.output);
        self.thinking = newer.thinking.or(self.thinking);
    }

    /// The usage so far. No call consumes nothing, so nothing but zeros means unknown: they stand
    /// where the dialect demands a number and the writer had none.
    pub(crate) fn usage(&self) -> Option<Usage> {
        let reasoning = self.thinking.unwrap_or(0);
        let usage = Usage {
            input: self.input.unwrap_or(0),
            cache_read: self.cache_read.unwrap_or(0),
            cache_write_5m: self.cache_write_5m.unwrap_or(0),
            cache_write_1h: self.cache_write_1h.unwrap_or(0),
            cache_write_other: self
                .cache_write
                .unwrap_or(0)
                .saturating_sub(self.cache_write_split()),
            output: self.output.unwrap_or(0).saturating_sub(reasoning),
            reasoning,
            ..Usage::default()
        };
        (usage.total() > 0).then_some(usage)
    }

    fn cache_write_split(&self) -> u64 {
        self.cache_write_5m.unwrap_or(0).saturating_add(self.cache_write_1h.unwrap_or(0))
    }
}

/// The word for the service tier in a `usage` object. Fast mode has a name of its own there, and
/// prices of its own, as a tier has.
pub(crate) fn service_tier(usage: &Value) -> Option<&str> {
    let fast = text_in(usage, "speed").filter(|speed| *speed == "fast");
    fast.or_else(|| text_in(usage, "service_tier"))
}

/// A whole `usage` object with the service tier, where that is not the standard one; zeros where
/// nothing is known, because clients fail on absent counters.
pub(crate) fn write(usage: Option<&Usage>, tier: Option<&ServiceTier>) -> Value {
    let usage = usage.copied().unwrap_or_default();
    let mut written = json!({
        "input_tokens": usage.input.saturating_add(usage.input_audio),
        "cache_creation_input_tokens": usage.cache_write(),
        "cache_read_input_tokens": usage.cache_read,
        "cache_creation": {
            "ephemeral_5m_input_tokens": usage.cache_write_5m,
            "ephemeral_1h_input_tokens": usage.cache_write_1h,
        },
        "output_tokens": usage.output_total(),
        "output_tokens_details": { "thinking_tokens": usage.reasoning },
    });
    if let (Some(tier), Some(fields)) = (tier, written.as_object_mut()) {
        fields.insert("service_tier".to_owned(), tier.as_str().into());
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted() -> Usage {
        Usage {
            input: 10,
            cache_read: 200,
            cache_write_5m: 30,
            cache_write_1h: 4,
            cache_write_other: 1,
            output: 50,
            reasoning: 25,
            ..Usage::default()
        }
    }

    #[test]
    fn buckets_survive_the_way_there_and_back() {
        let written = write(Some(&counted()), None);
        assert_eq!(written["cache_creation_input_tokens"], 35);
        assert_eq!(written["output_tokens"], 75);
        assert_eq!(Counts::read(&written).usage(), Some(counted()));
    }

    #[test]
    fn unknown_is_not_zero() {
        assert_eq!(Counts::read(&write(None, None)).usage(), None);
        assert_eq!(Counts::read(&json!({})).usage(), None);
        assert_eq!(Counts::read(&Value::Null).usage(), None);
    }

    #[test]
    fn later_counters_replace_earlier_ones() {
        let mut counts = Counts::read(&json!({
            "input_tokens": 9, "cache_read_input_tokens": 100, "cache_creation_input_tokens": 7,
            "cache_creation": {"ephemeral_5m_input_tokens": 7}, "output_tokens": 1,
        }));
        counts.replace_with(Counts::read(&json!({"output_tokens": 40})));
        let kept = counts.usage().unwrap();
        assert_eq!((kept.input, kept.cache_write_5m, kept.output), (9, 7, 40));
        counts.replace_with(Counts::read(&json!({
            "input_tokens": 8, "cache_read_input_tokens": 90, "cache_creation_input_tokens": 3,
        })));
        let replaced = counts.usage().unwrap();
        assert_eq!((replaced.input, replaced.cache_read), (8, 90));
        assert_eq!((replaced.cache_write_5m, replaced.cache_write_other), (0, 3));
    }
}
