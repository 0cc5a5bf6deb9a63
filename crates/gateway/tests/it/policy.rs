//! Nothing of a feature goes where its rules do not let it, at no attempt of any kind.

use std::time::Duration;

use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::Full;
use serde_json::{Value, json};
use tieline_ledger::{KeyRing, Keys, NewKey};
use tieline_sim::Pace;
use tieline_types::{CallRecord, Change, Class, Modalities, Modality, Outcome, Reason};

use crate::house::{Answer, Client, House, config, post};

/// One model in Sweden, in Frankfurt, in Ohio and who knows where, and rules for each feature.
const WORLD: &str = r#"
version: 1
providers:
  azure:
    kind: azure-openai
    endpoint: "http://azure.sim"
    api_key: { env: KEY }
    facts: { regions: [swedencentral], training: false, retention_days: 30 }
  bedrock:
    kind: bedrock
    region: eu-central-1
    api_key: { env: KEY }
    endpoint: "http://bedrock.sim"
    mantle_endpoint: "http://bedrock.sim"
    facts: { zone: eu }
  openai:
    kind: openai
    base_url: "http://openai.sim/v1"
    api_key: { env: KEY }
    facts: { zone: us }
  anthropic: { kind: anthropic, base_url: "http://anthropic.sim", api_key: { env: KEY } }
models:
  gpt:
    - { provider: azure, name: gpt55-eu }
    - openai
    - { provider: bedrock, name: openai.gpt-5.5 }
  claude: [ { provider: anthropic, prefill: true } ]
  embed:  [ { provider: openai, name: embed-3 } ]
features:
  eu:
    data: { residency: [eu] }
    tiers: [ { models: [gpt] } ]
  lonely:
    data: { residency: [eu] }
    tiers: [ { models: [gpt@azure, gpt@openai] } ]
  nowhere:
    data: { residency: [eu] }
    tiers: [ { models: [gpt@openai] }, { models: [claude] } ]
  excused:
    data: { residency: [eu] }
    tiers: [ { models: [gpt@openai] }, { reply: "Not here." } ]
  queued:
    data: { residency: [eu] }
    tiers: [ { models: [gpt@openai] }, { queue: {} } ]
"#;

const ELSEWHERE: [&str; 2] = ["openai", "anthropic"];

fn text(rest: &str) -> String {
    format!("{WORLD}{rest}")
}

/// What was passed over, and why.
fn passed_over(record: &CallRecord) -> Vec<(&str, &str)> {
    record.passed_over.iter().map(|one| (&*one.deployment, &*one.why)).collect()
}

fn error_type(client: Client, answer: &Answer) -> Value {
    match client {
        Client::Chat => answer.json()["error"]["code"].clone(),
        Client::Messages => answer.json()["error"]["type"].clone(),
    }
}

/// What a client of each dialect is told.
const fn refusal(client: Client) -> &'static str {
    match client {
        Client::Chat => "policy_denied",
        Client::Messages => "permission_error",
    }
}

#[tokio::test(start_paused = true)]
async fn a_feature_of_the_eu_moves_within_the_eu() {
    for fault in ["status=503", "hang", "cut-after=0", "status=401", "refuse"] {
        for client in Client::ALL {
            for stream in [false, true] {
                let house = House::new(WORLD).await;
                let before = house.ask(client, "eu", stream, "hello").await;
                assert_eq!(before.header("x-tieline-deployment"), "gpt@azure");
                house.fault("azure", fault);
                let answer = house.ask(client, "eu", stream, "hello").await;
                let cell = format!("{fault} {client:?} {stream}: {}", answer.text());
                assert!(client.is_whole(&answer, stream), "{cell}");
                assert_eq!(answer.header("x-tieline-deployment"), "gpt@bedrock", "{cell}");
                let record = house.record(&answer).await;
                let rule = "policy: feature eu: residency";
                assert_eq!(passed_over(&record), [("gpt@openai", rule)], "{cell}");
                assert_eq!(house.sim.count("openai"), 0, "{cell}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn with_only_a_secondary_elsewhere_it_fails_closed() {
    for fault in ["status=503", "hang", "status=429,retry-after=2s", "garbage"] {
        for client in Client::ALL {
            for stream in [false, true] {
                let house = House::new(WORLD).await;
                assert!(client.is_whole(&house.ask(client, "lonely", stream, "hi").await, stream));
                house.fault("azure", fault);
                let answer = house.ask(client, "lonely", stream, "hi").await;
                let cell = format!("{fault} {client:?} {stream}: {}", answer.text());
                assert_eq!(answer.status, StatusCode::FORBIDDEN, "{cell}");
                assert_eq!(error_type(client, &answer), refusal(client), "{cell}");
                assert!(answer.text().contains("gpt@openai (feature lonely: residency)"), "{cell}");
                let record = house.record(&answer).await;
                assert_eq!(record.fault, Some(Class::PolicyDenied), "{cell}");
                assert_eq!((record.outcome, record.status), (Outcome::Failed, 403), "{cell}");
                assert_eq!(record.passed_over.len(), 1, "{cell}");
                assert!(record.attempts.iter().all(|one| &*one.provider == "azure"), "{cell}");
                assert_eq!(house.sim.count("openai"), 0, "{cell}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn with_no_legal_deployment_nothing_is_sent() {
    for client in Client::ALL {
        for stream in [false, true] {
            let house = House::new(WORLD).await;
            let answer = house.ask(client, "nowhere", stream, "hi").await;
            let told = answer.text();
            assert_eq!(answer.status, StatusCode::FORBIDDEN, "{told}");
            assert_eq!(error_type(client, &answer), refusal(client), "{told}");
            assert!(told.contains("policy leaves no deployment"), "{told}");
            assert_eq!(answer.header("x-should-retry"), "false");
            let record = house.record(&answer).await;
            assert_eq!(record.attempts, []);
            let rule = "policy: feature nowhere: residency";
            // Where Anthropic would process it, nobody has said.
            let out = [("gpt@openai", rule), ("claude@anthropic", rule)];
            assert_eq!(passed_over(&record), out);
            let excused = house.ask(client, "excused", stream, "hi").await;
            assert_eq!(excused.header("x-tieline-tier"), "reply", "a fixed answer goes nowhere");
            let queued = house.ask(client, "queued", stream, "hi").await;
            assert_eq!(queued.status, StatusCode::FORBIDDEN, "it would wait in vain");
            ELSEWHERE.iter().for_each(|provider| assert_eq!(house.sim.count(provider), 0));
        }
    }
}

/// Counting tokens and making vectors send the user's text too.
#[tokio::test(start_paused = true)]
async fn what_is_not_an_answer_keeps_to_the_rules_too() {
    let features = "  counted:
    data: { residency: [eu] }
    tiers: [ { models: [claude] }, { models: [gpt@azure] } ]
  cached:
    data: { residency: [eu] }
    tiers:
      - { models: [gpt@azure] }
      - { cache: { max_age: 1h, similar: { embeddings: embed } } }
      - { reply: sorry }
";
    let house = House::new(&text(features)).await;
    let ask = Client::Messages.ask("counted", false, "hi").to_string();
    let counted = house.post("/v1/messages/count_tokens", ask).await;
    assert_eq!(counted.header("x-tieline-estimated"), "input_tokens");
    house.ask(Client::Chat, "cached", false, "How do I reset my password?").await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    house.fault("azure", "status=503");
    let answer = house.ask(Client::Chat, "cached", false, "how can i reset my passwords").await;
    assert_eq!(answer.header("x-tieline-tier"), "reply");
    ELSEWHERE.iter().for_each(|provider| assert_eq!(house.sim.count(provider), 0, "{provider}"));
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_breaks_is_mended_within_the_rules() {
    let pace = Pace { first_token: Duration::from_millis(200), ..Pace::default() };
    for mode in ["restart", "continue"] {
        let features = format!(
            "  f:\n    on_stream_break: {mode}\n    data: {{ residency: [eu] }}\n    \
             tiers: [ {{ models: [gpt@azure, claude] }} ]\n"
        );
        let house = House::with(&text(&features), pace, |_| KeyRing::default()).await;
        house.fault("azure", "cut-after=3");
        let body = Client::Chat.ask("f", true, "tell me a story").to_string();
        let mut request = post(Client::Chat.path(), body);
        request.headers_mut().insert("x-tieline-stream-restart", "ok".parse().unwrap());
        let answer = house.send(request).await;
        assert!(Client::Chat.tells_break(&answer), "{mode}: {}", answer.text());
        assert_eq!(house.sim.count("anthropic"), 0, "{mode}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_hedge_keeps_to_the_rules() {
    let features = "  f:
    hedge: { after: 500ms }
    data: { residency: [eu] }
    tiers: [ { models: [gpt] } ]
";
    let house = House::new(&text(features)).await;
    for _ in 0..40 {
        house.ask(Client::Chat, "f", true, "hello").await;
    }
    house.fault("azure", "slow-first-token=20s");
    let answer = house.ask(Client::Chat, "f", true, "hello").await;
    assert_eq!(answer.header("x-tieline-deployment"), "gpt@bedrock");
    let reasons: Vec<_> =
        house.record(&answer).await.attempts.iter().map(|one| one.reason).collect();
    assert_eq!(reasons, [Reason::Chosen, Reason::Hedge]);
    assert_eq!(house.sim.count("openai"), 0);
}

/// The jobs of a queue are asked for anew when they run.
#[tokio::test(start_paused = true)]
async fn a_job_runs_by_the_rules_of_its_day() {
    let features = "  f:
    deny: { providers: [bedrock] }
    tiers: [ { models: [gpt@azure] }, { queue: {} } ]
";
    let elsewhere = features.replace("models: [gpt@azure]", "models: [gpt@bedrock]");
    let house = House::new(&text(features)).await;
    house.fault("azure", "status=503");
    let answer = house.ask(Client::Chat, "f", false, "hello").await;
    assert_eq!(answer.status, StatusCode::ACCEPTED, "{}", answer.text());
    house.gateway.apply(&config(&text(&elsewhere))).unwrap();
    house.run_jobs();
    tokio::time::sleep(Duration::from_secs(600)).await;
    assert_eq!(house.sim.count("bedrock"), 0, "it waits");
    house
        .gateway
        .apply(&config(&text(&elsewhere.replace("providers: [bedrock]", "providers: [azure]"))))
        .unwrap();
    house.sim.script().clear();
    for _ in 0..600 {
        if house.sim.count("bedrock") > 0 {
            break;
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    assert_eq!(house.sim.count("azure") + house.sim.count("bedrock"), 2, "asked, then answered");
}

fn tagged(feature: &str, tags: &str) -> Request<Full<Bytes>> {
    let mut request = post(Client::Chat.path(), Client::Chat.ask(feature, false, "hi").to_string());
    request.headers_mut().insert("x-tieline-tags", tags.parse().unwrap());
    request
}

/// A small PNG, by its first bytes.
const PNG: &str = "iVBORw0KGgo=";

/// A request with a text, and beside it this part.
fn carrying(client: Client, feature: &str, stream: bool, part: &Value) -> Value {
    let mut ask = client.ask(feature, stream, "");
    ask["messages"][0]["content"] = json!([{ "type": "text", "text": "what is this?" }, part]);
    ask
}

fn picture(client: Client) -> Value {
    match client {
        Client::Chat => {
            let url = format!("data:image/png;base64,{PNG}");
            json!({ "type": "image_url", "image_url": { "url": url } })
        }
        Client::Messages => json!({ "type": "image",
            "source": { "type": "base64", "media_type": "image/png", "data": PNG } }),
    }
}

/// A configuration with a policy file beside it.
fn with_policy(policy: &str) -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("p.cedar");
    std::fs::write(&path, policy).unwrap();
    let text = text(&format!("policies: {}\n", path.display()));
    (folder, text)
}

#[tokio::test(start_paused = true)]
async fn policies_see_tags_and_tags_open_nothing_by_themselves() {
    let (_folder, text) = with_policy(
        "permit (principal, action, resource);\n\
         @id(\"tenants of the eu\") forbid (principal, action, resource)\n\
         when { context.tags.contains(\"tenant=acme\") }\n\
         unless { resource has zones && [\"eu\"].containsAll(resource.zones) };",
    );
    let house = House::new(&text).await;
    house.fault("azure", "status=503");
    for _ in 0..2 {
        let anybody = house.ask(Client::Chat, "gpt", false, "hi").await;
        assert_eq!(anybody.header("x-tieline-deployment"), "gpt@openai");
        let tenant = house.send(tagged("gpt", "plan=free, tenant=acme")).await;
        assert_eq!(tenant.header("x-tieline-deployment"), "gpt@bedrock");
        let rules = house.record(&tenant).await.passed_over;
        assert!(rules.iter().any(|one| one.why == "policy: tenants of the eu"), "{rules:?}");
    }
    let wrong = house.send(tagged("gpt", "acme")).await;
    assert_eq!(wrong.status, StatusCode::BAD_REQUEST);
    let outsider = house.send(tagged("lonely", "tenant=other")).await;
    assert_eq!(outsider.status, StatusCode::FORBIDDEN, "the rules of a feature stand");
}

const PICTURES: &str = "permit (principal, action, resource);\n\
     @id(\"pictures\") forbid (principal, action, resource)\n\
     when { context.modalities.contains(\"image\") }\n\
     unless { resource has zones && [\"eu\"].containsAll(resource.zones) };";

#[tokio::test(start_paused = true)]
async fn what_a_request_carries_goes_only_where_it_may() {
    let (_folder, text) = with_policy(PICTURES);
    for client in Client::ALL {
        for stream in [false, true] {
            let house = House::new(&text).await;
            house.fault("azure", "status=503");
            let words = house.ask(client, "gpt", stream, "hi").await;
            assert_eq!(words.header("x-tieline-deployment"), "gpt@openai");
            let ask = carrying(client, "gpt", stream, &picture(client)).to_string();
            let answer = house.post(client.path(), ask.clone()).await;
            let cell = format!("{client:?} {stream}: {}", answer.text());
            assert!(client.is_whole(&answer, stream), "{cell}");
            assert_eq!(answer.header("x-tieline-deployment"), "gpt@bedrock", "{cell}");
            let record = house.record(&answer).await;
            let decided = record.decision.unwrap();
            assert_eq!(decided.modalities, Some(Modality::Image.into()), "{cell}");
            let sent = house.sim.count("openai");
            house.fault("bedrock", "status=503");
            let closed = house.post(client.path(), ask).await;
            assert_eq!(closed.status, StatusCode::FORBIDDEN, "{cell}");
            assert_eq!(error_type(client, &closed), refusal(client), "{cell}");
            assert!(closed.text().contains("gpt@openai (pictures)"), "{}", closed.text());
            assert_eq!(house.sim.count("openai"), sent, "{cell}");
        }
    }
}

/// What Tieline does not know may be a picture.
#[tokio::test(start_paused = true)]
async fn what_is_not_known_of_a_request_closes() {
    let nowhere = PICTURES.replace("[\"eu\"]", "[\"moon\"]");
    let (_folder, text) = with_policy(&nowhere);
    let house = House::new(&text).await;
    for (client, part) in [
        (Client::Chat, json!({ "type": "hologram", "hologram": {} })),
        (Client::Chat, json!({ "type": "file", "file": { "file_id": "file-1" } })),
        (Client::Messages, json!({ "type": "container_upload", "file_id": "file_1" })),
        (Client::Messages, picture(Client::Messages)),
    ] {
        let ask = carrying(client, "gpt", false, &part).to_string();
        let answer = house.post(client.path(), ask).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{part}: {}", answer.text());
        assert!(answer.text().contains("leaves no deployment to a request with"), "{part}");
    }
    let told = house.records().await.pop().unwrap().decision.unwrap();
    assert_eq!(told.modalities, Some(Modalities::UNKNOWN));
    ["azure", "bedrock", "openai"].iter().for_each(|one| assert_eq!(house.sim.count(one), 0));
    let words = house.ask(Client::Chat, "gpt", false, "hi").await;
    assert_eq!(words.status, StatusCode::OK, "{}", words.text());
    assert_eq!(house.record(&words).await.decision.unwrap().modalities, Some(Modalities::NONE));
}

#[tokio::test(start_paused = true)]
async fn nobody_looks_at_what_a_request_carries_unless_a_policy_asks() {
    let house = House::new(WORLD).await;
    let ask = carrying(Client::Chat, "eu", false, &picture(Client::Chat)).to_string();
    let answer = house.post(Client::Chat.path(), ask).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    assert_eq!(house.record(&answer).await.decision.unwrap().modalities, None);
}

/// A queued request is asked for with what it carries when it runs.
#[tokio::test(start_paused = true)]
async fn a_job_keeps_what_it_carries() {
    let features = "  f:\n    tiers: [ { models: [gpt@azure] }, { queue: {} } ]\n";
    let policy = PICTURES.replace("[\"eu\"]", "[\"moon\"]");
    let (folder, plain) = with_policy("permit (principal, action, resource);");
    let text = plain.replace("features:\n", &format!("features:\n{features}"));
    let house = House::new(&text).await;
    house.fault("azure", "status=503");
    let ask = carrying(Client::Chat, "f", false, &picture(Client::Chat)).to_string();
    let answer = house.post(Client::Chat.path(), ask).await;
    assert_eq!(answer.status, StatusCode::ACCEPTED, "{}", answer.text());
    std::fs::write(folder.path().join("p.cedar"), policy).unwrap();
    house.gateway.apply(&config(&text)).unwrap();
    house.sim.script().clear();
    let sent = house.sim.count("azure");
    house.run_jobs();
    tokio::time::sleep(Duration::from_secs(600)).await;
    assert_eq!(house.sim.count("azure"), sent);
}

#[tokio::test(start_paused = true)]
async fn policies_see_who_calls() {
    let (_folder, text) = with_policy(
        "permit (principal, action, resource)\n\
         unless { principal has name && principal.name == \"legal\" };\n\
         @id(\"legal stays in the eu\") permit (principal, action, resource)\n\
         when { principal has name && principal.name == \"legal\" && resource has zones\n\
                && [\"eu\"].containsAll(resource.zones) };\n\
         @id(\"bound\") forbid (principal, action, resource)\n\
         when { principal has default_feature\n\
                && principal.default_feature != context.feature };",
    );
    let mut presented = Vec::new();
    let house = House::with(&text, Pace::default(), |path| {
        let keys = Keys::open(path).unwrap();
        let bound = Some("eu".to_owned());
        for (name, default_feature) in
            [("web", None), ("legal", None), ("legal", None), ("bound", bound)]
        {
            let new = NewKey { name: name.to_owned(), default_feature, ..NewKey::default() };
            presented.push(keys.create(new, 0).unwrap().1);
        }
        keys.snapshot().unwrap()
    })
    .await;
    house.fault("azure", "status=503");
    let as_key = async |key: &str, feature: &str| {
        let ask = Client::Chat.ask(feature, false, "hi").to_string();
        let mut request = post(Client::Chat.path(), ask);
        request.headers_mut().insert("authorization", format!("Bearer {key}").parse().unwrap());
        let answer = house.send(request).await;
        (answer.status.as_u16(), answer.header("x-tieline-deployment").to_owned())
    };
    let [web, legal, renewed, bound] = presented.as_slice() else { panic!("four keys") };
    let ok = |id: &str| (200, id.to_owned());
    assert_eq!(as_key(web, "gpt").await, ok("gpt@openai"));
    for key in [legal, renewed, legal] {
        assert_eq!(as_key(key, "gpt").await, ok("gpt@bedrock"), "every key of one name");
    }
    assert_eq!(as_key(bound, "eu").await, ok("gpt@bedrock"));
    assert_eq!(as_key(bound, "gpt").await.0, 403, "it is bound to another feature");
}

#[tokio::test(start_paused = true)]
async fn a_policy_that_does_not_type_check_never_loads() {
    let (folder, text) = with_policy("permit (principal, action, resource);");
    let house = House::new(&text).await;
    let wrong = "permit (principal, action, resource)\nwhen { resource.zone == \"eu\" };";
    std::fs::write(folder.path().join("p.cedar"), wrong).unwrap();
    let error = house.gateway.apply(&config(&text)).unwrap_err();
    let error = tieline_types::chain(&error);
    assert!(error.contains(":2:8: attribute `zone`"), "{error}");
    let answer = house.ask(Client::Chat, "gpt", false, "hi").await;
    assert_eq!(answer.status, StatusCode::OK, "the last good ones stay in force");
}

#[tokio::test(start_paused = true)]
async fn an_exception_opens_until_it_ends() {
    // The clock of the house begins at 17:34.
    let exception = "exceptions:
  - feature: nowhere
    open: [openai]
    until: 2026-04-28T18:34:00Z
    reason: the EU deployment is being moved
    author: robin
";
    let house = House::new(&text(exception)).await;
    let answer = house.ask(Client::Chat, "nowhere", false, "hi").await;
    assert_eq!(answer.header("x-tieline-deployment"), "gpt@openai", "{}", answer.text());
    tokio::time::sleep(Duration::from_secs(3599)).await;
    assert_eq!(house.ask(Client::Chat, "nowhere", false, "hi").await.status, StatusCode::OK);
    tokio::time::sleep(Duration::from_secs(2)).await;
    let sent = house.sim.count("openai");
    let answer = house.ask(Client::Chat, "nowhere", false, "hi").await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN, "{}", answer.text());
    assert_eq!(house.sim.count("openai"), sent);
}

#[tokio::test(start_paused = true)]
async fn an_exception_is_on_record_and_shown_while_it_lasts() {
    let exception = "exceptions:
  - feature: nowhere
    open: [openai]
    until: 2026-04-28T18:34:00Z
    reason: a move
    author: robin
";
    let house = House::new(&text(exception)).await;
    house.probes();
    let shown = house.gateway.status().exceptions;
    let [one] = shown.as_slice() else { panic!("{shown:?}") };
    assert_eq!((&*one.feature, &*one.author, one.left_s), ("nowhere", "robin", 3600));
    assert_eq!(one.open, ["embed@openai", "gpt@openai"]);
    tokio::time::sleep(Duration::from_secs(3605)).await;
    assert_eq!(house.gateway.status().exceptions, []);
    let changes = house.changes().await;
    let told: Vec<_> = changes
        .iter()
        .map(|one| (one.action, &*one.subject, one.claimed.as_deref(), one.reason.as_deref()))
        .collect();
    let of = |change| (change, "nowhere", Some("robin"), Some("a move"));
    assert_eq!(told, [of(Change::ExceptionEnded), of(Change::ExceptionBegan)]);
}

#[tokio::test(start_paused = true)]
async fn facts_that_expire_close_what_they_opened() {
    let expiring = WORLD.replace(
        "facts: { regions: [swedencentral], training",
        "facts: { regions: [swedencentral], expires: 2026-04-28, training",
    );
    let house = House::new(&expiring).await;
    let deployment = async |feature| {
        let answer = house.ask(Client::Chat, feature, false, "hi").await;
        answer.header("x-tieline-deployment").to_owned()
    };
    assert_eq!(deployment("eu").await, "gpt@azure");
    tokio::time::sleep(Duration::from_secs(7 * 3600)).await;
    assert_eq!(deployment("eu").await, "gpt@bedrock", "the day is over");
}

mod random {
    //! Random configurations and faults through the whole gateway.

    use std::path::Path;

    use proptest::{collection::vec, prelude::*, sample::select, test_runner::TestRunner};

    use super::*;

    /// Cases in a run; the router alone sees ten thousand.
    const CASES: u32 = 120;
    const PLACES: [&str; 4] =
        ["zone: eu", "zone: eu, modalities: [image]", "zone: us", "training: false"];
    /// Pictures go where somebody says that they are taken.
    const POLICY: &str = "permit (principal, action, resource)\n\
        when { context.modalities.isEmpty() || (resource has modalities &&\n\
               resource.modalities.containsAll(context.modalities)) };";
    const FAULTS: [&str; 10] = [
        "status=503",
        "status=429,retry-after=1s",
        "status=401",
        "hang",
        "refuse",
        "garbage",
        "slow-first-token=20s",
        "cut-after=0",
        "cut-after=3",
        "stall-after=3",
    ];
    const PROVIDERS: [&str; 4] = ["azure", "bedrock", "openai", "anthropic"];
    const MODELS: [&str; 4] = ["gpt@azure", "gpt@bedrock", "gpt@openai", "claude"];

    #[derive(Clone, Debug)]
    struct Case {
        /// What is known of where each provider is.
        places: Vec<&'static str>,
        faults: Vec<(&'static str, &'static str)>,
        order: Vec<&'static str>,
        split: usize,
        on_break: &'static str,
        hedge: bool,
        prefer: &'static str,
        client: Client,
        stream: bool,
        /// Whether the requests carry a picture.
        pictures: bool,
    }

    fn cases() -> impl Strategy<Value = Case> {
        let world = (
            vec(select(&PLACES[..]), 4),
            vec((select(&PROVIDERS[..]), select(&FAULTS[..])), 0..4),
            Just(MODELS.to_vec()).prop_shuffle(),
            1_usize..4,
        );
        let manner = (
            select(vec!["error", "restart", "continue"]),
            any::<bool>(),
            select(vec!["ordered", "fastest"]),
            select(Client::ALL.to_vec()),
            any::<bool>(),
            any::<bool>(),
        );
        (world, manner).prop_map(|(world, manner)| Case {
            places: world.0,
            faults: world.1,
            order: world.2,
            split: world.3,
            on_break: manner.0,
            hedge: manner.1,
            prefer: manner.2,
            client: manner.3,
            stream: manner.4,
            pictures: manner.5,
        })
    }

    fn configured(case: &Case, policies: &Path) -> String {
        let place = |at: usize| case.places.get(at).copied().unwrap_or_default();
        let (first, second) = case.order.split_at(case.split);
        let tier = |names: &[&str]| {
            format!("{{ models: [{}], prefer: {} }}", names.join(", "), case.prefer)
        };
        let hedge = if case.hedge { "hedge: { after: 500ms }" } else { "hedge:" };
        format!(
            "version: 1
policies: {}
providers:
  azure: {{ kind: azure-openai, endpoint: 'http://azure.sim', api_key: {{ env: KEY }},
           facts: {{ {} }} }}
  bedrock: {{ kind: bedrock, region: eu-central-1, api_key: {{ env: KEY }},
             endpoint: 'http://bedrock.sim', mantle_endpoint: 'http://bedrock.sim',
             facts: {{ {} }} }}
  openai: {{ kind: openai, base_url: 'http://openai.sim/v1', api_key: {{ env: KEY }},
            facts: {{ {} }} }}
  anthropic: {{ kind: anthropic, base_url: 'http://anthropic.sim', api_key: {{ env: KEY }},
               facts: {{ {} }} }}
models:
  gpt: [ {{ provider: azure, name: gpt55-eu }}, openai,
         {{ provider: bedrock, name: openai.gpt-5.5 }} ]
  claude: [ {{ provider: anthropic, prefill: true }} ]
features:
  f:
    {hedge}
    on_stream_break: {}
    data: {{ residency: [eu] }}
    tiers: [ {}, {} ]
",
            policies.display(),
            place(0),
            place(1),
            place(2),
            place(3),
            case.on_break,
            tier(first),
            tier(second),
        )
    }

    async fn run(case: Case) -> Result<(), TestCaseError> {
        let folder = tempfile::tempdir().unwrap();
        let policies = folder.path().join("p.cedar");
        std::fs::write(&policies, POLICY).unwrap();
        let house = House::new(&configured(&case, &policies)).await;
        let ask = |stream| match case.pictures {
            true => carrying(case.client, "f", stream, &picture(case.client)).to_string(),
            false => case.client.ask("f", stream, "tell me a story").to_string(),
        };
        if case.hedge {
            for _ in 0..20 {
                house.post(case.client.path(), ask(true)).await;
            }
        }
        for (provider, fault) in &case.faults {
            house.fault(provider, fault);
        }
        let legal = |provider: &str| {
            let at = PROVIDERS.iter().position(|known| *known == provider);
            at.and_then(|at| case.places.get(at)).is_some_and(|place| {
                place.starts_with("zone: eu") && (!case.pictures || place.contains("image"))
            })
        };
        for _ in 0..3 {
            let mut request = post(case.client.path(), ask(case.stream));
            request.headers_mut().insert("x-tieline-stream-restart", "ok".parse().unwrap());
            let answer = house.send(request).await;
            if !PROVIDERS.iter().any(|provider| legal(provider)) {
                prop_assert_eq!(answer.status, StatusCode::FORBIDDEN);
            }
        }
        for attempt in house.records().await.iter().flat_map(|record| &record.attempts) {
            prop_assert!(legal(&attempt.provider), "{:?}", attempt);
        }
        for provider in PROVIDERS.iter().filter(|provider| !legal(provider)) {
            prop_assert_eq!(house.sim.count(provider), 0, "{} was sent something", provider);
        }
        Ok(())
    }

    #[test]
    fn every_attempt_of_every_kind_is_allowed() {
        let mut runner = TestRunner::new(ProptestConfig::with_cases(CASES));
        let outcome = runner.run(&cases(), |case| {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .start_paused(true)
                .build()
                .unwrap();
            runtime.block_on(run(case))
        });
        outcome.unwrap();
    }
}
