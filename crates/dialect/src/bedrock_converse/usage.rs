//! Usage, in both directions.

use serde::{Deserialize, Serialize};
use tieline_types::{ServiceTier, Usage};

/// The `usage` object. Input excludes what a cache served or stored; output includes thinking.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Wire {
    input_tokens: Option<u64>,
    output_tokens: Option<u64>,
    total_tokens: Option<u64>,
    #[serde(alias = "cacheReadInputTokenCount")]
    cache_read_input_tokens: Option<u64>,
    #[serde(alias = "cacheWriteInputTokenCount")]
    cache_write_input_tokens: Option<u64>,
    cache_details: Option<Vec<CacheDetail>>,
}

/// The service tier, beside the usage.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct Tier {
    #[serde(rename = "type")]
    name: Option<String>,
}

impl Tier {
    /// Its name.
    pub(super) fn word(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// The object that names it.
    pub(super) fn write(tier: &ServiceTier) -> Self {
        Self { name: Some(tier.as_str().to_owned()) }
    }
}

/// How much was written to caches of one lifetime.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
struct CacheDetail {
    ttl: Option<String>,
    input_tokens: Option<u64>,
}

impl Wire {
    /// The disjoint buckets.
    pub(super) fn read(&self) -> Usage {
        let written = |ttl: &str| -> u64 {
            let details = self.cache_details.iter().flatten();
            details
                .filter(|detail| detail.ttl.as_deref() == Some(ttl))
                .filter_map(|detail| detail.input_tokens)
                .fold(0, u64::saturating_add)
        };
        let (minutes5, hour1) = (written("5m"), written("1h"));
        let all = self.cache_write_input_tokens.unwrap_or(0);
        Usage {
            input: self.input_tokens.unwrap_or(0),
            cache_read: self.cache_read_input_tokens.unwrap_or(0),
            cache_write_5m: minutes5,
            cache_write_1h: hour1,
            cache_write_other: all.saturating_sub(minutes5).saturating_sub(hour1),
            output: self.output_tokens.unwrap_or(0),
            ..Usage::default()
        }
    }

    /// The buckets in Converse's convention.
    pub(super) fn write(usage: &Usage) -> Self {
        let detail = |ttl: &str, tokens: u64| {
            (tokens > 0)
                .then(|| CacheDetail { ttl: Some(ttl.to_owned()), input_tokens: Some(tokens) })
        };
        let details = [detail("5m", usage.cache_write_5m), detail("1h", usage.cache_write_1h)];
        Self {
            input_tokens: Some(usage.input.saturating_add(usage.input_audio)),
            output_tokens: Some(usage.output_total()),
            total_tokens: Some(usage.total()),
            cache_read_input_tokens: Some(usage.cache_read),
            cache_write_input_tokens: Some(usage.cache_write()),
            cache_details: Some(details.into_iter().flatten().collect()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usage_keeps_its_buckets_both_ways() {
        let wire: Wire = serde_json::from_str(
            r#"{"inputTokens":10,"outputTokens":5,"totalTokens":121,"cacheReadInputTokens":100,
                "cacheWriteInputTokens":6,"cacheDetails":[{"ttl":"5m","inputTokens":2},
                {"ttl":"1h","inputTokens":3}],"serverToolUsage":{}}"#,
        )
        .unwrap();
        let usage = wire.read();
        assert_eq!((usage.input, usage.cache_read, usage.output), (10, 100, 5));
        assert_eq!((usage.cache_write_5m, usage.cache_write_1h), (2, 3));
        assert_eq!(usage.cache_write_other, 1);
        let written = Wire::write(&usage);
        assert_eq!(written.total_tokens, Some(121));
        assert_eq!(written.read(), usage);
    }

    #[test]
    fn thinking_and_audio_count_within_their_totals() {
        let usage = Usage { input: 1, input_audio: 2, output: 3, reasoning: 4, ..Usage::default() };
        let wire = serde_json::to_value(Wire::write(&usage)).unwrap();
        assert_eq!(wire["inputTokens"], 3);
        assert_eq!(wire["outputTokens"], 7);
        assert_eq!(wire["totalTokens"], 10);
        assert_eq!(wire["cacheReadInputTokens"], 0);
        assert_eq!(wire["cacheDetails"], serde_json::json!([]));
    }
}
