//! Usage: cached and reasoning tokens are parts of the totals.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tieline_types::Usage;

/// The counts of a `usage` object as they stand on the wire.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Counts {
    prompt_tokens: Option<u64>,
    completion_tokens: Option<u64>,
    total_tokens: Option<u64>,
    /// DeepSeek names its cache hits beside the total.
    prompt_cache_hit_tokens: Option<u64>,
    prompt_tokens_details: Option<Details>,
    completion_tokens_details: Option<Details>,
}

/// Parts of a total: of the prompt the first two, of the completion the third, of either the last.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Details {
    cached_tokens: Option<u64>,
    cache_write_tokens: Option<u64>,
    reasoning_tokens: Option<u64>,
    audio_tokens: Option<u64>,
}

impl Counts {
    /// Reads what can be read: a count that is null or nonsense is none.
    fn of(usage: &Value) -> Self {
        let count = |key: &str| usage.get(key).and_then(Value::as_u64);
        let details = |group: &str| {
            let group = usage.get(group)?;
            let count = |key: &str| group.get(key).and_then(Value::as_u64);
            Some(Details {
                cached_tokens: count("cached_tokens"),
                cache_write_tokens: count("cache_write_tokens"),
                reasoning_tokens: count("reasoning_tokens"),
                audio_tokens: count("audio_tokens"),
            })
        };
        Self {
            prompt_tokens: count("prompt_tokens"),
            completion_tokens: count("completion_tokens"),
            total_tokens: count("total_tokens"),
            prompt_cache_hit_tokens: count("prompt_cache_hit_tokens"),
            prompt_tokens_details: details("prompt_tokens_details"),
            completion_tokens_details: details("completion_tokens_details"),
        }
    }

    /// Disjoint buckets; none when nothing is counted.
    ///
    /// Cached, cache-written and audio tokens are parts of `prompt_tokens`, reasoning and audio
    /// parts of `completion_tokens`. xAI alone counts reasoning beside the completion, which its
    /// total tells.
    pub(super) fn usage(self) -> Option<Usage> {
        self.prompt_tokens.or(self.completion_tokens)?;
        let prompt = self.prompt_tokens.unwrap_or(0);
        let completion = self.completion_tokens.unwrap_or(0);
        let of_prompt = self.prompt_tokens_details.unwrap_or_default();
        let of_completion = self.completion_tokens_details.unwrap_or_default();
        let cached = of_prompt.cached_tokens.max(self.prompt_cache_hit_tokens).unwrap_or(0);
        let cache_write = of_prompt.cache_write_tokens.unwrap_or(0);
        let input_audio = of_prompt.audio_tokens.unwrap_or(0);
        let reasoning = of_completion.reasoning_tokens.unwrap_or(0);
        let output_audio = of_completion.audio_tokens.unwrap_or(0);
        let sum = prompt.saturating_add(completion).saturating_add(reasoning);
        let beside = reasoning > completion || (reasoning > 0 && self.total_tokens == Some(sum));
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
}

fn read_object(value: Option<&Value>) -> Option<Usage> {
    value.filter(|usage| usage.is_object()).and_then(|usage| Counts::of(usage).usage())
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
