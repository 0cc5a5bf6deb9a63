//! Which features survive a loss: the matrix, its exit codes, its page and its drills.

use std::fs;

use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::support::Folder;

const PROVIDERS: &str = "\
version: 1
providers:
  ant: { kind: anthropic, api_key: { env: KEY } }
  oa: { kind: openai, api_key: { env: KEY } }
";

/// Two models with their limits, and what the second tier of `tags` does.
fn config(claude: &str, gpt: &str, last: &str) -> String {
    format!(
        "{PROVIDERS}models:
  claude: [{{ provider: ant, limits: {{ {claude} }} }}]
  gpt: [{{ provider: oa, limits: {{ {gpt} }} }}]
features:
  chat:
    demand:
      requests_per_minute: 60
      input_tokens_per_minute: 60000
      output_tokens_per_minute: 6000
    tiers: [{{ name: best, models: [claude] }}, {{ name: other, models: [gpt] }}]
  tags:
    criticality: sheddable
    demand: {{ requests_per_minute: 120 }}
    tiers: [{{ name: small, models: [gpt] }}, {last}]
"
    )
}

const ROOMY: &str = "requests_per_minute: 300";
const NARROW: &str = "requests_per_minute: 90";
const LAST: &str = "{ name: sorry, reply: sorry, acceptable: false }";

fn folder(config: &str) -> Folder {
    let folder = Folder::new();
    folder.write("tieline.yaml", config);
    folder
}

fn json_of(folder: &Folder, line: &str) -> (i32, Value) {
    let (code, out, err) = folder.run(&format!("{line} --format json"));
    assert_eq!(err, "", "{line}");
    (code, serde_json::from_str(&out).unwrap())
}

#[test]
fn the_matrix_tells_who_survives_what() {
    let folder = folder(&config(ROOMY, ROOMY, LAST));
    let (code, out, err) = folder.run("contingency");
    assert_eq!((code, err.as_str()), (0, ""), "{out}");
    let said = out.lines().map(str::trim_end).collect::<Vec<_>>().join("\n");
    let (matrix, findings) = said.split_once("\n\nwithout").unwrap();
    assert_snapshot!(matrix, @r"
FEATURE  CRITICALITY  REQUESTS/MIN  INPUT TOKENS/MIN  OUTPUT TOKENS/MIN  DEMAND
chat     critical     60            60,000            6,000              declared
tags     sheddable    120           -                 -                  declared

LOST          CLASS     VERDICT                      chat     tags
nothing       -         secure                       T0 100%  T0 100%
provider ant  ordinary  secure                       T1 100%  T0 100%
provider oa   ordinary  secure with remedial action  T0 100%  T1 100% degraded
");
    for told in [
        "provider oa, `tags` gives way: T1 100% degraded; no acceptable tier has anything left",
        "is provider ant: it carries 60 requests a minute, and what is left of firm quotas has 180",
        "N-1 secure: 1 of 1 critical features",
    ] {
        assert!(findings.contains(told), "{told}: {findings}");
    }
}

#[test]
fn the_exit_code_is_the_verdict() {
    for (claude, gpt, exit, insecure, unproved) in [
        (ROOMY, ROOMY, 0, json!([]), json!([])),
        (ROOMY, "requests_per_minute: 50", 1, json!(["chat"]), json!([])),
        (ROOMY, "firm: false", 3, json!([]), json!(["chat"])),
        (ROOMY, "requests_per_minute: 300, firm: false", 3, json!([]), json!(["chat"])),
        ("requests_per_minute: 50", NARROW, 1, json!(["chat"]), json!([])),
    ] {
        let folder = folder(&config(claude, gpt, LAST));
        let (code, found) = json_of(&folder, "contingency");
        assert_eq!((code, &found["insecure"]), (exit, &insecure), "{claude} {gpt}: {found}");
        assert_eq!(found["unproved"], unproved, "{claude} {gpt}");
    }
}

#[test]
fn one_feature_is_shown_and_unknown_ones_are_refused() {
    let folder = folder(&config(ROOMY, "requests_per_minute: 50", LAST));
    let (code, found) = json_of(&folder, "contingency --feature tags");
    assert_eq!((code, &found["insecure"]), (0, &json!([])));
    assert_eq!(found["base"].as_array().unwrap().len(), 1);
    let (code, _, err) = folder.run("contingency --feature none");
    assert_eq!(code, 2);
    assert!(err.contains("there is no feature `none`"), "{err}");
    assert_eq!(folder.run("contingency --n 3").0, 2);
    assert_eq!(folder.run("contingency --growth 0").0, 2);
}

#[test]
fn two_at_once_are_told_and_not_demanded() {
    let folder = folder(&config(ROOMY, ROOMY, LAST));
    let (code, found) = json_of(&folder, "contingency --n 2");
    assert_eq!(code, 0);
    let all = found["contingencies"].as_array().unwrap();
    let both = all.iter().find(|one| one["class"] == "out_of_range").unwrap();
    assert_eq!(both["verdict"], "not_secure");
    assert_eq!(both["lost"].as_array().unwrap().len(), 2);
}

#[test]
fn the_page_needs_nothing_from_elsewhere() {
    let folder = folder(&config(ROOMY, ROOMY, LAST));
    let (code, out, _) = folder.run("contingency --format html");
    assert_eq!(code, 0);
    assert!(out.starts_with("<!doctype html>") && out.trim_end().ends_with("</html>"));
    for needle in ["<svg", "claude@ant", "chat", "provider oa", "default-src 'none'"] {
        assert!(out.contains(needle), "{needle}");
    }
    for needle in ["<script", "http://", "https://", "NaN"] {
        assert!(!out.contains(needle), "{needle}");
    }
}

#[test]
fn every_contingency_becomes_a_drill() {
    let folder = folder(&config(ROOMY, ROOMY, LAST));
    let (code, _, err) = folder.run("contingency --emit-drills drills");
    assert_eq!((code, err.as_str()), (0, "2 drills in drills\n"));
    let drill = fs::read_to_string(folder.path().join("drills/lose-provider-ant.yaml")).unwrap();
    assert_snapshot!(drill, @r#"
apiVersion: tieline.dev/v1
kind: Drill
metadata:
  name: "lose-provider-ant"
  labels: { mirrors: contingency }
spec:
  hypothesis: "secure: provider ant is lost"
  seed: 1
  topology: "../tieline.yaml"
  workload:
    - feature: "chat"
      arrivals: { process: constant, rps: 1.0000 }
      shape: { inputTokens: { p50: 1000 }, outputTokens: { p50: 100 } }
    - feature: "tags"
      arrivals: { process: constant, rps: 2.0000 }
  phases:
    - { name: warmup, duration: 1m }
    - { name: fault, duration: 5m }
    - { name: recovery, duration: 1m }
  faults:
    - at: fault+0s
      for: 5m
      select: { provider: "ant" }
      do: { kind: reset }
  expect:
    - { feature: "chat", sli: availability, during: fault, after: 2m, ratio: ">=0.999" }
    - { feature: "tags", sli: availability, during: fault, after: 2m, ratio: ">=0.999" }
"#);
}

#[test]
fn check_mentions_it_in_one_line() {
    let secure = folder(&config(ROOMY, ROOMY, LAST));
    let (code, out, _) = secure.run("check");
    assert_eq!(code, 0, "{out}");
    assert!(out.contains("N-1 secure by what is declared: 1 of 1 critical features"), "{out}");
    let weak = folder(&config(ROOMY, "requests_per_minute: 50", LAST));
    let (code, out, _) = weak.run("check");
    assert_eq!(code, 0, "never an error: {out}");
    assert!(out.contains("1 of 1 critical features: see `tieline contingency`"), "{out}");
    assert_eq!(weak.json("check")["not_n1_secure"], json!(["chat"]));
    let silent = folder(&format!("{PROVIDERS}models: {{ gpt: [oa] }}\n"));
    assert!(silent.json("check").get("not_n1_secure").is_none());
}
