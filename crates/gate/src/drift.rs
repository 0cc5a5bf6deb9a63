//! Whether a judge still labels as it did when people's labels found it fit.

use serde::{Deserialize, Serialize};

use crate::{agreement::Estimate, binary::PairedCounts};

/// The probability that each of the two tests calls a judge moved that has not.
const TAIL: f64 = 0.025;
/// Labels that must come for anything to be told: this share of those that were asked for.
const ANSWERED_MIN: f64 = 0.5;

/// One answer that was labelled again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Relabelled {
    /// Whether people call it good.
    pub human: bool,
    /// Whether the judge did when it was calibrated.
    pub then: bool,
    /// Whether it does now.
    pub now: bool,
}

/// What asking a judge again for some of its labels has shown.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Drift {
    /// Labels that were asked for.
    pub asked: usize,
    /// Those that came.
    pub answered: usize,
    /// Labels that could not be asked for, since the judge is asked in another way than then.
    pub stale: usize,
    /// The share that is as it was.
    pub alike: Option<Estimate>,
    /// Agreement with people: `gained` where only the new label agrees, `lost` where only the old.
    pub agreement: PairedCounts,
    /// Labels for good: `gained` where only the new one says so, `lost` where only the old.
    pub mildness: PairedCounts,
}

impl Drift {
    /// Weighs new labels beside old ones, of so many that were asked for and so many that no
    /// longer can be.
    #[must_use]
    pub fn of(asked: usize, stale: usize, labels: &[Relabelled]) -> Self {
        let alike = labels.iter().filter(|label| label.then == label.now).count();
        Self {
            asked,
            answered: labels.len(),
            stale,
            alike: Estimate::of_rate(alike, labels.len(), TAIL),
            agreement: counts(labels, |one| (one.then == one.human, one.now == one.human)),
            mildness: counts(labels, |one| (one.then, one.now)),
        }
    }

    /// Why its judge may not be relied on now, in plain words; none where it labels as it did.
    ///
    /// It is moved where it agrees with people less often than it did, or calls more or fewer
    /// answers good, each by McNemar's mid-p.
    #[must_use]
    pub fn reason(&self) -> Option<String> {
        if self.asked == 0 {
            let words = "it is asked in another way than when it was calibrated";
            return (self.stale > 0).then(|| words.to_owned());
        }
        if (self.answered as f64) < self.asked as f64 * ANSWERED_MIN {
            let (answered, asked) = (self.answered, self.asked);
            return Some(format!("it gave {answered} of {asked} labels of its calibration again"));
        }
        let moved = |counts: &PairedCounts| counts.mcnemar().mid_p < TAIL;
        let PairedCounts { gained, lost, .. } = self.agreement;
        let which = if lost > gained && moved(&self.agreement) {
            format!("{lost} labels that agreed with people no longer do, {gained} now do")
        } else if moved(&self.mildness) {
            let PairedCounts { gained, lost, .. } = self.mildness;
            format!("{gained} answers that were bad to it are good now, {lost} the other way round")
        } else {
            return None;
        };
        let same = self.answered - self.agreement.gained - self.agreement.lost;
        Some(format!(
            "it no longer labels as when it was calibrated: {same} of {} labels are the same, \
             {which}; suspend the attestations that rest on it",
            self.answered
        ))
    }
}

/// Items by whether something held then, and now.
fn counts(labels: &[Relabelled], held: impl Fn(&Relabelled) -> (bool, bool)) -> PairedCounts {
    let count = |wanted: (bool, bool)| labels.iter().filter(|one| held(one) == wanted).count();
    PairedCounts {
        both: count((true, true)),
        gained: count((false, true)),
        lost: count((true, false)),
        neither: count((false, false)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// So many labels of each: people, then, now.
    fn labels(counts: &[(usize, (bool, bool, bool))]) -> Vec<Relabelled> {
        let each = |&(count, (human, then, now)): &(usize, (bool, bool, bool))| {
            vec![Relabelled { human, then, now }; count]
        };
        counts.iter().flat_map(each).collect()
    }

    const GOOD: (bool, bool, bool) = (true, true, true);
    const BAD: (bool, bool, bool) = (false, false, false);

    #[test]
    fn a_judge_has_moved_where_that_is_surely_no_chance() {
        for (more, told) in [
            (vec![], ""),
            (vec![(2, (true, true, false)), (2, (false, true, false))], ""),
            (vec![(5, (true, true, false))], ""),
            (vec![(6, (true, true, false))], "6 labels that agreed with people no longer do"),
            (vec![(4, (true, true, false)), (4, (false, false, true))], "8 labels that agreed"),
            // Its slips of then made good are no reason, but a milder judge is.
            (vec![(3, (true, false, true)), (3, (false, true, false))], ""),
            (
                vec![(5, (true, false, true)), (5, (false, false, true))],
                "10 answers that were bad to it are good now, 0 the other way round",
            ),
        ] {
            let mut all = vec![(20, GOOD), (20, BAD)];
            all.extend(more);
            let all = labels(&all);
            let drift = Drift::of(all.len(), 0, &all);
            let reason = drift.reason().unwrap_or_default();
            assert_eq!(reason.is_empty(), told.is_empty(), "{reason}");
            assert!(reason.contains(told), "{reason}");
        }
    }

    #[test]
    fn what_was_not_answered_is_no_proof_of_constancy() {
        let few = labels(&[(10, GOOD), (9, BAD)]);
        let told = |drift: Drift| drift.reason().unwrap_or_default();
        assert!(told(Drift::of(40, 0, &few)).contains("19 of 40"));
        assert_eq!(told(Drift::of(38, 0, &few)), "");
        assert!(told(Drift::of(0, 12, &[])).contains("in another way"));
        assert_eq!(told(Drift::of(0, 0, &[])), "");
    }
}
