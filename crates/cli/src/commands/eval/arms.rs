//! The deployments of a run: that they exist, that policy lets them in, and what they cost.

use tieline_config::{
    Budgets, Candidate, Ceilings, Config, Feature, FeatureLimits, Prefer, ProviderKind, Tier,
    TierMode,
};
use tieline_eval::planning::TokenPrice;
use tieline_gateway::{Evidence, Explained, Question, explain};
use tieline_types::{EVAL_CALLER, Modalities, UsdPico};

use crate::{failure::Failure, when};

/// The name of the one tier that requests of the harness have; records show it.
const TIER: &str = "eval";
/// Names less alike than this are no guess worth making.
const LIKENESS_MIN: f64 = 0.6;
/// How many of them are told.
const GUESSES_MAX: usize = 3;

/// The configuration in which a feature has one deployment and nothing else: its policy, deadline
/// and fidelity hold as ever, what bounds its users' requests does not.
///
/// # Errors
/// Where there is no such feature or deployment.
pub(super) fn alone(config: &Config, feature: &str, deployment: &str) -> Result<Config, Failure> {
    if config.deployment(deployment).is_none() {
        let known = config.deployments().map(|one| one.id.as_str());
        return Err(unknown("deployment", deployment, known));
    }
    let mut config = config.clone();
    config.budgets = Budgets::default();
    let names: Vec<String> = config.features.iter().map(|one| one.name.clone()).collect();
    let Some(found) = config.features.iter_mut().find(|one| one.name == feature) else {
        return Err(unknown("feature", feature, names.iter().map(String::as_str)));
    };
    narrow(found, deployment);
    Ok(config)
}

fn narrow(feature: &mut Feature, deployment: &str) {
    let candidates =
        vec![Candidate { deployment: deployment.to_owned(), weight: 1, by_release: false }];
    feature.tiers = vec![Tier {
        name: TIER.to_owned(),
        mode: TierMode::Models { candidates, prefer: Prefer::Ordered },
        ttft: None,
        deadline: None,
        acceptable: true,
        ceilings: Ceilings::default(),
        // What is measured here is what attestations will be of.
        evals: None,
    }];
    feature.limits = FeatureLimits::default();
    feature.budget = None;
    feature.hedge = None;
}

/// A name that nothing has, with those that are like it.
pub(super) fn unknown<'a>(what: &str, name: &str, known: impl Iterator<Item = &'a str>) -> Failure {
    let mut like: Vec<(f64, &str)> = known
        .map(|one| (strsim::jaro_winkler(one, name), one))
        .filter(|(likeness, _)| *likeness >= LIKENESS_MIN)
        .collect();
    like.sort_by(|(one, _), (other, _)| other.total_cmp(one));
    let guesses: Vec<String> =
        like.iter().take(GUESSES_MAX).map(|(_, name)| format!("`{name}`")).collect();
    Failure::Usage {
        message: format!("there is no {what} `{name}`"),
        hint: match guesses.is_empty() {
            true => format!("the configuration lists every {what}"),
            false => format!("did you mean {}?", guesses.join(" or ")),
        },
    }
}

/// Whether a deployment is at a provider that turns texts into vectors.
///
/// # Errors
/// Where it is not.
pub(super) fn embeds(config: &Config, deployment: &str) -> Result<(), Failure> {
    let provider = config.deployment(deployment).and_then(|one| config.provider(&one.provider));
    let kind = provider.map(|provider| &provider.kind);
    if !matches!(kind, Some(ProviderKind::Anthropic { .. } | ProviderKind::Bedrock { .. })) {
        return Ok(());
    }
    Err(Failure::Usage {
        message: format!("`{deployment}` makes no vectors, which a `cosine` of the suite needs"),
        hint: "name a deployment of a model of embeddings at a provider of kind `openai`, \
               `azure-openai` or `openai-compatible`"
            .to_owned(),
    })
}

/// What policy is asked of the harness' own requests, before it is known what they carry.
pub(super) fn question(feature: &str) -> Question<'_> {
    Question {
        feature,
        caller: EVAL_CALLER.into(),
        tags: &[],
        modalities: Modalities::default(),
        input_tokens: 0,
        at_ms: when::unix_ms(when::wall_now()),
    }
}

/// What a deployment's tokens cost, if policy lets the feature go there.
///
/// # Errors
/// Where it does not, with the rule that says so.
pub(super) fn admitted(
    config: &Config,
    feature: &str,
    deployment: &str,
) -> Result<TokenPrice, Failure> {
    let explained = explain(config, Evidence::default(), question(feature), &[])?;
    let mut deployments = explained.into_iter().flat_map(|explained| explained.deployments);
    let known = deployments.find(|one| one.deployment == deployment);
    match known {
        Some(Explained { verdict: "in", price, .. }) => {
            let dollars = |usd: Option<UsdPico>| usd.map(UsdPico::approximately);
            Ok(price.map_or_else(TokenPrice::default, |price| TokenPrice {
                input: dollars(price.input),
                output: dollars(price.output),
            }))
        }
        refused => {
            let reasons = refused.map(|one| one.reasons).unwrap_or_default();
            let why: Vec<String> = reasons.into_iter().map(|reason| reason.words).collect();
            Err(Failure::Usage {
                message: format!(
                    "policy keeps `{feature}` from {deployment}: {}; nothing was sent",
                    why.join("; ")
                ),
                hint: format!("`tieline route explain --feature {feature}` shows every rule"),
            })
        }
    }
}
