//! Random worlds: the matrix says what a reading of the rules in plain Rust says.

use proptest::{collection::vec, option, prelude::*, sample::select};
use tieline_policy::{Asked, Caller};
use tieline_types::{Fact, FactName, FactValue, Facts, Modality, Names, Require, Rules};

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

/// One condition of a policy, as text and as it is meant.
#[derive(Clone, Copy, Debug)]
enum Condition {
    Provider(&'static str),
    Tag(&'static str),
    Carries(Modality),
    Named(&'static str),
    Both(&'static str, &'static str),
    Either(&'static str, &'static str),
}

impl Condition {
    fn text(self) -> String {
        let provider = |name| format!("resource.provider == \"{name}\"");
        let tag = |tag| format!("context.tags.contains(\"{tag}\")");
        match self {
            Self::Provider(name) => provider(name),
            Self::Tag(name) => tag(name),
            Self::Carries(one) => format!("context.modalities.contains(\"{}\")", one.as_str()),
            Self::Named(name) => format!("principal has name && principal.name == \"{name}\""),
            Self::Both(name, with) => format!("{} && {}", provider(name), tag(with)),
            Self::Either(name, or) => format!("{} || {}", provider(name), tag(or)),
        }
    }

    fn holds(self, provider: &str, asked: &Asked<'_>) -> bool {
        let tagged = |tag: &str| asked.tags.iter().any(|one| one == tag);
        match self {
            Self::Provider(name) => provider == name,
            Self::Tag(tag) => tagged(tag),
            Self::Carries(one) => asked.modalities.contains(one),
            Self::Named(name) => asked.caller.name == Some(name),
            Self::Both(name, tag) => provider == name && tagged(tag),
            Self::Either(name, tag) => provider == name || tagged(tag),
        }
    }
}

#[derive(Clone, Debug)]
struct Policy {
    permits: bool,
    caller: Option<&'static str>,
    when: Option<Condition>,
    unless: Option<Condition>,
}

impl Policy {
    fn text(&self) -> String {
        let effect = if self.permits { "permit" } else { "forbid" };
        let scope = self.caller.map_or_else(String::new, |id| format!(" == Caller::\"{id}\""));
        let clause = |word: &str, condition: Option<Condition>| {
            condition.map_or_else(String::new, |one| format!("\n{word} {{ {} }}", one.text()))
        };
        let (when, unless) = (clause("when", self.when), clause("unless", self.unless));
        format!("{effect} (principal{scope}, action, resource){when}{unless};\n")
    }

    fn applies(&self, provider: &str, asked: &Asked<'_>) -> bool {
        self.caller.is_none_or(|one| one == asked.caller.id)
            && self.when.is_none_or(|one| one.holds(provider, asked))
            && !self.unless.is_some_and(|one| one.holds(provider, asked))
    }
}

fn some_policy() -> impl Strategy<Value = Policy> {
    let provider = || select(&["p0", "p1"][..]);
    let tag = || select(&["a=1", "b=1"][..]);
    let condition = prop_oneof![
        provider().prop_map(Condition::Provider),
        tag().prop_map(Condition::Tag),
        select(&Modality::ALL[..]).prop_map(Condition::Carries),
        select(&["web", "batch"][..]).prop_map(Condition::Named),
        (provider(), tag()).prop_map(|(name, tag)| Condition::Both(name, tag)),
        (provider(), tag()).prop_map(|(name, tag)| Condition::Either(name, tag)),
    ];
    let caller = option::of(select(&["k", "l"][..]));
    let conditions = (option::of(condition.clone()), option::of(condition));
    (any::<bool>(), caller, conditions).prop_map(|(permits, caller, (when, unless))| Policy {
        permits,
        caller,
        when,
        unless,
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    /// What is settled beforehand and what is asked for later amount to the policies as written.
    #[test]
    fn requests_are_judged_as_if_all_was_asked_at_once(
        policies in vec(some_policy(), 1..5),
        caller in select(&["k", "l", "m"][..]),
        name in option::of(select(&["web", "batch"][..])),
        tags in proptest::collection::btree_set(select(&["a=1", "b=1"][..]), 0..3),
        carried in vec(select(&Modality::ALL[..]), 0..3),
    ) {
        let tags: Vec<String> = tags.into_iter().map(str::to_owned).collect();
        let caller = Caller { name, ..caller.into() };
        let modalities = carried.into_iter().collect();
        let asked = Asked { caller, tags: &tags, modalities };
        let providers = ["p0", "p1", "p2"];
        let deployments = providers.map(|name| deployment(name, Facts::default())).to_vec();
        let text: String = policies.iter().map(Policy::text).collect();
        let matrix = compiled(world(deployments, Rules::default(), &text));
        let expected: Vec<usize> = (0..providers.len())
            .filter(|at| {
                let applying = |permits: bool| {
                    policies.iter().any(|policy| {
                        policy.permits == permits && policy.applies(providers[*at], &asked)
                    })
                };
                applying(true) && !applying(false)
            })
            .collect();
        prop_assert_eq!(open(&matrix, asked, NOW), expected, "{}", text);
    }
}
