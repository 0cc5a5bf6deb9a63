//! What may go where.

use tieline_policy::{Asked, Caller};
use tieline_types::{DataClass, Exception, Fact, FactName, Facts, Modality, Names, Require, Rules};

use super::{
    DAY, NOBODY, NOW, Verdict, compiled, deployment, facts, open, placed, resident, set, told,
    world,
};

#[test]
fn without_rules_everything_listed_is_open() {
    let matrix = compiled(world(vec![placed("a", "eu"), placed("b", "us")], Rules::default(), ""));
    assert_eq!(open(&matrix, NOBODY, NOW), [0, 1]);
    assert!(!matrix.asks_requests());
    let nowhere = matrix.allowed("g", NOBODY, NOW);
    assert_eq!(nowhere.eligible.allowed(0), None, "nobody knows the feature");
}

#[test]
fn residency_fails_closed_on_what_is_unknown() {
    let both = facts([(FactName::Zones, set(&["eu", "us"]).into())]);
    let region = facts([(FactName::Regions, set(&["eu-moon-1"]).into())]);
    let deployments = vec![
        placed("eu", "eu"),
        placed("us", "us"),
        deployment("both", both),
        deployment("unknown", Facts::default()),
        placed("anywhere", "global"),
        deployment("region", region),
    ];
    let matrix = compiled(world(deployments.clone(), resident(&["eu"]), ""));
    assert_eq!(open(&matrix, NOBODY, NOW), [0]);
    let rule = "out feature f: residency: must be processed in eu;";
    assert_eq!(
        told(&matrix)[1..],
        [
            format!("{rule} it may be processed in us"),
            format!("{rule} it may be processed in eu, us"),
            format!("{rule} where it is processed is not known"),
            format!("{rule} it may be processed in global"),
            format!("{rule} it may be processed in eu-moon-1"),
        ]
    );
    let twice = Rules { require: Require { dpa: true, ..Require::default() }, ..resident(&["eu"]) };
    let both = compiled(world(deployments.clone(), twice, "")).allowed("f", NOBODY, NOW);
    let rules = both.rules(1).map(|rules| &**rules);
    assert_eq!(rules, Some("feature f: dpa, feature f: residency"));
    let wide = compiled(world(deployments.clone(), resident(&["eu", "us"]), ""));
    assert_eq!(open(&wide, NOBODY, NOW), [0, 1, 2]);
    let exact = compiled(world(deployments, resident(&["eu-moon-1"]), ""));
    assert_eq!(open(&exact, NOBODY, NOW), [5]);
}

/// A rule, facts that meet it, facts that do not, and what is told of these.
#[test]
fn every_plain_rule_closes_what_does_not_meet_it_and_what_is_unknown() {
    let require = |require| Rules { require, ..Rules::default() };
    let class = |class| Rules { class: Some(class), ..Rules::default() };
    let kept = |days: u32| (FactName::RetentionDays, days.into());
    let trains = |trains: bool| (FactName::Training, trains.into());
    let certified = |names: &[&str]| facts([(FactName::Certifications, set(names).into())]);
    let cases = [
        (
            class(DataClass::Confidential),
            facts([trains(false)]),
            facts([trains(true)]),
            "data class: confidential data must not be trained on; models are trained on it",
        ),
        (
            class(DataClass::Restricted),
            facts([trains(false), kept(0)]),
            facts([trains(false), kept(30)]),
            "data class: restricted data must not be trained on and must not be kept; it is kept \
             for 30 days",
        ),
        (
            require(Require { storage: set(&["eu"]), ..Require::default() }),
            facts([(FactName::StorageZone, "eu".into())]),
            facts([(FactName::StorageRegion, "us-east-1".into())]),
            "storage: may be kept in eu only; it is kept in us-east-1",
        ),
        (
            require(Require { storage: set(&["eu"]), ..Require::default() }),
            facts([kept(0)]),
            facts([kept(1)]),
            "storage: may be kept in eu only; where it is kept is not known",
        ),
        (
            require(Require { retention_days: Some(7), ..Require::default() }),
            facts([kept(7)]),
            facts([kept(8)]),
            "retention_days: may be kept for at most 7 days; it is kept for 8 days",
        ),
        (
            require(Require { no_training: true, ..Require::default() }),
            facts([trains(false)]),
            facts([trains(true)]),
            "no_training: must not be trained on; models are trained on it",
        ),
        (
            require(Require { baa: true, ..Require::default() }),
            facts([(FactName::Baa, true.into())]),
            facts([(FactName::Baa, false.into())]),
            "baa: needs a business associate agreement (baa); there is none",
        ),
        (
            require(Require { certifications: set(&["c5", "soc-2"]), ..Require::default() }),
            certified(&["c5", "iso-27001", "soc-2"]),
            certified(&["soc-2"]),
            "certifications: must be certified for c5, soc-2; it is certified for soc-2",
        ),
        (
            Rules { deny: Names { sellers: set(&["x"]), ..Names::default() }, ..Rules::default() },
            facts([(FactName::Seller, "y".into())]),
            facts([(FactName::Seller, "x".into())]),
            "deny: `deny` names the seller `x`",
        ),
    ];
    for (rules, good, bad, words) in cases {
        let unknown = Facts::default();
        let deployments =
            vec![deployment("a", good), deployment("b", bad), deployment("c", unknown)];
        let matrix = compiled(world(deployments, rules, ""));
        assert_eq!(open(&matrix, NOBODY, NOW), [0], "{words}");
        assert_eq!(told(&matrix)[1], format!("out feature f: {words}"));
    }
}

#[test]
fn allow_and_deny_take_any_name() {
    let deployments = || vec![placed("a", "eu"), placed("b", "eu"), placed("c", "eu")];
    let providers = |names: &[&str]| Names { providers: set(names), ..Names::default() };
    let ids = |names: &[&str]| Names { deployments: set(names), ..Names::default() };
    let allow = Rules {
        allow: Names { deployments: set(&["m@c"]), ..providers(&["a"]) },
        ..Rules::default()
    };
    assert_eq!(open(&compiled(world(deployments(), allow, "")), NOBODY, NOW), [0, 2]);
    let deny = Rules { deny: ids(&["m@b"]), ..Rules::default() };
    assert_eq!(open(&compiled(world(deployments(), deny, "")), NOBODY, NOW), [0, 2]);
    let both = Rules { allow: providers(&["a", "b"]), deny: ids(&["m@b"]), ..Rules::default() };
    assert_eq!(open(&compiled(world(deployments(), both, "")), NOBODY, NOW), [0]);
}

#[test]
fn once_there_is_a_policy_something_must_permit() {
    let deployments = || vec![placed("a", "eu"), placed("b", "us")];
    let only_forbids = "forbid (principal, action, resource) when { resource.provider == \"b\" };";
    let matrix = compiled(world(deployments(), Rules::default(), only_forbids));
    assert_eq!(open(&matrix, NOBODY, NOW), [0; 0]);
    assert_eq!(
        told(&matrix),
        [
            "out default deny: there are policies, and none of them permits it",
            "out p.cedar#1: forbidden by p.cedar:1",
        ]
    );
    let permits = "@id(\"all\") @reason(\"to begin with\")\npermit (principal, action, resource);";
    let matrix = compiled(world(deployments(), resident(&["eu"]), permits));
    assert_eq!(open(&matrix, NOBODY, NOW), [0], "a permit opens nothing that a rule forbids");
    assert_eq!(told(&matrix)[0], "in all: permitted by p.cedar:2: to begin with");
    let comments = compiled(world(deployments(), Rules::default(), "// nothing yet\n"));
    assert_eq!(open(&comments, NOBODY, NOW), [0, 1], "a file without policies is none");
}

#[test]
fn policies_over_tags_and_callers_are_asked_for_each_request() {
    let policies = "permit (principal, action, resource);\n\
                    forbid (principal, action, resource)\n\
                    when { context.tags.contains(\"tenant=eu\") }\n\
                    unless { resource has zones && [\"eu\"].containsAll(resource.zones) };\n\
                    forbid (principal == Caller::\"key_1\", action, resource)\n\
                    when { resource.provider == \"a\" };";
    let matrix =
        compiled(world(vec![placed("a", "eu"), placed("b", "us")], Rules::default(), policies));
    assert!(matrix.asks_requests());
    let tagged = [String::from("tenant=eu")];
    for _ in 0..2 {
        // The second time from what is kept.
        assert_eq!(open(&matrix, NOBODY, NOW), [0, 1]);
        assert_eq!(open(&matrix, Asked { tags: &tagged, ..NOBODY }, NOW), [0]);
        assert_eq!(open(&matrix, Asked { caller: "key_1".into(), ..NOBODY }, NOW), [1]);
        let closed = Asked { caller: "key_1".into(), tags: &tagged, ..NOBODY };
        assert_eq!(open(&matrix, closed, NOW), [0; 0]);
    }
    let ruling = matrix.allowed("f", Asked { tags: &tagged, ..NOBODY }, NOW);
    assert_eq!(ruling.rules(1).map(|rule| &**rule), Some("p.cedar#2"));
    let unasked: Vec<Verdict> =
        matrix.cells("f", None, NOW).into_iter().map(|cell| cell.verdict).collect();
    assert_eq!(unasked, [Verdict::Asked, Verdict::Asked]);
}

/// What no request can change is settled when the policies are compiled.
#[test]
fn only_what_a_request_can_change_is_asked_for() {
    let permits = "permit (principal, action, resource);\n";
    let cases = [
        // Only b is outside the EU, and the other feature is another's business.
        (
            "forbid (principal, action, resource) when { context.tags.contains(\"a=b\") }\n\
             unless { resource has zones && [\"eu\"].containsAll(resource.zones) };",
            [Verdict::In, Verdict::Asked],
        ),
        (
            "forbid (principal, action, resource)\n\
             when { context.feature == \"g\" && context.tags.contains(\"a=b\") };",
            [Verdict::In, Verdict::In],
        ),
        (
            "forbid (principal == Caller::\"k\", action, resource)\n\
             when { resource.provider == \"a\" };",
            [Verdict::Asked, Verdict::In],
        ),
        // Who is permitted already needs no other permit.
        (
            "permit (principal, action, resource) when { context.tags.contains(\"a=b\") };",
            [Verdict::In, Verdict::In],
        ),
        (
            "forbid (principal, action, resource)\n\
             when { resource.provider == \"b\" && context.modalities.contains(\"image\") };",
            [Verdict::In, Verdict::Asked],
        ),
        (
            "forbid (principal, action, resource)\n\
             when { principal has default_feature && resource.provider == \"a\" };",
            [Verdict::Asked, Verdict::In],
        ),
        // Half of an exception is none.
        (
            "forbid (principal, action, resource)\n\
             unless { resource.provider == \"a\" && context.tags.contains(\"a=b\") };",
            [Verdict::Asked, Verdict::Asked],
        ),
    ];
    for (policy, expected) in cases {
        let policies = format!("{permits}{policy}");
        let deployments = vec![placed("a", "eu"), placed("b", "us")];
        let matrix = compiled(world(deployments, Rules::default(), &policies));
        let cells = matrix.cells("f", None, NOW).into_iter();
        let verdicts: Vec<Verdict> = cells.map(|cell| cell.verdict).collect();
        assert_eq!(verdicts, expected, "{policy}");
    }
}

const SEES: &str = "permit (principal, action, resource)\n\
                    when { context.modalities.isEmpty() || (resource has modalities &&\n\
                    resource.modalities.containsAll(context.modalities)) };\n\
                    @id(\"no pictures abroad\") forbid (principal, action, resource)\n\
                    when { context.modalities.contains(\"image\") }\n\
                    unless { resource has zones && [\"eu\"].containsAll(resource.zones) };";

#[test]
fn what_a_request_carries_goes_only_where_it_may() {
    let seeing = |zone: &str, kinds: &[&str]| {
        facts([(FactName::Zones, set(&[zone]).into()), (FactName::Modalities, set(kinds).into())])
    };
    let deployments = vec![
        deployment("both", seeing("eu", &["document", "image"])),
        deployment("abroad", seeing("us", &["document", "image"])),
        deployment("reads", seeing("eu", &["document"])),
        placed("unknown", "eu"),
    ];
    let matrix = compiled(world(deployments, Rules::default(), SEES));
    assert!(matrix.asks_modalities() && matrix.needs_modalities("f", NOW));
    assert!(!matrix.asks_tags() && !matrix.asks_callers());
    let carrying =
        |kinds: &[Modality]| Asked { modalities: kinds.iter().copied().collect(), ..NOBODY };
    for (kinds, expected) in [
        (&[][..], &[0, 1, 2, 3][..]),
        (&[Modality::Image], &[0]),
        (&[Modality::Document], &[0, 1, 2]),
        (&[Modality::Document, Modality::Image], &[0]),
        (&[Modality::Audio], &[]),
        (&[Modality::Unknown], &[]),
    ] {
        assert_eq!(open(&matrix, carrying(kinds), NOW), expected, "{kinds:?}");
    }
    let ruling = matrix.allowed("f", carrying(&[Modality::Image]), NOW);
    assert_eq!(ruling.rules(1).map(|rules| &**rules), Some("no pictures abroad"));
    assert_eq!(ruling.modalities.unwrap().to_string(), "image");
}

#[test]
fn what_no_policy_looks_at_need_not_be_known() {
    let tags = "permit (principal, action, resource)\n\
                unless { context.tags.contains(\"a=b\") && principal.id == \"k\" };";
    let deployments = || vec![placed("a", "eu")];
    let matrix = compiled(world(deployments(), Rules::default(), tags));
    assert!(!matrix.asks_modalities() && !matrix.needs_modalities("f", NOW));
    assert!(matrix.asks_tags() && !matrix.asks_callers());
    let image = Asked { modalities: Modality::Image.into(), ..NOBODY };
    assert_eq!(matrix.allowed("f", image, NOW).modalities, None);
    // Another feature's business is none of this one's.
    let other = "permit (principal, action, resource);\n\
                 forbid (principal, action, resource)\n\
                 when { context.feature == \"g\" && context.modalities.contains(\"image\") };";
    let matrix = compiled(world(deployments(), Rules::default(), other));
    assert!(matrix.asks_modalities() && !matrix.needs_modalities("f", NOW));
}

#[test]
fn what_is_known_of_a_caller_can_be_asked_for() {
    let features = ["f".to_owned()];
    let known = Caller {
        id: "key_1",
        name: Some("legal"),
        features: Some(&features),
        default_feature: Some("f"),
    };
    let asked = |caller| Asked { caller, ..NOBODY };
    for (condition, holds) in [
        ("principal.id == \"key_1\"", true),
        ("principal has name && principal.name == \"legal\"", true),
        ("principal has name && principal.name == \"sales\"", false),
        ("principal has features && principal.features.contains(context.feature)", true),
        ("principal has default_feature && principal.default_feature == context.feature", true),
    ] {
        let policies = format!("permit (principal, action, resource) when {{ {condition} }};");
        let matrix = compiled(world(vec![placed("a", "eu")], Rules::default(), &policies));
        assert_eq!(open(&matrix, asked(known), NOW) == [0], holds, "{condition}");
        assert_eq!(open(&matrix, asked("key_2".into()), NOW), [0; 0], "{condition}");
    }
}

/// What the settled rules close stays closed, whatever those over requests permit.
#[test]
fn a_permit_for_a_tag_opens_nothing_that_a_plain_rule_forbids() {
    let policies =
        "permit (principal, action, resource) when { context.tags.contains(\"vip=1\") };";
    let deployments = vec![placed("a", "eu"), placed("b", "us")];
    let matrix = compiled(world(deployments, resident(&["eu"]), policies));
    let vip = [String::from("vip=1")];
    assert_eq!(open(&matrix, NOBODY, NOW), [0; 0]);
    assert_eq!(open(&matrix, Asked { tags: &vip, ..NOBODY }, NOW), [0]);
}

#[test]
fn a_fact_that_has_expired_is_unknown() {
    let mut expiring = Facts::default();
    let zones = set(&["eu"]).into();
    let expires_ms = Some(NOW + DAY);
    expiring.set(FactName::Zones, Fact { value: zones, source: "audit".into(), expires_ms });
    let deployments = vec![deployment("a", expiring), placed("b", "eu")];
    let matrix = compiled(world(deployments, resident(&["eu"]), ""));
    assert_eq!(open(&matrix, NOBODY, NOW), [0, 1]);
    assert_eq!(open(&matrix, NOBODY, NOW + DAY - 1), [0, 1]);
    assert_eq!(open(&matrix, NOBODY, NOW + DAY), [1]);
    assert_eq!(open(&matrix, NOBODY, 0), [0, 1], "a clock that was set back");
}

#[test]
fn an_exception_opens_what_it_names_until_it_ends() {
    let deployments = vec![placed("a", "us"), placed("b", "us"), placed("c", "eu")];
    let mut world = world(deployments, resident(&["eu"]), "");
    world.exceptions.push(Exception {
        feature: "f".to_owned(),
        open: set(&["m@a"]),
        until_ms: NOW + DAY,
        reason: "the region is down".to_owned(),
        author: "robin".to_owned(),
    });
    let matrix = compiled(world);
    assert_eq!(open(&matrix, NOBODY, NOW), [0, 2]);
    assert_eq!(
        told(&matrix)[0],
        "in exception of robin: opened until 2026-11-02T00:00:00Z by robin: the region is down"
    );
    assert_eq!(open(&matrix, NOBODY, NOW + DAY), [2]);
}
