//! What a request may cost at a deployment, from its prices and what is known of the request.

use tieline_types::{Rates, UsdPico};

use crate::Demand;

/// The most that a call of that demand costs, every token at the dearest of the prices it may have:
/// a prompt may be written to a cache, an answer may be thought. None where it has no price.
///
/// Audio is left out: nobody knows before how much of it there will be.
#[must_use]
pub fn worst(rates: &Rates, demand: Demand) -> Option<UsdPico> {
    let prices = rates.prices(demand.input);
    let input = prices.input?;
    let writes = [prices.cache_write_5m, prices.cache_write_1h, prices.cache_write_other];
    let input = writes.into_iter().flatten().fold(input, UsdPico::max);
    let output = match (prices.output, demand.output) {
        (Some(output), _) => prices.reasoning.map_or(output, |reasoning| output.max(reasoning)),
        // Whatever makes vectors has no output.
        (None, 0) => UsdPico::ZERO,
        (None, _) => return None,
    };
    let sum = input.times(demand.input).plus(output.times(demand.output));
    Some(UsdPico::new(sum.pico().saturating_add(PER - 1).div_euclid(PER)))
}

/// Whether a call can be paid for: prompt and answer have a price.
pub(crate) const fn is_priced(rates: &Rates) -> bool {
    rates.usual.input.is_some() && rates.usual.output.is_some()
}

/// Prices are for so many tokens.
const PER: i128 = 1_000_000;

#[cfg(test)]
mod tests {
    use tieline_types::{TokenPrices, Usage};

    use super::*;

    fn usd(text: &str) -> UsdPico {
        text.parse().unwrap()
    }

    #[test]
    fn the_worst_is_never_less_than_what_it_comes_to() {
        let usual = TokenPrices {
            input: Some(usd("3")),
            cache_read: Some(usd("0.3")),
            cache_write_1h: Some(usd("6")),
            output: Some(usd("15")),
            ..TokenPrices::default()
        };
        let long = TokenPrices { input: Some(usd("6")), output: Some(usd("22.5")), ..usual };
        let rates = Rates { usual, long: Some((200_000, long)) };
        let demand = Demand { input: 1_000, output: 100 };
        assert_eq!(worst(&rates, demand), Some(usd("0.0075")));
        for usage in [
            Usage { input: 1_000, output: 100, ..Usage::default() },
            Usage { cache_write_1h: 1_000, output: 100, ..Usage::default() },
            Usage { cache_read: 900, input: 100, output: 1, ..Usage::default() },
        ] {
            assert!(rates.cost(&usage).usd <= usd("0.0075"), "{usage:?}");
        }
        let long = worst(&rates, Demand { input: 200_001, output: 0 });
        assert_eq!(long, Some(usd("1.200006")), "every token of a long prompt");
    }

    #[test]
    fn what_has_no_price_has_no_worst() {
        let of = |input: Option<&str>, output: Option<&str>| Rates {
            usual: TokenPrices {
                input: input.map(usd),
                output: output.map(usd),
                ..TokenPrices::default()
            },
            long: None,
        };
        let demand = Demand { input: 10, output: 10 };
        assert_eq!(worst(&of(None, Some("1")), demand), None);
        assert_eq!(worst(&of(Some("1"), None), demand), None);
        assert_eq!(
            worst(&of(Some("1"), None), Demand { output: 0, ..demand }),
            Some(usd("0.00001"))
        );
        assert_eq!(worst(&of(Some("0"), Some("0")), demand), Some(UsdPico::ZERO), "free");
    }
}
