//! Costs that others have worked out by hand, many of them after a gateway got them wrong.

use serde::Deserialize;
use tieline_catalog::{Catalog, Channel, Deployed, Moment, Place, Quantity, Unit, place};
use tieline_types::{Cost, CostState, Usage, UsdPico};

#[derive(Deserialize)]
struct Case {
    id: String,
    channel: String,
    model: String,
    at: Moment,
    buckets: Vec<Bucket>,
    expected_usd: String,
}

#[derive(Deserialize)]
struct Bucket {
    bucket: String,
    qty: String,
    rate_per_million: String,
}

/// Fewer would mean that the file was not read.
const CASES: usize = 27;

/// The channel of a case; Bedrock's is in its id.
fn channel(case: &Case) -> (Channel, &str) {
    let global = |surface: &str, tier: &str| channel_of(surface, "global", tier);
    let channel = match case.channel.as_str() {
        "anthropic/direct/us inference_geo" => channel_of("anthropic", "geo:us", "standard"),
        "openai/eu-residency/standard" => channel_of("openai", "geo:eu", "standard"),
        "google/gemini-api/standard" => global("gemini-api", "standard"),
        "azure-foundry" | "azure/global/standard" => global("azure", "standard"),
        "mistral/direct" => global("mistral", "standard"),
        "vertex/global/flex" => global("vertex", "flex"),
        other if other.starts_with("bedrock/") => {
            return place(&Deployed {
                kind: "bedrock",
                region: Some("us-east-1"),
                name: &case.model,
                ..Deployed::default()
            });
        }
        other => {
            let mut parts = other.split("/direct/");
            global(parts.next().unwrap(), parts.next().unwrap())
        }
    };
    (channel, &case.model)
}

fn channel_of(surface: &str, scope: &str, tier: &str) -> Channel {
    let place = Place::of_surface(surface);
    Channel { place, scope: Some(scope.to_owned()), tier: tier.to_owned() }
}

/// What was used, in the catalogue's buckets.
fn used(case: &Case) -> (Usage, Vec<(Unit, Quantity)>) {
    let (mut usage, mut quantities) = (Usage::default(), Vec::new());
    for bucket in &case.buckets {
        let tokens = match bucket.bucket.as_str() {
            "input" => &mut usage.input,
            "cache_read" => &mut usage.cache_read,
            "write_5m" => &mut usage.cache_write_5m,
            "write_1h" => &mut usage.cache_write_1h,
            "write" => &mut usage.cache_write_other,
            "output" => &mut usage.output,
            "reasoning" => &mut usage.reasoning,
            other => {
                let unit = Unit::ALL.into_iter().find(|unit| unit.as_str() == other).unwrap();
                quantities.push((unit, bucket.qty.parse().unwrap()));
                continue;
            }
        };
        *tokens = bucket.qty.parse().unwrap();
    }
    (usage, quantities)
}

/// The expected amount; a repeating decimal is rounded to a picodollar, as costs are.
fn expected(text: &str) -> UsdPico {
    const PLACES: usize = 12;
    let places = text.split_once('.').map_or(0, |(_, part)| part.len());
    if places <= PLACES {
        return text.parse().unwrap();
    }
    let (kept, dropped) = text.split_at(text.len() - (places - PLACES));
    let up = i128::from(dropped.as_bytes()[0] >= b'5');
    kept.parse::<UsdPico>().unwrap().plus(UsdPico::new(up))
}

#[test]
fn every_case_holds_exactly() {
    let cases: Vec<Case> =
        serde_json::from_str(include_str!("../data/pricing_cases.json")).unwrap();
    assert_eq!(cases.len(), CASES);
    let catalog = Catalog::built_in().unwrap();
    for case in &cases {
        let (channel, name) = channel(case);
        let quote = catalog.quote(name, &channel, case.at);
        let quote = quote.unwrap_or_else(|why| panic!("{}: {why}", case.id));
        let (usage, quantities) = used(case);
        let Cost { usd, state } = quote.cost(&usage, &quantities);
        assert_eq!(usd, expected(&case.expected_usd), "{}", case.id);
        let announced = case.at > "2026-11-30".parse().unwrap();
        let wanted = if announced { CostState::Estimated } else { CostState::Priced };
        assert_eq!(state, wanted, "{}", case.id);
    }
}

#[test]
fn every_single_rate_of_the_cases_is_in_the_list() {
    let cases: Vec<Case> =
        serde_json::from_str(include_str!("../data/pricing_cases.json")).unwrap();
    let catalog = Catalog::built_in().unwrap();
    for case in &cases {
        let (channel, name) = channel(case);
        let quote = catalog.quote(name, &channel, case.at).unwrap();
        let (usage, quantities) = used(case);
        if !quantities.is_empty() {
            continue;
        }
        let rates = quote.rates();
        let prices = rates.prices(usage.input_total());
        for bucket in &case.buckets {
            let found = match bucket.bucket.as_str() {
                "input" => prices.input,
                "cache_read" => prices.cache_read,
                "write_5m" => prices.cache_write_5m,
                "write_1h" => prices.cache_write_1h,
                "write" => prices.cache_write_other,
                "reasoning" => prices.reasoning,
                _ => prices.output,
            };
            let wanted = bucket.rate_per_million.parse().unwrap();
            assert_eq!(found, Some(wanted), "{} {}", case.id, bucket.bucket);
        }
    }
}
