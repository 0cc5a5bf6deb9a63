//! Decisions without a gateway that runs: what explains and measures them, by the code that decides
//! for requests.

use std::{sync::Arc, time::Duration};

use rand::{SeedableRng as _, rngs::SmallRng};
use tieline_config::Config;
use tieline_policy::{Asked, Caller, Matrix};
use tieline_route::{Ask, Decision, Demand, Feature, Live, Plan, decide};
use tieline_types::{DecisionRecord, Eligible, Modalities};

use crate::{
    GatewayError,
    decision::Decisions,
    eligibility, plan,
    prices::Prices,
    slos::stated_slos,
    standing::{Evidence, Standings},
};

/// A request to decide.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    /// The feature.
    pub feature: &'a str,
    /// Who calls.
    pub caller: Caller<'a>,
    /// What the client says of the request, `key=value` each.
    pub tags: &'a [String],
    /// What it carries beside text.
    pub modalities: Modalities,
    /// The tokens of its prompt.
    pub input_tokens: u64,
    /// When, milliseconds since the Unix epoch.
    pub at_ms: u64,
}

impl<'a> Question<'a> {
    /// Whose budget pays: callers have theirs by name.
    fn payer(&self) -> &'a str {
        self.caller.name.unwrap_or(self.caller.id)
    }

    /// What policies may look at.
    pub(crate) const fn asked(&self) -> Asked<'a> {
        Asked { caller: self.caller, tags: self.tags, modalities: self.modalities }
    }
}

/// What a gateway decides that has just started, with everything well.
pub struct Decider {
    pub(crate) plan: Plan,
    pub(crate) matrix: Matrix,
    pub(crate) standings: Standings,
    live: Live,
    decisions: Decisions,
}

impl std::fmt::Debug for Decider {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Decider").field("plan", &self.plan).finish_non_exhaustive()
    }
}

impl Decider {
    /// Compiles a configuration, with what is known of suites and releases, as of `at_ms`,
    /// milliseconds since the Unix epoch.
    ///
    /// # Errors
    /// Every mistake in the policies, in the user's own prices and in keys of attestations.
    pub fn new(config: &Config, evidence: Evidence, at_ms: u64) -> Result<Self, GatewayError> {
        let matrix = eligibility::matrix(config, at_ms)?;
        let standings = Standings::at(config, evidence, &matrix, at_ms)?;
        // Rules about objectives are to be good here too.
        stated_slos(config)?;
        let plan = plan::compile(config, &Prices::at(config, at_ms)?, &standings);
        let decisions = Decisions::of(config, &standings.evidence.burning);
        let live = Live::new(&plan);
        Ok(Self { plan, matrix, standings, live, decisions })
    }

    /// Decides a request, and writes the decision down; none where there is no such feature.
    #[must_use]
    pub fn decide(&self, question: Question<'_>) -> Option<Arc<DecisionRecord>> {
        let feature = self.plan.features.get(question.feature)?;
        let ruling = self.matrix.allowed(&feature.name, question.asked(), question.at_ms);
        let decision = self.among(feature, &ruling.eligible, question);
        Some(self.decisions.record(&self.plan, feature, &ruling, &decision))
    }

    /// Decides a request that may go to these deployments.
    pub(crate) fn among(
        &self,
        feature: &Feature,
        eligible: &Eligible,
        question: Question<'_>,
    ) -> Decision {
        let ask = Ask {
            demand: Demand { input: question.input_tokens, output: 0 },
            budgeted: !self.plan.paying(feature, question.payer()).is_empty(),
            ..Ask::default()
        };
        let mut rng = SmallRng::seed_from_u64(0);
        decide(feature, eligible, &self.live, Duration::ZERO, ask, &mut rng)
    }
}
