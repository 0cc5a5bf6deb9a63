//! Drills in a running gateway: who meets faults, who does not, and that it always ends.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::Full;
use serde_json::{Value, json};
use tieline_gateway::{DrillEnd, DrillError, DrillStatus, DrillToken, InjectedFault, Select};
use tieline_types::{Change, Class, Outcome, Reason, Secret};

use crate::{
    house::{Answer, Client, EVERYTHING, House, MODELS, config, post},
    lab::BEGAN_MS,
};

const KEY: &str = "sk-simulated-key-0123456789";
const OPENAI: &str = "gpt-5.5@openai";
const AZURE: &str = "gpt-5.5@azure";
const ALLOWED: &str = "drills: { key: { env: KEY }, max_percent: 100, max_ttl: 1h }";

/// A house that allows drills and looks after them.
async fn house(rest: &str) -> House {
    let house = House::new(&format!("{EVERYTHING}\n{ALLOWED}\n{rest}")).await;
    house.drills();
    house
}

/// All of `openai` fails for everybody.
fn outage() -> Value {
    json!({
        "name": "openai-outage",
        "faults": [{
            "select": { "provider": "openai" },
            "do": { "kind": "http_error", "status": 503 },
        }],
        "scope": { "percent": 100 },
    })
}

fn with(mut drill: Value, more: Value) -> Value {
    let (Some(drill_keys), Value::Object(more)) = (drill.as_object_mut(), more) else { panic!() };
    drill_keys.extend(more);
    drill
}

fn doing(fault: &Value) -> Value {
    let fault = json!({ "select": { "provider": "openai" }, "do": fault });
    with(outage(), json!({ "faults": [fault] }))
}

async fn ask(house: &House, text: &str) -> Answer {
    house.ask(Client::Chat, "gpt-5.5", false, text).await
}

fn status(house: &House) -> DrillStatus {
    house.gateway.drills().unwrap().drill.unwrap()
}

fn ended(house: &House) -> Option<DrillEnd> {
    status(house).ended.map(|ended| ended.by)
}

fn state(house: &House, id: &str) -> &'static str {
    let status = house.gateway.status();
    status.deployments.into_iter().find(|one| one.id == id).map_or("", |one| one.state)
}

/// How many of so many conversations are part of the drill.
async fn share(house: &House, conversations: u64) -> u64 {
    let mut drilled = 0;
    for number in 0..conversations {
        let answer = ask(house, &format!("conversation {number}")).await;
        drilled += u64::from(!answer.header("x-tieline-drill").is_empty());
    }
    drilled
}

fn token(faults: Vec<InjectedFault>) -> DrillToken {
    DrillToken {
        drill: "by-header".to_owned(),
        expires_s: BEGAN_MS / 1000 + 600,
        feature: None,
        faults,
    }
}

fn fault(kind: Value) -> InjectedFault {
    let select = Select { provider: Some("openai".to_owned()), ..Select::default() };
    InjectedFault { select, share: 1.0, kind: serde_json::from_value(kind).unwrap() }
}

fn refused(status: u16) -> InjectedFault {
    fault(json!({ "kind": "http_error", "status": status }))
}

/// Whether the header came to any provider.
fn any_saw_the_header(house: &House) -> bool {
    let seen = ["openai", "azure", "local"].iter().flat_map(|name| house.sim.seen(name));
    seen.flat_map(|seen| seen.headers).any(|(name, _)| name == "x-tieline-drill")
}

fn asking(model: &str, token: &str) -> Request<Full<Bytes>> {
    let body = Client::Chat.ask(model, false, "hello").to_string();
    let mut request = post(Client::Chat.path(), body);
    request.headers_mut().insert("x-tieline-drill", token.parse().unwrap());
    request
}

#[tokio::test(start_paused = true)]
async fn without_a_key_there_are_no_drills_and_the_header_means_nothing() {
    let house = House::new(EVERYTHING).await;
    assert_eq!(house.begin_drill(outage()), Err(DrillError::NotConfigured));
    assert_eq!(house.halt_drill(), Err(DrillError::NotConfigured));
    let error = house.gateway.drills().unwrap_err();
    assert!(error.to_string().contains("write `drills: { key: { env: NAME } }`"), "{error}");
    let token = token(vec![refused(503)]).signed(&Secret::new(KEY));
    for sent in [token.as_str(), "nonsense"] {
        let answer = house.send(asking("gpt-5.5", sent)).await;
        assert_eq!(
            (answer.status, answer.header("x-tieline-deployment")),
            (StatusCode::OK, OPENAI)
        );
        assert_eq!(answer.header("x-tieline-drill"), "");
    }
    assert!(!any_saw_the_header(&house));
}

#[tokio::test(start_paused = true)]
async fn drilled_requests_fail_over_and_nobody_elses_breaker_learns_of_it() {
    let house = house("").await;
    let sticky = with(outage(), json!({ "scope": { "percent": 50 } }));
    let begun = house.begin_drill(sticky).unwrap();
    assert_eq!((begun.state, begun.percent, begun.step, begun.steps), ("running", 50.0, 1, 1));
    let mut drilled = 0;
    for number in 0..100 {
        let answer = ask(&house, &format!("conversation {number}")).await;
        assert_eq!(answer.status, StatusCode::OK);
        let is_drilled = answer.header("x-tieline-drill") == "openai-outage";
        drilled += u64::from(is_drilled);
        let by = if is_drilled { AZURE } else { OPENAI };
        assert_eq!(answer.header("x-tieline-deployment"), by);
    }
    assert!((30..=70).contains(&drilled), "{drilled}");
    assert_eq!(state(&house, OPENAI), "closed");
    let now = status(&house);
    assert_eq!(now.breakers.iter().map(|one| &*one.deployment).collect::<Vec<_>>(), [OPENAI]);
    let tally = &now.tally.features["gpt-5.5"];
    assert_eq!((now.tally.affected, tally.served, tally.failed), (drilled, drilled, 0));
    let struck = now.tally.injected["http_error"];
    assert!((5..=10).contains(&struck), "its own breaker opened after five: {struck}");
    assert_eq!(tally.attempts, drilled + struck);
    assert_eq!(tally.tiers["models"], drilled);
    let status = house.gateway.status();
    let openai = status.deployments.iter().find(|one| one.id == OPENAI).unwrap();
    assert_eq!((openai.good, openai.failed), (100 - drilled, 0), "drills aside");
    let on_record = house.records().await;
    assert_eq!(on_record.iter().filter(|one| one.drill().is_some()).count() as u64, drilled);
}

#[tokio::test(start_paused = true)]
async fn shared_breakers_learn_of_a_drill() {
    let house = house("").await;
    let shared = json!({ "breaker_state": "shared", "scope": { "percent": 100 } });
    house.begin_drill(with(outage(), shared)).unwrap();
    for number in 0..10 {
        assert_eq!(ask(&house, &format!("{number}")).await.status, StatusCode::OK);
    }
    assert_eq!(state(&house, OPENAI), "open");
    assert_eq!(status(&house).breakers, []);
}

#[tokio::test(start_paused = true)]
async fn the_share_grows_by_steps_and_keeps_who_is_in_it() {
    let house = house("").await;
    let ramp = json!({ "scope": {}, "ramp": { "percents": [5, 25, 60], "step_s": 600 } });
    house.begin_drill(with(doing(&json!({ "kind": "connect_refused" })), ramp)).unwrap();
    let mut before = 0;
    for (step, range) in [(1, 1..=20), (2, 30..=70), (3, 95..=145)] {
        let now = status(&house);
        assert_eq!((now.step, now.steps), (step, 3));
        let drilled = share(&house, 200).await;
        assert!(range.contains(&drilled), "step {step}: {drilled}");
        assert!(drilled >= before);
        before = drilled;
        tokio::time::sleep(Duration::from_secs(600)).await;
    }
    assert_eq!(status(&house).percent, 60.0, "the last step stays");
    assert_eq!(share(&house, 200).await, before, "the same conversations");
}

#[tokio::test(start_paused = true)]
async fn only_what_is_in_its_scope_is_part_of_it() {
    let features = "features: { a: { tiers: [ { models: [gpt-5.5@openai] } ] }, \
                    b: { tiers: [ { models: [gpt-5.5@openai] } ] } }";
    let house = house(features).await;
    let ask = async |model: &str| {
        let answer = house.ask(Client::Chat, model, false, "hello").await;
        (answer.status.as_u16(), answer.header("x-tieline-drill").to_owned())
    };
    let name = "openai-outage".to_owned();
    house
        .begin_drill(with(outage(), json!({ "scope": { "percent": 100, "features": ["a"] } })))
        .unwrap();
    assert_eq!(ask("a").await, (503, name.clone()));
    assert_eq!(ask("b").await, (200, String::new()));
    assert_eq!(ask("llama").await, (200, String::new()));
    house.halt_drill().unwrap();
    for (caller, expected) in [("local", 503), ("somebody", 200)] {
        let scope = json!({ "scope": { "percent": 100, "callers": [caller] } });
        house.begin_drill(with(outage(), scope)).unwrap();
        assert_eq!(ask("a").await.0, expected, "{caller}");
        assert_eq!(ask("llama").await, (200, String::new()), "no fault can strike it");
        house.halt_drill().unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn every_kind_of_fault_looks_like_the_providers_own() {
    let features = "features: { one: { deadline: 100s, tiers: [ { models: [gpt-5.5@openai], \
                    ttft: 20s } ] } }";
    let house = house(features).await;
    for (kind, class, status, called) in [
        (json!({ "kind": "connect_refused" }), "transport", 502, 0),
        (json!({ "kind": "http_error", "status": 401 }), "auth", 502, 0),
        (
            json!({ "kind": "http_error", "status": 429, "retry_after_s": 7 }),
            "rate_limited",
            429,
            0,
        ),
        (
            json!({ "kind": "http_error", "status": 429, "type": "insufficient_quota" }),
            "billing",
            502,
            0,
        ),
        (json!({ "kind": "hang" }), "timeout", 504, 0),
        (json!({ "kind": "stall", "after_events": 0 }), "timeout", 504, 1),
        (json!({ "kind": "truncate", "after_events": 0 }), "stream_truncated", 502, 1),
        // Called again, as whoever refuses before it has said anything.
        (json!({ "kind": "stream_error", "after_events": 0 }), "overloaded", 503, 2),
    ] {
        let before = house.sim.count("openai");
        house.begin_drill(doing(&kind)).unwrap();
        let answer = house.ask(Client::Chat, "one", true, "hello").await;
        house.halt_drill().unwrap();
        assert_eq!(answer.status.as_u16(), status, "{kind}: {}", answer.text());
        let record = house.record(&answer).await;
        let attempt = &record.attempts[0];
        assert_eq!(attempt.fault.unwrap().as_str(), class, "{kind}");
        assert_eq!(house.sim.count("openai") - before, called, "{kind}");
        assert_eq!(attempt.usage.is_some(), called > 0, "{kind}: a true call is paid");
        if class != "timeout" {
            let told = attempt.fault_message.as_deref().unwrap();
            assert!(told.contains("injected by the drill `openai-outage`"), "{told}");
        }
    }
    assert_eq!(state(&house, OPENAI), "closed");
}

#[tokio::test(start_paused = true)]
async fn streams_break_after_so_many_pieces_and_the_client_is_told() {
    let features = "features: { one: { deadline: 100s, tiers: [ { models: [gpt-5.5@openai] } ] } }";
    let house = house(features).await;
    for kind in ["stall", "truncate", "stream_error"] {
        for client in Client::ALL {
            house.begin_drill(doing(&json!({ "kind": kind, "after_events": 3 }))).unwrap();
            let answer = house.ask(client, "one", true, "hello").await;
            house.halt_drill().unwrap();
            assert_eq!(answer.status, StatusCode::OK, "{kind}");
            assert!(client.tells_break(&answer), "{kind}: {}", answer.text());
            assert!(answer.text().contains("(after 3 pieces"), "{kind}: {}", answer.text());
            let record = house.record(&answer).await;
            assert_eq!(record.outcome, Outcome::Broken, "{kind}");
            assert!(record.cost().is_some(), "{kind}: it is paid");
        }
    }
    let tally = status(&house).tally;
    assert_eq!((tally.features["one"].failed, tally.injected["stream_error"]), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn whole_answers_are_broken_without_a_call_or_left_alone() {
    let features = "features: { one: { deadline: 30s, tiers: [ { models: [gpt-5.5@openai] } ] } }";
    let house = house(features).await;
    for (kind, status, called) in
        [("stall", 504, 0), ("truncate", 502, 0), ("stream_error", 200, 1)]
    {
        let before = house.sim.count("openai");
        house.begin_drill(doing(&json!({ "kind": kind, "after_events": 1 }))).unwrap();
        let answer = house.ask(Client::Chat, "one", false, "hello").await;
        house.halt_drill().unwrap();
        assert_eq!(answer.status.as_u16(), status, "{kind}");
        assert_eq!(house.sim.count("openai") - before, called, "{kind}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_delay_comes_before_the_true_call() {
    let house = house("").await;
    house.begin_drill(doing(&json!({ "kind": "ttft_delay", "duration_ms": 4000 }))).unwrap();
    let began = tokio::time::Instant::now();
    let answer = house.ask(Client::Chat, "gpt-5.5", true, "hello").await;
    assert!(Client::Chat.is_whole(&answer, true));
    assert_eq!(answer.header("x-tieline-deployment"), OPENAI);
    assert!(began.elapsed() >= Duration::from_secs(4));
    assert_eq!(status(&house).tally.injected["ttft_delay"], 1);
}

#[tokio::test(start_paused = true)]
async fn shares_of_faults_add_up() {
    let house = house("").await;
    let fault = |share: f64, status: u16| {
        let does = json!({ "kind": "http_error", "status": status });
        json!({ "select": { "provider": "openai" }, "share": share, "do": does })
    };
    let faults = [fault(0.25, 400), fault(0.25, 404), fault(0.5, 422)];
    house.begin_drill(with(outage(), json!({ "faults": faults }))).unwrap();
    for number in 0..200 {
        ask(&house, &format!("{number}")).await;
    }
    let tally = status(&house).tally;
    assert_eq!(tally.injected["http_error"], 200, "together they strike all");
    let records = house.records().await;
    let struck =
        |status: u16| records.iter().filter(|one| one.attempts[0].status == Some(status)).count();
    for (status, range) in [(400, 30..=70), (404, 30..=70), (422, 75..=125)] {
        assert!(range.contains(&struck(status)), "{status}: {}", struck(status));
    }
}

#[tokio::test(start_paused = true)]
async fn a_drill_ends_with_its_time_and_what_it_holds_goes_on() {
    let house = Arc::new(house("").await);
    let short = json!({ "ttl_s": 10 });
    house.begin_drill(with(doing(&json!({ "kind": "hang" })), short)).unwrap();
    let asked = Arc::clone(&house);
    let waiting = tokio::spawn(async move {
        asked.ask(Client::Chat, "llama-never-struck", false, "hello").await.status
    });
    assert_eq!(waiting.await.unwrap(), StatusCode::NOT_FOUND);
    let began = tokio::time::Instant::now();
    let answer = ask(&house, "hello").await;
    assert_eq!((answer.status, answer.header("x-tieline-deployment")), (StatusCode::OK, AZURE));
    assert!(began.elapsed() < Duration::from_secs(12), "{:?}", began.elapsed());
    assert_eq!(ended(&house), Some(DrillEnd::Ttl));
    let after = ask(&house, "hello").await;
    assert_eq!(after.header("x-tieline-deployment"), OPENAI);
    assert_eq!(after.header("x-tieline-drill"), "");
    assert_eq!(status(&house).percent, 0.0);
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_stalls_goes_on_when_the_drill_is_halted() {
    let house = Arc::new(house("").await);
    house.begin_drill(doing(&json!({ "kind": "stall", "after_events": 2 }))).unwrap();
    let asked = Arc::clone(&house);
    let stream =
        tokio::spawn(async move { asked.ask(Client::Chat, "gpt-5.5", true, "hello").await });
    tokio::time::sleep(Duration::from_secs(20)).await;
    assert!(!stream.is_finished());
    let halted = house.halt_drill().unwrap();
    assert_eq!((halted.state, ended(&house)), ("ended", Some(DrillEnd::Halted)));
    let answer = stream.await.unwrap();
    assert!(Client::Chat.is_whole(&answer, true), "{}", answer.text());
    assert_eq!(house.halt_drill(), Err(DrillError::NoneRunning));
}

#[tokio::test(start_paused = true)]
async fn no_more_requests_than_allowed_are_part_of_it() {
    let house = house("").await;
    let bounded = json!({ "abort": { "max_affected_requests": 7 } });
    house.begin_drill(with(outage(), bounded)).unwrap();
    assert_eq!(share(&house, 20).await, 7);
    assert_eq!(ended(&house), Some(DrillEnd::MaxAffectedRequests));
    assert_eq!(status(&house).tally.affected, 7);
}

#[tokio::test(start_paused = true)]
async fn it_is_gone_after_a_restart_and_when_the_configuration_changes() {
    let house = house("").await;
    house.begin_drill(outage()).unwrap();
    assert_eq!(share(&house, 5).await, 5);
    let text = format!("{EVERYTHING}\n{ALLOWED}\n");
    assert_eq!(house.restarted(&text).drills().unwrap().drill, None);
    let more = format!("{text}features: {{ new: {{ tiers: [ {{ models: [claude] }} ] }} }}");
    house.gateway.apply(&config(&more)).unwrap();
    assert_eq!(share(&house, 5).await, 5, "another part of the configuration changed");
    house.gateway.apply(&config(EVERYTHING)).unwrap();
    assert_eq!(share(&house, 5).await, 0);
    assert_eq!(ended(&house), Some(DrillEnd::Configuration));
}

#[tokio::test(start_paused = true)]
async fn what_is_drained_by_hand_is_so_for_drilled_requests_too() {
    let house = house("").await;
    house.begin_drill(outage()).unwrap();
    assert_eq!(ask(&house, "a").await.header("x-tieline-deployment"), AZURE);
    house.drain(AZURE, true).unwrap();
    assert_eq!(ask(&house, "a").await.header("x-tieline-deployment"), "gpt-5.5@bedrock");
    house.drain(AZURE, false).unwrap();
    assert_eq!(ask(&house, "a").await.header("x-tieline-deployment"), AZURE);
}

#[tokio::test(start_paused = true)]
async fn drills_that_make_no_sense_do_not_begin() {
    let house = House::new(&format!(
        "{EVERYTHING}\ndrills: {{ key: {{ env: KEY }}, max_percent: 20, max_ttl: 15m }}"
    ))
    .await;
    let sound = with(outage(), json!({ "scope": { "percent": 20 } }));
    let fault = |more: Value| {
        let fault = json!({ "select": { "provider": "openai" }, "do": { "kind": "hang" } });
        json!({ "faults": [with(fault, more)] })
    };
    for (more, why) in [
        (json!({ "name": "no spaces" }), "the name of a drill"),
        (json!({ "faults": [] }), "1 to 16 faults"),
        (json!({ "scope": { "percent": 21 } }), "`max_percent` of 20"),
        (json!({ "scope": { "percent": 0 } }), "not above 0"),
        (json!({ "scope": {} }), "`scope.percent` or `ramp`"),
        (json!({ "ramp": { "percents": [1], "step_s": 60 } }), "not both"),
        (json!({ "scope": {}, "ramp": { "percents": [5, 1], "step_s": 60 } }), "must not fall"),
        (json!({ "scope": {}, "ramp": { "percents": [], "step_s": 60 } }), "1 to 64"),
        (json!({ "scope": { "percent": 1, "features": ["nothing"] } }), "feature `nothing`"),
        (json!({ "scope": { "percent": 1, "features": ["llama"] } }), "none of its faults"),
        (json!({ "ttl_s": 901 }), "`max_ttl` of 900 s"),
        (json!({ "ttl_s": 0 }), "not above 0"),
        (fault(json!({ "select": {} })), "faults[0]: `select` is empty"),
        (fault(json!({ "select": { "provider": "opena" } })), "provider `opena`"),
        (fault(json!({ "select": { "deployment": "gpt@openai" } })), "deployment `gpt@openai`"),
        (fault(json!({ "select": { "model": "gpt" } })), "model `gpt`"),
        (fault(json!({ "select": { "feature": "gpt" } })), "feature `gpt`"),
        (fault(json!({ "share": 1.5 })), "`share` 1.5"),
        (fault(json!({ "do": { "kind": "http_error", "status": 200 } })), "`status` 200"),
        (
            fault(json!({ "do": { "kind": "http_error", "status": 500, "type": "a b" } })),
            "`type` must be",
        ),
        (json!({ "abort": { "budget_remaining": 2 } }), "`abort.budget_remaining` 2"),
        (json!({ "abort": { "max_affected_requests": 0 } }), "above 0"),
        (
            json!({ "abort": { "burn": [{ "slo": "x", "above": 1, "window_s": 60 }] } }),
            "no objective",
        ),
        (
            json!({ "abort": { "burn": [{ "slo": "x", "above": 1, "window_s": 59 }] } }),
            "at least 60",
        ),
    ] {
        let asked = with(sound.clone(), more.clone());
        match house.begin_drill(asked) {
            Err(DrillError::Wrong(told)) => assert!(told.contains(why), "{more}: {told}"),
            other => panic!("{more}: {other:?}"),
        }
    }
    house.begin_drill(sound.clone()).unwrap();
    assert_eq!(house.begin_drill(sound), Err(DrillError::Running("openai-outage".to_owned())));
}

#[tokio::test(start_paused = true)]
async fn beginning_and_end_are_on_record() {
    let house = house("").await;
    house.begin_drill(with(outage(), json!({ "ttl_s": 30 }))).unwrap();
    tokio::time::sleep(Duration::from_secs(40)).await;
    house.begin_drill(outage()).unwrap();
    house.halt_drill().unwrap();
    let changes = house.changes().await;
    let told: Vec<_> = changes.iter().rev().map(|one| (one.action, &*one.actor)).collect();
    let robin = "127.0.0.1:50123";
    assert_eq!(
        told,
        [
            (Change::DrillBegan, robin),
            (Change::DrillEnded, "drill"),
            (Change::DrillBegan, robin),
            (Change::DrillEnded, robin),
        ]
    );
    let [halted, .., over, began] = changes.as_slice() else { panic!("{changes:?}") };
    assert_eq!((&*began.subject, began.claimed.as_deref()), ("openai-outage", Some("robin")));
    assert_eq!(began.after.as_deref(), Some("100 % of conversations meet http_error"));
    assert_eq!(over.after.as_deref(), Some("ended: ttl"));
    assert_eq!((&over.before, over.reason.as_deref()), (&began.after, Some("its time was over")));
    assert_eq!(over.at_ms, BEGAN_MS + 30_000);
    assert_eq!(halted.reason.as_deref(), Some("it was halted"));
    house.close_ledger();
    assert_eq!(house.begin_drill(outage()), Err(DrillError::Unrecorded));
    assert_eq!(share(&house, 3).await, 0);
}

#[tokio::test(start_paused = true)]
async fn a_token_drills_its_request_and_no_other() {
    let house = house("").await;
    let key = Secret::new(KEY);
    let sent = token(vec![refused(503)]).signed(&key);
    for _ in 0..10 {
        let answer = house.send(asking("gpt-5.5", &sent)).await;
        assert_eq!((answer.status, answer.header("x-tieline-deployment")), (StatusCode::OK, AZURE));
        assert_eq!(answer.header("x-tieline-drill"), "by-header");
    }
    assert_eq!(ask(&house, "hello").await.header("x-tieline-deployment"), OPENAI);
    assert_eq!(state(&house, OPENAI), "closed");
    let shown = house.gateway.drills().unwrap();
    let [tokens] = shown.tokens.as_slice() else { panic!("{shown:?}") };
    assert_eq!((tokens.tally.affected, tokens.tally.injected["http_error"]), (10, 5));
    assert_eq!(tokens.breakers.len(), 1);
    let last = house.send(asking("llama", &sent)).await;
    assert_eq!(last.header("x-tieline-drill"), "by-header", "though nothing strikes it");
    assert!(!any_saw_the_header(&house));
    tokio::time::sleep(Duration::from_secs(601)).await;
    assert_eq!(house.send(asking("gpt-5.5", &sent)).await.status, StatusCode::FORBIDDEN);
    assert_eq!(house.gateway.drills().unwrap().tokens, []);
}

#[tokio::test(start_paused = true)]
async fn a_token_that_does_not_hold_is_refused_and_nothing_is_sent() {
    let house = house("").await;
    let key = Secret::new(KEY);
    let good = token(vec![refused(503)]);
    let signed = good.signed(&key);
    let (payload, tag) = signed.split_once('.').unwrap();
    let forged = DrillToken { drill: "other".to_owned(), ..good.clone() }.signed(&key);
    let (other, _) = forged.split_once('.').unwrap();
    let now_s = BEGAN_MS / 1000;
    let again = |change: &dyn Fn(&mut DrillToken)| {
        let mut token = good.clone();
        change(&mut token);
        token.signed(&key)
    };
    let bad_select = |token: &mut DrillToken| token.faults[0].select = Select::default();
    for (sent, status, why) in [
        ("nonsense".to_owned(), 400, "two base64url texts"),
        (format!("{payload}."), 403, "signature"),
        (format!("{payload}.!!"), 400, "two base64url texts"),
        (format!("{other}.{tag}"), 403, "signature"),
        (good.signed(&Secret::new("another-key-of-length")), 403, "signature"),
        (again(&|token| token.expires_s = now_s), 403, "expired 0 s ago"),
        (again(&|token| token.expires_s = now_s - 9), 403, "expired 9 s ago"),
        (again(&|token| token.expires_s = now_s + 3601), 403, "`max_ttl` of 3600 s"),
        (again(&|token| token.feature = Some("llama".to_owned())), 403, "feature `llama`"),
        (again(&|token| token.drill = "a b".to_owned()), 400, "the name of a drill"),
        (again(&|token| token.faults.clear()), 400, "1 to 16 faults"),
        (again(&bad_select), 400, "`select` is empty"),
        (again(&|token| token.faults = vec![refused(503); 17]), 400, "1 to 16 faults"),
        ("x".repeat(4097), 400, "more than 4096 bytes"),
    ] {
        let answer = house.send(asking("gpt-5.5", &sent)).await;
        assert_eq!(answer.status.as_u16(), status, "{why}: {}", answer.text());
        assert!(answer.text().contains(why), "{why}: {}", answer.text());
        assert_eq!(answer.header("x-tieline-attempts"), "0");
    }
    let mut twice = asking("gpt-5.5", &signed);
    twice.headers_mut().append("x-tieline-drill", signed.parse().unwrap());
    assert_eq!(house.send(twice).await.status, StatusCode::BAD_REQUEST);
    assert_eq!(house.sim.count("openai"), 0);
    let ok = house.send(asking("gpt-5.5", &again(&|token| token.feature = Some("gpt-5.5".into()))));
    assert_eq!(ok.await.status, StatusCode::OK);
}

#[tokio::test(start_paused = true)]
async fn metrics_tell_drilled_requests_apart() {
    let house = house("").await;
    house.begin_drill(outage()).unwrap();
    ask(&house, "hello").await;
    house.halt_drill().unwrap();
    ask(&house, "hello").await;
    let metrics = house.gateway.metrics_text();
    let drill = "drill=\"openai-outage\"";
    for line in [
        format!("tieline_attempts_total{{deployment=\"{OPENAI}\",class=\"overloaded\",{drill}}} 1"),
        format!("tieline_attempts_total{{deployment=\"{AZURE}\",class=\"\",{drill}}} 1"),
        format!("tieline_attempts_total{{deployment=\"{OPENAI}\",class=\"\"}} 1"),
        format!("tieline_injected_faults_total{{{drill},kind=\"http_error\"}} 1"),
        format!("tieline_repeats_total{{feature=\"gpt-5.5\",reason=\"fallback\",{drill}}} 1"),
        format!(
            "tieline_requests_total{{feature=\"gpt-5.5\",tier=\"models\",deployment=\"{AZURE}\",\
             outcome=\"served\",class=\"\",{drill}}} 1"
        ),
        format!(
            "tieline_requests_total{{feature=\"gpt-5.5\",tier=\"models\",deployment=\"{OPENAI}\",\
             outcome=\"served\",class=\"\"}} 1"
        ),
    ] {
        assert!(metrics.contains(&line), "{line} is not in {metrics}");
    }
}

/// Every kind of provider by every dialect of clients.
#[tokio::test(start_paused = true)]
async fn streams_of_every_provider_break_in_its_own_way() {
    let house = house("").await;
    for model in MODELS {
        for (kind, class) in [("stream_error", None), ("truncate", Some(Class::StreamTruncated))] {
            let fault = json!({
                "select": { "model": model }, "do": { "kind": kind, "after_events": 2 },
            });
            let drill = with(outage(), json!({ "faults": [fault], "abort": {} }));
            house.begin_drill(drill).unwrap();
            for client in Client::ALL {
                let answer = house.ask(client, model, true, "hello").await;
                assert_eq!(answer.status, StatusCode::OK, "{model}, {kind}");
                assert!(client.tells_break(&answer), "{model}, {kind}: {}", answer.text());
                assert!(answer.text().contains("injected by the drill"), "{}", answer.text());
            }
            house.halt_drill().unwrap();
            let records = house.records().await;
            let faults = records.iter().take(2).filter_map(|one| one.fault);
            let usual = [Class::StreamError, Class::Overloaded];
            assert!(
                faults.clone().count() == 2
                    && faults.clone().all(|one| class.map_or(usual.contains(&one), |is| is == one)),
                "{model}, {kind}: {:?}",
                faults.collect::<Vec<_>>()
            );
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_hedge_beside_an_injected_hang_wins_and_nothing_is_paid_for_the_hang() {
    let feature = "features: { f: { hedge: { after: 500ms }, \
                   tiers: [ { models: [gpt-5.5], ttft: 15s } ] } }";
    let house = house(feature).await;
    for _ in 0..40 {
        house.ask(Client::Chat, "f", true, "hello").await;
    }
    house.begin_drill(doing(&json!({ "kind": "hang" }))).unwrap();
    let answer = house.ask(Client::Chat, "f", true, "hello").await;
    assert!(Client::Chat.is_whole(&answer, true), "{}", answer.text());
    assert_eq!(answer.header("x-tieline-deployment"), AZURE);
    let record = house.record(&answer).await;
    let [first, second] = record.attempts.as_slice() else { panic!("{record:?}") };
    assert_eq!((first.fault, first.usage), (Some(Class::Superseded), None));
    assert_eq!((second.reason, second.fault), (Reason::Hedge, None));
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_a_drill_broke_is_made_good_as_any_other() {
    let feature = "features: { f: { on_stream_break: restart, tiers: [ { models: [gpt-5.5] } ] } }";
    let house = house(feature).await;
    house.begin_drill(doing(&json!({ "kind": "truncate", "after_events": 4 }))).unwrap();
    let mut request = post(Client::Chat.path(), Client::Chat.ask("f", true, "hello").to_string());
    request.headers_mut().insert("x-tieline-stream-restart", "ok".parse().unwrap());
    let answer = house.send(request).await;
    assert!(answer.text().contains("tieline.restart"), "{}", answer.text());
    let record = house.record(&answer).await;
    assert_eq!((record.outcome, record.deployment.as_deref()), (Outcome::Served, Some(AZURE)));
    let metrics = house.gateway.metrics_text();
    let labels = "feature=\"f\",result=\"restarted\",drill=\"openai-outage\"";
    assert!(metrics.contains(&format!("tieline_stream_breaks_total{{{labels}}} 1")), "{metrics}");
}

#[tokio::test(start_paused = true)]
async fn real_calls_of_a_drill_use_everybodys_quota() {
    let models = EVERYTHING.replace(
        "    - { provider: azure, name: gpt55-eu }",
        "    - { provider: azure, name: gpt55-eu, limits: { requests_per_minute: 3 } }",
    );
    let feature = "features: { azure: { tiers: [ { models: [gpt-5.5@azure] } ] } }";
    let house = House::new(&format!("{models}\n{ALLOWED}\n{feature}")).await;
    house.drills();
    house.begin_drill(doing(&json!({ "kind": "connect_refused" }))).unwrap();
    for number in 0..3 {
        let answer = ask(&house, &format!("{number}")).await;
        assert_eq!(answer.header("x-tieline-deployment"), AZURE);
    }
    assert_eq!(ask(&house, "more").await.header("x-tieline-deployment"), "gpt-5.5@bedrock");
    let status = house.gateway.status();
    let azure = status.deployments.iter().find(|one| one.id == AZURE).unwrap();
    assert!(azure.quota_opens_in_s.is_some() && azure.utilisation >= 1.0, "{azure:?}");
    let answer = house.ask(Client::Chat, "azure", false, "mine").await;
    assert!(answer.header("x-tieline-drill").is_empty());
}
