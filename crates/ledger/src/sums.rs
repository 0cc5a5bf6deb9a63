//! What is added up in memory and goes to the database with the records of the same moment.

use rusqlite::Connection;

use crate::{
    slos::{self, SloCounts, Tally},
    spend::{self, Amounts, Spend},
};

/// The sums that wait for the database.
#[derive(Default)]
pub(crate) struct Sums {
    pub(crate) spend: Spend,
    pub(crate) slos: SloCounts,
}

/// Sums that were taken out to be written.
#[derive(Default)]
pub(crate) struct Taken {
    spend: Amounts,
    slos: Tally,
}

impl Sums {
    /// Whether anything waits.
    pub(crate) fn is_any(&self) -> bool {
        self.spend.is_any() || self.slos.is_any()
    }

    /// Takes everything out, to be written.
    pub(crate) fn take(&self) -> Taken {
        Taken { spend: self.spend.take(), slos: self.slos.take() }
    }

    /// What could not be written waits again.
    pub(crate) fn put_back(&self, taken: Taken) {
        self.spend.put_back(taken.spend);
        self.slos.put_back(taken.slos);
    }
}

impl Taken {
    /// Adds the sums to their rows.
    pub(crate) fn add(&self, connection: &Connection) -> rusqlite::Result<()> {
        spend::add(connection, &self.spend)?;
        slos::add(connection, &self.slos)
    }
}
