//! Signature Version 4 on a request, by the rules that Amazon Bedrock checks.
//!
//! Source: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv.html>.

use std::{error::Error, sync::Arc, time::SystemTime};

use aws_sigv4::{
    http_request::{
        PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SigningSettings,
        UriPathNormalizationMode, sign as sigv4,
    },
    sign::v4,
};
use aws_smithy_runtime_api::client::identity::Identity;
use bytes::Bytes;
use http::{
    HeaderName,
    header::{CONTENT_TYPE, HOST},
    request::Parts,
};
use sha2::{Digest, Sha256};

use crate::{IdentityError, credential::put};

/// The service whose own clients leave `x-amz-content-sha256` out; the others' send it.
const WITHOUT_CHECKSUM_HEADER: &str = "bedrock";

/// What a signature is good for.
#[derive(Clone, Copy)]
pub(super) struct Scope<'a> {
    /// The service's signing name.
    pub(super) service: &'a str,
    /// The region of the endpoint.
    pub(super) region: &'a str,
}

/// Adds `x-amz-date`, `authorization` and, where needed, the session token and the body's hash.
///
/// Of the request's own headers only `host` and `content-type` are signed: proxies may change the
/// others.
pub(super) fn sign(
    parts: &mut Parts,
    body: &[Bytes],
    identity: &Identity,
    scope: Scope<'_>,
    now: SystemTime,
) -> Result<(), IdentityError> {
    let params = v4::SigningParams::builder()
        .identity(identity)
        .region(scope.region)
        .name(scope.service)
        .time(now)
        .settings(settings(scope.service))
        .build()
        .map_err(unsigned)?
        .into();
    let host = host(parts).ok_or(IdentityError::MissingHost)?;
    let content_type = parts.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let headers = [("host", Some(host.as_str())), ("content-type", content_type)];
    let request = SignableRequest::new(
        parts.method.as_str(),
        parts.uri.to_string(),
        headers.into_iter().filter_map(|(name, value)| Some((name, value?))),
        SignableBody::Precomputed(sha256_hex(body)),
    )
    .map_err(unsigned)?;
    let (instructions, _) = sigv4(request, &params).map_err(unsigned)?.into_parts();
    let (added, _) = instructions.into_parts();
    added.iter().try_for_each(|header| {
        put(&mut parts.headers, HeaderName::from_static(header.name()), header.value())
    })
}

/// The path is encoded once more and otherwise taken as it goes over the wire.
fn settings(service: &str) -> SigningSettings {
    let mut settings = SigningSettings::default();
    settings.percent_encoding_mode = PercentEncodingMode::Double;
    settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
    settings.payload_checksum_kind = if service == WITHOUT_CHECKSUM_HEADER {
        PayloadChecksumKind::NoHeader
    } else {
        PayloadChecksumKind::XAmzSha256
    };
    settings
}

/// The `host` that will be sent: the header if there is one, else what HTTP clients make of the
/// URI, which leaves the scheme's own port out (RFC 9110, 7.2 and 4.2.3).
fn host(parts: &Parts) -> Option<String> {
    if let Some(header) = parts.headers.get(HOST) {
        return header.to_str().ok().map(str::to_owned);
    }
    let host = parts.uri.host()?;
    let usual = match parts.uri.scheme_str() {
        Some("https") => 443,
        _ => 80,
    };
    Some(match parts.uri.port_u16().filter(|port| *port != usual) {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    })
}

fn sha256_hex(body: &[Bytes]) -> String {
    let mut hasher = Sha256::new();
    for chunk in body {
        hasher.update(chunk);
    }
    format!("{:x}", hasher.finalize())
}

fn unsigned(error: impl Error + Send + Sync + 'static) -> IdentityError {
    IdentityError::Sign(Arc::new(error))
}
