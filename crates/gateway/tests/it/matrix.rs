//! The fault matrix: every fault of the simulator, from every client's dialect to every provider's,
//! streamed or not.
//!
//! Each cell sends the same request nine times to a feature whose first deployment has the fault
//! and whose second, of another dialect and provider, is well. It says what the client saw, what
//! was called and recorded, what became of the deployment's breaker and of the feature's retry
//! budget.
//! `cargo nextest run -p tieline-gateway matrix --no-capture` prints the table.

use tieline_types::{CallRecord, Class, DialectId, Outcome};

use crate::house::{Answer, Client, EVERYTHING, House};

const REQUESTS: usize = 9;

/// A way out: the feature that takes it, its first deployment and the one that stands in.
struct Way {
    feature: &'static str,
    first: &'static str,
    spare: &'static str,
    dialect: DialectId,
    /// How the first one says within an answer that it is overloaded.
    overloaded: &'static str,
}

const CHAT: Way = Way {
    feature: "to-chat",
    first: "gpt-5.5@openai",
    spare: "claude@anthropic",
    dialect: DialectId::OpenaiChat,
    overloaded: "server_is_overloaded",
};
const RESPONSES: Way = Way {
    feature: "to-responses",
    first: "responses@openai",
    spare: "nova@bedrock",
    dialect: DialectId::OpenaiResponses,
    overloaded: "server_is_overloaded",
};
const MESSAGES: Way = Way {
    feature: "to-messages",
    first: "claude@anthropic",
    spare: "gpt-5.5@azure",
    dialect: DialectId::AnthropicMessages,
    overloaded: "overloaded_error",
};
const CONVERSE: Way = Way {
    feature: "to-converse",
    first: "nova@bedrock",
    spare: "responses@openai",
    dialect: DialectId::BedrockConverse,
    overloaded: "serviceUnavailableException",
};

impl Way {
    fn config(&self) -> String {
        let Self { feature, first, spare, .. } = self;
        format!(
            "{EVERYTHING}features:\n  {feature}: {{ tiers: [{{ models: [{first}, {spare}] }}] }}\n"
        )
    }

    fn provider(&self) -> &str {
        self.first.split_once('@').unwrap().1
    }
}

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

/// A fault and what must come of it. `OVERLOADED` stands for the provider's own word.
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
const ALWAYS: [Row; 32] = [
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
    row("in-band=OVERLOADED", Some(Class::Overloaded), Seen::Whole, 5, "open failures"),
    row("empty", Some(Class::Empty), Seen::Whole, 5, "open failures"),
    row("refuse", Some(Class::Transport), Seen::Whole, 5, "open failures"),
    row("cut-after=0", Some(Class::StreamTruncated), Seen::Whole, 5, "open failures"),
    row("model-gone", Some(Class::UnsupportedHere), Seen::Whole, 9, "closed"),
    row("billing-exhausted", Some(Class::Billing), Seen::Whole, 1, "open account"),
    row("high-demand", Some(Class::Overloaded), Seen::Whole, 5, "open failures"),
    row("content-filter", Some(Class::PolicyBlock), Seen::Refusal, 9, "closed"),
    row("context-limit=1", Some(Class::ContextOverflow), Seen::Refusal, 9, "closed"),
    // Nothing in these answers says that they are not as they should be.
    row("silent-short=3", None, Seen::Whole, 9, "closed"),
    row("garble=0.5", None, Seen::Whole, 9, "closed"),
    row("schema-drift", None, Seen::Whole, 9, "closed"),
    row("no-usage", None, Seen::Whole, 9, "closed"),
];

/// Faults after the first content of a stream.
const STREAMED: [Row; 4] = [
    row("cut-after=3", Some(Class::StreamTruncated), Seen::Break, 5, "open failures"),
    row("cut-clean-after=3", Some(Class::StreamTruncated), Seen::Break, 5, "open failures"),
    row("stall-after=3", Some(Class::Timeout), Seen::Break, 5, "open failures"),
    row("in-band=OVERLOADED,after=3", Some(Class::Overloaded), Seen::Break, 5, "open failures"),
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

fn retries_left(house: &House, feature: &str) -> u64 {
    let status = house.gateway.status();
    status.features.iter().find(|one| one.name == feature).unwrap().retries_left
}

/// One fault on one way in and out.
#[derive(Clone, Copy)]
struct Cell {
    row: &'static Row,
    client: Client,
    way: &'static Way,
    stream: bool,
}

impl Cell {
    /// The class of the first attempt. Where Converse reports an error in a whole answer, nothing
    /// names it: its name would stand in a header of another status.
    fn class(self) -> Option<Class> {
        let nameless = self.way.dialect == DialectId::BedrockConverse && !self.stream;
        if nameless && self.row.fault.starts_with("in-band") {
            return Some(Class::ServerError);
        }
        self.row.class
    }

    async fn check(self) {
        let Self { row, client, way, stream } = self;
        let place = format!("{} {client:?} to {} stream={stream}", row.fault, way.feature);
        let house = House::new(&way.config()).await;
        house.fault(way.provider(), &row.fault.replace("OVERLOADED", way.overloaded));
        let mut states = Vec::new();
        let mut answers = Vec::new();
        for _ in 0..REQUESTS {
            let ask = "tell me a long story";
            answers.push(house.ask(client, way.feature, stream, ask).await);
            states.push(state(&house, way.first));
        }
        let left = retries_left(&house, way.feature);
        let records = house.records().await;
        for (n, answer) in answers.iter().enumerate() {
            let id = answer.header("x-tieline-request-id");
            let record = records.iter().find(|one| one.id == id).unwrap();
            self.check_answer(&format!("{place} #{n}"), answer, record);
        }
        let calls = house.sim.count(way.provider());
        assert_eq!(calls, row.calls as u64, "{place}: {states:?}");
        assert!(states.iter().any(|state| state == row.state), "{place}: {states:?}");
        assert_eq!(state(&house, way.spare), "closed", "{place}");
        // Where time passed, what nine requests brought in is gone from the window again.
        let untouched = if row.class == Some(Class::Timeout) { 100..=104 } else { 104..=104 };
        assert!(untouched.contains(&left), "{place}: {left}, yet the first move is free");
        println!(
            "{:<46} {:<9} {:<13} {:<6} {:<8} {calls:>5}  {:<15} {left:>7}",
            row.fault,
            format!("{client:?}"),
            way.feature,
            if stream { "stream" } else { "whole" },
            format!("{:?}", row.seen),
            row.state
        );
    }

    /// What one client saw, and whether the record says the same.
    fn check_answer(&self, place: &str, answer: &Answer, record: &CallRecord) {
        let Self { row, client, way, stream } = self;
        let struck = record.attempts.first().is_some_and(|one| &*one.deployment == way.first);
        let expected = if struck { row.seen } else { Seen::Whole };
        let text = answer.text();
        assert_eq!(seen(*client, answer, *stream), Some(expected), "{place}: {text} {record:?}");
        let (outcome, attempts, by) = match expected {
            Seen::Whole if struck && row.class.is_none() => (Outcome::Served, 1, Some(way.first)),
            Seen::Whole if struck => (Outcome::Served, 2, Some(way.spare)),
            Seen::Whole => (Outcome::Served, 1, Some(way.spare)),
            Seen::Break => (Outcome::Broken, 1, Some(way.first)),
            Seen::Refusal => (Outcome::Refused, 1, None),
        };
        assert_eq!(record.outcome, outcome, "{place}");
        assert_eq!(record.deployment.as_deref(), by, "{place}");
        assert_eq!(record.attempts.len(), attempts, "{place}: {record:?}");
        assert_eq!(answer.header("x-tieline-attempts"), attempts.to_string(), "{place}");
        assert_eq!(answer.header("x-tieline-deployment"), by.unwrap_or_default(), "{place}");
        assert_eq!((record.stream, record.status), (*stream, answer.status.as_u16()), "{place}");
        if struck {
            assert_eq!(record.attempts[0].fault, self.class(), "{place}: {record:?}");
            assert_eq!(record.attempts[0].dialect, way.dialect, "{place}");
        }
        let told = if expected == Seen::Whole { None } else { self.class() };
        assert_eq!(record.fault, told, "{place}");
    }
}

/// All faults on one way in and out. A cell that fails does not keep the others from being tried.
async fn matrix(client: Client, way: &'static Way) {
    println!(
        "{:<46} {:<9} {:<13} {:<6} {:<8} {:>5}  {:<15} {:>7}",
        "fault", "client", "way out", "answer", "seen", "calls", "breaker", "retries"
    );
    let mut failed = Vec::new();
    for row in ALWAYS.iter().chain(&STREAMED) {
        for stream in [false, true] {
            let cell = Cell { row, client, way, stream };
            let applies = stream || row.seen != Seen::Break;
            if applies && tokio::spawn(cell.check()).await.is_err() {
                failed.push(format!("{} stream={stream}", row.fault));
            }
        }
    }
    assert!(failed.is_empty(), "{client:?} {}: {failed:?}", way.feature);
}

macro_rules! matrices {
    ($($name:ident: $client:ident to $way:ident;)*) => {
        $(
            #[tokio::test(start_paused = true)]
            async fn $name() {
                matrix(Client::$client, &$way).await;
            }
        )*

        /// A dialect that clients may speak and that is not here would go untested.
        #[test]
        fn every_client_has_its_matrix() {
            let here = [$(Client::$client),*];
            assert!(Client::ALL.iter().all(|client| here.contains(client)));
        }
    };
}

matrices! {
    chat_to_chat: Chat to CHAT;
    chat_to_responses: Chat to RESPONSES;
    chat_to_messages: Chat to MESSAGES;
    chat_to_converse: Chat to CONVERSE;
    messages_to_chat: Messages to CHAT;
    messages_to_responses: Messages to RESPONSES;
    messages_to_messages: Messages to MESSAGES;
    messages_to_converse: Messages to CONVERSE;
}
