//! The plain rules of a feature, as policies and as words.
//!
//! Each rule forbids whatever does not do what it asks for. What is unknown does not do it.

use std::collections::BTreeSet;

use tieline_types::{DataClass, FactName, Facts, Names, Rules};

use crate::world::Deployment;

/// One plain rule of one feature.
#[derive(Clone, Debug)]
pub(crate) struct PlainRule {
    feature: String,
    demand: Demand,
}

/// What a rule asks for.
#[derive(Clone, Debug)]
enum Demand {
    Residency(BTreeSet<String>),
    Class(DataClass),
    Storage(BTreeSet<String>),
    RetentionDays(u32),
    NoTraining,
    Flag(FactName),
    Certifications(BTreeSet<String>),
    Allow(Names),
    Deny(Names),
}

/// The rules of a feature, in the order of the configuration.
pub(crate) fn rules_of(feature: &str, rules: &Rules) -> Vec<PlainRule> {
    let require = &rules.require;
    let strict = rules.class.filter(|class| *class >= DataClass::Confidential);
    let set = |set: &BTreeSet<String>| (!set.is_empty()).then(|| set.clone());
    let names = |names: &Names| (!names.is_empty()).then(|| names.clone());
    let flag = |wanted: bool, name| wanted.then_some(Demand::Flag(name));
    let demands = [
        strict.map(Demand::Class),
        set(&rules.residency).map(Demand::Residency),
        set(&require.storage).map(Demand::Storage),
        require.retention_days.map(Demand::RetentionDays),
        require.no_training.then_some(Demand::NoTraining),
        flag(require.dpa, FactName::Dpa),
        flag(require.baa, FactName::Baa),
        flag(require.scc, FactName::Scc),
        set(&require.certifications).map(Demand::Certifications),
        names(&rules.allow).map(Demand::Allow),
        names(&rules.deny).map(Demand::Deny),
    ];
    let rule = |demand| PlainRule { feature: feature.to_owned(), demand };
    demands.into_iter().flatten().map(rule).collect()
}

impl PlainRule {
    /// Its id, which records and explanations show.
    pub(crate) fn id(&self) -> String {
        format!("feature {}: {}", self.feature, self.key())
    }

    /// The key of the configuration that it comes from.
    fn key(&self) -> &'static str {
        match &self.demand {
            Demand::Residency(_) => "residency",
            Demand::Class(_) => "data class",
            Demand::Storage(_) => "storage",
            Demand::RetentionDays(_) => "retention_days",
            Demand::NoTraining => "no_training",
            Demand::Flag(name) => name.as_str(),
            Demand::Certifications(_) => "certifications",
            Demand::Allow(_) => "allow",
            Demand::Deny(_) => "deny",
        }
    }

    /// The same as a policy.
    pub(crate) fn cedar(&self) -> String {
        format!(
            "forbid (principal, action, resource)\nwhen {{ context.feature == {:?} }}\nunless {{ \
             {} }};",
            self.feature,
            self.demand.met(),
        )
    }

    /// Why a deployment is left out, for people.
    pub(crate) fn refusal(&self, deployment: &Deployment) -> String {
        let facts = &deployment.facts;
        match &self.demand {
            Demand::Residency(wanted) => {
                format!("must be processed in {}; {}", either(wanted), processed_in(facts))
            }
            Demand::Class(class) => {
                let nothing_kept = if *class == DataClass::Restricted { KEPT_NOWHERE } else { "" };
                let kept = if *class == DataClass::Restricted { kept_for(facts) } else { None };
                let why = kept.into_iter().chain(trained(facts)).collect::<Vec<_>>().join(", and ");
                let class = class.as_str();
                format!("{class} data must not be trained on{nothing_kept}; {why}")
            }
            Demand::Storage(wanted) => {
                format!("may be kept in {} only; {}", either(wanted), kept_in(facts))
            }
            Demand::RetentionDays(days) => {
                let why = kept_for(facts).unwrap_or_default();
                format!("may be kept for at most {days} days; {why}")
            }
            Demand::NoTraining => {
                format!("must not be trained on; {}", trained(facts).unwrap_or_default())
            }
            Demand::Flag(name) => {
                let why = if facts.flag(*name).is_some() { "there is none" } else { UNTOLD };
                format!("needs {}; {why}", agreement(*name))
            }
            Demand::Certifications(wanted) => {
                let why = match facts.get(FactName::Certifications) {
                    Some(fact) => format!("it is certified for {}", fact.value),
                    None => "which it has is not known".to_owned(),
                };
                format!("must be certified for {}; {why}", listed(wanted))
            }
            Demand::Allow(_) => "is not among what `allow` names".to_owned(),
            Demand::Deny(names) => match denied_as(names, deployment) {
                Some(name) => format!("`deny` names {name}"),
                None => "`deny` names a seller or host, and its own is not known".to_owned(),
            },
        }
    }
}

const KEPT_NOWHERE: &str = " and must not be kept";
const UNTOLD: &str = "whether there is one is not known";

impl Demand {
    /// The condition under which a deployment does what is asked for.
    fn met(&self) -> String {
        const NO_TRAINING: &str = "(resource has training && !resource.training)";
        const NOTHING_KEPT: &str = "(resource has retention_days && resource.retention_days == 0)";
        match self {
            Self::Residency(wanted) => {
                let within = |name| {
                    format!("(resource has {name} && {}.containsAll(resource.{name}))", set(wanted))
                };
                format!("{} || {}", within("zones"), within("regions"))
            }
            Self::Class(DataClass::Restricted) => format!("{NO_TRAINING} && {NOTHING_KEPT}"),
            Self::Class(_) | Self::NoTraining => NO_TRAINING.to_owned(),
            Self::Storage(wanted) => {
                let within = |name| {
                    format!("(resource has {name} && {}.contains(resource.{name}))", set(wanted))
                };
                format!(
                    "{NOTHING_KEPT} || {} || {}",
                    within("storage_zone"),
                    within("storage_region")
                )
            }
            Self::RetentionDays(days) => {
                format!("resource has retention_days && resource.retention_days <= {days}")
            }
            Self::Flag(name) => format!("resource has {name} && resource.{name}"),
            Self::Certifications(wanted) => format!(
                "resource has certifications && resource.certifications.containsAll({})",
                set(wanted)
            ),
            Self::Allow(names) => {
                let any: Vec<String> =
                    named(names).map(|(key, names)| is_among(key, names)).collect();
                any.join(" || ")
            }
            Self::Deny(names) => {
                let none: Vec<String> =
                    named(names).map(|(key, names)| is_not_among(key, names)).collect();
                none.join(" && ")
            }
        }
    }
}

/// The attributes that deployments are named by, with the names given.
fn named(names: &Names) -> impl Iterator<Item = (&'static str, &BTreeSet<String>)> {
    [
        ("id", &names.deployments),
        ("model", &names.models),
        ("provider", &names.providers),
        ("seller", &names.sellers),
        ("host", &names.hosts),
    ]
    .into_iter()
    .filter(|(_, names)| !names.is_empty())
}

/// Whether an attribute is always known.
fn is_certain(attribute: &str) -> bool {
    ["id", "model", "provider"].contains(&attribute)
}

fn is_among(attribute: &str, names: &BTreeSet<String>) -> String {
    let among = format!("{}.contains(resource.{attribute})", set(names));
    if is_certain(attribute) { among } else { format!("(resource has {attribute} && {among})") }
}

fn is_not_among(attribute: &str, names: &BTreeSet<String>) -> String {
    let not = format!("!{}.contains(resource.{attribute})", set(names));
    if is_certain(attribute) { not } else { format!("(resource has {attribute} && {not})") }
}

/// A set as Cedar writes it. What Rust escapes, Cedar escapes in the same way.
fn set(texts: &BTreeSet<String>) -> String {
    format!("{:?}", texts.iter().collect::<Vec<_>>())
}

fn denied_as(names: &Names, deployment: &Deployment) -> Option<String> {
    let facts = &deployment.facts;
    let own = [
        ("deployment", &names.deployments, Some(&*deployment.id)),
        ("model", &names.models, Some(&*deployment.model)),
        ("provider", &names.providers, Some(&*deployment.provider)),
        ("seller", &names.sellers, facts.text(FactName::Seller)),
        ("host", &names.hosts, facts.text(FactName::Host)),
    ];
    own.into_iter().find_map(|(what, names, own)| {
        let own = own.filter(|own| names.contains(*own))?;
        Some(format!("the {what} `{own}`"))
    })
}

fn processed_in(facts: &Facts) -> String {
    match (facts.get(FactName::Zones), facts.get(FactName::Regions)) {
        (Some(zones), Some(regions)) => {
            format!("it may be processed in {} ({})", zones.value, regions.value)
        }
        (Some(one), None) | (None, Some(one)) => format!("it may be processed in {}", one.value),
        (None, None) => "where it is processed is not known".to_owned(),
    }
}

fn kept_in(facts: &Facts) -> String {
    let place = facts.get(FactName::StorageRegion).or_else(|| facts.get(FactName::StorageZone));
    match place {
        Some(place) => format!("it is kept in {}", place.value),
        None => "where it is kept is not known".to_owned(),
    }
}

/// How long something is kept; none where it is not.
fn kept_for(facts: &Facts) -> Option<String> {
    match facts.number(FactName::RetentionDays) {
        Some(0) => None,
        Some(days) => Some(format!("it is kept for {days} days")),
        None => Some("how long it is kept is not known".to_owned()),
    }
}

/// Whether models are trained on what is sent; none where they are not.
fn trained(facts: &Facts) -> Option<String> {
    match facts.flag(FactName::Training) {
        Some(false) => None,
        Some(true) => Some("models are trained on it".to_owned()),
        None => Some("whether models are trained on it is not known".to_owned()),
    }
}

const fn agreement(name: FactName) -> &'static str {
    match name {
        FactName::Dpa => "a data processing agreement (dpa)",
        FactName::Baa => "a business associate agreement (baa)",
        _ => "standard contractual clauses (scc)",
    }
}

fn listed(texts: &BTreeSet<String>) -> String {
    texts.iter().map(String::as_str).collect::<Vec<_>>().join(", ")
}

fn either(texts: &BTreeSet<String>) -> String {
    texts.iter().map(String::as_str).collect::<Vec<_>>().join(" or ")
}
