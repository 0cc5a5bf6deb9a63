//! What token endpoints answer.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http::{Response, StatusCode};
use serde::Deserialize;
use tieline_types::Secret;

use super::flow::Flow;
use crate::{IdentityError, refresh::Lease};

/// What Entra's own codes mean for whoever set Tieline up.
/// Source: <https://learn.microsoft.com/entra/identity-platform/reference-error-codes>.
const HINTS: [(&str, &str); 9] = [
    ("AADSTS7000215", "AZURE_CLIENT_SECRET is wrong; it must be the secret's value, not its id"),
    ("AADSTS7000222", "AZURE_CLIENT_SECRET has expired; create a new one"),
    ("AADSTS700016", "AZURE_CLIENT_ID names no application in the tenant AZURE_TENANT_ID"),
    ("AADSTS90002", "AZURE_TENANT_ID names no tenant"),
    ("AADSTS900023", "AZURE_TENANT_ID is neither a tenant's id nor its domain"),
    ("AADSTS70021", "the application has no federated credential for this service account"),
    ("AADSTS700213", "the application has no federated credential for this service account"),
    ("AADSTS700024", "the token in AZURE_FEDERATED_TOKEN_FILE is outside its validity"),
    ("AADSTS500011", "the scope names no resource that the tenant knows"),
];

/// The longest error code that is passed on.
const CODE_CHARS_MAX: usize = 64;

/// A token; the endpoints differ in how they state its lifetime.
#[derive(Deserialize)]
struct Token {
    access_token: String,
    expires_on: Option<Seconds>,
    expires_in: Option<Seconds>,
}

/// Entra writes numbers as numbers, managed identity endpoints as text.
#[derive(Deserialize)]
#[serde(untagged)]
enum Seconds {
    Number(u64),
    Text(String),
}

#[derive(Default, Deserialize)]
struct Refusal {
    #[serde(default)]
    error: String,
    #[serde(default)]
    error_description: String,
}

/// Reads the reply to a request of `flow` that was sent at `now`.
pub(super) fn read(
    response: &Response<Bytes>,
    flow: &Flow,
    now: SystemTime,
) -> Result<Lease<Secret>, IdentityError> {
    if response.status() != StatusCode::OK {
        return Err(refused(response, flow));
    }
    let token = serde_json::from_slice::<Token>(response.body()).ok();
    token
        .and_then(|token| {
            let expires = Some(token.expires(now)?);
            Some(Lease { credential: Secret::new(token.access_token), expires })
        })
        .ok_or_else(|| IdentityError::EntraReply { flow: flow.name() })
}

impl Token {
    fn expires(&self, now: SystemTime) -> Option<SystemTime> {
        let (since, seconds) = match (&self.expires_on, &self.expires_in) {
            (Some(on), _) => (UNIX_EPOCH, on),
            (None, Some(lifetime)) => (now, lifetime),
            (None, None) => return None,
        };
        since.checked_add(Duration::from_secs(seconds.value()?))
    }
}

impl Seconds {
    fn value(&self) -> Option<u64> {
        match self {
            Self::Number(seconds) => Some(*seconds),
            Self::Text(text) => text.parse().ok(),
        }
    }
}

/// Only codes are passed on: descriptions may repeat what was sent.
fn refused(response: &Response<Bytes>, flow: &Flow) -> IdentityError {
    let refusal = serde_json::from_slice::<Refusal>(response.body()).unwrap_or_default();
    let code = refusal.code().unwrap_or("no code");
    let hint = HINTS.iter().find(|(known, _)| *known == code).map_or(flow.hint(), |(_, hint)| hint);
    let status = response.status().as_u16();
    IdentityError::EntraRefused { flow: flow.name(), status, code: code.into(), hint }
}

impl Refusal {
    /// The `AADSTS` code that descriptions begin with, else the OAuth code (RFC 6749, 5.2).
    fn code(&self) -> Option<&str> {
        let stated = self.error_description.split(':').next();
        stated
            .filter(|code| code.starts_with("AADSTS"))
            .into_iter()
            .chain([self.error.as_str()])
            .find(|code| is_code(code))
    }
}

fn is_code(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    (1..=CODE_CHARS_MAX).contains(&text.len()) && text.bytes().all(plain)
}
