//! A dashboard for Grafana: what is left of budgets, how fast they go, and what answers instead.

use std::time::Duration;

use serde_json::{Value, json};

use super::{Dialect, span, span_with_weeks};
use crate::{Severity, Slo};

/// The version of Grafana's dashboard format.
const SCHEMA: u32 = 39;
/// The width of a row of panels.
const WIDTH: u32 = 24;
/// Which features and objectives are shown, by the dashboard's variables.
const CHOSEN: &str = "feature=~\"$feature\"";
const GREEN: &str = "green";
const ORANGE: &str = "orange";
const RED: &str = "red";

/// What a dialect calls things.
struct Names {
    remaining: &'static str,
    objective: &'static str,
    budget: &'static str,
    /// The labels of an objective: its feature and its name.
    labels: (&'static str, &'static str),
    /// The share of bad requests, followed by the window.
    ratio: &'static str,
    /// How the window is written there.
    span: fn(Duration) -> String,
}

const NATIVE: Names = Names {
    remaining: "tieline_slo:budget_remaining:ratio",
    objective: "tieline_slo:objective:ratio",
    budget: "tieline_slo:error_budget:ratio",
    labels: ("feature", "slo"),
    ratio: "tieline_slo:error_ratio:increase",
    span,
};

const SLOTH: Names = Names {
    remaining: "slo:period_error_budget_remaining:ratio",
    objective: "slo:objective:ratio",
    budget: "slo:error_budget:ratio",
    labels: ("sloth_service", "sloth_slo"),
    ratio: "slo:sli_error:ratio_rate",
    span: span_with_weeks,
};

impl Names {
    const fn of(dialect: Dialect) -> &'static Self {
        match dialect {
            Dialect::Native => &NATIVE,
            Dialect::Sloth => &SLOTH,
        }
    }

    /// The matchers of what is chosen.
    fn chosen(&self) -> String {
        let (feature, slo) = self.labels;
        format!("{feature}=~\"$feature\",{slo}=~\"$slo\"")
    }

    fn legend(&self) -> String {
        let (feature, slo) = self.labels;
        format!("{{{{{feature}}}}} {{{{{slo}}}}}")
    }

    fn burn(&self, window: &str) -> String {
        let (feature, slo) = self.labels;
        let (ratio, budget, chosen) = (self.ratio, self.budget, self.chosen());
        format!(
            "max by ({feature}, {slo}) ({ratio}{window}{{{chosen}}}) \
             / on ({feature}, {slo}) max by ({feature}, {slo}) ({budget}{{{chosen}}})"
        )
    }
}

/// A dashboard over the rules of a dialect and the gateway's own metrics, as JSON. It has a panel
/// for each window that pages of these objectives look at; the same objectives give the same text.
#[must_use]
pub fn dashboard(slos: &[Slo], dialect: Dialect) -> String {
    let names = Names::of(dialect);
    let dashboard = json!({
        "uid": "tieline-slo",
        "title": "Tieline: objectives by feature",
        "description": "What is left of error budgets, how fast they go, and what answers instead.",
        "tags": ["tieline", "slo"],
        "schemaVersion": SCHEMA,
        "version": 1,
        "editable": true,
        "graphTooltip": 1,
        "refresh": "1m",
        "time": { "from": "now-24h", "to": "now" },
        "templating": { "list": variables(names) },
        "annotations": { "list": [alerts()] },
        "panels": laid_out(panels(slos, names)),
    });
    format!("{dashboard:#}\n")
}

fn variables(names: &Names) -> Value {
    let (feature, slo) = names.labels;
    let objective = names.objective;
    let variable = |name: &str, label: &str, query: String| {
        json!({
            "name": name, "label": label, "type": "query", "datasource": source(),
            "query": { "query": query, "refId": name }, "definition": query,
            "refresh": 2, "sort": 1, "multi": true, "includeAll": true,
            "current": { "selected": true, "text": ["All"], "value": ["$__all"] },
        })
    };
    json!([
        {
            "name": "datasource", "label": "Prometheus", "type": "datasource",
            "query": "prometheus", "current": {}, "hide": 0,
        },
        variable("feature", "Feature", format!("label_values({objective}, {feature})")),
        variable(
            "slo",
            "Objective",
            format!("label_values({objective}{{{feature}=~\"$feature\"}}, {slo})"),
        ),
    ])
}

fn source() -> Value {
    json!({ "type": "prometheus", "uid": "${datasource}" })
}

/// Marks where pages begin.
fn alerts() -> Value {
    json!({
        "name": "Budget burns", "datasource": source(), "enable": true, "iconColor": RED,
        "expr": "ALERTS{alertname=\"TielineErrorBudgetBurn\",alertstate=\"firing\"}",
        "titleFormat": "{{feature}}{{sloth_service}} {{slo}}{{sloth_slo}}",
        "textFormat": "{{severity}}{{sloth_severity}}",
    })
}

/// A panel before it has its place.
struct Panel {
    title: String,
    about: &'static str,
    kind: &'static str,
    width: u32,
    height: u32,
    unit: &'static str,
    /// Expressions and their legends.
    targets: Vec<(String, String)>,
    /// From which value on which colour.
    steps: Vec<(Option<f64>, &'static str)>,
    options: Value,
    custom: Value,
}

fn panels(slos: &[Slo], names: &Names) -> Vec<Panel> {
    let mut panels = budgets(names);
    panels.extend(burns(slos, names));
    panels.extend(answers());
    panels
}

fn budgets(names: &Names) -> Vec<Panel> {
    let (chosen, legend) = (names.chosen(), names.legend());
    let remaining = format!("{}{{{chosen}}}", names.remaining);
    let left = vec![(None, RED), (Some(0.0), ORANGE), (Some(0.25), GREEN)];
    vec![
        Panel {
            title: "Budget left".to_owned(),
            about: "The share of the window's budget that is left. Below 0 there was not enough.",
            kind: "stat",
            width: 16,
            height: 6,
            unit: "percentunit",
            targets: vec![(remaining.clone(), legend.clone())],
            steps: left.clone(),
            options: json!({
                "colorMode": "background", "graphMode": "area", "textMode": "value_and_name",
                "reduceOptions": { "calcs": ["lastNotNull"] },
            }),
            custom: json!({}),
        },
        Panel {
            title: "Objectives".to_owned(),
            about: "The share of requests that must be good.",
            kind: "stat",
            width: 8,
            height: 6,
            unit: "percentunit",
            targets: vec![(format!("{}{{{chosen}}}", names.objective), legend.clone())],
            steps: vec![(None, "blue")],
            options: json!({
                "colorMode": "none", "graphMode": "none", "textMode": "value_and_name",
                "reduceOptions": { "calcs": ["lastNotNull"] },
            }),
            custom: json!({}),
        },
        Panel {
            title: "Budget over time".to_owned(),
            about: "It goes down with requests that fail, and up as the window leaves them behind.",
            kind: "timeseries",
            width: WIDTH,
            height: 8,
            unit: "percentunit",
            targets: vec![(remaining, legend)],
            steps: left,
            options: legend_table(),
            custom: json!({
                "lineWidth": 2, "fillOpacity": 8, "thresholdsStyle": { "mode": "area" },
            }),
        },
    ]
}

/// A panel for each of the long windows of pages, with the burn rate above which they page.
fn burns(slos: &[Slo], names: &Names) -> Vec<Panel> {
    let rules = slos.iter().flat_map(|slo| &slo.alerting.rules);
    let mut pages: Vec<(Duration, f64)> = rules
        .filter(|rule| rule.severity == Severity::Page)
        .map(|rule| (rule.long, rule.factor))
        .collect();
    pages.sort_by(|one, other| one.0.cmp(&other.0).then(one.1.total_cmp(&other.1)));
    pages.dedup_by_key(|(window, _)| *window);
    let panel = |(window, factor): (Duration, f64)| Panel {
        title: format!("Burn rate over {}", span(window)),
        about: "At 1 the budget lasts the window exactly; above the red line it is a page.",
        kind: "timeseries",
        width: WIDTH / 2,
        height: 8,
        unit: "none",
        targets: vec![(names.burn(&(names.span)(window)), names.legend())],
        steps: vec![(None, GREEN), (Some(1.0), ORANGE), (Some(factor), RED)],
        options: legend_table(),
        custom: json!({
            "lineWidth": 2, "fillOpacity": 0, "thresholdsStyle": { "mode": "line" },
            "scaleDistribution": { "type": "symlog", "log": 10 },
        }),
    };
    pages.into_iter().map(panel).collect()
}

/// What the gateway itself tells: which tier answers, how it ends, and how soon it begins.
fn answers() -> Vec<Panel> {
    let requests = |by: &str| {
        format!(
            "sum by (feature, {by}) (rate(tieline_requests_total{{{CHOSEN}}}[$__rate_interval]))"
        )
    };
    let all =
        format!("sum by (feature) (rate(tieline_requests_total{{{CHOSEN}}}[$__rate_interval]))");
    let share = format!("{} / on (feature) group_left {all}", requests("tier"));
    let quantile = |at: &str| {
        format!(
            "histogram_quantile({at}, sum by (feature, le) \
             (rate(tieline_first_content_seconds_bucket{{{CHOSEN}}}[$__rate_interval])))"
        )
    };
    let panel = |title: &str, about, unit, targets, steps, custom| Panel {
        title: title.to_owned(),
        about,
        kind: "timeseries",
        width: WIDTH / 3,
        height: 9,
        unit,
        targets,
        steps,
        options: legend_table(),
        custom,
    };
    let stacked = json!({
        "lineWidth": 1, "fillOpacity": 60, "stacking": { "mode": "normal", "group": "A" },
    });
    vec![
        panel(
            "Tiers that answer",
            "The share of requests by the tier that answered; without a name, none did.",
            "percentunit",
            vec![(share, "{{feature}} {{tier}}".to_owned())],
            vec![(None, GREEN)],
            stacked.clone(),
        ),
        panel(
            "How requests end",
            "Requests a second by their outcome.",
            "reqps",
            vec![(requests("outcome"), "{{feature}} {{outcome}}".to_owned())],
            vec![(None, GREEN)],
            stacked,
        ),
        panel(
            "Time to the first content",
            "Half of the requests begin sooner than p50, one of twenty later than p95.",
            "s",
            ["0.5", "0.95"]
                .map(|at| (quantile(at), format!("{{{{feature}}}} p{}", percent(at))))
                .into(),
            vec![(None, GREEN)],
            json!({ "lineWidth": 2, "fillOpacity": 0 }),
        ),
    ]
}

fn percent(quantile: &str) -> &str {
    if quantile == "0.5" { "50" } else { "95" }
}

fn legend_table() -> Value {
    json!({
        "legend": {
            "displayMode": "table", "placement": "bottom", "showLegend": true,
            "calcs": ["lastNotNull", "max"],
        },
        "tooltip": { "mode": "multi", "sort": "desc" },
    })
}

/// Panels from left to right, and below each other where a row is full.
fn laid_out(panels: Vec<Panel>) -> Vec<Value> {
    let (mut x, mut y, mut tallest) = (0, 0, 0);
    let mut placed = Vec::new();
    for (id, panel) in (1_u32..).zip(panels) {
        if x + panel.width > WIDTH {
            (x, y, tallest) = (0, y + tallest, 0);
        }
        let place = json!({ "x": x, "y": y, "w": panel.width, "h": panel.height });
        x += panel.width;
        tallest = tallest.max(panel.height);
        placed.push(panel.json(id, &place));
    }
    placed
}

impl Panel {
    fn json(self, id: u32, place: &Value) -> Value {
        let targets: Vec<Value> = ('A'..='Z')
            .zip(self.targets)
            .map(|(letter, (expr, legend))| {
                json!({
                    "refId": letter.to_string(), "datasource": source(), "expr": expr,
                    "legendFormat": legend,
                })
            })
            .collect();
        let steps: Vec<Value> = self
            .steps
            .into_iter()
            .map(|(value, color)| json!({ "value": value, "color": color }))
            .collect();
        let color = if self.kind == "stat" { "thresholds" } else { "palette-classic" };
        json!({
            "id": id,
            "type": self.kind,
            "title": self.title,
            "description": self.about,
            "datasource": source(),
            "gridPos": place,
            "targets": targets,
            "fieldConfig": {
                "defaults": {
                    "unit": self.unit,
                    "thresholds": { "mode": "absolute", "steps": steps },
                    "color": { "mode": color },
                    "custom": self.custom,
                },
                "overrides": [],
            },
            "options": self.options,
        })
    }
}
