//! Objectives: counted as requests end, watched by the minute, and obeyed by routing.

use std::{
    convert::Infallible,
    sync::{Arc, Mutex},
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tempfile::TempDir;
use tieline_gateway::{DrillEnd, Evidence, Gateway, Question, SloStatus, explain};
use tieline_ledger::{SloKey, SloMinute, recount_slo, slo_minutes};
use tieline_policy::Caller;
use tieline_types::{Modalities, Outcome};
use tokio::time::Instant;

use crate::{
    house::{Client, EVERYTHING, House, config},
    lab::{BEGAN_MS, Bench},
};

/// Requests of a minute, evenly.
const PER_MINUTE: u64 = 10;
/// The minute in which every house begins.
const FIRST: u64 = BEGAN_MS / 60_000;

/// An objective of `support` over thirty days.
fn slo(name: &str, sli: &str, target: &str) -> String {
    let kind = sli.split(',').next().unwrap_or_default();
    format!(
        "apiVersion: openslo/v1
kind: SLO
metadata: {{ name: {name} }}
spec:
  service: support
  indicator:
    metadata: {{ name: {name} }}
    spec:
      ratioMetric:
        counter: true
        good: {{ metricSource: {{ type: Tieline, spec: {{ sli: {sli} }} }} }}
        total: {{ metricSource: {{ type: Tieline, spec: {{ sli: {kind} }} }} }}
  timeWindow: [ {{ duration: 30d, isRolling: true }} ]
  budgetingMethod: Occurrences
  objectives: [ {{ displayName: {name}, target: {target} }} ]
"
    )
}

/// A folder with a file of objectives, and the configuration whose feature `support` has it.
struct Desk {
    folder: TempDir,
    rest: String,
    tail: String,
}

impl Desk {
    fn new(slos: &[String]) -> Self {
        let desk = Self {
            folder: tempfile::tempdir().unwrap(),
            rest: String::new(),
            tail: "tiers: [ { name: best, models: [gpt-5.5@openai] } ]".to_owned(),
        };
        desk.write(slos);
        desk
    }

    fn write(&self, slos: &[String]) {
        std::fs::write(self.folder.path().join("support.yaml"), slos.join("---\n")).unwrap();
    }

    fn text(&self) -> String {
        let (folder, rest, tail) = (self.folder.path().display(), &self.rest, &self.tail);
        format!("{EVERYTHING}{rest}\nfeatures:\n  support: {{ slos: {folder}/*.yaml, {tail} }}\n")
    }

    /// The first objective, as the ledger knows it.
    fn key(&self) -> SloKey {
        let slos = tieline_gateway::stated_slos(&config(&self.text())).unwrap();
        let (feature, name) = (slos[0].feature.clone(), slos[0].name.clone());
        SloKey { feature, name, digest: slos[0].digest().into() }
    }

    /// The house, with objectives watched.
    async fn house(&self) -> House {
        let house = House::new(&self.text()).await;
        tokio::spawn(tieline_gateway::slos(Arc::clone(house.worker())));
        house
    }
}

/// Sends requests for so many minutes, of which those strike whose number in the minute `fails`.
async fn minutes(house: &House, minutes: u64, fault: &str, fails: impl Fn(u64) -> bool) {
    let began = Instant::now();
    for number in 0..minutes * PER_MINUTE {
        tokio::time::sleep_until(began + Duration::from_secs(60 / PER_MINUTE) * num(number)).await;
        if fails(number % PER_MINUTE) {
            house.fault("openai", fault);
        }
        house.ask(Client::Chat, "support", false, "hello").await;
        house.sim.script().clear();
    }
    tokio::time::sleep_until(began + Duration::from_secs(60) * num(minutes)).await;
}

fn num(number: u64) -> u32 {
    u32::try_from(number).unwrap()
}

fn status(gateway: &Gateway, name: &str) -> SloStatus {
    gateway.status().slos.into_iter().find(|one| one.name == name).unwrap()
}

/// The messages that a webhook takes, the first of which it refuses.
fn hooks(house: &House) -> Arc<Mutex<Vec<(HeaderMap, Value)>>> {
    let got = Arc::<Mutex<Vec<(HeaderMap, Value)>>>::default();
    let kept = Arc::clone(&got);
    let mut arrivals = house.network.listen("hooks.sim:80");
    tokio::spawn(async move {
        while let Some(io) = arrivals.recv().await {
            let kept = Arc::clone(&kept);
            let service = service_fn(move |request: Request<Incoming>| {
                let kept = Arc::clone(&kept);
                async move {
                    let (head, body) = request.into_parts();
                    let body = body.collect().await.unwrap().to_bytes();
                    let mut kept = kept.lock().unwrap();
                    kept.push((head.headers, serde_json::from_slice(&body).unwrap()));
                    let status = if kept.len() == 1 { 500 } else { 204 };
                    let response = Response::builder().status(status);
                    Ok::<_, Infallible>(response.body(Full::<Bytes>::default()).unwrap())
                }
            });
            tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(io), service));
        }
    });
    got
}

/// The pages that a webhook was told of: the minutes after `since` in which they began and ended.
fn pages(got: &[(HeaderMap, Value)], since: u64) -> Vec<(String, u64)> {
    let pages = got.iter().filter(|(_, message)| message["severity"] == "page");
    let told = pages.map(|(_, message)| {
        let minute = message["at_ms"].as_u64().unwrap() / 60_000;
        (message["event"].as_str().unwrap().to_owned(), minute - since)
    });
    let mut told: Vec<_> = told.collect();
    told.dedup();
    told
}

/// The first row of the table of burn rates: all fails for 78 minutes, at 99.9 %. A page begins in
/// the first minute, and lasts until 29 minutes after the recovery.
#[tokio::test(start_paused = true)]
async fn an_outage_without_fallback_pages_in_the_first_minute_and_until_it_is_over() {
    let mut desk = Desk::new(&[slo("served", "availability", "0.999")]);
    let hook = "url: \"http://hooks.sim/x\", secret: { env: KEY }";
    desk.rest = format!("alerts: {{ webhook: {{ {hook} }} }}");
    let house = desk.house().await;
    let got = hooks(&house);
    minutes(&house, 61, "", |_| false).await;
    assert_eq!(status(&house.gateway, "served").alerts, []);
    minutes(&house, 78, "status=503", |_| true).await;
    let during = status(&house.gateway, "served");
    assert_eq!((during.good, during.bad), (610, 780));
    assert!(during.budget_left.unwrap() < -500.0 && during.burn_rate.unwrap() > 500.0);
    let severities: Vec<_> = during.alerts.iter().map(|one| one.severity).collect();
    assert_eq!(severities, ["page", "ticket"]);
    let metrics = house.gateway.metrics_text();
    for line in [
        "tieline_sli_events_total{LABELS,result=\"bad\",drill=\"\"} 780",
        "tieline_sli_events_total{LABELS,result=\"good\",drill=\"\"} 610",
        "tieline_slo_alert{LABELS,severity=\"page\"} 1",
    ] {
        let line = line.replace("LABELS", "feature=\"support\",slo=\"served\"");
        assert!(metrics.contains(&line), "{line} is not in {metrics}");
    }
    minutes(&house, 32, "", |_| false).await;
    let got = got.lock().unwrap();
    let pages = pages(&got, FIRST + 61);
    assert_eq!(pages[0], ("began".to_owned(), 1), "{pages:?}");
    let (event, last) = &pages[1];
    assert!(event == "ended" && (107..=109).contains(last), "{pages:?}");
    assert_eq!(pages.len(), 2);
    let (headers, message) = &got[0];
    assert_eq!(got[1].1, *message, "refused once, then told again");
    assert!(headers.contains_key("x-tieline-signature"));
    assert_eq!((&message["kind"], &message["slo"]), (&"slo_alert".into(), &"served".into()));
    assert_eq!(message["burn"]["above"], 14.4);
}

/// Another row: a fifth fails, and the page begins in the fifth minute.
#[tokio::test(start_paused = true)]
async fn a_partial_failure_pages_in_the_minute_of_the_table() {
    let desk = Desk::new(&[slo("served", "availability", "0.999")]);
    let house = desk.house().await;
    desk.write(&[slo("quick", "e2e, within: 5s", "0.999")]);
    let well = |minute| SloMinute { minute, good: PER_MINUTE, bad: 0 };
    let (key, before) = (desk.key(), FIRST - 400..FIRST);
    let history: Vec<SloMinute> = before.clone().map(well).collect();
    recount_slo(&house.database(), &key, before, &history).unwrap();
    house.gateway.apply(&config(&desk.text())).unwrap();
    let mut first = None;
    for minute in 1..=8 {
        minutes(&house, 1, "slow-first-token=6s", |number| [3, 7].contains(&number)).await;
        // What ended with the minute is looked at in the next moment.
        tokio::time::sleep(Duration::from_millis(10)).await;
        let alerts = status(&house.gateway, "quick").alerts;
        let fires = alerts.iter().any(|one| one.severity == "page");
        first = first.or(fires.then_some(minute));
    }
    assert_eq!(first, Some(5));
}

#[tokio::test(start_paused = true)]
async fn three_failures_of_little_traffic_never_page() {
    let desk = Desk::new(&[slo("served", "availability", "0.999")]);
    let house = desk.house().await;
    for number in 0..30 {
        if [10, 11, 12].contains(&number) {
            house.fault("openai", "status=503");
        }
        house.ask(Client::Chat, "support", false, "hello").await;
        house.sim.script().clear();
        tokio::time::sleep(Duration::from_secs(60)).await;
        assert_eq!(status(&house.gateway, "served").alerts, []);
    }
    assert_eq!(status(&house.gateway, "served").bad, 3);
}

#[tokio::test(start_paused = true)]
async fn silence_is_told_after_hours_and_ends_with_the_next_request() {
    let desk = Desk::new(&[slo("served", "availability", "0.999")]);
    let house = desk.house().await;
    house.ask(Client::Chat, "support", false, "hello").await;
    tokio::time::sleep(Duration::from_secs(5 * 3600)).await;
    assert_eq!(status(&house.gateway, "served").alerts, []);
    tokio::time::sleep(Duration::from_secs(2 * 3600)).await;
    let alerts = status(&house.gateway, "served").alerts;
    assert_eq!(alerts.iter().map(|one| one.severity).collect::<Vec<_>>(), ["no_data"]);
    house.ask(Client::Chat, "support", false, "hello").await;
    tokio::time::sleep(Duration::from_secs(120)).await;
    assert_eq!(status(&house.gateway, "served").alerts, []);
}

/// The feature's tiers for rules of `on_burn`.
const TWO_TIERS: &str = "tiers: [ { name: best, models: [gpt-5.5@openai] },
    { name: small, models: [gpt-5.5@azure] } ]";

async fn tier(house: &House) -> String {
    let answer = house.ask(Client::Chat, "support", false, "hello").await;
    assert_eq!(answer.status.as_u16(), 200);
    answer.header("x-tieline-tier").to_owned()
}

#[tokio::test(start_paused = true)]
async fn a_feature_begins_elsewhere_while_an_objective_burns_and_returns() {
    let mut desk = Desk::new(&[slo("quick", "e2e, within: 2s", "0.99")]);
    let rule = "on_burn: [ { slo: quick, above: 6, begin_at: small } ]";
    desk.tail = format!("{rule}, {TWO_TIERS}");
    let house = desk.house().await;
    minutes(&house, 5, "", |_| false).await;
    assert_eq!(tier(&house).await, "best");
    let holds = |house: &House| house.gateway.status().on_burn[0].holds;
    assert!(!holds(&house));
    minutes(&house, 2, "slow-first-token=3s", |_| true).await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert!(holds(&house));
    let answer = house.ask(Client::Chat, "support", false, "hello").await;
    assert_eq!(answer.header("x-tieline-tier"), "small");
    let line =
        "tieline_on_burn_active{feature=\"support\",slo=\"quick\",then=\"begin at small\"} 1";
    assert!(house.gateway.metrics_text().contains(line));
    // Nothing is lost: where the tier that it begins at fails, the others answer.
    house.fault("azure", "status=503");
    assert_eq!(tier(&house).await, "best");
    house.sim.script().clear();
    minutes(&house, 8, "", |_| false).await;
    assert!(holds(&house), "the long window still burns");
    minutes(&house, 15, "", |_| false).await;
    assert!(!holds(&house));
    assert_eq!(tier(&house).await, "best");
    let record = house.record(&answer).await;
    assert_eq!(record.decision.unwrap().on_burn, ["quick: begin at small".into()]);
}

#[tokio::test(start_paused = true)]
async fn policy_stays_above_what_objectives_ask_for() {
    let mut desk = Desk::new(&[slo("quick", "e2e, within: 2s", "0.99")]);
    let rule = "on_burn: [ { slo: quick, above: 6, begin_at: small } ]";
    desk.tail = format!("{rule}, deny: {{ deployments: [gpt-5.5@azure] }}, {TWO_TIERS}");
    let house = desk.house().await;
    minutes(&house, 5, "slow-first-token=3s", |_| true).await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert!(house.gateway.status().on_burn[0].holds);
    assert_eq!(tier(&house).await, "best");
    assert_eq!(house.sim.count("azure"), 0);
}

#[test]
fn an_explanation_supposes_that_an_objective_burns() {
    let mut desk = Desk::new(&[slo("quick", "e2e, within: 2s", "0.99")]);
    desk.tail = format!("on_burn: [ {{ slo: quick, above: 6, begin_at: small }} ], {TWO_TIERS}");
    let config = config(&desk.text());
    let explained = |burning: &[String]| {
        let evidence = Evidence::gather(&config, None, Vec::new());
        let evidence = evidence.with_burning(&config, "support", burning);
        let question = Question {
            feature: "support",
            caller: Caller { id: "local", name: None, features: None, default_feature: None },
            tags: &[],
            modalities: Modalities::NONE,
            input_tokens: 100,
            at_ms: BEGAN_MS,
        };
        explain(&config, evidence, question, &[]).unwrap().unwrap()
    };
    let usual = explained(&[]);
    assert_eq!((&*usual.plan[0].tier, usual.on_burn[0].holds), ("best", false));
    let burning = explained(&["quick".to_owned()]);
    assert_eq!((&*burning.plan[0].tier, burning.on_burn[0].holds), ("small", true));
}

#[tokio::test(start_paused = true)]
async fn a_reload_keeps_what_was_counted_and_another_definition_begins_anew() {
    let desk = Desk::new(&[slo("served", "availability", "0.999")]);
    let house = desk.house().await;
    minutes(&house, 2, "status=503", |number| number == 3).await;
    let counted = |house: &House| {
        let status = status(&house.gateway, "served");
        (status.good, status.bad, status.target)
    };
    assert_eq!(counted(&house), (18, 2, 0.999));
    desk.write(&[slo("served", "availability", "0.9"), slo("best", "tier0_share", "0.9")]);
    assert!(house.gateway.apply(&config(&desk.text())).unwrap());
    assert_eq!(counted(&house), (18, 2, 0.9), "another target measures the same");
    minutes(&house, 1, "", |_| false).await;
    assert_eq!(counted(&house), (28, 2, 0.9));
    assert_eq!(status(&house.gateway, "best").good, 10);
    desk.write(&[slo("served", "availability, maxTier: 0", "0.9")]);
    house.gateway.apply(&config(&desk.text())).unwrap();
    assert_eq!(counted(&house), (0, 0, 0.9), "another definition");
    desk.write(&["nonsense".to_owned()]);
    house.gateway.apply(&config(&desk.text())).unwrap_err();
    minutes(&house, 1, "", |_| false).await;
    assert_eq!(counted(&house), (10, 0, 0.9), "the last good one counts on");
}

#[tokio::test(start_paused = true)]
async fn a_restart_goes_on_from_the_ledger() {
    let desk = Desk::new(&[slo("served", "availability", "0.999")]);
    let house = desk.house().await;
    minutes(&house, 1, "status=503", |number| number == 3).await;
    let before = status(&house.gateway, "served");
    house.close_ledger();
    let restarted = house.restarted(&desk.text());
    let after = status(&restarted, "served");
    assert_eq!((after.good, after.bad, after.budget_left), (9, 1, before.budget_left));
    let rows = slo_minutes(&house.database(), &desk.key(), 0..u64::MAX).unwrap();
    let rows: Vec<_> = rows.iter().map(|one| (one.minute - FIRST, one.good, one.bad)).collect();
    assert_eq!(rows, [(0, 9, 1)]);
}

#[tokio::test(start_paused = true)]
async fn what_is_nobodys_request_does_not_count() {
    let mut desk = Desk::new(&[slo("served", "availability", "0.999")]);
    desk.rest = "sentinels: { every: 1h }".to_owned();
    let house = desk.house().await;
    house.probes();
    house.sentinels();
    house.fault("openai", "status=503");
    tokio::time::sleep(Duration::from_secs(2 * 3600)).await;
    assert!(house.sim.count("openai") > 0, "sentinels have asked");
    assert_eq!(status(&house.gateway, "served").bad, 0);
    let refused = house.post("/v1/chat/completions", "{").await;
    assert_eq!(refused.status.as_u16(), 400);
    assert_eq!(status(&house.gateway, "served").bad, 0);
}

#[tokio::test(start_paused = true)]
async fn a_sample_of_answers_is_graded() {
    let desk = Desk::new(&[slo("good", "quality, atLeast: 0.5", "0.95")]);
    let bench = Bench::new();
    let house = House::examined(&config(&desk.text()), bench).await;
    for number in 0..400 {
        if number >= 200 {
            house.fault("openai", "empty");
        }
        house.ask(Client::Chat, "support", number % 2 == 0, "hello").await;
        house.sim.script().clear();
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    let counted = status(&house.gateway, "good");
    assert!((8..=40).contains(&counted.good), "about a tenth: {counted:?}");
    let served = house.records().await.iter().filter(|one| one.outcome == Outcome::Served).count();
    assert!(counted.good + counted.bad < served as u64 / 5, "{counted:?} of {served}");
}

#[tokio::test(start_paused = true)]
async fn jobs_count_by_how_late_they_are_answered() {
    let mut desk = Desk::new(&[slo("fresh", "freshness, within: 10m", "0.99")]);
    desk.tail = "tiers: [ { name: best, models: [gpt-5.5@openai] },
        { name: later, queue: { ttl: 1h } } ]"
        .to_owned();
    let house = desk.house().await;
    house.run_jobs();
    let queue = async |count: usize| {
        house.fault("openai", "status=503");
        for _ in 0..count {
            let told = house.ask(Client::Chat, "support", false, "hello").await;
            assert_eq!(told.status.as_u16(), 202);
        }
    };
    let counted = || {
        let status = status(&house.gateway, "fresh");
        (status.good, status.bad)
    };
    queue(2).await;
    house.sim.script().clear();
    tokio::time::sleep(Duration::from_secs(9 * 60)).await;
    assert_eq!(counted(), (2, 0), "in time");
    queue(1).await;
    tokio::time::sleep(Duration::from_secs(20 * 60)).await;
    house.sim.script().clear();
    tokio::time::sleep(Duration::from_secs(10 * 60)).await;
    assert_eq!(counted(), (2, 1), "too late");
    queue(1).await;
    tokio::time::sleep(Duration::from_secs(2 * 3600)).await;
    assert_eq!(counted(), (2, 2), "never");
}

#[test]
fn mistakes_are_those_of_the_configuration() {
    let served = slo("served", "availability, maxTier: 0", "0.999");
    let rule = |rule: &str| format!("on_burn: [ {{ {rule} }} ], {TWO_TIERS}");
    let cases = [
        (
            served.replace("service: support", "service: other"),
            rule("slo: served, above: 6, prefer: fastest"),
            "support.yaml:",
        ),
        (format!("{served}---\n{served}"), TWO_TIERS.to_owned(), "support.yaml:"),
        (served.clone(), rule("slo: serves, above: 6, prefer: fastest"), "which is none of its"),
        (served.clone(), rule("slo: served, above: 6, begin_at: small"), "that it counts as bad"),
    ];
    for (slos, tail, told) in cases {
        let mut desk = Desk::new(&[slos]);
        desk.tail = tail;
        let error = tieline_gateway::stated_slos(&config(&desk.text())).unwrap_err().to_string();
        assert!(error.contains(told), "{error} does not tell {told}");
    }
}

/// A desk whose gateway allows drills.
fn drilling(target: &str) -> Desk {
    let mut desk = Desk::new(&[slo("served", "availability", target)]);
    desk.rest = "drills: { key: { env: KEY }, max_percent: 100, max_ttl: 2h }".to_owned();
    desk
}

fn drill(abort: &Value) -> Value {
    serde_json::json!({
        "name": "openai-outage",
        "faults": [{
            "select": { "provider": "openai" },
            "do": { "kind": "http_error", "status": 503 },
        }],
        "scope": { "percent": 100 },
        "abort": abort,
    })
}

fn ended(house: &House) -> Option<DrillEnd> {
    let drill = house.gateway.drills().unwrap().drill.unwrap();
    drill.ended.map(|ended| ended.by)
}

#[tokio::test(start_paused = true)]
async fn what_a_drill_fails_is_counted_apart_and_burns_nothing() {
    let desk = drilling("0.999");
    let house = desk.house().await;
    house.drills();
    minutes(&house, 10, "", |_| false).await;
    let abort = serde_json::json!({
        "burn": [{ "slo": "served", "above": 1, "window_s": 300 }], "budget_remaining": 0.99,
    });
    house.begin_drill(drill(&abort)).unwrap();
    minutes(&house, 10, "", |_| false).await;
    assert_eq!(ended(&house), None, "its own failures do not end it");
    let now = status(&house.gateway, "served");
    assert_eq!((now.good, now.bad, now.budget_left), (100, 0, Some(1.0)));
    assert_eq!(now.alerts, []);
    let tally = house.halt_drill().unwrap().tally;
    assert_eq!((tally.affected, tally.features["support"].failed), (100, 100));
    let metrics = house.gateway.metrics_text();
    let labels = "feature=\"support\",slo=\"served\"";
    for line in [
        format!("tieline_sli_events_total{{{labels},result=\"good\",drill=\"\"}} 100"),
        format!("tieline_sli_events_total{{{labels},result=\"bad\",drill=\"openai-outage\"}} 100"),
    ] {
        assert!(metrics.contains(&line), "{line} is not in {metrics}");
    }
    house.records().await;
    let counted = slo_minutes(&house.database(), &desk.key(), FIRST..FIRST + 30).unwrap();
    assert_eq!(counted.iter().map(|one| one.good + one.bad).sum::<u64>(), 100);
}

#[tokio::test(start_paused = true)]
async fn a_drill_ends_when_the_others_burn_and_does_not_begin_while_they_do() {
    let house = drilling("0.99").house().await;
    house.drills();
    minutes(&house, 10, "", |_| false).await;
    let abort = serde_json::json!({
        "burn": [{ "slo": "served", "feature": "support", "above": 14.4, "window_s": 300 }],
    });
    // Nobody is in the drill, so that all are the others.
    let nobody = serde_json::json!({ "percent": 100, "callers": ["nobody"] });
    let mut asked = drill(&abort);
    asked["scope"] = nobody;
    house.begin_drill(asked.clone()).unwrap();
    minutes(&house, 2, "status=503", |number| number == 0).await;
    assert_eq!(ended(&house), None, "a burn rate of 4");
    minutes(&house, 2, "status=503", |number| number < 5).await;
    assert_eq!(ended(&house), Some(DrillEnd::Burn));
    let told = house.begin_drill(asked).unwrap_err().to_string();
    assert!(told.contains("would end at once: `served` of `support` burns at"), "{told}");
}

#[tokio::test(start_paused = true)]
async fn a_drill_ends_when_too_little_is_left_of_an_error_budget() {
    let house = drilling("0.9").house().await;
    house.drills();
    minutes(&house, 10, "", |_| false).await;
    let mut asked = drill(&serde_json::json!({ "budget_remaining": 0.5 }));
    asked["scope"] = serde_json::json!({ "percent": 100, "callers": ["nobody"] });
    house.begin_drill(asked.clone()).unwrap();
    minutes(&house, 5, "status=503", |number| number == 0).await;
    assert_eq!(ended(&house), None, "a third is spent");
    minutes(&house, 5, "status=503", |number| number < 2).await;
    assert_eq!(ended(&house), Some(DrillEnd::BudgetRemaining));
    let told = house.begin_drill(asked).unwrap_err().to_string();
    assert!(told.contains("of the error budget of `served` of `support` is left"), "{told}");
}

#[tokio::test(start_paused = true)]
async fn a_job_that_a_drill_made_counts_apart() {
    let mut desk = Desk::new(&[slo("fresh", "freshness, within: 10m", "0.99")]);
    desk.rest = "drills: { key: { env: KEY }, max_percent: 100, max_ttl: 2h }".to_owned();
    desk.tail = "tiers: [ { name: best, models: [gpt-5.5@openai] },
        { name: later, queue: { ttl: 1h } } ]"
        .to_owned();
    let house = desk.house().await;
    house.run_jobs();
    house.begin_drill(drill(&serde_json::json!({}))).unwrap();
    let told = house.ask(Client::Chat, "support", false, "hello").await;
    assert_eq!(told.status.as_u16(), 202);
    assert_eq!(house.halt_drill().unwrap().tally.features["support"].tiers["later"], 1);
    tokio::time::sleep(Duration::from_secs(5 * 60)).await;
    let now = status(&house.gateway, "fresh");
    assert_eq!((now.good, now.bad), (0, 0));
    let metrics = house.gateway.metrics_text();
    let line = "slo=\"fresh\",result=\"good\",drill=\"openai-outage\"} 1";
    assert!(metrics.contains(line), "{line} is not in {metrics}");
}
