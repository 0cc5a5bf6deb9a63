//! `tieline audit`: who changed what in running gateways.

use std::time::SystemTime;

use serde_json::json;
use tieline_ledger::AuditFilter;
use tieline_types::{AuditRecord, Change};

use crate::{
    failure::Failure,
    files::Database,
    print::{self, FormatOption, or_dash},
    when::{self, Moment},
};

/// Show who changed what in running gateways, newest first
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Deployments that were drained or suspended and put back, configurations that were taken or refused,
exceptions from policy that began and ended. The actor is an address that the gateway saw, `file`,
`signal` or `sentinels`; who that says it is, nobody has checked.

Examples:
  tieline audit
  tieline audit --since 24h --limit 10
  tieline audit --since 2026-04-28T17:34:00Z --format json")]
pub(crate) struct Audit {
    /// Changes since then: how long ago (1h) or a time (2026-04-28T17:34:00Z)
    #[arg(long, value_name = "TIME")]
    since: Option<Moment>,
    /// At most so many changes
    #[arg(long, value_name = "N", default_value_t = 50)]
    limit: u32,
    #[command(flatten)]
    database: Database,
    #[command(flatten)]
    format: FormatOption,
}

impl Audit {
    pub(crate) fn run(self) -> Result<(), Failure> {
        let now: SystemTime = when::wall_now();
        let since_ms = self.since.map(|moment| moment.unix_ms(now));
        let filter = AuditFilter { since_ms, limit: self.limit };
        let changes = tieline_ledger::audit(&self.database.path()?, &filter)?;
        self.format.print(&json!({ "changes": changes }), |_| table(&changes))
    }
}

fn table(changes: &[AuditRecord]) -> String {
    if changes.is_empty() {
        return "no changes".to_owned();
    }
    let rows = changes.iter().map(|change| {
        vec![
            when::written(change.at_ms),
            change.actor.clone(),
            or_dash(change.claimed.as_ref()),
            change.action.to_string(),
            change.subject.clone(),
            or_dash(change.before.as_ref()),
            or_dash(after(change)),
            result(change),
        ]
    });
    let header = ["TIME", "ACTOR", "SAYS IT IS", "ACTION", "SUBJECT", "BEFORE", "AFTER", "RESULT"];
    print::table(&header, rows)
}

/// What was asked for; a baseline is for programs, and JSON has it.
fn after(change: &AuditRecord) -> Option<&String> {
    change.after.as_ref().filter(|_| change.action != Change::Baseline)
}

/// The result with the first line of its reason; JSON has all of it.
fn result(change: &AuditRecord) -> String {
    let reason = change.reason.as_deref().and_then(|reason| reason.lines().next());
    reason
        .map_or_else(|| change.result.to_string(), |reason| format!("{}: {reason}", change.result))
}
