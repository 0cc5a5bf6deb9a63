//! OpenAI's embeddings: `POST /v1/embeddings`, which Azure and compatible servers speak as well
//! (<https://platform.openai.com/docs/api-reference/embeddings>).

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::Deserialize;
use serde_json::json;
use tieline_types::{Class, Fault, Usage};

/// The most numbers in a vector; the largest models there are make 4,096.
const DIMENSIONS_MAX: usize = 16_384;

/// What a text became.
#[derive(Clone, Debug, PartialEq)]
pub struct Embedded {
    /// The text's place in the model's space: never empty, every number finite.
    pub vector: Vec<f32>,
    /// The tokens of the text; none where the provider did not count.
    pub usage: Option<Usage>,
    /// The model the provider says it used; none where it did not say.
    pub model: Option<String>,
}

#[derive(Deserialize)]
struct Wire {
    data: Vec<Item>,
    #[serde(default)]
    model: Option<String>,
    #[serde(default)]
    usage: Option<Counted>,
}

#[derive(Deserialize)]
struct Item {
    embedding: Numbers,
}

/// Numbers, or their bytes (`encoding_format: base64`): some servers send those unasked.
#[derive(Deserialize)]
#[serde(untagged)]
enum Numbers {
    Floats(Vec<f32>),
    Base64(String),
}

#[derive(Deserialize)]
struct Counted {
    prompt_tokens: u64,
}

/// Writes the request for the embedding of one text. The form of the numbers is left to its
/// default, which is `float` everywhere; not every compatible server knows the field.
#[must_use]
pub fn write_embeddings_request(model: &str, text: &str) -> Vec<u8> {
    json!({ "model": model, "input": text }).to_string().into_bytes()
}

/// Reads the answer to [`write_embeddings_request`].
///
/// # Errors
/// `bad_payload` where it is no answer of this protocol, or holds no usable vector.
pub fn read_embeddings_response(body: &[u8]) -> Result<Embedded, Fault> {
    let wire: Wire = serde_json::from_slice(body)
        .map_err(|error| bad(&format!("the provider sent no embeddings: {error}")))?;
    let item = wire.data.into_iter().next();
    let vector = match item.ok_or_else(|| bad("the provider sent no embedding"))?.embedding {
        Numbers::Floats(numbers) => numbers,
        Numbers::Base64(text) => decoded(&text)?,
    };
    let usable = (1..=DIMENSIONS_MAX).contains(&vector.len());
    if !usable || vector.iter().any(|number| !number.is_finite()) {
        return Err(bad("the provider's embedding is no usable vector"));
    }
    let usage =
        wire.usage.map(|counted| Usage { input: counted.prompt_tokens, ..Usage::default() });
    Ok(Embedded { vector, usage, model: wire.model.filter(|model| !model.is_empty()) })
}

/// Little-endian floats of 32 bits.
fn decoded(text: &str) -> Result<Vec<f32>, Fault> {
    let wrong = || bad("the provider's embedding is no base64 of floats");
    let bytes = STANDARD.decode(text).map_err(|_| wrong())?;
    let (floats, rest) = bytes.as_chunks::<4>();
    if !rest.is_empty() {
        return Err(wrong());
    }
    Ok(floats.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect())
}

fn bad(message: &str) -> Fault {
    Fault::new(Class::BadPayload, message)
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn a_text_and_a_model_are_asked_for() {
        let body: Value =
            serde_json::from_slice(&write_embeddings_request("m", "a \"b\"")).unwrap();
        assert_eq!(body, json!({"model": "m", "input": "a \"b\""}));
    }

    #[test]
    fn floats_and_base64_are_read() {
        let bytes: Vec<u8> = [0.5_f32, -1.0].iter().flat_map(|one| one.to_le_bytes()).collect();
        for numbers in [json!([0.5, -1]), json!(STANDARD.encode(bytes))] {
            let body = json!({"object": "list", "model": "m", "usage": {"prompt_tokens": 3},
                "data": [{"object": "embedding", "index": 0, "embedding": numbers}]});
            let read = read_embeddings_response(body.to_string().as_bytes()).unwrap();
            assert_eq!(read.vector, [0.5, -1.0]);
            assert_eq!(read.usage.unwrap().input, 3);
            assert_eq!(read.model.as_deref(), Some("m"));
        }
        let bare = read_embeddings_response(br#"{"data":[{"embedding":[1]}]}"#).unwrap();
        assert_eq!((bare.usage, bare.model), (None, None));
    }

    #[test]
    fn what_is_no_vector_is_refused() {
        let long = vec!["0"; DIMENSIONS_MAX + 1].join(",");
        for numbers in ["[]", "[1e39]", "[null]", "\"AAA\"", "\"AAAA\"", &format!("[{long}]")] {
            let body = format!("{{\"data\":[{{\"embedding\":{numbers}}}]}}");
            let fault = read_embeddings_response(body.as_bytes()).unwrap_err();
            assert_eq!(fault.class, Class::BadPayload, "{}", numbers.get(..20).unwrap_or(numbers));
        }
        for body in ["", "[]", "{}", r#"{"data":[]}"#, r#"{"error":{"message":"x"}}"#, "<html>"] {
            let fault = read_embeddings_response(body.as_bytes()).unwrap_err();
            assert_eq!(fault.class, Class::BadPayload, "{body}");
        }
    }
}
