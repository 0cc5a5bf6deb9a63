//! One row of a price list.

use std::{collections::BTreeMap, fmt, sync::Arc};

use serde::{Deserialize, Serialize};
use tieline_types::{Cost, CostState, Rates, Usage, UsdPico};

use crate::{
    period::{Moment, Period},
    place::Place,
    unit::{Quantity, Unit, UnitPrice},
};

/// How sure a price is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// It is charged, or was.
    #[default]
    Effective,
    /// The seller says that it will be charged. What it prices is an estimate until somebody has
    /// seen it charged.
    Announced,
    /// It was announced and never came. It prices nothing and is kept for the record.
    Withdrawn,
    /// Nobody publishes it; it follows from a rule or from invoices.
    Estimated,
}

impl Status {
    /// The word used in price files.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Effective => "effective",
            Self::Announced => "announced",
            Self::Withdrawn => "withdrawn",
            Self::Estimated => "estimated",
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Where a price is from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// What was read: a page, a catalogue and its version, a contract.
    pub what: String,
    /// When.
    pub checked: Moment,
}

/// Whose files a line is from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Layer {
    /// Tieline's own.
    BuiltIn,
    /// The user's own, which wins.
    Overlay,
}

/// Where a line is written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Origin {
    /// Whose files.
    pub layer: Layer,
    /// The file's name.
    pub file: Arc<str>,
    /// Its line there, from 1.
    pub line: u64,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}

/// What one model costs at one channel for one time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// The model's vendor-neutral name.
    pub model: Arc<str>,
    /// Who sells it, and from which price list.
    pub place: Arc<Place>,
    /// The scopes of channels that it is for; empty for all.
    pub scope: String,
    /// The service tier.
    pub tier: String,
    /// When calls cost this.
    pub valid: Period,
    /// When this was believed: from the day that it was recorded until something else was.
    pub believed: Period,
    /// How sure it is.
    pub status: Status,
    /// Prices of tokens; none of them where it is not sold by tokens.
    pub rates: Rates,
    /// Prices of other units.
    pub units: BTreeMap<Unit, UnitPrice>,
    /// Where the prices are from.
    pub source: Arc<Source>,
    /// Where the line is written.
    pub origin: Origin,
}

impl Line {
    /// Whether it may price a call at this moment.
    #[must_use]
    pub fn holds(&self, at: Moment) -> bool {
        self.status != Status::Withdrawn && self.believed.until.is_none() && self.valid.contains(at)
    }

    /// What a call cost: its tokens, and what is sold by other units. Only what was used counts.
    #[must_use]
    pub fn cost(&self, usage: &Usage, quantities: &[(Unit, Quantity)]) -> Cost {
        let tokens = (usage.total() > 0).then(|| self.rates.cost(usage));
        let used = quantities.iter().filter(|(_, quantity)| !quantity.is_zero());
        let units = used.map(|(unit, quantity)| match self.units.get(unit) {
            Some(price) => Cost { usd: price.cost(*quantity), state: CostState::Priced },
            None => Cost::UNPRICED,
        });
        let parts: Vec<Cost> = tokens.into_iter().chain(units).collect();
        Cost { usd: parts.iter().map(|part| part.usd).sum::<UsdPico>(), state: self.state(&parts) }
    }

    fn state(&self, parts: &[Cost]) -> CostState {
        let any = |state| parts.iter().any(|part: &Cost| part.state == state);
        let all_unpriced = parts.iter().all(|part| part.state == CostState::Unpriced);
        if !parts.is_empty() && all_unpriced {
            CostState::Unpriced
        } else if any(CostState::Unpriced) || any(CostState::Partial) {
            CostState::Partial
        } else if any(CostState::Estimated) || self.status != Status::Effective {
            CostState::Estimated
        } else {
            CostState::Priced
        }
    }

    /// `openai/global/standard`, with a star for all scopes.
    #[must_use]
    pub fn channel(&self) -> String {
        written(&self.place.surface, &self.scope, &self.tier)
    }

    /// `gpt-6.1-sol at openai/global/standard`
    #[must_use]
    pub fn title(&self) -> String {
        format!("{} at {}", self.model, self.channel())
    }
}

/// The channels of a line as people write them.
pub(crate) fn written(surface: &str, scope: &str, tier: &str) -> String {
    let scope = if scope.is_empty() { "*" } else { scope };
    format!("{surface}/{scope}/{tier}")
}
