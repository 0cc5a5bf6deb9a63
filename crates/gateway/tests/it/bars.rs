//! Ten thousand requests at concurrency 64, one of three providers failing in every way there is.

use std::time::Duration;

use futures_util::stream::{self, StreamExt as _};
use tieline_ledger::KeyRing;
use tieline_sim::Pace;
use tieline_types::Outcome;

use crate::{
    failover::{AFTER_CONTENT, BEFORE_CONTENT},
    house::{Client, EVERYTHING, House},
};

const REQUESTS: usize = 10_000;
const CONCURRENCY: usize = 64;
const PROVIDERS: [&str; 3] = ["openai", "azure", "bedrock"];

#[tokio::test(start_paused = true)]
async fn no_fault_of_one_provider_loses_a_request() {
    let pace = Pace { first_token: Duration::from_millis(50), per_token: Duration::from_millis(5) };
    let house = House::with(EVERYTHING, pace, |_| KeyRing::default()).await;
    // A 400 without a storm detector is the client's own mistake and goes back to it.
    let faults: Vec<&str> = BEFORE_CONTENT
        .into_iter()
        .filter(|fault| !fault.starts_with("status=400"))
        .chain(AFTER_CONTENT)
        .collect();
    let cells = faults.len() * PROVIDERS.len();
    let mut broken = 0;
    for fault in &faults {
        for provider in PROVIDERS {
            house.sim.script().clear();
            house.fault(provider, fault);
            let asks = (0..REQUESTS.div_ceil(cells)).map(|n| {
                let client = Client::ALL[n % 2];
                let stream = n / 2 % 2 == 0;
                let house = &house;
                async move { (client, stream, house.ask(client, "gpt-5.5", stream, "hello").await) }
            });
            let answers: Vec<_> = stream::iter(asks).buffer_unordered(CONCURRENCY).collect().await;
            for (client, stream, answer) in answers {
                let cell =
                    || format!("{provider} {fault} {client:?} stream={stream}: {}", answer.text());
                if client.is_whole(&answer, stream) {
                    continue;
                }
                assert!(AFTER_CONTENT.contains(fault) && stream, "{}", cell());
                assert!(client.tells_break(&answer), "{}", cell());
                broken += 1;
            }
            // Let what this fault shut open again.
            house.sim.script().clear();
            tokio::time::sleep(Duration::from_secs(301)).await;
        }
    }
    assert!(broken > 0, "faults after content were met");
    let records = house.records().await;
    assert!(records.len() >= REQUESTS);
    let told = records.iter().filter(|one| one.outcome == Outcome::Broken).count();
    assert_eq!(told, broken);
    assert!(records.iter().all(|one| matches!(one.outcome, Outcome::Served | Outcome::Broken)));
}
