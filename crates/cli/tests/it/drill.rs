//! `tieline drill`: the catalogue, scenarios of one's own, reports.

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde_json::Value;

use crate::support::Folder;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Runs a drill of the catalogue, whose expectations have to hold.
fn holds(name: &str) {
    let folder = Folder::new();
    let (code, out, err) = folder.run(&format!("drill run {name} --format json"));
    let reports: Value = serde_json::from_str(&out).unwrap_or_else(|_| panic!("{err}"));
    let checks = reports[0]["checks"].as_array().unwrap();
    let failed: Vec<&Value> = checks.iter().filter(|check| check["passed"] == false).collect();
    assert!(code == 0 && failed.is_empty(), "{failed:#?}\n{err}");
}

/// A test for each drill of the catalogue, so that they run beside each other.
macro_rules! catalogue {
    ($($test:ident $name:literal),* $(,)?) => {
        $(#[test] fn $test() { holds($name) })*

        #[test]
        fn every_drill_of_the_catalogue_has_its_test() {
            let (code, out, _) = Folder::new().run("drill list --format json");
            let listed: Vec<Value> = serde_json::from_str(&out).unwrap();
            let names: Vec<&str> = listed.iter().map(|one| one["name"].as_str().unwrap()).collect();
            assert_eq!((code, names.as_slice()), (0, [$($name),*].as_slice()));
        }
    };
}

catalogue! {
    apr28_auth "apr28-auth",
    claude_2026_04_28 "claude-2026-04-28",
    overload_529_stream "overload-529-stream",
    long_partial "long-partial",
    staggered_recovery "staggered-recovery",
    azure_400_storm "azure-400-storm",
    azure_high_demand "azure-high-demand",
    quota_shrink "quota-shrink",
    failover_ramp "failover-ramp",
    secondary_exhausted "secondary-exhausted",
    capacity_brownout "capacity-brownout",
    latency_only "latency-only",
    hang_headers "hang-headers",
    stall_midstream "stall-midstream",
    truncate_graceful "truncate-graceful",
    stream_error_bedrock "stream-error-bedrock",
    tool_call_cut "tool-call-cut",
    prefill_rejected "prefill-rejected",
    empty_200 "empty-200",
    quality_drift "quality-drift",
    region_loss_dns "region-loss-dns",
    common_mode_cloud "common-mode-cloud",
    billing_exhausted "billing-exhausted",
    model_retired "model-retired",
    recovery_surge "recovery-surge",
    retry_storm_clients "retry-storm-clients",
    self_inflicted "self-inflicted",
}

#[test]
fn the_guide_is_a_drill_that_holds() {
    let guide = root().join("docs/guide/drills.md");
    let (code, out, err) = Folder::new().run(&format!("drill run {}", guide.display()));
    assert_eq!(code, 0, "{out}{err}");
}

const CONFIG: &str = "\
version: 1
providers:
  one: { kind: openai, api_key: { env: ONE } }
  two: { kind: anthropic, api_key: { env: TWO } }
models:
  gpt: [one]
  claude: [two]
features:
  chat: { tiers: [{ name: best, models: [gpt] }, { name: other, models: [claude] }] }
  alone: { tiers: [{ name: best, models: [gpt] }] }
";

/// A drill in which the provider `one` is lost.
fn scenario(feature: &str, spec: &str) -> String {
    format!(
        "apiVersion: tieline.dev/v1
kind: Drill
metadata: {{ name: lose-one }}
spec:
  topology: tieline.yaml
  workload: [{{ feature: {feature}, arrivals: {{ process: constant, rps: 1 }} }}]
  phases: [{{ name: warmup, duration: 1m }}, {{ name: fault, duration: 2m }}]
  faults: [{{ at: fault, for: 2m, select: {{ provider: one }}, do: {{ kind: reset }} }}]
  {spec}
"
    )
}

fn folder(drill: &str) -> Folder {
    let folder = Folder::new();
    folder.write("tieline.yaml", CONFIG);
    folder.write("drill.yaml", drill);
    folder
}

const SERVED: &str =
    "expect: [{ feature: FEATURE, sli: availability, during: fault, ratio: \">=0.999\" }]";

#[test]
fn who_has_a_fallback_passes_and_who_has_none_fails() {
    for (feature, verdict) in [("chat", 0), ("alone", 1)] {
        let folder = folder(&scenario(feature, &SERVED.replace("FEATURE", feature)));
        let kept = "--out kept --junit junit.xml --html page.html";
        let (code, out, err) = folder.run(&format!("drill run drill.yaml {kept}"));
        assert_eq!(code, verdict, "{out}{err}");
        assert!(out.contains(if code == 0 { "lose-one  PASS" } else { "lose-one  FAIL" }), "{out}");
        let read = |name: &str| fs::read_to_string(folder.path().join(name)).unwrap();
        assert_eq!(read("junit.xml").matches("<failure").count(), usize::try_from(code).unwrap());
        let page = read("page.html");
        let foreign = ["<script", "http://", "https://", "NaN"];
        assert!(page.contains("<svg") && !foreign.iter().any(|one| page.contains(one)), "{page}");
        let events = read("kept/lose-one.ndjson");
        let lines = events.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        assert!(lines.filter(|line| line["event"] == "request").count() >= 170);
        let (code, again, _) = folder.run("drill report kept");
        assert_eq!(code, 0);
        assert!(out.starts_with(again.trim_end()), "{again}");
    }
}

#[test]
fn what_is_wrong_with_a_drill_is_told_with_its_place() {
    for (spec, told) in [
        ("expect: []", "nothing is expected, so nothing can fail"),
        ("expect: [{ amplification: soon }]", "write a bound such as"),
        ("expect: [{ timeToMitigate: \">=0.9\", feature: chat }]", "write a bound such as `<=10s`"),
        (
            "expect: [{ sli: quality, atLeast: 0.5, feature: chat, ratio: \">=1\" }]",
            "grades no answers",
        ),
        ("expect: [{ clientErrors: \"==0\", during: falt }]", "did you mean `fault`?"),
        ("mode: simulat\n  expect: [{ amplification: \"<=1\" }]", "did you mean `simulate`?"),
        ("expect: [{ attempts: \"<=1\", select: { provider: three } }]", "there are: one, two"),
        (
            "expect: [{ drops: \"<=1\", feature: nobody }]",
            "`nobody`, which the configuration has not",
        ),
        ("mode: wire\n  expect: [{ amplification: \"<=1\" }]", "only `mode: simulate`"),
    ] {
        let folder = folder(&scenario("chat", spec));
        let (code, _, err) = folder.run("drill run drill.yaml");
        assert!(code == 2 && err.contains(told), "{spec}: {err}");
    }
    let (code, _, err) = Folder::new().run("drill run apr28");
    assert!(code == 2 && err.contains("apr28-auth"), "{err}");
}

#[test]
fn drills_of_contingencies_prove_or_refute_what_was_found() {
    let folder = Folder::new();
    let demand = "demand: { requests_per_minute: 12, input_tokens_per_minute: 240, \
                  output_tokens_per_minute: 120 }, tiers";
    folder.write("tieline.yaml", &CONFIG.replace("tiers", demand));
    let (code, _, err) = folder.run("contingency --emit-drills drills");
    assert_eq!((code, err.trim()), (1, "2 drills in drills"));
    for (file, verdict) in [("lose-provider-one", 1), ("lose-provider-two", 0)] {
        let (code, out, err) = folder.run(&format!("drill run drills/{file}.yaml"));
        assert_eq!(code, verdict, "{out}{err}");
    }
}
