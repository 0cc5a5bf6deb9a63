//! The measurements of a run, and what they come to.

use std::{collections::BTreeMap, fmt};

use serde::Serialize;
use serde_json::{Value, json};

use super::{LATENCIES, options::Options};
use crate::bench::{machine::Machine, measurement::median};

/// How many times as many items a second as promptfoo.
const ITEMS_RATIO_MIN: f64 = 5.0;

/// Who evaluates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Program {
    Promptfoo,
    Tieline,
}

impl fmt::Display for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Promptfoo => "promptfoo",
            Self::Tieline => "tieline",
        })
    }
}

/// How much is evaluated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Size {
    /// One item, which shows what start-up takes.
    One,
    All,
}

impl Size {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::One => "one",
            Self::All => "all",
        }
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if *self == Self::One { "one item" } else { "all items" })
    }
}

/// One program's run, from its start to its end.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct Sample {
    pub(super) seconds: f64,
    /// Processor time of all its threads.
    pub(super) cpu_ms: f64,
}

/// What a round says of a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Figure {
    /// Without what start-up takes.
    ItemsPerSecond,
    ItemsPerSecondWithStart,
    /// Without start-up.
    CpuMsPerItem,
    /// From the start to the end with one item.
    StartSeconds,
}

/// Every figure with its name in JSON.
const FIGURES: [(&str, Figure); 4] = [
    ("items_per_second", Figure::ItemsPerSecond),
    ("items_per_second_with_start", Figure::ItemsPerSecondWithStart),
    ("cpu_ms_per_item", Figure::CpuMsPerItem),
    ("start_seconds", Figure::StartSeconds),
];

/// All that was measured.
pub(super) struct Results {
    pub(super) machine: Machine,
    pub(super) cases: usize,
    pub(super) concurrency: usize,
    samples: BTreeMap<(&'static str, Program, Size), Vec<Sample>>,
}

impl Results {
    pub(super) fn new(machine: Machine, options: &Options) -> Self {
        let Options { cases, concurrency, .. } = *options;
        Self { machine, cases, concurrency, samples: BTreeMap::new() }
    }

    pub(super) fn add(
        &mut self,
        latency: &'static str,
        program: Program,
        size: Size,
        sample: Sample,
    ) {
        self.samples.entry((latency, program, size)).or_default().push(sample);
    }

    /// A figure of every round.
    fn rounds(&self, latency: &'static str, program: Program, figure: Figure) -> Vec<f64> {
        let of = |size| self.samples.get(&(latency, program, size)).map_or(&[][..], Vec::as_slice);
        let pairs = of(Size::One).iter().zip(of(Size::All));
        pairs.map(|(one, all)| figure.of(*one, *all, self.cases as f64)).collect()
    }

    /// The median of a figure over the rounds.
    pub(super) fn median(
        &self,
        latency: &'static str,
        program: Program,
        figure: Figure,
    ) -> Option<f64> {
        median(self.rounds(latency, program, figure))
    }

    /// Tieline's figure as a multiple of promptfoo's in the same round: of every round.
    pub(super) fn ratios(&self, latency: &'static str, figure: Figure) -> Vec<f64> {
        let [ours, theirs] = [Program::Tieline, Program::Promptfoo]
            .map(|program| self.rounds(latency, program, figure));
        ours.into_iter().zip(theirs).map(|(ours, theirs)| ours / theirs).collect()
    }

    /// The bar that Tieline has to clear.
    pub(super) fn bar(&self) -> Bar {
        let [at_once, _] = LATENCIES;
        Bar { value: median(self.ratios(at_once, Figure::ItemsPerSecond)) }
    }

    /// Every measurement, for programs.
    pub(super) fn to_json(&self) -> Value {
        let works = LATENCIES.iter().flat_map(|latency| {
            [Program::Promptfoo, Program::Tieline].map(|program| {
                let medians = FIGURES.iter().map(|(name, figure)| {
                    ((*name).to_owned(), json!(self.median(latency, program, *figure)))
                });
                json!({
                    "latency": latency,
                    "program": program.to_string(),
                    "median": medians.collect::<Value>(),
                    "one": self.samples.get(&(*latency, program, Size::One)),
                    "all": self.samples.get(&(*latency, program, Size::All)),
                })
            })
        });
        json!({
            "machine": self.machine,
            "cases": self.cases,
            "concurrency": self.concurrency,
            "works": works.collect::<Vec<_>>(),
            "bars": [self.bar().to_json()],
        })
    }
}

impl Figure {
    /// The figure of a round: of one item, of all, and of how many those are.
    fn of(self, one: Sample, all: Sample, cases: f64) -> f64 {
        match self {
            Self::ItemsPerSecond => (cases - 1.0) / (all.seconds - one.seconds),
            Self::ItemsPerSecondWithStart => cases / all.seconds,
            Self::CpuMsPerItem => (all.cpu_ms - one.cpu_ms) / (cases - 1.0),
            Self::StartSeconds => one.seconds,
        }
    }
}

/// Items a second over a provider that answers at once, without start-up, and where Tieline stands.
pub(super) struct Bar {
    /// None where the run did not measure it.
    pub(super) value: Option<f64>,
}

impl Bar {
    pub(super) const WHAT: &'static str = "items a second, a provider that answers at once";
    pub(super) const LIMIT: f64 = ITEMS_RATIO_MIN;
    pub(super) const UNIT: &'static str = "times promptfoo";

    /// Whether Tieline clears it.
    pub(super) fn holds(&self) -> bool {
        self.value.is_some_and(|value| value >= Self::LIMIT)
    }

    fn to_json(&self) -> Value {
        json!({
            "bar": Self::WHAT,
            "value": self.value,
            "at_least": Self::LIMIT,
            "unit": Self::UNIT,
            "pass": self.holds(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn start_up_is_told_apart_and_rounds_are_compared_with_themselves() {
        let [one, all] =
            [(2.0, 1_000.0), (22.0, 19_000.0)].map(|(seconds, cpu_ms)| Sample { seconds, cpu_ms });
        for (figure, wanted) in [
            (Figure::ItemsPerSecond, 5.0),
            (Figure::ItemsPerSecondWithStart, 101.0 / 22.0),
            (Figure::CpuMsPerItem, 180.0),
            (Figure::StartSeconds, 2.0),
        ] {
            assert_eq!(figure.of(one, all, 101.0), wanted, "{figure:?}");
        }
        assert!(!Bar { value: Some(4.9) }.holds() && Bar { value: Some(5.0) }.holds());
        assert!(!Bar { value: None }.holds());
    }
}
