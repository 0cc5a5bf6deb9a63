//! What changes between two lists of prices.

use std::{collections::BTreeMap, num::NonZeroU64};

use serde::Serialize;
use tieline_types::{TokenPrices, UsdPico};

use crate::{
    catalog::Catalog,
    line::{Layer, Line, written},
    period::Moment,
};

/// One price: so many dollars for so many of a bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Price {
    /// US dollars.
    pub usd: UsdPico,
    /// For so many.
    pub per: NonZeroU64,
}

impl Price {
    /// The price of as many as both prices are for, in a unit that they share.
    pub(crate) fn of_all(self, other: Self) -> i128 {
        self.usd.pico().saturating_mul(i128::from(other.per.get()))
    }

    /// Whether the two are the same to a picodollar for a million.
    pub(crate) fn is(self, other: Self) -> bool {
        self.of_all(other) == other.of_all(self)
    }
}

/// What a price is for: model, surface, scope, service tier, bucket.
pub(crate) type Key = (String, String, String, String, String);

/// Prices of a moment by what they are for.
pub type Table = BTreeMap<Key, Price>;

/// One price that is not the same in two tables.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Change {
    /// The model.
    pub model: String,
    /// The surface.
    pub surface: String,
    /// The scope; empty for all.
    pub scope: String,
    /// The service tier.
    pub tier: String,
    /// The bucket: `input`, `long output`, `characters`.
    pub bucket: String,
    /// The price before, if there was one.
    pub before: Option<Price>,
    /// The price after, if there is one.
    pub after: Option<Price>,
    /// Whether somebody should look at it: it is more than ten times as much, or less than a tenth.
    pub review: bool,
}

impl Change {
    /// `openai/global/standard`, with a star for all scopes.
    #[must_use]
    pub fn channel(&self) -> String {
        written(&self.surface, &self.scope, &self.tier)
    }
}

/// A price that changes by more than this factor is more often a mistake than a price.
const SUSPICIOUS: i128 = 10;
/// Tokens are priced by the million.
pub(crate) const MILLION: NonZeroU64 = NonZeroU64::MIN.saturating_add(999_999);

impl Catalog {
    /// Every price that holds at a moment.
    #[must_use]
    pub fn table(&self, at: Moment) -> Table {
        let mut table = Table::new();
        for layer in [Layer::BuiltIn, Layer::Overlay] {
            let lines = self.lines().filter(|line| line.origin.layer == layer && line.holds(at));
            table.extend(lines.flat_map(prices));
        }
        table
    }
}

/// Every price of a line, but those that follow from another: reasoning is output, and a cache
/// write of unstated lifetime one of five minutes.
pub(crate) fn prices(line: &Line) -> Vec<(Key, Price)> {
    let key = |bucket: String| {
        let (surface, model) = (line.place.surface.clone(), line.model.to_string());
        (model, surface, line.scope.clone(), line.tier.clone(), bucket)
    };
    let tokens = |label: &str, prices: &TokenPrices| -> Vec<(Key, Price)> {
        let mut prices = *prices;
        prices.reasoning = prices.reasoning.filter(|usd| Some(*usd) != prices.output);
        prices.cache_write_other =
            prices.cache_write_other.filter(|usd| Some(*usd) != prices.cache_write_5m);
        let known = buckets(&prices).into_iter();
        let known = known.filter_map(|(name, usd)| Some((format!("{label}{name}"), usd?)));
        known.map(|(name, usd)| (key(name), Price { usd, per: MILLION })).collect()
    };
    let mut all = tokens("", &line.rates.usual);
    if let Some((_, long)) = &line.rates.long {
        all.extend(tokens("long ", long));
    }
    let units = line.units.iter();
    all.extend(
        units.map(|(unit, one)| (key(unit.to_string()), Price { usd: one.usd, per: one.per })),
    );
    all
}

/// The buckets of tokens by name.
#[must_use]
pub const fn buckets(prices: &TokenPrices) -> [(&'static str, Option<UsdPico>); 9] {
    [
        ("input", prices.input),
        ("cache_read", prices.cache_read),
        ("cache_write_5m", prices.cache_write_5m),
        ("cache_write_1h", prices.cache_write_1h),
        ("cache_write", prices.cache_write_other),
        ("input_audio", prices.input_audio),
        ("output", prices.output),
        ("reasoning", prices.reasoning),
        ("output_audio", prices.output_audio),
    ]
}

/// Every price that is not the same in both tables, in the order of models.
#[must_use]
pub fn diff(before: &Table, after: &Table) -> Vec<Change> {
    let mut keys: Vec<&Key> = before.keys().chain(after.keys()).collect();
    keys.sort_unstable();
    keys.dedup();
    let pairs = keys.into_iter().map(|key| (key, before.get(key), after.get(key)));
    let changed = pairs.filter(|(_, before, after)| before != after);
    changed.map(|(key, before, after)| change(key, before.copied(), after.copied())).collect()
}

fn change(key: &Key, before: Option<Price>, after: Option<Price>) -> Change {
    let (model, surface, scope, tier, bucket) = key.clone();
    let review = before.zip(after).is_some_and(|(before, after)| suspicious(before, after));
    Change { model, surface, scope, tier, bucket, before, after, review }
}

fn suspicious(before: Price, after: Price) -> bool {
    let (before, after) = (before.of_all(after), after.of_all(before));
    let tenfold = |small: i128, large: i128| large > small.saturating_mul(SUSPICIOUS);
    tenfold(before, after) || tenfold(after, before)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_of_more_than_ten_times_is_for_review() {
        let price = |usd: &str, per: u64| Price {
            usd: usd.parse().unwrap(),
            per: NonZeroU64::new(per).unwrap(),
        };
        for (before, after, review) in [
            (price("1", 1), price("10", 1), false),
            (price("1", 1), price("10.1", 1), true),
            (price("10.1", 1), price("1", 1), true),
            (price("0.3", 10), price("3", 100), false),
            (price("0.3", 1_000), price("0.3", 10), true),
            (price("1", 1), price("0", 1), true),
            (price("0", 1), price("0", 2), false),
        ] {
            assert_eq!(suspicious(before, after), review, "{before:?} {after:?}");
        }
    }
}
