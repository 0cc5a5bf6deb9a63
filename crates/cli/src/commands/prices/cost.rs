//! `tieline prices cost`: what one call cost, or many.

use std::{fmt, path::PathBuf, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_json::{Map, Value};
use tieline_catalog::{
    Catalog, Channel, Deployed, Moment, Place, Quantity, Quote, STANDARD, Status, Unit, place,
};
use tieline_types::{CostState, Usage, UsdPico};

use super::{Lists, text};
use crate::{
    failure::Failure,
    print::{self, FormatOption},
};

/// Say what the use of a model cost
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Usage counts tokens in buckets that do not overlap: input, cache_read, cache_write_5m,
cache_write_1h, cache_write_other, input_audio, output, reasoning and output_audio; and other units:
characters, audio_seconds, session_seconds, pages, images and the like. What has no price is never
free: exit code 1 says that there is none.

Each line of a batch is {\"model\":..., \"channel\":..., \"usage\":{...}, \"at\":...}; each line of
its result is what the call cost.

Examples:
  tieline prices cost --model gpt-6.1-sol --channel openai/global/standard \\
      --usage '{\"input\":1000,\"cache_read\":8000,\"output\":500}'
  tieline prices cost --model us.anthropic.claude-opus-5-5 --channel bedrock \\
      --usage '{\"input\":1000}' --at 2026-11-22
  tieline prices cost --batch usages.jsonl")]
pub(super) struct Cost {
    /// What the channel calls the model
    #[arg(long, required_unless_present = "batch")]
    model: Option<String>,
    /// Surface, scope and service tier, such as azure/geo:eu/flex. Bedrock's ids say their scope
    #[arg(long, required_unless_present = "batch")]
    channel: Option<Where>,
    /// What was used, as JSON
    #[arg(long, value_name = "JSON", required_unless_present = "batch")]
    usage: Option<Used>,
    /// When, instead of now
    #[arg(long, value_name = "DATE")]
    at: Option<Moment>,
    /// Price every line of this file instead
    #[arg(long, value_name = "FILE", conflicts_with_all = ["model", "channel", "usage"])]
    batch: Option<PathBuf>,
    #[command(flatten)]
    lists: Lists,
    #[command(flatten)]
    format: FormatOption,
}

/// A call to price.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Call {
    model: String,
    channel: Where,
    usage: Used,
    #[serde(default)]
    at: Option<Moment>,
}

/// What it cost.
#[derive(Debug, Serialize)]
struct Priced {
    model: String,
    channel: Where,
    at: Moment,
    usd: Option<UsdPico>,
    state: CostState,
    #[serde(skip_serializing_if = "Option::is_none")]
    list_usd: Option<UsdPico>,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<Status>,
    #[serde(skip_serializing_if = "Option::is_none")]
    lacks: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
}

impl Cost {
    pub(super) fn run(self, now: Moment) -> Result<(), Failure> {
        let catalog = self.lists.load()?;
        if let Some(path) = &self.batch {
            let at = self.at.unwrap_or(now);
            return batch(&catalog, &text(path)?, at);
        }
        let (Some(model), Some(channel), Some(usage)) = (self.model, self.channel, self.usage)
        else {
            return Ok(());
        };
        let call = Call { model, channel, usage, at: self.at };
        let priced = priced(&catalog, &call, now);
        self.format.print(&priced, told)?;
        match priced.why {
            Some(why) if priced.state == CostState::Unpriced => Err(Failure::Check(why)),
            _ => Ok(()),
        }
    }
}

/// Prices a call a line, and prints a result a line.
fn batch(catalog: &Catalog, lines: &str, at: Moment) -> Result<(), Failure> {
    let mut results = Vec::new();
    for (line, number) in lines.lines().zip(1..).filter(|(line, _)| !line.trim().is_empty()) {
        let call: Call = serde_json::from_str(line).map_err(|error| Failure::Usage {
            message: format!("line {number} of the batch: {error}"),
            hint: "`tieline prices cost --help` shows how a line is written".to_owned(),
        })?;
        let result = serde_json::to_string(&priced(catalog, &call, at));
        results.push(result.map_err(std::io::Error::from).map_err(Failure::os("write JSON"))?);
    }
    print::line(&results.join("\n"))
}

fn priced(catalog: &Catalog, call: &Call, now: Moment) -> Priced {
    let at = call.at.unwrap_or(now);
    let (channel, name) = call.channel.channel(&call.model);
    match catalog.quote(name, &channel, at) {
        Ok(quote) => by_quote(call, at, &quote),
        Err(lacking) => Priced {
            lacks: Some(lacking.as_str()),
            why: Some(lacking.to_string()),
            ..unpriced(call, at)
        },
    }
}

fn by_quote(call: &Call, at: Moment, quote: &Quote<'_>) -> Priced {
    let Used(usage, quantities) = &call.usage;
    let cost = quote.cost(usage, quantities);
    let origin = &quote.line.origin;
    let why = match cost.state {
        CostState::Unpriced => Some(format!("nothing that was used has a price at {origin}")),
        CostState::Partial => Some(format!("not all that was used has a price at {origin}")),
        CostState::Priced | CostState::Estimated => None,
    };
    Priced {
        usd: (cost.state != CostState::Unpriced).then_some(cost.usd),
        state: cost.state,
        list_usd: quote.list.map(|list| list.cost(usage, quantities).usd),
        line: Some(origin.to_string()),
        status: Some(quote.line.status),
        lacks: why.as_ref().map(|_| "bucket"),
        why,
        ..unpriced(call, at)
    }
}

fn unpriced(call: &Call, at: Moment) -> Priced {
    Priced {
        model: call.model.clone(),
        channel: call.channel.clone(),
        at,
        usd: None,
        state: CostState::Unpriced,
        list_usd: None,
        line: None,
        status: None,
        lacks: None,
        why: None,
    }
}

fn told(priced: &Priced) -> String {
    let usd = priced.usd.map_or_else(|| "no price".to_owned(), |usd| format!("${usd}"));
    let list = priced.list_usd.map(|usd| format!(", ${usd} by the list"));
    let line = priced.line.as_ref().map(|line| format!(", by {line}"));
    let status = priced.status.filter(|status| *status != Status::Effective);
    let status = status.map(|status| format!(", {status}"));
    let parts = [list, Some(format!(" ({}", priced.state.as_str())), status, line];
    let parts: String = parts.into_iter().flatten().collect();
    format!("{usd}{parts})")
}

/// A channel as people write it: a surface, then perhaps its scope and service tier.
#[derive(Clone, Debug)]
struct Where {
    surface: String,
    scope: Option<String>,
    tier: Option<String>,
}

impl Where {
    /// The channel, and the name to look the model up by.
    fn channel<'a>(&'a self, model: &'a str) -> (Channel, &'a str) {
        let (scope, service_tier) = (self.scope.as_deref(), self.tier.as_deref());
        if self.surface == "bedrock" {
            let kind = "bedrock";
            let deployed =
                Deployed { kind, name: model, scope, service_tier, ..Deployed::default() };
            return place(&deployed);
        }
        let place = Place::of_surface(&self.surface);
        let tier = service_tier.unwrap_or(STANDARD).to_owned();
        (Channel { place, scope: self.scope.clone(), tier }, model)
    }
}

impl FromStr for Where {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut parts = text.split('/').map(str::to_owned);
        let (surface, scope, tier) = (parts.next(), parts.next(), parts.next());
        let surface = surface.filter(|surface| !surface.is_empty() && parts.next().is_none());
        let surface =
            surface.ok_or("expected surface/scope/tier, such as openai/global/standard")?;
        Ok(Self { surface, scope, tier })
    }
}

impl fmt::Display for Where {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.surface)?;
        let rest = [&self.scope, &self.tier];
        rest.into_iter().flatten().try_for_each(|part| write!(f, "/{part}"))
    }
}

impl Serialize for Where {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Where {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

/// What was used: tokens, and other units. A key that is not known is refused, as it would go
/// unpriced unseen.
#[derive(Clone, Debug)]
struct Used(Usage, Vec<(Unit, Quantity)>);

impl Used {
    fn read(keys: Map<String, Value>) -> Result<Self, String> {
        let mut tokens = serde_json::to_value(Usage::default()).unwrap_or_default();
        let mut quantities = Vec::new();
        for (key, value) in keys {
            if let Some(unit) = Unit::ALL.into_iter().find(|unit| unit.as_str() == key) {
                let quantity = value.to_string().trim_matches('"').parse();
                quantities.push((unit, quantity.map_err(|error| format!("`{key}`: {error}"))?));
            } else if let Some(count) = tokens.get_mut(&key) {
                *count = value;
            } else {
                return Err(format!("usage has no `{key}`"));
            }
        }
        let usage = serde_json::from_value(tokens).map_err(|error| error.to_string())?;
        Ok(Self(usage, quantities))
    }
}

impl FromStr for Used {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        serde_json::from_str(text).map_err(|error| error.to_string()).and_then(Self::read)
    }
}

impl<'de> Deserialize<'de> for Used {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::read(Map::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}
