//! Durations and sizes as people write them.

use std::time::Duration;

use thiserror::Error;
use tieline_types::UsdPico;

/// The longest duration a configuration may name: ten years keeps every deadline computable.
const MAX_MILLIS: u64 = 10 * 365 * 86_400_000;

/// Milliseconds in each unit of time, longest suffix first where one ends another.
const TIME_UNITS: &[(&str, u64)] =
    &[("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)];

/// Bytes in each unit of size, longest suffix first where one ends another.
const SIZE_UNITS: &[(&str, u64)] =
    &[("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30), ("B", 1)];

/// The text is not a quantity with a unit.
#[derive(Debug, Error, PartialEq, Eq)]
pub(crate) enum UnitError {
    /// Not a duration.
    #[error("a duration: a whole number with ms, s, m, h or d (at most ten years), such as `20s`")]
    Duration,
    /// Not an amount of money.
    #[error("US dollars: a decimal number of at most 12 places, not below zero, such as `0.25`")]
    Usd,
    /// Not a size.
    #[error("a size: a whole number with B, KiB, MiB or GiB, such as `64MiB`")]
    Size,
}

/// Reads `500ms`, `20s`, `2m`, `24h` or `7d`.
pub(crate) fn duration(text: &str) -> Result<Duration, UnitError> {
    let millis = quantity(text, TIME_UNITS).filter(|millis| *millis <= MAX_MILLIS);
    millis.map(Duration::from_millis).ok_or(UnitError::Duration)
}

/// Reads `512B`, `8KiB`, `64MiB` or `1GiB` as bytes.
pub(crate) fn size(text: &str) -> Result<u64, UnitError> {
    quantity(text, SIZE_UNITS).ok_or(UnitError::Size)
}

/// Reads `0.25` as dollars.
pub(crate) fn usd(text: &str) -> Result<UsdPico, UnitError> {
    let amount = text.parse::<UsdPico>().ok().filter(|amount| *amount >= UsdPico::ZERO);
    amount.ok_or(UnitError::Usd)
}

fn quantity(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let (digits, unit) = units.iter().find_map(|(suffix, unit)| {
        text.strip_suffix(suffix).map(|digits| (digits.trim_end(), *unit))
    })?;
    let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| digits.parse::<u64>().ok()?.checked_mul(unit)).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        let cases = [
            ("500ms", Some(500)),
            ("20s", Some(20_000)),
            ("2m", Some(120_000)),
            ("24h", Some(86_400_000)),
            ("7d", Some(604_800_000)),
            ("0s", Some(0)),
            ("3650d", Some(MAX_MILLIS)),
            ("3651d", None),
            ("20", None),
            ("s", None),
            ("-1s", None),
            ("+1s", None),
            ("1.5s", None),
            ("20 parsecs", None),
            ("99999999999999999999s", None),
            ("18446744073709551615d", None),
        ];
        for (text, millis) in cases {
            assert_eq!(duration(text).ok(), millis.map(Duration::from_millis), "{text}");
        }
    }

    #[test]
    fn sizes() {
        let cases = [
            ("512B", Some(512)),
            ("8KiB", Some(8 << 10)),
            ("64 MiB", Some(64 << 20)),
            ("1GiB", Some(1 << 30)),
            ("64", None),
            ("64MB", None),
            ("MiB", None),
            ("18446744073709551615GiB", None),
        ];
        for (text, bytes) in cases {
            assert_eq!(size(text).ok(), bytes, "{text}");
        }
    }
}
