//! What a request carries beside text.

use std::{fmt, ops::BitOrAssign, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A kind of content beside text, in the words of the fact `modalities` of deployments.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Modality {
    /// Sound.
    Audio = 1,
    /// A file to be read, mostly PDF.
    Document = 1 << 1,
    /// A picture.
    Image = 1 << 2,
    /// Content whose kind is not known: it may be any.
    Unknown = 1 << 3,
    /// A film.
    Video = 1 << 4,
}

impl Modality {
    /// Every one, in the order of their names.
    pub const ALL: [Self; 5] =
        [Self::Audio, Self::Document, Self::Image, Self::Unknown, Self::Video];

    /// The stable name, which is also what policies see.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Audio => "audio",
            Self::Document => "document",
            Self::Image => "image",
            Self::Unknown => "unknown",
            Self::Video => "video",
        }
    }
}

impl FromStr for Modality {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|one| one.as_str() == word).ok_or_else(|| {
            let known = Self::ALL.map(Self::as_str).join(", ");
            format!("expected one of {known}")
        })
    }
}

/// All that a request carries beside text; nothing for text alone. Where something is unknown it
/// may be anything, so every other kind is in it as well: a rule against any of them holds.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Modalities(u8);

impl Modalities {
    /// Text and nothing else.
    pub const NONE: Self = Self(0);
    /// What may be anything.
    pub const UNKNOWN: Self = Self(0b1_1111);

    /// Whether it is text alone.
    #[must_use]
    pub const fn is_none(self) -> bool {
        self.0 == 0
    }

    /// Whether this kind is, or may be, among what is carried.
    #[must_use]
    pub const fn contains(self, one: Modality) -> bool {
        self.0 & one as u8 != 0
    }

    /// Every kind, in the order of their names.
    pub fn iter(self) -> impl Iterator<Item = Modality> {
        Modality::ALL.into_iter().filter(move |one| self.contains(*one))
    }
}

impl From<Modality> for Modalities {
    fn from(one: Modality) -> Self {
        if one == Modality::Unknown { Self::UNKNOWN } else { Self(one as u8) }
    }
}

impl BitOrAssign for Modalities {
    fn bitor_assign(&mut self, other: Self) {
        self.0 |= other.0;
    }
}

impl FromIterator<Modality> for Modalities {
    fn from_iter<I: IntoIterator<Item = Modality>>(all: I) -> Self {
        let mut carried = Self::NONE;
        all.into_iter().for_each(|one| carried |= one.into());
        carried
    }
}

/// `document, image`, or words for text alone and for what is not known.
impl fmt::Display for Modalities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_none() {
            return f.write_str("text alone");
        }
        if self.contains(Modality::Unknown) {
            return f.write_str("content of a kind that is not known");
        }
        f.write_str(&self.iter().map(Modality::as_str).collect::<Vec<_>>().join(", "))
    }
}

impl fmt::Debug for Modalities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

impl Serialize for Modalities {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter().map(Modality::as_str))
    }
}

impl<'de> Deserialize<'de> for Modalities {
    /// A word that nobody knows here is unknown.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let words = Vec::<String>::deserialize(deserializer)?;
        Ok(words.iter().map(|word| word.parse().unwrap_or(Modality::Unknown)).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_unknown_may_be_anything() {
        let unknown: Modalities = [Modality::Unknown].into_iter().collect();
        assert_eq!(unknown, Modalities::UNKNOWN);
        assert_eq!(unknown.iter().collect::<Vec<_>>(), Modality::ALL);
        assert_eq!(unknown.to_string(), "content of a kind that is not known");
        let image: Modalities = [Modality::Image].into_iter().collect();
        assert!(image.contains(Modality::Image) && !image.contains(Modality::Unknown));
    }

    #[test]
    fn they_are_written_as_words_and_read_again() {
        let all = Modality::ALL.map(|one| [one].into_iter().collect());
        let both: Modalities = [Modality::Image, Modality::Document].into_iter().collect();
        assert_eq!(
            (both.to_string(), Modalities::NONE.to_string().as_str()),
            ("document, image".to_owned(), "text alone")
        );
        for carried in all.into_iter().chain([Modalities::NONE, both]) {
            let text = serde_json::to_string(&carried).unwrap();
            assert_eq!(serde_json::from_str::<Modalities>(&text).unwrap(), carried, "{text}");
        }
        assert_eq!(serde_json::to_string(&both).unwrap(), r#"["document","image"]"#);
        let newer: Modalities = serde_json::from_str(r#"["smell"]"#).unwrap();
        assert_eq!(newer, Modalities::UNKNOWN);
        assert!("smell".parse::<Modality>().unwrap_err().contains("audio, document, image"));
    }
}
