//! The grader of likeness to a reference.

mod ngram;
mod words;

use super::{
    found::{Found, sum},
    mark::{Broken, Mark, quoted, unit},
    scorer::Scorer,
    seen::Seen,
    text::Texts,
};
use crate::{
    Door,
    flaw::Flaws,
    suite::{Measure, OneOrMany},
};

/// The longest text that is compared letter by letter; the work grows with the square.
const COMPARED_CHARS_MAX: usize = 50_000;
/// The longest text that is compared word by word.
const COMPARED_WORDS_MAX: usize = 20_000;

/// How like a reference the answer is.
pub(super) struct Similarity {
    measure: Measure,
    references: Texts,
    threshold: f64,
}

impl Similarity {
    pub(super) fn new(
        measure: Measure,
        reference: &OneOrMany,
        threshold: Option<f64>,
        flaws: &mut Flaws,
    ) -> Self {
        Self {
            measure,
            references: Texts::new("/reference", reference, flaws),
            threshold: threshold.unwrap_or_else(|| usual_threshold(measure)),
        }
    }

    fn references(&self, seen: &Seen<'_>) -> Result<Vec<String>, Broken> {
        let references = self.references.render(seen.scope())?;
        if references.is_empty() {
            return Err(Broken("there is no reference to compare with".to_owned()));
        }
        Ok(references)
    }

    fn told(&self, text: &str, score: f64) -> Mark {
        let reason =
            format!("{} scores {:.4}, needed {}", quoted(text), unit(score), self.threshold);
        Mark::scored(score, self.threshold, reason)
    }
}

/// Translation scores of good answers are far below 1, those of whole texts are not.
const fn usual_threshold(measure: Measure) -> f64 {
    match measure {
        Measure::Bleu | Measure::Gleu | Measure::Meteor => 0.5,
        _ => 0.75,
    }
}

impl Scorer for Similarity {
    fn mark(&self, seen: &Seen<'_>) -> Result<Mark, Broken> {
        let references = self.references(seen)?;
        let score = likeness(self.measure, seen.text(), &references)?;
        Ok(self.told(seen.text(), score))
    }
}

/// How like the likest of some references a text is, from 0 to 1.
fn likeness(measure: Measure, text: &str, references: &[String]) -> Result<f64, Broken> {
    let all = references.iter().map(String::as_str).chain([text]);
    for text in all {
        bounded(measure, text)?;
    }
    let best = |score: fn(&str, &str) -> f64| {
        references.iter().map(|reference| score(text, reference)).fold(0.0, f64::max)
    };
    Ok(match measure {
        Measure::Levenshtein => best(levenshtein),
        Measure::FuzzyMatch => {
            best(|one, other| rapidfuzz::fuzz::ratio(one.chars(), other.chars()))
        }
        Measure::Bleu => ngram::bleu(text, references),
        Measure::Gleu => ngram::gleu(text, references),
        Measure::Meteor => best(words::meteor),
        Measure::Rouge1 => best(|text, reference| ngram::rouge(text, reference, 1)),
        Measure::Rouge2 => best(|text, reference| ngram::rouge(text, reference, 2)),
        Measure::Rouge3 => best(|text, reference| ngram::rouge(text, reference, 3)),
        Measure::Rouge4 => best(|text, reference| ngram::rouge(text, reference, 4)),
        Measure::Rouge5 => best(|text, reference| ngram::rouge(text, reference, 5)),
        Measure::RougeL => best(words::rouge_l),
        Measure::Cosine => return Err(Broken("vectors are compared elsewhere".to_owned())),
    })
}

fn bounded(measure: Measure, text: &str) -> Result<(), Broken> {
    let (length, most, what) = match measure {
        Measure::Levenshtein | Measure::FuzzyMatch => {
            (text.chars().count(), COMPARED_CHARS_MAX, "letters")
        }
        _ => (text.split_whitespace().count(), COMPARED_WORDS_MAX, "words"),
    };
    if length > most {
        return Err(Broken(format!("a text of {length} {what} is too long to compare")));
    }
    Ok(())
}

/// One minus the edit distance (Levenshtein 1966) over the longer length.
fn levenshtein(one: &str, other: &str) -> f64 {
    rapidfuzz::distance::levenshtein::normalized_similarity(one.chars(), other.chars())
}

/// Likeness of what texts mean, by their vectors.
pub(super) struct Cosine {
    similarity: Similarity,
    embeddings: String,
}

impl Cosine {
    pub(super) fn new(similarity: Similarity, embeddings: Option<&str>, flaws: &mut Flaws) -> Self {
        if embeddings.is_none() {
            flaws.add("", "expected `embeddings`: the deployment that makes the vectors");
        }
        Self { similarity, embeddings: embeddings.unwrap_or_default().to_owned() }
    }

    /// Compares by the vectors of an embedding deployment; an angle of over 90 degrees is 0, and so
    /// is an answer without a text, which has no vector.
    pub(super) async fn find<D: Door>(&self, seen: &Seen<'_>, door: &D) -> Found {
        let mut costs = Vec::new();
        let mark = self.mark(seen, door, &mut costs).await;
        Found::from(mark).at(sum(costs))
    }

    async fn mark<D: Door>(
        &self,
        seen: &Seen<'_>,
        door: &D,
        costs: &mut Vec<Option<f64>>,
    ) -> Result<Mark, Broken> {
        let references = self.similarity.references(seen)?;
        if seen.text().trim().is_empty() {
            return Ok(self.similarity.told("", 0.0));
        }
        let mut vectors = Vec::with_capacity(references.len());
        for text in references.iter().map(String::as_str).chain([seen.text()]) {
            let embedded = door.embed(&self.embeddings, text).await;
            let embedded = embedded.map_err(|trouble| Broken(format!("no vector: {trouble}")))?;
            costs.push(embedded.cost_usd);
            vectors.push(embedded.vector);
        }
        let own = vectors.pop().unwrap_or_default();
        let scores = vectors.iter().map(|other| cosine(&own, other));
        let scores = scores.collect::<Result<Vec<_>, _>>()?;
        Ok(self.similarity.told(seen.text(), scores.into_iter().fold(0.0, f64::max)))
    }
}

fn cosine(one: &[f32], other: &[f32]) -> Result<f64, Broken> {
    if one.len() != other.len() {
        return Err(Broken("the vectors are of unlike lengths".to_owned()));
    }
    let dot = |one: &[f32], other: &[f32]| -> f64 {
        one.iter().zip(other).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
    };
    let lengths = (dot(one, one) * dot(other, other)).sqrt();
    if lengths > 0.0 {
        return Ok(dot(one, other) / lengths);
    }
    Err(Broken("a vector has no direction".to_owned()))
}

#[cfg(test)]
mod tests;
