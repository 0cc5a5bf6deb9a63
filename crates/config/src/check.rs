//! From the file as written to a checked [`Config`]: references, secrets and what fits together.

use std::path::{Path, PathBuf};

use url::Url;

use crate::{
    config::Config,
    lenient::Field,
    problem::{Code, Problem},
    source::Span,
    wire,
    world::World,
};

mod drills;
mod evals;
mod feature;
mod files;
mod model;
mod money;
mod policy;
mod prices;
mod provider;
mod quota;
mod secret;
mod sentinels;
mod server;
mod slos;

pub(crate) use provider::{KINDS, keys_of};

/// Checks a file and adds what is wrong to `problems`.
///
/// None where a part is missing without which there is no configuration; the reason is then among
/// the problems.
pub(crate) fn check(
    file: &Field<wire::File>,
    base: &Path,
    world: &dyn World,
    problems: &mut Vec<Problem>,
) -> Option<Config> {
    let (written, at) = file.placed()?;
    let mut check = Check { base, world, problems };
    let at = Span { len: 0, ..at };
    let version = check.required(&written.version, "version", at).map(|(version, _)| *version);
    if let (Some(other), Some(span)) = (version.filter(|version| *version != 1), written.version.at)
    {
        let problem = Problem::new(Code::Version, span, format!("unknown version `{other}`"));
        check.add(problem.with_found(other.to_string()).with_help("write `version: 1`"));
    }
    let server = check.server(&written.server);
    let ledger = check.ledger(&written.ledger);
    let providers = check.providers(&written.providers, at);
    let index = model::Index::of(&written.models, &written.providers);
    let models = check.models(&written.models, &written.providers, at);
    let features = check.features(&written.features, &index, &models);
    let prices = check.prices(&written.prices);
    let budgets = check.budgets(&written.budgets, &features);
    let attestations = check.attestations(&written.evals);
    check.trusted(&written.evals, &written.features);
    let alerts = check.alerts(&written.alerts);
    let policies = check.policies(&written.policies);
    let policies_path = written.policies.value.as_ref().map(|path| base.join(path));
    let exceptions = check.exceptions(&written.exceptions, &features, &models);
    let sentinels = check.sentinels(&written.sentinels);
    let drills = check.drills(&written.drills);
    let version = version?;
    Some(Config {
        version,
        server,
        ledger,
        providers,
        models,
        features,
        attestations,
        alerts,
        policies,
        policies_path,
        exceptions,
        prices,
        budgets,
        sentinels,
        drills,
    })
}

/// What every check needs at hand.
struct Check<'a> {
    base: &'a Path,
    world: &'a dyn World,
    problems: &'a mut Vec<Problem>,
}

impl Check<'_> {
    fn add(&mut self, problem: Problem) {
        self.problems.push(problem);
    }

    /// The value of a key that must be there; `owner` is the place of the mapping it belongs to.
    fn required<'f, T>(
        &mut self,
        field: &'f Field<T>,
        key: &str,
        owner: Span,
    ) -> Option<(&'f T, Span)> {
        if !field.is_written() {
            self.add(Problem::new(Code::MissingKey, owner, format!("`{key}` is missing")));
        }
        field.placed()
    }

    /// A string that must have content; none also when the key is absent.
    fn text(&mut self, field: &Field<String>) -> Option<String> {
        let (text, at) = field.placed()?;
        if text.trim().is_empty() {
            let problem = Problem::new(Code::InvalidValue, at, "the text is empty");
            self.add(problem.with_help("write a text or remove the key"));
            return None;
        }
        Some(text.clone())
    }

    /// A text that becomes part of a header or URL.
    fn word(&mut self, field: &Field<String>) -> Option<String> {
        let text = self.text(field)?;
        if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            let at = field.at.unwrap_or_default();
            let message = "the text holds white space or characters that are not ASCII";
            self.add(Problem::new(Code::InvalidValue, at, message).with_found(text));
            return None;
        }
        Some(text)
    }

    /// A path, relative to the file.
    fn path(&mut self, field: &Field<String>) -> Option<PathBuf> {
        self.text(field).map(|path| self.base.join(path))
    }

    /// The path of a file that must hold PEM.
    fn pem(&mut self, field: &Field<String>) -> Option<PathBuf> {
        let path = self.path(field)?;
        let fault = match self.world.read(&path) {
            Ok(text) if text.contains("-----BEGIN ") => return Some(path),
            Ok(_) => "it is not PEM".to_owned(),
            Err(error) => error.to_string(),
        };
        let message = format!("`{}` cannot be used: {fault}", path.display());
        let found = field.value.clone().unwrap_or_default();
        let at = field.at.unwrap_or_default();
        self.add(Problem::new(Code::FileUnreadable, at, message).with_found(found));
        None
    }

    /// A duration above zero.
    fn lapse(&mut self, field: &Field<wire::Lapse>) -> Option<std::time::Duration> {
        let (lapse, at) = field.placed()?;
        if lapse.0.is_zero() {
            self.add(Problem::new(Code::InvalidValue, at, "the duration must be above zero"));
            return None;
        }
        Some(lapse.0)
    }

    /// A base URL that requests can be built on.
    fn url(&mut self, field: &Field<String>) -> Option<Url> {
        let (text, at) = field.placed()?;
        match base_url(text) {
            Ok(url) => Some(url),
            Err(fault) => {
                let shown = if text.contains('@') { "***" } else { text };
                let message = format!("`{shown}` {fault}");
                let problem = Problem::new(Code::BadUrl, at, message).with_found(shown);
                self.add(problem.with_help("expected a URL such as `https://host/path`"));
                None
            }
        }
    }

    /// Whether `name` can stand in headers, ids and records.
    fn named(&mut self, name: &str, at: Span) {
        const MAX_NAME_BYTES: usize = 128;
        let usable = |byte: u8| byte.is_ascii_graphic() && !b"@,\"'`\\".contains(&byte);
        if name.is_empty() || name.len() > MAX_NAME_BYTES || !name.bytes().all(usable) {
            let problem = Problem::new(Code::BadName, at, format!("`{name}` cannot be a name"));
            self.add(problem.with_found(name).with_help(Code::BadName.advice()));
        }
    }
}

/// Reads a URL that requests can be built on; the error says what is wrong with it.
pub(crate) fn base_url(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|error| format!("is not a URL: {error}"))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err("is neither http nor https".to_owned());
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("contains credentials".to_owned());
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err("contains a query or a fragment".to_owned());
    }
    Ok(url)
}
