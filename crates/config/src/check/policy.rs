//! What features demand, what is stated of deployments, files of policies and exceptions.

use std::{collections::BTreeSet, path::Path};

use tieline_types::{
    Exception, Fact, FactName, FactValue, Facts, Names, PolicyFile, Require, Rules,
};

use super::{Check, model::Index};
use crate::{
    config::{Feature, Model},
    lenient::Field,
    problem::{Code, Problem},
    source::Span,
    wire,
};

/// A list of texts as it is written.
type Texts = Field<Vec<Field<String>>>;

/// Who says what nobody else is named for.
const CONFIGURATION: &str = "the configuration";

impl Check<'_> {
    /// The facts stated of a provider or deployment.
    pub(super) fn facts(&mut self, field: &Field<wire::Facts>) -> Facts {
        let mut facts = Facts::default();
        let Some(written) = field.value.as_ref() else { return facts };
        let texts = |texts: Option<BTreeSet<String>>| texts.map(FactValue::from);
        let text = |text: Option<String>| text.map(FactValue::Text);
        let flag = |field: &Field<bool>| field.value.map(FactValue::from);
        let number = |field: &Field<u32>| field.value.map(FactValue::from);
        let zone = self.text(&written.zone).map(|zone| BTreeSet::from([zone]));
        let retires_on = written.retires_on.value.map(|day| FactValue::Text(day.0.to_string()));
        let stated = [
            (FactName::Seller, text(self.text(&written.seller))),
            (FactName::Host, text(self.text(&written.host))),
            (FactName::Edge, text(self.text(&written.edge))),
            (FactName::Regions, texts(self.texts(&written.regions))),
            (FactName::Zones, texts(zone)),
            (FactName::StorageRegion, text(self.text(&written.storage_region))),
            (FactName::RetentionDays, number(&written.retention_days)),
            (FactName::Training, flag(&written.training)),
            (FactName::Dpa, flag(&written.dpa)),
            (FactName::Baa, flag(&written.baa)),
            (FactName::Scc, flag(&written.scc)),
            (FactName::Certifications, texts(self.texts(&written.certifications))),
            (FactName::ContextTokens, number(&written.context_tokens)),
            (FactName::OutputTokens, number(&written.output_tokens)),
            (FactName::Modalities, texts(self.texts(&written.modalities))),
            (FactName::Tools, flag(&written.tools)),
            (FactName::JsonSchema, flag(&written.json_schema)),
            (FactName::Reasoning, flag(&written.reasoning)),
            (FactName::Caching, flag(&written.caching)),
            (FactName::Preview, flag(&written.preview)),
            (FactName::RetiresOn, retires_on),
        ];
        let source = self.text(&written.source);
        let source = source.as_deref().unwrap_or(CONFIGURATION);
        let expires_ms = written.expires.value.and_then(wire::Day::end_ms);
        for (name, value) in stated {
            if let Some(value) = value {
                facts.set(name, Fact { value, source: source.into(), expires_ms });
            }
        }
        facts
    }

    /// What a feature demands.
    pub(super) fn rules(
        &mut self,
        written: &wire::Feature,
        index: &Index<'_>,
        models: &[Model],
    ) -> Rules {
        let mut rules = Rules::default();
        if let Some(data) = &written.data.value {
            rules.class = data.class.value.map(Into::into);
            rules.residency = self.texts(&data.residency).unwrap_or_default();
            rules.purpose = self.text(&data.purpose);
        }
        if let Some(require) = &written.require.value {
            rules.require = self.require(require);
        }
        rules.allow = self.names(&written.allow, index, models);
        rules.deny = self.names(&written.deny, index, models);
        rules
    }

    fn require(&mut self, written: &wire::Require) -> Require {
        let flag = |field: &Field<bool>| field.value.unwrap_or_default();
        Require {
            storage: self.texts(&written.storage).unwrap_or_default(),
            retention_days: written.retention_days.value,
            no_training: flag(&written.no_training),
            dpa: flag(&written.dpa),
            baa: flag(&written.baa),
            scc: flag(&written.scc),
            certifications: self.texts(&written.certifications).unwrap_or_default(),
        }
    }

    fn names(&mut self, field: &Field<wire::Names>, index: &Index<'_>, models: &[Model]) -> Names {
        let Some((written, at)) = field.placed() else { return Names::default() };
        let deployments = models.iter().flat_map(|model| &model.deployments);
        let deployments: Vec<&str> = deployments.map(|one| one.id.as_str()).collect();
        let providers: Vec<&str> = index.kinds.keys().copied().collect();
        let known_models: Vec<&str> = index.models.iter().copied().collect();
        self.known(&written.providers, "provider", Code::UnknownProvider, &providers);
        self.known(&written.models, "model", Code::UnknownModel, &known_models);
        if index.complete {
            self.known(&written.deployments, "deployment", Code::UnknownModel, &deployments);
        }
        let lists = [
            &written.providers,
            &written.models,
            &written.deployments,
            &written.sellers,
            &written.hosts,
        ];
        if lists.iter().all(|list| !list.is_written()) {
            let problem = Problem::new(Code::MissingKey, at, "nothing is named");
            self.add(problem.with_help("name providers, models, deployments, sellers or hosts"));
        }
        let [providers, models, deployments, sellers, hosts] =
            lists.map(|list| self.texts(list).unwrap_or_default());
        Names { providers, models, deployments, sellers, hosts }
    }

    /// Reports what is named in a list and is not known.
    fn known(&mut self, list: &Texts, noun: &str, code: Code, known: &[&str]) {
        for (name, at) in list.value.iter().flatten().filter_map(Field::placed) {
            if !known.contains(&name.as_str()) {
                let problem = Problem::new(code, at, format!("there is no {noun} `{name}`"));
                self.add(problem.with_found(name).suggesting(name, known));
            }
        }
    }

    /// A list of texts, each with content; none when the key is absent.
    fn texts(&mut self, field: &Texts) -> Option<BTreeSet<String>> {
        let (list, at) = field.placed()?;
        if list.is_empty() {
            let problem = Problem::new(Code::InvalidValue, at, "the list is empty");
            self.add(problem.with_help("name at least one, or remove the key"));
            return None;
        }
        Some(list.iter().filter_map(|text| self.text(text)).collect())
    }

    /// The `exceptions` section.
    pub(super) fn exceptions(
        &mut self,
        field: &Field<Vec<Field<wire::Exception>>>,
        features: &[Feature],
        models: &[Model],
    ) -> Vec<Exception> {
        let written = field.value.iter().flatten().filter_map(Field::placed);
        written.filter_map(|(one, at)| self.exception(one, at, features, models)).collect()
    }

    fn exception(
        &mut self,
        written: &wire::Exception,
        at: Span,
        features: &[Feature],
        models: &[Model],
    ) -> Option<Exception> {
        self.required(&written.feature, "feature", at);
        self.required(&written.open, "open", at);
        let until = self.required(&written.until, "until", at).map(|(until, _)| until.0);
        self.required(&written.reason, "reason", at);
        self.required(&written.author, "author", at);
        let reason = self.text(&written.reason);
        let author = self.text(&written.author);
        let (feature, feature_at) = written.feature.placed()?;
        if !features.iter().any(|one| one.name == *feature) {
            let known: Vec<&str> = features.iter().map(|one| one.name.as_str()).collect();
            let message = format!("there is no feature `{feature}`");
            let problem = Problem::new(Code::UnknownFeature, feature_at, message);
            self.add(problem.with_found(feature).suggesting(feature, &known));
        }
        let open = self.opened(&written.open, models);
        Some(Exception {
            feature: feature.clone(),
            open,
            until_ms: until?,
            reason: reason?,
            author: author?,
        })
    }

    /// The ids of the deployments that names of any kind stand for.
    fn opened(&mut self, field: &Texts, models: &[Model]) -> BTreeSet<String> {
        self.texts(field);
        let deployments = || models.iter().flat_map(|model| &model.deployments);
        let mut open = BTreeSet::new();
        for (name, at) in field.value.iter().flatten().filter_map(Field::placed) {
            let named = |one: &&crate::config::Deployment| {
                [&one.id, &one.model, &one.provider].contains(&name)
            };
            let before = open.len();
            open.extend(deployments().filter(named).map(|one| one.id.clone()));
            if open.len() == before && !deployments().any(|one| named(&one)) {
                let known: Vec<&str> = deployments().map(|one| one.id.as_str()).collect();
                let message = format!("there is no deployment, model or provider `{name}`");
                let problem = Problem::new(Code::UnknownModel, at, message);
                self.add(problem.with_found(name).suggesting(name, &known));
            }
        }
        open
    }

    /// The files of policies that a path with one `*` in its last part stands for, by name.
    pub(super) fn policies(&mut self, field: &Field<String>) -> Vec<PolicyFile> {
        let Some(path) = self.path(field) else { return Vec::new() };
        let found = match self.files(&path) {
            Ok(found) => found,
            Err(fault) => {
                let written = field.value.as_deref().unwrap_or_default();
                return self.no_policies(field, &format!("`{written}` {fault}"));
            }
        };
        let mut files = Vec::new();
        for path in found {
            match self.world.read(&path) {
                Ok(text) => files.push(PolicyFile { name: self.shown(&path), text }),
                Err(error) => {
                    self.no_policies(field, &format!("{}: {error}", path.display()));
                }
            }
        }
        files
    }

    /// A file's path as people wrote it: from the folder of the configuration on.
    pub(super) fn shown(&self, path: &Path) -> String {
        path.strip_prefix(self.base).unwrap_or(path).display().to_string()
    }

    fn no_policies(&mut self, field: &Field<String>, fault: &str) -> Vec<PolicyFile> {
        let at = field.at.unwrap_or_default();
        let message = format!("the policies cannot be read: {fault}");
        let found = field.value.clone().unwrap_or_default();
        let problem = Problem::new(Code::PolicyFiles, at, message).with_found(found);
        self.add(problem.with_help("write a path such as `policies/*.cedar`"));
        Vec::new()
    }
}
