//! Errors made from documentation, read and written.

use super::*;

fn fault(status: u16, body: &str) -> Fault {
    read(status, &HeaderMap::new(), body.as_bytes())
}

#[test]
fn codes_tell_the_class() {
    use Class as C;
    for (status, kind, code, class) in [
        (429, "insufficient_quota", "credit_balance_exhausted", C::Billing),
        (429, "insufficient_quota", "something_new", C::Billing),
        (429, "tokens", "rate_limit_exceeded", C::RateLimited),
        (503, "server_error", "slow_down", C::RateLimited),
        (500, "server_error", "server_is_overloaded", C::Overloaded),
        (504, "server_error", "late", C::Timeout),
        (400, "invalid_request_error", "context_length_exceeded", C::ContextOverflow),
        (400, "invalid_request_error", "invalid_type", C::ClientInvalid),
        (400, "invalid_request_error", "unsupported_parameter", C::UnsupportedHere),
        (404, "invalid_request_error", "model_not_found", C::UnsupportedHere),
        (404, "", "DeploymentNotFound", C::UnsupportedHere),
        (401, "invalid_request_error", "invalid_api_key", C::Auth),
        (401, "", "401", C::Auth),
        (400, "invalid_request_error", "tool_use_failed", C::ServerError),
    ] {
        let error = json!({ "message": "m", "type": kind, "code": code, "param": "p" });
        let got = fault(status, &json!({ "error": error }).to_string());
        assert_eq!((got.class, got.code.as_deref()), (class, Some(code)));
        assert_eq!((got.message.as_str(), got.status), ("m", Some(status)));
        assert_eq!(got.param.as_deref(), Some("p"));
    }
}

#[test]
fn azure_explains_its_content_filter_inside() {
    let inner = "ResponsibleAIPolicyViolation";
    for (code, want) in [(json!("content_filter"), "content_filter"), (Value::Null, inner)] {
        let error = json!({ "message": "m", "code": code, "innererror": { "code": inner } });
        let got = fault(400, &json!({ "error": error }).to_string());
        assert_eq!((got.class, got.code.as_deref()), (Class::PolicyBlock, Some(want)));
    }
}

#[test]
fn every_shape_is_read() {
    use Class as C;
    for (status, body, class, message) in [
        (
            400,
            r#"{"code":"invalid-argument","error":"Bad effort"}"#,
            C::ClientInvalid,
            "Bad effort",
        ),
        (
            422,
            r#"{"detail":[{"loc":["body","x"],"msg":"Extra inputs are not permitted"}]}"#,
            C::UnsupportedHere,
            "Extra inputs are not permitted",
        ),
        (404, r#"{"detail":"Not Found"}"#, C::UnsupportedHere, "Not Found"),
        (
            400,
            r#"{"object":"error","message":"context length is 8","type":"Bad","code":400}"#,
            C::ContextOverflow,
            "context length is 8",
        ),
        (
            429,
            r#"[{"error":{"code":429,"message":"Quota","status":"RESOURCE_EXHAUSTED"}}]"#,
            C::RateLimited,
            "Quota",
        ),
        (500, r#"{"message":"Internal"}"#, C::ServerError, "Internal"),
        (502, "<html>Bad gateway</html>", C::ServerError, "HTTP 502: <html>Bad gateway</html>"),
        (503, "", C::Overloaded, "HTTP 503 with an empty body"),
        (
            402,
            r#"{"error":{"message":"Insufficient Balance"}}"#,
            C::Billing,
            "Insufficient Balance",
        ),
        (
            429,
            r#"{"error":{"code":"429","message":"The system is experiencing high demand"}}"#,
            C::Overloaded,
            "The system is experiencing high demand",
        ),
    ] {
        let got = fault(status, body);
        assert_eq!((got.class, got.message.as_str()), (class, message), "{body}");
    }
}

#[test]
fn headers_say_when_and_which() {
    let mut headers = HeaderMap::new();
    headers.insert("retry-after-ms", "1500".parse().unwrap());
    headers.insert("apim-request-id", "az-1".parse().unwrap());
    let got = read(429, &headers, b"{}");
    assert_eq!(got.retry_after, Some(Duration::from_millis(1500)));
    assert_eq!(got.upstream_request_id.as_deref(), Some("az-1"));
}

#[test]
fn a_body_says_when_where_no_header_does() {
    use Class as C;
    let info = r#"{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"53s"}"#;
    let gemini = |message: &str| {
        format!(r#"{{"error":{{"code":429,"message":"{message}","details":[{info}]}}}}"#)
    };
    let quota = gemini("You exceeded your current quota, please check your plan.");
    let said = |message: &str| format!(r#"{{"error":{{"message":"{message}"}}}}"#);
    for (status, body, class, wait_ms) in [
        (429, quota.clone(), C::RateLimited, Some(53_000)),
        (429, format!("[{quota}]"), C::RateLimited, Some(53_000)),
        (503, gemini("The model is overloaded."), C::Overloaded, Some(53_000)),
        (429, said("Limit 9, Used 8. Please try again in 1.2s."), C::RateLimited, Some(1_200)),
        (429, said("Please try again in 350ms."), C::RateLimited, Some(350)),
        (429, said("Please try again in 6m0s."), C::RateLimited, Some(360_000)),
        (429, said("You exceeded your current quota."), C::Billing, None),
        (400, said("Please try again in 6m0s."), C::ClientInvalid, None),
    ] {
        let fault = fault(status, &body);
        assert_eq!(fault.class, class, "{body}");
        assert_eq!(fault.retry_after, wait_ms.map(Duration::from_millis), "{body}");
    }
    let mut headers = HeaderMap::new();
    headers.insert("retry-after", "2".parse().unwrap());
    let header_first = read(429, &headers, quota.as_bytes());
    assert_eq!(header_first.retry_after, Some(Duration::from_secs(2)));
    let in_band: Value = serde_json::from_str(&quota).unwrap();
    let in_band = read_in_band(&in_band, C::StreamError);
    assert_eq!(in_band.retry_after, Some(Duration::from_secs(53)));
}

#[test]
fn classes_are_worded_as_openai_does() {
    for (class, status, kind, code) in [
        (Class::ContextOverflow, 400, INVALID, "context_length_exceeded"),
        (Class::PolicyBlock, 400, INVALID, "content_filter"),
        (Class::CallerAuth, 401, INVALID, "invalid_api_key"),
        (Class::NotFound, 404, INVALID, "model_not_found"),
        (Class::RateLimited, 429, "rate_limit_error", "rate_limit_exceeded"),
        (Class::OverLimit, 429, "rate_limit_error", "caller_limit_exceeded"),
        (Class::OverBudget, 402, "insufficient_quota", "budget_exceeded"),
        (Class::Exhausted, 503, SERVER, "server_is_overloaded"),
        (Class::Timeout, 504, SERVER, "timeout"),
        (Class::StreamTruncated, 502, SERVER, "server_error"),
    ] {
        let (got, body) = write(&Fault::new(class, "why"));
        let body: Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(got, status);
        assert_eq!(body, json!({"error":{"message":"why","type":kind,"param":null,"code":code}}));
    }
}

#[test]
fn our_own_credential_is_not_shown() {
    for class in [Class::Auth, Class::Billing] {
        let told =
            Fault::new(class, "Incorrect API key provided: sk-1").with_code("invalid_api_key");
        let (status, body) = write(&told);
        let body = String::from_utf8(body).unwrap();
        assert_eq!(status, 502);
        assert!(!body.contains("key"), "{body}");
    }
}

#[test]
fn an_error_survives_the_round_trip() {
    for class in [
        Class::ContextOverflow,
        Class::PolicyBlock,
        Class::UnsupportedHere,
        Class::RateLimited,
        Class::Overloaded,
        Class::Timeout,
        Class::TooLarge,
        Class::ClientInvalid,
        Class::ServerError,
    ] {
        let mut told = Fault::new(class, "why");
        told.param = Some("messages".to_owned());
        let (status, body) = write(&told);
        let read = read(status, &HeaderMap::new(), &body);
        assert_eq!((read.class, read.message, read.param), (class, told.message, told.param));
    }
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
fn a_code_that_clients_know_is_kept() {
    let code = |fault: &Fault| {
        let body: Value = serde_json::from_slice(&write(fault).1).unwrap();
        body["error"]["code"].clone()
    };
    let slow = Fault::new(Class::RateLimited, "m").with_code("slow_down");
    assert_eq!(code(&slow), "slow_down");
    let overflow = Fault::new(Class::ContextOverflow, "m").with_code("ValidationException");
    assert_eq!(code(&overflow), "context_length_exceeded");
    let busy = Fault::new(Class::Overloaded, "m").with_code("overloaded_error");
    assert_eq!(code(&busy), "server_is_overloaded");
    assert_eq!(code(&Fault::invalid("input", "m").with_code("invalid_request_error")), Value::Null);
}

#[test]
fn what_was_written_is_read_as_the_same_class() {
    for (class, ..) in WORDS {
        let (status, body) = write(&Fault::new(class, "m"));
        let back = read(status, &HeaderMap::new(), &body).class;
        let expected = match class {
            Class::CallerAuth | Class::CallerDenied | Class::PolicyDenied => Class::Auth,
            Class::NotFound => Class::UnsupportedHere,
            Class::OverLimit => Class::RateLimited,
            Class::OverBudget => Class::Billing,
            Class::Exhausted => Class::Overloaded,
            Class::ClientGone => Class::ClientInvalid,
            other => other,
        };
        assert_eq!(back, expected, "{class}");
    }
}
