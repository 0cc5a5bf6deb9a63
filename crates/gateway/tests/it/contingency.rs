//! What a configuration comes to where something is lost.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use tieline_gateway::{
    Evidence,
    contingency::{
        Depth, Kind, Known, QuotaSource, Report, Serves, Topology, Verdict, analyse, topology,
    },
};
use tieline_ledger::FeaturePeak;

use crate::house::config;

const CONFIG: &str = r#"
version: 1
providers:
  openai: { kind: openai, base_url: "https://api.openai.com/v1", api_key: { env: KEY } }
  azure:
    kind: azure-openai
    endpoint: "https://a.openai.azure.com"
    api_key: { env: KEY }
    facts: { regions: [swedencentral], edge: front }
  bedrock: { kind: bedrock, region: us-east-2, facts: { edge: front } }
models:
  gpt-5.5:
    - provider: openai
      price: { input: 2, cache_read: 0.2, output: 8 }
      limits: { pool: shared, tokens_per_minute: 200000 }
    - { provider: azure, limits: { tokens_per_minute: 100000 } }
  gpt-mini: [{ provider: openai, limits: { pool: shared } }]
  claude-x:
    - provider: bedrock
      name: us.anthropic.claude-x
      limits: { tokens_per_minute: 200000 }
features:
  chat:
    demand:
      requests_per_minute: 100
      input_tokens_per_minute: 100000
      output_tokens_per_minute: 20000
    deny: { providers: [azure] }
    tiers: [{ name: best, models: [gpt-5.5, claude-x] }]
  tags:
    criticality: sheddable
    tiers: [{ name: small, models: [gpt-mini, gpt-5.5] }]
"#;

fn made(peaks: &[FeaturePeak], growth: f64, down: &[&str]) -> Topology {
    let down: BTreeSet<String> = down.iter().map(|&id| id.to_owned()).collect();
    let first_contents =
        BTreeMap::from([("gpt-5.5@openai".to_owned(), Duration::from_millis(400))]);
    let known = Known { peaks, growth, first_contents: &first_contents, down: &down };
    topology(&config(CONFIG), Evidence::default(), 0, known).unwrap()
}

fn peak() -> FeaturePeak {
    FeaturePeak {
        feature: "tags".into(),
        requests_per_minute: 50.0,
        input_tokens_per_minute: Some(20_000.0),
        output_tokens_per_minute: Some(1_000.0),
        cached: 0.5,
        takes: Duration::from_secs(2),
    }
}

fn report(topology: &Topology) -> Report {
    analyse(topology, Depth::One).unwrap()
}

/// The verdict on one feature without one element.
fn verdict(report: &Report, kind: Kind, name: &str, feature: &str) -> Verdict {
    let lost = report.contingencies.iter().find(|one| {
        let mut names = one.contingency.lost.iter().chain(&one.contingency.also);
        names.any(|one| one.kind == kind && &*one.name == name)
    });
    let found = lost.unwrap().features.iter().find(|one| &*one.feature == feature);
    found.unwrap().verdict
}

#[test]
fn what_policy_denies_and_what_is_out_is_no_capacity() {
    let calls = |topology: &Topology| match &topology.loads[0].rungs[0].serves {
        Serves::Calls(choices) => {
            choices.iter().map(|one| topology.nodes[one.node].id.to_string()).collect::<Vec<_>>()
        }
        other => panic!("{other:?}"),
    };
    let well = made(&[], 1.0, &[]);
    assert_eq!(calls(&well), ["gpt-5.5@openai", "claude-x@bedrock"], "azure is denied");
    let report_well = report(&well);
    assert_eq!(verdict(&report_well, Kind::Provider, "openai", "chat"), Verdict::Secure);
    assert_eq!(verdict(&report_well, Kind::Provider, "bedrock", "chat"), Verdict::Secure);
    let drained = report(&made(&[], 1.0, &["claude-x@bedrock"]));
    assert_eq!(verdict(&drained, Kind::Provider, "openai", "chat"), Verdict::NotSecure);
    assert_eq!(drained.insecure(), ["chat"]);
}

#[test]
fn deployments_share_pools_and_fail_together() {
    let all = made(&[], 1.0, &[]);
    let pool = |id: &str| all.nodes.iter().find(|one| &*one.id == id).unwrap().pool;
    assert_eq!(pool("gpt-5.5@openai"), pool("gpt-mini@openai"));
    assert_eq!(&*all.pools[pool("gpt-mini@openai")].name, "shared");
    assert_eq!(all.pools[pool("gpt-mini@openai")].source, QuotaSource::Config);
    let domains = |id: &str| {
        let node = all.nodes.iter().find(|one| &*one.id == id).unwrap();
        let told = node.domains.iter().map(|(kind, name)| format!("{} {name}", kind.as_str()));
        told.collect::<Vec<_>>().join(", ")
    };
    assert_eq!(
        domains("gpt-5.5@azure"),
        "provider azure, model_at_provider gpt-5.5@azure, region azure/swedencentral, seller \
         microsoft, cloud azure, edge front, model gpt-5.5, family gpt"
    );
    assert!(domains("claude-x@bedrock").contains("region aws/us-east-2"));
    let report = report(&all);
    let edge = report.contingencies.iter().find(|one| one.contingency.to_string() == "edge front");
    assert_eq!(edge.unwrap().contingency.nodes.len(), 2);
}

#[test]
fn demand_is_declared_or_seen() {
    let unseen = made(&[], 3.0, &[]);
    assert_eq!(unseen.loads[0].need.unwrap().requests_per_minute, 100.0, "declared, so not grown");
    assert_eq!(unseen.loads[1].need, None);
    let seen = made(&[peak()], 3.0, &[]);
    let need = seen.loads[1].need.unwrap();
    assert_eq!(need.requests_per_minute, 150.0);
    assert_eq!(need.input_tokens_per_minute, Some(60_000.0));
    let Serves::Calls(choices) = &seen.loads[1].rungs[0].serves else { panic!("it calls") };
    let priced = choices.iter().find(|one| one.usd.is_some()).unwrap();
    // 400 tokens of a prompt, half of them cached, and 20 of an answer.
    assert_eq!(priced.usd, Some("0.0006".parse().unwrap()));
    assert_eq!(priced.usd_cold, Some("0.00096".parse().unwrap()));
    assert_eq!(priced.first_p95, Some(Duration::from_millis(400)));
    let names: Vec<&str> = seen.loads.iter().map(|one| &*one.feature).collect();
    assert_eq!(names, ["chat", "tags"], "models that nobody asks for are no features to look at");
}
