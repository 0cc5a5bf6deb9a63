//! Budgets of money: what may be spent in one window of the calendar.
//!
//! What an attempt may cost at most is reserved before it is sent, and what it did cost takes its
//! place when it is over. A purse never gives out more than is left, so that only what an attempt
//! costs beyond its own reservation can exceed it. An attempt counts in the window it began in.

use std::{sync::Arc, time::Duration};

use jiff::{Timestamp, ToSpan as _, civil::Date, tz::TimeZone};
use tieline_types::UsdPico;

/// How long one waits for those under way to be settled: nobody knows when they are.
const RECHECK: Duration = Duration::from_secs(1);
const HOUR_MS: u64 = 3_600_000;
const DAY_MS: u64 = 24 * HOUR_MS;
const WEEK_MS: u64 = 7 * DAY_MS;
/// The Unix epoch was a Thursday: three days after a Monday.
const EPOCH_SINCE_MONDAY_MS: u64 = 3 * DAY_MS;

/// Whose money it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Owner {
    /// What a feature costs.
    Feature(Arc<str>),
    /// What all features of one team cost.
    Team(Arc<str>),
    /// What one caller's requests cost.
    Caller(Arc<str>),
}

impl Owner {
    /// The stable name of its kind.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Feature(_) => "feature",
            Self::Team(_) => "team",
            Self::Caller(_) => "caller",
        }
    }

    /// Its name.
    #[must_use]
    pub const fn name(&self) -> &Arc<str> {
        match self {
            Self::Feature(name) | Self::Team(name) | Self::Caller(name) => name,
        }
    }
}

/// A budget as it is configured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Allotment {
    /// Whose it is.
    pub owner: Owner,
    /// What may be spent in a window.
    pub usd: UsdPico,
    /// How long a window is.
    pub per: Period,
    /// What happens to a request that does not fit.
    pub on_limit: OnLimit,
}

impl Allotment {
    /// Whether it is the same budget, as large as before or not.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        self.owner == other.owner && self.per == other.per
    }
}

/// What happens to a request that does not fit its budget.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnLimit {
    /// Whatever fits answers it: a cheaper deployment, or a later tier.
    #[default]
    NextTier,
    /// No model answers it; only what costs nothing does.
    Refuse,
}

/// How long a window is. Windows follow the calendar in UTC; weeks begin on Monday.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Period {
    /// From one full hour to the next.
    Hour,
    /// From midnight to midnight.
    Day,
    /// From Monday to Monday.
    Week,
    /// From one first to the next.
    Month,
}

/// A stretch of time, in milliseconds since the Unix epoch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Window {
    /// Its first millisecond.
    pub start_ms: u64,
    /// The first after it.
    pub end_ms: u64,
}

impl Period {
    /// The stable name in configuration, status and ledger.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Hour => "hour",
            Self::Day => "day",
            Self::Week => "week",
            Self::Month => "month",
        }
    }

    /// The window that a time is in.
    #[must_use]
    pub fn window(self, unix_ms: u64) -> Window {
        let of = |length_ms: u64, offset_ms: u64| {
            let into_ms = (unix_ms.saturating_add(offset_ms)) % length_ms;
            let end_ms = unix_ms.saturating_add(length_ms - into_ms);
            Window { start_ms: unix_ms.saturating_sub(into_ms), end_ms }
        };
        match self {
            Self::Hour => of(HOUR_MS, 0),
            Self::Day => of(DAY_MS, 0),
            Self::Week => of(WEEK_MS, EPOCH_SINCE_MONDAY_MS),
            // No calendar goes beyond the year 9999, and no budget either.
            Self::Month => month(unix_ms).unwrap_or(Window { start_ms: unix_ms, end_ms: u64::MAX }),
        }
    }
}

fn month(unix_ms: u64) -> Option<Window> {
    let time = Timestamp::from_millisecond(i64::try_from(unix_ms).ok()?).ok()?;
    let first = time.to_zoned(TimeZone::UTC).date().first_of_month();
    let next = first.checked_add(1.month()).ok()?;
    let at = |date: Date| {
        let midnight = date.to_zoned(TimeZone::UTC).ok()?.timestamp();
        u64::try_from(midnight.as_millisecond()).ok()
    };
    Some(Window { start_ms: at(first)?, end_ms: at(next)? })
}

/// What is left of a budget in its current window.
#[derive(Clone, Debug)]
pub struct Purse {
    usd: UsdPico,
    per: Period,
    window: Window,
    spent: UsdPico,
    reserved: UsdPico,
}

/// What to show of a purse.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PurseState {
    /// What was spent in the window.
    pub spent: UsdPico,
    /// What is reserved by those under way.
    pub reserved: UsdPico,
    /// The window.
    pub window: Window,
}

/// Why something does not fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Short {
    /// Whether it will not fit in this window: what is in the way has been spent. Otherwise others
    /// may give back what they reserved.
    pub lasting: bool,
    /// When it may fit, or when to ask again; none where it never will.
    pub wait: Option<Duration>,
}

impl Purse {
    /// A purse of which nothing is spent.
    #[must_use]
    pub fn new(allotment: &Allotment) -> Self {
        Self {
            usd: allotment.usd,
            per: allotment.per,
            window: Window::default(),
            spent: UsdPico::ZERO,
            reserved: UsdPico::ZERO,
        }
    }

    /// Changes what may be spent in a window. What was spent stays.
    pub fn allow(&mut self, usd: UsdPico) {
        self.usd = usd;
    }

    /// Reserves what something may cost; gives the beginning of the window it counts in.
    ///
    /// # Errors
    /// Where it does not fit.
    pub fn reserve(&mut self, unix_ms: u64, amount: UsdPico) -> Result<u64, Short> {
        self.fits(unix_ms, amount)?;
        self.reserved = self.reserved.plus(amount);
        Ok(self.window.start_ms)
    }

    /// Whether there is room for it.
    ///
    /// # Errors
    /// Where there is not.
    pub fn fits(&mut self, unix_ms: u64, amount: UsdPico) -> Result<(), Short> {
        self.roll(unix_ms);
        let spent = self.spent.plus(amount);
        if spent.plus(self.reserved) <= self.usd {
            return Ok(());
        }
        let window = Duration::from_millis(self.window.end_ms.saturating_sub(unix_ms));
        let wait = if spent <= self.usd { RECHECK.min(window) } else { window };
        let ever = amount <= self.usd;
        Err(Short { lasting: spent > self.usd, wait: ever.then_some(wait) })
    }

    /// What was reserved in the window that began at `start_ms` is over and cost that much.
    pub fn settle(&mut self, unix_ms: u64, start_ms: u64, reserved: UsdPico, cost: UsdPico) {
        self.roll(unix_ms);
        if self.window.start_ms == start_ms {
            self.reserved = self.reserved.minus(reserved);
            self.spent = self.spent.plus(cost);
        }
    }

    /// Takes in what was spent before, in the window that began at `start_ms`.
    pub fn restore(&mut self, unix_ms: u64, start_ms: u64, spent: UsdPico) {
        self.settle(unix_ms, start_ms, UsdPico::ZERO, spent);
    }

    /// What to show of it.
    pub fn state(&mut self, unix_ms: u64) -> PurseState {
        self.roll(unix_ms);
        PurseState { spent: self.spent, reserved: self.reserved, window: self.window }
    }

    /// Begins a new window where the last one is over.
    fn roll(&mut self, unix_ms: u64) {
        if unix_ms >= self.window.end_ms {
            self.window = self.per.window(unix_ms);
            self.spent = UsdPico::ZERO;
            self.reserved = UsdPico::ZERO;
        }
    }
}

#[cfg(test)]
mod tests;
