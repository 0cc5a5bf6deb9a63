//! How price lines and changes are written.

use serde_json::{Map, Value, json};
use tieline_catalog::{Change, Line, Price, buckets};
use tieline_types::TokenPrices;

use crate::print;

/// A line with everything that is known of it.
pub(super) fn line(line: &Line) -> Value {
    let long = line.rates.long.as_ref();
    let long = long.map(|(above, prices)| json!({ "above": above, "tokens": tokens(prices) }));
    json!({
        "model": line.model,
        "seller": line.place.seller,
        "host": line.place.host,
        "surface": line.place.surface,
        "scope": line.scope,
        "tier": line.tier,
        "valid": line.valid,
        "believed": line.believed,
        "status": line.status,
        "tokens": tokens(&line.rates.usual),
        "long": long,
        "units": line.units,
        "source": *line.source,
        "layer": line.origin.layer,
        "file": line.origin.to_string(),
    })
}

fn tokens(prices: &TokenPrices) -> Map<String, Value> {
    let known = buckets(prices).into_iter().filter_map(|(name, usd)| Some((name, usd?)));
    known.map(|(name, usd)| (name.to_owned(), json!(usd))).collect()
}

/// The columns of prices: input, cached, written, output, and all others in words.
pub(super) const COLUMNS: [&str; 5] = ["INPUT", "CACHED", "WRITTEN", "OUTPUT", "OTHER"];

/// The cells of prices of tokens, with other units in words.
pub(super) fn cells(prices: &TokenPrices, line: Option<&Line>) -> Vec<String> {
    let written = prices.cache_write_other.map(|usd| usd.to_string());
    let hour = prices.cache_write_1h.filter(|_| written.is_some());
    let written = written.map(|usd| hour.map_or(usd.clone(), |hour| format!("{usd} (1h {hour})")));
    let audio = [("audio in", prices.input_audio), ("audio out", prices.output_audio)];
    let audio = audio.into_iter().filter_map(|(name, usd)| Some(format!("{name} {}", usd?)));
    let units = line.into_iter().flat_map(|line| &line.units);
    let units = units.map(|(unit, price)| format!("{unit} {price}"));
    let others: Vec<String> = audio.chain(units).collect();
    vec![
        print::or_dash(prices.input),
        print::or_dash(prices.cache_read),
        print::or_dash(written),
        print::or_dash(prices.output),
        print::or_dash((!others.is_empty()).then(|| others.join(", "))),
    ]
}

/// A table of changes.
pub(super) fn changes(changes: &[Change]) -> String {
    if changes.is_empty() {
        return "no price changes".to_owned();
    }
    let rows = changes.iter().map(|one| {
        vec![
            one.model.clone(),
            one.channel(),
            one.bucket.clone(),
            print::or_dash(one.before.map(price)),
            print::or_dash(one.after.map(price)),
            if one.review { "more than 10x: review".to_owned() } else { String::new() },
        ]
    });
    print::table(&["MODEL", "CHANNEL", "PRICE OF", "BEFORE", "AFTER", ""], rows)
}

/// A price, with how many it is for where that is not a million.
pub(super) fn price(price: Price) -> String {
    const MILLION: u64 = 1_000_000;
    match price.per.get() {
        MILLION => price.usd.to_string(),
        per => format!("{} per {per}", price.usd),
    }
}
