//! What a decision takes on the path of a request: what policy allows, whom to try in which order,
//! and what goes on record of it.
//!
//! ```sh
//! cargo bench -p tieline-gateway
//! ```

#![expect(clippy::panic, reason = "nothing is measured without its configuration")]

use std::path::Path;

use divan::{Bencher, black_box};
use tieline_config::{Config, RealWorld};
use tieline_gateway::{Decider, Evidence, Question};
use tieline_types::{Modalities, PolicyFile};

const DEPLOYMENTS: usize = 30;
const POLICIES: usize = 20;
const NOW_MS: u64 = 1_790_000_000_000;

fn main() {
    divan::main();
}

/// Thirty deployments of one model under twenty policies, of which half look at requests where
/// `asks`.
fn decider(prefer: &str, asks: bool) -> Decider {
    let providers: String = (0..DEPLOYMENTS)
        .map(|at| {
            let zone = if at.is_multiple_of(3) { "us" } else { "eu" };
            format!(
                "  p{at}: {{ kind: openai-compatible, base_url: \"http://p{at}.test/v1\", \
                 facts: {{ zone: {zone}, training: false }} }}\n"
            )
        })
        .collect();
    let deployments: String = (0..DEPLOYMENTS)
        .map(|at| {
            let price = at + 1;
            format!(
                "    - {{ provider: p{at}, quality: 0.{at:02}, \
                 price: {{ input: {price}, output: 9 }} }}\n"
            )
        })
        .collect();
    let text = format!(
        "version: 1\nproviders:\n{providers}models:\n  m:\n{deployments}features:\n  f:\n    \
         data: {{ residency: [eu] }}\n    tiers: [ {{ models: [m], prefer: {prefer} }} ]\n"
    );
    let mut config = read(&text);
    config.policies = vec![policies(asks)];
    Decider::new(&config, Evidence::default(), NOW_MS).unwrap_or_else(|error| panic!("{error}"))
}

fn read(text: &str) -> Config {
    tieline_config::parse("bench.yaml", text, Path::new("."), &RealWorld)
        .unwrap_or_else(|problems| panic!("{problems}"))
}

fn policies(asks: bool) -> PolicyFile {
    let forbid = |at: usize| match asks && at.is_multiple_of(2) {
        true => format!(
            "forbid (principal, action, resource) \
             when {{ context.tags.contains(\"plan=p{at}\") }};\n"
        ),
        false => format!("forbid (principal, action, resource == Deployment::\"m@none{at}\");\n"),
    };
    let all = "permit (principal, action, resource);\n".to_owned();
    let text = std::iter::once(all).chain((1..POLICIES).map(forbid)).collect();
    PolicyFile { name: "bench.cedar".into(), text }
}

fn bench(bencher: Bencher<'_, '_>, decider: &Decider, tags: &[String]) {
    let question = Question {
        feature: "f",
        caller: "web".into(),
        tags,
        modalities: Modalities::NONE,
        input_tokens: 1_000,
        at_ms: NOW_MS,
    };
    bencher.bench(|| decider.decide(black_box(question)));
}

#[divan::bench(args = ["ordered", "weighted", "fastest", "cheapest", "balanced"])]
fn by_objective(bencher: Bencher<'_, '_>, prefer: &str) {
    bench(bencher, &decider(prefer, false), &[]);
}

#[divan::bench]
fn with_policies_on_tags(bencher: Bencher<'_, '_>) {
    bench(bencher, &decider("ordered", true), &["plan=free".to_owned(), "tenant=a".to_owned()]);
}
