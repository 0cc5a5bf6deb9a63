//! `tieline demo`: an outage being survived, with nothing but this binary.

use std::{net::SocketAddr, time::Duration};

use clap::builder::RangedU64ValueParser;

use crate::{
    demo::{self, Plan},
    failure::Failure,
    print::{Format, FormatOption},
};

/// Show an outage being survived; needs no configuration and no credentials
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Simulated OpenAI, Azure, Bedrock and Anthropic, a gateway in front of them and clients with live
traffic on two features, all on real loopback ports. A quarter into the run Anthropic refuses
every request with 401, as on 28 April 2026, and recovers when seven tenths are over. A refused
credential is tried again after 30 s: from 45 s on, a run shows Anthropic coming back. Your own
requests are welcome while it runs. Exit code 0 means that no request was lost.

Examples:
  tieline demo
  tieline demo --seconds 20 --listen 127.0.0.1:8080
  tieline demo --seconds 10 --format json")]
pub(crate) struct Demo {
    /// How long to run
    #[arg(long, value_name = "N", default_value_t = 60, value_parser = seconds())]
    seconds: u32,
    /// Where the gateway listens; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// Seed of the traffic and of what providers say
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    #[command(flatten)]
    format: FormatOption,
}

impl Demo {
    pub(crate) fn run(self) -> Result<(), Failure> {
        let runtime = tokio::runtime::Runtime::new().map_err(Failure::os("start the runtime"))?;
        let plan = Plan {
            length: Duration::from_secs(self.seconds.into()),
            listen: self.listen,
            seed: self.seed,
            quiet: self.format.format == Format::Json,
        };
        let summary = runtime.block_on(demo::run(plan))?;
        self.format.print(&summary, demo::Summary::table)?;
        summary.verdict()
    }
}

/// From the shortest run that shows an outage to a day.
fn seconds() -> RangedU64ValueParser<u32> {
    RangedU64ValueParser::new().range(4..=86_400)
}
