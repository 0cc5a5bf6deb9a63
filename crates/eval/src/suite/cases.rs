//! The cases of a suite, from its dataset and from itself.

use std::{collections::HashMap, path::Path};

use tieline_gate::attest::Digest;

use super::{
    CaseFile, Dataset, SuiteFile,
    dataset::{self, CASES_MAX},
    problem::Problem,
    read::Files,
};
use crate::{Case, flaw::Flaws};

/// All cases, and what is wrong with lines of the dataset.
#[derive(Default)]
pub(super) struct Gathered {
    pub(super) cases: Vec<Case>,
    pub(super) problems: Vec<Problem>,
}

/// Where a case was written, for whoever writes its id once more.
type Seen = HashMap<String, String>;

/// Reads all cases. What is wrong in the suite itself goes to `flaws`.
pub(super) fn gather(
    file: &SuiteFile,
    folder: &Path,
    files: &dyn Files,
    flaws: &mut Flaws,
) -> Gathered {
    let mut gathered = Gathered::default();
    let mut seen = Seen::new();
    if let Some(dataset) = &file.dataset {
        flaws.within("/dataset", |flaws| {
            from_file(dataset, folder, files, &mut gathered, &mut seen, flaws);
        });
    }
    let share = file.dataset.as_ref().map_or(0.0, |dataset| dataset.holdout);
    for (index, written) in file.cases.iter().enumerate() {
        let case = inline(written, gathered.cases.len() + 1, share);
        let at = format!("/cases/{index}");
        if let Some(place) = seen.insert(case.id.clone(), "in the suite".to_owned()) {
            flaws.add(&at, format!("the id `{}` is also that of a case {place}", case.id));
        }
        gathered.cases.push(case);
    }
    let broken = !gathered.problems.is_empty();
    if gathered.cases.is_empty() && !broken && file.dataset.is_none() {
        flaws.add_with_hint("", "there are no cases", "write `cases`, or name a `dataset`");
    }
    if gathered.cases.len() > CASES_MAX {
        flaws.add("/cases", format!("expected at most {CASES_MAX} cases"));
    }
    gathered
}

fn from_file(
    dataset: &Dataset,
    folder: &Path,
    files: &dyn Files,
    gathered: &mut Gathered,
    seen: &mut Seen,
    flaws: &mut Flaws,
) {
    let path = folder.join(&dataset.file);
    let bytes = match files.read(&path) {
        Ok(bytes) => bytes,
        Err(error) => return flaws.add("/file", format!("`{}`: {error}", path.display())),
    };
    let name = path.display().to_string();
    let (records, problems) = dataset::read(&name, &bytes);
    gathered.problems.extend(problems);
    for slice in &dataset.slices {
        let known = || records.iter().flat_map(|record| record.fields.keys().map(String::as_str));
        if !records.is_empty() && !known().any(|field| field == slice) {
            flaws.unknown("/slices", "field", slice, known().take(FIELDS_TOLD));
        }
    }
    for record in records {
        let line = record.line;
        let number = gathered.cases.len() + 1;
        let problem = match dataset::named(dataset, &record) {
            Err(what) => Some(what),
            Ok(named) => {
                let id = named.id.unwrap_or_else(|| number.to_string());
                let before = seen.insert(id.clone(), format!("in line {line} of the dataset"));
                gathered.cases.push(Case {
                    holdout: held_out(&id, dataset.holdout),
                    cluster: named.cluster,
                    slices: named.slices,
                    fields: record.fields,
                    graders: Vec::new(),
                    threshold: None,
                    id: id.clone(),
                });
                before.map(|place| format!("the id `{id}` is also that of the case {place}"))
            }
        };
        gathered.problems.extend(problem.map(|what| Problem {
            file: name.clone(),
            line,
            column: 0,
            what,
            hint: None,
        }));
    }
}

/// Fields that are told where a name leads to none.
const FIELDS_TOLD: usize = 12;

fn inline(written: &CaseFile, number: usize, holdout: f64) -> Case {
    let id = written.id.clone().unwrap_or_else(|| number.to_string());
    Case {
        holdout: held_out(&id, holdout),
        id,
        cluster: written.cluster.clone(),
        slices: written.slices.clone(),
        fields: written.fields.clone(),
        graders: written.graders.clone(),
        threshold: written.threshold,
    }
}

/// Whether a case is kept from tuning: its id alone decides, so that adding cases moves none.
fn held_out(id: &str, share: f64) -> bool {
    let hash = Digest::of(id.as_bytes());
    let number =
        hash.as_bytes().iter().take(8).fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
    (number as f64 / u64::MAX as f64) < share
}
