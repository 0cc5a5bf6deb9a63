//! What the name of a Bedrock model tells about what Converse takes for it.

/// A release of Claude, e.g. `(4, 6)`.
pub(super) type Version = (u32, u32);

/// The family of a model, as far as it changes what is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Family {
    /// Claude. Names without a number count as newer than all others.
    Claude(Version),
    /// Amazon Nova.
    Nova,
    /// All others, and application inference profiles, whose names hide the model.
    Other,
}

impl Family {
    /// Reads the family off a model id, inference profile id or foundation model ARN.
    pub(super) fn of(model: &str) -> Self {
        if let Some((_, name)) = model.split_once("claude-") {
            Self::Claude(version(name))
        } else if model.contains("anthropic.") {
            Self::Claude(NEWEST)
        } else if model.contains("amazon.nova") {
            Self::Nova
        } else {
            Self::Other
        }
    }

    /// The release, where it is Claude.
    pub(super) const fn claude(self) -> Option<Version> {
        match self {
            Self::Claude(version) => Some(version),
            Self::Nova | Self::Other => None,
        }
    }

    /// Whether cache points are taken among messages and system blocks.
    pub(super) const fn caches(self) -> bool {
        matches!(self, Self::Claude(_) | Self::Nova)
    }

    /// Whether cache points are taken among tools.
    pub(super) const fn caches_tools(self) -> bool {
        matches!(self, Self::Claude(_))
    }
}

/// Later than any release.
const NEWEST: Version = (u32::MAX, 0);

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
    fn names_tell_family_and_release() {
        for (name, family) in [
            ("us.anthropic.claude-opus-4-1-20250805-v1:0", Family::Claude((4, 1))),
            ("anthropic.claude-3-7-sonnet-20250219-v1:0", Family::Claude((3, 7))),
            ("anthropic.claude-sonnet-4-20250514-v1:0", Family::Claude((4, 0))),
            ("global.anthropic.claude-sonnet-5", Family::Claude((5, 0))),
            ("anthropic.claude-opus-5-5", Family::Claude((5, 5))),
            ("anthropic.claude-next", Family::Claude(NEWEST)),
            ("us.amazon.nova-pro-v1:0", Family::Nova),
            ("us.openai.gpt-6-sol", Family::Other),
            (
                "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abcd1234",
                Family::Other,
            ),
        ] {
            assert_eq!(Family::of(name), family, "{name}");
        }
    }
}
