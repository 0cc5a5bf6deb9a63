//! `tieline deployment`: taking a deployment out of service or suspending it, and putting it back.

use clap::Subcommand;
use http::StatusCode;
use serde_json::{Value, json};

use super::status;
use crate::{
    admin::Admin,
    failure::Failure,
    print::{self, FormatOption},
};

/// Take deployments of a running gateway out of service, and put them back
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Requests under way are finished. A drained deployment gets no new ones, not even where nothing else
is left, until it is put back; reloads and restarts leave it drained. A suspended one is called only
when all else has failed; sentinels suspend what no longer answers as it did. To resume it is to
accept how it answers now. Every change is on record.

Examples:
  tieline deployment drain gpt-5.5@azure-sweden
  tieline deployment undrain gpt-5.5@azure-sweden
  tieline deployment resume gpt-5.5@openai
  tieline audit --limit 5    Show who did")]
pub(crate) struct Deployment {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Take a deployment out of service
    Drain(Target),
    /// Put a deployment back into service
    Undrain(Target),
    /// Call a deployment only when all else has failed
    Suspend(Target),
    /// Trust a suspended deployment again, as it answers now
    Resume(Target),
}

#[derive(Debug, clap::Args)]
struct Target {
    /// The deployment's id, as `tieline status` shows it
    #[arg(value_name = "MODEL@PROVIDER")]
    id: String,
    #[command(flatten)]
    admin: Admin,
    #[command(flatten)]
    format: FormatOption,
}

impl Deployment {
    pub(crate) fn run(self) -> Result<(), Failure> {
        match self.action {
            Action::Drain(target) => target.put("drained", true),
            Action::Undrain(target) => target.put("drained", false),
            Action::Suspend(target) => target.put("suspended", true),
            Action::Resume(target) => target.put("suspended", false),
        }
    }
}

impl Target {
    fn put(self, what: &str, out: bool) -> Result<(), Failure> {
        let path = format!("/deployments/{}", escaped(&self.id));
        let said = self.admin.put(&path, &json!({ what: out }))?;
        if said.status == StatusCode::OK {
            let table = |one: &Value| print::table(&status::COLUMNS, [status::deployment(one)]);
            return self.format.print(&said.body, table);
        }
        let told = said.body.get("error").and_then(Value::as_str);
        Err(Failure::Usage {
            message: told.unwrap_or("the gateway refused").to_owned(),
            hint: "`tieline status` lists the deployments".to_owned(),
        })
    }
}

/// An id in a path: everything but unreserved characters, `@` and `/` percent-encoded.
fn escaped(id: &str) -> String {
    let mut out = String::with_capacity(id.len());
    for byte in id.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~@/".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}
