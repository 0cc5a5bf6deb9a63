//! Where a call is bought: seller, host, surface, scope and service tier.

use std::fmt;

use serde::Serialize;
use tieline_types::ServiceTier;

use crate::place::Place;

/// The service tier of a call that asks for no other.
pub const STANDARD: &str = "standard";
/// The service tier of calls that are collected and answered within a day.
pub const BATCH: &str = "batch";

/// Where a call is bought. Every part of it can change the price.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Channel {
    /// Who invoices, on whose cloud, and which of its price lists.
    #[serde(flatten)]
    pub place: Place,
    /// Where the call may be processed: `global`, `geo:eu`, `region:eu-west-1` or
    /// `gov:us-gov-west-1`. None where nobody says.
    pub scope: Option<String>,
    /// The service tier, such as `standard`, `flex`, `priority` or `batch`.
    pub tier: String,
}

impl Channel {
    /// The same channel under the service tier that the provider's answer names. Any that is not
    /// known stays as it is, so that it finds no price rather than that of another tier.
    #[must_use]
    pub fn served(self, reported: &str) -> Self {
        let tier = ServiceTier::served(reported);
        Self { tier: tier.map_or_else(|| STANDARD.to_owned(), |tier| tier.to_string()), ..self }
    }
}

impl fmt::Display for Channel {
    /// `bedrock/geo:us/standard`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scope = self.scope.as_deref().unwrap_or("?");
        write!(f, "{}/{scope}/{}", self.place.surface, self.tier)
    }
}

/// How closely the scope of a price line fits that of a channel: the number of bytes that agree,
/// or none where it is for another. `region` fits `region:eu-west-1`, `region:eu` fits it closer;
/// the empty scope fits all.
pub(crate) fn fit(line: &str, channel: Option<&str>) -> Option<usize> {
    if line.is_empty() {
        return Some(0);
    }
    let rest = channel?.strip_prefix(line)?;
    (rest.is_empty() || rest.starts_with([':', '-'])).then_some(line.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_closest_scope_fits_best() {
        for (line, channel, wanted) in [
            ("", Some("global"), Some(0)),
            ("", None, Some(0)),
            ("global", Some("global"), Some(6)),
            ("global", None, None),
            ("global", Some("geo:us"), None),
            ("region", Some("region:eu-west-1"), Some(6)),
            ("region:eu", Some("region:eu-west-1"), Some(9)),
            ("region:eu-west-1", Some("region:eu-west-1"), Some(16)),
            ("region:eu-west-1", Some("region:eu-west-11"), None),
            ("region:eu-west-1", Some("region"), None),
            ("geo:us", Some("geo:us-gov"), Some(6)),
        ] {
            assert_eq!(fit(line, channel), wanted, "{line} {channel:?}");
        }
    }

    #[test]
    fn unknown_service_tiers_stay_unknown() {
        for (reported, tier) in
            [("default", STANDARD), ("priority", "priority"), ("turbo", "turbo")]
        {
            let place = Place::of_surface("openai");
            let channel = Channel { place, scope: None, tier: BATCH.to_owned() };
            assert_eq!(channel.served(reported).tier, tier);
        }
    }
}
