//! `tieline prices import`: the public catalogues of others, held against ours.

use std::path::PathBuf;

use clap::ValueEnum;
use tieline_catalog::{Comparison, Format, Moment, compare};

use super::{Lists, text, view};
use crate::{
    failure::Failure,
    print::{self, FormatOption},
};

/// Read a public price catalogue and show every price on which it disagrees with Tieline's
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Nothing is taken over: a disagreement is for a person to settle, in a price file with a source.

Examples:
  tieline prices import --from genai-prices data.json
  tieline prices import --from litellm model_prices_and_context_window.json --format json")]
pub(super) struct Import {
    /// Whose catalogue the file is
    #[arg(long, value_enum)]
    from: Whose,
    /// The catalogue's JSON file
    file: PathBuf,
    /// Compare prices of this date or time instead of now
    #[arg(long, value_name = "DATE")]
    at: Option<Moment>,
    #[command(flatten)]
    lists: Lists,
    #[command(flatten)]
    format: FormatOption,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Whose {
    /// data.json of pydantic/genai-prices
    GenaiPrices,
    /// model_prices_and_context_window.json of BerriAI/litellm
    Litellm,
}

impl Import {
    pub(super) fn run(self, now: Moment) -> Result<(), Failure> {
        let format = match self.from {
            Whose::GenaiPrices => Format::GenaiPrices,
            Whose::Litellm => Format::Litellm,
        };
        let theirs = text(&self.file)?;
        let catalog = self.lists.load()?;
        let found = compare(&catalog, format, &theirs, self.at.unwrap_or(now));
        let found = found.map_err(|error| Failure::Usage {
            message: format!("{}: {}", self.file.display(), tieline_types::chain(&error)),
            hint: "name its format with --from".to_owned(),
        })?;
        self.format.print(&found, table)
    }
}

fn table(found: &Comparison) -> String {
    let summary = format!(
        "{} compared, {}; not in ours: {}",
        print::counted(found.compared, "price"),
        print::counted(found.disagreements.len(), "disagreement"),
        print::counted(found.unknown.len(), "row")
    );
    if found.disagreements.is_empty() {
        return summary;
    }
    let rows = found.disagreements.iter().map(|one| {
        vec![
            one.model.clone(),
            one.channel.clone(),
            one.bucket.clone(),
            print::or_dash(one.ours.map(view::price)),
            print::or_dash(one.theirs.map(view::price)),
            one.reason.clone(),
        ]
    });
    let header = ["MODEL", "CHANNEL", "PRICE OF", "OURS", "THEIRS", "SUSPECTED REASON"];
    format!("{}\n\n{summary}", print::table(&header, rows))
}
