//! Money, exact.

use std::{fmt, iter::Sum, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// US dollars in picodollars: 10⁻¹² of one.
///
/// A price per million tokens is a whole number of picodollars a token down to a millionth of a
/// dollar, so that sums are exact and equal on every machine. Sums beyond what fits stay at the
/// largest amount; 10²⁶ dollars are nobody's bill.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UsdPico(i128);

/// Picodollars in a dollar.
const DOLLAR: i128 = 1_000_000_000_000;
/// Digits after the point.
const DIGITS: usize = 12;

/// A text is no amount of money.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotMoney;

impl fmt::Display for NotMoney {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("expected US dollars as a decimal number of at most 12 places, such as 0.25")
    }
}

impl std::error::Error for NotMoney {}

impl UsdPico {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// An amount in picodollars.
    #[must_use]
    pub const fn new(pico: i128) -> Self {
        Self(pico)
    }

    /// The amount in picodollars.
    #[must_use]
    pub const fn pico(self) -> i128 {
        self.0
    }

    /// The amount in dollars, rounded as floating point does: for plots and scores, never for sums.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "what a plot shows need not be exact")]
    pub fn approximately(self) -> f64 {
        self.0 as f64 / DOLLAR as f64
    }

    /// The sum.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// The difference, below zero where `other` is more.
    #[must_use]
    pub const fn minus(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }

    /// So many times as much.
    #[must_use]
    pub const fn times(self, count: u64) -> Self {
        Self(self.0.saturating_mul(count as i128))
    }
}

impl fmt::Display for UsdPico {
    /// Dollars as the shortest exact decimal: `0.055`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let dollar = DOLLAR.unsigned_abs();
        let (whole, part) = (self.0.unsigned_abs() / dollar, self.0.unsigned_abs() % dollar);
        let sign = if self.0 < 0 { "-" } else { "" };
        let digits = format!("{part:0DIGITS$}");
        match digits.trim_end_matches('0') {
            "" => write!(f, "{sign}{whole}"),
            part => write!(f, "{sign}{whole}.{part}"),
        }
    }
}

impl FromStr for UsdPico {
    type Err = NotMoney;

    fn from_str(text: &str) -> Result<Self, NotMoney> {
        let (negative, digits) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
        let are_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        let written = !(whole.is_empty() && part.is_empty());
        if !written || !are_digits(whole) || !are_digits(part) || part.len() > DIGITS {
            return Err(NotMoney);
        }
        let number = |text: &str| if text.is_empty() { Ok(0) } else { text.parse::<i128>() };
        let whole = number(whole).map_err(|_| NotMoney)?;
        let part = number(&format!("{part:0<DIGITS$}")).map_err(|_| NotMoney)?;
        let pico = whole.checked_mul(DOLLAR).and_then(|whole| whole.checked_add(part));
        let pico = pico.ok_or(NotMoney)?;
        Ok(Self(if negative { -pico } else { pico }))
    }
}

impl Sum for UsdPico {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        amounts.fold(Self::ZERO, Self::plus)
    }
}

impl Serialize for UsdPico {
    /// As text: a JSON number would be rounded by most readers.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for UsdPico {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn dollars_are_read_and_written_exactly() {
        for (text, pico) in [
            ("0", 0),
            ("0.055", 55_000_000_000),
            ("-1.5", -1_500_000_000_000),
            ("0.000000000001", 1),
            ("26.5", 26_500_000_000_000),
        ] {
            assert_eq!(text.parse(), Ok(UsdPico::new(pico)));
            assert_eq!(UsdPico::new(pico).to_string(), text);
        }
        assert_eq!(".1".parse(), Ok(UsdPico::new(DOLLAR / 10)));
        for text in ["", ".", "-", "1e3", "1,5", " 1", "0.0000000000001", "+1", "1.-5", "--1"] {
            assert_eq!(text.parse::<UsdPico>(), Err(NotMoney), "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(pico in any::<i64>()) {
            let amount = UsdPico::new(i128::from(pico));
            prop_assert_eq!(amount.to_string().parse(), Ok(amount));
            let json = serde_json::to_string(&amount).unwrap();
            prop_assert_eq!(serde_json::from_str::<UsdPico>(&json).unwrap(), amount);
        }
    }
}
