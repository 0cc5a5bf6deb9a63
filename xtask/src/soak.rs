//! `cargo xtask soak`: providers fail at random for minutes, and no critical request does.
//!
//! Simulated providers and the gateway run as processes of their own; the clients behave as the
//! official SDKs do. Everything is drawn from one seed, but not the order in which things meet.

mod client;
mod faults;
mod features;
mod options;
mod sdk;
mod stage;
mod tally;

use std::{cell::RefCell, process::ExitCode, rc::Rc, time::Duration};

use indicatif::ProgressBar;
use rand::{SeedableRng as _, rngs::SmallRng};
use tokio::{
    runtime::Runtime,
    task::LocalSet,
    time::{Instant, interval},
};

use crate::{arguments::Arguments, bench::account, error::TaskError, table::Table};
use client::Client;
use options::Options;
use stage::Stage;
use tally::{Results, Tally};

/// How often memory is looked at.
const LOOK: Duration = Duration::from_secs(1);

pub(crate) fn task(arguments: Arguments) -> Result<ExitCode, TaskError> {
    let options = Options::read(arguments)?;
    let outages = faults::draw(options.seconds(), &mut SmallRng::seed_from_u64(options.seed));
    let stage = Stage::set(&options, &outages)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|source| TaskError::Runtime { source })?;
    let tally = load(&runtime, &stage, &options);
    let calls = stage.upstream_calls(&runtime)?;
    let results = tally.take().results(options.seconds(), calls);
    if options.json {
        println!("{:#}", serde_json::json!(results));
    } else {
        print(&results, outages.len());
    }
    let good = results.bars.iter().all(|bar| bar.cleared);
    Ok(if good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Has the clients ask until the time is over and the last answers have come.
fn load(runtime: &Runtime, stage: &Stage, options: &Options) -> Rc<RefCell<Tally>> {
    let tally: Rc<RefCell<Tally>> = Rc::default();
    let local = LocalSet::new();
    local.block_on(runtime, async {
        let began = Instant::now();
        let until = began + Duration::from_secs_f64(options.seconds());
        let watch = watch(stage.pid(), began, options.seconds(), Rc::clone(&tally));
        let watch = tokio::task::spawn_local(watch);
        let clients: Vec<_> = (0..options.clients)
            .map(|place| {
                let client = Client {
                    address: stage.address.clone(),
                    messages: place % 2 == 1,
                    rng: SmallRng::seed_from_u64(options.seed.wrapping_add(1 + place)),
                    tally: Rc::clone(&tally),
                    until,
                };
                tokio::task::spawn_local(client.run())
            })
            .collect();
        for client in clients {
            // A client that panics is a defect of this program and shows as one.
            client.await.unwrap_or_else(|error| eprintln!("a client stopped: {error}"));
        }
        watch.abort();
    });
    tally
}

/// Looks at the gateway's memory from time to time.
async fn watch(pid: u32, began: Instant, seconds: f64, tally: Rc<RefCell<Tally>>) {
    let bar = ProgressBar::new(Duration::from_secs_f64(seconds).as_secs());
    let mut ticks = interval(LOOK);
    loop {
        ticks.tick().await;
        let at_s = began.elapsed().as_secs_f64();
        tally.borrow_mut().weighed(at_s, account::memory(pid));
        bar.set_position(began.elapsed().as_secs());
    }
}

fn print(results: &Results, outages: usize) {
    let row = |row: &tally::Row| {
        let mark = if row.critical { "" } else { " (may fail)" };
        vec![
            format!("{}{mark}", row.feature),
            row.requests.to_string(),
            row.retries.to_string(),
            row.failed.to_string(),
            row.broken.to_string(),
            format!("{:.0}", row.p50_ms),
            format!("{:.0}", row.p99_ms),
        ]
    };
    let table = Table {
        title: "Soak",
        columns: vec!["feature", "requests", "repeats", "failed", "broken", "p50 ms", "p99 ms"],
        rows: results.features.iter().map(row).collect(),
    };
    println!("{}", table.text());
    println!("{:.0} s, {outages} outages", results.seconds);
    println!(
        "{} upstream calls for {} requests sent: {:.3} each",
        results.upstream_calls, results.sent, results.amplification
    );
    let memory = &results.memory;
    println!(
        "memory {:.1} MB after the warm-up, {:.1} MB at the end, {:.1} MB at most, \
         {:+.2} MB a minute",
        memory.begin_mb, memory.end_mb, memory.peak_mb, memory.mb_a_minute
    );
    for reason in &results.reasons {
        println!("  {reason}");
    }
    for bar in &results.bars {
        println!("{} {}", if bar.cleared { "cleared" } else { "MISSED " }, bar.what);
    }
}
