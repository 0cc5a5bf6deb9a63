//! Every mistake with its place and its words.
//!
//! The texts are in `snapshots/`: each case as written, and below it what is said about it.

use std::{collections::BTreeSet, fmt::Write as _, path::Path};

use tieline_config::{Code, load};

use super::{bad, read, with, world};

/// Whole files.
const FILES: &[&str] = &[
    "",
    "# nothing\n",
    "---\n",
    "[]\n",
    "version: [1\n",
    "a: 1\n  b: 2\n",
    "version: 1\nversion: 1\n",
    "version: 1\n---\nversion: 2\n",
    "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[a]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]\n",
    "version: 2\nproviders: {}\nmodels: {}\n",
    "providers:\nmodels:\n",
    "# a comment\n\nversion: 1\nproviders: x\nmodels: x\n",
    "version: 1\nproviders: *a\n",
    "é: 1\n",
];

/// Sections beside a good file's.
const SECTIONS: &[&str] = &[
    "polices: x\nservers: {}\nbudget: { usd: 300 }\n",
    "policies: x\ncontracts: y\n",
    "budgets: {}\n",
    "budgets: { callers: { web: ~ }, teams: { shop: { usd: 3, per: day } } }\n",
    "s\
     \x20e\
     \x20r\
     \x20v\
     \x20e\
     \x20r\
     \x20:\
     \x20\\
     \x20n\
     \x20 \
     \x20 listen: 8080\n  max_body: 64MB\n  drain: 20\n  workers: many\n  admin: on\n  tls: yes\n",
    "server: { workers: 0, max_body: 0B, listen: \"127.0.0.1:8081\" }\n",
    "server: { workers: -3 }\nledger: []\n",
    "server: { workers: 99999999999 }\nledger: { path: \"\" }\n",
    "server: { tls: { cert: cert.pem } }\n",
    "server: { tls: { cert: gone.pem, key: not.pem } }\n",
    "alerts: log\n",
    "alerts: {}\n",
    "alerts: { webhook: { secret: { env: KEY } } }\n",
    "alerts: { webhook: { url: \"ftp://x\", secret: hush }, email: x }\n",
    "evals: attestations/*.json\n",
    "evals: {}\n",
    "evals: { attestations: gone/*.json, keys: [] }\n",
    "evals: { attestations: \"*/a.json\", keys: [eval.pub, not.pem, gone.pub], suites: x }\n",
    "prices: [prices/openai.yaml]\n",
    "prices: \"\"\n",
    "prices: prices/gone.yaml\n",
    "prices: prices/*.json\n",
    "prices: \"*/openai.yaml\"\n",
    "prices: prices/*a*.yaml\n",
    "policies: policies/*.rego\n",
    "policies: gone/*.cedar\n",
    "policies: \"*/*.cedar\"\n",
    "policies: gone.cedar\n",
    "exceptions: [{ feature: mm, open: [m@z], until: tomorrow, reason: \"\" }]\n",
    "sentinels: { every: 1m, prompts: gone.jsonl, max_usd_per_day: -1, pace: 1h }\n",
    "sentinels: hourly\n",
    "drills: {}\n",
    "drills: { key: { env: KEY }, max_percent: 101, max_ttl: 25h, ttl: 1h }\n",
    "drills: { key: { env: LONG_KEY }, max_percent: many }\n",
    "exceptions: [{ feature: m, open: [], until: 2026-12-01T18:00:00Z, reason: x, author: y }]\n",
];

/// The one provider of a file.
const PROVIDERS: &[&str] = &[
    "{ kind: opnai, api_key: { env: KEY } }",
    "{ api_key: { env: KEY } }",
    "",
    "openai",
    "{ kind: openai, region: us-east-1, api_key: { env: KEY }, api_keys: 1 }",
    "{ kind: openai }",
    "{ kind: openai, api_key: { env: NOPE } }",
    "{ kind: openai, api_key: { env: EMPTY } }",
    "{ kind: openai, api_key: { env: SPACED } }",
    "{ kind: openai, api_key: { file: empty } }",
    "{ kind: openai, api_key: { file: gone } }",
    "{ kind: openai, api_key: {} }",
    "{ kind: openai, api_key: { env: KEY, file: x } }",
    "{ kind: openai, api_key: true }",
    "{ kind: openai, api_key: { env: KEY }, organization: \"a b\" }",
    "{ kind: openai, api_key: { env: KEY }, facts: { zones: [eu], regions: [], expires: soon } }",
    "{ kind: openai, api_key: { env: KEY }, facts: { retention_days: -1, dpa: signed } }",
    "{ kind: azure-openai, endpoint: \"https://x.example\" }",
    "{ kind: azure-openai, auth: entra, api_key: { env: KEY } }",
    "{ kind: azure-openai, endpoint: \"https://x.example\", api_key: { env: KEY }, scope: s }",
    "{ kind: azure-openai, endpoint: \"https://x.example\", auth: entra,\
     \x20client_secret: { env: KEY } }",
    "{ kind: openai, api_key: { env: KEY }, probes: always }",
    "{ kind: openai, api_key: { env: KEY }, shutdown_dates: hourly }",
    "{ kind: anthropic, api_key: { env: KEY }, shutdown_dates: off }",
    "{ kind: bedrock }",
    "{ kind: bedrock, region: Ohio }",
    "{ kind: bedrock, region: r, profile: p, api_key: { env: KEY } }",
    "{ kind: openai-compatible, base_url: \"ftp://x\" }",
    "{ kind: openai-compatible, base_url: x.example }",
    "{ kind: openai-compatible, base_url: \"https://me:pw@x\" }",
    "{ kind: openai-compatible, base_url: \"https://x/?a=1\" }",
    "{ kind: openai-compatible, base_url: \"https://x\", connect_timeout: 0s, extra_ca: gone }",
];

/// The one model of a file with an openai provider `a` and a bedrock provider `b`.
const MODELS: &[&str] = &[
    "m@x: [a]",
    "\"\": [a]",
    "m: [aa, zebra, { provider: c }]",
    "m: []",
    "m:",
    "m: a",
    "m: [~]",
    "m: [a, a]",
    "m: [a, { name: x }]",
    "m: [{ provider: a, surface: converse, max_output_tokens: 0, sampling: maybe }]",
    "m: [{ provider: a, surface: chats }]",
    "m: [{ provider: b, surface: chat }]",
    "m: [{ provider: a, limits: {} }, { provider: b, limits: { requests_per_minute: 0, tpm: 1 } }]",
    "m: [{ prvider: a }]",
    "m: [{ provider: a, limits: { ramp: 50%, pool: \"\" } }, \
     { provider: b, limits: { ramp: 0%/1m } }]",
    "m: [{ provider: a, limits: { pool: p, tokens_per_minute: 5 } }, \
     { provider: b, limits: { pool: p, tokens_per_minute: 6 } }]",
    "tieline-probe: [a]",
    "m: [{ provider: a, price: { input: -1, cache: 2, long: { above: 0, input: 1 } } }]",
    "m: [{ provider: a, scope: eu }, { provider: b, scope: \"region:\" }]",
    "m: [{ provider: a, scope: \"geo:EU\" }, { provider: b, scope: \"zone:eu\" }]",
    "m: [{ provider: a, scope: \"\" }, { provider: b, scope: [global] }]",
    "m: [{ provider: a, price: 3 }, { provider: b, price: { output: 0.0000000000001 } }]",
];

/// The features of a good file.
const FEATURES: &[&str] = &[
    "f:",
    "f: {}",
    "f: { tiers: [] }",
    "a b: { tiers: [{ off: true }] }",
    "f: { deadline: 5s, tiers: [{ models: [m], ttft: 6s }, { models: [m], deadline: 7s }] }",
    "f: { slos: \"*/f.yaml\", tiers: [{ models: [m] }] }",
    "f: { slos: [slos/f.yaml], on_burn: {}, tiers: [{ models: [m] }] }",
    "f: { on_burn: [{ slo: s, above: 6, prefer: fastest }], tiers: [{ models: [m] }] }",
    "f: { slos: slos/f.yaml, on_burn: [{}, { slo: s, above: 0, prefer: quickest },\
     \x20{ slo: s, above: 6, prefer: fastest, begin_at: b }, { slo: s, above: 6, begin_at: a },\
     \x20{ slo: s, above: 6, begin_at: bb }],\
     \x20tiers: [{ name: a, models: [m] }, { name: b, reply: x }] }",
    "f: { criticality: urgent, evals: {}, slos: x, tiers: [{ models: [m] }] }",
    "f: { evals: { suite: evals/suite.yaml }, tiers: [{ models: [m] }] }",
    "f: { evals: { suite: evals/gone.yaml, require: maybe }, tiers: [{ models: [m] }] }",
    "f: { evals: { require: enforce }, tiers: [{ models: [m], evals: { require: off } }] }",
    "f: { data: { class: secret, residency: eu }, tiers: [{ models: [m] }] }",
    "f: { require: { retention: 0, dpa: 1, storage: [] }, tiers: [{ models: [m] }] }",
    "f: { allow: {}, deny: { providers: [c], models: [n], deployments: [m@c] },\
     \x20tiers: [{ models: [m] }] }",
    "f: { hedge: 3s, tiers: [{ models: [m] }] }",
    "f: { hedge: { after: 0s, at: 1 }, tiers: [{ models: [m] }] }",
    "f: { return_after: 5, tiers: [{ models: [m] }] }",
    "tieline-probe: { tiers: [{ models: [m] }] }",
    "f: { on_stream_break: restarts, fidelity: strictt, tiers: [{ models: [m] }] }",
    "f: { on_stream_break: buffer, tiers: [{ models: [m] }] }",
    "f: { on_stream_break: 3, tiers: [{ models: [m] }] }",
    "f: { on_stream_break: [error], tiers: [{ models: [m] }] }",
    "f: { on_stream_break: {}, tiers: [{ models: [m] }] }",
    "f: { on_stream_break: { buffer: {} }, tiers: [{ models: [m] }] }",
    "f: { on_stream_break: { buffer: { tokens: 0, for: 11s, ms: 1 } }, tiers: [{ models: [m] }] }",
    "f: { on_stream_break: continue, tiers: [{ models: [m] }] }",
    "f: { limits: {}, tiers: [{ models: [m] }] }",
    "f: { demand: { input_tokens_per_minute: 0 }, tiers: [{ models: [m] }] }",
    "f: { budget: 300, tiers: [{ models: [m] }] }",
    "f: { budget: { usd: 1e3, on_limit: stop }, tiers: [{ models: [m] }] }",
    "f: { budget: { usd: 0, per: year }, tiers: [{ models: [m] }] }",
    "f: { limits: { concurrency: 0, rpm: 1, per_caller: {} }, tiers: [{ models: [m] }] }",
];

/// The tiers of the one feature of a good file.
const TIERS: &[&str] = &[
    "[{}]",
    "[~]",
    "[{ models: [m], reply: hi }]",
    "[{ models: [m], release_candidates: [mm, m@a] }]",
    "[{ models: [m@a], release_candidates: x }, { reply: hi, evals: {}, release_candidates: [m] }]",
    "[{ models: [] }]",
    "[{ models: [mm, m@aa, m@a] }]",
    "[{ models: m }]",
    "[{ cache: { max_age: 1h } }]",
    "[{ models: [m] }, { cache: {} }]",
    "[{ reply: hi, ttft: 1s }, { models: [m] }, { off: true }]",
    "[{ reply: \"\" }]",
    "[{ off: false }]",
    "[{ models: [m], prefer: cheap }]",
    "[{ models: [m], prefer: { balanced: { cost: 0, latency: 0, quality: 0 } } }]",
    "[{ models: [m], prefer: { balanced: { cost: 101, speed: 1 } }, weights: { m: 1 } }]",
    "[{ models: [m], prefer: {}, max_usd_per_request: -1, ttft_p95: 0s, min_quality: 2 }]",
    "[{ models: [m], min_quality: 0.5 }, { reply: hi, max_usd_per_request: 1 }]",
    "[{ models: [m], weights: { m: 1 } }]",
    "[{ models: [m], prefer: weighted, weights: { z: 1, m@b: -1 } }]",
    "[{ models: [m], prefer: weighted, weights: { m: 0 } }]",
    "[{ name: x, models: [m] }, { name: x, reply: hi }]",
    "[{ models: [m], ttft: 20s, deadline: 10s }]",
    "[{ queue: {} }, { reply: hi }]",
    "[{ models: [m] },\
     \x20{ queue: { ttl: 8d, max_jobs: 0, webhook: hooks.example, secret: s3cret } }]",
    "[{ models: [m] }, { queue: { ttl: 0s, secret: { env: KEY } }, ttft: 1s }]",
    "[{ models: [m] }, { queue: {} }, { cache: { max_age: 1h } }, { models: [m] }, { off: true }]",
    "[{ models: [m] }, { queue: 24h }]",
    "[{ models: [m] }, { cache: { max_age: 1h, similar: m }, deadline: 2s }]",
    "[{ models: [m] }, { cache: { max_age: 1h, similar: { min_score: high } } }]",
    "[{ models: [m] }, { cache: { max_age: 1h, similar: { embeddings: mm, min_score: 0.4 } } }]",
    "[{ models: [m@a] }, { cache: { max_age: 1h, similar: { embeddings: m, min_score: 2 } } }]",
    "[{ models: [m] }, { cache: { max_age: 1h }, deadline: 2s }]",
];

fn provider(text: &str) -> String {
    format!("version: 1\nproviders:\n  p: {text}\nmodels: {{ m: [p] }}\n")
}

fn model(text: &str) -> String {
    let providers =
        "{ a: { kind: openai, api_key: { env: KEY } }, b: { kind: bedrock, region: r } }";
    format!("version: 1\nproviders: {providers}\nmodels:\n  {text}\n")
}

fn feature(text: &str) -> String {
    with(&format!("features:\n  {text}\n"))
}

fn tiers(text: &str) -> String {
    feature(&format!("f:\n    tiers: {text}"))
}

/// What is said about each case, for a person to compare.
fn said(cases: &[&str], file: impl Fn(&str) -> String) -> String {
    let mut said = String::new();
    for case in cases {
        let problems = bad(&file(case)).replace("tieline.yaml:", "  ");
        let _ = writeln!(said, "{}\n{problems}\n", case.trim_end());
    }
    said
}

#[test]
fn whole_files() {
    insta::assert_snapshot!(said(FILES, str::to_owned));
}

#[test]
fn sections() {
    insta::assert_snapshot!(said(SECTIONS, with));
}

#[test]
fn providers() {
    insta::assert_snapshot!(said(PROVIDERS, provider));
}

#[test]
fn models() {
    insta::assert_snapshot!(said(MODELS, model));
}

#[test]
fn features() {
    insta::assert_snapshot!(said(FEATURES, feature));
}

#[test]
fn tiers_of_a_feature() {
    insta::assert_snapshot!(said(TIERS, tiers));
}

#[test]
fn a_feature_has_one_model_of_embeddings() {
    let similar =
        |name: &str| format!("{{ cache: {{ max_age: 1h, similar: {{ embeddings: {name} }} }} }}");
    let file = |second: &str| {
        let providers = "{ a: { kind: openai, api_key: { env: KEY } } }";
        let tiers = format!("[{{ models: [m] }}, {}, {}]", similar("e"), similar(second));
        format!(
            "version: 1\nproviders: {providers}\nmodels: {{ m: [a], e: [a], f: [a] }}\n\
             features:\n  x: {{ tiers: {tiers} }}\n"
        )
    };
    assert!(read(&file("e@a")).is_ok());
    let said = bad(&file("f"));
    assert!(
        said.contains("TL-0106: a cache of this feature already has embeddings of `e`"),
        "{said}"
    );
    assert_eq!(said.lines().count(), 1, "{said}");
}

#[test]
fn every_code_has_a_case() {
    let cases = |cases: &[&str], file: &dyn Fn(&str) -> String| -> Vec<Code> {
        let files = cases.iter().map(|case| file(case));
        let problems = files.filter_map(|file| read(&file).err());
        problems.flat_map(|all| all.list().to_vec()).map(|problem| problem.code).collect()
    };
    let seen: BTreeSet<Code> = [
        cases(FILES, &str::to_owned),
        cases(SECTIONS, &with),
        cases(PROVIDERS, &provider),
        cases(MODELS, &model),
        cases(FEATURES, &feature),
        cases(TIERS, &tiers),
        // These two have tests of their own.
        vec![Code::Unreadable, Code::LiteralSecret],
    ]
    .into_iter()
    .flatten()
    .collect();
    assert_eq!(seen, Code::ALL.iter().copied().collect());
}

#[test]
fn a_file_that_cannot_be_read() {
    let problems = load(Path::new("gone.yaml"), &world()).expect_err("there is no such file");
    assert_eq!(problems.to_string(), "gone.yaml: TL-0101: no such file");
    assert!(problems.report().contains("no such file"));
}

#[test]
fn columns_count_characters_and_spans_bytes() {
    let problems = read(&feature("f: { owner: \"é\", tires: [] }")).expect_err("an unknown key");
    let spans: Vec<_> = problems.list().iter().map(|one| (&*one.found, one.span)).collect();
    let [_, (found, span)] = spans.as_slice() else { panic!("{problems}") };
    assert_eq!((*found, span.line, span.column, span.len), ("tires", 8, 20, 5));
    assert_eq!(feature("f: { owner: \"é\", tires: [] }").find("tires"), Some(span.start));
}

#[test]
fn a_mistake_behind_an_alias_is_shown_where_it_is_written_and_once() {
    let text = "version: 1\n\
        providers:\n  \
          a: &base { kind: openai, api_key: { env: KEY }, conect_timeout: 1s }\n  \
          b: *base\n\
        models: { m: [a, b] }\n";
    let said = bad(text);
    assert!(said.starts_with("tieline.yaml:3:51: TL-0104: unknown key `conect_timeout`"), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
}

#[test]
fn report_shows_the_line_and_underlines_the_place() {
    let problems = read(&tiers("[{ models: [mm] }]")).expect_err("an unknown model");
    insta::assert_snapshot!(problems.report());
}

#[test]
fn syntax_errors_are_underlined_too() {
    insta::assert_snapshot!(read("version: 1\nmodels: [x\n").expect_err("a syntax error").report());
}

#[test]
fn json_has_everything() {
    let problems = read(&tiers("[{ models: [mm] }]")).expect_err("an unknown model");
    insta::assert_json_snapshot!(problems.to_json());
}
