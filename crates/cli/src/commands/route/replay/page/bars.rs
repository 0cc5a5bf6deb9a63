//! Sums of money as pairs of bars, before and after.

use std::fmt::Write as _;

use tieline_gateway::replay::{Day, Money};
use tieline_types::UsdPico;

use crate::{
    commands::route::replay::figures::{change, dollars, money},
    html::{Text, short},
    when,
};

/// Units of a picture; it is as wide as the page.
const WIDTH: f64 = 1_000.0;
/// Where the bars of rows begin, and the longest.
const LABELS: f64 = 240.0;
const LONGEST: f64 = 520.0;
/// The longest label that fits beside them, in characters.
const LABEL_MAX: usize = 30;
/// The height of a bar, and of a row with two of them.
const BAR: f64 = 14.0;
const ROW: f64 = 46.0;

/// The picture of days: its plot, and the marks beside it.
const PLOT: f64 = 200.0;
const PLOT_TOP: f64 = 12.0;
const PLOT_LEFT: f64 = 90.0;
const MARKS: u32 = 4;
/// Dates that fit side by side.
const DATES_MAX: usize = 16;

/// A row for each name: what it cost, and what it would cost.
pub(super) fn rows<'a>(rows: impl Iterator<Item = (&'a str, Money, Money)>) -> String {
    let rows: Vec<_> = rows.collect();
    let most = rows.iter().flat_map(|(_, before, after)| [worth(before), worth(after)]);
    let most = most.fold(0.0, f64::max);
    let mut out = String::new();
    let mut y = 4.0;
    for (name, before, after) in &rows {
        let label = y + BAR + 5.0;
        let _ = write!(out, "<text x=\"0\" y=\"{label}\">{}</text>", Text(&short(name, LABEL_MAX)));
        for (class, side, at) in [("before", before, y), ("after", after, y + BAR + 3.0)] {
            let length = LONGEST * scaled(worth(side), most);
            let (text, base) = (LABELS + length + 8.0, at + BAR - 3.0);
            let told = match class {
                "after" if before.usd > UsdPico::ZERO && side.calls() > 0 => {
                    format!("{} ({})", money(side), change(before, side))
                }
                _ => money(side),
            };
            let _ = write!(
                out,
                "<rect class=\"{class}\" x=\"{LABELS}\" y=\"{at}\" width=\"{length:.1}\" \
                 height=\"{BAR}\" rx=\"2\"/><text class=\"figures\" x=\"{text:.1}\" \
                 y=\"{base}\">{}</text>",
                Text(&told),
            );
        }
        y += ROW;
    }
    format!(
        "<div class=\"wide\"><svg viewBox=\"0 0 {WIDTH} {y}\" role=\"img\" \
         aria-label=\"Cost by feature, before and after\">{out}</svg></div>"
    )
}

/// A pair of bars for each day.
pub(super) fn days(days: &[Day]) -> String {
    let all = days.iter().flat_map(|day| [worth(&day.before), worth(&day.after)]);
    let top = ceiling(all.fold(0.0, f64::max));
    let mut out = marks(top);
    let room = (WIDTH - PLOT_LEFT) / count(days.len());
    let bar = (room * 0.36).min(34.0);
    let every = days.len().div_ceil(DATES_MAX).max(1);
    let mut middle = PLOT_LEFT + room / 2.0;
    for (at, day) in days.iter().enumerate() {
        let date = date(day.from_ms);
        let sides =
            [("before", &day.before, middle - bar - 1.0), ("after", &day.after, middle + 1.0)];
        for (class, side, x) in sides {
            let height = PLOT * scaled(worth(side), top);
            let y = PLOT_TOP + PLOT - height;
            let _ = write!(
                out,
                "<rect class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{bar:.1}\" \
                 height=\"{height:.1}\"><title>{date}, {class}: {}</title></rect>",
                Text(&money(side)),
            );
        }
        if at % every == 0 {
            let (base, day) = (PLOT_TOP + PLOT + 18.0, date.get(5..).unwrap_or_default());
            let _ = write!(
                out,
                "<text class=\"figures\" x=\"{middle:.1}\" y=\"{base}\" \
                 text-anchor=\"middle\">{day}</text>"
            );
        }
        middle += room;
    }
    let height = PLOT_TOP + PLOT + 26.0;
    format!(
        "<div class=\"wide\"><svg viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" \
         aria-label=\"Cost by day, before and after\">{out}</svg></div>"
    )
}

/// Lines across the plot, with what they stand for.
fn marks(top: f64) -> String {
    let mut out = String::new();
    for mark in 0..=MARKS {
        let part = f64::from(mark) / f64::from(MARKS);
        let y = PLOT_TOP + PLOT * (1.0 - part);
        let (text, base) = (PLOT_LEFT - 10.0, y + 4.0);
        let _ = write!(
            out,
            "<line class=\"mark\" x1=\"{PLOT_LEFT}\" x2=\"{WIDTH}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>\
             <text class=\"figures\" x=\"{text}\" y=\"{base:.1}\" text-anchor=\"end\">{}</text>",
            mark_of(top * part)
        );
    }
    out
}

fn mark_of(usd: f64) -> String {
    match usd {
        0.0 => "$0".to_owned(),
        1_000.0.. => format!("${:.1}k", usd / 1_000.0),
        10.0.. => format!("${usd:.0}"),
        0.1.. => format!("${usd:.2}"),
        _ => format!("${usd:.6}").trim_end_matches('0').to_owned(),
    }
}

/// The next round number, so that marks are round.
fn ceiling(most: f64) -> f64 {
    if most <= 0.0 {
        return 1.0;
    }
    let power = 10.0_f64.powf(most.log10().floor());
    let steps = [1.0, 2.0, 4.0, 6.0, 8.0, 10.0].into_iter().map(|step| step * power);
    steps.into_iter().find(|step| *step >= most).unwrap_or(most)
}

fn worth(money: &Money) -> f64 {
    money.usd.approximately()
}

fn scaled(value: f64, most: f64) -> f64 {
    if most > 0.0 { value / most } else { 0.0 }
}

#[expect(clippy::cast_precision_loss, reason = "there are not that many days")]
fn count(days: usize) -> f64 {
    days.max(1) as f64
}

/// The day of a time, in UTC.
fn date(unix_ms: u64) -> String {
    when::written(unix_ms).chars().take(10).collect()
}

/// What the two colours mean.
pub(super) fn legend(before: &Money, after: &Money) -> String {
    format!(
        "<p class=\"legend\"><span class=\"key before\"></span>as recorded \
         <b>{}</b> <span class=\"key after\"></span>as replayed <b>{}</b></p>",
        Text(&money(before)),
        Text(&money(after)),
    )
}

/// The difference of two sums in words; none where one is not known.
pub(super) fn difference(before: &Money, after: &Money) -> Option<String> {
    if before.lacks() + after.lacks() > 0 {
        return None;
    }
    let difference = after.usd.minus(before.usd);
    Some(match difference.pico() {
        0 => "the same".to_owned(),
        1.. => format!("{} more", dollars(difference)),
        _ => format!("{} less", dollars(before.usd.minus(after.usd))),
    })
}
