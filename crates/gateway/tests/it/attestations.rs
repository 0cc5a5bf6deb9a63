//! Only what has passed its suite serves, and what was left last serves on.

use std::time::Duration;

use tieline_config::Config;
use tieline_gateway::{CandidateStanding, Evidence, Harness, Question, explain};
use tieline_types::{DataClass, Modalities};

use crate::{
    house::{Client, House},
    lab::{About, BEGAN_MS, Bench, DAY_MS, Lab, key},
};

/// Two features on two providers, in a first tier and a second.
fn world(require: &str) -> String {
    format!(
        r#"
version: 1
providers:
  openai:    {{ kind: openai, base_url: "http://openai.sim/v1", api_key: {{ env: KEY }} }}
  azure:     {{ kind: azure-openai, endpoint: "http://azure.sim", api_key: {{ env: KEY }} }}
  anthropic: {{ kind: anthropic, base_url: "http://anthropic.sim", api_key: {{ env: KEY }} }}
models:
  gpt: [openai, {{ provider: azure, name: gpt55-eu }}]
  claude: [anthropic]
features:
  reply:
    evals: {{ suite: suite.yaml, require: {require} }}
    tiers:
      - {{ name: best, models: [gpt] }}
      - {{ name: second, models: [claude] }}
      - {{ reply: "Later." }}
  free:
    tiers: [ {{ models: [gpt] }} ]
"#
    )
}

async fn house(lab: &Lab, text: &str) -> (House, Config) {
    let config = lab.config(text);
    (House::examined(&config, Bench::new()).await, config)
}

/// Who answers a request.
async fn answers(house: &House, feature: &str) -> String {
    let answer = house.ask(Client::Chat, feature, false, "hello").await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.header("x-tieline-deployment").to_owned()
}

/// `deployment: role, state of its attestation`, for a tier.
fn standings(house: &House, tier: &str) -> Vec<String> {
    let all = house.gateway.status().standings;
    let of_tier = all.iter().filter(|one| one.tier == tier);
    of_tier.map(|one| format!("{}: {}, {}", one.deployment, one.role, state(one))).collect()
}

fn state(one: &CandidateStanding) -> &str {
    one.attestation.as_ref().map_or("-", |attestation| attestation.as_str())
}

fn alarms(house: &House) -> Vec<String> {
    let all = house.gateway.status().standings;
    all.into_iter().filter_map(|one| Some(format!("{}: {}", one.deployment, one.alarm?))).collect()
}

#[tokio::test(start_paused = true)]
async fn only_what_has_passed_its_suite_serves() {
    let lab = Lab::new();
    let text = world("enforce");
    lab.attest(&lab.config(&text), "azure", &About::new("reply", "gpt@azure"));
    let (house, config) = house(&lab, &text).await;
    assert_eq!(answers(&house, "reply").await, "gpt@azure", "not the first, which has not");
    assert_eq!(answers(&house, "free").await, "gpt@openai", "what wants no attestation");
    let best = ["gpt@azure: serving, valid", "gpt@openai: unattested, missing"];
    assert_eq!(standings(&house, "best"), best);
    assert_eq!(alarms(&house), [""; 0]);
    // While it is out, nothing else of the feature may serve.
    house.fault("azure", "status=503");
    let answer = house.ask(Client::Chat, "reply", false, "hello").await;
    assert_eq!(answer.json()["choices"][0]["message"]["content"], "Later.");
    let record = house.record(&answer).await;
    let over: Vec<String> =
        record.passed_over.iter().map(|one| format!("{}: {}", one.deployment, one.why)).collect();
    assert_eq!(over, ["gpt@openai: unattested", "claude@anthropic: unattested"]);
    let metrics = house.gateway.metrics_text();
    let labels = "feature=\"reply\",tier=\"best\",deployment=\"gpt@azure\"";
    assert!(metrics.contains(&format!("tieline_attestation_valid{{{labels}}} 1")), "{metrics}");

    let harness: &dyn Harness = &*Bench::new();
    let evidence = Evidence::gather(&config, Some(harness), Vec::new());
    let question = Question {
        feature: "reply",
        caller: "local".into(),
        tags: &[],
        modalities: Modalities::NONE,
        input_tokens: 100,
        at_ms: BEGAN_MS,
    };
    let explained = explain(&config, evidence, question, &[]).unwrap().unwrap();
    let said: Vec<(&str, &str, &str)> = explained
        .deployments
        .iter()
        .map(|one| {
            let reason = &one.reasons[0];
            (one.deployment.as_str(), one.verdict, reason.words.as_str())
        })
        .collect();
    let lacks = "no valid attestation of its suite: there is no attestation";
    assert_eq!(said[0], ("gpt@openai", "out", lacks));
    assert_eq!((said[1].0, said[1].1), ("gpt@azure", "in"));
    assert_eq!(explained.deployments[0].reasons[0].rule.as_ref(), "evals");
    assert_eq!(explained.plan.len(), 2, "one deployment, and the fixed answer");
}

#[tokio::test(start_paused = true)]
async fn where_it_is_only_warned_of_all_serve() {
    let lab = Lab::new();
    let (house, _) = house(&lab, &world("warn")).await;
    assert_eq!(answers(&house, "reply").await, "gpt@openai");
    let lacks = "it serves without a valid attestation: there is no attestation";
    assert_eq!(
        alarms(&house),
        ["gpt@azure", "gpt@openai", "claude@anthropic"].map(|id| format!("{id}: {lacks}"))
    );
}

#[tokio::test(start_paused = true)]
async fn what_expires_serves_on_only_while_nothing_else_may() {
    let lab = Lab::new();
    let text = world("enforce");
    let config = lab.config(&text);
    lab.attest(&config, "openai", &About::new("reply", "gpt@openai").days(1));
    lab.attest(&config, "claude", &About::new("reply", "claude@anthropic").days(3));
    let (house, _) = house(&lab, &text).await;
    assert_eq!(answers(&house, "reply").await, "gpt@openai");
    house.gateway.renew().unwrap();
    assert_eq!(answers(&house, "reply").await, "gpt@openai");

    tokio::time::advance(Duration::from_millis(DAY_MS)).await;
    house.gateway.renew().unwrap();
    assert_eq!(answers(&house, "reply").await, "claude@anthropic");
    assert_eq!(
        standings(&house, "best"),
        ["gpt@azure: unattested, missing", "gpt@openai: unattested, stale"]
    );

    tokio::time::advance(Duration::from_millis(2 * DAY_MS)).await;
    house.gateway.renew().unwrap();
    assert_eq!(answers(&house, "reply").await, "gpt@openai", "what was attested last serves on");
    assert_eq!(
        standings(&house, "best"),
        ["gpt@azure: unattested, missing", "gpt@openai: serving, stale"]
    );
    let alarm = "it serves without a valid attestation, because nothing else of the feature is \
                 left: it has expired";
    assert_eq!(
        alarms(&house),
        [format!("gpt@openai: {alarm}"), format!("claude@anthropic: {alarm}")]
    );
    let metrics = house.gateway.metrics_text();
    let labels = "feature=\"reply\",tier=\"best\",deployment=\"gpt@openai\"";
    assert!(metrics.contains(&format!("tieline_unattested_serving{{{labels}}} 1")), "{metrics}");

    let config = lab.config(&text);
    lab.attest(
        &config,
        "azure",
        &About { expires_ms: BEGAN_MS + 30 * DAY_MS, ..About::new("reply", "gpt@azure") },
    );
    assert!(house.gateway.apply(&lab.config(&text)).unwrap(), "a new file is a change");
    assert_eq!(answers(&house, "reply").await, "gpt@azure");
    assert_eq!(alarms(&house), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn where_nothing_was_ever_attested_all_serves_aloud() {
    let lab = Lab::new();
    let (house, _) = house(&lab, &world("enforce")).await;
    assert_eq!(answers(&house, "reply").await, "gpt@openai");
    assert_eq!(alarms(&house).len(), 3);
}

#[tokio::test(start_paused = true)]
async fn what_keeps_the_last_tier_never_opens_what_policy_closes() {
    let lab = Lab::new();
    let text = world("enforce").replace(
        "    evals: { suite: suite.yaml, require: enforce }",
        "    evals: { suite: suite.yaml, require: enforce }\n    deny: { providers: [openai] }",
    );
    let config = lab.config(&text);
    // The only one that ever passed may not be used.
    lab.attest(&config, "openai", &About::new("reply", "gpt@openai"));
    let (house, config) = house(&lab, &text).await;
    assert_eq!(config.feature("reply").unwrap().rules.class, None::<DataClass>);
    assert_eq!(answers(&house, "reply").await, "gpt@azure");
    assert_eq!(alarms(&house).len(), 2);
}

#[tokio::test(start_paused = true)]
async fn what_changed_since_is_stale_and_says_what() {
    let (openai, azure) = ("gpt@openai", "gpt@azure");
    let usual = world("enforce");
    let cases: [(&str, &str, &str, &str); 5] = [
        ("name: gpt55-eu", "name: gpt56-eu", azure, "the deployment's name at the provider"),
        (
            "name: gpt55-eu",
            "name: gpt55-eu, surface: responses",
            azure,
            "the deployment's protocol or adapter",
        ),
        (
            "api_key: { env: KEY } }\n  anthropic",
            "api_key: { env: KEY }, facts: { regions: [westeurope] } }\n  anthropic",
            azure,
            "the deployment's region",
        ),
        ("the first suite", "another suite", openai, "the suite"),
        ("eval.pub", "other.pub", openai, ""),
    ];
    for (from, to, deployment, what) in cases {
        let lab = Lab::new();
        let other = if deployment == azure { openai } else { azure };
        let config = lab.config(&usual);
        lab.attest(&config, "it", &About::new("reply", deployment));
        lab.attest(&config, "other", &About::new("reply", other));
        let (house, _) = house(&lab, &usual).await;
        match from {
            "the first suite" => {
                lab.write("suite.yaml", to);
                // All of them are of the old suite.
                assert!(house.gateway.apply(&lab.config(&usual)).unwrap());
            }
            "eval.pub" => {
                lab.write("eval.pub", &key(2).public().to_pem());
                house.gateway.apply(&lab.config(&usual)).unwrap();
                let refused = house.gateway.status().refused_attestations;
                let reasons: Vec<&str> = refused.iter().map(|one| one.reason.as_str()).collect();
                assert_eq!(reasons, ["no trusted key has signed it"; 2]);
                assert!(refused[0].file.ends_with("it.json"), "{refused:?}");
                continue;
            }
            from => {
                assert!(house.gateway.apply(&lab.config(&usual.replace(from, to))).unwrap());
            }
        }
        let all = house.gateway.status().standings;
        let one = all.iter().find(|one| one.deployment == deployment).unwrap();
        let text = serde_json::to_string(one).unwrap();
        assert_eq!(state(one), "stale", "{what}: {text}");
        assert!(text.contains(&format!("{what} has changed since")), "{what}: {text}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_attestation_for_one_tier_says_nothing_of_another() {
    let lab = Lab::new();
    let text = world("enforce").replace("models: [claude]", "models: [claude, gpt@openai]");
    let config = lab.config(&text);
    lab.attest(
        &config,
        "second",
        &About { tier: Some("second"), ..About::new("reply", "gpt@openai") },
    );
    let (house, _) = house(&lab, &text).await;
    assert_eq!(
        standings(&house, "best"),
        ["gpt@azure: unattested, missing", "gpt@openai: unattested, missing"]
    );
    let second = ["claude@anthropic: unattested, missing", "gpt@openai: serving, valid"];
    assert_eq!(standings(&house, "second"), second);
    let answer = house.ask(Client::Chat, "reply", false, "hello").await;
    assert_eq!(answer.header("x-tieline-tier"), "second");
}

#[tokio::test(start_paused = true)]
async fn a_tier_may_want_less_than_its_feature() {
    let lab = Lab::new();
    let text = world("enforce")
        .replace("models: [claude] }", "models: [claude], evals: { require: off } }");
    let config = lab.config(&text);
    lab.attest(&config, "azure", &About::new("reply", "gpt@azure"));
    let (house, _) = house(&lab, &text).await;
    assert_eq!(standings(&house, "second"), [""; 0]);
    house.fault("azure", "status=503");
    assert_eq!(answers(&house, "reply").await, "claude@anthropic");
}

#[test]
fn a_key_that_is_none_is_told() {
    let lab = Lab::new();
    lab.write("eval.pub", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n");
    let config = lab.config(&world("warn"));
    let failed = tieline_gateway::Decider::new(&config, Evidence::default(), BEGAN_MS);
    let error = failed.unwrap_err();
    assert_eq!(error.to_string(), "cannot use the key eval.pub for attestations");
}
