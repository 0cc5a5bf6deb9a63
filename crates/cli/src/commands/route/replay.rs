//! `tieline route replay`: what recorded requests would have met under another configuration.

mod figures;
mod page;
mod table;

use std::{fs, io::IsTerminal as _, path::PathBuf};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;
use tieline_config::Config;
use tieline_gateway::replay::{Replay as Found, Replayer};
use tieline_ledger::Pages;

use crate::{
    failure::Failure,
    files::{Database, load_for_reading},
    print::{self, FormatOption},
    when::{self, Moment},
};

/// Show what recorded requests would have met under another configuration, policy or price list
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Reads the ledger and sends nothing anywhere. Each request is decided again by the same code that
decides in the gateway, with the policies and prices of its time. What was ill then is taken from
the record; what nobody called is taken to be well, and is said to be. The same replay of the
present configuration tells how far the result can be believed.

Examples:
  tieline route replay --since 7d --with next.yaml
  tieline route replay --since 7d --with next.yaml --html replay.html
  tieline route replay --since 2026-11-01 --until 2026-12-01 --with next.yaml --format json")]
pub(super) struct Replay {
    /// Requests since then: how long ago (7d) or a time (2026-11-01)
    #[arg(long, value_name = "TIME", default_value = "7d")]
    since: Moment,
    /// Requests before then, written in the same ways. Default: now
    #[arg(long, value_name = "TIME")]
    until: Option<Moment>,
    /// The other configuration
    #[arg(long, value_name = "FILE")]
    with: PathBuf,
    /// Write a report with charts, for a browser
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    #[command(flatten)]
    database: Database,
    #[command(flatten)]
    format: FormatOption,
}

/// What was replayed, and what was found.
#[derive(Serialize)]
struct Shown {
    /// The other configuration, as it was named.
    with: String,
    since_ms: u64,
    until_ms: u64,
    #[serde(flatten)]
    found: Found,
}

impl Replay {
    pub(super) fn run(self) -> Result<(), Failure> {
        let now = when::wall_now();
        let since_ms = self.since.unix_ms(now);
        let until_ms = self.until.map_or_else(|| when::unix_ms(now), |until| until.unix_ms(now));
        let (present, other) = (self.database.config_if_any()?, load_for_reading(&self.with)?);
        let pages = Pages::open(&self.database.path()?, since_ms, until_ms)?;
        let found = replayed(present.as_ref(), &other, pages, since_ms)?;
        let with = self.with.display().to_string();
        let shown = Shown { with, since_ms, until_ms, found };
        if let Some(path) = &self.html {
            let written = fs::write(path, page::page(&shown));
            written.map_err(Failure::os(format!("write {}", path.display())))?;
            print::remark(&format!("the report is in {}", path.display()));
        }
        self.format.print(&shown, table::table)
    }
}

/// Replays a page at a time.
fn replayed(
    present: Option<&Config>,
    other: &Config,
    mut pages: Pages,
    since_ms: u64,
) -> Result<Found, Failure> {
    let mut replayer = Replayer::new(present, other, since_ms)?;
    let progress = progress(&pages)?;
    loop {
        let page = pages.next_page()?;
        if page.is_empty() {
            progress.finish_and_clear();
            return Ok(replayer.finish());
        }
        for record in &page {
            replayer.take(record)?;
        }
        progress.inc(u64::try_from(page.len()).unwrap_or(u64::MAX));
    }
}

/// A bar on a terminal, and nothing elsewhere.
fn progress(pages: &Pages) -> Result<ProgressBar, Failure> {
    if !std::io::stderr().is_terminal() {
        return Ok(ProgressBar::hidden());
    }
    let target = ProgressDrawTarget::stderr();
    let bar = ProgressBar::with_draw_target(Some(pages.count()?), target);
    let style = "replaying {bar:40} {human_pos} of {human_len} requests, {eta} left";
    Ok(match ProgressStyle::with_template(style) {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    })
}
