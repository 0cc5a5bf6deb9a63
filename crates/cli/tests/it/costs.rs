//! What calls cost, by the ledger: added up, and priced again.

use std::{path::Path, sync::Arc};

use serde_json::json;
use tieline_ledger::{Ledger, Settings};
use tieline_types::{
    AttemptRecord, CallRecord, Cost, CostState, DialectId, Outcome, Reason, ServiceTier, Usage,
};

use crate::support::Folder;

const CONFIG: &str = "\
version: 1
ledger: { path: books/tieline.db }
providers:
  oa: { kind: openai, api_key: { env: KEY } }
models:
  gpt-6.1-sol: [oa]
features:
  answers: { tiers: [ { name: best, models: [gpt-6.1-sol] } ] }
";

/// Half past five on 2026-11-20, in UTC.
const AT_MS: u64 = 1_795_195_800_000;
const DAY_MS: u64 = 86_400_000;

/// One call: on which day, of which deployment, in which service tier, and what is recorded of it.
type Call = (u64, &'static str, Option<&'static str>, Option<(&'static str, CostState)>);

/// The same use each time: $0.0103 in the standard tier, half of that in flex.
const USAGE: Usage = Usage {
    input: 1_000,
    cache_read: 8_000,
    cache_write_5m: 0,
    cache_write_1h: 0,
    cache_write_other: 1_000,
    input_audio: 0,
    output: 500,
    reasoning: 0,
    output_audio: 0,
    estimated: false,
};

fn record(number: usize, (day, deployment, tier, cost): Call) -> CallRecord {
    let attempt = AttemptRecord {
        tier: "best".into(),
        deployment: deployment.into(),
        provider: "oa".into(),
        dialect: DialectId::OpenaiChat,
        reason: Reason::Chosen,
        start_us: 0,
        duration_us: 1_000,
        first_content_us: None,
        status: Some(200),
        fault: None,
        phase: None,
        fault_message: None,
        upstream_request_id: None,
        model_served: None,
        service_tier: tier.and_then(ServiceTier::served),
        usage: Some(USAGE),
        cost: cost.map(|(usd, state)| Cost { usd: usd.parse().unwrap(), state }),
    };
    CallRecord {
        id: format!("req_{number}"),
        started_ms: AT_MS + day * DAY_MS,
        duration_us: 1_000,
        first_content_us: None,
        longest_gap_us: None,
        dialect: DialectId::OpenaiChat,
        feature: "answers".into(),
        model_asked: "answers".to_owned(),
        stream: false,
        caller: "local".into(),
        tier: Some("best".into()),
        deployment: Some(Arc::from(deployment)),
        outcome: Outcome::Served,
        status: 200,
        fault: None,
        fault_message: None,
        losses: Vec::new(),
        usage: Some(USAGE),
        trace_id: None,
        attempts: vec![attempt],
        passed_over: Vec::new(),
        decision: None,
    }
}

fn folder(calls: &[Call]) -> Folder {
    let folder = Folder::new();
    folder.write("tieline.yaml", CONFIG);
    let path = |name: &str| Path::new(folder.path()).join("books").join(name);
    let settings = Settings { path: path("tieline.db"), spill: path("spill") };
    let ledger = Ledger::open(&settings).unwrap();
    for (number, call) in calls.iter().enumerate() {
        ledger.record(record(number, *call));
    }
    ledger.close().unwrap();
    folder
}

const SPAN: &str = "--since 2026-11-01 --until 2026-12-01";

/// What a command prints, without white space at line ends.
fn said(folder: &Folder, line: &str) -> String {
    let (code, out, err) = folder.run(line);
    assert_eq!((code, err.as_str()), (0, ""), "{line}: {out}");
    out.lines().map(str::trim_end).collect::<Vec<_>>().join("\n")
}

/// A command and what it prints, to the letter.
fn assert_in_guide(command: &str, said: &str) {
    let guide = include_str!("../../../../docs/guide/cost.md");
    let (command, said) = (format!("$ tieline {command}"), said.trim());
    let told = guide.split("```console\n").filter_map(|rest| rest.split("\n```").next());
    let told = told.filter_map(|block| block.split_once('\n'));
    let told: Vec<_> = told.filter(|(one, _)| *one == command).map(|(_, told)| told).collect();
    assert_eq!(told, [said], "{command}");
}

const CALLS: [Call; 6] = [
    (0, "gpt-6.1-sol@oa", None, Some(("0.0103", CostState::Priced))),
    (0, "gpt-6.1-sol@oa", None, Some(("0", CostState::Unpriced))),
    (0, "gpt-6.1-sol@oa", Some("flex"), Some(("0.0103", CostState::Priced))),
    (1, "gpt-6.1-sol@oa", Some("turbo"), Some(("0.0103", CostState::Priced))),
    (1, "gpt-6.1-sol@oa", None, None),
    (1, "old@oa", None, Some(("0.5", CostState::Priced))),
];

#[test]
fn calls_are_added_up() {
    let folder = folder(&CALLS);
    let line = format!("cost --by day {SPAN}");
    assert_in_guide(&line, &said(&folder, &line));
    let cost = folder.json(&format!("cost --by deployment {SPAN}"));
    assert_eq!((&cost["by"], &cost["total_usd"]), (&json!("deployment"), &json!("0.5309")));
    assert_eq!(cost["groups"][0]["name"], "old@oa", "the dearest first");
}

#[test]
fn a_service_tier_is_shown_beside_its_deployment() {
    let folder = folder(&CALLS);
    let deployment = |id: &str| {
        let shown = said(&folder, &format!("log show {id}"));
        let attempt = shown.lines().last().unwrap().to_owned();
        attempt.split("  ").filter(|cell| !cell.is_empty()).nth(2).unwrap().to_owned()
    };
    assert_eq!(deployment("req_0"), "gpt-6.1-sol@oa");
    assert_eq!(deployment("req_2"), "gpt-6.1-sol@oa (flex)");
    let attempt = &folder.json("log show req_2")["attempts"][0];
    assert_eq!(
        (&attempt["service_tier"], &attempt["cost"]["usd"]),
        (&json!("flex"), &json!("0.0103"))
    );
}

#[test]
fn calls_are_priced_again_by_what_is_known_now() {
    let folder = folder(&CALLS);
    let line = format!("cost reprice --by day {SPAN}");
    assert_in_guide(&line, &said(&folder, &line));
    let json = folder.json(&format!("cost reprice --by deployment {SPAN}"));
    assert_eq!(json["applied"], false);
    assert_eq!(
        json["total"],
        json!({ "calls": 6, "changed": 4, "recorded_usd": "0.5309", "now_usd": "0.53605",
                "difference_usd": "0.00515" })
    );
    assert_eq!(json["kept"], json!({ "old@oa": 1 }));
    assert_eq!(json["states"]["unpriced"], json!({ "recorded": 1, "now": 1 }));
    assert_eq!(json["states"]["unrecorded"], json!({ "recorded": 1, "now": 0 }));
    assert_eq!(folder.json(&format!("cost {SPAN}"))["total_usd"], "0.5309", "nothing is written");
    assert_eq!(folder.json("audit")["changes"], json!([]));
}

#[test]
fn new_costs_are_written_once_and_on_record() {
    let folder = folder(&CALLS);
    let line = format!("cost reprice --apply {SPAN}");
    assert_eq!(folder.json(&line)["total"]["changed"], 4);
    let cost = folder.json(&format!("cost {SPAN}"));
    assert_eq!(
        (&cost["total_usd"], &cost["groups"][0]["unpriced"]),
        (&json!("0.53605"), &json!(1))
    );
    let again = folder.json(&line);
    assert_eq!(
        (&again["total"]["changed"], &again["total"]["now_usd"]),
        (&json!(0), &json!("0.53605"))
    );
    let changes = folder.json("audit")["changes"].clone();
    let [change] = changes.as_array().unwrap().as_slice() else { panic!("{changes}") };
    assert_eq!((&change["action"], &change["actor"]), (&json!("reprice"), &json!("command")));
    assert_eq!(change["subject"], "costs from 2026-11-01T00:00:00Z until 2026-12-01T00:00:00Z");
    assert_eq!(change["before"], "$0.5309 in 6 calls");
    assert_eq!(change["after"], "$0.53605 in 6 calls");
}

#[test]
fn what_the_configuration_states_counts_and_so_do_its_price_files() {
    let folder = folder(&CALLS[..1]);
    let now = |config: &str| {
        folder.write("tieline.yaml", config);
        folder.json(&format!("cost reprice {SPAN}"))["total"]["now_usd"].clone()
    };
    let stated = "{ provider: oa, price: { input: 1, output: 1 } }";
    assert_eq!(now(&CONFIG.replace("[oa]", &format!("[{stated}]"))), "0.0105");
    folder.write(
        "ours.yaml",
        "surface: openai
sources: { ours: { what: a contract, checked: 2026-11-01 } }
models:
  gpt-6.1-sol:
    prices:
      - tokens: { input: 4, cache_read: 0, cache_write: 0, output: 0 }
        source: ours
",
    );
    assert_eq!(now(&format!("{CONFIG}prices: ours.yaml\n")), "0.004");
}

#[test]
fn a_span_without_calls_and_without_a_ledger() {
    let folder = folder(&CALLS);
    assert_eq!(said(&folder, "cost reprice --since 2027-01-01"), "no calls in this time");
    let (code, ..) = folder.run("cost reprice --since 1d --db nowhere.db");
    assert_eq!(code, 4);
    assert!(!folder.path().join("nowhere.db").exists());
    assert_eq!(folder.run("cost reprice").0, 2, "of which time must be said");
}

#[test]
fn check_tells_what_a_budget_never_pays_for() {
    let folder = Folder::new();
    let config = "\
version: 1
providers:
  oa: { kind: openai, api_key: { env: KEY } }
  local: { kind: openai-compatible, base_url: 'http://127.0.0.1:9/v1' }
models:
  gpt-6.1-sol: [oa]
  own: [local]
budgets: { teams: { lab: { usd: 5, per: day } } }
features:
  paid: { budget: { usd: 1, per: day }, tiers: [ { models: [gpt-6.1-sol] }, { models: [own] } ] }
  team: { owner: lab, tiers: [ { models: [own] } ] }
  free: { tiers: [ { models: [own] } ] }
";
    folder.write("tieline.yaml", config);
    assert_in_guide("check", &said(&folder, "check"));
    let findings = folder.json("check")["findings"].clone();
    let told: Vec<_> = findings.as_array().unwrap().iter().map(|one| &one["line"]).collect();
    assert_eq!(told, [&json!(10), &json!(11)]);
    let priced = config.replace("[local]", "[{ provider: local, price: { input: 0, output: 0 } }]");
    folder.write("tieline.yaml", &priced);
    assert_eq!(folder.json("check")["findings"], json!([]));
}
