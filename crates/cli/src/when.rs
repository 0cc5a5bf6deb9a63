//! Times and durations as people write and read them.

use std::{
    str::FromStr,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use jiff::{Span, SpanRelativeTo, Timestamp, civil::Date, tz::TimeZone};

/// The wall time. Whatever needs a later one adds what has elapsed since.
#[expect(clippy::disallowed_methods, reason = "the process reads the clock once")]
pub(crate) fn wall_now() -> SystemTime {
    SystemTime::now()
}

/// A wall time in milliseconds since the Unix epoch.
pub(crate) fn unix_ms(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// Reads `50ms`, `20s`, `5m`, `1h30m` or `90d`; a day has 24 hours.
///
/// # Errors
/// A sentence about what was expected.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let span = text.parse::<Span>().ok();
    span.and_then(|span| span.to_duration(SpanRelativeTo::days_are_24_hours()).ok())
        .and_then(|signed| Duration::try_from(signed).ok())
        .ok_or_else(|| "expected a duration such as `50ms`, `20s`, `1h` or `90d`".to_owned())
}

/// A point in time as written on a command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Moment {
    /// So long before now.
    Ago(Duration),
    /// This very time, milliseconds since the Unix epoch.
    At(u64),
}

impl Moment {
    /// Milliseconds since the Unix epoch.
    pub(crate) fn unix_ms(self, now: SystemTime) -> u64 {
        match self {
            Self::Ago(ago) => unix_ms(now.checked_sub(ago).unwrap_or(UNIX_EPOCH)),
            Self::At(ms) => ms,
        }
    }
}

impl FromStr for Moment {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Ok(ago) = duration(text) {
            return Ok(Self::Ago(ago));
        }
        let midnight = |date: Date| Some(date.to_zoned(TimeZone::UTC).ok()?.timestamp());
        let day = || text.parse().ok().and_then(midnight);
        let at = text.parse().ok().or_else(day).map(Timestamp::as_millisecond);
        at.and_then(|ms| u64::try_from(ms).ok())
            .map(Self::At)
            .ok_or("expected how long ago, such as `1h`, or a time, such as `2026-11-22T17:34:00Z`")
    }
}

/// A point in time as RFC 3339 in UTC; an impossible one as the number it is.
pub(crate) fn written(unix_ms: u64) -> String {
    let time = i64::try_from(unix_ms).ok().and_then(|ms| Timestamp::from_millisecond(ms).ok());
    time.map_or_else(|| unix_ms.to_string(), |time| time.to_string())
}

/// The day of a point in time, in UTC: `2026-11-22`.
pub(crate) fn day(unix_ms: u64) -> String {
    let mut time = written(unix_ms);
    if let Some(end) = time.find('T') {
        time.truncate(end);
    }
    time
}

/// Microseconds as `850us`, `12ms` or `3.4s`: as short as can be compared at a glance.
pub(crate) fn lapse(us: u64) -> String {
    match us {
        0..1_000 => format!("{us}us"),
        1_000..1_000_000 => format!("{}ms", us / 1_000),
        _ => format!("{}.{}s", us / 1_000_000, us % 1_000_000 / 100_000),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_a_unit() {
        for (text, ms) in [
            ("50ms", Some(50)),
            ("20s", Some(20_000)),
            ("1h30m", Some(5_400_000)),
            ("90d", Some(7_776_000_000)),
            ("5", None),
            ("-5s", None),
            ("1mo", None),
            ("soon", None),
        ] {
            assert_eq!(duration(text).ok(), ms.map(Duration::from_millis), "{text}");
        }
    }

    #[test]
    fn moments_are_ago_or_exact() {
        let now = UNIX_EPOCH + Duration::from_secs(10_000);
        for (text, ms) in [
            ("1h", Some(6_400_000)),
            ("400d", Some(0)),
            ("1970-01-01T00:00:05Z", Some(5_000)),
            ("yesterday", None),
        ] {
            let moment = text.parse::<Moment>().ok();
            assert_eq!(moment.map(|moment| moment.unix_ms(now)), ms, "{text}");
        }
    }

    #[test]
    fn what_is_written_can_be_read() {
        assert_eq!(written(1_777_397_640_250), "2026-04-28T17:34:00.25Z");
        assert_eq!(day(1_777_397_640_250), "2026-04-28");
        for (us, text) in [(850, "850us"), (12_999, "12ms"), (3_490_000, "3.4s")] {
            assert_eq!(lapse(us), text);
        }
    }
}
