//! Errors made from documentation, read and written.

use super::*;

fn fault(status: u16, body: &str) -> Fault {
    read(status, &HeaderMap::new(), body.as_bytes())
}

#[test]
fn the_body_refines_what_the_status_says() {
    for (status, body, class) in [
        (
            429,
            r#"{"error":{"message":"m","type":"requests","code":"rate_limit_exceeded"}}"#,
            Class::RateLimited,
        ),
        (
            429,
            r#"{"error":{"message":"m","type":"insufficient_quota",
                "code":"credit_balance_exhausted"}}"#,
            Class::Billing,
        ),
        (
            429,
            r#"{"error":{"message":"m","type":"insufficient_quota","code":"some_new_limit"}}"#,
            Class::Billing,
        ),
        (
            429,
            r#"{"error":{"message":"The model is experiencing high demand"}}"#,
            Class::Overloaded,
        ),
        (
            400,
            r#"{"error":{"message":"m","code":"context_length_exceeded"}}"#,
            Class::ContextOverflow,
        ),
        (
            400,
            r#"{"error":{"message":"Your input exceeds the context window of this model."}}"#,
            Class::ContextOverflow,
        ),
        (400, r#"{"error":{"message":"m","code":"content_filter"}}"#, Class::PolicyBlock),
        (
            400,
            r#"{"error":{"code":null,"message":"m",
                "innererror":{"code":"ResponsibleAIPolicyViolation"}}}"#,
            Class::PolicyBlock,
        ),
        (
            400,
            r#"{"error":{"message":"m","code":"unsupported_parameter","param":"temperature"}}"#,
            Class::UnsupportedHere,
        ),
        (
            400,
            r#"{"error":{"message":"model 'x' isn't supported on this route"}}"#,
            Class::UnsupportedHere,
        ),
        (
            400,
            r#"{"error":{"message":"m","type":"invalid_request_error","code":null}}"#,
            Class::ClientInvalid,
        ),
        (401, r#"{"error":{"message":"m","code":"invalid_api_key"}}"#, Class::Auth),
        (403, "<html>forbidden</html>", Class::Auth),
        (404, r#"{"error":{"message":"m","code":"model_not_found"}}"#, Class::UnsupportedHere),
        (500, r#"{"error":{"message":"m","type":"server_error"}}"#, Class::ServerError),
        (503, r#"{"error":{"message":"m","type":"server_error"}}"#, Class::Overloaded),
        (502, "", Class::ServerError),
        (422, r#"{"detail":"wrong"}"#, Class::ClientInvalid),
    ] {
        let fault = fault(status, body);
        assert_eq!((fault.class, fault.status), (class, Some(status)), "{body}");
        assert!(!fault.message.is_empty(), "{body}");
    }
}

#[test]
fn odd_shapes_are_read() {
    for body in [
        r#"{"error":{"message":"why","code":"slow_down","param":"input"}}"#,
        r#"[{"error":{"message":"why","code":"slow_down","param":"input"}}]"#,
        r#"{"message":"why","code":"slow_down","param":"input"}"#,
    ] {
        let fault = fault(429, body);
        assert_eq!(fault.message, "why");
        assert_eq!(fault.code.as_deref(), Some("slow_down"));
        assert_eq!(fault.param.as_deref(), Some("input"));
    }
    assert_eq!(fault(400, r#"{"error":"why"}"#).message, "why");
    assert_eq!(fault(400, r#"{"error":{"message":"m","code":400}}"#).code.as_deref(), Some("400"));
    assert_eq!(fault(502, "<b>Bad Gateway</b>").message, "HTTP 502: <b>Bad Gateway</b>");
}

#[test]
fn the_headers_are_heeded() {
    let mut headers = HeaderMap::new();
    headers.insert("retry-after-ms", "1500".parse().unwrap());
    headers.insert("x-request-id", "req_9".parse().unwrap());
    let fault = read(429, &headers, b"{}");
    assert_eq!(fault.retry_after, Some(std::time::Duration::from_millis(1500)));
    assert_eq!(fault.upstream_request_id.as_deref(), Some("req_9"));
}

#[test]
fn an_error_in_a_stream_is_a_stream_error_unless_it_says_more() {
    for (body, class) in [
        (
            json!({"type": "error", "code": "rate_limit_exceeded", "message": "m"}),
            Class::RateLimited,
        ),
        (json!({"type": "error", "error": {"code": "server_error"}}), Class::ServerError),
        (json!({"code": "vector_store_timeout", "message": "m"}), Class::Timeout),
        (json!({"type": "error", "code": null, "message": "m"}), Class::StreamError),
        (Value::Null, Class::StreamError),
    ] {
        let fault = fault_in_band(&body);
        assert_eq!((fault.class, fault.phase), (class, Phase::PreCommit), "{body}");
        assert_ne!(fault.code.as_deref(), Some("error"));
    }
}

fn written(fault: &Fault) -> (u16, Value) {
    let (status, body) = write(fault, "req_1");
    (status, serde_json::from_slice(&body).unwrap())
}

#[test]
fn clients_read_their_own_words() {
    let overflow = Fault::invalid("input", "too long");
    let overflow =
        Fault { class: Class::ContextOverflow, ..overflow }.with_code("ValidationException");
    assert_eq!(
        written(&overflow),
        (
            400,
            json!({"error": {
                "message": "too long", "type": "invalid_request_error", "param": "input",
                "code": "context_length_exceeded",
            }})
        )
    );
    let slow = Fault::new(Class::RateLimited, "m").with_code("slow_down");
    let (status, body) = written(&slow);
    assert_eq!((status, &body["error"]["code"]), (429, &json!("slow_down")));
}

#[test]
fn our_credential_is_not_the_clients_business() {
    for class in [Class::Auth, Class::Billing] {
        let ours = Fault::new(class, "Incorrect API key: sk-1").with_code("invalid_api_key");
        let (status, body) = written(&ours);
        assert_eq!(status, 502);
        assert_eq!(body["error"]["type"], "server_error");
        assert!(!body.to_string().contains("key"));
    }
}

#[test]
fn what_was_written_is_read_as_the_same_class() {
    for (class, ..) in WORDS {
        let own = Fault::new(class, "m");
        let (status, body) = write(&own, "");
        let back = read(status, &HeaderMap::new(), &body).class;
        let expected = match class {
            Class::CallerAuth | Class::CallerDenied => Class::Auth,
            Class::NotFound => Class::UnsupportedHere,
            Class::Exhausted => Class::Overloaded,
            Class::ClientGone => Class::ClientInvalid,
            other => other,
        };
        assert_eq!(back, expected, "{class}");
    }
}
