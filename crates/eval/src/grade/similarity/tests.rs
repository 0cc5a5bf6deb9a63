use serde::Deserialize;

use super::*;

/// Scores of other implementations; `similarity.py` beside the file tells which.
#[derive(Deserialize)]
struct Row {
    text: String,
    reference: String,
    scores: std::collections::BTreeMap<Measure, f64>,
}

#[test]
fn scores_are_those_of_the_reference_implementations() {
    let rows: Vec<Row> =
        serde_json::from_str(include_str!("../../../tests/reference/similarity.json")).unwrap();
    assert!(rows.len() > 10);
    for Row { text, reference, scores } in rows {
        for (measure, wanted) in scores {
            let found = likeness(measure, &text, std::slice::from_ref(&reference)).unwrap();
            assert!(
                (found - wanted).abs() < 1e-9,
                "{measure:?} of {text:?} beside {reference:?}: {found}, wanted {wanted}"
            );
        }
    }
}

#[test]
fn the_likest_reference_counts() {
    let references = ["no".to_owned(), "a b c d".to_owned()];
    for measure in [Measure::Levenshtein, Measure::Bleu, Measure::Gleu, Measure::Rouge2] {
        let score = likeness(measure, "a b c d", &references).unwrap();
        assert!((score - 1.0).abs() < 1e-9, "{measure:?}: {score}");
    }
}

#[test]
fn texts_that_are_too_long_to_compare_are_no_verdict() {
    let long = "a ".repeat(COMPARED_CHARS_MAX);
    assert!(likeness(Measure::Levenshtein, &long, &["a".to_owned()]).is_err());
    assert!(likeness(Measure::RougeL, "a", &[long]).is_err());
}
