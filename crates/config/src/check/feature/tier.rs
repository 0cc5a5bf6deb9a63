//! One step of a ladder.

use std::time::Duration;

use crate::{
    check::{Check, model::Index},
    config::{Candidate, Deployment, Model, Prefer, Tier, TierMode},
    lenient::{Entries, Field},
    problem::{Code, Problem},
    source::Span,
    wire,
};

impl Check<'_> {
    /// What the tier does; none when that is not clear.
    pub(super) fn tier_mode(
        &mut self,
        tier: &wire::Tier,
        at: Span,
        index: &Index<'_>,
        models: &[Model],
    ) -> Option<TierMode> {
        let modes = [
            tier.models.is_written(),
            tier.cache.is_written(),
            tier.queue.is_written(),
            tier.reply.is_written(),
            tier.off.is_written(),
        ];
        let count = modes.into_iter().filter(|written| *written).count();
        if count != 1 {
            let number = if count == 0 { "none" } else { "several" };
            let message =
                format!("the tier has {number} of `models`, `cache`, `queue`, `reply` and `off`");
            self.add(Problem::new(Code::TierMode, at, message).with_help("write exactly one"));
            return None;
        }
        self.calling_keys(tier);
        if let Some((cache, at)) = tier.cache.placed() {
            self.required(&cache.max_age, "max_age", at);
            let similar = self.similar(&cache.similar, index, models);
            return self.lapse(&cache.max_age).map(|max_age| TierMode::Cache { max_age, similar });
        }
        if let Some(queue) = &tier.queue.value {
            return self.queue(queue);
        }
        if tier.reply.is_written() {
            return self.text(&tier.reply).map(|text| TierMode::Reply { text });
        }
        if let Some((on, at)) = tier.off.placed() {
            if !on {
                let problem = Problem::new(Code::InvalidValue, at, "`off: false` says nothing");
                self.add(problem.with_found("false").with_help("write `off: true`"));
            }
            return Some(TierMode::Off);
        }
        self.candidates(tier, index, models)
    }

    /// Reports keys about calls among models where there is none.
    fn calling_keys(&mut self, tier: &wire::Tier) {
        // Looking for something similar calls a model of embeddings, and so takes time.
        let embeds = tier.cache.value.as_ref().is_some_and(|cache| cache.similar.is_written());
        let keys = [
            ("prefer", tier.prefer.key),
            ("release_candidates", tier.release_candidates.key),
            ("evals", tier.evals.key),
            ("weights", tier.weights.key),
            ("ttft", tier.ttft.key),
            ("max_usd_per_request", tier.max_usd_per_request.key),
            ("ttft_p95", tier.ttft_p95.key),
            ("min_quality", tier.min_quality.key),
            ("deadline", tier.deadline.key.filter(|_| !embeds)),
        ];
        let idle = keys.into_iter().filter(|_| !tier.models.is_written());
        for (key, at) in idle.filter_map(|(key, at)| Some((key, at?))) {
            let message = format!("`{key}` has no effect in a tier without `models`");
            let problem = Problem::new(Code::TierMode, at, message).with_found(key);
            self.add(problem.with_help("remove the key"));
        }
    }

    fn candidates(
        &mut self,
        tier: &wire::Tier,
        index: &Index<'_>,
        models: &[Model],
    ) -> Option<TierMode> {
        let (names, at) = tier.models.placed()?;
        if names.is_empty() {
            let problem = Problem::new(Code::EmptyTiers, at, "the tier lists no models");
            self.add(problem.with_help("list at least one model or deployment"));
        }
        // What is released comes before what it was released to replace.
        let mut chosen = self.chosen(&tier.release_candidates, index, models);
        let by_release = chosen.len();
        for deployment in self.chosen(&tier.models, index, models) {
            match chosen.iter().position(|other| other.id == deployment.id) {
                Some(_) => self.listed_twice(tier, &deployment.id),
                None => chosen.push(deployment),
            }
        }
        let prefer = self.prefer(&tier.prefer);
        self.rated(tier, &chosen);
        self.weights(tier, &chosen, prefer);
        let weights = tier.weights.value.as_ref();
        let candidates = chosen
            .into_iter()
            .enumerate()
            .map(|(at, deployment)| Candidate {
                by_release: at < by_release,
                deployment: deployment.id.clone(),
                weight: weights.map_or(1, |weights| weight_of(deployment, weights)),
            })
            .collect();
        Some(TierMode::Models { candidates, prefer })
    }

    /// The deployments that a list of names stands for, without repetition.
    fn chosen<'m>(
        &mut self,
        names: &Field<Vec<Field<String>>>,
        index: &Index<'_>,
        models: &'m [Model],
    ) -> Vec<&'m Deployment> {
        let mut chosen: Vec<&Deployment> = Vec::new();
        for (name, at) in names.value.iter().flatten().filter_map(Field::placed) {
            let found = named(name, models);
            if found.is_empty() {
                self.unknown_model(name, at, index, models);
            }
            for deployment in found {
                if !chosen.iter().any(|other| other.id == deployment.id) {
                    chosen.push(deployment);
                }
            }
        }
        chosen
    }

    fn listed_twice(&mut self, tier: &wire::Tier, id: &str) {
        let at = tier.release_candidates.at.unwrap_or_default();
        let message = format!("`{id}` is among `models` too, and so serves without a release");
        let problem = Problem::new(Code::DuplicateName, at, message).with_found(id);
        self.add(problem.with_help("name its neighbours in `models` one by one, without it"));
    }

    pub(super) fn unknown_model(
        &mut self,
        name: &str,
        at: Span,
        index: &Index<'_>,
        models: &[Model],
    ) {
        let is_deployment = name.contains('@');
        if index.models.contains(name) || (is_deployment && !index.complete) {
            return;
        }
        let known: Vec<&str> = if is_deployment {
            let deployments = models.iter().flat_map(|model| &model.deployments);
            deployments.map(|deployment| deployment.id.as_str()).collect()
        } else {
            index.models.iter().copied().collect()
        };
        let noun = if is_deployment { "deployment" } else { "model" };
        let problem = Problem::new(Code::UnknownModel, at, format!("there is no {noun} `{name}`"));
        self.add(problem.with_found(name).suggesting(name, &known));
    }

    fn weights(&mut self, tier: &wire::Tier, chosen: &[&Deployment], prefer: Prefer) {
        let Some((weights, at)) = tier.weights.placed() else { return };
        let idle = matches!(prefer, Prefer::Ordered | Prefer::Cheapest | Prefer::Balanced(_));
        if let Some(key) = tier.weights.key.filter(|_| idle) {
            let problem = Problem::new(Code::Weights, key, "`weights` have no effect here");
            self.add(problem.with_help("add `prefer: weighted`"));
        }
        let in_tier = |name: &str| chosen.iter().any(|one| one.id == name || one.model == name);
        for (name, at, _) in weights.iter() {
            if !in_tier(name) {
                let known: Vec<&str> = chosen.iter().map(|one| one.id.as_str()).collect();
                let message = format!("`{name}` is not in this tier");
                let problem = Problem::new(Code::Weights, at, message);
                self.add(problem.with_found(name).suggesting(name, &known));
            }
        }
        let never = |one: &&Deployment| weight_of(one, weights) == 0;
        if !chosen.is_empty() && chosen.iter().all(never) {
            self.add(Problem::new(Code::Weights, at, "every weight is 0, so nothing is tried"));
        }
    }

    /// The tier with its time limits.
    pub(super) fn tier(
        &mut self,
        written: &wire::Tier,
        mode: TierMode,
        name: String,
        feature_deadline: Duration,
    ) -> Tier {
        let deadline = self.lapse(&written.deadline);
        let ttft = self.lapse(&written.ttft);
        self.within(deadline, &written.deadline, "deadline", feature_deadline, "feature");
        let limit = deadline.unwrap_or(feature_deadline);
        let owner = if deadline.is_some() { "tier" } else { "feature" };
        self.within(ttft, &written.ttft, "ttft", limit, owner);
        // Whoever is told to come back has not been answered yet.
        let answers = !matches!(mode, TierMode::Queue(_));
        let acceptable = written.acceptable.value.unwrap_or(answers);
        let ceilings = self.ceilings(written);
        Tier { name, mode, ttft, deadline, acceptable, ceilings, evals: None }
    }

    fn within(
        &mut self,
        lapse: Option<Duration>,
        field: &Field<wire::Lapse>,
        key: &str,
        limit: Duration,
        owner: &str,
    ) {
        if lapse.is_some_and(|lapse| lapse > limit) {
            let message = format!("`{key}` is longer than the {owner}'s deadline of {limit:?}");
            let problem = Problem::new(Code::TimeLimits, field.at.unwrap_or_default(), message);
            self.add(problem.with_help(format!("write at most {limit:?}")));
        }
    }
}

/// The deployments that a name in a tier stands for: all of a model, or one by its id.
pub(super) fn named<'m>(name: &str, models: &'m [Model]) -> Vec<&'m Deployment> {
    let deployments = models.iter().flat_map(|model| &model.deployments);
    deployments.filter(|one| one.model == name || one.id == name).collect()
}

/// A deployment's own weight, else its model's, else 1.
fn weight_of(deployment: &Deployment, weights: &Entries<u32>) -> u32 {
    let of = |wanted: &str| {
        weights.iter().find(|(name, ..)| *name == wanted).and_then(|(.., weight)| weight.value)
    };
    of(&deployment.id).or_else(|| of(&deployment.model)).unwrap_or(1)
}
