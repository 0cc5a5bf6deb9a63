//! The APIs a provider may offer for a model.

use std::fmt;

use schemars::JsonSchema;
use serde::Deserialize;

use super::{Deployment, ProviderKind};

/// The dialect and path a deployment is called on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Surface {
    /// OpenAI Chat Completions (openai, azure-openai, openai-compatible).
    Chat,
    /// OpenAI Responses (openai, azure-openai, openai-compatible).
    Responses,
    /// Anthropic Messages (anthropic; bedrock, on the runtime host).
    Messages,
    /// Bedrock Converse (bedrock).
    Converse,
    /// OpenAI Responses on Bedrock's runtime host (bedrock).
    Runtime,
    /// OpenAI Responses on Bedrock's mantle host (bedrock).
    Mantle,
}

impl Surface {
    /// The word used in the configuration.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Chat => "chat",
            Self::Responses => "responses",
            Self::Messages => "messages",
            Self::Converse => "converse",
            Self::Runtime => "runtime",
            Self::Mantle => "mantle",
        }
    }
}

impl fmt::Display for Surface {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Deployment {
    /// The surface this deployment is called on at a provider of this kind: the one the file names,
    /// else the kind's usual one, which for Bedrock depends on the model.
    #[must_use]
    pub fn surface_for(&self, kind: &ProviderKind) -> Surface {
        self.surface.unwrap_or_else(|| match kind {
            ProviderKind::Anthropic { .. } => Surface::Messages,
            ProviderKind::Bedrock { .. } => bedrock_default(&self.name),
            ProviderKind::Openai { .. }
            | ProviderKind::AzureOpenai { .. }
            | ProviderKind::OpenaiCompatible { .. } => Surface::Chat,
        })
    }
}

/// The surface that carries most of a Bedrock model.
///
/// OpenAI's models are on the mantle host under their plain id and on the runtime host under the
/// id of an inference profile (`us.`, `global.`); the open-weight ones are ordinary Converse
/// models. An ARN does not say whose model it is, and every text model has Converse.
fn bedrock_default(name: &str) -> Surface {
    if name.starts_with("openai.gpt-oss") {
        return Surface::Converse;
    }
    if name.starts_with("openai.") {
        return Surface::Mantle;
    }
    match without_geography(name) {
        Some(profiled) if profiled.starts_with("openai.") => Surface::Runtime,
        Some(profiled) if profiled.starts_with("anthropic.") => Surface::Messages,
        _ if name.starts_with("anthropic.") => Surface::Messages,
        _ => Surface::Converse,
    }
}

/// The model behind an inference profile: `us.openai.gpt-5.5` is of `openai.gpt-5.5`.
fn without_geography(name: &str) -> Option<&str> {
    let (geography, rest) = name.split_once('.')?;
    let letters = geography.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-');
    (letters && !geography.is_empty()).then_some(rest)
}
