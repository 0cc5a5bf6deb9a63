//! AWS signatures against golden vectors, and AWS credentials that expire.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, SystemTime},
};

use aws_credential_types::{
    Credentials,
    provider::{ProvideCredentials, SharedCredentialsProvider, error::CredentialsError, future},
};
use bytes::Bytes;
use http::{Uri, request::Parts};
use tieline_identity::{AwsCredential, AwsSource, Credential, IdentityError};
use tieline_types::{Class, Origin, Secret};

use crate::support::{Wall, authorization, header, post, settle};

const BODY: &str = r#"{"messages":[{"role":"user","content":[{"text":"hi"}]}]}"#;
const RUNTIME: &str = "https://bedrock-runtime.us-east-1.amazonaws.com";
const MANTLE: &str = "https://bedrock-mantle.us-east-1.api.aws";

/// One golden vector: what is signed, and the headers that botocore and the AWS SDKs make of it.
struct Vector {
    name: &'static str,
    service: &'static str,
    endpoint: &'static str,
    path: &'static str,
    token: Option<&'static str>,
    signed_headers: &'static str,
    signature: &'static str,
    body_hash: Option<&'static str>,
}

/// Computed with botocore 1.44.5 and aws-sigv4 1.6.4 from the documented example key.
const VECTORS: [Vector; 4] = [
    Vector {
        name: "V1: an encoded model id is encoded once more",
        service: "bedrock",
        endpoint: RUNTIME,
        path: "/model/us.anthropic.claude-opus-4-1-20250805-v1%3A0/converse",
        token: None,
        signed_headers: "content-type;host;x-amz-date",
        signature: "8023cbd070aad6c868f50ec7ec636adc7dbf33165689a438459614955dea894f",
        body_hash: None,
    },
    Vector {
        name: "V2: an ARN and a session token",
        service: "bedrock",
        endpoint: RUNTIME,
        path: "/model/arn%3Aaws%3Abedrock%3Aus-east-1%3A123456789012%3A\
               application-inference-profile%2Fabcd1234/converse-stream",
        token: Some("SESSIONTOKEN"),
        signed_headers: "content-type;host;x-amz-date;x-amz-security-token",
        signature: "82abfa5a9f109a5a9f792ac0d7d0a47a5d02ca8ecd318cb9c90de76d2a4345a6",
        body_hash: None,
    },
    Vector {
        name: "V3: a raw colon is encoded once",
        service: "bedrock",
        endpoint: RUNTIME,
        path: "/model/us.anthropic.claude-opus-4-1-20250805-v1:0/converse",
        token: None,
        signed_headers: "content-type;host;x-amz-date",
        signature: "c1433f37088afe30a37f62bbde40bcb408390610ec432509224b6f2bc43f3d19",
        body_hash: None,
    },
    Vector {
        name: "V4: mantle signs the body's hash as a header",
        service: "bedrock-mantle",
        endpoint: MANTLE,
        path: "/v1/responses",
        token: None,
        signed_headers: "content-type;host;x-amz-content-sha256;x-amz-date",
        signature: "4dd7a6c31670bfd8052431f87848ec50f1b91b180fac1eb15b7aac649ec5639f",
        body_hash: Some("c3335e07d6e89650bf94cb98664be69f8774dbc3198df221f113db0a59ea14f0"),
    },
];

fn static_keys(token: Option<&str>) -> AwsSource {
    AwsSource::Static {
        access_key_id: "AKIDEXAMPLE".to_owned(),
        secret_access_key: Secret::new("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"),
        session_token: token.map(Secret::new),
    }
}

fn bedrock(source: AwsSource) -> Credential {
    Credential::Aws(AwsCredential::new("bedrock", "us-east-1", source))
}

async fn signed(credential: &Credential, uri: &str, body: &[Bytes]) -> Parts {
    let mut parts = post(uri, &[("content-type", "application/json")]);
    credential.authorize(&mut parts, body, Wall::new().now()).await.unwrap();
    parts
}

#[tokio::test(start_paused = true)]
async fn signatures_equal_the_golden_vectors() {
    for vector in VECTORS {
        let aws = AwsCredential::new(vector.service, "us-east-1", static_keys(vector.token));
        let uri = format!("{}{}", vector.endpoint, vector.path);
        let parts = signed(&Credential::Aws(aws), &uri, &[Bytes::from(BODY)]).await;

        let expected = format!(
            "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20261122/us-east-1/{}/aws4_request, \
             SignedHeaders={}, Signature={}",
            vector.service, vector.signed_headers, vector.signature
        );
        assert_eq!(header(&parts, "authorization"), Some(&*expected), "{}", vector.name);
        assert_eq!(header(&parts, "x-amz-date"), Some("20261122T000000Z"), "{}", vector.name);
        assert_eq!(header(&parts, "x-amz-security-token"), vector.token, "{}", vector.name);
        assert_eq!(header(&parts, "x-amz-content-sha256"), vector.body_hash, "{}", vector.name);
        for name in ["authorization", "x-amz-date"] {
            assert!(parts.headers[name].is_sensitive(), "{}: {name}", vector.name);
        }
        assert_eq!(parts.uri, uri.parse::<Uri>().unwrap(), "{}: the path stays", vector.name);
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_signature_covers() {
    let credential = bedrock(static_keys(None));
    let uri = format!("{RUNTIME}{}", VECTORS[0].path);
    let whole = [Bytes::from(BODY)];
    let parts = signed(&credential, &uri, &whole).await;
    let golden = header(&parts, "authorization").unwrap();
    let with_port = uri.replace(".com/", ".com:443/");

    let chunks = [Bytes::from(&BODY[..10]), Bytes::new(), Bytes::from(&BODY[10..])];
    for (what, uri, body) in
        [("chunks", &uri, &chunks[..]), ("the usual port", &with_port, &whole[..])]
    {
        let parts = signed(&credential, uri, body).await;
        assert_eq!(header(&parts, "authorization"), Some(golden), "{what} must not matter");
    }

    let other_port = uri.replace(".com/", ".com:8443/");
    let query = format!("{uri}?x=1");
    for (what, uri, body) in [
        ("another body", &uri, &chunks[..2]),
        ("another port", &other_port, &whole[..]),
        ("a query", &query, &whole[..]),
    ] {
        let parts = signed(&credential, uri, body).await;
        assert_ne!(header(&parts, "authorization"), Some(golden), "{what} must matter");
    }
}

#[tokio::test(start_paused = true)]
async fn a_signature_survives_what_proxies_change_and_what_clients_sent() {
    let credential = bedrock(static_keys(None));
    let mut parts = post(
        &format!("{RUNTIME}{}", VECTORS[0].path),
        &[
            ("content-type", "application/json"),
            ("user-agent", "a"),
            ("accept-encoding", "gzip"),
            ("x-amz-date", "19990101T000000Z"),
            ("x-amz-security-token", "client"),
            ("authorization", "Bearer client"),
        ],
    );
    credential.authorize(&mut parts, &[Bytes::from(BODY)], Wall::new().now()).await.unwrap();

    assert!(header(&parts, "authorization").unwrap().ends_with(VECTORS[0].signature));
    assert_eq!(header(&parts, "x-amz-security-token"), None);
    assert_eq!(parts.headers.get_all("authorization").iter().count(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_host_header_is_what_gets_signed() {
    let credential = bedrock(static_keys(None));
    let headers =
        [("content-type", "application/json"), ("host", "bedrock-runtime.us-east-1.amazonaws.com")];
    let mut parts = post(&format!("https://vpce-1.example{}", VECTORS[0].path), &headers);
    credential.authorize(&mut parts, &[Bytes::from(BODY)], Wall::new().now()).await.unwrap();
    assert!(header(&parts, "authorization").unwrap().ends_with(VECTORS[0].signature));

    let mut homeless = post(VECTORS[0].path, &[]);
    let error = credential.authorize(&mut homeless, &[], Wall::new().now()).await.unwrap_err();
    assert!(matches!(error, IdentityError::MissingHost));
}

/// Hands out `KEY-1`, `KEY-2`, … that live for an hour, unless told to fail.
#[derive(Debug, Default)]
struct Rotating {
    wall_start: Option<SystemTime>,
    asked: AtomicUsize,
    failing: Mutex<Option<fn() -> CredentialsError>>,
}

#[derive(Clone, Debug)]
struct Handle(Arc<Rotating>, Arc<tokio::time::Instant>);

impl ProvideCredentials for Handle {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        let count = self.0.asked.fetch_add(1, Ordering::SeqCst) + 1;
        if let Some(error) = *self.0.failing.lock().unwrap() {
            return future::ProvideCredentials::ready(Err(error()));
        }
        let expires = self.0.wall_start.unwrap() + self.1.elapsed() + Duration::from_secs(3600);
        let key = format!("KEY-{count}");
        let credentials = Credentials::new(key, "secret", None, Some(expires), "test");
        future::ProvideCredentials::ready(Ok(credentials))
    }
}

struct Rotation {
    wall: Wall,
    provider: Arc<Rotating>,
    credential: Credential,
}

impl Rotation {
    fn new() -> Self {
        let wall = Wall::new();
        let provider = Arc::new(Rotating { wall_start: Some(wall.now()), ..Rotating::default() });
        let handle = Handle(Arc::clone(&provider), Arc::new(tokio::time::Instant::now()));
        let source = AwsSource::Provider(SharedCredentialsProvider::new(handle));
        Self { wall, provider, credential: bedrock(source) }
    }

    fn fail(&self, error: fn() -> CredentialsError) {
        *self.provider.failing.lock().unwrap() = Some(error);
    }

    fn asked(&self) -> usize {
        self.provider.asked.load(Ordering::SeqCst)
    }

    async fn key(&self) -> Result<String, IdentityError> {
        let authorization = authorization(&self.credential, self.wall.now()).await?;
        let (_, rest) = authorization.split_once("Credential=").unwrap();
        Ok(rest.split_once('/').unwrap().0.to_owned())
    }
}

async fn minutes(count: u64) {
    tokio::time::advance(Duration::from_secs(count * 60)).await;
}

#[tokio::test(start_paused = true)]
async fn expiring_keys_are_kept_refreshed_ahead_and_outlive_a_failed_refresh() {
    let rotation = Rotation::new();
    assert_eq!(rotation.key().await.unwrap(), "KEY-1");
    minutes(47).await;
    assert_eq!(rotation.key().await.unwrap(), "KEY-1");
    assert_eq!(rotation.asked(), 1, "nothing is due in the first 80 %");

    minutes(2).await;
    assert_eq!(rotation.key().await.unwrap(), "KEY-1", "a due refresh holds no request up");
    settle().await;
    assert_eq!(rotation.key().await.unwrap(), "KEY-2");

    rotation.fail(|| CredentialsError::provider_error("503 from STS"));
    minutes(50).await;
    rotation.key().await.unwrap();
    settle().await;
    assert_eq!(rotation.key().await.unwrap(), "KEY-2", "still valid, so no error");
    assert_eq!(rotation.asked(), 3);

    minutes(11).await;
    let error = rotation.key().await.unwrap_err();
    let fault = error.fault();
    assert!(matches!(error, IdentityError::AwsFetch { .. }));
    assert!(fault.message.contains("503 from STS"), "{}", fault.message);
    assert_eq!((fault.class, fault.origin), (Class::Auth, Origin::Provider));
}

#[tokio::test(start_paused = true)]
async fn services_of_one_account_share_one_cache() {
    let rotation = Rotation::new();
    let Credential::Aws(aws) = &rotation.credential else { panic!("an AWS credential") };
    let mantle = Credential::Aws(aws.for_service("bedrock-mantle"));
    rotation.key().await.unwrap();
    let authorization = authorization(&mantle, rotation.wall.now()).await.unwrap();
    assert!(authorization.contains("KEY-1/20261122/us-east-1/bedrock-mantle/"));
    assert_eq!(rotation.asked(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_source_without_credentials_says_what_to_set() {
    let rotation = Rotation::new();
    rotation.fail(CredentialsError::not_loaded_no_source);
    let error = rotation.key().await.unwrap_err();
    assert!(matches!(error, IdentityError::AwsNone { .. }));
    assert!(error.to_string().contains("AWS_ACCESS_KEY_ID"));
    assert_eq!(error.fault().origin, Origin::Tieline);
}

#[tokio::test]
async fn an_unknown_profile_is_named_and_nothing_else_is_tried() {
    let source = AwsSource::Chain { profile: Some("tieline-has-no-such-profile".to_owned()) };
    let error = authorization(&bedrock(source), Wall::new().now()).await.unwrap_err();
    let fault = error.fault();
    assert!(fault.message.contains("`tieline-has-no-such-profile`"), "{}", fault.message);
    assert!(fault.message.contains("~/.aws/config"), "{}", fault.message);
    assert_eq!(fault.origin, Origin::Tieline, "{}", fault.message);
}

#[test]
fn debug_shows_where_keys_come_from_but_no_key() {
    let text = format!("{:?}", bedrock(static_keys(Some("SESSIONTOKEN"))));
    assert!(text.contains("the given AWS keys") && text.contains("us-east-1"), "{text}");
    assert!(!text.contains("wJalr") && !text.contains("SESSIONTOKEN"), "{text}");
    let source = format!("{:?}", static_keys(Some("SESSIONTOKEN")));
    assert!(!source.contains("wJalr") && !source.contains("SESSIONTOKEN"), "{source}");
}
