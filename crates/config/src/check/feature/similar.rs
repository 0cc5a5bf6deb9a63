//! Answers from replies to similar requests: which deployments make the vectors.

use std::collections::BTreeSet;

use super::tier::named;
use crate::{
    check::{Check, model::Index},
    config::{Feature, Model, Similar, TierMode},
    lenient::{Entries, Field},
    problem::{Code, Problem},
    source::Span,
    wire::{self, Kind},
};

const MIN_SCORE: f64 = 0.95;
/// Below this, whatever is asked in one language looks alike.
const MIN_SCORE_LEAST: f64 = 0.5;
/// The kinds whose deployments make vectors, in OpenAI's protocol.
const EMBEDDING_KINDS: [Kind; 3] = [Kind::Openai, Kind::AzureOpenai, Kind::OpenaiCompatible];

impl Check<'_> {
    /// The `similar` part of a cache; none where it is absent or its deployments are not clear.
    pub(super) fn similar(
        &mut self,
        field: &Field<wire::Similar>,
        index: &Index<'_>,
        models: &[Model],
    ) -> Option<Similar> {
        let (written, at) = field.placed()?;
        let min_score = self.min_score(&written.min_score);
        let (name, at) = self.required(&written.embeddings, "embeddings", at)?;
        let found = named(name, models);
        if found.is_empty() {
            self.unknown_model(name, at, index, models);
        }
        for deployment in &found {
            let kind = index.kinds.get(deployment.provider.as_str()).copied().flatten();
            if kind.is_some_and(|kind| !EMBEDDING_KINDS.contains(&kind)) {
                let message = format!("`{}` can make no embeddings", deployment.id);
                let problem = Problem::new(Code::SurfaceMismatch, at, message).with_found(name);
                self.add(problem.with_help(
                    "name a deployment at a provider of kind `openai`, `azure-openai` or \
                     `openai-compatible`",
                ));
            }
        }
        let embeddings: Vec<String> = found.iter().map(|one| one.id.clone()).collect();
        (!embeddings.is_empty()).then_some(Similar { embeddings, min_score })
    }

    fn min_score(&mut self, field: &Field<f64>) -> f64 {
        let Some((score, at)) = field.placed() else { return MIN_SCORE };
        if !(MIN_SCORE_LEAST..=1.0).contains(score) {
            let message = format!("`min_score` must be from {MIN_SCORE_LEAST} to 1");
            let problem = Problem::new(Code::InvalidValue, at, message);
            self.add(problem.with_found(score.to_string()).with_help(format!(
                "1 is the same meaning, 0 is none; without the key it is {MIN_SCORE}"
            )));
        }
        *score
    }

    /// Vectors of two models cannot be compared, so a feature's caches share one.
    pub(super) fn one_embedder(&mut self, rungs: &[(&wire::Tier, Span)], models: &[Model]) {
        let similar = |tier: &wire::Tier| tier.cache.value.as_ref()?.similar.value.clone();
        let mut first: Option<String> = None;
        for written in rungs.iter().filter_map(|(tier, _)| similar(tier)) {
            let Some((name, at)) = written.embeddings.placed() else { continue };
            let Some(deployment) = named(name, models).first().copied() else { continue };
            let first = first.get_or_insert_with(|| deployment.model.clone());
            if *first != deployment.model {
                let message =
                    format!("a cache of this feature already has embeddings of `{first}`");
                let problem = Problem::new(Code::InvalidValue, at, message).with_found(name);
                self.add(problem.with_help("use one model of embeddings in a feature"));
            }
        }
    }

    /// Reports models of embeddings among those that are to answer.
    pub(super) fn embedders_answer_nothing(
        &mut self,
        features: &Field<Entries<wire::Feature>>,
        embedders: &BTreeSet<String>,
        models: &[Model],
    ) {
        let features = features.value.iter().flat_map(Entries::iter);
        let tiers = features
            .filter_map(|(.., feature)| feature.value.as_ref()?.tiers.value.as_ref())
            .flatten()
            .filter_map(|tier| tier.value.as_ref());
        let lists = tiers.flat_map(|tier| [&tier.models, &tier.release_candidates]);
        let listed = lists.flat_map(|list| list.value.iter().flatten());
        for (name, at) in listed.filter_map(Field::placed) {
            if named(name, models).iter().any(|one| embedders.contains(&one.model)) {
                let message = format!("`{name}` makes embeddings and cannot answer");
                let problem = Problem::new(Code::SurfaceMismatch, at, message).with_found(name);
                self.add(problem.with_help("name a model here that no `embeddings` names"));
            }
        }
    }
}

/// The models that make vectors for a cache.
pub(super) fn embedders(features: &[Feature], models: &[Model]) -> BTreeSet<String> {
    let tiers = features.iter().flat_map(|feature| &feature.tiers);
    let ids = tiers.filter_map(|tier| match &tier.mode {
        TierMode::Cache { similar: Some(similar), .. } => Some(&similar.embeddings),
        _ => None,
    });
    ids.flatten().flat_map(|id| named(id, models)).map(|one| one.model.clone()).collect()
}
