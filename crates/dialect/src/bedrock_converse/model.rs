//! What the name of a Bedrock model tells about what Converse takes for it.

use crate::claude::model::{Version, version_of};

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
        if let Some(version) = version_of(model) {
            Self::Claude(version)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_the_family() {
        for (name, family) in [
            ("us.anthropic.claude-opus-4-1-20250805-v1:0", Family::Claude((4, 1))),
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
