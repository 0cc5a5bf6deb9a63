//! Objectives by the ledger: reported, checked, and counted again.

use std::time::UNIX_EPOCH;

use serde_json::{Value, json};
use tieline_ledger::{Ledger, Settings, SloKey, SloMinute, recount_slo};
use tieline_types::{CallRecord, DialectId, Outcome};

use crate::support::Folder;

const CONFIG: &str = "\
version: 1
providers:
  oa: { kind: openai, api_key: { env: KEY } }
models:
  m: [oa]
features:
  answers:
    slos: slos.yaml
    on_burn: [ { slo: served, above: 6, begin_at: sorry } ]
    tiers: [ { name: best, models: [m] }, { name: sorry, reply: Sorry., acceptable: false } ]
";

const SLO: &str = "\
apiVersion: openslo/v1
kind: SLO
metadata: { name: served }
spec:
  service: answers
  indicator:
    metadata: { name: served }
    spec:
      ratioMetric:
        counter: true
        good: { metricSource: { type: Tieline, spec: { sli: availability } } }
        total: { metricSource: { type: Tieline, spec: { sli: availability } } }
  timeWindow: [ { duration: 30d, isRolling: true } ]
  budgetingMethod: Occurrences
  objectives: [ { displayName: served, target: 0.99 } ]
";

/// Now, as the files of the folder have it.
fn now_ms(folder: &Folder) -> u64 {
    let changed = folder.path().join("tieline.yaml").metadata().unwrap().modified().unwrap();
    u64::try_from(changed.duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap()
}

/// A request that ended so long ago.
fn call(number: u64, started_ms: u64, outcome: Outcome) -> CallRecord {
    let answered = outcome == Outcome::Served;
    CallRecord {
        id: format!("req_{number:08}"),
        started_ms,
        duration_us: 1_000_000,
        first_content_us: None,
        longest_gap_us: None,
        dialect: DialectId::OpenaiChat,
        feature: "answers".into(),
        model_asked: "answers".to_owned(),
        stream: false,
        caller: "local".into(),
        tier: answered.then(|| "best".into()),
        deployment: answered.then(|| "m@oa".into()),
        outcome,
        status: if answered { 200 } else { 503 },
        fault: None,
        fault_message: None,
        losses: Vec::new(),
        usage: None,
        trace_id: None,
        attempts: Vec::new(),
        passed_over: Vec::new(),
        decision: None,
    }
}

/// A folder whose ledger has requests from an hour ago on, ten a minute, the last of which failed.
fn folder(minutes: u64, failed: u64) -> Folder {
    let folder = Folder::new();
    folder.write("slos.yaml", SLO);
    folder.write("tieline.yaml", CONFIG);
    let path = folder.path().join("tieline.db");
    let ledger = Ledger::open(&Settings { path, spill: folder.path().join("spill") }).unwrap();
    let began_ms = now_ms(&folder) - 3_600_000;
    let all = minutes * 10;
    for number in 0..all {
        let outcome = if number + failed < all { Outcome::Served } else { Outcome::Failed };
        ledger.record(call(number, began_ms + number * 6_000, outcome));
    }
    let own = CallRecord { caller: "tieline-eval".into(), ..call(all, began_ms, Outcome::Failed) };
    ledger.record(own);
    ledger.close().unwrap();
    folder
}

#[test]
fn what_has_no_counts_is_counted_from_the_requests_once() {
    let folder = folder(50, 10);
    let (code, out, err) = folder.run("slo report --format json");
    assert_eq!(code, 0, "{err}");
    assert!(err.contains("counted served from the requests on record"), "{err}");
    let report: Value = serde_json::from_str(&out).unwrap();
    let slo = &report["slos"][0];
    assert_eq!((&slo["good"], &slo["bad"], &slo["ratio"]), (&json!(490), &json!(10), &json!(0.98)));
    let left = slo["budget_left"].as_f64().unwrap();
    assert!((left + 1.0).abs() < 1e-9, "twice the budget is spent: {left}");
    let points = slo["burn_down"].as_array().unwrap();
    assert!(points.len() >= 50 && points.last().unwrap()["left"] == slo["budget_left"]);
    let again = folder.run("slo report");
    assert_eq!((again.0, &*again.2), (0, ""), "the counts are in the ledger now");
    for told in ["served", "availability", "99 %", "98 %", "-100.0 %", "30d"] {
        assert!(again.1.contains(told), "{told} is not in {}", again.1);
    }
    let (_, page, _) = folder.run("slo report --format html");
    assert!(page.starts_with("<!doctype html>") && page.contains("<polyline class=\"spent\""));
    assert!(!page.contains("<script") && !page.contains("http://"));
}

#[test]
fn a_recount_replaces_what_was_counted_wrongly() {
    let folder = folder(50, 10);
    let before = folder.json("slo report");
    let counted = before["slos"][0]["counted_since_ms"].as_u64().unwrap() / 60_000;
    let path = folder.path().join("tieline.db");
    let config = tieline_config::load(&folder.path().join("tieline.yaml"), &NoSecrets).unwrap();
    let slo = &tieline_gateway::stated_slos(&config).unwrap()[0];
    let (feature, name) = (slo.feature.clone(), slo.name.clone());
    let key = SloKey { feature, name, digest: slo.digest().into() };
    let wrong = SloMinute { minute: counted, good: 0, bad: 1_000 };
    recount_slo(&path, &key, counted..counted + 1, &[wrong]).unwrap();
    assert_ne!(folder.json("slo report")["slos"][0]["bad"], 10);
    assert_eq!(folder.json("slo report --recount")["slos"][0]["bad"], 10);
    assert_eq!(folder.json("slo report --window 10m")["slos"][0]["window_s"], 600);
}

struct NoSecrets;

impl tieline_config::World for NoSecrets {
    fn read(&self, path: &std::path::Path) -> std::io::Result<String> {
        std::fs::read_to_string(path)
    }

    fn list(&self, _: &std::path::Path) -> std::io::Result<Vec<std::path::PathBuf>> {
        Ok(Vec::new())
    }

    fn env(&self, _: &str) -> Option<String> {
        Some("k".to_owned())
    }
}

#[test]
fn a_check_says_by_its_exit_code_how_it_stands() {
    let cases = [
        (50, 0, "slo check", 0, ""),
        (50, 10, "slo check", 1, "its error budget is spent"),
        (50, 2, "slo check", 0, ""),
        (50, 2, "slo check --max-burn 0.2", 1, "above 0.2"),
        (0, 0, "slo check", 3, ""),
        (50, 0, "slo check --feature m", 2, "no objectives of `m`"),
    ];
    for (minutes, failed, line, expected, told) in cases {
        let folder = folder(minutes, failed);
        let (code, out, err) = folder.run(line);
        assert_eq!(code, expected, "{line} with {failed}: {out}{err}");
        assert!(err.contains(told), "{line}: {err}");
    }
}

#[test]
fn mistakes_are_told_with_their_place_and_the_ladder_is_explained() {
    let folder = folder(0, 0);
    assert_eq!(folder.run("check").0, 0);
    let explained = folder.json("route explain --feature answers --burning served");
    assert_eq!(
        (&explained["plan"][0]["tier"], &explained["on_burn"][0]["holds"]),
        (&json!("sorry"), &json!(true))
    );
    let (code, _, err) = folder.run("route explain --feature answers --burning other");
    assert_eq!(code, 2);
    assert!(err.contains("no rule about an objective `other`"), "{err}");
    folder.write("slos.yaml", &SLO.replace("target: 0.99", "target: 99"));
    let (code, _, err) = folder.run("check");
    assert_eq!(code, 2);
    assert!(err.contains("slos.yaml:15:"), "{err}");
    let (code, out, _) = folder.run("check --format json");
    let said: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, &said["problems"][0]["line"]), (2, &json!(15)));
}
