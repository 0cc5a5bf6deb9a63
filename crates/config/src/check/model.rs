//! Models: their deployments and the ids these go by.

use std::collections::{BTreeMap, BTreeSet};

use super::{Check, provider::KINDS};
use crate::{
    config::{Deployment, Model, Surface},
    lenient::{Entries, Field, Short},
    problem::{Code, Problem, one_of},
    source::Span,
    wire::{self, Kind},
};

type Written = Field<Entries<Vec<Field<Short<wire::Deployment>>>>>;

/// The names of the models in the file, also of those that have mistakes: a tier that refers to
/// such a model is not wrong itself.
pub(super) struct Index<'a> {
    pub(super) models: BTreeSet<&'a str>,
    /// False where a model could not be read whole, so that its deployments are not all known.
    pub(super) complete: bool,
    /// The kinds of the providers, as far as they can be told.
    pub(super) kinds: Kinds<'a>,
}

impl<'a> Index<'a> {
    pub(super) fn of(field: &'a Written, providers: &'a Field<Entries<wire::Provider>>) -> Self {
        let kinds = kinds(providers).unwrap_or_default();
        let Some(entries) = &field.value else {
            return Self { models: BTreeSet::new(), complete: !field.is_written(), kinds };
        };
        let readable = |list: &Vec<Field<Short<wire::Deployment>>>| {
            list.iter().all(|entry| entry.value.is_some())
        };
        Self {
            models: entries.iter().map(|(name, ..)| name).collect(),
            complete: entries.iter().all(|(.., list)| list.value.as_ref().is_some_and(readable)),
            kinds,
        }
    }
}

/// Kinds of the providers in the file; none where the kind could not be read.
pub(super) type Kinds<'a> = BTreeMap<&'a str, Option<Kind>>;

fn kinds(field: &Field<Entries<wire::Provider>>) -> Option<Kinds<'_>> {
    let entries = field.value.as_ref()?;
    let kind_of = |written: &Field<wire::Provider>| written.value.as_ref()?.kind.value;
    Some(entries.iter().map(|(name, _, written)| (name, kind_of(written))).collect())
}

impl Check<'_> {
    /// The `models` section. Every model of the file is in the result, whatever is wrong with it.
    pub(super) fn models(
        &mut self,
        field: &Written,
        providers: &Field<Entries<wire::Provider>>,
        file: Span,
    ) -> Vec<Model> {
        let Some((entries, at)) = self.required(field, "models", file) else {
            return Vec::new();
        };
        if entries.0.is_empty() {
            self.add(Problem::new(Code::MissingKey, at, "`models` is empty"));
        }
        let kinds = kinds(providers);
        let mut models = Vec::new();
        for (name, at, list) in entries.iter() {
            self.feature_named(name, at);
            if list.value.as_ref().map_or(!list.is_written(), Vec::is_empty) {
                let message = format!("the model `{name}` has no deployments");
                let problem = Problem::new(Code::NoDeployments, at, message).with_found(name);
                self.add(problem.with_help("list the providers that have it"));
            }
            let mut model = Model { name: name.to_owned(), deployments: Vec::new() };
            for entry in list.value.iter().flatten() {
                self.deployment(&mut model, entry, kinds.as_ref());
            }
            models.push(model);
        }
        self.share_quotas(entries, &mut models);
        models
    }

    fn deployment(
        &mut self,
        model: &mut Model,
        field: &Field<Short<wire::Deployment>>,
        kinds: Option<&Kinds<'_>>,
    ) {
        let Some((Short(written), entry_at)) = field.placed() else { return };
        if !written.names_provider() {
            self.add(Problem::new(Code::MissingKey, entry_at, "`provider` is missing"));
        }
        let max_output_tokens = self.above_zero(&written.max_output_tokens);
        let limits = self.limits(&written.limits);
        let scope = self.scope(&written.scope);
        let price = self.price(&written.price);
        let quality = self.share(&written.quality);
        let facts = self.facts(&written.facts);
        let Some(provider) = written.provider_name() else { return };
        let at = written.provider.at.unwrap_or(entry_at);
        if let Some(kinds) = kinds {
            match kinds.get(provider) {
                Some(kind) => self.fitting_surface(*kind, &written.surface),
                None => self.unknown_provider(provider, at, kinds),
            }
        }
        let name = self.word(&written.name).unwrap_or_else(|| model.name.clone());
        let siblings = || model.deployments.iter().filter(|other| other.provider == provider);
        if siblings().any(|other| other.name == name) {
            let message = format!("`{}` lists `{provider}` twice under one name", model.name);
            let problem = Problem::new(Code::DuplicateDeployment, at, message);
            self.add(problem.with_found(provider).with_help(Code::DuplicateDeployment.advice()));
            return;
        }
        let plain = format!("{}@{provider}", model.name);
        let id = if siblings().next().is_some() { format!("{plain}/{name}") } else { plain };
        model.deployments.push(Deployment {
            id,
            model: model.name.clone(),
            provider: provider.to_owned(),
            name,
            surface: written.surface.value,
            max_output_tokens,
            sampling: written.sampling.value.unwrap_or(true),
            prefill: written.prefill.value.unwrap_or(false),
            limits,
            scope,
            price,
            quality,
            facts,
        });
    }

    fn scope(&mut self, field: &Field<String>) -> Option<String> {
        let scope = self.word(field)?;
        let is_name = |name: &str| {
            let fits =
                |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
            !name.is_empty() && name.bytes().all(fits)
        };
        let good = match scope.split_once(':') {
            None => matches!(scope.as_str(), "global" | "gov"),
            Some(("geo" | "region" | "gov", name)) => is_name(name),
            Some(_) => false,
        };
        if good {
            return Some(scope);
        }
        let message = format!("`{scope}` is no scope");
        let problem = Problem::new(Code::InvalidValue, field.at.unwrap_or_default(), message);
        let help = "write `global`, `geo:eu`, `region:swedencentral` or `gov`";
        self.add(problem.with_found(scope).with_help(help));
        None
    }

    pub(super) fn above_zero(&mut self, field: &Field<u64>) -> Option<u64> {
        let (limit, at) = field.placed()?;
        if *limit == 0 {
            let problem = Problem::new(Code::InvalidValue, at, "the limit must be above zero");
            self.add(problem.with_found("0"));
        }
        Some(*limit)
    }

    fn unknown_provider(&mut self, name: &str, at: Span, kinds: &Kinds<'_>) {
        let known: Vec<&str> = kinds.keys().copied().collect();
        let problem =
            Problem::new(Code::UnknownProvider, at, format!("there is no provider `{name}`"));
        self.add(problem.with_found(name).suggesting(name, &known));
    }

    fn fitting_surface(&mut self, kind: Option<Kind>, field: &Field<Surface>) {
        let (Some(kind), Some((surface, at))) = (kind, field.placed()) else { return };
        let fitting = surfaces_of(kind);
        if fitting.contains(surface) {
            return;
        }
        let name = KINDS.iter().find(|(known, _)| *known == kind).map_or("", |(_, name)| name);
        let fitting: Vec<&str> = fitting.iter().map(|surface| surface.as_str()).collect();
        let message = format!("kind `{name}` has no surface `{surface}`");
        let problem = Problem::new(Code::SurfaceMismatch, at, message);
        let help = format!("expected {}", one_of(&fitting));
        self.add(problem.with_found(surface.as_str()).with_help(help));
    }
}

/// The surfaces that a kind of provider has.
const fn surfaces_of(kind: Kind) -> &'static [Surface] {
    match kind {
        Kind::Openai | Kind::AzureOpenai | Kind::OpenaiCompatible => {
            &[Surface::Chat, Surface::Responses]
        }
        Kind::Anthropic => &[Surface::Messages],
        Kind::Bedrock => &[Surface::Converse, Surface::Messages, Surface::Runtime, Surface::Mantle],
    }
}
