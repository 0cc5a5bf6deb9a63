//! Differences of metrics and slices with their intervals, on one scale.

use std::fmt::Write as _;

use tieline_eval::report::{interval, signed};
use tieline_gate::{Finding, Question, Ruling};

use super::class;
use crate::html::{Text, short};

/// Units of the picture; it is as wide as the page.
const WIDTH: f64 = 1_000.0;
/// Where the scale begins and ends, and where figures stand.
const LEFT: f64 = 240.0;
const RIGHT: f64 = 780.0;
const FIGURES: f64 = 800.0;
/// The longest label that fits beside it, in characters.
const LABEL_MAX: usize = 30;
const ROW: f64 = 26.0;
const TOP: f64 = 26.0;
/// The least that the scale spans to each side of nothing.
const SPAN_MIN: f64 = 0.02;

struct Line<'a> {
    name: String,
    class: &'static str,
    finding: &'a Finding,
}

/// The picture; nothing where nothing was compared.
pub(super) fn forest(ruling: &Ruling) -> String {
    let metrics = ruling.metrics.iter().map(|one| Line {
        name: one.metric.clone(),
        class: if one.required { class(one.finding.verdict) } else { "shown" },
        finding: &one.finding,
    });
    let slices = ruling.slices.iter().map(|one| Line {
        name: format!("{}={} · {}", one.slice, one.value, one.metric),
        class: if one.judged { class(one.finding.verdict) } else { "shown" },
        finding: &one.finding,
    });
    let compared = |line: &Line<'_>| matches!(line.finding.question, Question::NonInferior(_));
    let lines: Vec<Line<'_>> = metrics.chain(slices).filter(compared).collect();
    if lines.is_empty() {
        return String::new();
    }
    let reach = lines.iter().flat_map(|line| {
        let margin = line.finding.question.threshold();
        [line.finding.interval.lower, line.finding.interval.upper, margin].map(f64::abs)
    });
    let reach = reach.fold(SPAN_MIN, f64::max) * 1.05;
    let place = |value: f64| LEFT + (RIGHT - LEFT) * (value + reach) / (2.0 * reach);
    let mut out = String::new();
    let mut y = TOP;
    for line in &lines {
        row(&mut out, line, y, &place);
        y += ROW;
    }
    let zero = place(0.0);
    format!(
        "<section><h2>Candidate less incumbent, in points</h2><p class=\"lead\">Right is better. \
         Dashed is how much worse it may be; a line that lies right of it passes.</p>\
         <div class=\"wide\"><svg viewBox=\"0 0 {WIDTH} {y}\" role=\"img\" \
         aria-label=\"Differences with intervals\"><line class=\"zero\" x1=\"{zero:.1}\" \
         x2=\"{zero:.1}\" y1=\"4\" y2=\"{y}\"/>{out}</svg></div></section>"
    )
}

fn row(out: &mut String, line: &Line<'_>, y: f64, place: &dyn Fn(f64) -> f64) {
    let Line { name, class, finding } = line;
    let [begin, end, at, margin] = [
        finding.interval.lower,
        finding.interval.upper,
        finding.estimate,
        finding.question.threshold(),
    ]
    .map(place);
    let told = format!("{} ({})", signed(finding.estimate), interval(finding.interval));
    let (above, below, base) = (y - 9.0, y + 9.0, y + 4.0);
    // Writing to a text does not fail.
    let _ = write!(
        out,
        "<text x=\"0\" y=\"{base}\">{}</text>\
         <line class=\"margin\" x1=\"{margin:.1}\" x2=\"{margin:.1}\" y1=\"{above}\" \
         y2=\"{below}\"/>\
         <line class=\"bound {class}\" x1=\"{begin:.1}\" x2=\"{end:.1}\" y1=\"{y}\" y2=\"{y}\"/>\
         <circle class=\"{class}\" cx=\"{at:.1}\" cy=\"{y}\" r=\"6\"><title>{}</title></circle>\
         <text class=\"figures\" x=\"{FIGURES}\" y=\"{base}\">{told}</text>",
        Text(&short(name, LABEL_MAX)),
        Text(name),
    );
}
