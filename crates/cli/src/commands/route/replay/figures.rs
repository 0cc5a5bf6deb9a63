//! Figures as people read them.

use tieline_gateway::replay::{Money, Times};
use tieline_types::UsdPico;

use crate::when;

/// Picodollars in a millionth of a dollar: the least that is shown.
const MILLIONTH: i128 = 1_000_000;

/// `12,480`
pub(super) fn count(count: u64) -> String {
    grouped(&count.to_string())
}

fn grouped(digits: &str) -> String {
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// `80.1 %`; a dash of nothing.
pub(super) fn share(part: u64, whole: u64) -> String {
    match permille(part, whole) {
        None => "-".to_owned(),
        Some(permille) => format!("{}.{} %", permille / 10, permille % 10),
    }
}

/// The nearest thousandth, but never all or nothing where it is less or more.
fn permille(part: u64, whole: u64) -> Option<u64> {
    let (part, whole) = (u128::from(part), u128::from(whole));
    let rounded = (part * 1_000 + whole / 2).checked_div(whole)?;
    let honest = match rounded {
        0 if part > 0 => 1,
        1_000 if part < whole => 999,
        rounded => rounded,
    };
    u64::try_from(honest).ok()
}

/// `$1,234.56`, with more places the less it is.
pub(super) fn dollars(usd: UsdPico) -> String {
    let millionths = (usd.pico() + MILLIONTH / 2).div_euclid(MILLIONTH);
    let places = match millionths.unsigned_abs() {
        0 => 2,
        1..10_000 => 6,
        10_000..1_000_000 => 4,
        _ => 2,
    };
    let unit = 10_i128.pow(6 - places);
    let units = (millionths + unit / 2).div_euclid(unit).unsigned_abs();
    let whole = 10_u128.pow(places);
    let sign = if usd < UsdPico::ZERO { "-" } else { "" };
    let places = usize::try_from(places).unwrap_or_default();
    let digits = grouped(&(units / whole).to_string());
    format!("{sign}${digits}.{:0places$}", units % whole)
}

/// A sum, marked where it is a lower bound.
pub(super) fn money(money: &Money) -> String {
    match (money.calls(), money.lacks()) {
        (0, _) => "-".to_owned(),
        (calls, lacks) if calls == lacks && money.usd == UsdPico::ZERO => "unknown".to_owned(),
        (_, 0) => dollars(money.usd),
        _ => format!(">= {}", dollars(money.usd)),
    }
}

/// By how much a sum changes; unknown where one of them is.
pub(super) fn change(before: &Money, after: &Money) -> String {
    if before.lacks() > 0 || after.lacks() > 0 {
        return "unknown".to_owned();
    }
    let difference = after.usd.minus(before.usd).pico();
    let Some(permille) = (difference * 1_000).checked_div(before.usd.pico()) else {
        return "-".to_owned();
    };
    let sign = match permille {
        0 => "",
        1.. => "+",
        _ => "-",
    };
    let permille = permille.unsigned_abs();
    format!("{sign}{}.{} %", permille / 10, permille % 10)
}

/// `320ms`, or `no data`; `320ms (5 of 8)` where it is known of some only.
pub(super) fn half(times: Option<Times>) -> String {
    let Some(Times { p50_us, known, unknown, .. }) = times else {
        return no_data();
    };
    match unknown {
        0 => when::lapse(p50_us),
        _ => format!("{} ({} of {})", when::lapse(p50_us), count(known), count(known + unknown)),
    }
}

/// The time that 95 of 100 keep within.
pub(super) fn most(times: Option<Times>) -> String {
    times.map_or_else(no_data, |times| when::lapse(times.p95_us))
}

fn no_data() -> String {
    "no data".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_is_short_and_never_nothing_where_it_is_something() {
        for (usd, text) in [
            ("0", "$0.00"),
            ("0.0000004", "$0.00"),
            ("0.0012345", "$0.001235"),
            ("0.25", "$0.2500"),
            ("1.005", "$1.01"),
            ("1234567.891", "$1,234,567.89"),
            ("-3.5", "-$3.50"),
        ] {
            assert_eq!(dollars(usd.parse().unwrap()), text);
        }
    }

    #[test]
    fn what_is_not_known_is_not_told_as_known() {
        let of = |usd: &str, priced, unpriced| Money {
            usd: usd.parse().unwrap(),
            priced,
            unpriced,
            ..Money::default()
        };
        assert_eq!(money(&of("0", 0, 0)), "-");
        assert_eq!(money(&of("0", 0, 3)), "unknown");
        assert_eq!(money(&of("2", 5, 3)), ">= $2.00");
        assert_eq!(money(&of("0", 5, 0)), "$0.00");
        assert_eq!(change(&of("2", 5, 0), &of("1", 5, 0)), "-50.0 %");
        assert_eq!(change(&of("2", 5, 0), &of("3", 5, 0)), "+50.0 %");
        assert_eq!(change(&of("2", 5, 0), &of("2", 5, 0)), "0.0 %");
        assert_eq!(change(&of("2", 5, 0), &of("1", 4, 1)), "unknown");
        assert_eq!(change(&of("0", 5, 0), &of("1", 5, 0)), "-");
    }

    #[test]
    fn times_say_of_how_many_they_are() {
        let times = |unknown| Times { p50_us: 320_000, p95_us: 900_000, known: 5, unknown };
        assert_eq!(half(None), "no data");
        assert_eq!(half(Some(times(0))), "320ms");
        assert_eq!(half(Some(times(3))), "320ms (5 of 8)");
        assert_eq!(most(Some(times(3))), "900ms");
    }

    #[test]
    fn shares_are_never_rounded_to_all_or_nothing() {
        for (part, whole, text) in [
            (0, 5, "0.0 %"),
            (1, 1_000_000, "0.1 %"),
            (999_999, 1_000_000, "99.9 %"),
            (5, 5, "100.0 %"),
            (1, 3, "33.3 %"),
            (1, 0, "-"),
        ] {
            assert_eq!(share(part, whole), text);
        }
        assert_eq!(count(1_234_567), "1,234,567");
        assert_eq!(count(123), "123");
    }
}
