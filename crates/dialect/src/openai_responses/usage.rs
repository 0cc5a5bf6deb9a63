//! Token usage. Input includes cached and stored tokens here, and output includes reasoning.

use serde_json::{Value, json};
use tieline_types::Usage;

/// Reads a `usage` object; none when there is none. Missing numbers count 0.
pub(super) fn read(value: &Value) -> Option<Usage> {
    let usage = value.as_object()?;
    let count = |key: &str| usage.get(key).and_then(Value::as_u64).unwrap_or(0);
    let detail = |of: &str, key: &str| {
        usage.get(of).and_then(|details| details.get(key)).and_then(Value::as_u64).unwrap_or(0)
    };
    let cache_read = detail("input_tokens_details", "cached_tokens");
    let cache_write = detail("input_tokens_details", "cache_write_tokens");
    let input_audio = detail("input_tokens_details", "audio_tokens");
    let reasoning = detail("output_tokens_details", "reasoning_tokens");
    let output_audio = detail("output_tokens_details", "audio_tokens");
    let cached = cache_read.saturating_add(cache_write).saturating_add(input_audio);
    let hidden = reasoning.saturating_add(output_audio);
    Some(Usage {
        input: count("input_tokens").saturating_sub(cached),
        cache_read,
        cache_write_other: cache_write,
        input_audio,
        output: count("output_tokens").saturating_sub(hidden),
        reasoning,
        output_audio,
        ..Usage::default()
    })
}

/// Writes a `usage` object.
pub(super) fn write(usage: &Usage) -> Value {
    json!({
        "input_tokens": usage.input_total(),
        "input_tokens_details": {
            "cached_tokens": usage.cache_read,
            "cache_write_tokens": usage.cache_write(),
        },
        "output_tokens": usage.output_total(),
        "output_tokens_details": { "reasoning_tokens": usage.reasoning },
        "total_tokens": usage.total(),
    })
}
