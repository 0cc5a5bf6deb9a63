//! The identity of a definition.

use std::fmt::Write as _;

use sha2::{Digest, Sha256};

use crate::{Indicator, indicator::Selection};

/// Begins what is hashed; another form of it would begin otherwise.
const FORM: &str = "tieline-slo-1";

/// The digest of what is counted for a feature.
pub(crate) fn of(feature: &str, indicator: &Indicator) -> String {
    let mut said = format!("{FORM}\n{feature}\n{}", indicator.as_str());
    for (name, value) in meaning(indicator) {
        said.push_str(&format!("\n{name}={value}"));
    }
    let mut hex = String::with_capacity(64);
    for byte in Sha256::digest(said.as_bytes()) {
        // Writing to a text cannot fail.
        let _ = write!(hex, "{byte:02x}");
    }
    hex
}

/// What an indicator says beside its name, in whole units; what it does not say is left out.
fn meaning(indicator: &Indicator) -> Vec<(&'static str, String)> {
    let given = |name, value: Option<String>| value.map(|value| (name, value));
    let micros = |time: &std::time::Duration| Some(time.as_micros().to_string());
    let text = |number: Option<u64>| number.map(|number| number.to_string());
    let selected = |of: &Selection| {
        [
            given("prompt_above", text(of.prompt_above)),
            given("prompt_up_to", text(of.prompt_up_to)),
            given("reasoning", of.reasoning.map(|reasoned| reasoned.to_string())),
        ]
    };
    let parts = match indicator {
        Indicator::Availability { max_tier } => {
            vec![given("max_tier", max_tier.map(|tier| tier.to_string()))]
        }
        Indicator::BestTier | Indicator::StreamCompletion => Vec::new(),
        Indicator::FirstToken { within, of } | Indicator::Latency { within, of } => {
            [given("within_us", micros(within))].into_iter().chain(selected(of)).collect()
        }
        Indicator::Smoothness { gap, tokens_per_second } => vec![
            given("gap_us", gap.as_ref().and_then(micros)),
            given("tokens_per_second", tokens_per_second.map(|pace| pace.to_string())),
        ],
        Indicator::Quality { at_least } => vec![given("at_least", Some(at_least.to_string()))],
        Indicator::Cost { at_most } => vec![given("at_most_usd", Some(at_most.to_string()))],
        Indicator::Freshness { within } => vec![given("within_us", micros(within))],
    };
    parts.into_iter().flatten().collect()
}
