//! The storm detector of one deployment: errors that look like the callers' fault but are the
//! provider's.
//!
//! When a provider's authentication or parser breaks, everybody is told that their key or request
//! is wrong. What gives it away: requests that were served before are refused now, for several
//! callers at once, or for all there are.

use std::{collections::HashMap, time::Duration};

use tieline_types::Class;

use crate::ring::{Ring, periods};

/// The classes that blame the caller, and so may be a storm. Size is not among them: a request
/// that is too large is too large whatever the provider's health.
const SUSPECT: [Class; 5] = [
    Class::Auth,
    Class::ClientInvalid,
    Class::UnsupportedHere,
    Class::PolicyBlock,
    Class::NotFound,
];

/// The window is 60 s, in slots of this width.
const SLOT: Duration = Duration::from_secs(5);
const SLOTS: usize = 12;
/// Faults in the window below which there is no storm.
const FAULTS_MIN: u64 = 5;
/// One in this many attempts must end with the class.
const SHARE: u64 = 5;
/// The callers it takes: one who sends nonsense proves nothing.
const CALLERS_MIN: usize = 3;
/// Faults it takes where fewer callers are hit, when nothing else comes back at all.
const FAULTS_ALONE_MIN: u64 = 10;
/// A feature served well this recently is served well normally.
const MEMORY: Duration = Duration::from_secs(24 * 3600);
/// The most features remembered; beyond it, the one served longest ago is forgotten.
const FEATURES_MAX: usize = 256;

/// Who sent a request, as hashes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Who {
    /// The feature.
    pub feature: u64,
    /// The caller.
    pub caller: u64,
}

/// The detector. All times are durations since one fixed start.
#[derive(Clone, Debug, Default)]
pub struct Storm {
    attempts: Ring<SLOTS>,
    kinds: [Kind; SUSPECT.len()],
    /// Features by their last success.
    served: HashMap<u64, Duration>,
}

impl Storm {
    /// An attempt answered well. Takes constant time, but for a feature not seen before.
    pub fn success(&mut self, now: Duration, who: Who) {
        self.other(now);
        for kind in &mut self.kinds {
            kind.served_since = true;
        }
        if let Some(last) = self.served.get_mut(&who.feature) {
            *last = now;
            return;
        }
        if self.served.len() >= FEATURES_MAX {
            let oldest = self.served.iter().min_by_key(|(feature, last)| (**last, **feature));
            if let Some(feature) = oldest.map(|(feature, _)| *feature) {
                self.served.remove(&feature);
            }
        }
        self.served.insert(who.feature, now);
    }

    /// An attempt ended with a fault of this class. Says whether the class is a storm now: then
    /// the fault is to be taken for the provider's, not the caller's.
    pub fn fault(&mut self, now: Duration, class: Class, who: Who) -> bool {
        let slice = self.slice(now);
        let before = self.attempts.sum(slice);
        self.attempts.add(slice, 1);
        let last = self.served.get(&who.feature);
        let known = last.is_some_and(|last| now.saturating_sub(*last) <= MEMORY);
        let kind = self.kinds.iter_mut().zip(SUSPECT).find(|(_, suspect)| *suspect == class);
        let Some((kind, _)) = kind else {
            return false;
        };
        let lasted = kind.rages(slice, before);
        kind.count(slice, who.caller, known);
        kind.served_since &= lasted;
        kind.raging = lasted || kind.is_storm(slice, before.saturating_add(1));
        kind.raging
    }

    /// An attempt ended in any other way that the provider had a part in.
    pub fn other(&mut self, now: Duration) {
        self.attempts.add(self.slice(now), 1);
    }

    /// The class that is a storm now; of several, the most frequent.
    #[must_use]
    pub fn rages(&self, now: Duration) -> Option<Class> {
        let slice = self.slice(now);
        let attempts = self.attempts.sum(slice);
        let raging = self.kinds.iter().zip(SUSPECT).filter(|(kind, _)| kind.rages(slice, attempts));
        raging.max_by_key(|(kind, _)| kind.faults.sum(slice)).map(|(_, class)| class)
    }

    /// The slice of `now`, or of the latest report where that is later.
    fn slice(&self, now: Duration) -> u64 {
        periods(now, SLOT).max(self.attempts.newest)
    }
}

/// What is known of one suspect class.
#[derive(Clone, Debug, Default)]
struct Kind {
    faults: Ring<SLOTS>,
    /// Those of the faults whose feature is served well normally.
    odd: Ring<SLOTS>,
    /// The callers of the latest odd faults. As many as it takes are enough: if so many were hit
    /// within the window, so were the latest ones.
    callers: [Seen; CALLERS_MIN],
    raging: bool,
    /// Whether anybody was served since it began.
    served_since: bool,
}

#[derive(Clone, Copy, Debug, Default)]
struct Seen {
    caller: u64,
    /// None while the place is free.
    slice: Option<u64>,
}

impl Kind {
    fn count(&mut self, slice: u64, caller: u64, known: bool) {
        self.faults.add(slice, 1);
        if !known {
            return;
        }
        self.odd.add(slice, 1);
        let seen = Seen { caller, slice: Some(slice) };
        if let Some(same) = self.callers.iter_mut().find(|one| one.caller == caller) {
            *same = seen;
        } else if let Some(oldest) = self.callers.iter_mut().min_by_key(|one| one.slice) {
            *oldest = seen;
        }
    }

    /// Whether the figures of the window alone make a storm.
    fn is_storm(&self, slice: u64, attempts: u64) -> bool {
        let odd = self.odd.sum(slice);
        let within = |seen: &Seen| seen.slice.is_some_and(|at| slice - at < SLOTS as u64);
        if self.callers.iter().all(within) {
            odd >= FAULTS_MIN && odd.saturating_mul(SHARE) >= attempts
        } else {
            odd >= FAULTS_ALONE_MIN && self.faults.sum(slice) == attempts
        }
    }

    /// Whether a storm that was raised goes on: until somebody was served and the figures have
    /// become normal, or until the class is gone from the window.
    fn rages(&self, slice: u64, attempts: u64) -> bool {
        self.raging
            && self.faults.sum(slice) > 0
            && (!self.served_since || self.is_storm(slice, attempts))
    }
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*};

    use super::*;

    const DAY: u64 = 24 * 3600;
    const NONSENSE: Class = Class::ClientInvalid;

    const fn s(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    const fn who(feature: u64, caller: u64) -> Who {
        Who { feature, caller }
    }

    /// A deployment that served feature 1 well at 0 s.
    fn served() -> Storm {
        let mut storm = Storm::default();
        storm.success(s(0), who(1, 99));
        storm
    }

    /// `faults` of one class for feature 1 in a row, by so many callers in turn.
    fn hit(storm: &mut Storm, now: Duration, class: Class, faults: u64, callers: u64) -> bool {
        (0..faults).fold(false, |_, n| storm.fault(now, class, who(1, n % callers)))
    }

    #[test]
    fn the_rule() {
        let case = |class, faults, callers, others: u32, at| {
            let mut storm = served();
            (0..others).for_each(|_| storm.other(s(at)));
            let said = hit(&mut storm, s(at), class, faults, callers);
            assert_eq!(storm.rages(s(at)), said.then_some(class));
            said
        };
        for class in SUSPECT {
            assert!(case(class, 5, 3, 0, 100), "{class}");
        }
        for class in Class::ALL.into_iter().filter(|class| !SUSPECT.contains(class)) {
            assert!(!case(class, 50, 50, 0, 100), "{class}");
        }
        for (faults, callers, others, at, expected, why) in [
            (4, 4, 0, 100, false, "too few"),
            (5, 3, 20, 100, true, "a fifth of all attempts"),
            (5, 3, 21, 100, false, "less than a fifth"),
            (5, 2, 0, 100, false, "too few callers"),
            (9, 2, 0, 100, false, "too few for so few callers"),
            (10, 1, 0, 100, true, "nothing else comes back"),
            (50, 2, 1, 100, false, "something else comes back"),
            (50, 1, 0, 20, false, "somebody was served within the window"),
            (50, 9, 0, DAY, true, "served within a day"),
            (50, 9, 0, DAY + 1, false, "served too long ago"),
        ] {
            assert_eq!(case(NONSENSE, faults, callers, others, at), expected, "{why}");
        }
        let mut storm = served();
        assert!((0..50).all(|n| !storm.fault(s(100), NONSENSE, who(2, n))), "never served");
    }

    #[test]
    fn a_storm_ends() {
        let mut storm = served();
        assert!(hit(&mut storm, s(100), Class::Auth, 6, 3));
        assert!(storm.fault(s(150), Class::Auth, who(2, 9)), "for a new feature as well");
        (0..100).for_each(|_| storm.other(s(150)));
        assert_eq!(storm.rages(s(150)), Some(Class::Auth), "nobody was served yet");
        storm.success(s(150), who(2, 9));
        assert_eq!(storm.rages(s(150)), None, "somebody was, and the share is low");
        assert!(!storm.fault(s(151), Class::Auth, who(1, 1)));

        let mut storm = served();
        assert!(hit(&mut storm, s(100), Class::Auth, 6, 3));
        storm.success(s(101), who(1, 9));
        assert_eq!(storm.rages(s(101)), Some(Class::Auth), "the figures are still those of one");
        assert_eq!(storm.rages(s(160)), None, "the window is empty");
        assert!(!hit(&mut storm, s(160), Class::Auth, 4, 4), "it starts anew");
    }

    #[test]
    fn the_feature_served_longest_ago_is_forgotten() {
        let mut storm = served();
        for n in 0..FEATURES_MAX as u64 {
            storm.success(s(1 + n), who(100 + n, 1));
        }
        assert_eq!(storm.served.len(), FEATURES_MAX);
        assert!(!hit(&mut storm, s(1000), NONSENSE, 50, 5));
        assert!((0..5).fold(false, |_, n| storm.fault(s(2000), NONSENSE, who(100, n))));
    }

    proptest! {
        /// Whatever one caller sends, and for however many features, others are served.
        #[test]
        fn one_caller_raises_no_storm_while_another_is_served(
            steps in vec((0u64..10_000, 0usize..5, 0u64..3), 1..200),
        ) {
            let (mut storm, mut now, mut last) = (Storm::default(), s(0), s(0));
            (0..3).for_each(|feature| storm.success(now, who(feature, 7)));
            for (gap, class, feature) in steps {
                now += Duration::from_millis(gap);
                if now - last > s(40) {
                    storm.success(now, who(feature, 7));
                    last = now;
                }
                prop_assert!(!storm.fault(now, SUSPECT[class], who(feature, 1)));
                prop_assert_eq!(storm.rages(now), None);
            }
        }
    }
}
