//! The starter file is good where it is made.

use std::path::Path;

use tieline_config::{Code, parse, starter};

use super::FakeWorld;

/// The environment, and the deployments the file then has.
type Case = (&'static [(&'static str, &'static str)], &'static [&'static str]);

const CASES: &[Case] = &[
    (&[("OPENAI_API_KEY", "k")], &["gpt-5.5@openai", "gpt-5.4-mini@openai"]),
    (&[("ANTHROPIC_API_KEY", "k")], &["claude-sonnet-5@anthropic"]),
    (
        &[
            ("AZURE_OPENAI_ENDPOINT", "https://acme.openai.azure.com/"),
            ("AZURE_OPENAI_API_KEY", "k"),
        ],
        &["gpt-5.5@azure", "gpt-5.4-mini@azure"],
    ),
    (
        &[("AZURE_OPENAI_ENDPOINT", "https://acme.openai.azure.com/")],
        &["gpt-5.5@azure", "gpt-5.4-mini@azure"],
    ),
    (
        &[("AWS_REGION", "eu-west-1"), ("AWS_PROFILE", "dev")],
        &["claude-sonnet-5@bedrock", "gpt-5.5@bedrock"],
    ),
    (
        &[("AWS_REGION", "us-east-2"), ("AWS_BEARER_TOKEN_BEDROCK", "k"), ("OPENAI_API_KEY", "k")],
        &["claude-sonnet-5@bedrock", "gpt-5.5@openai", "gpt-5.5@bedrock", "gpt-5.4-mini@openai"],
    ),
    (&[("GROQ_API_KEY", "k")], &["llama-3.3-70b@groq"]),
    (&[("MISTRAL_API_KEY", "k")], &["mistral-large@mistral"]),
    (&[("OLLAMA_HOST", "0.0.0.0")], &["llama3.2@ollama"]),
    (&[("OLLAMA_HOST", "http://gpu:1234")], &["llama3.2@ollama"]),
];

#[test]
fn it_passes_and_uses_what_was_found() {
    for (variables, expected) in CASES {
        let world = FakeWorld::with_variables(variables);
        let text = starter(&world);
        let config = parse("tieline.yaml", &text, Path::new(""), &world)
            .unwrap_or_else(|problems| panic!("{variables:?}\n{text}\n{problems}"));
        let found: Vec<&str> = config.deployments().map(|one| one.id.as_str()).collect();
        assert_eq!(&found, expected, "{variables:?}");
        assert!(config.feature("assistant").is_some_and(|feature| feature.tiers.len() == 2));
    }
}

#[test]
fn unusable_variables_are_left_out() {
    let world = FakeWorld::with_variables(&[
        ("OPENAI_API_KEY", "k"),
        ("ANTHROPIC_API_KEY", " "),
        ("AZURE_OPENAI_ENDPOINT", "not a url"),
        ("AWS_REGION", "us-east-1"),
        ("OLLAMA_HOST", "http://me:pw@host"),
    ]);
    let config = parse("tieline.yaml", &starter(&world), Path::new(""), &world);
    let names: Vec<String> =
        config.into_iter().flat_map(|good| good.providers).map(|one| one.name).collect();
    assert_eq!(names, ["openai"]);
}

#[test]
fn with_no_credential_the_key_is_its_only_problem() {
    let world = FakeWorld::default();
    let text = starter(&world);
    let problems = parse("tieline.yaml", &text, Path::new(""), &world).expect_err("no key");
    let codes: Vec<Code> = problems.list().iter().map(|problem| problem.code).collect();
    assert_eq!(codes, [Code::SecretUnavailable], "{problems}");
    insta::assert_snapshot!(text);
}
