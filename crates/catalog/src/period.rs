//! Moments and the time between two of them.

use std::{fmt, str::FromStr};

use jiff::{Timestamp, civil::Date, tz::TimeZone};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A moment, in milliseconds since the Unix epoch. Written as a date, which means its midnight in
/// UTC, or in RFC 3339.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Moment(u64);

/// A text is no moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected a date such as 2026-12-01, or a time such as 2026-12-01T17:34:00Z")]
pub struct NotMoment;

impl Moment {
    /// The moment so many milliseconds after the Unix epoch.
    #[must_use]
    pub const fn from_unix_ms(ms: u64) -> Self {
        Self(ms)
    }

    /// Milliseconds since the Unix epoch.
    #[must_use]
    pub const fn unix_ms(self) -> u64 {
        self.0
    }

    fn timestamp(self) -> Option<Timestamp> {
        i64::try_from(self.0).ok().and_then(|ms| Timestamp::from_millisecond(ms).ok())
    }
}

impl FromStr for Moment {
    type Err = NotMoment;

    fn from_str(text: &str) -> Result<Self, NotMoment> {
        let midnight = |date: Date| date.to_zoned(TimeZone::UTC).map(|zoned| zoned.timestamp());
        let timestamp = match text.parse::<Timestamp>() {
            Ok(timestamp) => timestamp,
            // A date with anything after it is neither.
            Err(_) if text.len() != "2026-12-01".len() => return Err(NotMoment),
            Err(_) => text.parse().and_then(midnight).map_err(|_| NotMoment)?,
        };
        u64::try_from(timestamp.as_millisecond()).map(Self).map_err(|_| NotMoment)
    }
}

impl fmt::Display for Moment {
    /// As a date where it is midnight in UTC.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const DAY_MS: u64 = 86_400_000;
        match self.timestamp() {
            Some(time) if self.0.is_multiple_of(DAY_MS) => {
                time.to_zoned(TimeZone::UTC).date().fmt(f)
            }
            Some(time) => time.fmt(f),
            None => self.0.fmt(f),
        }
    }
}

impl Serialize for Moment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

/// The time from one moment on and before another; open where there is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Period {
    /// Its first moment.
    pub from: Option<Moment>,
    /// The first moment after it.
    pub until: Option<Moment>,
}

impl Period {
    /// Whether the moment is in it.
    #[must_use]
    pub fn contains(&self, moment: Moment) -> bool {
        self.from.is_none_or(|from| from <= moment) && self.until.is_none_or(|until| moment < until)
    }

    /// Whether any moment is in both.
    #[must_use]
    pub fn overlaps(&self, other: &Self) -> bool {
        let begins_before = |one: &Self, other: &Self| {
            one.from.zip(other.until).is_none_or(|(from, until)| from < until)
        };
        begins_before(self, other) && begins_before(other, self)
    }

    /// Whether no moment is in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.from.zip(self.until).is_some_and(|(from, until)| from >= until)
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.from, self.until) {
            (None, None) => f.write_str("always"),
            (Some(from), None) => write!(f, "from {from}"),
            (None, Some(until)) => write!(f, "until {until}"),
            (Some(from), Some(until)) => write!(f, "from {from} until {until}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn moments_are_dates_or_times() {
        for (text, ms) in [
            ("1970-01-02", Some(86_400_000)),
            ("2026-12-01", Some(1_796_083_200_000)),
            ("2026-12-01T00:00:01Z", Some(1_796_083_201_000)),
            ("2026-12-01T01:00:00+01:00", Some(1_796_083_200_000)),
            ("2026-13-01", None),
            ("1969-12-31", None),
            ("2026-12-01 noon", None),
            ("", None),
        ] {
            assert_eq!(text.parse().ok(), ms.map(Moment), "{text}");
        }
        assert_eq!(Moment(1_796_083_200_000).to_string(), "2026-12-01");
        assert_eq!(Moment(1_796_083_201_000).to_string(), "2026-12-01T00:00:01Z");
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(ms in 0_u64..4_000_000_000_000) {
            prop_assert_eq!(Moment(ms).to_string().parse(), Ok(Moment(ms)));
        }

        #[test]
        fn periods_overlap_where_a_moment_is_in_both(
            bounds in prop::array::uniform4(prop::option::of(1_u64..9)),
        ) {
            let [a, b, c, d] = bounds.map(|bound| bound.map(Moment));
            let (one, two) = (Period { from: a, until: b }, Period { from: c, until: d });
            prop_assume!(!one.is_empty() && !two.is_empty());
            let shared = (0..12).map(Moment).any(|at| one.contains(at) && two.contains(at));
            prop_assert_eq!(one.overlaps(&two), shared);
        }
    }
}
