//! What is told of a request to policies that look at it.

use tieline_types::Modalities;

/// The most tags of a request.
pub const TAGS_MAX: usize = 16;
/// The most bytes of a tag, key and value together.
pub const TAG_BYTES_MAX: usize = 128;

/// A request, as policies see it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Asked<'a> {
    /// Who calls.
    pub caller: Caller<'a>,
    /// `key=value` each, as the client wrote them.
    pub tags: &'a [String],
    /// What it carries beside text.
    pub modalities: Modalities,
}

/// Who calls, as policies see it. What is none is not known, or not so.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Caller<'a> {
    /// The id of its API key, or `local`.
    pub id: &'a str,
    /// The name that its keys were made under.
    pub name: Option<&'a str>,
    /// The features that the key is limited to.
    pub features: Option<&'a [String]>,
    /// The feature bound to the key.
    pub default_feature: Option<&'a str>,
}

impl<'a> From<&'a str> for Caller<'a> {
    /// Somebody of whom nothing but the id is known.
    fn from(id: &'a str) -> Self {
        Self { id, ..Self::default() }
    }
}

impl Asked<'_> {
    /// The same, to be kept: what answers for requests are found by.
    pub(crate) fn to_kept(self) -> Kept {
        let mut tags = self.tags.to_vec();
        tags.sort_unstable();
        tags.dedup();
        let Caller { id, name, features, default_feature } = self.caller;
        Kept {
            id: id.to_owned(),
            name: name.map(str::to_owned),
            features: features.map(<[String]>::to_vec),
            default_feature: default_feature.map(str::to_owned),
            tags,
            modalities: self.modalities,
        }
    }
}

/// A request that was asked for, in so far as policies look at it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Kept {
    id: String,
    name: Option<String>,
    features: Option<Vec<String>>,
    default_feature: Option<String>,
    tags: Vec<String>,
    modalities: Modalities,
}
