//! Files of the user's own: what they may say, what they may not, and that they win.

use proptest::prelude::*;
use tieline_catalog::{Catalog, Channel, Layer, Moment, Place, Problems, Text, rows};
use tieline_types::{CostState, Usage};

/// A file with one model and these rows.
fn list(rows: &str) -> String {
    format!(
        "surface: openai\nsources:\n  contract: {{ what: contract 7, checked: 2026-11-01 }}\n\
         models:\n  gpt-5.5:\n    prices:\n{rows}"
    )
}

fn problems(text: &str) -> String {
    let file = Text { name: "own.yaml", text };
    Catalog::empty().with_overlay(&[file]).unwrap_err().to_string()
}

fn openai(tier: &str) -> Channel {
    let scope = Some("global".to_owned());
    Channel { place: Place::of_surface("openai"), scope, tier: tier.to_owned() }
}

fn day(text: &str) -> Moment {
    text.parse().unwrap()
}

#[test]
fn mistakes_are_told_with_their_place_and_what_to_do() {
    for (rows, wanted) in [
        (
            "      - tokens: { input: 4 }\n",
            "own.yaml:7: `gpt-5.5`: a price without a source; give it `source:`, a name of \
             `sources`",
        ),
        (
            "      - tokens: { input: 4 }\n        source: hearsay\n",
            "own.yaml:7: `gpt-5.5`: `sources` has no `hearsay`; add it there",
        ),
        (
            "      - source: contract\n",
            "own.yaml:7: `gpt-5.5`: no price; give it `tokens:` or `units:`",
        ),
        (
            "      - tokens: { input: -4 }\n        source: contract\n",
            "own.yaml:7: `gpt-5.5`: a price below zero; prices are what is charged, not given back",
        ),
        (
            "      - tokens: { input: 4 }\n        from: 2026-02-01\n        until: 2026-01-01\n\
             \x20       source: contract\n",
            "own.yaml:7: `gpt-5.5`: it ends before it begins; mend its dates",
        ),
        (
            "      - tokens: { input: 4 }\n        long: { tokens: { input: 8 } }\n\
             \x20       source: contract\n",
            "own.yaml:7: `gpt-5.5`: `long` must say which calls are long; give it `above:` or \
             `from:`, not 0",
        ),
        (
            "      - tokens: { input: 0.000000000001 }\n        batch: 0.5\n\
             \x20       source: contract\n",
            "own.yaml:7: `gpt-5.5`: `batch` makes no exact prices; write the prices of batches as \
             a row",
        ),
        (
            "      - tokens: { input: 4 }\n        source: contract\n      - tokens: { input: 5 }\n\
             \x20       from: 2026-12-01\n        source: contract\n",
            "own.yaml:9: gpt-5.5 at openai/*/standard has a price from 2026-12-01 here and always \
             at own.yaml:7; end the older one with `until:`, or `superseded:` if it was wrong",
        ),
    ] {
        assert_eq!(problems(&list(rows)), wanted);
    }
    for (text, wanted) in [
        ("surface: openai\n", "own.yaml:"),
        (&list("      - tokens: { input: cheap }\n"), "expected US dollars"),
        (&list("      - tokens: { inputs: 4 }\n"), "inputs"),
        (&list("      - units: { pages: { usd: 1, per: 0 } }\n"), "own.yaml:7"),
        (&list("      - from: yesterday\n"), "expected a date"),
    ] {
        let said = problems(text);
        assert!(said.contains(wanted), "{wanted}: {said}");
    }
}

#[test]
fn the_users_own_prices_win_and_say_so() {
    let text = list("      - tokens: { input: 4, output: 24 }\n        source: contract\n");
    let file = Text { name: "own.yaml", text: &text };
    let catalog = Catalog::built_in().unwrap();
    let before = catalog.hash();
    let catalog = catalog.with_overlay(&[file]).unwrap();
    assert_ne!(catalog.hash(), before);
    let quote = catalog.quote("gpt-5.5", &openai("standard"), day("2026-11-22")).unwrap();
    assert_eq!(quote.line.origin.layer, Layer::Overlay);
    assert_eq!(quote.line.origin.to_string(), "own.yaml:7");
    assert_eq!(quote.rates().usual.input.unwrap().to_string(), "4");
    let list = quote.list.unwrap();
    assert_eq!(list.rates.usual.input.unwrap().to_string(), "5");
    let cached = Usage { input: 10, cache_read: 10, ..Usage::default() };
    assert_eq!(quote.cost(&cached, &[]).state, CostState::Partial, "no price was negotiated");
    let other_tier = catalog.quote("gpt-5.5", &openai("flex"), day("2026-11-22")).unwrap();
    assert_eq!(other_tier.line.origin.layer, Layer::BuiltIn);
}

#[test]
fn a_price_of_ones_own_server_is_a_file_too() {
    let text = "surface: llm.internal\nsources:\n  own: { what: power and depreciation, \
                checked: 2026-11-01 }\nmodels:\n  qwen-local:\n    ids: [Qwen/Qwen3-32B]\n    \
                prices:\n      - tokens: { input: 0.05, output: 0.2 }\n        source: own\n";
    let file = Text { name: "own.yaml", text };
    assert_eq!(rows(file), Ok(1));
    let catalog = Catalog::built_in().unwrap().with_overlay(&[file]).unwrap();
    let place = Place::of_surface("llm.internal");
    let channel = Channel { place, scope: None, tier: "standard".to_owned() };
    assert!(catalog.rates("qwen/qwen3-32b", &channel, day("2026-11-22")).is_ok());
}

#[test]
fn what_was_believed_can_be_asked_again() {
    let rows = "      - { tokens: { input: 9 }, recorded: 2026-01-01, superseded: 2026-02-01, \
                source: contract }\n      - { tokens: { input: 4 }, recorded: 2026-02-01, \
                source: contract }\n      - { tokens: { input: 8 }, from: 2026-03-01, \
                status: withdrawn, source: contract }\n";
    let text = list(rows);
    let catalog = Catalog::empty().with_overlay(&[Text { name: "own.yaml", text: &text }]).unwrap();
    let input = |catalog: &Catalog| {
        let rates = catalog.rates("gpt-5.5", &openai("standard"), day("2026-06-01")).unwrap();
        rates.usual.input.unwrap().to_string()
    };
    assert_eq!(input(&catalog), "4", "what was withdrawn prices nothing");
    assert_eq!(input(&catalog.as_believed(day("2026-01-15"))), "9");
    assert_eq!(input(&catalog.as_believed(day("2026-02-01"))), "4");
    let early = catalog.as_believed(day("2025-12-31"));
    assert!(early.rates("gpt-5.5", &openai("standard"), day("2026-06-01")).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn no_text_makes_the_reader_fail_in_another_way(text in "[a-z0-9:{}\\[\\] \n.,#&*-]{0,200}") {
        let _: Result<usize, Problems> = rows(Text { name: "own.yaml", text: &text });
    }

    #[test]
    fn prices_are_read_to_the_last_digit(whole in 0_u64..100_000, part in 0_u64..1_000_000) {
        let price = format!("{whole}.{part:06}");
        let row = format!("      - {{ tokens: {{ input: {price} }}, source: contract }}\n");
        let text = list(&row);
        let file = Text { name: "own.yaml", text: &text };
        let catalog = Catalog::empty().with_overlay(&[file]).unwrap();
        let rates = catalog.rates("gpt-5.5", &openai("standard"), Moment::default()).unwrap();
        prop_assert_eq!(rates.usual.input, Some(price.parse().unwrap()));
        let one = Usage { input: 1_000_000, ..Usage::default() };
        prop_assert_eq!(rates.cost(&one).usd, price.parse().unwrap());
    }
}
