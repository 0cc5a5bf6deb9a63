//! Moments and lengths of time as scenarios write them.

use std::time::Duration;

use jiff::{Timestamp, civil::Time, fmt::friendly::SpanParser, tz::TimeZone};
use tieline_yaml::{Node, Notes, nearest};

use super::Phase;

/// A length of time, zero included: `78m`, `1h 30m`, `0s`.
pub(super) fn length(node: &Node, what: &str, notes: &mut Notes) -> Option<Duration> {
    let text = notes.text(node, what)?;
    let found = parse(text);
    if found.is_none() {
        let message = format!("{what} is not `{text}`");
        notes.tell(node.at, message, "write a length of time such as `78m` or `1h 30m`");
    }
    found
}

pub(super) fn parse(text: &str) -> Option<Duration> {
    static PARSER: SpanParser = SpanParser::new();
    PARSER.parse_unsigned_duration(text.trim()).ok()
}

/// A moment: `fault+30s`, `recovery`, `17:34` (UTC, the first after the start), or a length of
/// time since the start.
pub(super) fn moment(
    node: &Node,
    what: &str,
    (starts, phases): (Timestamp, &[Phase]),
    notes: &mut Notes,
) -> Option<Duration> {
    let text = notes.text(node, what)?.trim();
    if let Some(time) = clock(text) {
        return Some(since(starts, time));
    }
    if let Some(after) = parse(text) {
        return Some(after);
    }
    let (name, after) = text.split_once('+').unwrap_or((text, "0s"));
    let Some(phase) = phases.iter().find(|phase| phase.name == name.trim()) else {
        let known = || phases.iter().map(|phase| phase.name.as_str());
        let help = nearest(name, known()).map_or_else(
            || "write a phase and a time, such as `fault+30s`, a clock time or a length".to_owned(),
            |near| format!("did you mean `{near}`?"),
        );
        notes.tell(node.at, format!("there is no phase `{name}`"), help);
        return None;
    };
    let Some(after) = parse(after) else {
        notes.tell(node.at, format!("`{after}` is no length of time"), "write one such as `30s`");
        return None;
    };
    Some(phase.begin + after)
}

fn clock(text: &str) -> Option<Time> {
    let (hours, minutes) = text.split_once(':')?;
    let (minutes, seconds) = minutes.split_once(':').unwrap_or((minutes, "0"));
    let [hours, minutes, seconds] =
        [hours, minutes, seconds].map(|part| part.parse::<i8>().unwrap_or(-1));
    Time::new(hours, minutes, seconds, 0).ok()
}

/// From the start to the first time that clocks show this.
fn since(starts: Timestamp, time: Time) -> Duration {
    const DAY_S: i64 = 24 * 3600;
    let began = starts.to_zoned(TimeZone::UTC).time();
    let of_day = |time: Time| {
        i64::from(time.hour()) * 3600 + i64::from(time.minute()) * 60 + i64::from(time.second())
    };
    let after = (of_day(time) - of_day(began)).rem_euclid(DAY_S);
    Duration::from_secs(after.unsigned_abs())
}
