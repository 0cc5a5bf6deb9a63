//! When alerts fire: pairs of windows and the burn rate that both must show.
//!
//! A long window tells that enough of the budget is gone to matter, a short one that it is still
//! going. The factors follow from the share of the budget that a rule lets go before it fires
//! (Site Reliability Workbook, chapter 5, table 5-8).

use std::{fmt, sync::Arc, time::Duration};

/// How urgent an alert is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Somebody is woken.
    Page,
    /// Somebody looks at it on a working day.
    Ticket,
}

impl Severity {
    /// The stable name used in rules, records and messages.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Page => "page",
            Self::Ticket => "ticket",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A pair of windows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BurnRule {
    /// What it calls for.
    pub severity: Severity,
    /// The burn rate above which both windows must be.
    pub factor: f64,
    /// The window that tells how much is gone.
    pub long: Duration,
    /// The window that tells that it is still going.
    pub short: Duration,
    /// How long it must have held before it fires.
    pub hold: Duration,
}

impl BurnRule {
    /// A rule that fires when a share of a period's budget, in per cent, is gone within its long
    /// window.
    #[must_use]
    pub fn by_budget(
        severity: Severity,
        percent: f64,
        period: Duration,
        (long, short): (Duration, Duration),
    ) -> Self {
        let factor = percent / 100.0 * period.as_secs_f64() / long.as_secs_f64();
        Self { severity, factor, long, short, hold: Duration::ZERO }
    }

    /// After how long it fires where a share of requests fails from now on and none did before:
    /// from its long window, which is the last to notice. None where it never does.
    #[must_use]
    pub fn detects_after(&self, error_ratio: f64, error_budget: f64) -> Option<Duration> {
        let needed = self.factor * error_budget;
        (error_ratio > needed).then(|| self.long.mul_f64(needed / error_ratio))
    }
}

/// When somebody is told of a budget that is being spent.
#[derive(Clone, Debug, PartialEq)]
pub struct Alerting {
    /// The name of the catalogue that the rules are from, or of the documents that give them.
    pub windows: Arc<str>,
    /// The rules, the most urgent first.
    pub rules: Vec<BurnRule>,
    /// The fewest bad requests in the long window of a rule for it to fire: of little traffic, one
    /// failure is a high share.
    pub bad_events_min: u64,
    /// How long nothing may be counted before that is an alert; none where it never is.
    pub no_data_after: Option<Duration>,
}

impl Alerting {
    /// Bad requests that an alert needs unless a definition says otherwise.
    pub const BAD_EVENTS_MIN: u64 = 5;
    /// How long nothing may be counted unless a definition says otherwise.
    pub const NO_DATA_AFTER: Duration = Duration::from_secs(6 * 3600);

    /// What holds for a window that nothing is said of: the catalogue that is made for it, and
    /// where none is, the shares of Google's.
    #[must_use]
    pub fn usual(window: Duration) -> Self {
        let fitting = CATALOGUES.iter().find(|catalogue| catalogue.period() == window);
        let catalogue = fitting.unwrap_or(&GOOGLE_30D);
        Self {
            windows: catalogue.name.into(),
            rules: catalogue.rules(window),
            bad_events_min: Self::BAD_EVENTS_MIN,
            no_data_after: Some(Self::NO_DATA_AFTER),
        }
    }

    /// The longest window that any of its rules looks at.
    #[must_use]
    pub fn reach(&self) -> Duration {
        self.rules.iter().map(|rule| rule.long.max(rule.short)).max().unwrap_or_default()
    }
}

/// Alert windows that are known by a name.
#[derive(Debug)]
pub struct Catalogue {
    /// The name that a definition gives.
    pub name: &'static str,
    days: u64,
    rows: [Row; 4],
}

/// A rule of a catalogue, times in minutes.
#[derive(Debug)]
struct Row {
    severity: Severity,
    spends: Spends,
    long: u64,
    short: u64,
    hold: u64,
}

/// How a catalogue says how fast is too fast.
#[derive(Debug)]
enum Spends {
    /// By the share of the budget that is gone in the long window, in per cent.
    Percent(f64),
    /// By the burn rate.
    Factor(f64),
}

impl Catalogue {
    /// The window that it is made for.
    #[must_use]
    pub const fn period(&self) -> Duration {
        Duration::from_secs(self.days * 24 * 3600)
    }

    /// Its rules for a window. Those that look further back than the window does say nothing that
    /// the window does not, and are left out.
    #[must_use]
    pub fn rules(&self, window: Duration) -> Vec<BurnRule> {
        self.rows.iter().map(|row| row.rule(window)).filter(|rule| rule.long <= window).collect()
    }
}

impl Row {
    fn rule(&self, window: Duration) -> BurnRule {
        let [long, short, hold] =
            [self.long, self.short, self.hold].map(|minutes| Duration::from_secs(minutes * 60));
        match self.spends {
            Spends::Percent(percent) => BurnRule {
                hold,
                ..BurnRule::by_budget(self.severity, percent, window, (long, short))
            },
            Spends::Factor(factor) => {
                BurnRule { severity: self.severity, factor, long, short, hold }
            }
        }
    }
}

/// The place of a rule among the four of a catalogue.
#[derive(Clone, Copy)]
enum Rank {
    QuickPage,
    SlowPage,
    QuickTicket,
    SlowTicket,
}

/// A row in the windows that all but Pyrra use.
const fn row(rank: Rank, percent: f64) -> Row {
    let (severity, long, short) = match rank {
        Rank::QuickPage => (Severity::Page, 60, 5),
        Rank::SlowPage => (Severity::Page, 6 * 60, 30),
        Rank::QuickTicket => (Severity::Ticket, 24 * 60, 2 * 60),
        Rank::SlowTicket => (Severity::Ticket, 3 * 24 * 60, 6 * 60),
    };
    Row { severity, spends: Spends::Percent(percent), long, short, hold: 0 }
}

const fn pyrra(severity: Severity, factor: f64, long: u64, short: u64, hold: u64) -> Row {
    Row { severity, spends: Spends::Factor(factor), long, short, hold }
}

const GOOGLE: [Row; 4] = [
    row(Rank::QuickPage, 2.0),
    row(Rank::SlowPage, 5.0),
    row(Rank::QuickTicket, 10.0),
    row(Rank::SlowTicket, 10.0),
];

const GOOGLE_30D: Catalogue = Catalogue { name: "google-30d", days: 30, rows: GOOGLE };

/// All that are known by a name. The first of those for one window is what it gets unless a
/// definition says otherwise.
pub const CATALOGUES: [Catalogue; 4] = [
    GOOGLE_30D,
    Catalogue { name: "google-28d", days: 28, rows: GOOGLE },
    Catalogue {
        name: "7d",
        days: 7,
        rows: [
            row(Rank::QuickPage, 8.0),
            row(Rank::SlowPage, 12.5),
            row(Rank::QuickTicket, 20.0),
            row(Rank::SlowTicket, 42.0),
        ],
    },
    Catalogue {
        name: "pyrra-28d",
        days: 28,
        rows: [
            pyrra(Severity::Page, 14.0, 60, 5, 2),
            pyrra(Severity::Page, 7.0, 6 * 60, 30, 15),
            pyrra(Severity::Ticket, 2.0, 24 * 60, 2 * 60, 60),
            pyrra(Severity::Ticket, 1.0, 4 * 24 * 60, 6 * 60, 3 * 60),
        ],
    },
];
