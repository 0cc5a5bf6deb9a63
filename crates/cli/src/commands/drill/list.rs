//! `tieline drill list`

use std::path::PathBuf;

use serde::Serialize;

use super::catalogue::{self, Catalogue, Known};
use crate::{
    failure::Failure,
    print::{self, FormatOption},
};

/// List the drills that Tieline brings along, and those of files
#[derive(Debug, clap::Args)]
pub(crate) struct List {
    /// Files with drills of your own
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
    #[command(flatten)]
    format: FormatOption,
}

/// A drill in the list.
#[derive(Serialize)]
struct Row {
    name: String,
    hypothesis: String,
    mirrors: Option<String>,
    mode: &'static str,
    length_s: u64,
    faults: usize,
    expectations: usize,
}

impl List {
    pub(crate) fn run(self) -> Result<(), Failure> {
        let mut catalogue = Catalogue::open()?;
        let all = &mut catalogue.drills;
        for file in &self.files {
            all.extend(catalogue::of_file(file)?);
        }
        let rows: Vec<Row> = all.iter().map(Row::of).collect();
        self.format.print(&rows, |rows| table(rows.as_slice()))
    }
}

impl Row {
    fn of(known: &Known) -> Self {
        let one = &known.scenario;
        let label = |name: &str| {
            let found = one.labels.iter().find(|(label, _)| label == name);
            found.map(|(_, value)| value.clone())
        };
        Self {
            name: one.name.clone(),
            hypothesis: one.hypothesis.clone(),
            mirrors: label("mirrors"),
            mode: one.mode.as_str(),
            length_s: one.length().as_secs(),
            faults: one.faults.len(),
            expectations: one.expect.len(),
        }
    }
}

fn table(rows: &[Row]) -> String {
    let header = ["DRILL", "LENGTH", "MIRRORS", "SHOWS THAT"];
    let row = |row: &Row| {
        let length = super::table::length(row.length_s);
        vec![row.name.clone(), length, print::or_dash(row.mirrors.as_ref()), row.hypothesis.clone()]
    };
    print::table(&header, rows.iter().map(row))
}
