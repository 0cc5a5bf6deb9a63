//! `tieline status`: what a running gateway knows of its deployments and features.

use serde_json::Value;

use crate::{
    admin::Admin,
    commands::slo::{budget_left, percent},
    failure::Failure,
    print::{self, FormatOption, counted},
    standings, when,
};

/// Show the health of deployments and features of a running gateway
#[derive(Debug, clap::Args)]
#[command(after_help = "\
A deployment is closed (takes traffic), open (rests), half-open (waits for its probe), ramping (its
traffic returns in steps), drained (taken out by hand) or suspended (it answers otherwise than
before, and is the last resort). A tier is up, dropped (its deployments are out) or settling (it
returns in steps).

Examples:
  tieline status
  tieline status --admin 127.0.0.1:8081 --format json")]
pub(crate) struct Status {
    #[command(flatten)]
    admin: Admin,
    #[command(flatten)]
    format: FormatOption,
}

impl Status {
    pub(crate) fn run(self) -> Result<(), Failure> {
        let said = self.admin.get("/status")?;
        self.format.print(&said.body, tables)
    }
}

fn tables(status: &Value) -> String {
    let deployments = print::table(&COLUMNS, list(status, "deployments").map(deployment));
    let header = ["FEATURE", "TIERS, BEST FIRST", "RETRIES LEFT"];
    let features = print::table(&header, list(status, "features").map(feature));
    let budgets: Vec<Vec<String>> = list(status, "budgets").map(budget).collect();
    let budgets = match budgets.as_slice() {
        [] => String::new(),
        _ => {
            let header = ["BUDGET", "SPENT", "RESERVED", "OF", "UNTIL", "AT THE LIMIT"];
            print::table(&header, budgets)
        }
    };
    let standings: Vec<Value> = list(status, "standings").cloned().collect();
    let standings = standings::table(&standings).unwrap_or_default();
    let exceptions: Vec<String> = list(status, "exceptions").map(exception).collect();
    let refused: Vec<String> = list(status, "refused_attestations").map(refused).collect();
    let ends: Vec<String> = list(status, "deployments").filter_map(end).collect();
    let loud = exceptions.into_iter().chain(refused).collect::<Vec<_>>().join("\n");
    let objectives = objectives(status);
    let parts = [loud, ends.join("\n"), deployments, features, objectives, standings, budgets];
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("\n\n")
}

/// Objectives, and below them the rules that they put in force.
fn objectives(status: &Value) -> String {
    let rows: Vec<Vec<String>> = list(status, "slos").map(objective).collect();
    if rows.is_empty() {
        return String::new();
    }
    let header = ["FEATURE", "OBJECTIVE", "TARGET", "GOOD", "BAD", "BUDGET LEFT", "BURN", "ALERTS"];
    let holding = list(status, "on_burn")
        .filter(|rule| rule.get("holds").and_then(Value::as_bool) == Some(true))
        .map(|rule| {
            let text = |key: &str| rule.get(key).and_then(Value::as_str).unwrap_or_default();
            format!("`{}` burns: `{}` does {}", text("slo"), text("feature"), text("then"))
        });
    let table = print::table(&header, rows);
    std::iter::once(table).chain(holding).collect::<Vec<_>>().join("\n")
}

fn objective(one: &Value) -> Vec<String> {
    let text = |key: &str| one.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let number = |key: &str| one.get(key).and_then(Value::as_f64);
    let count = |key: &str| print::or_dash(one.get(key).and_then(Value::as_u64));
    let alerts: Vec<&str> =
        list(one, "alerts").filter_map(|alert| alert.get("severity")?.as_str()).collect();
    vec![
        text("feature"),
        text("name"),
        print::or_dash(number("target").map(percent)),
        count("good"),
        count("bad"),
        print::or_dash(number("budget_left").map(budget_left)),
        print::or_dash(number("burn_rate").map(|rate| format!("{rate:.2}"))),
        print::or_dash((!alerts.is_empty()).then(|| alerts.join(", ").replace('_', " "))),
    ]
}

/// Loud, for it opens what policy closes.
fn exception(one: &Value) -> String {
    let text = |key: &str| one.get(key).and_then(Value::as_str).unwrap_or_default();
    let open: Vec<&str> = list(one, "open").filter_map(Value::as_str).collect();
    let until = one.get("until_ms").and_then(Value::as_u64).map(when::written);
    format!(
        "EXCEPTION FROM POLICY: `{}` may use {} until {}, by {}: {}",
        text("feature"),
        open.join(", "),
        until.unwrap_or_default(),
        text("author"),
        text("reason"),
    )
}

/// Loud, for somebody thinks that it holds.
fn refused(one: &Value) -> String {
    let text = |key: &str| one.get(key).and_then(Value::as_str).unwrap_or_default();
    format!("ATTESTATION REFUSED: {}: {}", text("file"), text("reason"))
}

/// Of a deployment that ends within the time in which a replacement should be measured.
fn end(one: &Value) -> Option<String> {
    let shutdown = one.get("shutdown")?;
    let days_left = shutdown.get("days_left")?.as_i64().filter(|days| *days <= SOON_DAYS)?;
    let (id, on) = (one.get("id")?.as_str()?, shutdown.get("on")?.as_str()?);
    let when = match days_left {
        ..0 => format!("has ended on {on}"),
        0 => "ends today".to_owned(),
        days => format!("ends on {on}, in {}", counted(usize::try_from(days).ok()?, "day")),
    };
    Some(format!("`{id}` {when}: see `tieline eval due`"))
}

fn list<'v>(value: &'v Value, key: &str) -> impl Iterator<Item = &'v Value> {
    value.get(key).and_then(Value::as_array).into_iter().flatten()
}

/// Ends are told from so many days before on.
const SOON_DAYS: i64 = 60;

/// The columns of the table of deployments.
pub(crate) const COLUMNS: [&str; 7] =
    ["DEPLOYMENT", "STATE", "WHY", "BACK IN", "QUOTA USED", "GOOD", "FAILED"];

/// One line of that table; `tieline deployment` shows one too.
pub(crate) fn deployment(one: &Value) -> Vec<String> {
    let text = |key: &str| one.get(key).and_then(Value::as_str);
    let number = |key: &str| one.get(key).and_then(Value::as_f64);
    let suspected = list(one, "suspected").filter_map(Value::as_str);
    let drift = one.pointer("/sentinels/drift").and_then(Value::as_str);
    let why: Vec<String> = text("cause")
        .map(str::to_owned)
        .into_iter()
        .chain(text("storm").map(|class| format!("storm of {class}")))
        .chain(suspected.map(|domain| format!("suspected: {domain}")))
        .chain(drift.map(|drift| format!("drift: {drift}")))
        .collect();
    let back_s = number("opens_in_s").or_else(|| number("quota_opens_in_s"));
    let used = number("utilisation").filter(|used| *used > 0.0);
    let count = |key: &str| print::or_dash(one.get(key).and_then(Value::as_u64));
    vec![
        text("id").unwrap_or_default().to_owned(),
        state(one),
        print::or_dash((!why.is_empty()).then(|| why.join(", "))),
        print::or_dash(back_s.map(|wait_s| format!("{wait_s:.0} s"))),
        print::or_dash(used.map(|used| format!("{:.0} %", used * 100.0))),
        count("good"),
        count("failed"),
    ]
}

/// `ramping 25 %`: a state, and the share of traffic that has returned.
fn state(one: &Value) -> String {
    let state = one.get("state").and_then(Value::as_str).unwrap_or_default();
    match one.get("share").and_then(Value::as_f64) {
        Some(share) => format!("{state} {:.0} %", share * 100.0),
        None => state.to_owned(),
    }
}

/// A tier's name, and its state where that is worth telling.
fn tier(one: &Value) -> String {
    let name = one.get("name").and_then(Value::as_str).unwrap_or_default();
    match state(one) {
        state if ["", "up"].contains(&state.as_str()) => name.to_owned(),
        state => format!("{name} ({state})"),
    }
}

/// `feature support-reply`, what of it is gone, and when it is whole again.
fn budget(one: &Value) -> Vec<String> {
    let text = |key: &str| one.get(key).and_then(Value::as_str).unwrap_or_default();
    let until = one.get("until_ms").and_then(Value::as_u64);
    vec![
        format!("{} {}", text("kind"), text("name")),
        format!("${}", text("spent")),
        format!("${}", text("reserved")),
        format!("${} per {}", text("usd"), text("per")),
        print::or_dash(until.map(when::written)),
        text("on_limit").to_owned(),
    ]
}

fn feature(one: &Value) -> Vec<String> {
    let tiers: Vec<String> = list(one, "tiers").map(tier).collect();
    vec![
        one.get("name").and_then(Value::as_str).unwrap_or_default().to_owned(),
        tiers.join(", "),
        print::or_dash(one.get("retries_left").and_then(Value::as_u64)),
    ]
}
