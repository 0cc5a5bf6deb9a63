//! What a provider wants to see on a request, and how it gets there.

use std::{sync::Arc, time::SystemTime};

use bytes::Bytes;
use http::{
    HeaderMap, HeaderName, HeaderValue,
    header::{AUTHORIZATION, COOKIE, PROXY_AUTHORIZATION},
    request::Parts,
};
use tieline_types::Secret;

use crate::{AwsCredential, EntraCredential, IdentityError};

/// Headers that carry, or belong to, some credential at some provider. A client's own never reach
/// a provider: they are Tieline's keys at best and another vendor's at worst.
const CREDENTIAL_HEADERS: [HeaderName; 10] = [
    AUTHORIZATION,
    PROXY_AUTHORIZATION,
    COOKIE,
    HeaderName::from_static("x-api-key"),
    HeaderName::from_static("api-key"),
    HeaderName::from_static("x-goog-api-key"),
    HeaderName::from_static("ocp-apim-subscription-key"),
    HeaderName::from_static("x-amz-security-token"),
    HeaderName::from_static("x-amz-content-sha256"),
    HeaderName::from_static("x-amz-date"),
];

/// How Tieline proves to a provider who it is. Clones share what is cached.
#[derive(Clone, Debug)]
pub enum Credential {
    /// Nothing is sent; for servers on the own machine or network.
    None,
    /// A key in a header of its own: `x-api-key` (Anthropic), `api-key` (Azure).
    Header {
        /// The header's name.
        name: HeaderName,
        /// The key.
        value: Secret,
    },
    /// A key or token as `authorization: Bearer`.
    Bearer(Secret),
    /// AWS Signature Version 4.
    Aws(AwsCredential),
    /// A bearer token of Microsoft Entra ID.
    Entra(EntraCredential),
}

impl Credential {
    /// Removes every credential a client may have sent, then adds this one.
    ///
    /// Call it last and anew for every attempt: an AWS signature covers the method, the path as it
    /// goes over the wire, the query, `host`, `content-type`, the exact bytes of `body` (its chunks
    /// in order) and `now`. All added headers are marked sensitive.
    ///
    /// # Errors
    /// When a key cannot be a header value, when no valid credential is at hand and none could be
    /// fetched, or when the request cannot be signed.
    pub async fn authorize(
        &self,
        parts: &mut Parts,
        body: &[Bytes],
        now: SystemTime,
    ) -> Result<(), IdentityError> {
        for name in &CREDENTIAL_HEADERS {
            parts.headers.remove(name);
        }
        match self {
            Self::None => Ok(()),
            Self::Header { name, value } => put(&mut parts.headers, name.clone(), value.expose()),
            Self::Bearer(token) => put_bearer(&mut parts.headers, token),
            Self::Aws(aws) => aws.sign(parts, body, now).await,
            Self::Entra(entra) => put_bearer(&mut parts.headers, &entra.token(now).await?),
        }
    }
}

fn put_bearer(headers: &mut HeaderMap, token: &Secret) -> Result<(), IdentityError> {
    put(headers, AUTHORIZATION, &format!("Bearer {}", token.expose()))
}

/// Sets a header that no log or header compression table may keep.
pub(crate) fn put(
    headers: &mut HeaderMap,
    name: HeaderName,
    value: &str,
) -> Result<(), IdentityError> {
    let mut value = HeaderValue::from_str(value).map_err(|source| IdentityError::HeaderValue {
        header: name.clone(),
        source: Arc::new(source),
    })?;
    value.set_sensitive(true);
    headers.insert(name, value);
    Ok(())
}
