//! Budgets: reserved before, settled after, never overspent, and there after a restart.

use std::time::Duration;

use bytes::Bytes;
use futures_util::future::join_all;
use http::Request;
use http_body_util::Full;
use serde_json::json;
use tieline_gateway::BudgetStatus;
use tieline_ledger::{Keys, NewKey};
use tieline_sim::Pace;
use tieline_types::{AttemptRecord, CallRecord, Class, Outcome, Rates, TokenPrices, UsdPico};

use crate::house::{Answer, Client, House, config, post};

/// Three deployments: a dear one, a cheap one, and one without a price.
const HOUSES: &str = r#"
version: 1
providers:
  anthropic: { kind: anthropic, base_url: "http://anthropic.sim", api_key: { env: KEY } }
  openai:    { kind: openai, base_url: "http://openai.sim/v1", api_key: { env: KEY } }
  local:     { kind: openai-compatible, base_url: "http://local.sim/v1" }
models:
  dear:  [ { provider: anthropic, name: claude, price: { input: 1000, output: 5000 } } ]
  cheap: [ { provider: openai, price: { input: 1, output: 5 } } ]
  wild:  [ local ]
"#;

fn usd(text: &str) -> UsdPico {
    text.parse().unwrap()
}

fn house_of(features: &str) -> String {
    format!("{HOUSES}features:\n{features}")
}

/// A request that allows so many tokens of output.
fn ask(client: Client, feature: &str, stream: bool, most: u64) -> Request<Full<Bytes>> {
    let mut body = client.ask(feature, stream, "hello");
    body["max_tokens"] = most.into();
    post(client.path(), body.to_string())
}

fn budget(house: &House, name: &str) -> BudgetStatus {
    let budgets = house.gateway.status().budgets;
    budgets.into_iter().find(|one| one.name == name).unwrap()
}

fn rates(input: &str, output: &str) -> Rates {
    let (input, output) = (Some(usd(input)), Some(usd(output)));
    Rates { usual: TokenPrices { input, output, ..TokenPrices::default() }, long: None }
}

/// What the attempts of these records cost at the dear deployment.
fn sum(records: &[CallRecord]) -> UsdPico {
    let rates = rates("1000", "5000");
    let usage = records.iter().flat_map(|one| &one.attempts).filter_map(|one| one.usage);
    usage.map(|usage| rates.cost(&usage).usd).sum()
}

#[tokio::test(start_paused = true)]
async fn a_thousand_at_once_never_overspend() {
    // Prompt and answer of one request may cost about 0.13 dollars; a hundred fit.
    let text = "  f: { budget: { usd: 13, per: day }, tiers: [ { models: [dear] } ] }";
    let house = House::new(&house_of(text)).await;
    let send = || house.send(ask(Client::Messages, "f", true, 20));
    let answers = join_all((0..1_000).map(|_| send())).await;
    let served = answers.iter().filter(|one| one.status == 200).count();
    let at_once = (90..=110).contains(&served);
    assert!(at_once, "{served} were served");
    let held = answers.iter().filter(|one| one.status != 200);
    for refused in held {
        assert_eq!((refused.status.as_u16(), refused.header("retry-after")), (429, "1"));
        assert!(refused.text().contains("held by requests under way"), "{}", refused.text());
    }
    let shown = budget(&house, "f");
    assert_eq!(shown.reserved, UsdPico::ZERO, "nothing leaks");
    assert_eq!(shown.spent, sum(&house.records().await), "to the last picodollar");
    // What was not used can be spent again, until really nothing is left.
    loop {
        let batch = join_all((0..50).map(|_| send())).await;
        assert!(budget(&house, "f").spent <= usd("13"));
        if batch.iter().all(|one| one.status == 402) {
            break;
        }
    }
    let shown = budget(&house, "f");
    assert!(shown.spent > usd("12.5") && shown.spent <= usd("13"), "{}", shown.spent);
    assert_eq!(shown.spent, sum(&house.records().await));
    let again = house.restarted(&house_of(text)).status().budgets;
    assert_eq!(again, [shown], "a restart forgets nothing");
}

#[tokio::test(start_paused = true)]
async fn what_is_spent_is_refused_in_the_dialects_own_words_until_the_window_ends() {
    for (client, kind, code) in [
        (Client::Chat, "insufficient_quota", Some("budget_exceeded")),
        (Client::Messages, "billing_error", None),
    ] {
        let text = "  f: { budget: { usd: 0.4, per: hour }, tiers: [ { models: [dear] } ] }";
        let house = House::new(&house_of(text)).await;
        while house.send(ask(client, "f", false, 60)).await.status == 200 {}
        let sent = house.sim.count("anthropic");
        let refused = house.send(ask(client, "f", false, 60)).await;
        assert_eq!(refused.status, 402);
        assert_eq!(
            (refused.header("x-should-retry"), refused.header("retry-after")),
            ("false", "60")
        );
        let error = &refused.json()["error"];
        assert_eq!((error["type"].as_str(), error["code"].as_str()), (Some(kind), code));
        assert!(refused.text().contains("feature `f`, $0.4 per hour, has no room left"));
        let record = house.record(&refused).await;
        assert_eq!((record.outcome, record.fault), (Outcome::Refused, Some(Class::OverBudget)));
        let [passed] = record.passed_over.as_slice() else { panic!("{record:?}") };
        assert_eq!((&*passed.deployment, &*passed.why), ("dear@anthropic", "over_budget"));
        assert!(passed.opens_in_ms.is_some());
        assert_eq!(house.sim.count("anthropic"), sent, "nothing was sent");
        let never = house.send(ask(client, "f", false, 1_000)).await;
        assert!(never.text().contains("is less than this request may cost"), "{}", never.text());
        let left_ms = budget(&house, "f").until_ms - 1_777_397_640_000;
        tokio::time::sleep(Duration::from_millis(left_ms)).await;
        assert_eq!(house.send(ask(client, "f", false, 60)).await.status, 200, "a new hour");
    }
}

#[tokio::test(start_paused = true)]
async fn at_the_limit_what_fits_answers_or_nothing_that_costs() {
    let features = |on_limit: &str| {
        house_of(&format!(
            "  f:
    budget: {{ usd: 0.3, per: day, on_limit: {on_limit} }}
    tiers:
      - {{ name: best, models: [dear] }}
      - {{ name: next, models: [cheap] }}
      - {{ name: apology, reply: Sorry., acceptable: false }}"
        ))
    };
    for (on_limit, tier) in [("next-tier", "next"), ("refuse", "apology")] {
        let house = House::new(&features(on_limit)).await;
        let send = || house.send(ask(Client::Chat, "f", false, 40));
        assert_eq!(send().await.header("x-tieline-tier"), "best");
        let mut answer = send().await;
        while answer.header("x-tieline-tier") == "best" {
            answer = send().await;
        }
        assert_eq!((answer.status.as_u16(), answer.header("x-tieline-tier")), (200, tier));
        let why: Vec<_> = house.record(&answer).await.passed_over;
        let why: Vec<_> = why.iter().map(|one| (&*one.deployment, &*one.why)).collect();
        let over = [("dear@anthropic", "over_budget"), ("cheap@openai", "over_budget")];
        assert_eq!(why, if tier == "next" { &over[..1] } else { &over[..] });
        assert!(budget(&house, "f").spent <= usd("0.3"));
    }
}

#[tokio::test(start_paused = true)]
async fn what_has_no_price_is_not_called_on_a_budget() {
    let text = house_of(
        "  f: { budget: { usd: 1, per: week }, tiers: [ { models: [wild, cheap] } ] }
  g: { budget: { usd: 1, per: week }, tiers: [ { models: [wild] } ] }
  h: { tiers: [ { models: [wild] } ] }",
    );
    let house = House::new(&text).await;
    let send = |feature| house.send(ask(Client::Chat, feature, false, 40));
    let answer = send("f").await;
    assert_eq!(answer.header("x-tieline-deployment"), "cheap@openai");
    let record = house.record(&answer).await;
    let [passed] = record.passed_over.as_slice() else { panic!("{record:?}") };
    assert_eq!((&*passed.deployment, &*passed.why), ("wild@local", "unpriced"));
    let refused = send("g").await;
    assert_eq!(refused.status, 503);
    assert!(refused.text().contains("wild@local (unpriced)"), "{}", refused.text());
    assert_eq!(house.sim.count("local"), 0, "nothing was sent");
    assert_eq!(send("h").await.status, 200, "without a budget it may");
}

/// Every way out of an attempt, and what of it is paid.
#[tokio::test(start_paused = true)]
async fn nothing_stays_reserved_whatever_ends_an_attempt() {
    let text =
        "  f: { deadline: 30s, budget: { usd: 90, per: day }, tiers: [ { models: [dear] } ] }";
    for (fault, stream, paid) in [
        ("status=400", false, false),
        ("status=429", true, false),
        ("status=500", false, true),
        ("status=401", true, false),
        ("hang", false, true),
        ("hang-after-headers", true, true),
        ("stall-after=2", true, true),
        ("cut-after=2", false, true),
        ("cut-after=2", true, true),
        ("in-band=overloaded_error,after=2", true, true),
        ("empty", true, true),
        ("garbage", false, true),
        ("refuse", false, true),
    ] {
        let house = House::new(&house_of(text)).await;
        house.fault("anthropic", fault);
        house.send(ask(Client::Messages, "f", stream, 100)).await;
        let shown = budget(&house, "f");
        assert_eq!(shown.reserved, UsdPico::ZERO, "{fault}");
        assert_eq!(shown.spent > UsdPico::ZERO, paid, "{fault}: {}", shown.spent);
        assert!(shown.spent < usd("0.6"), "{fault}: {}", shown.spent);
    }
}

#[tokio::test(start_paused = true)]
async fn who_leaves_pays_for_what_came() {
    let text = "  f: { budget: { usd: 90, per: day }, tiers: [ { models: [dear] } ] }";
    let pace = Pace { first_token: Duration::from_secs(1), per_token: Duration::from_millis(100) };
    let house = House::with(&house_of(text), pace, |_| Default::default()).await;
    let open = house.open(ask(Client::Messages, "f", true, 100)).await;
    assert!(budget(&house, "f").reserved > usd("0.5"), "under way");
    drop(open);
    tokio::time::sleep(Duration::from_secs(1)).await;
    let after_head = budget(&house, "f");
    assert_eq!(after_head.reserved, UsdPico::ZERO);
    assert!(after_head.spent > usd("0.01") && after_head.spent < usd("0.2"));
    let early = house.send(ask(Client::Messages, "f", true, 100));
    let left = tokio::time::timeout(Duration::from_millis(500), early).await;
    assert!(left.is_err(), "before any content");
    tokio::time::sleep(Duration::from_secs(1)).await;
    let shown = budget(&house, "f");
    assert_eq!(shown.reserved, UsdPico::ZERO);
    assert!(shown.spent > after_head.spent, "the prompt was read");
}

#[tokio::test(start_paused = true)]
async fn a_hedge_pays_for_both() {
    let text = "  f:
    hedge: { after: 500ms }
    budget: { usd: 900, per: day }
    tiers: [ { models: [dear, cheap] } ]";
    let house = House::new(&house_of(text)).await;
    for _ in 0..40 {
        house.send(ask(Client::Chat, "f", true, 100)).await;
    }
    let before = budget(&house, "f").spent;
    house.fault("anthropic", "slow-first-token=20s");
    let answer = house.send(ask(Client::Chat, "f", true, 100)).await;
    assert_eq!(answer.header("x-tieline-deployment"), "cheap@openai");
    let shown = budget(&house, "f");
    assert_eq!(shown.reserved, UsdPico::ZERO);
    let paid = shown.spent.minus(before);
    assert!(paid > usd("0.01") && paid < usd("0.05"), "the loser's prompt: {paid}");
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_broke_and_what_came_instead_are_both_paid() {
    let text = "  f:
    on_stream_break: restart
    budget: { usd: 90, per: day }
    tiers: [ { models: [cheap, dear] } ]";
    for fault in ["in-band=server_is_overloaded,after=4", "cut-after=4"] {
        let house = House::new(&house_of(text)).await;
        house.fault("openai", fault);
        let mut request = ask(Client::Chat, "f", true, 40);
        request.headers_mut().insert("x-tieline-stream-restart", "ok".parse().unwrap());
        let answer = house.send(request).await;
        assert!(answer.text().contains("tieline.restart"), "{}", answer.text());
        let record = house.record(&answer).await;
        let [broken, whole] = record.attempts.as_slice() else { panic!("{record:?}") };
        let cost = |attempt: &AttemptRecord, rates: Rates| rates.cost(&attempt.usage.unwrap()).usd;
        let paid = cost(broken, rates("1", "5")).plus(cost(whole, rates("1000", "5000")));
        assert_eq!(budget(&house, "f").spent, paid, "{fault}");
        assert!(broken.usage.unwrap().output > 0, "{fault}");
    }
}

#[tokio::test(start_paused = true)]
async fn teams_and_callers_have_budgets_over_features() {
    let text = house_of(
        "  f: { owner: shop, tiers: [ { models: [dear] } ] }
  g: { owner: shop, tiers: [ { models: [dear] } ] }
  h: { tiers: [ { models: [dear] } ] }
budgets:
  teams: { shop: { usd: 1, per: month } }
  callers: { web: { usd: 0.5, per: day } }
",
    );
    let mut keys = Vec::new();
    let house = House::with(&text, Pace::default(), |path| {
        let made = Keys::open(path).unwrap();
        for name in ["web", "batch"] {
            let new = NewKey { name: name.into(), ..NewKey::default() };
            keys.push(made.create(new, 1).unwrap().1);
        }
        made.snapshot().unwrap()
    })
    .await;
    let send = async |key: usize, feature: &str| -> Answer {
        let mut request = ask(Client::Chat, feature, false, 40);
        request.headers_mut().insert("x-api-key", keys[key].parse().unwrap());
        house.send(request).await
    };
    assert_eq!(send(0, "f").await.status, 200);
    assert_eq!(budget(&house, "web").spent, budget(&house, "shop").spent);
    while send(0, "h").await.status == 200 {}
    let refused = send(0, "g").await;
    assert!(refused.text().contains("caller `web`, $0.5 per day"), "{}", refused.text());
    let before = budget(&house, "shop").spent;
    assert_eq!(send(1, "g").await.status, 200, "another caller");
    assert!(budget(&house, "shop").spent > before);
    while send(1, "f").await.status == 200 {}
    assert!(send(1, "g").await.text().contains("team `shop`, $1 per month"));
    assert_eq!(send(1, "h").await.status, 200, "of no team");
    let metrics = house.gateway.metrics_text();
    let line = "tieline_budget_usd{kind=\"team\",name=\"shop\",per=\"month\",amount=\"limit\"} 1.0";
    assert!(metrics.contains(line), "{metrics}");
}

#[tokio::test(start_paused = true)]
async fn a_reload_keeps_what_was_spent() {
    let text = |usd: &str, per: &str| {
        house_of(&format!(
            "  f: {{ budget: {{ usd: {usd}, per: {per} }}, tiers: [ {{ models: [dear] }} ] }}"
        ))
    };
    let house = House::new(&text("5", "day")).await;
    house.send(ask(Client::Chat, "f", false, 40)).await;
    let spent = budget(&house, "f").spent;
    house.gateway.apply(&config(&text("0.01", "day"))).unwrap();
    let shown = budget(&house, "f");
    assert_eq!((shown.spent, shown.usd), (spent, usd("0.01")));
    assert_eq!(house.send(ask(Client::Chat, "f", false, 40)).await.status, 402);
    house.gateway.apply(&config(&text("5", "hour"))).unwrap();
    assert_eq!(budget(&house, "f").spent, UsdPico::ZERO, "of another period nothing is known");
    house.records().await;
    house.gateway.apply(&config(&text("5", "day"))).unwrap();
    assert_eq!(budget(&house, "f").spent, spent, "the ledger knows");
}

#[tokio::test(start_paused = true)]
async fn a_drill_costs_what_is_really_called() {
    let text = |first: &str, second: &str| {
        house_of(&format!(
            "  f:
    on_stream_break: restart
    hedge: {{ after: 500ms }}
    budget: {{ usd: 90, per: day }}
    tiers: [ {{ models: [{first}, {second}] }} ]
drills: {{ key: {{ env: KEY }}, max_percent: 100 }}"
        ))
    };
    let kinds = [
        (json!({ "kind": "connect_refused" }), false),
        (json!({ "kind": "http_error", "status": 500 }), false),
        (json!({ "kind": "hang" }), false),
        (json!({ "kind": "truncate", "after_events": 0 }), true),
        (json!({ "kind": "truncate", "after_events": 4 }), true),
        (json!({ "kind": "stream_error", "after_events": 0 }), true),
        (json!({ "kind": "stream_error", "after_events": 4 }), true),
    ];
    let orders = [("dear", "cheap"), ("cheap", "dear")];
    let cases = orders.iter().flat_map(|order| kinds.iter().map(move |kind| (order, kind)));
    for ((struck, other), (kind, is_called)) in cases {
        let house = House::new(&text(struck, other)).await;
        for _ in 0..40 {
            house.send(ask(Client::Chat, "f", true, 10)).await;
        }
        let before = budget(&house, "f").spent;
        let faults = json!([{ "select": { "model": struck }, "do": kind }]);
        let scope = json!({ "percent": 100 });
        house.begin_drill(json!({ "name": "drill", "faults": faults, "scope": scope })).unwrap();
        let mut request = ask(Client::Chat, "f", true, 40);
        request.headers_mut().insert("x-tieline-stream-restart", "ok".parse().unwrap());
        let answer = house.send(request).await;
        assert_eq!(answer.status, 200, "{kind}: {}", answer.text());
        let record = house.record(&answer).await;
        let [first, second] = record.attempts.as_slice() else { panic!("{kind}: {record:?}") };
        let cost = |attempt: &AttemptRecord| {
            let is_dear = attempt.deployment.starts_with("dear");
            let rates = if is_dear { rates("1000", "5000") } else { rates("1", "5") };
            attempt.usage.map(|usage| rates.cost(&usage).usd).unwrap_or_default()
        };
        assert_eq!(first.usage.is_some(), *is_called, "{kind}");
        let paid = cost(first).plus(cost(second));
        let shown = budget(&house, "f");
        assert_eq!((shown.spent.minus(before), shown.reserved), (paid, UsdPico::ZERO), "{kind}");
    }
}
