//! What each vendor wants to see of a credential. Only its form is checked; any key opens.

use http::{HeaderMap, header::AUTHORIZATION};

use crate::{
    Kind,
    failure::{Failure, Shape},
};

/// Whether the request carries a credential of the kind's form.
///
/// # Errors
/// The refusal of the vendor whose `shape` the path has.
pub(crate) fn check(kind: Kind, shape: Shape, headers: &HeaderMap) -> Result<(), Failure> {
    let given = match kind {
        Kind::Openai | Kind::OpenaiCompatible => bearer(headers),
        Kind::AzureOpenai => bearer(headers) || key(headers, "api-key"),
        Kind::Anthropic => bearer(headers) || key(headers, "x-api-key"),
        Kind::Bedrock => {
            bearer(headers)
                || key(headers, "x-api-key") && shape == Shape::Anthropic
                || signature(headers)
        }
    };
    if given { Ok(()) } else { Err(refusal(shape, headers)) }
}

fn refusal(shape: Shape, headers: &HeaderMap) -> Failure {
    let odd = headers.contains_key(AUTHORIZATION);
    if shape == Shape::Aws {
        // AWS answers 403 where others answer 401, and tells an absent from a malformed signature.
        let word = if odd {
            "IncompleteSignatureException"
        } else {
            "MissingAuthenticationTokenException"
        };
        return Failure::new(403).word(word);
    }
    let message = if odd { "the credential has the wrong form" } else { "no credential was sent" };
    Failure::new(401).message(message)
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

fn key(headers: &HeaderMap, name: &str) -> bool {
    text(headers, name).is_some_and(|key| !key.trim().is_empty())
}

fn bearer(headers: &HeaderMap) -> bool {
    text(headers, AUTHORIZATION.as_str()).and_then(|value| value.split_once(' ')).is_some_and(
        |(scheme, token)| scheme.eq_ignore_ascii_case("bearer") && !token.trim().is_empty(),
    )
}

/// AWS Signature Version 4: all parts present. The signature itself is not verified, for the
/// simulator knows no secret.
fn signature(headers: &HeaderMap) -> bool {
    let parts = ["AWS4-HMAC-SHA256 ", "Credential=", "SignedHeaders=", "Signature="];
    key(headers, "x-amz-date")
        && text(headers, AUTHORIZATION.as_str())
            .is_some_and(|value| parts.iter().all(|part| value.contains(part)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_takes_its_own_forms_only() {
        let bearer = ("authorization", "Bearer k");
        let api_key = ("api-key", "k");
        let x_api_key = ("x-api-key", "k");
        let signed = (
            "authorization",
            "AWS4-HMAC-SHA256 Credential=A/20261122/us-east-1/bedrock/aws4_request, \
             SignedHeaders=host;x-amz-date, Signature=ab",
        );
        let date = ("x-amz-date", "20261122T000000Z");
        for (kind, shape, headers, taken) in [
            (Kind::Openai, Shape::Openai, vec![bearer], true),
            (Kind::Openai, Shape::Openai, vec![("authorization", "bearer k")], true),
            (Kind::Openai, Shape::Openai, vec![("authorization", "Bearer ")], false),
            (Kind::Openai, Shape::Openai, vec![("authorization", "Basic k")], false),
            (Kind::Openai, Shape::Openai, vec![x_api_key], false),
            (Kind::OpenaiCompatible, Shape::Openai, vec![bearer], true),
            (Kind::AzureOpenai, Shape::Azure, vec![api_key], true),
            (Kind::AzureOpenai, Shape::Azure, vec![bearer], true),
            (Kind::AzureOpenai, Shape::Azure, vec![x_api_key], false),
            (Kind::Anthropic, Shape::Anthropic, vec![x_api_key], true),
            (Kind::Anthropic, Shape::Anthropic, vec![("x-api-key", " ")], false),
            (Kind::Anthropic, Shape::Anthropic, vec![api_key], false),
            (Kind::Bedrock, Shape::Aws, vec![signed, date], true),
            (Kind::Bedrock, Shape::Aws, vec![signed], false),
            (Kind::Bedrock, Shape::Aws, vec![bearer], true),
            (Kind::Bedrock, Shape::Aws, vec![x_api_key], false),
            (Kind::Bedrock, Shape::Anthropic, vec![x_api_key], true),
        ] {
            let mut map = HeaderMap::new();
            for (name, value) in &headers {
                map.insert(*name, value.parse().unwrap());
            }
            assert_eq!(check(kind, shape, &map).is_ok(), taken, "{kind} {headers:?}");
        }
    }
}
