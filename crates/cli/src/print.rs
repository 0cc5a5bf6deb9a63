//! How commands print: results on stdout, everything else on stderr.

use std::io::{self, Write as _};

use clap::ValueEnum;
use comfy_table::{Table, presets};
use console::style;
use serde::Serialize;
use tieline_types::chain;

use crate::failure::Failure;

/// The form of what a command prints.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people.
    Table,
    /// For programs; stable.
    Json,
}

/// The option that every printing command has.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(crate) struct FormatOption {
    /// How to print the result
    #[arg(long, value_enum, default_value = "table")]
    pub(crate) format: Format,
}

impl FormatOption {
    /// Prints `value` as one line of JSON, or what `table` makes of it.
    ///
    /// # Errors
    /// When stdout takes no more.
    pub(crate) fn print<T: Serialize>(
        self,
        value: &T,
        table: impl FnOnce(&T) -> String,
    ) -> Result<(), Failure> {
        match self.format {
            Format::Table => line(&table(value)),
            Format::Json => json(value),
        }
    }
}

/// Prints `value` as one line of JSON on stdout.
///
/// # Errors
/// When stdout takes no more.
pub(crate) fn json(value: &impl Serialize) -> Result<(), Failure> {
    let text = serde_json::to_string(value).map_err(io::Error::from);
    line(&text.map_err(Failure::os("write JSON"))?)
}

/// Prints a text and a line end on stdout, at once. A reader that has left is no failure.
///
/// # Errors
/// When stdout takes no more.
pub(crate) fn line(text: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    match writeln!(out, "{text}").and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure::os("write to stdout")(error))
        }
        _ => Ok(()),
    }
}

/// Prints a remark on stderr. There is nobody to tell when that fails.
pub(crate) fn remark(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// Prints why a command failed, with its causes and what to do about it.
pub(crate) fn failure(failure: &Failure) {
    match failure {
        Failure::Reported | Failure::Ruled(_) => return,
        Failure::Config(problems) => return remark(problems.report().trim_end()),
        _ => remark(&format!("{} {}", style("error:").for_stderr().red().bold(), chain(failure))),
    }
    if let Some(hint) = failure.hint() {
        remark(&format!("{} {hint}", style("hint:").for_stderr().cyan().bold()));
    }
}

/// A table without lines, its columns two spaces apart.
pub(crate) fn table<R>(header: &[&str], rows: impl IntoIterator<Item = R>) -> String
where
    R: Into<comfy_table::Row>,
{
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(header.iter().copied()).add_rows(rows);
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    table.trim_fmt()
}

/// `1 provider`, `2 providers`
pub(crate) fn counted(count: usize, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}

/// A choice as it is written on a command line.
pub(crate) fn value_name(value: &impl ValueEnum) -> Option<String> {
    value.to_possible_value().map(|value| value.get_name().to_owned())
}

/// A dash for what is not there.
pub(crate) fn or_dash(value: Option<impl ToString>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| value.to_string())
}
