//! Requests that nobody could answer in time are answered later.

use std::{
    convert::Infallible,
    sync::{Arc, Mutex},
    time::Duration,
};

use aws_lc_rs::hmac;
use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tieline_ledger::{Keys, NewKey};
use tieline_sim::Pace;
use tieline_types::{Class, Outcome};

use crate::house::{Answer, Client, EVERYTHING, House, config, post};

/// A feature with a queue, which has these keys, and an apology behind it.
fn queueing(queue: &str) -> String {
    format!(
        "{EVERYTHING}
features:
  support:
    tiers:
      - {{ name: frontier, models: [claude] }}
      - {{ name: later, queue: {{ {queue} }} }}
      - {{ name: apology, reply: \"We cannot answer right now.\", acceptable: false }}"
    )
}

fn outage(house: &House) {
    house.fault("anthropic", "status=529");
    house.fault("bedrock", "status=503");
}

async fn job(house: &House, method: Method, path: &str, key: Option<&str>) -> Answer {
    let mut request = Request::builder().method(method).uri(path).header("host", "tieline.test");
    if let Some(key) = key {
        request = request.header("x-api-key", key);
    }
    house.send(request.body(Full::default()).unwrap()).await
}

async fn look(house: &House, path: &str) -> Value {
    let answer = job(house, Method::GET, path, None).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    answer.json()
}

/// Waits, for so many seconds at most, until a job is in the state.
async fn until(house: &House, path: &str, status: &str, seconds: u64) -> Value {
    for _ in 0..seconds {
        let job = look(house, path).await;
        if job["status"] == status {
            return job;
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    panic!("not {status} in {seconds} s: {}", look(house, path).await);
}

#[tokio::test(start_paused = true)]
async fn what_nobody_can_answer_is_answered_when_somebody_can() {
    for client in Client::ALL {
        for stream in [false, true] {
            let house = House::new(&queueing("")).await;
            let running = house.run_jobs();
            outage(&house);
            let told = house.ask(client, "support", stream, "what is a tie line?").await;
            assert_eq!(told.status, StatusCode::ACCEPTED, "{}", told.text());
            assert_eq!(told.header("x-tieline-tier"), "later");
            assert_eq!(told.header("retry-after"), "5");
            assert_eq!(told.header("content-type"), "application/json");
            let (path, body) = (told.header("location"), told.json());
            let id = body["id"].as_str().unwrap();
            assert!(id.len() == 36 && id.starts_with("job_"), "{id}");
            assert_eq!(path, format!("/v1/tieline/jobs/{id}"));
            assert_eq!(body["url"], path);
            assert_eq!(body["status"], "queued");
            let created = body["created_at"].as_u64().unwrap();
            assert_eq!(body["expires_at"], created + 24 * 3600);
            let accepted = house.record(&told).await;
            assert_eq!((accepted.outcome, accepted.status), (Outcome::Degraded, 202));

            tokio::time::sleep(Duration::from_secs(60)).await;
            let waiting = look(&house, path).await;
            // It may just be on another try.
            let status = waiting["status"].as_str();
            assert!(matches!(status, Some("queued" | "running")), "{waiting}");
            assert_eq!(waiting["response"], Value::Null);

            house.sim.script().clear();
            let done = until(&house, path, "done", 180).await;
            assert_eq!(done["response_status"], 200);
            let whole = match client {
                Client::Chat => &done["response"]["choices"][0]["finish_reason"],
                Client::Messages => &done["response"]["stop_reason"],
            };
            assert!(whole.is_string(), "the client's own dialect: {done}");

            let records = house.records().await;
            let runs: Vec<_> = records.iter().filter(|one| one.id == id).collect();
            let [run] = runs.as_slice() else { panic!("{runs:?}") };
            assert_eq!((run.outcome, run.stream), (Outcome::Served, false));
            assert_eq!(run.tier.as_deref(), Some("frontier"));
            assert!(run.usage.is_some());
            assert_eq!(records.len(), 2, "one for each: the request and its run");
            running.abort();
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_is_answered_whole_is_asked_for_whole() {
    let house = House::new(&queueing("")).await;
    outage(&house);
    let mut ask = Client::Messages.ask("support", true, "hello");
    ask["metadata"] = json!({ "user_id": "u" });
    let mut request = post(Client::Messages.path(), ask.to_string());
    let version = "2023-06-01".parse().unwrap();
    request.headers_mut().insert("anthropic-version", version);
    request.headers_mut().insert("anthropic-beta", "beta-1".parse().unwrap());
    let told = house.send(request).await;
    house.sim.script().clear();
    house.run_jobs();
    until(&house, told.header("location"), "done", 180).await;
    let seen = house.sim.seen("anthropic");
    let last = seen.last().unwrap();
    let body: Value = serde_json::from_slice(&last.body).unwrap();
    assert_eq!(body.get("stream"), None, "{body}");
    assert_eq!(body["metadata"]["user_id"], "u");
    assert_eq!(last.header("anthropic-beta"), Some("beta-1"));
}

#[tokio::test(start_paused = true)]
async fn a_job_is_only_its_callers() {
    let mut made = Vec::new();
    let house = House::with(&queueing(""), Pace::default(), |path| {
        let keys = Keys::open(path).unwrap();
        made = ["one", "other"]
            .map(|name| keys.create(NewKey { name: name.into(), ..NewKey::default() }, 1).unwrap())
            .to_vec();
        keys.snapshot().unwrap()
    })
    .await;
    outage(&house);
    let (mine, other) = (Some(made[0].1.as_str()), Some(made[1].1.as_str()));
    let body = Client::Chat.ask("support", false, "hello").to_string();
    let mut request = post(Client::Chat.path(), body);
    request.headers_mut().insert("x-api-key", mine.unwrap().parse().unwrap());
    let told = house.send(request).await;
    let path = told.header("location");
    for method in [Method::GET, Method::DELETE] {
        assert_eq!(job(&house, method.clone(), path, None).await.status, 401);
        let refused = job(&house, method, path, other).await;
        assert_eq!(refused.status, 404);
        let message = refused.json()["error"]["message"].to_string();
        assert!(message.contains("no job"), "{message}");
    }
    let seen = job(&house, Method::GET, path, mine).await;
    assert_eq!(seen.json()["status"], "queued");
    let unknown = job(&house, Method::GET, "/v1/tieline/jobs/job_0", mine).await;
    assert_eq!(unknown.status, 404);
    let gone = job(&house, Method::DELETE, path, mine).await;
    assert_eq!((gone.status.as_u16(), &gone.json()["deleted"]), (200, &json!(true)));
    assert_eq!(job(&house, Method::GET, path, mine).await.status, 404);
}

#[tokio::test(start_paused = true)]
async fn a_revoked_callers_job_is_not_run() {
    let mut made = Vec::new();
    let house = House::with(&queueing(""), Pace::default(), |path| {
        let keys = Keys::open(path).unwrap();
        let new = |name: &str| NewKey { name: name.into(), ..NewKey::default() };
        made.push(keys.create(new("app"), 1).unwrap());
        keys.snapshot().unwrap()
    })
    .await;
    outage(&house);
    let mut request =
        post(Client::Chat.path(), Client::Chat.ask("support", false, "hello").to_string());
    request.headers_mut().insert("x-api-key", made[0].1.parse().unwrap());
    let told = house.send(request).await;
    let path = told.header("location");
    let before = house.sim.count("anthropic");
    house.sim.script().clear();
    let keys = Keys::open(&house.database()).unwrap();
    keys.revoke(&made[0].0.id, 2).unwrap();
    house.gateway.set_keys(keys.snapshot().unwrap());
    house.run_jobs();
    tokio::time::sleep(Duration::from_secs(180)).await;
    assert_eq!(house.sim.count("anthropic"), before, "nothing was sent");
    assert_eq!(job(&house, Method::GET, path, Some(&made[0].1)).await.status, 401);
    let id = told.json()["id"].as_str().unwrap().to_owned();
    let records = house.records().await;
    let run = records.iter().find(|one| one.id == id).unwrap();
    assert_eq!(run.fault, Some(Class::CallerDenied));
}

#[tokio::test(start_paused = true)]
async fn what_nobody_answers_in_its_time_expires_and_is_forgotten() {
    let house = House::new(&queueing("ttl: 2m")).await;
    house.run_jobs();
    outage(&house);
    let told = house.ask(Client::Chat, "support", false, "hello").await;
    let path = told.header("location");
    let expired = until(&house, path, "expired", 125).await;
    let (ended, expires) = (expired["finished_at"].as_u64(), expired["expires_at"].as_u64());
    assert!(ended.unwrap() - expires.unwrap() < 5, "{expired}");
    house.sim.script().clear();
    tokio::time::sleep(Duration::from_secs(110)).await;
    assert_eq!(look(&house, path).await["status"], "expired");
    tokio::time::sleep(Duration::from_secs(20)).await;
    assert_eq!(job(&house, Method::GET, path, None).await.status, 404);
}

#[tokio::test(start_paused = true)]
async fn a_full_queue_leads_to_the_next_tier_and_is_shown() {
    let house = House::new(&queueing("max_jobs: 2")).await;
    house.run_jobs();
    outage(&house);
    let mut tiers = Vec::new();
    for _ in 0..3 {
        let told = house.ask(Client::Chat, "support", false, "hello").await;
        tiers.push(told.header("x-tieline-tier").to_owned());
    }
    assert_eq!(tiers, ["later", "later", "apology"]);
    tokio::time::sleep(Duration::from_secs(5)).await;
    let status = house.gateway.status();
    let support = status.features.iter().find(|one| one.name == "support").unwrap();
    assert_eq!((support.jobs_queued, support.tiers[1].mode), (2, "queue"));
}

#[tokio::test(start_paused = true)]
async fn what_is_wrong_with_the_request_is_not_put_off() {
    let house = House::new(&queueing("")).await;
    house.fault("anthropic", "status=400");
    let refused = house.ask(Client::Messages, "support", false, "hello").await;
    assert_eq!(refused.status, 400, "{}", refused.text());

    house.sim.script().clear();
    outage(&house);
    let told = house.ask(Client::Messages, "support", false, "hello").await;
    assert_eq!(told.status, StatusCode::ACCEPTED);
    house.sim.script().clear();
    house.fault("anthropic", "status=400");
    house.run_jobs();
    let failed = until(&house, told.header("location"), "failed", 180).await;
    assert_eq!(failed["response_status"], 400);
    assert_eq!(failed["response"]["error"]["type"], "invalid_request_error", "{failed}");
}

#[tokio::test(start_paused = true)]
async fn a_run_that_fails_is_tried_again() {
    let house = House::new(&queueing("")).await;
    outage(&house);
    let told = house.ask(Client::Chat, "support", false, "hello").await;
    house.run_jobs();
    let tried = house.sim.count("anthropic") + house.sim.count("bedrock");
    tokio::time::sleep(Duration::from_secs(900)).await;
    let calls = house.sim.count("anthropic") + house.sim.count("bedrock") - tried;
    // Ten and more at once before the breakers open, then a probe each when they may be asked.
    assert!((5..100).contains(&calls), "{calls}");
    house.sim.script().clear();
    until(&house, told.header("location"), "done", 180).await;
}

#[tokio::test(start_paused = true)]
async fn a_job_is_not_cancelled_while_it_runs() {
    let house = House::new(&queueing("")).await;
    outage(&house);
    let told = house.ask(Client::Chat, "support", false, "hello").await;
    let path = told.header("location");
    house.sim.script().clear();
    house.fault("anthropic", "hang");
    house.fault("bedrock", "hang");
    house.run_jobs();
    until(&house, path, "running", 180).await;
    let refused = job(&house, Method::DELETE, path, None).await;
    assert_eq!(refused.status, StatusCode::CONFLICT, "{}", refused.text());
}

/// What a webhook got.
type Got = Arc<Mutex<Vec<(HeaderMap, Bytes)>>>;

/// A webhook that refuses the first message.
fn webhook(house: &House) -> Got {
    let got = Got::default();
    let kept = Arc::clone(&got);
    let mut arrivals = house.network.listen("hooks.sim:80");
    tokio::spawn(async move {
        while let Some(io) = arrivals.recv().await {
            let kept = Arc::clone(&kept);
            let service = service_fn(move |request: Request<Incoming>| {
                let kept = Arc::clone(&kept);
                async move {
                    let (head, body) = request.into_parts();
                    assert_eq!((&head.method, head.uri.path()), (&Method::POST, "/tieline"));
                    let body = body.collect().await.unwrap().to_bytes();
                    let mut kept = kept.lock().unwrap();
                    kept.push((head.headers, body));
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

#[tokio::test(start_paused = true)]
async fn a_webhook_is_told_signed_until_it_answers() {
    let queue = "webhook: \"http://hooks.sim/tieline\", secret: { env: KEY }";
    let house = House::new(&queueing(queue)).await;
    let got = webhook(&house);
    outage(&house);
    let told = house.ask(Client::Chat, "support", false, "hello").await;
    house.sim.script().clear();
    house.run_jobs();
    let done = until(&house, told.header("location"), "done", 180).await;
    tokio::time::sleep(Duration::from_secs(200)).await;
    let got = got.lock().unwrap();
    assert_eq!(got.len(), 2, "refused once, then taken");
    for (headers, body) in got.iter() {
        let message: Value = serde_json::from_slice(body).unwrap();
        assert_eq!(message, done);
        let header = |name: &str| headers.get(name).unwrap().to_str().unwrap();
        let signed = [header("x-tieline-timestamp").as_bytes(), b".", body].concat();
        let hex = header("x-tieline-signature").strip_prefix("sha256=").unwrap();
        let signature: Vec<u8> = (0..hex.len() / 2)
            .map(|at| u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).unwrap())
            .collect();
        let key = hmac::Key::new(hmac::HMAC_SHA256, b"sk-simulated-key-0123456789");
        assert!(hmac::verify(&key, &signed, &signature).is_ok());
        assert_eq!(headers.get("authorization"), None);
    }
    drop(got);
}

#[tokio::test(start_paused = true)]
async fn a_feature_that_is_gone_may_come_back() {
    let house = House::new(&queueing("")).await;
    house.run_jobs();
    outage(&house);
    let told = house.ask(Client::Chat, "support", false, "hello").await;
    house.gateway.apply(&config(EVERYTHING)).unwrap();
    house.sim.script().clear();
    tokio::time::sleep(Duration::from_secs(150)).await;
    assert_eq!(look(&house, told.header("location")).await["status"], "queued");
    house.gateway.apply(&config(&queueing(""))).unwrap();
    until(&house, told.header("location"), "done", 180).await;
}
