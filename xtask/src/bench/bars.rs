//! The bars that the gateway has to clear.

use serde_json::{Value, json};

use super::{
    measurement::Figure,
    plan::{Answers, Candidate, Client, FEW_STREAMS, OPEN_STREAMS, STREAMS, Work},
    results::Results,
};

/// The most that a request or a chunk may cost, as a multiple of nginx's cost.
const COST_RATIO_MAX: f64 = 2.0;
const FIRST_TOKEN_ADDED_MS_MAX: f64 = 1.0;
const IDLE_MB_MAX: f64 = 30.0;
const OPEN_STREAMS_MB_MAX: f64 = 100.0;

/// One bar and where the gateway stands.
pub(super) struct Bar {
    pub(super) what: String,
    /// None where the run did not measure it.
    pub(super) value: Option<f64>,
    pub(super) limit: f64,
    pub(super) unit: &'static str,
}

impl Bar {
    /// Whether the gateway clears it.
    pub(super) fn holds(&self) -> bool {
        self.value.is_some_and(|value| value <= self.limit)
    }

    pub(super) fn to_json(&self) -> Value {
        let Self { what, value, limit, unit } = self;
        json!({ "bar": what, "value": value, "limit": limit, "unit": unit, "pass": self.holds() })
    }
}

/// Every bar, from medians.
pub(super) fn of(results: &Results) -> Vec<Bar> {
    let work = |answers, prompt_bytes, concurrency| Work {
        client: Client::Chat,
        answers,
        prompt_bytes,
        concurrency,
    };
    let bar = |what: &str, value, limit, unit| Bar { what: what.to_owned(), value, limit, unit };
    let cost = |work: Work, figure| {
        let ours = results.median(&work, Candidate::Same, figure)?;
        Some(ours / results.median(&work, Candidate::Nginx, figure)?)
    };
    let (small, large) = (1024, 100 * 1024);
    let request = |bytes| cost(work(Answers::Whole, bytes, 64), Figure::CpuPerRequestUs);
    let chunk = cost(work(Answers::Streams, small, STREAMS), Figure::CpuPerChunkUs);
    let few = work(Answers::Streams, small, FEW_STREAMS);
    let added = added(results, &few, Candidate::Same, Figure::FirstTokenP50Us);
    let open = work(Answers::OpenStreams, small, OPEN_STREAMS);
    let opened = results.median(&open, Candidate::Same, Figure::OpenStreams);
    let all_open = opened.is_some_and(|count| count >= OPEN_STREAMS as f64);
    let open_mb = results.median(&open, Candidate::Same, Figure::PssMb).filter(|_| all_open);
    let ratio = "times nginx";
    vec![
        bar("CPU a request, 1 KB prompt, concurrency 64", request(small), COST_RATIO_MAX, ratio),
        bar("CPU a request, 100 KB prompt, concurrency 64", request(large), COST_RATIO_MAX, ratio),
        bar("CPU a streamed chunk, 64 streams", chunk, COST_RATIO_MAX, ratio),
        bar(
            "added time to first token, p50",
            added.map(|us| us / 1000.0),
            FIRST_TOKEN_ADDED_MS_MAX,
            "ms",
        ),
        bar("memory, idle", results.idle_mb(Candidate::Same), IDLE_MB_MAX, "MB"),
        bar("memory, 1,000 open streams", open_mb, OPEN_STREAMS_MB_MAX, "MB"),
    ]
}

/// What a candidate adds to going direct.
pub(super) fn added(results: &Results, work: &Work, who: Candidate, figure: Figure) -> Option<f64> {
    let direct = results.median(work, Candidate::Direct, figure)?;
    Some(results.median(work, who, figure)? - direct)
}
