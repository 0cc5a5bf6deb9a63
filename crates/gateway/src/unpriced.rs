//! What budgets cannot pay for, told before any request comes.

use std::collections::BTreeSet;

use tieline_config::{Config, Feature, TierMode};
use tieline_policy::{Finding, Severity, Spot};
use tieline_route::{Demand, worst};

use crate::{GatewayError, prices::Prices};

const HELP: &str = "say its `price`, or its `scope`, or put it into a price file;\n\
                    `tieline prices show MODEL` tells what is known";

/// Deployments of features with a budget whose price nobody knows at `now_ms`, milliseconds since
/// the Unix epoch: they are never called.
///
/// # Errors
/// When a price file of the user's own cannot be read or has mistakes.
pub fn unpriced(config: &Config, now_ms: u64) -> Result<Vec<Finding>, GatewayError> {
    let paid: Vec<&Feature> =
        config.features.iter().filter(|one| has_budget(config, one)).collect();
    if paid.is_empty() {
        return Ok(Vec::new());
    }
    let prices = Prices::at(config, now_ms)?;
    let one_token = Demand { input: 1, output: 1 };
    let lacking: BTreeSet<&str> = config
        .deployments()
        .enumerate()
        .filter(|(at, _)| {
            let tariff = prices.of(*at);
            let rates = tariff.as_deref().and_then(|tariff| tariff.standard());
            rates.and_then(|rates| worst(rates, one_token)).is_none()
        })
        .map(|(_, one)| one.id.as_str())
        .collect();
    let findings = paid.iter().flat_map(|feature| {
        let asked: BTreeSet<&str> = candidates(feature).collect();
        asked.into_iter().filter(|id| lacking.contains(id)).map(|id| finding(feature, id))
    });
    Ok(findings.collect())
}

/// Whether a budget of its own or of its team pays for it. Callers' budgets pay for some of the
/// requests of any feature.
fn has_budget(config: &Config, feature: &Feature) -> bool {
    let owner = feature.owner.as_deref();
    feature.budget.is_some() || config.budgets.teams.iter().any(|(team, _)| Some(&**team) == owner)
}

fn candidates(feature: &Feature) -> impl Iterator<Item = &str> {
    feature
        .tiers
        .iter()
        .flat_map(|tier| match &tier.mode {
            TierMode::Models { candidates, .. } => candidates.as_slice(),
            TierMode::Cache { .. }
            | TierMode::Queue(_)
            | TierMode::Reply { .. }
            | TierMode::Off => &[],
        })
        .map(|one| one.deployment.as_str())
}

fn finding(feature: &Feature, deployment: &str) -> Finding {
    let name = &feature.name;
    let part = if feature.implicit { "models" } else { "features" };
    Finding {
        severity: Severity::Warning,
        spot: Spot::Config(vec![part.to_owned(), name.clone()]),
        message: format!(
            "a budget pays for feature `{name}`, which never calls `{deployment}`: it has no price"
        ),
        help: HELP.to_owned(),
    }
}
