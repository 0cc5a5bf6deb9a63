//! Results of other harnesses, made a run that can be gated.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use tieline_eval::{
    Arm, Disk, GateFile, Problems, Role, Row, RunSettings, Suite, SuiteFile,
    import::{Log, Logs, Options, Source, Unfit, import, rows},
    run::{RunFile, Store},
};

use super::{import, runs};
use crate::{failure::Failure, print, when};

/// Results of other harnesses
#[derive(Clone, Debug, clap::Args)]
pub(super) struct Results {
    /// Results of another harness to judge in place of a run: the candidate's, or those of both
    /// arms
    #[arg(long, value_name = "FILE", num_args = 1.., conflicts_with = "run")]
    results: Vec<PathBuf>,
    /// The incumbent's results, where they are in a file of their own
    #[arg(long, value_name = "FILE", num_args = 1.., requires = "results")]
    against: Vec<PathBuf>,
    /// What the candidate is called in the results, where that is not clear
    #[arg(long, value_name = "ARM", requires = "results")]
    candidate: Option<String>,
    /// What the incumbent is called in the results, where that is not clear
    #[arg(long, value_name = "ARM", requires = "results")]
    incumbent: Option<String>,
    /// The feature that the results are of. Default: the suite's, or the name of the first file
    #[arg(long, value_name = "NAME", requires = "results")]
    feature: Option<String>,
}

impl Results {
    /// Whether there are any.
    pub(super) const fn is_given(&self) -> bool {
        !self.results.is_empty()
    }

    /// Makes a run of them, and keeps it.
    ///
    /// # Errors
    /// They cannot be read, or do not go together; or the run cannot be kept.
    pub(super) fn run(
        &self,
        suite: Option<&Path>,
        folder: &Path,
    ) -> Result<(RunFile, Vec<Row>), Failure> {
        let logs = Logs {
            candidate: self.results.iter().map(|file| log(file)).collect::<Result<_, _>>()?,
            incumbent: self.against.iter().map(|file| log(file)).collect::<Result<_, _>>()?,
            named: [(Arm::Candidate, &self.candidate), (Arm::Incumbent, &self.incumbent)]
                .into_iter()
                .filter_map(|(arm, name)| Some((arm, name.clone()?)))
                .collect(),
        };
        let declared = suite.map(form).transpose()?;
        let (run, rows) =
            rows(self.blank(declared.as_ref()), &logs).map_err(|error| told(&error))?;
        let mut store = Store::create(folder, &run)?;
        rows.iter().try_for_each(|row| store.append(row))?;
        store.sync()?;
        print::remark(&format!("run {}", run.id));
        Ok((run, rows))
    }

    /// The run, before anything is known of its results.
    fn blank(&self, declared: Option<&SuiteFile>) -> RunFile {
        let first = self.results.first().map_or_else(String::new, |file| import::named_by(file));
        let feature = declared.map(|suite| suite.feature.clone());
        let feature = self.feature.clone().or(feature).unwrap_or(first);
        let started_ms = when::unix_ms(when::wall_now());
        let files = self.results.iter().chain(&self.against);
        let files: Vec<String> = files.map(|file| file.display().to_string()).collect();
        RunFile {
            version: 1,
            id: runs::name(started_ms, &feature),
            suite: files.join(", "),
            suite_digest: String::new(),
            feature,
            arms: BTreeMap::new(),
            settings: RunSettings::default(),
            gate: declared.map_or_else(GateFile::default, |suite| suite.gate.clone()),
            invariants: [].into(),
            undecided: BTreeMap::new(),
            judges: BTreeMap::new(),
            cases: Vec::new(),
            holdout: false,
            partial: declared.map(unjudged).unwrap_or_default(),
            started_ms,
        }
    }
}

/// What a suite asks of graders and not of its gate.
fn unjudged(suite: &SuiteFile) -> Vec<String> {
    let in_cases = suite.cases.iter().flat_map(|case| &case.graders);
    let mut graders = suite.graders.iter().chain(in_cases);
    let has_invariants = graders.any(|grader| grader.role == Role::Invariant);
    let line = "the suite's invariants are not judged: results of other harnesses have none";
    has_invariants.then(|| line.to_owned()).into_iter().collect()
}

fn log(path: &Path) -> Result<Log, Failure> {
    let bytes = import::bytes_of(path)?;
    let name = path.display().to_string();
    let source = Source { name: &name, bytes: &bytes };
    let options = Options { feature: import::named_by(path), judge: None };
    let imported = import(&source, &[], None, &import::beside(path), &options);
    Ok(Log::of(&name, imported.map_err(|error| import::refused(&error))?))
}

/// A suite of which only the gate is wanted.
///
/// # Errors
/// All that is wrong with its form.
pub(super) fn form(path: &Path) -> Result<SuiteFile, Failure> {
    Suite::form(path, &Disk).map_err(|problems: Problems| Failure::Usage {
        message: format!("the suite has mistakes\n{problems}"),
        hint: "it needs `version`, `feature` and `gate`".to_owned(),
    })
}

/// Why results cannot be judged.
pub(super) fn told(unfit: &Unfit) -> Failure {
    Failure::Usage { message: unfit.to_string(), hint: unfit.hint() }
}
