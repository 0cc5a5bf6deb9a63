//! Scores over the order of words: ROUGE-L and METEOR; and what a word is.

use std::collections::HashMap;

use rust_stemmers::{Algorithm, Stemmer};

use super::ngram::harmonic;

/// METEOR's weight of precision against recall, its exponent and its share of the penalty for
/// broken order (Lavie & Agarwal 2007).
const ALPHA: f64 = 0.9;
const BETA: f64 = 3.0;
const GAMMA: f64 = 0.5;

/// Words of BLEU, GLEU and METEOR: what stands between white space, in lower case.
pub(super) fn translation_words(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_lowercase).collect()
}

/// Words of ROUGE: runs of letters and digits, in lower case. For English texts these are the words
/// of the `rouge-score` package; that one knows no other letters.
pub(super) fn rouge_words(text: &str) -> Vec<String> {
    let words = text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    words.map(str::to_lowercase).collect()
}

/// ROUGE-L (Lin 2004): the harmonic mean of the shares of the longest common subsequence.
pub(super) fn rouge_l(text: &str, reference: &str) -> f64 {
    let (text, reference) = (rouge_words(text), rouge_words(reference));
    let mut numbers = HashMap::new();
    let mut numbered = |words: &[String]| -> Vec<u64> {
        let number = |word: &String| {
            let next = numbers.len() as u64;
            *numbers.entry(word.clone()).or_insert(next)
        };
        words.iter().map(number).collect()
    };
    let (own, other) = (numbered(&text), numbered(&reference));
    let hits = rapidfuzz::distance::lcs_seq::similarity(own, other);
    harmonic(hits, text.len(), reference.len())
}

/// METEOR (Banerjee & Lavie 2005) by equal words and, of those left, by equal English stems.
/// Synonyms are not known.
pub(super) fn meteor(text: &str, reference: &str) -> f64 {
    let (text, reference) = (translation_words(text), translation_words(reference));
    let pairs = aligned(&text, &reference);
    let hits = pairs.len() as f64;
    if pairs.is_empty() {
        return 0.0;
    }
    let (precision, recall) = (hits / text.len() as f64, hits / reference.len() as f64);
    let mean = precision * recall / (ALPHA * precision + (1.0 - ALPHA) * recall);
    mean * (1.0 - GAMMA * (chunks(&pairs) as f64 / hits).powf(BETA))
}

/// Places in the text and in the reference that belong together, in the order of the text.
fn aligned(text: &[String], reference: &[String]) -> Vec<(usize, usize)> {
    let stemmer = Stemmer::create(Algorithm::English);
    let stems = |words: &[String]| -> Vec<String> {
        words.iter().map(|word| stemmer.stem(word).into_owned()).collect()
    };
    let mut left: Vec<usize> = (0..text.len()).collect();
    let mut right: Vec<usize> = (0..reference.len()).collect();
    let mut pairs = paired(text, reference, &mut left, &mut right);
    pairs.extend(paired(&stems(text), &stems(reference), &mut left, &mut right));
    pairs.sort_unstable();
    pairs
}

/// Pairs equal words from the end on, as the reference implementation in NLTK does.
fn paired(
    text: &[String],
    reference: &[String],
    left: &mut Vec<usize>,
    right: &mut Vec<usize>,
) -> Vec<(usize, usize)> {
    let mut pairs = Vec::new();
    for at in (0..left.len()).rev() {
        let Some(&own) = left.get(at) else { continue };
        let same = |other: &usize| text.get(own) == reference.get(*other);
        if let Some(found) = right.iter().rposition(same) {
            pairs.push((own, right.remove(found)));
            left.remove(at);
        }
    }
    pairs
}

/// How many runs of neighbours, on both sides, the pairs fall into.
fn chunks(pairs: &[(usize, usize)]) -> usize {
    let next_to = |pair: &[(usize, usize)]| match pair {
        [(own, other), (next, next_other)] => *next == own + 1 && *next_other == other + 1,
        _ => false,
    };
    1 + pairs.windows(2).filter(|pair| !next_to(pair)).count()
}
