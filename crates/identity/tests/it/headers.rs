//! Credentials that are headers, and what is taken off before one goes on.

use http::HeaderName;
use tieline_identity::Credential;
use tieline_types::{Class, Origin, Phase, Replay, Scope, Secret};

use crate::support::{Wall, header, post};

const URI: &str = "https://api.example.com/v1/messages";

/// One of each credential header a client could have sent.
const FROM_CLIENT: [(&str, &str); 10] = [
    ("authorization", "Bearer client"),
    ("proxy-authorization", "Basic client"),
    ("cookie", "session=client"),
    ("x-api-key", "client"),
    ("api-key", "client"),
    ("x-goog-api-key", "client"),
    ("ocp-apim-subscription-key", "client"),
    ("x-amz-security-token", "client"),
    ("x-amz-content-sha256", "client"),
    ("x-amz-date", "client"),
];

fn key_header(name: &'static str) -> Credential {
    Credential::Header { name: HeaderName::from_static(name), value: Secret::new("ours") }
}

#[tokio::test(start_paused = true)]
async fn only_our_credential_reaches_the_provider() {
    let cases: [(Credential, &[(&str, &str)]); 4] = [
        (Credential::None, &[]),
        (key_header("x-api-key"), &[("x-api-key", "ours")]),
        (key_header("api-key"), &[("api-key", "ours")]),
        (Credential::Bearer(Secret::new("ours")), &[("authorization", "Bearer ours")]),
    ];
    for (credential, expected) in cases {
        let mut parts = post(URI, &FROM_CLIENT);
        parts.headers.append("authorization", "Bearer second".parse().unwrap());
        parts.headers.insert("anthropic-version", "2023-06-01".parse().unwrap());
        credential.authorize(&mut parts, &[], Wall::new().now()).await.unwrap();

        assert_eq!(header(&parts, "anthropic-version"), Some("2023-06-01"));
        parts.headers.remove("anthropic-version");
        let left: Vec<_> =
            parts.headers.iter().map(|(n, v)| (n.as_str(), v.to_str().unwrap())).collect();
        assert_eq!(left, expected, "{credential:?}");
        assert!(parts.headers.values().all(http::HeaderValue::is_sensitive), "{credential:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_key_that_no_header_can_carry_is_explained_without_showing_it() {
    let credential = Credential::Bearer(Secret::new("hunter2\n"));
    let mut parts = post(URI, &[("authorization", "Bearer client")]);
    let error = credential.authorize(&mut parts, &[], Wall::new().now()).await.unwrap_err();

    let fault = error.fault();
    assert!(fault.message.contains("`authorization`") && fault.message.contains("line break"));
    assert!(!fault.message.contains("hunter2") && !format!("{error:?}").contains("hunter2"));
    assert_eq!((fault.class, fault.origin), (Class::Auth, Origin::Tieline));
    assert_eq!((fault.scope, fault.replay), (Scope::Credential, Replay::NotSent));
    assert_eq!(fault.phase, Phase::Connect);
    assert!(parts.headers.is_empty(), "the client's credential is gone even on failure");
}

#[test]
fn debug_shows_no_secret() {
    for credential in [key_header("x-api-key"), Credential::Bearer(Secret::new("ours"))] {
        assert!(!format!("{credential:?}").contains("ours"));
    }
}
