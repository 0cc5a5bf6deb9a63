//! Random worlds: the matrix says what a reading of the rules in plain Rust says.

use proptest::{collection::vec, option, prelude::*, sample::select};
use tieline_types::{Fact, FactName, FactValue, Facts, Names, Require, Rules};

use super::{NOBODY, NOW, compiled, deployment, open, set, world};

const ZONES: [&str; 3] = ["eu", "us", "global"];

fn some_facts() -> impl Strategy<Value = Facts> {
    let zones = option::of(vec(select(&ZONES[..]), 1..3));
    let flags = (option::of(any::<bool>()), option::of(any::<bool>()));
    (zones, option::of(0_u32..3), flags).prop_map(|(zones, days, (training, dpa))| {
        let zones = zones.map(|zones| FactValue::from(set(&zones)));
        let known = [
            (FactName::Zones, zones),
            (FactName::RetentionDays, days.map(FactValue::from)),
            (FactName::Training, training.map(FactValue::from)),
            (FactName::Dpa, dpa.map(FactValue::from)),
        ];
        let mut facts = Facts::default();
        for (name, value) in known {
            if let Some(value) = value {
                facts.set(name, Fact { value, source: "random".into(), expires_ms: None });
            }
        }
        facts
    })
}

fn some_rules() -> impl Strategy<Value = Rules> {
    let residency = vec(select(&["eu", "us"][..]), 0..3);
    let require = (option::of(0_u32..3), any::<bool>(), any::<bool>());
    let deny = vec(select(&["p0", "p1"][..]), 0..2);
    (residency, require, deny).prop_map(|(residency, (retention_days, no_training, dpa), deny)| {
        Rules {
            residency: set(&residency),
            require: Require { retention_days, no_training, dpa, ..Require::default() },
            deny: Names { providers: set(&deny), ..Names::default() },
            ..Rules::default()
        }
    })
}

/// The rules as a person reads them.
fn meets(facts: &Facts, provider: &str, rules: &Rules) -> bool {
    let require = &rules.require;
    let zones = facts.texts(FactName::Zones);
    let days = facts.number(FactName::RetentionDays);
    (rules.residency.is_empty() || zones.is_some_and(|zones| zones.is_subset(&rules.residency)))
        && require.retention_days.is_none_or(|most| days.is_some_and(|days| days <= most))
        && (!require.no_training || facts.flag(FactName::Training) == Some(false))
        && (!require.dpa || facts.flag(FactName::Dpa) == Some(true))
        && !rules.deny.providers.contains(provider)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn the_matrix_reads_the_rules_as_people_do(
        known in vec(some_facts(), 1..5),
        rules in some_rules(),
    ) {
        let deployments: Vec<_> = known
            .iter()
            .enumerate()
            .map(|(at, facts)| deployment(&format!("p{at}"), facts.clone()))
            .collect();
        let expected: Vec<usize> = deployments
            .iter()
            .enumerate()
            .filter(|(_, one)| meets(&one.facts, &one.provider, &rules))
            .map(|(at, _)| at)
            .collect();
        let matrix = compiled(world(deployments, rules, ""));
        prop_assert_eq!(open(&matrix, NOBODY, NOW), expected);
    }
}
