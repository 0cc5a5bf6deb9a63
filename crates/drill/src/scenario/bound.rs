//! Bounds on what is measured: `>=0.999`, `<= 10s`, `<=+40%`.

use std::{fmt, time::Duration};

/// A bound, with its value in the unit of what it bounds: shares as they are, times in seconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bound {
    relation: Relation,
    /// The value.
    pub value: f64,
    unit: Unit,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Relation {
    AtLeast,
    Above,
    AtMost,
    Below,
    Exactly,
}

/// What a value is told in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    /// As it is.
    Plain,
    /// Of a hundred.
    Percent,
    /// As a length of time.
    Time,
    /// So many a second.
    PerSecond,
}

const RELATIONS: [(&str, Relation); 5] = [
    (">=", Relation::AtLeast),
    ("<=", Relation::AtMost),
    ("==", Relation::Exactly),
    (">", Relation::Above),
    ("<", Relation::Below),
];
const TIMES: [(&str, f64); 4] = [("ms", 0.001), ("s", 1.0), ("m", 60.0), ("h", 3600.0)];

impl Bound {
    /// Reads a bound; none where the text is no bound.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let (sign, relation) = RELATIONS.iter().find(|(sign, _)| text.starts_with(sign))?;
        let rest = text.get(sign.len()..)?.trim().trim_start_matches('+');
        let (value, unit) = value(rest)?;
        Some(Self { relation: *relation, value, unit })
    }

    /// Whether a value keeps it.
    #[must_use]
    pub fn holds(&self, value: f64) -> bool {
        match self.relation {
            Relation::AtLeast => value >= self.value,
            Relation::Above => value > self.value,
            Relation::AtMost => value <= self.value,
            Relation::Below => value < self.value,
            Relation::Exactly => (value - self.value).abs() < f64::EPSILON,
        }
    }

    /// Whether it is one of times.
    pub(crate) fn is_of_time(&self) -> bool {
        self.unit == Unit::Time
    }

    /// A value as the bound tells its own.
    #[must_use]
    pub fn tell(&self, value: f64) -> String {
        told(value, self.unit)
    }
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = RELATIONS.iter().find(|(_, relation)| *relation == self.relation);
        write!(f, "{} {}", sign.map_or("", |(sign, _)| sign), self.tell(self.value))
    }
}

fn value(text: &str) -> Option<(f64, Unit)> {
    let number = |text: &str| text.trim().parse::<f64>().ok().filter(|number| number.is_finite());
    if let Some(percent) = text.strip_suffix('%') {
        return Some((number(percent)? / 100.0, Unit::Percent));
    }
    if let Some(rate) = text.strip_suffix("rps") {
        return Some((number(rate)?, Unit::PerSecond));
    }
    if let Some(plain) = number(text) {
        return Some((plain, Unit::Plain));
    }
    let (unit, seconds) = TIMES.iter().find(|(unit, _)| text.ends_with(unit))?;
    Some((number(text.strip_suffix(unit)?)? * seconds, Unit::Time))
}

fn told(value: f64, unit: Unit) -> String {
    match unit {
        Unit::Plain => rounded(value, 5),
        Unit::Percent => format!("{} %", rounded(value * 100.0, 2)),
        Unit::PerSecond => format!("{} a second", rounded(value, 3)),
        Unit::Time => {
            let time = Duration::try_from_secs_f64(value.max(0.0)).unwrap_or(Duration::MAX);
            match time.as_secs() {
                0..120 => format!("{} s", rounded(value, 2)),
                120..7200 => format!("{} min", rounded(value / 60.0, 1)),
                _ => format!("{} h", rounded(value / 3600.0, 1)),
            }
        }
    }
}

/// With so many decimals at most, and none that are not needed.
fn rounded(value: f64, decimals: usize) -> String {
    let text = format!("{value:.decimals$}");
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_are_read_and_told() {
        for (text, told, good, bad) in [
            (">=0.999", ">= 0.999", 0.999, 0.998),
            ("<=10s", "<= 10 s", 10.0, 10.1),
            ("<=10m", "<= 10 min", 600.0, 601.0),
            ("< 500ms", "< 0.5 s", 0.4, 0.5),
            ("<=+40%", "<= 40 %", 0.4, 0.41),
            (">14.4", "> 14.4", 14.5, 14.4),
            ("==0", "== 0", 0.0, 1.0),
            ("<=0.2rps", "<= 0.2 a second", 0.2, 0.21),
        ] {
            let bound = Bound::parse(text).unwrap();
            assert_eq!(bound.to_string(), told);
            assert!(bound.holds(good) && !bound.holds(bad), "{text}");
        }
        for text in ["", "10", ">=", ">=soon", "=1", "<=1d"] {
            assert_eq!(Bound::parse(text), None, "{text}");
        }
    }
}
