//! What a drill injects, and where.

use serde::{Deserialize, Serialize};
use tieline_config::Config;
use tieline_route::Deployment;

/// The most faults of one drill.
pub(super) const FAULTS_MAX: usize = 16;
/// The longest delay of a first content: beyond it everything has given up.
const DELAY_MAX_MS: u64 = 600_000;
/// The longest wait that an injected error may ask for.
const RETRY_AFTER_MAX_S: u64 = 3600;
/// The most characters of a code word.
const WORD_CHARS_MAX: usize = 64;

/// A fault to inject into a share of the attempts of a drill.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InjectedFault {
    /// Which attempts it may strike.
    pub select: Select,
    /// The share of these that it strikes, 0 to 1. Shares of faults that select the same attempt
    /// add up.
    #[serde(default = "all")]
    pub share: f64,
    /// What happens to them.
    #[serde(rename = "do")]
    pub kind: FaultKind,
}

const fn all() -> f64 {
    1.0
}

/// Which attempts a fault may strike: those for which all of this is so. At least one is given.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Select {
    /// They go to this provider.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
    /// They go to this deployment: `model@provider`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deployment: Option<String>,
    /// They go to this model, wherever.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// They are made for this feature.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub feature: Option<String>,
}

/// What happens to an attempt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum FaultKind {
    /// No connection comes about. Nobody is called.
    ConnectRefused,
    /// The provider answers with an error in its own form. Nobody is called.
    HttpError {
        /// The HTTP status, 400 to 599.
        status: u16,
        /// The provider's code word; without it the usual one of the status.
        #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
        word: Option<String>,
        /// The wait it asks for, seconds.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        retry_after_s: Option<u64>,
    },
    /// No answer comes. Nobody is called.
    Hang,
    /// The provider is called so much later.
    TtftDelay {
        /// The delay, milliseconds.
        duration_ms: u64,
    },
    /// The provider's stream falls silent. A whole answer does not come; nobody is called for it.
    Stall {
        /// Pieces of content before it.
        after_events: u64,
    },
    /// The provider's stream ends early. So does a whole answer; nobody is called for it.
    Truncate {
        /// Pieces of content before it.
        after_events: u64,
    },
    /// The provider's stream ends with an error in its own form. Whole answers are left alone.
    StreamError {
        /// Pieces of content before it.
        after_events: u64,
        /// The provider's code word; without it that of an overloaded provider.
        #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
        word: Option<String>,
    },
}

impl FaultKind {
    /// The stable name used in reports and metrics.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::ConnectRefused => "connect_refused",
            Self::HttpError { .. } => "http_error",
            Self::Hang => "hang",
            Self::TtftDelay { .. } => "ttft_delay",
            Self::Stall { .. } => "stall",
            Self::Truncate { .. } => "truncate",
            Self::StreamError { .. } => "stream_error",
        }
    }

    /// Whether it can strike an answer of this form.
    const fn strikes(&self, stream: bool) -> bool {
        stream || !matches!(self, Self::StreamError { .. })
    }

    /// Whether the provider is called all the same.
    pub(super) const fn calls(&self, stream: bool) -> bool {
        match self {
            Self::ConnectRefused | Self::HttpError { .. } | Self::Hang => false,
            Self::TtftDelay { .. } => true,
            Self::Stall { .. } | Self::Truncate { .. } | Self::StreamError { .. } => stream,
        }
    }

    /// What is wrong with its figures; none where nothing is.
    fn wrong(&self) -> Option<String> {
        match self {
            Self::HttpError { status, .. } if !(400..=599).contains(status) => {
                Some(format!("`status` {status} is not from 400 to 599"))
            }
            Self::HttpError { retry_after_s: Some(wait), .. } if *wait > RETRY_AFTER_MAX_S => {
                Some(format!("`retry_after_s` {wait} is above {RETRY_AFTER_MAX_S}"))
            }
            Self::TtftDelay { duration_ms } if *duration_ms > DELAY_MAX_MS => {
                Some(format!("`duration_ms` {duration_ms} is above {DELAY_MAX_MS}"))
            }
            Self::HttpError { word: Some(word), .. }
            | Self::StreamError { word: Some(word), .. }
                if !is_word(word) =>
            {
                Some(format!("`type` must be at most {WORD_CHARS_MAX} letters, digits, `_` or `.`"))
            }
            _ => None,
        }
    }
}

/// Whether a text can stand in any provider's error as its code.
fn is_word(text: &str) -> bool {
    let usual = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-');
    (1..=WORD_CHARS_MAX).contains(&text.len()) && text.bytes().all(usual)
}

impl Select {
    /// Whether it selects an attempt of a feature at a deployment.
    pub(super) fn selects(&self, feature: &str, deployment: &Deployment) -> bool {
        let is = |wanted: &Option<String>, is: &str| wanted.as_deref().is_none_or(|one| one == is);
        is(&self.provider, &deployment.provider)
            && is(&self.deployment, &deployment.id)
            && is(&self.model, &deployment.model)
            && is(&self.feature, feature)
    }

    /// What is wrong with it; none where nothing is.
    fn wrong(&self, config: &Config) -> Option<String> {
        let Self { provider, deployment, model, feature } = self;
        if *self == Self::default() {
            let keys = "`provider`, `deployment`, `model` or `feature`";
            return Some(format!("`select` is empty: write at least one of {keys}"));
        }
        let has_provider = |name: &str| config.provider(name).is_some();
        let has_deployment = |id: &str| config.deployments().any(|one| one.id == id);
        let has_model = |name: &str| config.deployments().any(|one| one.model == name);
        let has_feature = |name: &str| config.feature(name).is_some();
        let unknown = |kind: &str, name: &Option<String>, has: &dyn Fn(&str) -> bool| {
            let name = name.as_deref().filter(|name| !has(name))?;
            Some(format!("`select` names the {kind} `{name}`, which is not in the configuration"))
        };
        unknown("provider", provider, &has_provider)
            .or_else(|| unknown("deployment", deployment, &has_deployment))
            .or_else(|| unknown("model", model, &has_model))
            .or_else(|| unknown("feature", feature, &has_feature))
    }
}

/// What is wrong with the faults of a drill; none where nothing is.
pub(super) fn wrong(faults: &[InjectedFault], config: &Config) -> Option<String> {
    if faults.is_empty() || faults.len() > FAULTS_MAX {
        return Some(format!("a drill has 1 to {FAULTS_MAX} faults, not {}", faults.len()));
    }
    faults.iter().enumerate().find_map(|(at, one)| {
        let share = (!(0.0..=1.0).contains(&one.share))
            .then(|| format!("`share` {} is not from 0 to 1", one.share));
        let wrong = share.or_else(|| one.kind.wrong()).or_else(|| one.select.wrong(config))?;
        Some(format!("faults[{at}]: {wrong}"))
    })
}

/// The fault that strikes an attempt; `draw`, evenly from 0 to 1, decides.
pub(super) fn drawn<'f>(
    faults: &'f [InjectedFault],
    feature: &str,
    deployment: &Deployment,
    stream: bool,
    draw: f64,
) -> Option<&'f InjectedFault> {
    let mut below = 0.0;
    faults
        .iter()
        .filter(|one| one.select.selects(feature, deployment))
        .find(|one| {
            below += one.share;
            draw < below
        })
        .filter(|one| one.kind.strikes(stream))
}
