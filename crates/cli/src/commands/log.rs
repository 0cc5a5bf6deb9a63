//! `tieline log`: what happened to requests.

use std::time::SystemTime;

use clap::Subcommand;
use serde::{
    Deserialize,
    de::{IntoDeserializer, value},
};
use serde_json::json;
use tieline_ledger::Filter;
use tieline_types::{
    AttemptRecord, CallRecord, Class, Cost, CostState, DECISION_ID, DecisionRecord, Outcome,
    PassedOver, Usage,
};

use crate::{
    decided,
    failure::Failure,
    files::Database,
    print::{self, FormatOption, or_dash},
    when::{self, Moment},
};

/// Show what happened to requests, newest first
#[derive(Debug, clap::Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "\
Every condition that is given must hold.

Examples:
  tieline log
  tieline log --feature support-reply --outcome failed --since 1h
  tieline log --deployment claude-sonnet-5@anthropic --fault auth --limit 10
  tieline log --since 2026-04-28T17:34:00Z --until 2026-04-28T18:52:00Z --format json
  tieline log show req_019a3c5e7d5b7c1e9d4f2b8a6c0e1f23"
)]
pub(crate) struct Log {
    #[command(subcommand)]
    action: Option<Action>,
    #[command(flatten)]
    query: Query,
}

#[derive(Debug, Subcommand)]
enum Action {
    Show(Show),
}

#[derive(Debug, clap::Args)]
struct Query {
    /// Requests for this feature
    #[arg(long)]
    feature: Option<String>,
    /// Requests that ended so: served, degraded, refused, failed, broken or cancelled
    #[arg(long, value_parser = word::<Outcome>)]
    outcome: Option<Outcome>,
    /// Requests that this deployment answered or was tried for
    #[arg(long, value_name = "MODEL@PROVIDER")]
    deployment: Option<String>,
    /// Requests that met this class of fault, on the way or in the end, such as auth or timeout
    #[arg(long, value_name = "CLASS", value_parser = word::<Class>)]
    fault: Option<Class>,
    /// Requests of this caller: the id of an API key, `local`, or `tieline` for its own probes
    #[arg(long, value_name = "ID")]
    caller: Option<String>,
    /// Requests since then: how long ago (1h) or a time (2026-04-28T17:34:00Z)
    #[arg(long, value_name = "TIME")]
    since: Option<Moment>,
    /// Requests before then, written in the same ways
    #[arg(long, value_name = "TIME")]
    until: Option<Moment>,
    /// At most so many requests
    #[arg(long, value_name = "N", default_value_t = 50)]
    limit: u32,
    #[command(flatten)]
    database: Database,
    #[command(flatten)]
    format: FormatOption,
}

/// Show one request with all its attempts, or one decision
#[derive(Debug, clap::Args)]
#[command(after_help = "\
The ids are in the response headers x-tieline-request-id and x-tieline-decision. Requests that were
decided in the same way for the same reasons share a decision.

Examples:
  tieline log show req_019a3c5e7d5b7c1e9d4f2b8a6c0e1f23
  tieline log show dec_5f0c2a9d1b7e48c36a90f1d2")]
struct Show {
    /// The id of the request or decision
    id: String,
    #[command(flatten)]
    database: Database,
    #[command(flatten)]
    format: FormatOption,
}

impl Log {
    pub(crate) fn run(self) -> Result<(), Failure> {
        match self.action {
            Some(Action::Show(show)) => show.run(),
            None => self.query.run(when::wall_now()),
        }
    }
}

impl Query {
    fn run(self, now: SystemTime) -> Result<(), Failure> {
        let moment = |moment: Option<Moment>| moment.map(|moment| moment.unix_ms(now));
        let filter = Filter {
            id: None,
            feature: self.feature,
            caller: self.caller,
            outcome: self.outcome,
            deployment: self.deployment,
            fault: self.fault,
            since_ms: moment(self.since),
            until_ms: moment(self.until),
            limit: self.limit,
        };
        let records = tieline_ledger::query(&self.database.path()?, &filter)?;
        self.format.print(&json!({ "requests": records }), |_| table(&records))
    }
}

impl Show {
    fn run(self) -> Result<(), Failure> {
        if self.id.starts_with(DECISION_ID) {
            let decision = tieline_ledger::decision(&self.database.path()?, &self.id)?;
            let decision = decision.ok_or_else(|| self.missing("decision"))?;
            return self.format.print(&decision, |decision| {
                let head = format!(
                    "{:<12}{}\n{:<12}{}\n{:<12}{}",
                    "decision",
                    decision.id,
                    "feature",
                    decision.feature,
                    "by",
                    decision.configuration
                );
                format!("{head}\n\n{}", decision_text(decision))
            });
        }
        let filter = Filter { id: Some(self.id.clone()), limit: 1, ..Filter::default() };
        let records = tieline_ledger::query(&self.database.path()?, &filter)?;
        let record = records.first().ok_or_else(|| self.missing("request"))?;
        self.format.print(record, details)
    }

    fn missing(&self, what: &str) -> Failure {
        Failure::Usage {
            message: format!("there is no {what} {} in the ledger", self.id),
            hint: "`tieline log` shows the latest; a new one takes a moment to arrive".to_owned(),
        }
    }
}

/// Reads a word of one of the ledger's vocabularies.
fn word<T: for<'de> Deserialize<'de>>(text: &str) -> Result<T, value::Error> {
    T::deserialize(text.into_deserializer())
}

fn table(records: &[CallRecord]) -> String {
    if records.is_empty() {
        return "no requests".to_owned();
    }
    let rows = records.iter().map(|record| {
        vec![
            when::written(record.started_ms),
            record.id.clone(),
            or_dash(Some(&record.feature).filter(|feature| !feature.is_empty())),
            record.outcome.to_string(),
            or_dash(record.tier.as_ref()),
            or_dash(record.deployment.as_ref()),
            record.attempts.len().to_string(),
            or_dash(record.first_content_us.map(when::lapse)),
            when::lapse(record.duration_us),
            or_dash(record.fault),
        ]
    });
    let header = [
        "TIME",
        "ID",
        "FEATURE",
        "OUTCOME",
        "TIER",
        "DEPLOYMENT",
        "TRIES",
        "FIRST",
        "TOTAL",
        "FAULT",
    ];
    print::table(&header, rows)
}

/// Everything about one request: what it was, then each attempt.
fn details(record: &CallRecord) -> String {
    let asked = if record.stream { "a stream" } else { "a whole answer" };
    let fault = record.fault.map(|class| fault_text(class, record.fault_message.as_deref()));
    let losses = (!record.losses.is_empty()).then(|| record.losses.join(", "));
    let lines = [
        ("request", Some(record.id.clone())),
        ("arrived", Some(when::written(record.started_ms))),
        ("caller", Some(record.caller.to_string())),
        ("asked", Some(format!("{} for {asked}, model `{}`", record.dialect, record.model_asked))),
        ("feature", Some(record.feature.to_string())),
        ("outcome", Some(format!("{} (HTTP {})", record.outcome, record.status))),
        ("tier", record.tier.as_ref().map(ToString::to_string)),
        ("deployment", record.deployment.as_ref().map(ToString::to_string)),
        ("fault", fault),
        ("lost", losses),
        ("first", record.first_content_us.map(when::lapse)),
        ("total", Some(when::lapse(record.duration_us))),
        ("usage", record.usage.as_ref().map(usage_text)),
        ("cost", record.cost().map(cost_text)),
        ("trace", record.trace_id.clone()),
        ("decision", record.decision.as_ref().map(|decision| decision.id.to_string())),
    ];
    let known = lines.into_iter().filter_map(|(label, value)| Some((label, value?)));
    let known = known.filter(|(_, value)| !value.is_empty());
    let head: Vec<String> = known.map(|(label, value)| format!("{label:<12}{value}")).collect();
    let parts = [
        Some(head.join("\n")),
        Some(attempts(&record.attempts)),
        (!record.passed_over.is_empty()).then(|| passed_over(&record.passed_over)),
        record.decision.as_deref().map(decision_text),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join("\n\n")
}

fn decision_text(decision: &DecisionRecord) -> String {
    let carried = decision.modalities.map(|all| format!("its policies saw a request with {all}"));
    let burning = (!decision.on_burn.is_empty())
        .then(|| format!("objectives burnt, so that it does: {}", decision.on_burn.join("; ")));
    let parts = [decided::candidates(&decision.candidates), decided::plan(&decision.plan)];
    carried.into_iter().chain(burning).chain(parts).collect::<Vec<_>>().join("\n\n")
}

fn attempts(attempts: &[AttemptRecord]) -> String {
    if attempts.is_empty() {
        return "no provider was called".to_owned();
    }
    let rows = attempts.iter().zip(1..).map(|(attempt, number)| {
        let fault = attempt.fault.map(|class| fault_text(class, attempt.fault_message.as_deref()));
        vec![
            format!("{number}"),
            attempt.tier.to_string(),
            attempt.service_tier.as_ref().map_or_else(
                || attempt.deployment.to_string(),
                |tier| format!("{} ({tier})", attempt.deployment),
            ),
            attempt.dialect.to_string(),
            attempt.reason.as_str().replace('_', " "),
            or_dash(attempt.status),
            when::lapse(attempt.start_us),
            or_dash(attempt.first_content_us.map(when::lapse)),
            when::lapse(attempt.duration_us),
            fault.unwrap_or_else(|| "served".to_owned()),
        ]
    });
    let header = [
        "TRY",
        "TIER",
        "DEPLOYMENT",
        "DIALECT",
        "WHY",
        "HTTP",
        "BEGAN",
        "FIRST",
        "TOTAL",
        "RESULT",
    ];
    print::table(&header, rows)
}

fn passed_over(candidates: &[PassedOver]) -> String {
    let rows = candidates.iter().map(|one| {
        let opens_in = one.opens_in_ms.map(|ms| when::lapse(ms.saturating_mul(1_000)));
        vec![
            one.tier.to_string(),
            one.deployment.to_string(),
            one.why.to_string(),
            or_dash(opens_in),
        ]
    });
    print::table(&["TIER", "PASSED OVER", "WHY", "OPEN IN"], rows)
}

fn fault_text(class: Class, message: Option<&str>) -> String {
    message.map_or_else(|| class.to_string(), |message| format!("{class}: {message}"))
}

fn cost_text(cost: Cost) -> String {
    match cost.state {
        CostState::Priced => format!("${}", cost.usd),
        CostState::Estimated => format!("${} (estimated)", cost.usd),
        CostState::Partial => format!("at least ${} (part of it has no price)", cost.usd),
        CostState::Unpriced => "unknown (it has no price)".to_owned(),
    }
}

fn usage_text(usage: &Usage) -> String {
    let sure = if usage.estimated { " (estimated)" } else { "" };
    format!("{} tokens in, {} out{sure}", usage.input_total(), usage.output_total())
}
