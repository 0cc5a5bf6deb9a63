//! The format of pydantic/genai-prices: providers, their models, and prices by condition.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{Buckets, Entry, ImportError, number::dollars};
use crate::{
    channel::{BATCH, Channel, STANDARD},
    diff::{MILLION, Price},
    period::Moment,
    place::{Deployed, Place, place},
};

#[derive(Deserialize)]
struct Provider {
    id: String,
    models: Vec<Model>,
}

#[derive(Deserialize)]
struct Model {
    id: String,
    prices: Prices,
    #[serde(default, alias = "variants")]
    price_variants: Vec<Conditional>,
}

/// Prices that always hold, or several of which the last one whose condition is met holds.
enum Prices {
    Always(Numbers),
    Conditional(Vec<Conditional>),
}

impl<'de> Deserialize<'de> for Prices {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // Not an untagged enum: its buffer would turn numbers into floating point.
        let raw = Box::<RawValue>::deserialize(deserializer)?;
        let read = if raw.get().starts_with('[') {
            serde_json::from_str(raw.get()).map(Self::Conditional)
        } else {
            serde_json::from_str(raw.get()).map(Self::Always)
        };
        read.map_err(serde::de::Error::custom)
    }
}

#[derive(Deserialize)]
struct Conditional {
    #[serde(default)]
    when: BTreeMap<String, String>,
    #[serde(default)]
    constraint: Option<Constraint>,
    prices: Numbers,
}

/// From a date on, or between two times of each day, which we do not follow.
#[derive(Deserialize)]
struct Constraint {
    #[serde(default)]
    start_date: Option<Moment>,
}

type Numbers = BTreeMap<String, Box<RawValue>>;

/// A price that is another above so many tokens.
#[derive(Deserialize)]
struct Tiered {
    base: Box<RawValue>,
    tiers: Vec<Tier>,
}

#[derive(Deserialize)]
struct Tier {
    start: u64,
    price: Box<RawValue>,
}

/// Their units: key, our bucket, so many for the price.
const UNITS: [(&str, &str, u64); 12] = [
    ("input_mtok", "input", 1_000_000),
    ("cache_read_mtok", "cache_read", 1_000_000),
    ("cache_write_mtok", "cache_write", 1_000_000),
    ("cache_write_1h_mtok", "cache_write_1h", 1_000_000),
    ("output_mtok", "output", 1_000_000),
    ("input_audio_mtok", "input_audio", 1_000_000),
    ("output_audio_mtok", "output_audio", 1_000_000),
    ("input_image_mtok", "input_image_tokens", 1_000_000),
    ("input_mchars", "characters", 1_000_000),
    ("audio_hours", "audio_seconds", 3_600),
    ("input_document_kpages", "pages", 1_000),
    ("input_text_messages_kcount", "messages", 1_000),
];

/// Everything they price at a moment at channels that we know.
pub(super) fn entries(text: &str, at: Moment) -> Result<Vec<Entry>, ImportError> {
    let providers: Vec<Provider> = serde_json::from_str(text)?;
    let models = providers.iter().flat_map(|one| one.models.iter().map(|model| (&one.id, model)));
    let entries = models.filter_map(|(provider, model)| {
        let (channel, name) = channel(provider, &model.id)?;
        Some(of_model(model, &channel, name, at))
    });
    Ok(entries.flatten().collect())
}

/// The channel of one of their providers and what it calls the model.
fn channel<'a>(provider: &str, id: &'a str) -> Option<(Channel, &'a str)> {
    let surface = match provider {
        "openai" | "anthropic" | "azure" | "mistral" | "groq" | "elevenlabs" => provider,
        "x-ai" => "xai",
        "google" if id.starts_with("claude") => "vertex",
        "google" => "gemini-api",
        "aws" => return Some(bedrock(id)),
        _ => return None,
    };
    Some((of_surface(surface, "global"), id))
}

/// Of what costs the same in all regions they say `regional.`.
fn bedrock(id: &str) -> (Channel, &str) {
    match id.strip_prefix("regional.") {
        Some(rest) => (of_surface("bedrock", "region"), rest),
        None => {
            let region = Some("us-east-1");
            place(&Deployed { kind: "bedrock", region, name: id, ..Deployed::default() })
        }
    }
}

fn of_surface(surface: &str, scope: &str) -> Channel {
    let place = Place::of_surface(surface);
    Channel { place, scope: Some(scope.to_owned()), tier: STANDARD.to_owned() }
}

fn of_model(model: &Model, channel: &Channel, name: &str, at: Moment) -> Vec<Entry> {
    let usual = match &model.prices {
        Prices::Always(numbers) => Some(numbers),
        Prices::Conditional(all) => all.iter().rfind(|one| one.holds(at)).map(|one| &one.prices),
    };
    let mut tiers: BTreeMap<&str, (Option<Moment>, &Numbers)> = BTreeMap::new();
    for variant in model.price_variants.iter().filter(|one| one.holds(at)) {
        let since = variant.constraint.as_ref().and_then(|constraint| constraint.start_date);
        let Some(tier) = variant.tier() else { continue };
        let known = tiers.entry(tier).or_insert((since, &variant.prices));
        if known.0 < since {
            *known = (since, &variant.prices);
        }
    }
    let usual = usual.map(|numbers| (STANDARD, numbers));
    let variants = tiers.into_iter().map(|(tier, (_, numbers))| (tier, numbers));
    let priced = usual.into_iter().chain(variants).map(|(tier, numbers)| {
        let channel = Channel { tier: tier.to_owned(), ..channel.clone() };
        let (prices, above) = buckets(numbers);
        Entry { name: name.to_owned(), channel, prices, above }
    });
    priced.filter(|entry| !entry.prices.is_empty()).collect()
}

impl Conditional {
    fn holds(&self, at: Moment) -> bool {
        let begun = |one: &Constraint| one.start_date.is_some_and(|start| start <= at);
        self.constraint.as_ref().is_none_or(begun)
    }

    /// The service tier that a variant is for.
    fn tier(&self) -> Option<&str> {
        let mut conditions = self.when.iter();
        let (key, value) = conditions.next()?;
        match (key.as_str(), value.as_str()) {
            _ if conditions.next().is_some() => None,
            ("processing", BATCH) => Some(BATCH),
            ("service_tier", "flex" | "priority") | ("speed", "fast") => Some(value),
            _ => None,
        }
    }
}

fn buckets(numbers: &Numbers) -> (Buckets, Option<u64>) {
    let (mut buckets, mut above) = (Buckets::new(), None);
    for (key, bucket, per) in UNITS {
        let Some(raw) = numbers.get(key) else { continue };
        let per = std::num::NonZeroU64::new(per).unwrap_or(MILLION);
        let mut add = |bucket: String, number: &RawValue| {
            let usd = dollars(number.get(), 0);
            buckets.extend(usd.map(|usd| (bucket, Price { usd, per })));
        };
        match serde_json::from_str::<Tiered>(raw.get()) {
            Ok(tiered) => {
                add(bucket.to_owned(), &tiered.base);
                if let Some(tier) = tiered.tiers.first() {
                    above = Some(tier.start);
                    add(format!("long {bucket}"), &tier.price);
                }
            }
            Err(_) => add(bucket.to_owned(), raw),
        }
    }
    if above.is_some() {
        fill(&mut buckets);
    }
    (buckets, above)
}

/// What has one price for all calls has it for long ones too.
fn fill(buckets: &mut Buckets) {
    let short = buckets.clone().into_iter().filter(|(bucket, _)| !bucket.starts_with("long "));
    for (bucket, price) in short {
        buckets.entry(format!("long {bucket}")).or_insert(price);
    }
}
