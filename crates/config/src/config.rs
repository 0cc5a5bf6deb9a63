//! The checked configuration: plain values in which every reference exists.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use schemars::JsonSchema;
use serde::Deserialize;
use tieline_types::{Exception, Facts, PolicyFile, Rates, Rules, Secret};
use url::Url;

mod drills;
mod evals;
mod limits;
mod money;
mod objective;
mod quota;
mod sentinels;
mod slos;
mod surface;

pub use drills::Drills;
pub use evals::{Attestations, Document, Evals, Requirement};
pub use limits::{Allowance, FeatureLimits};
pub use money::{Budget, Budgets, OnLimit, Per};
pub use objective::{Ceilings, Prefer, Weights};
pub use quota::{Demand, Limits, Ramp};
pub use sentinels::{PromptFile, Sentinels, ShutdownDates};
pub use slos::{AlertTargets, BurnResponse, OnBurn, SloFiles};
pub use surface::Surface;

/// Everything `tieline.yaml` says, in the order of the file.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// Version of the format; always 1.
    pub version: u32,
    /// Where Tieline listens.
    pub server: Server,
    /// Where calls are recorded.
    pub ledger: LedgerSettings,
    /// Accounts at vendor endpoints.
    pub providers: Vec<Provider>,
    /// Models and their deployments.
    pub models: Vec<Model>,
    /// The features of the file, then one for each model that has no feature of its name.
    pub features: Vec<Feature>,
    /// Price files of the user's own, by name.
    pub prices: Vec<PathBuf>,
    /// What callers and teams may spend.
    pub budgets: Budgets,
    /// Attestations of evals, and whose signatures count.
    pub attestations: Attestations,
    /// Who is told of alerts.
    pub alerts: AlertTargets,
    /// Files of policies, by name.
    pub policies: Vec<PolicyFile>,
    /// The path that these were found by, where there is one.
    pub policies_path: Option<PathBuf>,
    /// Exceptions from rules and policies, those that are over included.
    pub exceptions: Vec<Exception>,
    /// How deployments are asked whether they still answer as they did; none where they are not.
    pub sentinels: Option<Sentinels>,
    /// What drills may do while this configuration is in force; none where they may do nothing.
    pub drills: Option<Drills>,
}

impl Config {
    /// The provider called `name`.
    #[must_use]
    pub fn provider(&self, name: &str) -> Option<&Provider> {
        self.providers.iter().find(|provider| provider.name == name)
    }

    /// The feature called `name`.
    #[must_use]
    pub fn feature(&self, name: &str) -> Option<&Feature> {
        self.features.iter().find(|feature| feature.name == name)
    }

    /// The deployment with this id.
    #[must_use]
    pub fn deployment(&self, id: &str) -> Option<&Deployment> {
        self.deployments().find(|deployment| deployment.id == id)
    }

    /// Every deployment of every model.
    pub fn deployments(&self) -> impl Iterator<Item = &Deployment> {
        self.models.iter().flat_map(|model| &model.deployments)
    }
}

/// Where Tieline listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    /// Address of the API that clients call.
    pub listen: SocketAddr,
    /// Address of the admin API; none when it is off.
    pub admin: Option<SocketAddr>,
    /// Certificate and key to serve HTTPS with; none for HTTP.
    pub tls: Option<Tls>,
    /// Largest request body, in bytes.
    pub max_body_bytes: u64,
    /// How long a stopping server waits for its requests to end.
    pub drain: Duration,
    /// Threads that serve requests; none for one each core.
    pub workers: Option<usize>,
}

/// A certificate and its key, in PEM files that could be read when the file was checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tls {
    /// Path of the certificate chain.
    pub cert: PathBuf,
    /// Path of the private key.
    pub key: PathBuf,
}

/// Where calls are recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LedgerSettings {
    /// Path of the SQLite database.
    pub path: PathBuf,
    /// Folder of the files that take records while the database cannot.
    pub spill: PathBuf,
}

/// An account at a vendor endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Provider {
    /// Its name; unique.
    pub name: String,
    /// What is spoken there and how it is authenticated.
    pub kind: ProviderKind,
    /// How long a connection may take to open.
    pub connect_timeout: Duration,
    /// Whether Tieline asks of its own whether what failed is back.
    pub probes: Probes,
    /// Whether its list of models is read for the days on which they end, where it has one.
    pub shutdown_dates: ShutdownDates,
    /// A PEM file of certificate authorities to trust besides the usual ones.
    pub extra_ca: Option<PathBuf>,
    /// What is stated of all its deployments.
    pub facts: Facts,
}

/// When Tieline sends small requests of its own to a provider, which cost what any request does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Probes {
    /// While a deployment is out, to find out that it is back.
    #[default]
    Recover,
    /// Never: requests of callers find out.
    Off,
}

/// The vendor behind a provider, with its address and credential.
///
/// URLs are http or https, without credentials, query and fragment; their path may end in `/`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProviderKind {
    /// OpenAI itself.
    Openai {
        /// Base URL, up to and with `/v1`.
        base_url: Url,
        /// Bearer credential.
        api_key: Secret,
        /// Value of `OpenAI-Organization`.
        organization: Option<String>,
        /// Value of `OpenAI-Project`.
        project: Option<String>,
    },
    /// Azure OpenAI and Azure AI Foundry.
    AzureOpenai {
        /// The resource, without `/openai`.
        endpoint: Url,
        /// How requests are authenticated.
        auth: AzureAuth,
        /// Selects the dated paths; none for the v1 paths.
        api_version: Option<String>,
    },
    /// Anthropic itself.
    Anthropic {
        /// Base URL, without `/v1`.
        base_url: Url,
        /// Value of `x-api-key`.
        api_key: Secret,
        /// Value of `anthropic-version`.
        version: String,
    },
    /// Amazon Bedrock.
    Bedrock {
        /// AWS region.
        region: String,
        /// How requests are authenticated.
        auth: AwsAuth,
        /// Another host for the runtime API.
        endpoint: Option<Url>,
        /// Another host for the mantle API.
        mantle_endpoint: Option<Url>,
        /// Service name that mantle requests are signed for.
        mantle_service: String,
    },
    /// Any server that speaks OpenAI's protocols.
    OpenaiCompatible {
        /// Base URL, up to the part before `/chat/completions`.
        base_url: Url,
        /// Bearer credential, where the server wants one.
        api_key: Option<Secret>,
    },
}

/// How Azure authenticates requests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AzureAuth {
    /// The `api-key` header.
    Key(Secret),
    /// Tokens of Microsoft Entra ID. What is absent comes from the default chain: environment,
    /// workload identity, managed identity.
    Entra {
        /// The tenant.
        tenant_id: Option<String>,
        /// The application, or the user-assigned identity.
        client_id: Option<String>,
        /// The application's secret.
        client_secret: Option<Secret>,
        /// The scope to ask for; none for the usual one of the paths in use.
        scope: Option<String>,
    },
}

/// How AWS authenticates requests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AwsAuth {
    /// Signatures with credentials of the default chain.
    Chain {
        /// Profile in the AWS configuration files.
        profile: Option<String>,
    },
    /// A Bedrock API key as bearer credential.
    ApiKey(Secret),
}

/// A model by its vendor-neutral name.
#[derive(Clone, Debug, PartialEq)]
pub struct Model {
    /// Its name; unique.
    pub name: String,
    /// Where it can be had, best first; never empty.
    pub deployments: Vec<Deployment>,
}

/// One model at one provider.
#[derive(Clone, Debug, PartialEq)]
pub struct Deployment {
    /// `model@provider`; further deployments of the model at the same provider are
    /// `model@provider/name`. Unique.
    pub id: String,
    /// The model's name.
    pub model: String,
    /// The provider's name.
    pub provider: String,
    /// What the provider calls the model.
    pub name: String,
    /// Which of the provider's APIs to call, if the file says so. See [`Self::surface_for`].
    pub surface: Option<Surface>,
    /// Output limit to ask for where the protocol requires one and the client gave none, in tokens.
    pub max_output_tokens: Option<u64>,
    /// Whether the model takes `temperature`, `top_p` and `top_k`.
    pub sampling: bool,
    /// Whether the model goes on from a last turn of its own rather than refuse it or begin anew.
    pub prefill: bool,
    /// Its quota, as far as the file says.
    pub limits: Limits,
    /// Where its calls may be processed, as price lists put it, if the file says so.
    pub scope: Option<String>,
    /// What its tokens cost, if the file says so.
    pub price: Option<Rates>,
    /// How good its answers are, from 0 to 1, if the file says so.
    pub quality: Option<f64>,
    /// What is stated of it alone.
    pub facts: Facts,
}

/// A capability of the user's product.
#[derive(Clone, Debug, PartialEq)]
pub struct Feature {
    /// Its name; unique.
    pub name: String,
    /// The team that owns it.
    pub owner: Option<String>,
    /// How much its requests matter when there is not room for all.
    pub criticality: Criticality,
    /// How long a request may take in all.
    pub deadline: Duration,
    /// How long a tier that dropped must be well before it returns; zero to return at once.
    pub return_after: Duration,
    /// What to do with a request that a deployment's dialect cannot carry whole.
    pub fidelity: Fidelity,
    /// What happens when a stream breaks after content was sent.
    pub on_stream_break: OnStreamBreak,
    /// When a second deployment is asked as well; never, where there is none.
    pub hedge: Option<Hedge>,
    /// What callers may ask for at a time.
    pub limits: FeatureLimits,
    /// What its callers ask for at its peak, if the file says so.
    pub demand: Option<Demand>,
    /// What may be spent on it.
    pub budget: Option<Budget>,
    /// What it demands of deployments.
    pub rules: Rules,
    /// The suite that deployments must have passed, where its tiers do not say otherwise.
    pub evals: Option<Evals>,
    /// The files of its objectives.
    pub slos: SloFiles,
    /// What it does while they burn, in the order of the file.
    pub on_burn: Vec<OnBurn>,
    /// The ladder, best first; never empty.
    pub tiers: Vec<Tier>,
    /// True for a feature that stands for a model and is not in the file.
    pub implicit: bool,
}

/// When a second deployment of the tier is asked as well, for a stream that is slow to begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hedge {
    /// The time to the first content after which that is done; what is usual for the deployment
    /// where there is none.
    pub after: Option<Duration>,
}

/// How much a request matters when there is not room for all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Criticality {
    /// Always goes; keeps a share that the others may not use up.
    CriticalPlus,
    /// A person waits for it.
    #[default]
    Critical,
    /// Part of it may fail now and then.
    SheddablePlus,
    /// It may wait for another time.
    Sheddable,
}

/// What to do with a request that a deployment's dialect cannot carry whole.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Fidelity {
    /// Send what can be carried and report the losses.
    #[default]
    Standard,
    /// Skip the deployment.
    Strict,
}

/// What happens when a stream breaks after content was sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnStreamBreak {
    /// The stream ends with its protocol's own error event.
    #[default]
    Error,
    /// Another deployment answers from the beginning, for clients that ask for it.
    Restart,
    /// Another deployment continues the text.
    Continue,
    /// The start of a stream is held back, so that a break within it is not seen.
    Buffer {
        /// Held until this many pieces of content have arrived; about a token each.
        tokens: Option<u64>,
        /// Held at most this long after the first content.
        hold: Duration,
    },
}

/// One step of a feature's ladder.
#[derive(Clone, Debug, PartialEq)]
pub struct Tier {
    /// Its name; unique in the feature.
    pub name: String,
    /// What it does.
    pub mode: TierMode,
    /// How long an attempt may take to its first content.
    pub ttft: Option<Duration>,
    /// How long the tier may take in all; none for the feature's deadline.
    pub deadline: Option<Duration>,
    /// Whether its answers count as served rather than degraded.
    pub acceptable: bool,
    /// What its answers may cost and take.
    pub ceilings: Ceilings,
    /// The suite that its deployments must have passed.
    pub evals: Option<Evals>,
}

/// What a tier does.
#[derive(Clone, Debug, PartialEq)]
pub enum TierMode {
    /// Calls a model.
    Models {
        /// The deployments to try, without repetition; never empty.
        candidates: Vec<Candidate>,
        /// How to choose among them.
        prefer: Prefer,
    },
    /// Answers from earlier replies to the same request.
    Cache {
        /// How old a reply may be.
        max_age: Duration,
        /// When replies to similar requests will do; none for never.
        similar: Option<Similar>,
    },
    /// Keeps the request and answers it later.
    Queue(Queue),
    /// Answers with a fixed text.
    Reply {
        /// The text.
        text: String,
    },
    /// Refuses.
    Off,
}

/// Requests that are answered later.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Queue {
    /// How long a request is worth answering, and how long its answer is kept.
    pub ttl: Duration,
    /// How many requests of the feature may wait at once.
    pub max_jobs: u64,
    /// Who is told of an answer.
    pub webhook: Option<Webhook>,
}

/// Who is told of something: that a queued request has been answered, or of alerts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Webhook {
    /// Where to.
    pub url: Url,
    /// What the message is signed with.
    pub secret: Option<Secret>,
}

/// When a request is similar enough to an earlier one.
#[derive(Clone, Debug, PartialEq)]
pub struct Similar {
    /// Ids of the deployments of one model that turn texts into vectors, in the order in which they
    /// are tried; never empty.
    pub embeddings: Vec<String>,
    /// The least cosine of two vectors, 0.5 to 1.
    pub min_score: f64,
}

/// A deployment that a tier may call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// Id of the deployment.
    pub deployment: String,
    /// Its share under [`Prefer::Weighted`]; 0 is never.
    pub weight: u32,
    /// It serves by a release only.
    pub by_release: bool,
}
