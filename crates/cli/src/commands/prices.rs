//! `tieline prices`: what models cost, where, and since when.

mod check;
mod cost;
mod diff;
mod import;
mod list;
mod show;
mod update;
mod view;

use std::{
    fs,
    path::{Path, PathBuf},
    time::SystemTime,
};

use clap::Subcommand;
use tieline_catalog::{Catalog, Moment, Text};

use crate::{
    failure::Failure,
    files::ConfigFile,
    when::{unix_ms, wall_now},
};

/// Show, compare and check what models cost
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Prices are US dollars; those of tokens are for a million. Price files of your own, which the
configuration names under `prices`, stand over the built-in lists.

Examples:
  tieline prices list --model gpt-5.5
  tieline prices show claude-opus-5-5
  tieline prices diff --from 2026-11-30 --to 2027-01-01
  tieline prices check prices/contract.yaml")]
pub(crate) struct Prices {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    List(list::List),
    Show(show::Show),
    Diff(diff::Diff),
    Check(check::Check),
    Update(update::Update),
    Import(import::Import),
    Cost(cost::Cost),
}

impl Prices {
    pub(crate) fn run(self) -> Result<(), Failure> {
        let now = now(wall_now());
        match self.action {
            Action::List(list) => list.run(now),
            Action::Show(show) => show.run(now),
            Action::Diff(diff) => diff.run(now),
            Action::Check(check) => check.run(now),
            Action::Update(update) => update.run(now),
            Action::Import(import) => import.run(now),
            Action::Cost(cost) => cost.run(now),
        }
    }
}

fn now(wall: SystemTime) -> Moment {
    Moment::from_unix_ms(unix_ms(wall))
}

/// Which price lists to use.
#[derive(Debug, clap::Args)]
struct Lists {
    /// Price files of your own, instead of those that the configuration names
    #[arg(long, value_name = "FILE")]
    overlay: Vec<PathBuf>,
    #[command(flatten)]
    config: ConfigFile,
}

impl Lists {
    /// The built-in lists with the user's own files over them. Where there is no configuration file
    /// and none is named, there are none.
    ///
    /// # Errors
    /// A file cannot be read or has mistakes.
    fn load(&self) -> Result<Catalog, Failure> {
        if !self.overlay.is_empty() || self.config.is_absent() {
            return with_own(&self.overlay);
        }
        with_own(&self.config.load_for_reading()?.prices)
    }
}

/// The built-in lists with these files over them.
///
/// # Errors
/// A file cannot be read or has mistakes.
pub(super) fn with_own(paths: &[PathBuf]) -> Result<Catalog, Failure> {
    over(Catalog::built_in()?, paths)
}

/// A catalogue with these files over it.
fn over(catalog: Catalog, paths: &[PathBuf]) -> Result<Catalog, Failure> {
    let read = |path: &PathBuf| Ok((path.display().to_string(), text(path)?));
    let files: Vec<(String, String)> = paths.iter().map(read).collect::<Result<_, Failure>>()?;
    let texts: Vec<Text<'_>> = files.iter().map(|(name, text)| Text { name, text }).collect();
    Ok(catalog.with_overlay(&texts)?)
}

fn text(path: &Path) -> Result<String, Failure> {
    fs::read_to_string(path).map_err(Failure::os(format!("read {}", path.display())))
}

/// What a model must be called to be found.
fn unknown(model: &str) -> Failure {
    Failure::Usage {
        message: format!("no price list has a model `{model}`"),
        hint: "`tieline prices list` shows them all".to_owned(),
    }
}
