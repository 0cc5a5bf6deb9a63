//! The demonstration: providers, gateway and clients in one process, and an outage in the middle.
//!
//! `stage` sets everything up on loopback ports, `traffic` keeps clients calling through `client`,
//! `tally` counts what they got, `health` reads the gateway's own view, `screen` shows it all while
//! it runs and `summary` at the end, beside what the ledger says.

mod client;
mod health;
mod screen;
mod stage;
mod summary;
mod tally;
mod traffic;

use std::{net::SocketAddr, time::Duration};

use tieline_sim::{Fault, RetryForm, Rule};
use tokio::{
    sync::watch,
    time::{Instant, MissedTickBehavior, interval},
};

use crate::{failure::Failure, signals::Signals};

use health::Health;
use screen::Screen;
use stage::Stage;
pub(crate) use summary::Summary;
use tally::Tally;

/// The provider that fails.
const PATIENT: &str = "anthropic";
/// How often the screen and the events are brought up to date.
const TICK: Duration = Duration::from_millis(250);

/// What to demonstrate.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    /// How long the traffic lasts.
    pub(crate) length: Duration,
    /// Where the gateway listens.
    pub(crate) listen: SocketAddr,
    /// The seed of traffic and answers.
    pub(crate) seed: u64,
    /// Whether nothing is shown while it runs.
    pub(crate) quiet: bool,
}

/// When the outage was, since the traffic began.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Outage {
    from: Option<Duration>,
    to: Option<Duration>,
}

/// Runs the demonstration.
///
/// # Errors
/// When something cannot be set up, or the ledger cannot be read afterwards. Lost requests are no
/// error here, see [`Summary::verdict`].
pub(crate) async fn run(plan: Plan) -> Result<Summary, Failure> {
    let mut signals = Signals::listen()?;
    let stage = Stage::open(plan).await?;
    let mut screen = Screen::open(plan, stage.listen)?;
    let tally = Tally::shared(stage.ladders());
    let (stop, stopped) = watch::channel(false);
    let clients = traffic::start(plan.seed, stage.listen, &tally, &stopped);
    let began = Instant::now();
    let played = play(plan, began, &stage, &tally, &mut screen);
    let outage = tokio::select! {
        outage = played => outage?,
        () = signals.stop() => Outage::default(),
    };
    // Clients finish the request they are at; nobody is left to receive this only if none is left.
    let _ = stop.send(true);
    for client in clients {
        // A client that panicked has told so on stderr, and its request misses in the ledger.
        let _ = client.await;
    }
    let lasted = began.elapsed();
    screen.close()?;
    let books = stage.close().await?;
    let tally = tally.read();
    Ok(Summary::new(lasted, outage, &tally, books))
}

/// Lets the time pass: the outage begins and ends, the screen shows it.
async fn play(
    plan: Plan,
    began: Instant,
    stage: &Stage,
    tally: &tally::Shared,
    screen: &mut Screen,
) -> Result<Outage, Failure> {
    let (from, to) = (plan.length / 4, plan.length / 10 * 7);
    let mut outage = Outage::default();
    let mut health = Health::of(&stage.gateway);
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let at = began.elapsed();
        if at >= from && outage.from.is_none() {
            stage.sim.script().set([Rule::new(PATIENT, refusal())]);
            outage.from = Some(at);
            tally.note(at, format!("outage begins: {PATIENT} refuses every request with 401"));
        }
        if at >= to && outage.to.is_none() {
            stage.sim.script().clear();
            outage.to = Some(at);
            tally.note(at, format!("outage ends: {PATIENT} answers again"));
        }
        let now = Health::of(&stage.gateway);
        for change in now.changes(&health) {
            tally.note(at, change);
        }
        health = now;
        screen.show(at, &tally.read(), &health)?;
        if at >= plan.length {
            return Ok(outage);
        }
    }
}

/// What Anthropic answered on 28 April 2026, 17:34 to 18:52 UTC.
const fn refusal() -> Fault {
    Fault::Status { code: 401, error: None, retry_after: None, retry_form: RetryForm::Seconds }
}
