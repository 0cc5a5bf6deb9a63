//! What a good file means.

use std::{path::Path, time::Duration};

use tieline_config::{
    Allowance, Attestations, AwsAuth, AzureAuth, Budget, BurnResponse, Candidate, Ceilings, Config,
    Criticality, Demand, Deployment, Document, Fidelity, Hedge, Limits, OnBurn, OnLimit,
    OnStreamBreak, Per, Prefer, Probes, ProviderKind, Queue, Ramp, RealWorld, ShutdownDates,
    Similar, Surface, Tier, TierMode, Weights, load,
};

use tieline_types::{Facts, Rates, TokenPrices};

use super::{good, with};

const FULL: &str = r#"
version: 1
server:
  listen: 0.0.0.0:443
  admin: off
  tls: { cert: cert.pem, key: key.pem }
  max_body: 8MiB
  drain: 0s
  workers: 4
ledger: { path: data/calls.db }
providers:
  openai: { kind: openai, api_key: { env: KEY }, organization: org, project: proj }
  azure-key:
    kind: azure-openai
    endpoint: https://acme.openai.azure.com
    api_key: { env: KEY }
    api_version: 2025-04-01-preview
  azure-entra:
    kind: azure-openai
    endpoint: https://acme.openai.azure.com
    auth: entra
    tenant_id: t
    client_id: c
    client_secret: { env: KEY }
    scope: https://ai.azure.com/.default
  anthropic: { kind: anthropic, api_key: { file: /run/secrets/anthropic }, extra_ca: cert.pem }
  bedrock: { kind: bedrock, region: us-east-2, profile: dev, connect_timeout: 500ms }
  bedrock-key: { kind: bedrock, region: us-east-2, api_key: { env: KEY }, mantle_service: bedrock }
  local: { kind: openai-compatible, base_url: "http://127.0.0.1:11434/v1", probes: off }
models:
  gpt-5.5:
    - openai
    - { provider: azure-key, name: gpt55-eu, surface: responses, max_output_tokens: 4096 }
    - { provider: bedrock, name: openai.gpt-5.5, sampling: false, limits: { tokens_per_minute: 9 } }
    - { provider: bedrock, name: us.openai.gpt-5.5, prefill: true }
  claude: [{ provider: anthropic, quality: 0.9 }, { provider: bedrock, name: us.anthropic.claude }]
features:
  support:
    owner: team
    criticality: sheddable-plus
    deadline: 20s
    return_after: 0s
    fidelity: strict
    on_stream_break: error
    hedge: { after: 800ms }
    budget: { usd: 300.50, per: day, on_limit: refuse }
    limits: { requests_per_minute: 60, per_caller: { concurrency: 2, tokens_per_minute: 9 } }
    tiers:
      - models: [claude, gpt-5.5@openai, claude@anthropic]
        prefer: weighted
        weights: { "claude": 2, "claude@bedrock": 0 }
        ttft: 3s
        deadline: 10s
      - models: [gpt-5.5]
      - models: [claude]
        prefer: cheapest
        max_usd_per_request: 0.05
        ttft_p95: 2s
        min_quality: 0.7
      - { models: [claude], prefer: { balanced: { cost: 2, quality: 0 } } }
      - { cache: { max_age: 24h } }
      - { name: apology, reply: "Sorry.", acceptable: false }
  claude:
    on_stream_break: { buffer: { tokens: 40, for: 800ms } }
    tiers: [{ models: [claude] }, { off: true }]
budgets:
  callers: { web: { usd: 5, per: hour } }
  teams: { team: { usd: 9000, per: month } }
"#;

fn kind<'c>(config: &'c Config, name: &str) -> &'c ProviderKind {
    &config.provider(name).unwrap_or_else(|| panic!("no provider {name}")).kind
}

#[test]
fn server_and_ledger() {
    let config = good(FULL);
    assert_eq!(config.server.listen.to_string(), "0.0.0.0:443");
    assert_eq!(config.server.admin, None);
    let tls = config.server.tls.expect("tls");
    assert_eq!(tls.cert, Path::new("/etc/tieline/cert.pem"));
    assert_eq!(tls.key, Path::new("/etc/tieline/key.pem"));
    assert_eq!(config.server.max_body_bytes, 8 << 20);
    assert_eq!(config.server.drain, Duration::ZERO);
    assert_eq!(config.server.workers, Some(4));
    assert_eq!(config.ledger.path, Path::new("/etc/tieline/data/calls.db"));
    assert_eq!(config.ledger.spill, Path::new("/etc/tieline/data/calls.db.spill"));
}

#[test]
fn defaults() {
    let config = good(&with(""));
    assert_eq!(config.version, 1);
    assert_eq!(config.server.listen.to_string(), "127.0.0.1:8080");
    assert_eq!(config.server.admin.map(|at| at.to_string()).as_deref(), Some("127.0.0.1:8081"));
    assert_eq!(config.server.tls, None);
    assert_eq!(config.server.max_body_bytes, 64 << 20);
    assert_eq!(config.server.drain, Duration::from_secs(30));
    assert_eq!(config.server.workers, None);
    assert_eq!(config.ledger.path, Path::new("/etc/tieline/tieline.db"));
    let provider = config.provider("a").expect("a");
    assert_eq!(provider.connect_timeout, Duration::from_secs(2));
    assert_eq!((provider.probes, &provider.extra_ca), (Probes::Recover, &None));
    let [deployment, _] = config.models[0].deployments.as_slice() else { panic!("{config:?}") };
    let usual = Deployment {
        id: "m@a".into(),
        model: "m".into(),
        provider: "a".into(),
        name: "m".into(),
        surface: None,
        max_output_tokens: None,
        sampling: true,
        prefill: false,
        limits: Limits::default(),
        scope: None,
        price: None,
        quality: None,
        facts: Facts::default(),
    };
    assert_eq!(*deployment, usual);
}

#[test]
fn providers_by_kind() {
    let config = good(FULL);
    assert!(matches!(kind(&config, "openai"),
        ProviderKind::Openai { base_url, api_key, organization: Some(org), project: Some(_) }
        if base_url.as_str() == "https://api.openai.com/v1"
            && api_key.expose() == "env-secret" && org == "org"));
    assert!(matches!(kind(&config, "azure-key"),
        ProviderKind::AzureOpenai { auth: AzureAuth::Key(_), api_version: Some(version), .. }
        if version == "2025-04-01-preview"));
    assert!(matches!(
        kind(&config, "azure-entra"),
        ProviderKind::AzureOpenai {
            auth: AzureAuth::Entra {
                tenant_id: Some(_),
                client_id: Some(_),
                client_secret: Some(_),
                scope: Some(_)
            },
            api_version: None,
            ..
        }
    ));
    assert!(matches!(kind(&config, "anthropic"),
        ProviderKind::Anthropic { base_url, api_key, version }
        if base_url.as_str() == "https://api.anthropic.com/"
            && api_key.expose() == "file-secret" && version == "2023-06-01"));
    assert!(matches!(kind(&config, "bedrock"),
        ProviderKind::Bedrock { region, auth: AwsAuth::Chain { profile: Some(profile) },
            mantle_service, endpoint: None, mantle_endpoint: None }
        if region == "us-east-2" && profile == "dev" && mantle_service == "bedrock-mantle"));
    assert!(matches!(kind(&config, "bedrock-key"),
        ProviderKind::Bedrock { auth: AwsAuth::ApiKey(_), mantle_service, .. }
        if mantle_service == "bedrock"));
    assert!(matches!(kind(&config, "local"), ProviderKind::OpenaiCompatible { api_key: None, .. }));
}

#[test]
fn probes_are_a_providers() {
    let config = good(FULL);
    let probes = |name: &str| config.provider(name).map(|one| one.probes);
    assert_eq!(probes("local"), Some(Probes::Off));
    assert_eq!(probes("openai"), Some(Probes::Recover));
}

#[test]
fn sentinels_are_off_unless_written_and_have_a_pace_and_a_budget() {
    assert_eq!(good(FULL).sentinels, None);
    let written = |text: &str| good(&format!("{FULL}\nsentinels: {text}")).sentinels.unwrap();
    let usual = written("{}");
    assert_eq!((usual.every, &usual.prompts), (Duration::from_secs(3600), &None));
    assert_eq!(usual.max_usd_per_day.to_string(), "0.5");
    let own = written("{ every: 30m, max_usd_per_day: 2 }");
    assert_eq!(
        (own.every, own.max_usd_per_day.to_string()),
        (Duration::from_secs(1800), "2".into())
    );
}

#[test]
fn drills_are_off_unless_written_and_have_a_key_and_bounds() {
    assert_eq!(good(FULL).drills, None);
    let written = |text: &str| good(&format!("{FULL}\ndrills: {text}")).drills.unwrap();
    let usual = written("{ key: { env: LONG_KEY } }");
    assert_eq!((usual.max_percent, usual.max_ttl), (25.0, Duration::from_secs(1800)));
    let own = written("{ key: { env: LONG_KEY }, max_percent: 2.5, max_ttl: 24h }");
    assert_eq!((own.max_percent, own.max_ttl), (2.5, Duration::from_secs(86_400)));
    assert_eq!(own.key, usual.key);
}

#[test]
fn shutdown_dates_are_read_unless_switched_off() {
    let config = good(&FULL.replace("probes: off }", "probes: off, shutdown_dates: off }"));
    let dates = |name: &str| config.provider(name).map(|one| one.shutdown_dates);
    assert_eq!(dates("local"), Some(ShutdownDates::Off));
    assert_eq!(dates("openai"), Some(ShutdownDates::Daily));
}

#[test]
fn deployments_have_unique_ids() {
    let config = good(FULL);
    let ids: Vec<&str> = config.deployments().map(|one| one.id.as_str()).collect();
    assert_eq!(
        ids,
        [
            "gpt-5.5@openai",
            "gpt-5.5@azure-key",
            "gpt-5.5@bedrock",
            "gpt-5.5@bedrock/us.openai.gpt-5.5",
            "claude@anthropic",
            "claude@bedrock",
        ]
    );
    let azure = config.deployment("gpt-5.5@azure-key").expect("azure");
    assert_eq!((azure.name.as_str(), azure.max_output_tokens), ("gpt55-eu", Some(4096)));
    assert!(!config.deployment("gpt-5.5@bedrock").expect("bedrock").sampling);
}

#[test]
fn features_in_order_and_then_implicit_ones() {
    let config = good(FULL);
    let names: Vec<_> = config.features.iter().map(|one| (&*one.name, one.implicit)).collect();
    assert_eq!(names, [("support", false), ("claude", false), ("gpt-5.5", true)]);
    let implicit = config.feature("gpt-5.5").expect("implicit");
    let [tier] = implicit.tiers.as_slice() else { panic!("{implicit:?}") };
    assert_eq!(tier.name, "models");
    let TierMode::Models { candidates, prefer: Prefer::Ordered } = &tier.mode else {
        panic!("{tier:?}")
    };
    assert_eq!(candidates.len(), 4);
}

#[test]
fn a_ladder() {
    let config = good(FULL);
    let feature = config.feature("support").expect("support");
    assert_eq!(feature.owner.as_deref(), Some("team"));
    assert_eq!(feature.deadline, Duration::from_secs(20));
    assert_eq!(feature.return_after, Duration::ZERO);
    let usual = config.feature("claude").expect("claude");
    assert_eq!(usual.return_after, Duration::from_secs(300));
    assert_eq!(feature.fidelity, Fidelity::Strict);
    assert_eq!(feature.criticality, Criticality::SheddablePlus);
    assert_eq!(feature.hedge, Some(Hedge { after: Some(Duration::from_millis(800)) }));
    let usd = |text: &str| text.parse().expect("dollars");
    let day = Budget { usd: usd("300.5"), per: Per::Day, on_limit: OnLimit::Refuse };
    assert_eq!(feature.budget, Some(day));
    let hour = Budget { usd: usd("5"), per: Per::Hour, on_limit: OnLimit::NextTier };
    assert_eq!(config.budgets.callers, [("web".to_owned(), hour)]);
    let month = Budget { usd: usd("9000"), per: Per::Month, on_limit: OnLimit::NextTier };
    assert_eq!(config.budgets.teams, [("team".to_owned(), month)]);
    let all = Allowance { requests_per_minute: Some(60), ..Allowance::default() };
    assert_eq!(feature.limits.all, all);
    let each =
        Allowance { tokens_per_minute: Some(9), concurrency: Some(2), ..Allowance::default() };
    assert_eq!(feature.limits.per_caller, each);
    let limits = Limits { tokens_per_minute: Some(9), ..Limits::default() };
    assert!(config.deployments().any(|one| one.limits == limits));
    assert_eq!(feature.demand, None);
    let names: Vec<&str> = feature.tiers.iter().map(|tier| tier.name.as_str()).collect();
    assert_eq!(names, ["models", "tier-2", "tier-3", "tier-4", "cache", "apology"]);
    let [first, _, cheapest, balanced, cache, reply] = feature.tiers.as_slice() else {
        panic!("{feature:?}")
    };
    let weighted =
        |id: &str, weight| Candidate { deployment: id.into(), weight, by_release: false };
    assert_eq!(
        first.mode,
        TierMode::Models {
            candidates: vec![
                weighted("claude@anthropic", 2),
                weighted("claude@bedrock", 0),
                weighted("gpt-5.5@openai", 1),
            ],
            prefer: Prefer::Weighted,
        }
    );
    assert_eq!(first.ttft, Some(Duration::from_secs(3)));
    assert_eq!(first.deadline, Some(Duration::from_secs(10)));
    assert_eq!(cache.mode, TierMode::Cache { max_age: Duration::from_secs(86_400), similar: None });
    assert_eq!(reply.mode, TierMode::Reply { text: "Sorry.".into() });
    let ceilings = Ceilings {
        max_usd_per_request: Some(usd("0.05")),
        ttft_p95: Some(Duration::from_secs(2)),
        min_quality: Some(0.7),
    };
    assert_eq!((cheapest.ceilings, first.ceilings), (ceilings, Ceilings::default()));
    let prefer = |tier: &Tier| match &tier.mode {
        TierMode::Models { prefer, .. } => *prefer,
        other => panic!("{other:?}"),
    };
    assert_eq!(prefer(cheapest), Prefer::Cheapest);
    let weights = Weights { cost: 2, latency: 1, quality: 0 };
    assert_eq!(prefer(balanced), Prefer::Balanced(weights));
    let quality = |id: &str| config.deployment(id).and_then(|one| one.quality);
    assert_eq!((quality("claude@anthropic"), quality("claude@bedrock")), (Some(0.9), None));
    assert!(first.acceptable && !reply.acceptable);
    let off = config.feature("claude").and_then(|feature| feature.tiers.last());
    assert!(off.is_some_and(|tier| tier.mode == TierMode::Off && tier.name == "off"));
}

#[test]
fn a_deployment_says_where_its_calls_are_processed() {
    for scope in ["global", "gov", "geo:eu", "region:swedencentral", "gov:us-gov-west-1"] {
        let text = FULL.replace("max_output_tokens: 4096", &format!("scope: \"{scope}\""));
        let config = good(&text);
        let said = config.deployment("gpt-5.5@azure-key").and_then(|one| one.scope.as_deref());
        assert_eq!(said, Some(scope));
    }
}

#[test]
fn what_has_no_price_of_its_own_costs_what_it_is_a_kind_of() {
    let price = |written: &str| {
        let text = FULL.replace("max_output_tokens: 4096", &format!("price: {written}"));
        good(&text).deployment("gpt-5.5@azure-key").and_then(|one| one.price).expect("a price")
    };
    let usd = |text: &str| Some(text.parse().expect("dollars"));
    let usual = TokenPrices {
        input: usd("3"),
        cache_read: usd("3"),
        cache_write_5m: usd("3"),
        cache_write_1h: usd("3"),
        cache_write_other: usd("3"),
        output: usd("15"),
        reasoning: usd("15"),
        ..TokenPrices::default()
    };
    assert_eq!(price("{ input: 3, output: 15 }"), Rates { usual, long: None });
    let written = "{ input: 3, output: 15, cache_read: 0.3, cache_write: 3.75, cache_write_1h: 6,
        reasoning: 14, input_audio: 30, output_audio: 60,
        long: { above: 200000, input: 6, output: 22.5, cache_read: 0.6 } }";
    let heard = TokenPrices { input_audio: usd("30"), output_audio: usd("60"), ..usual };
    let all = TokenPrices {
        cache_read: usd("0.3"),
        cache_write_5m: usd("3.75"),
        cache_write_1h: usd("6"),
        cache_write_other: usd("3.75"),
        reasoning: usd("14"),
        ..heard
    };
    let long = TokenPrices {
        input: usd("6"),
        cache_read: usd("0.6"),
        cache_write_5m: usd("6"),
        cache_write_1h: usd("6"),
        cache_write_other: usd("6"),
        output: usd("22.5"),
        reasoning: usd("22.5"),
        ..heard
    };
    assert_eq!(price(written), Rates { usual: all, long: Some((200_000, long)) });
    let free = price("{ input: 0, output: 0 }").usual;
    assert_eq!((free.input, free.output), (usd("0"), usd("0")), "free is a price");
}

#[test]
fn a_queue_has_a_usual_form_and_a_full_one() {
    let config = good(&with(
        "features:
  f:
    tiers: [{ models: [m] }, { queue: {} }]
  g:
    tiers:
      - { models: [m] }
      - name: later
        queue:
          ttl: 7d
          max_jobs: 5
          webhook: https://hooks.example/tieline
          secret: { env: KEY }
        acceptable: true
      - { reply: Sorry. }\n",
    ));
    let tier = |feature: &str| config.feature(feature).and_then(|one| one.tiers.get(1)).cloned();
    let usual = tier("f").expect("a tier");
    assert_eq!((usual.name.as_str(), usual.acceptable), ("queue", false));
    let day = Duration::from_secs(86_400);
    let queue = Queue { ttl: day, max_jobs: 1000, webhook: None };
    assert_eq!(usual.mode, TierMode::Queue(queue));
    let full = tier("g").expect("a tier");
    assert_eq!((full.name.as_str(), full.acceptable), ("later", true));
    let TierMode::Queue(queue) = full.mode else { panic!("{full:?}") };
    assert_eq!((queue.ttl, queue.max_jobs), (7 * day, 5));
    let webhook = queue.webhook.expect("a webhook");
    assert_eq!(webhook.url.as_str(), "https://hooks.example/tieline");
    assert!(webhook.secret.is_some());
}

#[test]
fn a_model_of_embeddings_answers_nobody() {
    let config = good(
        "version: 1\n\
         providers:\n  \
           a: { kind: openai, api_key: { env: KEY } }\n  \
           b: { kind: openai-compatible, base_url: \"http://b/v1\" }\n\
         models: { m: [a], e: [a, b], f: [a] }\n\
         features:\n  \
           x:\n    \
             tiers:\n      \
               - models: [m]\n      \
               - { cache: { max_age: 1h, similar: { embeddings: e } }, deadline: 3s }\n  \
           y:\n    \
             tiers:\n      \
               - models: [m]\n      \
               - cache: { max_age: 1h, similar: { embeddings: f@a, min_score: 1 } }\n",
    );
    let names: Vec<&str> = config.features.iter().map(|one| one.name.as_str()).collect();
    assert_eq!(names, ["x", "y", "m"], "no feature stands for `e` or `f`");
    let last = |name: &str| config.feature(name).and_then(|one| one.tiers.last().cloned());
    let similar = |name: &str| match last(name).expect("a tier").mode {
        TierMode::Cache { similar, .. } => similar.expect("similar"),
        other => panic!("{other:?}"),
    };
    assert_eq!(
        similar("x"),
        Similar { embeddings: vec!["e@a".into(), "e@b".into()], min_score: 0.95 }
    );
    assert_eq!(similar("y"), Similar { embeddings: vec!["f@a".into()], min_score: 1.0 });
    assert_eq!(last("x").and_then(|tier| tier.deadline), Some(Duration::from_secs(3)));
}

#[test]
fn the_real_world_reads_beside_the_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("tieline.yaml");
    std::fs::write(folder.path().join("key"), "from-disk\n").expect("a file");
    std::fs::write(
        &path,
        "version: 1\n\
         providers: { a: { kind: anthropic, api_key: { file: key } } }\n\
         models: { m: [a] }\n",
    )
    .expect("a file");
    let config = load(&path, &RealWorld).unwrap_or_else(|problems| panic!("{problems}"));
    assert!(matches!(kind(&config, "a"),
        ProviderKind::Anthropic { api_key, .. } if api_key.expose() == "from-disk"));
    assert_eq!(config.ledger.path, folder.path().join("tieline.db"));
}

#[test]
fn usual_surfaces() {
    let config = good(FULL);
    let cases = [
        ("bedrock", "openai.gpt-oss-120b-1:0", Surface::Converse),
        ("bedrock", "openai.gpt-5.5", Surface::Mantle),
        ("bedrock", "us.openai.gpt-5.5", Surface::Runtime),
        ("bedrock", "us-gov.openai.gpt-5.5", Surface::Runtime),
        ("bedrock", "anthropic.claude-sonnet-5", Surface::Messages),
        ("bedrock", "global.anthropic.claude-sonnet-5", Surface::Messages),
        ("bedrock", "amazon.nova-pro-v1:0", Surface::Converse),
        ("bedrock", "meta.llama4", Surface::Converse),
        (
            "bedrock",
            "arn:aws:bedrock:us-east-2:1:inference-profile/us.anthropic.claude-sonnet-5",
            Surface::Converse,
        ),
        ("anthropic", "claude", Surface::Messages),
        ("openai", "gpt-5.5", Surface::Chat),
        ("azure-key", "gpt55-eu", Surface::Chat),
        ("local", "llama", Surface::Chat),
    ];
    let template = config.deployment("gpt-5.5@openai").expect("a deployment");
    for (provider, name, surface) in cases {
        let deployment = Deployment { name: name.into(), ..template.clone() };
        assert_eq!(deployment.surface_for(kind(&config, provider)), surface, "{name}");
    }
    let named = config.deployment("gpt-5.5@azure-key").expect("a deployment");
    assert_eq!(named.surface_for(kind(&config, "azure-key")), Surface::Responses);
}

#[test]
fn what_breaks() {
    let of = |value: &str| {
        let text = FULL.replace("on_stream_break: error", &format!("on_stream_break: {value}"));
        let config = good(&text);
        config.feature("support").expect("support").on_stream_break
    };
    let buffer = |tokens, ms| OnStreamBreak::Buffer { tokens, hold: Duration::from_millis(ms) };
    for (value, expected) in [
        ("~", OnStreamBreak::Error),
        ("error", OnStreamBreak::Error),
        ("restart", OnStreamBreak::Restart),
        ("continue", OnStreamBreak::Continue),
        ("{ buffer: { tokens: 40, for: 800ms } }", buffer(Some(40), 800)),
        ("{ buffer: { tokens: 40 } }", buffer(Some(40), 1000)),
        ("{ buffer: { for: 10s } }", buffer(None, 10_000)),
    ] {
        assert_eq!(of(value), expected, "{value}");
    }
    let able: Vec<String> =
        good(FULL).deployments().filter(|one| one.prefill).map(|one| one.id.clone()).collect();
    assert_eq!(able, ["gpt-5.5@bedrock/us.openai.gpt-5.5"]);
}

#[test]
fn attestations_are_read_and_none_of_them_is_no_mistake() {
    let evals = |rest: &str| good(&with(rest)).attestations;
    assert_eq!(evals(""), Attestations::default());
    let found = evals("evals: { attestations: attestations/*.json, keys: [eval.pub] }\n");
    let document = |name: &str, text: &str| Document { name: name.into(), text: text.into() };
    assert_eq!(
        found.files,
        [document("attestations/a.json", "[]"), document("attestations/b.json", "{}")]
    );
    assert_eq!(found.keys, [document("eval.pub", "-----BEGIN PUBLIC KEY-----\n")]);
    let none = evals("evals: { attestations: attestations/*.dsse, keys: [eval.pub] }\n");
    assert_eq!(none.files, []);
    assert_eq!(none.path, Some("/etc/tieline/attestations/*.dsse".into()));
}

#[test]
fn objectives_are_read_and_what_follows_when_they_burn() {
    let config = good(&with(
        "alerts: { webhook: { url: \"https://hooks.example/x\", secret: { env: KEY } } }\n\
         features:\n  \
           f:\n    \
             slos: slos/*.yaml\n    \
             on_burn:\n      \
               - { slo: quick, above: 6, prefer: fastest }\n      \
               - { slo: dear, above: 2.5, prefer: cheapest }\n      \
               - { slo: dear, above: 14.4, begin_at: sorry }\n    \
             tiers: [{ models: [m] }, { name: sorry, reply: hi }]\n",
    ));
    let webhook = config.alerts.webhook.as_ref().unwrap();
    assert_eq!(webhook.url.as_str(), "https://hooks.example/x");
    assert_eq!(webhook.secret.as_ref().unwrap().expose(), "env-secret");
    let [f, implicit] = ["f", "m"].map(|name| config.feature(name).unwrap());
    assert_eq!(f.slos.path, Some("/etc/tieline/slos/*.yaml".into()));
    let files: Vec<_> = f.slos.files.iter().map(|one| (&*one.name, &*one.text)).collect();
    assert_eq!(files, [("slos/f.yaml", "slos of f"), ("slos/g.yaml", "slos of g")]);
    let rule = |slo: &str, above, then| OnBurn { slo: slo.to_owned(), above, then };
    assert_eq!(
        f.on_burn,
        [
            rule("quick", 6.0, BurnResponse::Fastest),
            rule("dear", 2.5, BurnResponse::Cheapest),
            rule("dear", 14.4, BurnResponse::BeginAt("sorry".to_owned())),
        ]
    );
    assert_eq!((&implicit.slos.files[..], &implicit.on_burn[..]), (&[][..], &[][..]));
}

#[test]
fn a_tier_wants_what_its_feature_does_unless_it_says_otherwise() {
    let config = good(&with(
        "evals: { attestations: attestations/*.json, keys: [eval.pub] }\n\
         features:\n  \
           f:\n    \
             evals: { suite: evals/suite.yaml, require: enforce }\n    \
             tiers:\n      \
               - { name: usual, models: [m] }\n      \
               - { name: other, models: [m], evals: { suite: evals/other.yaml } }\n      \
               - { name: warned, models: [m], evals: { require: warn } }\n      \
               - { name: free, models: [m], evals: { require: off } }\n      \
               - { reply: hi }\n  \
           g:\n    \
             tiers: [{ models: [m], evals: { suite: evals/suite.yaml } }]\n",
    ));
    let told = |tier: &Tier| {
        let evals = tier.evals.as_ref();
        evals.map(|evals| format!("{} {}", evals.require.as_str(), evals.suite.display()))
    };
    let of = |feature: &str| -> Vec<Option<String>> {
        config.feature(feature).unwrap().tiers.iter().map(told).collect()
    };
    let suite = |require: &str| Some(format!("{require} /etc/tieline/evals/suite.yaml"));
    let other = Some("enforce /etc/tieline/evals/other.yaml".to_owned());
    assert_eq!(of("f"), [suite("enforce"), other, suite("warn"), suite("off"), None]);
    assert_eq!(of("g"), [suite("warn")], "the usual is to warn");
}

#[test]
fn release_candidates_come_first_and_serve_by_release_only() {
    let config = good(&with(
        "features:\n  f:\n    tiers:\n      - { models: [m@b], release_candidates: [m@a] }\n",
    ));
    let TierMode::Models { candidates, .. } = &config.feature("f").unwrap().tiers[0].mode else {
        panic!("no models");
    };
    let told: Vec<(&str, bool)> =
        candidates.iter().map(|one| (one.deployment.as_str(), one.by_release)).collect();
    assert_eq!(told, [("m@a", true), ("m@b", false)]);
}

#[test]
fn prices_are_files_beside_the_configuration() {
    let files = |rest: &str| -> Vec<String> {
        let prices = good(&with(rest)).prices;
        prices.iter().map(|path| path.display().to_string()).collect()
    };
    let (azure, openai) = ("/etc/tieline/prices/azure.yaml", "/etc/tieline/prices/openai.yaml");
    assert_eq!(files(""), Vec::<String>::new());
    assert_eq!(files("prices: prices/openai.yaml\n"), [openai]);
    assert_eq!(files("prices: prices/*.yaml\n"), [azure, openai]);
    assert_eq!(files("prices: prices/o*\n"), [openai]);
}

#[test]
fn quotas_are_shared_by_name_and_demand_is_declared() {
    let config = good(&with(
        "  shared:
    - { provider: a, limits: { pool: p, input_tokens_per_minute: 7, ramp: 50%/15m } }
    - { provider: b, limits: { pool: p, output_tokens_per_minute: 3, firm: false } }
    - { provider: b, name: alone, limits: { firm: false } }
features:
  f:
    demand: { requests_per_minute: 60, input_tokens_per_minute: 90000 }
    tiers: [{ models: [shared] }]
",
    ));
    let shared = Limits {
        input_tokens_per_minute: Some(7),
        output_tokens_per_minute: Some(3),
        pool: Some("p".into()),
        firm: false,
        ramp: Some(Ramp { percent: 50, every: Duration::from_secs(900) }),
        ..Limits::default()
    };
    let limits = |id: &str| config.deployment(id).expect(id).limits.clone();
    assert_eq!(limits("shared@a"), shared);
    assert_eq!(limits("shared@b"), shared);
    assert_eq!(limits("shared@b/alone"), Limits { firm: false, ..Limits::default() });
    let demand = Demand {
        requests_per_minute: 60,
        input_tokens_per_minute: Some(90_000),
        output_tokens_per_minute: None,
    };
    assert_eq!(config.feature("f").expect("f").demand, Some(demand));
}
