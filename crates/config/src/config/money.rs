//! What may be spent.

use schemars::JsonSchema;
use serde::Deserialize;
use tieline_types::UsdPico;

/// What callers and teams may spend.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Budgets {
    /// Callers by the name of their API keys.
    pub callers: Vec<(String, Budget)>,
    /// Owners of features.
    pub teams: Vec<(String, Budget)>,
}

/// What may be spent in each window of the calendar, in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// The amount.
    pub usd: UsdPico,
    /// How long a window is.
    pub per: Per,
    /// What happens to a request that does not fit.
    pub on_limit: OnLimit,
}

/// How long a window of a budget is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Per {
    /// An hour of the clock.
    Hour,
    /// From midnight to midnight.
    Day,
    /// From Monday to Monday.
    Week,
    /// A month of the calendar.
    Month,
}

/// What happens to a request that does not fit its budget.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum OnLimit {
    /// Whatever fits answers it: a cheaper deployment, or a later tier.
    #[default]
    NextTier,
    /// No model answers it; a cache, a queue or a fixed text still does.
    Refuse,
}
