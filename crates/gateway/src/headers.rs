//! The names of headers by which clients and Tieline tell each other things.

use http::HeaderName;

/// Names the feature, whatever `model` says; in an answer, the feature that answered.
pub(crate) const FEATURE: HeaderName = HeaderName::from_static("x-tieline-feature");
/// Describes a request: `key=value`, separated by commas.
pub(crate) const TAGS: HeaderName = HeaderName::from_static("x-tieline-tags");
/// A signed drill for this request; in an answer, the name of the drill that it was part of.
pub(crate) const DRILL: HeaderName = HeaderName::from_static("x-tieline-drill");
/// Names the conversation that a request belongs to.
pub(crate) const SESSION: HeaderName = HeaderName::from_static("x-tieline-session");
/// How many milliseconds the caller will wait.
pub(crate) const DEADLINE: HeaderName = HeaderName::from_static("x-tieline-deadline-ms");
/// `ok` to a stream that begins again after a break.
pub(crate) const RESTART: HeaderName = HeaderName::from_static("x-tieline-stream-restart");
/// How often the SDKs of OpenAI and Anthropic have sent a request again.
pub(crate) const RETRIES: HeaderName = HeaderName::from_static("x-stainless-retry-count");
/// Who changes something through the admin listener; nobody has checked it.
pub(crate) const ACTOR: HeaderName = HeaderName::from_static("x-tieline-actor");
/// The request's id.
pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-tieline-request-id");
/// How many upstream calls were made.
pub(crate) const ATTEMPTS: HeaderName = HeaderName::from_static("x-tieline-attempts");
/// The id of the decision that the answer came by.
pub(crate) const DECISION: HeaderName = HeaderName::from_static("x-tieline-decision");
/// The tier that answered.
pub(crate) const TIER: HeaderName = HeaderName::from_static("x-tieline-tier");
/// The deployment that answered.
pub(crate) const DEPLOYMENT: HeaderName = HeaderName::from_static("x-tieline-deployment");
/// What translation could not carry.
pub(crate) const LOSS: HeaderName = HeaderName::from_static("x-tieline-loss");
/// The provider's own id of the request.
pub(crate) const UPSTREAM_REQUEST_ID: HeaderName =
    HeaderName::from_static("x-tieline-upstream-request-id");
/// How an answer of a `cache` tier was found.
pub(crate) const CACHE: HeaderName = HeaderName::from_static("x-tieline-cache");
/// What a request cost, US dollars.
pub(crate) const COST_USD: HeaderName = HeaderName::from_static("x-tieline-cost-usd");
/// Tells the SDKs of OpenAI and Anthropic whether to send a request again.
pub(crate) const SHOULD_RETRY: HeaderName = HeaderName::from_static("x-should-retry");
/// What of a token count is an estimate.
pub(crate) const ESTIMATED: HeaderName = HeaderName::from_static("x-tieline-estimated");
