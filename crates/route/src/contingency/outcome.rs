//! What an analysis finds.

use std::{fmt, sync::Arc};

use jiff::civil::Date;
use serde::{Serialize, Serializer};
use tieline_types::UsdPico;

use super::{Contingency, Limit, Reserve};
use crate::Criticality;

/// What was found of all contingencies.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// With nothing more lost than what is out already.
    pub base: Vec<FeatureOutcome>,
    /// Each contingency, ordinary ones first.
    pub contingencies: Vec<Outcome>,
    /// The most severe ordinary contingency against what is in reserve; none where no quota is
    /// known.
    pub reserve: Option<Reserve>,
}

impl Report {
    /// The critical features that the loss of one ordinary element, or nothing at all, leaves
    /// without an acceptable answer to all of their requests.
    #[must_use]
    pub fn insecure(&self) -> Vec<&str> {
        self.critical(|one| one.verdict == Verdict::NotSecure)
    }

    /// The critical features whose verdicts nobody can tell for want of demand or quotas.
    #[must_use]
    pub fn unproved(&self) -> Vec<&str> {
        self.critical(|one| matches!(one.evidence, Evidence::Unknown(_)))
    }

    fn critical(&self, is: impl Fn(&FeatureOutcome) -> bool) -> Vec<&str> {
        let ordinary = self.contingencies.iter().filter(|one| one.contingency.is_ordinary());
        let all = || ordinary.clone().flat_map(|one| &one.features).chain(&self.base);
        let named = self.base.iter().filter(|one| !one.criticality.gives_way());
        let found = named.filter(|base| all().any(|one| one.feature == base.feature && is(one)));
        found.map(|one| &*one.feature).collect()
    }
}

impl Contingency {
    /// Whether a configuration should stand it.
    #[must_use]
    pub fn is_ordinary(&self) -> bool {
        self.class == super::Class::Ordinary
    }
}

/// What becomes of all features in one contingency.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Outcome {
    /// What is lost.
    #[serde(flatten)]
    pub contingency: Contingency,
    /// Whether what matters survives it.
    pub verdict: Verdict,
    /// In the order of the topology.
    pub features: Vec<FeatureOutcome>,
}

/// What becomes of one feature.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FeatureOutcome {
    /// The feature.
    pub feature: Arc<str>,
    /// How much its requests matter.
    #[serde(serialize_with = "criticality")]
    pub criticality: Criticality,
    /// Whether it survives.
    pub verdict: Verdict,
    /// Which tiers answer which share of its requests; those that answer none are left out.
    pub mix: Vec<TierShare>,
    /// The share that acceptable tiers answer, 0 to 1.
    pub served: f64,
    /// The share that nothing answers, 0 to 1.
    pub unserved: f64,
    /// The share that acceptable tiers answer by the routing as it is, 0 to 1.
    pub routed: f64,
    /// The share of its requests that quota pools answer which are firm, or no pool needs.
    pub firm: f64,
    /// The share that acceptable tiers answer at once, after 15 and after 60 minutes, as pools may
    /// grow.
    pub servable: [f64; 3],
    /// What is left of the fullest pool that it draws on, 0 to 1; none where it draws on none with
    /// a limit.
    pub headroom: Option<f64>,
    /// What holds it where it is.
    pub binding: Binding,
    /// By how much an hour gets dearer, in US dollars; what moves finds cold prompt caches. None
    /// where a price is not known.
    pub usd_per_hour: Option<UsdPico>,
    /// By how much the time to the first content grows that 95 of 100 streams keep within, as a
    /// mean over deployments, in milliseconds. None where it is not known.
    pub first_p95_ms: Option<f64>,
    /// By how much the quality of answers changes. None where it is not known.
    pub quality: Option<f64>,
    /// How far it can be believed.
    pub evidence: Evidence,
}

fn criticality<S: Serializer>(one: &Criticality, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(one.as_str())
}

/// The share of a feature's requests that a tier answers.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TierShare {
    /// Its place in the ladder, from 0.
    pub tier: usize,
    /// Its name.
    pub name: Arc<str>,
    /// Whether an answer from here counts as good.
    pub acceptable: bool,
    /// The share, 0 to 1.
    pub share: f64,
}

/// Whether something survives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Acceptable tiers answer everything.
    Secure,
    /// They answer everything of critical features, while others give way: they are queued, shed or
    /// answered by a tier that is not acceptable.
    Remedial,
    /// They do not answer everything of some critical feature.
    NotSecure,
}

impl Verdict {
    /// Its name for people.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Secure => "secure",
            Self::Remedial => "secure with remedial action",
            Self::NotSecure => "not secure",
        }
    }
}

/// What holds a feature where it is.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case", tag = "what")]
pub enum Binding {
    /// No acceptable tier has anything left that may answer.
    NothingLeft,
    /// A pool is full.
    Full {
        /// Its name.
        pool: Arc<str>,
        /// Of what.
        limit: Limit,
        /// How much it gives.
        most: u64,
    },
    /// The quotas would do, but features take from each other what others could not do without, or
    /// are shed before a pool is full.
    Order,
    /// A queue takes no more.
    QueueFull {
        /// How many it holds.
        max_jobs: u64,
    },
    /// Nothing is full; this is the fullest.
    Fullest {
        /// The pool.
        pool: Arc<str>,
        /// Of what.
        limit: Limit,
        /// How much it gives.
        most: u64,
    },
    /// Nothing that it draws on has a limit that is known.
    Nothing,
}

impl fmt::Display for Binding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NothingLeft => {
                f.write_str("no acceptable tier has anything left that may answer")
            }
            Self::Full { pool, limit, most } => {
                write!(f, "`{pool}` is full: {} {}", grouped(*most), limit.words())
            }
            Self::Order => f.write_str(
                "the quotas would do, but not by the ladders as they are: others take what it \
                 needs, or it is shed before a pool is full",
            ),
            Self::QueueFull { max_jobs } => {
                write!(f, "its queue holds {} jobs", grouped(*max_jobs))
            }
            Self::Fullest { pool, limit, most } => {
                write!(f, "the fullest is `{pool}`: {} {}", grouped(*most), limit.words())
            }
            Self::Nothing => f.write_str("no limit is known"),
        }
    }
}

/// `600,000`
fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let lead = digits.len() % 3;
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && at % 3 == lead {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// How far a finding can be believed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "grade", content = "detail")]
pub enum Evidence {
    /// A drill showed it on that day.
    Drilled(Date),
    /// Analysed, by quotas that providers told or that were carried before.
    Measured,
    /// Analysed, by quotas as somebody wrote them down.
    Assumed,
    /// It rests on something that nobody knows, or owes: what that is.
    Unknown(String),
}

impl fmt::Display for Evidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Drilled(on) => write!(f, "drilled {on}"),
            Self::Measured => f.write_str("analysed, quotas measured"),
            Self::Assumed => f.write_str("analysed, quotas assumed"),
            Self::Unknown(what) => write!(f, "unknown ({what})"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_by_thousands() {
        for (count, text) in [(0, "0"), (999, "999"), (1_000, "1,000"), (600_000, "600,000")] {
            assert_eq!(grouped(count), text);
        }
        assert_eq!(grouped(1_234_567), "1,234,567");
        assert_eq!(grouped(12_345), "12,345");
    }
}
