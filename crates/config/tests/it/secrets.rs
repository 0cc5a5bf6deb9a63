//! Secrets are read, and never shown.

use tieline_config::ProviderKind;

use super::{bad, good, read};

const SECRET: &str = "sk-live-0123456789";

fn file(key: &str) -> String {
    format!("version: 1\nproviders:\n  p: {{ kind: openai, {key} }}\nmodels: {{ m: [p] }}\n")
}

#[test]
fn from_a_variable_or_a_file_without_white_space_around() {
    for (reference, secret) in
        [("{ env: KEY }", "env-secret"), ("{ file: /run/secrets/anthropic }", "file-secret")]
    {
        let config = good(&file(&format!("api_key: {reference}")));
        let Some(ProviderKind::Openai { api_key, .. }) =
            config.provider("p").map(|provider| &provider.kind)
        else {
            panic!("not an openai provider");
        };
        assert_eq!(api_key.expose(), secret);
        assert!(!format!("{config:?}").contains(secret));
    }
}

#[test]
fn a_secret_in_the_file_is_refused_and_not_repeated() {
    let cases = [
        ("api_key: SECRET", "3:31"),
        ("api_key: \"SECRET\"", "3:31"),
        ("api_key: { value: SECRET }", "3:40"),
        ("api_key: { env: SECRET }", "3:38"),
        ("api_key: { env: KEY, value: SECRET }", "3:50"),
    ];
    for (key, place) in cases {
        let text = file(&key.replace("SECRET", SECRET));
        let said = bad(&text);
        assert!(said.starts_with(&format!("tieline.yaml:{place}: TL-0123: ")), "{said}");
        assert_silent(&text);
    }
}

#[test]
fn other_mistakes_do_not_show_a_secret_beside_them() {
    let cases = [
        file(&format!("apikey: {SECRET}")),
        file(&format!("api_keys: 1, api_key: {SECRET}")),
        file(&format!("\"client_secret\": {SECRET}, region: x")),
        file(&format!("api_key: {{ env: KEY }}, base_url: \"https://me:{SECRET}@host\"")),
        format!("version: 1\nproviders:\n  p:\n    api_key: {SECRET}\n    kind: [openai\n"),
        format!("version: 1\nproviders:\n  p:\n    kind: x\n    api_key: |\n      {SECRET}\n"),
    ];
    for text in cases {
        assert_silent(&text);
    }
}

fn assert_silent(text: &str) {
    let problems = read(text).expect_err("the file has mistakes");
    for shown in [
        problems.to_string(),
        problems.report(),
        problems.to_json().to_string(),
        format!("{problems:?}"),
    ] {
        assert!(!shown.contains(SECRET), "{shown}");
    }
}
