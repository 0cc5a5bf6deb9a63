//! From a checked configuration to the immutable plan that requests read.

use std::{collections::HashMap, sync::Arc};

use tieline_config::{Config, Fidelity, TierMode};
use tieline_route::{Candidate, Deployment, Feature, Live, Mode, Plan, Prefer, Tier};
use tieline_upstream::{Route, Routes, Upstream};

use crate::GatewayError;

/// The plan in force: what may be called, how, and what was learnt of it.
pub(crate) struct ActivePlan {
    /// What it was built from.
    pub(crate) config: Config,
    pub(crate) plan: Plan,
    /// How to call each deployment of the plan, by position.
    pub(crate) routes: Vec<Route>,
    pub(crate) live: Live,
    pub(crate) body_bytes_max: usize,
}

impl ActivePlan {
    pub(crate) fn build(
        config: &Config,
        env: &dyn Fn(&str) -> Option<String>,
        tokens: &Arc<Upstream>,
        old: Option<&Self>,
    ) -> Result<Self, GatewayError> {
        let tokens = Arc::clone(tokens);
        let routes = Routes { env, tokens }.compile(config)?;
        let plan = compile(config);
        let live = match old {
            Some(old) => old.live.carried(&old.plan, &plan),
            None => Live::new(&plan),
        };
        let body_bytes_max = usize::try_from(config.server.max_body_bytes).unwrap_or(usize::MAX);
        Ok(Self { config: config.clone(), plan, routes, live, body_bytes_max })
    }
}

fn compile(config: &Config) -> Plan {
    let deployments: Vec<Deployment> = config
        .deployments()
        .map(|one| Deployment {
            id: one.id.as_str().into(),
            model: one.model.as_str().into(),
            provider: one.provider.as_str().into(),
        })
        .collect();
    let positions: HashMap<&str, usize> =
        config.deployments().enumerate().map(|(at, one)| (one.id.as_str(), at)).collect();
    let feature = |feature: &tieline_config::Feature| {
        let name: Arc<str> = feature.name.as_str().into();
        let feature = Feature {
            name: Arc::clone(&name),
            deadline: feature.deadline,
            strict: feature.fidelity == Fidelity::Strict,
            implicit: feature.implicit,
            tiers: feature.tiers.iter().map(|one| tier(one, &positions)).collect(),
        };
        (name, Arc::new(feature))
    };
    Plan { features: config.features.iter().map(feature).collect(), deployments }
}

fn tier(tier: &tieline_config::Tier, positions: &HashMap<&str, usize>) -> Tier {
    let mode = match &tier.mode {
        TierMode::Models { candidates, prefer } => Mode::Models {
            candidates: candidates
                .iter()
                .filter_map(|one| {
                    let deployment = *positions.get(one.deployment.as_str())?;
                    Some(Candidate { deployment, weight: one.weight })
                })
                .collect(),
            prefer: match prefer {
                tieline_config::Prefer::Ordered => Prefer::Ordered,
                tieline_config::Prefer::Weighted => Prefer::Weighted,
            },
        },
        TierMode::Cache { max_age } => Mode::Cache { max_age: *max_age },
        TierMode::Reply { text } => Mode::Reply { text: text.as_str().into() },
        TierMode::Off => Mode::Off,
    };
    Tier {
        name: tier.name.as_str().into(),
        mode,
        ttft: tier.ttft,
        deadline: tier.deadline,
        acceptable: tier.acceptable,
    }
}
