//! `tieline prices list`: every price at a moment.

use serde_json::json;
use tieline_catalog::{Line, Moment};

use super::{Lists, unknown, view};
use crate::{
    failure::Failure,
    print::{self, FormatOption},
};

/// Show what models cost at a moment
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Every condition that is given must hold. LONG says from how much input on a call has other prices;
`tieline prices show` has those, what was and what is announced.

Examples:
  tieline prices list --seller anthropic --tier standard
  tieline prices list --model gpt-5.5
  tieline prices list --at 2027-01-01 --format json")]
pub(super) struct List {
    /// Prices of this model, by any name that a seller has for it
    #[arg(long)]
    model: Option<String>,
    /// Prices of this seller or surface, such as google or vertex
    #[arg(long)]
    seller: Option<String>,
    /// Prices of this service tier, such as standard, flex, priority or batch
    #[arg(long)]
    tier: Option<String>,
    /// At this date or time instead of now
    #[arg(long, value_name = "DATE")]
    at: Option<Moment>,
    #[command(flatten)]
    lists: Lists,
    #[command(flatten)]
    format: FormatOption,
}

impl List {
    pub(super) fn run(self, now: Moment) -> Result<(), Failure> {
        let at = self.at.unwrap_or(now);
        let catalog = self.lists.load()?;
        let models = self.model.as_ref().map(|model| catalog.models(model, at));
        if let (Some(model), Some([])) = (&self.model, models.as_deref()) {
            return Err(unknown(model));
        }
        let fits = |line: &&Line| {
            let sold =
                |seller: &String| *seller == line.place.seller || *seller == line.place.surface;
            line.holds(at)
                && models.as_ref().is_none_or(|models| models.contains(&line.model.as_ref()))
                && self.seller.as_ref().is_none_or(sold)
                && self.tier.as_ref().is_none_or(|tier| *tier == line.tier)
        };
        let mut lines: Vec<&Line> = catalog.lines().filter(fits).collect();
        lines.sort_by_key(|line| (&line.model, &line.place, &line.scope, &line.tier));
        let prices: Vec<_> = lines.iter().map(|line| view::line(line)).collect();
        let found = json!({ "at": at, "catalog": catalog.hash(), "prices": prices });
        self.format.print(&found, |_| table(&lines))
    }
}

fn table(lines: &[&Line]) -> String {
    if lines.is_empty() {
        return "no prices".to_owned();
    }
    let rows = lines.iter().map(|line| {
        let long = line.rates.long.as_ref().map(|(above, _)| format!("> {above}"));
        let mut row = vec![line.model.to_string(), line.channel()];
        row.extend(view::cells(&line.rates.usual, Some(line)));
        row.push(print::or_dash(long));
        row
    });
    let [input, cached, written, output, other] = view::COLUMNS;
    print::table(&["MODEL", "CHANNEL", input, cached, written, output, other, "LONG"], rows)
}
