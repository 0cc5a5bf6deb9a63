//! Bad input: a clear error in the dialect's shape, bounded memory, a process that lives.

use http::Request;
use http_body_util::Full;
use serde_json::{Value, json};
use tieline_sim::Kind;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::house::{Answer, Client, EVERYTHING, House, post};

fn is_dialect_error(client: Client, answer: &Answer) -> bool {
    let error = &answer.json()["error"];
    let shaped =
        error["message"].as_str().is_some_and(|text| !text.is_empty()) && error["type"].is_string();
    match client {
        Client::Chat => shaped,
        Client::Messages => shaped && answer.json()["type"] == "error",
    }
}

#[tokio::test(start_paused = true)]
async fn malformed_bodies_are_refused_in_the_dialects_shape() {
    let house = House::new(EVERYTHING).await;
    let deep =
        format!(r#"{{"model":"nova","messages":{}{}}}"#, "[".repeat(10_000), "]".repeat(10_000));
    let wrong = |field: &str, value: Value| {
        let mut ask = Client::Messages.ask("nova", false, "hello");
        ask[field] = value;
        ask.to_string()
    };
    let bodies = [
        String::new(),
        "{".to_owned(),
        "[]".to_owned(),
        "\"text\"".to_owned(),
        "null".to_owned(),
        r#"{"model":5}"#.to_owned(),
        r#"{"model":"nova","model":"claude"}"#.to_owned(),
        r#"{"messages":[]}"#.to_owned(),
        wrong("messages", json!("hello")),
        wrong("messages", json!([{"role": "nobody", "content": "x"}])),
        wrong("messages", json!([{"role": "user", "content": 5}])),
        wrong("stream", json!("yes")),
        wrong("max_tokens", json!("many")),
        wrong("temperature", json!([])),
        wrong("tools", json!({"name": "x"})),
        deep,
    ];
    for client in Client::ALL {
        for body in &bodies {
            let answer = house.post(client.path(), body.clone()).await;
            let shown: String = body.chars().take(80).collect();
            assert_eq!(answer.status, 400, "{client:?} {shown}: {}", answer.text());
            assert!(is_dialect_error(client, &answer), "{client:?} {shown}: {}", answer.text());
        }
    }
    assert_eq!(house.sim.count("bedrock"), 0);
}

#[tokio::test(start_paused = true)]
async fn unknown_paths_methods_models_and_encodings() {
    let house = House::new(EVERYTHING).await;
    let answer = house.post("/v1/nothing", "{}").await;
    assert_eq!(answer.status, 404);
    assert!(answer.text().contains("/v1/chat/completions"), "{}", answer.text());
    let get = Request::get("/v1/messages").header("host", "t").body(Full::default()).unwrap();
    assert_eq!(house.send(get).await.status, 405);
    for client in Client::ALL {
        let answer = house.ask(client, "gpt-55", false, "hello").await;
        assert_eq!(answer.status, 404);
        assert!(
            is_dialect_error(client, &answer) && answer.text().contains("gpt-5.5"),
            "{}",
            answer.text()
        );
        let mut zipped = post(client.path(), "whatever");
        zipped.headers_mut().insert("content-encoding", "gzip".parse().unwrap());
        assert_eq!(house.send(zipped).await.status, 415);
    }
}

#[tokio::test(start_paused = true)]
async fn a_body_over_the_cap_is_refused_before_it_is_read() {
    let text = format!("{EVERYTHING}\nserver: {{ max_body: 1MiB }}");
    let house = House::new(&text).await;
    for client in Client::ALL {
        let answer = house.post(client.path(), vec![b' '; 2 * 1024 * 1024]).await;
        assert_eq!(answer.status, 413);
        assert!(is_dialect_error(client, &answer), "{}", answer.text());
    }
}

#[tokio::test(start_paused = true)]
async fn slow_heads_are_cut_and_others_are_served_meanwhile() {
    let house = House::new(EVERYTHING).await;
    let worker =
        tieline_gateway::Worker::new(&house.gateway, tokio_util::sync::CancellationToken::new());
    let (mut ours, theirs) = tokio::io::duplex(1024);
    tokio::spawn(worker.unwrap().serve_io(theirs));
    ours.write_all(b"POST /v1/messages HTTP/1.1\r\nhost: t\r\nx-slow: ").await.unwrap();
    let mut rest = Vec::new();
    let began = tokio::time::Instant::now();
    ours.read_to_end(&mut rest).await.unwrap();
    assert!(began.elapsed().as_secs() <= 31, "{:?}", began.elapsed());
    let answer = house.ask(Client::Chat, "gpt-5.5", false, "hello").await;
    assert_eq!(answer.status, 200);
}

#[tokio::test(start_paused = true)]
async fn on_the_same_dialect_only_the_model_changes() {
    let house = House::new(EVERYTHING).await;
    let body = concat!(
        r#"{ "unknown_field":{"deep":[1.50,12345678901234567890]}, "model" : "gpt-5.5","#,
        r#""messages":[{"role":"user","content":"caf\u00e9"}],"temperature":0.70}"#
    );
    house.fault("openai", "status=503");
    let answer = house.post("/v1/chat/completions", body).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    for (provider, model) in [("openai", "gpt-5.5"), ("azure", "gpt55-eu")] {
        let seen = house.sim.seen(provider).remove(0);
        let expected = body.replace("\"gpt-5.5\"", &format!("\"{model}\""));
        assert_eq!(String::from_utf8_lossy(&seen.body), expected);
    }
}

#[tokio::test(start_paused = true)]
async fn a_providers_own_answer_comes_back_byte_for_byte() {
    let house = House::new(EVERYTHING).await;
    for stream in [false, true] {
        let ours = house.ask(Client::Messages, "claude", stream, "hello").await;
        let direct = {
            let (io, theirs) = tokio::io::duplex(64 * 1024);
            let sim = house.sim.clone();
            tokio::spawn(async move { sim.serve_io("anthropic", theirs).await });
            let (mut sender, connection) =
                hyper::client::conn::http1::handshake(hyper_util::rt::TokioIo::new(io))
                    .await
                    .unwrap();
            tokio::spawn(connection);
            let mut request = post(
                Client::Messages.path(),
                Client::Messages.ask("claude", stream, "hello").to_string(),
            );
            request
                .headers_mut()
                .insert("x-api-key", "sk-simulated-key-0123456789".parse().unwrap());
            request.headers_mut().insert("anthropic-version", "2023-06-01".parse().unwrap());
            let response = sender.send_request(request).await.unwrap();
            http_body_util::BodyExt::collect(response.into_body()).await.unwrap().to_bytes()
        };
        assert_eq!(ours.text(), String::from_utf8_lossy(&direct));
    }
    assert_eq!(Kind::Anthropic.to_string(), "anthropic");
}

#[tokio::test(start_paused = true)]
async fn trace_context_travels_and_foreign_headers_do_not() {
    let house = House::new(EVERYTHING).await;
    let mut request =
        post(Client::Messages.path(), Client::Messages.ask("claude", false, "hello").to_string());
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    for (name, value) in [
        ("traceparent", format!("00-{trace}-00f067aa0ba902b7-01").as_str()),
        ("anthropic-beta", "some-beta-2026-01-01"),
        ("cookie", "session=1"),
        ("authorization", "Bearer other"),
        ("x-forwarded-for", "10.0.0.1"),
    ] {
        request
            .headers_mut()
            .insert(http::HeaderName::from_bytes(name.as_bytes()).unwrap(), value.parse().unwrap());
    }
    let answer = house.send(request).await;
    let seen = house.sim.seen("anthropic").remove(0);
    assert!(seen.header("traceparent").unwrap().contains(trace));
    assert_eq!(seen.header("anthropic-beta"), Some("some-beta-2026-01-01"));
    for gone in ["cookie", "authorization", "x-forwarded-for"] {
        assert_eq!(seen.header(gone), None, "{gone}");
    }
    assert_eq!(house.record(&answer).await.trace_id.as_deref(), Some(trace));
}
