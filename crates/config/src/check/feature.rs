//! Features: their ladders, and the implicit ones of models.

use std::{collections::BTreeSet, time::Duration};

use tieline_types::{PROBE_FEATURE, Rules, SENTINEL_FEATURE};

use super::{Check, model::Index};
use crate::{
    config::{
        Candidate, Ceilings, Criticality, Feature, FeatureLimits, Fidelity, Hedge, Model,
        OnStreamBreak, Prefer, SloFiles, Tier, TierMode,
    },
    lenient::{Entries, Field},
    problem::{Code, Problem},
    source::Span,
    wire,
};

mod breaks;
mod limits;
mod objective;
mod queue;
mod similar;
mod tier;

const DEADLINE: Duration = Duration::from_secs(600);
const RETURN_AFTER: Duration = Duration::from_secs(300);
/// The name of the one tier of an implicit feature, and of an unnamed tier of models.
const MODELS: &str = "models";

impl Check<'_> {
    /// The features of the file, then the implicit ones.
    pub(super) fn features(
        &mut self,
        field: &Field<Entries<wire::Feature>>,
        index: &Index<'_>,
        models: &[Model],
    ) -> Vec<Feature> {
        let mut features = Vec::new();
        for (name, at, written) in field.value.iter().flat_map(Entries::iter) {
            self.feature_named(name, at);
            features.extend(self.feature(name, at, written, index, models));
        }
        let embedders = similar::embedders(&features, models);
        self.embedders_answer_nothing(field, &embedders, models);
        let mut taken: BTreeSet<String> =
            features.iter().map(|feature: &Feature| feature.name.clone()).collect();
        // What makes vectors answers nobody, under its own name neither.
        taken.extend(embedders);
        features.extend(models.iter().filter(|model| !taken.contains(&model.name)).map(implicit));
        features
    }

    /// Whether `name` can be that of a feature. A model is a feature too.
    pub(super) fn feature_named(&mut self, name: &str, at: Span) {
        self.named(name, at);
        if [PROBE_FEATURE, SENTINEL_FEATURE].contains(&name) {
            let problem = Problem::new(Code::BadName, at, format!("`{name}` is reserved"));
            let help = "Tieline's own requests are recorded under it; use another name";
            self.add(problem.with_found(name).with_help(help));
        }
    }

    fn feature(
        &mut self,
        name: &str,
        at: Span,
        field: &Field<wire::Feature>,
        index: &Index<'_>,
        models: &[Model],
    ) -> Option<Feature> {
        if !field.is_written() {
            self.empty_ladder(name, at);
        }
        let written = field.value.as_ref()?;
        let deadline = self.lapse(&written.deadline).unwrap_or(DEADLINE);
        if written.tiers.value.as_ref().map_or(!written.tiers.is_written(), Vec::is_empty) {
            self.empty_ladder(name, at);
        }
        let rungs: Vec<(&wire::Tier, Span)> =
            written.tiers.value.iter().flatten().filter_map(Field::placed).collect();
        self.ladder(&rungs);
        self.one_embedder(&rungs, models);
        let mut names: BTreeSet<String> =
            rungs.iter().filter_map(|(tier, _)| tier.name.value.clone()).collect();
        let evals = self.evals(&written.evals, None);
        let mut tiers: Vec<Tier> = Vec::new();
        for (number, (tier, at)) in (1_usize..).zip(rungs) {
            if let Some(mode) = self.tier_mode(tier, at, index, models) {
                let name = tier.name.value.clone();
                let name = name.unwrap_or_else(|| free_name(&mode, number, &names));
                names.insert(name.clone());
                let evals = self.tier_evals(tier, &written.evals, evals.as_ref());
                tiers.push(Tier { evals, ..self.tier(tier, mode, name, deadline) });
            }
        }
        let on_stream_break = self.stream_break(&written.on_stream_break);
        if on_stream_break == OnStreamBreak::Continue && index.complete && !tiers.is_empty() {
            self.nobody_continues(&tiers, models, written.on_stream_break.at.unwrap_or(at));
        }
        Some(Feature {
            name: name.to_owned(),
            owner: self.text(&written.owner),
            criticality: written.criticality.value.unwrap_or_default(),
            deadline,
            return_after: written.return_after.value.map_or(RETURN_AFTER, |lapse| lapse.0),
            fidelity: written.fidelity.value.unwrap_or_default(),
            hedge: self.hedge(&written.hedge),
            limits: self.feature_limits(&written.limits),
            demand: self.demand(&written.demand),
            budget: written.budget.placed().and_then(|(budget, at)| self.budget(budget, at)),
            rules: self.rules(written, index, models),
            evals,
            slos: self.slos(&written.slos),
            on_burn: self.on_burn(&written.on_burn, &written.slos, &tiers),
            on_stream_break,
            tiers,
            implicit: false,
        })
    }

    fn hedge(&mut self, field: &Field<wire::Hedge>) -> Option<Hedge> {
        let written = field.value.as_ref()?;
        Some(Hedge { after: self.lapse(&written.after) })
    }

    fn empty_ladder(&mut self, name: &str, at: Span) {
        let message = format!("the feature `{name}` has no tiers");
        let problem = Problem::new(Code::EmptyTiers, at, message).with_found(name);
        self.add(problem.with_help("list at least one tier"));
    }

    /// What can be said of a ladder as a whole.
    fn ladder(&mut self, rungs: &[(&wire::Tier, Span)]) {
        let answers = |tier: &wire::Tier| tier.reply.is_written() || tier.off.is_written();
        let end = rungs.iter().position(|(tier, _)| answers(tier)).unwrap_or(rungs.len());
        for (_, at) in rungs.iter().skip(end.saturating_add(1)) {
            let problem = Problem::new(Code::UnreachableTier, *at, "this tier is never reached");
            self.add(problem.with_help("a tier before it always answers; move that to the end"));
        }
        self.queue_last(rungs.get(..end).unwrap_or_default());
        let cache = |(tier, _): &(&wire::Tier, Span)| tier.cache.at;
        let queue = |(tier, _): &(&wire::Tier, Span)| tier.queue.at;
        let alone = [
            (rungs.iter().find_map(cache), "nothing fills this cache"),
            (rungs.iter().find_map(queue), "nothing answers what this queues"),
        ];
        let models = rungs.iter().any(|(tier, _)| tier.models.is_written());
        for (at, message) in alone.into_iter().filter(|_| !models) {
            if let Some(at) = at {
                let problem = Problem::new(Code::CacheAlone, at, message);
                self.add(problem.with_help("add a tier with `models`"));
            }
        }
        self.duplicate_names(rungs);
    }

    fn duplicate_names(&mut self, rungs: &[(&wire::Tier, Span)]) {
        let mut seen = BTreeSet::new();
        for (name, at) in rungs.iter().filter_map(|(tier, _)| tier.name.placed()) {
            self.named(name, at);
            if !seen.insert(name) {
                let message = format!("another tier is already called `{name}`");
                self.add(Problem::new(Code::DuplicateName, at, message).with_found(name));
            }
        }
    }
}

/// The name of a tier that has none: its mode's, else its number's.
fn free_name(mode: &TierMode, number: usize, taken: &BTreeSet<String>) -> String {
    let usual = match mode {
        TierMode::Models { .. } => MODELS,
        TierMode::Cache { .. } => "cache",
        TierMode::Queue(_) => "queue",
        TierMode::Reply { .. } => "reply",
        TierMode::Off => "off",
    };
    let numbered = (number..).map(|number| format!("tier-{number}"));
    let mut names = std::iter::once(usual.to_owned()).chain(numbered);
    names.find(|name| !taken.contains(name)).unwrap_or_default()
}

fn implicit(model: &Model) -> Feature {
    let candidates = model
        .deployments
        .iter()
        .map(|deployment| Candidate {
            deployment: deployment.id.clone(),
            weight: 1,
            by_release: false,
        })
        .collect();
    let tier = Tier {
        name: MODELS.to_owned(),
        mode: TierMode::Models { candidates, prefer: Prefer::Ordered },
        ttft: None,
        deadline: None,
        acceptable: true,
        ceilings: Ceilings::default(),
        evals: None,
    };
    Feature {
        name: model.name.clone(),
        owner: None,
        criticality: Criticality::default(),
        deadline: DEADLINE,
        return_after: RETURN_AFTER,
        fidelity: Fidelity::Standard,
        hedge: None,
        limits: FeatureLimits::default(),
        demand: None,
        budget: None,
        rules: Rules::default(),
        evals: None,
        slos: SloFiles::default(),
        on_burn: Vec::new(),
        on_stream_break: OnStreamBreak::Error,
        tiers: vec![tier],
        implicit: true,
    }
}
