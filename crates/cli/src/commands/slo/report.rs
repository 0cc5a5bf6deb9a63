//! `tieline slo report`: what is left of error budgets.

use std::time::Duration;

use clap::ValueEnum;
use serde_json::json;

use super::{
    measured::{MINUTE_MS, Measured, Wanted, last_minute, measured},
    page,
};
use crate::{
    failure::Failure,
    files::Database,
    print::{self, or_dash},
    when,
};

/// Show how objectives were met, and what is left of their error budgets
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Reads what gateways counted by the minute. An objective that has no counts yet, because it is new or
measures something else since, is counted from the requests on record; --recount does so for all.

Examples:
  tieline slo report
  tieline slo report --feature support-reply --window 7d
  tieline slo report --format html > slos.html
  tieline slo report --recount --format json")]
pub(super) struct Report {
    /// Objectives of this feature
    #[arg(long)]
    feature: Option<String>,
    /// The time to look at, up to now. Default: each objective's own window
    #[arg(long, value_name = "TIME", value_parser = when::duration)]
    window: Option<Duration>,
    /// Count everything anew from the requests on record
    #[arg(long)]
    recount: bool,
    #[command(flatten)]
    database: Database,
    /// How to print the result
    #[arg(long, value_enum, default_value = "table")]
    format: Form,
}

/// The form of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Form {
    /// For people.
    Table,
    /// For programs; stable.
    Json,
    /// For browsers: one file, with charts.
    Html,
}

impl Report {
    pub(super) fn run(self) -> Result<(), Failure> {
        let (config, path) = (self.database.config()?, self.database.path()?);
        let minute = last_minute();
        let wanted = Wanted {
            feature: self.feature.as_deref(),
            window: self.window,
            recount: self.recount,
            minute,
        };
        let slos = measured(&config, &path, wanted)?;
        let until_ms = (minute + 1) * MINUTE_MS;
        match self.format {
            Form::Table => print::line(&table(&slos)),
            Form::Json => print::json(&json!({ "until_ms": until_ms, "slos": slos })),
            Form::Html => print::line(page::page(&slos, until_ms).trim_end()),
        }
    }
}

/// One line for each objective.
pub(super) fn table(slos: &[Measured]) -> String {
    let rows = slos.iter().map(|one| {
        vec![
            one.feature.clone(),
            one.name.clone(),
            one.sli.to_owned(),
            percent(one.target),
            or_dash(one.ratio.map(percent)),
            one.good.to_string(),
            one.bad.to_string(),
            window(one.window_s),
            or_dash(one.budget_left.map(budget_left)),
            or_dash(one.burn_rate.map(|rate| format!("{rate:.2}"))),
            or_dash((!one.alerts.is_empty()).then(|| one.alerts.join(", ").replace('_', " "))),
        ]
    });
    let header = [
        "FEATURE",
        "OBJECTIVE",
        "SLI",
        "TARGET",
        "MET",
        "GOOD",
        "BAD",
        "WINDOW",
        "BUDGET LEFT",
        "BURN",
        "ALERTS",
    ];
    print::table(&header, rows)
}

/// A share in per cent, with as many places as it needs.
pub(crate) fn percent(share: f64) -> String {
    let text = format!("{:.4}", share * 100.0);
    format!("{} %", text.trim_end_matches('0').trim_end_matches('.'))
}

/// What is left of a budget, in per cent.
pub(crate) fn budget_left(left: f64) -> String {
    format!("{:.1} %", left * 100.0)
}

/// A window in the largest unit that it is whole in.
pub(super) fn window(seconds: u64) -> String {
    match seconds {
        0..3_600 => format!("{}m", seconds / 60),
        _ if !seconds.is_multiple_of(3_600) => format!("{}m", seconds / 60),
        _ if seconds.is_multiple_of(86_400) => format!("{}d", seconds / 86_400),
        _ => format!("{}h", seconds / 3_600),
    }
}
