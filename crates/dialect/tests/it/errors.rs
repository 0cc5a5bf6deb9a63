//! Faults as clients read them, in every dialect.

use serde_json::Value;
use tieline_dialect::{dialect, ir::Event};
use tieline_types::{Class, DialectId, Fault};

use crate::common::{DIALECTS, readable, stream_of};

/// What a client is told of a fault that is Tieline's own affair.
const NEUTRAL: &str = "the model provider could not serve this request";

/// The status of a class: the class's own, but where the dialect has one of its own.
fn status(id: DialectId, class: Class) -> u16 {
    match (id, class) {
        (DialectId::AnthropicMessages, Class::Overloaded) => 529,
        (DialectId::BedrockConverse, Class::CallerAuth) => 403,
        (DialectId::BedrockConverse, Class::Timeout) => 408,
        // AWS SDKs would repeat a 502 or 503; every tier was tried already.
        (DialectId::BedrockConverse, Class::Exhausted) => 424,
        (DialectId::BedrockConverse, class) if class.status() == 502 => 424,
        _ => class.status(),
    }
}

/// Type and message of an error body, which must have both.
fn type_and_message(id: DialectId, body: &Value) -> (String, String) {
    let (kind, message) = match id {
        DialectId::BedrockConverse => (&body["__type"], &body["message"]),
        _ => (&body["error"]["type"], &body["error"]["message"]),
    };
    (kind.as_str().unwrap().to_owned(), message.as_str().unwrap().to_owned())
}

#[test]
fn every_class_has_its_status_type_and_message() {
    for id in DIALECTS {
        for class in Class::ALL {
            let (got, body) = dialect(id).write_error(&Fault::new(class, "why"), "req_1");
            let body: Value = serde_json::from_slice(&body).unwrap();
            let (kind, message) = type_and_message(id, &body);
            assert_eq!(got, status(id, class), "{id} {class}");
            assert!(!kind.is_empty(), "{id} {class}");
            let ours = matches!(class, Class::Auth | Class::Billing);
            assert!(message.ends_with(if ours { NEUTRAL } else { "why" }), "{id} {class}");
        }
    }
}

#[test]
fn a_refusal_of_our_own_account_shows_nothing_of_it() {
    for id in DIALECTS {
        for class in [Class::Auth, Class::Billing] {
            let mut fault = Fault::new(class, "Incorrect API key provided: sk-1")
                .with_code("invalid_api_key")
                .with_status(401);
            fault.param = Some("api_key".to_owned());
            let (_, body) = dialect(id).write_error(&fault, "req_1");
            let stream = readable(id, &stream_of(id, &[Event::Error(fault)]));
            for text in [String::from_utf8(body).unwrap(), stream] {
                assert!(text.contains(NEUTRAL), "{id}: {text}");
                assert!(!text.contains("key") && !text.contains("401"), "{id}: {text}");
            }
        }
    }
}

#[test]
fn exhausted_tiers_are_told_in_words_that_clients_know() {
    let cases = [
        (DialectId::OpenaiChat, "/error/type", "server_error"),
        (DialectId::OpenaiChat, "/error/code", "server_is_overloaded"),
        (DialectId::OpenaiResponses, "/error/type", "server_error"),
        (DialectId::OpenaiResponses, "/error/code", "server_is_overloaded"),
        (DialectId::AnthropicMessages, "/error/type", "api_error"),
        (DialectId::BedrockConverse, "/__type", "ModelErrorException"),
    ];
    for (id, pointer, word) in cases {
        let (_, body) = dialect(id).write_error(&Fault::new(Class::Exhausted, "why"), "req_1");
        let body: Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(body.pointer(pointer).unwrap(), word, "{id}");
    }
}
