//! A suite's files, read and checked.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, Read},
    path::Path,
};

use serde_json::{Map, Value};

use super::{
    SuiteFile,
    calibration::Calibrated,
    cases::{self, Gathered},
    check, digest,
    problem::{Problem, Problems},
    prompt::ReadyPrompt,
    shape,
    yaml::{self, Written},
};
use crate::{
    Case, Checks, TemplateError,
    flaw::{Flaw, Flaws},
};

/// The largest suite.
const SUITE_BYTES_MAX: usize = 64 << 20;
/// The largest of a suite's files.
const FILE_BYTES_MAX: u64 = 512 << 20;

/// Reads the files of suites.
pub trait Files {
    /// The content of a file.
    ///
    /// # Errors
    /// Why it cannot be read.
    fn read(&self, path: &Path) -> io::Result<Vec<u8>>;
}

/// The files of this machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct Disk;

impl Files for Disk {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        File::open(path)?.take(FILE_BYTES_MAX).read_to_end(&mut bytes)?;
        Ok(bytes)
    }
}

/// A suite in which everything that can be checked beforehand holds.
#[derive(Debug)]
pub struct Suite {
    /// What it is called: the name of its file without the ending.
    pub name: String,
    /// The suite as it is written.
    pub file: SuiteFile,
    /// Its cases, in the order of the dataset and then of the suite.
    pub cases: Vec<Case>,
    /// Its graders, ready to work.
    pub checks: Checks,
    /// SHA-256, in hexadecimal, of everything that decides a verdict: cases, prompt, parameters,
    /// graders, judges, repeats and gate; but not how fast or in which order cases are asked.
    pub digest: String,
    /// What is known of judges that are calibrated, by name.
    pub calibrations: BTreeMap<String, Calibrated>,
    prompt: ReadyPrompt,
}

impl Suite {
    /// Reads and checks a suite.
    ///
    /// # Errors
    /// All that is wrong with it: first with its form, and where that is right with what it says.
    pub fn read(path: &Path, files: &dyn Files) -> Result<Self, Problems> {
        let told = path.display().to_string();
        let written = written(path, files, &told)?;
        let file = typed(&written, &told)?;
        Self::checked(path, file, &written, files)
    }

    /// Reads the form of a suite, and nothing that it refers to: its gate is wanted for answers
    /// that others graded. Such a file needs no more than `version`, `feature` and `gate`.
    ///
    /// # Errors
    /// All that is wrong with its form.
    pub fn form(path: &Path, files: &dyn Files) -> Result<SuiteFile, Problems> {
        let told = path.display().to_string();
        let mut written = written(path, files, &told)?;
        if let Value::Object(suite) = &mut written.value {
            suite.entry("prompt").or_insert_with(|| Value::Object(Map::new()));
        }
        typed(&written, &told)
    }

    /// Checks a suite that was made by a program. Files that it names are looked for beside `path`.
    ///
    /// # Errors
    /// All that is wrong with it.
    pub fn of(path: &Path, file: SuiteFile, files: &dyn Files) -> Result<Self, Problems> {
        Self::checked(path, file, &Written::default(), files)
    }

    fn checked(
        path: &Path,
        file: SuiteFile,
        written: &Written,
        files: &dyn Files,
    ) -> Result<Self, Problems> {
        let told = path.display().to_string();
        let folder = path.parent().unwrap_or_else(|| Path::new(""));
        let mut flaws = Flaws::default();
        let Gathered { cases, mut problems } = cases::gather(&file, folder, files, &mut flaws);
        let prompt = ReadyPrompt::new(&file.prompt, &mut flaws);
        let checks = check::checks(&file, &cases, &mut flaws);
        let calibrations = check::calibrations(&file, folder, files, &mut flaws);
        check::rest(&file, &cases, &checks, &mut flaws);
        let place = |flaw: &Flaw| written.place(&flaw.at);
        problems.splice(0..0, placed(flaws, &told, place));
        if !problems.is_empty() {
            return Err(Problems(problems));
        }
        let digest = digest::of(&file, &cases, &calibrations.digests);
        let name = path.file_stem().map(|stem| stem.to_string_lossy().into_owned());
        let name = name.unwrap_or_default();
        let calibrations = calibrations.found;
        Ok(Self { name, file, cases, checks, digest, calibrations, prompt })
    }

    /// The chat completion request of a case, in OpenAI's form and without `model`.
    ///
    /// # Errors
    /// The prompt names something that the case does not have.
    pub fn request(&self, case: &Case) -> Result<Value, TemplateError> {
        let mut request = self.prompt.request(case)?;
        if let Some(fields) = request.as_object_mut().filter(|_| self.streams()) {
            fields.insert("stream".to_owned(), Value::Bool(true));
        }
        Ok(request)
    }

    /// Whether answers come as streams, so that the time to their first content is known.
    #[must_use]
    pub const fn streams(&self) -> bool {
        self.file.run.stream || self.file.gate.guards.ttft_p95_ms.is_some()
    }
}

/// What a suite's file holds, with the places of it.
fn written(path: &Path, files: &dyn Files, told: &str) -> Result<Written, Problems> {
    let bytes = files.read(path).map_err(|error| lone(told, (0, 0), error.to_string()))?;
    if bytes.len() > SUITE_BYTES_MAX {
        let what = format!("expected at most {} MiB", SUITE_BYTES_MAX >> 20);
        return Err(lone(told, (0, 0), what));
    }
    let text =
        String::from_utf8(bytes).map_err(|_| lone(told, (0, 0), "this is not UTF-8".to_owned()))?;
    yaml::read(&text).map_err(|(at, what)| lone(told, at, what))
}

/// The typed form of a value that has the form of a suite.
fn typed(written: &Written, told: &str) -> Result<SuiteFile, Problems> {
    let misfits = shape::check(&written.value);
    let mut problems = placed(misfits.values, told, |flaw| written.place(&flaw.at));
    problems.extend(placed(misfits.keys, told, |flaw| written.key(&flaw.at)));
    problems.sort_by_key(|problem| (problem.line, problem.column));
    if !problems.is_empty() {
        return Err(Problems(problems));
    }
    serde_json::from_value(written.value.clone())
        .map_err(|error| lone(told, (0, 0), error.to_string()))
}

fn placed(flaws: Flaws, file: &str, place: impl Fn(&Flaw) -> (usize, usize)) -> Vec<Problem> {
    let mut problems: Vec<Problem> = flaws
        .into_found()
        .into_iter()
        .map(|flaw| {
            let (line, column) = place(&flaw);
            let Flaw { at, what, hint } = flaw;
            // A suite that was never written has no lines, but it has names.
            let what = if line == 0 && !at.is_empty() { format!("{at}: {what}") } else { what };
            Problem { file: file.to_owned(), line, column, what, hint }
        })
        .collect();
    problems.sort_by_key(|problem| (problem.line, problem.column));
    problems
}

fn lone(file: &str, (line, column): (usize, usize), what: String) -> Problems {
    Problems(vec![Problem { file: file.to_owned(), line, column, what, hint: None }])
}
