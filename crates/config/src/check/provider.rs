//! Providers: which keys a kind has, and what they default to.

use std::time::Duration;

use tieline_types::Secret;
use url::Url;

use super::Check;
use crate::{
    config::{AwsAuth, AzureAuth, Provider, ProviderKind},
    lenient::{Entries, Field},
    problem::{Code, Problem, one_of},
    source::Span,
    wire::{self, Kind},
};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
const OPENAI_URL: &str = "https://api.openai.com/v1";
const ANTHROPIC_URL: &str = "https://api.anthropic.com";
const ANTHROPIC_VERSION: &str = "2023-06-01";
const MANTLE_SERVICE: &str = "bedrock-mantle";

/// The keys of each kind beside those that every kind has.
pub(crate) const fn keys_of(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::Openai => &["base_url", "api_key", "organization", "project", "shutdown_dates"],
        Kind::AzureOpenai => &[
            "endpoint",
            "api_key",
            "auth",
            "tenant_id",
            "client_id",
            "client_secret",
            "scope",
            "api_version",
            "shutdown_dates",
        ],
        Kind::Anthropic => &["base_url", "api_key", "version"],
        Kind::Bedrock => {
            &["region", "profile", "api_key", "endpoint", "mantle_endpoint", "mantle_service"]
        }
        Kind::OpenaiCompatible => &["base_url", "api_key", "shutdown_dates"],
    }
}

/// The kinds and how they are written.
pub(crate) const KINDS: &[(Kind, &str)] = &[
    (Kind::Openai, "openai"),
    (Kind::AzureOpenai, "azure-openai"),
    (Kind::Anthropic, "anthropic"),
    (Kind::Bedrock, "bedrock"),
    (Kind::OpenaiCompatible, "openai-compatible"),
];

impl Check<'_> {
    /// The `providers` section.
    pub(super) fn providers(
        &mut self,
        field: &Field<Entries<wire::Provider>>,
        file: Span,
    ) -> Vec<Provider> {
        let Some((entries, at)) = self.required(field, "providers", file) else {
            return Vec::new();
        };
        if entries.0.is_empty() {
            self.add(Problem::new(Code::MissingKey, at, "`providers` is empty"));
        }
        entries.iter().filter_map(|(name, at, written)| self.provider(name, at, written)).collect()
    }

    fn provider(
        &mut self,
        name: &str,
        at: Span,
        field: &Field<wire::Provider>,
    ) -> Option<Provider> {
        self.named(name, at);
        if name.contains('/') {
            // A deployment's id may end in `provider/name`.
            let problem = Problem::new(Code::BadName, at, format!("`{name}` contains `/`"));
            self.add(problem.with_found(name).with_help("use another character"));
        }
        if !field.is_written() {
            self.add(Problem::new(Code::MissingKey, at, format!("`{name}` has no `kind`")));
        }
        let written = field.value.as_ref()?;
        let connect_timeout = self.lapse(&written.connect_timeout).unwrap_or(CONNECT_TIMEOUT);
        let extra_ca = self.pem(&written.extra_ca);
        let facts = self.facts(&written.facts);
        let Some((kind, _)) = self.required(&written.kind, "kind", at) else {
            self.secret(&written.api_key);
            self.secret(&written.client_secret);
            return None;
        };
        self.foreign_keys(*kind, written);
        let kind = match kind {
            Kind::Openai => self.openai(written, at),
            Kind::AzureOpenai => self.azure_openai(written, at),
            Kind::Anthropic => self.anthropic(written, at),
            Kind::Bedrock => self.bedrock(written, at),
            Kind::OpenaiCompatible => self.openai_compatible(written, at),
        }?;
        let probes = written.probes.value.unwrap_or_default();
        Some(Provider {
            name: name.to_owned(),
            kind,
            connect_timeout,
            probes,
            shutdown_dates: written.shutdown_dates.value.unwrap_or_default(),
            extra_ca,
            facts,
        })
    }

    fn openai(&mut self, written: &wire::Provider, at: Span) -> Option<ProviderKind> {
        let base_url = self.url_or(&written.base_url, OPENAI_URL);
        let organization = self.word(&written.organization);
        let project = self.word(&written.project);
        let api_key = self.required_secret(written, at);
        Some(ProviderKind::Openai { base_url: base_url?, api_key: api_key?, organization, project })
    }

    fn azure_openai(&mut self, written: &wire::Provider, at: Span) -> Option<ProviderKind> {
        self.required(&written.endpoint, "endpoint", at);
        let endpoint = self.url(&written.endpoint);
        let api_version = self.word(&written.api_version);
        let auth = match (written.api_key.is_written(), written.auth.is_written()) {
            (true, false) => self.azure_key(written),
            (false, true) => self.entra(written),
            (both, _) => {
                let message = match both {
                    true => "the provider has both `api_key` and `auth`",
                    false => "the provider has neither `api_key` nor `auth: entra`",
                };
                let problem = Problem::new(Code::Credential, at, message);
                self.add(problem.with_help("write exactly one of them"));
                None
            }
        };
        Some(ProviderKind::AzureOpenai { endpoint: endpoint?, auth: auth?, api_version })
    }

    fn azure_key(&mut self, written: &wire::Provider) -> Option<AzureAuth> {
        let entra_only = [
            ("tenant_id", written.tenant_id.key),
            ("client_id", written.client_id.key),
            ("client_secret", written.client_secret.key),
            ("scope", written.scope.key),
        ];
        for (key, at) in entra_only.into_iter().filter_map(|(key, at)| Some((key, at?))) {
            let message = format!("`{key}` has no effect with `api_key`");
            let problem = Problem::new(Code::ForeignKey, at, message);
            self.add(problem.with_help("use `auth: entra` or remove the key"));
        }
        self.secret(&written.api_key).map(AzureAuth::Key)
    }

    fn entra(&mut self, written: &wire::Provider) -> Option<AzureAuth> {
        let client_secret = self.secret(&written.client_secret);
        let tenant_id = self.word(&written.tenant_id);
        let client_id = self.word(&written.client_id);
        let scope = self.word(&written.scope);
        if let Some(at) = written.client_secret.key {
            self.required(&written.tenant_id, "tenant_id", at);
            self.required(&written.client_id, "client_id", at);
        }
        written.auth.value?;
        Some(AzureAuth::Entra { tenant_id, client_id, client_secret, scope })
    }

    fn anthropic(&mut self, written: &wire::Provider, at: Span) -> Option<ProviderKind> {
        let base_url = self.url_or(&written.base_url, ANTHROPIC_URL);
        let version = self.word(&written.version).unwrap_or_else(|| ANTHROPIC_VERSION.to_owned());
        let api_key = self.required_secret(written, at);
        Some(ProviderKind::Anthropic { base_url: base_url?, api_key: api_key?, version })
    }

    fn bedrock(&mut self, written: &wire::Provider, at: Span) -> Option<ProviderKind> {
        self.required(&written.region, "region", at);
        let region = self.region(&written.region);
        let endpoint = self.url(&written.endpoint);
        let mantle_endpoint = self.url(&written.mantle_endpoint);
        let mantle_service =
            self.word(&written.mantle_service).unwrap_or_else(|| MANTLE_SERVICE.to_owned());
        let profile = self.text(&written.profile);
        if let (true, Some(at)) = (written.api_key.is_written(), written.profile.key) {
            let message = "the provider has both `api_key` and `profile`";
            let problem = Problem::new(Code::Credential, at, message);
            self.add(problem.with_help("write at most one of them"));
        }
        let auth = match written.api_key.is_written() {
            true => self.secret(&written.api_key).map(AwsAuth::ApiKey),
            false => Some(AwsAuth::Chain { profile }),
        };
        Some(ProviderKind::Bedrock {
            region: region?,
            auth: auth?,
            endpoint,
            mantle_endpoint,
            mantle_service,
        })
    }

    fn openai_compatible(&mut self, written: &wire::Provider, at: Span) -> Option<ProviderKind> {
        self.required(&written.base_url, "base_url", at);
        let base_url = self.url(&written.base_url);
        let api_key = self.secret(&written.api_key);
        Some(ProviderKind::OpenaiCompatible { base_url: base_url?, api_key })
    }

    /// A region, which becomes part of host names.
    fn region(&mut self, field: &Field<String>) -> Option<String> {
        let (region, at) = field.placed()?;
        let usable = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-');
        if region.is_empty() || !region.bytes().all(usable) {
            let problem =
                Problem::new(Code::InvalidValue, at, format!("`{region}` is not an AWS region"));
            self.add(problem.with_found(region).with_help("expected one such as `us-east-2`"));
            return None;
        }
        Some(region.clone())
    }

    fn required_secret(&mut self, written: &wire::Provider, at: Span) -> Option<Secret> {
        self.required(&written.api_key, "api_key", at);
        self.secret(&written.api_key)
    }

    fn url_or(&mut self, field: &Field<String>, default: &str) -> Option<Url> {
        if field.is_written() { self.url(field) } else { Url::parse(default).ok() }
    }

    /// Reports keys that belong to other kinds.
    fn foreign_keys(&mut self, kind: Kind, written: &wire::Provider) {
        let allowed = keys_of(kind);
        let name = KINDS.iter().find(|(known, _)| *known == kind).map_or("", |(_, name)| name);
        for (key, at) in written_keys(written) {
            if allowed.contains(&key) {
                continue;
            }
            let owners: Vec<&str> = KINDS
                .iter()
                .filter(|(owner, _)| keys_of(*owner).contains(&key))
                .map(|(_, name)| *name)
                .collect();
            let message = format!("kind `{name}` has no `{key}`");
            let problem = Problem::new(Code::ForeignKey, at, message).with_found(key);
            self.add(problem.with_help(format!("it belongs to {}", one_of(&owners))));
        }
    }
}

/// The keys of some kinds only that are written, with their places.
fn written_keys(written: &wire::Provider) -> impl Iterator<Item = (&'static str, Span)> {
    [
        ("base_url", written.base_url.key),
        ("api_key", written.api_key.key),
        ("organization", written.organization.key),
        ("project", written.project.key),
        ("endpoint", written.endpoint.key),
        ("auth", written.auth.key),
        ("tenant_id", written.tenant_id.key),
        ("client_id", written.client_id.key),
        ("client_secret", written.client_secret.key),
        ("scope", written.scope.key),
        ("api_version", written.api_version.key),
        ("version", written.version.key),
        ("region", written.region.key),
        ("profile", written.profile.key),
        ("mantle_endpoint", written.mantle_endpoint.key),
        ("mantle_service", written.mantle_service.key),
        ("shutdown_dates", written.shutdown_dates.key),
    ]
    .into_iter()
    .filter_map(|(key, at)| Some((key, at?)))
}
