//! Sums over a sliding window of time, in constant memory.

use std::time::Duration;

/// Sums over the last `N` time slices. A report that comes late counts as of the newest slice.
#[derive(Clone, Debug)]
pub(crate) struct Ring<const N: usize> {
    /// The latest slice reported of.
    pub(crate) newest: u64,
    /// The newest first.
    slots: [u64; N],
}

impl<const N: usize> Default for Ring<N> {
    fn default() -> Self {
        Self { newest: 0, slots: [0; N] }
    }
}

impl<const N: usize> Ring<N> {
    pub(crate) fn add(&mut self, slice: u64, amount: u64) {
        let passed = self.passed(slice);
        self.newest = self.newest.max(slice);
        self.slots.rotate_right(passed);
        self.slots.iter_mut().take(passed).for_each(|slot| *slot = 0);
        if let Some(slot) = self.slots.first_mut() {
            *slot = slot.saturating_add(amount);
        }
    }

    /// The sum over the `N` slices that end with `slice`.
    pub(crate) fn sum(&self, slice: u64) -> u64 {
        let kept = self.slots.iter().take(N - self.passed(slice));
        kept.fold(0, |sum, slot| sum.saturating_add(*slot))
    }

    /// How many slots have gone out of date at `slice`.
    fn passed(&self, slice: u64) -> usize {
        usize::try_from(slice.saturating_sub(self.newest)).map_or(N, |passed| passed.min(N))
    }
}

/// How many whole periods fit into a time; none if a period takes no time.
pub(crate) fn periods(time: Duration, period: Duration) -> u64 {
    let count = time.as_nanos().checked_div(period.as_nanos()).unwrap_or(0);
    u64::try_from(count).unwrap_or(u64::MAX)
}
