//! What is told before any request comes.

use tieline_policy::{Severity, Spot, Tier, World, findings};
use tieline_types::{Exception, Fact, FactName, Facts, Names, Rules};

use super::{DAY, NOW, compiled, deployment, facts, placed, resident, set, world};

fn told(world: World) -> Vec<String> {
    let found = findings(&compiled(world), NOW);
    found
        .into_iter()
        .map(|one| {
            let spot = match one.spot {
                Spot::Config(path) => path.join("."),
                Spot::Policy { file, line } => format!("{file}:{line}"),
            };
            let bad = if one.severity == Severity::Error { "error" } else { "warning" };
            format!("{bad} {spot}: {}", one.message)
        })
        .collect()
}

#[test]
fn a_good_world_has_no_findings() {
    let elsewhere = |provider, host: &str, region: &str| {
        let regions = (FactName::Regions, set(&[region]).into());
        let zones = (FactName::Zones, set(&["eu"]).into());
        deployment(provider, facts([regions, zones, (FactName::Host, host.into())]))
    };
    let deployments = vec![
        elsewhere("a", "azure", "swedencentral"),
        elsewhere("b", "aws", "eu-west-1"),
        placed("c", "us"),
    ];
    assert_eq!(told(world(deployments, resident(&["eu"]), "")), [""; 0]);
}

#[test]
fn features_and_tiers_that_cannot_work_are_told() {
    let nothing = world(vec![placed("a", "us")], resident(&["eu"]), "");
    assert_eq!(told(nothing), ["error features.f: feature `f` has no legal deployment"]);

    let mut ladder =
        world(vec![placed("a", "eu"), placed("b", "us"), placed("c", "eu")], resident(&["eu"]), "");
    let tier = |name: &str, deployments: &[usize]| Tier {
        name: name.into(),
        deployments: deployments.to_vec(),
    };
    ladder.features[0].tiers =
        vec![tier("first", &[0, 2]), tier("abroad", &[1]), tier("again", &[2, 1])];
    assert_eq!(
        told(ladder),
        [
            "warning features.f: tier `abroad` of feature `f` has no legal deployment: it is \
             never reached",
            "warning features.f: tier `again` of feature `f` is never reached: all it may call \
             is in tiers before it",
        ]
    );
}

#[test]
fn what_all_legal_deployments_share_is_told() {
    let at = |provider: &str, zone: &str, region: &str| {
        let zones = (FactName::Zones, set(&[zone]).into());
        let regions = (FactName::Regions, set(&[region]).into());
        deployment(provider, facts([zones, regions, (FactName::Host, "aws".into())]))
    };
    let deployments =
        vec![at("a", "eu", "eu-west-1"), at("b", "eu", "eu-west-1"), at("c", "us", "us-east-1")];
    assert_eq!(
        told(world(deployments, resident(&["eu"]), "")),
        ["warning features.f: all legal deployments of feature `f` share cloud `aws`, region \
          `eu-west-1`"]
    );
}

#[test]
fn rules_and_names_without_effect_are_told() {
    let policies = "permit (principal, action, resource);\n\
                    @id(\"moon\") forbid (principal, action, resource)\n\
                    when { resource.provider == \"moon\" };\n\
                    @id(\"guard\") forbid (principal, action, resource)\n\
                    unless { resource has zones && !resource.zones.isEmpty() };\n\
                    @id(\"tagged\") forbid (principal, action, resource)\n\
                    when { context.tags.contains(\"a=b\") };";
    let rules = Rules {
        deny: Names { sellers: set(&["micorsoft"]), ..Names::default() },
        residency: set(&["eu", "mars"]),
        ..Rules::default()
    };
    let seller = (FactName::Seller, "microsoft".into());
    let zones = (FactName::Zones, set(&["eu"]).into());
    let deployments = vec![deployment("a", facts([seller, zones]))];
    assert_eq!(
        told(world(deployments, rules, policies)),
        [
            "error features.f.data.residency: `mars` is no zone, and no deployment has it as a \
             region",
            "warning features.f.deny.sellers: no deployment has `micorsoft` among its sellers",
            "warning p.cedar:2: policy `moon` never matches",
        ]
    );
}

#[test]
fn what_ends_soon_is_told() {
    let until = |days: u64| {
        let mut facts = Facts::default();
        let expires_ms = Some(NOW + days * DAY);
        let fact = Fact { value: 0.into(), source: "contract".into(), expires_ms };
        facts.set(FactName::RetentionDays, fact);
        facts
    };
    let deployments = vec![deployment("soon", until(29)), deployment("late", until(31))];
    let mut world = world(deployments, Rules::default(), "");
    let exception = |until_ms| Exception {
        feature: "f".to_owned(),
        open: set(&["m@soon"]),
        until_ms,
        reason: "an outage".to_owned(),
        author: "robin".to_owned(),
    };
    world.exceptions = vec![exception(NOW), exception(NOW + 1)];
    assert_eq!(
        told(world),
        [
            "warning exceptions.0: the exception of robin for `f` ended at 2026-11-01T00:00:00Z",
            "warning exceptions.1: an exception of robin opens m@soon to `f` until \
             2026-11-01T00:00:00.001Z",
            "warning providers.soon: facts of m@soon expire at 2026-11-30T00:00:00Z: \
             retention_days",
        ]
    );
}

#[test]
fn modalities_that_no_request_carries_are_told() {
    let takes = |provider, kinds: &[&str]| {
        deployment(provider, facts([(FactName::Modalities, set(kinds).into())]))
    };
    let deployments = vec![takes("a", &["image", "images"]), takes("b", &["text", "video"])];
    assert_eq!(
        told(world(deployments, Rules::default(), "")),
        ["warning providers.a: m@a is stated to take `images`, which no request carries"]
    );
}

#[test]
fn facts_that_contradict_each_other_are_told() {
    let zones = (FactName::Zones, set(&["eu"]).into());
    let regions = (FactName::Regions, set(&["eu-west-1", "us-east-1"]).into());
    let deployments = vec![deployment("a", facts([zones, regions]))];
    assert_eq!(
        told(world(deployments, Rules::default(), "")),
        ["error providers.a: m@a is stated to be in eu, but its regions lie in eu, us"]
    );
}
