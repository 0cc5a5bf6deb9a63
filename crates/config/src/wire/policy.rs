//! What a feature demands of deployments, what is stated of these, and exceptions.

use jiff::{Timestamp, civil::Date, tz::TimeZone};
use schemars::JsonSchema;
use serde::Deserialize;
use tieline_types::DataClass;

use crate::lenient::Field;

/// What is known of a provider or deployment. What is not stated stays as its kind implies, or
/// unknown; a rule that asks for an unknown fact is not met.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Facts {
    /// Who sends the bill. Default: as the kind implies.
    #[schemars(example = &"microsoft")]
    pub(crate) seller: Field<String>,
    /// The cloud that runs it. Default: as the kind implies.
    #[schemars(example = &"azure")]
    pub(crate) host: Field<String>,
    /// The network in front of its API, where others fail with it.
    #[schemars(example = &"cloudflare")]
    pub(crate) edge: Field<String>,
    /// Every region that a request may be processed in.
    #[schemars(extend("minItems" = 1), example = serde_json::json!(["swedencentral"]))]
    pub(crate) regions: Field<Vec<Field<String>>>,
    /// The zone that it is processed in, such as `eu`. Default: that of `regions`.
    #[schemars(example = &"eu")]
    pub(crate) zone: Field<String>,
    /// The region that whatever is kept is kept in.
    pub(crate) storage_region: Field<String>,
    /// How many days prompts or answers are kept; 0 for not at all.
    pub(crate) retention_days: Field<u32>,
    /// Whether models are trained on what is sent.
    pub(crate) training: Field<bool>,
    /// Whether there is a data processing agreement.
    pub(crate) dpa: Field<bool>,
    /// Whether there is a business associate agreement (HIPAA).
    pub(crate) baa: Field<bool>,
    /// Whether there are standard contractual clauses.
    pub(crate) scc: Field<bool>,
    /// What it is certified for.
    #[schemars(extend("minItems" = 1), example = serde_json::json!(["iso-27001", "c5"]))]
    pub(crate) certifications: Field<Vec<Field<String>>>,
    /// How many tokens its context takes.
    #[schemars(range(min = 1))]
    pub(crate) context_tokens: Field<u32>,
    /// How many tokens an answer may have.
    #[schemars(range(min = 1))]
    pub(crate) output_tokens: Field<u32>,
    /// What it takes beside text, such as `image`, `document` or `audio`.
    #[schemars(extend("minItems" = 1), example = serde_json::json!(["image", "document"]))]
    pub(crate) modalities: Field<Vec<Field<String>>>,
    /// Whether it calls tools.
    pub(crate) tools: Field<bool>,
    /// Whether it keeps to a JSON schema.
    pub(crate) json_schema: Field<bool>,
    /// Whether it thinks before it answers.
    pub(crate) reasoning: Field<bool>,
    /// Whether it caches prompts.
    pub(crate) caching: Field<bool>,
    /// Whether it is a preview.
    pub(crate) preview: Field<bool>,
    /// The day that it is retired.
    #[schemars(with = "String", extend("format" = "date"), example = "2027-01-31")]
    pub(crate) retires_on: Field<Day>,
    /// The last day on which these facts are believed; then they are unknown. Default: none.
    #[schemars(with = "String", extend("format" = "date"), example = "2027-01-31")]
    pub(crate) expires: Field<Day>,
    /// Who says so: a page, a contract. Default: the configuration.
    #[schemars(example = "DPA of 2026-02-01")]
    pub(crate) source: Field<String>,
}

/// How sensitive a feature's data is, and where it may be processed.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("minProperties" = 1))]
pub(crate) struct Data {
    /// How sensitive it is: no model may be trained on what is `confidential`, and of what is
    /// `restricted` nothing may be kept either.
    pub(crate) class: Field<Class>,
    /// Zones (`eu`) or regions (`swedencentral`) that it may be processed in. Default: any.
    #[schemars(extend("minItems" = 1), example = serde_json::json!(["eu"]))]
    pub(crate) residency: Field<Vec<Field<String>>>,
    /// What it is used for; policies may ask.
    pub(crate) purpose: Field<String>,
}

/// A class of data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Class {
    /// Anybody may read it.
    Public,
    /// It is not secret, but not for everybody.
    Internal,
    /// Only some may read it.
    Confidential,
    /// Nobody else may have it.
    Restricted,
}

impl From<Class> for DataClass {
    fn from(class: Class) -> Self {
        match class {
            Class::Public => Self::Public,
            Class::Internal => Self::Internal,
            Class::Confidential => Self::Confidential,
            Class::Restricted => Self::Restricted,
        }
    }
}

/// What must be known of a deployment.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("minProperties" = 1))]
pub(crate) struct Require {
    /// Zones or regions that whatever is kept may be kept in. Default: any.
    #[schemars(extend("minItems" = 1), example = serde_json::json!(["eu"]))]
    pub(crate) storage: Field<Vec<Field<String>>>,
    /// The most days that prompts or answers may be kept; 0 for zero data retention.
    pub(crate) retention_days: Field<u32>,
    /// No model may be trained on what is sent.
    pub(crate) no_training: Field<bool>,
    /// There must be a data processing agreement.
    pub(crate) dpa: Field<bool>,
    /// There must be a business associate agreement (HIPAA).
    pub(crate) baa: Field<bool>,
    /// There must be standard contractual clauses.
    pub(crate) scc: Field<bool>,
    /// It must be certified for all of these.
    #[schemars(extend("minItems" = 1), example = serde_json::json!(["iso-27001"]))]
    pub(crate) certifications: Field<Vec<Field<String>>>,
}

/// Deployments by any of their names: one that is named in any of the lists is meant.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("minProperties" = 1))]
pub(crate) struct Names {
    /// Those of these providers.
    pub(crate) providers: Field<Vec<Field<String>>>,
    /// Those of these models.
    pub(crate) models: Field<Vec<Field<String>>>,
    /// These themselves, such as `gpt-5.5@openai`.
    pub(crate) deployments: Field<Vec<Field<String>>>,
    /// Those that these sell.
    pub(crate) sellers: Field<Vec<Field<String>>>,
    /// Those that these clouds run.
    pub(crate) hosts: Field<Vec<Field<String>>>,
}

/// Deployments that are open to a feature for a time, whatever the rules say.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("required" = ["feature", "open", "until", "reason", "author"]))]
pub(crate) struct Exception {
    /// The feature.
    pub(crate) feature: Field<String>,
    /// Deployments (`gpt-5.5@openai`), models or providers that are open to it.
    #[schemars(extend("minItems" = 1), example = serde_json::json!(["gpt-5.5@openai"]))]
    pub(crate) open: Field<Vec<Field<String>>>,
    /// When it ends. From then on it does nothing.
    #[schemars(
        with = "String",
        extend("format" = "date-time"),
        example = "2026-12-01T18:00:00Z"
    )]
    pub(crate) until: Field<Moment>,
    /// Why it is made.
    pub(crate) reason: Field<String>,
    /// Who answers for it.
    pub(crate) author: Field<String>,
}

/// A day such as `2027-01-31`.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Day(pub(crate) Date);

impl Day {
    /// When the day is over everywhere that counts in UTC, milliseconds since the Unix epoch.
    pub(crate) fn end_ms(self) -> Option<u64> {
        let next = self.0.tomorrow().ok()?.to_zoned(TimeZone::UTC).ok()?;
        u64::try_from(next.timestamp().as_millisecond()).ok()
    }
}

impl TryFrom<String> for Day {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse().map(Self).map_err(|_| "a day such as `2027-01-31`")
    }
}

/// A time such as `2026-12-01T18:00:00Z`.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Moment(pub(crate) u64);

impl TryFrom<String> for Moment {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let time = text.parse().ok().map(Timestamp::as_millisecond);
        let time = time.and_then(|ms| u64::try_from(ms).ok());
        time.map(Self).ok_or("a time with its zone such as `2026-12-01T18:00:00Z`")
    }
}
