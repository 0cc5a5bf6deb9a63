//! What an OpenAI model takes, as far as its name tells.

/// How the names of models that reason begin.
const REASONING: [&str; 5] = ["gpt-5", "gpt-6", "o1", "o3", "o4"];

/// How the names of models that surely do not reason begin; they refuse every field about it.
const PLAIN: [&str; 3] = ["gpt-3.5", "gpt-4", "chatgpt-"];

/// How the names of models that take prompt-cache breakpoints begin.
const CACHE_MARKS: [&str; 5] = ["gpt-5.6", "gpt-5.7", "gpt-5.8", "gpt-5.9", "gpt-6"];

/// Whether the model reasons; none where its name does not tell, as with Azure's own names.
pub(crate) fn reasons(model: &str) -> Option<bool> {
    if begins_with(model, &REASONING) {
        return Some(true);
    }
    begins_with(model, &PLAIN).then_some(false)
}

/// Whether the model takes prompt-cache breakpoints.
pub(crate) fn takes_cache_marks(model: &str) -> bool {
    begins_with(model, &CACHE_MARKS)
}

fn begins_with(model: &str, prefixes: &[&str]) -> bool {
    let name = vendor_free(model);
    prefixes.iter().any(|prefix| name.starts_with(prefix))
}

/// The name without Bedrock's vendor and geography: `us.openai.gpt-6` is `gpt-6`.
fn vendor_free(model: &str) -> &str {
    match model.split_once("openai.") {
        Some(("", name)) => name,
        Some((geography, name)) if geography.ends_with('.') => name,
        _ => model,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_who_reasons() {
        for (model, told) in [
            ("gpt-5.5", Some(true)),
            ("gpt-5-mini-2026-01-02", Some(true)),
            ("gpt-6-sol", Some(true)),
            ("o1", Some(true)),
            ("o3-mini", Some(true)),
            ("o4-mini", Some(true)),
            ("openai.gpt-5.5", Some(true)),
            ("us.openai.gpt-6-sol", Some(true)),
            ("openai.gpt-oss-120b-1:0", None),
            ("gpt-4.1", Some(false)),
            ("gpt-4o", Some(false)),
            ("chatgpt-4o-latest", Some(false)),
            ("gpt-3.5-turbo", Some(false)),
            ("gpt55-eu", None),
            ("my-openai.gpt-5", None),
            ("", None),
        ] {
            assert_eq!(reasons(model), told, "{model}");
        }
    }

    #[test]
    fn names_tell_who_takes_cache_marks() {
        for (model, told) in [
            ("gpt-5.6", true),
            ("gpt-5.6-mini", true),
            ("eu.openai.gpt-6", true),
            ("gpt-5.5", false),
            ("gpt-5", false),
            ("gpt-4.1", false),
            ("gpt55-eu", false),
        ] {
            assert_eq!(takes_cache_marks(model), told, "{model}");
        }
    }
}
