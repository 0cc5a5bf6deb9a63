//! Drills notice when a mechanism is not there.

use tieline_config::{Config, TierMode};
use tieline_drill::Verdict;

use crate::support::{catalogue, config, run, scenarios};

/// The verdict of a drill of the catalogue in a changed house.
fn verdict(name: &str, change: impl Fn(&mut Config)) -> Verdict {
    let scenario = scenarios(&catalogue().join(format!("{name}.yaml"))).remove(0);
    let mut config = config(&catalogue().join(scenario.topology.as_ref().unwrap()));
    change(&mut config);
    run(&scenario, &config).report.verdict
}

/// Every tier calls its first deployment and no other.
fn without_failover(config: &mut Config) {
    without_tiers(config);
    for tier in config.features.iter_mut().flat_map(|feature| &mut feature.tiers) {
        if let TierMode::Models { candidates, .. } = &mut tier.mode {
            candidates.truncate(1);
        }
    }
}

/// Every feature has its first tier and no other.
fn without_tiers(config: &mut Config) {
    for feature in &mut config.features {
        feature.tiers.truncate(1);
    }
}

#[test]
fn failover() {
    for name in ["apr28-auth", "hang-headers"] {
        assert_eq!(verdict(name, without_failover), Verdict::Fail, "{name}");
    }
}

#[test]
fn tiers() {
    for name in ["common-mode-cloud", "retry-storm-clients"] {
        assert_eq!(verdict(name, without_tiers), Verdict::Fail, "{name}");
    }
}

/// `cargo xtask mutants --only "storm detector"` takes it away, and this has to fail then.
#[test]
fn storm_detector() {
    assert_eq!(verdict("azure-400-storm", |_| {}), Verdict::Pass);
}
