//! The measurements of a run.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{
    account::Memory,
    machine::Machine,
    measurement::{FIGURES, Figure, Measurement, median, megabytes},
    plan::{Candidate, Work},
};

/// All that was measured.
pub(super) struct Results {
    pub(super) machine: Machine,
    idle: [(Candidate, Memory); 2],
    rounds: BTreeMap<(Work, Candidate), Vec<Measurement>>,
}

impl Results {
    pub(super) fn new(machine: Machine, idle: [(Candidate, Memory); 2]) -> Self {
        Self { machine, idle, rounds: BTreeMap::new() }
    }

    pub(super) fn add(&mut self, work: &Work, candidate: Candidate, measurement: Measurement) {
        self.rounds.entry((*work, candidate)).or_default().push(measurement);
    }

    /// The works that were done.
    pub(super) fn works(&self) -> Vec<Work> {
        let mut works: Vec<Work> = self.rounds.keys().map(|(work, _)| *work).collect();
        works.dedup();
        works
    }

    /// The median of a figure over the rounds.
    pub(super) fn median(&self, work: &Work, who: Candidate, figure: Figure) -> Option<f64> {
        median(self.values(work, who, figure))
    }

    /// The least of a figure over the rounds: what it costs when nothing disturbs.
    pub(super) fn least(&self, work: &Work, who: Candidate, figure: Figure) -> Option<f64> {
        self.values(work, who, figure).into_iter().min_by(f64::total_cmp)
    }

    fn values(&self, work: &Work, who: Candidate, figure: Figure) -> Vec<f64> {
        let rounds = self.rounds.get(&(*work, who)).map_or(&[][..], Vec::as_slice);
        rounds.iter().filter_map(|round| round.figure(figure)).collect()
    }

    /// Memory before the first request, in megabytes.
    pub(super) fn idle_mb(&self, candidate: Candidate) -> Option<f64> {
        let found = self.idle.iter().find(|(who, _)| *who == candidate);
        found.map(|(_, memory)| megabytes(memory.pss_kb))
    }

    /// Requests that did not end well, of all candidates.
    pub(super) fn failures(&self) -> u64 {
        self.rounds.values().flatten().map(|round| round.failures).sum()
    }

    /// Every measurement, for programs.
    pub(super) fn to_json(&self) -> Value {
        let cases = self.rounds.iter().map(|((work, candidate), rounds)| {
            let summary = |pick: &dyn Fn(Figure) -> Option<f64>| -> Value {
                let figures = FIGURES.iter();
                figures.map(|(name, figure)| ((*name).to_owned(), json!(pick(*figure)))).collect()
            };
            json!({
                "client": work.client.dialect(),
                "streams": work.streams(),
                "prompt_bytes": work.prompt_bytes,
                "concurrency": work.concurrency,
                "candidate": candidate.name(),
                "median": summary(&|figure| self.median(work, *candidate, figure)),
                "minimum": summary(&|figure| self.least(work, *candidate, figure)),
                "rounds": rounds,
            })
        });
        json!({
            "machine": self.machine,
            "idle_memory": {
                "tieline_mb": self.idle_mb(Candidate::Same),
                "nginx_mb": self.idle_mb(Candidate::Nginx),
            },
            "cases": cases.collect::<Vec<_>>(),
        })
    }
}
