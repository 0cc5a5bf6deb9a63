//! How long answers take, as lines on one scale: from what half keep within to what 95 of 100 do.

use std::fmt::Write as _;

use tieline_gateway::replay::{Changed, Times};

use crate::{html::Text, when};

/// Units of the picture; it is as wide as the page.
const WIDTH: f64 = 1_000.0;
/// Where lines begin, and the longest.
const LABELS: f64 = 240.0;
const LONGEST: f64 = 560.0;
/// The height of a line's row, and of what has two of them.
const ROW: f64 = 18.0;
const PAIR: f64 = 48.0;

/// Times to the first content and to the end, before and after; nothing where none is known.
pub(super) fn spans(changed: &Changed) -> String {
    let Changed { before, after, .. } = changed;
    let pairs =
        [("First content", before.first, after.first), ("Whole answer", before.whole, after.whole)];
    let mut out = String::new();
    let mut y = 16.0;
    for (name, was, is) in pairs.into_iter().filter(|(_, was, is)| was.or(*is).is_some()) {
        // Answers take much longer than their first word: each pair has a scale of its own.
        let most = [was, is].into_iter().flatten().map(|times| length(times.p95_us));
        let most = most.fold(1.0, f64::max);
        // Writing to a text does not fail.
        let _ = write!(out, "<text x=\"0\" y=\"{:.1}\">{name}</text>", y + ROW - 5.0);
        out.push_str(&span("before", was, y, most));
        out.push_str(&span("after", is, y + ROW, most));
        y += PAIR;
    }
    match out.is_empty() {
        true => out,
        false => format!(
            "<div class=\"wide\"><svg viewBox=\"0 0 {WIDTH} {y}\" role=\"img\" \
             aria-label=\"How long answers take, before and after\">{out}</svg></div>"
        ),
    }
}

fn span(class: &str, times: Option<Times>, y: f64, most: f64) -> String {
    let Some(Times { p50_us, p95_us, .. }) = times else {
        return format!(
            "<text class=\"figures\" x=\"{LABELS}\" y=\"{:.1}\">no data</text>",
            y + 4.0
        );
    };
    let place = |us| LABELS + LONGEST * length(us) / most;
    let (begin, end) = (place(p50_us), place(p95_us));
    let told = format!("half {}, 95 of 100 {}", when::lapse(p50_us), when::lapse(p95_us));
    format!(
        "<line class=\"rail\" x1=\"{LABELS}\" x2=\"{end:.1}\" y1=\"{y}\" y2=\"{y}\"/>\
         <line class=\"span {class}\" x1=\"{begin:.1}\" x2=\"{end:.1}\" y1=\"{y}\" y2=\"{y}\"/>\
         <circle class=\"{class}\" cx=\"{begin:.1}\" cy=\"{y}\" r=\"6\"/>\
         <text class=\"figures\" x=\"{:.1}\" y=\"{:.1}\">{}</text>",
        end + 14.0,
        y + 4.0,
        Text(&told),
    )
}

#[expect(clippy::cast_precision_loss, reason = "what a picture shows need not be exact")]
fn length(us: u64) -> f64 {
    us as f64
}
