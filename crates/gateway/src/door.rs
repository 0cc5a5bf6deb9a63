//! Which request this is: path and method to dialect and operation.

use http::{HeaderMap, Method};
use tieline_types::{Class, DialectId, Fault};

/// Where jobs are, each by its id.
pub(crate) const JOBS: &str = "/v1/tieline/jobs/";

/// What a client wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    /// Model output.
    Infer,
    /// The number of tokens of a prompt (Anthropic).
    CountTokens,
    /// The list of features and models, or one of them.
    Models,
    /// A request that is answered later.
    Job,
    /// Whether the process lives.
    Health,
    /// Whether it takes traffic.
    Ready,
}

/// A request's dialect and operation, as its path says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Door {
    pub(crate) dialect: DialectId,
    pub(crate) operation: Operation,
}

impl Door {
    /// Finds the door. The error carries the dialect to tell it in.
    pub(crate) fn find(
        method: &Method,
        path: &str,
        headers: &HeaderMap,
    ) -> Result<Self, (DialectId, Fault)> {
        use DialectId::{AnthropicMessages as Anthropic, OpenaiChat as Openai};
        let by_header = if headers.contains_key("anthropic-version") { Anthropic } else { Openai };
        let (prefix, rest) = if let Some(rest) = path.strip_prefix("/openai") {
            (Some(Openai), rest)
        } else if let Some(rest) = path.strip_prefix("/anthropic") {
            (Some(Anthropic), rest)
        } else {
            (None, path)
        };
        let dialect = prefix.unwrap_or(by_header);
        let (dialect, operation) = match rest {
            "/v1/chat/completions" if prefix != Some(Anthropic) => (Openai, Operation::Infer),
            "/v1/messages" if prefix != Some(Openai) => (Anthropic, Operation::Infer),
            "/v1/messages/count_tokens" if prefix != Some(Openai) => {
                (Anthropic, Operation::CountTokens)
            }
            "/v1/models" => (dialect, Operation::Models),
            "/health" => (dialect, Operation::Health),
            "/ready" => (dialect, Operation::Ready),
            _ if rest.starts_with("/v1/models/") => (dialect, Operation::Models),
            _ if rest.starts_with(JOBS) => (dialect, Operation::Job),
            _ => return Err((dialect, unknown_path(method, path))),
        };
        let wanted = match operation {
            Operation::Infer | Operation::CountTokens => Method::POST,
            Operation::Job if *method == Method::DELETE => Method::DELETE,
            Operation::Models | Operation::Job | Operation::Health | Operation::Ready => {
                Method::GET
            }
        };
        if *method != wanted {
            let message = format!("{path} takes {wanted}, not {method}");
            return Err((dialect, Fault::new(Class::NotFound, message).with_status(405)));
        }
        Ok(Self { dialect, operation })
    }
}

fn unknown_path(method: &Method, path: &str) -> Fault {
    let shown: String = path.chars().take(200).collect();
    Fault::new(
        Class::NotFound,
        format!(
            "there is nothing at {method} {shown}; Tieline answers POST /v1/chat/completions, \
             POST /v1/messages, POST /v1/messages/count_tokens and GET /v1/models, also under \
             /openai and /anthropic"
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(method: &Method, path: &str, anthropic: bool) -> Option<(DialectId, Operation)> {
        let mut headers = HeaderMap::new();
        if anthropic {
            headers.insert("anthropic-version", "2023-06-01".parse().unwrap());
        }
        let door = Door::find(method, path, &headers).ok()?;
        Some((door.dialect, door.operation))
    }

    #[test]
    fn paths_lead_to_dialects() {
        use DialectId::{AnthropicMessages as Anthropic, OpenaiChat as Openai};
        let post = |path| find(&Method::POST, path, false);
        for path in ["/v1/chat/completions", "/openai/v1/chat/completions"] {
            assert_eq!(post(path), Some((Openai, Operation::Infer)));
        }
        for path in ["/v1/messages", "/anthropic/v1/messages"] {
            assert_eq!(post(path), Some((Anthropic, Operation::Infer)));
        }
        assert_eq!(post("/v1/messages/count_tokens"), Some((Anthropic, Operation::CountTokens)));
        assert_eq!(find(&Method::GET, "/v1/models", false), Some((Openai, Operation::Models)));
        assert_eq!(find(&Method::GET, "/v1/models", true), Some((Anthropic, Operation::Models)));
        assert_eq!(
            find(&Method::GET, "/anthropic/v1/models", false),
            Some((Anthropic, Operation::Models))
        );
        for path in
            ["/", "/v1", "/openai/v1/messages", "/anthropic/v1/chat/completions", "/v1/responses"]
        {
            assert_eq!(post(path), None, "{path}");
        }
        assert_eq!(find(&Method::GET, "/v1/messages", false), None);
        for method in [Method::GET, Method::DELETE] {
            let found = |path, anthropic| find(&method, path, anthropic);
            let job = "/v1/tieline/jobs/job_1";
            assert_eq!(found(job, false), Some((Openai, Operation::Job)));
            assert_eq!(found(job, true), Some((Anthropic, Operation::Job)));
        }
        assert_eq!(post("/v1/tieline/jobs/job_1"), None);
    }
}
