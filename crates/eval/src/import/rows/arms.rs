//! Whose results are whose.

use std::collections::{BTreeMap, BTreeSet};

use super::{Log, Logs, Unfit};
use crate::{Arm, import::ImportedResult};

/// A result and the file that it is from.
#[derive(Clone, Copy)]
pub(super) struct Placed<'a> {
    file: &'a str,
    pub(super) result: &'a ImportedResult,
}

impl Placed<'_> {
    /// `FILE:LINE`, or the file where it has no lines.
    pub(super) fn place(&self) -> String {
        let line = self.result.line.map(|line| format!(":{line}"));
        format!("{}{}", self.file, line.unwrap_or_default())
    }
}

/// The results of one arm.
pub(super) struct Side<'a> {
    pub(super) name: String,
    results: BTreeMap<(&'a str, u32), Placed<'a>>,
    repeats: BTreeSet<u32>,
}

impl<'a> Side<'a> {
    /// # Errors
    /// A repeat of a case is there twice.
    fn new(name: &str, all: impl Iterator<Item = Placed<'a>>) -> Result<Self, Unfit> {
        let mut results: BTreeMap<_, Placed<'a>> = BTreeMap::new();
        for placed in all {
            let ImportedResult { case, repeat, .. } = placed.result;
            if let Some(first) = results.insert((case.as_str(), *repeat), placed) {
                let (place, first) = (placed.place(), first.place());
                let (case, arm) = (case.clone(), name.to_owned());
                return Err(Unfit::Twice { place, first, case, repeat: *repeat, arm });
            }
        }
        let repeats = results.keys().map(|(_, repeat)| *repeat).collect();
        Ok(Self { name: name.to_owned(), results, repeats })
    }

    pub(super) fn results(&self) -> impl Iterator<Item = Placed<'a>> {
        self.results.values().copied()
    }

    pub(super) fn result(&self, case: &str, repeat: u32) -> Option<&'a ImportedResult> {
        self.results.get(&(case, repeat)).map(|placed| placed.result)
    }

    /// The repeats that any of its cases has.
    pub(super) const fn repeats(&self) -> &BTreeSet<u32> {
        &self.repeats
    }

    pub(super) fn cases(&self) -> BTreeSet<&'a str> {
        self.results.keys().map(|(case, _)| *case).collect()
    }
}

/// The results of each arm.
///
/// # Errors
/// It is not clear whose results are whose, or there are none.
pub(super) fn sides(logs: &Logs) -> Result<BTreeMap<Arm, Side<'_>>, Unfit> {
    let files = logs.candidate.iter().chain(&logs.incumbent);
    if let Some(log) = files.into_iter().find(|log| log.results.is_empty()) {
        return Err(Unfit::Empty { file: log.file.clone() });
    }
    let named = |arm| logs.named.get(&arm).map(String::as_str);
    if logs.incumbent.is_empty() {
        return of_one_set(&logs.candidate, named(Arm::Candidate), named(Arm::Incumbent));
    }
    let sides = [(Arm::Candidate, &logs.candidate), (Arm::Incumbent, &logs.incumbent)];
    let sides = sides.map(|(arm, logs)| {
        let name = chosen(arm, logs, named(arm))?;
        Ok((arm, side(logs, &name)?))
    });
    sides.into_iter().collect()
}

/// Files that hold the results of both arms, or of the candidate alone.
fn of_one_set<'a>(
    logs: &'a [Log],
    candidate: Option<&str>,
    incumbent: Option<&str>,
) -> Result<BTreeMap<Arm, Side<'a>>, Unfit> {
    let known = names(logs);
    let literal = |arm: Arm| Some(arm.as_str()).filter(|name| known.contains(name));
    let incumbent = incumbent.or_else(|| literal(Arm::Incumbent));
    let candidate = candidate.or_else(|| literal(Arm::Candidate));
    let other = |than: &str| match known.len() {
        2 => known.iter().copied().find(|name| *name != than),
        _ => None,
    };
    let candidate = candidate.or_else(|| other(incumbent?));
    let name = chosen(Arm::Candidate, logs, candidate)?;
    let incumbent = match incumbent.or_else(|| other(&name)) {
        Some(same) if same == name => return Err(Unfit::Same { arm: name }),
        Some(incumbent) if known.contains(incumbent) => Some(incumbent),
        None if known.len() <= 1 => None,
        unclear => return Err(not_told(Arm::Incumbent, logs, unclear)),
    };
    let mut sides = BTreeMap::from([(Arm::Candidate, side(logs, &name)?)]);
    if let Some(incumbent) = incumbent {
        sides.insert(Arm::Incumbent, side(logs, incumbent)?);
    }
    Ok(sides)
}

/// What an arm is called: as it was named, as the one arm there is, as arms are called here, or
/// like the file where no result names one.
fn chosen(arm: Arm, logs: &[Log], wanted: Option<&str>) -> Result<String, Unfit> {
    let known = names(logs);
    let lone = known.first().filter(|_| known.len() == 1);
    let found = match wanted {
        Some(name) if known.is_empty() || known.contains(name) => Some(name),
        Some(_) => None,
        None if known.is_empty() => logs.first().map(|log| stem(&log.file)),
        None => lone.or_else(|| known.get(arm.as_str())).copied(),
    };
    found.map(str::to_owned).ok_or_else(|| not_told(arm, logs, wanted))
}

fn not_told(arm: Arm, logs: &[Log], wanted: Option<&str>) -> Unfit {
    let known = names(logs).into_iter().map(str::to_owned).collect();
    let files = logs.iter().map(|log| log.file.as_str()).collect::<Vec<_>>().join(", ");
    match wanted {
        Some(wanted) => Unfit::NoArm { files, wanted: wanted.to_owned(), known },
        None => Unfit::Ambiguous { files, arm, known },
    }
}

/// The results of the arm of this name; where there is one arm only, results that name none are
/// its own.
fn side<'a>(logs: &'a [Log], name: &str) -> Result<Side<'a>, Unfit> {
    let several = names(logs).len() > 1;
    let all = logs
        .iter()
        .flat_map(|log| log.results.iter().map(|result| Placed { file: &log.file, result }));
    let nobodys = |placed: &Placed<'_>| several && placed.result.arm.is_none();
    if let Some(placed) = all.clone().find(nobodys) {
        let case = placed.result.case.clone();
        return Err(Unfit::Unnamed { place: placed.place(), case });
    }
    let own = |placed: &Placed<'_>| placed.result.arm.as_deref().is_none_or(|arm| arm == name);
    Side::new(name, all.filter(own))
}

fn names(logs: &[Log]) -> BTreeSet<&str> {
    let results = logs.iter().flat_map(|log| &log.results);
    results.filter_map(|result| result.arm.as_deref()).collect()
}

/// The name of a file without folders and endings.
fn stem(file: &str) -> &str {
    let name = file.rsplit(['/', '\\']).next().unwrap_or(file);
    name.split('.').next().filter(|stem| !stem.is_empty()).unwrap_or(name)
}
