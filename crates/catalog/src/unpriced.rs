//! Why something has no price.

use crate::{channel::Channel, period::Moment};

/// What the catalogue lacks to price a call. Never a reason to charge nothing, or to charge as
/// another channel does.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unpriced {
    /// There is no price list of the surface.
    #[error("there is no price list of `{surface}`")]
    Surface {
        /// The surface.
        surface: String,
    },
    /// The price list does not have the model.
    #[error("the price list of `{surface}` has no model `{model}`")]
    Model {
        /// What was asked for.
        model: String,
        /// The surface.
        surface: String,
    },
    /// The model has no price under the service tier.
    #[error(
        "`{model}` at `{surface}` has no price for the service tier `{tier}`, only for {}",
        listed(known)
    )]
    Tier {
        /// The model.
        model: String,
        /// The surface.
        surface: String,
        /// The service tier.
        tier: String,
        /// Those that have a price.
        known: Vec<String>,
    },
    /// The model has no price for the scope.
    #[error("`{model}` at `{surface}` has no price {}, only for {}", told(scope.as_deref()),
            listed(known))]
    Scope {
        /// The model.
        model: String,
        /// The surface.
        surface: String,
        /// The scope; none where it is not known.
        scope: Option<String>,
        /// Those that have a price.
        known: Vec<String>,
    },
    /// No price is known for that time.
    #[error("no price of `{model}` at {channel} is known for {at}")]
    Date {
        /// The model.
        model: String,
        /// The channel.
        channel: Channel,
        /// The time.
        at: Moment,
    },
}

impl Unpriced {
    /// The stable word for metrics and programs.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Surface { .. } => "surface",
            Self::Model { .. } => "model",
            Self::Tier { .. } => "tier",
            Self::Scope { .. } => "scope",
            Self::Date { .. } => "date",
        }
    }
}

fn told(scope: Option<&str>) -> String {
    scope.map_or_else(|| "where the scope is not known".to_owned(), |one| format!("for `{one}`"))
}

fn listed(known: &[String]) -> String {
    let quoted: Vec<String> = known.iter().map(|one| format!("`{one}`")).collect();
    quoted.join(", ")
}
