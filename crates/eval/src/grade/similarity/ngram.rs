//! Scores over runs of words: BLEU, GLEU and ROUGE-N.

use std::collections::HashMap;

use super::words::{rouge_words, translation_words};

/// The longest runs of words in BLEU and GLEU.
const ORDER: usize = 4;
/// What a precision of nothing counts as: a tenth of one hit (Chen & Cherry 2014, method 1).
const EPSILON: f64 = 0.1;

/// How often each run of so many words occurs.
type Runs<'a> = HashMap<&'a [String], usize>;

fn runs(words: &[String], length: usize) -> Runs<'_> {
    let mut runs = HashMap::new();
    for run in words.windows(length) {
        *runs.entry(run).or_insert(0) += 1;
    }
    runs
}

fn total(runs: &Runs<'_>) -> usize {
    runs.values().sum()
}

/// What two have in common, each run as often as in the one that has it less.
fn common(one: &Runs<'_>, other: &Runs<'_>) -> usize {
    one.iter().map(|(run, count)| (*count).min(other.get(run).copied().unwrap_or(0))).sum()
}

/// BLEU of one sentence (Papineni et al. 2002): the geometric mean of the clipped precisions of
/// runs of one to four words, with the brevity penalty. A text of fewer words than four is judged
/// by the runs that it has.
pub(super) fn bleu(text: &str, references: &[String]) -> f64 {
    let words = translation_words(text);
    let references: Vec<Vec<String>> =
        references.iter().map(|reference| translation_words(reference)).collect();
    let orders = ORDER.min(words.len());
    if orders == 0 {
        return 0.0;
    }
    let precision = |length: usize| {
        let own = runs(&words, length);
        let clipped: usize = own
            .iter()
            .map(|(run, count)| {
                let most = references.iter().map(|reference| count_of(reference, run)).max();
                (*count).min(most.unwrap_or(0))
            })
            .sum();
        (clipped, total(&own))
    };
    let precisions: Vec<(usize, usize)> = (1..=orders).map(precision).collect();
    if precisions.first().is_none_or(|(clipped, _)| *clipped == 0) {
        return 0.0;
    }
    let logs: f64 = precisions
        .iter()
        .map(|(clipped, total)| {
            let clipped = if *clipped == 0 { EPSILON } else { *clipped as f64 };
            (clipped / *total as f64).ln()
        })
        .sum();
    brevity(words.len(), &references) * (logs / orders as f64).exp()
}

fn count_of(words: &[String], run: &[String]) -> usize {
    words.windows(run.len()).filter(|window| *window == run).count()
}

/// Below 1 where the text is shorter than the reference whose length is nearest.
fn brevity(length: usize, references: &[Vec<String>]) -> f64 {
    let lengths = references.iter().map(Vec::len);
    let nearest = lengths.min_by_key(|other| (other.abs_diff(length), *other)).unwrap_or(0);
    if length > nearest { 1.0 } else { (1.0 - nearest as f64 / length as f64).exp() }
}

/// GLEU of one sentence (Wu et al. 2016): the lower of precision and recall over all runs of one to
/// four words, by the best reference.
pub(super) fn gleu(text: &str, references: &[String]) -> f64 {
    let words = translation_words(text);
    let score = |reference: &String| {
        let reference = translation_words(reference);
        let (mut hits, mut most) = (0, 0);
        let (mut own_total, mut other_total) = (0, 0);
        for length in 1..=ORDER {
            let (own, other) = (runs(&words, length), runs(&reference, length));
            hits += common(&own, &other);
            own_total += total(&own);
            other_total += total(&other);
            most = own_total.max(other_total);
        }
        if most == 0 { 0.0 } else { hits as f64 / most as f64 }
    };
    references.iter().map(score).fold(0.0, f64::max)
}

/// ROUGE-N (Lin 2004): the harmonic mean of precision and recall over runs of so many words.
pub(super) fn rouge(text: &str, reference: &str, length: usize) -> f64 {
    let (text, reference) = (rouge_words(text), rouge_words(reference));
    let (own, other) = (runs(&text, length), runs(&reference, length));
    harmonic(common(&own, &other), total(&own), total(&other))
}

/// The harmonic mean of `hits / own` and `hits / other`.
pub(super) fn harmonic(hits: usize, own: usize, other: usize) -> f64 {
    if hits == 0 { 0.0 } else { 2.0 * hits as f64 / (own + other) as f64 }
}
