//! What each case says: a bar up where the candidate passes more often, down where less.

use std::fmt::Write as _;

/// Units of the picture; it is as wide as the page.
const WIDTH: f64 = 1_000.0;
/// The longest bar.
const LONGEST: f64 = 70.0;
const MIDDLE: f64 = 80.0;
const HEIGHT: f64 = 182.0;
/// Cases that are drawn each by itself; of more, every so-manieth.
const BARS_MAX: usize = 1_000;

/// The picture of differences, sorted; nothing where there are none.
pub(super) fn pairs(differences: &[f64]) -> String {
    if differences.is_empty() {
        return String::new();
    }
    let every = differences.len().div_ceil(BARS_MAX);
    let drawn: Vec<f64> = differences.iter().copied().step_by(every).collect();
    let room = WIDTH / size(drawn.len());
    let mut out = String::new();
    let mut x = 0.0;
    for difference in &drawn {
        let height = LONGEST * difference.abs();
        let (class, y) =
            if *difference < 0.0 { ("lost", MIDDLE) } else { ("won", MIDDLE - height) };
        if height > 0.0 {
            // Writing to a text does not fail.
            let _ = write!(
                out,
                "<rect class=\"{class}\" x=\"{x:.2}\" y=\"{y:.1}\" width=\"{:.2}\" \
                 height=\"{height:.1}\"/>",
                room * 0.9
            );
        }
        x += room;
    }
    let count = |wanted: fn(f64) -> bool| differences.iter().filter(|one| wanted(**one)).count();
    let (lost, won) = (count(|one| one < 0.0), count(|one| one > 0.0));
    let same = differences.len() - lost - won;
    format!(
        "<section><h2>Each case</h2><div class=\"wide\"><svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" \
         role=\"img\" aria-label=\"Differences of each case\"><line class=\"zero\" x1=\"0\" \
         x2=\"{WIDTH}\" y1=\"{MIDDLE}\" y2=\"{MIDDLE}\"/>{out}<text class=\"figures\" x=\"0\" \
         y=\"174\">{lost} lost</text><text class=\"figures\" x=\"500\" y=\"174\" \
         text-anchor=\"middle\">{same} alike</text><text class=\"figures\" x=\"{WIDTH}\" \
         y=\"174\" text-anchor=\"end\">{won} won</text></svg></div></section>"
    )
}

#[expect(clippy::cast_precision_loss, reason = "what a picture shows need not be exact")]
fn size(count: usize) -> f64 {
    count.max(1) as f64
}
