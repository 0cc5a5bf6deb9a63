//! Formulas over scores as OpenAI's judges give them, as formulas over scores from 0 to 1.

use std::collections::BTreeMap;

use super::graders::RANGE;
use crate::{Grader, Kind, grade::Formula};

/// A formula that gives a share of the most that the given one does, and that most. Where it is not
/// over 1, or cannot be worked out, it is 1.
pub(super) fn scaled(formula: &str, graders: &[Grader]) -> (String, f64) {
    let formula = in_ranges(formula, graders);
    let best = graders.iter().filter_map(|grader| Some((grader.id.as_deref()?, 1.0)));
    match Formula::worked_out(&formula, &best.collect::<BTreeMap<_, _>>()) {
        Some(most) if most > 1.0 => (format!("({formula}) / {most}"), most),
        _ => (formula, 1.0),
    }
}

/// The formula with each judge's score in the judge's own range.
fn in_ranges(formula: &str, graders: &[Grader]) -> String {
    let mut scaled = String::new();
    let mut rest = formula;
    while let Some(at) = rest.find(is_of_name) {
        let (before, tail) = rest.split_at(at);
        let (name, tail) = tail.split_at(tail.find(|c| !is_of_name(c)).unwrap_or(tail.len()));
        scaled.push_str(before);
        match graders.iter().find(|grader| grader.id.as_deref() == Some(name)).and_then(range_of) {
            Some((low, high)) => scaled.push_str(&format!("({low} + {} * {name})", high - low)),
            None => scaled.push_str(name),
        }
        rest = tail;
    }
    scaled + rest
}

fn is_of_name(c: char) -> bool {
    c.is_alphanumeric() || c == '_' || c == '.'
}

/// The range of a judge's scores, where it is not from 0 to 1.
fn range_of(grader: &Grader) -> Option<(f64, f64)> {
    match grader.kind {
        Kind::Rubric { range, .. } => range.filter(|range| *range != RANGE),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn formulas_give_shares_of_the_most_they_can() {
        let grader = |id: &str, range: [f64; 2]| {
            let written =
                json!({ "id": id, "type": "rubric", "judge": "j", "rubric": "", "range": range });
            serde_json::from_value::<Grader>(written).unwrap()
        };
        let graders =
            [grader("a", [1.0, 5.0]), grader("a_b", [0.0, 1.0]), grader("c", [-1.0, 1.0])];
        for (theirs, ours, most) in [
            ("a_b * 0.5", "a_b * 0.5", 1.0),
            ("a", "((1 + 4 * a)) / 5", 5.0),
            ("0.5 * a + a_b", "(0.5 * (1 + 4 * a) + a_b) / 3.5", 3.5),
            ("max(c,a_b)", "max((-1 + 2 * c),a_b)", 1.0),
            ("min(a, 1.0)", "min((1 + 4 * a), 1.0)", 1.0),
            // What cannot be worked out is told when the suite is read.
            ("a_b +", "a_b +", 1.0),
            ("unknown", "unknown", 1.0),
        ] {
            assert_eq!(scaled(theirs, &graders), (ours.to_owned(), most), "{theirs}");
        }
    }
}
