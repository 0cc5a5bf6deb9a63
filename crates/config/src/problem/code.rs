//! The stable codes of configuration problems.

use std::fmt;

use serde::{Serialize, Serializer};

/// A kind of mistake. Its number never changes its meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Code {
    /// The configuration file cannot be read.
    Unreadable,
    /// The file is not one YAML document.
    Syntax,
    /// A key is written twice in one mapping.
    DuplicateKey,
    /// A key that does not exist here.
    UnknownKey,
    /// A value of the wrong type.
    WrongType,
    /// A value of the right type that is out of its range or form.
    InvalidValue,
    /// A key that is required is missing or empty.
    MissingKey,
    /// A version of the format that this program does not read.
    Version,
    /// A name that cannot be used.
    BadName,
    /// A deployment refers to a provider that is not configured.
    UnknownProvider,
    /// A tier refers to a model or deployment that is not configured.
    UnknownModel,
    /// Two things of one kind have the same name.
    DuplicateName,
    /// A model has no deployments.
    NoDeployments,
    /// A model lists the same provider twice under the same name.
    DuplicateDeployment,
    /// A feature has no tiers, or a tier has no models.
    EmptyTiers,
    /// A tier has none or several of `models`, `cache`, `queue`, `reply` and `off`.
    TierMode,
    /// A tier stands after one that always answers, or nearly always.
    UnreachableTier,
    /// A feature has a cache or a queue but no models that could fill or answer it.
    CacheAlone,
    /// A surface that this kind of provider does not have, or embeddings where there are none.
    SurfaceMismatch,
    /// A base URL that cannot be used.
    BadUrl,
    /// Weights that cannot take effect.
    Weights,
    /// Time limits that contradict each other.
    TimeLimits,
    /// A secret is written into the file.
    LiteralSecret,
    /// A secret cannot be read.
    SecretUnavailable,
    /// A provider has no credential, or two.
    Credential,
    /// A key that this kind of provider does not have.
    ForeignKey,
    /// A certificate or key file cannot be read as PEM.
    FileUnreadable,
    /// Files of policies cannot be read.
    PolicyFiles,
    /// An exception names a feature that is not configured.
    UnknownFeature,
}

impl Code {
    /// Every code, by number.
    pub const ALL: &[Self] = &[
        Self::Unreadable,
        Self::Syntax,
        Self::DuplicateKey,
        Self::UnknownKey,
        Self::WrongType,
        Self::InvalidValue,
        Self::MissingKey,
        Self::Version,
        Self::BadName,
        Self::UnknownProvider,
        Self::UnknownModel,
        Self::DuplicateName,
        Self::NoDeployments,
        Self::DuplicateDeployment,
        Self::EmptyTiers,
        Self::TierMode,
        Self::UnreachableTier,
        Self::CacheAlone,
        Self::SurfaceMismatch,
        Self::BadUrl,
        Self::Weights,
        Self::TimeLimits,
        Self::LiteralSecret,
        Self::SecretUnavailable,
        Self::Credential,
        Self::ForeignKey,
        Self::FileUnreadable,
        Self::PolicyFiles,
        Self::UnknownFeature,
    ];

    /// The number, e.g. `TL-0104`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unreadable => "TL-0101",
            Self::Syntax => "TL-0102",
            Self::DuplicateKey => "TL-0103",
            Self::UnknownKey => "TL-0104",
            Self::WrongType => "TL-0105",
            Self::InvalidValue => "TL-0106",
            Self::MissingKey => "TL-0107",
            Self::Version => "TL-0108",
            Self::BadName => "TL-0109",
            Self::UnknownProvider => "TL-0110",
            Self::UnknownModel => "TL-0111",
            Self::DuplicateName => "TL-0112",
            Self::NoDeployments => "TL-0113",
            Self::DuplicateDeployment => "TL-0114",
            Self::EmptyTiers => "TL-0115",
            Self::TierMode => "TL-0116",
            Self::UnreachableTier => "TL-0117",
            Self::CacheAlone => "TL-0118",
            Self::SurfaceMismatch => "TL-0119",
            Self::BadUrl => "TL-0120",
            Self::Weights => "TL-0121",
            Self::TimeLimits => "TL-0122",
            Self::LiteralSecret => "TL-0123",
            Self::SecretUnavailable => "TL-0124",
            Self::Credential => "TL-0125",
            Self::ForeignKey => "TL-0126",
            Self::FileUnreadable => "TL-0127",
            Self::PolicyFiles => "TL-0141",
            Self::UnknownFeature => "TL-0142",
        }
    }

    /// What the person who wrote the file can do about it.
    #[must_use]
    pub const fn advice(self) -> &'static str {
        match self {
            Self::Unreadable => "check the path and the permissions; the file must be UTF-8",
            Self::Syntax => "fix the YAML at the place named; collections nest at most 32 deep",
            Self::DuplicateKey => "keep one of the two",
            Self::UnknownKey => {
                "fix the spelling, or remove a section that this version does not have"
            }
            Self::WrongType => "write the type that the message names",
            Self::InvalidValue => "write a value of the form that the message names",
            Self::MissingKey => "add the key",
            Self::Version => "write `version: 1`",
            Self::BadName => {
                "use up to 128 visible ASCII characters without `@`, `,`, quotes and backslashes"
            }
            Self::UnknownProvider => "fix the name or add the provider",
            Self::UnknownModel => "fix the name or add the model",
            Self::DuplicateName => "rename one of them",
            Self::NoDeployments => "list at least one provider that has it",
            Self::DuplicateDeployment => "remove one, or give the second another `name`",
            Self::EmptyTiers => "list at least one",
            Self::TierMode => "keep exactly one; a ladder needs one tier for each step",
            Self::UnreachableTier => "move `reply` and `off` to the end, and `queue` before them",
            Self::CacheAlone => "add a tier with `models`",
            Self::SurfaceMismatch => "use what the message names",
            Self::BadUrl => {
                "write http or https, a host and a path, without credentials, query and fragment"
            }
            Self::Weights => "weigh only what the tier lists, with `prefer: weighted`",
            Self::TimeLimits => {
                "keep `ttft` within the tier's deadline, and that within the feature's"
            }
            Self::LiteralSecret => "write `{ env: NAME }` or `{ file: PATH }`",
            Self::SecretUnavailable => "set the variable or write the file; neither may be empty",
            Self::Credential => "keep exactly one of the two ways",
            Self::ForeignKey => "remove the key or change `kind`",
            Self::FileUnreadable => "check the path, the permissions and that the file is PEM",
            Self::PolicyFiles => "check the path; one `*` may stand in its last part",
            Self::UnknownFeature => "fix the name or add the feature",
        }
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}
