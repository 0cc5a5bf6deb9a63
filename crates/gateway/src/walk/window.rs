//! The time that attempts get, and what silence within it says.

use std::time::Duration;

use tieline_route::Step;
use tieline_types::{Class, Fault};
use tokio::time::Instant;

use super::Walk;
use crate::attempt::Window;

/// The time to the first content that a stream may take where its tier does not say.
const FIRST_CONTENT: Duration = Duration::from_secs(30);
/// The time to the head of a streamed answer where the tier says nothing of its first content.
/// Whole answers come with their head.
const HEADERS: Duration = Duration::from_secs(15);
/// An attempt is not begun with less time than this.
pub(crate) const WORTH_TRYING: Duration = Duration::from_millis(100);
/// Silence within less than this is our impatience, not the deployment's failure.
pub(crate) const FAIR_WINDOW: Duration = Duration::from_secs(1);
/// The same where the caller set a deadline of its own.
const FAIR_WINDOW_HURRIED: Duration = Duration::from_secs(5);

impl Walk {
    /// The time an attempt gets: half of what is left while another call could still answer, nine
    /// tenths before a tier that calls nobody, all of it otherwise. None when it is not worth
    /// beginning.
    pub(crate) fn window(&self, tier: usize, tier_began: Instant) -> Option<Window> {
        let later = self.later();
        let now = Instant::now();
        let config = self.call.feature.tiers.get(tier)?;
        let tier_end = config.deadline.map_or(self.call.deadline, |deadline| tier_began + deadline);
        let end = tier_end.min(self.call.deadline);
        let left = end.checked_duration_since(now).filter(|left| *left >= WORTH_TRYING)?;
        let whole = tier_end == self.call.deadline;
        let another = |step: &Step| match step {
            Step::Call { tier: other, .. } => whole || *other == tier,
            Step::Cache { .. } | Step::Queue { .. } | Step::Reply { .. } | Step::Off { .. } => {
                false
            }
        };
        let mut share = match later {
            [] => left,
            later if later.iter().any(another) => left / 2,
            _ if whole => left - left / 10,
            _ => left,
        };
        if self.call.head.stream {
            share = share.min(config.ttft.unwrap_or(FIRST_CONTENT));
        }
        let headers = if self.call.head.stream { config.ttft.unwrap_or(HEADERS) } else { share };
        Some(Window { headers: now + headers, first: now + share })
    }

    /// Whether a deployment was silent only for as long as we, or the caller, had to spare. That
    /// says nothing about its health.
    pub(super) fn had_no_fair_chance(&self, fault: &Fault, allowed: Duration) -> bool {
        let silent = fault.class == Class::Timeout && fault.status.is_none();
        let fair = if self.call.hurried { FAIR_WINDOW_HURRIED } else { FAIR_WINDOW };
        silent && allowed < fair
    }
}
