//! Built-in clients that call both features, in two dialects, streamed and not.

use std::{net::SocketAddr, time::Duration};

use rand::{Rng as _, SeedableRng as _, rngs::SmallRng};
use tieline_types::DialectId;
use tokio::{sync::watch, task::JoinHandle, time::Instant};

use super::{
    client::{Ask, Client},
    tally::Shared,
};

/// How many clients call at a time. With their pauses they make some twenty requests a second,
/// which two cores serve at ease.
const CLIENTS: u64 = 16;
/// How long a client pauses between requests, milliseconds.
const PAUSE_MS: std::ops::RangeInclusive<u64> = 100..=400;

/// What is asked of each feature. `{}` stands for a ticket's number.
const PROMPTS: [(&str, &[&str]); 2] = [
    (
        "support-reply",
        &[
            "Ticket {}: the export to CSV stops at 10,000 rows. Please reply to the customer.",
            "Ticket {}: how do I move my subscription to another account? Please reply.",
            "Ticket {}: I was charged twice this month. Please reply politely.",
        ],
    ),
    (
        "ticket-summary",
        &[
            "Summarise ticket {} in two sentences: login fails after the password was reset.",
            "Summarise ticket {}: the mobile app shows yesterday's figures since the update.",
        ],
    ),
];

const DIALECTS: [DialectId; 2] = [DialectId::OpenaiChat, DialectId::AnthropicMessages];

/// Starts the clients. They stop after the request they are at once `stopped` says so.
pub(crate) fn start(
    seed: u64,
    gateway: SocketAddr,
    tally: &Shared,
    stopped: &watch::Receiver<bool>,
) -> Vec<JoinHandle<()>> {
    let client = Client::new(gateway);
    let began = Instant::now();
    let rngs = (0..CLIENTS).map(|number| SmallRng::seed_from_u64(seed.wrapping_add(number)));
    let kinds = PROMPTS.iter().flat_map(|feature| DIALECTS.map(|dialect| (feature, dialect)));
    rngs.zip(kinds.cycle())
        .map(|(rng, (&(feature, prompts), dialect))| {
            let user = User { rng, feature, prompts, dialect };
            tokio::spawn(user.call(client.clone(), began, tally.clone(), stopped.clone()))
        })
        .collect()
}

/// One user of one feature.
struct User {
    rng: SmallRng,
    feature: &'static str,
    prompts: &'static [&'static str],
    dialect: DialectId,
}

impl User {
    async fn call(
        mut self,
        client: Client,
        began: Instant,
        tally: Shared,
        mut stopped: watch::Receiver<bool>,
    ) {
        while !*stopped.borrow_and_update() {
            let pause = Duration::from_millis(self.rng.random_range(PAUSE_MS));
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                _ = stopped.changed() => continue,
            }
            let result = client.ask(&self.think()).await;
            tally.count(began.elapsed(), self.feature, result);
        }
    }

    fn think(&mut self) -> Ask {
        let pick = self.rng.random_range(0..self.prompts.len());
        let ticket: u32 = self.rng.random_range(1_000..1_000_000);
        let template = self.prompts.get(pick).copied().unwrap_or_default();
        Ask {
            feature: self.feature,
            dialect: self.dialect,
            stream: self.rng.random(),
            prompt: template.replace("{}", &ticket.to_string()),
        }
    }
}
