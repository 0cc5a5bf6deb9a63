//! Vectors of texts: near for texts that share most of their longer words, whatever the order.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use rand::{Rng as _, SeedableRng as _, rngs::StdRng};
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::{failure::Failure, prose};

/// Numbers in a vector where the request does not say.
const DIMENSIONS: usize = 1536;
const DIMENSIONS_MAX: usize = 3072;
/// The most texts in one request.
const INPUTS_MAX: usize = 2048;
/// Words of up to so many letters say little: "how", "what", "with".
const SHORT_CHARS: usize = 4;
/// What such a word counts beside a longer one.
const SHORT_WEIGHT: f32 = 0.2;
/// Places of the vector that a word moves.
const PLACES: usize = 4;

/// A request for vectors.
#[derive(Deserialize)]
pub(crate) struct Asked {
    input: Input,
    dimensions: Option<usize>,
    #[serde(default)]
    encoding_format: Encoding,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Input {
    Text(String),
    Texts(Vec<String>),
    Tokens(Vec<u32>),
    ManyTokens(Vec<Vec<u32>>),
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Encoding {
    #[default]
    Float,
    Base64,
}

impl Asked {
    /// Reads and checks a request.
    pub(crate) fn read(body: &Bytes) -> Result<Self, Failure> {
        let wrong = |message: String| Failure::new(400).message(message);
        let asked: Self = serde_json::from_slice(body)
            .map_err(|error| wrong(format!("this is no request for embeddings: {error}")))?;
        if asked.dimensions.is_some_and(|count| !(1..=DIMENSIONS_MAX).contains(&count)) {
            return Err(wrong(format!("`dimensions` must be from 1 to {DIMENSIONS_MAX}")));
        }
        let texts = asked.texts();
        if !(1..=INPUTS_MAX).contains(&texts.len()) || texts.iter().any(String::is_empty) {
            let message = format!("`input` must hold 1 to {INPUTS_MAX} texts that are not empty");
            return Err(wrong(message));
        }
        Ok(asked)
    }

    /// The answer, in full.
    pub(crate) fn answer(&self, model: &str) -> String {
        let texts = self.texts();
        let data = texts.iter().enumerate().map(|(index, text)| {
            let vector = vector(text, self.dimensions.unwrap_or(DIMENSIONS));
            let embedding = match self.encoding_format {
                Encoding::Float => json!(vector),
                Encoding::Base64 => {
                    let bytes: Vec<u8> = vector.iter().flat_map(|one| one.to_le_bytes()).collect();
                    json!(STANDARD.encode(bytes))
                }
            };
            json!({"object": "embedding", "index": index, "embedding": embedding})
        });
        written(&data.collect::<Vec<_>>(), model, self.tokens())
    }

    /// The tokens of the texts.
    pub(crate) fn tokens(&self) -> u64 {
        self.texts().iter().map(|text| prose::tokens(text)).sum()
    }

    fn texts(&self) -> Vec<String> {
        let said = |tokens: &Vec<u32>| {
            let words: Vec<String> = tokens.iter().map(|token| format!("token{token}")).collect();
            words.join(" ")
        };
        match &self.input {
            Input::Text(text) => vec![text.clone()],
            Input::Texts(texts) => texts.clone(),
            Input::Tokens(tokens) => vec![said(tokens)],
            Input::ManyTokens(many) => many.iter().map(said).collect(),
        }
    }
}

/// An answer without any vector.
pub(crate) fn nothing(model: &str) -> String {
    written(&[], model, 0)
}

fn written(data: &[Value], model: &str, tokens: u64) -> String {
    json!({"object": "list", "data": data, "model": model,
           "usage": {"prompt_tokens": tokens, "total_tokens": tokens}})
    .to_string()
}

/// The vector of a text, of length 1. Every provider makes the same, as those that have one model
/// do.
fn vector(text: &str, dimensions: usize) -> Vec<f32> {
    let mut vector = vec![0.0_f32; dimensions];
    let lower = text.to_lowercase();
    let words = lower.split(|char: char| !char.is_alphanumeric()).filter(|word| !word.is_empty());
    let mut spoken = false;
    for word in words {
        add(&mut vector, word);
        spoken = true;
    }
    if !spoken {
        add(&mut vector, &lower);
    }
    let length = vector.iter().map(|one| one * one).sum::<f32>().sqrt();
    if length > 0.0 {
        vector.iter_mut().for_each(|one| *one /= length);
    } else if let Some(first) = vector.first_mut() {
        // In few dimensions, words can cancel each other out.
        *first = 1.0;
    }
    vector
}

fn add(vector: &mut [f32], word: &str) {
    // "password" and "passwords" mean the same here.
    let stem = word.strip_suffix('s').unwrap_or(word);
    let weight = if word.chars().count() <= SHORT_CHARS { SHORT_WEIGHT } else { 1.0 };
    let mut rng = StdRng::from_seed(Sha256::digest(stem).into());
    for _ in 0..PLACES {
        let place = rng.random_range(0..vector.len());
        let sign = if rng.random() { weight } else { -weight };
        if let Some(number) = vector.get_mut(place) {
            *number += sign;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nearness(one: &str, other: &str) -> f32 {
        let (one, other) = (vector(one, DIMENSIONS), vector(other, DIMENSIONS));
        one.iter().zip(&other).map(|(a, b)| a * b).sum()
    }

    #[test]
    fn paraphrases_are_near_and_other_questions_are_not() {
        let question = "How do I reset my password?";
        for (other, least, most) in [
            (question, 0.999, 1.001),
            ("how can I reset my passwords", 0.9, 0.999),
            ("How do I cancel my subscription?", -0.1, 0.4),
            ("What is the weather like in Berlin?", -0.2, 0.3),
        ] {
            let near = nearness(question, other);
            assert!((least..most).contains(&near), "{other}: {near}");
        }
    }

    #[test]
    fn every_text_has_a_direction() {
        for text in ["?", " ", "a", "ü", "\u{1f680}"] {
            for dimensions in [1, 2, 8, DIMENSIONS] {
                let length: f32 = vector(text, dimensions).iter().map(|one| one * one).sum();
                assert!((length - 1.0).abs() < 1e-3, "{text:?} in {dimensions}: {length}");
            }
        }
    }
}
