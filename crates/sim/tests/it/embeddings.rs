//! Vectors of texts, on every path that has them, whole and spoiled.

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::Method;
use serde_json::{Value, json};
use tieline_dialect::read_embeddings_response;
use tieline_sim::{Kind, ProviderSpec};
use tieline_types::{Class, DialectId};

use crate::support::{End, call, paced, request_with, sim, sim_of, with_fault};

const PATHS: [(Kind, &str); 4] = [
    (Kind::Openai, "/v1/embeddings"),
    (Kind::OpenaiCompatible, "/v1/embeddings"),
    (Kind::AzureOpenai, "/openai/v1/embeddings"),
    (Kind::AzureOpenai, "/openai/deployments/embed-eu/embeddings?api-version=2024-10-21"),
];

fn asked(input: &Value) -> Value {
    json!({"model": "embed", "input": input})
}

async fn answered(kind: Kind, path: &str, body: &Value) -> crate::support::Answer {
    let request = request_with(kind, Method::POST, path, body.to_string());
    call(&sim(1), kind.as_str(), request).await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn every_path_makes_the_same_vector() {
    let mut vectors = Vec::new();
    for (kind, path) in PATHS {
        let answer = answered(kind, path, &asked(&json!("over the river"))).await;
        assert_eq!((answer.status, answer.end), (200, End::Whole), "{path}: {}", answer.text());
        let read = read_embeddings_response(&answer.body()).unwrap();
        assert_eq!(read.usage.unwrap().input, 4, "{path}");
        let model = if path.contains("embed-eu") { "embed-eu" } else { "embed" };
        assert_eq!(read.model.as_deref(), Some(model));
        assert_eq!(read.vector.len(), 1536);
        vectors.push(read.vector);
    }
    assert!(vectors.windows(2).all(|pair| pair[0] == pair[1]));
    for (kind, path) in [(Kind::Anthropic, "/v1/embeddings"), (Kind::Bedrock, "/v1/embeddings")] {
        assert_eq!(answered(kind, path, &asked(&json!("x"))).await.status, 404, "{kind}");
    }
}

#[tokio::test(start_paused = true)]
async fn forms_and_dimensions_are_honoured() {
    let (kind, path) = PATHS[0];
    let mut ask = asked(&json!(["one river", "two rivers", "three"]));
    ask["dimensions"] = json!(256);
    let floats = answered(kind, path, &ask).await.json();
    ask["encoding_format"] = json!("base64");
    let encoded = answered(kind, path, &ask).await.json();
    assert_eq!(floats["data"].as_array().unwrap().len(), 3);
    assert_eq!(floats["usage"], json!({"prompt_tokens": 8, "total_tokens": 8}));
    for at in 0..3 {
        let numbers = floats["data"][at]["embedding"].as_array().unwrap();
        assert_eq!((numbers.len(), &floats["data"][at]["index"]), (256, &json!(at)));
        let bytes = STANDARD.decode(encoded["data"][at]["embedding"].as_str().unwrap()).unwrap();
        let (decoded, _) = bytes.as_chunks::<4>();
        for (number, bytes) in numbers.iter().zip(decoded) {
            let exact = f64::from(f32::from_le_bytes(*bytes));
            assert!((number.as_f64().unwrap() - exact).abs() < 1e-7);
        }
    }
    for input in [json!([1, 2, 3]), json!([[1, 2], [3]])] {
        assert_eq!(answered(kind, path, &asked(&input)).await.status, 200, "{input}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_wrong_is_refused() {
    for (kind, path) in PATHS {
        for body in [
            json!({"model": "embed"}),
            asked(&json!("")),
            asked(&json!([])),
            asked(&json!({"text": "x"})),
            json!({"model": "embed", "input": "x", "dimensions": 0}),
            json!({"model": "embed", "input": "x", "encoding_format": "hex"}),
        ] {
            let answer = answered(kind, path, &body).await;
            assert_eq!(answer.status, 400, "{path} {body}");
            assert_eq!(answer.error(DialectId::OpenaiChat).class, Class::ClientInvalid);
        }
        let get = request_with(kind, Method::GET, path, "");
        assert_eq!(call(&sim(1), kind.as_str(), get).await.unwrap().status, 405);
    }
    let models = vec!["embed".to_owned()];
    let known = sim_of(ProviderSpec { models, ..ProviderSpec::new("p", Kind::Openai) });
    for (model, status) in [("embed", 200), ("other", 404)] {
        let body = json!({"model": model, "input": "x"}).to_string();
        let request = request_with(Kind::Openai, Method::POST, "/v1/embeddings", body);
        assert_eq!(call(&known, "p", request).await.unwrap().status, status);
    }
}

#[tokio::test(start_paused = true)]
async fn scripted_faults_strike_vectors_too() {
    let (kind, path) = PATHS[0];
    let body = asked(&json!("over the river")).to_string();
    for (fault, status, end, reads) in [
        ("status=429", 429, End::Whole, false),
        ("hang-after-headers", 200, End::Never, false),
        ("stall-after=0", 200, End::Never, false),
        ("cut-after=0", 200, End::Broken, false),
        ("cut-clean-after=0", 200, End::Whole, false),
        ("garbage", 200, End::Whole, false),
        ("in-band=server_error", 200, End::Whole, false),
        ("empty", 200, End::Whole, false),
        ("slow-first-token=5s", 200, End::Whole, true),
    ] {
        let request = with_fault(request_with(kind, Method::POST, path, body.clone()), fault);
        let answer = call(&sim(1), kind.as_str(), request).await.unwrap();
        assert_eq!((answer.status, answer.end), (status, end), "{fault}: {}", answer.text());
        assert_eq!(read_embeddings_response(&answer.body()).is_ok(), reads, "{fault}");
        let waited = answer.chunks.first().is_some_and(|(at, _)| *at >= Duration::from_secs(5));
        assert_eq!(waited, fault.starts_with("slow"), "{fault}");
    }
    for fault in ["hang", "refuse"] {
        let request = with_fault(request_with(kind, Method::POST, path, body.clone()), fault);
        assert!(call(&sim(1), kind.as_str(), request).await.is_err(), "{fault}");
    }
    let slow = paced(kind, Duration::from_secs(2), Duration::from_secs(9));
    let answer = call(&slow, "p", request_with(kind, Method::POST, path, body)).await.unwrap();
    assert_eq!(answer.chunks[0].0.as_secs(), 2, "as long as to a first token");
}
