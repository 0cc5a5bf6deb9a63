//! What answers cost against how many of them pass.

use std::{collections::BTreeMap, fmt::Write as _};

use tieline_eval::{Arm, report::ArmSummary};

use crate::html::{Text, short};

/// Units of the picture; it is as wide as the page.
const WIDTH: f64 = 1_000.0;
const HEIGHT: f64 = 300.0;
/// The edges of the plot.
const LEFT: f64 = 70.0;
const RIGHT: f64 = 960.0;
const TOP: f64 = 30.0;
const BOTTOM: f64 = 250.0;
/// Marks on the scale of shares.
const MARKS: u32 = 4;
/// The longest label, in characters.
const LABEL_MAX: usize = 40;

/// The picture; nothing where not both arms have prices.
pub(super) fn quality(arms: &BTreeMap<Arm, ArmSummary>) -> String {
    let points: Vec<(Arm, &ArmSummary, f64, f64)> = arms
        .iter()
        .filter_map(|(arm, of)| Some((*arm, of, of.usd?, share(of.passed, of.asked)?)))
        .collect();
    if points.len() < 2 {
        return String::new();
    }
    let dearest = points.iter().map(|(.., usd, _)| *usd).fold(f64::MIN_POSITIVE, f64::max) * 1.25;
    let best = points.iter().map(|(.., passed)| *passed).fold(0.0, f64::max);
    let best = points.iter().find(|(.., passed)| *passed >= best).map(|(arm, ..)| *arm);
    let mut out = marks();
    for (arm, of, usd, passed) in points {
        let x = LEFT + (RIGHT - LEFT) * usd / dearest;
        let y = BOTTOM - (BOTTOM - TOP) * passed;
        let class = if arm == Arm::Candidate { "after" } else { "before" };
        let (anchor, label) = if x > WIDTH / 2.0 { ("end", x - 14.0) } else { ("start", x + 14.0) };
        // One label above its point and one below, so that near points keep them apart.
        let beside = if Some(arm) == best { y - 12.0 } else { y + 24.0 };
        // Writing to a text does not fail.
        let _ = write!(
            out,
            "<circle class=\"{class}\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"8\"/><text x=\"{label:.1}\" \
             y=\"{beside:.1}\" text-anchor=\"{anchor}\">{} <tspan class=\"figures\">{:.1} % at \
             ${usd:.6}</tspan></text>",
            Text(&short(&of.deployment, LABEL_MAX)),
            passed * 100.0,
        );
    }
    format!(
        "<section><h2>Cost against quality</h2><div class=\"wide\"><svg \
         viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"Cost against quality\">{out}\
         <text class=\"figures\" x=\"{RIGHT}\" y=\"{}\" text-anchor=\"end\">dollars an answer, \
         from 0</text></svg></div></section>",
        BOTTOM + 24.0
    )
}

/// Lines across the plot, with the share of cases that pass.
fn marks() -> String {
    let mut out = String::new();
    for mark in 0..=MARKS {
        let part = f64::from(mark) / f64::from(MARKS);
        let y = BOTTOM - (BOTTOM - TOP) * part;
        // Writing to a text does not fail.
        let _ = write!(
            out,
            "<line class=\"mark\" x1=\"{LEFT}\" x2=\"{RIGHT}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>\
             <text class=\"figures\" x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{:.0} %</text>",
            LEFT - 10.0,
            y + 4.0,
            part * 100.0
        );
    }
    out
}

#[expect(clippy::cast_precision_loss, reason = "what a picture shows need not be exact")]
fn share(part: usize, whole: usize) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}
