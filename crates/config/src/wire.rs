//! The file as it is written: every key with its type, its meaning and an example.
//!
//! These types are the one source of what keys exist; the JSON Schema comes from them too. What a
//! value refers to, and what is allowed together, is decided in `check`.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::{
    config::{Criticality, Fidelity, Probes, ShutdownDates, Surface},
    lenient::{Entries, Field, Short},
    units,
};

mod drills;
mod evals;
mod limits;
mod money;
mod objective;
mod policy;
mod quota;
mod sentinels;
mod slos;

pub(crate) use drills::Drills;
pub(crate) use evals::{Evals, FeatureEvals};
pub(crate) use limits::FeatureLimits;
pub(crate) use money::{Budget, Budgets, LongPrice, Price, Usd};
pub(crate) use objective::{Balanced, PREFER_WORDS, Prefer};
pub(crate) use policy::{Data, Day, Exception, Facts, Names, Require};
pub(crate) use quota::{Demand, Limits};
pub(crate) use sentinels::Sentinels;
pub(crate) use slos::{AlertWebhook, Alerts, BURN_PREFER_WORDS, OnBurn};

/// Configuration of Tieline.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(title = "tieline.yaml", extend("required" = ["version", "providers", "models"]))]
pub(crate) struct File {
    /// Version of this format. Always 1.
    #[schemars(extend("const" = 1))]
    pub(crate) version: Field<u32>,
    /// Where Tieline listens.
    pub(crate) server: Field<Server>,
    /// Where requests, usage and cost are recorded.
    pub(crate) ledger: Field<Ledger>,
    /// Accounts at vendor endpoints, by name.
    #[schemars(extend("minProperties" = 1))]
    pub(crate) providers: Field<Entries<Provider>>,
    /// Models by their vendor-neutral name; each lists the providers that have it, best first.
    #[schemars(
        extend("minProperties" = 1),
        example = serde_json::json!({ "gpt-5.5": ["openai", "azure-sweden"] })
    )]
    pub(crate) models: Field<Entries<Vec<Field<Short<Deployment>>>>>,
    /// Capabilities of your product, by name; each owns a ladder of tiers. A model without a
    /// feature of its name is a feature with one tier: that model.
    pub(crate) features: Field<Entries<Feature>>,
    /// Price files of your own over the built-in price lists: a path whose last part may have one
    /// `*`.
    #[schemars(example = "prices/*.yaml")]
    pub(crate) prices: Field<String>,
    /// What callers and teams may spend.
    pub(crate) budgets: Field<Budgets>,
    /// Attestations of evals, and whose signatures count.
    pub(crate) evals: Field<Evals>,
    /// Who is told when an objective is in danger, besides the log.
    pub(crate) alerts: Field<Alerts>,
    /// Path of Cedar policies; one `*` may stand in its last part. Once there is a policy, what
    /// none permits is forbidden.
    #[schemars(example = "policies/*.cedar")]
    pub(crate) policies: Field<String>,
    /// Deployments that are open to a feature for a time, whatever the rules say.
    pub(crate) exceptions: Field<Vec<Field<Exception>>>,
    /// Prompts by which it is found out whether deployments still answer as they did.
    pub(crate) sentinels: Field<Sentinels>,
    /// What drills may do in a running gateway. Without this key nothing is ever injected.
    pub(crate) drills: Field<Drills>,
}

/// Where Tieline listens.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Server {
    /// Address of the API that clients call.
    #[schemars(with = "String", extend("default" = "127.0.0.1:8080"))]
    pub(crate) listen: Field<Address>,
    /// Address of the admin API and metrics, or `off`.
    #[schemars(with = "String", extend("default" = "127.0.0.1:8081"))]
    pub(crate) admin: Field<Admin>,
    /// Certificate and key to serve HTTPS with. Without it: HTTP.
    pub(crate) tls: Field<Tls>,
    /// Largest request body.
    #[schemars(with = "String", extend("default" = "64MiB"))]
    pub(crate) max_body: Field<Size>,
    /// How long a stopping server waits for its requests to end.
    #[schemars(with = "String", extend("default" = "30s"))]
    pub(crate) drain: Field<Lapse>,
    /// Threads that serve requests. Default: one for each core.
    #[schemars(range(min = 1, max = 1024))]
    pub(crate) workers: Field<u16>,
}

/// A certificate and its key, in PEM files.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("required" = ["cert", "key"]))]
pub(crate) struct Tls {
    /// Path of the certificate chain.
    pub(crate) cert: Field<String>,
    /// Path of the private key.
    pub(crate) key: Field<String>,
}

/// Where requests, usage and cost are recorded.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Ledger {
    /// Path of the SQLite database.
    #[schemars(extend("default" = "tieline.db"))]
    pub(crate) path: Field<String>,
    /// Folder of the files that take records while the database cannot. Default: the database's
    /// path with `.spill` added.
    pub(crate) spill: Field<String>,
}

/// An account at a vendor endpoint. Which keys apply depends on `kind`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(rename = "Provider", extend("required" = ["kind"]))]
pub(crate) struct Provider {
    /// What is spoken there and how it is authenticated.
    pub(crate) kind: Field<Kind>,
    /// Base URL of the API (openai, anthropic, openai-compatible).
    #[schemars(extend("format" = "uri", "examples" = ["https://api.openai.com/v1"]))]
    pub(crate) base_url: Field<String>,
    /// Credential (all kinds; for bedrock a bearer API key instead of AWS credentials).
    #[schemars(with = "SecretRef")]
    pub(crate) api_key: Field<Short<SecretRef>>,
    /// OpenAI organization to bill (openai).
    pub(crate) organization: Field<String>,
    /// OpenAI project to bill (openai).
    pub(crate) project: Field<String>,
    /// URL of the Azure resource (azure-openai), or another host for the Bedrock runtime (bedrock).
    #[schemars(extend("format" = "uri", "examples" = ["https://acme-se.openai.azure.com"]))]
    pub(crate) endpoint: Field<String>,
    /// `entra` to use Microsoft Entra ID instead of `api_key` (azure-openai).
    pub(crate) auth: Field<Auth>,
    /// Entra tenant. Default: from the environment (azure-openai with `auth: entra`).
    pub(crate) tenant_id: Field<String>,
    /// Entra application. Default: from the environment (azure-openai with `auth: entra`).
    pub(crate) client_id: Field<String>,
    /// Secret of the Entra application. Default: workload or managed identity (azure-openai with
    /// `auth: entra`).
    #[schemars(with = "SecretRef")]
    pub(crate) client_secret: Field<Short<SecretRef>>,
    /// Entra scope to ask a token for (azure-openai with `auth: entra`).
    #[schemars(example = "https://cognitiveservices.azure.com/.default")]
    pub(crate) scope: Field<String>,
    /// Dated API version, which selects the dated paths. Default: the v1 paths (azure-openai).
    #[schemars(example = "2025-04-01-preview")]
    pub(crate) api_version: Field<String>,
    /// Value of the `anthropic-version` header. Default: 2023-06-01 (anthropic).
    pub(crate) version: Field<String>,
    /// AWS region (bedrock).
    #[schemars(example = "us-east-2")]
    pub(crate) region: Field<String>,
    /// Profile in the AWS configuration files. Default: the default credential chain (bedrock).
    pub(crate) profile: Field<String>,
    /// Another host for Bedrock's mantle API (bedrock).
    #[schemars(extend("format" = "uri"))]
    pub(crate) mantle_endpoint: Field<String>,
    /// Service name that mantle requests are signed for. Default: bedrock-mantle (bedrock).
    pub(crate) mantle_service: Field<String>,
    /// How long a connection may take to open.
    #[schemars(with = "String", extend("default" = "2s"))]
    pub(crate) connect_timeout: Field<Lapse>,
    /// Whether a deployment that failed is asked by small requests of Tieline's own if it is back.
    #[schemars(extend("default" = "recover"))]
    pub(crate) probes: Field<Probes>,
    /// Whether its list of models is read once a day for the days on which they end (openai,
    /// azure-openai, openai-compatible).
    #[schemars(extend("default" = "daily"))]
    pub(crate) shutdown_dates: Field<ShutdownDates>,
    /// Path of a PEM file with certificate authorities to trust besides the usual ones.
    pub(crate) extra_ca: Field<String>,
    /// What is known of it, for the rules of features.
    pub(crate) facts: Field<Facts>,
}

/// A kind of provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Kind {
    /// OpenAI itself.
    Openai,
    /// Azure OpenAI and Azure AI Foundry.
    AzureOpenai,
    /// Anthropic itself.
    Anthropic,
    /// Amazon Bedrock.
    Bedrock,
    /// Any server that speaks OpenAI's protocols: Groq, Mistral, Ollama, vLLM and others.
    OpenaiCompatible,
}

/// A way to authenticate without a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Auth {
    /// Microsoft Entra ID.
    Entra,
}

/// Where a secret is read from: an environment variable or a file, never the configuration.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(
    rename = "Secret",
    extend("minProperties" = 1, "maxProperties" = 1),
    example = serde_json::json!({ "env": "OPENAI_API_KEY" }),
    example = serde_json::json!({ "file": "/run/secrets/openai" })
)]
pub(crate) struct SecretRef {
    /// Name of an environment variable.
    pub(crate) env: Field<String>,
    /// Path of a file; white space around its text is dropped.
    pub(crate) file: Field<String>,
    #[schemars(skip)]
    pub(crate) value: Field<String>,
    #[serde(skip)]
    pub(crate) literal: bool,
}

impl From<String> for SecretRef {
    fn from(_: String) -> Self {
        Self { literal: true, ..Self::default() }
    }
}

/// A model at a provider. A string is the provider's name alone.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("required" = ["provider"]))]
pub(crate) struct Deployment {
    /// Name of the provider.
    pub(crate) provider: Field<String>,
    /// What the provider calls the model. Default: the model's name.
    #[schemars(example = "us.anthropic.claude-sonnet-5")]
    pub(crate) name: Field<String>,
    /// Which of the provider's APIs to call. Default: the kind's usual one.
    pub(crate) surface: Field<Surface>,
    /// Output limit to ask for where the protocol requires one and the client gave none.
    #[schemars(range(min = 1))]
    pub(crate) max_output_tokens: Field<u64>,
    /// Whether the model takes `temperature`, `top_p` and `top_k`.
    #[schemars(extend("default" = true))]
    pub(crate) sampling: Field<bool>,
    /// Whether the model goes on from a last turn of its own, so that it can finish a text that
    /// broke off elsewhere (`on_stream_break: continue`). Most refuse it or begin anew.
    #[schemars(extend("default" = false))]
    pub(crate) prefill: Field<bool>,
    /// Quota there, so that requests go elsewhere before the provider refuses them.
    pub(crate) limits: Field<Limits>,
    /// Where calls may be processed, as price lists put it: `global`, `geo:eu`,
    /// `region:swedencentral`. Only where the provider's name of the model does not tell.
    #[schemars(regex(pattern = r"^(global|gov|(geo|region|gov):[a-z0-9-]+)$"))]
    pub(crate) scope: Field<String>,
    /// What its tokens cost, where no catalogue knows: local models, negotiated prices, and
    /// ceilings.
    pub(crate) price: Field<Price>,
    /// How good its answers are, from 0 to 1, by your own measure.
    #[schemars(range(min = 0, max = 1))]
    pub(crate) quality: Field<f64>,
    /// What is known of it, where that differs from what is known of its provider.
    pub(crate) facts: Field<Facts>,
    #[serde(skip)]
    short: Option<String>,
}

impl Deployment {
    /// The provider's name, from either way to write it.
    pub(crate) fn provider_name(&self) -> Option<&str> {
        self.short.as_deref().or(self.provider.value.as_deref())
    }

    /// Whether the provider is named, rightly or wrongly.
    pub(crate) const fn names_provider(&self) -> bool {
        self.short.is_some() || self.provider.is_written()
    }
}

impl From<String> for Deployment {
    fn from(name: String) -> Self {
        Self { short: Some(name), ..Self::default() }
    }
}

/// A capability of your product and what it falls back to.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("required" = ["tiers"]))]
pub(crate) struct Feature {
    /// Team that owns it.
    pub(crate) owner: Field<String>,
    /// How much its requests matter when there is not room for all.
    #[schemars(extend("default" = "critical"))]
    pub(crate) criticality: Field<Criticality>,
    /// How long a request may take in all.
    #[schemars(with = "String", extend("default" = "600s"))]
    pub(crate) deadline: Field<Lapse>,
    /// How long a tier of models that dropped must be well before more than a tenth of its requests
    /// returns; `0s` returns them at once.
    #[schemars(with = "String", extend("default" = "5m"))]
    pub(crate) return_after: Field<Lapse>,
    /// What to do with a request that a deployment's protocol cannot carry whole.
    #[schemars(extend("default" = "standard"))]
    pub(crate) fidelity: Field<Fidelity>,
    /// What happens when a stream breaks after content was sent.
    #[schemars(extend("default" = "error"), transform = stream_break_words)]
    pub(crate) on_stream_break: Field<Short<OnStreamBreak>>,
    /// Ask a second deployment of the tier as well when a stream is slow to begin.
    pub(crate) hedge: Field<Hedge>,
    /// What callers may ask for at a time; beyond it they get 429 and are told when to come back.
    pub(crate) limits: Field<FeatureLimits>,
    /// What its callers ask for at its peak, for `tieline contingency`. Default: what the ledger
    /// saw.
    pub(crate) demand: Field<Demand>,
    /// What may be spent on it.
    pub(crate) budget: Field<Budget>,
    /// How sensitive its data is, and where it may be processed.
    pub(crate) data: Field<Data>,
    /// What must be known of a deployment that it goes to.
    pub(crate) require: Field<Require>,
    /// The only deployments that it may go to. Default: all of its tiers.
    pub(crate) allow: Field<Names>,
    /// Deployments that it may not go to.
    pub(crate) deny: Field<Names>,
    /// The suite that a deployment must have passed to serve it.
    pub(crate) evals: Field<FeatureEvals>,
    /// Its service level objectives, in OpenSLO files: a path whose last part may have one `*`.
    #[schemars(example = "slos/support-reply.yaml")]
    pub(crate) slos: Field<String>,
    /// What it does while its objectives burn; of several that hold, the first of each kind.
    #[schemars(extend("minItems" = 1))]
    pub(crate) on_burn: Field<Vec<Field<OnBurn>>>,
    /// The ladder, best first.
    #[schemars(extend("minItems" = 1))]
    pub(crate) tiers: Field<Vec<Field<Tier>>>,
}

/// When a second deployment is asked as well.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Hedge {
    /// How long the first may take to its first content. Default: what 95 of 100 of its streams
    /// needed.
    #[schemars(with = "Option<String>")]
    pub(crate) after: Field<Lapse>,
}

/// What happens when a stream breaks after content was sent: `error`, `restart`, `continue`, or
/// this.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("required" = ["buffer"]))]
pub(crate) struct OnStreamBreak {
    /// Hold the start of a stream back, so that a break within it is not seen.
    pub(crate) buffer: Field<Buffer>,
    #[serde(skip)]
    pub(crate) word: Option<String>,
}

impl From<String> for OnStreamBreak {
    fn from(word: String) -> Self {
        Self { word: Some(word), ..Self::default() }
    }
}

/// The one-word values of `on_stream_break`.
pub(crate) const STREAM_BREAK_WORDS: [&str; 3] = ["error", "restart", "continue"];

fn stream_break_words(schema: &mut schemars::Schema) {
    let forms = schema.get_mut("anyOf").and_then(|forms| forms.as_array_mut());
    if let Some(word) = forms.and_then(|forms| forms.first_mut()?.as_object_mut()) {
        word.insert("enum".to_owned(), serde_json::json!(STREAM_BREAK_WORDS));
    }
}

/// How much of a stream's start is held back: until either is reached.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("minProperties" = 1))]
pub(crate) struct Buffer {
    /// Pieces of content, about a token each. Default: any number within the time.
    #[schemars(range(min = 1), example = 40)]
    pub(crate) tokens: Field<u64>,
    /// Time since the first content, at most 10s.
    #[serde(rename = "for")]
    #[schemars(with = "String", extend("default" = "1s"))]
    pub(crate) hold: Field<Lapse>,
}

/// One step of a ladder: exactly one of `models`, `cache`, `queue`, `reply` and `off`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Tier {
    /// Name in headers and records. Default: `models`, `cache`, `queue`, `reply` or `off`, or the
    /// tier's number (`tier-2`) where that is taken.
    pub(crate) name: Field<String>,
    /// Models (`gpt-5.5`: all its deployments) and deployments (`gpt-5.5@openai`) to try.
    pub(crate) models: Field<Vec<Field<String>>>,
    /// Models and deployments that serve here by a release only; once released, before the others.
    #[schemars(extend("minItems" = 1), example = serde_json::json!(["gpt-6@openai"]))]
    pub(crate) release_candidates: Field<Vec<Field<String>>>,
    /// The suite that a deployment must have passed to serve here. Default: the feature's.
    pub(crate) evals: Field<FeatureEvals>,
    /// How to choose among them.
    #[schemars(extend("default" = "ordered"), transform = objective::prefer_words)]
    pub(crate) prefer: Field<Short<Prefer>>,
    /// Shares of models or deployments with `prefer: weighted`; 1 where none is given, 0 is never.
    #[schemars(example = serde_json::json!({ "gpt-5.5@openai": 3, "claude-sonnet-5": 1 }))]
    pub(crate) weights: Field<Entries<u32>>,
    /// A request that is expected to cost more, in US dollars, does not go there.
    #[schemars(with = "f64", range(min = 0), example = 0.05)]
    pub(crate) max_usd_per_request: Field<Usd>,
    /// Deployments of which 95 of 100 streams take longer to begin are tried after the others.
    #[schemars(with = "String", example = "2s")]
    pub(crate) ttft_p95: Field<Lapse>,
    /// Deployments of less `quality` are tried after the others.
    #[schemars(range(min = 0, max = 1))]
    pub(crate) min_quality: Field<f64>,
    /// Answer from earlier replies to the same request.
    pub(crate) cache: Field<Cache>,
    /// Keep the request, answer 202 at once and the request itself later.
    pub(crate) queue: Field<Queue>,
    /// Answer with this text.
    pub(crate) reply: Field<String>,
    /// Refuse with an error.
    #[schemars(extend("const" = true))]
    pub(crate) off: Field<bool>,
    /// How long an attempt may take to its first content.
    #[schemars(with = "String", example = "3s")]
    pub(crate) ttft: Field<Lapse>,
    /// How long the tier may take in all. Default: the feature's deadline.
    #[schemars(with = "String", example = "10s")]
    pub(crate) deadline: Field<Lapse>,
    /// Whether an answer of this tier counts as served rather than degraded. Default: true, but
    /// false for `queue`.
    pub(crate) acceptable: Field<bool>,
}

/// Answers from earlier replies.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("required" = ["max_age"]))]
pub(crate) struct Cache {
    /// How old a reply may be.
    #[schemars(with = "String", example = "24h")]
    pub(crate) max_age: Field<Lapse>,
    /// Answer from replies to similar requests as well. Default: to the same request only.
    pub(crate) similar: Field<Similar>,
}

/// When a request is similar to an earlier one: all is the same but the wording of the user's last
/// text, and that means nearly the same.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("required" = ["embeddings"]))]
pub(crate) struct Similar {
    /// Model that turns texts into vectors (all its deployments, in order) or one of its
    /// deployments, at providers of kind openai, azure-openai or openai-compatible.
    #[schemars(example = "text-embedding-3-small")]
    pub(crate) embeddings: Field<String>,
    /// How near the vectors must be: their cosine.
    #[schemars(range(min = 0.5, max = 1), extend("default" = 0.95))]
    pub(crate) min_score: Field<f64>,
}

/// Requests that are answered later.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Queue {
    /// How long a request is worth answering, and how long its answer is kept; at most 7 days.
    #[schemars(with = "String", extend("default" = "24h"))]
    pub(crate) ttl: Field<Lapse>,
    /// How many requests of the feature may wait at once.
    #[schemars(range(min = 1, max = 100_000), extend("default" = 1000))]
    pub(crate) max_jobs: Field<u64>,
    /// URL that is told when a request has been answered, with the answer.
    #[schemars(extend("format" = "uri"), example = "https://hooks.example/tieline")]
    pub(crate) webhook: Field<String>,
    /// Secret that what the webhook gets is signed with.
    #[schemars(with = "SecretRef")]
    pub(crate) secret: Field<Short<SecretRef>>,
}

/// A duration such as `20s`.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Lapse(pub(crate) Duration);

impl TryFrom<String> for Lapse {
    type Error = units::UnitError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        units::duration(&text).map(Self)
    }
}

/// A number of bytes such as `64MiB`.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Size(pub(crate) u64);

impl TryFrom<String> for Size {
    type Error = units::UnitError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        units::size(&text).map(Self)
    }
}

/// An address to listen on.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Address(pub(crate) std::net::SocketAddr);

impl TryFrom<String> for Address {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse().map(Self).map_err(|_| "an IP address and a port, such as `127.0.0.1:8080`")
    }
}

/// An address to listen on, or `off`.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Admin(pub(crate) Option<std::net::SocketAddr>);

impl TryFrom<String> for Admin {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        if text == "off" {
            return Ok(Self(None));
        }
        text.parse()
            .map(|address| Self(Some(address)))
            .map_err(|_| "`off` or an IP address and a port, such as `127.0.0.1:8081`")
    }
}
