//! By what a tier chooses among its candidates, and what they may cost and take.

use crate::{
    check::Check,
    config::{Ceilings, Deployment, Prefer, Weights},
    lenient::{Field, Short},
    problem::{Code, Problem},
    source::Span,
    wire,
};

/// The most that one objective may weigh.
const WEIGHT_MAX: u32 = 100;

impl Check<'_> {
    /// The value of `prefer`.
    pub(super) fn prefer(&mut self, field: &Field<Short<wire::Prefer>>) -> Prefer {
        let Some((Short(written), at)) = field.placed() else { return Prefer::Ordered };
        let Some(word) = written.word.as_deref() else {
            self.required(&written.balanced, "balanced", at);
            let balanced = written.balanced.placed();
            return Prefer::Balanced(balanced.map_or_else(Weights::default, |(balanced, at)| {
                self.objective_weights(balanced, at)
            }));
        };
        match word {
            "ordered" => Prefer::Ordered,
            "weighted" => Prefer::Weighted,
            "fastest" => Prefer::Fastest,
            "cheapest" => Prefer::Cheapest,
            "balanced" => Prefer::Balanced(Weights::default()),
            other => {
                let message = format!("`{other}` is not a value of this key");
                let problem = Problem::new(Code::InvalidValue, at, message).with_found(other);
                self.add(problem.suggesting(other, &wire::PREFER_WORDS));
                Prefer::Ordered
            }
        }
    }

    fn objective_weights(&mut self, written: &wire::Balanced, at: Span) -> Weights {
        let usual = Weights::default();
        let weights = Weights {
            cost: self.objective_weight(&written.cost).unwrap_or(usual.cost),
            latency: self.objective_weight(&written.latency).unwrap_or(usual.latency),
            quality: self.objective_weight(&written.quality).unwrap_or(usual.quality),
        };
        if weights == (Weights { cost: 0, latency: 0, quality: 0 }) {
            let problem = Problem::new(Code::Weights, at, "every weight is 0: nothing counts");
            self.add(problem.with_help("give at least one of them a weight above zero"));
        }
        weights
    }

    fn objective_weight(&mut self, field: &Field<u32>) -> Option<u32> {
        let (weight, at) = field.placed()?;
        if *weight > WEIGHT_MAX {
            let message = format!("a weight is a number from 0 to {WEIGHT_MAX}");
            let problem = Problem::new(Code::InvalidValue, at, message);
            self.add(problem.with_found(weight.to_string()));
        }
        Some(*weight)
    }

    /// A number from 0 to 1.
    pub(in crate::check) fn share(&mut self, field: &Field<f64>) -> Option<f64> {
        let (share, at) = field.placed()?;
        if !(0.0..=1.0).contains(share) {
            let message = format!("`{share}` is not a number from 0 to 1");
            let problem = Problem::new(Code::InvalidValue, at, message);
            self.add(problem.with_found(share.to_string()));
            return None;
        }
        Some(*share)
    }

    /// What a tier's answers may cost and take.
    pub(super) fn ceilings(&mut self, tier: &wire::Tier) -> Ceilings {
        Ceilings {
            max_usd_per_request: tier.max_usd_per_request.value.map(|usd| usd.0),
            ttft_p95: self.lapse(&tier.ttft_p95),
            min_quality: self.share(&tier.min_quality),
        }
    }

    /// Reports a floor of quality where nothing says what quality there is.
    pub(super) fn rated(&mut self, tier: &wire::Tier, chosen: &[&Deployment]) {
        let Some(at) = tier.min_quality.at else { return };
        if !chosen.is_empty() && chosen.iter().all(|one| one.quality.is_none()) {
            let message = "no deployment of this tier says its `quality`";
            let problem = Problem::new(Code::InvalidValue, at, message);
            self.add(problem.with_help("set `quality` on its deployments"));
        }
    }
}
