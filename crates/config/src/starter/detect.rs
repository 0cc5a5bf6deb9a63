//! Which accounts the environment has credentials for.

use url::Url;

use crate::world::World;

/// An account that a credential was found for.
pub(super) struct Account {
    /// The provider's name in the file.
    pub(super) name: &'static str,
    /// Why it is in the file.
    pub(super) why: String,
    /// The provider's settings, as YAML on one line.
    pub(super) settings: String,
    /// What model ids begin with there.
    prefix: &'static str,
}

impl Account {
    fn new(name: &'static str, why: impl Into<String>, settings: String) -> Self {
        Self { name, why: why.into(), settings, prefix: "" }
    }

    /// OpenAI by its usual variable.
    pub(super) fn openai() -> Self {
        keyed("openai", "kind: openai", "OPENAI_API_KEY")
    }

    /// What the account calls a model.
    pub(super) fn model_id(&self, name: &str) -> String {
        // Only Claude is called through an inference profile by default: it has no plain id.
        let prefix = if name.starts_with("anthropic.") { self.prefix } else { "" };
        format!("{prefix}{name}")
    }
}

/// Accounts that need nothing but a key: name, settings, variable.
const KEYED: &[(&str, &str, &str)] = &[
    ("openai", "kind: openai", "OPENAI_API_KEY"),
    ("anthropic", "kind: anthropic", "ANTHROPIC_API_KEY"),
    (
        "groq",
        "kind: openai-compatible, base_url: \"https://api.groq.com/openai/v1\"",
        "GROQ_API_KEY",
    ),
    (
        "mistral",
        "kind: openai-compatible, base_url: \"https://api.mistral.ai/v1\"",
        "MISTRAL_API_KEY",
    ),
];

/// Variables that show AWS credentials: one of them is enough.
const AWS_SIGNS: &[&str] = &[
    "AWS_ACCESS_KEY_ID",
    "AWS_PROFILE",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
];

/// The accounts there are credentials for.
pub(super) fn accounts(world: &dyn World) -> Vec<Account> {
    let keyed = KEYED
        .iter()
        .filter(|(.., variable)| set(world, variable).is_some())
        .map(|(name, settings, variable)| keyed(name, settings, variable));
    keyed.chain(azure(world)).chain(bedrock(world)).chain(ollama(world)).collect()
}

/// A variable that has content.
fn set(world: &dyn World, name: &str) -> Option<String> {
    world.env(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())
}

fn keyed(name: &'static str, settings: &str, variable: &str) -> Account {
    let settings = format!("{{ {settings}, api_key: {{ env: {variable} }} }}");
    Account::new(name, format!("{variable} is its credential."), settings)
}

fn azure(world: &dyn World) -> Option<Account> {
    let endpoint = plain_url(&set(world, "AZURE_OPENAI_ENDPOINT")?)?;
    let key = set(world, "AZURE_OPENAI_API_KEY").is_some();
    let (auth, why) = if key {
        ("api_key: { env: AZURE_OPENAI_API_KEY }", "with AZURE_OPENAI_API_KEY")
    } else {
        ("auth: entra", "with Microsoft Entra ID, as there is no AZURE_OPENAI_API_KEY")
    };
    let why = format!(
        "AZURE_OPENAI_ENDPOINT, {why}. Models are called by the name of your deployment;\n  \
         # where that differs, write {{ provider: azure, name: YOURS }} below."
    );
    let settings = format!("{{ kind: azure-openai, endpoint: \"{endpoint}\", {auth} }}");
    Some(Account::new("azure", why, settings))
}

fn bedrock(world: &dyn World) -> Option<Account> {
    let region = set(world, "AWS_REGION").or_else(|| set(world, "AWS_DEFAULT_REGION"))?;
    let word = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if !region.bytes().all(word) {
        return None;
    }
    let bearer = set(world, "AWS_BEARER_TOKEN_BEDROCK").is_some();
    let chain = AWS_SIGNS.iter().any(|name| set(world, name).is_some());
    let (auth, why) = match (bearer, chain) {
        (true, _) => (", api_key: { env: AWS_BEARER_TOKEN_BEDROCK }", "AWS_BEARER_TOKEN_BEDROCK"),
        (false, true) => ("", "The default AWS credential chain"),
        (false, false) => return None,
    };
    let settings = format!("{{ kind: bedrock, region: {region}{auth} }}");
    let why = format!("{why} is its credential.");
    Some(Account { prefix: geography(&region), ..Account::new("bedrock", why, settings) })
}

/// What ids of inference profiles begin with in a region.
fn geography(region: &str) -> &'static str {
    match region.split('-').next() {
        Some("us") if region.starts_with("us-gov-") => "us-gov.",
        Some("us") => "us.",
        Some("eu") => "eu.",
        _ => "global.",
    }
}

fn ollama(world: &dyn World) -> Option<Account> {
    let host = set(world, "OLLAMA_HOST")?;
    let url = if host.contains("://") { host } else { format!("http://{host}") };
    let mut url = Url::parse(&url).ok()?;
    if url.port().is_none() && url.scheme() == "http" {
        url.set_port(Some(11434)).ok()?;
    }
    if url.host_str() == Some("0.0.0.0") {
        // A server's way to say "every interface", which nobody can connect to.
        url.set_host(Some("127.0.0.1")).ok()?;
    }
    url.set_path("/v1");
    let url = plain_url(url.as_str())?;
    let settings = format!("{{ kind: openai-compatible, base_url: \"{url}\" }}");
    Some(Account::new("ollama", "OLLAMA_HOST; it needs no credential.", settings))
}

/// The URL, if it may be written into a file and used as a base.
fn plain_url(text: &str) -> Option<String> {
    let url = crate::check::base_url(text).ok()?;
    Some(url.as_str().trim_end_matches('/').to_owned())
}
