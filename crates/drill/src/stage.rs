//! The user's configuration with simulated providers in the place of the true ones.

use std::{collections::BTreeSet, time::Duration};

use tieline_config::{AwsAuth, AzureAuth, Config, Deployment, Provider, ProviderKind};
use tieline_gateway::contingency::Node;
use tieline_sim::{Kind, ProviderSpec, Spread};
use tieline_types::Secret;
use url::Url;

use crate::scenario::{EVENT_TOKENS, Pace, Scenario};

/// Any key of the right form opens a simulated provider.
const KEY: &str = "simulated-key";

/// A simulated provider and where it is found.
#[derive(Clone, Debug)]
pub(crate) struct Actor {
    /// The provider's name.
    pub(crate) name: String,
    /// `host:port` on the simulated network.
    pub(crate) authority: String,
    pub(crate) spec: ProviderSpec,
}

/// A configuration that calls nobody.
#[derive(Clone, Debug)]
pub(crate) struct Stage {
    pub(crate) config: Config,
    pub(crate) actors: Vec<Actor>,
}

impl Stage {
    /// Puts simulated providers in the place of a configuration's.
    pub(crate) fn set(config: &Config, scenario: &Scenario) -> Self {
        let mut config = config.clone();
        config.alerts = tieline_config::AlertTargets::default();
        config.sentinels = None;
        let deployments: Vec<Deployment> = config.deployments().cloned().collect();
        let actors = config.providers.iter_mut().enumerate().map(|(at, provider)| {
            let host = format!("provider-{at}.sim");
            provider.kind = disguised(&provider.kind, &host);
            provider.extra_ca = None;
            let own = deployments.iter().filter(|one| one.provider == provider.name);
            Actor {
                name: provider.name.clone(),
                authority: format!("{host}:80"),
                spec: spec(provider, own, scenario),
            }
        });
        let actors = actors.collect();
        Self { config, actors }
    }

    /// What providers and their own names of models these deployments are; no model where they are
    /// all that a provider has.
    pub(crate) fn struck(
        &self,
        nodes: &[Node],
        selected: &BTreeSet<usize>,
    ) -> Vec<(&Actor, Option<String>)> {
        let all: Vec<&Deployment> = self.config.deployments().collect();
        let mut struck = Vec::new();
        for actor in &self.actors {
            let own = |at: &usize| all.get(*at).is_some_and(|one| one.provider == actor.name);
            let total = (0..nodes.len()).filter(own).count();
            let some: Vec<usize> = selected.iter().copied().filter(|at| own(at)).collect();
            if some.len() == total && total > 0 {
                struck.push((actor, None));
                continue;
            }
            let names = some.iter().filter_map(|at| all.get(*at));
            struck.extend(names.map(|one| (actor, Some(one.name.clone()))));
        }
        struck
    }
}

fn spec<'d>(
    provider: &Provider,
    own: impl Iterator<Item = &'d Deployment>,
    scenario: &Scenario,
) -> ProviderSpec {
    let named = |name: &str| scenario.paces.iter().find(|(other, _)| other == name);
    let pace = named(&provider.name).or_else(|| named("*"));
    let pace = pace.map_or(Pace::default(), |(_, pace)| *pace);
    let per_token = Duration::from_secs_f64(1.0 / pace.tokens_per_second);
    ProviderSpec {
        pace: tieline_sim::Pace { first_token: pace.first_token, per_token },
        spread: Some(Spread { first_token_p95: pace.first_token_p95, per_token_p95: per_token }),
        tokens_per_event: EVENT_TOKENS,
        prefill: own.into_iter().any(|one| one.prefill),
        ..ProviderSpec::new(provider.name.clone(), kind(&provider.kind))
    }
}

const fn kind(kind: &ProviderKind) -> Kind {
    match kind {
        ProviderKind::Openai { .. } => Kind::Openai,
        ProviderKind::AzureOpenai { .. } => Kind::AzureOpenai,
        ProviderKind::Anthropic { .. } => Kind::Anthropic,
        ProviderKind::Bedrock { .. } => Kind::Bedrock,
        ProviderKind::OpenaiCompatible { .. } => Kind::OpenaiCompatible,
    }
}

/// The same protocol at a simulated host, with a key that opens nothing else.
fn disguised(kind: &ProviderKind, host: &str) -> ProviderKind {
    let key = || Secret::new(KEY);
    let at = |url: &Url| {
        let mut moved = url.clone();
        // A host that is a plain name and a port are fit for every HTTP address.
        let _ = moved.set_scheme("http");
        let _ = moved.set_host(Some(host));
        let _ = moved.set_port(None);
        moved
    };
    let plain = || Url::parse(&format!("http://{host}")).ok();
    match kind.clone() {
        ProviderKind::Openai { base_url, organization, project, .. } => {
            ProviderKind::Openai { base_url: at(&base_url), api_key: key(), organization, project }
        }
        ProviderKind::AzureOpenai { endpoint, api_version, .. } => ProviderKind::AzureOpenai {
            endpoint: at(&endpoint),
            auth: AzureAuth::Key(key()),
            api_version,
        },
        ProviderKind::Anthropic { base_url, version, .. } => {
            ProviderKind::Anthropic { base_url: at(&base_url), api_key: key(), version }
        }
        ProviderKind::Bedrock { region, mantle_service, .. } => ProviderKind::Bedrock {
            region,
            auth: AwsAuth::ApiKey(key()),
            endpoint: plain(),
            mantle_endpoint: plain(),
            mantle_service,
        },
        ProviderKind::OpenaiCompatible { base_url, .. } => {
            // Wherever the true server has its protocol, the simulated one has it there.
            let mut base_url = at(&base_url);
            base_url.set_path("/v1");
            ProviderKind::OpenaiCompatible { base_url, api_key: Some(key()) }
        }
    }
}
