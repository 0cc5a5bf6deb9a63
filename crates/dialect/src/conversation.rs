//! What tells one conversation from another: a number that stays the same from turn to turn.
//!
//! It is taken from what a client repeats in every request of a conversation: a key made for that,
//! or else the first thing the user said. The bytes are compared, not what they mean, so a client
//! must write its first turn the same way each time; white space between tokens, the order of an
//! element's fields and Anthropic's `cache_control`, which moves from turn to turn, do not matter
//! there, nor whether a single text stands alone or in a list. Deeper inside, such as in the source
//! of an image, they do.

use std::ops::Range;

use crate::scan;

/// The first turn of a user is looked for among this many elements.
const TURNS_MAX: usize = 16;
/// The parts of a turn that are looked at.
const PARTS_MAX: usize = 64;
/// The bytes at either end of a longer text that are looked at, beside its length.
const ENDS: usize = 2048;
/// The word that tells that Anthropic's `metadata.user_id` names a session beside a person.
const SESSION: &[u8] = b"session";

/// Where a request body holds what tells its conversation from others.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Conversation {
    /// The value of `prompt_cache_key` (OpenAI).
    cache_key: Option<Range<usize>>,
    /// The value of `conversation` (OpenAI Responses): an id, or an object with one.
    id: Option<Range<usize>>,
    /// The value of `metadata`, where Anthropic's clients put `user_id`.
    metadata: Option<Range<usize>>,
    /// The value of `messages`, or `input` (OpenAI Responses).
    turns: Option<Range<usize>>,
}

impl Conversation {
    /// Notes where the value of a top-level field stands, if it is one of interest. Of two fields
    /// that mean the same, the first counts.
    pub(crate) fn note(&mut self, key: &str, value: impl FnOnce() -> Range<usize>) {
        let place = match key {
            "prompt_cache_key" => &mut self.cache_key,
            "conversation" => &mut self.id,
            "metadata" => &mut self.metadata,
            "messages" | "input" => &mut self.turns,
            _ => return,
        };
        place.get_or_insert_with(value);
    }

    /// The number of the conversation, given the body that this was read from; none where nothing
    /// tells. Takes the time of looking through the first turns, at most 4 KiB of each text.
    #[must_use]
    pub fn seed(&self, body: &[u8]) -> Option<u64> {
        let value = |span: &Option<Range<usize>>| body.get(span.clone()?);
        let named = value(&self.cache_key)
            .filter(|key| is_text(key))
            .or_else(|| named_id(value(&self.id)?))
            .or_else(|| session(value(&self.metadata)?));
        match named {
            Some(name) => Some(digest(name)),
            None => first_turn(value(&self.turns)?),
        }
    }
}

/// A JSON string with something in it.
fn is_text(value: &[u8]) -> bool {
    value.starts_with(b"\"") && value.len() > 2
}

fn named_id(value: &[u8]) -> Option<&[u8]> {
    let id = if value.starts_with(b"{") { member(value, b"\"id\"")? } else { value };
    Some(id).filter(|id| is_text(id))
}

/// `user_id`, where it names more than a person.
fn session(metadata: &[u8]) -> Option<&[u8]> {
    let user = member(metadata, b"\"user_id\"").filter(|user| is_text(user))?;
    user.windows(SESSION.len()).any(|part| part == SESSION).then_some(user)
}

/// The value of a member of an object; the key with its quotes.
fn member<'a>(object: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let mut found = None;
    scan::members(object, |key, value| {
        if key == name {
            found = Some(value);
        }
    })?;
    found
}

/// The number of what the user said first.
fn first_turn(turns: &[u8]) -> Option<u64> {
    if is_text(turns) {
        return Some(digest(turns));
    }
    scan::elements(turns).take(TURNS_MAX).find_map(|turn| {
        let (mut role, mut content) = (None, None);
        scan::members(turn, |key, value| match key {
            b"\"role\"" => role = Some(value),
            b"\"content\"" => content = Some(value),
            _ => {}
        })?;
        (role? == b"\"user\"").then_some(())?;
        Some(digest_of(content?))
    })
}

/// The number of a turn's content: a text, or a list of parts.
fn digest_of(content: &[u8]) -> u64 {
    if !content.starts_with(b"[") {
        return digest(content);
    }
    let parts = scan::elements(content).take(PARTS_MAX).map(digest_of_part);
    parts.reduce(mix).unwrap_or_default()
}

/// The number of a part: that of its text, or of all its fields in any order.
fn digest_of_part(part: &[u8]) -> u64 {
    let (mut text, mut rest) = (None, 0u64);
    let scanned = scan::members(part, |key, value| match key {
        b"\"text\"" => text = Some(value),
        b"\"cache_control\"" => {}
        _ => rest = rest.wrapping_add(mix(digest(key), digest(value))),
    });
    match (scanned, text) {
        (Some(()), Some(text)) => digest(text),
        (Some(()), None) => rest,
        (None, _) => digest(part),
    }
}

/// A number for bytes, well spread but easy to forge: the length and both ends.
fn digest(bytes: &[u8]) -> u64 {
    let length = bytes.len() as u64;
    let spread = match (bytes.first_chunk::<ENDS>(), bytes.last_chunk::<ENDS>()) {
        (Some(first), Some(last)) => words(words(length, first), last),
        _ => words(length, bytes),
    };
    finish(spread)
}

/// Takes in eight bytes at a time.
fn words(start: u64, bytes: &[u8]) -> u64 {
    let (words, rest) = bytes.as_chunks::<8>();
    let mut last = [0; 8];
    for (to, from) in last.iter_mut().zip(rest) {
        *to = *from;
    }
    let words = words.iter().chain(std::iter::once(&last));
    words.fold(start, |all, word| step(all, u64::from_le_bytes(*word)))
}

/// Takes in one word, the way of the hash that Firefox and rustc use for tables.
const fn step(all: u64, word: u64) -> u64 {
    (all.rotate_left(5) ^ word).wrapping_mul(0x517c_c1b7_2722_0a95)
}

/// Both numbers in this order.
const fn mix(one: u64, other: u64) -> u64 {
    finish(step(one, other))
}

/// Lets every bit depend on every other (SplitMix64, Steele and others 2014).
const fn finish(all: u64) -> u64 {
    let all = (all ^ (all >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let all = (all ^ (all >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    all ^ (all >> 31)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;
    use serde_json::{Value, json};

    use crate::Head;

    fn seed_of(body: &str) -> Option<u64> {
        let head = Head::read(body.as_bytes()).unwrap();
        head.conversation.seed(body.as_bytes())
    }

    fn seed(body: &Value) -> Option<u64> {
        seed_of(&body.to_string())
    }

    fn said(turns: &Value) -> Option<u64> {
        let seed_as = |key: &str| seed(&json!({ "model": "m", key: turns, "stream": true }));
        assert_eq!(seed_as("messages"), seed_as("input"));
        seed_as("messages")
    }

    #[test]
    fn the_first_turn_of_the_user_tells_however_it_is_written() {
        let alone = said(&json!([{ "role": "user", "content": "hello" }]));
        assert!(alone.is_some());
        for same in [
            json!([{ "role": "system", "content": "It is 9:41." },
                   { "role": "user", "content": "hello" }]),
            json!([{ "role": "user", "content": [{ "type": "text", "text": "hello" }] }]),
            json!([{ "type": "message", "role": "user", "id": 3,
                     "content": [{ "type": "input_text", "text": "hello" }] }]),
            json!([{ "role": "user", "content": [{ "type": "text", "text": "hello",
                     "cache_control": { "type": "ephemeral" } }] }]),
            json!([{ "role": "user", "content": "hello" }, { "role": "assistant", "content": "hi" },
                   { "role": "user", "content": "more" }]),
            json!("hello"),
        ] {
            assert_eq!(said(&same), alone, "{same}");
            let spaced = serde_json::to_string_pretty(&json!({ "input": same })).unwrap();
            assert_eq!(seed_of(&spaced), alone, "{spaced}");
        }
        let reversed =
            r#"{"messages":[{"content":[{"text":"hello","type":"text"}],"role":"user"}]}"#;
        assert_eq!(seed_of(reversed), alone);
        let image = |data: &str, more: Value| {
            let mut part = json!({ "type": "image", "source": { "data": data } });
            part.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            said(&json!([{ "role": "user", "content": [part, { "type": "text", "text": "?" }] }]))
        };
        assert_eq!(image("AAAA", json!({})), image("AAAA", json!({ "cache_control": {} })));
        assert_ne!(image("AAAA", json!({})), image("AAAB", json!({})));
        for other in [json!("Hello"), json!([{ "role": "user", "content": "hello " }])] {
            assert_ne!(said(&other), alone, "{other}");
        }
    }

    #[test]
    fn a_key_made_for_it_goes_before_the_words() {
        let turn = |text: &str| json!([{ "role": "user", "content": text }]);
        let with = |key: &str, value: Value, text: &str| {
            seed(&json!({ "model": "m", "messages": turn(text), key: value }))
        };
        let plain = |text: &str| seed(&json!({ "model": "m", "messages": turn(text) }));
        for (key, one, other) in [
            ("prompt_cache_key", json!("thread-1"), json!("thread-2")),
            ("conversation", json!("conv_1"), json!("conv_2")),
            ("conversation", json!({ "id": "conv_1" }), json!({ "id": "conv_2" })),
            (
                "metadata",
                json!({ "user_id": "user_a_session_1" }),
                json!({ "user_id": "user_a_session_2" }),
            ),
        ] {
            assert_eq!(with(key, one.clone(), "a"), with(key, one.clone(), "b"), "{key}");
            assert_ne!(with(key, one, "a"), with(key, other, "a"), "{key}");
        }
        for (key, says_nothing) in [
            ("prompt_cache_key", json!("")),
            ("prompt_cache_key", json!(null)),
            ("conversation", json!({})),
            ("conversation", json!(null)),
            ("metadata", json!({ "user_id": "user_a" })),
            ("metadata", json!({ "session": "a" })),
            ("user", json!("someone")),
            ("previous_response_id", json!("resp_1")),
        ] {
            assert_eq!(with(key, says_nothing, "a"), plain("a"), "{key}");
        }
    }

    #[test]
    fn where_nothing_tells_there_is_no_number() {
        for body in [
            json!({ "model": "m" }),
            json!({ "messages": [] }),
            json!({ "messages": null }),
            json!({ "messages": 7 }),
            json!({ "input": "" }),
            json!({ "messages": [{ "role": "system", "content": "x" }] }),
            json!({ "messages": [{ "role": "user" }] }),
            json!({ "messages": ["user"] }),
            json!({ "messages": { "role": "user", "content": "x" } }),
        ] {
            assert_eq!(seed(&body), None, "{body}");
        }
        let late: Vec<Value> = (0..super::TURNS_MAX).map(|_| json!({ "role": "tool" })).collect();
        let late: Vec<Value> =
            late.into_iter().chain([json!({ "role": "user", "content": "x" })]).collect();
        assert_eq!(said(&json!(late)), None);
    }

    fn content() -> impl Strategy<Value = Value> {
        let text = prop_oneof![any::<String>(), Just("long ".repeat(3000))];
        let part = (text.clone(), any::<bool>()).prop_map(|(text, is_text)| {
            if is_text {
                json!({ "type": "text", "text": text })
            } else {
                json!({ "type": "image", "source": { "data": text } })
            }
        });
        prop_oneof![
            text.prop_map(Value::from),
            prop::collection::vec(part, 1..4).prop_map(|all| { Value::from(all) })
        ]
    }

    proptest! {
        #[test]
        fn more_turns_are_the_same_conversation(
            system in prop::option::of(any::<String>()),
            first in content(),
            later in prop::collection::vec((any::<bool>(), content()), 0..5),
        ) {
            let mut turns: Vec<Value> = Vec::new();
            turns.extend(system.map(|text| json!({ "role": "system", "content": text })));
            turns.push(json!({ "role": "user", "content": first }));
            let begun = said(&json!(turns));
            prop_assert!(begun.is_some());
            for (user, content) in later {
                let role = if user { "user" } else { "assistant" };
                turns.push(json!({ "role": role, "content": content }));
                prop_assert_eq!(said(&json!(turns)), begun);
            }
        }
    }

    #[test]
    fn other_first_turns_are_other_conversations_and_spread_evenly() {
        let numbers: Vec<u64> = (0..10_000)
            .map(|n| format!("Ticket {n}: how do I move my subscription? Please reply."))
            .map(|text| said(&json!([{ "role": "user", "content": text }])).unwrap())
            .collect();
        let different: HashSet<u64> = numbers.iter().copied().collect();
        assert_eq!(different.len(), numbers.len());
        for bit in 0..64 {
            let set = numbers.iter().filter(|number| **number >> bit & 1 == 1).count();
            assert!((4_700..5_300).contains(&set), "bit {bit}: {set}");
        }
        let long = "x".repeat(10_000);
        assert_ne!(said(&json!(format!("{long}a"))), said(&json!(format!("{long}b"))));
        assert_ne!(said(&json!(format!("a{long}"))), said(&json!(format!("b{long}"))));
        assert_ne!(said(&json!(format!("{long}x"))), said(&json!(long)));
    }
}
