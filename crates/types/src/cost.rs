//! Usage to money.

use serde::{Deserialize, Serialize};

use crate::{Usage, UsdPico};

/// How much is known of what something cost. An amount without its state means nothing: what has no
/// price is never free.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CostState {
    /// All of it, from what the provider counted.
    Priced,
    /// All of it, from counts that Tieline estimated: a stream that broke has no others.
    Estimated,
    /// Some of what was used has no price: the amount is a lower bound.
    Partial,
    /// None of it.
    Unpriced,
}

impl CostState {
    /// The stable name used in the ledger and in metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Priced => "priced",
            Self::Estimated => "estimated",
            Self::Partial => "partial",
            Self::Unpriced => "unpriced",
        }
    }
}

/// What something cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cost {
    /// The amount, as far as it is known.
    pub usd: UsdPico,
    /// How far that is.
    pub state: CostState,
}

impl Cost {
    /// Something without a price.
    pub const UNPRICED: Self = Self { usd: UsdPico::ZERO, state: CostState::Unpriced };

    /// Both together. Where only one of them has a price, that is part of it.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        let state = match (self.state, other.state) {
            (CostState::Unpriced, CostState::Unpriced) => CostState::Unpriced,
            (CostState::Unpriced, _) | (_, CostState::Unpriced) => CostState::Partial,
            (one, other) => one.max(other),
        };
        Self { usd: self.usd.plus(other.usd), state }
    }
}

/// A price for each bucket of [`Usage`]: US dollars a million tokens. None where there is no price.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TokenPrices {
    /// Of [`Usage::input`].
    pub input: Option<UsdPico>,
    /// Of [`Usage::cache_read`].
    pub cache_read: Option<UsdPico>,
    /// Of [`Usage::cache_write_5m`].
    pub cache_write_5m: Option<UsdPico>,
    /// Of [`Usage::cache_write_1h`].
    pub cache_write_1h: Option<UsdPico>,
    /// Of [`Usage::cache_write_other`].
    pub cache_write_other: Option<UsdPico>,
    /// Of [`Usage::input_audio`].
    pub input_audio: Option<UsdPico>,
    /// Of [`Usage::output`].
    pub output: Option<UsdPico>,
    /// Of [`Usage::reasoning`].
    pub reasoning: Option<UsdPico>,
    /// Of [`Usage::output_audio`].
    pub output_audio: Option<UsdPico>,
}

/// What the tokens of one call cost at one channel at one time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rates {
    /// The usual prices.
    pub usual: TokenPrices,
    /// Those of a call with more input than so many tokens, cached ones included. They are for all
    /// of the call's tokens, not only for those above.
    pub long: Option<(u64, TokenPrices)>,
}

/// Prices are for so many tokens.
const PER: i128 = 1_000_000;

impl TokenPrices {
    /// Every bucket of `usage` with its price.
    fn lines(&self, usage: &Usage) -> [(u64, Option<UsdPico>); 9] {
        [
            (usage.input, self.input),
            (usage.cache_read, self.cache_read),
            (usage.cache_write_5m, self.cache_write_5m),
            (usage.cache_write_1h, self.cache_write_1h),
            (usage.cache_write_other, self.cache_write_other),
            (usage.input_audio, self.input_audio),
            (usage.output, self.output),
            (usage.reasoning, self.reasoning),
            (usage.output_audio, self.output_audio),
        ]
    }
}

impl Rates {
    /// The prices that hold for a call with so much input.
    #[must_use]
    pub fn prices(&self, input_total: u64) -> &TokenPrices {
        match &self.long {
            Some((above, long)) if input_total > *above => long,
            _ => &self.usual,
        }
    }

    /// What `usage` cost, rounded once to the nearest picodollar, halves up.
    #[must_use]
    pub fn cost(&self, usage: &Usage) -> Cost {
        let used = self.prices(usage.input_total()).lines(usage);
        let used = used.iter().filter(|(count, _)| *count > 0);
        let (mut sum, mut known, mut missing) = (0_i128, false, false);
        for (count, price) in used {
            match price {
                Some(price) => {
                    known = true;
                    sum = sum.saturating_add(price.pico().saturating_mul(i128::from(*count)));
                }
                None => missing = true,
            }
        }
        let state = match (known, missing) {
            (false, true) => CostState::Unpriced,
            (true, true) => CostState::Partial,
            _ if usage.estimated => CostState::Estimated,
            _ => CostState::Priced,
        };
        Cost { usd: UsdPico::new(sum.saturating_add(PER / 2).div_euclid(PER)), state }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usd(text: &str) -> UsdPico {
        text.parse().unwrap()
    }

    fn rates() -> Rates {
        let prices = |input: &str, cached: &str, output: &str| TokenPrices {
            input: Some(usd(input)),
            cache_read: Some(usd(cached)),
            output: Some(usd(output)),
            ..TokenPrices::default()
        };
        Rates {
            usual: prices("0.1", "0.01", "0.5"),
            long: Some((100_000, prices("0.5", "0.05", "2.5"))),
        }
    }

    #[test]
    fn one_token_more_moves_the_whole_call_and_cached_ones_count() {
        let cost = |usage: Usage| rates().cost(&usage);
        let at = Usage { input: 100_000, ..Usage::default() };
        assert_eq!(cost(at), Cost { usd: usd("0.01"), state: CostState::Priced });
        let above = Usage { input: 100_001, ..Usage::default() };
        assert_eq!(cost(above).usd, usd("0.0500005"));
        let cached = Usage { input: 5_000, cache_read: 120_000, output: 100, ..Usage::default() };
        assert_eq!(cost(cached).usd, usd("0.00875"));
    }

    #[test]
    fn what_has_no_price_is_never_free() {
        let state = |usage: Usage| rates().cost(&usage).state;
        let spoken = Usage { output_audio: 5, ..Usage::default() };
        assert_eq!(state(spoken), CostState::Unpriced);
        assert_eq!(state(Usage { output: 5, ..spoken }), CostState::Partial);
        assert_eq!(
            state(Usage { output: 5, estimated: true, ..Usage::default() }),
            CostState::Estimated
        );
        assert_eq!(state(Usage::default()), CostState::Priced, "nothing was used");
        assert_eq!(Rates::default().cost(&Usage { input: 1, ..Usage::default() }), Cost::UNPRICED);
    }

    #[test]
    fn a_sum_is_known_as_far_as_its_parts() {
        use CostState::{Estimated, Partial, Priced, Unpriced};
        for (one, other, both) in [
            (Priced, Priced, Priced),
            (Priced, Estimated, Estimated),
            (Estimated, Partial, Partial),
            (Priced, Unpriced, Partial),
            (Unpriced, Unpriced, Unpriced),
        ] {
            let cost = |state| Cost { usd: usd("1"), state };
            assert_eq!(cost(one).plus(cost(other)), Cost { usd: usd("2"), state: both });
            assert_eq!(cost(other).plus(cost(one)), Cost { usd: usd("2"), state: both });
        }
    }

    #[test]
    fn sums_are_rounded_once() {
        let rates = Rates {
            usual: TokenPrices {
                input: Some(UsdPico::new(300_000)),
                output: Some(UsdPico::new(300_000)),
                ..TokenPrices::default()
            },
            long: None,
        };
        let usage = Usage { input: 1, output: 1, ..Usage::default() };
        assert_eq!(rates.cost(&usage).usd, UsdPico::new(1), "0.3 and 0.3 picodollars");
    }
}
