//! Counts by the minute, as far back as alerts look.

use std::time::Duration;

use crate::Counts;

/// A minute in seconds.
const MINUTE_S: u64 = 60;

/// The latest minutes of one objective. Minutes are told by their number since the Unix epoch.
#[derive(Clone, Debug)]
pub struct Minutes {
    /// Each minute has its place by the rest of its number; what is older is overwritten.
    slots: Vec<(u64, Counts)>,
    last: Option<u64>,
}

impl Minutes {
    /// Remembers as far back as `reach`.
    #[must_use]
    pub fn new(reach: Duration) -> Self {
        let places = usize::try_from(minutes(reach).max(1)).unwrap_or(usize::MAX);
        Self { slots: vec![(0, Counts::default()); places], last: None }
    }

    /// Counts in a minute, beside what was counted in it before. What is older than it remembers
    /// is left out.
    pub fn add(&mut self, minute: u64, counts: Counts) {
        if counts.total() == 0 {
            return;
        }
        self.last = self.last.max(Some(minute));
        let place = self.place(minute);
        let Some(slot) = place.and_then(|place| self.slots.get_mut(place)) else { return };
        if slot.0 < minute {
            *slot = (minute, counts);
        } else if slot.0 == minute {
            slot.1 = slot.1 + counts;
        }
    }

    /// Where a minute is kept.
    fn place(&self, minute: u64) -> Option<usize> {
        let places = u64::try_from(self.slots.len()).ok()?;
        usize::try_from(minute.checked_rem(places)?).ok()
    }

    /// What was counted in a window that ends with the minute `end` and has that in it.
    #[must_use]
    pub fn counts(&self, end: u64, window: Duration) -> Counts {
        let before = end.saturating_sub(minutes(window));
        let of = |minute| self.place(minute).and_then(|place| self.slots.get(place));
        let counted = |minute| of(minute).filter(|(of, _)| *of == minute);
        (before + 1..=end).rev().take(self.slots.len()).filter_map(counted).map(|one| one.1).sum()
    }

    /// The latest minute in which anything was counted.
    #[must_use]
    pub const fn last(&self) -> Option<u64> {
        self.last
    }
}

/// Whole minutes of a time; what is begun is one.
pub(crate) const fn minutes(time: Duration) -> u64 {
    time.as_secs().div_ceil(MINUTE_S)
}
