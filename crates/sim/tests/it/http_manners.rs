//! Headers, Azure's filter results, and the log of what was received.

use bytes::Bytes;
use http_body_util::Full;
use serde_json::Value;
use tieline_sim::{Fault, Kind, Rule, digest};

use crate::support::{
    SURFACES, call, one_of_each_dialect, request, sim, streamed, user, with_fault,
};

#[tokio::test(start_paused = true)]
async fn every_vendor_sends_its_own_headers() {
    let sim = sim(1);
    for (at, names) in [
        (0, &["x-request-id", "openai-processing-ms", "x-ratelimit-remaining-tokens"][..]),
        (2, &["apim-request-id", "x-request-id", "x-ratelimit-remaining-requests"]),
        (6, &["request-id", "anthropic-ratelimit-input-tokens-reset"]),
        (7, &["x-amzn-requestid"]),
        (12, &["x-request-id"]),
    ] {
        let surface = SURFACES[at];
        let provider = surface.kind.as_str();
        let first = call(&sim, provider, request(surface, &user("hi"))).await.unwrap();
        let second = call(&sim, provider, request(surface, &user("hi"))).await.unwrap();
        for name in names {
            assert!(first.header(name).is_some(), "{surface:?}: {name}");
        }
        assert_ne!(first.header(names[0]), second.header(names[0]), "ids are unique");
        assert_eq!(first.header("date"), Some("Sun, 22 Nov 2026 00:00:00 GMT"));
        let foreign = if surface.kind == Kind::Anthropic { "x-request-id" } else { "request-id" };
        assert_eq!(first.header(foreign), None, "{surface:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn every_form_of_a_wait_is_understood() {
    let sim = sim(1);
    for surface in SURFACES {
        for (form, expected_s) in [
            ("retry-after=2", 2),
            ("retry-after=1500ms,retry-form=seconds", 2),
            ("retry-after=3s,retry-form=millis", 3),
            ("retry-after=1m,retry-form=date", 60),
        ] {
            let limited = with_fault(request(surface, &user("hi")), &format!("status=429,{form}"));
            let answer = call(&sim, surface.kind.as_str(), limited).await.unwrap();
            let wait = answer.error(surface.dialect).retry_after.unwrap();
            assert_eq!(wait.as_secs(), expected_s, "{surface:?} {form}");
            if surface.kind == Kind::Openai {
                assert_eq!(answer.header("x-ratelimit-remaining-requests"), Some("0"));
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn azure_says_what_it_filtered_of_the_prompt() {
    let sim = sim(1);
    for surface in [SURFACES[2], SURFACES[3]] {
        let stream = streamed(user("echo: hi"));
        let stream = call(&sim, "azure-openai", request(surface, &stream)).await.unwrap();
        let text = stream.text();
        let first = text.lines().next().and_then(|line| line.strip_prefix("data: ")).unwrap();
        let first: Value = serde_json::from_str(first).unwrap();
        assert_eq!(first["choices"], serde_json::json!([]));
        assert!(first["prompt_filter_results"][0]["content_filter_results"]["hate"].is_object());

        let whole = call(&sim, "azure-openai", request(surface, &user("hi"))).await.unwrap();
        assert!(whole.json()["prompt_filter_results"].is_array());
    }
    let plain = call(&sim, "openai", request(SURFACES[0], &user("hi"))).await.unwrap();
    assert!(plain.json().get("prompt_filter_results").is_none());
}

#[tokio::test(start_paused = true)]
async fn what_was_received_is_remembered_without_credentials() {
    let sim = sim(1);
    for surface in one_of_each_dialect() {
        let provider = surface.kind.as_str();
        let sent = request(surface, &user("hi"));
        let body = sent.body().clone();
        let before = sim.count(provider);
        call(&sim, provider, sent.clone()).await.unwrap();
        call(&sim, provider, with_fault(sent, "status=500")).await.unwrap();
        assert_eq!(sim.count(provider), before + 2);

        let seen = sim.seen(provider);
        let [.., well, struck] = seen.as_slice() else { panic!("two requests were made") };
        assert_eq!(well.target, surface.whole);
        assert_eq!(well.fault, None);
        assert_eq!(struck.fault, "status=500".parse().ok());
        assert_eq!(collected(body).await, well.body);
        let (name, secret) = match surface.kind {
            Kind::Anthropic => ("x-api-key", "k"),
            _ => ("authorization", "Bearer k"),
        };
        assert_eq!(well.header(name), Some(digest(secret).as_str()));
        assert_eq!(well.header("content-type"), Some("application/json"));
    }
    assert_eq!(sim.count("nobody"), 0);
    assert!(sim.seen("nobody").is_empty());
}

async fn collected(body: Full<Bytes>) -> Bytes {
    use http_body_util::BodyExt;
    body.collect().await.unwrap().to_bytes()
}

#[tokio::test(start_paused = true)]
async fn a_script_strikes_live_and_the_header_goes_before_it() {
    let sim = sim(1);
    let surface = SURFACES[0];
    let status = async |request| call(&sim, "openai", request).await.unwrap().status;
    assert_eq!(status(request(surface, &user("hi"))).await, 200);

    let overloaded: Fault = "status=503".parse().unwrap();
    sim.script().add(Rule {
        model: Some("model-1".to_owned()),
        first: Some(2),
        ..Rule::new("openai", overloaded)
    });
    assert_eq!(status(request(surface, &user("hi"))).await, 503);
    assert_eq!(status(with_fault(request(surface, &user("hi")), "status=418")).await, 418);
    assert_eq!(status(request(surface, &user("hi"))).await, 503);
    assert_eq!(status(request(surface, &user("hi"))).await, 200);

    let garbled = with_fault(request(surface, &user("hi")), "explode");
    let answer = call(&sim, "openai", garbled).await.unwrap();
    assert_eq!(answer.status, 400);
    assert!(answer.text().contains("unknown fault `explode`"));
}
