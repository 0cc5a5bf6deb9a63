//! What the gateway learns of its deployments, and what it does with it.

use std::time::Duration;

use futures_util::future::join_all;
use http::HeaderValue;
use tieline_sim::{Fault, Rule};
use tieline_types::{CallRecord, Class, Outcome};

use crate::house::{Client, EVERYTHING, House, post};

fn state(house: &House, id: &str) -> &'static str {
    let status = house.gateway.status();
    status.deployments.into_iter().find(|one| one.id == id).map_or("", |one| one.state)
}

/// A feature on the models of [`EVERYTHING`].
fn with_feature(feature: &str) -> String {
    format!("{EVERYTHING}features:\n  f: {feature}\n")
}

/// Azure, 9 March 2026: a valid request is refused as invalid, for everybody, for hours.
#[tokio::test(start_paused = true)]
async fn a_storm_of_refusals_is_the_providers_fault() {
    let house = House::new(EVERYTHING).await;
    let ask = async |house: &House| house.ask(Client::Chat, "gpt-5.5", false, "hello").await;
    assert_eq!(ask(&house).await.status, 200);
    tokio::time::sleep(Duration::from_secs(120)).await;
    house.fault("openai", "status=400,error=storm");
    let mut refused = 0;
    for _ in 0..200 {
        refused += usize::from(ask(&house).await.status == 400);
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    assert_eq!(refused, 9, "a tenth of the same from a caller that was served before is a storm");
    let records = house.records().await;
    let doubted = records.iter().filter(|one| one.outcome == Outcome::Served);
    let called = doubted.filter(|one| {
        one.attempts.iter().any(|attempt| attempt.fault == Some(Class::ClientInvalid))
    });
    assert!((5..40).contains(&called.count()), "the breaker keeps most requests away");
}

/// The same mistakes, made by one caller among others that are served.
#[tokio::test(start_paused = true)]
async fn one_callers_mistakes_are_its_own() {
    let house = House::new(EVERYTHING).await;
    for n in 0..60 {
        let good = house.ask(Client::Chat, "gpt-5.5", false, "hello").await;
        assert_eq!(good.header("x-tieline-deployment"), "gpt-5.5@openai", "#{n}");
        house.sim.script().add(Rule {
            first: Some(1),
            ..Rule::new("openai", "status=400".parse::<Fault>().unwrap())
        });
        let bad = house.ask(Client::Chat, "gpt-5.5", false, "hello").await;
        assert_eq!((bad.status.as_u16(), bad.header("x-tieline-attempts")), (400, "1"), "#{n}");
        house.sim.script().clear();
    }
}

#[tokio::test(start_paused = true)]
async fn after_an_outage_traffic_returns_in_steps() {
    let house = House::new(EVERYTHING).await;
    house.fault("openai", "status=500");
    for _ in 0..8 {
        house.ask(Client::Chat, "gpt-5.5", false, "hello").await;
    }
    assert_eq!(state(&house, "gpt-5.5@openai"), "open");
    house.sim.script().clear();
    tokio::time::sleep(Duration::from_secs(8)).await;
    assert_eq!(state(&house, "gpt-5.5@openai"), "half-open");
    let share = async |house: &House| {
        let mut first = 0;
        for conversation in 0..200 {
            let text = format!("hello {conversation}");
            let answer = house.ask(Client::Chat, "gpt-5.5", false, &text).await;
            first += usize::from(answer.header("x-tieline-deployment") == "gpt-5.5@openai");
        }
        first
    };
    assert!((8..40).contains(&share(&house).await), "a tenth");
    assert_eq!(state(&house, "gpt-5.5@openai"), "ramping");
    tokio::time::sleep(Duration::from_secs(20)).await;
    assert!((70..130).contains(&share(&house).await), "half");
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert_eq!(share(&house).await, 200);
    assert_eq!(state(&house, "gpt-5.5@openai"), "closed");
}

/// A refused credential is that of the account: its other models need not find out one by one.
#[tokio::test(start_paused = true)]
async fn a_refused_credential_rests_with_all_that_use_it() {
    let house = House::new(EVERYTHING).await;
    house.fault("bedrock", "status=401");
    for model in ["nova", "runtime"] {
        house.ask(Client::Chat, model, false, "hello").await;
    }
    for id in ["nova@bedrock", "runtime@bedrock", "gpt-5.5@bedrock", "claude@bedrock"] {
        assert_eq!(state(&house, id), "open", "{id}");
    }
    assert_eq!(state(&house, "claude@anthropic"), "closed");
}

/// Three calls of a tier are no limit to candidates that turn out to be shut meanwhile.
#[tokio::test(start_paused = true)]
async fn a_healthy_fourth_answers_where_three_share_a_dead_account() {
    let tiers = "[{ models: [nova, runtime, claude@bedrock, gpt-5.5@openai] }]";
    let house = House::new(&with_feature(&format!("{{ tiers: {tiers} }}"))).await;
    house.fault("bedrock", "status=401");
    let answer = house.ask(Client::Chat, "f", false, "hello").await;
    assert_eq!(answer.header("x-tieline-deployment"), "gpt-5.5@openai", "{}", answer.text());
    assert_eq!(answer.header("x-tieline-attempts"), "3");
}

/// A stream that breaks has not gone well, however it began.
#[tokio::test(start_paused = true)]
async fn streams_that_break_open_the_breaker() {
    let house = House::new(EVERYTHING).await;
    house.fault("openai", "cut-after=3");
    for _ in 0..5 {
        house.ask(Client::Chat, "gpt-5.5", true, "tell me a long story").await;
    }
    assert_eq!(state(&house, "gpt-5.5@openai"), "open");
}

#[tokio::test(start_paused = true)]
async fn a_callers_own_deadline_is_kept_and_held_against_nobody() {
    let house = House::new(EVERYTHING).await;
    house.fault("openai", "hang");
    house.fault("azure", "hang");
    house.fault("bedrock", "hang");
    let asked = |ms: &'static str| {
        let ask = Client::Chat.ask("gpt-5.5", true, "hello").to_string();
        let mut request = post(Client::Chat.path(), ask);
        request.headers_mut().insert("x-tieline-deadline-ms", HeaderValue::from_static(ms));
        request
    };
    for _ in 0..8 {
        let began = tokio::time::Instant::now();
        let answer = house.send(asked("3000")).await;
        assert_eq!(answer.status, 504, "{}", answer.text());
        assert!(began.elapsed() <= Duration::from_millis(3100), "{:?}", began.elapsed());
    }
    for id in ["gpt-5.5@openai", "gpt-5.5@azure", "gpt-5.5@bedrock"] {
        assert_eq!(state(&house, id), "closed", "{id}");
    }
    house.sim.script().set([Rule::new("openai", "stall-after=3".parse::<Fault>().unwrap())]);
    for _ in 0..8 {
        let answer = house.send(asked("3000")).await;
        assert!(Client::Chat.tells_break(&answer), "{}", answer.text());
    }
    assert_eq!(state(&house, "gpt-5.5@openai"), "closed", "cut by the caller's own deadline");
    let answer = house.send(asked("soon")).await;
    assert_eq!(answer.status, 400);
    assert!(answer.text().contains("x-tieline-deadline-ms"), "{}", answer.text());
}

#[tokio::test(start_paused = true)]
async fn the_only_deployment_is_asked_again_where_it_refused() {
    let house = House::new(EVERYTHING).await;
    for fault in ["status=529", "status=503", "status=429,retry-after=1s"] {
        house
            .sim
            .script()
            .set([Rule { first: Some(1), ..Rule::new("local", fault.parse::<Fault>().unwrap()) }]);
        let answer = house.ask(Client::Chat, "llama", false, "hello").await;
        assert_eq!(answer.status, 200, "{fault}: {}", answer.text());
        assert_eq!(answer.header("x-tieline-attempts"), "2", "{fault}");
    }
    house.sim.script().set([Rule::new("local", "status=500".parse::<Fault>().unwrap())]);
    let answer = house.ask(Client::Chat, "llama", false, "hello").await;
    assert_eq!(answer.header("x-tieline-attempts"), "1", "it may have done the work");
}

#[tokio::test(start_paused = true)]
async fn what_may_wait_gives_way_before_the_quota_is_used_up() {
    let text = EVERYTHING
        .replace("- openai\n", "- { provider: openai, limits: { requests_per_minute: 20 } }\n");
    let text = format!(
        "{text}features:\n  urgent: {{ tiers: [{{ models: [gpt-5.5] }}] }}\n  \
         batch: {{ criticality: sheddable, tiers: [{{ models: [gpt-5.5] }}] }}\n"
    );
    let house = House::new(&text).await;
    let by = async |house: &House, feature: &str| {
        let answer = house.ask(Client::Chat, feature, false, "hello").await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.header("x-tieline-deployment").to_owned()
    };
    for _ in 0..17 {
        assert_eq!(by(&house, "urgent").await, "gpt-5.5@openai");
    }
    assert_eq!(by(&house, "batch").await, "gpt-5.5@azure", "less than a fifth is left");
    for _ in 0..3 {
        assert_eq!(by(&house, "urgent").await, "gpt-5.5@openai");
    }
    assert_eq!(by(&house, "urgent").await, "gpt-5.5@azure", "before a refusal");
    assert_eq!(house.sim.count("openai"), 20);
}

/// The record says of each candidate why it was called, or why not.
#[tokio::test(start_paused = true)]
async fn the_record_tells_every_decision() {
    let house = House::new(EVERYTHING).await;
    house.fault("openai", "status=401");
    house.fault("azure", "status=429,retry-after=20s");
    house.ask(Client::Chat, "gpt-5.5", false, "hello").await;
    house.sim.script().clear();
    house.fault("bedrock", "status=500");
    house.ask(Client::Chat, "gpt-5.5", false, "hello").await;
    let mut again = post(Client::Chat.path(), Client::Chat.ask("gpt-5.5", false, "hi").to_string());
    again.headers_mut().insert("x-stainless-retry-count", HeaderValue::from_static("1"));
    house.sim.script().clear();
    house.send(again).await;
    let metrics = house.gateway.metrics_text();
    for (reason, count) in [("fallback", 2), ("last_resort", 1), ("client", 1)] {
        let line = format!("repeats_total{{feature=\"gpt-5.5\",reason=\"{reason}\"}} {count}");
        assert!(metrics.contains(&line), "{line}\n{metrics}");
    }
    let records = house.records().await;
    let told = |record: &CallRecord| {
        let called = record.attempts.iter().map(|one| {
            let fault = one.fault.map_or("served", |class| class.as_str());
            format!("{} {} {fault}", one.reason.as_str(), one.deployment)
        });
        let passed = record.passed_over.iter().map(|one| {
            let secs = one.opens_in_ms.map_or(0, |ms| ms.div_ceil(1_000));
            format!("not {} {} {secs}s", one.deployment, one.why)
        });
        called.chain(passed).collect::<Vec<_>>()
    };
    let first = records.iter().find(|one| one.passed_over.is_empty()).unwrap();
    let second = records.iter().find(|one| one.attempts.len() == 2).unwrap();
    assert_eq!(
        told(first),
        [
            "chosen gpt-5.5@openai auth",
            "fallback gpt-5.5@azure rate_limited",
            "fallback gpt-5.5@bedrock served",
        ]
    );
    assert_eq!(
        told(second),
        [
            "chosen gpt-5.5@bedrock server_error",
            "last_resort gpt-5.5@azure served",
            "not gpt-5.5@openai credential 30s",
            "not gpt-5.5@azure quota 20s",
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn the_fastest_gets_most_of_the_traffic() {
    let house =
        House::new(&with_feature("{ tiers: [{ models: [gpt-5.5], prefer: fastest }] }")).await;
    house.fault("openai", "slow-first-token=2s");
    let mut by_openai = 0;
    for _ in 0..20 {
        let answers = join_all((0..10).map(|_| house.ask(Client::Chat, "f", true, "hello"))).await;
        let slow = answers
            .iter()
            .filter(|answer| answer.header("x-tieline-deployment") == "gpt-5.5@openai");
        by_openai += slow.count();
    }
    assert!(by_openai < 40, "{by_openai} of 200 went to the slow one of three");
}

/// One provider is quick with short prompts, and another with long ones.
#[tokio::test(start_paused = true)]
async fn the_fastest_is_found_for_each_size_of_prompts() {
    let feature = "{ tiers: [{ models: [gpt-5.5@openai, gpt-5.5@azure], prefer: fastest }] }";
    let house = House::new(&with_feature(feature)).await;
    let long = "long ".repeat(40_000);
    let sizes =
        [("hello", "gpt-5.5@openai", ["200ms", "2s"]), (&long, "gpt-5.5@azure", ["4s", "1s"])];
    let mut by_quickest = [0, 0];
    for _ in 0..60 {
        for (count, (text, quickest, waits)) in by_quickest.iter_mut().zip(sizes) {
            house.sim.script().clear();
            for (provider, wait) in ["openai", "azure"].into_iter().zip(waits) {
                house.fault(provider, &format!("slow-first-token={wait}"));
            }
            let answer = house.ask(Client::Chat, "f", true, text).await;
            *count += u32::from(answer.header("x-tieline-deployment") == quickest);
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    }
    let [short, long] = by_quickest;
    assert!(short > 50 && long > 50, "{short} short and {long} long ones of 60");
}
