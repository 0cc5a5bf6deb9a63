//! From a checked configuration to the immutable plan that requests read.

use std::{collections::HashMap, sync::Arc, time::Duration};

use tieline_config::{Config, Fidelity, OnStreamBreak, ProviderKind, TierMode};
use tieline_gate::sentinel::PromptSet;
use tieline_policy::Matrix;
use tieline_route::{
    Allowance, BurnResponse, Candidate, Ceilings, Configured, Criticality, Deployment, Domain,
    Feature, Hedge, Level, Limits, Live, Mode, OnBreak, Plan, Prefer, Role, Similar, Tier, Weights,
};
use tieline_types::{Facts, Pass};
use tieline_upstream::{Route, Routes, Upstream};

use crate::{
    GatewayError, budgets,
    decision::Decisions,
    eligibility,
    prices::{Prices, Tariff},
    sentinel,
    slos::{Burning, Slos},
    standing::{Evidence, Standings},
};

/// The plan in force: what may be called, how, and what was learnt of it.
pub(crate) struct ActivePlan {
    /// What it was built from.
    pub(crate) config: Config,
    pub(crate) plan: Plan,
    /// How to call each deployment of the plan, by position. Nothing is sent without one, and
    /// nobody gets one without a [`Pass`].
    routes: Vec<Arc<Route>>,
    /// What may go where.
    pub(crate) matrix: Matrix,
    /// What evals and releases say of candidates.
    pub(crate) standings: Standings,
    pub(crate) live: Live,
    pub(crate) body_bytes_max: usize,
    /// What tokens cost.
    pub(crate) prices: Prices,
    pub(crate) decisions: Decisions,
    /// What sentinels ask; none where they are off.
    pub(crate) prompts: Option<Arc<PromptSet>>,
    /// The objectives that requests count for.
    pub(crate) slos: Slos,
}

impl ActivePlan {
    pub(crate) fn build(
        config: &Config,
        env: &dyn Fn(&str) -> Option<String>,
        tokens: &Arc<Upstream>,
        evidence: Evidence,
        old: Option<&Self>,
        (now, now_ms): (Duration, u64),
    ) -> Result<Self, GatewayError> {
        let matrix = eligibility::matrix(config, now_ms)?;
        let standings = Standings::at(config, evidence, &matrix, now_ms)?;
        let tokens = Arc::clone(tokens);
        let routes = Routes { env, tokens }.compile(config)?.into_iter().map(Arc::new).collect();
        let prices = Prices::at(config, now_ms)?;
        let plan = compile(config, &prices, &standings);
        let live = match old {
            Some(old) => old.live.carried(&plan, &changed(&old.config, config), now),
            None => Live::new(&plan),
        };
        let body_bytes_max = usize::try_from(config.server.max_body_bytes).unwrap_or(usize::MAX);
        let prompts = sentinel::prompts(config)?.map(Arc::new);
        let slos = Slos::of(config, old.map(|old| &old.slos))?;
        let decisions = Decisions::of(config, &standings.evidence.burning);
        let config = config.clone();
        Ok(Self {
            config,
            plan,
            routes,
            matrix,
            standings,
            live,
            body_bytes_max,
            prices,
            decisions,
            prompts,
            slos,
        })
    }

    /// How to call a deployment that policy lets through.
    pub(crate) fn route(&self, pass: Pass) -> Option<&Arc<Route>> {
        self.routes.get(pass.deployment())
    }

    /// The rules of `on_burn` that hold.
    pub(crate) const fn burning(&self) -> &Burning {
        &self.standings.evidence.burning
    }

    /// What the tokens of a deployment cost, where that is known.
    pub(crate) fn tariff(&self, deployment: usize) -> Option<Arc<Tariff>> {
        self.prices.of(deployment)
    }

    /// Whether a deployment goes on from a last turn of its own.
    pub(crate) fn continues(&self, deployment: usize) -> bool {
        self.routes.get(deployment).is_some_and(|route| route.prefill)
    }
}

/// The providers that are not what they were: what was learnt of them is no longer true.
pub(crate) fn changed<'c>(old: &Config, new: &'c Config) -> Vec<&'c str> {
    // What is stated of a provider says nothing of its health.
    let reached = |one: &tieline_config::Provider| tieline_config::Provider {
        facts: Facts::default(),
        ..one.clone()
    };
    let old: Vec<_> = old.providers.iter().map(reached).collect();
    let is_new = |one: &&tieline_config::Provider| !old.contains(&reached(one));
    new.providers.iter().filter(is_new).map(|one| one.name.as_str()).collect()
}

pub(crate) fn compile(config: &Config, prices: &Prices, standings: &Standings) -> Plan {
    let mut domains = Vec::new();
    let deployments: Vec<Deployment> = config
        .deployments()
        .enumerate()
        .map(|(at, one)| Deployment {
            id: one.id.as_str().into(),
            model: one.model.as_str().into(),
            provider: one.provider.as_str().into(),
            domains: shared(config, one).map(|domain| position(&mut domains, domain)).collect(),
            limits: Configured {
                requests_per_minute: one.limits.requests_per_minute,
                tokens_per_minute: one.limits.tokens_per_minute,
                input_tokens_per_minute: one.limits.input_tokens_per_minute,
                output_tokens_per_minute: one.limits.output_tokens_per_minute,
            },
            rates: prices.of(at).and_then(|tariff| tariff.standard().cloned()),
            max_output: one.max_output_tokens,
            quality: one.quality,
        })
        .collect();
    let positions: HashMap<&str, usize> =
        config.deployments().enumerate().map(|(at, one)| (one.id.as_str(), at)).collect();
    let feature = |feature: &tieline_config::Feature| {
        let name: Arc<str> = feature.name.as_str().into();
        let compiled = Feature {
            name: Arc::clone(&name),
            owner: feature.owner.as_deref().map(Arc::from),
            criticality: criticality(feature.criticality),
            deadline: feature.deadline,
            return_after: feature.return_after,
            strict: feature.fidelity == Fidelity::Strict,
            hedge: feature.hedge.map(|hedge| Hedge { after: hedge.after }),
            on_break: on_break(feature.on_stream_break),
            limits: Limits {
                all: allowance(feature.limits.all),
                each: allowance(feature.limits.per_caller),
            },
            implicit: feature.implicit,
            tiers: feature
                .tiers
                .iter()
                .map(|one| {
                    let role = |candidate: &_| standings.role(&feature.name, &one.name, candidate);
                    tier(one, &positions, role)
                })
                .collect(),
        };
        let burning = standings.evidence.burning.of(feature);
        let responses: Vec<BurnResponse> = burning.into_iter().map(response).collect();
        (name, Arc::new(compiled.bent(&responses)))
    };
    let features = config.features.iter().map(feature).collect();
    Plan { features, deployments, domains, budgets: budgets::of(config) }
}

/// What a feature does by a rule of `on_burn`.
fn response(rule: &tieline_config::OnBurn) -> BurnResponse {
    match &rule.then {
        tieline_config::BurnResponse::Cheapest => BurnResponse::Prefer(Prefer::Cheapest),
        tieline_config::BurnResponse::Fastest => BurnResponse::Prefer(Prefer::Fastest),
        tieline_config::BurnResponse::BeginAt(tier) => BurnResponse::BeginAt(tier.clone()),
    }
}

/// The elements of the failure-domain tree that a deployment belongs to.
fn shared(
    config: &Config,
    deployment: &tieline_config::Deployment,
) -> impl Iterator<Item = Domain> {
    let provider = config.providers.iter().find(|one| one.name == deployment.provider);
    let (cloud, region) = provider.map_or((None, None), |one| place(&one.kind));
    [
        (Level::Model, Some(deployment.model.clone())),
        (Level::Account, Some(deployment.provider.clone())),
        (Level::Region, region),
        (Level::Cloud, cloud),
    ]
    .into_iter()
    .filter_map(|(level, name)| Some(Domain { level, name: name?.into() }))
}

/// The cloud or vendor platform behind a provider, and its region there.
fn place(kind: &ProviderKind) -> (Option<String>, Option<String>) {
    match kind {
        ProviderKind::Openai { base_url, .. }
        | ProviderKind::OpenaiCompatible { base_url, .. }
        | ProviderKind::Anthropic { base_url, .. } => (Some(base_url.authority().to_owned()), None),
        // The region of a resource is not in its address.
        ProviderKind::AzureOpenai { .. } => (Some("azure".to_owned()), None),
        ProviderKind::Bedrock { region, .. } => {
            (Some("aws".to_owned()), Some(format!("aws/{region}")))
        }
    }
}

/// Where a domain stands in the list; added where it is new.
fn position(domains: &mut Vec<Domain>, domain: Domain) -> usize {
    domains.iter().position(|known| *known == domain).unwrap_or_else(|| {
        domains.push(domain);
        domains.len() - 1
    })
}

const fn criticality(configured: tieline_config::Criticality) -> Criticality {
    match configured {
        tieline_config::Criticality::CriticalPlus => Criticality::CriticalPlus,
        tieline_config::Criticality::Critical => Criticality::Critical,
        tieline_config::Criticality::SheddablePlus => Criticality::SheddablePlus,
        tieline_config::Criticality::Sheddable => Criticality::Sheddable,
    }
}

/// Nothing of a quota.
const UNLIMITED: Configured = Configured {
    requests_per_minute: None,
    tokens_per_minute: None,
    input_tokens_per_minute: None,
    output_tokens_per_minute: None,
};

const fn allowance(configured: tieline_config::Allowance) -> Allowance {
    let tieline_config::Allowance { requests_per_minute, tokens_per_minute, concurrency } =
        configured;
    let by_minute = Configured { requests_per_minute, tokens_per_minute, ..UNLIMITED };
    Allowance { by_minute, concurrency }
}

const fn on_break(configured: OnStreamBreak) -> OnBreak {
    match configured {
        OnStreamBreak::Error => OnBreak::Error,
        OnStreamBreak::Restart => OnBreak::Restart,
        OnStreamBreak::Continue => OnBreak::Continue,
        OnStreamBreak::Buffer { tokens, hold } => OnBreak::Buffer { pieces: tokens, hold },
    }
}

fn tier(
    tier: &tieline_config::Tier,
    positions: &HashMap<&str, usize>,
    role: impl Fn(&tieline_config::Candidate) -> Role,
) -> Tier {
    let mode = match &tier.mode {
        TierMode::Models { candidates, prefer } => Mode::Models {
            candidates: candidates
                .iter()
                .filter_map(|one| {
                    let deployment = *positions.get(one.deployment.as_str())?;
                    Some(Candidate { deployment, weight: one.weight, role: role(one) })
                })
                .collect(),
            prefer: match prefer {
                tieline_config::Prefer::Ordered => Prefer::Ordered,
                tieline_config::Prefer::Weighted => Prefer::Weighted,
                tieline_config::Prefer::Fastest => Prefer::Fastest,
                tieline_config::Prefer::Cheapest => Prefer::Cheapest,
                tieline_config::Prefer::Balanced(weights) => Prefer::Balanced(Weights {
                    cost: weights.cost,
                    latency: weights.latency,
                    quality: weights.quality,
                }),
            },
        },
        TierMode::Cache { max_age, similar } => Mode::Cache {
            max_age: *max_age,
            similar: similar.as_ref().map(|similar| Similar {
                embeddings: similar
                    .embeddings
                    .iter()
                    .filter_map(|id| positions.get(id.as_str()).copied())
                    .collect(),
                min_score: similar.min_score,
            }),
        },
        TierMode::Queue(queue) => Mode::Queue { ttl: queue.ttl, max_jobs: queue.max_jobs },
        TierMode::Reply { text } => Mode::Reply { text: text.as_str().into() },
        TierMode::Off => Mode::Off,
    };
    Tier {
        name: tier.name.as_str().into(),
        mode,
        ttft: tier.ttft,
        deadline: tier.deadline,
        acceptable: tier.acceptable,
        ceilings: Ceilings {
            max_usd: tier.ceilings.max_usd_per_request,
            ttft_p95: tier.ceilings.ttft_p95,
            min_quality: tier.ceilings.min_quality,
        },
    }
}
