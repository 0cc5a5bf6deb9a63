//! HTTP errors in each vendor's own words.

use std::time::Duration;

use http::{HeaderMap, HeaderValue, header::CONTENT_TYPE};
use serde_json::{Value, json};
use tieline_types::DialectId;

use crate::Kind;

/// An error to be answered.
#[derive(Clone, Debug, Default)]
pub(crate) struct Failure {
    pub(crate) status: u16,
    /// The vendor's code word, where it is not the usual one of the status.
    pub(crate) word: Option<String>,
    /// What to say, where it is not the usual message.
    pub(crate) message: Option<String>,
    /// The request field at fault.
    pub(crate) param: Option<String>,
    /// The wait that the vendor asks for, in its usual form.
    pub(crate) wait: Option<Duration>,
    /// A refusal with the status of a used-up quota, of which much is left.
    pub(crate) spare: bool,
}

impl Failure {
    pub(crate) fn new(status: u16) -> Self {
        Self { status, ..Self::default() }
    }

    pub(crate) fn word(mut self, word: impl Into<String>) -> Self {
        self.word = Some(word.into());
        self
    }

    pub(crate) fn message(mut self, message: impl Into<String>) -> Self {
        self.message = Some(message.into());
        self
    }

    /// The vendor's body and the headers that belong to it.
    pub(crate) fn write(&self, shape: Shape, request_id: &str) -> (HeaderMap, Vec<u8>) {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let message = self.message.clone().unwrap_or_else(|| shape.message(self));
        let body = match shape {
            Shape::Openai => self.openai(&message),
            Shape::Azure => self.azure(&message),
            Shape::Anthropic => self.anthropic(&message, request_id),
            Shape::Aws => {
                if let Ok(name) = HeaderValue::try_from(self.exception()) {
                    headers.insert("x-amzn-errortype", name);
                }
                self.aws(&message)
            }
        };
        (headers, body.to_string().into_bytes())
    }

    fn openai(&self, message: &str) -> Value {
        let (kind, code) = usual(OPENAI, self.status);
        let code = self.word.as_deref().or(code);
        let kind = if code.is_some_and(|code| OPENAI_BILLING.contains(&code)) {
            "insufficient_quota"
        } else {
            kind
        };
        json!({"error": {"message": message, "type": kind, "param": self.param, "code": code}})
    }

    /// Azure's front answers with a code and a message; a model's own refusal has OpenAI's shape,
    /// and a content filter adds what it found.
    fn azure(&self, message: &str) -> Value {
        if self.word.as_deref() == Some("content_filter") {
            let clean = json!({"filtered": false, "severity": "safe"});
            return json!({"error": {
                "message": message, "type": null, "param": "prompt", "code": "content_filter",
                "status": self.status,
                "innererror": {
                    "code": "ResponsibleAIPolicyViolation",
                    "content_filter_result": {
                        "hate": clean, "self_harm": clean, "sexual": clean,
                        "violence": {"filtered": true, "severity": "medium"},
                    },
                },
            }});
        }
        match usual(AZURE, self.status) {
            (_, Some(code)) => {
                let code = self.word.as_deref().unwrap_or(code);
                json!({"error": {"code": code, "message": message}})
            }
            (_, None) => self.openai(message),
        }
    }

    fn anthropic(&self, message: &str, request_id: &str) -> Value {
        let (usual, _) = usual(ANTHROPIC, self.status);
        let (kind, details) = match self.word.as_deref() {
            Some(word) if is_anthropic_type(word) => (word, None),
            Some(word) => (usual, Some(json!({"error_code": word}))),
            None => (usual, None),
        };
        let mut error = json!({"type": kind, "message": message});
        if let (Some(details), Some(fields)) = (details, error.as_object_mut()) {
            fields.insert("details".to_owned(), details);
        }
        json!({"type": "error", "error": error, "request_id": request_id})
    }

    fn aws(&self, message: &str) -> Value {
        match self.exception().as_str() {
            "ModelErrorException" => json!({
                "message": message, "originalStatusCode": 500, "resourceName": "model",
            }),
            _ => json!({ "message": message }),
        }
    }

    /// The AWS exception name.
    fn exception(&self) -> String {
        match &self.word {
            Some(word) if word.ends_with("Exception") => word.clone(),
            _ => usual(AWS, self.status).0.to_owned(),
        }
    }
}

/// Whose error shape it is. Bedrock's compatible paths answer in the shape of their dialect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// `{"error": {message, type, param, code}}`.
    Openai,
    /// OpenAI's, or `{"error": {code, message}}` from the front.
    Azure,
    /// `{"type": "error", "error": {type, message}, "request_id"}`.
    Anthropic,
    /// `{"message"}` and `x-amzn-ErrorType`.
    Aws,
}

impl Shape {
    /// The shape of a vendor on a path of `dialect`, or on no known path.
    pub(crate) fn of(kind: Kind, dialect: Option<DialectId>) -> Self {
        match (kind, dialect) {
            (Kind::AzureOpenai, _) => Self::Azure,
            (Kind::Anthropic, _) | (Kind::Bedrock, Some(DialectId::AnthropicMessages)) => {
                Self::Anthropic
            }
            (Kind::Bedrock, None | Some(DialectId::BedrockConverse)) => Self::Aws,
            _ => Self::Openai,
        }
    }

    fn message(self, failure: &Failure) -> String {
        match (failure.word.as_deref(), self) {
            // Clients shorten their conversation when they read these two.
            (Some("context_length_exceeded"), Self::Anthropic) => {
                "prompt is too long: 250000 tokens > 200000 maximum".to_owned()
            }
            (Some("context_length_exceeded"), Self::Aws) => "Input is too long.".to_owned(),
            // Bedrock has no status for it and says in words what access is denied for.
            (None, Self::Aws) if failure.status == 402 => {
                "INVALID_PAYMENT_INSTRUMENT: a valid payment instrument must be provided".to_owned()
            }
            (Some(word), _) => format!("simulated {word}: {}", plain(failure.status)),
            (None, _) => plain(failure.status).to_owned(),
        }
    }
}

fn is_anthropic_type(word: &str) -> bool {
    word.ends_with("_error") || word == "request_too_large"
}

/// Status, type and usual code of a vendor's error; the last row stands for every other status.
type Row = (u16, &'static str, Option<&'static str>);

const OPENAI: &[Row] = &[
    (401, "invalid_request_error", Some("invalid_api_key")),
    (403, "invalid_request_error", Some("insufficient_permissions")),
    (404, "invalid_request_error", Some("model_not_found")),
    (408, "timeout", Some("request_timeout")),
    (413, "invalid_request_error", Some("request_too_large")),
    (429, "requests", Some("rate_limit_exceeded")),
    (503, "server_error", Some("server_is_overloaded")),
    (529, "server_error", Some("server_is_overloaded")),
    (500, "server_error", None),
    (502, "server_error", None),
    (504, "server_error", None),
    (424, "server_error", None),
    (0, "invalid_request_error", None),
];

/// Codes that OpenAI gives the type `insufficient_quota`.
const OPENAI_BILLING: &[&str] = &[
    "insufficient_quota",
    "credit_balance_exhausted",
    "organization_spend_limit_exceeded",
    "project_spend_limit_exceeded",
    "organization_usage_limit_exceeded",
];

const AZURE: &[Row] = &[
    (401, "", Some("401")),
    (403, "", Some("403")),
    (404, "", Some("DeploymentNotFound")),
    (408, "", Some("RequestTimeout")),
    (424, "", Some("FailedDependency")),
    (429, "", Some("429")),
    (500, "", Some("InternalServerError")),
    (503, "", Some("ServiceUnavailable")),
    (0, "", None),
];

const ANTHROPIC: &[Row] = &[
    (401, "authentication_error", None),
    (402, "billing_error", None),
    (403, "permission_error", None),
    (404, "not_found_error", None),
    (408, "timeout_error", None),
    (409, "conflict_error", None),
    (413, "request_too_large", None),
    (429, "rate_limit_error", None),
    (500, "api_error", None),
    (502, "api_error", None),
    (503, "overloaded_error", None),
    (504, "timeout_error", None),
    (529, "overloaded_error", None),
    (0, "invalid_request_error", None),
];

const AWS: &[Row] = &[
    (401, "UnrecognizedClientException", None),
    (402, "AccessDeniedException", None),
    (403, "AccessDeniedException", None),
    (404, "ResourceNotFoundException", None),
    (408, "ModelTimeoutException", None),
    (413, "RequestEntityTooLargeException", None),
    (424, "ModelErrorException", None),
    (429, "ThrottlingException", None),
    (500, "InternalServerException", None),
    (502, "InternalServerException", None),
    (503, "ServiceUnavailableException", None),
    (504, "ModelTimeoutException", None),
    (529, "ServiceUnavailableException", None),
    (0, "ValidationException", None),
];

fn usual(rows: &[Row], status: u16) -> (&'static str, Option<&'static str>) {
    rows.iter()
        .find(|(of, ..)| *of == status || *of == 0)
        .map_or(("", None), |(_, kind, code)| (*kind, *code))
}

fn plain(status: u16) -> &'static str {
    match status {
        401 => "the credential was not accepted",
        402 => "the account has no credit left",
        403 => "the credential may not do this",
        404 => "there is no such model or path",
        405 => "this path takes another method",
        408 | 504 => "the model took too long",
        413 => "the request is too large",
        424 => "the model failed while working on the request",
        429 => "too many requests; wait and try again",
        503 | 529 => "the model is overloaded; try again later",
        500..=599 => "the server failed while working on the request",
        _ => "the request is not valid",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(failure: &Failure, shape: Shape) -> Value {
        serde_json::from_slice(&failure.write(shape, "r1").1).unwrap()
    }

    #[test]
    fn a_status_has_each_vendors_words() {
        for (status, openai, azure, anthropic, aws) in [
            (400, None, None, "invalid_request_error", "ValidationException"),
            (401, Some("invalid_api_key"), Some("401"), "authentication_error", "Unrecognized"),
            (403, Some("insufficient_permissions"), Some("403"), "permission_error", "AccessD"),
            (404, Some("model_not_found"), Some("DeploymentNotFound"), "not_found_error", "Res"),
            (408, Some("request_timeout"), Some("RequestTimeout"), "timeout_error", "ModelTime"),
            (
                413,
                Some("request_too_large"),
                Some("request_too_large"),
                "request_too",
                "RequestEntityToo",
            ),
            (402, None, None, "billing_error", "AccessDeniedException"),
            (502, None, None, "api_error", "InternalServerException"),
            (504, None, None, "timeout_error", "ModelTimeoutException"),
            (424, None, Some("FailedDependency"), "invalid_request_error", "ModelErrorException"),
            (429, Some("rate_limit_exceeded"), Some("429"), "rate_limit_error", "Throttling"),
            (500, None, Some("InternalServerError"), "api_error", "InternalServerException"),
            (503, Some("server_is_overloaded"), Some("ServiceUnavailable"), "overloaded", "Serv"),
            (529, Some("server_is_overloaded"), Some("server_is_overloaded"), "overloaded", "Serv"),
        ] {
            let failure = Failure::new(status);
            assert_eq!(body(&failure, Shape::Openai)["error"]["code"].as_str(), openai);
            assert_eq!(body(&failure, Shape::Azure)["error"]["code"].as_str(), azure);
            let said = body(&failure, Shape::Anthropic);
            assert!(said["error"]["type"].as_str().unwrap().starts_with(anthropic), "{said}");
            assert_eq!(said["request_id"], "r1");
            let (headers, _) = failure.write(Shape::Aws, "r1");
            assert!(headers["x-amzn-errortype"].to_str().unwrap().starts_with(aws), "{status}");
        }
    }

    #[test]
    fn words_go_where_the_vendor_puts_them() {
        let quota = Failure::new(429).word("credit_balance_exhausted");
        let said = body(&quota, Shape::Openai);
        assert_eq!(said["error"]["type"], "insufficient_quota");
        assert_eq!(said["error"]["code"], "credit_balance_exhausted");

        let filter = body(&Failure::new(400).word("content_filter"), Shape::Azure);
        assert_eq!(filter["error"]["innererror"]["code"], "ResponsibleAIPolicyViolation");

        let spend = Failure::new(429).word("enforced_spend_limit_reached");
        let said = body(&spend, Shape::Anthropic);
        assert_eq!(said["error"]["type"], "rate_limit_error");
        assert_eq!(said["error"]["details"]["error_code"], "enforced_spend_limit_reached");

        let cold = Failure::new(429).word("ModelNotReadyException");
        let (headers, _) = cold.write(Shape::Aws, "r1");
        assert_eq!(headers["x-amzn-errortype"], "ModelNotReadyException");

        let long = body(&Failure::new(400).word("context_length_exceeded"), Shape::Anthropic);
        assert!(long["error"]["message"].as_str().unwrap().starts_with("prompt is too long: "));
    }
}
