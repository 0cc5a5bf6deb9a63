//! The built-in lists: complete, sourced, and asked without silent fallbacks.

use std::collections::BTreeSet;

use tieline_catalog::{Catalog, Channel, Moment, Place, Status, Unpriced, buckets, diff};

fn catalog() -> Catalog {
    Catalog::built_in().unwrap()
}

fn channel(surface: &str, scope: Option<&str>, tier: &str) -> Channel {
    let place = Place::of_surface(surface);
    Channel { place, scope: scope.map(str::to_owned), tier: tier.to_owned() }
}

fn day(text: &str) -> Moment {
    text.parse().unwrap()
}

const TODAY: &str = "2026-11-22";

#[test]
fn there_are_a_hundred_models_and_more() {
    let catalog = catalog();
    let current: BTreeSet<&str> = catalog
        .lines()
        .filter(|line| line.holds(day(TODAY)))
        .map(|line| line.model.as_ref())
        .collect();
    assert!(current.len() >= 100, "{}", current.len());
    for surface in ["openai", "azure", "bedrock", "anthropic", "gemini-api", "vertex", "mistral"] {
        assert!(catalog.lines().any(|line| line.place.surface == surface), "{surface}");
    }
    assert!(catalog.lines().all(|line| !line.source.what.is_empty()));
}

#[test]
fn what_lacks_is_said_and_never_taken_from_elsewhere() {
    let catalog = catalog();
    let unpriced = |name: &str, channel: &Channel, at: &str| {
        catalog.quote(name, channel, day(at)).map(|quote| quote.line.title()).unwrap_err()
    };
    let openai = |tier: &str| channel("openai", Some("global"), tier);
    for (error, word, text) in [
        (
            unpriced("gpt-5.5", &channel("llm.internal", Some("global"), "standard"), TODAY),
            "surface",
            "there is no price list of `llm.internal`",
        ),
        (
            unpriced("gpt-99", &openai("standard"), TODAY),
            "model",
            "the price list of `openai` has no model `gpt-99`",
        ),
        (
            unpriced("gpt-5.5", &openai("turbo"), TODAY),
            "tier",
            "`gpt-5.5` at `openai` has no price for the service tier `turbo`, only for `batch`, \
             `flex`, `priority`, `standard`",
        ),
        (
            unpriced("gpt-4o", &channel("openai", Some("geo:eu"), "standard"), TODAY),
            "scope",
            "`gpt-4o` at `openai` has no price for `geo:eu`, only for `global`",
        ),
        (
            unpriced("gpt-5.4-mini", &channel("azure", None, "standard"), TODAY),
            "scope",
            "`gpt-5.4-mini` at `azure` has no price where the scope is not known, only for \
             `geo:eu`, `geo:us`, `global`",
        ),
        (
            unpriced(
                "voxtral-mini-tts-2603",
                &channel("mistral", Some("global"), "standard"),
                "2026-03-25",
            ),
            "date",
            "no price of `voxtral-mini-tts-2603` at mistral/global/standard is known for \
             2026-03-25",
        ),
    ] {
        assert_eq!((error.as_str(), error.to_string().as_str()), (word, text));
    }
    let gov = channel("bedrock", Some("gov:us-gov-west-1"), "standard");
    let error = catalog.rates("anthropic.claude-opus-5-5", &gov, day(TODAY)).unwrap_err();
    assert!(matches!(error, Unpriced::Scope { .. }), "not the price of other regions: {error}");
}

#[test]
fn prices_have_a_history_and_a_future() {
    let catalog = catalog();
    let api = channel("gemini-api", Some("global"), "standard");
    let input = |at: &str| {
        let quote = catalog.quote("gemini-4-argon", &api, day(at)).unwrap();
        (quote.rates().usual.input.unwrap().to_string(), quote.line.status)
    };
    assert_eq!(input("2026-11-30"), ("2".to_owned(), Status::Effective));
    assert_eq!(input("2026-12-01"), ("4".to_owned(), Status::Announced));
    let mistral = channel("mistral", Some("global"), "standard");
    let input = |at: &str| {
        let rates = catalog.rates("mistral-medium-latest", &mistral, day(at)).unwrap();
        rates.usual.input.unwrap().to_string()
    };
    assert_eq!((input("2026-06-15").as_str(), input("2026-06-16").as_str()), ("0.4", "1.5"));
}

#[test]
fn the_announced_changes_are_in_the_diff() {
    let catalog = catalog();
    let (before, after) = (catalog.table(day("2026-11-30")), catalog.table(day("2026-12-01")));
    let changes = diff(&before, &after);
    let argon = changes.iter().find(|change| {
        (change.model.as_str(), change.surface.as_str(), change.tier.as_str())
            == ("gemini-4-argon", "gemini-api", "standard")
            && change.bucket == "output"
    });
    let argon = argon.unwrap();
    let usd = |price: Option<tieline_catalog::Price>| price.unwrap().usd.to_string();
    assert_eq!((usd(argon.before), usd(argon.after)), ("10".to_owned(), "20".to_owned()));
    assert!(changes.iter().all(|change| change.model == "gemini-4-argon" && !change.review));
    assert_eq!(diff(&before, &before), []);
}

#[test]
fn the_same_prices_have_the_same_hash() {
    let (one, other) = (catalog(), catalog());
    assert_eq!(one.hash(), other.hash());
    assert_eq!(one.hash().len(), 64);
    assert_ne!(one.hash(), Catalog::empty().hash());
}

/// Rules that sellers publish beside the prices that follow from them: surface, scope, by how many
/// percent more than the global scope, but for these models.
const UPLIFTS: [(&str, &str, i128, &[&str]); 6] = [
    ("openai", "geo:eu", 10, &[]),
    ("anthropic", "geo:us", 10, &[]),
    ("bedrock", "region", 10, &["claude-sonnet-4"]),
    ("bedrock", "geo", 10, &["claude-sonnet-4"]),
    ("vertex", "region", 10, &[]),
    ("mistral", "geo:eu", 10, &[]),
];

#[test]
fn prices_follow_the_published_uplifts() {
    let catalog = catalog();
    let priced = |surface: &str, scope: &str| {
        let lines = catalog.lines().filter(|line| line.holds(day(TODAY)));
        let (surface, scope) = (surface.to_owned(), scope.to_owned());
        lines.filter(move |line| line.place.surface == surface && line.scope == scope)
    };
    for (surface, scope, percent, others) in UPLIFTS {
        let mut checked = 0;
        for line in priced(surface, scope) {
            let same = |base: &&tieline_catalog::Line| {
                (&base.model, &base.tier) == (&line.model, &line.tier)
            };
            let Some(base) = priced(surface, "global").find(same) else { continue };
            if others.contains(&line.model.as_ref()) {
                continue;
            }
            let (base, uplifted) = (buckets(&base.rates.usual), buckets(&line.rates.usual));
            for ((bucket, base), (_, uplifted)) in base.into_iter().zip(uplifted) {
                let Some((base, uplifted)) = base.zip(uplifted) else { continue };
                let wanted = base.pico() * (100 + percent);
                assert_eq!(uplifted.pico() * 100, wanted, "{} {bucket}", line.title());
                checked += 1;
            }
        }
        assert!(checked > 0, "{surface} {scope}");
    }
}
