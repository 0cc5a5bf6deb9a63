//! What is known of a deployment beside how to call it: who sells it, where it runs, what is kept.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::Arc,
};

use serde::{Serialize, Serializer};

/// A fact that can be known of a deployment. Its type is always the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FactName {
    /// Who sells it and sends the bill, a text such as `openai` or `aws`.
    Seller,
    /// The cloud or platform that runs it, a text.
    Host,
    /// The network in front of its API that others share, a text such as `cloudflare`.
    Edge,
    /// The regions that a request may be processed in, all of them: a set.
    Regions,
    /// The zones that these lie in, such as `eu`; `global` is anywhere. A set.
    Zones,
    /// The region that whatever is kept is kept in, a text.
    StorageRegion,
    /// The zone that whatever is kept is kept in, a text.
    StorageZone,
    /// How many days prompts or answers are kept, 0 for not at all: a number.
    RetentionDays,
    /// Whether models are trained on what is sent, a flag.
    Training,
    /// Whether there is a data processing agreement, a flag.
    Dpa,
    /// Whether there is a business associate agreement (HIPAA), a flag.
    Baa,
    /// Whether there are standard contractual clauses, a flag.
    Scc,
    /// What it is certified for, such as `iso-27001`: a set.
    Certifications,
    /// How many tokens its context takes, a number.
    ContextTokens,
    /// How many tokens an answer may have, a number.
    OutputTokens,
    /// What it takes beside text, such as `image`, `document` or `audio`: a set.
    Modalities,
    /// Whether it calls tools, a flag.
    Tools,
    /// Whether it keeps to a JSON schema, a flag.
    JsonSchema,
    /// Whether it thinks before it answers, a flag.
    Reasoning,
    /// Whether it caches prompts, a flag.
    Caching,
    /// Whether it goes on from a last turn of its own, a flag.
    Prefill,
    /// Whether it is a preview, a flag.
    Preview,
    /// The day that it is retired, a text such as `2027-01-31`.
    RetiresOn,
}

impl FactName {
    /// Every fact, in the order in which people read them.
    pub const ALL: [Self; 23] = [
        Self::Seller,
        Self::Host,
        Self::Edge,
        Self::Regions,
        Self::Zones,
        Self::StorageRegion,
        Self::StorageZone,
        Self::RetentionDays,
        Self::Training,
        Self::Dpa,
        Self::Baa,
        Self::Scc,
        Self::Certifications,
        Self::ContextTokens,
        Self::OutputTokens,
        Self::Modalities,
        Self::Tools,
        Self::JsonSchema,
        Self::Reasoning,
        Self::Caching,
        Self::Prefill,
        Self::Preview,
        Self::RetiresOn,
    ];

    /// The stable name, which is also that of the attribute in policies.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Seller => "seller",
            Self::Host => "host",
            Self::Edge => "edge",
            Self::Regions => "regions",
            Self::Zones => "zones",
            Self::StorageRegion => "storage_region",
            Self::StorageZone => "storage_zone",
            Self::RetentionDays => "retention_days",
            Self::Training => "training",
            Self::Dpa => "dpa",
            Self::Baa => "baa",
            Self::Scc => "scc",
            Self::Certifications => "certifications",
            Self::ContextTokens => "context_tokens",
            Self::OutputTokens => "output_tokens",
            Self::Modalities => "modalities",
            Self::Tools => "tools",
            Self::JsonSchema => "json_schema",
            Self::Reasoning => "reasoning",
            Self::Caching => "caching",
            Self::Prefill => "prefill",
            Self::Preview => "preview",
            Self::RetiresOn => "retires_on",
        }
    }
}

impl fmt::Display for FactName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What is known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum FactValue {
    /// A text.
    Text(String),
    /// A set of texts; never empty.
    Set(BTreeSet<String>),
    /// A number.
    Number(u32),
    /// Yes or no.
    Flag(bool),
}

impl From<&str> for FactValue {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<bool> for FactValue {
    fn from(flag: bool) -> Self {
        Self::Flag(flag)
    }
}

impl From<u32> for FactValue {
    fn from(number: u32) -> Self {
        Self::Number(number)
    }
}

impl From<BTreeSet<String>> for FactValue {
    fn from(set: BTreeSet<String>) -> Self {
        Self::Set(set)
    }
}

impl fmt::Display for FactValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::Set(set) => {
                let texts: Vec<&str> = set.iter().map(String::as_str).collect();
                f.write_str(&texts.join(", "))
            }
            Self::Number(number) => write!(f, "{number}"),
            Self::Flag(flag) => f.write_str(if *flag { "yes" } else { "no" }),
        }
    }
}

/// Something known, by whom, and for how long.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Fact {
    /// What is known.
    pub value: FactValue,
    /// Who says so: a page, a contract, the configuration.
    pub source: Arc<str>,
    /// From when on nobody knows any more, milliseconds since the Unix epoch.
    pub expires_ms: Option<u64>,
}

/// All that is known of one deployment. What is not in it is unknown, which is not the same as no.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts(BTreeMap<FactName, Fact>);

impl Facts {
    /// A fact, if it is known.
    #[must_use]
    pub fn get(&self, name: FactName) -> Option<&Fact> {
        self.0.get(&name)
    }

    /// Notes a fact in the place of what was known before.
    pub fn set(&mut self, name: FactName, fact: Fact) {
        self.0.insert(name, fact);
    }

    /// Forgets a fact.
    pub fn forget(&mut self, name: FactName) {
        self.0.remove(&name);
    }

    /// Every fact, in the order of [`FactName::ALL`].
    pub fn iter(&self) -> impl Iterator<Item = (FactName, &Fact)> {
        self.0.iter().map(|(name, fact)| (*name, fact))
    }

    /// Whether nothing is known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What is still known at a time, in milliseconds since the Unix epoch.
    #[must_use]
    pub fn at(&self, now_ms: u64) -> Self {
        let holds = |fact: &Fact| fact.expires_ms.is_none_or(|expires_ms| now_ms < expires_ms);
        let held = self.0.iter().filter(|(_, fact)| holds(fact));
        Self(held.map(|(name, fact)| (*name, fact.clone())).collect())
    }

    /// A fact that is a text.
    #[must_use]
    pub fn text(&self, name: FactName) -> Option<&str> {
        match &self.get(name)?.value {
            FactValue::Text(text) => Some(text),
            _ => None,
        }
    }

    /// A fact that is a set.
    #[must_use]
    pub fn texts(&self, name: FactName) -> Option<&BTreeSet<String>> {
        match &self.get(name)?.value {
            FactValue::Set(set) => Some(set),
            _ => None,
        }
    }

    /// A fact that is a number.
    #[must_use]
    pub fn number(&self, name: FactName) -> Option<u32> {
        match self.get(name)?.value {
            FactValue::Number(number) => Some(number),
            _ => None,
        }
    }

    /// A fact that is a flag.
    #[must_use]
    pub fn flag(&self, name: FactName) -> Option<bool> {
        match self.get(name)?.value {
            FactValue::Flag(flag) => Some(flag),
            _ => None,
        }
    }
}

impl Serialize for Facts {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, fact)| (name.as_str(), fact)))
    }
}
