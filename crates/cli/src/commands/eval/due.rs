//! `tieline eval due`: gates that should be run before a model ends, or because one has drifted.

use serde_json::{Value, json};
use tieline_gateway::stated_gates;

use crate::{
    admin::Admin,
    failure::Failure,
    print::{self, FormatOption, counted, or_dash},
    when,
};

/// List the gates to run because a deployment ends or has drifted
#[derive(Debug, clap::Args)]
#[command(after_help = "\
A running gateway knows the days that are stated (`facts: { retires_on: ... }`), those that
providers list, and what sentinels found; with --offline, those that the configuration states count
alone. A gate is due within 60 days of the end, and at once where a deployment has drifted. Exit
code 1 means that some are due.

Examples:
  tieline eval due
  tieline eval due --offline
  tieline eval due --format json")]
pub(crate) struct Due {
    /// Ask no gateway: only what the configuration states counts
    #[arg(long, conflicts_with = "admin")]
    offline: bool,
    #[command(flatten)]
    admin: Admin,
    #[command(flatten)]
    format: FormatOption,
}

impl Due {
    pub(crate) fn run(self) -> Result<(), Failure> {
        let said = if self.offline {
            let config = self.admin.config().load_for_reading()?;
            json!({ "gates": stated_gates(&config, when::unix_ms(when::wall_now())) })
        } else {
            self.admin.get("/gates")?.body
        };
        self.format.print(&said, table)?;
        match gates(&said).filter(|gate| is_due(gate)).count() {
            0 => Ok(()),
            due => Err(Failure::Check(format!("{} due", counted(due, "gate")))),
        }
    }
}

fn gates(said: &Value) -> impl Iterator<Item = &Value> {
    said.get("gates").and_then(Value::as_array).into_iter().flatten()
}

fn is_due(gate: &Value) -> bool {
    gate.get("due").and_then(Value::as_bool).unwrap_or_default()
}

fn table(said: &Value) -> String {
    if gates(said).next().is_none() {
        return "no gates".to_owned();
    }
    let text = |gate: &Value, path: &str| {
        gate.pointer(path).and_then(Value::as_str).unwrap_or_default().to_owned()
    };
    let rows = gates(said).map(|gate| {
        let why = match text(gate, "/reason").as_str() {
            "drift" => format!("drift: {}", text(gate, "/drift")),
            _ => format!("it ends ({})", text(gate, "/shutdown/source")),
        };
        let on = gate.pointer("/shutdown/on").and_then(Value::as_str);
        vec![
            text(gate, "/feature"),
            text(gate, "/tier"),
            text(gate, "/deployment"),
            if is_due(gate) { "due" } else { "later" }.to_owned(),
            or_dash(on),
            or_dash(gate.pointer("/shutdown/days_left").and_then(Value::as_i64)),
            why,
        ]
    });
    let header = ["FEATURE", "TIER", "DEPLOYMENT", "GATE", "ENDS ON", "DAYS LEFT", "WHY"];
    let table = print::table(&header, rows);
    let commands: Vec<String> =
        gates(said).filter(|gate| is_due(gate)).map(|gate| text(gate, "/command")).collect();
    [table, commands.join("\n")].join("\n\n").trim_end().to_owned()
}
