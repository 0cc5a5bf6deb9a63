//! `tieline status`: what a running gateway knows of its deployments and features.

use serde_json::Value;

use crate::{
    admin::Admin,
    failure::Failure,
    print::{self, FormatOption},
};

/// Show the health of deployments and features of a running gateway
#[derive(Debug, clap::Args)]
#[command(after_help = "\
A deployment is closed (takes traffic), open (rests), half-open (waits for its probe), ramping (its
traffic returns in steps) or drained (taken out by hand).

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
    format!("{deployments}\n\n{features}")
}

fn list<'v>(value: &'v Value, key: &str) -> impl Iterator<Item = &'v Value> {
    value.get(key).and_then(Value::as_array).into_iter().flatten()
}

/// The columns of the table of deployments.
pub(crate) const COLUMNS: [&str; 7] =
    ["DEPLOYMENT", "STATE", "WHY", "BACK IN", "QUOTA USED", "GOOD", "FAILED"];

/// One line of that table; `tieline deployment` shows one too.
pub(crate) fn deployment(one: &Value) -> Vec<String> {
    let text = |key: &str| one.get(key).and_then(Value::as_str);
    let number = |key: &str| one.get(key).and_then(Value::as_f64);
    let suspected = list(one, "suspected").filter_map(Value::as_str);
    let why: Vec<String> = text("cause")
        .map(str::to_owned)
        .into_iter()
        .chain(text("storm").map(|class| format!("storm of {class}")))
        .chain(suspected.map(|domain| format!("suspected: {domain}")))
        .collect();
    let state = match (text("state").unwrap_or_default(), number("share")) {
        (state, Some(share)) => format!("{state} {:.0} %", share * 100.0),
        (state, None) => state.to_owned(),
    };
    let back_s = number("opens_in_s").or_else(|| number("quota_opens_in_s"));
    let used = number("utilisation").filter(|used| *used > 0.0);
    let count = |key: &str| print::or_dash(one.get(key).and_then(Value::as_u64));
    vec![
        text("id").unwrap_or_default().to_owned(),
        state,
        print::or_dash((!why.is_empty()).then(|| why.join(", "))),
        print::or_dash(back_s.map(|wait_s| format!("{wait_s:.0} s"))),
        print::or_dash(used.map(|used| format!("{:.0} %", used * 100.0))),
        count("good"),
        count("failed"),
    ]
}

fn feature(one: &Value) -> Vec<String> {
    let tiers: Vec<&str> =
        list(one, "tiers").filter_map(|tier| tier.get("name").and_then(Value::as_str)).collect();
    vec![
        one.get("name").and_then(Value::as_str).unwrap_or_default().to_owned(),
        tiers.join(", "),
        print::or_dash(one.get("retries_left").and_then(Value::as_u64)),
    ]
}
