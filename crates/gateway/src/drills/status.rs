//! Drills for people: what they do, what came of them, and how they ended.

use serde::Serialize;
use tieline_route::State;

use super::{
    BreakerState, DrillScope, DrillTally, InjectedFault,
    drill::{Drill, DrillEnded},
};
use crate::gateway::Gateway;

/// All drills that a gateway knows of.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DrillsStatus {
    /// The one that was begun last, running or over; none since the start.
    pub drill: Option<DrillStatus>,
    /// Those that tokens make, while they hold.
    pub tokens: Vec<TokenStatus>,
}

/// A drill that somebody began.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DrillStatus {
    /// Its name.
    pub name: String,
    /// `running` or `ended`.
    pub state: &'static str,
    /// The step of its ramp, from 1; the last one while there is none.
    pub step: usize,
    /// How many steps there are.
    pub steps: usize,
    /// The share of the conversations that it takes now, percent; 0 when it is over.
    pub percent: f64,
    /// When it began, milliseconds since the Unix epoch.
    pub began_ms: u64,
    /// When its time is over, milliseconds since the Unix epoch.
    pub until_ms: u64,
    /// How it ended; none while it runs.
    pub ended: Option<DrillEnded>,
    /// What it injects.
    pub faults: Vec<InjectedFault>,
    /// Into which requests.
    pub scope: DrillScope,
    /// Whether breakers learn of it.
    pub breaker_state: BreakerState,
    /// The deployments whose breakers its requests found reason to open, with their state; none
    /// where it shares those of all requests.
    pub breakers: Vec<DrillBreaker>,
    /// What came of it.
    pub tally: DrillTally,
}

/// A breaker that is not closed for the requests of a drill.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DrillBreaker {
    /// The deployment.
    pub deployment: String,
    /// `open`, `half-open` or `ramping`.
    pub state: &'static str,
}

/// What the tokens of one name made.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TokenStatus {
    /// The drill's name.
    pub name: String,
    /// The deployments whose breakers its requests found reason to open.
    pub breakers: Vec<DrillBreaker>,
    /// What came of it.
    pub tally: DrillTally,
}

impl Drill {
    fn breakers(&self, gateway: &Gateway) -> Vec<DrillBreaker> {
        let Some((plan, live)) = self.learnt() else {
            return Vec::new();
        };
        let now = gateway.now();
        let open = plan.plan.deployments.iter().enumerate().filter_map(|(at, one)| {
            let state = match live.show(at, now)?.state {
                State::Closed => return None,
                State::Ramping(_) => "ramping",
                State::Open(..) => "open",
                State::HalfOpen(_) => "half-open",
            };
            Some(DrillBreaker { deployment: one.id.to_string(), state })
        });
        open.collect()
    }

    pub(super) fn status(&self, gateway: &Gateway) -> Option<DrillStatus> {
        let asked = &self.asked.as_ref()?.asked;
        let now = gateway.now();
        let over = self.is_over(now);
        let (step, percent) = self.share(now);
        let left = self.until().saturating_sub(now);
        let left_ms = u64::try_from(left.as_millis()).unwrap_or(u64::MAX);
        let ended = self.ended();
        let ended_ms = ended.as_ref().map(|ended| ended.at_ms);
        Some(DrillStatus {
            name: self.name.to_string(),
            state: if over { "ended" } else { "running" },
            step: step + 1,
            steps: asked.steps().0.len(),
            percent: if over { 0.0 } else { percent },
            began_ms: self.began_ms,
            until_ms: ended_ms.unwrap_or_else(|| gateway.unix_ms().saturating_add(left_ms)),
            ended,
            faults: asked.faults.clone(),
            scope: asked.scope.clone(),
            breaker_state: asked.breaker_state,
            breakers: self.breakers(gateway),
            tally: self.tally(),
        })
    }

    pub(super) fn token_status(&self, gateway: &Gateway) -> TokenStatus {
        let (name, breakers, tally) = (self.name.to_string(), self.breakers(gateway), self.tally());
        TokenStatus { name, breakers, tally }
    }
}
