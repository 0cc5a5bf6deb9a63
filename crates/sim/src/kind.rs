//! Which vendor's manners a simulated provider has.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// A vendor's paths, credentials, headers and error shapes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// OpenAI: Chat Completions and Responses.
    Openai,
    /// Azure OpenAI: the same two on the v1 and on the dated paths.
    AzureOpenai,
    /// Anthropic: Messages.
    Anthropic,
    /// Amazon Bedrock: Converse, and the OpenAI- and Anthropic-compatible paths.
    Bedrock,
    /// A server that speaks OpenAI's dialects and no more of its manners.
    OpenaiCompatible,
}

/// A word that names no [`Kind`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown provider kind `{0}`")]
pub struct UnknownKind(String);

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 5] =
        [Self::Openai, Self::AzureOpenai, Self::Anthropic, Self::Bedrock, Self::OpenaiCompatible];

    /// The name used in configuration and on the command line.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Openai => "openai",
            Self::AzureOpenai => "azure-openai",
            Self::Anthropic => "anthropic",
            Self::Bedrock => "bedrock",
            Self::OpenaiCompatible => "openai-compatible",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Kind {
    type Err = UnknownKind;

    fn from_str(text: &str) -> Result<Self, UnknownKind> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.as_str() == text)
            .ok_or_else(|| UnknownKind(text.to_owned()))
    }
}
