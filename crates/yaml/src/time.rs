//! Times as definitions write them.

use std::time::Duration;

use crate::{Node, Notes};

/// Units of times that requests take, in milliseconds.
const UNITS: [(&str, u64); 6] = [
    ("ms", 1),
    ("s", 1_000),
    ("m", 60_000),
    ("h", 3_600_000),
    ("d", 86_400_000),
    ("w", 604_800_000),
];
/// The units of OpenSLO's durations that always have the same length.
const FIXED: [&str; 4] = ["m", "h", "d", "w"];
/// Those that have not, and what to write instead.
const CALENDAR: [(&str, &str); 3] = [("M", "30d"), ("Q", "90d"), ("Y", "52w")];

/// A time that a request may take: `800ms`, `3s`.
pub fn limit(node: &Node, what: &str, notes: &mut Notes) -> Option<Duration> {
    let text = notes.text(node, what)?;
    let found = parse(text).map(|(time, _)| time);
    if found.is_none() {
        let message = format!("{what} is not `{text}`");
        notes.tell(node.at, message, "write a whole number with ms, s, m, h, d or w, such as `3s`");
    }
    found
}

/// A window in the shorthand of OpenSLO: one whole number and its unit.
pub fn window(node: &Node, what: &str, notes: &mut Notes) -> Option<Duration> {
    let text = notes.text(node, what)?;
    let message = format!("{what} is not `{text}`");
    let digits = text.trim_end_matches(|letter: char| !letter.is_ascii_digit());
    let unit = text.get(digits.len()..).unwrap_or_default();
    if let Some((_, instead)) = CALENDAR.iter().find(|(calendar, _)| *calendar == unit) {
        let help = format!("months, quarters and years differ in length: write `{instead}`");
        notes.tell(node.at, message, help);
        return None;
    }
    let found = parse(text).filter(|(_, unit)| FIXED.contains(unit)).map(|(time, _)| time);
    if found.is_none() {
        notes.tell(node.at, message, "write a whole number with m, h, d or w, such as `30d`");
    }
    found
}

/// A time above nothing, and its unit.
fn parse(text: &str) -> Option<(Duration, &'static str)> {
    let digits = text.trim_end_matches(|letter: char| !letter.is_ascii_digit());
    let unit = text.get(digits.len()..)?;
    let plain = digits.bytes().all(|byte| byte.is_ascii_digit());
    let number: u64 = digits.parse().ok().filter(|number| plain && *number > 0)?;
    let (unit, millis) = UNITS.iter().find(|(known, _)| *known == unit)?;
    Some((Duration::from_millis(number.checked_mul(*millis)?), unit))
}
