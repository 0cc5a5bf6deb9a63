//! The one error type of the request path: whose fault it was, how far it reaches, what to do.

use std::{fmt, time::Duration};

use serde::{Deserialize, Serialize};

/// What went wrong, in provider-neutral words. Every provider's signal maps to exactly one class.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// Name resolution, connect, TLS or write failed; the provider never had the whole request.
    Transport,
    /// The provider failed by its own account (500, 502, Bedrock `ModelError`).
    ServerError,
    /// The provider is up but out of capacity (503, 529, Bedrock `ModelNotReady`).
    Overloaded,
    /// A quota window is used up (429 with or without a hint when it reopens).
    RateLimited,
    /// Credit, spend limit or plan is exhausted; waiting does not help.
    Billing,
    /// The provider refused the credential that Tieline holds (401, 403).
    Auth,
    /// No headers, no first token or no progress within the time allowed.
    Timeout,
    /// The prompt does not fit the model's context.
    ContextOverflow,
    /// The request is larger than the provider (or Tieline) takes (413).
    TooLarge,
    /// This deployment cannot serve the request: unknown model, unsupported parameter or content.
    UnsupportedHere,
    /// A content filter or safety policy of the provider blocked the request.
    PolicyBlock,
    /// The request is wrong and would be wrong everywhere (400, 422).
    ClientInvalid,
    /// The stream ended without its dialect's terminal event.
    StreamTruncated,
    /// The provider reported an error inside a stream, after HTTP 200.
    StreamError,
    /// The provider answered 200 with something that is not a reply of its dialect.
    BadPayload,
    /// The provider answered 200 with no content although nothing stopped it.
    Empty,
    /// The client left before the answer was complete.
    ClientGone,
    /// Another attempt for the same request answered first, and this one was cancelled.
    Superseded,
    /// The caller's own credential is missing, unknown, expired or revoked.
    CallerAuth,
    /// The caller is known but may not use this feature.
    CallerDenied,
    /// The caller asks for more at a time than its feature's limits allow.
    OverLimit,
    /// What may be spent on it is spent.
    OverBudget,
    /// Policy leaves no deployment for the request, or none of those that it leaves answered.
    PolicyDenied,
    /// The requested feature, model or path does not exist.
    NotFound,
    /// Every tier was tried or closed.
    Exhausted,
    /// A defect or limit of Tieline itself.
    Internal,
}

impl Class {
    /// Every class.
    pub const ALL: [Self; 26] = [
        Self::Transport,
        Self::ServerError,
        Self::Overloaded,
        Self::RateLimited,
        Self::Billing,
        Self::Auth,
        Self::Timeout,
        Self::ContextOverflow,
        Self::TooLarge,
        Self::UnsupportedHere,
        Self::PolicyBlock,
        Self::ClientInvalid,
        Self::StreamTruncated,
        Self::StreamError,
        Self::BadPayload,
        Self::Empty,
        Self::ClientGone,
        Self::Superseded,
        Self::CallerAuth,
        Self::CallerDenied,
        Self::OverLimit,
        Self::OverBudget,
        Self::PolicyDenied,
        Self::NotFound,
        Self::Exhausted,
        Self::Internal,
    ];

    /// The stable name used in metrics, logs and the ledger.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Transport => "transport",
            Self::ServerError => "server_error",
            Self::Overloaded => "overloaded",
            Self::RateLimited => "rate_limited",
            Self::Billing => "billing",
            Self::Auth => "auth",
            Self::Timeout => "timeout",
            Self::ContextOverflow => "context_overflow",
            Self::TooLarge => "too_large",
            Self::UnsupportedHere => "unsupported_here",
            Self::PolicyBlock => "policy_block",
            Self::ClientInvalid => "client_invalid",
            Self::StreamTruncated => "stream_truncated",
            Self::StreamError => "stream_error",
            Self::BadPayload => "bad_payload",
            Self::Empty => "empty",
            Self::ClientGone => "client_gone",
            Self::Superseded => "superseded",
            Self::CallerAuth => "caller_auth",
            Self::CallerDenied => "caller_denied",
            Self::OverLimit => "over_limit",
            Self::OverBudget => "over_budget",
            Self::PolicyDenied => "policy_denied",
            Self::NotFound => "not_found",
            Self::Exhausted => "exhausted",
            Self::Internal => "internal",
        }
    }

    /// The HTTP status a client sees for this class when Tieline itself answers.
    ///
    /// A provider's refusal of *our* credential or account is a 502, never a 401: the caller's
    /// key is fine and must not be rotated for it.
    #[must_use]
    pub const fn status(self) -> u16 {
        match self {
            Self::ContextOverflow
            | Self::UnsupportedHere
            | Self::PolicyBlock
            | Self::ClientInvalid => 400,
            Self::CallerAuth => 401,
            Self::OverBudget => 402,
            Self::CallerDenied | Self::PolicyDenied => 403,
            Self::NotFound => 404,
            Self::TooLarge => 413,
            Self::RateLimited | Self::OverLimit => 429,
            Self::ClientGone => 499,
            Self::Internal => 500,
            Self::Transport
            | Self::ServerError
            | Self::Billing
            | Self::Auth
            | Self::StreamTruncated
            | Self::StreamError
            | Self::BadPayload
            | Self::Empty
            | Self::Superseded => 502,
            Self::Overloaded | Self::Exhausted => 503,
            Self::Timeout => 504,
        }
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Whose fault it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// The caller's request or credential.
    Caller,
    /// Tieline's configuration, limits or code.
    Tieline,
    /// The model provider.
    Provider,
    /// The path between Tieline and the provider.
    Network,
}

/// How far the fault reaches: what else is likely to fail the same way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// This request only.
    Request,
    /// Everything that uses the same credential.
    Credential,
    /// Everything billed to the same account.
    Account,
    /// Everything that draws on the same quota.
    QuotaPool,
    /// This model at this provider.
    Deployment,
    /// The provider as a whole.
    Provider,
    /// Tieline's own machine or process.
    Local,
}

/// Whether the provider may have done (and billed) the work already.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Replay {
    /// The request never left: repeating it is free and safe.
    NotSent,
    /// The provider said no before working on it.
    Refused,
    /// The provider may have worked on it.
    MaybeExecuted,
    /// The provider did work on it.
    Executed,
}

/// Where in an attempt the fault appeared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Before any attempt: reading, admission, planning.
    Admit,
    /// Resolving, connecting, signing or writing.
    Connect,
    /// Waiting for response headers.
    Headers,
    /// After the headers, before the first content.
    PreCommit,
    /// After content reached the client.
    PostCommit,
}

/// A failure on the request path, with everything needed to decide what to do about it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Fault {
    /// What went wrong.
    pub class: Class,
    /// Whose fault it was.
    pub origin: Origin,
    /// How far it reaches.
    pub scope: Scope,
    /// Whether the work may have been done.
    pub replay: Replay,
    /// Where in the attempt it appeared.
    pub phase: Phase,
    /// The provider's HTTP status, when there was one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub status: Option<u16>,
    /// The provider's own error code or type, e.g. `rate_limit_exceeded`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub code: Option<String>,
    /// One sentence for a person: the provider's message where there is one.
    pub message: String,
    /// The request parameter at fault, e.g. `messages[2].content`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub param: Option<String>,
    /// How long the provider asked us to wait.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub retry_after: Option<Duration>,
    /// The provider's request id, for its support desk.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub upstream_request_id: Option<String>,
}

impl Fault {
    /// A fault with the class's usual origin, scope, replay and phase; refine with the setters.
    pub fn new(class: Class, message: impl Into<String>) -> Self {
        let (origin, scope, replay, phase) = usual(class);
        Self {
            class,
            origin,
            scope,
            replay,
            phase,
            status: None,
            code: None,
            message: message.into(),
            param: None,
            retry_after: None,
            upstream_request_id: None,
        }
    }

    /// A request that is wrong at `param` and would be wrong everywhere.
    pub fn invalid(param: impl Into<String>, message: impl Into<String>) -> Self {
        Self { param: Some(param.into()), ..Self::new(Class::ClientInvalid, message) }
    }

    /// A request that this target dialect or deployment cannot carry, at `param`.
    pub fn unsupported(param: impl Into<String>, message: impl Into<String>) -> Self {
        Self { param: Some(param.into()), ..Self::new(Class::UnsupportedHere, message) }
    }

    /// Sets the phase.
    #[must_use]
    pub fn at(mut self, phase: Phase) -> Self {
        self.phase = phase;
        self
    }

    /// Sets the provider's HTTP status.
    #[must_use]
    pub fn with_status(mut self, status: u16) -> Self {
        self.status = Some(status);
        self
    }

    /// Sets the provider's error code.
    #[must_use]
    pub fn with_code(mut self, code: impl Into<String>) -> Self {
        self.code = Some(code.into());
        self
    }

    /// Sets the wait the provider asked for.
    #[must_use]
    pub fn with_retry_after(mut self, wait: Option<Duration>) -> Self {
        self.retry_after = wait;
        self
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.class, self.message)
    }
}

impl std::error::Error for Fault {}

const fn usual(class: Class) -> (Origin, Scope, Replay, Phase) {
    use Class as C;
    match class {
        C::Transport => (Origin::Network, Scope::Provider, Replay::NotSent, Phase::Connect),
        C::ServerError => {
            (Origin::Provider, Scope::Deployment, Replay::MaybeExecuted, Phase::Headers)
        }
        C::Overloaded => (Origin::Provider, Scope::Deployment, Replay::Refused, Phase::Headers),
        C::RateLimited => (Origin::Provider, Scope::QuotaPool, Replay::Refused, Phase::Headers),
        C::Billing => (Origin::Provider, Scope::Account, Replay::Refused, Phase::Headers),
        C::Auth => (Origin::Provider, Scope::Credential, Replay::Refused, Phase::Headers),
        C::Timeout => (Origin::Provider, Scope::Deployment, Replay::MaybeExecuted, Phase::Headers),
        C::UnsupportedHere => {
            (Origin::Provider, Scope::Deployment, Replay::Refused, Phase::Headers)
        }
        C::StreamTruncated | C::StreamError | C::BadPayload | C::Empty => {
            (Origin::Provider, Scope::Deployment, Replay::Executed, Phase::PreCommit)
        }
        C::ContextOverflow | C::PolicyBlock | C::ClientInvalid => {
            (Origin::Caller, Scope::Request, Replay::Refused, Phase::Headers)
        }
        C::TooLarge
        | C::CallerAuth
        | C::CallerDenied
        | C::OverLimit
        | C::OverBudget
        | C::NotFound => (Origin::Caller, Scope::Request, Replay::NotSent, Phase::Admit),
        C::ClientGone => (Origin::Caller, Scope::Request, Replay::MaybeExecuted, Phase::PreCommit),
        C::Superseded => (Origin::Tieline, Scope::Request, Replay::MaybeExecuted, Phase::PreCommit),
        C::Exhausted | C::PolicyDenied | C::Internal => {
            (Origin::Tieline, Scope::Local, Replay::NotSent, Phase::Admit)
        }
    }
}
