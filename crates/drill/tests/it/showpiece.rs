//! The day of 28 April 2026.

use std::process::{Command, Stdio};

use serde_json::Value;
use tieline_config::{Config, TierMode};
use tieline_drill::{Checked, Outcome, Scenario, Verdict};

use crate::support::{catalogue, config, run, scenarios};

const DAY: &str = "claude-2026-04-28.yaml";

fn day() -> (Scenario, Config) {
    let mut scenarios = scenarios(&catalogue().join(DAY));
    (scenarios.remove(0), config(&catalogue().join("houses/tieline.yaml")))
}

/// The same house in which every feature has nothing but its first deployment.
fn without_fallback(mut config: Config) -> Config {
    for feature in &mut config.features {
        feature.tiers.truncate(1);
        for tier in &mut feature.tiers {
            if let TierMode::Models { candidates, .. } = &mut tier.mode {
                candidates.truncate(1);
            }
        }
    }
    config
}

fn found<'o>(outcome: &'o Outcome, words: &[&str]) -> &'o Checked {
    let has = |check: &&Checked| words.iter().all(|word| check.expected.contains(word));
    outcome.report.checks.iter().find(has).unwrap()
}

#[test]
fn the_day_on_which_claude_refused_valid_keys_is_survived_and_the_same_each_time() {
    let (scenario, config) = day();
    let outcome = run(&scenario, &config);
    assert_eq!(outcome.report.verdict, Verdict::Pass, "{:#?}", outcome.report.checks);
    let again = run(&scenario, &config);
    assert_eq!(outcome.report.log_sha256, again.report.log_sha256);
    assert_eq!(outcome.report, again.report);
}

#[test]
fn without_fallback_the_outage_spends_nearly_two_months_of_budget_and_others_count_the_same() {
    let (mut scenario, config) = day();
    scenario.workload.retain(|one| one.feature == "support-chat");
    let outcome = run(&scenario, &without_fallback(config));
    assert_eq!(outcome.report.verdict, Verdict::Fail);
    // 78 minutes of the 43.2 that a month has.
    let spent = found(&outcome, &["budget", "during outage"]);
    assert!(!spent.passed && (1.7..1.9).contains(&spent.value.unwrap()), "{spent:?}");
    let page = found(&outcome, &["page of support-availability"]);
    assert!(!page.passed, "{page:?}");
    recomputed(&outcome, &scenario);
}

/// A script that shares no code with Tieline finds the same in the event log.
fn recomputed(outcome: &Outcome, scenario: &Scenario) {
    let folder = tempfile::tempdir().unwrap();
    let slo = serde_json::json!({
        "metadata": { "name": "support-availability" },
        "spec": {
            "service": "support-chat",
            "indicator": { "spec": { "ratioMetric": {
                "good": {
                    "metricSource": { "type": "Tieline", "spec": { "sli": "availability" } },
                },
            } } },
            "timeWindow": [{ "duration": "30d", "isRolling": true }],
            "objectives": [{ "target": 0.999 }],
        },
    });
    let definition = folder.path().join("slo.json");
    std::fs::write(&definition, slo.to_string()).unwrap();
    let events = folder.path().join("events.ndjson");
    std::fs::write(&events, outcome.log.text()).unwrap();
    let script = catalogue().join("../e2e/slo/recompute.py");
    let output = Command::new("python3")
        .arg(script)
        .args([&definition, &events])
        .stderr(Stdio::inherit())
        .output()
        .unwrap();
    assert!(output.status.success());
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    let figures = &outcome.report.figures[0];
    assert_eq!(told["good"], figures.served, "{told}");
    assert_eq!(told["bad"], figures.requests - figures.served, "{told}");
    assert_eq!(pages(&told), fired(outcome, scenario), "{told}");
}

/// The stretches of minutes since the Unix epoch in which pages fire.
fn pages(told: &Value) -> Vec<(u64, u64)> {
    let stretches = told["alert_minutes"]["page"].as_array().unwrap().iter();
    stretches.map(|one| (one[0].as_u64().unwrap(), one[1].as_u64().unwrap())).collect()
}

/// The same by the event log's alerts: a minute is told when it is over.
fn fired(outcome: &Outcome, scenario: &Scenario) -> Vec<(u64, u64)> {
    let start = u64::try_from(scenario.starts.as_second()).unwrap() / 60;
    let minute = |event: &Value| start + event["at_ms"].as_u64().unwrap() / 60_000 - 1;
    let mut stretches: Vec<(u64, u64)> = Vec::new();
    for line in outcome.log.text().lines() {
        let event: Value = serde_json::from_str(line).unwrap();
        if event["event"] != "alert" || event["severity"] != "page" {
            continue;
        }
        match event["fires"] == true {
            true => stretches.push((minute(&event), u64::MAX)),
            false => stretches.last_mut().unwrap().1 = minute(&event) - 1,
        }
    }
    let end = start + scenario.length().as_secs().div_ceil(60) - 1;
    stretches.iter_mut().for_each(|(_, last)| *last = (*last).min(end));
    stretches
}
