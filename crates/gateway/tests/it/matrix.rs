//! The fault matrix: every fault of the simulator, from every client's dialect, streamed or not.
//!
//! Each cell sends the same request nine times to a feature whose first deployment has the fault
//! and whose second is well, and says what the client saw, what was called, and what became of the
//! deployment. `cargo nextest run -p tieline-gateway matrix --no-capture` prints the table.

use tieline_types::{Class, Outcome};

use crate::house::{Answer, Client, EVERYTHING, House};

const REQUESTS: usize = 9;

/// What the client gets to see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Seen {
    /// A whole answer, by the second deployment where the first could not.
    Whole,
    /// The dialect's own error, after content.
    Break,
    /// The provider's refusal, as it stands.
    Refusal,
}

/// A fault and what must come of it.
struct Row {
    fault: &'static str,
    /// The class of the first attempt; none where it serves.
    class: Option<Class>,
    seen: Seen,
    /// How many of the nine requests called the faulty deployment.
    calls: usize,
    /// What becomes of the faulty deployment.
    state: &'static str,
}

const fn row(
    fault: &'static str,
    class: Option<Class>,
    seen: Seen,
    calls: usize,
    state: &'static str,
) -> Row {
    Row { fault, class, seen, calls, state }
}

/// Faults of any request.
const ALWAYS: [Row; 23] = [
    row("status=400", Some(Class::ClientInvalid), Seen::Refusal, 9, "closed"),
    row("status=401", Some(Class::Auth), Seen::Whole, 1, "open credential"),
    row("status=402", Some(Class::Billing), Seen::Whole, 1, "open account"),
    row("status=403", Some(Class::Auth), Seen::Whole, 1, "open credential"),
    row("status=404", Some(Class::UnsupportedHere), Seen::Whole, 9, "closed"),
    row("status=408", Some(Class::Timeout), Seen::Whole, 5, "open failures"),
    row("status=429,retry-after=20s", Some(Class::RateLimited), Seen::Whole, 1, "closed quota"),
    row(
        "status=429,retry-after=20s,retry-form=millis",
        Some(Class::RateLimited),
        Seen::Whole,
        1,
        "closed quota",
    ),
    row(
        "status=429,retry-after=20s,retry-form=date",
        Some(Class::RateLimited),
        Seen::Whole,
        1,
        "closed quota",
    ),
    row("status=429", Some(Class::RateLimited), Seen::Whole, 1, "closed quota"),
    row("status=500", Some(Class::ServerError), Seen::Whole, 5, "open failures"),
    row("status=502", Some(Class::ServerError), Seen::Whole, 5, "open failures"),
    row("status=503", Some(Class::Overloaded), Seen::Whole, 5, "open failures"),
    row("status=504", Some(Class::Timeout), Seen::Whole, 5, "open failures"),
    row("status=529", Some(Class::Overloaded), Seen::Whole, 5, "open failures"),
    row("slow-first-token=400s", Some(Class::Timeout), Seen::Whole, 5, "open failures"),
    row("hang", Some(Class::Timeout), Seen::Whole, 5, "open failures"),
    row("hang-after-headers", Some(Class::Timeout), Seen::Whole, 5, "open failures"),
    row("garbage", Some(Class::BadPayload), Seen::Whole, 5, "open failures"),
    row("in-band=overloaded_error", Some(Class::Overloaded), Seen::Whole, 5, "open failures"),
    row("empty", Some(Class::Empty), Seen::Whole, 5, "open failures"),
    row("refuse", Some(Class::Transport), Seen::Whole, 5, "open failures"),
    row("cut-after=0", Some(Class::StreamTruncated), Seen::Whole, 5, "open failures"),
];

/// Faults after the first content of a stream.
const STREAMED: [Row; 4] = [
    row("cut-after=3", Some(Class::StreamTruncated), Seen::Break, 5, "open failures"),
    row("cut-clean-after=3", Some(Class::StreamTruncated), Seen::Break, 5, "open failures"),
    row("stall-after=3", Some(Class::Timeout), Seen::Break, 5, "open failures"),
    row(
        "in-band=overloaded_error,after=3",
        Some(Class::Overloaded),
        Seen::Break,
        5,
        "open failures",
    ),
];

fn seen(client: Client, answer: &Answer, stream: bool) -> Option<Seen> {
    if client.is_whole(answer, stream) {
        Some(Seen::Whole)
    } else if answer.status == 200 && client.tells_break(answer) {
        Some(Seen::Break)
    } else if answer.status == 400 && answer.json()["error"]["message"].is_string() {
        Some(Seen::Refusal)
    } else {
        None
    }
}

/// The state of a deployment in a word or two.
fn state(house: &House, id: &str) -> String {
    let status = house.gateway.status();
    let one = status.deployments.into_iter().find(|one| one.id == id).unwrap();
    let quota = one.quota_opens_in_s.is_some().then_some("quota");
    let words = [Some(one.state), one.cause, quota];
    words.into_iter().flatten().collect::<Vec<_>>().join(" ")
}

async fn cell(row: &Row, client: Client, stream: bool, model: &str, first: &str) {
    let place = format!("{} {client:?} stream={stream} {model}", row.fault);
    let house = House::new(EVERYTHING).await;
    let (_, provider) = first.split_once('@').unwrap();
    house.fault(provider, row.fault);
    let mut states = Vec::new();
    let mut answers = Vec::new();
    for _ in 0..REQUESTS {
        answers.push(house.ask(client, model, stream, "tell me a long story").await);
        states.push(state(&house, first));
    }
    let records = house.records().await;
    for (n, answer) in answers.iter().enumerate() {
        let id = answer.header("x-tieline-request-id");
        let record = records.iter().find(|one| one.id == id).unwrap();
        let struck = record.attempts.first().is_some_and(|one| &*one.deployment == first);
        let expected = if struck { row.seen } else { Seen::Whole };
        let text = answer.text();
        assert_eq!(seen(client, answer, stream), Some(expected), "{place} #{n}: {text}");
        let outcome = match expected {
            Seen::Whole => Outcome::Served,
            Seen::Break => Outcome::Broken,
            Seen::Refusal => Outcome::Refused,
        };
        assert_eq!(record.outcome, outcome, "{place} #{n}");
        let attempts = if struck && expected == Seen::Whole { 2 } else { 1 };
        assert_eq!(record.attempts.len(), attempts, "{place} #{n}: {record:?}");
        if struck {
            assert_eq!(record.attempts[0].fault, row.class, "{place} #{n}: {record:?}");
        }
    }
    assert_eq!(house.sim.count(provider), row.calls as u64, "{place}: {states:?}");
    assert!(states.iter().any(|state| state == row.state), "{place}: {states:?}");
    let status = house.gateway.status();
    let feature = status.features.iter().find(|one| one.name == model).unwrap();
    // Where time passed, what nine requests brought in is gone from the window again.
    let untouched = if row.class == Some(Class::Timeout) { 100..=104 } else { 104..=104 };
    assert!(untouched.contains(&feature.retries_left), "{place}: the first move is free");
    println!("{place:<70} {:>2} calls  {:?}  {}", row.calls, row.seen, row.state);
}

#[tokio::test(start_paused = true)]
async fn from_openai_chat() {
    for row in &ALWAYS {
        cell(row, Client::Chat, false, "gpt-5.5", "gpt-5.5@openai").await;
        cell(row, Client::Chat, true, "gpt-5.5", "gpt-5.5@openai").await;
    }
    for row in &STREAMED {
        cell(row, Client::Chat, true, "gpt-5.5", "gpt-5.5@openai").await;
    }
}

#[tokio::test(start_paused = true)]
async fn from_anthropic_messages() {
    for row in &ALWAYS {
        cell(row, Client::Messages, false, "claude", "claude@anthropic").await;
        cell(row, Client::Messages, true, "claude", "claude@anthropic").await;
    }
    for row in &STREAMED {
        cell(row, Client::Messages, true, "claude", "claude@anthropic").await;
    }
}

#[tokio::test(start_paused = true)]
async fn across_dialects() {
    for row in &ALWAYS {
        cell(row, Client::Messages, false, "gpt-5.5", "gpt-5.5@openai").await;
        cell(row, Client::Chat, true, "claude", "claude@anthropic").await;
    }
    for row in &STREAMED {
        cell(row, Client::Messages, true, "gpt-5.5", "gpt-5.5@openai").await;
        cell(row, Client::Chat, true, "claude", "claude@anthropic").await;
    }
}
