//! What can be said of policies before any request comes.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use serde::Serialize;
use tieline_types::{FactName, FactValue, Modality};

use crate::{
    asked::Asked,
    cedar::{self, Ruled},
    derive::zones_of,
    known::{GLOBAL, ZONES},
    matrix::{Cell, Engine, Matrix, Row, Span, Verdict},
    rule::{CLOSED, Kind, written},
    world::{Deployment, Feature, Tier},
};

/// Facts and exceptions are told of so long before they end.
const SOON_MS: u64 = 30 * 24 * 3600 * 1000;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Something that was configured cannot work.
    Error,
    /// Somebody should look at it.
    Warning,
}

/// Where a finding is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Spot {
    /// In the configuration: the keys that lead there.
    Config(Vec<String>),
    /// In a file of policies.
    Policy {
        /// The file.
        file: String,
        /// The line, from 1.
        line: usize,
    },
}

/// Something worth telling.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// Where.
    pub spot: Spot,
    /// What.
    pub message: String,
    /// What to do about it.
    pub help: String,
}

/// All there is to tell at a time, in milliseconds since the Unix epoch: errors first.
#[must_use]
pub fn findings(matrix: &Matrix, now_ms: u64) -> Vec<Finding> {
    let Some(span) = matrix.span(now_ms) else {
        return Vec::new();
    };
    let world = matrix.world();
    let mut found = Vec::new();
    for feature in &world.features {
        if let Some(row) = span.rows.get(&feature.name) {
            found.extend(of_feature(feature, row, span));
        }
    }
    found.extend(rules_without_effect(matrix, span));
    found.extend(names_of_nobody(matrix, span));
    found.extend(world.deployments.iter().flat_map(|one| of_facts(one, now_ms)));
    found.extend(of_exceptions(matrix, now_ms));
    found.sort_by(|a, b| (a.severity, &a.spot).cmp(&(b.severity, &b.spot)));
    found.dedup();
    found
}

fn config(path: &[&str]) -> Spot {
    Spot::Config(path.iter().map(|key| (*key).to_owned()).collect())
}

fn warning(spot: Spot, message: String, help: impl Into<String>) -> Finding {
    Finding { severity: Severity::Warning, spot, message, help: help.into() }
}

fn error(spot: Spot, message: String, help: impl Into<String>) -> Finding {
    Finding { severity: Severity::Error, ..warning(spot, message, help) }
}

/// Where a feature is written; the implicit ones are models.
fn spot_of(feature: &Feature) -> Spot {
    config(&[if feature.implicit { "models" } else { "features" }, &feature.name])
}

fn of_feature(feature: &Feature, row: &Row, span: &Span) -> Vec<Finding> {
    let legal = |at: &usize| {
        row.cells.iter().any(|cell| cell.deployment == *at && cell.verdict != Verdict::Out)
    };
    let answering: Vec<usize> =
        feature.tiers.iter().flat_map(|tier| &tier.deployments).copied().collect();
    if answering.is_empty() {
        return Vec::new();
    }
    if !answering.iter().any(legal) {
        let message = format!("feature `{}` has no legal deployment", feature.name);
        return vec![error(spot_of(feature), message, why_out(row, span))];
    }
    let mut found = Vec::new();
    let mut before: BTreeSet<usize> = BTreeSet::new();
    for tier in &feature.tiers {
        found.extend(of_tier(feature, tier, &legal, &before, (row, span)));
        before.extend(&tier.deployments);
    }
    let closed = row.cells.iter().any(|cell| cell.verdict == Verdict::Out);
    if closed && !feature.implicit {
        let legal: Vec<&Deployment> =
            answering.iter().filter(|at| legal(at)).filter_map(|at| span.world.get(*at)).collect();
        found.extend(shared(feature, &legal));
    }
    found
}

fn of_tier(
    feature: &Feature,
    tier: &Tier,
    legal: &impl Fn(&usize) -> bool,
    before: &BTreeSet<usize>,
    (row, span): (&Row, &Span),
) -> Option<Finding> {
    let name = format!("tier `{}` of feature `{}`", tier.name, feature.name);
    let open: Vec<&usize> = tier.deployments.iter().filter(|at| legal(at)).collect();
    if open.is_empty() {
        let only = |cell: &&Cell| tier.deployments.contains(&cell.deployment);
        let message = format!("{name} has no legal deployment: it is never reached");
        let help = told_out(row.cells.iter().filter(only), span);
        return Some(warning(spot_of(feature), message, help));
    }
    open.iter().all(|at| before.contains(at)).then(|| {
        let message = format!("{name} is never reached: all it may call is in tiers before it");
        warning(spot_of(feature), message, "remove the tier, or give it other deployments")
    })
}

/// Why what is out is out, a line each, as a hint.
fn why_out(row: &Row, span: &Span) -> String {
    told_out(row.cells.iter(), span)
}

fn told_out<'c>(cells: impl Iterator<Item = &'c Cell>, span: &Span) -> String {
    let told = cells.filter(|cell| cell.verdict == Verdict::Out).filter_map(|cell| {
        let id = &span.world.get(cell.deployment)?.id;
        let reason = cell.reasons.first()?;
        let hint = if *reason.rule == *CLOSED { "; write one that does" } else { "" };
        Some(format!("{id}: {}{hint}", reason.words))
    });
    told.collect::<Vec<_>>().join("\n")
}

/// What all legal deployments of a feature have in common, so that one loss takes them all.
fn shared(feature: &Feature, legal: &[&Deployment]) -> Option<Finding> {
    let provider = |one: &Deployment| Some(one.provider.to_string());
    let host = |one: &Deployment| one.facts.text(FactName::Host).map(str::to_owned);
    let region = |one: &Deployment| {
        let regions = one.facts.texts(FactName::Regions)?;
        (regions.len() == 1).then(|| regions.iter().next().cloned()).flatten()
    };
    let only = |of: &dyn Fn(&Deployment) -> Option<String>| {
        let all: Option<BTreeSet<String>> = legal.iter().map(|one| of(one)).collect();
        all.filter(|all| all.len() == 1).and_then(|all| all.into_iter().next())
    };
    let common = [("provider", only(&provider)), ("cloud", only(&host)), ("region", only(&region))];
    let common: Vec<String> =
        common.into_iter().filter_map(|(what, name)| Some(format!("{what} `{}`", name?))).collect();
    (!common.is_empty()).then(|| {
        let common = common.join(", ");
        let message = format!("all legal deployments of feature `{}` share {common}", feature.name);
        let help = "policy leaves nothing to move to when that fails; add a deployment elsewhere";
        warning(spot_of(feature), message, help)
    })
}

/// Policies that decide over nothing there is. Those that look at requests may yet.
fn rules_without_effect(matrix: &Matrix, span: &Span) -> Vec<Finding> {
    let Some(engine) = &matrix.engine else {
        return Vec::new();
    };
    let asked: BTreeSet<String> =
        engine.asked.policies().map(|policy| policy.id().to_string()).collect();
    let policies = matrix.rules.values().filter_map(|rule| match &rule.kind {
        Kind::Policy(written) if !asked.contains(&*rule.id) => Some((rule, written)),
        _ => None,
    });
    let without = policies.filter(|(rule, _)| !matrix.settled_matches(engine, &rule.id, span));
    without
        .map(|(rule, policy)| {
            let spot = Spot::Policy { file: policy.file.clone(), line: policy.line };
            let message = format!("policy `{}` never matches", rule.id);
            let help = "no deployment of any feature is as it asks; check names and facts with \
                        `tieline route explain`";
            warning(spot, message, help)
        })
        .collect()
}

impl Matrix {
    /// Whether a policy is about some deployment of some feature, its exceptions aside.
    fn settled_matches(&self, engine: &Engine, id: &Arc<str>, span: &Span) -> bool {
        let Some(policy) = engine.settled.policy(&cedar_policy::PolicyId::new(id)) else {
            return true;
        };
        let alone = cedar::without_unless(policy).and_then(|policy| cedar::set_of([policy]));
        let Ok(alone) = alone else {
            return true;
        };
        let nobody = Asked::default();
        let matches = |feature: &Feature, at: usize| {
            let Some(deployment) = span.world.get(at) else { return false };
            let question = cedar::question(feature, &nobody, deployment, &engine.schema);
            question.is_ok_and(|one| cedar::ask(&one, &alone, &span.entities) != Ruled::Silent)
        };
        let mut features = self.world.features.iter();
        features.any(|feature| feature.candidates().into_iter().any(|at| matches(feature, at)))
    }
}

/// Sellers and hosts in `allow` and `deny`, and zones, that no deployment has.
fn names_of_nobody(matrix: &Matrix, span: &Span) -> Vec<Finding> {
    let known = |fact| -> BTreeSet<&str> {
        span.world.iter().filter_map(|one| one.facts.text(fact)).collect()
    };
    let (sellers, hosts) = (known(FactName::Seller), known(FactName::Host));
    let mut found = Vec::new();
    for feature in matrix.world.features.iter().filter(|feature| !feature.implicit) {
        for (key, names) in [("allow", &feature.rules.allow), ("deny", &feature.rules.deny)] {
            let lists = [("sellers", &names.sellers, &sellers), ("hosts", &names.hosts, &hosts)];
            for (list, names, known) in lists {
                for name in names.iter().filter(|name| !known.contains(name.as_str())) {
                    let spot = config(&["features", &feature.name, key, list]);
                    let message = format!("no deployment has `{name}` among its {list}");
                    let known: Vec<&str> = known.iter().copied().collect();
                    found.push(warning(spot, message, format!("known: {}", known.join(", "))));
                }
            }
        }
        let odd = |place: &&String| {
            **place == GLOBAL || !(ZONES.contains(&place.as_str()) || is_region(place, span))
        };
        for place in feature.rules.residency.iter().filter(odd) {
            let spot = config(&["features", &feature.name, "data", "residency"]);
            let message = format!("`{place}` is no zone, and no deployment has it as a region");
            let help = format!("zones are {}; any is no residency at all", ZONES.join(", "));
            found.push(error(spot, message, help));
        }
    }
    found
}

fn is_region(name: &str, span: &Span) -> bool {
    let has = |one: &Deployment| {
        [FactName::Regions, FactName::Zones]
            .into_iter()
            .filter_map(|fact| one.facts.texts(fact))
            .any(|places| places.contains(name))
    };
    span.world.iter().any(has) || crate::known::zone_of(name).is_some()
}

/// Facts that end, have ended, or contradict each other.
fn of_facts(deployment: &Deployment, now_ms: u64) -> Vec<Finding> {
    let spot = || config(&["providers", &deployment.provider]);
    let id = &deployment.id;
    let mut ends: BTreeMap<u64, Vec<&str>> = BTreeMap::new();
    for (name, fact) in deployment.facts.iter() {
        let soon = fact.expires_ms.filter(|ends| *ends < now_ms.saturating_add(SOON_MS));
        if let Some(ends_ms) = soon {
            ends.entry(ends_ms).or_default().push(name.as_str());
        }
    }
    let mut found: Vec<Finding> = ends
        .into_iter()
        .map(|(ends_ms, names)| {
            let tense = if ends_ms <= now_ms { "expired" } else { "expire" };
            let (names, when) = (names.join(", "), written(ends_ms));
            let message = format!("facts of {id} {tense} at {when}: {names}");
            let help = "from then on they are unknown, and rules that ask for them leave it out; \
                        look them up again and renew `facts.expires`";
            warning(spot(), message, help)
        })
        .collect();
    found.extend(contradiction(deployment).map(|(zones, implied)| {
        let message = format!("{id} is stated to be in {zones}, but its regions lie in {implied}");
        error(spot(), message, "state the regions, or the zone, or both alike")
    }));
    found.extend(odd_modalities(deployment).map(|odd| {
        let message = format!("{id} is stated to take `{odd}`, which no request carries");
        let known = Modality::ALL.map(Modality::as_str).join(", ");
        warning(spot(), message, format!("modalities are {known}"))
    }));
    let retires = deployment.facts.text(FactName::RetiresOn);
    found.extend(retires.filter(|day| **day <= *day_of(now_ms.saturating_add(SOON_MS))).map(
        |day| {
            let message = format!("{id} retires on {day}");
            warning(config(&["models", &deployment.model]), message, "move its features elsewhere")
        },
    ));
    found
}

/// What a deployment is stated to take that no request is ever seen to carry.
fn odd_modalities(deployment: &Deployment) -> Option<String> {
    let stated = deployment.facts.texts(FactName::Modalities)?;
    let odd = |word: &&String| *word != "text" && word.parse::<Modality>().is_err();
    stated.iter().find(odd).cloned()
}

/// The zones of a deployment where they are not those of its regions.
fn contradiction(deployment: &Deployment) -> Option<(FactValue, FactValue)> {
    let zones = deployment.facts.texts(FactName::Zones)?;
    let (implied, _) = zones_of(deployment.facts.texts(FactName::Regions)?)?;
    (*zones != implied).then(|| (zones.clone().into(), implied.into()))
}

fn day_of(unix_ms: u64) -> String {
    written(unix_ms).chars().take("2026-01-31".len()).collect()
}

fn of_exceptions(matrix: &Matrix, now_ms: u64) -> Vec<Finding> {
    let told = |(at, one): (usize, &tieline_types::Exception)| {
        let spot = config(&["exceptions", &at.to_string()]);
        let (feature, author, until) = (&one.feature, &one.author, written(one.until_ms));
        if one.until_ms <= now_ms {
            let message = format!("the exception of {author} for `{feature}` ended at {until}");
            return warning(spot, message, "it does nothing any more; remove it");
        }
        let open: Vec<&str> = one.open.iter().map(String::as_str).collect();
        let open = open.join(", ");
        let message = format!("an exception of {author} opens {open} to `{feature}` until {until}");
        warning(spot, message, format!("its reason: {}", one.reason))
    };
    matrix.world.exceptions.iter().enumerate().map(told).collect()
}
