//! Numbers of JSON as exact decimals.

use tieline_types::UsdPico;

/// Places of a picodollar.
const PLACES: i32 = 12;
/// Numbers with more digits than this are nobody's prices.
const DIGITS_MAX: usize = 36;

/// Reads a JSON number such as `0.075` or `1.5e-07`, times ten to the power of `shift`, as dollars.
/// What is beyond a picodollar is rounded: catalogues that keep floating point have such digits.
pub(super) fn dollars(text: &str, shift: i32) -> Option<UsdPico> {
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let (whole, part) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{whole}{part}");
    if digits.len() > DIGITS_MAX {
        return None;
    }
    let number: i128 = digits.parse().ok()?;
    let exponent: i32 = exponent.trim_start_matches('+').parse().ok()?;
    let places = i32::try_from(part.len()).ok()?;
    let power = exponent.checked_add(shift)?.checked_sub(places)?.checked_add(PLACES)?;
    let scale = 10_i128.checked_pow(power.unsigned_abs())?;
    let pico = if power >= 0 {
        number.checked_mul(scale)?
    } else {
        number.checked_add(scale / 2)?.div_euclid(scale)
    };
    Some(UsdPico::new(pico))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn numbers_of_json_are_read_exactly() {
        for (text, shift, wanted) in [
            ("0.075", 0, Some("0.075")),
            ("3", 0, Some("3")),
            ("1.5e-07", 6, Some("0.15")),
            ("2E-6", 6, Some("2")),
            ("1e+1", 0, Some("10")),
            ("1.7780000000000001e-06", 6, Some("1.778")),
            ("0.0000750", 3, Some("0.075")),
            ("null", 0, None),
            ("\"1\"", 0, None),
            ("1e99", 0, None),
            ("", 0, None),
        ] {
            let found = dollars(text, shift).map(|usd| usd.to_string());
            assert_eq!(found.as_deref(), wanted, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_a_number_or_none(text in ".{0,40}", shift in -6..7) {
            let _ = dollars(&text, shift);
        }
    }
}
