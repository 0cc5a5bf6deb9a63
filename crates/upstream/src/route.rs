//! Where and how each deployment is called.

use std::sync::Arc;

use http::{HeaderMap, HeaderName, HeaderValue, Uri};
use tieline_config::{AwsAuth, AzureAuth, Config, Deployment, Provider, ProviderKind, Surface};
use tieline_dialect::{Accepts, Target};
use tieline_identity::{
    AwsCredential, AwsSource, Credential, ENTRA_SCOPE_DATED, ENTRA_SCOPE_V1, EntraCredential,
    EntraSettings, IdentityError, TokenHttp,
};
use tieline_types::{DialectId, Secret};

use crate::Dial;

/// The output limit sent where the dialect requires one and neither client nor configuration gave
/// one. Every Claude model since 4 takes it.
const MAX_OUTPUT_TOKENS: u64 = 32_000;

/// How one deployment is called.
#[derive(Clone, Debug)]
pub struct Route {
    /// The dialect its surface speaks.
    pub dialect: DialectId,
    /// What the writer of requests must know of it.
    pub target: Target,
    /// Whether the model goes on from a last turn of its own.
    pub prefill: bool,
    /// Where tokens of a prompt can be counted, if the provider does that.
    pub count_tokens: Option<Uri>,
    /// Where texts become vectors, if the provider does that in OpenAI's protocol.
    pub embeddings: Option<Uri>,
    /// Where the provider lists its models, if it may say there when they end.
    pub models: Option<Uri>,
    pub(crate) dial: Dial,
    pub(crate) headers: HeaderMap,
    pub(crate) credential: Credential,
    whole: Uri,
    stream: Uri,
}

impl Route {
    /// The address to call.
    #[must_use]
    pub fn uri(&self, stream: bool) -> &Uri {
        if stream { &self.stream } else { &self.whole }
    }

    /// The same deployment, called to count tokens.
    #[must_use]
    pub fn counting(&self) -> Option<Self> {
        self.elsewhere(self.count_tokens.as_ref()?)
    }

    /// The same deployment, called to turn texts into vectors.
    #[must_use]
    pub fn embedding(&self) -> Option<Self> {
        self.elsewhere(self.embeddings.as_ref()?)
    }

    fn elsewhere(&self, uri: &Uri) -> Option<Self> {
        Some(Self { whole: uri.clone(), stream: uri.clone(), ..self.clone() })
    }
}

/// Why a deployment cannot be called.
#[derive(Debug, thiserror::Error)]
pub enum RouteError {
    /// Its credential cannot be set up.
    #[error("provider {provider}: the credential cannot be set up")]
    Credential {
        /// The provider's name.
        provider: String,
        /// Why.
        #[source]
        source: IdentityError,
    },
    /// Its parts make no address.
    #[error("deployment {deployment}: {address} is no valid address")]
    Address {
        /// The deployment's id.
        deployment: String,
        /// What was tried.
        address: String,
        /// Why.
        #[source]
        source: http::uri::InvalidUri,
    },
    /// A configured text cannot be a header.
    #[error("provider {provider}: {header} cannot be sent in a header")]
    Header {
        /// The provider's name.
        provider: String,
        /// The header's name.
        header: &'static str,
    },
    /// It names a provider that does not exist.
    #[error("deployment {deployment}: there is no provider {provider}")]
    Provider {
        /// The deployment's id.
        deployment: String,
        /// The provider's name.
        provider: String,
    },
}

/// Builds the routes of one configuration: credentials once for each provider, then one route for
/// each deployment.
pub struct Routes<'a> {
    /// Reads an environment variable, for Azure's identity settings.
    pub env: &'a dyn Fn(&str) -> Option<String>,
    /// Carries token requests to Microsoft Entra.
    pub tokens: Arc<dyn TokenHttp>,
}

impl Routes<'_> {
    /// A route for every deployment, in the order of [`Config::deployments`].
    ///
    /// # Errors
    /// The first thing that stands in the way.
    pub fn compile(&self, config: &Config) -> Result<Vec<Route>, RouteError> {
        let mut credentials = Vec::with_capacity(config.providers.len());
        for provider in &config.providers {
            let credential = self.credential(provider).map_err(|source| {
                RouteError::Credential { provider: provider.name.clone(), source }
            })?;
            credentials.push((provider, credential));
        }
        let route = |deployment: &Deployment| {
            let known = credentials.iter().find(|(one, _)| one.name == deployment.provider);
            let (provider, credential) = known.ok_or_else(|| RouteError::Provider {
                deployment: deployment.id.clone(),
                provider: deployment.provider.clone(),
            })?;
            compile(provider, credential, deployment)
        };
        config.deployments().map(route).collect()
    }

    fn credential(&self, provider: &Provider) -> Result<Credential, IdentityError> {
        let header = |name, key: &Secret| Credential::Header {
            name: HeaderName::from_static(name),
            value: key.clone(),
        };
        Ok(match &provider.kind {
            ProviderKind::Openai { api_key, .. } => Credential::Bearer(api_key.clone()),
            ProviderKind::OpenaiCompatible { api_key, .. } => {
                api_key.clone().map_or(Credential::None, Credential::Bearer)
            }
            ProviderKind::Anthropic { api_key, .. } => header("x-api-key", api_key),
            ProviderKind::AzureOpenai { auth: AzureAuth::Key(key), .. } => header("api-key", key),
            ProviderKind::AzureOpenai {
                auth: AzureAuth::Entra { tenant_id, client_id, client_secret, scope },
                api_version,
                ..
            } => {
                let settings = EntraSettings {
                    tenant_id: tenant_id.clone(),
                    client_id: client_id.clone(),
                    client_secret: client_secret.clone(),
                    ..EntraSettings::default()
                };
                let usual = if api_version.is_some() { ENTRA_SCOPE_DATED } else { ENTRA_SCOPE_V1 };
                let scope = scope.as_deref().unwrap_or(usual);
                let tokens = Arc::clone(&self.tokens);
                Credential::Entra(EntraCredential::new(settings, scope, self.env, tokens)?)
            }
            ProviderKind::Bedrock { auth: AwsAuth::ApiKey(key), .. } => {
                Credential::Bearer(key.clone())
            }
            ProviderKind::Bedrock { auth: AwsAuth::Chain { profile }, region, .. } => {
                let source = AwsSource::Chain { profile: profile.clone() };
                Credential::Aws(AwsCredential::new("bedrock", region.as_str(), source))
            }
        })
    }
}

fn compile(
    provider: &Provider,
    credential: &Credential,
    deployment: &Deployment,
) -> Result<Route, RouteError> {
    let surface = deployment.surface_for(&provider.kind);
    let [whole, stream] = addresses(&provider.kind, surface, &deployment.name);
    let parse = |address: String| {
        address.parse::<Uri>().map_err(|source| RouteError::Address {
            deployment: deployment.id.clone(),
            address,
            source,
        })
    };
    let count_tokens = match &provider.kind {
        ProviderKind::Anthropic { .. } => Some(parse(format!("{whole}/count_tokens"))?),
        _ => None,
    };
    let embeddings = embeddings_address(&provider.kind, &deployment.name);
    let credential = match (&provider.kind, surface, credential) {
        (ProviderKind::Bedrock { mantle_service, .. }, Surface::Mantle, Credential::Aws(aws)) => {
            Credential::Aws(aws.for_service(mantle_service.as_str()))
        }
        _ => credential.clone(),
    };
    Ok(Route {
        dialect: dialect_of(surface),
        target: Target {
            model: deployment.name.clone(),
            accepts: accepts(&provider.kind, deployment),
            max_output_tokens: deployment.max_output_tokens.unwrap_or(MAX_OUTPUT_TOKENS),
        },
        prefill: deployment.prefill,
        count_tokens,
        embeddings: embeddings.map(parse).transpose()?,
        models: models_address(&provider.kind).map(parse).transpose()?,
        dial: Dial {
            connect_timeout: provider.connect_timeout,
            extra_ca: provider.extra_ca.clone(),
        },
        headers: headers(provider)?,
        credential,
        whole: parse(whole)?,
        stream: parse(stream)?,
    })
}

const fn dialect_of(surface: Surface) -> DialectId {
    match surface {
        Surface::Chat => DialectId::OpenaiChat,
        Surface::Responses | Surface::Runtime | Surface::Mantle => DialectId::OpenaiResponses,
        Surface::Messages => DialectId::AnthropicMessages,
        Surface::Converse => DialectId::BedrockConverse,
    }
}

const fn accepts(kind: &ProviderKind, deployment: &Deployment) -> Accepts {
    Accepts {
        openai_native: matches!(
            kind,
            ProviderKind::Openai { .. } | ProviderKind::AzureOpenai { .. }
        ),
        media_urls: !matches!(kind, ProviderKind::Bedrock { .. }),
        sampling: deployment.sampling,
    }
}

fn trimmed(url: &url::Url) -> String {
    url.as_str().trim_end_matches('/').to_owned()
}

/// Where texts become vectors. Azure's dated path names the deployment, as that of Chat does
/// (<https://learn.microsoft.com/azure/ai-foundry/openai/reference#embeddings>).
fn embeddings_address(kind: &ProviderKind, model: &str) -> Option<String> {
    match kind {
        ProviderKind::Openai { base_url, .. } | ProviderKind::OpenaiCompatible { base_url, .. } => {
            Some(format!("{}/embeddings", trimmed(base_url)))
        }
        ProviderKind::AzureOpenai { endpoint, api_version: None, .. } => {
            Some(format!("{}/openai/v1/embeddings", trimmed(endpoint)))
        }
        ProviderKind::AzureOpenai { endpoint, api_version: Some(version), .. } => Some(format!(
            "{}/openai/deployments/{}/embeddings?api-version={version}",
            trimmed(endpoint),
            encoded(model)
        )),
        ProviderKind::Anthropic { .. } | ProviderKind::Bedrock { .. } => None,
    }
}

/// Where models are listed. Azure's dated path is one of its own
/// (<https://learn.microsoft.com/rest/api/azureopenai/models/list>).
fn models_address(kind: &ProviderKind) -> Option<String> {
    match kind {
        ProviderKind::Openai { base_url, .. } | ProviderKind::OpenaiCompatible { base_url, .. } => {
            Some(format!("{}/models", trimmed(base_url)))
        }
        ProviderKind::AzureOpenai { endpoint, api_version: None, .. } => {
            Some(format!("{}/openai/v1/models", trimmed(endpoint)))
        }
        ProviderKind::AzureOpenai { endpoint, api_version: Some(version), .. } => {
            Some(format!("{}/openai/models?api-version={version}", trimmed(endpoint)))
        }
        ProviderKind::Anthropic { .. } | ProviderKind::Bedrock { .. } => None,
    }
}

/// The addresses for whole and for streamed answers.
fn addresses(kind: &ProviderKind, surface: Surface, model: &str) -> [String; 2] {
    let one = |address: String| [address.clone(), address];
    let leaf = if surface == Surface::Responses { "responses" } else { "chat/completions" };
    match kind {
        ProviderKind::Openai { base_url, .. } | ProviderKind::OpenaiCompatible { base_url, .. } => {
            one(format!("{}/{leaf}", trimmed(base_url)))
        }
        ProviderKind::Anthropic { base_url, .. } => {
            one(format!("{}/v1/messages", trimmed(base_url)))
        }
        ProviderKind::AzureOpenai { endpoint, api_version, .. } => {
            let endpoint = trimmed(endpoint);
            one(match (api_version, surface) {
                (None, _) => format!("{endpoint}/openai/v1/{leaf}"),
                // The dated Responses path names no deployment.
                (Some(version), Surface::Responses) => {
                    format!("{endpoint}/openai/responses?api-version={version}")
                }
                (Some(version), _) => format!(
                    "{endpoint}/openai/deployments/{}/{leaf}?api-version={version}",
                    encoded(model)
                ),
            })
        }
        ProviderKind::Bedrock { region, endpoint, mantle_endpoint, .. } => {
            let runtime = endpoint
                .as_ref()
                .map_or_else(|| format!("https://bedrock-runtime.{region}.amazonaws.com"), trimmed);
            let mantle = mantle_endpoint
                .as_ref()
                .map_or_else(|| format!("https://bedrock-mantle.{region}.api.aws"), trimmed);
            match surface {
                Surface::Messages => one(format!("{runtime}/anthropic/v1/messages")),
                Surface::Mantle => one(format!("{mantle}{}/responses", mantle_prefix(model))),
                Surface::Runtime | Surface::Responses => {
                    one(format!("{runtime}/openai/v1/responses"))
                }
                Surface::Chat => one(format!("{runtime}/openai/v1/chat/completions")),
                Surface::Converse => {
                    let base = format!("{runtime}/model/{}", encoded(model));
                    [format!("{base}/converse"), format!("{base}/converse-stream")]
                }
            }
        }
    }
}

/// Mantle serves OpenAI's numbered models under `/openai/v1` and the rest under `/v1`; the wrong
/// prefix is answered with "isn't supported on this route".
fn mantle_prefix(model: &str) -> &'static str {
    let numbered = model.strip_prefix("openai.gpt-").is_some_and(|rest| !rest.starts_with("oss"));
    if numbered { "/openai/v1" } else { "/v1" }
}

/// Percent-encodes all but unreserved characters, as AWS wants ids and ARNs in a path.
fn encoded(model: &str) -> String {
    let mut out = String::with_capacity(model.len() + 8);
    for byte in model.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

fn headers(provider: &Provider) -> Result<HeaderMap, RouteError> {
    let mut headers = HeaderMap::new();
    let mut put = |name: &'static str, value: &str| {
        let value = HeaderValue::from_str(value)
            .map_err(|_| RouteError::Header { provider: provider.name.clone(), header: name })?;
        headers.insert(name, value);
        Ok(())
    };
    put("content-type", "application/json")?;
    put("user-agent", concat!("tieline/", env!("CARGO_PKG_VERSION")))?;
    match &provider.kind {
        ProviderKind::Openai { organization, project, .. } => {
            if let Some(organization) = organization {
                put("openai-organization", organization)?;
            }
            if let Some(project) = project {
                put("openai-project", project)?;
            }
        }
        ProviderKind::Anthropic { version, .. } => put("anthropic-version", version)?,
        // Its Anthropic-compatible surface asks for a version; the others pass it over.
        ProviderKind::Bedrock { .. } => put("anthropic-version", "2023-06-01")?,
        ProviderKind::AzureOpenai { .. } | ProviderKind::OpenaiCompatible { .. } => {}
    }
    Ok(headers)
}

#[cfg(test)]
mod tests {
    use url::Url;

    use super::*;

    fn bedrock() -> ProviderKind {
        ProviderKind::Bedrock {
            region: "us-east-2".into(),
            auth: AwsAuth::Chain { profile: None },
            endpoint: None,
            mantle_endpoint: None,
            mantle_service: "bedrock-mantle".into(),
        }
    }

    fn azure(api_version: Option<&str>) -> ProviderKind {
        ProviderKind::AzureOpenai {
            endpoint: Url::parse("https://acme.openai.azure.com/").unwrap(),
            auth: AzureAuth::Key(Secret::new("k")),
            api_version: api_version.map(str::to_owned),
        }
    }

    #[test]
    fn every_surface_has_its_address() {
        let dated = Some("2025-04-01-preview");
        let cases = [
            (
                azure(None),
                Surface::Chat,
                "gpt55-eu",
                "https://acme.openai.azure.com/openai/v1/chat/completions",
            ),
            (
                azure(None),
                Surface::Responses,
                "gpt55-eu",
                "https://acme.openai.azure.com/openai/v1/responses",
            ),
            (
                azure(dated),
                Surface::Chat,
                "gpt55 eu",
                "https://acme.openai.azure.com/openai/deployments/gpt55%20eu/chat/completions\
                 ?api-version=2025-04-01-preview",
            ),
            (
                azure(dated),
                Surface::Responses,
                "gpt55-eu",
                "https://acme.openai.azure.com/openai/responses?api-version=2025-04-01-preview",
            ),
            (
                bedrock(),
                Surface::Runtime,
                "us.openai.gpt-5.5",
                "https://bedrock-runtime.us-east-2.amazonaws.com/openai/v1/responses",
            ),
            (
                bedrock(),
                Surface::Mantle,
                "openai.gpt-5.5",
                "https://bedrock-mantle.us-east-2.api.aws/openai/v1/responses",
            ),
            (
                bedrock(),
                Surface::Mantle,
                "openai.gpt-oss-120b",
                "https://bedrock-mantle.us-east-2.api.aws/v1/responses",
            ),
            (
                bedrock(),
                Surface::Messages,
                "us.anthropic.claude-sonnet-5",
                "https://bedrock-runtime.us-east-2.amazonaws.com/anthropic/v1/messages",
            ),
            (
                bedrock(),
                Surface::Converse,
                "amazon.nova-pro-v1:0",
                "https://bedrock-runtime.us-east-2.amazonaws.com/model/amazon.nova-pro-v1%3A0\
                 /converse",
            ),
        ];
        for (kind, surface, model, expected) in cases {
            assert_eq!(addresses(&kind, surface, model)[0], expected);
        }
        let arn = "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abcd";
        let [_, stream] = addresses(&bedrock(), Surface::Converse, arn);
        assert!(stream.ends_with("profile%2Fabcd/converse-stream"), "{stream}");
    }

    #[test]
    fn embeddings_have_their_address_where_they_are_made() {
        let dated = Some("2025-04-01-preview");
        let embeddings = |kind| embeddings_address(&kind, "embed eu");
        let host = "https://acme.openai.azure.com/openai";
        for (kind, expected) in [
            (azure(None), Some(format!("{host}/v1/embeddings"))),
            (
                azure(dated),
                Some(format!(
                    "{host}/deployments/embed%20eu/embeddings?api-version=2025-04-01-preview"
                )),
            ),
            (
                ProviderKind::OpenaiCompatible {
                    base_url: Url::parse("http://127.0.0.1:11434/v1/").unwrap(),
                    api_key: None,
                },
                Some("http://127.0.0.1:11434/v1/embeddings".to_owned()),
            ),
            (bedrock(), None),
        ] {
            assert_eq!(embeddings(kind), expected);
        }
    }

    #[test]
    fn models_are_listed_where_the_vendor_lists_them() {
        let host = "https://acme.openai.azure.com/openai";
        for (kind, expected) in [
            (azure(None), Some(format!("{host}/v1/models"))),
            (azure(Some("2024-10-21")), Some(format!("{host}/models?api-version=2024-10-21"))),
            (bedrock(), None),
        ] {
            assert_eq!(models_address(&kind), expected);
        }
    }
}
