//! What a client's request carries beside text, told from its bytes without building anything.
//!
//! Looked at are the turns, what stands in them, results of tools, and the system's words. What is
//! not known there counts as everything: a kind of content that is in no table of [`kinds`], an
//! escaped key, a file that lies at a provider, a conversation that does.

mod kinds;
#[cfg(test)]
mod tests;

use tieline_types::{DialectId, Modalities, Modality};

use crate::{head::unquoted, scan};
use kinds::{Means, TURN_FIELDS, meaning};

/// How deep contents may stand in one another: results of tools hold documents that hold images.
const DEPTH_MAX: usize = 8;

/// Fields of a request that stand for turns which the provider keeps (OpenAI Responses).
const KEPT_ELSEWHERE: [&[u8]; 3] =
    [b"\"previous_response_id\"", b"\"conversation\"", b"\"prompt\""];

/// What a request of a client carries beside text. Takes the time of looking through the body a few
/// times, and no memory. What is no JSON object may be anything.
#[must_use]
pub fn modalities(dialect: DialectId, body: &[u8]) -> Modalities {
    let reader = Reader { dialect };
    let responses = dialect == DialectId::OpenaiResponses;
    union(body.trim_ascii_start(), |key, value| match key {
        b"\"messages\"" if !responses => reader.turns(value),
        b"\"system\"" if !responses => reader.content(value, DEPTH_MAX),
        b"\"input\"" | b"\"instructions\"" if responses => reader.content(value, DEPTH_MAX),
        key if responses && KEPT_ELSEWHERE.contains(&key) && value != b"null" => {
            Modalities::UNKNOWN
        }
        _ => Modalities::NONE,
    })
}

/// Reads contents of one dialect.
#[derive(Clone, Copy)]
struct Reader {
    dialect: DialectId,
}

impl Reader {
    fn turns(self, turns: &[u8]) -> Modalities {
        if !turns.starts_with(b"[") {
            return Modalities::UNKNOWN;
        }
        all(scan::elements(turns).map(|turn| self.turn(turn)))
    }

    fn turn(self, turn: &[u8]) -> Modalities {
        union(turn, |key, value| match key {
            b"\"content\"" => self.content(value, DEPTH_MAX),
            _ if is_nothing(value) => Modalities::NONE,
            b"\"audio\"" => Modality::Audio.into(),
            b"\"images\"" => Modality::Image.into(),
            key if TURN_FIELDS.contains(&key) => Modalities::NONE,
            _ if value.starts_with(b"{") || value.starts_with(b"[") => Modalities::UNKNOWN,
            _ => of_address(value),
        })
    }

    /// A text, parts in order, or one part.
    fn content(self, content: &[u8], depth: usize) -> Modalities {
        match content.first() {
            Some(b'[') => all(scan::elements(content).map(|part| self.part(part, depth))),
            Some(b'{') => self.part(content, depth),
            Some(b'"' | b'n') => Modalities::NONE,
            _ => Modalities::UNKNOWN,
        }
    }

    fn part(self, part: &[u8], depth: usize) -> Modalities {
        match part.first() {
            Some(b'"') => Modalities::NONE,
            Some(b'{') if depth > 0 => match self.dialect {
                DialectId::BedrockConverse => self.keyed_part(part, depth - 1),
                _ => self.typed_part(part, depth - 1),
            },
            _ => Modalities::UNKNOWN,
        }
    }

    /// Converse's parts have one key, which says what they are.
    fn keyed_part(self, part: &[u8], depth: usize) -> Modalities {
        union(part, |key, value| match value {
            b"null" => Modalities::NONE,
            value => self.meant(meaning(self.dialect, key), value, depth),
        })
    }

    /// All others say it in `type`. Of several, each may be the one that the provider reads.
    fn typed_part(self, part: &[u8], depth: usize) -> Modalities {
        let mut typed = false;
        let carried = union(part, |key, value| match key {
            b"\"type\"" => {
                typed = true;
                self.meant(meaning(self.dialect, value), part, depth)
            }
            _ => Modalities::NONE,
        });
        match (typed, self.dialect) {
            (true, _) => carried,
            // A message may go without.
            (false, DialectId::OpenaiResponses) => {
                self.meant(meaning(self.dialect, b"\"message\""), part, depth)
            }
            (false, _) => Modalities::UNKNOWN,
        }
    }

    fn meant(self, means: Option<Means>, part: &[u8], depth: usize) -> Modalities {
        match means {
            Some(Means::Text) => Modalities::NONE,
            Some(Means::Media(kind)) => {
                let mut carried = Modalities::from(kind);
                carried |= self.described(part, depth, false);
                carried
            }
            Some(Means::File) => {
                let mut carried = Modalities::from(Modality::Document);
                carried |= self.described(part, depth, true);
                carried
            }
            Some(Means::Within(field)) => union(part, |key, value| match key == field {
                true => self.content(value, depth),
                false => Modalities::NONE,
            }),
            Some(Means::Part) => self.part(part, depth),
            None => Modalities::UNKNOWN,
        }
    }

    /// What the fields of a medium add to its kind: the type of its data, and contents of its own.
    /// A file that is only named by an id has been seen by nobody here.
    fn described(self, part: &[u8], depth: usize, is_file: bool) -> Modalities {
        if depth == 0 {
            return Modalities::UNKNOWN;
        }
        union(part, |key, value| match key {
            _ if is_nothing(value) => Modalities::NONE,
            b"\"media_type\"" | b"\"mime_type\"" => of_type(&text(value)),
            b"\"file_id\"" if is_file => Modalities::UNKNOWN,
            b"\"content\"" => self.content(value, depth - 1),
            _ if value.starts_with(b"{") => self.described(value, depth - 1, is_file),
            _ => of_address(value),
        })
    }
}

/// All that the members of an object carry. What is no object, and what an escaped key stands for,
/// is not known.
fn union(object: &[u8], mut see: impl FnMut(&[u8], &[u8]) -> Modalities) -> Modalities {
    let mut carried = Modalities::NONE;
    let scanned = scan::members(object, |key, value| {
        carried |= if key.contains(&b'\\') { Modalities::UNKNOWN } else { see(key, value) };
    });
    scanned.map_or(Modalities::UNKNOWN, |()| carried)
}

fn all(each: impl Iterator<Item = Modalities>) -> Modalities {
    let mut carried = Modalities::NONE;
    each.for_each(|one| carried |= one);
    carried
}

fn is_nothing(value: &[u8]) -> bool {
    matches!(value, b"null" | b"[]" | b"{}" | b"\"\"")
}

/// What a text holds that is the address of its own data, such as `data:image/png;base64,...`.
fn of_address(value: &[u8]) -> Modalities {
    let begins = value.get(1.."\"data:".len()).unwrap_or_default();
    if !begins.eq_ignore_ascii_case(b"data:") && !begins.contains(&b'\\') {
        return Modalities::NONE;
    }
    let text = text(value).to_ascii_lowercase();
    text.strip_prefix("data:").map_or(Modalities::NONE, of_type)
}

/// The kind of a MIME type; what is no picture, sound or film is a document.
fn of_type(mime: &str) -> Modalities {
    let family = mime.split('/').next().unwrap_or_default().trim();
    let kinds =
        [("image", Modality::Image), ("audio", Modality::Audio), ("video", Modality::Video)];
    let kind = kinds.into_iter().find(|(name, _)| family.eq_ignore_ascii_case(name));
    kind.map_or(Modality::Document, |(_, kind)| kind).into()
}

/// A text without its quotes and escapes, as far as it matters here: how it begins.
fn text(value: &[u8]) -> String {
    let whole = std::str::from_utf8(value).ok().and_then(|quoted| unquoted(quoted).ok());
    whole.unwrap_or_default().chars().take(TYPE_CHARS).collect()
}

/// The characters in which a text tells the type of its data.
const TYPE_CHARS: usize = 64;
