//! Texts to vectors: calls of a model of embeddings, which has health and quota like any other.

mod alone;
mod background;
mod books;

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use rand::Rng as _;
use tieline_dialect::{
    dialect, read_embeddings_response, upstream_request_id, write_embeddings_request,
};
use tieline_route::{ATTEMPTS_PER_TIER_MAX, Demand, Feature, Similar, Who, Why};
use tieline_types::{Class, DialectId, Fault, Pass, Phase, Replay, Usage};
use tieline_upstream::{Answer, Outgoing, Parts, Route, Upstream, collect};
use tokio::time::{Instant, timeout_at};

use crate::{
    admit::Call,
    attempt::{ERROR_BYTES_MAX, observed},
    bill::Bill,
    cache::Vector,
    gateway::Gateway,
    held::Held,
    plan::ActivePlan,
    walk::{FAIR_WINDOW, WORTH_TRYING},
};

pub use alone::Embedded;
pub(crate) use background::{Embedder, Job};
pub(crate) use books::Books;

/// The most bytes of an answer: the vector of one text, written out.
const ANSWER_BYTES_MAX: usize = 1024 * 1024;
/// Bytes of a text per token, roughly.
const BYTES_PER_TOKEN: u64 = 4;

/// A text that is to become a vector, and who may do that.
pub(crate) struct Embedding {
    plan: Arc<ActivePlan>,
    feature: Arc<Feature>,
    who: Who,
    /// Those that may, in the order in which they are tried.
    passes: Vec<Pass>,
    /// The budgets that pay for it, by position in the plan.
    budgets: Vec<usize>,
    text: String,
}

/// How a vector is fetched.
pub(crate) struct Errand<'a> {
    pub(crate) gateway: &'a Arc<Gateway>,
    /// The connections to use.
    pub(crate) upstream: &'a Upstream,
    /// Headers to send besides the route's own.
    pub(crate) headers: HeaderMap,
    /// When it must be there.
    pub(crate) until: Instant,
}

impl Embedding {
    pub(crate) fn of(call: &Call, similar: &Similar, text: String) -> Self {
        Self {
            plan: Arc::clone(&call.plan),
            feature: Arc::clone(&call.feature),
            who: call.who,
            passes: similar.embeddings.iter().filter_map(|at| call.allowed(*at)).collect(),
            budgets: call.budgets.clone(),
            text,
        }
    }

    /// Asks one deployment after the other until one answers; each but the last gets half of the
    /// time that is left.
    pub(crate) async fn vector(
        &self,
        errand: &Errand<'_>,
        books: &mut Books<'_>,
    ) -> Option<Vector> {
        let count = self.passes.len().min(ATTEMPTS_PER_TIER_MAX);
        for (at, pass) in self.passes.iter().take(count).enumerate() {
            let left = errand.until.saturating_duration_since(Instant::now());
            if left < WORTH_TRYING {
                break;
            }
            let share = if at + 1 < count { left / 2 } else { left };
            if let Ok((vector, _)) = self.ask(*pass, errand, share, books).await {
                return Some(vector);
            }
        }
        None
    }

    /// Asks one deployment, if it takes requests now.
    async fn ask(
        &self,
        pass: Pass,
        errand: &Errand<'_>,
        allowed: Duration,
        books: &mut Books<'_>,
    ) -> Result<(Vector, Option<Usage>), Fault> {
        let (gateway, live) = (errand.gateway, &self.plan.live);
        let route = self.plan.route(pass).and_then(|route| route.embedding());
        let known = self.plan.plan.deployments.get(pass.deployment());
        let (Some(route), Some(known)) = (route, known) else {
            return Err(Fault::new(Class::UnsupportedHere, "this deployment makes no vectors"));
        };
        let bill = self.pay(gateway, pass.deployment()).ok_or_else(|| {
            Fault::new(Class::OverBudget, "no budget pays for the vector of this text")
        })?;
        let (now, draw) = (gateway.now(), gateway.rng().random());
        let lease = live.admit(pass, &self.feature, now, draw, self.demand(), false);
        let lease = lease.map_err(|(until, why)| shut(why, until.saturating_sub(now)))?;
        let mut held = Held::new(gateway, &self.plan, lease).paid_by(bill);
        books.begin(known, route.dialect, self.plan.tariff(pass.deployment()));
        let fetched = self.fetch(&route, errand, &held, books);
        let until = Instant::now() + allowed;
        match timeout_at(until, fetched).await.unwrap_or_else(|_| Err(silent())) {
            Ok((vector, usage)) => {
                held.served(self.who, None);
                held.completed();
                if let Some(usage) = &usage {
                    held.used(usage);
                }
                books.end(None);
                Ok((vector, usage))
            }
            Err(fault) => {
                // Silence within a moment says nothing of anybody.
                if fault.class != Class::Timeout || allowed >= FAIR_WINDOW {
                    held.failed(&fault);
                }
                if fault.replay == Replay::NotSent {
                    held.used(&Usage::default());
                }
                if fault.replay == Replay::Refused {
                    held.unpaid();
                }
                tracing::debug!(deployment = %known.id, class = %fault.class, "no embedding");
                books.end(Some(&fault));
                Err(fault)
            }
        }
    }

    async fn fetch(
        &self,
        route: &Route,
        errand: &Errand<'_>,
        held: &Held,
        books: &mut Books<'_>,
    ) -> Result<(Vector, Option<Usage>), Fault> {
        let body = Parts::from(write_embeddings_request(&route.target.model, &self.text));
        let outgoing = Outgoing { route, stream: false, headers: &errand.headers, body };
        let answer = errand.upstream.send(outgoing, errand.gateway.wall()).await?;
        held.learn(&observed(answer.headers()));
        let (status, request_id) = (answer.status(), upstream_request_id(answer.headers()));
        books.note(|attempt| {
            attempt.status = Some(status.as_u16());
            attempt.upstream_request_id = request_id;
        });
        let body = answered(answer).await?;
        let embedded = read_embeddings_response(&body)?;
        books.note(|attempt| {
            attempt.model_served = embedded.model;
            attempt.usage = embedded.usage;
        });
        let vector = Vector::normalised(embedded.vector).ok_or_else(|| {
            Fault::new(Class::BadPayload, "the provider's embedding has no direction")
        })?;
        Ok((vector, embedded.usage))
    }

    /// Reserves what the vector costs in the budgets that pay for it; none where they do not.
    fn pay(&self, gateway: &Arc<Gateway>, deployment: usize) -> Option<Option<Bill>> {
        if self.budgets.is_empty() {
            return Some(None);
        }
        let demand = (self.demand(), None);
        Bill::reserve(gateway, &self.plan, &self.budgets, deployment, demand).ok().map(Some)
    }

    fn demand(&self) -> Demand {
        Demand { input: self.text.len() as u64 / BYTES_PER_TOKEN, output: 0 }
    }
}

/// The body of a good answer, or the fault that another one tells. Errors are the same for all of
/// OpenAI's protocols.
async fn answered(answer: Answer) -> Result<Bytes, Fault> {
    let (head, body) = answer.into_parts();
    if head.status == StatusCode::OK {
        return collect(body, ANSWER_BYTES_MAX).await;
    }
    let body = collect(body, ERROR_BYTES_MAX).await.unwrap_or_default();
    let openai = dialect(DialectId::OpenaiChat);
    Err(openai.read_error(head.status.as_u16(), &head.headers, &body).at(Phase::Headers))
}

/// It takes nothing for a while.
fn shut(why: Why, wait: Duration) -> Fault {
    let message = format!("the deployment takes no requests now: {}", why.as_str());
    Fault { retry_after: Some(wait), ..Fault::new(Class::Exhausted, message) }
}

fn silent() -> Fault {
    Fault::new(Class::Timeout, "no embedding came in the time allowed").at(Phase::Headers)
}
