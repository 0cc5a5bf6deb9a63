//! What is asked, in which order.

use std::collections::BTreeMap;

use rand::{SeedableRng as _, rngs::SmallRng, seq::SliceRandom as _};

use crate::{Arm, Row};

/// An invariant counts as broken where so many answers to a case break it.
pub(crate) const BROKEN_MIN: u32 = 2;
/// The answers among which it must be.
const BROKEN_OF: u32 = 3;

/// A case that is asked of an arm once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Ask {
    /// The case, by its place.
    pub case: usize,
    /// Of whom.
    pub arm: Arm,
    /// For which time, from 0.
    pub repeat: u32,
    /// Beyond the suite's repeats, to see whether an invariant is broken again.
    pub again: bool,
}

/// All that is asked: every case once, then every case again, each time in another order that the
/// seed gives. The arms of a case stand next to each other, in either order, so that whatever
/// changes while a run lasts meets both alike.
#[must_use]
pub fn plan(cases: usize, arms: &[Arm], repeats: u32, seed: u64) -> Vec<Ask> {
    let mut rng = SmallRng::seed_from_u64(seed);
    let mut order: Vec<usize> = (0..cases).collect();
    let mut arms = arms.to_vec();
    let mut asks = Vec::new();
    for repeat in 0..repeats {
        order.shuffle(&mut rng);
        for &case in &order {
            arms.shuffle(&mut rng);
            asks.extend(arms.iter().map(|&arm| Ask { case, arm, repeat, again: false }));
        }
    }
    asks
}

/// What must be asked once more, given all rows so far: a candidate that breaks an invariant breaks
/// it by chance, until two answers of three do.
#[must_use]
pub fn again(cases: &[&str], rows: &[Row]) -> Vec<Ask> {
    let mut seen: BTreeMap<&str, Seen> = BTreeMap::new();
    let graded = |row: &&Row| row.arm == Arm::Candidate;
    for row in rows.iter().filter(graded) {
        let seen = seen.entry(&row.case).or_default();
        seen.next = seen.next.max(row.repeat + 1);
        seen.asked += 1;
        seen.broken += u32::from(!row.marks.broken.is_empty());
    }
    let open = cases.iter().enumerate().filter_map(|(case, id)| {
        let seen = seen.get(id).filter(|seen| seen.is_open())?;
        Some(Ask { case, arm: Arm::Candidate, repeat: seen.next, again: true })
    });
    open.collect()
}

#[derive(Default)]
struct Seen {
    asked: u32,
    broken: u32,
    next: u32,
}

impl Seen {
    fn is_open(&self) -> bool {
        (1..BROKEN_MIN).contains(&self.broken) && self.asked < BROKEN_OF
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    const ARMS: [Arm; 2] = [Arm::Candidate, Arm::Incumbent];

    #[test]
    fn everything_is_asked_once_and_arms_stand_side_by_side() {
        let asks = plan(50, &ARMS, 3, 7);
        assert_eq!(asks.len(), 300);
        assert_eq!(asks.iter().collect::<BTreeSet<_>>().len(), 300);
        for pair in asks.chunks(2) {
            assert_eq!((pair[0].case, pair[0].repeat), (pair[1].case, pair[1].repeat));
        }
        let first = asks.iter().step_by(2).filter(|ask| ask.arm == Arm::Candidate).count();
        assert!((40..110).contains(&first), "one arm is always first: {first}");
        let rounds: Vec<u32> = asks.iter().map(|ask| ask.repeat).collect();
        assert!(rounds.is_sorted());
        assert_eq!(asks, plan(50, &ARMS, 3, 7));
        assert_ne!(asks, plan(50, &ARMS, 3, 8));
    }
}
