//! Attestations, and the suites that features want them of.

use std::path::PathBuf;

use super::Check;
use crate::{
    config::{Attestations, Document, Evals, Requirement},
    lenient::{Entries, Field},
    problem::{Code, Problem},
    wire,
};

impl Check<'_> {
    /// The `evals` section. Whether attestations hold is found out later: a bad one must not keep a
    /// configuration from being put in force.
    pub(super) fn attestations(&mut self, field: &Field<wire::Evals>) -> Attestations {
        let Some((written, at)) = field.placed() else { return Attestations::default() };
        self.required(&written.attestations, "attestations", at);
        let keys = self.required(&written.keys, "keys", at);
        if let Some((_, at)) = keys.filter(|(keys, _)| keys.is_empty()) {
            let problem = Problem::new(Code::MissingKey, at, "no key is trusted");
            self.add(problem.with_help("name the file that `tieline eval keygen` printed"));
        }
        let keys = keys.into_iter().flat_map(|(keys, _)| keys);
        let keys = keys.filter_map(|key| self.key_file(key)).collect();
        let path = self.path(&written.attestations);
        let files = path.as_deref().map(|path| self.files_if_any(path));
        let files = match files.unwrap_or_else(|| Ok(Vec::new())) {
            Ok(files) => files,
            Err(fault) => {
                self.no_attestations(&written.attestations, &fault);
                Vec::new()
            }
        };
        let mut documents = Vec::new();
        for file in files {
            match self.world.read(&file) {
                Ok(text) => documents.push(Document { name: self.shown(&file), text }),
                Err(error) => {
                    let fault = format!("means {}, which cannot be read: {error}", file.display());
                    self.no_attestations(&written.attestations, &fault);
                }
            }
        }
        Attestations { path, files: documents, keys }
    }

    fn key_file(&mut self, field: &Field<String>) -> Option<Document> {
        let path = self.pem(field)?;
        let text = self.world.read(&path).ok()?;
        Some(Document { name: self.shown(&path), text })
    }

    fn no_attestations(&mut self, field: &Field<String>, fault: &str) {
        let written = field.value.clone().unwrap_or_default();
        let at = field.at.unwrap_or_default();
        let problem = Problem::new(Code::InvalidValue, at, format!("`{written}` {fault}"));
        let help = "write a path such as `attestations/*.json`, in a folder that exists";
        self.add(problem.with_found(written).with_help(help));
    }

    /// What a feature's `evals` say, and a tier's on top of that, key by key.
    pub(super) fn evals(
        &mut self,
        feature: &Field<wire::FeatureEvals>,
        tier: Option<&Field<wire::FeatureEvals>>,
    ) -> Option<Evals> {
        let written = tier.filter(|tier| tier.is_written()).unwrap_or(feature);
        let (_, at) = written.placed()?;
        let layers = || tier.into_iter().chain([feature]).filter_map(|one| one.value.as_ref());
        let require = layers().find_map(|one| one.require.value);
        let suite = layers().find(|one| one.suite.is_written()).map(|one| &one.suite);
        if require == Some(Requirement::Off) && suite.is_none() {
            return None;
        }
        let Some(suite) = suite else {
            self.add(Problem::new(Code::MissingKey, at, "`suite` is missing"));
            return None;
        };
        Some(Evals { suite: self.suite(suite)?, require: require.unwrap_or_default() })
    }

    /// What a tier of models wants: the same as its feature, where it says nothing of its own.
    pub(super) fn tier_evals(
        &mut self,
        tier: &wire::Tier,
        feature: &Field<wire::FeatureEvals>,
        usual: Option<&Evals>,
    ) -> Option<Evals> {
        match (tier.models.is_written(), tier.evals.is_written()) {
            (false, _) => None,
            (true, false) => usual.cloned(),
            (true, true) => self.evals(feature, Some(&tier.evals)),
        }
    }

    /// The path of a suite that can be read. What is in it is for the eval harness to check.
    fn suite(&mut self, field: &Field<String>) -> Option<PathBuf> {
        let path = self.path(field)?;
        let Err(error) = self.world.read(&path) else { return Some(path) };
        let at = field.at.unwrap_or_default();
        let message = format!("`{}` cannot be read: {error}", path.display());
        let found = field.value.clone().unwrap_or_default();
        self.add(Problem::new(Code::FileUnreadable, at, message).with_found(found));
        None
    }

    /// Reports features that want attestations where none could be trusted.
    pub(super) fn trusted(
        &mut self,
        evals: &Field<wire::Evals>,
        features: &Field<Entries<wire::Feature>>,
    ) {
        if evals.is_written() {
            return;
        }
        let features = features.value.iter().flat_map(Entries::iter);
        for (.., feature) in features {
            let Some(feature) = &feature.value else { continue };
            let tiers = feature.tiers.value.iter().flatten().filter_map(|one| one.value.as_ref());
            let written = tiers.map(|tier| &tier.evals).chain([&feature.evals]);
            for (evals, at) in written.filter_map(Field::placed) {
                if evals.require.value == Some(Requirement::Off) {
                    continue;
                }
                let message = "nobody's attestations are trusted";
                let problem = Problem::new(Code::MissingKey, at, message);
                let help = "add a section `evals` with `attestations` and `keys`, or write \
                            `require: off`";
                self.add(problem.with_help(help));
            }
        }
    }
}
