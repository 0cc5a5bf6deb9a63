//! SLOs: what is measured, how much of it must be good, and who is told.

use std::{sync::Arc, time::Duration};

use tieline_yaml::{At, Fields, Node, Notes, Value, listed, time};

use super::{
    Shelf,
    document::{Document, Kind},
    indicator, referred,
};
use crate::{Alerting, BurnRule, CATALOGUES, Indicator, Slo};

/// What Tieline's own annotations begin with.
const OWN: &str = "tieline.dev/";
const WINDOWS: &str = "tieline.dev/alert-windows";
const MIN_BAD: &str = "tieline.dev/min-bad-events";
const NO_DATA: &str = "tieline.dev/no-data-after";
/// The shortest and the longest window of an objective.
const WINDOW_MIN: Duration = Duration::from_secs(3600);
const WINDOW_MAX: Duration = Duration::from_secs(90 * 24 * 3600);

/// Reads an SLO; none where it is wrong, which is told.
pub(super) fn read(
    document: &Document<'_>,
    shelf: &Shelf,
    feature: Option<&str>,
    notes: &mut Notes,
) -> Option<Slo> {
    let known = [
        "description",
        "service",
        "indicator",
        "indicatorRef",
        "timeWindow",
        "budgetingMethod",
        "objectives",
        "alertPolicies",
    ];
    let fields = notes.fields(document.spec, "the SLO", &known)?;
    let service = service(&fields, feature, notes);
    let indicator = indicator_of(&fields, shelf, notes);
    let window = window(&fields, notes);
    budgeting(&fields, notes);
    let target = target(&fields, notes);
    let alerting = alerting(document, &fields, shelf, window, notes);
    Some(Slo {
        name: document.name.into(),
        feature: service?,
        indicator: indicator?,
        target: target?,
        window: window?,
        alerting: alerting?,
    })
}

fn service(fields: &Fields<'_>, feature: Option<&str>, notes: &mut Notes) -> Option<Arc<str>> {
    let node = notes.required(fields, "the SLO", "service", "service: FEATURE")?;
    let service = notes.text(node, "`service`")?;
    if let Some(feature) = feature.filter(|feature| *feature != service) {
        let message = format!(
            "`service` is `{service}`, and the feature that lists this file is `{feature}`"
        );
        notes.tell(node.at, message, format!("write `service: {feature}`"));
        return None;
    }
    Some(service.into())
}

fn indicator_of(fields: &Fields<'_>, shelf: &Shelf, notes: &mut Notes) -> Option<Indicator> {
    match (fields.get("indicator"), fields.get("indicatorRef")) {
        (Some(node), None) => {
            let inline = notes.fields(node, "`indicator`", &["metadata", "spec"])?;
            let spec = notes.required(&inline, "`indicator`", "spec", "spec:")?;
            indicator::read(spec, notes)
        }
        (None, Some(node)) => {
            let name = notes.text(node, "`indicatorRef`")?;
            referred(&shelf.indicators, Kind::Sli, name, node.at, notes).cloned()
        }
        (Some(_), Some(node)) => {
            let message = "the SLO has both `indicator` and `indicatorRef`";
            notes.tell(node.at, message, "keep one of the two");
            None
        }
        (None, None) => {
            let help = "add `indicator:`, or `indicatorRef:` with the name of an SLI";
            notes.tell(fields.at, "the SLO does not say what is measured", help);
            None
        }
    }
}

fn window(fields: &Fields<'_>, notes: &mut Notes) -> Option<Duration> {
    let example = "timeWindow: [{ duration: 30d, isRolling: true }]";
    let node = notes.required(fields, "the SLO", "timeWindow", example)?;
    let [item] = notes.list(node, "`timeWindow`")? else {
        notes.tell(node.at, "an SLO has exactly one time window", format!("write `{example}`"));
        return None;
    };
    let known = ["duration", "isRolling", "calendar"];
    let window = notes.fields(item, "a time window", &known)?;
    let rolling = window.get("isRolling").map(|node| (node.at, notes.bool(node, "`isRolling`")));
    let calendar = window.get("calendar").map(|node| node.at);
    let fixed = rolling.filter(|(_, rolling)| *rolling == Some(false)).map(|(at, _)| at);
    if let Some(at) = calendar.or(fixed) {
        let help = "write `isRolling: true` without `calendar`: alerts look back from now, and \
                    a budget that is full again on the first of a month would say otherwise";
        notes.tell(at, "windows by the calendar are not supported", help);
        return None;
    }
    let node = notes.required(&window, "the time window", "duration", "duration: 30d")?;
    let found = time::window(node, "`duration`", notes)?;
    if !(WINDOW_MIN..=WINDOW_MAX).contains(&found) {
        notes.tell(node.at, "`duration` is out of bounds", "write a window from 1h to 90d");
        return None;
    }
    Some(found)
}

fn budgeting(fields: &Fields<'_>, notes: &mut Notes) {
    let example = "budgetingMethod: Occurrences";
    let Some(node) = notes.required(fields, "the SLO", "budgetingMethod", example) else { return };
    let Some(method) = notes.text(node, "`budgetingMethod`") else { return };
    if method != "Occurrences" {
        let message = format!("`budgetingMethod` is not `{method}`");
        let help = "write `Occurrences`: requests are counted, not slices of time, and samples of \
                    quality alarm only where chance does not explain them";
        notes.tell(node.at, message, help);
    }
}

fn target(fields: &Fields<'_>, notes: &mut Notes) -> Option<f64> {
    let example = "objectives: [{ target: 0.999 }]";
    let node = notes.required(fields, "the SLO", "objectives", example)?;
    let [objective] = notes.list(node, "`objectives`")? else {
        let message = "an SLO has exactly one objective here";
        notes.tell(node.at, message, "write an SLO for each, with one `indicatorRef` for all");
        return None;
    };
    let known = ["displayName", "target", "targetPercent"];
    let fields = notes.fields(objective, "an objective", &known)?;
    let (share, percent) = (fields.get("target"), fields.get("targetPercent"));
    let target = match (share, percent) {
        (Some(node), None) => {
            let fits = |share: f64| share > 0.0 && share < 1.0;
            notes.number(node, "a share above 0 and below 1", fits)?
        }
        (None, Some(node)) => {
            let fits = |percent: f64| percent > 0.0 && percent < 100.0;
            notes.number(node, "a percentage above 0 and below 100", fits)? / 100.0
        }
        _ => {
            let message = "an objective has `target` or `targetPercent`, one of the two";
            notes.tell(objective.at, message, "write `target: 0.999`");
            return None;
        }
    };
    // What division leaves behind the twelfth place was not written.
    Some((target * 1e12).round() / 1e12)
}

fn alerting(
    document: &Document<'_>,
    fields: &Fields<'_>,
    shelf: &Shelf,
    window: Option<Duration>,
    notes: &mut Notes,
) -> Option<Alerting> {
    let own = Annotations::read(document, notes)?;
    let policies = policies(fields, shelf, notes)?;
    let window = window?;
    let mut alerting = Alerting::usual(window);
    alerting.bad_events_min = own.bad_events_min.unwrap_or(alerting.bad_events_min);
    alerting.no_data_after = own.no_data_after.unwrap_or(alerting.no_data_after);
    match (own.windows, policies.is_empty()) {
        (Some((name, at)), true) => {
            alerting.rules = named(name, at, window, shelf, notes)?;
            alerting.windows = name.into();
        }
        (Some((_, at)), false) => {
            let message = "the SLO has both alert windows and alert policies";
            notes.tell(at, message, "keep one of the two");
            return None;
        }
        (None, false) => {
            alerting.rules = policies;
            alerting.windows = "alertPolicies".into();
        }
        (None, true) => {}
    }
    alerting.rules.sort_by_key(|rule| rule.severity);
    if let Some(rule) = alerting.rules.iter().find(|rule| rule.long > window) {
        let minutes = rule.long.as_secs() / 60;
        let message = format!("an alert looks back {minutes} minutes, further than the window");
        notes.tell(document.name_at, message, "write a shorter one");
        return None;
    }
    Some(alerting)
}

/// Alert windows by their name.
fn named(
    name: &str,
    at: At,
    window: Duration,
    shelf: &Shelf,
    notes: &mut Notes,
) -> Option<Vec<BurnRule>> {
    let known = CATALOGUES.iter().find(|catalogue| catalogue.name == name);
    let (period, rules) = if let Some(catalogue) = known {
        (catalogue.period(), catalogue.rules(window))
    } else if shelf.windows.contains_key(name) {
        let custom = referred(&shelf.windows, Kind::AlertWindows, name, at, notes)?;
        (custom.period, custom.rules.clone())
    } else {
        let names: Vec<&str> = CATALOGUES.iter().map(|catalogue| catalogue.name).collect();
        let help =
            format!("write one of {}, or add a document of kind AlertWindows", listed(&names));
        notes.tell(at, format!("there are no alert windows `{name}`"), help);
        return None;
    };
    if period == window {
        return Some(rules);
    }
    let days = period.as_secs() / (24 * 3600);
    let message = format!("`{name}` is for objectives over {days} days");
    notes.tell(at, message, "change one of the two, or take the annotation out");
    None
}

/// What Tieline's own annotations say.
#[derive(Default)]
struct Annotations<'n> {
    windows: Option<(&'n str, At)>,
    bad_events_min: Option<u64>,
    /// The outer one is whether it says anything.
    no_data_after: Option<Option<Duration>>,
}

impl<'n> Annotations<'n> {
    fn read(document: &Document<'n>, notes: &mut Notes) -> Option<Self> {
        let mut own = Self::default();
        let written = document.annotations.iter().filter(|(key, ..)| key.starts_with(OWN));
        for &(key, at, node) in written {
            match key {
                WINDOWS => own.windows = Some((notes.text(node, "the annotation")?, node.at)),
                MIN_BAD => own.bad_events_min = Some(count(node, notes)?),
                NO_DATA => {
                    let never = matches!(&node.value, Value::Text(text) if text == "never");
                    let after = (!never).then(|| time::window(node, "the annotation", notes));
                    own.no_data_after = Some(match after {
                        Some(after) => Some(after?),
                        None => None,
                    });
                }
                _ => {
                    let help = format!("it is one of {}", listed(&[WINDOWS, MIN_BAD, NO_DATA]));
                    notes.tell(at, format!("there is no annotation `{key}`"), help);
                }
            }
        }
        Some(own)
    }
}

/// A count, as a number or as the text that annotations should be.
fn count(node: &Node, notes: &mut Notes) -> Option<u64> {
    const WHAT: &str = "a whole number of requests";
    if let Value::Text(text) = &node.value {
        let found = text.parse().ok();
        if found.is_none() {
            notes.tell(node.at, format!("`{text}` is not {WHAT}"), "write one, such as \"5\"");
        }
        return found;
    }
    notes.whole(node, WHAT)
}

fn policies(fields: &Fields<'_>, shelf: &Shelf, notes: &mut Notes) -> Option<Vec<BurnRule>> {
    let Some(node) = fields.get("alertPolicies") else { return Some(Vec::new()) };
    let mut rules = Vec::new();
    for item in notes.list(node, "`alertPolicies`")? {
        let rule = match &item.value {
            Value::Text(name) => {
                referred(&shelf.policies, Kind::AlertPolicy, name, item.at, notes).copied()
            }
            _ => inline(item, shelf, notes),
        };
        rules.push(rule?);
    }
    Some(rules)
}

fn inline(item: &Node, shelf: &Shelf, notes: &mut Notes) -> Option<BurnRule> {
    let known = ["kind", "metadata", "spec", "alertPolicyRef"];
    let fields = notes.fields(item, "an alert policy", &known)?;
    if let Some(node) = fields.get("alertPolicyRef") {
        let name = notes.text(node, "`alertPolicyRef`")?;
        return referred(&shelf.policies, Kind::AlertPolicy, name, node.at, notes).copied();
    }
    let spec = notes.required(&fields, "an alert policy", "spec", "spec:")?;
    super::alert::policy(spec, &shelf.conditions, notes)
}
