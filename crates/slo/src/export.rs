//! Objectives for other programs: rules for Prometheus and a dashboard for Grafana.

mod grafana;
mod native;
mod rules;
mod sloth;

use std::time::Duration;

use crate::Slo;
pub use grafana::dashboard;

/// The counter that all rules are made of. The gateway counts each judged request once, by its
/// feature and objective, as good or bad; what a drill sent has the drill's name.
pub const COUNTER: &str = "tieline_sli_events_total";

/// How rules are named and what they weigh.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// Tieline's own: every window counts requests, and little traffic does not alarm.
    Native,
    /// The names of Sloth (<https://sloth.dev>), so that what was made for them goes on working.
    /// The window of the objective weighs minutes and not requests there.
    Sloth,
}

/// Recording and alerting rules of all objectives, as a rule file for Prometheus. The same
/// objectives give the same text.
#[must_use]
pub fn prometheus(slos: &[Slo], dialect: Dialect) -> String {
    let groups = match dialect {
        Dialect::Native => native::groups,
        Dialect::Sloth => sloth::groups,
    };
    rules::text(&slos.iter().flat_map(groups).collect::<Vec<_>>())
}

/// A matcher's value.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// The counter's series of an objective that no drill made; of one result, or of both.
fn series(slo: &Slo, result: Option<&str>) -> String {
    let (feature, name) = (quoted(&slo.feature), quoted(&slo.name));
    let result = result.map_or_else(String::new, |result| format!(",result=\"{result}\""));
    format!("{COUNTER}{{feature={feature},slo={name}{result},drill=\"\"}}")
}

/// Units of a duration in PromQL, in seconds.
const UNITS: [(&str, u64); 4] = [("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1)];
/// A week in seconds.
const WEEK_S: u64 = 604_800;

/// A duration in the largest unit that divides it, weeks left out.
fn span(time: Duration) -> String {
    let seconds = time.as_secs();
    let unit = UNITS.iter().find(|(_, length)| seconds > 0 && seconds.is_multiple_of(*length));
    unit.map_or_else(|| "0s".to_owned(), |(name, length)| format!("{}{name}", seconds / length))
}

/// A duration as Prometheus itself writes it, weeks included.
fn span_with_weeks(time: Duration) -> String {
    let seconds = time.as_secs();
    if seconds > 0 && seconds.is_multiple_of(WEEK_S) {
        return format!("{}w", seconds / WEEK_S);
    }
    span(time)
}

/// The windows that the rules of an objective look at, the shortest first.
fn windows(slo: &Slo) -> Vec<Duration> {
    let mut windows: Vec<Duration> =
        slo.alerting.rules.iter().flat_map(|rule| [rule.short, rule.long]).collect();
    windows.sort();
    windows.dedup();
    windows
}

/// A factor without the dust of its division.
fn plain(number: f64) -> String {
    const DIGITS: f64 = 1e9;
    ((number * DIGITS).round() / DIGITS).to_string()
}
