//! `tieline key`: who may call.

use std::time::{Duration, SystemTime};

use clap::Subcommand;
use serde_json::{Value, json};
use tieline_ledger::{KeyInfo, Keys, NewKey};

use crate::{
    failure::Failure,
    files::Database,
    print::{self, Format, FormatOption, or_dash},
    when,
};

/// Create, list and revoke the API keys that callers use
#[derive(Debug, clap::Args)]
#[command(after_help = "\
As long as there is no key, whoever reaches the port may call, and `tieline serve` listens on
loopback addresses only. A running gateway takes new and revoked keys within a second.

Examples:
  tieline key create web --feature support-reply --expires 90d
  tieline key list
  tieline key revoke 4k2m9x7qpa")]
pub(crate) struct Key {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    Create(Create),
    List(List),
    Revoke(Revoke),
}

/// Create a key and print it; it cannot be shown again
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Only the key goes to stdout, so that it can be put where it is needed.

Examples:
  tieline key create web > /run/secrets/tieline-web
  tieline key create web --feature support-reply --feature ticket-summary
  tieline key create legacy --default-feature support-reply --expires 90d")]
struct Create {
    /// What to call it
    name: String,
    /// A feature it may use; repeat for more. Default: all
    #[arg(long = "feature", value_name = "FEATURE")]
    features: Vec<String>,
    /// The feature for requests whose `model` names none
    #[arg(long, value_name = "FEATURE")]
    default_feature: Option<String>,
    /// How long it is valid, such as 90d. Default: until revoked
    #[arg(long, value_name = "DURATION", value_parser = when::duration)]
    expires: Option<Duration>,
    #[command(flatten)]
    database: Database,
    #[command(flatten)]
    format: FormatOption,
}

/// List all keys, revoked and expired ones included
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  tieline key list
  tieline key list --db /var/lib/tieline/tieline.db --format json")]
struct List {
    #[command(flatten)]
    database: Database,
    #[command(flatten)]
    format: FormatOption,
}

/// Revoke a key
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  tieline key revoke 4k2m9x7qpa")]
struct Revoke {
    /// The key's id, as `tieline key list` shows it
    id: String,
    #[command(flatten)]
    database: Database,
    #[command(flatten)]
    format: FormatOption,
}

impl Key {
    pub(crate) fn run(self) -> Result<(), Failure> {
        match self.action {
            Action::Create(create) => create.run(when::wall_now()),
            Action::List(list) => list.run(when::wall_now()),
            Action::Revoke(revoke) => revoke.run(when::wall_now()),
        }
    }
}

impl Create {
    fn run(self, now: SystemTime) -> Result<(), Failure> {
        let expires = self.expires.and_then(|lifetime| now.checked_add(lifetime));
        let new = NewKey {
            name: self.name,
            features: (!self.features.is_empty()).then_some(self.features),
            default_feature: self.default_feature,
            expires_ms: expires.map(when::unix_ms),
        };
        let keys = Keys::open(&self.database.path()?)?;
        let (info, key) = keys.create(new, when::unix_ms(now))?;
        if self.format.format == Format::Json {
            let mut shown = to_json(&info, now);
            if let Some(shown) = shown.as_object_mut() {
                shown.insert("key".to_owned(), key.into());
            }
            return print::json(&shown);
        }
        print::remark(&format!(
            "created `{}` with id {}; the key below is shown this once only",
            info.name, info.id
        ));
        print::line(&key)
    }
}

impl List {
    fn run(self, now: SystemTime) -> Result<(), Failure> {
        let keys = Keys::open(&self.database.path()?)?.list()?;
        let shown: Vec<Value> = keys.iter().map(|key| to_json(key, now)).collect();
        self.format.print(&json!({ "keys": shown }), |_| table(&keys, now))
    }
}

impl Revoke {
    fn run(self, now: SystemTime) -> Result<(), Failure> {
        Keys::open(&self.database.path()?)?.revoke(&self.id, when::unix_ms(now))?;
        let revoked = json!({ "id": self.id, "state": "revoked" });
        self.format.print(&revoked, |_| format!("revoked {}", self.id))
    }
}

fn state(key: &KeyInfo, now: SystemTime) -> &'static str {
    let passed = |ms: Option<u64>| ms.is_some_and(|ms| ms <= when::unix_ms(now));
    if passed(key.revoked_ms) {
        "revoked"
    } else if passed(key.expires_ms) {
        "expired"
    } else {
        "valid"
    }
}

fn to_json(key: &KeyInfo, now: SystemTime) -> Value {
    json!({
        "id": key.id,
        "name": key.name,
        "state": state(key, now),
        "features": key.features,
        "default_feature": key.default_feature,
        "created": when::written(key.created_ms),
        "expires": key.expires_ms.map(when::written),
        "revoked": key.revoked_ms.map(when::written),
    })
}

fn table(keys: &[KeyInfo], now: SystemTime) -> String {
    if keys.is_empty() {
        return "no keys; `tieline key create NAME` makes one".to_owned();
    }
    let rows = keys.iter().map(|key| {
        vec![
            key.id.clone(),
            key.name.clone(),
            state(key, now).to_owned(),
            key.features.as_ref().map_or_else(|| "all".to_owned(), |names| names.join(", ")),
            or_dash(key.default_feature.as_ref()),
            when::written(key.created_ms),
            or_dash(key.expires_ms.map(when::written)),
        ]
    });
    print::table(&["ID", "NAME", "STATE", "FEATURES", "DEFAULT", "CREATED", "EXPIRES"], rows)
}
