//! What a deployment is, to the channel that it buys from.

use std::borrow::Cow;

use serde::Serialize;

use crate::channel::{Channel, STANDARD};

/// Who sells, and from which price list.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Place {
    /// Who invoices: `openai`, `microsoft`, `aws`.
    pub seller: String,
    /// Whose cloud it runs on: `openai`, `azure`, `aws`, `gcp`.
    pub host: String,
    /// The price list, and the name by which people know the channel: `openai`, `azure`, `bedrock`.
    pub surface: String,
}

/// Surfaces whose seller and host have other names: surface, seller, host.
const ELSEWHERE: [(&str, &str, &str); 4] = [
    ("azure", "microsoft", "azure"),
    ("bedrock", "aws", "aws"),
    ("gemini-api", "google", "google"),
    ("vertex", "google", "gcp"),
];

impl Place {
    /// The place of a surface. One that is not known sells for itself.
    #[must_use]
    pub fn of_surface(surface: &str) -> Self {
        let known = ELSEWHERE.iter().find(|(name, ..)| *name == surface);
        let (seller, host) = known.map_or((surface, surface), |(_, seller, host)| (seller, host));
        Self { seller: seller.to_owned(), host: host.to_owned(), surface: surface.to_owned() }
    }
}

/// What a configuration says of a deployment.
#[derive(Clone, Copy, Debug, Default)]
pub struct Deployed<'a> {
    /// The provider's kind: `openai`, `azure-openai`, `anthropic`, `bedrock`, `openai-compatible`.
    pub kind: &'a str,
    /// The host of the provider's base URL, where it has one of its own.
    pub host: Option<&'a str>,
    /// The cloud's region, where the provider has one.
    pub region: Option<&'a str>,
    /// What the provider calls the model.
    pub name: &'a str,
    /// What the configuration calls the model.
    pub model: &'a str,
    /// Where calls may be processed, if the configuration says so.
    pub scope: Option<&'a str>,
    /// The service tier, if the configuration asks for one.
    pub service_tier: Option<&'a str>,
}

/// The hosts of sellers that speak OpenAI's protocol: end of the host's name, surface.
const COMPATIBLE: [(&str, &str); 6] = [
    ("api.mistral.ai", "mistral"),
    ("api.x.ai", "xai"),
    ("api.groq.com", "groq"),
    ("api.openai.com", "openai"),
    ("generativelanguage.googleapis.com", "gemini-api"),
    ("aiplatform.googleapis.com", "vertex"),
];

/// The first parts of Bedrock's ids that name a geography. Longest first where one begins another.
const GEOGRAPHIES: [&str; 9] = ["us-gov", "us", "eu", "apac", "jp", "au", "ca", "in", "sa"];

/// The channel that a deployment buys from, and the name to look its model up by.
///
/// On Azure the provider's name is a name of the user's own, so that the model's name in the
/// configuration counts, and only the configuration can tell the scope. Bedrock's ids say their
/// scope: `global.`, a geography, or the region alone.
#[must_use]
pub fn place<'a>(deployed: &Deployed<'a>) -> (Channel, &'a str) {
    let host = deployed.host.unwrap_or_default();
    let (surface, told, model) = match deployed.kind {
        "azure-openai" => (Cow::from("azure"), None, deployed.model),
        "bedrock" => {
            let (scope, name) = bedrock(deployed);
            return channel("bedrock", scope, deployed.service_tier, name);
        }
        "openai-compatible" => (surface_of(host), compatible_scope(host), deployed.name),
        "openai" => (Cow::from("openai"), Some(residency(host)), deployed.name),
        other => (Cow::from(other), Some("global".to_owned()), deployed.name),
    };
    let scope = deployed.scope.map(str::to_owned).or(told);
    channel(&surface, scope, deployed.service_tier, model)
}

fn channel<'a>(
    surface: &str,
    scope: Option<String>,
    tier: Option<&str>,
    model: &'a str,
) -> (Channel, &'a str) {
    let place = Place::of_surface(surface);
    (Channel { place, scope, tier: tier.unwrap_or(STANDARD).to_owned() }, model)
}

/// The scope of a Bedrock id and the id without it. The ARN of an inference profile of the user's
/// own says neither; the configuration's words count then.
fn bedrock<'a>(deployed: &Deployed<'a>) -> (Option<String>, &'a str) {
    let id = deployed.name.rsplit('/').next().unwrap_or(deployed.name);
    if let Some(rest) = id.strip_prefix("global.") {
        return (Some("global".to_owned()), rest);
    }
    let within = |geo: &&str| id.strip_prefix(*geo).is_some_and(|rest| rest.starts_with('.'));
    if let Some(geo) = GEOGRAPHIES.into_iter().find(within) {
        let rest = id.get(geo.len() + 1..).unwrap_or_default();
        let scope = if geo == "us-gov" { "gov".to_owned() } else { format!("geo:{geo}") };
        return (Some(scope), rest);
    }
    let told = deployed.scope.map(str::to_owned);
    if deployed.name.contains("application-inference-profile/") {
        return (told, deployed.model);
    }
    (told.or_else(|| deployed.region.map(regional)), id)
}

/// The scope of a cloud's region. Regions of governments have prices of their own.
fn regional(region: &str) -> String {
    let kind = if region.starts_with("us-gov-") { "gov" } else { "region" };
    format!("{kind}:{region}")
}

/// Where OpenAI processes what is sent to this host.
fn residency(host: &str) -> String {
    match host.strip_suffix(".api.openai.com") {
        Some(geo) if !geo.is_empty() => format!("geo:{geo}"),
        _ => "global".to_owned(),
    }
}

fn surface_of(host: &str) -> Cow<'_, str> {
    let known = COMPATIBLE.iter().find(|(end, _)| host.ends_with(end));
    known.map_or(Cow::from(host), |(_, surface)| Cow::from(*surface))
}

fn compatible_scope(host: &str) -> Option<String> {
    if let Some(region) = host.strip_suffix("-aiplatform.googleapis.com") {
        return Some(regional(region));
    }
    Some(residency(host))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deployments_find_their_channel() {
        let us_east = Some("us-east-1");
        let arn = "arn:aws:bedrock:us-east-1:1:inference-profile/us.anthropic.claude-opus-5-5";
        let own = "arn:aws:bedrock:us-east-1:1:application-inference-profile/abc";
        for (kind, host, region, name, scope, wanted, model) in [
            ("openai", None, None, "gpt-5.5", None, "openai/global/standard", "gpt-5.5"),
            ("openai", Some("eu.api.openai.com"), None, "x", None, "openai/geo:eu/standard", "x"),
            ("anthropic", None, None, "x", Some("geo:us"), "anthropic/geo:us/standard", "x"),
            ("azure-openai", None, None, "chat", None, "azure/?/standard", "M"),
            ("azure-openai", None, None, "chat", Some("geo:eu"), "azure/geo:eu/standard", "M"),
            ("bedrock", None, us_east, "global.a.b", None, "bedrock/global/standard", "a.b"),
            ("bedrock", None, us_east, "us.a.b", None, "bedrock/geo:us/standard", "a.b"),
            ("bedrock", None, us_east, "us.a.b", Some("global"), "bedrock/geo:us/standard", "a.b"),
            ("bedrock", None, us_east, "a.b", None, "bedrock/region:us-east-1/standard", "a.b"),
            ("bedrock", None, us_east, "us-gov.a.b", None, "bedrock/gov/standard", "a.b"),
            (
                "bedrock",
                None,
                Some("us-gov-west-1"),
                "a.b",
                None,
                "bedrock/gov:us-gov-west-1/standard",
                "a.b",
            ),
            (
                "bedrock",
                None,
                us_east,
                arn,
                None,
                "bedrock/geo:us/standard",
                "anthropic.claude-opus-5-5",
            ),
            ("bedrock", None, us_east, own, None, "bedrock/?/standard", "M"),
            (
                "openai-compatible",
                Some("api.mistral.ai"),
                None,
                "x",
                None,
                "mistral/global/standard",
                "x",
            ),
            (
                "openai-compatible",
                Some("europe-west4-aiplatform.googleapis.com"),
                None,
                "x",
                None,
                "vertex/region:europe-west4/standard",
                "x",
            ),
            (
                "openai-compatible",
                Some("llm.internal"),
                None,
                "x",
                None,
                "llm.internal/global/standard",
                "x",
            ),
        ] {
            let service_tier = None;
            let deployed = Deployed { kind, host, region, name, model: "M", scope, service_tier };
            let (channel, found) = place(&deployed);
            assert_eq!((channel.to_string().as_str(), found), (wanted, model), "{deployed:?}");
        }
    }

    #[test]
    fn sellers_are_not_hosts() {
        let place = Place::of_surface("vertex");
        assert_eq!((place.seller.as_str(), place.host.as_str()), ("google", "gcp"));
        assert_eq!(Place::of_surface("mistral").seller, "mistral");
    }
}
