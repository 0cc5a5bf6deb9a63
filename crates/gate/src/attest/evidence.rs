//! What is attested: which run of which suite showed what of which deployment, and for how long.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{
    digest::{Digest, RowsProof},
    identity::DeploymentIdentity,
};
use crate::{
    gate::Question,
    number::Interval,
    ruling::{self, Guard, GuardRuling, InvariantRuling, Ruling, Verdict},
};

/// What Tieline adds to in-toto's test result.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// The feature that the deployment was measured for.
    pub feature: String,
    /// The only tier it was measured for; any where there is none.
    pub tier: Option<String>,
    /// The run's id.
    pub run: String,
    /// The deployment's id in the configuration: `gpt-5.5@azure-sweden`.
    pub deployment: String,
    /// What exactly was measured. Its digest is the statement's subject.
    pub identity: DeploymentIdentity,
    /// The digest of the identity of the deployment it was compared with, where there was one.
    pub incumbent: Option<Digest>,
    /// The digest of the suite with its cases.
    pub suite: Digest,
    /// The digests of the judges that graded, by their names in the suite.
    pub judges: BTreeMap<String, Digest>,
    /// The rows that were judged.
    pub rows: RowsProof,
    /// What they showed.
    pub findings: Findings,
    /// From when it holds, milliseconds since the Unix epoch.
    pub issued_ms: u64,
    /// From when it holds no more, milliseconds since the Unix epoch.
    pub expires_ms: u64,
}

/// A ruling in numbers, without the reasons and without anything of single items.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Findings {
    /// The verdict.
    pub verdict: Verdict,
    /// The probability of error of each single bound.
    pub alpha: f64,
    /// How many items there were.
    pub items: usize,
    /// Each part, in the order of the ruling.
    pub tests: Vec<Test>,
}

/// One part of a ruling: a question about a metric or a slice, an invariant, or a guard.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Test {
    /// Its name: `metric:correct`, `metric:correct:at_least`, `slice:lang=de:correct`,
    /// `invariant:json_ok`, `guard:cost_ratio`.
    pub name: String,
    /// Whether the verdict depends on it.
    pub required: bool,
    /// The verdict on it.
    pub verdict: Verdict,
    /// How many items it rests on; calls for the error rate.
    pub items: usize,
    /// What has to be cleared: the lower bound must be above it, or for guards the upper one below.
    pub threshold: Option<f64>,
    /// What was measured: a difference of the arms, a mean, a ratio.
    pub estimate: Option<f64>,
    /// Its one-sided lower bound.
    pub lower: Option<f64>,
    /// Its one-sided upper bound.
    pub upper: Option<f64>,
    /// How likely so many items would have passed an equal candidate.
    pub power: Option<f64>,
    /// The share of items that single binary outcomes differ on.
    pub discordance: Option<f64>,
}

impl Findings {
    /// What a ruling comes to.
    #[must_use]
    pub fn of(ruling: &Ruling) -> Self {
        let metrics = ruling.metrics.iter().map(|metric| {
            let name = format!("metric:{}{}", metric.metric, kind(metric.finding.question));
            asked(name, metric.required, &metric.finding)
        });
        let slices = ruling.slices.iter().map(|slice| {
            let kind = kind(slice.finding.question);
            let name = format!("slice:{}={}:{}{kind}", slice.slice, slice.value, slice.metric);
            asked(name, slice.judged, &slice.finding)
        });
        let invariants = ruling.invariants.iter().map(invariant);
        let guards = ruling.guards.iter().map(guard);
        Self {
            verdict: ruling.verdict,
            alpha: ruling.alpha,
            items: ruling.items,
            tests: metrics.chain(slices).chain(invariants).chain(guards).collect(),
        }
    }

    /// The names of the required parts with one of these verdicts.
    pub(super) fn names(&self, verdicts: &[Verdict]) -> Vec<String> {
        let of = self.tests.iter().filter(|test| test.required && verdicts.contains(&test.verdict));
        of.map(|test| test.name.clone()).collect()
    }
}

const fn kind(question: Question) -> &'static str {
    match question {
        Question::NonInferior(_) => "",
        Question::AtLeast(_) => ":at_least",
    }
}

fn asked(name: String, required: bool, finding: &ruling::Finding) -> Test {
    let Interval { lower, upper } = finding.interval;
    Test {
        name,
        required,
        verdict: finding.verdict,
        items: finding.items,
        threshold: known(finding.question.threshold()),
        estimate: known(finding.estimate),
        lower: known(lower),
        upper: known(upper),
        power: known(finding.power),
        discordance: finding.discordance.and_then(known),
    }
}

fn invariant(found: &InvariantRuling) -> Test {
    Test {
        name: format!("invariant:{}", found.metric),
        required: true,
        verdict: found.verdict,
        items: found.items,
        threshold: None,
        estimate: None,
        lower: None,
        upper: known(found.upper_bound),
        power: None,
        discordance: None,
    }
}

fn guard(found: &GuardRuling) -> Test {
    Test {
        name: format!("guard:{}", guard_name(found.guard)),
        required: true,
        verdict: found.verdict,
        items: found.n,
        threshold: known(found.limit),
        estimate: found.estimate.and_then(known),
        lower: found.lower.and_then(known),
        upper: found.upper.and_then(known),
        power: None,
        discordance: None,
    }
}

/// A guard's name as suites write it.
const fn guard_name(guard: Guard) -> &'static str {
    match guard {
        Guard::CostRatio => "cost_ratio",
        Guard::P95LatencyRatio => "p95_latency_ratio",
        Guard::TtftP95Ms => "ttft_p95_ms",
        Guard::RefusalDelta => "refusal_delta",
        Guard::ErrorRate => "error_rate",
        Guard::OutputTokenRatio => "output_token_ratio",
    }
}

/// JSON has no word for what is not finite, and neither is it a bound.
fn known(number: f64) -> Option<f64> {
    Some(number).filter(|number| number.is_finite())
}
