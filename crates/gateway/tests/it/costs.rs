//! What calls cost: on record, by the prices of their day, deployment and service tier.

use std::{path::Path, sync::Arc, time::Duration};

use tieline_gateway::watch;
use tieline_types::{Cost, CostState, Rates, ServiceTier, TokenPrices, Usage, UsdPico};
use tokio::time::Instant;

use crate::house::{Answer, Client, House, config};

/// Its vendor's own host, another one with the same dialect, and one with a stated price.
const HOUSES: &str = r#"
version: 1
providers:
  vendor: { kind: openai, base_url: "http://api.openai.com/v1", api_key: { env: KEY } }
  proxy:  { kind: openai, base_url: "http://openai.sim/v1", api_key: { env: KEY } }
  stated: { kind: anthropic, base_url: "http://anthropic.sim", api_key: { env: KEY } }
models:
  gpt-6.1-sol: [ vendor ]
  responses: [ { provider: vendor, name: gpt-6.1-sol, surface: responses } ]
  strange: [ { provider: proxy, name: gpt-6.1-sol } ]
  claude: [ { provider: stated, price: { input: 1000, output: 5000 } } ]
"#;

/// One price from a day on and another from the next; flex is dearer than standard, so that nothing
/// but a list can have said so. The house's time is 2026-04-28.
const LIST: &str = "
surface: openai
sources: { ours: { what: a contract, checked: 2026-04-01 } }
models:
  gpt-6.1-sol:
    prices:
      - { scope: global, until: 2026-04-29, tokens: { input: 7, output: 70 }, source: ours }
      - { scope: global, from: 2026-04-29, tokens: { input: 8, output: 80 }, source: ours }
      - { scope: global, tier: flex, tokens: { input: 9, output: 90 }, source: ours }
";

/// A house in which OpenAI's own host is simulated too.
async fn house(text: &str) -> House {
    let house = House::new(text).await;
    let mut arrivals = house.network.listen("api.openai.com:80");
    let sim = house.sim.clone();
    tokio::spawn(async move {
        while let Some(io) = arrivals.recv().await {
            let sim = sim.clone();
            tokio::spawn(async move { sim.serve_io("openai", io).await });
        }
    });
    house
}

/// The houses with a price file of the user's own.
fn with_list(folder: &Path, list: &str) -> String {
    let path = folder.join("ours.yaml");
    std::fs::write(&path, list).unwrap();
    format!("{}prices: {}\n", HOUSES.trim_start(), path.display())
}

async fn ask(house: &House, client: Client, model: &str, stream: bool, tier: &str) -> Answer {
    let mut ask = client.ask(model, stream, "hello");
    if !tier.is_empty() {
        ask["service_tier"] = tier.into();
    }
    if stream && client == Client::Chat {
        ask["stream_options"] = serde_json::json!({ "include_usage": true });
    }
    let answer = house.post(client.path(), ask.to_string()).await;
    assert!(client.is_whole(&answer, stream), "{}", answer.text());
    answer
}

fn rates(input: &str, output: &str) -> Rates {
    let (input, output) = (Some(input.parse().unwrap()), Some(output.parse().unwrap()));
    Rates { usual: TokenPrices { input, output, ..TokenPrices::default() }, long: None }
}

/// The usage and cost of the one attempt of an answer.
async fn charged(house: &House, answer: &Answer) -> (Usage, Cost, Option<ServiceTier>) {
    let record = house.record(answer).await;
    let [attempt] = record.attempts.as_slice() else { panic!("{record:?}") };
    (attempt.usage.unwrap(), attempt.cost.unwrap(), attempt.service_tier.clone())
}

#[tokio::test(start_paused = true)]
async fn every_answer_has_its_cost_on_record_and_whole_ones_tell_it() {
    let house = house(HOUSES).await;
    for client in Client::ALL {
        for stream in [false, true] {
            let answer = ask(&house, client, "claude", stream, "").await;
            let (usage, cost, _) = charged(&house, &answer).await;
            assert_eq!(cost, rates("1000", "5000").cost(&usage));
            assert_eq!(cost.state, CostState::Priced);
            let told = if stream { String::new() } else { cost.usd.to_string() };
            assert_eq!(answer.header("x-tieline-cost-usd"), told);
        }
    }
    let answer = ask(&house, Client::Chat, "strange", false, "").await;
    assert_eq!(charged(&house, &answer).await.1, Cost::UNPRICED);
    assert!(!answer.headers.contains_key("x-tieline-cost-usd"), "what is unknown is not told");
}

#[tokio::test(start_paused = true)]
async fn a_cost_that_lacks_a_part_does_not_look_whole() {
    let folder = tempfile::tempdir().unwrap();
    let house = house(&with_list(folder.path(), &LIST.replace(", output: 70", ""))).await;
    let answer = ask(&house, Client::Chat, "gpt-6.1-sol", false, "").await;
    let (_, cost, _) = charged(&house, &answer).await;
    assert_eq!(cost.state, CostState::Partial);
    assert_eq!(answer.header("x-tieline-cost-usd"), format!("{}; partial", cost.usd));
}

#[tokio::test(start_paused = true)]
async fn a_call_has_the_price_of_the_service_tier_that_served_it() {
    let folder = tempfile::tempdir().unwrap();
    let house = house(&with_list(folder.path(), LIST)).await;
    for (client, stream) in [(Client::Chat, false), (Client::Chat, true), (Client::Messages, true)]
    {
        for (asked, tier, price) in [
            ("", None, Some(rates("7", "70"))),
            ("auto", None, Some(rates("7", "70"))),
            ("default", None, Some(rates("7", "70"))),
            ("flex", Some("flex"), Some(rates("9", "90"))),
            // Where the own list has no row, the built-in ones have.
            ("priority", Some("priority"), Some(rates("4", "20"))),
            ("scale", Some("scale"), None),
        ] {
            // Claude's dialect cannot ask OpenAI for these.
            if client == Client::Messages && tier.is_some() {
                continue;
            }
            let answer = ask(&house, client, "gpt-6.1-sol", stream, asked).await;
            let (usage, cost, served) = charged(&house, &answer).await;
            assert_eq!(served.as_ref().map(ServiceTier::as_str), tier, "{client:?} {asked}");
            let expected = price.map_or(Cost::UNPRICED, |rates| rates.cost(&usage));
            assert_eq!(cost, expected, "{client:?} stream {stream} tier {asked}");
        }
    }
    // A stated price says nothing of other tiers.
    let answer = ask(&house, Client::Messages, "claude", false, "priority").await;
    let (_, cost, served) = charged(&house, &answer).await;
    assert_eq!((cost, served), (Cost::UNPRICED, ServiceTier::served("priority")));
}

#[tokio::test(start_paused = true)]
async fn a_budget_pays_for_the_service_tier_that_is_asked_for() {
    let features = "features:
  f: { budget: { usd: 1, per: day }, tiers: [ { models: [gpt-6.1-sol] } ] }
  small: { budget: { usd: 0.03, per: day }, tiers: [ { models: [gpt-6.1-sol] } ] }
";
    let folder = tempfile::tempdir().unwrap();
    // A thousand tokens of output are at most two cents in the standard tier, and four in flex.
    let list = LIST.replace("output: 70", "output: 20").replace("output: 90", "output: 40");
    let house = house(&format!("{}{features}", with_list(folder.path(), &list))).await;
    let send = async |feature: &str, tier: &str| {
        let mut ask = Client::Chat.ask(feature, false, "hello");
        ask["service_tier"] = tier.into();
        ask["max_tokens"] = 1_000.into();
        house.post(Client::Chat.path(), ask.to_string()).await
    };
    let answer = send("f", "flex").await;
    let (_, cost, _) = charged(&house, &answer).await;
    assert_eq!(cost.state, CostState::Priced);
    let spent = house.gateway.status().budgets.into_iter().find(|one| one.name == "f").unwrap();
    assert_eq!((spent.spent, spent.reserved), (cost.usd, UsdPico::ZERO));
    assert_eq!(send("small", "flex").await.status, 402, "it does not fit as dear as it may be");
    assert_eq!(send("small", "auto").await.status, 200);
    let sent = house.sim.count("openai");
    let refused = send("f", "scale").await;
    assert_eq!((refused.status.as_u16(), house.sim.count("openai")), (503, sent));
    assert!(refused.text().contains("unpriced"), "{}", refused.text());
}

#[tokio::test(start_paused = true)]
async fn only_the_vendors_own_host_has_the_vendors_prices() {
    let house = house(HOUSES).await;
    let cost = async |model| {
        let answer = ask(&house, Client::Chat, model, false, "").await;
        charged(&house, &answer).await.1.state
    };
    assert_eq!(cost("gpt-6.1-sol").await, CostState::Priced);
    assert_eq!(cost("strange").await, CostState::Unpriced);
}

#[tokio::test(start_paused = true)]
async fn another_day_has_its_own_prices() {
    let folder = tempfile::tempdir().unwrap();
    let text = with_list(folder.path(), LIST);
    let house = house(&text).await;
    let calls_cost = async |rates: Rates| {
        let answer = ask(&house, Client::Chat, "gpt-6.1-sol", false, "").await;
        let (usage, cost, _) = charged(&house, &answer).await;
        assert_eq!(cost, rates.cost(&usage));
    };
    calls_cost(rates("7", "70")).await;
    assert!(!house.gateway.apply(&config(&text)).unwrap(), "all is as it was");
    tokio::time::advance(Duration::from_secs(86_400)).await;
    assert!(house.gateway.apply(&config(&text)).unwrap(), "the day is another");
    calls_cost(rates("8", "80")).await;
}

#[tokio::test]
async fn own_price_files_win_and_are_watched() {
    let folder = tempfile::tempdir().unwrap();
    let text = with_list(folder.path(), LIST);
    let path = folder.path().join("tieline.yaml");
    std::fs::write(&path, &text).unwrap();
    let house = house(&text).await;
    let load = Box::new(move || Ok(config(&text)));
    let _watcher = watch(Arc::clone(&house.gateway), path, load).unwrap();
    costs(&house, &rates("7", "70")).await;
    std::fs::write(folder.path().join("ours.yaml"), LIST.replace("70", "71")).unwrap();
    costs(&house, &rates("7", "71")).await;
}

/// Waits until calls cost this much.
async fn costs(house: &House, rates: &Rates) {
    let began = Instant::now();
    loop {
        let answer = ask(house, Client::Chat, "gpt-6.1-sol", false, "").await;
        let (usage, cost, _) = charged(house, &answer).await;
        if cost == rates.cost(&usage) {
            return;
        }
        assert!(began.elapsed() < Duration::from_secs(20), "{cost:?}");
        tokio::task::yield_now().await;
    }
}
