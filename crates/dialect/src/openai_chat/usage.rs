//! Usage: cached and reasoning tokens are parts of the totals.

use serde::Serialize;
use serde_json::{Map, Value};
use tieline_types::Usage;

/// Reads a `usage` object into disjoint buckets; none when it counts nothing.
///
/// Cached, cache-written and audio tokens are parts of `prompt_tokens`, reasoning and audio parts
/// of `completion_tokens`. xAI alone counts reasoning beside the completion, which its total tells.
fn read_object(value: Option<&Value>) -> Option<Usage> {
    let usage = value?.as_object()?;
    let count = |key: &str| usage.get(key).and_then(Value::as_u64);
    let detail = |group: &str, key: &str| {
        usage.get(group).and_then(|group| group.get(key)).and_then(Value::as_u64).unwrap_or(0)
    };
    let (prompt, completion) = (count("prompt_tokens"), count("completion_tokens"));
    prompt.or(completion)?;
    let (prompt, completion) = (prompt.unwrap_or(0), completion.unwrap_or(0));
    // DeepSeek names its cache hits beside the total.
    let cached = detail("prompt_tokens_details", "cached_tokens")
        .max(count("prompt_cache_hit_tokens").unwrap_or(0));
    let cache_write = detail("prompt_tokens_details", "cache_write_tokens");
    let input_audio = detail("prompt_tokens_details", "audio_tokens");
    let reasoning = detail("completion_tokens_details", "reasoning_tokens");
    let output_audio = detail("completion_tokens_details", "audio_tokens");
    let sum = prompt.saturating_add(completion).saturating_add(reasoning);
    let beside = reasoning > completion || (reasoning > 0 && count("total_tokens") == Some(sum));
    let inside = if beside { 0 } else { reasoning };
    Some(Usage {
        input: prompt
            .saturating_sub(cached)
            .saturating_sub(cache_write)
            .saturating_sub(input_audio),
        cache_read: cached,
        cache_write_other: cache_write,
        input_audio,
        output: completion.saturating_sub(inside).saturating_sub(output_audio),
        reasoning,
        output_audio,
        ..Usage::default()
    })
}

/// The usage of a reply or chunk: in `usage`, or where Groq puts it in streams.
pub(super) fn read(object: &Map<String, Value>) -> Option<Usage> {
    read_object(object.get("usage"))
        .or_else(|| read_object(object.get("x_groq").and_then(|groq| groq.get("usage"))))
}

/// A `usage` object with every detail present, as some clients need.
#[derive(Serialize)]
pub(super) struct Wire {
    prompt_tokens: u64,
    completion_tokens: u64,
    total_tokens: u64,
    prompt_tokens_details: PromptDetails,
    completion_tokens_details: CompletionDetails,
}

#[derive(Serialize)]
struct PromptDetails {
    cached_tokens: u64,
    cache_write_tokens: u64,
    audio_tokens: u64,
}

#[derive(Serialize)]
struct CompletionDetails {
    reasoning_tokens: u64,
    audio_tokens: u64,
    accepted_prediction_tokens: u64,
    rejected_prediction_tokens: u64,
}

impl From<&Usage> for Wire {
    fn from(usage: &Usage) -> Self {
        Self {
            prompt_tokens: usage.input_total(),
            completion_tokens: usage.output_total(),
            total_tokens: usage.total(),
            prompt_tokens_details: PromptDetails {
                cached_tokens: usage.cache_read,
                cache_write_tokens: usage.cache_write(),
                audio_tokens: usage.input_audio,
            },
            completion_tokens_details: CompletionDetails {
                reasoning_tokens: usage.reasoning,
                audio_tokens: usage.output_audio,
                accepted_prediction_tokens: 0,
                rejected_prediction_tokens: 0,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn usage_is_split_into_disjoint_buckets() {
        let openai = json!({
            "prompt_tokens": 100, "completion_tokens": 50, "total_tokens": 150,
            "prompt_tokens_details": {
                "cached_tokens": 60, "cache_write_tokens": 20, "audio_tokens": 5
            },
            "completion_tokens_details": { "reasoning_tokens": 30, "audio_tokens": 4 }
        });
        let usage = read_object(Some(&openai)).unwrap();
        assert_eq!(
            usage,
            Usage {
                input: 15,
                cache_read: 60,
                cache_write_other: 20,
                input_audio: 5,
                output: 16,
                reasoning: 30,
                output_audio: 4,
                ..Usage::default()
            }
        );
        assert_eq!(
            read_object(Some(&serde_json::to_value(Wire::from(&usage)).unwrap())),
            Some(usage)
        );
    }

    #[test]
    fn other_countings_are_understood() {
        let cases = [
            // xAI: reasoning beside the completion.
            (
                json!({"prompt_tokens": 10, "completion_tokens": 9, "total_tokens": 24,
                       "completion_tokens_details": {"reasoning_tokens": 5}}),
                (10, 0, 9, 5),
            ),
            // DeepSeek: hits and misses beside the total.
            (
                json!({"prompt_tokens": 10, "completion_tokens": 2,
                       "prompt_cache_hit_tokens": 8, "prompt_cache_miss_tokens": 2}),
                (2, 8, 2, 0),
            ),
            // Null details count nothing.
            (
                json!({"prompt_tokens": 3, "completion_tokens": 1, "prompt_tokens_details": null,
                       "completion_tokens_details": {"reasoning_tokens": null}}),
                (3, 0, 1, 0),
            ),
        ];
        for (wire, want) in cases {
            let usage = read_object(Some(&wire)).unwrap();
            let got = (usage.input, usage.cache_read, usage.output, usage.reasoning);
            assert_eq!(got, want, "{wire}");
        }
        for missing in [json!(null), json!({}), json!({"prompt_tokens": null})] {
            assert_eq!(read_object(Some(&missing)), None, "{missing}");
        }
    }
}
