//! What the YAML layer allows and refuses.

use super::{bad, good, with};

#[test]
fn anchors_aliases_and_merge_keys() {
    let config = good(
        "version: 1\n\
         providers:\n  \
           a: &base { kind: openai, api_key: { env: KEY }, connect_timeout: 5s }\n  \
           b: { <<: *base, organization: acme }\n\
         models:\n  \
           m: &all [a, b]\n  \
           n: *all\n",
    );
    let [a, b] = config.providers.as_slice() else { panic!("{config:?}") };
    assert_eq!(a.connect_timeout, b.connect_timeout);
    let ids: Vec<&str> = config.deployments().map(|one| one.id.as_str()).collect();
    assert_eq!(ids, ["m@a", "m@b", "n@a", "n@b"]);
}

#[test]
fn expanding_aliases_is_bounded() {
    let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..10 {
        let below = format!("*a{}, ", level - 1).repeat(10);
        text.push_str(&format!("a{level}: &a{level} [{below}]\n"));
    }
    let said = bad(&text);
    assert!(said.contains("TL-0102"), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
}

#[test]
fn a_key_without_a_value_is_absent() {
    let config = good(&with("server:\nfeatures:\nledger: { path: }\n"));
    assert_eq!(config, good(&with("")));
}

#[test]
fn numbers_may_stand_where_texts_are_expected() {
    let config = good(&with("features: { f: { owner: 42, tiers: [{ reply: 1.50 }] } }\n"));
    let owner = config.feature("f").and_then(|feature| feature.owner.as_deref());
    assert_eq!(owner, Some("42"));
    assert!(format!("{config:?}").contains("\"1.50\""));
}
