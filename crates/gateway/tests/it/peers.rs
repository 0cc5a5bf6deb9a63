//! What other gateways got wrong, one test each, and what their users complained of.

use std::time::Duration;

use futures_util::future::join_all;
use http::HeaderValue;
use tieline_sim::{Fault, Rule};
use tieline_types::{CallRecord, Class, Outcome};
use tokio::{
    io::AsyncReadExt as _,
    time::{Instant, sleep, timeout},
};

use crate::house::{Answer, Client, EVERYTHING, House, post};

/// A house in which nothing but [`EVERYTHING`] is configured: what holds here holds untuned.
async fn untuned() -> House {
    House::new(EVERYTHING).await
}

/// A house with the feature `f` on the models of [`EVERYTHING`].
async fn with_feature(feature: &str) -> House {
    House::new(&format!("{EVERYTHING}features:\n  f: {feature}\n")).await
}

fn state(house: &House, id: &str) -> &'static str {
    let status = house.gateway.status();
    status.deployments.into_iter().find(|one| one.id == id).unwrap().state
}

async fn ask(house: &House, model: &str) -> Answer {
    house.ask(Client::Chat, model, false, "hello").await
}

fn by(answer: &Answer) -> &str {
    answer.header("x-tieline-deployment")
}

/// Opens the breaker of `gpt-5.5@openai`, and waits until it is to be probed.
async fn half_open(house: &House) {
    house.fault("openai", "status=500");
    for _ in 0..5 {
        ask(house, "gpt-5.5").await;
    }
    assert_eq!(state(house, "gpt-5.5@openai"), "open");
    house.sim.script().clear();
    // Later than the time in which only some may be the probe.
    sleep(Duration::from_secs(16)).await;
    assert_eq!(state(house, "gpt-5.5@openai"), "half-open");
}

/// Scripts a fault for every provider.
fn everywhere(house: &House, fault: &str) {
    for provider in ["openai", "azure", "anthropic", "bedrock", "local"] {
        house.fault(provider, fault);
    }
}

fn called(record: &CallRecord) -> Vec<&str> {
    record.attempts.iter().map(|one| &*one.deployment).collect()
}

#[tokio::test(start_paused = true)]
async fn an_exhausted_chain_ends_and_does_not_begin_anew() {
    let house =
        with_feature("{ tiers: [{ models: [gpt-5.5] }, { models: [claude, nova, llama] }] }").await;
    everywhere(&house, "status=500");
    let answer = ask(&house, "f").await;
    assert_eq!(answer.status, 502, "{}", answer.text());
    assert_eq!(answer.header("x-should-retry"), "false");
    let record = house.record(&answer).await;
    let mut called = called(&record);
    assert_eq!(called.len(), 5, "a request makes five attempts, though six are there: {called:?}");
    called.dedup();
    called.sort_unstable();
    called.dedup();
    assert_eq!(called.len(), 5, "nobody is asked twice: {called:?}");
}

#[tokio::test(start_paused = true)]
async fn a_probe_that_says_nothing_gives_its_permit_back() {
    let house = untuned().await;
    half_open(&house).await;
    house.fault("openai", "status=413");
    for _ in 0..3 {
        let answer = ask(&house, "gpt-5.5").await;
        assert_eq!(answer.status, 413, "the size is the caller's: {}", answer.text());
        assert_eq!(state(&house, "gpt-5.5@openai"), "half-open");
        assert_eq!(by(&ask(&house, "gpt-5.5").await), "gpt-5.5@azure", "not the next at once");
        sleep(Duration::from_secs(11)).await;
    }
    house.sim.script().clear();
    house.fault("openai", "hang");
    let body = Client::Chat.ask("gpt-5.5", false, "hello").to_string();
    let left = house.open(post(Client::Chat.path(), body));
    assert!(timeout(Duration::from_secs(1), left).await.is_err(), "the client leaves");
    sleep(Duration::from_secs(11)).await;
    house.sim.script().clear();
    assert_eq!(by(&ask(&house, "gpt-5.5").await), "gpt-5.5@openai", "the permit is back");
    assert_eq!(state(&house, "gpt-5.5@openai"), "ramping");
}

#[tokio::test(start_paused = true)]
async fn success_really_closes_the_breaker() {
    let house = untuned().await;
    half_open(&house).await;
    assert_eq!(by(&ask(&house, "gpt-5.5").await), "gpt-5.5@openai");
    sleep(Duration::from_secs(31)).await;
    assert_eq!(state(&house, "gpt-5.5@openai"), "closed");
    for n in 0..4 {
        assert_eq!(by(&ask(&house, "gpt-5.5").await), "gpt-5.5@openai");
        house.fault("openai", "status=500");
        ask(&house, "gpt-5.5").await;
        house.sim.script().clear();
        assert_eq!(state(&house, "gpt-5.5@openai"), "closed", "#{n}: old failures are forgotten");
    }
}

#[tokio::test(start_paused = true)]
async fn of_many_requests_one_is_the_probe() {
    let house = untuned().await;
    half_open(&house).await;
    let before = house.sim.count("openai");
    house.fault("openai", "slow-first-token=20s");
    let answers =
        join_all((0..40).map(|_| house.ask(Client::Chat, "gpt-5.5", true, "hello"))).await;
    assert!(answers.iter().all(|answer| Client::Chat.is_whole(answer, true)));
    assert_eq!(house.sim.count("openai") - before, 1);
}

#[tokio::test(start_paused = true)]
async fn failures_at_the_second_hop_count_like_those_at_the_first() {
    let house = untuned().await;
    house.fault("openai", "status=500");
    house.fault("azure", "status=529");
    for _ in 0..5 {
        assert_eq!(by(&ask(&house, "gpt-5.5").await), "gpt-5.5@bedrock");
    }
    for id in ["gpt-5.5@openai", "gpt-5.5@azure"] {
        assert_eq!(state(&house, id), "open", "{id}");
    }
    assert_eq!(ask(&house, "gpt-5.5").await.header("x-tieline-attempts"), "1");
}

#[tokio::test(start_paused = true)]
async fn a_cooldown_holds_at_once_and_no_longer_than_asked() {
    // A probe is left to some for ten seconds.
    for (fault, rests_s) in [("status=429,retry-after=20s", 20), ("status=401", 30 + 10)] {
        let house = untuned().await;
        house
            .sim
            .script()
            .add(Rule { first: Some(1), ..Rule::new("openai", fault.parse::<Fault>().unwrap()) });
        ask(&house, "gpt-5.5").await;
        let asks = join_all((0..40).map(|_| ask(&house, "gpt-5.5"))).await;
        assert!(asks.iter().all(|answer| by(answer) == "gpt-5.5@azure"), "{fault}");
        assert_eq!(house.sim.count("openai"), 1, "{fault}: the very next one knows");
        sleep(Duration::from_secs(rests_s + 1)).await;
        assert_eq!(by(&ask(&house, "gpt-5.5").await), "gpt-5.5@openai", "{fault}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_callers_short_timeout_trips_nothing() {
    let house = untuned().await;
    everywhere(&house, "hang");
    for stream in [false, true] {
        for _ in 0..6 {
            let body = Client::Chat.ask("gpt-5.5", stream, "hello").to_string();
            let mut request = post(Client::Chat.path(), body);
            request.headers_mut().insert("x-tieline-deadline-ms", HeaderValue::from_static("1500"));
            let began = Instant::now();
            assert_eq!(house.send(request).await.status, 504);
            assert!(began.elapsed() <= Duration::from_millis(1600), "{:?}", began.elapsed());
        }
    }
    for id in ["gpt-5.5@openai", "gpt-5.5@azure", "gpt-5.5@bedrock"] {
        assert_eq!(state(&house, id), "closed", "{id}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_resource_that_is_not_there_cools_nothing() {
    let house = untuned().await;
    for _ in 0..12 {
        assert_eq!(by(&ask(&house, "gpt-5.5").await), "gpt-5.5@openai");
        everywhere(&house, "status=404");
        let answer = ask(&house, "gpt-5.5").await;
        assert_eq!((answer.status.as_u16(), answer.header("x-tieline-attempts")), (400, "3"));
        house.sim.script().clear();
    }
    for id in ["gpt-5.5@openai", "gpt-5.5@azure", "gpt-5.5@bedrock"] {
        assert_eq!(state(&house, id), "closed", "{id}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_handed_back_as_a_stream_has_been_called() {
    let house = untuned().await;
    house.fault("openai", "in-band=server_is_overloaded");
    let body = Client::Chat.ask("gpt-5.5", true, "hello").to_string();
    let response = house.open(post(Client::Chat.path(), body)).await;
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["x-tieline-deployment"], "gpt-5.5@azure");
    assert_eq!((house.sim.count("openai"), house.sim.count("azure")), (1, 1));
}

/// Two failures leave an error with a status, whatever was to be streamed.
#[tokio::test(start_paused = true)]
async fn a_stream_that_nobody_began_has_a_status_of_its_own() {
    for (first, second, status) in [
        ("in-band=server_is_overloaded", "cut-after=0", 503),
        ("hang", "hang-after-headers", 504),
        ("garbage", "empty", 503),
        ("refuse", "refuse", 502),
    ] {
        for client in Client::ALL {
            let house =
                with_feature("{ tiers: [{ models: [gpt-5.5@openai, claude@anthropic] }] }").await;
            house.fault("openai", first);
            house.fault("anthropic", second);
            let answer = house.ask(client, "f", true, "hello").await;
            assert_eq!(answer.status, status, "{first}, {second}: {}", answer.text());
            assert!(answer.json()["error"]["message"].is_string(), "{}", answer.text());
            assert_eq!(answer.header("content-type"), "application/json");
        }
    }
}

/// Whole answers are cut, too; nothing of them has gone out, so another takes over.
#[tokio::test(start_paused = true)]
async fn a_whole_answer_that_is_cut_short_is_replaced() {
    for first in ["gpt-5.5@openai", "responses@openai", "claude@anthropic", "nova@bedrock"] {
        let provider = first.split_once('@').unwrap().1;
        for fault in ["cut-after=3", "cut-clean-after=3", "stall-after=3"] {
            let house =
                with_feature(&format!("{{ tiers: [{{ models: [{first}, gpt-5.5@azure] }}] }}"))
                    .await;
            house.fault(provider, fault);
            for client in Client::ALL {
                let answer = house.ask(client, "f", false, "tell me a long story").await;
                assert!(client.is_whole(&answer, false), "{first} {fault}: {}", answer.text());
                assert_eq!(by(&answer), "gpt-5.5@azure", "{first} {fault}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_silent_route_is_asked_once_and_the_deadline_holds() {
    for (models, calls) in [("llama", 1), ("gpt-5.5", 3)] {
        for stream in [false, true] {
            let house =
                with_feature(&format!("{{ deadline: 20s, tiers: [{{ models: [{models}] }}] }}"))
                    .await;
            everywhere(&house, "hang");
            let began = Instant::now();
            let answer = house.ask(Client::Chat, "f", stream, "hello").await;
            assert_eq!(answer.status, 504, "{}", answer.text());
            assert!(began.elapsed() <= Duration::from_secs(20), "{:?}", began.elapsed());
            let record = house.record(&answer).await;
            let mut called = called(&record);
            called.sort_unstable();
            called.dedup();
            assert_eq!((called.len(), record.attempts.len()), (calls, calls), "{models}");
        }
    }
}

/// A host that has no address is as ill as one that answers with 500, and needs no tuning.
#[tokio::test(start_paused = true)]
async fn a_name_that_leads_nowhere_counts_as_a_failure() {
    let house = House::new(&EVERYTHING.replace("openai.sim", "nowhere.sim")).await;
    for n in 0..9 {
        let answer = ask(&house, "gpt-5.5").await;
        assert_eq!(by(&answer), "gpt-5.5@azure", "#{n}");
        let attempts = if n < 5 { "2" } else { "1" };
        assert_eq!(answer.header("x-tieline-attempts"), attempts, "#{n}");
    }
    assert_eq!(state(&house, "gpt-5.5@openai"), "open");
}

/// Whether before the first content or in the middle of a stream.
#[tokio::test(start_paused = true)]
async fn a_client_that_leaves_frees_the_provider_at_once_and_blames_nobody() {
    for stream in [false, true] {
        let house = untuned().await;
        let mut arrivals = house.network.listen("local.sim:80");
        let (told, hung_up) = tokio::sync::oneshot::channel();
        tokio::spawn(async move {
            let mut io = arrivals.recv().await.unwrap();
            while io.read(&mut [0; 64 * 1024]).await.is_ok_and(|count| count > 0) {}
            told.send(Instant::now()).unwrap();
        });
        let body = Client::Chat.ask("llama", stream, "hello").to_string();
        let answer = house.open(post(Client::Chat.path(), body));
        assert!(timeout(Duration::from_secs(5), answer).await.is_err());
        let left = Instant::now();
        let took = timeout(Duration::from_secs(60), hung_up).await.unwrap().unwrap() - left;
        assert!(took <= Duration::from_millis(100), "{took:?}");
        let record = house.records().await.remove(0);
        assert_eq!((record.outcome, record.fault), (Outcome::Cancelled, Some(Class::ClientGone)));
        assert_eq!(record.attempts.len(), 1, "nobody else is called for a client that left");
        let status = house.gateway.status();
        let llama = status.deployments.iter().find(|one| one.id == "llama@local").unwrap();
        assert_eq!((llama.state, llama.failed), ("closed", 0));
    }
}

#[tokio::test(start_paused = true)]
async fn the_error_names_every_attempt_and_the_answer_who_gave_it() {
    let house = with_feature("{ tiers: [{ name: best, models: [gpt-5.5] }] }").await;
    house.fault("openai", "status=529");
    house.fault("azure", "garbage");
    for stream in [false, true] {
        let answer = house.ask(Client::Messages, "f", stream, "hello").await;
        let told = ["feature", "tier", "deployment", "attempts"]
            .map(|name| answer.header(&format!("x-tieline-{name}")).to_owned());
        assert_eq!(told, ["f", "best", "gpt-5.5@bedrock", "3"], "stream={stream}");
    }
    house.fault("bedrock", "hang");
    let answer = house.ask(Client::Messages, "f", true, "hello").await;
    let message = answer.json()["error"]["message"].as_str().unwrap().to_owned();
    for id in ["gpt-5.5@openai", "gpt-5.5@azure", "gpt-5.5@bedrock"] {
        assert!(message.contains(&format!("{id}: ")), "{message}");
    }
    let record = house.record(&answer).await;
    let classes: Vec<_> = record.attempts.iter().map(|one| one.fault.unwrap()).collect();
    assert_eq!(classes, [Class::Overloaded, Class::BadPayload, Class::Timeout]);
}

/// What a request may cost: the first move is free, further ones are paid until nothing is left.
#[tokio::test(start_paused = true)]
async fn further_attempts_are_paid_from_a_budget_that_ends() {
    let house = with_feature("{ criticality: sheddable, tiers: [{ models: [gpt-5.5] }] }").await;
    let left = |house: &House| {
        let status = house.gateway.status();
        status.features.iter().find(|one| one.name == "f").unwrap().retries_left
    };
    house.fault("openai", "status=500");
    house.fault("azure", "status=500");
    let mut seen = Vec::new();
    for _ in 0..4 {
        let answer = ask(&house, "f").await;
        seen.push((answer.status.as_u16(), answer.header("x-tieline-attempts").to_owned()));
    }
    let paid = (200, "3".to_owned());
    assert_eq!(seen, [paid.clone(), paid.clone(), paid, (502, "2".to_owned())]);
    assert_eq!(left(&house), 0);
    assert_eq!(house.sim.count("bedrock"), 3);
}

/// What the headers of its answers say is believed before it refuses.
#[tokio::test(start_paused = true)]
async fn what_a_provider_tells_of_its_quota_is_kept() {
    let house = untuned().await;
    let refusal = "status=429,retry-after=1s";
    house
        .sim
        .script()
        .add(Rule { first: Some(1), ..Rule::new("openai", refusal.parse::<Fault>().unwrap()) });
    ask(&house, "gpt-5.5").await;
    let status = house.gateway.status();
    let told = status.deployments.iter().find(|one| one.id == "gpt-5.5@openai").unwrap();
    assert!(told.quota_opens_in_s.is_some());
    sleep(Duration::from_secs(2)).await;
    assert_eq!(by(&ask(&house, "gpt-5.5").await), "gpt-5.5@openai");
    let status = house.gateway.status();
    let told = status.deployments.iter().find(|one| one.id == "gpt-5.5@openai").unwrap();
    assert!(told.utilisation > 0.0, "its headers say that something is used");
}

/// Shedding stops before the limit is reached; for what is never shed, the limit itself does.
#[tokio::test(start_paused = true)]
async fn a_configured_limit_holds_for_those_that_never_give_way() {
    let limits = "- { provider: openai, limits: { requests_per_minute: 20 } }\n";
    let text = EVERYTHING.replace("- openai\n", limits);
    let feature = "{ criticality: critical-plus, tiers: [{ models: [gpt-5.5] }] }";
    let house = House::new(&format!("{text}features:\n  f: {feature}\n")).await;
    for _ in 0..20 {
        assert_eq!(by(&ask(&house, "f").await), "gpt-5.5@openai");
    }
    assert_eq!(by(&ask(&house, "f").await), "gpt-5.5@azure");
    sleep(Duration::from_secs(4)).await;
    assert_eq!(by(&ask(&house, "f").await), "gpt-5.5@openai", "one more in three seconds");
}

/// Where half of what shares an account is out, the rest opens at its first failure.
#[tokio::test(start_paused = true)]
async fn where_half_of_an_account_is_out_the_rest_is_suspected() {
    let house = untuned().await;
    house.fault("bedrock", "status=500");
    house.fault("anthropic", "status=529");
    ask(&house, "claude").await;
    assert_eq!(state(&house, "claude@bedrock"), "closed", "one failure alone proves nothing");
    for model in ["nova", "runtime"] {
        for _ in 0..5 {
            ask(&house, model).await;
        }
        assert_eq!(state(&house, &format!("{model}@bedrock")), "open");
    }
    ask(&house, "claude").await;
    assert_eq!(state(&house, "claude@bedrock"), "open");
}

#[tokio::test(start_paused = true)]
async fn when_all_rest_the_most_promising_is_asked_all_the_same() {
    let house = untuned().await;
    everywhere(&house, "status=500");
    for _ in 0..5 {
        ask(&house, "gpt-5.5").await;
    }
    for id in ["gpt-5.5@openai", "gpt-5.5@azure", "gpt-5.5@bedrock"] {
        assert_eq!(state(&house, id), "open", "{id}");
    }
    house.sim.script().clear();
    let answer = ask(&house, "gpt-5.5").await;
    assert!(Client::Chat.is_whole(&answer, false), "{}", answer.text());
    assert_eq!(answer.header("x-tieline-attempts"), "1");
}

/// An account rests for minutes, also where its fault lasted seconds.
#[tokio::test(start_paused = true)]
async fn when_all_rest_the_one_that_is_well_is_found() {
    let house = untuned().await;
    house.fault("openai", "status=402");
    house.fault("azure", "status=500");
    house.fault("bedrock", "status=500");
    for _ in 0..5 {
        ask(&house, "gpt-5.5").await;
    }
    for id in ["gpt-5.5@openai", "gpt-5.5@azure", "gpt-5.5@bedrock"] {
        assert_eq!(state(&house, id), "open", "{id}");
    }
    house.sim.script().clear();
    house.fault("azure", "status=500");
    house.fault("bedrock", "status=500");
    let answer = ask(&house, "gpt-5.5").await;
    assert_eq!(by(&answer), "gpt-5.5@openai", "{}", answer.text());
    assert_eq!(answer.header("x-tieline-attempts"), "3");
    let answer = ask(&house, "gpt-5.5").await;
    assert_eq!(by(&answer), "gpt-5.5@openai", "its rest is over");
    assert_eq!(answer.header("x-tieline-attempts"), "1");
    assert_eq!(state(&house, "gpt-5.5@openai"), "ramping");
}

#[tokio::test(start_paused = true)]
async fn a_stream_waits_for_content_no_longer_than_its_tier_says() {
    let house = with_feature("{ tiers: [{ models: [gpt-5.5], ttft: 3s }] }").await;
    house.fault("openai", "hang-after-headers");
    let began = Instant::now();
    let answer = house.ask(Client::Chat, "f", true, "hello").await;
    assert_eq!(by(&answer), "gpt-5.5@azure");
    assert!(began.elapsed() < Duration::from_secs(4), "{:?}", began.elapsed());
}

/// A brownout: everything is answered, only late.
#[tokio::test(start_paused = true)]
async fn what_turns_slow_is_left_alone() {
    let house = untuned().await;
    let stream = async |house: &House| {
        let answer = house.ask(Client::Chat, "gpt-5.5", true, "hello").await;
        assert!(Client::Chat.is_whole(&answer, true));
        by(&answer).to_owned()
    };
    for _ in 0..40 {
        assert_eq!(stream(&house).await, "gpt-5.5@openai");
    }
    house.fault("openai", "slow-first-token=4s");
    let answers = join_all((0..60).map(|_| stream(&house))).await;
    assert!(answers.iter().all(|id| id == "gpt-5.5@openai"), "they were under way");
    assert_eq!(stream(&house).await, "gpt-5.5@azure");
    let status = house.gateway.status();
    let slow = status.deployments.iter().find(|one| one.id == "gpt-5.5@openai").unwrap();
    assert_eq!((slow.state, slow.cause), ("open", Some("slowness")));
}
