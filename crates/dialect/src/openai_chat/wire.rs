//! What whole replies and streams have in common: finish words, usage, parts of a message.

use serde::Serialize;
use serde_json::{Map, Value};
use tieline_types::Usage;

use crate::ir::Finish;

/// Finish words of OpenAI and of the servers that imitate it.
const FINISH_WORDS: [(&str, Finish); 9] = [
    ("stop", Finish::Stop),
    ("length", Finish::Length),
    ("max_tokens", Finish::Length),
    ("model_length", Finish::ContextFull),
    ("tool_calls", Finish::ToolCalls),
    ("function_call", Finish::ToolCalls),
    ("content_filter", Finish::ContentFilter),
    ("refusal", Finish::Refusal),
    ("stop_sequence", Finish::StopSequence),
];

/// What a finish word means; unknown words mean that the model was done.
///
/// A reply that holds tool calls ended with them whatever the server says, unless it was cut; a
/// reply that holds a refusal is one although OpenAI says `stop`.
pub(super) fn finish_of(word: &str, called_tools: bool, refused: bool) -> Finish {
    let said = FINISH_WORDS.iter().find(|(known, _)| *known == word).map(|(_, finish)| *finish);
    match said.unwrap_or_default() {
        cut @ (Finish::Length | Finish::ContextFull | Finish::ContentFilter) => cut,
        _ if called_tools => Finish::ToolCalls,
        Finish::Stop if refused => Finish::Refusal,
        said => said,
    }
}

/// The word for a finish, and whether it says as much as was known.
///
/// A refusal without words of refusal would look like a good answer under `stop`.
pub(super) const fn finish_word(finish: Finish, refusal_in_words: bool) -> (&'static str, bool) {
    match finish {
        Finish::Stop => ("stop", true),
        Finish::StopSequence | Finish::Pause => ("stop", false),
        Finish::Length => ("length", true),
        Finish::ContextFull => ("length", false),
        Finish::ToolCalls => ("tool_calls", true),
        Finish::ContentFilter => ("content_filter", true),
        Finish::Refusal if refusal_in_words => ("stop", true),
        Finish::Refusal => ("content_filter", false),
    }
}

/// Reads a `usage` object into disjoint buckets; none when it counts nothing.
///
/// Cached, cache-written and audio tokens are parts of `prompt_tokens`, reasoning and audio parts
/// of `completion_tokens`. xAI alone counts reasoning beside the completion, which its total tells.
pub(super) fn usage_of(value: Option<&Value>) -> Option<Usage> {
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
pub(super) fn usage_in(object: &Map<String, Value>) -> Option<Usage> {
    usage_of(object.get("usage"))
        .or_else(|| usage_of(object.get("x_groq").and_then(|groq| groq.get("usage"))))
}

/// A `usage` object with every detail present, as some clients need.
#[derive(Serialize)]
pub(super) struct WireUsage {
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

impl From<&Usage> for WireUsage {
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

/// The text of one field of a message or delta that is a string, or parts as Mistral sends them:
/// what is thinking goes to the first, what is text to the second.
pub(super) fn texts_of(content: Option<&Value>) -> (String, String) {
    let mut thinking = String::new();
    let mut text = String::new();
    match content {
        Some(Value::String(whole)) => text.push_str(whole),
        Some(Value::Array(parts)) => {
            for part in parts {
                match part.get("thinking") {
                    Some(thought) => thinking.push_str(&texts_of(Some(thought)).1),
                    None => text.push_str(str_in(part, "text")),
                }
            }
        }
        _ => {}
    }
    (thinking, text)
}

/// The thinking shown under either of the names in use; servers that send both repeat themselves.
pub(super) fn reasoning_in(message: &Value) -> Option<&str> {
    let named = |key| message.get(key).and_then(Value::as_str);
    named("reasoning_content").or_else(|| named("reasoning"))
}

/// A string field; empty when it is missing, null or not a string.
pub(super) fn str_in<'a>(value: &'a Value, key: &str) -> &'a str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}

/// Tool arguments as JSON text: a string as OpenAI sends it, or an object as Mistral and Ollama do.
pub(super) fn arguments_in(function: &Value) -> String {
    match function.get("arguments") {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    }
}

/// An id for a tool call that came without one, unique as far as the reply's own id is.
pub(super) fn minted_call_id(reply_id: &str, index: usize) -> String {
    format!("call_{reply_id}_{index}")
}

/// A path without array positions: `messages[0].name` becomes `messages.name`.
pub(super) fn without_positions(path: &str) -> String {
    let mut depth = 0_usize;
    path.chars()
        .filter(|letter| {
            match letter {
                '[' => depth += 1,
                ']' => {
                    depth = depth.saturating_sub(1);
                    return false;
                }
                _ => {}
            }
            depth == 0
        })
        .collect()
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
        let usage = usage_of(Some(&openai)).unwrap();
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
            usage_of(Some(&serde_json::to_value(WireUsage::from(&usage)).unwrap())),
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
            let usage = usage_of(Some(&wire)).unwrap();
            let got = (usage.input, usage.cache_read, usage.output, usage.reasoning);
            assert_eq!(got, want, "{wire}");
        }
        for missing in [json!(null), json!({}), json!({"prompt_tokens": null})] {
            assert_eq!(usage_of(Some(&missing)), None, "{missing}");
        }
    }

    #[test]
    fn a_finish_word_means_one_thing() {
        for (word, called, refused, want) in [
            ("stop", false, false, Finish::Stop),
            ("stop", true, false, Finish::ToolCalls),
            ("", true, false, Finish::ToolCalls),
            ("length", true, false, Finish::Length),
            ("content_filter", true, false, Finish::ContentFilter),
            ("model_length", false, false, Finish::ContextFull),
            ("stop", false, true, Finish::Refusal),
            ("something_new", false, false, Finish::Stop),
        ] {
            assert_eq!(finish_of(word, called, refused), want, "{word}");
        }
    }

    #[test]
    fn positions_are_stripped() {
        assert_eq!(without_positions("messages[0].content[12].name"), "messages.content.name");
        assert_eq!(without_positions("n"), "n");
    }
}
