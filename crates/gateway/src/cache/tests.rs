//! The store: ages, neighbours, bounds.

use tieline_dialect::ir::ToolCall;
use tieline_types::DialectId;

use super::{
    key::{Kind, Scope},
    *,
};

const AGE: Duration = Duration::from_secs(3600);

fn exact(name: &str) -> Key {
    key(Kind::Exact, name)
}

fn alike(name: &str) -> Key {
    key(Kind::Wording, name)
}

fn key(kind: Kind, name: &str) -> Key {
    let scope =
        Scope { caller: "c", feature: "f", dialect: DialectId::OpenaiChat, passed_on: None };
    scope.key(kind, &[name.as_bytes()])
}

fn at(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn reply(text: &str) -> Reply {
    Reply { blocks: vec![Content::Text(text.to_owned())], ..Reply::default() }
}

fn says(reply: &Reply) -> &str {
    match reply.blocks.as_slice() {
        [Content::Text(text)] => text,
        other => panic!("{other:?}"),
    }
}

fn vector(raw: &[f32]) -> Vector {
    Vector::normalised(raw.to_vec()).unwrap()
}

/// Keeps an answer under its own text, with a vector.
fn keep(cache: &AnswerCache, now: Duration, group: &str, text: &str, raw: &[f32]) {
    cache.put(exact(text), now, reply(text));
    cache.place(&exact(text), alike(group), vector(raw));
}

/// Whether all that is counted is there, and nothing else.
fn sound(cache: &AnswerCache) {
    let kept = cache.lock();
    let vectors = || kept.neighbours.values().flatten();
    let bytes = kept.entries.values().map(|entry| entry.bytes).sum::<usize>()
        + vectors().map(|(_, vector)| vector.bytes()).sum::<usize>();
    assert_eq!(kept.bytes, bytes);
    assert!(kept.bytes <= BYTES_MAX);
    let placed = kept.entries.values().filter(|entry| entry.placed.is_some()).count();
    assert_eq!(placed, vectors().count());
    assert!(kept.neighbours.values().all(|neighbours| !neighbours.is_empty()));
}

#[test]
fn the_nearest_young_neighbour_of_the_same_group_is_found() {
    let cache = AnswerCache::default();
    keep(&cache, at(0), "g", "east", &[1.0, 0.0]);
    keep(&cache, at(60), "g", "north-east", &[1.0, 1.0]);
    keep(&cache, at(60), "other", "north", &[0.0, 1.0]);
    let near = |now, raw: &[f32]| {
        let (score, reply) = cache.nearest(&alike("g"), &vector(raw), now, AGE)?;
        Some((says(&reply).to_owned(), score))
    };
    let (text, score) = near(at(60), &[1.0, 0.1]).unwrap();
    assert!(text == "east" && score > 0.99, "{text} {score}");
    let (text, score) = near(at(3601), &[1.0, 0.1]).unwrap();
    assert!(text == "north-east" && score < 0.8, "the other is too old: {text} {score}");
    assert_eq!(near(at(3661), &[1.0, 0.1]), None);
    assert_eq!(near(at(60), &[1.0, 0.0, 0.0]), None, "another dimension");
    assert!(cache.has_neighbours(&alike("g"), at(3660), AGE));
    assert!(!cache.has_neighbours(&alike("g"), at(3661), AGE));
    assert!(!cache.has_neighbours(&alike("none"), at(60), AGE));
    assert_eq!(cache.get(&exact("east"), at(3600), AGE).as_deref().map(says), Some("east"));
    assert!(cache.get(&exact("east"), at(3601), AGE).is_none());
    sound(&cache);
}

#[test]
fn a_renewed_answer_keeps_its_vector_and_tells_the_new_text() {
    let cache = AnswerCache::default();
    keep(&cache, at(0), "g", "q", &[1.0]);
    assert!(!cache.wants_vector(&exact("q"), &alike("g")));
    assert!(cache.wants_vector(&exact("q"), &alike("of another model")));
    cache.put(exact("q"), at(4000), reply("fresh"));
    assert!(!cache.wants_vector(&exact("q"), &alike("g")));
    let (_, found) = cache.nearest(&alike("g"), &vector(&[1.0]), at(4000), AGE).unwrap();
    assert_eq!(says(&found), "fresh");
    cache.place(&exact("q"), alike("of another model"), vector(&[1.0]));
    assert!(!cache.has_neighbours(&alike("g"), at(4000), AGE));
    cache.place(&exact("never kept"), alike("g"), vector(&[1.0]));
    assert!(!cache.has_neighbours(&alike("g"), at(4000), AGE));
    sound(&cache);
}

#[test]
fn only_complete_texts_answer_another_question() {
    let call = ToolCall { id: "c".into(), name: "t".into(), arguments: "{}".into() };
    for (reply, answers) in [
        (reply("text"), true),
        (Reply { finish: Finish::Length, ..reply("half a te") }, false),
        (Reply { finish: Finish::ContentFilter, ..reply("") }, false),
        (Reply { blocks: vec![Content::Refusal("no".into())], ..reply("") }, false),
        (Reply { blocks: vec![Content::ToolCall(call)], ..reply("") }, false),
    ] {
        let cache = AnswerCache::default();
        keep(&cache, at(0), "g", "q", &[1.0]);
        cache.put(exact("q"), at(1), reply.clone());
        assert_eq!(cache.has_neighbours(&alike("g"), at(1), AGE), answers, "{reply:?}");
        assert!(cache.get(&exact("q"), at(1), AGE).is_some());
        let fresh = AnswerCache::default();
        fresh.put(exact("q"), at(1), reply.clone());
        assert_eq!(fresh.wants_vector(&exact("q"), &alike("g")), answers, "{reply:?}");
    }
}

#[test]
fn a_group_forgets_its_oldest_vector_and_keeps_the_answer() {
    let cache = AnswerCache::default();
    for number in 0..=NEIGHBOURS_MAX {
        keep(&cache, at(0), "g", &number.to_string(), &[1.0]);
    }
    assert_eq!(cache.lock().neighbours[&alike("g")].len(), NEIGHBOURS_MAX);
    assert!(cache.get(&exact("0"), at(0), AGE).is_some());
    assert!(cache.wants_vector(&exact("0"), &alike("g")));
    assert!(!cache.wants_vector(&exact("1"), &alike("g")));
    sound(&cache);
}

#[test]
fn answers_and_vectors_share_one_bound() {
    let cache = AnswerCache::default();
    let text = "x".repeat(512 * 1024);
    let raw = vec![1.0; 16_384];
    for number in 0..160 {
        let name = number.to_string();
        cache.put(exact(&name), at(number), reply(&text));
        cache.place(&exact(&name), alike("g"), vector(&raw));
        sound(&cache);
    }
    assert!(cache.get(&exact("0"), at(160), AGE).is_none(), "the oldest went");
    assert!(cache.get(&exact("159"), at(160), AGE).is_some());
    let kept = cache.lock().entries.len();
    // Half a megabyte of text and 64 KiB of vector each.
    assert!((110..=114).contains(&kept), "{kept}");
    cache.put(exact("huge"), at(200), reply(&"x".repeat(ENTRY_BYTES_MAX)));
    assert!(cache.get(&exact("huge"), at(200), AGE).is_none());
    sound(&cache);
}
