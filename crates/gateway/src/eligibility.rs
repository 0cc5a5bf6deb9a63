//! From a configuration to the matrix of what may go where.

use std::{collections::HashMap, sync::Arc};

use tieline_config::{Config, Deployment, Feature, Provider, ProviderKind, TierMode};
use tieline_policy::{Channel, Matrix, PolicyError, Tier, World, facts};
use tieline_types::{Fact, FactName, Facts};
use url::Url;

/// Where vendors' own APIs are; what is reached elsewhere may be anybody's.
const OPENAI_HOST: &str = "api.openai.com";
const ANTHROPIC_HOST: &str = "api.anthropic.com";
const AZURE_DOMAINS: [&str; 3] =
    [".openai.azure.com", ".cognitiveservices.azure.com", ".services.ai.azure.com"];
const AWS_DOMAINS: [&str; 2] = [".amazonaws.com", ".api.aws"];

/// Compiles what is allowed from `now_ms` on, in milliseconds since the Unix epoch.
///
/// # Errors
/// Every mistake in the policies.
pub fn matrix(config: &Config, now_ms: u64) -> Result<Matrix, PolicyError> {
    let positions: HashMap<&str, usize> =
        config.deployments().enumerate().map(|(at, one)| (one.id.as_str(), at)).collect();
    let world = World {
        deployments: config.deployments().map(|one| deployment(config, one)).collect(),
        features: config.features.iter().map(|one| feature(one, &positions)).collect(),
        files: config.policies.clone(),
        exceptions: config.exceptions.clone(),
    };
    Matrix::compile(world, now_ms)
}

/// A deployment with what is known of it.
pub(crate) fn deployment(config: &Config, one: &Deployment) -> tieline_policy::Deployment {
    let provider = config.provider(&one.provider);
    let channel = provider.map_or(Channel::Other, channel);
    let stated: Vec<&Facts> =
        provider.map(|provider| &provider.facts).into_iter().chain([&one.facts]).collect();
    let mut facts = facts(&channel, &one.name, &stated);
    // It is configured, so it is known.
    let prefill =
        Fact { value: one.prefill.into(), source: "the configuration".into(), expires_ms: None };
    facts.set(FactName::Prefill, prefill);
    tieline_policy::Deployment {
        id: one.id.as_str().into(),
        model: one.model.as_str().into(),
        provider: one.provider.as_str().into(),
        facts,
    }
}

/// How a provider is bought, where it is reached at its vendor's own address.
fn channel(provider: &Provider) -> Channel {
    match &provider.kind {
        ProviderKind::Openai { base_url, .. } if base_url.host_str() == Some(OPENAI_HOST) => {
            Channel::Openai
        }
        ProviderKind::Anthropic { base_url, .. } if base_url.host_str() == Some(ANTHROPIC_HOST) => {
            Channel::Anthropic
        }
        ProviderKind::AzureOpenai { endpoint, .. } if is_under(endpoint, &AZURE_DOMAINS) => {
            Channel::AzureOpenai
        }
        ProviderKind::Bedrock { region, endpoint, mantle_endpoint, .. } => {
            let others = [endpoint, mantle_endpoint];
            let own = |url: &Url| is_under(url, &AWS_DOMAINS);
            match others.into_iter().flatten().all(own) {
                true => Channel::Bedrock { region: region.clone() },
                false => Channel::Other,
            }
        }
        ProviderKind::Openai { .. }
        | ProviderKind::Anthropic { .. }
        | ProviderKind::AzureOpenai { .. }
        | ProviderKind::OpenaiCompatible { .. } => Channel::Other,
    }
}

/// Who sells what a provider has, as price lists know it.
pub(crate) struct Seller<'c> {
    /// The provider's kind, in the configuration's word.
    pub(crate) kind: &'static str,
    /// The host that it is reached at, where that tells more.
    pub(crate) host: Option<&'c str>,
    /// The cloud's region.
    pub(crate) region: Option<&'c str>,
}

/// Who sells what a provider has; none where it is not reached at its vendor's own address.
pub(crate) fn seller(provider: &Provider) -> Option<Seller<'_>> {
    let seller = |kind, host, region| Some(Seller { kind, host, region });
    match &provider.kind {
        ProviderKind::Openai { base_url, .. } => {
            let host = base_url.host_str().filter(|host| host.ends_with(OPENAI_HOST))?;
            seller("openai", Some(host), None)
        }
        ProviderKind::OpenaiCompatible { base_url, .. } => {
            seller("openai-compatible", base_url.host_str(), None)
        }
        ProviderKind::Bedrock { region, .. } => match channel(provider) {
            Channel::Bedrock { .. } => seller("bedrock", None, Some(region)),
            _ => None,
        },
        ProviderKind::Anthropic { .. } => match channel(provider) {
            Channel::Anthropic => seller("anthropic", None, None),
            _ => None,
        },
        ProviderKind::AzureOpenai { .. } => match channel(provider) {
            Channel::AzureOpenai => seller("azure-openai", None, None),
            _ => None,
        },
    }
}

fn is_under(url: &Url, domains: &[&str]) -> bool {
    url.host_str().is_some_and(|host| domains.iter().any(|domain| host.ends_with(domain)))
}

fn feature(one: &Feature, positions: &HashMap<&str, usize>) -> tieline_policy::Feature {
    let at = |id: &str| positions.get(id).copied();
    let tiers = one.tiers.iter().filter_map(|tier| match &tier.mode {
        TierMode::Models { candidates, .. } => Some(Tier {
            name: tier.name.as_str().into(),
            deployments: candidates.iter().filter_map(|one| at(&one.deployment)).collect(),
        }),
        _ => None,
    });
    let embedders = one.tiers.iter().filter_map(|tier| match &tier.mode {
        TierMode::Cache { similar: Some(similar), .. } => Some(&similar.embeddings),
        _ => None,
    });
    tieline_policy::Feature {
        name: Arc::from(one.name.as_str()),
        owner: one.owner.clone(),
        implicit: one.implicit,
        rules: one.rules.clone(),
        tiers: tiers.collect(),
        embedders: embedders.flatten().filter_map(|id| at(id)).collect(),
    }
}
