//! The paths each vendor has.

use http::{Method, Uri};
use percent_encoding::percent_decode_str;
use tieline_types::DialectId;

use crate::{Kind, failure::Failure};

/// What stands behind a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Endpoint {
    /// Model output.
    Generate {
        dialect: DialectId,
        /// The model, where the path names it.
        model: Option<String>,
        /// The path asks for a stream.
        stream: bool,
    },
    /// Vectors of texts, in OpenAI's protocol.
    Embed {
        /// The model, where the path names it.
        model: Option<String>,
    },
    /// Anthropic's token count.
    CountTokens,
    /// The list of models.
    Models,
}

impl Endpoint {
    /// The dialect of the body, if it has one.
    pub(crate) fn dialect(&self) -> Option<DialectId> {
        match self {
            Self::Generate { dialect, .. } => Some(*dialect),
            Self::CountTokens => Some(DialectId::AnthropicMessages),
            Self::Embed { .. } => Some(DialectId::OpenaiChat),
            Self::Models => None,
        }
    }

    fn method(&self) -> Method {
        match self {
            Self::Generate { .. } | Self::Embed { .. } | Self::CountTokens => Method::POST,
            Self::Models => Method::GET,
        }
    }
}

/// The endpoint of a request.
///
/// # Errors
/// 404 for a path the vendor does not have, 405 for the wrong method.
pub(crate) fn endpoint(kind: Kind, method: &Method, uri: &Uri) -> Result<Endpoint, Failure> {
    let found = match kind {
        Kind::Openai | Kind::OpenaiCompatible => fixed(OPENAI, uri.path()),
        Kind::AzureOpenai => fixed(AZURE, uri.path()).or_else(|| azure_dated(uri)),
        Kind::Anthropic => fixed(ANTHROPIC, uri.path()),
        Kind::Bedrock => fixed(BEDROCK, uri.path()).or_else(|| converse(uri.path())),
    };
    let Some(endpoint) = found else {
        return Err(Failure::new(404).word(match kind {
            Kind::AzureOpenai => "404",
            Kind::Anthropic => "not_found_error",
            Kind::Bedrock => "UnknownOperationException",
            Kind::Openai | Kind::OpenaiCompatible => "unknown_url",
        }));
    };
    if *method != endpoint.method() {
        return Err(Failure::new(405));
    }
    Ok(endpoint)
}

#[derive(Clone, Copy)]
enum Fixed {
    Generate(DialectId),
    Embed,
    CountTokens,
    Models,
}

const CHAT: Fixed = Fixed::Generate(DialectId::OpenaiChat);
const RESPONSES: Fixed = Fixed::Generate(DialectId::OpenaiResponses);
const MESSAGES: Fixed = Fixed::Generate(DialectId::AnthropicMessages);

const OPENAI: &[(&str, Fixed)] = &[
    ("/v1/chat/completions", CHAT),
    ("/v1/responses", RESPONSES),
    ("/v1/embeddings", Fixed::Embed),
    ("/v1/models", Fixed::Models),
];

const AZURE: &[(&str, Fixed)] = &[
    ("/openai/v1/chat/completions", CHAT),
    ("/openai/v1/responses", RESPONSES),
    ("/openai/v1/embeddings", Fixed::Embed),
    ("/openai/v1/models", Fixed::Models),
];

const ANTHROPIC: &[(&str, Fixed)] = &[
    ("/v1/messages", MESSAGES),
    ("/v1/messages/count_tokens", Fixed::CountTokens),
    ("/v1/models", Fixed::Models),
];

const BEDROCK: &[(&str, Fixed)] = &[
    ("/openai/v1/chat/completions", CHAT),
    ("/openai/v1/responses", RESPONSES),
    ("/v1/responses", RESPONSES),
    ("/anthropic/v1/messages", MESSAGES),
];

fn fixed(table: &[(&str, Fixed)], path: &str) -> Option<Endpoint> {
    let (_, fixed) = table.iter().find(|(known, _)| *known == path)?;
    Some(match *fixed {
        Fixed::Generate(dialect) => Endpoint::Generate { dialect, model: None, stream: false },
        Fixed::Embed => Endpoint::Embed { model: None },
        Fixed::CountTokens => Endpoint::CountTokens,
        Fixed::Models => Endpoint::Models,
    })
}

/// Azure's dated paths exist only with an `api-version`; those of Chat and of embeddings name the
/// deployment.
fn azure_dated(uri: &Uri) -> Option<Endpoint> {
    let query = uri.query()?;
    if !query.split('&').any(|pair| pair.starts_with("api-version=")) {
        return None;
    }
    if uri.path() == "/openai/responses" {
        let dialect = DialectId::OpenaiResponses;
        return Some(Endpoint::Generate { dialect, model: None, stream: false });
    }
    if uri.path() == "/openai/models" {
        return Some(Endpoint::Models);
    }
    let (deployment, operation) =
        uri.path().strip_prefix("/openai/deployments/")?.split_once('/')?;
    let model = Some(segment(deployment)?);
    match operation {
        "chat/completions" => {
            Some(Endpoint::Generate { dialect: DialectId::OpenaiChat, model, stream: false })
        }
        "embeddings" => Some(Endpoint::Embed { model }),
        _ => None,
    }
}

/// Bedrock's model ids hold colons and slashes, which clients may send percent-encoded.
fn converse(path: &str) -> Option<Endpoint> {
    let (id, operation) = path.strip_prefix("/model/")?.split_once('/')?;
    let stream = match operation {
        "converse" => false,
        "converse-stream" => true,
        _ => return None,
    };
    let dialect = DialectId::BedrockConverse;
    Some(Endpoint::Generate { dialect, model: Some(segment(id)?), stream })
}

/// One decoded path segment that is not empty.
fn segment(raw: &str) -> Option<String> {
    if raw.is_empty() || raw.contains('/') {
        return None;
    }
    Some(percent_decode_str(raw).decode_utf8().ok()?.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(kind: Kind, method: &Method, target: &str) -> Result<Endpoint, u16> {
        endpoint(kind, method, &target.parse().unwrap()).map_err(|failure| failure.status)
    }

    #[test]
    fn ids_in_paths_are_decoded() {
        let arn = "/model/arn%3Aaws%3Abedrock%3Aus-east-1%3A1%3Aprofile%2Fab/converse-stream";
        for (kind, target, model, streamed) in [
            (Kind::Bedrock, arn, "arn:aws:bedrock:us-east-1:1:profile/ab", true),
            (
                Kind::Bedrock,
                "/model/us.anthropic.claude-v1:0/converse",
                "us.anthropic.claude-v1:0",
                false,
            ),
            (
                Kind::AzureOpenai,
                "/openai/deployments/gpt%2055/chat/completions?api-version=2025-04-01-preview",
                "gpt 55",
                false,
            ),
        ] {
            let Ok(Endpoint::Generate { model: Some(got), stream, .. }) =
                found(kind, &Method::POST, target)
            else {
                panic!("{target} is not found");
            };
            assert_eq!((got.as_str(), stream), (model, streamed));
        }
    }

    #[test]
    fn other_paths_and_methods_are_refused() {
        for (kind, method, target, status) in [
            (Kind::Openai, Method::POST, "/v1/messages", 404),
            (Kind::Openai, Method::GET, "/v1/chat/completions", 405),
            (Kind::Openai, Method::POST, "/v1/models", 405),
            (Kind::AzureOpenai, Method::POST, "/v1/chat/completions", 404),
            (Kind::AzureOpenai, Method::POST, "/openai/deployments/d/chat/completions", 404),
            (Kind::AzureOpenai, Method::POST, "/openai/responses?other=1", 404),
            (Kind::Anthropic, Method::POST, "/v1/chat/completions", 404),
            (Kind::Bedrock, Method::POST, "/model//converse", 404),
            (Kind::Bedrock, Method::POST, "/model/m/invoke", 404),
            (Kind::Bedrock, Method::GET, "/model/m/converse", 405),
        ] {
            assert_eq!(found(kind, &method, target), Err(status), "{kind} {method} {target}");
        }
    }
}
