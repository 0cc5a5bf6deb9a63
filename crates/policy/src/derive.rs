//! Facts of a deployment: what its channel implies, and over it what the configuration states.

use std::{collections::BTreeSet, sync::Arc};

use tieline_types::{Fact, FactName, FactValue, Facts};

use crate::known::{
    ANTHROPIC, AZURE_OPENAI, BEDROCK, OPENAI, PROFILES, PROFILES_SOURCE, Usual, VENDORS, zone_of,
};

/// How a deployment is bought, as far as that says something of where it runs. Whatever is reached
/// at an address other than the vendor's own is [`Self::Other`]: nothing is known of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Channel {
    /// OpenAI itself.
    Openai,
    /// Azure OpenAI.
    AzureOpenai,
    /// Anthropic itself.
    Anthropic,
    /// Amazon Bedrock.
    Bedrock {
        /// The region that is called.
        region: String,
    },
    /// Anything else.
    Other,
}

/// The facts of a deployment that `channel` calls `name`. `stated` is what the configuration says,
/// the more particular later; each fact replaces what was known before it, and where it runs is one
/// fact, so that stating a zone forgets the regions implied.
#[must_use]
pub fn facts(channel: &Channel, name: &str, stated: &[&Facts]) -> Facts {
    let mut facts = implied(channel, name);
    for stated in stated {
        replace(&mut facts, stated);
    }
    infer_zones(&mut facts);
    facts
}

fn implied(channel: &Channel, name: &str) -> Facts {
    let mut facts = Facts::default();
    let usual: Option<&Usual> = match channel {
        Channel::Openai => Some(&OPENAI),
        Channel::AzureOpenai => Some(&AZURE_OPENAI),
        Channel::Anthropic => Some(&ANTHROPIC),
        Channel::Bedrock { .. } => Some(&BEDROCK),
        Channel::Other => None,
    };
    if let Some(usual) = usual {
        facts.set(FactName::Seller, said(usual.seller, usual.source));
        facts.set(FactName::Host, said(usual.host, usual.source));
        facts.set(FactName::RetentionDays, said(usual.retention_days, usual.source));
        facts.set(FactName::Training, said(false, usual.source));
    }
    if let Channel::Bedrock { region } = channel {
        place_in_bedrock(&mut facts, region, name);
    }
    facts
}

/// A profile names the zone that a request may travel in; a bare model runs where it is asked.
fn place_in_bedrock(facts: &mut Facts, region: &str, name: &str) {
    let first = name.split('.').next().unwrap_or_default();
    if let Some((_, zone)) = PROFILES.iter().find(|(prefix, _)| *prefix == first) {
        facts.set(FactName::Zones, said(one(zone), PROFILES_SOURCE));
    } else if VENDORS.contains(&first) {
        facts.set(FactName::Regions, said(one(region), PROFILES_SOURCE));
    }
}

fn replace(facts: &mut Facts, stated: &Facts) {
    const GROUPS: [[FactName; 2]; 2] =
        [[FactName::Regions, FactName::Zones], [FactName::StorageRegion, FactName::StorageZone]];
    for group in GROUPS {
        if group.iter().any(|name| stated.get(*name).is_some()) {
            group.into_iter().for_each(|name| facts.forget(name));
        }
    }
    for (name, fact) in stated.iter() {
        facts.set(name, fact.clone());
    }
}

/// The zones of the regions, where all of them are known and nobody stated any.
fn infer_zones(facts: &mut Facts) {
    let regions = facts.get(FactName::Regions).zip(facts.texts(FactName::Regions));
    if let (Some((fact, regions)), None) = (regions, facts.get(FactName::Zones))
        && let Some((zones, source)) = zones_of(regions)
    {
        let zones = Fact { value: zones.into(), source, expires_ms: fact.expires_ms };
        facts.set(FactName::Zones, zones);
    }
    let region = facts.get(FactName::StorageRegion).zip(facts.text(FactName::StorageRegion));
    if let (Some((fact, region)), None) = (region, facts.get(FactName::StorageZone))
        && let Some((zone, source)) = zone_of(region)
    {
        let expires_ms = fact.expires_ms;
        let zone = Fact { value: zone.into(), source: source.into(), expires_ms };
        facts.set(FactName::StorageZone, zone);
    }
}

/// The zones of regions, all of which must be known.
pub(crate) fn zones_of(regions: &BTreeSet<String>) -> Option<(BTreeSet<String>, Arc<str>)> {
    let known: Option<Vec<_>> = regions.iter().map(|region| zone_of(region)).collect();
    let known = known?;
    let (_, source) = known.first()?;
    let source = (*source).into();
    Some((known.into_iter().map(|(zone, _)| zone.to_owned()).collect(), source))
}

fn one(text: &str) -> BTreeSet<String> {
    BTreeSet::from([text.to_owned()])
}

fn said(value: impl Into<FactValue>, source: &str) -> Fact {
    Fact { value: value.into(), source: source.into(), expires_ms: None }
}
