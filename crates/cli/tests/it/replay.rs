//! What recorded requests would have met, from a ledger's file.

use std::sync::Arc;

use serde_json::{Value, json};
use tieline_ledger::{Ledger, Settings};
use tieline_types::{
    AttemptRecord, CallRecord, Cost, CostState, DecisionRecord, DialectId, Modalities, Modality,
    Outcome, Reason, Usage,
};

use crate::support::Folder;

const NOW: &str = "\
version: 1
providers:
  oa: { kind: openai, api_key: { env: KEY } }
  az: { kind: azure-openai, endpoint: https://acme.openai.azure.com, api_key: { env: KEY } }
models:
  m:
    - { provider: oa, price: { input: 2, output: 10 } }
    - { provider: az, price: { input: 1, output: 5 } }
features:
  chat: { tiers: [{ models: [m@oa, m@az] }] }
  tags: { tiers: [{ models: [m@oa] }] }
";

const DAY_MS: u64 = 86_400_000;
/// 2026-11-16.
const MONDAY_MS: u64 = 1_794_787_200_000;

/// A call that `m@oa` answered: 1,000 tokens in, 100 out, $0.003.
fn call(number: u64, feature: &str) -> CallRecord {
    let usage = Usage { input: 1_000, output: 100, ..Usage::default() };
    let attempt = AttemptRecord {
        tier: "1".into(),
        deployment: "m@oa".into(),
        provider: "oa".into(),
        dialect: DialectId::OpenaiChat,
        reason: Reason::Chosen,
        start_us: 500,
        duration_us: 900_000,
        first_content_us: Some(300_000),
        status: Some(200),
        fault: None,
        phase: None,
        fault_message: None,
        upstream_request_id: None,
        model_served: None,
        usage: Some(usage),
        service_tier: None,
        cost: Some(Cost { usd: "0.003".parse().unwrap(), state: CostState::Priced }),
    };
    CallRecord {
        id: format!("req_{number:08}"),
        started_ms: MONDAY_MS + number * DAY_MS / 4,
        duration_us: 1_000_000,
        first_content_us: Some(310_000),
        longest_gap_us: None,
        dialect: DialectId::OpenaiChat,
        feature: feature.into(),
        model_asked: feature.to_owned(),
        stream: true,
        caller: "local".into(),
        tier: Some("1".into()),
        deployment: Some("m@oa".into()),
        outcome: Outcome::Served,
        status: 200,
        fault: None,
        fault_message: None,
        losses: Vec::new(),
        usage: Some(usage),
        trace_id: None,
        attempts: vec![attempt],
        passed_over: Vec::new(),
        decision: None,
    }
}

/// A folder with a ledger of these calls, and a second configuration.
fn folder(calls: &[CallRecord], other: &str) -> Folder {
    let folder = Folder::new();
    folder.write("tieline.yaml", NOW);
    folder.write("next.yaml", other);
    let path = folder.path().join("tieline.db");
    let ledger = Ledger::open(&Settings { path, spill: folder.path().join("spill") }).unwrap();
    calls.iter().for_each(|call| ledger.record(call.clone()));
    ledger.close().unwrap();
    folder
}

const REPLAY: &str = "route replay --db tieline.db --since 2026-11-16 --until 2026-11-23";

fn cheaper() -> String {
    NOW.replace("[m@oa, m@az]", "[m@az, m@oa]")
}

/// What a command prints, without white space at line ends.
fn said(folder: &Folder, line: &str) -> String {
    let (code, out, err) = folder.run(line);
    assert_eq!(code, 0, "{err}");
    out.lines().map(str::trim_end).collect::<Vec<_>>().join("\n")
}

#[test]
fn a_week_is_replayed_for_people() {
    let calls: Vec<_> =
        (0..8).map(|number| call(number, if number < 6 { "chat" } else { "tags" })).collect();
    let folder = folder(&calls, &cheaper());
    insta::assert_snapshot!(said(&folder, &format!("{REPLAY} --with next.yaml")));
}

#[test]
fn programs_get_every_figure() {
    let calls: Vec<_> = (0..6).map(|number| call(number, "chat")).collect();
    let folder = folder(&calls, &cheaper());
    let found = folder.json(&format!("{REPLAY} --with next.yaml"));
    assert_eq!(found["with"], "next.yaml");
    assert_eq!(found["since_ms"], MONDAY_MS);
    assert_eq!(found["until_ms"], MONDAY_MS + 7 * DAY_MS);
    assert_eq!(found["check"], json!({ "agrees": 6, "of": 6 }));
    assert_eq!(found["left_out"], json!({ "probes": 0, "refused": 0 }));
    let total = &found["total"];
    let count = |name: &str| total[name].as_u64().unwrap();
    let counts = ["requests", "same", "moved", "dropped", "gained", "lost"].map(count);
    assert_eq!(counts, [6, 0, 6, 0, 0, 0]);
    let side = |usd: &str| {
        json!({
            "answered": 6, "refused": 0, "unanswered": 0, "usd": usd, "priced": 6,
            "estimated": 0, "partial": 0, "unpriced": 0, "unknown": 0,
        })
    };
    let without_times = |side: &Value| {
        let mut side = side.clone();
        for name in ["first", "whole"] {
            side.as_object_mut().unwrap().remove(name);
        }
        side
    };
    assert_eq!(without_times(&total["before"]), side("0.018"));
    assert_eq!(without_times(&total["after"]), side("0.009"));
    let first = &total["before"]["first"];
    assert_eq!((&first["known"], &first["unknown"]), (&json!(6), &json!(0)));
    let p50 = first["p50_us"].as_u64().unwrap();
    assert!((310_000..320_000).contains(&p50), "{p50}");
    assert_eq!(total["after"]["first"], Value::Null, "nobody called it");
    let moves = json!([{ "from": "m@oa", "to": "m@az", "requests": 6 }]);
    assert_eq!(total["moves"], moves);
    assert_eq!((&total["closed"], &total["beside"]["usd"]), (&json!([]), &json!("0")));
    let by: Vec<&Value> =
        total["answers"].as_array().unwrap().iter().map(|one| &one["by"]).collect();
    assert_eq!(by, ["m@az", "m@oa"]);
    let feature = &found["features"][0];
    assert_eq!((&feature["feature"], &feature["known"]), (&json!("chat"), &json!("both")));
    assert_eq!(feature["moves"], moves);
    let days: Vec<_> =
        found["days"].as_array().unwrap().iter().map(|day| &day["requests"]).collect();
    assert_eq!(days, [4, 2]);
    let assumed = json!({ "deployment": "m@az", "calls": 0, "failed": 0, "assumed": true });
    assert_eq!(found["deployments"][0], assumed);
    assert_eq!(found["idle"], json!([]));
    assert!(found["notes"].as_array().unwrap().len() >= 3);
}

#[test]
fn a_page_has_no_script_and_no_foreign_markup() {
    let name = "<script>alert('&')</script>\"";
    let mut odd = call(1, name);
    odd.deployment = Some("<b>m</b>@oa".into());
    odd.attempts[0].deployment = "<b>m</b>@oa".into();
    let folder = folder(&[call(0, "chat"), odd], &cheaper());
    let line = format!("{REPLAY} --with next.yaml --html report.html");
    let (code, _, err) = folder.run(&line);
    assert_eq!((code, err.as_str()), (0, "the report is in report.html\n"));
    let page = std::fs::read_to_string(folder.path().join("report.html")).unwrap();
    assert!(page.contains("&lt;script&gt;alert(&#39;&amp;&#39;)&lt;/script&gt;&quot;"));
    assert!(page.contains("&lt;b&gt;m&lt;/b&gt;@oa"));
    for foreign in ["<script", "<b>m", "http://", "https://", "src=", "url(", "@import", "NaN"] {
        assert!(!page.contains(foreign), "{foreign}");
    }
    let opened = |tag: &str| page.matches(&format!("<{tag}")).count();
    let closed = |tag: &str| page.matches(&format!("</{tag}>")).count();
    for tag in ["section", "svg", "table", "tr", "td", "title", "ul", "h2"] {
        assert_eq!(opened(tag), closed(tag), "{tag}");
    }
    assert!(page.starts_with("<!doctype html>") && opened("svg") >= 4);
}

#[test]
fn an_empty_time_is_no_failure() {
    let folder = folder(&[], &cheaper());
    let line = format!("{REPLAY} --with next.yaml");
    let told = said(&folder, &line);
    assert!(told.starts_with("0 requests") && told.ends_with("nothing to replay"), "{told}");
    assert_eq!(folder.json(&line)["requests"], 0);
    let (code, ..) = folder.run(&format!("{line} --html empty.html"));
    assert_eq!(code, 0);
    let page = std::fs::read_to_string(folder.path().join("empty.html")).unwrap();
    assert!(page.contains("Nothing to replay"), "{page}");
}

#[test]
fn mistakes_are_told_as_check_tells_them() {
    let folder = folder(&[call(0, "chat")], &NOW.replace("[m@oa]", "[m@nobody]"));
    let (code, _, replayed) = folder.run(&format!("{REPLAY} --with next.yaml"));
    let (_, _, checked) = folder.run("check --config next.yaml");
    assert_eq!((code, &replayed), (2, &checked));
    folder.write("next.yaml", &format!("{NOW}policies: p.cedar\n"));
    folder.write("p.cedar", "permit (principal, action, resource) when { resource.zone };");
    let (code, _, replayed) = folder.run(&format!("{REPLAY} --with next.yaml"));
    let (_, _, checked) = folder.run("check --config next.yaml");
    assert_eq!((code, &replayed), (2, &checked));
    folder.write("next.yaml", &format!("{NOW}prices: p.yaml\n"));
    folder.write("p.yaml", "surface: openai\nrows: 5\n");
    assert_eq!(folder.run(&format!("{REPLAY} --with next.yaml")).0, 2);
    assert_eq!(folder.run(&format!("{REPLAY} --with gone.yaml")).0, 2);
    let line = "route replay --db gone.db --with tieline.yaml";
    assert_eq!(folder.run(line).0, 4);
}

#[test]
fn without_a_present_configuration_there_is_no_check() {
    let folder = folder(&[call(0, "chat")], &cheaper());
    std::fs::remove_file(folder.path().join("tieline.yaml")).unwrap();
    let found = folder.json(&format!("{REPLAY} --with next.yaml"));
    assert_eq!(found["check"], Value::Null);
    assert_eq!(found["features"][0]["known"], "both");
}

#[test]
fn tags_that_nobody_recorded_are_said() {
    let other = format!("{}policies: p.cedar\n", cheaper());
    let folder = folder(&[call(0, "chat")], &other);
    folder.write(
        "p.cedar",
        "permit (principal, action, resource);
         forbid (principal, action, resource) when { context.tags.contains(\"a=b\") };",
    );
    let found = folder.json(&format!("{REPLAY} --with next.yaml"));
    let notes = found["notes"].as_array().unwrap();
    assert!(notes.iter().any(|note| note.as_str().unwrap().contains("tags")), "{notes:?}");
    let plain = folder.json(&format!("{REPLAY} --with tieline.yaml"));
    let notes = plain["notes"].as_array().unwrap();
    assert!(!notes.iter().any(|note| note.as_str().unwrap().contains("tags")), "{notes:?}");
}

#[test]
fn what_requests_carried_is_known_where_a_policy_asked() {
    let other = format!("{}policies: p.cedar\n", cheaper());
    let told = |modalities: Option<Modalities>| {
        let mut record = call(0, "chat");
        let decision = DecisionRecord {
            id: "dec_5f0c2a9d1b7e48c36a90f1d2".into(),
            configuration: "sha256:5f0c2a9d1b7e".into(),
            feature: "chat".into(),
            modalities,
            on_burn: Vec::new(),
            drill: None,
            candidates: Vec::new(),
            plan: Vec::new(),
        };
        record.decision = Some(Arc::new(decision));
        let folder = folder(&[record], &other);
        folder.write(
            "p.cedar",
            "permit (principal, action, resource);
             forbid (principal, action, resource)
             when { context.modalities.contains(\"image\") };",
        );
        let found = folder.json(&format!("{REPLAY} --with next.yaml"));
        let notes = found["notes"].as_array().unwrap().clone();
        let said = notes.iter().any(|note| note.as_str().unwrap().contains("on record of 1:"));
        (found["features"][0]["after"]["refused"].clone(), said)
    };
    assert_eq!(told(Some(Modality::Image.into())), (json!(1), false));
    assert_eq!(told(Some(Modalities::NONE)), (json!(0), false));
    assert_eq!(told(None), (json!(0), true));
}

#[test]
fn the_files_of_the_guide_are_good() {
    let guide = include_str!("../../../../docs/guide/replay.md");
    let blocks = guide.split("```yaml\n").skip(1).filter_map(|rest| rest.split("```").next());
    let [now, features] = blocks.collect::<Vec<_>>()[..] else { panic!("two files") };
    let (rest, _) = now.split_once("features:").unwrap();
    let folder = folder(&[], &format!("{rest}{features}"));
    folder.write("tieline.yaml", now);
    for file in ["tieline.yaml", "next.yaml"] {
        let (code, out, err) = folder.run(&format!("check --config {file}"));
        assert_eq!(code, 0, "{out}{err}");
    }
    let (code, out, _) = folder.run("route replay --since 1h --with next.yaml");
    assert_eq!((code, out.starts_with("0 requests")), (0, true), "{out}");
}

/// The sums of the days, as replayed.
fn by_day(found: &Value) -> Vec<String> {
    let days = found["days"].as_array().unwrap();
    days.iter().map(|day| day["after"]["usd"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn prices_are_those_of_each_day() {
    let calls: Vec<_> = (0..12).map(|number| call(number, "chat")).collect();
    let listed = NOW.replace("{ provider: oa, price: { input: 2, output: 10 } }", "oa");
    let folder = folder(&calls, &format!("{listed}prices: own.yaml\n"));
    folder.write(
        "own.yaml",
        "surface: openai
sources:
  contract: { what: contract 7, checked: 2026-11-01 }
models:
  m:
    prices:
      - { tokens: { input: 1, output: 0 }, until: 2026-11-17, source: contract }
      - { tokens: { input: 2, output: 0 }, from: 2026-11-17, until: 2026-11-18, source: contract }
      - { tokens: { input: 3, output: 0 }, from: 2026-11-18, source: contract }
",
    );
    let found = folder.json(&format!("{REPLAY} --with next.yaml"));
    assert_eq!(by_day(&found), ["0.004", "0.008", "0.012"], "four calls a day");
    assert_eq!(found["total"]["same"], 12);
}

#[test]
fn policy_is_that_of_each_time() {
    let calls: Vec<_> = (0..8).map(|number| call(number, "chat")).collect();
    let key = "oa: { kind: openai, api_key: { env: KEY }";
    let stated = NOW
        .replace(key, &format!("{key}, facts: {{ dpa: true, expires: 2026-11-16 }}"))
        .replace("chat: { tiers", "chat: { require: { dpa: true }, tiers");
    let folder = folder(&calls, &stated);
    let found = folder.json(&format!("{REPLAY} --with next.yaml"));
    let total = &found["total"];
    assert_eq!((&total["same"], &total["after"]["refused"]), (&json!(4), &json!(4)));
    assert_eq!(total["closed"][0]["rule"], "feature chat: dpa");
    assert_eq!(by_day(&found), ["0.012", "0"]);
}
