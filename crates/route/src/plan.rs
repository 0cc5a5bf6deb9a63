//! The immutable compiled form of a configuration.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use rand::{Rng as _, SeedableRng as _, rngs::SmallRng};
use tieline_types::Rates;

use crate::{Allotment, Ceilings, Criticality, Domain, Limits, Owner, Weights, pool::Configured};

/// Everything a request needs to know of the configuration.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// All deployments; everything else names them by position.
    pub deployments: Vec<Deployment>,
    /// What deployments share: the elements of the failure-domain tree.
    pub domains: Vec<Domain>,
    /// Features by name.
    pub features: BTreeMap<Arc<str>, Arc<Feature>>,
    /// What may be spent; requests name budgets by position.
    pub budgets: Vec<Allotment>,
}

impl Plan {
    /// Whether a deployment is there to answer: some tier of models lists it. Others make vectors.
    #[must_use]
    pub fn answers(&self, deployment: usize) -> bool {
        let mut tiers = self.features.values().flat_map(|feature| &feature.tiers);
        tiers.any(|tier| match &tier.mode {
            Mode::Models { candidates, .. } => {
                candidates.iter().any(|one| one.deployment == deployment)
            }
            _ => false,
        })
    }

    /// The budgets that a caller's requests of a feature are paid from, in ascending order.
    #[must_use]
    pub fn paying(&self, feature: &Feature, caller: &str) -> Vec<usize> {
        let pays = |budget: &Allotment| match &budget.owner {
            Owner::Feature(name) => *name == feature.name,
            Owner::Team(name) => feature.owner.as_ref() == Some(name),
            Owner::Caller(name) => **name == *caller,
        };
        let budgets = self.budgets.iter().enumerate().filter(|(_, budget)| pays(budget));
        budgets.map(|(at, _)| at).collect()
    }
}

/// One model at one provider.
#[derive(Clone, Debug, PartialEq)]
pub struct Deployment {
    /// `model@provider`.
    pub id: Arc<str>,
    /// The model's vendor-neutral name.
    pub model: Arc<str>,
    /// The provider's name.
    pub provider: Arc<str>,
    /// Positions of the domains it belongs to in [`Plan::domains`].
    pub domains: Vec<usize>,
    /// Its quota, where it is configured.
    pub limits: Configured,
    /// What its tokens cost, where that is known.
    pub rates: Option<Arc<Rates>>,
    /// The most tokens of output that it is asked for where a request sets no limit.
    pub max_output: Option<u64>,
    /// How good its answers are, from 0 to 1, where somebody says so.
    pub quality: Option<f64>,
}

/// A capability of the user's product, with its fallback ladder.
#[derive(Clone, Debug)]
pub struct Feature {
    /// Its name.
    pub name: Arc<str>,
    /// The team that owns it.
    pub owner: Option<Arc<str>>,
    /// How much its requests matter when there is not room for all.
    pub criticality: Criticality,
    /// The time a request may take in all.
    pub deadline: Duration,
    /// How long a tier that dropped must be well before it returns; zero to return at once.
    pub return_after: Duration,
    /// Refuse rather than lose anything in translation.
    pub strict: bool,
    /// When a second deployment is asked as well; never, where there is none.
    pub hedge: Option<Hedge>,
    /// What happens when a stream breaks after its commit point.
    pub on_break: OnBreak,
    /// What its callers may ask for at a time.
    pub limits: Limits,
    /// True for the feature that a plain model name stands for.
    pub implicit: bool,
    /// The ladder, best first.
    pub tiers: Vec<Tier>,
}

impl Feature {
    /// Whether there is anything to choose among for a request: more than one candidate.
    #[must_use]
    pub fn has_choice(&self) -> bool {
        let usable = || self.tiers.iter().flat_map(Tier::usable);
        usable().nth(1).is_some() || self.tiers.iter().any(Tier::has_canary)
    }
}

/// When a second deployment of the tier is asked as well, for a stream that is slow to begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hedge {
    /// The time to the first content after which that is done; what is usual for the deployment
    /// where there is none.
    pub after: Option<Duration>,
}

/// What happens when a stream breaks after its commit point.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnBreak {
    /// The client is told, in its dialect's own words.
    #[default]
    Error,
    /// Another candidate answers from the beginning, for clients that asked for it.
    Restart,
    /// Another candidate continues the text.
    Continue,
    /// As [`Self::Error`], but the commit point comes later: a break before it is survived unseen.
    Buffer {
        /// Commit at the latest when this many pieces of content have arrived.
        pieces: Option<u64>,
        /// Commit at the latest this long after the first content.
        hold: Duration,
    },
}

/// One step of a feature's fallback ladder.
#[derive(Clone, Debug)]
pub struct Tier {
    /// Its name.
    pub name: Arc<str>,
    /// What it does.
    pub mode: Mode,
    /// The time to the first content that an attempt may take.
    pub ttft: Option<Duration>,
    /// The time all its attempts together may take.
    pub deadline: Option<Duration>,
    /// Whether an answer from here counts as good.
    pub acceptable: bool,
    /// What its answers may cost and take.
    pub ceilings: Ceilings,
}

impl Tier {
    /// Whether one of its candidates answers a share of the conversations.
    #[must_use]
    pub fn has_canary(&self) -> bool {
        let canary = |one: &Candidate| matches!(one.role, Role::Canary(_));
        matches!(&self.mode, Mode::Models { candidates, .. } if candidates.iter().any(canary))
    }

    /// The candidates that it may call for any request; none where it calls no models.
    pub fn usable(&self) -> impl Iterator<Item = &Candidate> {
        let (candidates, weighted) = match &self.mode {
            Mode::Models { candidates, prefer } => {
                (candidates.as_slice(), *prefer == Prefer::Weighted)
            }
            _ => (&[][..], false),
        };
        let serves = |one: &&Candidate| one.role == Role::Serving;
        candidates.iter().filter(serves).filter(move |one| !weighted || one.weight > 0)
    }
}

/// What a tier does.
#[derive(Clone, Debug, PartialEq)]
pub enum Mode {
    /// Asks models.
    Models {
        /// Which deployments, in configured order.
        candidates: Vec<Candidate>,
        /// In which order they are tried.
        prefer: Prefer,
    },
    /// Answers from earlier answers to the same question.
    Cache {
        /// How old they may be.
        max_age: Duration,
        /// When those to similar questions will do; none for never.
        similar: Option<Similar>,
    },
    /// Keeps the request to be answered later.
    Queue {
        /// How long it is worth answering.
        ttl: Duration,
        /// How many may wait at once.
        max_jobs: u64,
    },
    /// Answers with a fixed text.
    Reply {
        /// The text.
        text: Arc<str>,
    },
    /// Answers with an error at once.
    Off,
}

/// When a question is similar enough to an earlier one.
#[derive(Clone, Debug, PartialEq)]
pub struct Similar {
    /// Positions in [`Plan::deployments`] of those of one model that turn texts into vectors, in
    /// the order in which they are tried.
    pub embeddings: Vec<usize>,
    /// The least cosine of two vectors.
    pub min_score: f64,
}

/// A deployment considered by a tier.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Candidate {
    /// Its position in [`Plan::deployments`].
    pub deployment: usize,
    /// Its share under [`Prefer::Weighted`]; 0 means never.
    pub weight: u32,
    /// What it may do there.
    pub role: Role,
}

/// What a candidate may do in its tier: so its evals and its release have it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Role {
    /// Serves in its turn.
    #[default]
    Serving,
    /// Answers a share of the conversations, before all others, and nothing else.
    Canary(Canary),
    /// Answers nothing.
    Barred(Bar),
}

/// Whose requests a canary answers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Canary {
    /// The share of the conversations, from 0 to 1.
    pub share: f64,
    /// What makes the conversations of one release others than those of the next.
    pub salt: u64,
}

impl Canary {
    /// Whether it answers a request of which this lot was drawn.
    #[must_use]
    pub fn answers(&self, lot: Option<u64>) -> bool {
        let mixed = lot.map(|lot| SmallRng::seed_from_u64(lot ^ self.salt).random::<f64>());
        mixed.is_some_and(|lot| lot < self.share)
    }
}

/// Why a candidate answers nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Bar {
    /// No valid attestation says that it passed its suite.
    Unattested,
    /// It serves by a release only, and there is none.
    Unreleased,
    /// It is being released, and its answers are only compared.
    Shadow,
    /// Its release is held where it is, until somebody decides.
    Paused,
    /// It was rolled back.
    RolledBack,
}

impl Bar {
    /// Its stable name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unattested => "unattested",
            Self::Unreleased => "unreleased",
            Self::Shadow => "shadow",
            Self::Paused => "paused",
            Self::RolledBack => "rolled_back",
        }
    }
}

/// The order in which a tier tries its candidates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Prefer {
    /// As configured.
    Ordered,
    /// Drawn at random by weight, without repetition.
    Weighted,
    /// The less busy of two drawn at random, by recent time to the first content and requests under
    /// way.
    Fastest,
    /// Whatever the request is expected to cost least at.
    Cheapest,
    /// The best by cost, latency and quality.
    Balanced(Weights),
}
