//! Where requests went and where they would go, as a picture: two stacks, and ribbons between them.

use std::{collections::HashMap, fmt::Write as _, sync::Arc};

use tieline_gateway::replay::{Answers, Changed};

use super::colours::Colours;
use crate::{
    commands::route::replay::figures::{count, share},
    html::{Text, short},
};

/// Units of the picture; it is as wide as the page.
const WIDTH: f64 = 1_000.0;
/// Where the stacks are.
const LEFT: f64 = 300.0;
const RIGHT: f64 = WIDTH - LEFT;
const BAR: f64 = 14.0;
/// How high each stack is without its gaps.
const HEIGHT: f64 = 180.0;
/// Between two parts of a stack: labels of two lines fit however few requests a part has.
const GAP: f64 = 26.0;
/// The least height of what is not nothing.
const LEAST: f64 = 3.0;
/// The longest label that fits beside a stack, in characters.
const LABEL_MAX: usize = 38;
/// Above the first part.
const TOP: f64 = 34.0;

/// A part of a stack.
struct Part<'a> {
    by: &'a Arc<str>,
    requests: u64,
    y: f64,
    height: f64,
    /// How much of it ribbons have taken.
    taken: f64,
}

/// One side.
struct Stack<'a> {
    parts: Vec<Part<'a>>,
    end: f64,
}

impl<'a> Stack<'a> {
    fn new(answers: &'a [Answers], requests: u64, of: impl Fn(&Answers) -> u64) -> Self {
        let mut y = TOP;
        let present = answers.iter().filter(|one| of(one) > 0);
        let parts = present.map(|one| {
            let height = part(of(one), requests).max(LEAST);
            let part = Part { by: &one.by, requests: of(one), y, height, taken: 0.0 };
            y += height + GAP;
            part
        });
        let parts: Vec<Part<'a>> = parts.collect();
        Self { parts, end: y }
    }

    /// Takes a place for `requests` in a part; where it begins and how high it is.
    fn take(&mut self, by: &str, requests: u64) -> Option<(f64, f64)> {
        let part = self.parts.iter_mut().find(|one| &**one.by == by)?;
        let height = part.height * ratio(requests, part.requests);
        let y = part.y + part.taken;
        part.taken += height;
        Some((y, height))
    }
}

/// A part of the whole height.
fn part(requests: u64, all: u64) -> f64 {
    HEIGHT * ratio(requests, all)
}

#[expect(clippy::cast_precision_loss, reason = "what a picture shows need not be exact")]
fn ratio(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

/// The picture of one feature.
pub(super) fn flow(changed: &Changed, colours: &Colours) -> String {
    let mut before = Stack::new(&changed.answers, changed.requests, |one| one.before);
    let mut after = Stack::new(&changed.answers, changed.requests, |one| one.after);
    let height = before.end.max(after.end);
    let mut ribbons = String::new();
    for (from, to, requests) in ways(changed) {
        let ends = before.take(from, requests).zip(after.take(to, requests));
        if let Some((left, right)) = ends {
            ribbons.push_str(&ribbon(left, right, (from, to, requests), colours));
        }
    }
    let stacks = stack(&before, changed.requests, colours, true)
        + &stack(&after, changed.requests, colours, false);
    format!(
        "<div class=\"wide\"><svg viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" \
         aria-label=\"What answered before and what would answer\">\
         <text class=\"side\" x=\"{LEFT}\" y=\"14\" text-anchor=\"end\">as recorded</text>\
         <text class=\"side\" x=\"{RIGHT}\" y=\"14\">as replayed</text>\
         {ribbons}{stacks}</svg></div>"
    )
}

/// From where to where how many requests go, those that stay included, in the order of both stacks.
fn ways(changed: &Changed) -> Vec<(&Arc<str>, &Arc<str>, u64)> {
    let order: HashMap<&str, usize> =
        changed.answers.iter().enumerate().map(|(at, one)| (&*one.by, at)).collect();
    let place = |by: &Arc<str>| order.get(&**by).copied().unwrap_or(usize::MAX);
    let leave = |by: &Arc<str>| -> u64 {
        changed.moves.iter().filter(|way| way.from == *by).map(|way| way.requests).sum()
    };
    let stay = changed.answers.iter().map(|one| {
        let stay = one.before.saturating_sub(leave(&one.by));
        (&one.by, &one.by, stay)
    });
    let moves = changed.moves.iter().map(|way| (&way.from, &way.to, way.requests));
    let mut ways: Vec<_> = stay.chain(moves).filter(|(.., requests)| *requests > 0).collect();
    ways.sort_by_key(|(from, to, _)| (place(from), place(to)));
    ways
}

fn ribbon(
    (left, left_height): (f64, f64),
    (right, right_height): (f64, f64),
    (from, to, requests): (&Arc<str>, &Arc<str>, u64),
    colours: &Colours,
) -> String {
    let (begin, end, middle) = (LEFT + BAR, RIGHT - BAR, WIDTH / 2.0);
    let (left_end, right_end) = (left + left_height, right + right_height);
    let class = if from == to { "ribbon" } else { "ribbon moved" };
    format!(
        "<path class=\"{class} {}\" d=\"M{begin} {left:.1}C{middle} {left:.1} {middle} {right:.1} \
         {end} {right:.1}L{end} {right_end:.1}C{middle} {right_end:.1} {middle} {left_end:.1} \
         {begin} {left_end:.1}Z\"><title>{} → {}: {}</title></path>",
        colours.of(to),
        Text(from),
        Text(to),
        count(requests),
    )
}

fn stack(stack: &Stack<'_>, all: u64, colours: &Colours, left: bool) -> String {
    let mut out = String::new();
    for Part { by, requests, y, height, .. } in &stack.parts {
        let (x, text, anchor) = match left {
            true => (LEFT, LEFT - 10.0, "end"),
            false => (RIGHT - BAR, RIGHT + 10.0, "start"),
        };
        let middle = (y + height / 2.0).max(y + 4.0);
        // Writing to a text does not fail.
        let _ = write!(
            out,
            "<rect class=\"{}\" x=\"{x}\" y=\"{y:.1}\" width=\"{BAR}\" height=\"{height:.1}\" \
             rx=\"2\"><title>{}</title></rect>\
             <text x=\"{text}\" y=\"{middle:.1}\" text-anchor=\"{anchor}\">{}\
             <tspan class=\"figures\" x=\"{text}\" dy=\"15\">{} · {}</tspan></text>",
            colours.of(by),
            Text(by),
            Text(&short(by, LABEL_MAX)),
            count(*requests),
            share(*requests, all),
        );
    }
    out
}
