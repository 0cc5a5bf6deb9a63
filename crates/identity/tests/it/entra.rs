//! Entra tokens over a token endpoint that does what the test says.

use std::{collections::BTreeMap, io::Write, sync::Arc, time::Duration};

use bytes::Bytes;
use http::Request;
use tieline_identity::{Credential, ENTRA_SCOPE_V1, EntraCredential, EntraSettings, IdentityError};
use tieline_types::{Class, Origin, Phase, Replay, Scope, Secret};

use crate::support::{Does, Endpoint, START_S, Wall, authorization, settle};

type Pairs = &'static [(&'static str, &'static str)];

const APP: Pairs = &[
    ("AZURE_TENANT_ID", "tenant-1"),
    ("AZURE_CLIENT_ID", "client-1"),
    ("AZURE_CLIENT_SECRET", "s3cret&+"),
];

fn credential(
    settings: EntraSettings,
    env: &[(&str, &str)],
    endpoint: &Arc<Endpoint>,
) -> Result<Credential, IdentityError> {
    let get = |name: &str| {
        env.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
    };
    let http = Arc::clone(endpoint);
    EntraCredential::new(settings, ENTRA_SCOPE_V1, &get, http).map(Credential::Entra)
}

fn app(endpoint: &Arc<Endpoint>) -> Credential {
    credential(EntraSettings::default(), APP, endpoint).unwrap()
}

/// A reply of the v2.0 token endpoint; made from documentation.
fn token(name: &str, expires_in_s: u64) -> String {
    format!(r#"{{"token_type":"Bearer","expires_in":{expires_in_s},"access_token":"{name}"}}"#)
}

fn answer(name: &str) -> Does {
    Does::Answer(200, token(name, 3600))
}

fn form(text: &str) -> BTreeMap<String, String> {
    form_urlencoded::parse(text.as_bytes()).into_owned().collect()
}

fn body_form(request: &Request<Bytes>) -> BTreeMap<String, String> {
    form(str::from_utf8(request.body()).unwrap())
}

fn has(form: &BTreeMap<String, String>, expected: &[(&str, &str)]) {
    let found: Vec<_> = form.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert_eq!(found, expected);
}

#[tokio::test(start_paused = true)]
async fn a_client_secret_is_exchanged_for_a_bearer_token() {
    let endpoint = Endpoint::new([answer("T1")]);
    let wall = Wall::new();
    assert_eq!(authorization(&app(&endpoint), wall.now()).await.unwrap(), "Bearer T1");

    let request = endpoint.request(0);
    assert_eq!(request.method(), "POST");
    assert_eq!(request.uri(), "https://login.microsoftonline.com/tenant-1/oauth2/v2.0/token");
    assert_eq!(request.headers()["content-type"], "application/x-www-form-urlencoded");
    has(
        &body_form(&request),
        &[
            ("client_id", "client-1"),
            ("client_secret", "s3cret&+"),
            ("grant_type", "client_credentials"),
            ("scope", ENTRA_SCOPE_V1),
        ],
    );
}

#[tokio::test]
async fn a_federated_token_is_read_anew_for_every_token_request() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    writeln!(file, "assertion-1").unwrap();
    let path = file.path().to_str().unwrap();
    let env = [
        ("AZURE_TENANT_ID", "tenant-1"),
        ("AZURE_CLIENT_ID", "client-1"),
        ("AZURE_CLIENT_SECRET", ""),
        ("AZURE_FEDERATED_TOKEN_FILE", path),
        ("AZURE_AUTHORITY_HOST", "https://login.microsoftonline.us/"),
    ];
    // A token of one second is due for refresh at once when asked for later.
    let endpoint =
        Endpoint::new([Does::Answer(200, token("T1", 1)), Does::Answer(200, token("T2", 3600))]);
    let credential = credential(EntraSettings::default(), &env, &endpoint).unwrap();
    let wall = Wall::new();
    assert_eq!(authorization(&credential, wall.now()).await.unwrap(), "Bearer T1");
    std::fs::write(file.path(), "assertion-2").unwrap();
    let later = wall.now() + Duration::from_secs(60);
    assert_eq!(authorization(&credential, later).await.unwrap(), "Bearer T2");

    for (index, assertion) in ["assertion-1", "assertion-2"].into_iter().enumerate() {
        let request = endpoint.request(index);
        assert_eq!(request.uri().host(), Some("login.microsoftonline.us"));
        has(
            &body_form(&request),
            &[
                ("client_assertion", assertion),
                ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
                ("client_id", "client-1"),
                ("grant_type", "client_credentials"),
                ("scope", ENTRA_SCOPE_V1),
            ],
        );
    }
}

#[tokio::test(start_paused = true)]
async fn managed_identities_are_asked_where_they_live() {
    const MACHINE: &str = "http://169.254.169.254/metadata/identity/oauth2/token";
    const RESOURCE: (&str, &str) = ("resource", "https://ai.azure.com");
    struct Case {
        env: Pairs,
        url: &'static str,
        header: (&'static str, &'static str),
        query: Pairs,
    }
    let cases = [
        Case {
            env: &[],
            url: MACHINE,
            header: ("metadata", "true"),
            query: &[("api-version", "2018-02-01"), RESOURCE],
        },
        Case {
            env: &[("AZURE_CLIENT_ID", "user-assigned")],
            url: MACHINE,
            header: ("metadata", "true"),
            query: &[("api-version", "2018-02-01"), ("client_id", "user-assigned"), RESOURCE],
        },
        Case {
            env: &[
                ("IDENTITY_ENDPOINT", "http://127.0.0.1:41741/msi/token"),
                ("IDENTITY_HEADER", "sidecar-key"),
            ],
            url: "http://127.0.0.1:41741/msi/token",
            header: ("x-identity-header", "sidecar-key"),
            query: &[("api-version", "2019-08-01"), RESOURCE],
        },
    ];
    for Case { env, url, header: (name, value), query } in cases {
        // Made from documentation: these endpoints write numbers as text.
        let expires_on = START_S + 3600;
        let reply = format!(r#"{{"access_token":"T1","expires_on":"{expires_on}"}}"#);
        let endpoint = Endpoint::new([Does::Answer(200, reply)]);
        let credential = credential(EntraSettings::default(), env, &endpoint).unwrap();
        let wall = Wall::new();
        assert_eq!(authorization(&credential, wall.now()).await.unwrap(), "Bearer T1");

        let request = endpoint.request(0);
        assert_eq!(request.method(), "GET");
        assert_eq!(request.uri().to_string().split_once('?').unwrap().0, url);
        assert_eq!(request.headers()[name], value);
        has(&form(request.uri().query().unwrap()), query);
    }
}

#[tokio::test(start_paused = true)]
async fn settings_win_over_the_environment() {
    let endpoint = Endpoint::new([answer("T1")]);
    let settings = EntraSettings {
        tenant_id: Some("tenant-2".to_owned()),
        client_secret: Some(Secret::new("secret-2")),
        ..EntraSettings::default()
    };
    let explicit = credential(settings, APP, &endpoint).unwrap();
    authorization(&explicit, Wall::new().now()).await.unwrap();
    assert!(endpoint.request(0).uri().path().starts_with("/tenant-2/"));
    let form = body_form(&endpoint.request(0));
    assert_eq!(form["client_secret"], "secret-2");
    assert_eq!(form["client_id"], "client-1");

    let settings = EntraSettings {
        federated_token_file: Some("/no/such/token".into()),
        ..EntraSettings::default()
    };
    let by_file = credential(settings, APP, &endpoint).unwrap();
    let error = authorization(&by_file, Wall::new().now()).await.unwrap_err();
    assert!(error.to_string().contains("`/no/such/token`"), "{error}");
    assert!(error.to_string().contains("AZURE_FEDERATED_TOKEN_FILE"), "{error}");
    assert_eq!(error.fault().origin, Origin::Tieline);
}

#[test]
fn an_incomplete_flow_names_the_missing_variable() {
    let cases: [(Pairs, &str); 3] = [
        (&[("AZURE_CLIENT_SECRET", "s"), ("AZURE_CLIENT_ID", "c")], "AZURE_TENANT_ID"),
        (&[("AZURE_CLIENT_SECRET", "s"), ("AZURE_TENANT_ID", "t")], "AZURE_CLIENT_ID"),
        (&[("AZURE_FEDERATED_TOKEN_FILE", "/f"), ("AZURE_CLIENT_ID", "c")], "AZURE_TENANT_ID"),
    ];
    for (env, variable) in cases {
        let endpoint = Endpoint::new([Does::Hang]);
        let error = credential(EntraSettings::default(), env, &endpoint).unwrap_err();
        assert!(error.to_string().ends_with(variable), "{error}");
        assert_eq!(error.fault().origin, Origin::Tieline);
    }
}

#[tokio::test(start_paused = true)]
async fn a_token_is_kept_and_refreshed_ahead_of_its_end() {
    let cases = [(3600, 2880), (600, 300), (240, 120), (86_400, 69_120)];
    for (lifetime_s, refresh_s) in cases {
        let endpoint = Endpoint::new([
            Does::Answer(200, token("T1", lifetime_s)),
            Does::AnswerAfter(Duration::from_secs(3), token("T2", lifetime_s)),
        ]);
        let (credential, wall) = (app(&endpoint), Wall::new());
        authorization(&credential, wall.now()).await.unwrap();
        tokio::time::advance(Duration::from_secs(refresh_s - 1)).await;
        assert_eq!(authorization(&credential, wall.now()).await.unwrap(), "Bearer T1");
        settle().await;
        assert_eq!(endpoint.count(), 1, "{lifetime_s} s: not due yet");

        tokio::time::advance(Duration::from_secs(1)).await;
        let due = wall.now();
        assert_eq!(authorization(&credential, due).await.unwrap(), "Bearer T1");
        assert_eq!(wall.now(), due, "{lifetime_s} s: a slow refresh holds no request up");
        tokio::time::sleep(Duration::from_secs(4)).await;
        assert_eq!(authorization(&credential, wall.now()).await.unwrap(), "Bearer T2");
        assert_eq!(endpoint.count(), 2, "{lifetime_s} s");
    }
}

#[tokio::test(start_paused = true)]
async fn a_hundred_callers_cause_one_token_request() {
    for (step, expected) in [
        (Does::AnswerAfter(Duration::from_secs(2), token("T1", 3600)), Ok("Bearer T1".to_owned())),
        (Does::Hang, Err(Origin::Provider)),
    ] {
        let endpoint = Endpoint::new([step]);
        let (credential, wall) = (app(&endpoint), Wall::new());
        let mut callers = tokio::task::JoinSet::new();
        for _ in 0..100 {
            let (credential, now) = (credential.clone(), wall.now());
            callers.spawn(async move { authorization(&credential, now).await });
        }
        for result in callers.join_all().await {
            assert_eq!(result.map_err(|error| error.fault().origin), expected);
        }
        assert_eq!(endpoint.count(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_caller_who_leaves_does_not_take_the_token_along() {
    let wait = Duration::from_secs(2);
    let endpoint = Endpoint::new([Does::AnswerAfter(wait, token("T1", 3600)), Does::Disconnect]);
    let (credential, wall) = (app(&endpoint), Wall::new());
    let first = tokio::spawn({
        let (credential, now) = (credential.clone(), wall.now());
        async move { authorization(&credential, now).await }
    });
    settle().await;
    first.abort();
    assert_eq!(authorization(&credential, wall.now()).await.unwrap(), "Bearer T1");
    assert_eq!(endpoint.count(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_outage_of_the_token_endpoint_is_survived_until_the_token_ends() {
    let endpoint = Endpoint::new([answer("T1")]);
    let (credential, wall) = (app(&endpoint), Wall::new());
    authorization(&credential, wall.now()).await.unwrap();
    endpoint.now_does(Does::Answer(503, "upstream connect error".to_owned()));

    tokio::time::advance(Duration::from_secs(3000)).await;
    for _ in 0..50 {
        assert_eq!(authorization(&credential, wall.now()).await.unwrap(), "Bearer T1");
        settle().await;
    }
    assert_eq!(endpoint.count(), 2, "a failing endpoint is not hammered");
    tokio::time::advance(Duration::from_secs(5)).await;
    assert_eq!(authorization(&credential, wall.now()).await.unwrap(), "Bearer T1");
    settle().await;
    assert_eq!(endpoint.count(), 3, "but it is tried again");

    tokio::time::advance(Duration::from_secs(600)).await;
    let fault = authorization(&credential, wall.now()).await.unwrap_err().fault();
    assert_eq!((fault.class, fault.scope), (Class::Auth, Scope::Credential));
    assert_eq!((fault.replay, fault.phase), (Replay::NotSent, Phase::Connect));
    assert_eq!(fault.origin, Origin::Provider);
    assert!(fault.message.contains("HTTP 503"), "{}", fault.message);
    let asked = endpoint.count();
    authorization(&credential, wall.now()).await.unwrap_err();
    assert_eq!(endpoint.count(), asked, "the failure answers for a while");

    endpoint.now_does(answer("T2"));
    tokio::time::advance(Duration::from_secs(5)).await;
    assert_eq!(authorization(&credential, wall.now()).await.unwrap(), "Bearer T2");
}

#[tokio::test(start_paused = true)]
async fn failures_say_what_to_check_and_repeat_no_secret() {
    // Refusals are made from documentation; the second description repeats what was sent.
    let invalid = r#"{"error":"invalid_client","error_description":"AADSTS7000215: Invalid."}"#;
    let echo = r#"{"error":"unauthorized_client","error_description":"s3cret&+ is wrong"}"#;
    let past = format!(r#"{{"access_token":"tok3n","expires_on":{START_S}}}"#);
    let endless = format!(r#"{{"access_token":"tok3n","expires_in":{}}}"#, u64::MAX);
    let cases = [
        (Does::Answer(401, invalid.to_owned()), "AADSTS7000215); AZURE_CLIENT_SECRET is wrong"),
        (
            Does::Answer(400, echo.to_owned()),
            "HTTP 400 (unauthorized_client); check AZURE_TENANT_ID",
        ),
        (Does::Answer(302, String::new()), "HTTP 302 (no code)"),
        (Does::Answer(200, "<html>tok3n</html>".to_owned()), "without `access_token`"),
        (Does::Answer(200, r#"{"access_token":"tok3n"}"#.to_owned()), "and a lifetime"),
        (Does::Answer(200, r#"{"access_token":"tok3n","expires_in":"x"}"#.to_owned()), "lifetime"),
        (Does::Answer(200, endless), "lifetime"),
        (Does::Answer(200, past), "already expired; check this machine's clock"),
        (Does::Disconnect, "AZURE_AUTHORITY_HOST: connection reset"),
        (Does::Hang, "no credentials within 15 s"),
    ];
    for (step, expected) in cases {
        let endpoint = Endpoint::new([step]);
        let error = authorization(&app(&endpoint), Wall::new().now()).await.unwrap_err();
        let fault = error.fault();
        assert!(fault.message.contains(expected), "{} misses {expected}", fault.message);
        for secret in ["s3cret", "tok3n"] {
            assert!(!format!("{error:?} {fault:?}").contains(secret), "{error:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_refusal_passes_its_code_on() {
    let body = r#"{"error":"invalid_request","error_description":"Identity not found"}"#;
    let endpoint = Endpoint::new([Does::Answer(400, body.to_owned())]);
    let credential = credential(EntraSettings::default(), &[], &endpoint).unwrap();
    let fault = authorization(&credential, Wall::new().now()).await.unwrap_err().fault();
    assert_eq!(fault.code.as_deref(), Some("invalid_request"));
    assert_eq!(fault.status, None, "no model provider answered");
    assert!(fault.message.contains("run where a managed identity is assigned"));
}

#[tokio::test(start_paused = true)]
async fn an_unusable_authority_is_found_out_before_anything_is_sent() {
    let endpoint = Endpoint::new([Does::Hang]);
    let settings = EntraSettings {
        authority_host: Some("https://not a host".to_owned()),
        ..EntraSettings::default()
    };
    let credential = credential(settings, APP, &endpoint).unwrap();
    let fault = authorization(&credential, Wall::new().now()).await.unwrap_err().fault();
    assert!(fault.message.contains("AZURE_AUTHORITY_HOST"), "{}", fault.message);
    assert_eq!((fault.origin, endpoint.count()), (Origin::Tieline, 0));
}

#[test]
fn debug_shows_the_flow_but_no_secret() {
    let endpoint = Endpoint::new([Does::Hang]);
    let settings =
        EntraSettings { client_secret: Some(Secret::new("s3cret")), ..EntraSettings::default() };
    assert!(!format!("{settings:?}").contains("s3cret"));
    let text = format!("{:?}", credential(settings, APP, &endpoint).unwrap());
    assert!(text.contains("Entra by client secret") && !text.contains("s3cret"), "{text}");
}
