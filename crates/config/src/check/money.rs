//! What tokens cost, and what may be spent.

use tieline_types::{Rates, TokenPrices, UsdPico};

use super::Check;
use crate::{
    config::{Budget, Budgets, Feature},
    lenient::{Entries, Field},
    problem::{Code, Problem},
    source::Span,
    wire::{self, Usd},
};

impl Check<'_> {
    /// The `budgets` section.
    pub(super) fn budgets(
        &mut self,
        field: &Field<wire::Budgets>,
        features: &[Feature],
    ) -> Budgets {
        let Some((written, at)) = field.placed() else { return Budgets::default() };
        if !written.callers.is_written() && !written.teams.is_written() {
            let problem = Problem::new(Code::MissingKey, at, "`budgets` says nothing");
            self.add(problem.with_help("give `callers`, `teams` or both"));
        }
        self.known_teams(&written.teams, features);
        Budgets { callers: self.by_name(&written.callers), teams: self.by_name(&written.teams) }
    }

    fn by_name(&mut self, field: &Field<Entries<wire::Budget>>) -> Vec<(String, Budget)> {
        let mut budgets = Vec::new();
        for (name, at, written) in field.value.iter().flat_map(Entries::iter) {
            let (written, at) = match written.placed() {
                Some(placed) => placed,
                None if written.is_written() => continue,
                None => (&wire::Budget::default(), at),
            };
            budgets.extend(self.budget(written, at).map(|budget| (name.to_owned(), budget)));
        }
        budgets
    }

    fn known_teams(&mut self, field: &Field<Entries<wire::Budget>>, features: &[Feature]) {
        let owners: Vec<&str> = features.iter().filter_map(|one| one.owner.as_deref()).collect();
        for (name, at, _) in field.value.iter().flat_map(Entries::iter) {
            if !owners.contains(&name) {
                let message = format!("no feature has the owner `{name}`");
                let problem = Problem::new(Code::InvalidValue, at, message);
                self.add(problem.with_found(name).suggesting(name, &owners));
            }
        }
    }

    /// A budget; `at` is its place.
    pub(super) fn budget(&mut self, written: &wire::Budget, at: Span) -> Option<Budget> {
        let usd = self.required(&written.usd, "usd", at).map(|(usd, _)| usd.0);
        let per = self.required(&written.per, "per", at).map(|(per, _)| *per);
        if let Some(at) = written.usd.at.filter(|_| usd == Some(UsdPico::ZERO)) {
            let problem = Problem::new(Code::InvalidValue, at, "the budget must be above zero");
            self.add(
                problem.with_found("0").with_help("to refuse all requests, write `off: true`"),
            );
        }
        let on_limit = written.on_limit.value.unwrap_or_default();
        Some(Budget { usd: usd?, per: per?, on_limit })
    }

    /// A deployment's `price`.
    pub(super) fn price(&mut self, field: &Field<wire::Price>) -> Option<Rates> {
        let (written, at) = field.placed()?;
        let usual = self.token_prices(
            [&written.input, &written.output, &written.cache_read],
            [&written.cache_write, &written.cache_write_1h, &written.reasoning],
            at,
        );
        let long = self.long_price(&written.long);
        let heard = |prices: TokenPrices| TokenPrices {
            input_audio: amount(&written.input_audio),
            output_audio: amount(&written.output_audio),
            ..prices
        };
        Some(Rates {
            usual: heard(usual?),
            long: long.map(|(above, prices)| (above, heard(prices))),
        })
    }

    fn long_price(&mut self, field: &Field<wire::LongPrice>) -> Option<(u64, TokenPrices)> {
        let (written, at) = field.placed()?;
        self.required(&written.above, "above", at);
        let above = self.above_zero(&written.above);
        let prices = self.token_prices(
            [&written.input, &written.output, &written.cache_read],
            [&written.cache_write, &written.cache_write_1h, &written.reasoning],
            at,
        );
        above.zip(prices)
    }

    /// The prices of text. What is not written costs what it is a kind of.
    fn token_prices(
        &mut self,
        [input, output, cache_read]: [&Field<Usd>; 3],
        [cache_write, cache_write_1h, reasoning]: [&Field<Usd>; 3],
        at: Span,
    ) -> Option<TokenPrices> {
        let input = self.required(input, "input", at).map(|(usd, _)| usd.0);
        let output = self.required(output, "output", at).map(|(usd, _)| usd.0);
        let (input, output) = (input?, output?);
        let cache_write = amount(cache_write).unwrap_or(input);
        Some(TokenPrices {
            input: Some(input),
            cache_read: amount(cache_read).or(Some(input)),
            cache_write_5m: Some(cache_write),
            cache_write_1h: amount(cache_write_1h).or(Some(cache_write)),
            cache_write_other: Some(cache_write),
            output: Some(output),
            reasoning: amount(reasoning).or(Some(output)),
            ..TokenPrices::default()
        })
    }
}

fn amount(field: &Field<Usd>) -> Option<UsdPico> {
    field.value.map(|usd| usd.0)
}
