//! How long a provider asks us to wait, in every form they use, and how providers write times.

use std::time::Duration;

use http::HeaderMap;
use serde_json::Value;

/// The longest wait believed; providers do answer with "10 hours" or a date in another year.
pub(crate) const WAIT_MAX: Duration = Duration::from_secs(24 * 3600);

/// What stands before the wait in the message of an error, in lower case: OpenAI and Groq, Gemini,
/// Azure.
const WAIT_PHRASES: [&str; 3] = ["try again in ", "retry in ", "retry after "];

/// Units of time, in seconds: Go's, and the words of messages.
const UNITS: [(&str, f64); 13] = [
    ("h", 3600.0),
    ("hour", 3600.0),
    ("hours", 3600.0),
    ("m", 60.0),
    ("minute", 60.0),
    ("minutes", 60.0),
    ("s", 1.0),
    ("second", 1.0),
    ("seconds", 1.0),
    ("ms", 1e-3),
    ("us", 1e-6),
    ("\u{b5}s", 1e-6),
    ("ns", 1e-9),
];

/// Reads `retry-after-ms` (OpenAI, Azure), then `retry-after` as seconds (fractions allowed) or as
/// an HTTP date, which is measured against the answer's own `date` header.
#[must_use]
pub fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let ms = text(headers, "retry-after-ms").and_then(|ms| ms.parse().ok());
    let wait = if let Some(ms) = ms {
        seconds(ms).map(|wait| wait / 1000)
    } else {
        let value = text(headers, "retry-after")?;
        match value.parse() {
            Ok(s) => seconds(s),
            Err(_) => since_date(headers, http_date(value)?),
        }
    };
    wait.map(|wait| wait.min(WAIT_MAX))
}

/// The wait that an error's body names: the `retryDelay` of a `google.rpc.RetryInfo` among
/// `error.details` (Gemini), or else a phrase in its message ("Please try again in 6m0s").
#[must_use]
pub(crate) fn wait_in_body(body: &Value, message: &str) -> Option<Duration> {
    let wait = retry_info(body).or_else(|| wait_in_message(message));
    wait.map(|wait| wait.min(WAIT_MAX))
}

fn retry_info(body: &Value) -> Option<Duration> {
    let details = body.pointer("/error/details")?.as_array()?;
    duration(details.iter().find_map(|detail| detail.get("retryDelay")?.as_str())?)
}

fn wait_in_message(message: &str) -> Option<Duration> {
    let message = message.to_lowercase();
    WAIT_PHRASES.iter().find_map(|phrase| {
        let (_, wait) = message.split_once(phrase)?;
        leading_duration(wait).map(|(wait, _)| wait)
    })
}

/// The whole of `text` as a duration the way Go and Protocol Buffers write it: `1h2m3.5s`,
/// `120ms`, `45.837906927s`.
pub(crate) fn duration(text: &str) -> Option<Duration> {
    leading_duration(text).filter(|(_, rest)| rest.is_empty()).map(|(wait, _)| wait)
}

/// The duration that `text` begins with, and what follows it.
fn leading_duration(text: &str) -> Option<(Duration, &str)> {
    let mut rest = text;
    let mut total: Option<f64> = None;
    while let Some((part, after)) = amount_and_unit(rest) {
        total = Some(total.unwrap_or_default() + part);
        rest = after;
    }
    Some((seconds(total?)?, rest))
}

/// The seconds of one `number unit` that `text` begins with, and what follows it.
fn amount_and_unit(text: &str) -> Option<(f64, &str)> {
    let (number, rest) = text.split_at(text.find(|c: char| !c.is_ascii_digit() && c != '.')?);
    let rest = rest.trim_start_matches(' ');
    let end = rest.find(|c: char| !c.is_alphabetic()).unwrap_or(rest.len());
    let (unit, rest) = rest.split_at(end);
    let (_, unit_s) = UNITS.iter().find(|(name, _)| *name == unit)?;
    Some((number.parse::<f64>().ok()? * unit_s, rest))
}

/// How long after the answer's own `date` a moment is, given in seconds since the Unix epoch. The
/// provider's clock is the only one that its moments can be measured against.
pub(crate) fn since_date(headers: &HeaderMap, moment_s: u64) -> Option<Duration> {
    let date_s = http_date(text(headers, "date")?)?;
    Some(Duration::from_secs(moment_s.saturating_sub(date_s)))
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok().map(str::trim)
}

/// A duration of that many seconds; none for negative, infinite and absurd ones.
pub(crate) fn seconds(value: f64) -> Option<Duration> {
    Duration::try_from_secs_f64(value).ok()
}

/// Seconds since the Unix epoch of an IMF-fixdate (RFC 9110, 5.6.7), such as
/// `Sun, 06 Nov 1994 08:49:37 GMT`.
pub(crate) fn http_date(text: &str) -> Option<u64> {
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let mut words = text.split_once(", ")?.1.split(' ');
    let day: u64 = words.next()?.parse().ok()?;
    let month_name = words.next()?;
    let month = u64::try_from(MONTHS.iter().position(|name| *name == month_name)?).ok()? + 1;
    let year: u64 = words.next()?.parse().ok()?;
    epoch_s([year, month, day], numbers(words.next()?, ':')?)
}

/// Seconds since the Unix epoch of a moment such as `2025-01-15T14:24:00Z` (RFC 3339), fractions
/// of a second left out.
pub(crate) fn rfc3339(text: &str) -> Option<u64> {
    let (date, time) = text.split_once(['T', 't', ' '])?;
    let (clock, zone) = time.split_at(time.find(['Z', 'z', '+', '-'])?);
    let clock = clock.split_once('.').map_or(clock, |(whole, _)| whole);
    let local_s = epoch_s(numbers(date, '-')?, numbers(clock, ':')?)?;
    let offset_s = |zone: &str| {
        let [h, m] = numbers(zone, ':')?;
        (h < 24 && m < 60).then_some(h * 3600 + m * 60)
    };
    match (zone.strip_prefix('+'), zone.strip_prefix('-')) {
        (Some(east), _) => local_s.checked_sub(offset_s(east)?),
        (_, Some(west)) => local_s.checked_add(offset_s(west)?),
        _ => Some(local_s).filter(|_| zone.len() == 1),
    }
}

/// Exactly `N` whole numbers with `mark` between them.
fn numbers<const N: usize>(text: &str, mark: char) -> Option<[u64; N]> {
    let all: Option<Vec<u64>> = text.split(mark).map(|number| number.parse().ok()).collect();
    all?.try_into().ok()
}

/// Seconds since the Unix epoch of a date (year, month, day) and time of day (h, min, s) in UTC.
fn epoch_s([year, month, day]: [u64; 3], [h, m, s]: [u64; 3]) -> Option<u64> {
    let exists = year <= 9999
        && (1..=12).contains(&month)
        && (1..=31).contains(&day)
        && h < 24
        && m < 60
        && s <= 60;
    if !exists {
        return None;
    }
    // Days from 0000-03-01, where leap days come last in the year (Hinnant, days_from_civil).
    let (y, mp) = if month > 2 { (year, month - 3) } else { (year.checked_sub(1)?, month + 9) };
    let days = y * 365 + y / 4 - y / 100 + y / 400 + (153 * mp + 2) / 5 + day - 1;
    Some(days.checked_sub(719_468)? * 86_400 + h * 3600 + m * 60 + s)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wait(pairs: &[(&'static str, &str)]) -> Option<Duration> {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.insert(*name, value.parse().unwrap());
        }
        retry_after(&headers)
    }

    #[test]
    fn every_form_is_read() {
        assert_eq!(wait(&[("retry-after", "7")]), Some(Duration::from_secs(7)));
        assert_eq!(wait(&[("retry-after", "0.5")]), Some(Duration::from_millis(500)));
        assert_eq!(
            wait(&[("retry-after-ms", "1500"), ("retry-after", "9")]),
            Some(Duration::from_millis(1500))
        );
        let date = ("date", "Sun, 06 Nov 1994 08:49:37 GMT");
        let later = ("retry-after", "Sun, 06 Nov 1994 08:50:07 GMT");
        assert_eq!(wait(&[date, later]), Some(Duration::from_secs(30)));
        assert_eq!(wait(&[later]), None, "a date means nothing without the provider's clock");
        assert_eq!(wait(&[("retry-after", "soon")]), None);
        assert_eq!(wait(&[("retry-after", "-3")]), None);
        assert_eq!(wait(&[("retry-after", "1e300")]), None);
    }

    #[test]
    fn a_date_counts_from_the_epoch() {
        assert_eq!(http_date("Thu, 01 Jan 1970 00:00:00 GMT"), Some(0));
        assert_eq!(http_date("Sun, 06 Nov 1994 08:49:37 GMT"), Some(784_111_777));
        assert_eq!(http_date("Thu, 29 Feb 2024 12:00:00 GMT"), Some(1_709_208_000));
    }

    #[test]
    fn a_date_that_does_not_exist_is_none() {
        for text in [
            "Sun, 06 Nov 18446744073709551615 08:49:37 GMT",
            "Sun, 06 Nov 1994 99999999999999999:49:37 GMT",
            "Sun, 06 Nov 1994 08:49 GMT",
            "Sun, 00 Nov 1994 08:49:37 GMT",
            "Sun, 06 Nov 1950 08:49:37 GMT",
        ] {
            assert_eq!(http_date(text), None, "{text}");
        }
    }

    #[test]
    fn a_moment_is_read_in_any_zone() {
        for (text, s) in [
            ("1994-11-06T08:49:37Z", Some(784_111_777)),
            ("1994-11-06T08:49:37.912z", Some(784_111_777)),
            ("1994-11-06T10:19:37+01:30", Some(784_111_777)),
            ("1994-11-05T23:49:37-09:00", Some(784_111_777)),
            ("1994-11-06T08:49:37", None),
            ("1994-11-06T08:49:37Zulu", None),
            ("1994-13-06T08:49:37Z", None),
            ("1994-11T08:49:37Z", None),
            ("tomorrow", None),
        ] {
            assert_eq!(rfc3339(text), s, "{text}");
        }
    }

    #[test]
    fn durations_are_read_as_go_writes_them() {
        for (text, ms) in [
            ("1s", Some(1_000)),
            ("6m0s", Some(360_000)),
            ("120ms", Some(120)),
            ("1h2m3.5s", Some(3_723_500)),
            ("46s", Some(46_000)),
            ("0s", Some(0)),
            ("1.5", None),
            ("", None),
            ("s", None),
            ("1.2.3s", None),
            ("-1s", None),
            ("5 parsecs", None),
            ("1s later", None),
        ] {
            assert_eq!(duration(text), ms.map(Duration::from_millis), "{text}");
        }
        assert_eq!(duration("45.837906927s"), Some(Duration::new(45, 837_906_927)));
        for text in ["500us", "500\u{b5}s", "500000ns"] {
            assert_eq!(duration(text), Some(Duration::from_micros(500)), "{text}");
        }
    }

    // Made from documentation: the messages of OpenAI, Groq, Gemini and Azure.
    #[test]
    fn a_body_may_name_the_wait() {
        let google = |delay: &str| {
            serde_json::json!({"error": {"details": [
                {"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": []},
                {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": delay},
            ]}})
        };
        let none = Value::Null;
        for (body, message, wait_ms) in [
            (&google("46s"), "", Some(46_000)),
            (&google("1.5s"), "Please retry in 9s.", Some(1_500)),
            (&google("soon"), "Please retry in 9s.", Some(9_000)),
            (&google("999999s"), "", Some(86_400_000)),
            (&none, "Limit 9, Used 8. Please try again in 1.2s. Visit us.", Some(1_200)),
            (&none, "Please try again in 350ms. Visit us.", Some(350)),
            (&none, "Please try again in 6m0s.", Some(360_000)),
            (&none, "Please retry after 20 seconds.", Some(20_000)),
            (&none, "PLEASE RETRY AFTER 1 MINUTE", Some(60_000)),
            (&none, "Please try again in a while.", None),
            (&none, "Please try again in 99999999999999999999999h", None),
            (&none, "Please try again later.", None),
        ] {
            let wait = wait_in_body(body, message);
            assert_eq!(wait, wait_ms.map(Duration::from_millis), "{body} {message}");
        }
    }
}
