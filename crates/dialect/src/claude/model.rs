//! What the name of a Claude model tells.

/// A release of Claude, e.g. `(4, 6)`.
pub(crate) type Version = (u32, u32);

/// Later than any release: what a name without a number stands for.
pub(crate) const NEWEST: Version = (u32::MAX, 0);

/// The release by a model's name, in Anthropic's form or Bedrock's; none where it is not Claude.
pub(crate) fn version_of(model: &str) -> Option<Version> {
    match model.split_once("claude-") {
        Some((_, name)) => Some(version(name)),
        None => model.contains("anthropic.").then_some(NEWEST),
    }
}

/// The numbers of a release in `opus-4-1-20250805-v1:0`, `3-7-sonnet-20250219` or `sonnet-5`: one
/// or two short numbers side by side. A date has eight digits.
fn version(name: &str) -> Version {
    let mut numbers = name
        .split('-')
        .map(|word| word.parse::<u32>().ok().filter(|_| word.len() <= 2))
        .skip_while(Option::is_none);
    match (numbers.next().flatten(), numbers.next().flatten()) {
        (Some(major), minor) => (major, minor.unwrap_or(0)),
        (None, _) => NEWEST,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_the_release() {
        for (name, release) in [
            ("us.anthropic.claude-opus-4-1-20250805-v1:0", Some((4, 1))),
            ("anthropic.claude-3-7-sonnet-20250219-v1:0", Some((3, 7))),
            ("claude-sonnet-4-20250514", Some((4, 0))),
            ("global.anthropic.claude-sonnet-5", Some((5, 0))),
            ("claude-opus-5-5", Some((5, 5))),
            ("claude-next", Some(NEWEST)),
            ("anthropic.something", Some(NEWEST)),
            ("us.openai.gpt-6-sol", None),
        ] {
            assert_eq!(version_of(name), release, "{name}");
        }
    }
}
