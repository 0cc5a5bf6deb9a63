//! What callers may ask of the features of a plan at a time.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use super::Live;
use crate::{Feature, Limiter, Plan};

/// By feature, of those that have limits.
pub(super) type Limiters = BTreeMap<Arc<str>, Arc<Limiter>>;

/// What counts the requests of a new plan's features: what was used stays used.
pub(super) fn carried(before: &Limiters, new: &Plan, now: Duration) -> Limiters {
    let limited = new.features.values().filter(|feature| feature.limits.is_any());
    let limiter = |feature: &Arc<Feature>| {
        let limiter = match before.get(&feature.name) {
            Some(known) => {
                known.configure(now, feature.limits);
                Arc::clone(known)
            }
            None => Arc::new(Limiter::new(feature.limits)),
        };
        (Arc::clone(&feature.name), limiter)
    };
    limited.map(limiter).collect()
}

impl Live {
    /// What counts the requests of a feature; none where it has no limits.
    #[must_use]
    pub fn limiter(&self, feature: &Feature) -> Option<&Arc<Limiter>> {
        if feature.limits.is_any() { self.limiters.get(&feature.name) } else { None }
    }
}
