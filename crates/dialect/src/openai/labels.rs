//! Who asks, for what, and at which service tier.

use serde_json::{Map, Value};
use tieline_types::Fault;

use crate::{
    Losses,
    ir::{Ask, Foreign},
    json::Fields,
};

/// The longest `safety_identifier`, in characters.
const USER_CHARS_MAX: usize = 128;

/// Limits of `metadata`: pairs, and characters of a key and a value.
const METADATA_PAIRS_MAX: usize = 16;
const METADATA_KEY_CHARS_MAX: usize = 64;
const METADATA_VALUE_CHARS_MAX: usize = 512;

/// Service tiers by the words of all dialects, and OpenAI's word.
const SERVICE_TIERS: [(&str, &str); 8] = [
    ("auto", "auto"),
    ("default", "default"),
    ("standard", "default"),
    ("standard_only", "default"),
    ("flex", "flex"),
    ("scale", "scale"),
    ("priority", "priority"),
    ("fast", "fast"),
];

/// Reads the labels of a request.
///
/// # Errors
/// `client_invalid` where one has the wrong type.
pub(crate) fn read(body: &mut Fields, ask: &mut Ask) -> Result<(), Fault> {
    // `safety_identifier` replaces the older `user`; the neutral form has one place for both.
    let older = body.string("user")?;
    let newer = body.string("safety_identifier")?;
    if newer.as_ref().zip(older.as_ref()).is_some_and(|(newer, older)| newer != older) {
        ask.foreign.push(Foreign { path: "user".to_owned(), refuse: false });
    }
    ask.user = newer.or(older);
    ask.service_tier = body.string("service_tier")?;
    ask.cache_key = body.string("prompt_cache_key")?;
    ask.store = body.boolean("store")?;
    ask.metadata = body.pairs("metadata")?;
    Ok(())
}

/// The id of the end user, unless it is too long.
pub(crate) fn user<'a>(ask: &'a Ask, losses: &mut Losses) -> Option<&'a str> {
    let user = ask.user.as_deref()?;
    if user.chars().count() > USER_CHARS_MAX {
        losses.drop("user");
        return None;
    }
    Some(user)
}

/// The pairs that are within the limits.
pub(crate) fn metadata(ask: &Ask, losses: &mut Losses) -> Map<String, Value> {
    let fits = |(key, value): &&(String, String)| {
        key.chars().count() <= METADATA_KEY_CHARS_MAX
            && value.chars().count() <= METADATA_VALUE_CHARS_MAX
    };
    let kept = ask.metadata.iter().filter(fits).take(METADATA_PAIRS_MAX);
    let written: Map<String, Value> =
        kept.map(|(key, value)| (key.clone(), value.as_str().into())).collect();
    if written.len() < ask.metadata.len() {
        losses.drop("metadata");
    }
    written
}

/// OpenAI's word for the service tier asked for.
pub(crate) fn service_tier(ask: &Ask, losses: &mut Losses) -> Option<&'static str> {
    let asked = ask.service_tier.as_deref()?;
    let tier = SERVICE_TIERS.iter().find(|(word, _)| *word == asked).map(|(_, tier)| *tier);
    if tier.is_none() {
        losses.drop("service_tier");
    }
    tier
}
