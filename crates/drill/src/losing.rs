//! Contingencies as drills, which prove or refute what was found of them.

use std::{fmt::Write as _, path::Path};

use serde_json::json;
use tieline_gateway::contingency::{Contingency, FeatureLoad, Named, Outcome, Topology, Verdict};

use crate::scenario::label;

/// How long each phase lasts, in minutes, and how long a loss is given until it has settled.
const WARMUP_MIN: u32 = 1;
const FAULT_MIN: u32 = 5;
const SETTLED_MIN: u32 = 2;
const RECOVERY_MIN: u32 = 1;
/// What a feature must keep once a loss has settled.
const RATIO: &str = ">=0.999";

/// A drill, as a document, that takes away what a contingency does and expects what was found of
/// it: that acceptable tiers answer every critical feature, and every other that is found to be
/// secure. None where no feature asks for anything, or nothing is expected of any.
///
/// `config` is the path of the configuration as the drill's file would write it.
#[must_use]
pub fn losing(topology: &Topology, outcome: &Outcome, config: &Path) -> Option<String> {
    let lost = &outcome.contingency;
    let workload: String = topology.loads.iter().filter_map(arrivals).collect();
    let asked = |feature: &str| {
        topology.loads.iter().any(|load| *load.feature == *feature && load.need.is_some())
    };
    let expected = outcome
        .features
        .iter()
        .filter(|one| !one.criticality.gives_way() || one.verdict == Verdict::Secure)
        .filter(|one| asked(&one.feature))
        .map(|one| {
            format!(
                "    - {{ feature: {}, sli: availability, during: fault, after: {SETTLED_MIN}m, \
                 ratio: \"{RATIO}\" }}\n",
                quoted(&one.feature)
            )
        });
    let expected: String = expected.collect();
    if workload.is_empty() || expected.is_empty() {
        return None;
    }
    let hypothesis = quoted(&format!("{}: {lost} is lost", outcome.verdict.as_str()));
    let (name, topology) = (quoted(&name_of(lost)), quoted(&config.display().to_string()));
    let mut text = String::new();
    // Writing to a text cannot fail.
    let _ = write!(
        text,
        "apiVersion: tieline.dev/v1\nkind: Drill\nmetadata:\n  name: {name}\n  labels: {{ mirrors: \
         contingency }}\nspec:\n  hypothesis: {hypothesis}\n  seed: 1\n  topology: {topology}\n  \
         workload:\n{workload}  phases:\n    - {{ name: warmup, duration: {WARMUP_MIN}m }}\n    - \
         {{ name: fault, duration: {FAULT_MIN}m }}\n    - {{ name: recovery, duration: \
         {RECOVERY_MIN}m }}\n  faults:\n{}  expect:\n{expected}",
        lost.lost.iter().map(fault).collect::<String>()
    );
    Some(text)
}

/// What such a drill is called: `lose-provider-openai`.
#[must_use]
pub fn name_of(lost: &Contingency) -> String {
    let plain = |one: char| if one.is_ascii_alphanumeric() || one == '.' { one } else { '-' };
    format!("lose-{lost}").chars().map(plain).collect()
}

/// A line of the workload; none where nobody knows what is asked for.
fn arrivals(load: &FeatureLoad) -> Option<String> {
    let need = load.need?;
    let each = |all: Option<f64>| all.map(|all| (all / need.requests_per_minute).round().max(1.0));
    let tokens = |name: &str, count: Option<f64>| {
        count.map(|count| format!("{name}: {{ p50: {count:.0} }}"))
    };
    let shape = [
        tokens("inputTokens", each(need.input_tokens_per_minute)),
        tokens("outputTokens", each(need.output_tokens_per_minute)),
    ];
    let shape: Vec<String> = shape.into_iter().flatten().collect();
    let shape = match shape.is_empty() {
        true => String::new(),
        false => format!("\n      shape: {{ {} }}", shape.join(", ")),
    };
    Some(format!(
        "    - feature: {}\n      arrivals: {{ process: constant, rps: {:.4} }}{shape}\n",
        quoted(&load.feature),
        need.requests_per_minute / 60.0
    ))
}

fn fault(lost: &Named) -> String {
    format!(
        "    - at: fault+0s\n      for: {FAULT_MIN}m\n      select: {{ {}: {} }}\n      \
         do: {{ kind: reset }}\n",
        label(lost.kind),
        quoted(&lost.name)
    )
}

/// A text as YAML and JSON both write it.
fn quoted(text: &str) -> String {
    json!(text).to_string()
}
