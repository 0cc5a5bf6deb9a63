//! Every path answers, and what is wrong is refused in the vendor's own words.

use http::Method;
use serde_json::json;
use tieline_sim::{Kind, ProviderSpec};
use tieline_types::{Class, DialectId};

use crate::support::{
    End, SURFACES, call, call_http2, one_of_each_dialect, request, request_with, sim, sim_of,
    streamed, text_of, user,
};

#[tokio::test(start_paused = true)]
async fn every_path_answers_whole_and_streamed() {
    let sim = sim(1);
    for surface in SURFACES {
        let ask = user("echo: over the river");
        let whole = call(&sim, surface.kind.as_str(), request(surface, &ask)).await.unwrap();
        let reply = whole.reply(surface.dialect).unwrap();
        assert_eq!(text_of(&reply), "over the river", "{surface:?}");
        assert_eq!(reply.usage.unwrap().output, 4, "{surface:?}");
        assert_eq!(whole.end, End::Whole);

        let ask = streamed(ask);
        let stream = call(&sim, surface.kind.as_str(), request(surface, &ask)).await.unwrap();
        let told = stream.collected(surface.dialect).unwrap();
        assert_eq!(text_of(&told), "over the river", "{surface:?}");
        assert_eq!((told.finish, told.usage), (reply.finish, reply.usage), "{surface:?}");
        assert_eq!(stream.content(surface.dialect), 4, "{surface:?}: a delta is a token");
    }
}

#[tokio::test(start_paused = true)]
async fn http2_with_prior_knowledge_is_spoken() {
    let sim = sim(1);
    for surface in one_of_each_dialect() {
        let ask = streamed(user("echo: two"));
        let answer = call_http2(&sim, surface.kind.as_str(), request(surface, &ask)).await.unwrap();
        assert_eq!(text_of(&answer.collected(surface.dialect).unwrap()), "two");
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_wrong_is_refused_in_the_dialects_shape() {
    let sim = sim(1);
    for surface in SURFACES {
        let provider = surface.kind.as_str();
        let good = request(surface, &user("hi"));

        let mut keyless = good.clone();
        for name in ["authorization", "api-key", "x-api-key"] {
            keyless.headers_mut().remove(name);
        }
        let spec = ProviderSpec::new("p", surface.kind);
        assert_eq!(spec.require_credential, surface.kind != Kind::OpenaiCompatible);
        let unasked = sim_of(ProviderSpec { require_credential: false, ..spec.clone() });
        assert_eq!(call(&unasked, "p", keyless.clone()).await.unwrap().status, 200);
        let asked = sim_of(ProviderSpec { require_credential: true, ..spec });
        let answer = call(&asked, "p", keyless).await.unwrap();
        let expected = if surface.dialect == DialectId::BedrockConverse { 403 } else { 401 };
        assert_eq!(answer.status, expected, "{surface:?}");
        let fault = answer.error(surface.dialect);
        assert_eq!(fault.class, Class::Auth, "{surface:?}");
        assert!(fault.message.contains("redential") || fault.message.contains("Missing"));
        assert!(fault.upstream_request_id.is_some(), "{surface:?}");

        for body in ["", "{", "[]", r#"{"model":"m","messages":7,"input":true}"#] {
            let bad = request_with(surface.kind, Method::POST, surface.whole, body);
            let answer = call(&sim, provider, bad).await.unwrap();
            assert_eq!(answer.status, 400, "{surface:?} {body:?}");
            assert_eq!(answer.error(surface.dialect).class, Class::ClientInvalid, "{surface:?}");
        }

        let get = request_with(surface.kind, Method::GET, surface.whole, "");
        assert_eq!(call(&sim, provider, get).await.unwrap().status, 405);
        let lost = request_with(surface.kind, Method::POST, "/v9/nowhere", "{}");
        assert_eq!(call(&sim, provider, lost).await.unwrap().status, 404);
    }
}

#[tokio::test(start_paused = true)]
async fn a_retired_model_is_unknown() {
    for surface in SURFACES {
        let models = vec!["model-2".to_owned()];
        let sim = sim_of(ProviderSpec { models, ..ProviderSpec::new("p", surface.kind) });
        let answer = call(&sim, "p", request(surface, &user("hi"))).await.unwrap();
        assert_eq!(answer.status, 404, "{surface:?}");
        let fault = answer.error(surface.dialect);
        assert_eq!(fault.class, Class::UnsupportedHere, "{surface:?}");
        assert!(fault.message.contains("model-1"), "{}", fault.message);
    }
}

#[tokio::test(start_paused = true)]
async fn models_are_listed_in_the_vendors_form() {
    for (kind, type_field, type_word) in [
        (Kind::Openai, "object", "model"),
        (Kind::OpenaiCompatible, "object", "model"),
        (Kind::Anthropic, "type", "model"),
    ] {
        let models = vec!["a".to_owned(), "b".to_owned()];
        let sim = sim_of(ProviderSpec { models, ..ProviderSpec::new("p", kind) });
        let list = request_with(kind, Method::GET, "/v1/models", "");
        let list = call(&sim, "p", list).await.unwrap().json();
        assert_eq!(list["data"][1]["id"], "b");
        assert_eq!(list["data"][0][type_field], type_word);
    }
}

#[tokio::test(start_paused = true)]
async fn a_token_count_agrees_with_the_usage_of_the_answer() {
    let sim = sim(1);
    let surface = SURFACES[6];
    let ask = user(&"four".repeat(25));
    let answer = call(&sim, "anthropic", request(surface, &ask)).await.unwrap();
    let usage = answer.reply(surface.dialect).unwrap().usage.unwrap();
    let body = json!({"model": "model-1",
                      "messages": [{"role": "user", "content": "four".repeat(25)}]});
    let path = "/v1/messages/count_tokens";
    let count = request_with(Kind::Anthropic, Method::POST, path, body.to_string());
    let counted = call(&sim, "anthropic", count).await.unwrap().json();
    assert_eq!(counted["input_tokens"], 25);
    assert_eq!(usage.input_total(), 25);
}

#[tokio::test(start_paused = true)]
async fn anthropic_wants_to_know_the_version() {
    let mut unversioned = request(SURFACES[6], &user("hi"));
    unversioned.headers_mut().remove("anthropic-version");
    let answer = call(&sim(1), "anthropic", unversioned).await.unwrap();
    assert_eq!(answer.status, 400);
    assert_eq!(answer.json()["error"]["type"], "invalid_request_error");
}
