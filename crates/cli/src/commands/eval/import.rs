//! `tieline eval import`: suites and results of other tools.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use clap::ValueEnum;
use serde::Serialize;
use tieline_eval::{
    Disk, Files, SuiteFile,
    import::{Finding, Format, ImportError, Imported, Options, Severity, Source, Told, import},
};

use super::production::{self, Production};
use crate::{
    failure::Failure,
    print::{self, FormatOption},
};

/// How promptfoo calls its configuration, which says nothing of what is evaluated.
const UNTOLD: [&str; 2] = ["promptfooconfig", "eval"];

/// Bring over suites and results of other harnesses, and requests of production
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Suites and their datasets are written to --out. What does not come over is listed with its place and
kept in the suite under `partial`. Results are written as JSONL, one for each case, arm and repeat.

promptfoo   a configuration, with the files it names
openai      an eval of the Evals API, with its run or items as further files; a run's output items
registry    an entry in the registry of OpenAI's open-source evals
inspect     a log of Inspect: .eval or JSON
results     JSONL of {\"id\": …, \"arm\": …, \"score\" or \"pass\" or \"scores\": …}
requests    logs of production requests in the form of OpenAI Chat or Responses, alone or with their
            answers, stored completions, and files of batches; only where --from says so

Of requests, e-mail addresses, telephone numbers, IBANs, payment cards, IP addresses, keys, tokens
and credentials are taken out. Names, and who is told by what is said of them, are not found.

Examples:
  tieline eval import promptfooconfig.yaml --feature support-reply
  tieline eval import eval.json run.json --out evals --strict
  tieline eval import logs/2026-11-23_tickets.eval
  tieline eval import requests.jsonl --from requests --feature support-reply --sample 300
  tieline eval import batch.jsonl output.jsonl --from requests --feature tags --keep-answers")]
pub(super) struct Import {
    /// The file to import
    file: PathBuf,
    /// Files that belong to it: the run of an OpenAI eval, JSONL of its items, further requests
    more: Vec<PathBuf>,
    /// Which tool it is from, where the file does not tell
    #[arg(long, value_enum)]
    from: Option<Tool>,
    /// The feature that is evaluated. Default: the name of the file or of its folder
    #[arg(long)]
    feature: Option<String>,
    /// The deployment that judges where the source names none
    #[arg(long, value_name = "MODEL@PROVIDER")]
    judge: Option<String>,
    /// The folder to write to
    #[arg(long, value_name = "DIR", default_value = "evals")]
    out: PathBuf,
    /// Write over files that are there
    #[arg(long)]
    force: bool,
    /// Exit with 1 where something did not come over
    #[arg(long)]
    strict: bool,
    #[command(flatten)]
    format: FormatOption,
    #[command(flatten)]
    production: Production,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Tool {
    Promptfoo,
    Openai,
    Registry,
    Inspect,
    Results,
    Requests,
}

impl Tool {
    /// The format of its files; none for requests, which are imported in a way of their own.
    const fn format(self) -> Option<Format> {
        match self {
            Self::Promptfoo => Some(Format::Promptfoo),
            Self::Openai => Some(Format::Openai),
            Self::Registry => Some(Format::Registry),
            Self::Inspect => Some(Format::Inspect),
            Self::Results => Some(Format::Results),
            Self::Requests => None,
        }
    }
}

/// The folder of the imported file.
pub(super) struct Beside(PathBuf);

/// What a file to import may refer to.
pub(super) fn beside(file: &Path) -> Beside {
    Beside(file.parent().map(Path::to_owned).unwrap_or_default())
}

impl Files for Beside {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        Disk.read(&self.0.join(path))
    }
}

/// What came of an import, for programs.
#[derive(Serialize)]
struct Summary {
    suites: Vec<Suite>,
    results: Option<Results>,
    candidates: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    requests: Option<Told>,
    findings: Vec<Finding>,
}

#[derive(Serialize)]
struct Suite {
    file: String,
    cases: usize,
    graders: usize,
    missing: usize,
}

#[derive(Serialize)]
struct Results {
    file: String,
    results: usize,
    errors: usize,
}

impl Import {
    pub(super) fn run(self) -> Result<(), Failure> {
        let bytes = bytes_of(&self.file)?;
        let more = self.more.iter().map(|path| bytes_of(path)).collect::<Result<Vec<_>, _>>()?;
        let names: Vec<String> = self.more.iter().map(|path| path.display().to_string()).collect();
        let more: Vec<Source<'_>> =
            names.iter().zip(&more).map(|(name, bytes)| Source { name, bytes }).collect();
        let name = self.file.display().to_string();
        let source = Source { name: &name, bytes: &bytes };
        let feature = self.feature.clone().unwrap_or_else(|| named_by(&self.file));
        let imported = self.imported(source, &more, &feature)?;
        let (partial, summary) = (imported.partial(), self.write(&feature, imported)?);
        self.format.print(&summary, table)?;
        if self.strict && partial {
            let what = "something did not come over; it is listed above".to_owned();
            return Err(Failure::Check(what));
        }
        Ok(())
    }

    fn imported(
        &self,
        source: Source<'_>,
        more: &[Source<'_>],
        feature: &str,
    ) -> Result<Imported, Failure> {
        if matches!(self.from, Some(Tool::Requests)) {
            let sources: Vec<Source<'_>> =
                [source].into_iter().chain(more.iter().copied()).collect();
            return self.production.import(&sources, feature, self.judge.as_ref());
        }
        self.production.unused()?;
        let options = Options { feature: feature.to_owned(), judge: self.judge.clone() };
        let format = self.from.and_then(Tool::format);
        let imported = import(&source, more, format, &beside(&self.file), &options);
        imported.map_err(|error| refused(&error))
    }

    fn write(&self, feature: &str, mut imported: Imported) -> Result<Summary, Failure> {
        let mut files = std::mem::take(&mut imported.files);
        let mut suites = Vec::new();
        for (name, suite) in &imported.suites {
            let file = format!("{name}.yaml");
            let text = suite.to_yaml().map_err(|error| Failure::Check(error.to_string()))?;
            suites.push(Suite {
                cases: suite.cases.len().saturating_add(lines_of(&files, suite)),
                graders: suite.graders.len().saturating_add(
                    suite.cases.iter().map(|case| case.graders.len()).sum::<usize>(),
                ),
                missing: suite.partial.len(),
                file: self.out.join(&file).display().to_string(),
            });
            files.push((file, text));
        }
        let mut results = None;
        if !imported.results.is_empty() {
            let file = format!("{feature}.results.jsonl");
            let line = |result| serde_json::to_string(result).map(|line| format!("{line}\n"));
            let text: Result<String, _> = imported.results.iter().map(line).collect();
            let text = text.map_err(|error| Failure::Check(error.to_string()))?;
            results = Some(Results {
                file: self.out.join(&file).display().to_string(),
                results: imported.results.len(),
                errors: imported.results.iter().filter(|one| one.error.is_some()).count(),
            });
            files.push((file, text));
        }
        self.write_files(&files)?;
        let Imported { candidates, findings, requests, .. } = imported;
        Ok(Summary { suites, results, candidates, requests, findings })
    }

    /// Writes all files, or none where one of them is there.
    fn write_files(&self, files: &[(String, String)]) -> Result<(), Failure> {
        let there = files.iter().map(|(name, _)| self.out.join(name)).find(|path| path.exists());
        if let Some(path) = there.filter(|_| !self.force) {
            return Err(Failure::Usage {
                message: format!("{} is there already", path.display()),
                hint: "write elsewhere with --out, or over it with --force".to_owned(),
            });
        }
        let failed = |path: &Path| Failure::os(format!("write {}", path.display()));
        fs::create_dir_all(&self.out).map_err(failed(&self.out))?;
        for (name, text) in files {
            let path = self.out.join(name);
            fs::write(&path, text).map_err(failed(&path))?;
        }
        Ok(())
    }
}

/// How many cases the dataset of a suite has.
fn lines_of(files: &[(String, String)], suite: &SuiteFile) -> usize {
    let dataset = suite.dataset.as_ref();
    let file = files.iter().find(|(name, _)| dataset.is_some_and(|set| set.file == *name));
    file.map_or(0, |(_, text)| text.lines().count())
}

/// The feature that a file is called after.
pub(super) fn named_by(file: &Path) -> String {
    let stem = file.file_stem().map(|stem| stem.to_string_lossy().into_owned());
    let stem = stem.filter(|stem| !UNTOLD.contains(&stem.as_str()));
    let folder = || {
        let folder = std::path::absolute(file).ok()?.parent()?.file_name()?.to_owned();
        Some(folder.to_string_lossy().into_owned())
    };
    stem.or_else(folder).unwrap_or_else(|| "imported".to_owned())
}

/// What a file to import holds.
pub(super) fn bytes_of(path: &Path) -> Result<Vec<u8>, Failure> {
    fs::read(path).map_err(|error| Failure::Usage {
        message: format!("cannot read {}: {error}", path.display()),
        hint: "name a file of promptfoo, OpenAI Evals or Inspect, or JSONL of results".to_owned(),
    })
}

/// Why nothing was imported.
pub(super) fn refused(error: &ImportError) -> Failure {
    let hint = match error {
        ImportError::Unknown { .. } => "name the tool that it is from with --from",
        _ => "nothing was written",
    };
    Failure::Usage { message: tieline_types::chain(error), hint: hint.to_owned() }
}

fn table(summary: &Summary) -> String {
    let mut parts = Vec::new();
    if !summary.suites.is_empty() {
        let rows = summary.suites.iter().map(|suite| {
            vec![
                suite.file.clone(),
                suite.cases.to_string(),
                suite.graders.to_string(),
                suite.missing.to_string(),
            ]
        });
        parts.push(print::table(&["SUITE", "CASES", "GRADERS", "MISSING"], rows));
    }
    if let Some(Results { file, results, errors }) = &summary.results {
        let (results, errors) =
            (print::counted(*results, "result"), print::counted(*errors, "error"));
        parts.push(format!("{file}: {results}, {errors}"));
    }
    parts.extend(summary.requests.as_ref().map(production::told));
    if !summary.candidates.is_empty() {
        parts.push(format!("evaluated there: {}", summary.candidates.join(", ")));
    }
    if !summary.findings.is_empty() {
        let rows = summary.findings.iter().map(|finding| {
            let lost = finding.severity == Severity::Lost;
            vec![
                format!("{}:{}:{}", finding.file, finding.line, finding.column),
                if lost { "missing" } else { "note" }.to_owned(),
                finding.what.clone(),
                finding.hint.clone(),
            ]
        });
        parts.push(print::table(&["PLACE", "", "WHAT", "INSTEAD"], rows));
    }
    if parts.is_empty() {
        return "nothing to import".to_owned();
    }
    parts.join("\n\n")
}
