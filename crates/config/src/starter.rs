//! A first `tieline.yaml`, from the credentials that are there.

use std::fmt::Write as _;

use crate::world::World;

mod detect;

use detect::{Account, accounts};

/// An account that has a model, and what it calls it where that differs.
type Place = (&'static str, Option<&'static str>);

/// The models that a starter file offers: each with the accounts that have it, best first.
const MODELS: &[(&str, &[Place])] = &[
    ("claude-sonnet-5", &[("anthropic", None), ("bedrock", Some("anthropic.claude-sonnet-5"))]),
    ("gpt-5.5", &[("openai", None), ("azure", None), ("bedrock", Some("openai.gpt-5.5"))]),
    ("gpt-5.4-mini", &[("openai", None), ("azure", None)]),
    ("llama-3.3-70b", &[("groq", Some("llama-3.3-70b-versatile"))]),
    ("mistral-large", &[("mistral", Some("mistral-large-latest"))]),
    ("llama3.2", &[("ollama", None)]),
];

const HEAD: &str = "\
# Tieline's configuration. `tieline check` says what is wrong with it, `tieline serve` runs it.
# Every key: docs/reference/configuration.md
version: 1

# Accounts at vendors. Credentials are read from the environment or a file, never written here.
providers:
";

const NOTHING_FOUND: &str = "  # No credential was found in the environment. Set OPENAI_API_KEY,
  # or replace this provider by one of the examples below.
";

const EXAMPLES: &str = "
  # Others, to fill in and uncomment:
  # anthropic: { kind: anthropic, api_key: { env: ANTHROPIC_API_KEY } }
  # azure: { kind: azure-openai, endpoint: https://NAME.openai.azure.com, auth: entra }
  # bedrock: { kind: bedrock, region: us-east-2 }
  # ollama: { kind: openai-compatible, base_url: http://127.0.0.1:11434/v1 }
";

const MODELS_HEAD: &str = "
# Models by a neutral name, each with the providers that have it, best first.
models:
";

const FEATURES_HEAD: &str = "
# Capabilities of your product. Clients name one as their `model`; it keeps working while one of
# its tiers does.
features:
  assistant:
    deadline: 60s
    tiers:
";

const REPLY: &str = "      \
- { name: apology, reply: \"We cannot answer right now. Please try again.\", acceptable: false }
";

/// A commented starter file that uses the credentials found in `world`'s environment.
///
/// It passes [`crate::parse`] there. Where no credential is found it names `OPENAI_API_KEY`, whose
/// absence is then its only problem.
#[must_use]
pub fn starter(world: &dyn World) -> String {
    let found = accounts(world);
    let mut file = HEAD.to_owned();
    if found.is_empty() {
        file.push_str(NOTHING_FOUND);
    }
    let accounts = if found.is_empty() { vec![Account::openai()] } else { found };
    for account in &accounts {
        let _ = writeln!(file, "  # {}\n  {}: {}", account.why, account.name, account.settings);
    }
    file.push_str(EXAMPLES);
    file.push_str(MODELS_HEAD);
    let offered: Vec<(&str, String)> = MODELS
        .iter()
        .map(|(model, places)| (*model, deployments(places, &accounts)))
        .filter(|(_, deployments)| !deployments.is_empty())
        .collect();
    for (model, deployments) in &offered {
        let _ = writeln!(file, "  {model}: [{deployments}]");
    }
    file.push_str(FEATURES_HEAD);
    let names: Vec<&str> = offered.iter().map(|(model, _)| *model).collect();
    let _ = writeln!(file, "      - {{ name: best, models: [{}] }}", names.join(", "));
    file.push_str(REPLY);
    file
}

/// The deployments of one model at the accounts there are, as YAML.
fn deployments(places: &[Place], accounts: &[Account]) -> String {
    let written = places.iter().filter_map(|(account, name)| {
        let account = accounts.iter().find(|known| known.name == *account)?;
        Some(match name {
            Some(name) => {
                let name = account.model_id(name);
                format!("{{ provider: {}, name: {name} }}", account.name)
            }
            None => account.name.to_owned(),
        })
    });
    written.collect::<Vec<_>>().join(", ")
}
