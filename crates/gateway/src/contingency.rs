//! From a configuration to what contingencies do to it: what may go where, by the code that decides
//! for requests, with quotas, demand and prices.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
    time::Duration,
};

use tieline_config::{Config, Limits};
use tieline_ledger::FeaturePeak;
use tieline_policy::Verdict as Ruled;
use tieline_types::{CostState, FactName, Facts, Rates, Usage, UsdPico};

pub use tieline_route::contingency::*;
use tieline_route::{Candidate, Feature, Level, Mode, Plan, Prefer, Tier};

use crate::{GatewayError, decider::Decider, standing::Evidence as Standing};

/// How long a loss is taken to last.
const OUTAGE: Duration = Duration::from_secs(3_600);

/// What is known beside the configuration.
#[derive(Clone, Copy, Debug)]
pub struct Known<'a> {
    /// What features asked for, as far as there are records.
    pub peaks: &'a [FeaturePeak],
    /// How many times of that they will ask for.
    pub growth: f64,
    /// What 95 of 100 streams of a deployment began within, as far as there are records.
    pub first_contents: &'a BTreeMap<String, Duration>,
    /// Deployments that are out already.
    pub down: &'a BTreeSet<String>,
}

/// The topology of a configuration, as of `at_ms`, milliseconds since the Unix epoch.
///
/// A deployment counts for a feature where policy lets every request of it go there and its evals
/// and releases let it serve; what only some requests may use is not counted on. Features that
/// stand for models are in it where the ledger knows requests of them.
///
/// # Errors
/// Every mistake in the policies, in the user's own prices and in keys of attestations.
pub fn topology(
    config: &Config,
    evidence: Standing,
    at_ms: u64,
    known: Known<'_>,
) -> Result<Topology, GatewayError> {
    let decider = Decider::new(config, evidence, at_ms)?;
    let mut pools: Vec<QuotaPool> = Vec::new();
    let mut at_pool: HashMap<String, usize> = HashMap::new();
    let mut nodes = Vec::new();
    for (at, one) in config.deployments().enumerate() {
        let name = one.limits.pool.clone().unwrap_or_else(|| one.id.clone());
        let pool = *at_pool.entry(name).or_insert_with_key(|name| {
            pools.push(quota_pool(name, &one.limits));
            pools.len() - 1
        });
        let facts = decider.matrix.deployment(at, at_ms).map(|known| known.facts.clone());
        nodes.push(Node {
            id: one.id.as_str().into(),
            pool,
            domains: domains(&decider.plan, at, &facts.unwrap_or_default()),
            up: !known.down.contains(&one.id),
        });
    }
    let loads = config.features.iter().filter_map(|written| {
        let peak = known.peaks.iter().find(|peak| peak.feature == written.name);
        let feature = decider.plan.features.get(written.name.as_str())?;
        let wanted = !written.implicit || peak.is_some();
        let open: BTreeSet<usize> = decider
            .matrix
            .cells(&written.name, None, at_ms)
            .iter()
            .filter(|cell| cell.verdict == Ruled::In)
            .map(|cell| cell.deployment)
            .collect();
        let need = need(written, peak, known.growth);
        let asked = Asked { need, cached: peak.map_or(0.0, |peak| peak.cached), open };
        wanted.then(|| load(&decider.plan, feature, &asked, known.first_contents))
    });
    let loads = loads.collect();
    Ok(Topology { nodes, pools, loads, outage: OUTAGE, drilled: Vec::new() })
}

/// What a feature asks for, and where it may go.
struct Asked {
    need: Option<Need>,
    /// The share of its prompts' tokens that caches have.
    cached: f64,
    open: BTreeSet<usize>,
}

fn quota_pool(name: &str, limits: &Limits) -> QuotaPool {
    let quota = Quota {
        requests_per_minute: limits.requests_per_minute,
        tokens_per_minute: limits.tokens_per_minute,
        input_tokens_per_minute: limits.input_tokens_per_minute,
        output_tokens_per_minute: limits.output_tokens_per_minute,
        concurrency: None,
    };
    let source = match quota == Quota::default() {
        true => QuotaSource::Unknown,
        false => QuotaSource::Config,
    };
    let ramp =
        limits.ramp.map(|ramp| Ramp { share: f64::from(ramp.percent) / 100.0, every: ramp.every });
    QuotaPool { name: name.into(), quota, firm: limits.firm, ramp, source }
}

/// What a deployment fails with.
fn domains(plan: &Plan, at: usize, facts: &Facts) -> Vec<(Kind, Arc<str>)> {
    let Some(one) = plan.deployments.get(at) else {
        return Vec::new();
    };
    let level = |level: Level| {
        let mut all = one.domains.iter().filter_map(|at| plan.domains.get(*at));
        all.find(|domain| domain.level == level).map(|domain| Arc::clone(&domain.name))
    };
    let text = |name: FactName| facts.text(name).map(Arc::<str>::from);
    let cloud = text(FactName::Host).or_else(|| level(Level::Cloud));
    // What may be processed in several regions does not fail with one of them.
    let only = facts.texts(FactName::Regions).filter(|regions| regions.len() == 1);
    let region = only.and_then(BTreeSet::first).map(|region| match &cloud {
        Some(cloud) => format!("{cloud}/{region}").into(),
        None => Arc::from(region.as_str()),
    });
    [
        (Kind::Provider, Some(Arc::clone(&one.provider))),
        (Kind::ModelAtProvider, Some(format!("{}@{}", one.model, one.provider).into())),
        (Kind::Region, level(Level::Region).or(region)),
        (Kind::Seller, text(FactName::Seller)),
        (Kind::Cloud, cloud),
        (Kind::Edge, text(FactName::Edge)),
        (Kind::Model, Some(Arc::clone(&one.model))),
        (Kind::Family, family(&one.model)),
    ]
    .into_iter()
    .filter_map(|(kind, name)| Some((kind, name?)))
    .collect()
}

/// The family of a model: the letters that its name begins with.
fn family(model: &str) -> Option<Arc<str>> {
    let end = model.find(|one: char| !one.is_alphabetic()).unwrap_or(model.len());
    model.get(..end).filter(|name| !name.is_empty()).map(Arc::from)
}

/// What is declared, else what the ledger saw.
fn need(
    written: &tieline_config::Feature,
    peak: Option<&FeaturePeak>,
    growth: f64,
) -> Option<Need> {
    let takes = peak.map(|peak| peak.takes);
    if let Some(declared) = written.demand {
        return Some(Need {
            requests_per_minute: amount(declared.requests_per_minute),
            input_tokens_per_minute: declared.input_tokens_per_minute.map(amount),
            output_tokens_per_minute: declared.output_tokens_per_minute.map(amount),
            request_takes: takes,
        });
    }
    let peak = peak.filter(|peak| peak.requests_per_minute > 0.0)?;
    Some(Need {
        requests_per_minute: peak.requests_per_minute * growth,
        input_tokens_per_minute: peak.input_tokens_per_minute.map(|tokens| tokens * growth),
        output_tokens_per_minute: peak.output_tokens_per_minute.map(|tokens| tokens * growth),
        request_takes: takes,
    })
}

#[expect(clippy::cast_precision_loss, reason = "a forecast is no more exact")]
const fn amount(count: u64) -> f64 {
    count as f64
}

fn load(
    plan: &Plan,
    feature: &Feature,
    asked: &Asked,
    first_contents: &BTreeMap<String, Duration>,
) -> FeatureLoad {
    let rung = |tier: &Tier| Rung {
        name: Arc::clone(&tier.name),
        acceptable: tier.acceptable,
        serves: match &tier.mode {
            Mode::Models { prefer, .. } => {
                Serves::Calls(choices(plan, tier, *prefer, asked, first_contents))
            }
            Mode::Cache { .. } => Serves::Recalls,
            Mode::Queue { max_jobs, .. } => Serves::Queues(*max_jobs),
            Mode::Reply { .. } => Serves::Replies,
            Mode::Off => Serves::Refuses,
        },
    };
    FeatureLoad {
        feature: Arc::clone(&feature.name),
        criticality: feature.criticality,
        need: asked.need,
        rungs: feature.tiers.iter().map(rung).collect(),
    }
}

/// The deployments that a tier may call, in the order in which it tries them.
fn choices(
    plan: &Plan,
    tier: &Tier,
    prefer: Prefer,
    asked: &Asked,
    first_contents: &BTreeMap<String, Duration>,
) -> Vec<Choice> {
    let choice = |one: &Candidate| {
        let deployment = plan.deployments.get(one.deployment)?;
        let rates = deployment.rates.as_deref();
        let usd = rates.and_then(|rates| request_usd(rates, asked, asked.cached));
        let usd_cold = rates.and_then(|rates| request_usd(rates, asked, 0.0));
        let dear = tier.ceilings.max_usd.zip(usd_cold).is_some_and(|(most, usd)| usd > most);
        let first_share = match prefer {
            Prefer::Weighted => Some(f64::from(one.weight)),
            Prefer::Fastest => Some(1.0),
            Prefer::Ordered | Prefer::Cheapest | Prefer::Balanced(_) => None,
        };
        let first_p95 = first_contents.get(&*deployment.id).copied();
        let (node, quality) = (one.deployment, deployment.quality);
        (!dear).then_some(Choice { node, first_share, usd, usd_cold, first_p95, quality })
    };
    let open = tier.usable().filter(|one| asked.open.contains(&one.deployment));
    let mut choices: Vec<Choice> = open.filter_map(choice).collect();
    if prefer == Prefer::Cheapest {
        choices.sort_by_key(|one| (one.usd.is_none(), one.usd));
    }
    choices
}

/// What a request of the usual size costs of whose prompt such a share is cached; none where its
/// size or the whole of its price is not known.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "tokens of one request, above zero"
)]
fn request_usd(rates: &Rates, asked: &Asked, cached: f64) -> Option<UsdPico> {
    let need = asked.need?;
    let each = |all: Option<f64>| Some(all? / need.requests_per_minute);
    let input = each(need.input_tokens_per_minute)?;
    let output = each(need.output_tokens_per_minute)?;
    let usage = Usage {
        input: (input * (1.0 - cached)).round() as u64,
        cache_read: (input * cached).round() as u64,
        output: output.round() as u64,
        ..Usage::default()
    };
    let cost = rates.cost(&usage);
    (cost.state == CostState::Priced).then_some(cost.usd)
}
