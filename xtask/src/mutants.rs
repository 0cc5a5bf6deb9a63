//! `cargo xtask mutants`: disabling any one mechanism of the failover makes a test fail.
//!
//! A test that passes proves little by itself. Here each mechanism is disabled in turn, in a copy
//! of the project, and the tests that are to notice must.

mod copy;
mod table;
mod trial;

use std::{collections::BTreeMap, path::PathBuf, process::ExitCode};

use indicatif::ProgressBar;
use tokio::{runtime::Runtime, time::Instant};

use crate::{
    arguments::Arguments,
    error::TaskError,
    table::Table,
    workspace::{Workspace, read, write},
};
use copy::Copy;
use table::{MUTANTS, Mutant};
use trial::Verdict;

/// How many of the tests that noticed a mutant are told.
const TOLD_MAX: usize = 3;

pub(crate) fn task(mut arguments: Arguments) -> Result<ExitCode, TaskError> {
    let only: Option<String> = arguments.value("--only")?;
    let list = arguments.flag("--list");
    arguments.end()?;
    let is_chosen = |mutant: &&Mutant| only.as_ref().is_none_or(|name| name == mutant.name);
    let chosen: Vec<&Mutant> = MUTANTS.iter().filter(is_chosen).collect();
    if chosen.is_empty() {
        return Err(TaskError::Usage("--only takes a name that --list shows".to_owned()));
    }
    if list {
        let row = |mutant: &&Mutant| vec![mutant.name.to_owned(), mutant.file.to_owned()];
        print_table(vec!["mechanism", "file"], chosen.iter().map(row).collect());
        return Ok(ExitCode::SUCCESS);
    }
    let stage = Stage::set(&chosen)?;
    let bar = ProgressBar::new(chosen.len() as u64);
    let mut rows = Vec::new();
    let mut survivors = 0;
    for mutant in &chosen {
        bar.suspend(|| eprintln!("{}", mutant.name));
        let began = Instant::now();
        let verdict = stage.try_out(mutant)?;
        survivors += usize::from(verdict == Verdict::Passed);
        let seconds = format!("{:.0}", began.elapsed().as_secs_f64());
        rows.push(vec![mutant.name.to_owned(), seconds, told(&verdict)]);
        bar.inc(1);
    }
    bar.finish_and_clear();
    print_table(vec!["mechanism", "seconds", "killed by"], rows);
    println!("{} mutants, {survivors} survived", chosen.len());
    Ok(if survivors == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The copy and what runs in it.
struct Stage {
    copy: Copy,
    runtime: Runtime,
}

impl Stage {
    /// Copies the project, looks whether every mutant fits it and whether its tests pass without.
    fn set(chosen: &[&Mutant]) -> Result<Self, TaskError> {
        let workspace = Workspace::find()?;
        let copy = Copy::make(&workspace)?;
        for mutant in chosen {
            mutated(mutant, &read(&copy.path(mutant.file))?)?;
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|source| TaskError::Runtime { source })?;
        let mut names: BTreeMap<String, Vec<&str>> = BTreeMap::new();
        for test in chosen.iter().flat_map(|mutant| mutant.tests) {
            let (package, name) = trial::of_crate(test);
            names.entry(package).or_default().push(name);
        }
        for (package, names) in &names {
            match trial::run(&runtime, &trial::build(&copy, package)?, names)? {
                Verdict::Passed => {}
                sick => return Err(TaskError::Sick(told(&sick))),
            }
        }
        Ok(Self { copy, runtime })
    }

    /// Builds a mutant and has its tests look at it.
    fn try_out(&self, mutant: &Mutant) -> Result<Verdict, TaskError> {
        let path = self.copy.path(mutant.file);
        let whole = read(&path)?;
        write(&path, mutated(mutant, &whole)?)?;
        let verdict = self.judge(mutant);
        write(&path, whole)?;
        verdict
    }

    fn judge(&self, mutant: &Mutant) -> Result<Verdict, TaskError> {
        let build = |package: &str| -> Result<PathBuf, TaskError> {
            trial::build(&self.copy, package).map_err(|error| match error {
                TaskError::Failed { .. } => wrong(mutant, "does not compile".to_owned()),
                other => other,
            })
        };
        // Each name for itself: one that matches nothing would go unnoticed among others.
        let mut failures = Vec::new();
        for test in mutant.tests {
            let (package, name) = trial::of_crate(test);
            match trial::run(&self.runtime, &build(&package)?, &[name])? {
                Verdict::Failed(names) => failures.extend(names),
                Verdict::Passed => {}
                Verdict::Endless => return Ok(Verdict::Endless),
            }
        }
        Ok(if failures.is_empty() { Verdict::Passed } else { Verdict::Failed(failures) })
    }
}

/// The file's text with the mechanism disabled.
fn mutated(mutant: &Mutant, text: &str) -> Result<String, TaskError> {
    match text.matches(mutant.text).count() {
        1 => Ok(text.replacen(mutant.text, mutant.instead, 1)),
        0 => Err(wrong(mutant, format!("its text is not in {}", mutant.file))),
        times => Err(wrong(mutant, format!("its text is {times} times in {}", mutant.file))),
    }
}

fn wrong(mutant: &Mutant, what: String) -> TaskError {
    TaskError::Mutant { name: mutant.name, what }
}

fn told(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Passed => "SURVIVED".to_owned(),
        Verdict::Endless => "tests that did not end".to_owned(),
        Verdict::Failed(names) => {
            let few: Vec<&str> = names.iter().take(TOLD_MAX).map(String::as_str).collect();
            let more = names.len().saturating_sub(TOLD_MAX);
            let rest = if more > 0 { format!(" and {more} more") } else { String::new() };
            format!("{}{rest}", few.join(", "))
        }
    }
}

fn print_table(columns: Vec<&'static str>, rows: Vec<Vec<String>>) {
    println!("{}", Table { title: "Mutants", columns, rows }.text());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stale_mutant_is_an_error() {
        let mutant = Mutant { name: "m", file: "f", text: "a", instead: "b", tests: &[] };
        assert_eq!(mutated(&mutant, "xax").unwrap(), "xbx");
        for (text, said) in [
            ("x", "mutant `m`: its text is not in f"),
            ("aa", "mutant `m`: its text is 2 times in f"),
        ] {
            assert_eq!(mutated(&mutant, text).unwrap_err().to_string(), said);
        }
    }

    #[test]
    fn few_names_are_told() {
        let names = ["a", "b", "c", "d"].map(str::to_owned).to_vec();
        assert_eq!(told(&Verdict::Failed(names)), "a, b, c and 1 more");
    }
}
