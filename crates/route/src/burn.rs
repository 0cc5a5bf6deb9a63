//! What a feature does while one of its objectives spends its error budget too fast.
//!
//! A feature that is bent is compiled as another ladder of the same tiers: health, policy, evals
//! and limits say the same of it as ever, because nothing here is asked of a request.

use crate::{Feature, Mode, Prefer, Tier};

/// A rule that holds ceases to below this share of its burn rate, so that what it moved does not
/// come and go.
const RETURN_SHARE: f64 = 0.8;

/// What is done while an objective burns.
#[derive(Clone, Debug, PartialEq)]
pub enum BurnResponse {
    /// Tiers of models choose so.
    Prefer(Prefer),
    /// The ladder begins at the tier of this name.
    BeginAt(String),
}

/// Whether a rule holds, given whether it did, the burn rate above which it begins, and the burn
/// rates of a long and a short window; none where nothing was counted.
///
/// It begins where both are above, so that what is over does not begin it, and lasts until the long
/// one is well below: the short one forgets too soon, and what burnt would be asked again at once.
#[must_use]
pub fn burns(held: bool, above: f64, long: Option<f64>, short: Option<f64>) -> bool {
    match (held, long, short) {
        (true, Some(long), _) => long > above * RETURN_SHARE,
        (false, Some(long), Some(short)) => long > above && short > above,
        _ => false,
    }
}

impl Feature {
    /// The same feature as it is while these hold; of several of a kind, the first counts.
    #[must_use]
    pub fn bent(mut self, responses: &[BurnResponse]) -> Self {
        let prefer = responses.iter().find_map(|one| match one {
            BurnResponse::Prefer(prefer) => Some(*prefer),
            BurnResponse::BeginAt(_) => None,
        });
        if let Some(prefer) = prefer {
            self.tiers.iter_mut().for_each(|tier| tier.choose(prefer));
        }
        let first = responses.iter().find_map(|one| match one {
            BurnResponse::BeginAt(name) => self.tiers.iter().position(|tier| *tier.name == **name),
            BurnResponse::Prefer(_) => None,
        });
        if let Some(first) = first {
            self.begin_at(first);
        }
        self
    }

    /// Begins the ladder at a tier. Those before it come after all that may fail, and before what
    /// always answers.
    fn begin_at(&mut self, first: usize) {
        let last = self.tiers.iter().skip(first).position(Tier::always_answers);
        let last = last.map_or(self.tiers.len(), |at| first + at);
        if let Some(moved) = self.tiers.get_mut(..last.max(first)) {
            moved.rotate_left(first);
        }
        if last == first {
            // It is itself what always answers: nothing comes before it.
            self.tiers.rotate_left(first);
        }
    }
}

impl Tier {
    fn choose(&mut self, by: Prefer) {
        if let Mode::Models { candidates, prefer } = &mut self.mode {
            if *prefer == Prefer::Weighted {
                // Whatever else is preferred, a weight of 0 is never.
                candidates.retain(|one| one.weight > 0);
            }
            *prefer = by;
        }
    }

    const fn always_answers(&self) -> bool {
        matches!(self.mode, Mode::Queue { .. } | Mode::Reply { .. } | Mode::Off)
    }
}
