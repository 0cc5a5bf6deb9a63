//! The format of BerriAI/litellm: one map, whose keys spell out conditions.

use std::{collections::BTreeMap, num::NonZeroU64};

use serde_json::value::RawValue;

use super::{Buckets, Entry, ImportError, number::dollars};
use crate::{
    channel::{BATCH, Channel, STANDARD},
    diff::{MILLION, Price},
    place::{Deployed, Place, place},
};

type Fields = BTreeMap<String, Box<RawValue>>;

/// Their prices: key without conditions, our bucket, ten to which power of theirs makes one of
/// ours, so many for our price.
const KEYS: [(&str, &str, i32, u64); 11] = [
    ("input_cost_per_token", "input", 6, 1_000_000),
    ("cache_read_input_token_cost", "cache_read", 6, 1_000_000),
    ("cache_creation_input_token_cost", "cache_write", 6, 1_000_000),
    ("cache_creation_input_token_cost_above_1hr", "cache_write_1h", 6, 1_000_000),
    ("output_cost_per_token", "output", 6, 1_000_000),
    ("input_cost_per_audio_token", "input_audio", 6, 1_000_000),
    ("output_cost_per_audio_token", "output_audio", 6, 1_000_000),
    ("input_cost_per_image_token", "input_image_tokens", 6, 1_000_000),
    ("input_cost_per_character", "characters", 6, 1_000_000),
    ("input_cost_per_second", "audio_seconds", 3, 1_000),
    ("ocr_cost_per_page", "pages", 3, 1_000),
];

/// Their ways to end a key of a service tier, and our name of it.
const TIERS: [(&str, &str); 4] = [
    ("_flex", "flex"),
    ("_priority", "priority"),
    ("_ultrafast", "ultrafast"),
    ("_batches", BATCH),
];

/// Everything they price at channels that we know.
pub(super) fn entries(text: &str) -> Result<Vec<Entry>, ImportError> {
    let models: BTreeMap<String, Fields> = serde_json::from_str(text)?;
    let entries = models.iter().filter_map(|(key, fields)| {
        let provider = fields.get("litellm_provider")?;
        let provider: String = serde_json::from_str(provider.get()).ok()?;
        let (channel, name) = channel(&provider, key)?;
        Some(of_model(fields, &channel, name))
    });
    Ok(entries.flatten().collect())
}

/// The channel that a key means and what is called the model there.
fn channel<'a>(provider: &str, key: &'a str) -> Option<(Channel, &'a str)> {
    let surface = match provider {
        "openai" | "anthropic" | "mistral" | "xai" | "groq" | "elevenlabs" => provider,
        "text-completion-openai" => "openai",
        "gemini" => "gemini-api",
        "azure" | "azure_ai" => return Some(azure(key)),
        "bedrock" | "bedrock_converse" | "bedrock_mantle" => return bedrock(key),
        other if other.starts_with("vertex_ai") => "vertex",
        _ => return None,
    };
    let name = key.rsplit('/').next().unwrap_or(key);
    // Groq's names hold the maker's.
    let name = if surface == "groq" { key.strip_prefix("groq/").unwrap_or(key) } else { name };
    Some((of_surface(surface, "global"), name))
}

fn of_surface(surface: &str, scope: &str) -> Channel {
    let place = Place::of_surface(surface);
    Channel { place, scope: Some(scope.to_owned()), tier: STANDARD.to_owned() }
}

/// `azure/gpt-5`, `azure/eu/gpt-5`, `azure_ai/mai-voice-1`
fn azure(key: &str) -> (Channel, &str) {
    let mut parts = key.split('/').skip(1);
    let (first, second) = (parts.next(), parts.next());
    let scope = match first {
        Some(geo @ ("eu" | "us" | "apac")) if second.is_some() => format!("geo:{geo}"),
        _ => "global".to_owned(),
    };
    (of_surface("azure", &scope), second.or(first).unwrap_or(key))
}

/// `us.anthropic.claude-opus-5-5`, `bedrock/us-gov-west-1/...`; ids with more parts are of
/// commitments and the like.
fn bedrock(key: &str) -> Option<(Channel, &str)> {
    let path: Vec<&str> = key.split('/').collect();
    let (region, name) = match path.as_slice() {
        [name] => ("us-east-1", *name),
        ["bedrock" | "bedrock_converse" | "bedrock_mantle", name] => ("us-east-1", *name),
        ["bedrock" | "bedrock_converse" | "bedrock_mantle", region, name] => (*region, *name),
        _ => return None,
    };
    let region = Some(region);
    Some(place(&Deployed { kind: "bedrock", region, name, ..Deployed::default() }))
}

fn of_model(fields: &Fields, channel: &Channel, name: &str) -> Vec<Entry> {
    let mut tiers: BTreeMap<&str, (Buckets, Option<u64>)> = BTreeMap::new();
    for (key, raw) in fields {
        let Some(price) = Key::read(key) else { continue };
        let Some(usd) = dollars(raw.get(), price.power) else { continue };
        let (buckets, above) = tiers.entry(price.tier).or_default();
        buckets.insert(price.bucket, Price { usd, per: price.per });
        *above = above.or(price.above);
    }
    let entry = |(tier, (prices, above)): (&str, (Buckets, Option<u64>))| Entry {
        name: name.to_owned(),
        channel: Channel { tier: tier.to_owned(), ..channel.clone() },
        prices,
        above,
    };
    tiers.into_iter().map(entry).collect()
}

/// What a key spells out.
struct Key {
    tier: &'static str,
    bucket: String,
    power: i32,
    per: NonZeroU64,
    above: Option<u64>,
}

impl Key {
    /// Reads a key such as `cache_read_input_token_cost_above_272k_tokens_priority`.
    fn read(key: &str) -> Option<Self> {
        let ending = TIERS.iter().find_map(|(end, tier)| Some((key.strip_suffix(end)?, *tier)));
        let (key, tier) = ending.unwrap_or((key, STANDARD));
        let (key, above) =
            match key.strip_suffix("k_tokens").and_then(|key| key.rsplit_once("_above_")) {
                Some((key, thousands)) => {
                    (key, Some(thousands.parse::<u64>().ok()?.checked_mul(1_000)?))
                }
                None => (key, None),
            };
        let (_, bucket, power, per) = KEYS.into_iter().find(|(known, ..)| *known == key)?;
        let label = if above.is_some() { "long " } else { "" };
        let per = NonZeroU64::new(per).unwrap_or(MILLION);
        Some(Self { tier, bucket: format!("{label}{bucket}"), power, per, above })
    }
}
