//! What is sold by other measures than tokens of text and audio.

use std::{fmt, num::NonZeroU64, str::FromStr};

use serde::{Deserialize, Serialize};
use tieline_types::UsdPico;

/// A measure that something is sold by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// Characters of text to be spoken, as the provider counts them.
    Characters,
    /// Seconds of audio, transcribed or made.
    AudioSeconds,
    /// Seconds that a session was open.
    SessionSeconds,
    /// Pages of documents.
    Pages,
    /// Whole images.
    Images,
    /// Tokens of images read.
    InputImageTokens,
    /// Tokens of images made.
    OutputImageTokens,
    /// Text messages in a session of speech.
    Messages,
}

impl Unit {
    /// Every unit.
    pub const ALL: [Self; 8] = [
        Self::Characters,
        Self::AudioSeconds,
        Self::SessionSeconds,
        Self::Pages,
        Self::Images,
        Self::InputImageTokens,
        Self::OutputImageTokens,
        Self::Messages,
    ];

    /// The word used in price files and in usage.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Characters => "characters",
            Self::AudioSeconds => "audio_seconds",
            Self::SessionSeconds => "session_seconds",
            Self::Pages => "pages",
            Self::Images => "images",
            Self::InputImageTokens => "input_image_tokens",
            Self::OutputImageTokens => "output_image_tokens",
            Self::Messages => "messages",
        }
    }
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What a unit costs. Kept as it is published: $0.04 an hour is no whole number a second.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UnitPrice {
    /// US dollars.
    pub usd: UsdPico,
    /// For so many of the unit.
    pub per: NonZeroU64,
    /// A call is charged for no less than so many of the unit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minimum: Option<u64>,
}

/// How many thousandths make one.
const THOUSAND: u64 = 1_000;

/// So much of a unit, in thousandths of it: seconds are rarely whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quantity(u64);

/// A text is no quantity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected a number of at most 3 places, such as 125 or 2.5")]
pub struct NotQuantity;

impl Quantity {
    /// So many thousandths of a unit.
    #[must_use]
    pub const fn thousandths(count: u64) -> Self {
        Self(count)
    }

    /// Whether it is none at all.
    #[must_use]
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }
}

impl FromStr for Quantity {
    type Err = NotQuantity;

    fn from_str(text: &str) -> Result<Self, NotQuantity> {
        const PLACES: usize = 3;
        let (whole, part) = text.split_once('.').unwrap_or((text, ""));
        let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        if whole.is_empty() || !digits(whole) || !digits(part) || part.len() > PLACES {
            return Err(NotQuantity);
        }
        format!("{whole}{part:0<PLACES$}").parse().map(Self).map_err(|_| NotQuantity)
    }
}

impl UnitPrice {
    /// What so much costs, rounded once to the nearest picodollar, halves up.
    #[must_use]
    pub fn cost(&self, quantity: Quantity) -> UsdPico {
        let least = self.minimum.unwrap_or(0).saturating_mul(THOUSAND);
        let charged = i128::from(quantity.0.max(least));
        let per = i128::from(self.per.get()).saturating_mul(i128::from(THOUSAND));
        let sum = self.usd.pico().saturating_mul(charged);
        UsdPico::new(sum.saturating_add(per / 2).div_euclid(per))
    }
}

impl fmt::Display for UnitPrice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} per {}", self.usd, self.per)?;
        self.minimum.map_or(Ok(()), |minimum| write!(f, ", at least {minimum}"))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn price(usd: &str, per: u64, minimum: Option<u64>) -> UnitPrice {
        UnitPrice { usd: usd.parse().unwrap(), per: NonZeroU64::new(per).unwrap(), minimum }
    }

    #[test]
    fn units_are_charged_as_published() {
        for (price, quantity, usd) in [
            (price("22", 1_000_000, None), "2000", "0.044"),
            (price("0.21", 3_600, None), "125", "0.007291666667"),
            (price("0.04", 3_600, Some(10)), "3", "0.000111111111"),
            (price("0.04", 3_600, Some(10)), "11", "0.000122222222"),
            (price("0.36", 3_600, None), "2.5", "0.00025"),
            (price("4", 1_000, None), "3", "0.012"),
        ] {
            assert_eq!(price.cost(quantity.parse().unwrap()).to_string(), usd, "{quantity}");
        }
    }

    #[test]
    fn quantities_are_exact() {
        for (text, wanted) in [
            ("0", Some(0)),
            ("125", Some(125_000)),
            ("2.5", Some(2_500)),
            ("2.0625", None),
            ("-1", None),
            (".5", None),
            ("1e3", None),
            ("99999999999999999999", None),
        ] {
            assert_eq!(text.parse::<Quantity>().ok(), wanted.map(Quantity), "{text}");
        }
    }

    #[test]
    fn words_of_units_are_those_of_files() {
        for unit in Unit::ALL {
            let word = serde_json::to_string(&unit).unwrap();
            assert_eq!(word, format!("\"{unit}\""));
        }
    }

    proptest! {
        #[test]
        fn more_never_costs_less(
            usd in 0_u64..1_000_000_000_000_000,
            per in 1_u64..10_000_000,
            minimum in prop::option::of(0_u64..100),
            a in any::<u32>(),
            b in any::<u32>(),
        ) {
            let usd = UsdPico::new(i128::from(usd));
            let price = UnitPrice { usd, per: NonZeroU64::new(per).unwrap(), minimum };
            let cost = |count: u32| price.cost(Quantity(u64::from(count)));
            prop_assert!(cost(a.min(b)) <= cost(a.max(b)));
        }
    }
}
