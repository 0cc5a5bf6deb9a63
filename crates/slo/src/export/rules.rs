//! Rule files of Prometheus.

use std::{fmt::Write as _, time::Duration};

use super::{quoted, span};

/// Rules that are evaluated together, in their order.
pub(super) struct Group {
    pub(super) name: String,
    /// How often; as often as Prometheus usually does where there is none.
    pub(super) interval: Option<Duration>,
    pub(super) rules: Vec<Rule>,
}

/// One rule.
pub(super) struct Rule {
    pub(super) kind: Kind,
    pub(super) name: String,
    pub(super) expr: String,
    pub(super) labels: Vec<(&'static str, String)>,
    pub(super) annotations: Vec<(&'static str, String)>,
}

/// What becomes of an expression.
pub(super) enum Kind {
    Record,
    /// An alert, once it has held for so long.
    Alert(Duration),
}

impl Rule {
    pub(super) fn record(
        name: impl Into<String>,
        expr: impl Into<String>,
        labels: Vec<(&'static str, String)>,
    ) -> Self {
        let (name, expr) = (name.into(), expr.into());
        Self { kind: Kind::Record, name, expr, labels, annotations: Vec::new() }
    }
}

/// The text of a rule file. Scalars are written as JSON, which YAML takes, and expressions as
/// blocks, which people read.
pub(super) fn text(groups: &[Group]) -> String {
    let mut out = String::from("groups:\n");
    for group in groups {
        // Writing to a text cannot fail.
        let _ = writeln!(out, "  - name: {}", quoted(&group.name));
        if let Some(interval) = group.interval {
            let _ = writeln!(out, "    interval: {}", span(interval));
        }
        out.push_str("    rules:\n");
        group.rules.iter().for_each(|rule| rule.write(&mut out));
    }
    out
}

impl Rule {
    fn write(&self, out: &mut String) {
        let kind = match self.kind {
            Kind::Record => "record",
            Kind::Alert(_) => "alert",
        };
        let _ = writeln!(out, "      - {kind}: {}\n        expr: |-", quoted(&self.name));
        for line in self.expr.lines() {
            let _ = writeln!(out, "          {line}");
        }
        if let Kind::Alert(hold) = self.kind
            && !hold.is_zero()
        {
            let _ = writeln!(out, "        for: {}", span(hold));
        }
        for (name, entries) in [("labels", &self.labels), ("annotations", &self.annotations)] {
            if entries.is_empty() {
                continue;
            }
            let _ = writeln!(out, "        {name}:");
            for (key, value) in entries {
                let _ = writeln!(out, "          {key}: {}", quoted(value));
            }
        }
    }
}
