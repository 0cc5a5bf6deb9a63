//! The public price catalogues of others, held against ours.

mod genai;
mod litellm;
mod number;

use std::collections::BTreeMap;

use serde::Serialize;

use crate::{
    catalog::{Catalog, Quote},
    channel::Channel,
    diff::{Price, prices},
    line::Line,
    period::Moment,
};

/// A public catalogue's format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// `data.json` of pydantic/genai-prices: a list of providers.
    GenaiPrices,
    /// `model_prices_and_context_window.json` of BerriAI/litellm: a map of models.
    Litellm,
}

/// A file is not what its format says.
#[derive(Debug, thiserror::Error)]
#[error("this is not a catalogue of that format")]
pub struct ImportError(#[from] serde_json::Error);

/// How another catalogue compares with ours.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Comparison {
    /// How many of their prices were held against one of ours.
    pub compared: usize,
    /// What they price and ours does not have at all, by channel.
    pub unknown: Vec<String>,
    /// Prices that are not the same.
    pub disagreements: Vec<Disagreement>,
}

/// A price that is not the same.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Disagreement {
    /// The model, by our name.
    pub model: String,
    /// The channel.
    pub channel: String,
    /// The bucket: `input`, `long output`, `characters`.
    pub bucket: String,
    /// Our price.
    pub ours: Option<Price>,
    /// Theirs.
    pub theirs: Option<Price>,
    /// What may be behind it.
    pub reason: String,
}

/// What they say of a model at a channel.
#[derive(Debug, PartialEq, Eq)]
struct Entry {
    name: String,
    channel: Channel,
    prices: Buckets,
    /// More input than so many tokens makes a call long.
    above: Option<u64>,
}

/// Prices by bucket.
type Buckets = BTreeMap<String, Price>;

/// Holds another catalogue against ours, as both are at a moment.
///
/// # Errors
/// The text is not of that format.
pub fn compare(
    catalog: &Catalog,
    format: Format,
    text: &str,
    at: Moment,
) -> Result<Comparison, ImportError> {
    let entries = match format {
        Format::GenaiPrices => genai::entries(text, at)?,
        Format::Litellm => litellm::entries(text)?,
    };
    let mut comparison = Comparison::default();
    for entry in &entries {
        match catalog.quote(&entry.name, &entry.channel, at) {
            Ok(quote) => comparison.add(catalog, &quote, entry),
            Err(_) => comparison.unknown.push(format!("{} at {}", entry.name, entry.channel)),
        }
    }
    comparison.disagreements.sort();
    comparison.disagreements.dedup();
    Ok(comparison)
}

impl Comparison {
    fn add(&mut self, catalog: &Catalog, quote: &Quote<'_>, entry: &Entry) {
        let line = quote.list.unwrap_or(quote.line);
        let ours = comparable(line);
        let mut buckets: Vec<&String> = ours.keys().chain(entry.prices.keys()).collect();
        buckets.sort_unstable();
        buckets.dedup();
        for bucket in buckets {
            let (mine, theirs) = (ours.get(bucket), entry.prices.get(bucket));
            self.compared += usize::from(theirs.is_some());
            let same = mine.zip(theirs).is_some_and(|(mine, theirs)| mine.is(*theirs));
            if same {
                continue;
            }
            let pair = (mine.copied(), theirs.copied());
            let reason = match pair {
                (Some(mine), Some(theirs)) => reason(catalog, line, bucket, mine, theirs),
                (Some(mine), None) => absent("theirs", mine, &entry.prices, &ours),
                (None, Some(theirs)) => absent("ours", theirs, &ours, &entry.prices),
                (None, None) => continue,
            };
            self.disagree(line, entry, bucket, pair, reason);
        }
        let above = line.rates.long.map(|(above, _)| above);
        if let Some((ours, theirs)) = above.zip(entry.above).filter(|(a, b)| a != b) {
            let reason = format!("ours is for more than {ours} tokens, theirs than {theirs}");
            self.disagree(line, entry, "long", (None, None), reason);
        }
    }

    fn disagree(
        &mut self,
        line: &Line,
        entry: &Entry,
        bucket: &str,
        (ours, theirs): (Option<Price>, Option<Price>),
        reason: String,
    ) {
        self.disagreements.push(Disagreement {
            model: line.model.to_string(),
            channel: entry.channel.to_string(),
            bucket: bucket.to_owned(),
            ours,
            theirs,
            reason,
        });
    }
}

/// Our prices in the buckets that others have too: for them reasoning is output, and a cache write
/// of five minutes any cache write.
fn comparable(line: &Line) -> Buckets {
    let ours = prices(line).into_iter().map(|((.., bucket), price)| (bucket, price));
    let shared = ours.filter(|(bucket, _)| !bucket.ends_with("reasoning"));
    shared.map(|(bucket, price)| (bucket.trim_end_matches("_5m").to_owned(), price)).collect()
}

/// Ratios of their price to ours that have a usual cause: numerator, denominator, cause.
const RATIOS: [(i128, i128, &str); 8] = [
    (11, 10, "theirs has the 10 % of a regional channel"),
    (10, 11, "ours has the 10 % of a regional channel"),
    (12, 10, "theirs has the 20 % of a data zone or of government regions"),
    (10, 12, "ours has the 20 % of a data zone or of government regions"),
    (2, 1, "a batch or an introductory price"),
    (1, 2, "a batch or an introductory price"),
    (1_000, 1, "another unit"),
    (1, 1_000, "another unit"),
];

/// Why a price may be in one catalogue only: the other, which is called `who`, may have it in
/// another bucket.
fn absent(who: &str, price: Price, there: &Buckets, here: &Buckets) -> String {
    let mut only_there = there.iter().filter(|(bucket, _)| !here.contains_key(*bucket));
    match only_there.find(|(_, other)| other.is(price)) {
        Some((bucket, _)) => format!("{who} has it as {bucket}"),
        None => format!("{who} lacks it"),
    }
}

/// Why two prices may differ.
fn reason(catalog: &Catalog, line: &Line, bucket: &str, ours: Price, theirs: Price) -> String {
    let same_channel = |other: &&Line| {
        (&other.model, &other.place, &other.scope, &other.tier)
            == (&line.model, &line.place, &line.scope, &line.tier)
    };
    let has_theirs =
        |other: &&Line| comparable(other).get(bucket).is_some_and(|price| price.is(theirs));
    if let Some(other) = catalog.lines().filter(same_channel).find(has_theirs) {
        return format!("theirs is ours {}", other.valid);
    }
    let ratio = RATIOS.iter().find(|(up, down, _)| {
        let (mine, other) = (ours.of_all(theirs), theirs.of_all(ours));
        mine.saturating_mul(*up) == other.saturating_mul(*down)
    });
    ratio.map_or("one of the two is out of date", |(_, _, cause)| cause).to_owned()
}
