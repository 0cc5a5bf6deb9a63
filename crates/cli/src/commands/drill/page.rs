//! Drills as one file for browsers: no script, nothing from elsewhere.

use std::{collections::BTreeSet, fmt::Write as _};

use tieline_drill::{Report, Slice, Verdict};

use super::table::length;
use crate::{
    html::{Page, Text, short, table},
    print,
};

/// Units of a picture; it is as wide as the page.
const WIDTH: f64 = 1_000.0;
const LEFT: f64 = 46.0;
const PLOT: f64 = 150.0;
/// The height of the line of one fault.
const FAULT: f64 = 18.0;
/// Colours of the style sheet, before they begin again.
const COLOURS: usize = 8;

const STYLE: &str = "\
.fault{fill:var(--bad);opacity:.16}.bar{fill:var(--bad);opacity:.75}\
.phase{stroke:var(--line);stroke-dasharray:3 4}\
svg text{fill:var(--soft);font-size:12.5px}.ok{color:var(--good)}.no{color:var(--bad)}\
.ok,.no{font-weight:600}";

/// The whole page.
pub(super) fn page(reports: &[Report]) -> String {
    let passed = reports.iter().filter(|report| report.verdict == Verdict::Pass).count();
    let heading = match reports {
        [one] => Text(&one.drill).to_string(),
        _ => format!("{} of {} passed", passed, print::counted(reports.len(), "drill")),
    };
    let lead = match reports {
        [one] => Text(&one.hypothesis).to_string(),
        _ => "Outages rehearsed on the gateway itself, in simulated time.".to_owned(),
    };
    let overview = if reports.len() > 1 { overview(reports) } else { String::new() };
    let body: String = [overview].into_iter().chain(reports.iter().map(section)).collect();
    let (brand, title) = ("drill report", "Drills");
    Page { brand, title, heading: &heading, lead: &lead, style: STYLE, body: &body }.to_string()
}

fn overview(reports: &[Report]) -> String {
    let rows = reports.iter().map(|one| {
        let failed = one.checks.iter().filter(|check| !check.passed).count();
        vec![
            format!("<a href=\"#{0}\">{0}</a>", Text(&one.drill)),
            chip(one.verdict),
            length(one.length_s),
            format!("{} of {}", one.checks.len() - failed, one.checks.len()),
        ]
    });
    let header = ["Drill", "Verdict", "Length", "Expectations that hold"];
    format!("<section><h2>All drills</h2>{}</section>", table(2, &header, rows))
}

fn chip(verdict: Verdict) -> String {
    let (class, word) = match verdict {
        Verdict::Pass => ("good", "passed"),
        Verdict::Fail => ("bad", "failed"),
    };
    format!("<span class=\"chip {class}\">{word}</span>")
}

fn section(report: &Report) -> String {
    let mut html = format!(
        "<section id=\"{0}\"><h2>{0} {1}</h2><p class=\"lead\">{2}</p>",
        Text(&report.drill),
        chip(report.verdict),
        Text(&report.hypothesis)
    );
    for (feature, slices) in &report.timeline.features {
        html.push_str(&timeline(report, feature, slices));
    }
    let rows = report.checks.iter().map(|check| {
        let (class, mark) = if check.passed { ("ok", "holds") } else { ("no", "does not hold") };
        vec![
            Text(&check.expected).to_string(),
            Text(&check.observed).to_string(),
            format!("<span class=\"{class}\">{mark}</span>"),
        ]
    });
    html.push_str(&table(3, &["Expected", "Found", ""], rows));
    let labels = report.labels.iter().map(|(name, value)| format!("{name}: {value}"));
    let labels: Vec<String> = labels.collect();
    // Writing to a text cannot fail.
    let _ = write!(
        html,
        "<p class=\"lead\">{} from {}, seed {}, event log {}. {}</p></section>",
        length(report.length_s),
        report.starts,
        report.seed,
        Text(report.log_sha256.get(..16).unwrap_or_default()),
        Text(&labels.join("; "))
    );
    html
}

/// Requests of a feature over time as stacked areas, with the faults over them.
fn timeline(report: &Report, feature: &str, slices: &[Slice]) -> String {
    let by: BTreeSet<&str> =
        slices.iter().flat_map(|slice| slice.answered.keys()).map(String::as_str).collect();
    let by: Vec<&str> = by.into_iter().collect();
    let most = slices.iter().map(total).max().unwrap_or(0).max(1);
    let faults = &report.timeline.faults;
    let top = FAULT * number(faults.len()) + 8.0;
    let height = top + PLOT + 24.0;
    let scale = Scale { seconds: report.length_s.max(1) };
    let mut svg = format!(
        "<h3>{}: requests by who answered</h3>{}<div class=\"wide\"><svg viewBox=\"0 0 {WIDTH} \
         {height}\" role=\"img\" aria-label=\"requests of {} over time\">",
        Text(feature),
        legend(&by, slices),
        Text(feature)
    );
    for (at, (what, whom, begin, end)) in faults.iter().enumerate() {
        let (x, width) = scale.span(*begin, (*end).max(*begin));
        let y = FAULT * number(at);
        let told = format!("{whom}: {what}");
        let (anchor, text_x) =
            if x > WIDTH / 2.0 { ("end", x - 6.0) } else { ("start", x + width + 6.0) };
        let _ = write!(
            svg,
            "<rect class=\"bar\" x=\"{x:.1}\" y=\"{:.1}\" width=\"{width:.1}\" height=\"8\" \
             rx=\"2\"><title>{}</title></rect><text text-anchor=\"{anchor}\" x=\"{text_x:.1}\" \
             y=\"{:.1}\">{}</text><rect class=\"fault\" x=\"{x:.1}\" y=\"{top:.1}\" \
             width=\"{width:.1}\" height=\"{PLOT}\"/>",
            y + 2.0,
            Text(&told),
            y + 10.0,
            Text(&short(&told, 70))
        );
    }
    svg.push_str(&bars(slices, &by, most, (top, &scale), report.timeline.slice_s));
    svg.push_str(&axis(report, &scale, top));
    let _ = write!(
        svg,
        "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{most}</text></svg></div>",
        LEFT - 6.0,
        top + 10.0
    );
    svg
}

/// From seconds to places.
struct Scale {
    seconds: u64,
}

impl Scale {
    fn x(&self, at: u64) -> f64 {
        LEFT + (WIDTH - LEFT) * whole(at.min(self.seconds)) / whole(self.seconds)
    }

    /// The place and the width of a time; what is too short to be seen is widened.
    fn span(&self, begin: u64, end: u64) -> (f64, f64) {
        let x = self.x(begin);
        (x, (self.x(end) - x).max(2.0))
    }
}

fn bars(
    slices: &[Slice],
    by: &[&str],
    most: u64,
    (top, scale): (f64, &Scale),
    slice_s: u64,
) -> String {
    let mut svg = String::new();
    let mut begin = 0;
    for slice in slices {
        let (x, width) = scale.span(begin, begin + slice_s);
        begin += slice_s;
        let mut y = top + PLOT;
        let counts = by.iter().map(|name| slice.answered.get(*name).copied().unwrap_or(0));
        let counts = counts.enumerate().chain([(usize::MAX, slice.failed)]);
        for (at, count) in counts.filter(|(_, count)| *count > 0) {
            let height = PLOT * whole(count) / whole(most);
            y -= height;
            let colour = colour(at);
            let _ = write!(
                svg,
                "<rect class=\"colour-{colour}\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" \
                 height=\"{height:.1}\"/>"
            );
        }
    }
    svg
}

fn axis(report: &Report, scale: &Scale, top: f64) -> String {
    let bottom = top + PLOT;
    let mut svg = format!(
        "<line class=\"mark\" x1=\"{LEFT}\" y1=\"{bottom:.1}\" x2=\"{WIDTH}\" y2=\"{bottom:.1}\"/>"
    );
    let mut free = 0.0;
    for (name, begin, end) in &report.timeline.phases {
        let (x, width) = scale.span(*begin, *end);
        let _ = write!(
            svg,
            "<line class=\"phase\" x1=\"{x:.1}\" y1=\"{top:.1}\" x2=\"{x:.1}\" y2=\"{bottom:.1}\"/>"
        );
        // A name that would cover the one before is left to the tooltip of its neighbours.
        let needs = 7.0 * number(name.chars().count()) + 8.0;
        if x >= free && (needs <= width || x + needs < WIDTH) {
            let _ = write!(
                svg,
                "<text x=\"{:.1}\" y=\"{:.1}\">{}</text>",
                x + 3.0,
                bottom + 16.0,
                Text(name)
            );
            free = x + needs;
        }
    }
    svg
}

fn legend(by: &[&str], slices: &[Slice]) -> String {
    let count =
        |name: &str| -> u64 { slices.iter().filter_map(|slice| slice.answered.get(name)).sum() };
    let key = |at: usize, name: &str, count: u64| {
        format!(
            "<svg class=\"key\" viewBox=\"0 0 12 12\" style=\"min-width:0\">\
             <rect class=\"colour-{}\" width=\"12\" \
             height=\"12\" rx=\"3\"/></svg>{} <b>{count}</b> ",
            colour(at),
            Text(name)
        )
    };
    let mut keys: String =
        by.iter().enumerate().map(|(at, name)| key(at, name, count(name))).collect();
    let failed: u64 = slices.iter().map(|slice| slice.failed).sum();
    if failed > 0 {
        keys.push_str(&key(usize::MAX, "failed", failed));
    }
    format!("<p class=\"legend\">{keys}</p>")
}

fn colour(at: usize) -> String {
    if at == usize::MAX { "none".to_owned() } else { (at % COLOURS).to_string() }
}

fn total(slice: &Slice) -> u64 {
    slice.answered.values().sum::<u64>() + slice.failed
}

#[expect(clippy::cast_precision_loss, reason = "a place in a picture")]
fn whole(count: u64) -> f64 {
    count as f64
}

#[expect(clippy::cast_precision_loss, reason = "a place in a picture")]
fn number(count: usize) -> f64 {
    count as f64
}
