//! Policies that are not loaded.

use std::collections::BTreeSet;

use tieline_policy::World;
use tieline_types::{FactName, FactValue, Facts, Rules};

use super::{compiled, deployment, facts, placed, refused, world};

/// The line, the column and the beginning of what is told.
#[test]
fn a_policy_that_does_not_fit_never_loads() {
    let cases = [
        // Not Cedar at all.
        ("permit (principal, action, resource)\nwhen { true }", (2, 14), "unexpected end"),
        ("allow all;", (1, 7), "unexpected token"),
        // A misspelt fact.
        (
            "permit (principal, action, resource)\nwhen { resource.zone == \"eu\" };",
            (2, 8),
            "attribute `zone` on entity type `Deployment` not found",
        ),
        // A fact that may be unknown, read without asking.
        (
            "permit (principal, action, resource)\nwhen { resource.zones.contains(\"eu\") };",
            (2, 8),
            "unable to guarantee safety of access to optional attribute",
        ),
        // Apples and pears.
        (
            "permit (principal, action, resource)\n\
             when { resource has retention_days && resource.retention_days == \"0\" };",
            (2, 39),
            "the types Long and String are not compatible",
        ),
        // An action that nobody does.
        (
            "permit (principal, action == Action::\"read\", resource);",
            (1, 30),
            "unrecognized action `Action::\"read\"`",
        ),
        // Cedar has templates; nothing would fill them.
        ("permit (principal == ?principal, action, resource);", (0, 0), "the policy policy0 has"),
        // Two of one name.
        (
            "@id(\"x\") permit (principal, action, resource);\n\
             @id(\"x\") forbid (principal, action, resource);",
            (2, 1),
            "the id `x` is taken",
        ),
    ];
    for (text, place, message) in cases {
        let problems = refused(text).problems;
        let first = problems.first().unwrap();
        assert!(first.message.starts_with(message), "{text}: {first}");
        assert_eq!((first.line, first.column), place, "{text}: {first}");
        assert_eq!(first.file, "p.cedar");
        assert!(first.help.is_some(), "{first}");
    }
}

#[test]
fn all_mistakes_are_told_at_once() {
    let problems = refused(
        "permit (principal, action, resource) when { resource.zone == \"eu\" };\n\
         permit (principal, action, resource) when { resource.hosts == \"aws\" };",
    );
    let lines: Vec<usize> = problems.problems.iter().map(|one| one.line).collect();
    assert_eq!(lines, [1, 2]);
}

#[test]
fn every_fact_can_be_asked_for() {
    let open = |world: World| super::open(&compiled(world), super::NOBODY, super::NOW);
    for name in FactName::ALL {
        let policy =
            format!("permit (principal, action, resource) when {{ resource has {name} }};");
        let with = |facts| world(vec![deployment("p", facts)], Rules::default(), &policy);
        let value = match name {
            FactName::Regions
            | FactName::Zones
            | FactName::Certifications
            | FactName::Modalities => FactValue::from(BTreeSet::from(["eu".to_owned()])),
            FactName::RetentionDays | FactName::ContextTokens | FactName::OutputTokens => {
                FactValue::from(7)
            }
            FactName::Training
            | FactName::Dpa
            | FactName::Baa
            | FactName::Scc
            | FactName::Tools
            | FactName::JsonSchema
            | FactName::Reasoning
            | FactName::Caching
            | FactName::Prefill
            | FactName::Preview => FactValue::from(true),
            FactName::Seller
            | FactName::Host
            | FactName::Edge
            | FactName::StorageRegion
            | FactName::StorageZone
            | FactName::RetiresOn => FactValue::from("2027-01-31"),
        };
        assert_eq!(open(with(facts([(name, value)]))), [0], "{name}");
        assert_eq!(open(with(Facts::default())), [0; 0], "{name} is not known");
    }
}

/// A policy is loaded however it is laid out.
#[test]
fn no_policy_is_lost() {
    let text = "permit(principal,action,resource);@id(\"x\")forbid\n(principal, action, resource)\n\
                when{resource.provider==\"p\"};/";
    assert!(!refused(text).problems.is_empty(), "what is left over is a mistake");
    let text = text.trim_end_matches('/');
    let matrix = compiled(world(vec![placed("p", "eu")], Rules::default(), text));
    assert_eq!(super::open(&matrix, super::NOBODY, super::NOW), [0; 0]);
    assert_eq!(super::told(&matrix), ["out x: forbidden by p.cedar:1"]);
}

#[test]
fn plain_rules_hold_whatever_names_contain() {
    let odd = "a{b}(c)'d/é".to_owned();
    let rules = Rules { residency: [odd.clone()].into(), ..Rules::default() };
    let matrix = compiled(world(vec![placed("p", &odd)], rules, ""));
    assert_eq!(super::open(&matrix, super::NOBODY, super::NOW), [0]);
}
