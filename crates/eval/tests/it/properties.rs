//! What holds of every grader, whatever the answer.

use proptest::prelude::*;
use tieline_eval::Suite;

use crate::house::{Scripted, grade, said, suite_of};

const MEASURES: [&str; 11] = [
    "levenshtein",
    "fuzzy_match",
    "bleu",
    "gleu",
    "meteor",
    "rouge_1",
    "rouge_2",
    "rouge_3",
    "rouge_4",
    "rouge_5",
    "rouge_l",
];

fn block<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

/// The score of an answer beside a reference.
fn score(measure: &str, answer: &str, reference: &str) -> f64 {
    let reference = serde_json::to_string(&reference.replace(['{', '}'], "")).unwrap();
    let suite: Suite =
        suite_of(&format!("{{type: similarity, measure: {measure}, reference: {reference}}}"))
            .unwrap();
    let grade = block(grade(&suite, &said(answer), &Scripted::default()));
    assert_eq!(grade.error, None);
    grade.score
}

fn distance(one: &str, other: &str) -> f64 {
    let longer = one.chars().count().max(other.chars().count()) as f64;
    (1.0 - score("levenshtein", one, other)) * longer
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn likeness_is_within_0_and_1_and_a_text_is_like_itself(
        one in "[a-d ]{0,24}", other in "[a-dé ]{0,24}",
    ) {
        for measure in MEASURES {
            let likeness = score(measure, &one, &other);
            prop_assert!((0.0..=1.0).contains(&likeness), "{measure}: {likeness}");
        }
        for measure in ["levenshtein", "fuzzy_match"] {
            prop_assert_eq!(score(measure, &one, &one), 1.0);
        }
        if !one.trim().is_empty() {
            for measure in ["bleu", "gleu", "rouge_1", "rouge_l"] {
                prop_assert!(score(measure, &one, &one) > 0.9999, "{measure} of {one:?}");
            }
        }
    }

    #[test]
    fn edit_distance_is_a_distance(a in "[ab é]{0,9}", b in "[ab é]{0,9}", c in "[ab é]{0,9}") {
        prop_assert_eq!(score("levenshtein", &a, &b), score("levenshtein", &b, &a));
        prop_assert!(distance(&a, &c) <= distance(&a, &b) + distance(&b, &c) + 1e-9);
    }

    #[test]
    fn every_grader_answers_whatever_it_is_given(text in any::<String>()) {
        for grader in [
            "{type: equals, value: x}",
            "{type: contains, value: [a, b], ignore_case: true}",
            "{type: starts_with, value: a, ignore_case: true}",
            r"{type: regex, pattern: '(a|b)*c'}",
            "{type: json, anywhere: true}",
            "{type: number, value: 1}",
            "{type: refusal}",
            "{type: word_count, min: 1}",
            "{type: script, source: output.length >= 0}",
            "{type: tool_calls, compare: f1, expected: [a]}",
        ] {
            let suite = suite_of(grader).unwrap();
            let grade = block(grade(&suite, &said(&text), &Scripted::default()));
            prop_assert_eq!(&grade.error, &None, "{}", grader);
            prop_assert!((0.0..=1.0).contains(&grade.score));
        }
    }
}
