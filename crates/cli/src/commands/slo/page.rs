//! How objectives were met, as one file for browsers: no script, nothing from elsewhere.

use std::fmt::Write as _;

use super::{
    measured::{Measured, Point},
    report::{budget_left, percent, window},
};
use crate::{
    html::{Page, Text, table},
    print::or_dash,
    when,
};

/// Units of a picture; it is as wide as the page.
const WIDTH: f64 = 1_000.0;
const PLOT_LEFT: f64 = 70.0;
const PLOT_TOP: f64 = 14.0;
const PLOT: f64 = 180.0;
/// The least that the scale goes down to: beyond it a budget is drawn at the bottom.
const LEAST: f64 = -2.0;
/// Lines that tell the scale.
const MARKS: [f64; 5] = [1.0, 0.5, 0.0, -1.0, -2.0];

const STYLE: &str = "\
.mark{stroke:var(--line)}.none{stroke:var(--bad);stroke-dasharray:4 4}\
.left{fill:none;stroke:var(--after);stroke-width:2}\
.spent{fill:none;stroke:var(--bad);stroke-width:2}\
svg text{fill:var(--soft);font-size:13px}";

/// The whole page, of objectives as they stood at a time.
pub(super) fn page(slos: &[Measured], until_ms: u64) -> String {
    let body: String = [overview(slos)].into_iter().chain(slos.iter().map(section)).collect();
    let page = Page {
        brand: "slo report",
        title: "Objectives and error budgets",
        heading: "Objectives and error budgets",
        lead: &format!("As counted until {}.", Text(&when::written(until_ms))),
        style: STYLE,
        body: &body,
    };
    page.to_string()
}

fn overview(slos: &[Measured]) -> String {
    let rows = slos.iter().map(|one| {
        vec![
            Text(&one.feature).to_string(),
            Text(&one.name).to_string(),
            one.sli.to_owned(),
            percent(one.target),
            or_dash(one.ratio.map(percent)),
            window(one.window_s),
            or_dash(one.budget_left.map(budget_left)),
            or_dash(one.burn_rate.map(|rate| format!("{rate:.2}"))),
        ]
    });
    let header =
        ["Feature", "Objective", "Measures", "Target", "Met", "Window", "Budget left", "Burn rate"];
    format!("<section><h2>All objectives</h2>{}</section>", table(3, &header, rows))
}

fn section(one: &Measured) -> String {
    let alerts: String =
        one.alerts.iter().map(|alert| chip("bad", &alert.replace('_', " "))).collect();
    let state = match one.budget_left {
        None => chip("moved", "nothing counted"),
        Some(left) if left <= 0.0 => chip("bad", "budget spent"),
        Some(left) => chip("good", &format!("{} of the budget left", budget_left(left))),
    };
    let since = one.counted_since_ms.map(when::written);
    format!(
        "<section><h2>{} <small>{}</small></h2><p>{state}{alerts}</p>\
         <p class=\"legend\">{} good and {} bad requests in {}, target {}; counted since {}</p>\
         {}</section>",
        Text(&one.name),
        Text(&one.feature),
        one.good,
        one.bad,
        window(one.window_s),
        percent(one.target),
        Text(&or_dash(since)),
        picture(one),
    )
}

fn chip(class: &str, words: &str) -> String {
    format!("<span class=\"chip {class}\">{}</span>", Text(words))
}

/// The burn-down of a budget.
fn picture(one: &Measured) -> String {
    let (Some(first), Some(last)) = (one.burn_down.first(), one.burn_down.last()) else {
        return String::new();
    };
    let least = one.burn_down.iter().map(|point| point.left).fold(0.0, f64::min).max(LEAST);
    let scale = Scale { least, from_ms: first.at_ms, until_ms: last.at_ms };
    let mut out = String::new();
    for mark in MARKS.into_iter().filter(|mark| *mark >= least) {
        let (y, class) = (scale.y(mark), if mark == 0.0 { "none" } else { "mark" });
        let _ = write!(
            out,
            "<line class=\"{class}\" x1=\"{PLOT_LEFT}\" x2=\"{WIDTH}\" y1=\"{y:.1}\" \
             y2=\"{y:.1}\"/>\
             <text x=\"0\" y=\"{:.1}\">{:.0} %</text>",
            y + 4.0,
            mark * 100.0,
        );
    }
    let line: Vec<String> = one.burn_down.iter().map(|point| scale.place(point)).collect();
    let class = if last.left <= 0.0 { "spent" } else { "left" };
    let _ = write!(out, "<polyline class=\"{class}\" points=\"{}\"/>", line.join(" "));
    let (base, height) = (PLOT_TOP + PLOT + 22.0, PLOT_TOP + PLOT + 30.0);
    let (from, until) = (when::written(first.at_ms), when::written(last.at_ms));
    let _ = write!(
        out,
        "<text x=\"{PLOT_LEFT}\" y=\"{base}\">{}</text>\
         <text x=\"{WIDTH}\" y=\"{base}\" text-anchor=\"end\">{}</text>",
        Text(&from),
        Text(&until),
    );
    let label = format!("What was left of the error budget of {}", one.name);
    format!(
        "<div class=\"wide\"><svg viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" \
         aria-label=\"{}\">{out}</svg></div>",
        Text(&label)
    )
}

/// From shares and times to places in the picture.
struct Scale {
    least: f64,
    from_ms: u64,
    until_ms: u64,
}

impl Scale {
    fn y(&self, left: f64) -> f64 {
        PLOT_TOP + PLOT * (1.0 - left.max(self.least)) / (1.0 - self.least)
    }

    fn place(&self, point: &Point) -> String {
        #[expect(clippy::cast_precision_loss, reason = "places in a picture")]
        let share = |ms: u64| ms.saturating_sub(self.from_ms) as f64;
        let whole = share(self.until_ms).max(1.0);
        let x = PLOT_LEFT + (WIDTH - PLOT_LEFT) * share(point.at_ms) / whole;
        format!("{x:.1},{:.1}", self.y(point.left))
    }
}
