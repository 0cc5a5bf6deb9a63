//! What matters when there is not room for all.

/// How much a request matters when there is not room for all (Google's SRE book, chapter 21).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Criticality {
    /// Never shed.
    CriticalPlus,
    /// A person waits for it.
    #[default]
    Critical,
    /// Part of it may fail now and then.
    SheddablePlus,
    /// It may wait for another time.
    Sheddable,
}

impl Criticality {
    /// Its stable name, as configurations write it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::CriticalPlus => "critical-plus",
            Self::Critical => "critical",
            Self::SheddablePlus => "sheddable-plus",
            Self::Sheddable => "sheddable",
        }
    }

    /// Whether it gives way to what people wait for.
    #[must_use]
    pub const fn gives_way(self) -> bool {
        matches!(self, Self::SheddablePlus | Self::Sheddable)
    }
}

/// Whether a pool of that utilisation should refuse requests of that criticality, so that what is
/// left serves those that matter more.
#[must_use]
pub fn sheds(criticality: Criticality, utilisation: f64) -> bool {
    match criticality {
        Criticality::CriticalPlus => false,
        Criticality::Critical => utilisation > 0.97,
        Criticality::SheddablePlus => utilisation > 0.90,
        Criticality::Sheddable => utilisation > 0.80,
    }
}
