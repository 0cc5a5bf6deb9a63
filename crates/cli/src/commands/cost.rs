//! `tieline cost`: what calls cost, added up.

mod reprice;

use clap::{Subcommand, ValueEnum};
use serde_json::json;
use tieline_ledger::{CostBy, CostSum, PricedCall};
use tieline_types::UsdPico;

use crate::{
    failure::Failure,
    files::Database,
    print::{self, FormatOption, counted},
    when::{self, Moment},
};

/// Show what calls cost, by feature, tier, deployment, caller or day
#[derive(Debug, clap::Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "\
Each upstream call is priced when it ends, by the prices of that time; calls that failed, were
hedged or repeated count too. What has no price is counted apart and never as nothing: where
UNPRICED or PARTIAL is above 0, the amount is a lower bound.

Examples:
  tieline cost
  tieline cost --by day --since 7d
  tieline cost --by deployment --since 2026-11-01 --until 2026-12-01 --format json
  tieline cost reprice --since 7d"
)]
pub(crate) struct Cost {
    #[command(subcommand)]
    action: Option<Action>,
    #[command(flatten)]
    query: Query,
}

#[derive(Debug, Subcommand)]
enum Action {
    Reprice(reprice::Reprice),
}

#[derive(Debug, clap::Args)]
struct Query {
    /// What to add up by
    #[arg(long, value_enum, default_value = "feature")]
    by: By,
    /// Requests since then: how long ago (24h) or a time (2026-11-01)
    #[arg(long, value_name = "TIME", default_value = "30d")]
    since: Moment,
    /// Requests before then, written in the same ways
    #[arg(long, value_name = "TIME")]
    until: Option<Moment>,
    #[command(flatten)]
    database: Database,
    #[command(flatten)]
    format: FormatOption,
}

/// What to add up by.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum By {
    /// The feature that was asked for
    Feature,
    /// The tier of the feature
    Tier,
    /// The deployment that was called
    Deployment,
    /// Who asked
    Caller,
    /// The day, in UTC
    Day,
}

impl By {
    const fn group(self) -> CostBy {
        match self {
            Self::Feature => CostBy::Feature,
            Self::Tier => CostBy::Tier,
            Self::Deployment => CostBy::Deployment,
            Self::Caller => CostBy::Caller,
            Self::Day => CostBy::Day,
        }
    }

    const fn title(self) -> &'static str {
        match self {
            Self::Feature => "FEATURE",
            Self::Tier => "TIER",
            Self::Deployment => "DEPLOYMENT",
            Self::Caller => "CALLER",
            Self::Day => "DAY",
        }
    }

    /// The group that a call belongs to.
    fn name_of(self, call: &PricedCall) -> String {
        match self {
            Self::Feature => call.feature.clone(),
            Self::Tier => format!("{}/{}", call.feature, call.tier),
            Self::Deployment => call.deployment.clone(),
            Self::Caller => call.caller.clone(),
            Self::Day => when::day(call.started_ms),
        }
    }
}

impl Cost {
    pub(crate) fn run(self) -> Result<(), Failure> {
        match self.action {
            Some(Action::Reprice(reprice)) => reprice.run(),
            None => self.query.run(),
        }
    }
}

impl Query {
    fn run(self) -> Result<(), Failure> {
        let now = when::wall_now();
        let since_ms = self.since.unix_ms(now);
        let until_ms = self.until.map_or(u64::MAX, |until| until.unix_ms(now));
        let path = self.database.path()?;
        let sums = tieline_ledger::costs(&path, self.by.group(), since_ms, until_ms)?;
        let total: UsdPico = sums.iter().map(|sum| sum.usd).sum();
        let value = json!({
            "by": print::value_name(&self.by),
            "total_usd": total,
            "groups": sums.iter().map(shown).collect::<Vec<_>>(),
        });
        self.format.print(&value, |_| table(self.by, &sums, total))
    }
}

fn shown(sum: &CostSum) -> serde_json::Value {
    let CostSum { name, requests, attempts, input_tokens, output_tokens, usd, .. } = sum;
    json!({
        "name": name,
        "requests": requests,
        "attempts": attempts,
        "input_tokens": input_tokens,
        "output_tokens": output_tokens,
        "usd": usd,
        "estimated": sum.estimated,
        "partial": sum.partial,
        "unpriced": sum.unpriced,
    })
}

fn table(by: By, sums: &[CostSum], total: UsdPico) -> String {
    if sums.is_empty() {
        return "no calls in this time".to_owned();
    }
    let rows = sums.iter().map(|sum| {
        [
            sum.name.clone(),
            sum.requests.to_string(),
            sum.attempts.to_string(),
            sum.input_tokens.to_string(),
            sum.output_tokens.to_string(),
            sum.usd.to_string(),
            sum.estimated.to_string(),
            sum.partial.to_string(),
            sum.unpriced.to_string(),
        ]
    });
    let header = [
        by.title(),
        "REQUESTS",
        "ATTEMPTS",
        "INPUT",
        "OUTPUT",
        "USD",
        "ESTIMATED",
        "PARTIAL",
        "UNPRICED",
    ];
    let table = print::table(&header, rows);
    let lacking: u64 = sums.iter().map(|sum| sum.partial + sum.unpriced).sum();
    let rest = match lacking {
        0 => String::new(),
        calls => format!(
            ", and {} without a whole price: `tieline prices show MODEL` tells what is known",
            counted(usize::try_from(calls).unwrap_or(usize::MAX), "call")
        ),
    };
    format!("{table}\ntotal ${total}{rest}")
}
