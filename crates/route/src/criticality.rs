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

    /// How full a pool may be for its requests to go there, 0 to 1.
    pub(crate) const fn share_of_pool(self) -> f64 {
        match self {
            Self::CriticalPlus => 1.0,
            Self::Critical => 0.97,
            Self::SheddablePlus => 0.90,
            Self::Sheddable => 0.80,
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
    // Counts may be ahead of the quota for a moment; that sheds nothing of what is never shed.
    criticality != Criticality::CriticalPlus && utilisation > criticality.share_of_pool()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_matters_less_gives_way_first_and_what_matters_most_never() {
        let sheddable = [Criticality::Sheddable, Criticality::SheddablePlus, Criticality::Critical];
        for (utilisation, shed) in [(0.8, 0), (0.85, 1), (0.95, 2), (0.98, 3), (1.2, 3)] {
            let count = sheddable.iter().filter(|one| sheds(**one, utilisation)).count();
            assert_eq!(count, shed, "{utilisation}");
            assert!(!sheds(Criticality::CriticalPlus, utilisation), "{utilisation}");
        }
    }
}
