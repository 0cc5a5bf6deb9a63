//! `tieline prices show`: everything that is known of one model's prices.

use serde_json::json;
use tieline_catalog::{Layer, Line, Moment};

use super::{Lists, unknown, view};
use crate::{
    failure::Failure,
    print::{self, FormatOption},
};

/// Show a model's prices at every channel: those of long calls, those of before, and what is
/// announced
#[derive(Debug, clap::Args)]
#[command(after_help = "\
A channel is surface/scope/tier: whose price list, where a call may be processed, and the service
tier. With --at, only what holds then.

Examples:
  tieline prices show gemini-4-argon
  tieline prices show mistral-medium-latest --at 2026-06-15")]
pub(super) struct Show {
    /// The model, by any name that a seller has for it
    model: String,
    /// Only what holds at this date or time
    #[arg(long, value_name = "DATE")]
    at: Option<Moment>,
    #[command(flatten)]
    lists: Lists,
    #[command(flatten)]
    format: FormatOption,
}

impl Show {
    pub(super) fn run(self, now: Moment) -> Result<(), Failure> {
        let catalog = self.lists.load()?;
        let models = catalog.models(&self.model, self.at.unwrap_or(now));
        if models.is_empty() {
            return Err(unknown(&self.model));
        }
        let fits = |line: &&Line| {
            models.contains(&line.model.as_ref()) && self.at.is_none_or(|at| line.holds(at))
        };
        let mut lines: Vec<&Line> = catalog.lines().filter(fits).collect();
        lines.sort_by_key(|line| {
            (&line.model, &line.place, &line.scope, &line.tier, line.valid.from)
        });
        let prices: Vec<_> = lines.iter().map(|line| view::line(line)).collect();
        let found = json!({ "models": models, "catalog": catalog.hash(), "prices": prices });
        self.format.print(&found, |_| table(&lines))
    }
}

fn table(lines: &[&Line]) -> String {
    let rows = lines.iter().flat_map(|line| {
        let own = if line.origin.layer == Layer::Overlay { " (your own)" } else { "" };
        let mut usual = vec![
            line.model.to_string(),
            line.channel(),
            line.valid.to_string(),
            line.status.to_string(),
        ];
        usual.extend(view::cells(&line.rates.usual, Some(line)));
        usual.push(format!("{}, {}{own}", line.source.what, line.source.checked));
        let long = line.rates.long.as_ref().map(|(above, prices)| {
            let mut row = vec![String::new(), format!("  above {above} tokens of input")];
            row.extend([String::new(), String::new()]);
            row.extend(view::cells(prices, None));
            row.push(String::new());
            row
        });
        [Some(usual), long].into_iter().flatten()
    });
    let [input, cached, written, output, other] = view::COLUMNS;
    let header =
        ["MODEL", "CHANNEL", "HOLDS", "STATUS", input, cached, written, output, other, "SOURCE"];
    print::table(&header, rows)
}
