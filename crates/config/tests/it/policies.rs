//! Facts, demands, files of policies and exceptions, as they are checked.

use tieline_config::locate;
use tieline_types::{DataClass, FactName, Facts};

use super::{good, with};

fn stated(facts: &Facts) -> Vec<String> {
    let facts = facts.iter();
    facts.map(|(name, fact)| format!("{name}={} ({})", fact.value, fact.source)).collect()
}

#[test]
fn facts_are_stated_of_providers_and_of_deployments() {
    let config = good(
        "version: 1\n\
         providers:\n  \
           a:\n    \
             kind: openai-compatible\n    \
             base_url: https://a.example/v1\n    \
             facts:\n      \
               regions: [swedencentral, westeurope]\n      \
               zone: eu\n      \
               retention_days: 0\n      \
               training: false\n      \
               expires: 2027-01-31\n      \
               source: DPA of 2026\n\
         models:\n  \
           m:\n    \
             - provider: a\n      \
               facts:\n        \
                 { preview: true, retires_on: 2027-06-30, output_tokens: 64000,\n          \
                   modalities: [image, document], json_schema: true, reasoning: false,\n          \
                   caching: true }\n",
    );
    let facts = &config.provider("a").unwrap().facts;
    assert_eq!(
        stated(facts),
        [
            "regions=swedencentral, westeurope (DPA of 2026)",
            "zones=eu (DPA of 2026)",
            "retention_days=0 (DPA of 2026)",
            "training=no (DPA of 2026)",
        ]
    );
    // 2027-02-01T00:00:00Z: all of the day counts.
    assert!(facts.iter().all(|(_, fact)| fact.expires_ms == Some(1_801_440_000_000)));
    assert_eq!(
        stated(&config.deployment("m@a").unwrap().facts),
        [
            "output_tokens=64000 (the configuration)",
            "modalities=document, image (the configuration)",
            "json_schema=yes (the configuration)",
            "reasoning=no (the configuration)",
            "caching=yes (the configuration)",
            "preview=yes (the configuration)",
            "retires_on=2027-06-30 (the configuration)",
        ]
    );
    assert!(facts.get(FactName::Dpa).is_none());
}

#[test]
fn a_feature_demands() {
    let config = good(&with(
        "features:\n  \
           f:\n    \
             data: { class: confidential, residency: [eu, ch], purpose: support }\n    \
             require: { retention_days: 30, dpa: true, certifications: [c5] }\n    \
             allow: { providers: [a], deployments: [m@b] }\n    \
             deny: { sellers: [x] }\n    \
             tiers: [{ models: [m] }]\n",
    ));
    let rules = &config.feature("f").unwrap().rules;
    assert_eq!(rules.class, Some(DataClass::Confidential));
    let listed = |set: &std::collections::BTreeSet<String>| set.iter().cloned().collect::<Vec<_>>();
    assert_eq!(listed(&rules.residency), ["ch", "eu"]);
    assert_eq!(rules.purpose.as_deref(), Some("support"));
    let require = &rules.require;
    assert_eq!((require.retention_days, require.dpa, require.baa), (Some(30), true, false));
    assert_eq!(listed(&rules.allow.deployments), ["m@b"]);
    assert_eq!(listed(&rules.deny.sellers), ["x"]);
    assert!(config.feature("m").unwrap().rules.allow.is_empty());
}

#[test]
fn files_of_policies_are_read_by_name() {
    let config = good(&with("policies: policies/*.cedar\n"));
    let files: Vec<_> = config.policies.iter().map(|file| (&*file.name, &*file.text)).collect();
    assert_eq!(files, [("policies/a.cedar", "a"), ("policies/b.cedar", "b")]);
    let one = good(&with("policies: policies/notes.txt\n"));
    assert_eq!(one.policies[0].text, "c");
    assert!(good(&with("")).policies.is_empty());
}

#[test]
fn an_exception_names_deployments_by_any_of_their_names() {
    let exception = |open: &str| {
        let config = good(&with(&format!(
            "exceptions: [{{ feature: m, open: [{open}], until: 2026-12-01T19:00:00+01:00,\
             \x20reason: x, author: robin }}]\n"
        )));
        let one = config.exceptions.into_iter().next().unwrap();
        assert_eq!(one.until_ms, 1_796_148_000_000);
        one.open.into_iter().collect::<Vec<_>>()
    };
    assert_eq!(exception("m@a"), ["m@a"]);
    assert_eq!(exception("b"), ["m@b"]);
    assert_eq!(exception("m"), ["m@a", "m@b"]);
}

#[test]
fn keys_are_located() {
    let text = "a: 1\nfeatures:\n  f: { tiers: [ { off: true } ] }\n";
    let at = |path: &[&str]| {
        let path: Vec<String> = path.iter().map(|key| (*key).to_owned()).collect();
        let span = locate(text, &path);
        (span.line, span.column)
    };
    assert_eq!(at(&["features", "f"]), (3, 3));
    assert_eq!(at(&["features", "f", "tiers", "0", "off"]), (3, 19));
    assert_eq!(at(&["features", "f", "deny"]), (3, 3), "as far as it leads");
    assert_eq!(at(&["g"]), (0, 0));
}
