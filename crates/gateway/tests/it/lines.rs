//! What is wrong with the way to a provider, below HTTP.

use tieline_types::{Class, Outcome};
use tieline_upstream::LineFault;
use tokio::time::Instant;

use crate::house::{Client, EVERYTHING, House};

const FIRST: &str = "gpt-5.5@openai";
const SPARE: &str = "claude@anthropic";
const WAY: &str = "openai.sim:80";

fn config() -> String {
    format!("{EVERYTHING}features:\n  chat: {{ tiers: [{{ models: [{FIRST}, {SPARE}] }}] }}\n")
}

/// What the first attempt of one request is told, and how long the client waits. `warm` leaves an
/// open connection behind before the fault begins.
async fn struck(fault: LineFault, warm: bool) -> (Option<Class>, u64) {
    let house = House::new(&config()).await;
    if warm {
        house.ask(Client::Chat, "chat", true, "hello").await;
    }
    house.network.strike(WAY, Some(fault));
    let begun = Instant::now();
    let answer = house.ask(Client::Chat, "chat", true, "hello").await;
    let waited_s = begun.elapsed().as_secs();
    assert!(Client::Chat.is_whole(&answer, true), "{fault:?}: {}", answer.text());
    let id = answer.header("x-tieline-request-id").to_owned();
    let records = house.records().await;
    let record = records.into_iter().find(|one| one.id == id).unwrap();
    assert_eq!(record.outcome, Outcome::Served, "{fault:?}");
    let served = record.deployment.as_deref();
    let fault_seen = record.attempts[0].fault;
    let expected = if fault_seen.is_some() { SPARE } else { FIRST };
    assert_eq!(served, Some(expected), "{fault:?} warm={warm}");

    house.network.strike(WAY, None);
    let after = house.ask(Client::Chat, "chat", true, "hello").await;
    assert_eq!(after.header("x-tieline-deployment"), FIRST, "{fault:?} is over");
    (fault_seen, waited_s)
}

#[tokio::test(start_paused = true)]
async fn no_fault_of_the_way_is_seen_by_the_client() {
    let transport = Some(Class::Transport);
    for (fault, cold, warm) in [
        (LineFault::NoAddress, (transport, 0), (None, 0)),
        (LineFault::Refused, (transport, 0), (None, 0)),
        (LineFault::BadCertificate, (transport, 0), (None, 0)),
        (LineFault::Reset, (transport, 0), (transport, 0)),
        // Nobody answers on a new connection within the connect timeout, and on an open one
        // within the time for the first content.
        (LineFault::BlackHole, (transport, 2), (Some(Class::Timeout), 15)),
    ] {
        assert_eq!(struck(fault, false).await, cold, "{fault:?}, new connection");
        assert_eq!(struck(fault, true).await, warm, "{fault:?}, open connection");
    }
}
