//! From round to round: what is believed, what is suspected, and what is found.

use super::{Baseline, Drift, Round};

/// What is known of one deployment.
#[derive(Clone, Debug, PartialEq)]
pub struct Watch {
    /// What tells what is asked of whom from all else.
    asked: String,
    baseline: Option<Baseline>,
    /// What the round before showed.
    suspected: Vec<Drift>,
}

/// What a round adds to it.
#[derive(Clone, Debug, PartialEq)]
pub enum Finding {
    /// Nothing: too little was answered.
    Silent,
    /// It is the baseline from now on, or part of it.
    Baseline,
    /// All is as it was.
    Steady,
    /// Something has changed, if the next round says so too.
    Suspected(Vec<Drift>),
    /// Something has changed: the round before said so too.
    Drifted(Vec<Drift>),
}

impl Watch {
    /// A deployment, by what tells it and the prompts that it is asked from all else, and what it
    /// was like before, as far as that is known of the same.
    #[must_use]
    pub fn new(asked: &str, baseline: Option<Baseline>) -> Self {
        let baseline = baseline.filter(|known| known.asked == asked);
        Self { asked: asked.to_owned(), baseline, suspected: Vec::new() }
    }

    /// What tells what is asked of whom from all else.
    #[must_use]
    pub fn asked(&self) -> &str {
        &self.asked
    }

    /// What it was like, once that is known.
    #[must_use]
    pub const fn baseline(&self) -> Option<&Baseline> {
        self.baseline.as_ref()
    }

    /// Forgets what it was like: it is accepted as it is now.
    pub fn accept(&mut self) {
        self.baseline = None;
        self.suspected.clear();
    }

    /// Takes in a round. What two rounds on end have in common has drifted; a round that says too
    /// little changes nothing.
    pub fn take(&mut self, round: &Round) -> Finding {
        if !round.tells() {
            return Finding::Silent;
        }
        let baseline = self.baseline.get_or_insert_with(|| Baseline::new(&self.asked));
        let found = if baseline.rounds == 0 { Vec::new() } else { baseline.drifts(round) };
        let before = std::mem::replace(&mut self.suspected, found.clone());
        if found.is_empty() {
            let open = baseline.is_open();
            if open {
                baseline.add(round);
            }
            return if open { Finding::Baseline } else { Finding::Steady };
        }
        let again = |drift: &&Drift| before.iter().any(|one| is_same(one, drift));
        let again: Vec<Drift> = found.iter().filter(again).cloned().collect();
        if again.is_empty() { Finding::Suspected(found) } else { Finding::Drifted(again) }
    }
}

/// Whether two rounds show the same change.
fn is_same(one: &Drift, other: &Drift) -> bool {
    match (one, other) {
        (Drift::Model { is: one, .. }, Drift::Model { is: other, .. }) => one == other,
        _ => one.as_str() == other.as_str(),
    }
}
