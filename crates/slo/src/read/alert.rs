//! Alerts of one's own: OpenSLO's policies with one condition, and Sloth's alert windows.

use std::{collections::BTreeMap, time::Duration};

use tieline_yaml::{Fields, Node, Notes, time};

use super::{document::Kind, referred};
use crate::{BurnRule, Severity};

/// The severities by their names.
const SEVERITIES: [(&str, Severity); 2] = [("page", Severity::Page), ("ticket", Severity::Ticket)];
/// Operators of a condition that alert above a threshold.
const ABOVE: [&str; 2] = ["gt", "gte"];

/// What is always told, and what to do where it should not be.
const TOLD: [(&str, &str); 3] = [
    ("alertWhenBreaching", "take the policy out"),
    ("alertWhenResolved", "take it out: the end of an alert is told too"),
    ("alertWhenNoData", "take it out, and annotate the SLO `tieline.dev/no-data-after: never`"),
];

/// Alert windows of one's own.
#[derive(Clone, Debug)]
pub(super) struct Custom {
    /// The window of the objectives that they are for.
    pub(super) period: Duration,
    pub(super) rules: Vec<BurnRule>,
}

/// Reads an AlertCondition: a burn rate over one window.
pub(super) fn condition(spec: &Node, notes: &mut Notes) -> Option<BurnRule> {
    let known = ["description", "severity", "condition"];
    let fields = notes.fields(spec, "the condition", &known)?;
    let severity = severity(&fields, notes);
    let node = notes.required(&fields, "`spec`", "condition", "condition: { kind: burnrate }")?;
    let known = ["kind", "op", "threshold", "lookbackWindow", "alertAfter"];
    let fields = notes.fields(node, "`condition`", &known)?;
    let kind = notes.required(&fields, "`condition`", "kind", "kind: burnrate")?;
    notes.one_of(kind, "`kind`", &["burnrate"])?;
    if let Some(op) = fields.get("op") {
        let text = notes.text(op, "`op`")?;
        if !ABOVE.contains(&text) {
            let help = "write `op: gt`: an alert is due where the budget burns faster";
            notes.tell(op.at, format!("`op` is not `{text}`"), help);
        }
    }
    let threshold = notes.required(&fields, "`condition`", "threshold", "threshold: 14.4")?;
    let factor = notes.number(threshold, "a burn rate above 0", |rate| rate > 0.0);
    let node = notes.required(&fields, "`condition`", "lookbackWindow", "lookbackWindow: 1h")?;
    let window = time::window(node, "`lookbackWindow`", notes);
    let hold = match fields.get("alertAfter") {
        Some(node) => time::window(node, "`alertAfter`", notes)?,
        None => Duration::ZERO,
    };
    let (severity, factor, window) = (severity?, factor?, window?);
    Some(BurnRule { severity, factor, long: window, short: window, hold })
}

fn severity(fields: &Fields<'_>, notes: &mut Notes) -> Option<Severity> {
    let node = notes.required(fields, "the condition", "severity", "severity: page")?;
    let names = SEVERITIES.map(|(name, _)| name);
    let place = notes.one_of(node, "`severity`", &names)?;
    SEVERITIES.get(place).map(|(_, severity)| *severity)
}

/// Reads an AlertPolicy with its one condition.
pub(super) fn policy(
    spec: &Node,
    conditions: &BTreeMap<String, Option<BurnRule>>,
    notes: &mut Notes,
) -> Option<BurnRule> {
    let known = [
        "description",
        "alertWhenBreaching",
        "alertWhenResolved",
        "alertWhenNoData",
        "conditions",
        "notificationTargets",
    ];
    let fields = notes.fields(spec, "the policy", &known)?;
    for (key, help) in TOLD {
        if let Some(node) = fields.get(key)
            && notes.bool(node, key) == Some(false)
        {
            notes.tell(node.at, format!("`{key}` cannot be false"), help);
        }
    }
    if let Some(node) = fields.get("notificationTargets")
        && !notes.list(node, "`notificationTargets`")?.is_empty()
    {
        let help = "take them out: tieline.yaml says who is told, in `alerts`";
        notes.tell(node.at, "Tieline has no use for notification targets", help);
    }
    let example = "conditions: [{ conditionRef: NAME }]";
    let node = notes.required(&fields, "the policy", "conditions", example)?;
    let [condition] = notes.list(node, "`conditions`")? else {
        notes.tell(node.at, "a policy has exactly one condition", "write a policy for each");
        return None;
    };
    let known = ["conditionRef", "kind", "metadata", "spec"];
    let fields = notes.fields(condition, "the condition", &known)?;
    if let Some(name_node) = fields.get("conditionRef") {
        let name = notes.text(name_node, "`conditionRef`")?;
        return referred(conditions, Kind::AlertCondition, name, name_node.at, notes).copied();
    }
    let spec = notes.required(&fields, "the condition", "spec", "spec:")?;
    self::condition(spec, notes)
}

/// Reads Sloth's AlertWindows.
pub(super) fn windows(spec: &Node, notes: &mut Notes) -> Option<Custom> {
    let fields = notes.fields(spec, "`spec`", &["sloPeriod", "page", "ticket"])?;
    let period = notes.required(&fields, "`spec`", "sloPeriod", "sloPeriod: 30d")?;
    let period = time::window(period, "`sloPeriod`", notes)?;
    let mut rules = Vec::new();
    for (name, severity) in SEVERITIES {
        let Some(node) = fields.get(name) else { continue };
        let speeds = notes.fields(node, &format!("`{name}`"), &["quick", "slow"])?;
        for (_, _, node) in speeds.entries() {
            rules.push(pair(node, severity, period, notes)?);
        }
    }
    if rules.is_empty() {
        notes.tell(fields.at, "alert windows without any", "add `page:` or `ticket:`");
        return None;
    }
    Some(Custom { period, rules })
}

fn pair(node: &Node, severity: Severity, period: Duration, notes: &mut Notes) -> Option<BurnRule> {
    let known = ["errorBudgetPercent", "shortWindow", "longWindow"];
    let fields = notes.fields(node, "a pair of windows", &known)?;
    let what = "a pair of windows";
    let percent = notes.required(&fields, what, "errorBudgetPercent", "errorBudgetPercent: 2")?;
    let fits = |percent: f64| percent > 0.0 && percent <= 100.0;
    let percent = notes.number(percent, "a percentage above 0", fits);
    let long_node = notes.required(&fields, what, "longWindow", "longWindow: 1h")?;
    let short_node = notes.required(&fields, what, "shortWindow", "shortWindow: 5m")?;
    let long = time::window(long_node, "`longWindow`", notes)?;
    let short = time::window(short_node, "`shortWindow`", notes)?;
    if short > long || long > period {
        let help = "write a short window, a longer one, and a period no shorter than that";
        notes.tell(short_node.at, "these windows do not nest", help);
        return None;
    }
    Some(BurnRule::by_budget(severity, percent?, period, (long, short)))
}
