//! What is known without being told, and what is said over it.

use tieline_policy::{Channel, facts};
use tieline_types::{Fact, FactName, FactValue, Facts};

use super::{NOW, set};

fn bedrock(name: &str) -> Facts {
    facts(&Channel::Bedrock { region: "us-east-2".to_owned() }, name, &[])
}

fn zones(facts: &Facts) -> String {
    facts.get(FactName::Zones).map_or_else(|| "?".to_owned(), |fact| fact.value.to_string())
}

#[test]
fn a_bedrock_id_says_where_it_runs() {
    let cases = [
        ("openai.gpt-5.5", "us", Some("us-east-2")),
        ("anthropic.claude-sonnet-5", "us", Some("us-east-2")),
        ("us.anthropic.claude-sonnet-5", "us", None),
        ("eu.anthropic.claude-sonnet-5", "eu", None),
        ("apac.amazon.nova-pro-v1:0", "apac", None),
        ("global.anthropic.claude-sonnet-5", "global", None),
        // A profile of somebody's own, or one that nobody here has heard of, may run anywhere.
        ("arn:aws:bedrock:us-east-2:1:application-inference-profile/x", "?", None),
        ("mars.anthropic.claude-sonnet-5", "?", None),
    ];
    for (name, zone, region) in cases {
        let facts = bedrock(name);
        assert_eq!(zones(&facts), zone, "{name}");
        let regions = facts.get(FactName::Regions).map(|fact| fact.value.to_string());
        assert_eq!(regions.as_deref(), region, "{name}");
        assert_eq!(facts.text(FactName::Host), Some("aws"), "{name}");
    }
}

#[test]
fn what_a_vendor_does_not_state_is_unknown() {
    for channel in [Channel::Openai, Channel::Anthropic, Channel::AzureOpenai] {
        let facts = facts(&channel, "gpt-5.5", &[]);
        assert!(facts.text(FactName::Seller).is_some(), "{channel:?}");
        for unknown in [FactName::Regions, FactName::Zones, FactName::Dpa] {
            assert_eq!(facts.get(unknown), None, "{channel:?} {unknown}");
        }
        let sourced = facts.iter().all(|(_, fact)| fact.source.starts_with("https://"));
        assert!(sourced, "{facts:?}");
    }
    assert!(facts(&Channel::Other, "llama", &[]).is_empty());
}

#[test]
fn stated_facts_replace_what_was_known_and_place_is_one_fact() {
    let state = |name, value: FactValue, expires_ms| {
        let mut facts = Facts::default();
        facts.set(name, Fact { value, source: "contract".into(), expires_ms });
        facts
    };
    let ohio = Channel::Bedrock { region: "us-east-2".to_owned() };
    let zone = state(FactName::Zones, set(&["eu"]).into(), None);
    let moved = facts(&ohio, "openai.gpt-5.5", &[&zone]);
    assert_eq!((zones(&moved).as_str(), moved.get(FactName::Regions)), ("eu", None));

    // The more particular wins, and zones follow from regions that are known.
    let regions = state(FactName::Regions, set(&["swedencentral", "uksouth"]).into(), Some(NOW));
    let both = facts(&ohio, "openai.gpt-5.5", &[&zone, &regions]);
    assert_eq!(zones(&both), "eu, uk");
    assert_eq!(zones(&both.at(NOW - 1)), "eu, uk");
    assert_eq!(zones(&both.at(NOW)), "?", "what was inferred ends with what it came from");

    let unknown = state(FactName::Regions, set(&["swedencentral", "mars-1"]).into(), None);
    assert_eq!(zones(&facts(&ohio, "openai.gpt-5.5", &[&unknown])), "?");
}
